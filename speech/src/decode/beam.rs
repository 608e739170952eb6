//! CTC prefix beam search with contextual biasing.
//!
//! Every prefix (a text so far) carries the probability of all its paths that end in a blank and of all those that do not
//! (Hannun et al. 2014, algorithm 1). Prefixes are ranked by that probability times e^bonus, where the bonus is what the
//! [`Context`] gives so far: shallow fusion.

use rustc_hash::FxHashMap;

use super::{
    Context, Decoded, LogPosteriors,
    align::{align, log_probability},
    floored,
    graph::States,
    log_add, mean_confidence,
};

/// Classes whose posterior is under e⁻¹⁵ of the frame's best are not tried: no bonus of a token ([`super::MOST_WEIGHT`], from
/// both graphs of a context) makes up for that.
const MARGIN: f32 = 15.0;

/// A class that is none of the likely ones begins an expected phrase only where its posterior is at least e⁻⁶ of the frame's
/// best: a large knowledge base begins with nearly every class, and what is lent for the first one makes up for no more.
const BEGINNING_MARGIN: f32 = 6.0;

/// Most classes tried in a frame beside those of expected phrases, per prefix kept: flat frames of a large
/// vocabulary would otherwise cost thousands.
const CLASSES_PER_PREFIX: usize = 2;

/// At least so many classes are tried whatever the beam is.
const FEWEST_CLASSES: usize = 24;

/// The empty text.
const ROOT: u32 = 0;

/// A text so far, as its last class and the text before.
#[derive(Clone, Copy)]
struct Prefix {
    parent: u32,
    class: u32,
    states: States,
    /// What the context has given so far.
    bonus: f32,
}

/// All texts that were kept after some frame, and those that the present one has made.
struct Prefixes<'a> {
    context: Context<'a>,
    all: Vec<Prefix>,
    children: FxHashMap<(u32, u32), u32>,
}

impl Prefixes<'_> {
    /// The text that is one class longer.
    fn child(&mut self, parent: u32, class: u32) -> u32 {
        if let Some(&known) = self.children.get(&(parent, class)) {
            return known;
        }
        let Prefix { states, bonus, .. } = self.all[parent as usize];
        let (states, step) = self.context.step(states, class);
        let number = self.all.len() as u32;
        self.all.push(Prefix { parent, class, states, bonus: bonus + step });
        self.children.insert((parent, class), number);
        number
    }

    /// Forgets those of the texts from number `made` on that are not kept, and numbers the kept ones anew: what is remembered
    /// grows by no more than the beam with every frame. (Texts that were kept once stay, since others go on from them.)
    fn settle(&mut self, made: usize, kept: &mut [(u32, Mass)]) {
        let new = self.all.split_off(made);
        for prefix in &new {
            self.children.remove(&(prefix.parent, prefix.class));
        }
        for (number, _) in kept {
            let Some(place) = (*number as usize).checked_sub(made) else { continue };
            let prefix = new[place];
            *number = self.all.len() as u32;
            self.children.insert((prefix.parent, prefix.class), *number);
            self.all.push(prefix);
        }
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
    context: Context<'_>,
) -> Vec<Decoded> {
    let blank = posteriors.blank();
    let root = Prefix { parent: ROOT, class: blank as u32, states: context.begin(), bonus: 0.0 };
    let mut prefixes = Prefixes { context, all: vec![root], children: FxHashMap::default() };
    let mut kept: Vec<(u32, Mass)> = vec![(ROOT, Mass { blank: 0.0, other: f32::NEG_INFINITY })];
    let mut grown: FxHashMap<u32, Mass> = FxHashMap::default();
    for frame in 0..posteriors.frames() {
        let tried =
            tried_classes(posteriors, frame, (beam * CLASSES_PER_PREFIX).max(FEWEST_CLASSES), context);
        let made = prefixes.all.len();
        grown.clear();
        for &(number, mass) in &kept {
            let total = mass.total();
            let own = grown.entry(number).or_insert(Mass::NONE);
            own.blank = log_add(own.blank, total + posteriors.at(frame, blank));
            let Prefix { class: last, states, .. } = prefixes.all[number as usize];
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
            tried.classes.iter().for_each(|&class| extend(class));
            let mut more: Vec<u32> = context
                .next_classes(states)
                .filter(|&class| (class as usize) < posteriors.classes() && class as usize != blank)
                .filter(|&class| posteriors.at(frame, class as usize) >= tried.floor)
                .filter(|class| tried.classes.binary_search(class).is_err())
                .collect();
            more.sort_unstable();
            more.dedup();
            more.into_iter().for_each(extend);
        }
        kept.clear();
        kept.extend(grown.iter().map(|(&number, &mass)| (number, mass)));
        let score = |&(number, mass): &(u32, Mass)| mass.total() + prefixes.all[number as usize].bonus;
        // Ties go to the older prefix, so that a result does not hang on a hash map's order.
        kept.sort_unstable_by(|a, b| score(b).total_cmp(&score(a)).then(a.0.cmp(&b.0)));
        kept.truncate(beam);
        prefixes.settle(made, &mut kept);
    }
    finish(posteriors, &prefixes, &kept, nbest)
}

/// The classes that every prefix is tried with in a frame.
struct Tried {
    /// Ascending; the blank is none of them.
    classes: Vec<u32>,
    /// Log-posteriors below this are not tried at all.
    floor: f32,
}

/// The likeliest classes of a frame, at most `most`, none far below the best, and those that may begin an expected phrase.
fn tried_classes(posteriors: LogPosteriors<'_>, frame: usize, most: usize, context: Context<'_>) -> Tried {
    let row = posteriors.row(frame);
    let best = row.iter().fold(f32::NEG_INFINITY, |best, &value| best.max(floored(value)));
    let at = |class: u32| floored(row[class as usize]);
    let mut classes: Vec<u32> = (0..row.len() as u32).filter(|&class| at(class) >= best - MARGIN).collect();
    if classes.len() > most {
        classes.select_nth_unstable_by(most - 1, |&a, &b| at(b).total_cmp(&at(a)).then(a.cmp(&b)));
        classes.truncate(most);
    }
    let beginning = |&class: &u32| (class as usize) < row.len() && at(class) >= best - BEGINNING_MARGIN;
    classes.extend(context.first_classes().filter(beginning));
    classes.sort_unstable();
    classes.dedup();
    classes.retain(|&class| class as usize != posteriors.blank());
    Tried { classes, floor: best - MARGIN }
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
            let bonus = prefix.bonus + prefixes.context.finish(prefix.states);
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
