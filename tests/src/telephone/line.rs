//! What a bad line does to packets: some are lost, the others come at odd times, and so in another order.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// A line. The same seed does the same.
#[derive(Clone, Debug)]
pub struct Line {
    random: StdRng,
    loss: f64,
    jitter: Duration,
}

impl Line {
    /// That loses this share of packets at random, and delays each by up to that much more than the fastest.
    pub fn new(seed: u64, loss: f64, jitter: Duration) -> Self {
        Self { random: StdRng::seed_from_u64(seed), loss, jitter }
    }

    /// That does nothing.
    pub fn perfect() -> Self {
        Self::new(0, 0.0, Duration::ZERO)
    }

    /// By how much the next packet is late; `None`: it is lost.
    pub fn carry(&mut self) -> Option<Duration> {
        let lost = self.random.random_bool(self.loss);
        let late = self.jitter.mul_f64(self.random.random_range(0.0..=1.0));
        (!lost).then_some(late)
    }
}
