//! People do not speak like a knowledge base: they begin with courtesies, hesitate, correct themselves, and say Chinese words in Tibetan sentences.

use std::sync::Arc;

use anyhow::Result;
use intents::{Memory, Settings, Understander, Utterance};
use kb::{Collection, Publication};
use language::Language;

use super::{super::Report, ear, hear, name_of};
use crate::{material, voices::HeldOutVoices};

/// Ways to speak around a question. `{q}` is the question, `{other}` the beginning of another one. The Tibetan awaits a native reviewer.
const WAYS: [(&str, Language, &str); 6] = [
    ("carrier phrases", Language::Zh, "你好，我想请问一下，{q}，麻烦你帮我看看"),
    ("carrier phrases", Language::Bo, "བཀྲ་ཤིས་བདེ་ལེགས། ངས་སྐད་ཆ་ཞིག་འདྲི་རྒྱུ་ཡོད། {q} ང་ལ་གསུང་རོགས་གནང་"),
    ("hesitations", Language::Zh, "嗯，那个，呃，{q}，嗯"),
    ("hesitations", Language::Bo, "ཨ་ནི། ཨ། འདི་གང་འདྲ་ཟེར་དགོས། {q} ཨ་ནི"),
    ("self-corrections", Language::Zh, "{other}，不对，我是说，{q}"),
    ("self-corrections", Language::Bo, "{other}། མ་རེད། ངས་ཟེར་རྒྱུ་ནི། {q}"),
];

/// Tibetan terms of the sample questions and the Chinese words that many people say for them.
const BORROWED: [(&str, &str); 8] = [
    ("ཐོབ་ཐང་ལག་འཁྱེར", "身份证"),
    ("གཉེན་སྒྲིག", "结婚"),
    ("སྤྱི་ཚོགས་འགན་སྲུང", "社保"),
    ("སྨན་བཅོས", "医疗"),
    ("ཁྲིམས་ཁྱིམ", "法院"),
    ("ཁ་གསབ", "补贴"),
    ("ཕྱིར་སྐྱོད་ལག་འཁྱེར", "护照"),
    ("དངུལ་ཁང", "银行"),
];

fn beginning(question: &str, language: Language) -> String {
    match language {
        Language::Zh => question.chars().take(4).collect(),
        Language::Bo => question.split_inclusive('་').take(3).collect(),
    }
}

/// Sample questions spoken by unheard synthetic voices as people speak, in both languages.
///
/// # Errors
/// Where a voice or the model fails.
pub fn as_people_speak(report: &mut Report) -> Result<()> {
    let Some(mut ear) = ear("models/seed")? else { return Ok(()) };
    let collection = Collection::load(&material::workspace().join("examples/knowledge/sample"))?;
    let mind = Understander::new(Arc::new(Publication::new(&collection)?), Settings::default())?;
    let voices = HeldOutVoices::load()?;
    let mut found = |language: Language, spoken: &[(String, String)]| -> Result<f64> {
        let mut first = 0_usize;
        for (number, (entry, text)) in spoken.iter().enumerate() {
            let samples = voices.say(number, text, language)?;
            let heard = hear(&mut ear, &samples, language)?;
            let utterance = Utterance::heard(String::new(), language, heard);
            let understood = mind.understand(&utterance, &Memory::default())?;
            first += usize::from(understood.candidates.first().is_some_and(|best| best.entry.0 == *entry));
        }
        Ok(first as f64 / spoken.len().max(1) as f64)
    };
    let questions = |language: Language| -> Vec<(String, String)> {
        collection
            .entries
            .iter()
            .filter_map(|sourced| {
                let question =
                    sourced.entry.text(language)?.question.trim_end_matches(['？', '།']).to_owned();
                Some((sourced.entry.id.0.clone(), question))
            })
            .collect()
    };
    for language in Language::ALL {
        let plain = questions(language);
        let value = found(language, &plain)?;
        report.tell(
            &format!("as people speak, {}: the plain question first", name_of(language)),
            value,
            "share",
        );
        for (name, _, way) in WAYS.iter().filter(|(_, l, _)| *l == language) {
            let spoken: Vec<(String, String)> = plain
                .iter()
                .enumerate()
                .map(|(number, (entry, question))| {
                    let other = beginning(&plain[(number + plain.len() / 2) % plain.len()].1, language);
                    (entry.clone(), way.replace("{q}", question).replace("{other}", &other))
                })
                .collect();
            let value = found(language, &spoken)?;
            report.at_least(
                &format!("as people speak, {}: {name}: first", name_of(language)),
                value,
                0.90,
                "share",
            );
        }
    }
    let borrowed: Vec<(String, String)> = questions(Language::Bo)
        .into_iter()
        .filter_map(|(entry, question)| {
            let (term, word) = BORROWED.iter().find(|(term, _)| question.contains(term))?;
            Some((entry, question.replacen(term, word, 1)))
        })
        .collect();
    let value = found(Language::Bo, &borrowed)?;
    println!("    {} questions", borrowed.len());
    report.at_least("as people speak, Tibetan: a Chinese term in it: first", value, 0.90, "share");
    Ok(())
}
