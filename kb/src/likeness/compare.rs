//! Comparing a question with a group.

use std::cell::Cell;
use std::ops::Range;

use language::Language;

use super::rows::Places;
use super::{ForwardIndex, GroupTerms, MULTIPLIED, idf, scale};
use crate::analysis::{CONCEPTS, MIXED, SORTS, SOUND, SPACES, TermList, Terms};
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
    spaces: [Asked; SPACES],
    /// By sort (things; acts and states): the concepts named, as written terms with their idf among questions and answers;
    /// without a number where no entry knows them.
    named: [Vec<(Option<u32>, f32)>; SORTS],
    /// Σ idf over groups of all written terms, the unknown ones included, and of the known ones.
    mass: f32,
    known: f32,
    /// The same among questions and answers.
    about_mass: f32,
    products: Option<Products>,
}

/// The products of a question with everything in a knowledge base of few groups, added up over the lists of its terms: that takes as
/// long as comparing with a few dozen rows one by one.
#[derive(Default)]
struct Products {
    /// By space and row, in the spaces that are [`MULTIPLIED`]: with its idf, so that the row's scale makes them products with its unit
    /// vector.
    rows: [Vec<f32>; SPACES],
    /// By row: Σ idf of the written terms that it shares.
    shared: Vec<f32>,
    /// By group: with the answers' idf.
    answers: Vec<f32>,
}

thread_local! {
    /// Room for products, used again and again.
    static ROOM: Cell<Option<Products>> = const { Cell::new(None) };
}

impl Drop for WeighedQuery {
    fn drop(&mut self) {
        if let Some(products) = self.products.take() {
            ROOM.set(Some(products));
        }
    }
}

/// The known terms of a question in one space.
#[derive(Default)]
pub(crate) struct Asked {
    /// Sorted by number.
    terms: Vec<AskedTerm>,
    /// In text order: how many groups ask with each term that any asks with, and its number.
    in_text: Vec<(u32, u32)>,
    places: Places,
}

/// A term of a question that some question or answer of the knowledge base has.
#[derive(Clone, Copy, Default)]
struct AskedTerm {
    number: u32,
    /// Its weight in the question's unit vector over questions; 0 where no question has it.
    unit: f32,
    /// That times its idf over variants: its part in a product with a variant, but for the variant's scale.
    product: f32,
    /// Its idf over variants; 0 where no question has it.
    idf: f32,
    /// Its idf over groups that ask with it; 0 where none does.
    rare: f32,
    /// Its idf over groups that ask or answer with it.
    about: f32,
    /// Its weight in the question's unit vector over answers, times its idf over answers.
    answer: f32,
}

/// Some of a question's terms, by their places.
#[derive(Default)]
struct Some256([u64; 4]);

/// No question has more terms: see [`MOST_TERMS`](crate::analysis::MOST_TERMS).
const _: () = assert!(crate::analysis::MOST_TERMS <= 256);

impl Some256 {
    fn insert(&mut self, place: usize) {
        self.0[place / 64] |= 1 << (place % 64);
    }

    fn contains(&self, place: usize) -> bool {
        self.0[place / 64] >> (place % 64) & 1 == 1
    }
}

impl Asked {
    /// Calls `each` with every one of the question's terms that a sorted row has, and with the place in the row.
    #[inline]
    fn meet(&self, row: &[u32], mut each: impl FnMut(usize, usize)) {
        if row.len() < READ_THROUGH * self.terms.len() {
            for (at, term) in row.iter().enumerate() {
                if let Some(place) = self.places.get(*term) {
                    each(place, at);
                }
            }
        } else {
            // The question is short and the row long.
            for (place, term) in self.terms.iter().enumerate() {
                if let Ok(at) = row.binary_search(&term.number) {
                    each(place, at);
                }
            }
        }
    }

    /// The product with a variant's vector, given by its terms, but for the variant's scale.
    #[inline]
    fn product(&self, row: &[u32]) -> f32 {
        let mut product = 0.0;
        self.meet(row, |place, _| product += self.terms[place].product);
        product
    }
}

impl WeighedQuery {
    /// Share of the question that occurs anywhere in the knowledge base's questions.
    pub fn known_share(&self) -> f32 {
        share(self.known, self.mass)
    }

    /// Of the question's terms in one space, those that the fewest groups ask with, by their numbers.
    pub fn rarest(&self, space: usize, limit: usize) -> Vec<u32> {
        rarest(self.spaces[space].in_text.clone(), limit)
    }

    /// The products of the question with the idf of all variants, by their numbers; `None` in a space that is not
    /// [`MULTIPLIED`], and where groups are not [few](ForwardIndex::few).
    pub fn products(&self, space: usize) -> Option<&[f32]> {
        let products = self.products.as_ref().filter(|_| MULTIPLIED.contains(&space))?;
        Some(products.rows[space].as_slice())
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
            + 2.0 * s(View::SenseGathered)
            + 0.5 * s(View::Sense)
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
            spaces: Default::default(),
            named: Default::default(),
            mass: 0.0,
            known: 0.0,
            about_mass: 0.0,
            products: None,
        };
        for space in 0..SPACES {
            let list = &terms.spaces[space];
            let mut asked = Vec::with_capacity(list.len());
            let mut in_text = Vec::with_capacity(list.len());
            for term in list.iter() {
                let known = self.vocabulary[space].get(term).copied();
                let (questions, about) = known.map_or((0, 0), |term| self.frequencies(space, term, held_out));
                let asking = known.map(|term| (self.statistics[space].asked[term as usize], term));
                in_text.extend(asking.filter(|(asked, _)| *asked > 0));
                let rare = idf(questions, documents);
                if space == MIXED {
                    query.mass += rare;
                    query.about_mass += idf(about, documents);
                }
                let Some(number) = known.filter(|_| about > 0) else { continue };
                let statistics = &self.statistics[space];
                let mut term = AskedTerm { number, ..AskedTerm::default() };
                if questions > 0 {
                    term.idf = statistics.idf[number as usize];
                    term.rare = rare;
                    query.known += if space == MIXED { rare } else { 0.0 };
                }
                if space == MIXED {
                    term.about = idf(about, documents);
                    term.answer = statistics.answer_idf[number as usize];
                }
                asked.push(term);
            }
            asked.sort_unstable_by_key(|term| term.number);
            let (questions, answers) =
                (scale(asked.iter().map(|term| term.idf)), scale(asked.iter().map(|term| term.answer)));
            for term in &mut asked {
                term.unit = term.idf * questions;
                term.product = term.unit * term.idf;
                term.answer = term.answer * term.answer * answers;
            }
            let places = Places::new(asked.iter().map(|term| term.number));
            query.spaces[space] = Asked { terms: asked, in_text, places };
        }
        for (sort, terms) in query.named.iter_mut().zip(&terms.named) {
            *sort = terms.iter().map(|term| self.weigh_named(term, documents, held_out)).collect();
        }
        query.products = self.few().then(|| self.multiply(&query.spaces));
        query
    }

    fn multiply(&self, spaces: &[Asked; SPACES]) -> Products {
        let clear = |room: &mut Vec<f32>, length: usize| {
            room.clear();
            room.resize(length, 0.0);
        };
        let mut products = ROOM.take().unwrap_or_default();
        let Products { rows, shared, answers } = &mut products;
        clear(shared, self.scales[MIXED].len());
        clear(answers, self.groups.len());
        for space in MULTIPLIED {
            let products = &mut rows[space];
            clear(products, self.scales[space].len());
            for term in spaces[space].terms.iter().filter(|term| term.product > 0.0) {
                for row in self.having[space].row(term.number as usize) {
                    products[*row as usize] += term.product;
                    if space == MIXED {
                        shared[*row as usize] += term.idf;
                    }
                }
            }
        }
        for term in spaces[MIXED].terms.iter().filter(|term| term.answer > 0.0) {
            for group in self.answering.row(term.number as usize) {
                answers[*group as usize] += term.answer;
            }
        }
        products
    }

    fn weigh_named(&self, term: &str, documents: usize, held_out: HeldOut) -> (Option<u32>, f32) {
        let number = self.vocabulary[MIXED].get(term).copied();
        let about = number.map_or(0, |number| self.frequencies(MIXED, number, held_out).1);
        (number.filter(|_| about > 0), idf(about, documents))
    }

    /// Of written terms, those that the fewest groups ask with, by their numbers.
    pub fn rarest_written(&self, terms: &TermList, limit: usize) -> Vec<u32> {
        let asked = |term: &str| {
            let number = *self.vocabulary[MIXED].get(term)?;
            Some((self.statistics[MIXED].asked[number as usize], number)).filter(|(asked, _)| *asked > 0)
        };
        rarest(terms.iter().filter_map(asked).collect(), limit)
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
        for group in groups.start as usize..groups.end as usize {
            let had = self.gathered[space].count(group, term);
            let in_answer = space == MIXED && has(self.answers.row(group), term);
            let gone = match self.hidden_variant(held_out) {
                Some(variant) => had > 0 && had == u32::from(has(self.terms_of(space, variant), term)),
                None => had > 0,
            };
            lost_asked += u32::from(gone);
            let whole = self.hidden_variant(held_out).is_none();
            lost_about += u32::from(if whole { had > 0 || in_answer } else { gone && !in_answer });
        }
        (asked.saturating_sub(lost_asked), about.saturating_sub(lost_about))
    }

    /// The cosine of a question and a row.
    fn cosine_with(&self, query: &WeighedQuery, space: usize, row: u32) -> f32 {
        let product = match query.products(space) {
            Some(products) => products[row as usize],
            None => query.spaces[space].product(self.terms_of(space, row)),
        };
        product * self.scale_of(space, row)
    }

    /// The product of a question and all rows of a group together.
    fn product_with(&self, query: &WeighedQuery, space: usize, group: u32) -> f32 {
        let variants = self.groups.get(group as usize).map(|group| group.variants.clone());
        let rows = variants.unwrap_or_default().chain([self.keywords_of(group)]);
        rows.map(|row| self.cosine_with(query, space, row)).sum()
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
        let glance = self.gathered_cosine(query, number, MIXED)
            + self.gathered_cosine(query, number, SOUND)
            + 0.5 * self.answer_cosine(query, number);
        match (same_language, alone) {
            (true, _) => glance + SAME_LANGUAGE,
            (false, true) => glance + self.gathered_cosine(query, number, CONCEPTS),
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
            let (written, covered) = self.compare_variant(query, at);
            let sound = self.cosine_with(query, SOUND, at);
            let same = !query.key.is_empty() && *query.key == *own.key;
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
        let mut asks = Some256::default();
        for (space, gathered, bm25) in
            [(MIXED, View::Gathered, View::Bm25), (SOUND, View::GatheredSound, View::Bm25Sound)]
        {
            let together = self.compare_gathered(query, number, space, |place| {
                if space == MIXED {
                    asks.insert(place);
                }
            });
            scores.set(gathered, self.cosine_of(query, group, number, space, together.product));
            scores.set(bm25, together.bm25 / BM25_SCALE);
            if space == MIXED {
                scores.set(View::QuestionCovered, share(together.covered, query.mass));
            }
        }
        scores.set(View::GatheredConcepts, self.gathered_cosine(query, number, CONCEPTS));
        self.compare_shares(query, number, &asks, &mut scores);
        Some(Likeness { group: number, variant: variant.unwrap_or(group.variants.start), exact, scores })
    }

    /// Cosine with a variant, and the share of the variant that the question has.
    fn compare_variant(&self, query: &WeighedQuery, variant: u32) -> (f32, f32) {
        let mass = self.variants[variant as usize].mass;
        if let Some(products) = &query.products {
            let shared = products.shared[variant as usize];
            return (self.cosine_with(query, MIXED, variant), share(shared, mass));
        }
        let asked = &query.spaces[MIXED];
        let (mut product, mut shared) = (0.0, 0.0);
        asked.meet(self.terms_of(MIXED, variant), |place, _| {
            product += asked.terms[place].product;
            shared += asked.terms[place].idf;
        });
        (product * self.scale_of(MIXED, variant), share(shared, mass))
    }

    fn gathered_cosine(&self, query: &WeighedQuery, number: u32, space: usize) -> f32 {
        let Some(group) = self.groups.get(number as usize) else { return 0.0 };
        if query.products(space).is_some() {
            return self.cosine_of(query, group, number, space, self.product_with(query, space, number));
        }
        let (gathered, asked) = (&self.gathered[space], &query.spaces[space]);
        let weights = &gathered.weights[gathered.rows.range(number as usize)];
        let mut product = 0.0;
        asked.meet(gathered.rows.row(number as usize), |place, at| {
            product += asked.terms[place].unit * weights[at];
        });
        self.cosine_of(query, group, number, space, product)
    }

    /// The cosine with a group's gathered vector, from the product with all of it.
    fn cosine_of(
        &self,
        query: &WeighedQuery,
        group: &GroupTerms,
        number: u32,
        space: usize,
        mut product: f32,
    ) -> f32 {
        let mut length = group.lengths[space];
        if let Some(hidden) = hidden_in(query.held_out, group) {
            product -= self.cosine_with(query, space, hidden);
            let gathered = &self.gathered[space];
            let (row, weights) =
                (gathered.rows.row(number as usize), &gathered.weights[gathered.rows.range(number as usize)]);
            let (mut own, mut squares) = (0.0, 0.0);
            for (term, weight) in self.weights_of(space, hidden) {
                own += row.binary_search(&term).map_or(0.0, |at| weight * weights[at]);
                squares += weight * weight;
            }
            length = (length * length - 2.0 * own + squares).max(0.0).sqrt();
        }
        if length > 1e-3 { (product / length).clamp(0.0, 1.0) } else { 0.0 }
    }

    fn answer_cosine(&self, query: &WeighedQuery, number: u32) -> f32 {
        let product = if let Some(products) = &query.products {
            products.answers[number as usize]
        } else {
            let (asked, mut product) = (&query.spaces[MIXED], 0.0);
            let answer = self.answers.row(number as usize);
            asked.meet(answer, |place, _| product += asked.terms[place].answer);
            product
        };
        product * self.groups.get(number as usize).map_or(0.0, |group| group.answer_scale)
    }

    /// Compares with all variants of a group together; `asks` is told the places of the terms that one of them has.
    fn compare_gathered(
        &self,
        query: &WeighedQuery,
        number: u32,
        space: usize,
        mut asks: impl FnMut(usize),
    ) -> Together {
        let Some(group) = self.groups.get(number as usize) else { return Together::default() };
        let (gathered, asked) = (&self.gathered[space], &query.spaces[space]);
        let range = gathered.rows.range(number as usize);
        let (weights, counts) = (&gathered.weights[range.clone()], &gathered.counts[range]);
        let hidden = hidden_in(query.held_out, group).map(|variant| self.terms_of(space, variant));
        let length = group.terms[space].saturating_sub(hidden.map_or(0, |row| row.len() as u32)) as f32;
        let norm = K1 * (1.0 - B + B * length / self.statistics[space].mean_length.max(1.0));
        let mut together = Together::default();
        asked.meet(gathered.rows.row(number as usize), |place, at| {
            let term = &asked.terms[place];
            together.product += term.unit * weights[at];
            let lost = hidden.is_some_and(|row| has(row, term.number));
            let count = counts[at].saturating_sub(u16::from(lost));
            if count > 0 {
                asks(place);
                together.covered += term.rare;
                let count = f32::from(count);
                together.bm25 += term.rare * count * (K1 + 1.0) / (count + norm);
            }
        });
        together
    }

    fn compare_shares(&self, query: &WeighedQuery, number: u32, asks: &Some256, scores: &mut Scores) {
        let asked = &query.spaces[MIXED];
        let row = self.answers.row(number as usize);
        let mut answers = Some256::default();
        let (mut answered, mut product) = (0.0, 0.0);
        asked.meet(row, |place, _| {
            answers.insert(place);
            answered += asked.terms[place].about;
            product += asked.terms[place].answer;
        });
        let told = |place: usize| asks.contains(place) || answers.contains(place);
        let about: f32 =
            asked.terms.iter().enumerate().filter(|(place, _)| told(*place)).map(|(_, t)| t.about).sum();
        let views = [View::ThingsCovered, View::ActsCovered];
        for (view, named) in views.into_iter().zip(&query.named) {
            let all: f32 = named.iter().map(|(_, rare)| rare).sum();
            let known = |term: &Option<u32>| {
                // What is named late in a very long text is no term of it.
                term.is_some_and(|term| asked.places.get(term).map_or_else(|| self.tells(number, term), told))
            };
            let known: f32 = named.iter().filter(|(term, _)| known(term)).map(|(_, rare)| rare).sum();
            scores.set(view, if all > 0.0 { share(known, all) } else { 1.0 });
        }
        scores.set(View::About, share(about, query.about_mass));
        scores.set(View::Answered, share(answered, query.about_mass));
        let scale = self.groups.get(number as usize).map_or(0.0, |group| group.answer_scale);
        scores.set(View::AnswerGathered, product * scale);
    }

    /// Whether a group asks or answers with a written term.
    fn tells(&self, group: u32, term: u32) -> bool {
        self.gathered[MIXED].count(group as usize, term) > 0 || has(self.answers.row(group as usize), term)
    }
}

/// The variant of a group that is held out alone.
fn hidden_in(held_out: HeldOut, group: &GroupTerms) -> Option<u32> {
    match held_out {
        HeldOut::Variant(number) if group.variants.contains(&number) => Some(number),
        _ => None,
    }
}

/// The numbers of the rarest of terms given with their frequencies; of equals the first.
fn rarest(mut terms: Vec<(u32, u32)>, limit: usize) -> Vec<u32> {
    terms.sort_by_key(|(asked, _)| *asked);
    terms.into_iter().take(limit).map(|(_, number)| number).collect()
}

/// What all variants of a group together have of a question.
#[derive(Default)]
struct Together {
    product: f32,
    /// BM25, unscaled.
    bm25: f32,
    /// Σ idf over groups of the terms.
    covered: f32,
}

fn has(row: &[u32], term: u32) -> bool {
    row.binary_search(&term).is_ok()
}

fn share(part: f32, whole: f32) -> f32 {
    if whole > 0.0 { (part / whole).clamp(0.0, 1.0) } else { 0.0 }
}
