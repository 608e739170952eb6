//! CTC prefix beam search with contextual biasing.
//!
//! Every prefix (a text so far) carries the probability of all its paths that end in a blank and of all those that do not
//! (Hannun et al. 2014, algorithm 1). Prefixes are ranked by that probability times e^bonus, where the bonus is what the
//! [`ContextGraph`] gives so far: shallow fusion.

use std::collections::HashMap;

use super::{
    ContextGraph, Decoded, LogPosteriors, State,
    align::{align, log_probability},
    floored, log_add, mean_confidence,
};

/// Classes whose posterior is under e⁻¹⁵ of the frame's best are not tried: no bonus of a token ([`super::MOST_WEIGHT`])
/// makes up for that.
const MARGIN: f32 = 15.0;

/// Most classes tried in a frame beside those that continue an expected phrase, per prefix kept: flat frames of a large
/// vocabulary would otherwise cost thousands.
const CLASSES_PER_PREFIX: usize = 2;

/// At least so many classes are tried whatever the beam is.
const FEWEST_CLASSES: usize = 24;

/// The empty text.
const ROOT: u32 = 0;

/// A text so far, as its last class and the text before.
struct Prefix {
    parent: u32,
    class: u32,
    state: State,
    /// What the context graph has given so far.
    bonus: f32,
}

/// All texts that the search has met.
struct Prefixes<'a> {
    context: Option<&'a ContextGraph>,
    all: Vec<Prefix>,
    children: HashMap<(u32, u32), u32>,
}

impl Prefixes<'_> {
    /// The text that is one class longer.
    fn child(&mut self, parent: u32, class: u32) -> u32 {
        if let Some(&known) = self.children.get(&(parent, class)) {
            return known;
        }
        let Prefix { state, bonus, .. } = self.all[parent as usize];
        let (state, step) = self.context.map_or((state, 0.0), |graph| graph.step(state, class));
        let number = self.all.len() as u32;
        self.all.push(Prefix { parent, class, state, bonus: bonus + step });
        self.children.insert((parent, class), number);
        number
    }

    fn classes(&self, mut number: u32) -> Vec<u32> {
        let mut classes = Vec::new();
        while number != ROOT {
            let prefix = &self.all[number as usize];
            classes.push(prefix.class);
            number = prefix.parent;
        }
        classes.reverse();
        classes
    }
}

/// Log-probability of a prefix's paths that end in a blank, and of those that do not.
#[derive(Clone, Copy)]
struct Mass {
    blank: f32,
    other: f32,
}

impl Mass {
    const NONE: Self = Self { blank: f32::NEG_INFINITY, other: f32::NEG_INFINITY };

    fn total(self) -> f32 {
        log_add(self.blank, self.other)
    }
}

/// The search; see [`super::decode`].
pub(super) fn search(
    posteriors: LogPosteriors<'_>,
    beam: usize,
    nbest: usize,
    context: Option<&ContextGraph>,
) -> Vec<Decoded> {
    let blank = posteriors.blank();
    let root = Prefix { parent: ROOT, class: blank as u32, state: State::default(), bonus: 0.0 };
    let mut prefixes = Prefixes { context, all: vec![root], children: HashMap::new() };
    let mut kept: Vec<(u32, Mass)> = vec![(ROOT, Mass { blank: 0.0, other: f32::NEG_INFINITY })];
    let mut grown: HashMap<u32, Mass> = HashMap::new();
    for frame in 0..posteriors.frames() {
        let likely = likely_classes(posteriors, frame, (beam * CLASSES_PER_PREFIX).max(FEWEST_CLASSES));
        let floor = likely.first().map_or(0.0, |&best| posteriors.at(frame, best as usize)) - MARGIN;
        grown.clear();
        for &(number, mass) in &kept {
            let total = mass.total();
            let own = grown.entry(number).or_insert(Mass::NONE);
            own.blank = log_add(own.blank, total + posteriors.at(frame, blank));
            let Prefix { class: last, state, .. } = prefixes.all[number as usize];
            if number != ROOT {
                own.other = log_add(own.other, mass.other + posteriors.at(frame, last as usize));
            }
            let mut extend = |class: u32| {
                // The same class again is a new token only after a blank.
                let from = if number != ROOT && class == last { mass.blank } else { total };
                if from > f32::NEG_INFINITY {
                    let child = prefixes.child(number, class);
                    let longer = grown.entry(child).or_insert(Mass::NONE);
                    longer.other = log_add(longer.other, from + posteriors.at(frame, class as usize));
                }
            };
            for &class in likely.iter().filter(|&&class| class as usize != blank) {
                extend(class);
            }
            let expected = context.into_iter().flat_map(|graph| graph.next_classes(state));
            for class in expected.filter(|&class| (class as usize) < posteriors.classes()) {
                let worth = posteriors.at(frame, class as usize) >= floor;
                if worth && class as usize != blank && !likely.contains(&class) {
                    extend(class);
                }
            }
        }
        kept.clear();
        kept.extend(grown.iter().map(|(&number, &mass)| (number, mass)));
        let score = |&(number, mass): &(u32, Mass)| mass.total() + prefixes.all[number as usize].bonus;
        // Ties go to the older prefix, so that a result does not hang on a hash map's order.
        kept.sort_unstable_by(|a, b| score(b).total_cmp(&score(a)).then(a.0.cmp(&b.0)));
        kept.truncate(beam);
    }
    finish(posteriors, &prefixes, &kept, nbest)
}

/// The likeliest classes of a frame, best first: at most `most`, none far below the best.
fn likely_classes(posteriors: LogPosteriors<'_>, frame: usize, most: usize) -> Vec<u32> {
    let row = posteriors.row(frame);
    let best = row.iter().fold(f32::NEG_INFINITY, |best, &value| best.max(floored(value)));
    let mut likely: Vec<u32> =
        (0..row.len() as u32).filter(|&class| floored(row[class as usize]) >= best - MARGIN).collect();
    let order =
        |a: &u32, b: &u32| floored(row[*b as usize]).total_cmp(&floored(row[*a as usize])).then(a.cmp(b));
    if likely.len() > most {
        likely.select_nth_unstable_by(most - 1, order);
        likely.truncate(most);
    }
    likely.sort_unstable_by(order);
    likely
}

/// Exact probabilities for what is left, what half-matched phrases were lent is taken back, and the best are laid onto
/// the frames.
fn finish(
    posteriors: LogPosteriors<'_>,
    prefixes: &Prefixes<'_>,
    kept: &[(u32, Mass)],
    nbest: usize,
) -> Vec<Decoded> {
    let mut readings: Vec<Decoded> = kept
        .iter()
        .map(|&(number, _)| {
            let prefix = &prefixes.all[number as usize];
            let classes = prefixes.classes(number);
            let bonus = prefix.bonus + prefixes.context.map_or(0.0, |graph| graph.finish(prefix.state));
            let token = |class| super::DecodedToken { class, start: 0, end: 0, confidence: 0.0 };
            Decoded {
                log_probability: log_probability(posteriors, &classes),
                // What is refunded in other steps than it was lent leaves a rounding error.
                bonus: if bonus.abs() < 1e-4 { 0.0 } else { bonus },
                tokens: classes.into_iter().map(token).collect(),
                confidence: 0.0,
            }
        })
        .collect();
    let score = |reading: &Decoded| reading.log_probability + reading.bonus;
    readings.sort_by(|a, b| score(b).total_cmp(&score(a)));
    let all = readings.iter().map(score).fold(f32::NEG_INFINITY, log_add);
    readings.truncate(nbest);
    for reading in &mut readings {
        let share = (score(reading) - all).exp();
        // Every prefix that was found has a path.
        reading.tokens = align(posteriors, &reading.classes()).unwrap_or_default();
        reading.confidence = share * mean_confidence(&reading.tokens);
    }
    readings
}
