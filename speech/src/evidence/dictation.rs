//! From posteriors of phones to the likeliest texts: a time-synchronous beam search over a tree of pronunciations with a model of units.
//!
//! Source: Ortmanns, Ney & Aubert 1997, "A word graph algorithm for large vocabulary continuous speech recognition" (the tree, its copies by
//! history, and probabilities that are looked ahead to), over the topology of CTC. The best alignment stands for all of them.
//!
//! Widths are from `fit-dictation` on every fifth labelled question of the sample knowledge base: a beam of 12 nats and 300 hypotheses finds no more than 8 nats
//! and 80, and takes five times as long.

use language::{Phone, Reading, UnitContext, UnitModel};
use rustc_hash::FxHashMap;

use super::Posteriors;

/// How much the model of units counts against the sound.
const MODEL_WEIGHT: f32 = 0.6;

/// Nats for every unit, so that the model does not favour short texts.
const PER_UNIT: f32 = 1.0;

/// Nats off for a change of language that the knowledge base has nowhere.
const SWITCH: f32 = 2.0;

/// Posteriors below e to this count as this: one phone that was not heard at all shall not decide.
const FLOOR: f32 = -9.0;

/// Hypotheses this many nats below the best are given up …
const BEAM: f32 = 10.0;

/// … and all but so many.
const MOST: usize = 160;

/// Phones that are tried in a frame.
const PHONES: usize = 8;

/// Units of one sound that are tried after a context.
const HOMOPHONES: usize = 5;

/// How much of a difference in score is believed when probability is shared out.
const SHARPNESS: f32 = 0.5;

/// No unit yet.
const NOTHING: u32 = u32::MAX;

/// Where a hypothesis is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Place {
    context: UnitContext,
    node: u32,
    /// The phone of the last frame; [`Phone::BLANK`] after a blank.
    last: Phone,
}

#[derive(Clone, Copy, Debug)]
struct Hypothesis {
    place: Place,
    score: f32,
    /// The last unit in [`Search::said`].
    said: u32,
}

struct Search<'a> {
    model: &'a UnitModel,
    /// Units with the number of the one before.
    said: Vec<(u32, u32)>,
    /// The likeliest units that end in a node after a context.
    homophones: FxHashMap<(UnitContext, u32), Vec<(u32, f32)>>,
    grown: Vec<Hypothesis>,
    places: FxHashMap<Place, u32>,
}

/// What the model says of a unit after others, in nats.
fn likelihood(model: &UnitModel, context: UnitContext, unit: u32) -> f32 {
    let switch = if model.switches(context.1, unit) { SWITCH } else { 0.0 };
    model.log_probability(context, unit) - switch
}

/// The likeliest texts, best first.
pub(super) fn readings(posteriors: &Posteriors, model: &UnitModel, most: usize) -> Vec<Reading> {
    if model.is_empty() || most == 0 {
        return Vec::new();
    }
    let mut search = Search {
        model,
        said: Vec::new(),
        homophones: FxHashMap::default(),
        grown: Vec::new(),
        places: FxHashMap::default(),
    };
    let start = Place { context: UnitModel::START, node: UnitModel::ROOT, last: Phone::BLANK };
    let mut kept = vec![Hypothesis { place: start, score: 0.0, said: NOTHING }];
    for frame in 0..posteriors.frames() {
        search.step(posteriors.row(frame), posteriors.blank(), &mut kept);
    }
    search.finish(&kept, most)
}

impl Search<'_> {
    fn step(&mut self, row: &[f32], blank: usize, kept: &mut Vec<Hypothesis>) {
        let at = |phone: Phone| row.get(phone.0 as usize).map_or(FLOOR, |log| log.max(FLOOR));
        let silence = row[blank].max(FLOOR);
        let mut phones: Vec<Phone> = (0..row.len())
            .filter(|class| *class != blank && row[*class] > FLOOR)
            .map(|class| Phone(class as u8))
            .collect();
        phones.sort_unstable_by(|a, b| at(*b).total_cmp(&at(*a)).then(a.cmp(b)));
        phones.truncate(PHONES);
        self.grown.clear();
        self.places.clear();
        for hypothesis in kept.iter() {
            let Hypothesis { place, score, said } = *hypothesis;
            self.push(Hypothesis {
                place: Place { last: Phone::BLANK, ..place },
                score: score + silence,
                said,
            });
            if place.last != Phone::BLANK {
                self.push(Hypothesis { score: score + at(place.last), ..*hypothesis });
            }
            let ahead = self.ahead(place.node);
            for &phone in phones.iter().filter(|phone| **phone != place.last) {
                let children = &self.model.tree()[place.node as usize].children;
                let Ok(child) = children.binary_search_by_key(&phone, |(phone, _)| *phone) else { continue };
                let node = children[child].1;
                let score = score + at(phone) + MODEL_WEIGHT * (self.ahead(node) - ahead);
                self.enter(Hypothesis { place: Place { node, last: phone, ..place }, score, said });
            }
        }
        self.prune(kept);
    }

    /// What is looked ahead to; nothing at the root, where a unit has just been paid for.
    fn ahead(&self, node: u32) -> f32 {
        if node == UnitModel::ROOT { 0.0 } else { self.model.tree()[node as usize].ahead }
    }

    /// A hypothesis that has come to a node with a new phone: it goes on there, and as every unit that ends there.
    fn enter(&mut self, hypothesis: Hypothesis) {
        let Place { context, node, last } = hypothesis.place;
        let model = self.model;
        let here = &model.tree()[node as usize];
        if !here.children.is_empty() {
            self.push(hypothesis);
        }
        if here.units.is_empty() {
            return;
        }
        let known = self.homophones.entry((context, node)).or_insert_with(|| {
            let mut likely: Vec<(u32, f32)> =
                here.units.iter().map(|unit| (*unit, likelihood(model, context, *unit))).collect();
            likely.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            likely.truncate(HOMOPHONES);
            likely
        });
        for (unit, log) in known.clone() {
            let place = Place { context: (context.1, unit), node: UnitModel::ROOT, last };
            let score = hypothesis.score + MODEL_WEIGHT * (log - here.ahead) + PER_UNIT;
            if self.push(Hypothesis { place, score, said: self.said.len() as u32 }) {
                self.said.push((unit, hypothesis.said));
            }
        }
    }

    /// Whether the hypothesis is the best in its place so far; it is kept then.
    fn push(&mut self, hypothesis: Hypothesis) -> bool {
        let next = self.grown.len() as u32;
        let number = *self.places.entry(hypothesis.place).or_insert(next);
        if number == next {
            self.grown.push(hypothesis);
            return true;
        }
        let known = &mut self.grown[number as usize];
        let better = hypothesis.score > known.score;
        if better {
            *known = hypothesis;
        }
        better
    }

    fn prune(&self, kept: &mut Vec<Hypothesis>) {
        let best = self.grown.iter().map(|hypothesis| hypothesis.score).fold(f32::NEG_INFINITY, f32::max);
        kept.clear();
        kept.extend(self.grown.iter().filter(|hypothesis| hypothesis.score >= best - BEAM));
        if kept.len() > MOST {
            kept.select_nth_unstable_by(MOST, |a, b| b.score.total_cmp(&a.score));
            kept.truncate(MOST);
        }
    }

    fn finish(&self, kept: &[Hypothesis], most: usize) -> Vec<Reading> {
        let mut ended: Vec<(f32, u32)> = kept
            .iter()
            .filter(|hypothesis| hypothesis.place.node == UnitModel::ROOT && hypothesis.said != NOTHING)
            .map(|hypothesis| {
                let end = self.model.log_probability_of_end(hypothesis.place.context);
                (hypothesis.score + MODEL_WEIGHT * end, hypothesis.said)
            })
            .collect();
        ended.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut readings: Vec<(f32, String)> = Vec::new();
        for (score, said) in ended {
            let text = self.model.write(&self.units(said));
            if readings.iter().all(|(_, known)| *known != text) {
                readings.push((score, text));
            }
            if readings.len() == most {
                break;
            }
        }
        let Some(best) = readings.first().map(|(score, _)| *score) else { return Vec::new() };
        let part = |score: f32| (SHARPNESS * (score - best)).exp();
        let all: f32 = readings.iter().map(|(score, _)| part(*score)).sum();
        readings.into_iter().map(|(score, text)| Reading { text, share: part(score) / all }).collect()
    }

    fn units(&self, mut said: u32) -> Vec<u32> {
        let mut units = Vec::new();
        while let Some(&(unit, before)) = self.said.get(said as usize) {
            units.push(unit);
            said = before;
        }
        units.reverse();
        units
    }
}
