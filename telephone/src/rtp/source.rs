//! Whose packets count: symmetric RTP (RFC 4961), with care for packets from strangers.

use std::net::SocketAddr;

use super::jitter::{MILLISECOND, Ticks};

/// Packets in a row that an address must send which the description does not name: behind address translation the named one is often
/// wrong, but a stray packet must not draw the call away.
const PROBATION: u32 = 3;
/// After so long without a packet from where the call was, another address may take its place.
const SILENCE: Ticks = 2_000 * MILLISECOND;

/// Where packets come from and go to.
#[derive(Debug)]
pub(super) struct Source {
    named: SocketAddr,
    locked: Option<(SocketAddr, Ticks)>,
    candidate: Option<(SocketAddr, u16, u32)>,
}

impl Source {
    /// The address that the description names.
    pub(super) const fn new(named: SocketAddr) -> Self {
        Self { named, locked: None, candidate: None }
    }

    /// Another description: if it names another address, everything begins anew.
    pub(super) fn rename(&mut self, named: SocketAddr) {
        if self.named != named {
            *self = Self::new(named);
        }
    }

    /// Whether a packet is the peer's. `proven`: its tag was right (SRTP).
    pub(super) fn accepts(&mut self, now: Ticks, from: SocketAddr, sequence: u16, proven: bool) -> bool {
        match &mut self.locked {
            Some((peer, last)) if *peer == from => {
                *last = now;
                return true;
            }
            Some((_, last)) if !proven && now - *last < SILENCE => return false,
            _ => {}
        }
        let in_a_row = match self.candidate {
            Some((who, number, count)) if who == from && sequence == number.wrapping_add(1) => count + 1,
            _ => 1,
        };
        self.candidate = Some((from, sequence, in_a_row));
        let known = proven || from == self.named || in_a_row >= PROBATION;
        if known {
            self.locked = Some((from, now));
        }
        known
    }

    /// Where to send: to where packets come from, before that to where the description says; `None` on hold in the old way.
    pub(super) fn target(&self) -> Option<SocketAddr> {
        let target = self.locked.map_or(self.named, |(peer, _)| peer);
        (!target.ip().is_unspecified() && target.port() != 0).then_some(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_named_address_counts_at_once_and_strangers_do_not_take_the_call() {
        let (named, stranger) = ("192.0.2.1:4000".parse().unwrap(), "192.0.2.9:9".parse().unwrap());
        let mut source = Source::new(named);
        assert_eq!(source.target(), Some(named));
        assert!(source.accepts(0, named, 1, false));
        for number in 0..50 {
            assert!(!source.accepts(number * 160, stranger, number as u16, false));
            assert!(source.accepts(number * 160, named, number as u16, false));
        }
        assert!(!source.accepts(50 * 160, stranger, 100, false), "not before the silence is over");
        let later = 50 * 160 + SILENCE;
        assert!(!source.accepts(later, stranger, 101, false));
        assert!(!source.accepts(later + 160, stranger, 103, false), "not in a row");
        assert!(!source.accepts(later + 320, stranger, 104, false));
        assert!(source.accepts(later + 480, stranger, 105, false));
        assert_eq!(source.target(), Some(stranger));
    }

    #[test]
    fn a_peer_behind_address_translation_is_answered_where_it_is() {
        let (named, real) = ("10.0.0.5:4000".parse().unwrap(), "203.0.113.7:31000".parse().unwrap());
        let mut source = Source::new(named);
        let taken: Vec<bool> =
            (0..4).map(|number| source.accepts(number * 160, real, number as u16, false)).collect();
        assert_eq!(taken, [false, false, true, true]);
        assert_eq!(source.target(), Some(real));
        let mut source = Source::new(named);
        assert!(source.accepts(0, real, 9, true), "a right tag is proof");
    }
}
