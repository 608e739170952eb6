//! What a caller is to hear, in order: prompts of the hotline and sound of the conversation. Handed to the leg a little at a time, so that
//! what is not wanted any more can be taken back, and so that it is known how far everything was heard. Pure.

use std::collections::VecDeque;

use telephone::{Rate, ToCaller};

/// Sound is handed over in pieces of so many milliseconds, each with a mark behind it.
const PIECE_MS: u32 = 100;
/// So many pieces may be on their way: enough that a busy machine causes no gap, and little enough to be taken back at once where a PBX
/// buffers.
const ON_THE_WAY: usize = 8;

/// What a stretch of sound belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// The hotline's own words, or a chime.
    Prompt,
    /// A sound of the conversation, by its `audio_id`.
    Conversation(u64),
}

/// What was waited for has been heard, or never will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(u64);

#[derive(Debug)]
enum Item {
    Piece { samples: Vec<i16>, of: Of },
    Ticket(Ticket),
}

/// A piece that is being heard or on its way.
#[derive(Debug)]
struct Sent {
    mark: u64,
    of: Of,
    ms: u64,
}

/// The queue of one call.
#[derive(Debug)]
pub struct Player {
    rate: Rate,
    items: VecDeque<Item>,
    sent: VecDeque<Sent>,
    marks: u64,
    tickets: u64,
    /// How much of the conversation's present sound has been heard.
    heard: Option<(u64, u64)>,
}

/// What [`Player::flush`] threw away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    /// Whether there was anything.
    pub anything: bool,
    /// The sound of the conversation that was being heard, and how many milliseconds of it were.
    pub heard: Option<(u64, u64)>,
}

impl Player {
    /// For a leg of that rate.
    pub const fn new(rate: Rate) -> Self {
        Self { rate, items: VecDeque::new(), sent: VecDeque::new(), marks: 0, tickets: 0, heard: None }
    }

    /// Puts sound at the end: samples at the leg's rate.
    pub fn push(&mut self, samples: &[i16], of: Of) {
        let piece = (self.rate.hertz() * PIECE_MS / 1_000) as usize;
        for samples in samples.chunks(piece) {
            self.items.push_back(Item::Piece { samples: samples.to_vec(), of });
        }
    }

    /// A ticket that [`Self::reached`] gives back when everything before it has been heard. A flush takes it back silently.
    pub fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.items.push_back(Item::Ticket(ticket));
        ticket
    }

    /// What to hand to the leg now.
    pub fn next(&mut self) -> Vec<ToCaller> {
        let mut out = Vec::new();
        while self.sent.len() < ON_THE_WAY {
            let Some(Item::Piece { .. }) = self.items.front() else { break };
            let Some(Item::Piece { samples, of }) = self.items.pop_front() else { break };
            self.marks += 1;
            let ms = samples.len() as u64 * 1_000 / u64::from(self.rate.hertz());
            self.sent.push_back(Sent { mark: self.marks, of, ms });
            out.extend([ToCaller::Sound(samples), ToCaller::Mark(self.marks)]);
        }
        out
    }

    /// The leg says that everything up to a mark was heard. Tickets that are due by that.
    pub fn reached(&mut self, mark: u64) -> Vec<Ticket> {
        while let Some(sent) = self.sent.front().filter(|sent| sent.mark <= mark) {
            if let Of::Conversation(id) = sent.of {
                let before = self.heard.filter(|(heard, _)| *heard == id).map_or(0, |(_, ms)| ms);
                self.heard = Some((id, before + sent.ms));
            }
            self.sent.pop_front();
        }
        self.due()
    }

    /// Tickets before which nothing is to be heard any more.
    pub fn due(&mut self) -> Vec<Ticket> {
        let mut due = Vec::new();
        while self.sent.is_empty() {
            let Some(Item::Ticket(ticket)) = self.items.front() else { break };
            due.push(*ticket);
            self.items.pop_front();
        }
        due
    }

    /// Throws away what has not been heard, of everything or of the conversation's sound alone. The leg is to be told [`ToCaller::Flush`]
    /// where there was anything.
    pub fn flush(&mut self) -> Flushed {
        let playing = self.sent.front().map(|sent| sent.of);
        let heard = match playing {
            Some(Of::Conversation(id)) => {
                Some((id, self.heard.filter(|(heard, _)| *heard == id).map_or(0, |(_, ms)| ms)))
            }
            _ => None,
        };
        let anything = !self.sent.is_empty() || !self.items.is_empty();
        self.items.clear();
        self.sent.clear();
        Flushed { anything, heard }
    }

    /// Throws away what is still to be heard of the conversation; prompts stay.
    pub fn forget_conversation(&mut self) {
        self.items.retain(|item| !matches!(item, Item::Piece { of: Of::Conversation(_), .. }));
    }

    /// Whether something is being heard or waits to be.
    pub fn is_busy(&self) -> bool {
        !self.sent.is_empty() || self.items.iter().any(|item| matches!(item, Item::Piece { .. }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(out: &[ToCaller]) -> Vec<u64> {
        out.iter().filter_map(|to| if let ToCaller::Mark(mark) = to { Some(*mark) } else { None }).collect()
    }

    #[test]
    fn sound_goes_out_a_little_at_a_time_and_in_order() {
        let mut player = Player::new(Rate::Narrow);
        player.push(&vec![1; 8_000], Of::Prompt);
        player.push(&vec![2; 4_000], Of::Conversation(1));
        let ticket = player.ticket();
        let first = player.next();
        assert_eq!(marks(&first), (1..=8).collect::<Vec<_>>());
        assert!(player.next().is_empty());
        assert_eq!(player.reached(3), []);
        assert_eq!(marks(&player.next()), [9, 10, 11]);
        assert_eq!(player.reached(11), []);
        assert_eq!(marks(&player.next()), [12, 13, 14, 15]);
        assert_eq!(player.reached(14), []);
        assert!(player.is_busy());
        assert_eq!(player.reached(15), [ticket]);
        assert!(!player.is_busy());
    }

    #[test]
    fn what_is_taken_back_is_never_reached_and_what_was_heard_is_known() {
        let mut player = Player::new(Rate::Wide);
        player.push(&vec![0; 16_000], Of::Conversation(7));
        player.ticket();
        assert_eq!(marks(&player.next()).len(), 8);
        player.reached(4);
        assert_eq!(player.flush(), Flushed { anything: true, heard: Some((7, 400)) });
        assert_eq!(player.reached(8), []);
        assert!(!player.is_busy());
        assert_eq!(player.flush(), Flushed::default());
    }

    #[test]
    fn a_ticket_with_nothing_before_it_is_due_at_once() {
        let mut player = Player::new(Rate::Narrow);
        let ticket = player.ticket();
        assert_eq!(player.due(), [ticket]);
    }
}
