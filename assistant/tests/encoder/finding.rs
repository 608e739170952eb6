//! A question that shares no word with any entry is found by its meaning: from the configuration through publication,
//! calibration and search to the decision.
//!
//! The words are made up, of characters and syllables that occur in no other word, so that neither a glossary nor a sound nor
//! a shared character can be what finds an entry.

use std::{
    collections::HashSet,
    fs,
    path::Path,
    sync::{Arc, LazyLock},
};

use assistant::{
    Configuration, encoder,
    knowledge::{Brain, Memory},
};
use intents::{Decision, Settings, Understander, Utterance};
use kb::{Collection, Publication, View};
use language::Language::{self, Bo, Zh};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::tiny::{self, Export};

/// Things that people ask about, and what they want to know of them; every pair is an entry.
const THINGS: usize = 10;
const WANTS: usize = 4;
/// Words of one meaning in each language. The knowledge base uses all but the last.
const SYNONYMS: usize = 5;

/// The word for a meaning (things first, then wants) in a language: two units each.
fn word(meaning: usize, language: Language, synonym: usize) -> String {
    static CHINESE: LazyLock<Vec<String>> =
        LazyLock::new(|| distinct((0x5000..0x9000).step_by(3).filter_map(char::from_u32).map(String::from)));
    static TIBETAN: LazyLock<Vec<String>> = LazyLock::new(|| distinct(syllables()));
    let units = match language {
        Zh => &*CHINESE,
        Bo => &*TIBETAN,
    };
    units[(meaning * SYNONYMS + synonym) * 2..][..2].concat()
}

/// Tibetan syllables: consonant, vowel, final.
fn syllables() -> impl Iterator<Item = String> {
    let consonants = "ཀཁགངཅཆཇཉཏཐདནཔཕབམཙཚཛཝཞཟཡརལཤསཧ".chars();
    consonants.flat_map(|c| {
        ["", "ི", "ུ", "ེ", "ོ"].into_iter().flat_map(move |vowel| {
            ["", "ང", "མ", "བ", "ག"].into_iter().map(move |f| format!("{c}{vowel}{f}་"))
        })
    })
}

/// Of these units, those that sound like none before, as many as words need.
fn distinct(units: impl Iterator<Item = String>) -> Vec<String> {
    let mut sounds = HashSet::new();
    let new = |unit: &String| {
        let sound = language::phonetic_key(unit);
        !sound.is_empty() && sounds.insert(sound)
    };
    units.filter(new).take((THINGS + WANTS) * SYNONYMS * 2).collect()
}

fn question(entry: usize, language: Language, synonym: usize) -> String {
    let (thing, want) = (entry / WANTS, THINGS + entry % WANTS);
    word(thing, language, synonym) + &word(want, language, synonym)
}

fn knowledge_base(folder: &Path) {
    let text = |entry: usize, language: Language| -> Value {
        let answer = match language {
            Zh => "示例答复。",
            Bo => "དཔེ་མཚོན་གྱི་ལན།",
        };
        let variants: Vec<String> = (1..SYNONYMS - 1).map(|s| question(entry, language, s)).collect();
        json!({"question": question(entry, language, 0), "variants": variants, "spoken": answer, "written": answer,
               "review": "sample"})
    };
    let entries: Vec<Value> = (0..THINGS * WANTS)
        .map(|entry| {
            json!({"id": format!("entry-{entry}"), "topic": "made-up", "sample": true, "zh": text(entry, Zh),
                   "bo": text(entry, Bo)})
        })
        .collect();
    let file = json!({"format": "drilen-kb/1", "name": "made up", "entries": entries});
    // JSON is YAML.
    fs::write(folder.join("made-up.yaml"), file.to_string()).unwrap();
}

struct House {
    folder: TempDir,
    configuration: Configuration,
}

fn house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("knowledge")).unwrap();
    knowledge_base(&at("knowledge"));
    let meanings: Vec<Vec<String>> = (0..THINGS + WANTS)
        .map(|m| Language::ALL.into_iter().flat_map(|l| (0..SYNONYMS).map(move |s| word(m, l, s))).collect())
        .collect();
    // The last mark of a Tibetan text is no part of its last word.
    let meanings: Vec<Vec<String>> = meanings
        .into_iter()
        .map(|words: Vec<String>| words.iter().map(|word| word.trim_end_matches('་').to_owned()).collect())
        .collect();
    tiny::write(&at("encoder"), &meanings, &Export::default());
    let settings = format!(
        "[server]\ndata = \"{}\"\n[understanding.encoder]\npath = \"{}\"",
        at("data").display(),
        at("encoder").display()
    );
    House { configuration: Configuration::with(&settings).unwrap(), folder }
}

fn brain(house: &House, configuration: &Configuration) -> Arc<Brain> {
    Arc::new(Brain::open(&house.folder.path().join("knowledge"), configuration).unwrap())
}

fn decision(brain: &Arc<Brain>, text: String, language: Language) -> Decision {
    let utterance = Utterance::typed(text, language);
    brain.think(&utterance, &Memory::default(), None).decision
}

/// Entries asked for in words that the knowledge base has nowhere: Chinese, Tibetan, and both in one question.
fn unseen() -> Vec<(usize, String, Language)> {
    let last = SYNONYMS - 1;
    (0..THINGS * WANTS)
        .flat_map(|entry| {
            let mixed = word(entry / WANTS, Bo, last) + &word(THINGS + entry % WANTS, Zh, last);
            [
                (entry, question(entry, Zh, last), Zh),
                (entry, question(entry, Bo, last), Bo),
                (entry, mixed, Bo),
            ]
        })
        .collect()
}

#[test]
fn the_made_up_words_share_no_character_and_no_sound() {
    for language in Language::ALL {
        let (mut units, mut sounds) = (HashSet::new(), HashSet::new());
        for word in (0..THINGS + WANTS).flat_map(|m| (0..SYNONYMS).map(move |s| word(m, language, s))) {
            let own = language::syllables(&word);
            assert_eq!(own.len(), 2, "{word}");
            assert!(own.iter().all(|unit| units.insert(unit.key.clone())), "{word}");
            assert!(language::phonetic_key(&word).into_iter().all(|sound| sounds.insert(sound)), "{word}");
        }
    }
}

#[test]
fn a_question_that_shares_no_word_with_its_entry_is_found_by_its_meaning() {
    let house = house();
    let with = brain(&house, &house.configuration);
    assert!(with.publication().encoder().is_some_and(|name| name.starts_with("encoder:encoder@")));
    let without = brain(&house, &Configuration::with("").unwrap());
    let questions = unseen();
    let offers = |brain: &Arc<Brain>, text: &String, language: Language, own: &str| match decision(
        brain,
        text.clone(),
        language,
    ) {
        Decision::Answer { chosen, .. } => {
            assert_eq!(chosen.entry.0, own, "{text} is answered wrongly");
            true
        }
        Decision::Clarify { choices } => choices.iter().any(|choice| choice.entry.0 == own),
        _ => false,
    };
    let (mut found, mut found_without) = (0, 0);
    for (entry, text, language) in &questions {
        let own = format!("entry-{entry}");
        let candidates = with.candidates(&Utterance::typed(text.clone(), *language));
        assert_eq!(candidates.first().map(|scored| &scored.entry.0), Some(&own), "{text}");
        found += usize::from(offers(&with, text, *language, &own));
        found_without += usize::from(offers(&without, text, *language, &own));
    }
    println!("{found} of {} answered or offered with the encoder, {found_without} without", questions.len());
    assert!(found * 10 >= questions.len() * 9, "only {found} of {}", questions.len());
    assert!(
        found_without * 10 <= questions.len(),
        "{found_without} without the encoder: the words are not strange enough"
    );
}

#[test]
fn the_dense_view_gets_its_weight_from_calibration_and_none_without_an_encoder() {
    let house = house();
    let collection = Collection::load(&house.folder.path().join("knowledge")).unwrap();
    for configuration in [Configuration::with("").unwrap(), house.configuration.clone()] {
        let mut publication = Publication::new(&collection).unwrap();
        encoder::add_to(&mut publication, &configuration).unwrap();
        let encodes = publication.encoder().is_some();
        let understander = Understander::new(Arc::new(publication), Settings::default()).unwrap();
        for language in Language::ALL {
            let fit = understander.calibration().text.get(language);
            let weight = |view: View| fit.model.weights[view as usize];
            let dense = weight(View::Dense) + weight(View::DenseGathered);
            assert!(if encodes { dense > 1.0 } else { dense == 0.0 }, "{language}: {dense}");
        }
    }
}

#[test]
fn what_no_entry_means_is_not_answered_although_the_encoder_knows_its_words() {
    let house = house();
    let brain = brain(&house, &house.configuration);
    for text in
        [word(0, Zh, 4), word(3, Bo, 4), word(THINGS + 1, Bo, 4) + "😀", "今天天气真好 གནམ་གཤིས་".to_owned()]
    {
        let decided = decision(&brain, text.clone(), Zh);
        assert!(!matches!(decided, Decision::Answer { .. }), "{text}: {decided:?}");
    }
}

#[test]
fn publishing_again_reads_the_vectors_from_disk_and_gives_the_same_answers() {
    let house = house();
    let first = brain(&house, &house.configuration);
    let cached: Vec<_> = fs::read_dir(house.folder.path().join("data/encoder")).unwrap().collect();
    assert_eq!(cached.len(), 1);
    let second = brain(&house, &house.configuration);
    for (_, text, language) in unseen().into_iter().step_by(7) {
        assert_eq!(decision(&first, text.clone(), language), decision(&second, text, language));
    }
}

#[test]
fn an_encoder_that_cannot_be_loaded_does_not_stop_the_service() {
    let house = house();
    fs::remove_file(house.folder.path().join("encoder/tokenizer.json")).unwrap();
    let brain = brain(&house, &house.configuration);
    assert!(brain.publication().encoder().is_none());
    let asked = question(7, Bo, 1);
    assert!(
        matches!(decision(&brain, asked, Bo), Decision::Answer { chosen, .. } if chosen.entry.0 == "entry-7")
    );
}
