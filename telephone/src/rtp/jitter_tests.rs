use proptest::prelude::*;

use super::super::sequence::Arrival;
use super::*;

const PACKET: Ticks = 160;

/// A sender of one packet for every 20 ms whose packets arrive as a test says, and what is played of them.
struct Run {
    buffer: JitterBuffer,
    sequence: Option<Sequence>,
    /// Numbers of the packets that were played, in order.
    played: Vec<u8>,
    lost: Ticks,
    paused: Ticks,
    stretched: Ticks,
    late: usize,
    /// Ticks that were taken for the frames after the last one.
    ready: Ticks,
}

impl Run {
    /// `arrivals`: when each packet comes (in ms after it was sent), or never. Packet `n` is sent at 20 n ms. `quiet`: whether the delay may change.
    fn new(arrivals: &[Option<u32>], quiet: bool) -> Self {
        let mut run = Self {
            buffer: JitterBuffer::default(),
            sequence: None,
            played: Vec::new(),
            lost: 0,
            paused: 0,
            stretched: 0,
            late: 0,
            ready: 0,
        };
        let mut coming: Vec<(Ticks, usize)> = arrivals
            .iter()
            .enumerate()
            .filter_map(|(at, after)| Some((at as Ticks * PACKET + Ticks::from((*after)?) * MILLISECOND, at)))
            .collect();
        coming.sort_unstable();
        let mut coming = coming.into_iter().peekable();
        for frame in 0..arrivals.len() as Ticks + 30 {
            // Clocks of sender and receiver are not in step.
            let now = frame * PACKET + 55;
            while let Some((at, number)) = coming.next_if(|(at, _)| *at <= now) {
                run.put(at, number);
            }
            run.frame(now, quiet);
        }
        run
    }

    fn put(&mut self, at: Ticks, number: usize) {
        let counted = match &mut self.sequence {
            Some(sequence) => sequence.take(number as u16),
            None => {
                self.sequence = Some(Sequence::starting(number as u16));
                Arrival::New(number as i64)
            }
        };
        let Arrival::New(counted) = counted else { return };
        let carried = Carried::Sound(0, vec![number as u8; PACKET as usize]);
        if self.buffer.put(at, 7_000 + number as Ticks * PACKET, counted, carried) == Put::Late {
            self.late += 1;
        }
    }

    fn frame(&mut self, now: Ticks, quiet: bool) {
        self.buffer.begin(now, self.ready, quiet);
        while self.ready < PACKET {
            let wanted = PACKET - self.ready;
            self.ready += match self.buffer.next(wanted, self.sequence.as_ref()) {
                Next::Sound { bytes, skip, .. } => {
                    if skip < PACKET {
                        self.played.push(bytes[0]);
                    }
                    PACKET - skip
                }
                Next::Noise(_) => 0,
                Next::Pause(ticks) => {
                    self.paused += ticks;
                    ticks
                }
                Next::Lost(ticks) => {
                    self.lost += ticks;
                    ticks
                }
                Next::Stretched(ticks) => {
                    self.stretched += ticks;
                    ticks
                }
            };
        }
        self.ready -= PACKET;
    }
}

#[test]
fn packets_that_come_in_time_are_all_played_in_order() {
    let run = Run::new(&[Some(30); 200], false);
    assert_eq!(run.played, (0..200).collect::<Vec<u8>>());
    assert_eq!(run.late, 0);
}

#[test]
fn reordered_packets_are_put_right_and_missing_ones_are_lost() {
    let mut arrivals = vec![Some(20); 100];
    arrivals[40] = Some(55);
    arrivals[60] = None;
    let run = Run::new(&arrivals, false);
    let expected: Vec<u8> = (0..100).filter(|number| *number != 60).collect();
    assert_eq!(run.played, expected);
    // 200 ms more at the end, where nothing comes any more.
    assert!((PACKET + STARVED..PACKET + STARVED + 2 * PACKET).contains(&run.lost), "{}", run.lost);
}

#[test]
fn the_delay_grows_with_the_jitter_and_shrinks_again() {
    let calm: Vec<Option<u32>> = vec![Some(10); 300];
    let rough: Vec<Option<u32>> = (0..600).map(|at| Some(10 + at * 37 % 60)).collect();
    let run = Run::new(&calm, true);
    assert_eq!(run.buffer.margin_ms(), 20);
    let run = Run::new(&rough, true);
    let margin = run.buffer.margin_ms();
    assert!((50..=70).contains(&margin), "uniform over 60 ms deviates by 15 ms: {margin}");
    // Once it has grown, nothing is late.
    let recent = &run.played[run.played.len() - 300..];
    assert!(recent.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)), "{recent:?}");
    let both: Vec<Option<u32>> = rough.iter().chain(&calm).chain(&calm).copied().collect();
    assert_eq!(Run::new(&both, true).buffer.margin_ms(), 20);
}

#[test]
fn a_way_that_becomes_longer_is_followed() {
    // A third of a second longer: more than the margin will ever be.
    let arrivals: Vec<Option<u32>> = (0..300).map(|at| Some(if at < 150 { 20 } else { 320 })).collect();
    let run = Run::new(&arrivals, false);
    assert!(run.played.len() >= 290, "{}", run.played.len());
    assert!(run.played.ends_with(&(200..=255).chain(0..44).collect::<Vec<u8>>()));
}

#[test]
fn a_pause_of_the_sender_is_not_a_loss() {
    let mut buffer = JitterBuffer::default();
    let mut sequence = Sequence::starting(0);
    let sound = || Carried::Sound(0, vec![1; PACKET as usize]);
    for number in 0..10 {
        if number > 0 {
            sequence.take(number);
        }
        buffer.put(Ticks::from(number) * PACKET, Ticks::from(number) * PACKET, number.into(), sound());
    }
    sequence.take(10);
    buffer.put(10 * PACKET, 10 * PACKET, 10, Carried::Noise(Some(60)));
    let (mut heard, mut ready) = (Vec::new(), 0);
    for frame in 5..60 {
        let now = frame * PACKET;
        if frame >= 50 {
            let number = frame - 39;
            sequence.take(number as u16);
            buffer.put(now, now, number, sound());
        }
        buffer.begin(now, ready, false);
        while ready < PACKET {
            let next = buffer.next(PACKET - ready, Some(&sequence));
            ready += match &next {
                Next::Sound { skip, .. } => PACKET - skip,
                Next::Noise(_) => 0,
                Next::Pause(ticks) | Next::Lost(ticks) | Next::Stretched(ticks) => *ticks,
            };
            heard.push(next);
        }
        ready -= PACKET;
    }
    assert!(heard.contains(&Next::Noise(Some(60))));
    assert!(!heard.iter().any(|next| matches!(next, Next::Lost(_))), "{heard:?}");
    assert_eq!(heard.iter().filter(|next| matches!(next, Next::Sound { .. })).count(), 19);
}

proptest! {
    /// Whatever is lost or late, what is played is in order and there is a frame for every slot (or the loop above would not end).
    #[test]
    fn order_is_kept_under_any_loss_and_delay(
        arrivals in proptest::collection::vec(proptest::option::weighted(0.9, 0_u32..400), 1..200),
        quiet in any::<bool>(),
    ) {
        let run = Run::new(&arrivals, quiet);
        prop_assert!(run.played.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", run.played);
        let sent = arrivals.iter().flatten().count();
        prop_assert!(run.played.len() + run.late <= sent);
        let slots = (arrivals.len() as Ticks + 30) * PACKET;
        prop_assert!(run.lost + run.paused + run.stretched <= slots);
    }

    /// Packets with any time stamp at any moment: nothing panics and what waits stays bounded.
    #[test]
    fn it_stays_bounded_whatever_comes(
        packets in proptest::collection::vec((0_i64..100_000, -200_000_i64..200_000, 0_i64..500, 0_usize..300), 0..300),
    ) {
        let mut buffer = JitterBuffer::default();
        let mut now = 0;
        for (after, stamp, sequence, length) in packets {
            now += after % 400;
            buffer.put(now, stamp, sequence, Carried::Sound(0, vec![0; length.max(1)]));
            buffer.begin(now, after % 160, after % 2 == 0);
            buffer.next(PACKET, None);
            prop_assert!(buffer.packets.len() <= PACKETS);
        }
    }
}
