//! How busy a model thread is, measured: the share of the last moments in which it computed.

use std::{
    sync::Arc,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use metrics::{Gauge, gauge};

use crate::telemetry::names;

/// How often the share is computed anew.
pub(super) const TICK: Duration = Duration::from_millis(500);

/// From this share on, a thread takes no further conversation: the rest is needed for the ends of utterances, which come in bursts.
const FULL: f32 = 0.85;

/// What one more conversation is thought to cost until it is measured, as a share of a thread.
const EXPECTED: f32 = 0.015;

/// The newest share's weight against the one before (half a second ago).
const NEWEST: f32 = 0.4;

/// A thread's load, to be read from anywhere.
#[derive(Debug, Default)]
pub(super) struct Load {
    permille: AtomicU32,
    /// Conversations let in since the last tick.
    new: AtomicU32,
}

impl Load {
    /// Share of the time that the thread computes, 0 to 1.
    pub(super) fn share(&self) -> f32 {
        self.permille.load(Ordering::Relaxed) as f32 / 1_000.0
    }

    /// Whether one more conversation would be too much.
    pub(super) fn is_full(&self) -> bool {
        self.share() + self.new.load(Ordering::Relaxed) as f32 * EXPECTED >= FULL
    }

    /// One more conversation was let in.
    pub(super) fn admitted(&self) {
        self.new.fetch_add(1, Ordering::Relaxed);
    }
}

/// Measures on the thread itself.
pub(super) struct LoadMeter {
    load: Arc<Load>,
    busy: Duration,
    since: Instant,
    shown: Gauge,
}

impl LoadMeter {
    /// For the hearing thread of that number, which its figure at `/metrics` is labelled with.
    pub(super) fn new(load: Arc<Load>, thread: usize) -> Self {
        let shown = gauge!(names::HEARING_LOAD, "thread" => thread.to_string());
        Self { load, busy: Duration::ZERO, since: Instant::now(), shown }
    }

    /// The thread computed from `begun` until now.
    pub(super) fn worked(&mut self, begun: Instant) {
        self.busy += begun.elapsed();
        self.tick(Instant::now());
    }

    /// Computes the share anew when it is time.
    pub(super) fn tick(&mut self, now: Instant) {
        let passed = now.duration_since(self.since);
        if passed < TICK {
            return;
        }
        let newest = (self.busy.as_secs_f32() / passed.as_secs_f32()).min(1.0);
        let share = self.load.share() * (1.0 - NEWEST) + newest * NEWEST;
        self.shown.set(f64::from(share));
        self.load.permille.store((share * 1_000.0) as u32, Ordering::Relaxed);
        self.load.new.store(0, Ordering::Relaxed);
        (self.busy, self.since) = (Duration::ZERO, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_thread_becomes_full_and_an_idle_one_free_again() {
        let load = Arc::new(Load::default());
        let mut meter = LoadMeter::new(Arc::clone(&load), 0);
        let mut now = Instant::now();
        let mut half_second = |busy: Duration| {
            meter.busy = busy;
            now += TICK;
            meter.tick(now);
        };
        for _ in 0..8 {
            half_second(TICK);
        }
        assert!(load.is_full(), "{}", load.share());
        for _ in 0..4 {
            half_second(Duration::ZERO);
        }
        assert!(!load.is_full(), "{}", load.share());
    }

    #[test]
    fn conversations_that_are_not_measured_yet_count_too() {
        let load = Load::default();
        for _ in 0..60 {
            load.admitted();
        }
        assert!(load.is_full());
    }
}
