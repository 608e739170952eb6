//! Whether somebody has finished, and whether what they say next belongs to it.

use crate::understanding::{Act, Scored, Understanding};

/// From this confidence on, what was said before a pause may be a whole question …
pub const COMPLETE_CONFIDENCE: f32 = 0.6;

/// … and is, where it also explains all of the sound this well, in nats per phone (see [`Understanding::fit`]).
pub const COMPLETE_FIT: f32 = -2.0;

/// A beginning of a known question counts as heard from so many phones on: three syllables …
pub(crate) const LEAST_BEGINNING: usize = 6;

/// … where so many are missing yet: without its last syllable, a question is as good as whole.
pub(crate) const LEAST_LACKING: usize = 4;

/// The beginning must explain the sound this well, in nats per phone …
///
/// This and the next are from `fit-voice models/seed 0` (real Mandarin sentences under babble as loud as they are, of those that are not known to be
/// whole): 73 % of halves are beginnings then, and 2 % of wholes. Better words would choose more strictly and lose nothing by it.
const BEGUN_FIT: f32 = -3.0;

/// … and so much better than any whole question does.
const BEGUN_LEAD: f32 = 1.0;

/// Whether what was said before a pause is all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// Nothing is to be expected after it: see [`Understanding::is_complete`].
    Whole,
    /// It is the beginning of a known question: the rest of it is to be expected.
    Begun,
    /// It does not show.
    Unclear,
}

impl Understanding {
    /// Whether this is a whole question that is known: surely one, which explains all of the sound. What is only the beginning of a question
    /// supports that question badly as a whole.
    pub fn is_whole_question(&self) -> bool {
        self.act == Act::Question
            && self.best().is_some_and(|best| best.confidence >= COMPLETE_CONFIDENCE)
            && self.fit.is_none_or(|fit| fit >= COMPLETE_FIT)
    }

    /// Whether nothing is to be expected after this, so that a short pause ends the turn: a whole question, or a whole act.
    pub fn is_complete(&self) -> bool {
        match self.act {
            Act::Question => self.is_whole_question(),
            // "Hello" and "thank you" are how longer speeches begin.
            Act::Greeting | Act::Thanks => false,
            _ => true,
        }
    }

    /// Whether nothing can follow, whatever it sounds like: a whole question that is known, or a call for help.
    pub(crate) fn stands(&self) -> bool {
        self.act == Act::Emergency || self.is_whole_question()
    }

    /// Whether the sound is rather the beginning of a known question than a whole one; `begun` is how well it fits such a beginning
    /// ([`language::Evidence::begun`]).
    pub(crate) fn is_rather_begun(&self, begun: f32) -> bool {
        match self.act {
            Act::Question => begun >= BEGUN_FIT && self.fit.is_none_or(|whole| begun >= whole + BEGUN_LEAD),
            Act::Emergency => false,
            // An act has been heard clearly; it takes a question that begins as clearly to doubt it.
            _ => begun >= COMPLETE_FIT,
        }
    }

    fn best(&self) -> Option<&Scored> {
        self.candidates.first()
    }

    /// Whether it is the same question as another, without anything to tell their answers apart.
    fn asks_the_same_as(&self, other: &Self) -> bool {
        let entry = |understood: &Self| understood.best().map(|best| best.entry.clone());
        entry(self) == entry(other) && self.slots == other.slots
    }
}

/// What is made of speech soon after a turn that had been taken for finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuation {
    /// All of it is one utterance, to be decided instead of its beginning.
    Whole,
    /// The beginning was a false start: what came after it is decided instead.
    Rest,
    /// Two utterances: what was decided stands, and the second is decided for itself.
    Apart,
    /// Nothing that matters: a noise, an "mm-hm", or the end of words that had been understood without it. What was decided stands.
    Nothing,
}

/// Speech after the end of a turn, understood in each of the ways in which it can be meant.
#[derive(Clone, Copy, Debug)]
pub struct Heard<'a> {
    /// What was taken for all.
    pub first: &'a Understanding,
    /// All of it together, the pause included.
    pub whole: &'a Understanding,
    /// What came after the pause, by itself.
    pub rest: &'a Understanding,
    /// Whether that is so short that it may be no word at all.
    pub rest_is_short: bool,
    /// Whether the citizen was asked something that "yes", "no" or a number answers.
    pub asked_back: bool,
    /// Whether the words are shown as they were said, so that none may be missing from the log.
    pub dictated: bool,
}

/// Decides what speech soon after a turn is.
///
/// The sound decides: what explains *all* of it well was said. A beginning that was surely a whole question stays answered unless the whole
/// is surely a longer one.
pub fn continuation(heard: &Heard<'_>) -> Continuation {
    let Heard { first, whole, rest, .. } = *heard;
    // Help is called for whatever went before.
    if rest.act == Act::Emergency || first.act == Act::Emergency {
        return Continuation::Apart;
    }
    let known = first.is_whole_question();
    if whole.act == Act::Emergency {
        return if known { Continuation::Apart } else { Continuation::Whole };
    }
    if whole.is_whole_question() && !(known && surer(first, whole) && !whole.asks_the_same_as(first)) {
        let nothing_new = known && whole.asks_the_same_as(first) && !heard.dictated;
        return if nothing_new { Continuation::Nothing } else { Continuation::Whole };
    }
    match rest.act {
        Act::Question => {}
        Act::Yes | Act::No | Act::Choice(_) if heard.asked_back => return Continuation::Apart,
        Act::Yes | Act::No | Act::Choice(_) | Act::Greeting | Act::Thanks => {
            // "Mm-hm", "thanks": nobody is interrupted for that who is being given an answer.
            return if known { Continuation::Nothing } else { Continuation::Whole };
        }
        _ => return Continuation::Apart,
    }
    if known || (first.act != Act::Question && first.is_complete()) {
        let noise = heard.rest_is_short && !rest.is_whole_question();
        return if noise { Continuation::Nothing } else { Continuation::Apart };
    }
    // "Hello" is answered and stands, whatever is asked after it.
    if rest.is_whole_question() {
        return if first.act == Act::Question { Continuation::Rest } else { Continuation::Apart };
    }
    // A cough makes nothing clearer.
    let clearer = confidence(whole) > confidence(first);
    if heard.rest_is_short && !clearer { Continuation::Nothing } else { Continuation::Whole }
}

/// Whether one is understood better than another: by how well each explains its sound, or else by its confidence.
fn surer(one: &Understanding, other: &Understanding) -> bool {
    match (one.fit, other.fit) {
        (Some(one), Some(other)) => one > other + LESS_WELL,
        _ => confidence(one) > confidence(other),
    }
}

/// A longer utterance is explained a little less well than its beginning even where both are right, since it holds a pause: a quarter
/// of what a question may lack ([`COMPLETE_FIT`]).
const LESS_WELL: f32 = -COMPLETE_FIT / 4.0;

fn confidence(understood: &Understanding) -> f32 {
    understood.best().map_or(0.0, |best| best.confidence)
}

#[cfg(test)]
mod tests {
    use kb::EntryId;
    use language::Language;

    use super::*;

    fn question(entry: &str, confidence: f32, fit: f32) -> Understanding {
        let scored = Scored {
            entry: EntryId(entry.to_owned()),
            question: entry.to_owned(),
            language: Language::Bo,
            confidence,
        };
        Understanding {
            candidates: vec![scored],
            fit: Some(fit),
            ..Understanding::of(Act::Question, Language::Bo, true)
        }
    }

    fn act(act: Act) -> Understanding {
        Understanding::of(act, Language::Zh, true)
    }

    fn heard<'a>(first: &'a Understanding, whole: &'a Understanding, rest: &'a Understanding) -> Heard<'a> {
        Heard { first, whole, rest, rest_is_short: false, asked_back: false, dictated: false }
    }

    #[test]
    fn a_question_cut_in_the_middle_is_one() {
        let (first, rest) = (question("a", 0.5, -4.0), question("b", 0.3, -5.0));
        assert_eq!(continuation(&heard(&first, &question("a", 0.9, -0.8), &rest)), Continuation::Whole);
        // And where the whole is not known for sure either, it is still what was said.
        assert_eq!(continuation(&heard(&first, &question("a", 0.4, -3.0), &rest)), Continuation::Whole);
    }

    #[test]
    fn a_question_that_began_as_another_whole_one_is_the_longer_one() {
        let (short, long) = (question("card", 0.8, -0.6), question("card-lost", 0.9, -0.7));
        assert_eq!(continuation(&heard(&short, &long, &question("x", 0.2, -6.0))), Continuation::Whole);
    }

    #[test]
    fn what_was_right_is_not_answered_again() {
        let first = question("a", 0.9, -0.5);
        let second = question("b", 0.9, -0.5);
        let both = question("a", 0.5, -4.5);
        assert_eq!(continuation(&heard(&first, &both, &second)), Continuation::Apart);
        let unknown = question("b", 0.2, -5.0);
        assert_eq!(continuation(&heard(&first, &both, &unknown)), Continuation::Apart);
        let noise = Heard { rest_is_short: true, ..heard(&first, &both, &unknown) };
        assert_eq!(continuation(&noise), Continuation::Nothing);
        let same = question("a", 0.9, -0.9);
        assert_eq!(continuation(&heard(&first, &same, &unknown)), Continuation::Nothing);
        // Where the words are shown, the log must hold all of them.
        let dictated = Heard { dictated: true, ..heard(&first, &same, &unknown) };
        assert_eq!(continuation(&dictated), Continuation::Whole);
        // Taken for whole, but much worse than the beginning alone.
        let strained = question("c", 0.7, -1.9);
        assert_eq!(continuation(&heard(&first, &strained, &second)), Continuation::Apart);
    }

    #[test]
    fn a_false_start_is_forgotten_for_the_question_after_it() {
        let (first, both) = (question("x", 0.2, -6.0), question("a", 0.5, -3.0));
        assert_eq!(continuation(&heard(&first, &both, &question("a", 0.9, -0.6))), Continuation::Rest);
        let hello = act(Act::Greeting);
        assert_eq!(continuation(&heard(&hello, &both, &question("a", 0.9, -0.6))), Continuation::Apart);
    }

    #[test]
    fn a_cough_after_what_was_not_understood_changes_nothing() {
        let (first, rest) = (question("a", 0.3, -5.0), question("b", 0.1, -7.0));
        let less = question("a", 0.2, -5.5);
        let cough = Heard { rest_is_short: true, ..heard(&first, &less, &rest) };
        assert_eq!(continuation(&cough), Continuation::Nothing);
        let more = question("a", 0.5, -3.0);
        let word = Heard { rest_is_short: true, ..heard(&first, &more, &rest) };
        assert_eq!(continuation(&word), Continuation::Whole, "a short word may be the one that was missing");
        assert_eq!(continuation(&heard(&first, &less, &rest)), Continuation::Whole, "a long one is no cough");
    }

    #[test]
    fn thanks_and_yes_do_not_interrupt_an_answer_and_answer_a_question_back() {
        let (first, both) = (question("a", 0.9, -0.5), question("a", 0.6, -3.0));
        for word in [Act::Yes, Act::No, Act::Thanks, Act::Greeting, Act::Choice(1)] {
            assert_eq!(continuation(&heard(&first, &both, &act(word))), Continuation::Nothing, "{word:?}");
        }
        let yes = act(Act::Yes);
        let asked = Heard { asked_back: true, ..heard(&first, &both, &yes) };
        assert_eq!(continuation(&asked), Continuation::Apart);
        for word in [Act::Person, Act::Repeat, Act::OtherLanguage] {
            assert_eq!(continuation(&heard(&first, &both, &act(word))), Continuation::Apart, "{word:?}");
        }
    }

    #[test]
    fn an_emergency_stands_and_is_heard_at_once() {
        let whole = question("a", 0.9, -0.5);
        let (help, first) = (act(Act::Emergency), question("a", 0.4, -4.0));
        assert_eq!(continuation(&heard(&help, &whole, &whole)), Continuation::Apart);
        assert_eq!(continuation(&heard(&first, &whole, &help)), Continuation::Apart);
        assert_eq!(continuation(&heard(&first, &help, &question("b", 0.1, -6.0))), Continuation::Whole);
    }
}
