//! What the assistant says itself, in both languages: `zh.toml` and `bo.toml`, one key per [`Phrase`]. What is said about
//! queues and people stands beside the handoff, in [`conversation::phrases`].
//!
//! All Tibetan sentences await a native reviewer.
//!
//! ```
//! use assistant::phrases::{Phrase, say, say_with};
//! use language::Language;
//! assert!(say(Phrase::Greeting, Language::Zh).starts_with("您好"));
//! assert!(say_with(Phrase::ChoiceSpoken, Language::Bo, &[("number", "3")]).contains('3'));
//! ```

use std::{collections::HashMap, sync::LazyLock};

use conversation::{Channel, protocol::ErrorCode};
use intents::EmergencyKind;
use language::Language;
use speech::Complaint;

macro_rules! phrases {
    ($($(#[$doc:meta])* $name:ident = $key:literal,)*) => {
        /// A sentence of the assistant's own. Placeholders, in braces, are named in each variant's description.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Phrase { $($(#[$doc])* $name,)* }

        impl Phrase {
            /// All phrases.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The key in the phrase files.
            pub const fn key(self) -> &'static str {
                match self { $(Self::$name => $key,)* }
            }
        }
    };
}

phrases! {
    /// Answer to a greeting.
    Greeting = "greeting",
    /// Answer to thanks.
    Thanks = "thanks",
    /// Answer to a goodbye.
    Goodbye = "goodbye",
    /// Nothing fitted.
    NotUnderstood = "not_understood",
    /// None of what was offered was meant.
    SayOtherwise = "say_otherwise",
    /// There was no speech, or what was heard was lost.
    NotHeard = "not_heard",
    /// … because the sound was too faint.
    NotHeardQuiet = "not_heard_quiet",
    /// … because it was distorted.
    NotHeardLoud = "not_heard_loud",
    /// … because of what is around.
    NotHeardNoisy = "not_heard_noisy",
    /// Please ask again.
    RepeatQuestion = "repeat_question",
    /// "Say that again" before anything was said.
    NothingToRepeat = "nothing_to_repeat",
    /// What was given is no telephone number.
    NoNumber = "no_number",
    /// The time to be called back is over, or ends before it begins.
    NoTime = "no_time",
    /// Answer to "slower, please".
    Slower = "slower",
    /// Guidance to 110, 119 and 120, where it does not show what kind of emergency it is.
    Emergency = "emergency",
    /// … fire.
    EmergencyFire = "emergency_fire",
    /// … gas or fumes.
    EmergencyGas = "emergency_gas",
    /// … illness, injury, birth, poison.
    EmergencyMedical = "emergency_medical",
    /// … violence, a theft under way, a missing child.
    EmergencyCrime = "emergency_crime",
    /// … avalanche, earthquake, water, lost in the snow.
    EmergencyRescue = "emergency_rescue",
    /// … a road accident.
    EmergencyTraffic = "emergency_traffic",
    /// Answer to "louder, please".
    Louder = "louder",
    /// Answer to "let us start over".
    StartOver = "start_over",
    /// Where complaints are taken, and whether a person is wanted.
    Complaint = "complaint",
    /// Answer to small talk: what the assistant is for.
    SmallTalk = "small_talk",
    /// "What is it about?"
    ChooseTopic = "choose_topic",
    /// "Which prefecture is it about?"
    ChoosePlace = "choose_place",
    /// From now on in this language.
    LanguageChanged = "language_changed",
    /// "Did you ask …?": `{question}`.
    Confirm = "confirm",
    /// "Did you ask …?" of an entry that exists only in the other language; its question follows in that.
    ConfirmOtherLanguage = "confirm_other_language",
    /// "Which of these did you mean?"
    Choose = "choose",
    /// Said after it where some of the choices exist only in the other language.
    ChooseOtherLanguage = "choose_other_language",
    /// One choice read aloud: `{number}`, `{question}`.
    ChoiceSpoken = "choice_spoken",
    /// One choice that exists only in the other language, `{number}`; its question follows in that.
    ChoiceSpokenOtherLanguage = "choice_spoken_other_language",
    /// What a citizen chose who chose none of the choices.
    NoneOfThese = "none_of_these",
    /// The answer exists only in the other language and follows in it.
    OnlyOtherLanguage = "only_other_language",
    /// The other language has a newer answer; said before an answer is read out.
    Outdated = "outdated",
    /// The entry was withdrawn between the question and the choice.
    NoAnswerYet = "no_answer_yet",
    /// Something was said while waiting that the assistant cannot answer.
    AlreadyWaiting = "already_waiting",
    /// Another connection took the conversation over.
    TakenOver = "taken_over",
    /// The server is about to restart.
    Draining = "draining",
    /// Who is speaking, what is kept, what not to say.
    Notice = "notice",
    /// On the telephone: who is speaking, and what is kept.
    TelephoneNotice = "telephone_notice",
    /// … how to go on in this language: `{key}`.
    TelephoneLanguage = "telephone_language",
    /// … "What would you like to know?"
    TelephoneAsk = "telephone_ask",
    /// … which keys there are.
    TelephoneKeys = "telephone_keys",
    /// … "Are you there?"
    TelephoneSilence = "telephone_silence",
    /// … asked a second time, with the keys.
    TelephoneSilenceKeys = "telephone_silence_keys",
    /// … good-bye to whoever says nothing.
    TelephoneNobody = "telephone_nobody",
    /// … the line is too noisy to be heard over.
    TelephoneNoise = "telephone_noise",
    /// … what whoever waits can do meanwhile.
    TelephoneWaiting = "telephone_waiting",
    /// … how many are before them: `{count}`.
    TelephonePlace = "telephone_place",
    /// … a minute is left.
    TelephoneLongest = "telephone_longest",
    /// … the longest call is over.
    TelephoneOver = "telephone_over",
    /// … the call is being given to a person.
    TelephoneTransferring = "telephone_transferring",
    /// … which did not work.
    TelephoneTransferFailed = "telephone_transfer_failed",
    /// … the caller's number is withheld, so that nobody can call back.
    TelephoneNoCaller = "telephone_no_caller",
    /// … nobody can be heard at the moment.
    TelephoneDeaf = "telephone_deaf",
    /// … all lines are taken.
    TelephoneLineBusy = "telephone_line_busy",
    /// … the server is about to restart.
    TelephoneDraining = "telephone_draining",
    /// … to whoever is called back, before a person is there.
    TelephoneCallingBack = "telephone_calling_back",
    /// As [`Self::Confirm`], where keys answer.
    ConfirmByKey = "confirm_by_key",
    /// As [`Self::ConfirmOtherLanguage`], where keys answer.
    ConfirmOtherLanguageByKey = "confirm_other_language_by_key",
    /// As [`Self::Choose`], where keys answer.
    ChooseByKey = "choose_by_key",
    /// As [`Self::ChooseTopic`], where keys answer.
    ChooseTopicByKey = "choose_topic_by_key",
    /// As [`Self::ChoosePlace`], where keys answer.
    ChoosePlaceByKey = "choose_place_by_key",
    /// As [`Self::Greeting`], where nothing can be written.
    GreetingByVoice = "greeting_by_voice",
    /// As [`Self::NotHeardNoisy`], where nothing can be written.
    NotHeardNoisyByVoice = "not_heard_noisy_by_voice",
    /// Error `bad_json`.
    ErrorBadJson = "error_bad_json",
    /// Error `unknown_type`.
    ErrorUnknownType = "error_unknown_type",
    /// Error `bad_message`.
    ErrorBadMessage = "error_bad_message",
    /// Error `wrong_order`.
    ErrorWrongOrder = "error_wrong_order",
    /// Error `bad_token`.
    ErrorBadToken = "error_bad_token",
    /// Error `text_too_long`.
    ErrorTextTooLong = "error_text_too_long",
    /// Error `audio_too_long`.
    ErrorAudioTooLong = "error_audio_too_long",
    /// Error `bad_audio`.
    ErrorBadAudio = "error_bad_audio",
    /// Error `too_fast`.
    ErrorTooFast = "error_too_fast",
    /// Error `busy`.
    ErrorBusy = "error_busy",
    /// Said after it to whoever stands in the line: `{count}` others are before.
    WaitingBefore = "waiting_before",
    /// Error `closed`.
    ErrorClosed = "error_closed",
    /// Error `too_many`.
    ErrorTooMany = "error_too_many",
    /// Error `unavailable`: anything but the two below.
    ErrorUnavailable = "error_unavailable",
    /// Error `unavailable`: the recogniser; typing still works.
    ErrorUnavailableHearing = "error_unavailable_hearing",
    /// Error `unavailable`: the voice; answers are shown.
    ErrorUnavailableVoice = "error_unavailable_voice",
    /// Error `internal`.
    ErrorInternal = "error_internal",
}

impl Phrase {
    /// What to say where sound like that was not understood.
    pub const fn of_complaint(complaint: Complaint) -> Self {
        match complaint {
            Complaint::TooQuiet => Self::NotHeardQuiet,
            Complaint::TooLoud => Self::NotHeardLoud,
            Complaint::TooNoisy => Self::NotHeardNoisy,
        }
    }

    /// How it is put on a channel: on the telephone there is nothing to read, to write or to tap.
    #[must_use]
    pub const fn on(self, channel: Channel) -> Self {
        match (channel, self) {
            (Channel::Telephone, Self::Confirm) => Self::ConfirmByKey,
            (Channel::Telephone, Self::ConfirmOtherLanguage) => Self::ConfirmOtherLanguageByKey,
            (Channel::Telephone, Self::Choose) => Self::ChooseByKey,
            (Channel::Telephone, Self::ChooseTopic) => Self::ChooseTopicByKey,
            (Channel::Telephone, Self::ChoosePlace) => Self::ChoosePlaceByKey,
            (Channel::Telephone, Self::Greeting) => Self::GreetingByVoice,
            (Channel::Telephone, Self::NotHeardNoisy) => Self::NotHeardNoisyByVoice,
            (Channel::Portal | Channel::Telephone, phrase) => phrase,
        }
    }

    /// The guidance for a kind of emergency.
    pub const fn emergency(kind: EmergencyKind) -> Self {
        match kind {
            EmergencyKind::Fire => Self::EmergencyFire,
            EmergencyKind::Gas => Self::EmergencyGas,
            EmergencyKind::Medical => Self::EmergencyMedical,
            EmergencyKind::Crime => Self::EmergencyCrime,
            EmergencyKind::Rescue => Self::EmergencyRescue,
            EmergencyKind::Traffic => Self::EmergencyTraffic,
            EmergencyKind::Any => Self::Emergency,
        }
    }
}

/// Topics by the names that knowledge files give them; `topics.tsv`.
static TOPICS: LazyLock<HashMap<&str, [&str; 2]>> = LazyLock::new(|| {
    let rows = include_str!("topics.tsv").lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|line| {
        let mut cells = line.split('\t');
        Some((cells.next()?, [cells.next()?, cells.next()?]))
    })
    .collect()
});

/// What a topic is called; a topic that is not in `topics.tsv` goes by the name that the knowledge base gives it.
pub fn topic_name(topic: &str, language: Language) -> &str {
    match (TOPICS.get(topic), language) {
        (Some([zh, _]), Language::Zh) => zh,
        (Some([_, bo]), Language::Bo) => bo,
        (None, _) => topic,
    }
}

type Table = HashMap<String, String>;

static ZH: LazyLock<Table> = LazyLock::new(|| parse(include_str!("zh.toml")));
static BO: LazyLock<Table> = LazyLock::new(|| parse(include_str!("bo.toml")));

fn parse(text: &str) -> Table {
    toml::from_str(text).unwrap_or_else(|e| {
        tracing::error!(error = %e, "a phrase file is broken");
        Table::new()
    })
}

fn table(language: Language) -> &'static Table {
    match language {
        Language::Bo => &BO,
        Language::Zh => &ZH,
    }
}

/// The sentence in one language, placeholders and all.
pub fn say(phrase: Phrase, language: Language) -> &'static str {
    // A missing key cannot get past the tests; the key itself is the least bad thing to show.
    table(language).get(phrase.key()).map_or(phrase.key(), String::as_str)
}

/// The sentence with its placeholders filled; each value is inserted once and never searched for placeholders itself.
pub fn say_with(phrase: Phrase, language: Language, values: &[(&str, &str)]) -> String {
    let mut out = String::new();
    let mut rest = say(phrase, language);
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { break };
        out.push_str(before);
        out.push_str(values.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value));
        rest = after;
    }
    out + rest
}

/// The sentence in one language, or in both where nobody has said yet which one they speak.
pub fn say_to(phrase: Phrase, language: Option<Language>) -> String {
    match language {
        Some(language) => say(phrase, language).to_owned(),
        None => format!("{} {}", say(phrase, Language::Bo), say(phrase, Language::Zh)),
    }
}

/// The sentence for an error code, where no more special one fits.
pub const fn for_error(code: ErrorCode) -> Phrase {
    match code {
        ErrorCode::BadJson => Phrase::ErrorBadJson,
        ErrorCode::UnknownType => Phrase::ErrorUnknownType,
        ErrorCode::BadMessage => Phrase::ErrorBadMessage,
        ErrorCode::WrongOrder => Phrase::ErrorWrongOrder,
        ErrorCode::BadToken => Phrase::ErrorBadToken,
        ErrorCode::TextTooLong => Phrase::ErrorTextTooLong,
        ErrorCode::AudioTooLong => Phrase::ErrorAudioTooLong,
        ErrorCode::BadAudio => Phrase::ErrorBadAudio,
        ErrorCode::TooFast => Phrase::ErrorTooFast,
        ErrorCode::Busy => Phrase::ErrorBusy,
        ErrorCode::Closed => Phrase::ErrorClosed,
        ErrorCode::TooMany => Phrase::ErrorTooMany,
        ErrorCode::Unavailable => Phrase::ErrorUnavailable,
        ErrorCode::Internal => Phrase::ErrorInternal,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn placeholders(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect()
    }

    #[test]
    fn both_languages_have_exactly_the_phrases_of_the_code() {
        let expected: BTreeSet<&str> = Phrase::ALL.iter().map(|p| p.key()).collect();
        for language in Language::ALL {
            let found: BTreeSet<&str> = table(language).keys().map(String::as_str).collect();
            assert_eq!(found, expected, "{language}");
        }
    }

    #[test]
    fn both_languages_use_the_same_placeholders() {
        for phrase in Phrase::ALL {
            assert_eq!(
                placeholders(say(*phrase, Language::Zh)),
                placeholders(say(*phrase, Language::Bo)),
                "{phrase:?}"
            );
        }
    }

    #[test]
    fn chinese_phrases_are_chinese_and_tibetan_ones_tibetan() {
        let tibetan = |c: char| ('\u{0F00}'..='\u{0FFF}').contains(&c);
        let chinese = |c: char| ('\u{4E00}'..='\u{9FFF}').contains(&c);
        for phrase in Phrase::ALL {
            assert!(say(*phrase, Language::Bo).chars().any(tibetan), "{phrase:?}");
            assert!(!say(*phrase, Language::Bo).chars().any(chinese), "{phrase:?}");
            assert!(say(*phrase, Language::Zh).chars().any(chinese), "{phrase:?}");
            assert!(!say(*phrase, Language::Zh).chars().any(tibetan), "{phrase:?}");
        }
    }

    #[test]
    fn every_topic_has_a_name_in_both_languages_and_an_unknown_one_its_own() {
        for line in include_str!("topics.tsv").lines().filter(|line| !line.starts_with('#')) {
            assert_eq!(line.split('\t').filter(|cell| !cell.is_empty()).count(), 3, "{line}");
        }
        assert_ne!(topic_name("safety", Language::Zh), topic_name("safety", Language::Bo));
        assert_eq!(topic_name("渔业", Language::Bo), "渔业");
    }

    #[test]
    fn the_guidance_for_every_kind_of_emergency_names_its_number_first() {
        for (kind, first) in [
            (EmergencyKind::Fire, "119"),
            (EmergencyKind::Gas, "119"),
            (EmergencyKind::Medical, "120"),
            (EmergencyKind::Crime, "110"),
            (EmergencyKind::Rescue, "119"),
            (EmergencyKind::Traffic, "120"),
            (EmergencyKind::Any, "119"),
        ] {
            for language in Language::ALL {
                let text = say(Phrase::emergency(kind), language);
                let numbers = ["110", "119", "120", "122"];
                let earliest = numbers.iter().filter(|n| text.contains(**n)).min_by_key(|n| text.find(**n));
                assert_eq!(earliest, Some(&first), "{text}");
            }
        }
    }

    #[test]
    fn a_value_that_looks_like_a_placeholder_is_inserted_as_it_is() {
        assert_eq!(
            say_with(Phrase::Confirm, Language::Zh, &[("question", "{question}怎么བརྗེ")]),
            "您是想问：{question}怎么བརྗེ 对吗？"
        );
    }
}
