//! Comparing a question with the groups of an entry.

use std::ops::Range;

use language::Language;

use super::{ForwardIndex, Gathered, GroupTerms, Vector, dot, idf, unit};
use crate::analysis::{CONCEPTS, MIXED, SOUND, SPACES, Terms};
use crate::retrieve::{HeldOut, Scores, View};

/// BM25's saturation and length normalisation. Half the usual .75: a group with more ways of asking is longer, not wordier.
const K1: f32 = 1.2;
const B: f32 = 0.5;

/// A list up to so many times as long as the question is read through. Measured: a search costs about as much as so many reads.
const READ_THROUGH: usize = 16;

/// Of an entry's two languages, the question's own is preferred by this much likeness.
const SAME_LANGUAGE: f32 = 0.02;

/// BM25 scores are divided by this, so that usual ones lie about 1 as the other views do.
const BM25_SCALE: f32 = 30.0;

/// A question's terms, weighed as if what is held out were not there.
pub(crate) struct WeighedQuery {
    pub key: String,
    pub language: Language,
    pub held_out: HeldOut,
    /// By space: the known terms as a unit vector.
    pub vectors: [Vector; SPACES],
    /// The written and the sounded vector again, by term number: variants are multiplied with them by looking up.
    pub dense: [Vec<f32>; 2],
    /// By space: the known terms with their idf over groups.
    rare: [Vector; SPACES],
    /// The known written terms with their idf among questions and answers, and as a unit vector over answers.
    about: Vector,
    answer: Vector,
    /// By sort (things; acts and states): the concepts named, as written terms with their idf among questions and answers;
    /// without a number where no entry knows them.
    named: [Vec<(Option<u32>, f32)>; 2],
    /// Σ idf over groups of all written terms, the unknown ones included, and of the known ones.
    mass: f32,
    known: f32,
    /// The same among questions and answers.
    about_mass: f32,
}

impl WeighedQuery {
    /// Share of the question that occurs anywhere in the knowledge base's questions.
    pub fn known_share(&self) -> f32 {
        share(self.known, self.mass)
    }
}

/// An entry as one of its groups fits the question.
pub(crate) struct Likeness {
    pub group: u32,
    /// The closest variant.
    pub variant: u32,
    pub exact: bool,
    pub scores: Scores,
}

impl Likeness {
    /// A plain sum of views, for choosing among an entry's languages and for cutting off; weights as a fit on the sample
    /// knowledge base has them, rounded.
    pub fn plain(&self) -> f32 {
        let s = |view| self.scores.get(view);
        let written =
            2.0 * s(View::Gathered) + s(View::Closest) + s(View::Title) + 0.5 * s(View::AnswerGathered);
        written
            + 2.0 * s(View::GatheredSound)
            + 0.5 * s(View::Bm25)
            + 0.5 * s(View::QuestionCovered)
            + 2.0 * s(View::DenseGathered)
            + s(View::Dense)
            + 4.0 * s(View::SenseGathered)
            + s(View::Sense)
            + f32::from(u8::from(self.exact)) * 10.0
    }
}

impl ForwardIndex {
    /// Weighs a question's terms.
    pub fn weigh(&self, terms: &Terms, language: Language, held_out: HeldOut) -> WeighedQuery {
        let gone = usize::from(matches!(held_out, HeldOut::EntryOf(_)));
        let documents = self.documents.saturating_sub(gone).max(1);
        let mut query = WeighedQuery {
            key: terms.key.clone(),
            language,
            held_out,
            vectors: Default::default(),
            dense: Default::default(),
            rare: Default::default(),
            about: Vec::new(),
            answer: Vec::new(),
            named: Default::default(),
            mass: 0.0,
            known: 0.0,
            about_mass: 0.0,
        };
        for space in 0..SPACES {
            for term in &terms.spaces[space] {
                let known = self.vocabulary[space].get(term).copied();
                let (asked, about) = known.map_or((0, 0), |term| self.frequencies(space, term, held_out));
                let rare = idf(asked, documents);
                if space == MIXED {
                    query.mass += rare;
                    query.about_mass += idf(about, documents);
                }
                let Some(number) = known.filter(|_| about > 0) else { continue };
                let statistics = &self.statistics[space];
                if asked > 0 {
                    query.vectors[space].push((number, statistics.idf[number as usize]));
                    query.rare[space].push((number, rare));
                    query.known += if space == MIXED { rare } else { 0.0 };
                }
                if space == MIXED {
                    query.about.push((number, idf(about, documents)));
                    query.answer.push((number, statistics.answer_idf[number as usize]));
                }
            }
            let (vector, rare) = (&mut query.vectors[space], &mut query.rare[space]);
            vector.sort_unstable_by_key(|(term, _)| *term);
            rare.sort_unstable_by_key(|(term, _)| *term);
            *vector = unit(std::mem::take(vector));
        }
        for space in [MIXED, SOUND] {
            query.dense[space] = vec![0.0; self.vocabulary[space].len()];
            for (term, weight) in &query.vectors[space] {
                query.dense[space][*term as usize] = *weight;
            }
        }
        for (sort, terms) in query.named.iter_mut().zip(&terms.named) {
            *sort = terms.iter().map(|term| self.weigh_named(term, documents, held_out)).collect();
        }
        query.about.sort_unstable_by_key(|(term, _)| *term);
        query.answer.sort_unstable_by_key(|(term, _)| *term);
        query.answer = unit(std::mem::take(&mut query.answer));
        query
    }

    fn weigh_named(&self, term: &str, documents: usize, held_out: HeldOut) -> (Option<u32>, f32) {
        let number = self.vocabulary[MIXED].get(term).copied();
        let about = number.map_or(0, |number| self.frequencies(MIXED, number, held_out).1);
        (number.filter(|_| about > 0), idf(about, documents))
    }

    /// Groups that ask, and that ask or answer, with a term once `held_out` is taken away.
    fn frequencies(&self, space: usize, term: u32, held_out: HeldOut) -> (u32, u32) {
        let statistics = &self.statistics[space];
        let (asked, about) = (statistics.asked[term as usize], statistics.about[term as usize]);
        let groups: Range<u32> = match held_out {
            HeldOut::Nothing => return (asked, about),
            HeldOut::Variant(number) | HeldOut::LanguageOf(number) => {
                let Some(variant) = self.variants.get(number as usize) else { return (asked, about) };
                variant.group..variant.group + 1
            }
            HeldOut::EntryOf(_) => {
                let Some(entry) = self.hidden_entry(held_out) else { return (asked, about) };
                self.of_entry.get(entry as usize).cloned().unwrap_or_default()
            }
        };
        let (mut lost_asked, mut lost_about) = (0, 0);
        for group in self.groups.get(groups.start as usize..groups.end as usize).unwrap_or_default() {
            let had = find(&group.gathered[space], term).map_or(0, |g| g.count);
            let in_answer = space == MIXED && has(&group.answer, term);
            let gone = match self.hidden_variant(held_out) {
                Some(variant) => had > 0 && had == u32::from(has(&variant.vectors[space], term)),
                None => had > 0,
            };
            lost_asked += u32::from(gone);
            let whole = self.hidden_variant(held_out).is_none();
            lost_about += u32::from(if whole { had > 0 || in_answer } else { gone && !in_answer });
        }
        (asked.saturating_sub(lost_asked), about.saturating_sub(lost_about))
    }

    /// How a group fits the question. `None` where it is held out or nothing of it is left.
    pub fn compare(&self, query: &WeighedQuery, group: u32) -> Option<Likeness> {
        let entry = self.groups.get(group as usize)?.entry;
        if self.hidden_entry(query.held_out) == Some(entry)
            || self.hidden_group(query.held_out) == Some(group)
        {
            return None;
        }
        self.compare_group(query, group)
    }

    /// A rough guess at [`Self::compare`]: all variants together, by writing and by sound, and the answers. Of an entry that
    /// says nothing in the question's language also by concepts: the two languages share hardly anything else.
    pub fn glance(&self, query: &WeighedQuery, number: u32) -> f32 {
        let Some(group) = self.groups.get(number as usize) else { return 0.0 };
        let own = self.group_of(group.entry, query.language);
        let same_language = group.language == Some(query.language);
        let alone = !same_language && (own == number || self.hidden_group(query.held_out) == Some(own));
        let glance = self.gathered_cosine(query, group, MIXED)
            + self.gathered_cosine(query, group, SOUND)
            + 0.5 * dot(&query.answer, &group.answer);
        match (same_language, alone) {
            (true, _) => glance + SAME_LANGUAGE,
            (false, true) => glance + self.gathered_cosine(query, group, CONCEPTS),
            (false, false) => glance,
        }
    }

    fn compare_group(&self, query: &WeighedQuery, number: u32) -> Option<Likeness> {
        let group = self.groups.get(number as usize)?;
        let mut scores = Scores::default();
        let (mut variant, mut exact, mut closest) = (None, false, -1.0);
        for at in group.variants.clone() {
            if query.held_out == HeldOut::Variant(at) {
                continue;
            }
            let own = &self.variants[at as usize];
            let (written, covered) = self.compare_variant(query, &own.vectors[MIXED], own.mass);
            let sound = look_up(&query.dense[SOUND], &own.vectors[SOUND]);
            let same = !query.key.is_empty() && query.key == own.key;
            let close = written + sound + f32::from(u8::from(same));
            if close > closest {
                (variant, closest) = (Some(at), close);
            }
            exact |= same;
            let raise = |scores: &mut Scores, view, score| scores.set(view, scores.get(view).max(score));
            raise(&mut scores, View::Closest, written);
            raise(&mut scores, View::ClosestSound, sound);
            raise(&mut scores, View::VariantCovered, covered);
            if at == group.variants.start {
                scores.set(View::Title, written);
            }
        }
        if variant.is_none() && !group.has_keywords {
            return None;
        }
        for (view, space) in
            [(View::Gathered, MIXED), (View::GatheredSound, SOUND), (View::GatheredConcepts, CONCEPTS)]
        {
            scores.set(view, self.gathered_cosine(query, group, space));
        }
        for (view, space) in [(View::Bm25, MIXED), (View::Bm25Sound, SOUND)] {
            scores.set(view, self.bm25(query, group, space));
        }
        self.compare_shares(query, group, &mut scores);
        Some(Likeness { group: number, variant: variant.unwrap_or(group.variants.start), exact, scores })
    }

    /// Cosine with a variant, and the share of the variant that the question has.
    fn compare_variant(&self, query: &WeighedQuery, own: &Vector, mass: f32) -> (f32, f32) {
        let (mut product, mut shared) = (0.0, 0.0);
        let (dense, idf) = (&query.dense[MIXED], &self.statistics[MIXED].idf);
        for (term, weight) in own {
            let asked = dense[*term as usize];
            if asked > 0.0 {
                product += asked * weight;
                shared += idf[*term as usize];
            }
        }
        (product, share(shared, mass))
    }

    fn gathered_cosine(&self, query: &WeighedQuery, group: &GroupTerms, space: usize) -> f32 {
        let vector = &query.vectors[space];
        let gathered = &group.gathered[space];
        // Reading all of a short list in order beats searching it.
        let mut product: f32 = match query.dense.get(space) {
            Some(dense) if gathered.len() < READ_THROUGH * vector.len() => {
                gathered.iter().map(|g| dense[g.term as usize] * g.weight).sum()
            }
            _ => shared(vector, gathered).map(|((_, weight), gathered)| weight * gathered.weight).sum(),
        };
        let mut length = group.lengths[space];
        if let Some(hidden) = self.hidden_in(query.held_out, group) {
            let hidden = &hidden.vectors[space];
            product -= dot(vector, hidden);
            let own: f32 = shared(hidden, &group.gathered[space]).map(|((_, w), g)| w * g.weight).sum();
            let squares: f32 = hidden.iter().map(|(_, w)| w * w).sum();
            length = (length * length - 2.0 * own + squares).max(0.0).sqrt();
        }
        if length > 1e-3 { (product / length).clamp(0.0, 1.0) } else { 0.0 }
    }

    fn bm25(&self, query: &WeighedQuery, group: &GroupTerms, space: usize) -> f32 {
        let hidden = self.hidden_in(query.held_out, group).map(|variant| &variant.vectors[space]);
        let length = group.terms[space].saturating_sub(hidden.map_or(0, |v| v.len() as u32)) as f32;
        let norm = K1 * (1.0 - B + B * length / self.statistics[space].mean_length.max(1.0));
        let sum: f32 = shared(&query.rare[space], &group.gathered[space])
            .map(|((term, rare), gathered)| {
                let lost = hidden.is_some_and(|v| has(v, *term));
                let count = (gathered.count - u32::from(lost && gathered.count > 0)) as f32;
                rare * count * (K1 + 1.0) / (count + norm)
            })
            .sum();
        sum / BM25_SCALE
    }

    fn compare_shares(&self, query: &WeighedQuery, group: &GroupTerms, scores: &mut Scores) {
        let hidden = self.hidden_in(query.held_out, group).map(|variant| &variant.vectors[MIXED]);
        let asks = |term: u32| {
            let count = find(&group.gathered[MIXED], term).map_or(0, |g| g.count);
            count > u32::from(hidden.is_some_and(|v| has(v, term)))
        };
        let covered: f32 =
            query.rare[MIXED].iter().filter(|(term, _)| asks(*term)).map(|(_, rare)| rare).sum();
        let (mut about, mut answered) = (0.0, 0.0);
        for (term, rare) in &query.about {
            let in_answer = has(&group.answer, *term);
            answered += if in_answer { *rare } else { 0.0 };
            about += if in_answer || asks(*term) { *rare } else { 0.0 };
        }
        for (view, named) in [View::ThingsCovered, View::ActsCovered].into_iter().zip(&query.named) {
            let all: f32 = named.iter().map(|(_, rare)| rare).sum();
            let told = |term: &u32| asks(*term) || has(&group.answer, *term);
            let known: f32 =
                named.iter().filter(|(term, _)| term.as_ref().is_some_and(told)).map(|(_, rare)| rare).sum();
            scores.set(view, if all > 0.0 { share(known, all) } else { 1.0 });
        }
        scores.set(View::QuestionCovered, share(covered, query.mass));
        scores.set(View::About, share(about, query.about_mass));
        scores.set(View::Answered, share(answered, query.about_mass));
        scores.set(View::AnswerGathered, dot(&query.answer, &group.answer));
    }

    fn hidden_in(&self, held_out: HeldOut, group: &GroupTerms) -> Option<&super::VariantTerms> {
        match held_out {
            HeldOut::Variant(number) if group.variants.contains(&number) => {
                self.variants.get(number as usize)
            }
            _ => None,
        }
    }
}

/// The product of a vector by term number and a sparse one.
pub(crate) fn look_up(dense: &[f32], vector: &[(u32, f32)]) -> f32 {
    vector.iter().map(|(term, weight)| dense[*term as usize] * weight).sum()
}

/// What a vector and a group share.
fn shared<'a>(
    vector: &'a [(u32, f32)],
    gathered: &'a [Gathered],
) -> impl Iterator<Item = (&'a (u32, f32), &'a Gathered)> {
    // The question is short and the group long.
    vector.iter().filter_map(|item| Some((item, find(gathered, item.0)?)))
}

fn find(gathered: &[Gathered], term: u32) -> Option<&Gathered> {
    gathered.binary_search_by_key(&term, |g| g.term).ok().map(|at| &gathered[at])
}

fn has(vector: &[(u32, f32)], term: u32) -> bool {
    vector.binary_search_by_key(&term, |(t, _)| *t).is_ok()
}

fn share(part: f32, whole: f32) -> f32 {
    if whole > 0.0 { (part / whole).clamp(0.0, 1.0) } else { 0.0 }
}
