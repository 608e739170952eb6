//! What is on its way to a PBX that plays by itself: sent ahead of time, but not far, since an interruption must not have much to take back
//! and not every PBX has room for more. Pure: the time is given.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::leg::{Digit, Rate, ToCaller};
use crate::playout::Playout;

/// How much sound the PBX may have that it has not played yet.
pub(super) const AHEAD: Duration = Duration::from_secs(2);
/// Sound of one message.
const MESSAGE: Duration = Duration::from_millis(100);
/// Less than a frame of sound waits so long for more, before it is filled up with silence.
const INCOMPLETE: Duration = Duration::from_millis(40);
/// A mark that has not come back so long after it should have is taken as reached: not every PBX sends marks back (Asterisk before 20.17).
const OVERDUE: Duration = Duration::from_secs(2);
/// A PBX begins to play a little later than we send; so long after we think it has played everything it may still have some.
const LAG: Duration = Duration::from_millis(500);
/// Marks that may be with the PBX; `mod_audio_fork` keeps 30.
const MARKS: usize = 24;
/// The mark before the end of a call, which is of no interest to the hotline.
const LAST: u64 = u64::MAX;

/// What stands between pieces of sound.
#[derive(Debug)]
enum Cue {
    Mark(u64),
    Digits(Vec<Digit>),
    Transfer(String),
    HangUp,
}

/// What is to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Whole frames of sound.
    Play(Vec<i16>),
    /// A mark.
    Mark(u64),
    /// Keys.
    Press(Vec<Digit>),
    /// Everything before has been played: give the call away.
    Transfer(String),
    /// Everything before has been played: hang up.
    HangUp,
}

/// A mark that is with the PBX.
#[derive(Debug)]
struct Sent {
    mark: u64,
    /// Samples that were sent before it.
    at: u64,
    /// When it should have been reached.
    due: Instant,
}

/// The way to one caller.
#[derive(Debug)]
pub(super) struct Line {
    playout: Playout<Cue>,
    /// Samples in `playout`.
    waiting: usize,
    /// When sound came last.
    came: Instant,
    /// Cues whose turn it is, since the sound before them has been sent.
    ready: VecDeque<Cue>,
    /// Samples that have been sent.
    sent: u64,
    /// When the PBX will have played them, as far as we know.
    played: Instant,
    marks: VecDeque<Sent>,
    /// Of `sent`, those before the last mark that was reached, or the last flush.
    since: u64,
    /// The PBX wants no more for now.
    full: bool,
}

impl Line {
    pub(super) fn new(rate: Rate, now: Instant) -> Self {
        Self {
            playout: Playout::new(rate),
            waiting: 0,
            came: now,
            ready: VecDeque::new(),
            sent: 0,
            played: now,
            marks: VecDeque::new(),
            since: 0,
            full: false,
        }
    }

    /// Whether the hotline's messages should stay in their channel for now.
    pub(super) fn is_full(&self) -> bool {
        self.playout.is_full() || self.ready.len() >= 1_024
    }

    /// The PBX wants no more, or again.
    pub(super) const fn set_full(&mut self, full: bool) {
        self.full = full;
    }

    /// What the hotline wants, except a flush.
    pub(super) fn push(&mut self, command: ToCaller, now: Instant) {
        match command {
            ToCaller::Sound(sound) => {
                self.waiting += sound.len();
                self.came = now;
                self.playout.push(&sound);
            }
            ToCaller::Mark(mark) => self.playout.mark(Cue::Mark(mark)),
            ToCaller::Digits(digits) => self.playout.mark(Cue::Digits(digits)),
            ToCaller::Transfer { target } => {
                self.playout.mark(Cue::Mark(LAST));
                self.playout.mark(Cue::Transfer(target));
            }
            ToCaller::HangUp => {
                self.playout.mark(Cue::Mark(LAST));
                self.playout.mark(Cue::HangUp);
            }
            ToCaller::Flush => {}
        }
    }

    /// Throws away what has not been played. Milliseconds that were played of what followed the last mark, and whether the PBX has anything
    /// to throw away.
    pub(super) fn flush(&mut self, now: Instant) -> (u64, bool) {
        let unplayed = self.samples(self.ahead(now)).min(self.sent - self.since);
        let played_ms = (self.sent - self.since - unplayed) * 1_000 / u64::from(self.playout.rate().hertz());
        let with_pbx = !self.marks.is_empty() || (self.sent > 0 && now < self.played + LAG);
        let cues = self.playout.flush().cues;
        // Who has decided to leave leaves, only sooner.
        self.ready.extend(cues);
        self.ready.retain(|cue| !matches!(cue, Cue::Mark(_)));
        self.waiting = 0;
        self.marks.clear();
        self.since = self.sent;
        self.played = now;
        (played_ms, with_pbx)
    }

    /// What may be sent now.
    pub(super) fn next(&mut self, now: Instant) -> Option<Act> {
        loop {
            if let Some(cue) = self.ready.pop_front() {
                return self.cue(cue, now);
            }
            if self.full || self.ahead(now) + MESSAGE > AHEAD {
                return None;
            }
            let sound = self.take(now);
            if !sound.is_empty() {
                self.sent += sound.len() as u64;
                self.played = self.played.max(now) + self.duration(sound.len() as u64);
                return Some(Act::Play(sound));
            }
            if self.ready.is_empty() {
                return None;
            }
        }
    }

    fn cue(&mut self, cue: Cue, now: Instant) -> Option<Act> {
        match cue {
            Cue::Mark(mark) if self.marks.len() < MARKS => {
                let due = self.played.max(now) + OVERDUE;
                self.marks.push_back(Sent { mark, at: self.sent, due });
                Some(Act::Mark(mark))
            }
            Cue::Digits(digits) => Some(Act::Press(digits)),
            Cue::Transfer(target) if self.marks.is_empty() => Some(Act::Transfer(target)),
            Cue::HangUp if self.marks.is_empty() => Some(Act::HangUp),
            blocked => {
                self.ready.push_front(blocked);
                None
            }
        }
    }

    /// Frames up to one message or the next cue.
    fn take(&mut self, now: Instant) -> Vec<i16> {
        let frame = self.playout.rate().frame();
        let most = self.samples(MESSAGE) as usize;
        let mut sound = Vec::new();
        while sound.len() < most && self.ready.is_empty() && !self.playout.is_empty() {
            let incomplete = self.waiting > 0 && self.waiting < frame;
            if incomplete && now < self.came + INCOMPLETE {
                break;
            }
            let mut next = vec![0; frame];
            self.ready.extend(self.playout.next_frame(&mut next));
            if self.waiting > 0 {
                sound.extend(next);
            }
            self.waiting = self.waiting.saturating_sub(frame);
        }
        sound
    }

    /// The PBX has played everything before that mark. The marks that are reached with it, in order.
    pub(super) fn reached(&mut self, mark: u64, now: Instant) -> Vec<u64> {
        let Some(place) = self.marks.iter().position(|sent| sent.mark == mark) else { return Vec::new() };
        // Better than what we thought: the PBX began to play a little later than we sent.
        let at = self.marks[place].at;
        self.played = now + self.duration(self.sent - at);
        self.since = self.since.max(at);
        let reached = self.marks.drain(..=place).map(|sent| sent.mark);
        reached.filter(|mark| *mark != LAST).collect()
    }

    /// Marks that should have come back long ago, in order.
    pub(super) fn overdue(&mut self, now: Instant) -> Vec<u64> {
        let late = self.marks.iter().take_while(|sent| sent.due <= now).count();
        let Some(last) = late.checked_sub(1).map(|last| self.marks[last].at) else { return Vec::new() };
        self.since = self.since.max(last);
        tracing::debug!(late, "the PBX did not send marks back; they count as reached");
        self.marks.drain(..late).map(|sent| sent.mark).filter(|mark| *mark != LAST).collect()
    }

    /// Whether there is anything to look after, a frame from now.
    pub(super) fn is_busy(&self) -> bool {
        !(self.playout.is_empty() && self.ready.is_empty() && self.marks.is_empty())
    }

    fn ahead(&self, now: Instant) -> Duration {
        self.played.saturating_duration_since(now)
    }

    fn samples(&self, duration: Duration) -> u64 {
        (duration.as_micros() * u128::from(self.playout.rate().hertz()) / 1_000_000) as u64
    }

    fn duration(&self, samples: u64) -> Duration {
        Duration::from_micros(samples * 1_000_000 / u64::from(self.playout.rate().hertz()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn milliseconds(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    fn sound(length_ms: usize) -> ToCaller {
        ToCaller::Sound(vec![1; length_ms * 8])
    }

    /// Everything that may be sent now; sound as its length in samples.
    fn sent(line: &mut Line, now: Instant) -> (usize, Vec<Act>) {
        let (mut samples, mut acts) = (0, Vec::new());
        while let Some(act) = line.next(now) {
            if let Act::Play(sound) = act {
                assert!(sound.len() % 160 == 0 && sound.len() <= 800, "{}", sound.len());
                samples += sound.len();
            } else {
                acts.push(act);
            }
        }
        (samples, acts)
    }

    #[test]
    fn never_more_than_two_seconds_are_ahead_and_the_rest_follows_as_it_is_played() {
        let start = Instant::now();
        let mut line = Line::new(Rate::Narrow, start);
        line.push(sound(5_000), start);
        line.push(ToCaller::Mark(1), start);
        assert_eq!(sent(&mut line, start), (2_000 * 8, vec![]));
        assert_eq!(sent(&mut line, start + milliseconds(50)).0, 0);
        assert_eq!(sent(&mut line, start + milliseconds(1_000)).0, 1_000 * 8);
        assert_eq!(sent(&mut line, start + milliseconds(3_000)), (2_000 * 8, vec![Act::Mark(1)]));
        assert!(line.is_busy());
        assert_eq!(line.reached(1, start + milliseconds(5_100)), [1]);
        assert!(!line.is_busy());
    }

    #[test]
    fn a_flush_says_what_was_heard_since_the_last_mark() {
        let start = Instant::now();
        let mut line = Line::new(Rate::Narrow, start);
        line.push(sound(300), start);
        line.push(ToCaller::Mark(1), start);
        line.push(sound(4_000), start);
        line.push(ToCaller::Mark(2), start);
        assert_eq!(sent(&mut line, start).1, [Act::Mark(1)]);
        // The PBX began 60 ms after we sent.
        assert_eq!(line.reached(1, start + milliseconds(360)), [1]);
        sent(&mut line, start + milliseconds(500));
        assert_eq!(line.flush(start + milliseconds(1_360)), (1_000, true));
        assert!(!line.is_busy());
        assert_eq!(
            line.reached(2, start + milliseconds(1_400)),
            [0_u64; 0],
            "what a flush cleared was not reached"
        );
        assert_eq!(line.flush(start + milliseconds(3_000)), (0, false));
    }

    #[test]
    fn who_hangs_up_waits_until_everything_was_played_and_a_flush_makes_it_sooner() {
        let start = Instant::now();
        let mut line = Line::new(Rate::Narrow, start);
        line.push(sound(1_000), start);
        line.push(ToCaller::HangUp, start);
        assert_eq!(sent(&mut line, start), (8_000, vec![Act::Mark(LAST)]));
        assert_eq!(line.reached(LAST, start + milliseconds(1_000)), [0_u64; 0]);
        assert_eq!(sent(&mut line, start + milliseconds(1_000)).1, [Act::HangUp]);

        line.push(sound(1_000), start);
        line.push(ToCaller::Transfer { target: "900".to_owned() }, start);
        sent(&mut line, start);
        line.flush(start);
        assert_eq!(sent(&mut line, start).1, [Act::Transfer("900".to_owned())]);
    }

    #[test]
    fn marks_that_do_not_come_back_count_as_reached_after_a_while() {
        let start = Instant::now();
        let mut line = Line::new(Rate::Narrow, start);
        line.push(sound(200), start);
        line.push(ToCaller::Mark(1), start);
        line.push(sound(200), start);
        line.push(ToCaller::Mark(2), start);
        sent(&mut line, start);
        assert_eq!(line.overdue(start + milliseconds(2_199)), [0_u64; 0]);
        assert_eq!(line.overdue(start + milliseconds(2_200)), [1]);
        assert_eq!(line.overdue(start + milliseconds(2_400)), [2]);
    }

    #[test]
    fn a_pbx_that_is_full_gets_nothing_and_a_piece_waits_for_the_rest_of_its_frame() {
        let start = Instant::now();
        let mut line = Line::new(Rate::Narrow, start);
        line.push(sound(10), start);
        assert_eq!(sent(&mut line, start).0, 0);
        line.push(sound(15), start + milliseconds(10));
        assert_eq!(sent(&mut line, start + milliseconds(10)).0, 160);
        assert_eq!(sent(&mut line, start + milliseconds(60)).0, 160, "filled up with silence");
        line.set_full(true);
        line.push(sound(100), start + milliseconds(60));
        assert_eq!(sent(&mut line, start + milliseconds(60)).0, 0);
        line.set_full(false);
        assert_eq!(sent(&mut line, start + milliseconds(60)).0, 800);
    }

    proptest! {
        #[test]
        fn everything_is_sent_in_order_and_never_too_far_ahead(
            steps in proptest::collection::vec((0_u64..300, 0_usize..700, any::<bool>()), 1..60),
        ) {
            let mut now = Instant::now();
            let mut line = Line::new(Rate::Narrow, now);
            let (mut pushed, mut marks, mut out, mut seen) = (0, 0_u64, 0, Vec::new());
            let settle = std::iter::repeat_n((200, 0, false), 200);
            for (wait, samples, mark) in steps.into_iter().chain(settle) {
                now += milliseconds(wait);
                if samples > 0 {
                    line.push(ToCaller::Sound(vec![1; samples]), now);
                    pushed += samples;
                }
                if mark {
                    line.push(ToCaller::Mark(marks), now);
                    marks += 1;
                }
                let (samples, acts) = sent(&mut line, now);
                out += samples;
                prop_assert!(line.ahead(now) <= AHEAD);
                seen.extend(acts);
                line.overdue(now);
            }
            prop_assert!(out >= pushed && !line.is_busy());
            let all: Vec<Act> = (0..marks).map(Act::Mark).collect();
            prop_assert_eq!(seen, all);
        }
    }
}
