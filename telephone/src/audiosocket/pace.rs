//! The clock of a sender that must send in real time.

use std::time::Duration;

use tokio::time::Instant;

/// Who is later than this has slept, not been slow: the slots that were missed are given up.
const GIVEN_UP: Duration = Duration::from_millis(200);

/// When the next frame is to be sent. After a delay frames follow each other at twice the speed until they are in their slots again; there
/// is never a burst.
#[derive(Debug)]
pub(super) struct Pace {
    every: Duration,
    slot: Instant,
    earliest: Instant,
}

impl Pace {
    /// The first frame is due at once.
    pub(super) const fn new(now: Instant, every: Duration) -> Self {
        Self { every, slot: now, earliest: now }
    }

    /// When the next frame is due.
    pub(super) fn due(&self) -> Instant {
        self.slot.max(self.earliest)
    }

    /// A frame of this length was sent.
    pub(super) fn sent(&mut self, now: Instant, length: Duration) {
        self.every = length;
        self.slot += length;
        if now.saturating_duration_since(self.slot) > GIVEN_UP {
            self.slot = now + length;
        }
        self.earliest = now + length / 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn frames_keep_their_slots_though_each_is_sent_a_little_late() {
        let start = Instant::now();
        let mut pace = Pace::new(start, FRAME);
        for number in 0..1_000 {
            assert_eq!(pace.due(), start + FRAME * number);
            pace.sent(pace.due() + Duration::from_millis(3), FRAME);
        }
    }

    #[tokio::test]
    async fn a_delay_is_caught_up_gently_and_a_long_one_is_given_up() {
        let start = Instant::now();
        let mut pace = Pace::new(start, FRAME);
        pace.sent(start, FRAME);
        let mut now = start + Duration::from_millis(120);
        let mut frames = 0;
        loop {
            pace.sent(now, FRAME);
            frames += 1;
            let next = pace.due();
            assert!(next - now >= FRAME / 2, "a burst");
            if next - now == FRAME {
                break;
            }
            now = next;
        }
        assert!((8..=12).contains(&frames), "{frames}");
        let late = now + Duration::from_secs(3);
        pace.sent(late, FRAME);
        assert_eq!(pace.due(), late + FRAME);
    }
}
