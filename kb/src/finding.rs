//! What a check finds in an entry: in English for people who keep the files, and as a code with its values for pages that say it
//! in their own language.

use std::fmt;

use language::Language;

use crate::Date;

/// A value of a finding.
trait Value: fmt::Display {
    /// As it is told to programs.
    fn told(&self) -> String {
        self.to_string()
    }
}

impl Value for String {}
impl Value for usize {}
impl Value for i32 {}
impl Value for Date {}

/// A language: its name to people, its code to programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tongue(pub Language);

impl fmt::Display for Tongue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Language::Bo => "Tibetan",
            Language::Zh => "Chinese",
        })
    }
}

impl Value for Tongue {
    fn told(&self) -> String {
        self.0.code().to_owned()
    }
}

/// For how many days, where that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age(pub Option<u32>);

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(days) => write!(f, "for {days} days"),
            None => f.write_str("nobody wrote since when"),
        }
    }
}

impl Value for Age {
    fn told(&self) -> String {
        self.0.map(|days| days.to_string()).unwrap_or_default()
    }
}

/// One list for the variants, their codes and their words, so that none can lack one of them.
macro_rules! findings {
    ($($(#[$doc:meta])* $name:ident $({ $($field:ident: $type:ty),+ })? = $code:literal, $words:literal;)+) => {
        /// What a check finds. Its text is readable after the name of the field that it is about.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "a value is named for what it is, and stands in the words beside it")]
        pub enum Finding {
            $($(#[$doc])* $name $({ $($field: $type),+ })?,)+
        }

        impl Finding {
            /// Every code, and the names of its values.
            pub const ALL: &[(&str, &[&str])] = &[$(($code, &[$($(stringify!($field)),+)?])),+];

            /// What it is, for programs: never changes its meaning.
            pub const fn code(&self) -> &'static str {
                match self {
                    $(Self::$name $({ $($field: _),+ })? => $code,)+
                }
            }

            /// What its words are about, by name.
            pub fn values(&self) -> Vec<(&'static str, String)> {
                match self {
                    $(Self::$name $({ $($field),+ })? => vec![$($((stringify!($field), $field.told())),+)?],)+
                }
            }
        }

        impl fmt::Display for Finding {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name $({ $($field),+ })? => write!(f, $words),)+
                }
            }
        }
    };
}

findings! {
    /// An id that another entry has.
    IdUsedTwice { first: String } = "id-used-twice", "is used twice (first in {first})";
    /// A knowledge base without entries.
    NoEntries = "no-entries", "there are none";
    /// An id that is not written as ids are.
    BadId = "bad-id", "must be words of a-z and 0-9 joined by hyphens, at most 64 characters";
    /// A field that has to be filled in.
    Empty = "empty", "is empty";
    /// A list with an empty item.
    EmptyItem = "empty-item", "has an empty item";
    /// An entry without a text.
    NoText = "no-text", "has a text in neither language";
    /// Lists of different lengths.
    OutOfStep { zh: usize, bo: usize } = "out-of-step",
        "{zh} in Chinese but {bo} in Tibetan: languages are out of step";
    /// A question that is too long.
    QuestionTooLong { most: usize } = "question-too-long", "is longer than {most} characters";
    /// A question in another language than its field says.
    QuestionInOtherScript = "question-in-other-script",
        "holds no letter of its language: is it in the wrong place?";
    /// Few ways of asking.
    FewQuestions { count: usize } = "few-questions", "{count} ways of asking: more are found more often";
    /// A spoken answer that is too long.
    LongToSay { syllables: usize, most: usize } = "long-to-say",
        "takes {syllables} syllables to say; more than {most} are hard to follow";
    /// A link that is not encrypted, or none.
    LinkNotHttps { url: String } = "link-not-https", "“{url}” does not begin with https://";
    /// A link with a character that does not belong there.
    LinkCharacter { url: String } = "link-character", "“{url}” holds a character that no address may have";
    /// A link with a user's name.
    LinkNamesUser { url: String } = "link-names-user", "“{url}” names a user: browsers warn of it";
    /// A link with a broken port.
    LinkPort { url: String } = "link-port", "“{url}” has a port that is no number";
    /// A link without a host.
    LinkHost { url: String } = "link-host", "“{url}” has no proper host name";
    /// Days in the wrong order.
    NeverValid { from: Date, until: Date } = "never-valid", "{until} is before {from}: it never holds";
    /// An entry that has ended.
    Ended { until: Date, days: i32 } = "ended", "it ended on {until}, {days} days ago, and is not served";
    /// An entry that has not begun.
    NotBegun { from: Date, days: i32 } = "not-begun",
        "it begins on {from}, in {days} days, and is not served before";
    /// A particular answer that is for nobody in particular.
    AnswerForNobody = "answer-for-nobody", "has neither a place nor a group: nobody would get it";
    /// Two particular answers for the same people.
    AnswerTwice = "answer-twice", "is a second answer for the same place and group";
    /// A code that no place has.
    UnknownPlace { code: String } = "unknown-place",
        "“{code}” is not the code of a place in Tibet (GB/T 2260, six digits)";
    /// A group that is not written as groups are.
    BadGroup { group: String } = "bad-group",
        "“{group}” must be words of a-z and 0-9 joined by hyphens or underscores";
    /// A particular answer without a text.
    NothingParticular = "nothing-particular", "says nothing that the entry does not say";
    /// A particular answer in one language only.
    AnswerInOneLanguage = "answer-in-one-language",
        "is missing, the other language has it: languages are out of step";
    /// A particular answer in a language that the entry lacks.
    AnswerWithoutQuestion = "answer-without-question",
        "has an answer but the entry has no question in that language";
    /// A particular answer that is only heard or only seen.
    HalfAnAnswer = "half-an-answer", "has one of spoken and written: eye and ear would be told different things";
    /// People for whom two particular answers are meant.
    Overlap { group: String, place: String } = "overlap",
        "somebody of {group} in {place} gets the answer of the place; write one for both if that is wrong";
    /// A signature without a name.
    SignedByNobody = "signed-by-nobody", "is signed by nobody";
    /// A signature of the future.
    SignedInFuture { on: Date } = "signed-in-future", "is signed on {on}, which is still to come";
    /// No reviewer.
    NobodyReviewed = "nobody-reviewed", "is beyond draft, but nobody signed a review";
    /// No publisher.
    NobodyPublished = "nobody-published", "is published, but nobody signed for it";
    /// One person for both.
    OnePerson = "one-person", "reviewer and publisher are one person";
    /// Another text than the reviewed one.
    ChangedSinceReview { by: String, on: Date } = "changed-since-review",
        "the text was changed after {by} reviewed it on {on}: it is a draft again";
    /// Another text than the published one.
    ChangedSincePublication { by: String, on: Date } = "changed-since-publication",
        "the text was changed after {by} published it on {on}";
    /// An approval of which nobody knows when.
    ApprovedWithoutSignature = "approved-without-signature",
        "was approved before signatures were kept: its age is not known";
    /// One language of an unpublished entry.
    TranslationMissing { this: Tongue, other: Tongue } = "translation-missing",
        "the {this} of a {other} answer is missing";
    /// One language of a published entry.
    PublishedTranslationMissing { this: Tongue, other: Tongue, age: Age } = "published-translation-missing",
        "the {this} of a published {other} answer is missing ({age})";
    /// A translation of an older text.
    TranslationOutdated { this: Tongue, other: Tongue, age: Age } = "translation-outdated",
        "the {this} is older than the {other} ({age})";
    /// A translation of an older text, while the newer one is published.
    PublishedTranslationOutdated { this: Tongue, other: Tongue, age: Age } = "published-translation-outdated",
        "the {this} is older than the published {other} ({age})";
    /// A translation that is not published yet.
    TranslationUnpublished { this: Tongue, other: Tongue } = "translation-unpublished",
        "the {other} is published, the {this} is not yet";
    /// One question twice.
    SameQuestion { text: String, other: String, entry: String, at: String } = "same-question",
        "“{text}” is the same question as “{other}” in entry {entry}, {at}";
    /// One question twice, but for what does not change it.
    SameButForParticles { text: String, other: String, entry: String, at: String } = "same-but-for-particles",
        "“{text}” is but for particles the same question as “{other}” in entry {entry}, {at}";
    /// Two questions that differ little.
    NearlySame { text: String, other: String, entry: String, at: String } = "nearly-same",
        "“{text}” is nearly the same question as “{other}” in entry {entry}, {at}";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_list_for_pages_has_every_finding_once() {
        let line = |(code, values): &(&str, &[&str])| [&[*code], *values].concat().join(" ") + "\n";
        let list: String = Finding::ALL.iter().map(line).collect();
        assert_eq!(
            include_str!("../findings.txt"),
            list,
            "findings.txt is to be written anew, and pages need words"
        );
        let codes: HashSet<_> = Finding::ALL.iter().map(|(code, _)| code).collect();
        assert_eq!(codes.len(), Finding::ALL.len());
    }

    #[test]
    fn languages_and_ages_are_words_to_people_and_data_to_programs() {
        let (this, other) = (Tongue(Language::Bo), Tongue(Language::Zh));
        let outdated = Finding::TranslationOutdated { this, other, age: Age(Some(37)) };
        assert_eq!(outdated.to_string(), "the Tibetan is older than the Chinese (for 37 days)");
        assert_eq!(outdated.code(), "translation-outdated");
        let told = [("this", "bo"), ("other", "zh"), ("age", "37")];
        assert_eq!(outdated.values(), told.map(|(name, value)| (name, value.to_owned())));
    }
}
