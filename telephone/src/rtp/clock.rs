//! Slots: when a packet is due, and what happens where the clock was late.

use std::time::{Duration, Instant};

/// So many packets more than the one that is due are sent at once where the clock was late: a burst that any jitter buffer takes.
const CATCH_UP: u32 = 2;
/// The shortest packet: phases are spread over the usual one of 20 ms.
const SPREAD: Duration = Duration::from_millis(20);

/// Slots of one length.
#[derive(Debug)]
pub(super) struct Slots {
    next: Instant,
    length: Duration,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// Packets to send now.
    pub(super) packets: u32,
    /// Slots before them that are given up.
    pub(super) skipped: u32,
    /// How late the first of the slots is.
    pub(super) late: Duration,
    /// How late the last of them is.
    pub(super) last_late: Duration,
}

impl Due {
    /// How many of the packets are later than this, which is less than a slot.
    pub(super) fn later_than(&self, limit: Duration) -> u32 {
        self.packets - 1 + u32::from(self.last_late > limit)
    }
}

/// Where in 20 ms the slots of a call lie: calls that follow each other are far apart (multiples of the golden ratio, modulo 1), so that
/// they do not all become due at the same moment.
pub(super) fn phase(call: u32) -> Duration {
    SPREAD.mul_f64((f64::from(call) * 0.618_033_988_749_895).fract())
}

impl Slots {
    /// Slots of that length, counted from `epoch` with this phase; the first is the next one after `now`.
    pub(super) fn new(epoch: Instant, phase: Duration, length: Duration, now: Instant) -> Self {
        let first = epoch + phase;
        let passed = now.saturating_duration_since(first).as_nanos() / length.as_nanos() + 1;
        Self { next: first + length * u32::try_from(passed).unwrap_or(u32::MAX), length }
    }

    /// When the next one is due.
    pub(super) const fn next(&self) -> Instant {
        self.next
    }

    /// How long one is.
    pub(super) const fn length(&self) -> Duration {
        self.length
    }

    /// What is due at `now`; `None` where nothing is.
    pub(super) fn due(&mut self, now: Instant) -> Option<Due> {
        let late = now.checked_duration_since(self.next)?;
        let missed = u32::try_from(late.as_nanos() / self.length.as_nanos()).unwrap_or(u32::MAX - 1);
        self.next += self.length * (missed + 1);
        let caught = missed.min(CATCH_UP);
        Some(Due {
            packets: caught + 1,
            skipped: missed - caught,
            late,
            last_late: late - self.length * missed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_late_clock_catches_up_a_little_and_gives_up_the_rest() {
        let epoch = Instant::now();
        let mut slots = Slots::new(epoch, 3 * MS, 20 * MS, epoch + 100 * MS);
        assert_eq!(slots.next(), epoch + 103 * MS);
        assert_eq!(slots.due(epoch + 102 * MS), None);
        assert_eq!(
            slots.due(epoch + 104 * MS),
            Some(Due { packets: 1, skipped: 0, late: MS, last_late: MS })
        );
        assert_eq!(
            slots.due(epoch + 144 * MS),
            Some(Due { packets: 2, skipped: 0, late: 21 * MS, last_late: MS })
        );
        let due = slots.due(epoch + 370 * MS).unwrap();
        assert_eq!(due, Due { packets: 3, skipped: 8, late: 207 * MS, last_late: 7 * MS });
        assert_eq!((due.later_than(5 * MS), due.later_than(10 * MS)), (3, 2));
        assert_eq!(slots.next(), epoch + 383 * MS);
    }

    #[test]
    fn the_phases_of_thirty_calls_are_spread() {
        let mut phases: Vec<Duration> = (0..30).map(phase).collect();
        phases.sort();
        assert!(phases.windows(2).all(|pair| pair[1] - pair[0] > Duration::from_micros(250)), "{phases:?}");
    }
}
