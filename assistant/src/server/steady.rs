//! A wall clock that never runs backwards while the process lives.
//!
//! Deadlines (offers, conversations set aside, sessions, lockouts) are moments of the wall clock, since they outlive the process. Where that clock is set
//! back by an hour, an offer of half a minute would last for an hour and half a minute. So what was told once is never taken back: after a step
//! back time goes on at half its pace until the wall clock has caught up, as `adjtime` slews a clock (deadlines then come late by their own length at most),
//! and a step forward is followed at once.

use std::time::Instant;

use conversation::{Clock, SystemClock, Timestamp};
use parking_lot::Mutex;

/// See the module.
#[derive(Debug)]
pub(super) struct SteadyClock(Mutex<Reading>);

impl SteadyClock {
    /// Begins with the machine's time.
    pub(super) fn new() -> Self {
        Self(Mutex::new(Reading { wall: SystemClock.now(), at: Instant::now() }))
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> Timestamp {
        // The wall clock is read under the lock: an older reading must not come after a newer one.
        let mut reading = self.0.lock();
        reading.read(SystemClock.now(), Instant::now())
    }
}

/// The last moment at which the wall clock was believed.
#[derive(Debug)]
struct Reading {
    wall: Timestamp,
    at: Instant,
}

impl Reading {
    fn read(&mut self, wall: Timestamp, at: Instant) -> Timestamp {
        let slewed = self.wall.plus(at.saturating_duration_since(self.at) / 2);
        if wall < slewed {
            return slewed;
        }
        (self.wall, self.at) = (wall, at);
        wall
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn a_step_back_is_slewed_and_caught_up_with() {
        let (noon, begun) = (Timestamp::from_millis(1_772_352_000_000), Instant::now());
        let mut reading = Reading { wall: noon, at: begun };
        let mut last = noon;
        // Read every half millisecond at first: half a millisecond must not be lost each time.
        for half_millis in 1..=4_000_u32 {
            let passed = Duration::from_micros(500) * half_millis;
            let told = reading.read(noon.minus(HOUR).plus(passed), begun + passed);
            assert!(told >= last);
            last = told;
        }
        assert_eq!(last, noon.plus(Duration::from_secs(1)), "two seconds at half the pace");
        for (passed, expected) in [(1, 0.5), (2, 1.0), (3, 2.0), (4, 3.0)] {
            let passed = HOUR * passed;
            let told = reading.read(noon.minus(HOUR).plus(passed), begun + passed);
            assert_eq!(told, noon.plus(HOUR.mul_f64(expected)));
        }
    }

    #[test]
    fn a_step_forward_is_followed_and_may_be_taken_back() {
        let (noon, begun) = (Timestamp::from_millis(1_772_352_000_000), Instant::now());
        let mut reading = Reading { wall: noon, at: begun };
        assert_eq!(reading.read(noon.plus(HOUR), begun), noon.plus(HOUR));
        let second = Duration::from_secs(1);
        let told = reading.read(noon.plus(second), begun + second);
        assert_eq!(told, noon.plus(HOUR).plus(second / 2));
    }
}
