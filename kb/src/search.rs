//! Searching a publication: candidates by the inverted index, compared closely by the forward index.

use std::collections::BTreeMap;

use language::Language;
use rustc_hash::FxHashSet;

use crate::analysis::{CONCEPTS, MIXED, Terms};
use crate::index::{INDEXED, InvertedIndex};
use crate::learned::Learned;
use crate::likeness::{Beside, EntryTerms, ForwardIndex, Likeness, WeighedQuery};
use crate::retrieve::{Candidate, Found, HeldOut, Query, RetrieveError, View};
use crate::sense::{Asked, SenseIndex};
use crate::{Entry, Glossary, Publication, Variant};

/// So many groups each indexed space contributes at least; the right entry is practically never deeper in both.
const HITS_PER_SPACE: usize = 40;

/// Only so many of a question's terms are looked up in each indexed space, those that the fewest entries ask with: common
/// ones tell nothing apart and cost most.
const RAREST_TERMS: [usize; INDEXED] = [20, 12];

/// So many of the rarest concepts are looked up, and so many groups taken that have them.
const MOST_CONCEPTS: usize = 8;

/// See [`MOST_CONCEPTS`].
const HITS_BY_CONCEPT: usize = 24;

/// So many of the best candidates are judged by [`View::Learned`].
const LEARNED_ABOUT: usize = 24;

/// Variants are divided into so many folds for rehearsals.
const FOLDS: u32 = 5;

/// Everything that finds entries by text.
#[derive(Debug)]
pub(crate) struct SearchIndex {
    inverted: InvertedIndex,
    forward: ForwardIndex,
    learned: Learned,
    sense: SenseIndex,
}

impl SearchIndex {
    /// Indexes all ways of asking.
    ///
    /// # Errors
    /// Where the inverted index of a large knowledge base fails.
    pub fn build(entries: &[Entry], variants: &[Variant], glossary: &Glossary) -> tantivy::Result<Self> {
        let analyse = |entry: usize, variants: &[Variant]| EntryTerms {
            variants: variants.iter().map(|variant| Terms::of(&variant.text, glossary)).collect(),
            besides: Language::ALL.map(|language| {
                entries.get(entry).map(|entry| beside(entry, language, glossary)).unwrap_or_default()
            }),
        };
        let forward = ForwardIndex::build(variants, entries.len(), analyse);
        let inverted = InvertedIndex::build(&forward)?;
        let learned = Learned::train(&forward, MIXED, |_| true);
        let keys: Vec<&str> = forward.keys().collect();
        let sense = SenseIndex::build(&keys, forward.groups().iter().map(|group| group.variants.clone()));
        Ok(Self { inverted, forward, learned, sense })
    }

    /// The search keys of all variants.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.forward.keys()
    }

    /// Candidates for a question.
    pub fn search(&self, publication: &Publication, query: &Query) -> Result<Found, RetrieveError> {
        self.find(publication, query, HeldOut::Nothing, &self.learned)
    }

    fn find(
        &self,
        publication: &Publication,
        query: &Query,
        held_out: HeldOut,
        learned: &Learned,
    ) -> Result<Found, RetrieveError> {
        let terms = Terms::of(&query.text, publication.glossary());
        if terms.is_empty() || query.limit == 0 {
            return Ok(Found::default());
        }
        let weighed = self.forward.weigh(&terms, query.language, held_out);
        let mut hits = self.look_up(&terms, &weighed, query.limit)?;
        if let Some(hidden) = self.forward.hidden_group(held_out) {
            hits.remove(&hidden);
        }
        let sense = self.sense.ask(&terms.key);
        let mut groups = self.likeliest(&weighed, &sense, hits, query.limit);
        let asked = publication.variant_by_key(&terms.key).filter(|_| held_out == HeldOut::Nothing);
        if let Some(variant) = asked {
            // What is word for word a way of asking is compared with it, whatever else is nearer.
            let group = self.forward.variants()[variant as usize].group;
            groups.insert(self.forward.groups()[group as usize].entry, group);
        }
        let meaning = publication.dense().and_then(|dense| dense.question(&query.text, held_out));
        for entry in meaning.iter().flat_map(|meaning| meaning.nearest(query.limit)) {
            groups.entry(entry).or_insert_with(|| self.forward.group_of(entry, query.language));
        }
        let mut alike: Vec<Likeness> =
            groups.into_values().filter_map(|group| self.forward.compare(&weighed, group)).collect();
        if let Some(meaning) = &meaning {
            for likeness in &mut alike {
                let score = meaning.score(self.forward.groups()[likeness.group as usize].entry);
                likeness.scores.set(View::Dense, score.closest);
                likeness.scores.set(View::DenseGathered, score.gathered);
            }
        }
        for likeness in &mut alike {
            let variants = self.forward.groups()[likeness.group as usize].variants.clone();
            let score = self.sense.score(&sense, likeness.group, variants, held_out);
            likeness.scores.set(View::Sense, score.closest);
            likeness.scores.set(View::SenseGathered, score.gathered);
        }
        alike.sort_by(|a, b| b.plain().total_cmp(&a.plain()).then(a.group.cmp(&b.group)));
        alike.truncate(query.limit);
        let groups: Vec<u32> = alike.iter().take(LEARNED_ABOUT).map(|likeness| likeness.group).collect();
        for (likeness, score) in alike.iter_mut().zip(learned.scores(&weighed, &groups)) {
            likeness.scores.set(View::Learned, score);
        }
        Ok(Found {
            candidates: alike.into_iter().filter_map(|likeness| candidate(publication, &likeness)).collect(),
            units: terms.units,
            known: weighed.known_share(),
            meaning: sense.meaning(),
            names_thing: !terms.named[0].is_empty(),
            names_act: !terms.named[1].is_empty(),
        })
    }

    /// The entries worth a close look, each with its language that fits best: by the views that are cheapest and tell most.
    fn likeliest(
        &self,
        query: &WeighedQuery,
        sense: &Asked,
        hits: FxHashSet<u32>,
        limit: usize,
    ) -> BTreeMap<u32, u32> {
        let glance =
            |group: u32| (self.forward.glance(query, group) + self.sense.glance(sense, group), group);
        let mut glanced: Vec<(f32, u32)> = hits.into_iter().map(glance).collect();
        glanced.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut likeliest = BTreeMap::new();
        for (_, group) in glanced {
            if likeliest.len() == limit {
                break;
            }
            likeliest.entry(self.forward.groups()[group as usize].entry).or_insert(group);
        }
        likeliest
    }

    /// Groups that share something with the question.
    fn look_up(
        &self,
        terms: &Terms,
        query: &WeighedQuery,
        limit: usize,
    ) -> Result<FxHashSet<u32>, RetrieveError> {
        let failed = |error: tantivy::TantivyError| RetrieveError(error.to_string());
        let mut found = FxHashSet::default();
        for (space, most) in RAREST_TERMS.into_iter().enumerate() {
            let looked_up = query.rarest(space, most);
            found.extend(self.inverted.search(space, &looked_up, HITS_PER_SPACE.max(limit)).map_err(failed)?);
        }
        // Concepts by themselves: among the rarest terms a language's own words would crowd out what joins the two.
        let concepts = self.forward.rarest_written(&terms.spaces[CONCEPTS], MOST_CONCEPTS);
        found.extend(self.inverted.search(MIXED, &concepts, HITS_BY_CONCEPT).map_err(failed)?);
        Ok(found)
    }
}

/// What an entry has in a language besides its ways of asking. An entry's answers count in its own language only.
fn beside(entry: &Entry, language: Language, glossary: &Glossary) -> Beside {
    let Some(text) = entry.text(language) else { return Beside::default() };
    let mut parts = vec![text.spoken.as_str(), &text.written];
    parts.extend(text.steps.iter().chain(&text.documents).map(String::as_str));
    parts.extend(entry.office.as_ref().map(|office| office.get(language)));
    Beside {
        keywords: text.keywords.iter().map(|keyword| Terms::of(keyword, glossary)).collect(),
        answer: Terms::of_answer(&parts.join("\n"), glossary),
    }
}

fn candidate(publication: &Publication, likeness: &Likeness) -> Option<Candidate> {
    let variant = publication.variants().get(likeness.variant as usize)?;
    Some(Candidate {
        entry: publication.entries().get(variant.entry as usize)?.id.clone(),
        variant: variant.text.clone(),
        language: variant.language,
        scores: likeness.scores,
        exact: likeness.exact,
    })
}

/// Searches that pretend not to know something, for measuring a knowledge base on itself.
#[derive(Debug)]
pub struct Rehearsal<'a> {
    publication: &'a Publication,
    index: &'a SearchIndex,
    /// By fold: what would have been learned without its variants.
    learned: Vec<Learned>,
}

impl<'a> Rehearsal<'a> {
    pub(crate) fn new(publication: &'a Publication, index: &'a SearchIndex) -> Self {
        let train = |fold: u32| Learned::train(&index.forward, MIXED, |variant| variant % FOLDS != fold);
        Self { publication, index, learned: (0..FOLDS).map(train).collect() }
    }

    /// Candidates as if what is held out were not there. Comparisons are exact about it; looking up is not (the inverted index
    /// still knows a held-out variant), so an entry is a little surer to be among the candidates than it would be.
    ///
    /// # Errors
    /// [`RetrieveError`] where the index fails.
    pub fn search(&self, query: &Query, held_out: HeldOut) -> Result<Found, RetrieveError> {
        let learned = match held_out {
            HeldOut::Nothing => Some(&self.index.learned),
            HeldOut::Variant(variant) | HeldOut::EntryOf(variant) | HeldOut::LanguageOf(variant) => {
                self.learned.get((variant % FOLDS) as usize)
            }
        };
        self.index.find(self.publication, query, held_out, learned.unwrap_or(&self.index.learned))
    }

    /// What is rehearsed.
    pub fn publication(&self) -> &'a Publication {
        self.publication
    }
}
