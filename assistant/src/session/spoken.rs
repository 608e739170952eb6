//! What of an event is said aloud.

use conversation::{Clarify, EventBody, SoundId, protocol::SoundSource};
use language::Language;

use crate::phrases::{Phrase, say, say_with};

/// Words of one language, for one voice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The words.
    pub text: String,
    /// Their language.
    pub language: Language,
}

/// Words to be spoken, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speech {
    /// The words, in order.
    pub passages: Vec<Passage>,
    /// Whose words they are.
    pub source: SoundSource,
    /// Whether their sound may be kept on disk.
    pub keep: bool,
    /// All of it, as somebody spoke it in this conversation.
    pub sound: Option<SoundId>,
}

/// What is said of an event in a conversation in `language`; `None` for events that are only shown.
pub fn speech(body: &EventBody, language: Language) -> Option<Speech> {
    let of =
        |passages: Vec<Passage>| Speech { passages, source: SoundSource::Synthetic, keep: true, sound: None };
    let own = |text: String, language: Language| of(vec![Passage { text, language }]);
    let speech = match body {
        EventBody::Answer(answer) => {
            let text = if answer.spoken.is_empty() { &answer.text } else { &answer.spoken };
            // Who only listens does not see the warning on the card.
            let outdated = answer.outdated_days.map(|_| say(Phrase::Outdated, answer.language));
            // Of its own, because a person may have read the answer aloud.
            let passages = outdated.into_iter().chain([text.as_str()]);
            of(passages.map(|text| Passage { text: text.to_owned(), language: answer.language }).collect())
        }
        EventBody::Clarify(clarify) => of(question_back(clarify, language)),
        EventBody::Say(say) => own(say.text.clone(), language),
        // These hold a name or a number and are cheap to make: not worth a place on disk.
        EventBody::Escalated(e) => Speech { keep: false, ..own(e.text.clone(), language) },
        EventBody::AgentJoined(e) => Speech { keep: false, ..own(e.text.clone(), language) },
        EventBody::AgentLeft(e) => own(e.text.clone(), language),
        EventBody::EscalationCancelled(e) => own(e.text.clone(), language),
        EventBody::Closed(e) => own(e.text.clone(), language),
        EventBody::Woken(e) => own(e.text.clone(), language),
        EventBody::CallbackRequested(e) => own(e.text.clone(), language),
        EventBody::CallbackAttempted(e) => own(e.text.clone(), language),
        EventBody::Reopened(e) => Speech { keep: false, ..own(e.text.clone(), language) },
        EventBody::SupervisorJoined(e) => Speech { keep: false, ..own(e.text.clone(), language) },
        EventBody::AgentMessage(message) => Speech {
            source: SoundSource::Agent,
            keep: false,
            sound: message.sound.as_ref().map(|sound| sound.id),
            ..own(message.text.clone(), message.language)
        },
        EventBody::Started(_)
        | EventBody::LanguageChanged(_)
        | EventBody::CitizenMessage(_)
        | EventBody::Offered(_)
        | EventBody::OfferEnded(_)
        | EventBody::Snoozed(_)
        | EventBody::Abandoned(_)
        | EventBody::SupervisorLeft(_)
        | EventBody::WrappedUp(_)
        | EventBody::Withdrawn(_)
        | EventBody::Interrupted(_)
        | EventBody::Call(_)
        | EventBody::Rated(_) => return None,
    };
    let anything =
        speech.sound.is_some() || speech.passages.iter().any(|passage| !passage.text.trim().is_empty());
    anything.then_some(speech)
}

/// The prompt, then the choices; what exists only in the other language is read out by that language's voice. The one
/// choice that is to be confirmed stands in the prompt, unless it is in the other language.
fn question_back(clarify: &Clarify, language: Language) -> Vec<Passage> {
    let mut out = vec![Passage { text: clarify.prompt.clone(), language }];
    let mut push = |text: String, language: Language| match out.last_mut() {
        Some(last) if last.language == language => {
            last.text.push('\n');
            last.text.push_str(&text);
        }
        _ => out.push(Passage { text, language }),
    };
    for (index, choice) in clarify.choices.iter().enumerate() {
        let number = (index + 1).to_string();
        let numbered = |phrase| {
            let values = [("number", number.as_str()), ("question", choice.question.as_str())];
            say_with(phrase, language, &values)
        };
        match (choice.language, clarify.confirm) {
            (Some(other), true) => push(choice.question.clone(), other),
            (Some(other), false) => {
                push(numbered(Phrase::ChoiceSpokenOtherLanguage), language);
                push(choice.question.clone(), other);
            }
            (None, true) => {}
            (None, false) => push(numbered(Phrase::ChoiceSpoken), language),
        }
    }
    out
}

/// Longest piece that is synthesized at once, in tenths of a Chinese character's length: about twelve seconds of speech,
/// so that the first sound comes soon and an interruption wastes little.
const LONGEST_SENTENCE: usize = 600;

/// How long a character takes to say, in tenths of a Chinese one: a Tibetan syllable is some three to four code points.
const fn length(c: char) -> usize {
    match c {
        '\u{3400}'..='\u{9FFF}' => 10,
        _ => 3,
    }
}

/// Splits words into sentences for the voice: at the full stops of both languages and at line ends; an overlong sentence
/// at its last comma or space. The pieces contain all of the text but surrounding white space.
pub fn sentences(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut current = String::new();
    let mut said = 0;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        current.push(c);
        said += length(c);
        let ends = match c {
            '。' | '！' | '？' | '；' | '\n' | '!' | '?' | ';' => true,
            // A decimal point or an abbreviation goes on; the end of a sentence is followed by white space.
            '.' => characters.peek().is_none_or(|next| next.is_whitespace()),
            // The shad ends a Tibetan clause; a second one (nyis shad) belongs to it.
            '།' | '༎' | '༏' | '༑' => !matches!(characters.peek(), Some('།' | '༎' | '༏' | '༑')),
            _ => false,
        };
        if ends {
            push(&mut out, &mut current);
            said = 0;
        } else if said >= LONGEST_SENTENCE {
            let rest = last_break(&current).map(|at| current.split_off(at)).unwrap_or_default();
            push(&mut out, &mut current);
            said = rest.chars().map(length).sum();
            current = rest;
        }
    }
    push(&mut out, &mut current);
    out
}

/// Where an overlong sentence is best cut, as a byte offset: after its last comma or space, or else its last syllable.
fn last_break(text: &str) -> Option<usize> {
    let after = |(at, mark): (usize, &str)| at + mark.len();
    let of = |marks: &[char]| text.rmatch_indices(marks).next().map(after).filter(|at| *at < text.len());
    of(&['，', '、', '：', ',', ' ']).or_else(|| of(&['་']))
}

fn push(out: &mut Vec<String>, current: &mut String) {
    let sentence = current.trim();
    if sentence.chars().any(char::is_alphanumeric) {
        out.push(sentence.to_owned());
    } else if let Some(last) = out.last_mut() {
        // Closing quotes and the like belong to the sentence before.
        last.push_str(sentence);
    }
    current.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_splits_at_its_full_stops() {
        assert_eq!(sentences("您好。请带身份证！可以吗？”"), ["您好。", "请带身份证！", "可以吗？”"]);
    }

    #[test]
    fn tibetan_splits_at_the_shad_and_keeps_double_ones_together() {
        assert_eq!(
            sentences("བཀྲ་ཤིས་བདེ་ལེགས། སྤྱི་ཚོགས་འགན་བཅོལ་བྱང་བུ།། 社保卡。"),
            ["བཀྲ་ཤིས་བདེ་ལེགས།", "སྤྱི་ཚོགས་འགན་བཅོལ་བྱང་བུ།།", "社保卡。"]
        );
    }

    #[test]
    fn an_outdated_answer_is_said_to_be_outdated_before_it_is_read_out() {
        let answer = |outdated_days| {
            let answer = serde_json::json!({
                "type": "answer", "reply_to": 1, "entry": "a", "revision": "r", "language": "bo", "question": "དྲི་བ།",
                "text": "ཡིག་ཐོག་གི་ལན།", "spoken": "ངག་ཐོག་གི་ལན།", "steps": [], "documents": [], "links": [], "confidence": 1.0,
                "sample": false, "awaiting_review": false, "outdated_days": outdated_days,
                "considered": []
            });
            let body: EventBody = serde_json::from_value(answer).unwrap();
            let passages = speech(&body, Language::Bo).unwrap().passages;
            passages.into_iter().map(|passage| passage.text).collect::<Vec<_>>()
        };
        assert_eq!(answer(None), ["ངག་ཐོག་གི་ལན།"]);
        for days in [0, 4] {
            assert_eq!(answer(Some(days)), [say(Phrase::Outdated, Language::Bo), "ངག་ཐོག་གི་ལན།"]);
        }
    }

    fn asked_back(choices: &serde_json::Value, confirm: bool) -> Vec<(Language, String)> {
        let body = serde_json::json!({
            "type": "clarify", "reply_to": 1, "prompt": "您想问的是哪一个？", "choices": choices, "confirm": confirm
        });
        let body: EventBody = serde_json::from_value(body).unwrap();
        let speech = speech(&body, Language::Zh).unwrap();
        speech.passages.into_iter().map(|passage| (passage.language, passage.text)).collect()
    }

    #[test]
    fn a_question_in_the_other_language_is_read_out_by_that_languages_voice() {
        let zh = |text: &str| (Language::Zh, text.to_owned());
        let bo = |text: &str| (Language::Bo, text.to_owned());
        let here = serde_json::json!({"entry": "a", "question": "怎么换身份证"});
        let there = serde_json::json!({"entry": "b", "question": "ཁ་གསབ་ནམ་སྤྲོད་དམ།", "language": "bo"});
        assert_eq!(
            asked_back(&serde_json::json!([here, there, here]), false),
            [
                zh("您想问的是哪一个？\n第1个：怎么换身份证\n第2个，只有藏文："),
                bo("ཁ་གསབ་ནམ་སྤྲོད་དམ།"),
                zh("第3个：怎么换身份证"),
            ]
        );
        assert_eq!(
            asked_back(&serde_json::json!([there]), true),
            [zh("您想问的是哪一个？"), bo("ཁ་གསབ་ནམ་སྤྲོད་དམ།")]
        );
        assert_eq!(asked_back(&serde_json::json!([here]), true), [zh("您想问的是哪一个？")]);
    }

    #[test]
    fn numbers_and_addresses_are_not_torn() {
        assert_eq!(
            sentences("费率是2.5%。网址www.example.cn见下。"),
            ["费率是2.5%。", "网址www.example.cn见下。"]
        );
    }

    #[test]
    fn an_endless_sentence_is_cut_at_a_comma() {
        let long = "这是一个很长的句子，".repeat(20);
        let pieces = sentences(&long);
        assert!(pieces.iter().all(|p| p.chars().count() <= 60 && p.ends_with('，')), "{pieces:?}");
        assert_eq!(pieces.concat(), long);
    }

    #[test]
    fn a_tibetan_sentence_of_ordinary_length_is_not_cut() {
        let sentence = "ཐོབ་ཐང་ལག་འཁྱེར་བརླགས་ན་སྔོན་ལ་མངགས་གཏོང་སར་ཐོ་འགོད་བྱེད་དགོས་རེད།";
        assert_eq!(sentences(sentence), [sentence]);
        let endless = "བཀྲ་ཤིས་".repeat(60);
        let pieces = sentences(&endless);
        assert!(pieces.len() > 1 && pieces.iter().all(|p| p.ends_with('་')), "{pieces:?}");
        assert_eq!(pieces.concat(), endless);
    }

    #[test]
    fn nothing_is_lost_but_white_space() {
        for text in ["", "   ", "། །", "嗯", "a. b! c\n\nd", "བོད་སྐད་དང་汉语མཉམ་དུ 3.14 ་།"]
        {
            let kept: String = sentences(text).concat().chars().filter(|c| c.is_alphanumeric()).collect();
            let all: String = text.chars().filter(|c| c.is_alphanumeric()).collect();
            assert_eq!(kept, all, "{text:?}");
        }
    }
}
