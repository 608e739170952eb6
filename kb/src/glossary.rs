//! The bilingual glossary: words and phrases of both languages that name the same concept.
//!
//! A citizen says 弄丢了, the entry says 补领; a Tibetan question meets an entry that exists in Chinese only. Both share no
//! word, but a concept. A glossary is a table of concepts with their forms; a text's concepts become terms of the index
//! beside its words, so that synonyms and the other language are found by the same arithmetic.
//!
//! Form: UTF-8, one concept a line, tabs between `concept`, `kind`, `zh`, `bo`, `broader`, `note`; forms in a cell separated
//! by `|`; lines that begin with `#` are comments. A knowledge base brings its own as `glossary.tsv` beside its YAML
//! files; it is added to the built-in one, which every knowledge base has.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use crate::{Kind, Position, Problem};

/// The glossary that ships: government services and how people speak of them. Its Tibetan awaits a native reviewer.
const BUILT_IN: &str = include_str!("../data/glossary.tsv");

/// The file beside the YAML files of a knowledge base.
pub const GLOSSARY_FILE: &str = "glossary.tsv";

const COLUMNS: [&str; 6] = ["concept", "kind", "zh", "bo", "broader", "note"];

/// What sort of thing a concept is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConceptKind {
    /// A document, benefit, office or object.
    Thing,
    /// What is done with it.
    Act,
    /// What is asked about it: cost, place, time, conditions.
    Aspect,
    /// A group of people or a relation.
    Who,
    /// A time.
    When,
    /// A place.
    Where,
    /// A condition something or somebody is in.
    State,
}

impl ConceptKind {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "thing" => Self::Thing,
            "act" => Self::Act,
            "aspect" => Self::Aspect,
            "who" => Self::Who,
            "when" => Self::When,
            "where" => Self::Where,
            "state" => Self::State,
            _ => return None,
        })
    }
}

/// One concept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concept {
    /// Its kebab-case name.
    pub id: String,
    /// What sort of thing it is.
    pub kind: ConceptKind,
    /// The next wider concept.
    pub broader: Option<String>,
    /// Its forms in Chinese and in Tibetan, as written.
    pub forms: Vec<String>,
}

/// Concepts with their forms, ready to be found in texts.
#[derive(Clone, Debug, Default)]
pub struct Glossary {
    concepts: Vec<Concept>,
    by_id: HashMap<String, u32>,
    /// By the units of a form ([`language::syllables`] keys): numbers of the concepts it names.
    forms: HashMap<Vec<String>, Vec<u32>>,
    /// First units of forms, with the longest form that begins so: most places in a text are dismissed by one look.
    longest_by_first: HashMap<String, usize>,
}

/// A concept found in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mention {
    /// Number of the concept.
    pub concept: u32,
    /// The first unit of the form …
    pub start: usize,
    /// … and the first after it.
    pub end: usize,
}

impl Glossary {
    /// The glossary that ships.
    pub fn built_in() -> &'static Arc<Self> {
        static GLOSSARY: OnceLock<Arc<Glossary>> = OnceLock::new();
        GLOSSARY.get_or_init(|| Arc::new(Self::new(Self::parse("built-in", BUILT_IN).0)))
    }

    /// The built-in glossary with further concepts; forms of a concept of the same name are added to it.
    pub fn with(concepts: Vec<Concept>) -> Arc<Self> {
        if concepts.is_empty() {
            return Arc::clone(Self::built_in());
        }
        Arc::new(Self::new(Self::built_in().concepts.iter().cloned().chain(concepts).collect()))
    }

    /// Prepares concepts. Those of the same name become one.
    pub fn new(concepts: Vec<Concept>) -> Self {
        let mut glossary = Self::default();
        for concept in concepts {
            let next = glossary.concepts.len() as u32;
            let number = *glossary.by_id.entry(concept.id.clone()).or_insert(next);
            for form in &concept.forms {
                glossary.add_form(form, number);
            }
            match glossary.concepts.get_mut(number as usize) {
                Some(known) => known.forms.extend(concept.forms),
                None => glossary.concepts.push(concept),
            }
        }
        glossary
    }

    fn add_form(&mut self, form: &str, concept: u32) {
        self.add_exact_form(form, concept);
        for form in with_case(form).into_iter().flatten() {
            self.add_exact_form(&form, concept);
        }
    }

    fn add_exact_form(&mut self, form: &str, concept: u32) {
        let units: Vec<String> = language::syllables(form).into_iter().map(|unit| unit.key).collect();
        let Some(first) = units.first() else { return };
        let longest = self.longest_by_first.entry(first.clone()).or_default();
        *longest = units.len().max(*longest);
        let concepts = self.forms.entry(units).or_default();
        if !concepts.contains(&concept) {
            concepts.push(concept);
        }
    }

    /// Reads a table; what cannot be read becomes a problem that names file and line.
    pub fn parse(file: &str, table: &str) -> (Vec<Concept>, Vec<Problem>) {
        let mut reader =
            TableReader { file, concepts: Vec::new(), problems: Vec::new(), lines: BTreeMap::new() };
        for (index, line) in table.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.trim_end_matches('\r');
            if !line.trim().is_empty() && !line.starts_with('#') && !is_header(line) {
                reader.line(index + 1, line);
            }
        }
        reader.check_references();
        (reader.concepts, reader.problems)
    }

    /// All concepts; a concept's position is its number.
    pub fn concepts(&self) -> &[Concept] {
        &self.concepts
    }

    /// The number of a concept.
    pub fn number(&self, id: &str) -> Option<u32> {
        self.by_id.get(id).copied()
    }

    /// The concepts of a text given by its units ([`language::syllables`] keys), in text order. A form inside a longer
    /// form does not count: 身份证 in 临时身份证 is another document.
    pub fn mentions(&self, units: &[String]) -> Vec<Mention> {
        let mut spans: Vec<(usize, usize)> = Vec::new();
        for start in 0..units.len() {
            let Some(longest) = self.longest_by_first.get(&units[start]) else { continue };
            let ends = start + 1..=(start + longest).min(units.len());
            let Some(end) = ends.rev().find(|end| self.forms.contains_key(&units[start..*end])) else {
                continue;
            };
            // The earlier of two that overlap counts, the longest at each place.
            if spans.last().is_none_or(|span| span.1 <= start) {
                spans.push((start, end));
            }
        }
        let concepts =
            |span: &(usize, usize)| self.forms.get(&units[span.0..span.1]).map_or(&[][..], Vec::as_slice);
        let mention =
            |span: &(usize, usize), concept: &u32| Mention { concept: *concept, start: span.0, end: span.1 };
        spans.iter().flat_map(|span| concepts(span).iter().map(|concept| mention(span, concept))).collect()
    }
}

/// A Tibetan form with the case endings that fuse with an open last syllable: ཕྲུ་གུ is asked for as ཕྲུ་གུར and ཕྲུ་གུས too. (The
/// others are affixes that search keys are without anyway.)
fn with_case(form: &str) -> Option<[String; 2]> {
    let is_letter = |c: &char| ('\u{f40}'..='\u{f6c}').contains(c);
    let last = form.rsplit('\u{f0b}').next()?;
    let letters = last.chars().filter(is_letter).count();
    // A last letter after another one is a suffix; a vowel sign or a subjoined letter at the end leaves the syllable open.
    let open = letters == 1 || letters > 1 && last.chars().last().is_some_and(|c| !is_letter(&c));
    (open && last.chars().all(|c| ('\u{f40}'..='\u{fbc}').contains(&c)))
        .then(|| ["ར", "ས"].map(|ending| format!("{form}{ending}")))
}

fn is_header(line: &str) -> bool {
    line.split('\t').next().is_some_and(|cell| cell.trim() == COLUMNS[0])
}

struct TableReader<'a> {
    file: &'a str,
    concepts: Vec<Concept>,
    problems: Vec<Problem>,
    /// By name: the line it stands on.
    lines: BTreeMap<String, usize>,
}

impl TableReader<'_> {
    fn problem(&mut self, line: usize, field: &str, message: String) {
        self.problems.push(Problem {
            kind: Kind::Glossary,
            file: self.file.to_owned(),
            position: Some(Position { line: line as u32, column: None }),
            field: field.to_owned(),
            message,
            ..Problem::default()
        });
    }

    fn line(&mut self, number: usize, line: &str) {
        let cells: Vec<&str> = line.split('\t').map(str::trim).collect();
        let cell = |at: usize| cells.get(at).copied().unwrap_or_default();
        if cells.len() < 4 || cells.len() > COLUMNS.len() {
            let message = format!(
                "has {} cells; the columns are {}, separated by tabs",
                cells.len(),
                COLUMNS.join(", ")
            );
            return self.problem(number, "", message);
        }
        let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if cell(0).is_empty() || !cell(0).chars().all(kebab) {
            let message = format!("{:?} is no name: use small ASCII letters, digits and hyphens", cell(0));
            return self.problem(number, "concept", message);
        }
        let Some(kind) = ConceptKind::parse(cell(1)) else {
            let message = format!("{:?} is none of thing, act, aspect, who, when, where, state", cell(1));
            return self.problem(number, "kind", message);
        };
        if let Some(first) = self.lines.get(cell(0)) {
            let message = format!("{} stands on line {first} already", cell(0));
            return self.problem(number, "concept", message);
        }
        let mut seen = HashSet::new();
        let cells_of_forms = cell(2).split('|').chain(cell(3).split('|')).map(str::trim);
        let forms: Vec<String> =
            cells_of_forms.filter(|form| !form.is_empty() && seen.insert(*form)).map(str::to_owned).collect();
        if forms.is_empty() {
            return self.problem(number, "zh", "has no form in either language".to_owned());
        }
        self.lines.insert(cell(0).to_owned(), number);
        let broader = Some(cell(4).to_owned()).filter(|name| !name.is_empty());
        self.concepts.push(Concept { id: cell(0).to_owned(), kind, broader, forms });
    }

    /// Wider concepts must exist, here or in the built-in glossary, and lead somewhere.
    fn check_references(&mut self) {
        let known = |id: &str| {
            self.lines.contains_key(id)
                || self.file != "built-in" && Glossary::built_in().number(id).is_some()
        };
        let broader: HashMap<&str, &str> =
            self.concepts.iter().filter_map(|c| Some((c.id.as_str(), c.broader.as_deref()?))).collect();
        let mut wrong = Vec::new();
        for concept in &self.concepts {
            let Some(wider) = &concept.broader else { continue };
            if !known(wider) {
                wrong.push((concept.id.clone(), format!("{wider} is no concept")));
                continue;
            }
            let mut at = wider.as_str();
            for _ in 0..=broader.len() {
                if at == concept.id {
                    wrong.push((concept.id.clone(), format!("{} is wider than itself", concept.id)));
                    break;
                }
                let Some(next) = broader.get(at) else { break };
                at = next;
            }
        }
        for (id, message) in wrong {
            let line = self.lines.get(&id).copied().unwrap_or_default();
            self.problem(line, "broader", message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(glossary: &Glossary, text: &str) -> Vec<String> {
        let units: Vec<String> = language::syllables(text).into_iter().map(|unit| unit.key).collect();
        let mentions = glossary.mentions(&units);
        mentions.iter().map(|m| glossary.concepts()[m.concept as usize].id.clone()).collect()
    }

    #[test]
    fn the_built_in_glossary_has_no_problems_and_both_languages() {
        let (concepts, problems) = Glossary::parse("built-in", BUILT_IN);
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(told.is_empty(), "{}", told.join("\n"));
        assert!(concepts.len() >= 1_000, "{} concepts", concepts.len());
        let tibetan =
            |form: &String| language::syllables(form).iter().any(|u| u.script == language::Script::Tibetan);
        let both = concepts.iter().filter(|c| c.forms.iter().any(tibetan)).count();
        assert!(both * 4 >= concepts.len() * 3, "only {both} have Tibetan forms");
    }

    #[test]
    fn both_languages_name_the_same_concept_and_longer_forms_go_before_shorter_ones() {
        let table = "concept\tkind\tzh\tbo\tbroader\tnote\nidcard\tthing\t身份证\tཐོབ་ཐང་ལག་འཁྱེར\t\t\n\
                     idcard-temporary\tthing\t临时身份证\tགནས་སྐབས་ཐོབ་ཐང་ལག་འཁྱེར\tidcard\t\nlost\tstate\t丢了|不见了\tབོར་སོང\t\t\n";
        let (concepts, problems) = Glossary::parse("g.tsv", table);
        assert!(problems.is_empty(), "{problems:?}");
        let glossary = Glossary::new(concepts);
        assert_eq!(named(&glossary, "我的身份证丢了"), ["idcard", "lost"]);
        assert_eq!(named(&glossary, "ངའི་ཐོབ་ཐང་ལག་འཁྱེར་བོར་སོང་"), ["idcard", "lost"]);
        assert_eq!(named(&glossary, "ངའི་身份证བོར་སོང་"), ["idcard", "lost"]);
        assert_eq!(named(&glossary, "临时身份证不见了"), ["idcard-temporary", "lost"]);
        assert!(named(&glossary, "").is_empty());
    }

    #[test]
    fn what_is_wrong_with_a_table_is_said_with_its_line() {
        let table = "a\tthing\t甲\t\t\nB\tthing\t乙\t\t\nc\tplace\t丙\t\t\na\tthing\t丁\t\t\ne\tthing\t \t|\t\nf\tthing\n\
                     g\tthing\t庚\t\tnowhere\nh\tact\t辛\t\ti\ni\tact\t壬\t\th\n";
        let (_, problems) = Glossary::parse("g.tsv", table);
        let lines: Vec<u32> = problems.iter().filter_map(|p| Some(p.position?.line)).collect();
        assert_eq!(lines, [2, 3, 4, 5, 6, 7, 8, 9]);
        assert!(problems.iter().all(|p| p.file == "g.tsv" && p.kind == Kind::Glossary));
    }
}
