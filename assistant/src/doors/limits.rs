//! Rates and counts per conversation and per address.

use std::{collections::HashMap, net::IpAddr, num::NonZeroU32, sync::Arc, time::Duration};

use conversation::ConversationId;
use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
    state::keyed::DefaultKeyedStateStore,
};
use parking_lot::Mutex;

use super::address::subscriber;
use crate::config;

type Keyed<K> = RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock>;

/// Too fast: try again after this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooFast {
    /// When the next message would be taken.
    pub retry_after: Duration,
}

/// Counters shared by all connections.
#[derive(Debug)]
pub struct Limits {
    messages: Keyed<ConversationId>,
    starts: Keyed<IpAddr>,
    open: Arc<Mutex<HashMap<IpAddr, u32>>>,
    open_per_address: u32,
    clock: DefaultClock,
}

/// An open connection of an address; dropping it gives the place back.
#[derive(Debug)]
pub struct OpenConnection {
    address: IpAddr,
    open: Arc<Mutex<HashMap<IpAddr, u32>>>,
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        let mut open = self.open.lock();
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

impl Limits {
    /// Limits as configured.
    pub fn new(settings: &config::Limits) -> Self {
        let per_minute = |n: u32| Quota::per_minute(NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN));
        Self {
            messages: RateLimiter::keyed(per_minute(settings.messages_per_minute)),
            starts: RateLimiter::keyed(per_minute(settings.starts_per_minute)),
            open: Arc::default(),
            open_per_address: settings.conversations_per_address,
            clock: DefaultClock::default(),
        }
    }

    /// Counts a durable message of a conversation.
    ///
    /// # Errors
    /// [`TooFast`] where there were too many in the last minute.
    pub fn message(&self, conversation: ConversationId) -> Result<(), TooFast> {
        self.messages
            .check_key(&conversation)
            .map_err(|not_until| TooFast { retry_after: not_until.wait_time_from(self.clock.now()) })
    }

    /// Counts a new or resumed conversation of an address. Failed resumptions count too, so tokens cannot be guessed at speed.
    ///
    /// # Errors
    /// [`TooFast`] where there were too many in the last minute.
    pub fn start(&self, address: IpAddr) -> Result<(), TooFast> {
        self.starts
            .check_key(&subscriber(address))
            .map_err(|not_until| TooFast { retry_after: not_until.wait_time_from(self.clock.now()) })
    }

    /// Takes a place for a connection; `None` where the address holds too many.
    pub fn open(&self, address: IpAddr) -> Option<OpenConnection> {
        let address = subscriber(address);
        let mut open = self.open.lock();
        let count = open.entry(address).or_insert(0);
        if *count >= self.open_per_address {
            return None;
        }
        *count += 1;
        Some(OpenConnection { address, open: Arc::clone(&self.open) })
    }

    /// Forgets conversations and addresses that have been quiet; called every minute so that memory stays bounded.
    pub fn forget_quiet_ones(&self) {
        self.messages.retain_recent();
        self.starts.retain_recent();
        self.messages.shrink_to_fit();
        self.starts.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(overrides: &str) -> Limits {
        Limits::new(&config::Configuration::with(overrides).unwrap().limits)
    }

    #[test]
    fn one_conversation_cannot_use_up_the_rate_of_another() {
        let limits = limits("[limits]\nmessages_per_minute = 2");
        let (one, other) = (ConversationId::generate(), ConversationId::generate());
        assert!(limits.message(one).is_ok());
        assert!(limits.message(one).is_ok());
        let refused = limits.message(one).unwrap_err();
        assert!(
            refused.retry_after > Duration::from_secs(1) && refused.retry_after <= Duration::from_secs(30)
        );
        assert!(limits.message(other).is_ok());
    }

    #[test]
    fn a_place_comes_back_when_the_connection_ends() {
        let limits = limits("[limits]\nconversations_per_address = 1");
        let address = "203.0.113.9".parse().unwrap();
        let first = limits.open(address);
        assert!(first.is_some());
        assert!(limits.open(address).is_none());
        drop(first);
        assert!(limits.open(address).is_some());
    }
}
