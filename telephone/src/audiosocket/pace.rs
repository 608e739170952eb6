//! The clock of a sender that must send in real time.

use std::time::Duration;

use tokio::time::Instant;

/// Who is later than this has slept, not been slow: the slots that were missed are given up.
const GIVEN_UP: Duration = Duration::from_millis(200);

/// When the next frame is to be sent. After a delay frames follow each other in pairs, half a frame's time after each other, until they are in
/// their slots again: that keeps up with a machine whose timers are late, and is never a burst.
#[derive(Debug)]
pub(super) struct Pace {
    slot: Instant,
    earliest: Instant,
    /// The last frame was the first of a pair.
    paired: bool,
}

impl Pace {
    /// The first frame is due at once.
    pub(super) const fn new(now: Instant) -> Self {
        Self { slot: now, earliest: now, paired: false }
    }

    /// When the next frame is due.
    pub(super) fn due(&self) -> Instant {
        self.slot.max(self.earliest)
    }

    /// A frame of this length was sent.
    pub(super) fn sent(&mut self, now: Instant, length: Duration) {
        self.slot += length;
        if now.saturating_duration_since(self.slot) > GIVEN_UP {
            self.slot = now + length;
        }
        self.paired = self.slot <= now && !self.paired;
        self.earliest = if self.paired { now } else { now + length / 2 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn frames_keep_their_slots_though_each_is_sent_a_little_late() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        for number in 0..1_000 {
            assert_eq!(pace.due(), start + FRAME * number);
            pace.sent(pace.due() + Duration::from_millis(3), FRAME);
        }
    }

    #[tokio::test]
    async fn timers_that_are_always_late_do_not_slow_the_sound() {
        let start = Instant::now();
        for late in [5, 15, 25] {
            let mut pace = Pace::new(start);
            let mut now = start;
            for _ in 0..1_000 {
                now = now.max(pace.due() + Duration::from_millis(late));
                pace.sent(now, FRAME);
                while pace.due() <= now {
                    pace.sent(now, FRAME);
                }
            }
            let sent = (pace.slot - start).as_millis() / 20;
            assert!(
                sent >= 1_000 && (now - pace.slot.min(now)) < FRAME * 6,
                "{late} ms late: {:?} behind",
                now - pace.slot
            );
        }
    }

    #[tokio::test]
    async fn a_delay_is_caught_up_gently_and_a_long_one_is_given_up() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        pace.sent(start, FRAME);
        let mut times = vec![start + Duration::from_millis(120)];
        loop {
            let now = *times.last().unwrap();
            pace.sent(now, FRAME);
            if pace.due() - now >= FRAME {
                break;
            }
            times.push(pace.due());
        }
        assert!(times.windows(3).all(|three| three[2] - three[0] >= FRAME / 2), "a burst: {times:?}");
        assert!((5..=12).contains(&times.len()), "{}", times.len());
        let late = *times.last().unwrap() + Duration::from_secs(3);
        pace.sent(late, FRAME);
        assert_eq!(pace.due(), late + FRAME);
    }
}
