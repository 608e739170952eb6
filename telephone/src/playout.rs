//! What waits to be played to a caller. A pure queue: whoever owns the clock takes a frame from it for every slot.

use std::collections::VecDeque;

use crate::leg::Rate;

/// Sound that waits to be played and the cues between it. `M` is what a cue carries: the number of a mark for most carriers.
#[derive(Debug)]
pub struct Playout<M = u64> {
    rate: Rate,
    waiting: VecDeque<i16>,
    /// Cues and where they stand, in samples since the beginning; ascending.
    cues: VecDeque<(u64, M)>,
    /// Samples of sound (not of silence) that have been taken since the beginning.
    taken: u64,
    /// `taken` when the last cue was reached, or everything was thrown away.
    since: u64,
}

/// What [`Playout::flush`] threw away.
#[derive(Debug, PartialEq, Eq)]
pub struct Flushed<M = u64> {
    /// Milliseconds that had been played of the sound after the last cue that was reached, or after the last flush, or from the beginning.
    pub played_ms: u64,
    /// Cues that had not been reached, in order.
    pub cues: Vec<M>,
}

impl<M> Playout<M> {
    /// Milliseconds from which [`Self::is_full`]: a carrier then leaves what the hotline sends in its channel. It is far more than a
    /// hotline that wants to be interrupted may send ahead, because a flush waits behind what is left in the channel.
    pub const FULL_MS: u64 = 10_000;

    /// An empty one for sound at that rate.
    pub const fn new(rate: Rate) -> Self {
        Self { rate, waiting: VecDeque::new(), cues: VecDeque::new(), taken: 0, since: 0 }
    }

    /// Samples per second of what goes in and comes out.
    pub const fn rate(&self) -> Rate {
        self.rate
    }

    /// Puts sound behind what waits.
    pub fn push(&mut self, sound: &[i16]) {
        self.waiting.extend(sound);
    }

    /// Puts a cue behind what waits. It is reached with the frame that has the last sample before it, and with the next one where nothing waits.
    pub fn mark(&mut self, cue: M) {
        self.cues.push_back((self.taken + self.waiting.len() as u64, cue));
    }

    /// Throws away what waits.
    pub fn flush(&mut self) -> Flushed<M> {
        let played_ms = self.milliseconds(self.taken - self.since);
        self.since = self.taken;
        self.waiting.clear();
        Flushed { played_ms, cues: self.cues.drain(..).map(|(_, cue)| cue).collect() }
    }

    /// Fills a frame with what is next, and with silence where there is no more; says which cues were reached. They count as played when
    /// their frame is taken: what the network and the caller's telephone still hold is not known here.
    pub fn next_frame(&mut self, frame: &mut [i16]) -> Vec<M> {
        let sound = frame.len().min(self.waiting.len());
        for (slot, sample) in frame.iter_mut().zip(self.waiting.drain(..sound)) {
            *slot = sample;
        }
        frame[sound..].fill(0);
        self.taken += sound as u64;
        let mut reached = Vec::new();
        while self.cues.front().is_some_and(|(at, _)| *at <= self.taken)
            && let Some((at, cue)) = self.cues.pop_front()
        {
            self.since = at;
            reached.push(cue);
        }
        reached
    }

    /// Whether no sound and no cue waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.cues.is_empty()
    }

    /// Milliseconds of sound that wait.
    pub fn waiting_ms(&self) -> u64 {
        self.milliseconds(self.waiting.len() as u64)
    }

    /// Whether a carrier should take no more sound for now: [`Self::FULL_MS`] of it wait, or so many cues that something is wrong.
    pub fn is_full(&self) -> bool {
        self.waiting_ms() >= Self::FULL_MS || self.cues.len() >= 1_024
    }

    fn milliseconds(&self, samples: u64) -> u64 {
        samples * 1_000 / u64::from(self.rate.hertz())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sound_comes_out_in_frames_and_then_silence() {
        let mut playout = Playout::<u64>::new(Rate::Narrow);
        playout.push(&[1; 100]);
        playout.push(&[2; 100]);
        let mut frame = [9; 160];
        assert!(playout.next_frame(&mut frame).is_empty());
        assert_eq!((frame[99], frame[100], frame[159]), (1, 2, 2));
        playout.next_frame(&mut frame);
        assert_eq!((frame[39], frame[40], frame[159]), (2, 0, 0));
        assert!(playout.is_empty());
    }

    #[test]
    fn a_mark_is_reached_with_the_last_sample_before_it() {
        let mut playout = Playout::new(Rate::Narrow);
        let mut frame = [0; 160];
        playout.mark(1);
        playout.push(&[1; 320]);
        playout.mark(2);
        playout.push(&[1; 1]);
        playout.mark(3);
        assert_eq!(playout.next_frame(&mut frame), [1]);
        assert_eq!(playout.next_frame(&mut frame), [2]);
        assert_eq!(playout.next_frame(&mut frame), [3]);
        assert!(playout.next_frame(&mut frame).is_empty());
    }

    #[test]
    fn a_flush_says_how_much_was_heard_since_the_last_mark() {
        let mut playout = Playout::new(Rate::Wide);
        let mut frame = [0; 320];
        playout.push(&[1; 320]);
        playout.mark(7);
        playout.push(&[1; 3_200]);
        playout.mark(8);
        for _ in 0..4 {
            playout.next_frame(&mut frame);
        }
        assert_eq!(playout.flush(), Flushed { played_ms: 60, cues: vec![8] });
        playout.next_frame(&mut frame);
        assert_eq!(frame, [0; 320], "nothing of it is played afterwards");
        playout.push(&[1; 640]);
        playout.next_frame(&mut frame);
        assert_eq!(playout.flush().played_ms, 20, "silence between does not count");
    }

    proptest! {
        #[test]
        fn every_sample_comes_out_once_and_marks_in_order(
            pieces in proptest::collection::vec(0_usize..700, 0..30),
            length in 1_usize..500,
        ) {
            let mut playout = Playout::new(Rate::Narrow);
            let mut expected = Vec::new();
            for (number, piece) in pieces.iter().enumerate() {
                let sound: Vec<i16> = (0..*piece).map(|at| ((expected.len() + at) as u16).cast_signed() | 1).collect();
                playout.push(&sound);
                expected.extend(sound);
                playout.mark(number as u64);
            }
            let (mut heard, mut marks) = (Vec::new(), Vec::new());
            while !playout.is_empty() {
                let mut frame = vec![0; length];
                marks.extend(playout.next_frame(&mut frame));
                heard.extend(frame);
            }
            prop_assert!(heard[expected.len()..].iter().all(|sample| *sample == 0));
            heard.truncate(expected.len());
            prop_assert_eq!(heard, expected);
            prop_assert_eq!(marks, (0..pieces.len() as u64).collect::<Vec<_>>());
        }
    }
}
