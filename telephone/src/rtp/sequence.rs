//! Sequence numbers without end, and which of them have come (RFC 3550, appendix A.1).

/// How far ahead a packet may be of the last one (RFC 3550's `MAX_DROPOUT`).
const AHEAD: i64 = 3_000;
/// How far behind (RFC 3550's `MAX_MISORDER`): what the window remembers.
const BEHIND: i64 = 127;

/// Which packets of a stream have come.
#[derive(Debug)]
pub(super) struct Sequence {
    first: i64,
    highest: i64,
    /// Bit `n` is set when `highest - n` has come.
    window: u128,
    received: u64,
}

/// How a packet stands to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// New: its number, counted on past 65,535.
    New(i64),
    /// It has come before.
    Duplicate,
    /// So far off that it belongs to another stream or is damaged.
    Wild,
}

impl Sequence {
    /// A stream that begins with this packet.
    pub(super) fn starting(number: u16) -> Self {
        Self { first: number.into(), highest: number.into(), window: 1, received: 1 }
    }

    /// Takes note of a packet.
    pub(super) fn take(&mut self, number: u16) -> Arrival {
        let ahead = i64::from(number.wrapping_sub(self.highest as u16).cast_signed());
        if !(-BEHIND..=AHEAD).contains(&ahead) {
            return Arrival::Wild;
        }
        let number = self.highest + ahead;
        if ahead > 0 {
            self.window =
                u32::try_from(ahead).ok().and_then(|by| self.window.checked_shl(by)).unwrap_or(0) | 1;
            self.highest = number;
        } else {
            let bit = 1 << -ahead;
            if self.window & bit != 0 {
                return Arrival::Duplicate;
            }
            self.window |= bit;
            self.first = self.first.min(number);
        }
        self.received += 1;
        Arrival::New(number)
    }

    /// Whether everything between two packets has come.
    pub(super) fn whole_between(&self, before: i64, after: i64) -> bool {
        (before + 1..after).all(|number| {
            let behind = self.highest - number;
            (0..=BEHIND).contains(&behind) && self.window & (1 << behind) != 0
        })
    }

    /// Packets that were sent and have not come.
    pub(super) fn lost(&self) -> u64 {
        ((self.highest - self.first + 1) as u64).saturating_sub(self.received)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_on_past_the_largest() {
        let mut sequence = Sequence::starting(65_534);
        assert_eq!(sequence.take(65_535), Arrival::New(65_535));
        assert_eq!(sequence.take(1), Arrival::New(65_537));
        assert_eq!(sequence.take(0), Arrival::New(65_536));
        assert_eq!(sequence.take(0), Arrival::Duplicate);
        assert_eq!(sequence.take(30_000), Arrival::Wild);
        assert_eq!(sequence.lost(), 0);
        assert_eq!(sequence.take(5), Arrival::New(65_541));
        assert_eq!(sequence.lost(), 3);
        assert!(sequence.whole_between(65_534, 65_537));
        assert!(!sequence.whole_between(65_537, 65_541));
    }
}
