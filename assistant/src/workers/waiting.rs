//! The waiting room before the ears: who comes first speaks first.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Whoever has not asked for so long has gone.
const GONE: Duration = Duration::from_secs(30);

/// A place in the line. Belongs to one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

/// Those who wait, in order.
#[derive(Debug, Default)]
pub(super) struct WaitingRoom {
    next: u64,
    line: VecDeque<(Ticket, Instant)>,
}

impl WaitingRoom {
    /// Asks, for the first time or again: the ticket, and how many are before it. `enter` is called where nobody is before it; what it
    /// returns ends the waiting.
    pub(super) fn ask<P>(
        &mut self,
        ticket: Option<Ticket>,
        now: Instant,
        enter: impl FnOnce() -> Option<P>,
    ) -> Result<P, (Ticket, usize)> {
        self.line.retain(|(other, asked)| now.duration_since(*asked) < GONE || Some(*other) == ticket);
        let place = ticket.and_then(|ticket| self.line.iter().position(|(other, _)| *other == ticket));
        if place.unwrap_or(self.line.len()) == 0
            && let Some(entered) = enter()
        {
            if place.is_some() {
                self.line.pop_front();
            }
            return Ok(entered);
        }
        let (place, ticket) = if let (Some(place), Some(ticket)) = (place, ticket) {
            (place, ticket)
        } else {
            self.next += 1;
            self.line.push_back((Ticket(self.next), now));
            (self.line.len() - 1, Ticket(self.next))
        };
        if let Some((_, asked)) = self.line.get_mut(place) {
            *asked = now;
        }
        Err((ticket, place))
    }

    /// Gives a place in the line up.
    pub(super) fn leave(&mut self, ticket: Ticket) {
        self.line.retain(|(other, _)| *other != ticket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_come_first_served_and_whoever_goes_away_loses_the_place() {
        let mut room = WaitingRoom::default();
        let now = Instant::now();
        let full = || None::<()>;
        let (one, before) = room.ask(None, now, full).unwrap_err();
        assert_eq!(before, 0);
        let (two, before) = room.ask(None, now, full).unwrap_err();
        assert_eq!(before, 1);
        // There is room, but not for the second before the first.
        assert_eq!(room.ask(Some(two), now, || Some(())), Err((two, 1)));
        let later = now + Duration::from_secs(29);
        assert_eq!(room.ask(Some(two), later, || Some(())), Err((two, 1)));
        // The first has gone.
        let later = now + Duration::from_secs(31);
        assert_eq!(room.ask(Some(two), later, || Some(())), Ok(()));
        assert_eq!(room.ask(None, later, || Some(())), Ok(()), "nobody waits any more");
        room.leave(one);
    }
}
