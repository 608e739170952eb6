//! Large knowledge bases, made up by recombining real questions: as many words in common as real entries have, and no two
//! alike.

use std::collections::HashSet;

use anyhow::{Context, Result};
use intents::evaluate::measures::Draw;
use kb::{Collection, Entry, Sourced};
use language::Language;

use crate::bench::asked;
use crate::material::workspace;

/// Beginnings and ends of questions of one language, and places to ask about.
struct Pieces {
    language: Language,
    heads: Vec<String>,
    tails: Vec<String>,
    places: Vec<String>,
}

impl Pieces {
    fn of(collection: &Collection, language: Language) -> Result<Self> {
        let mut pieces = Self { language, heads: Vec::new(), tails: Vec::new(), places: places(language)? };
        for sourced in &collection.entries {
            let Some(text) = sourced.entry.text(language) else { continue };
            for question in std::iter::once(&text.question).chain(&text.variants) {
                let (head, tail) = halves(question.trim_end_matches(['？', '?', '།', '་', ' ']), language);
                pieces.heads.push(head);
                pieces.tails.push(tail);
            }
        }
        Ok(pieces)
    }

    fn question(&self, draw: &mut Draw) -> String {
        fn one<'a>(list: &'a [String], draw: &mut Draw) -> &'a str {
            &list[draw.below(list.len())]
        }
        let parts = [one(&self.places, draw), one(&self.heads, draw), one(&self.tails, draw)];
        parts.join(if self.language == Language::Bo { "་" } else { "" })
    }
}

fn halves(question: &str, language: Language) -> (String, String) {
    let (joint, units): (&str, Vec<String>) = match language {
        Language::Bo => ("་", question.split('་').map(str::to_owned).collect()),
        Language::Zh => ("", question.chars().map(String::from).collect()),
    };
    let (head, tail) = units.split_at(units.len() / 2);
    (head.join(joint), tail.join(joint))
}

/// Names of the places of Tibet down to counties.
fn places(language: Language) -> Result<Vec<String>> {
    let table =
        std::fs::read_to_string(workspace().join("kb/data/regions.tsv")).context("kb/data/regions.tsv")?;
    let column = if language == Language::Zh { 2 } else { 3 };
    let name = |line: &str| Some(line.split('\t').nth(column)?.split('|').next()?.to_owned());
    Ok(table.lines().skip(1).filter_map(name).filter(|name| !name.is_empty()).collect())
}

/// A knowledge base of that many entries, each with two questions in Chinese and one in Tibetan. The same seed gives the
/// same one.
pub(super) fn generate(entries: usize, seed: u64) -> Result<Collection> {
    let sample = Collection::load(&workspace().join("examples/knowledge/sample"))?;
    let (zh, bo) = (Pieces::of(&sample, Language::Zh)?, Pieces::of(&sample, Language::Bo)?);
    let mut draw = Draw::new(seed);
    let mut known: HashSet<String> = HashSet::new();
    let mut fresh = |pieces: &Pieces, draw: &mut Draw| loop {
        let question = pieces.question(draw);
        if question.chars().count() <= 150 && known.insert(language::search_key(&question)) {
            return question;
        }
    };
    let mut made = Vec::with_capacity(entries);
    for number in 0..entries {
        let mut entry: Entry = asked::entry(format!("g-{number}"), Language::Zh, &fresh(&zh, &mut draw));
        let another = fresh(&zh, &mut draw);
        if let Some(text) = &mut entry.zh {
            text.variants.push(another);
        }
        entry.bo = asked::entry(String::new(), Language::Bo, &fresh(&bo, &mut draw)).bo;
        made.push(Sourced { file: "generated".to_owned(), entry });
    }
    Ok(Collection { name: "generated".to_owned(), entries: made, ..Collection::default() })
}
