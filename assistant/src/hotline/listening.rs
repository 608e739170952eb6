//! A caller's line is always open; the conversation hears turns. When the next one begins. Pure.

use std::time::Duration;

use conversation::MessageId;
use conversation::protocol::{ErrorCode, ErrorSignal, Signal};

/// A turn of which nothing more is heard after its end is over in any case.
const PATIENCE: Duration = Duration::from_secs(25);
/// After a refusal that names no time, it is tried again after so long.
const AGAIN: Duration = Duration::from_secs(2);

#[derive(Debug)]
enum Turn {
    /// None; the next one not before then.
    None(Duration),
    /// Sound is taken.
    Open(MessageId),
    /// Its end was noticed. Sound of it is still taken until then, in case the caller goes on.
    Ended { id: MessageId, until: Duration, done: bool, since: Duration },
}

/// What became of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// All places are taken: it is tried again.
    Busy,
    /// Nobody can be heard in this language.
    Deaf,
}

/// The turns of one call.
#[derive(Debug)]
pub struct Listening {
    turn: Turn,
    turns: u64,
}

impl Default for Listening {
    fn default() -> Self {
        Self { turn: Turn::None(Duration::ZERO), turns: 0 }
    }
}

impl Listening {
    /// The id of the turn that is to be begun now, before any more sound is sent.
    pub fn begin(&mut self, now: Duration) -> Option<MessageId> {
        let due = match &self.turn {
            Turn::None(from) => now >= *from,
            Turn::Open(_) => false,
            Turn::Ended { until, done, since, .. } => {
                (*done && now >= *until) || now.saturating_sub(*since) > PATIENCE
            }
        };
        if !due {
            return None;
        }
        self.turns += 1;
        let id = MessageId::try_from(format!("said-{}", self.turns)).ok()?;
        self.turn = Turn::Open(id.clone());
        Some(id)
    }

    /// Whether sound has a turn to go to.
    pub const fn takes_sound(&self) -> bool {
        !matches!(self.turn, Turn::None(_))
    }

    /// The conversation has said something.
    pub fn signal(&mut self, signal: &Signal, now: Duration) -> Option<Refused> {
        match (signal, &mut self.turn) {
            (Signal::SpeechEnded { id, listening_ms, .. }, Turn::Open(turn)) if id == turn => {
                let until = now + Duration::from_millis(u64::from(*listening_ms));
                self.turn = Turn::Ended { id: id.clone(), until, done: false, since: now };
            }
            (Signal::SpeechResumed { id, .. }, Turn::Ended { id: turn, .. }) if id == turn => {
                self.turn = Turn::Open(id.clone());
            }
            (Signal::Final { id, .. }, Turn::Ended { id: turn, done, .. }) if id == turn => *done = true,
            (Signal::Error(error), Turn::Open(turn) | Turn::Ended { id: turn, .. })
                if error.id.as_ref() == Some(turn) =>
            {
                return self.refused(error, now);
            }
            _ => {}
        }
        None
    }

    fn refused(&mut self, error: &ErrorSignal, now: Duration) -> Option<Refused> {
        let wait = error.retry_after_ms.map_or(AGAIN, Duration::from_millis);
        self.turn = Turn::None(now + wait);
        match error.code {
            ErrorCode::Busy => Some(Refused::Busy),
            ErrorCode::Unavailable => Some(Refused::Deaf),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use conversation::protocol::SpeechEnd;

    const fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn ended(id: &MessageId, listening_ms: u32) -> Signal {
        Signal::SpeechEnded { id: id.clone(), reason: SpeechEnd::Silence, speech_ms: 900, listening_ms }
    }

    fn last(id: &MessageId) -> Signal {
        Signal::Final { id: id.clone(), text: String::new(), dictation: false, seconds: 1.0 }
    }

    #[test]
    fn the_next_turn_begins_when_the_caller_cannot_go_on_with_the_last_one() {
        let mut listening = Listening::default();
        let first = listening.begin(at(0)).unwrap();
        assert_eq!(listening.begin(at(5_000)), None);
        listening.signal(&ended(&first, 1_000), at(6_000));
        listening.signal(&last(&first), at(6_200));
        assert_eq!(listening.begin(at(6_900)), None);
        let second = listening.begin(at(7_000)).unwrap();
        assert_ne!(first, second);
    }

    #[test]
    fn who_goes_on_stays_in_the_turn() {
        let mut listening = Listening::default();
        let id = listening.begin(at(0)).unwrap();
        listening.signal(&ended(&id, 1_000), at(1_000));
        listening.signal(&last(&id), at(1_100));
        listening.signal(&Signal::SpeechResumed { id: id.clone(), at_ms: 1_500 }, at(1_500));
        assert_eq!(listening.begin(at(4_000)), None);
        listening.signal(&ended(&id, 0), at(5_000));
        assert_eq!(listening.begin(at(5_050)), None, "what was said is not understood yet");
        listening.signal(&last(&id), at(5_100));
        assert!(listening.begin(at(5_100)).is_some());
    }

    #[test]
    fn a_turn_that_is_refused_is_tried_again_when_the_server_says() {
        let mut listening = Listening::default();
        let id = listening.begin(at(0)).unwrap();
        let error = ErrorSignal {
            code: ErrorCode::Busy,
            message: String::new(),
            fatal: false,
            id: Some(id),
            retry_after_ms: Some(3_000),
            waiting_before: Some(2),
        };
        assert_eq!(listening.signal(&Signal::Error(error), at(10)), Some(Refused::Busy));
        assert!(!listening.takes_sound());
        assert_eq!(listening.begin(at(2_000)), None);
        assert!(listening.begin(at(3_010)).is_some());
    }

    #[test]
    fn a_turn_that_gets_no_end_does_not_make_the_line_deaf() {
        let mut listening = Listening::default();
        let id = listening.begin(at(0)).unwrap();
        listening.signal(&ended(&id, 0), at(1_000));
        assert_eq!(listening.begin(at(20_000)), None);
        assert!(listening.begin(at(27_000)).is_some());
    }
}
