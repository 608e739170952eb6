//! How a knowledge base speaks, unit by unit: what a recogniser of phones needs to take dictation.
//!
//! A recogniser whose units are phones cannot tell words apart, let alone write them. Joined with a lexicon (every written unit with the
//! ways it is said) and a model of which unit follows which, it can: a beam search over the posteriors (in `speech`) finds the likeliest text.
//! Both are learned from the knowledge base's own texts, because no other text of the two languages speaks of its matters.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::utterance::{self, Slot};
use crate::{Language, Phone, Script};

/// The unit that stands for the edge of a text.
const EDGE: u32 = 0;

/// What a form counts beside a text.
const FORM_WEIGHT: f32 = 0.5;

/// The last two units; [`UnitModel::START`] before the first.
pub type UnitContext = (u32, u32);

/// A text that somebody may have said, and how much of the probability it has among its rivals.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The words, as the knowledge base writes them.
    pub text: String,
    /// 0 to 1; all readings of one utterance sum to 1.
    pub share: f32,
}

/// A node of the tree of all units' pronunciations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UnitNode {
    /// What may follow, ascending by phone.
    pub children: Vec<(Phone, u32)>,
    /// The units that are said by now.
    pub units: Vec<u32>,
    /// The greatest log-probability, whatever came before, of a unit that is said here or further down.
    pub ahead: f32,
}

/// Units (Chinese characters, Tibetan syllables, numbers), the ways to say them, and how likely each is after two others: counts of three, two
/// and one in a row, interpolated as by Witten & Bell (1991), "The zero-frequency problem".
#[derive(Clone, Debug, Default)]
pub struct UnitModel {
    names: Vec<String>,
    /// By unit: the language that it is written in; numbers are in none.
    languages: Vec<Option<Language>>,
    numbers: FxHashMap<String, u32>,
    /// `ln P` by unit, whatever came before.
    alone: Vec<f32>,
    /// By unit: how often something followed it, and how many different units did.
    after_one: Vec<(f32, f32)>,
    after_two: FxHashMap<UnitContext, (f32, f32)>,
    pairs: FxHashMap<(u32, u32), f32>,
    triples: FxHashMap<(u32, u32, u32), f32>,
    tree: Vec<UnitNode>,
}

impl UnitModel {
    /// The context before the first unit.
    pub const START: UnitContext = (EDGE, EDGE);

    /// The root of [`Self::tree`].
    pub const ROOT: u32 = 0;

    /// Learns from texts, each with its language and how much it counts. `whole` texts teach how texts begin and end; forms and names do not.
    pub fn learn<'a>(texts: impl IntoIterator<Item = Lesson<'a>>) -> Self {
        let mut model = Self { tree: vec![UnitNode::default()], ..Self::default() };
        let mut counts = vec![0.0];
        model.names.push(String::new());
        let mut said: FxHashSet<(u32, Vec<Phone>)> = FxHashSet::default();
        for lesson in texts {
            let slots = utterance::read(lesson.text, lesson.language);
            let mut run = if lesson.whole { vec![EDGE, EDGE] } else { Vec::new() };
            let from = run.len();
            for slot in &slots {
                let name = &lesson.text[slot.range.clone()];
                let mut unit = None;
                for phones in ways(slot).filter(|phones| !phones.is_empty()) {
                    let unit = *unit.get_or_insert_with(|| model.unit(name, &mut counts));
                    if said.insert((unit, phones.clone())) {
                        model.grow(unit, &phones);
                    }
                }
                run.extend(unit);
            }
            if lesson.whole {
                run.push(EDGE);
            }
            model.count(&run, from, lesson.weight, &mut counts);
        }
        model.settle(&counts);
        model
    }

    fn unit(&mut self, name: &str, counts: &mut Vec<f32>) -> u32 {
        if let Some(&known) = self.numbers.get(name) {
            return known;
        }
        let number = self.names.len() as u32;
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        counts.push(0.0);
        number
    }

    fn grow(&mut self, unit: u32, phones: &[Phone]) {
        let mut at = Self::ROOT;
        for &phone in phones {
            let next = self.tree.len() as u32;
            let children = &mut self.tree[at as usize].children;
            at = match children.binary_search_by_key(&phone, |(phone, _)| *phone) {
                Ok(known) => children[known].1,
                Err(place) => {
                    children.insert(place, (phone, next));
                    self.tree.push(UnitNode::default());
                    next
                }
            };
        }
        self.tree[at as usize].units.push(unit);
    }

    fn count(&mut self, run: &[u32], from: usize, weight: f32, counts: &mut [f32]) {
        for at in from..run.len() {
            counts[run[at] as usize] += weight;
            if at > 0 {
                *self.pairs.entry((run[at - 1], run[at])).or_default() += weight;
            }
            if at > 1 {
                *self.triples.entry((run[at - 2], run[at - 1], run[at])).or_default() += weight;
            }
        }
    }

    /// Sums, and what lies ahead in the tree.
    fn settle(&mut self, counts: &[f32]) {
        let total: f32 = counts.iter().sum();
        let kinds = counts.len() as f32;
        // One in `kinds` for what was never counted (units of forms that weigh nothing).
        self.alone = counts.iter().map(|count| ((count + 1.0) / (total + kinds)).ln()).collect();
        self.after_one = vec![(0.0, 0.0); counts.len()];
        for (&(before, _), &count) in &self.pairs {
            let (sum, different) = &mut self.after_one[before as usize];
            *sum += count;
            *different += 1.0;
        }
        for (&(first, second, _), &count) in &self.triples {
            let (sum, different) = self.after_two.entry((first, second)).or_default();
            *sum += count;
            *different += 1.0;
        }
        self.languages = self.names.iter().map(|name| name.chars().find_map(language_of)).collect();
        // Children are younger than their parents.
        for at in (0..self.tree.len()).rev() {
            let node = &self.tree[at];
            let own = node.units.iter().map(|unit| self.alone[*unit as usize]);
            let below = node.children.iter().map(|(_, child)| self.tree[*child as usize].ahead);
            let ahead = own.chain(below).fold(f32::NEG_INFINITY, f32::max);
            self.tree[at].ahead = ahead;
        }
    }

    /// All pronunciations as a tree; every node but the root has one parent, which is older.
    pub fn tree(&self) -> &[UnitNode] {
        &self.tree
    }

    /// How many units there are, the edge included.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is nothing to write with.
    pub fn is_empty(&self) -> bool {
        self.names.len() <= 1
    }

    /// `ln P(unit | context)`.
    pub fn log_probability(&self, context: UnitContext, unit: u32) -> f32 {
        let (first, second) = context;
        let mut share = self.alone[unit as usize].exp();
        let (sum, different) = self.after_one[second as usize];
        if sum > 0.0 {
            let count = self.pairs.get(&(second, unit)).copied().unwrap_or_default();
            share = (count + different * share) / (sum + different);
        }
        if let Some((sum, different)) = self.after_two.get(&(first, second)) {
            let count = self.triples.get(&(first, second, unit)).copied().unwrap_or_default();
            share = (count + different * share) / (sum + different);
        }
        share.ln()
    }

    /// Whether a unit is of the other language than the one before it, and was never seen after it: nobody changes language at every word.
    pub fn switches(&self, before: u32, unit: u32) -> bool {
        let (one, other) = (self.languages[before as usize], self.languages[unit as usize]);
        matches!((one, other), (Some(one), Some(other)) if one != other)
            && !self.pairs.contains_key(&(before, unit))
    }

    /// `ln P` of a text ending after a context.
    pub fn log_probability_of_end(&self, context: UnitContext) -> f32 {
        self.log_probability(context, EDGE)
    }

    /// Units as a text.
    pub fn write(&self, units: &[u32]) -> String {
        let mut text = String::new();
        for &unit in units {
            let name = &self.names[unit as usize];
            if name.starts_with(is_tibetan) && text.ends_with(is_tibetan) {
                text.push('་');
            }
            text.push_str(name);
        }
        text
    }
}

fn language_of(c: char) -> Option<Language> {
    match Script::of(c) {
        Script::Tibetan => Some(Language::Bo),
        Script::Han => Some(Language::Zh),
        _ => None,
    }
}

fn is_tibetan(c: char) -> bool {
    Script::of(c) == Script::Tibetan
}

/// A text to learn from.
#[derive(Clone, Copy, Debug)]
pub struct Lesson<'a> {
    /// The text.
    pub text: &'a str,
    /// Its language, which decides how numbers are said.
    pub language: Language,
    /// How often it counts.
    pub weight: f32,
    /// Whether its beginning and end are those of something that is said.
    pub whole: bool,
}

impl<'a> Lesson<'a> {
    /// Something that is said as it stands.
    pub fn whole(text: &'a str, language: Language) -> Self {
        Self { text, language, weight: 1.0, whole: true }
    }

    /// A form of a glossary, a sign: words that stand in texts. They count half, since it is not known how often they are said; their script
    /// is their language.
    pub fn form(text: &'a str) -> Self {
        let language = text.chars().find_map(language_of).unwrap_or(Language::Zh);
        Self { text, language, weight: FORM_WEIGHT, whole: false }
    }
}

/// The ways to say a unit, each as phones.
fn ways(slot: &Slot) -> impl Iterator<Item = Vec<Phone>> {
    slot.choices.iter().chain(&slot.careful).map(|spoken| {
        let mut phones = Vec::new();
        for syllable in spoken {
            syllable.push_phones(&mut phones);
        }
        phones
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> UnitModel {
        UnitModel::learn([
            Lesson::whole("身份证丢了怎么补办", Language::Zh),
            Lesson::whole("身份证快过期了怎么换", Language::Zh),
            Lesson::whole("ངའི་ཐོབ་ཐང་ལག་འཁྱེར་བོར་སོང་", Language::Bo),
        ])
    }

    #[test]
    fn what_follows_is_likelier_than_what_does_not_and_all_of_it_sums_to_one() {
        let model = model();
        let unit = |name: &str| model.numbers[name];
        let context = (unit("身"), unit("份"));
        assert!(
            model.log_probability(context, unit("证")) > model.log_probability(context, unit("办")) + 1.0
        );
        for context in [UnitModel::START, context, (unit("办"), unit("换")), (unit("ལག"), unit("འཁྱེར"))]
        {
            let sum: f32 =
                (0..model.len() as u32).map(|unit| model.log_probability(context, unit).exp()).sum();
            assert!((sum - 1.0).abs() < 1e-4, "{context:?}: {sum}");
        }
    }

    #[test]
    fn every_unit_is_reached_by_its_phones() {
        let model = model();
        let mut reached = FxHashSet::default();
        let mut waiting = vec![UnitModel::ROOT];
        while let Some(at) = waiting.pop() {
            let node = &model.tree()[at as usize];
            reached.extend(node.units.iter().copied());
            waiting.extend(node.children.iter().map(|(_, child)| *child));
        }
        assert_eq!(reached.len() + 1, model.len());
    }

    #[test]
    fn only_unheard_of_changes_of_language_are_switches() {
        let mixed = Lesson::whole("ངའི་身份证", Language::Bo);
        let model = UnitModel::learn([Lesson::whole("我换", Language::Zh), mixed]);
        let unit = |name: &str| model.numbers[name];
        assert!(!model.switches(unit("ངའི"), unit("身")));
        assert!(model.switches(unit("ངའི"), unit("换")));
        assert!(!model.switches(unit("我"), unit("身")));
        assert!(!model.switches(EDGE, unit("ངའི")));
    }

    #[test]
    fn syllables_are_written_with_their_dot_between_them() {
        let model = model();
        let units: Vec<u32> = ["身", "ལག", "འཁྱེར", "证"].map(|name| model.numbers[name]).into();
        assert_eq!(model.write(&units), "身ལག་འཁྱེར证");
    }
}
