//! The seam between the knowledge base and understanding: candidates with a score per view.

use language::Language;

use crate::EntryId;

/// What is looked for.
#[derive(Clone, Debug)]
pub struct Query {
    /// The citizen's words.
    pub text: String,
    /// Their language: among equals, this one's questions come first. Both languages' are searched.
    pub language: Language,
    /// How many candidates at most.
    pub limit: usize,
}

/// One independent way of looking at the same question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum View {
    /// Words (Chinese) or affix-stripped syllables (Tibetan).
    Words,
    /// Character n-grams (Chinese) or syllable bigrams (Tibetan).
    Grams,
    /// Phonetic keys.
    Phonetic,
}

/// An entry that may be meant, with what each view says about it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Which entry.
    pub entry: EntryId,
    /// The variant that matched best, as written.
    pub variant: String,
    /// The language of that variant.
    pub language: Language,
    /// BM25 scores by view; a view that did not find the entry is absent. Unbounded, comparable within one view and query.
    pub scores: Vec<(View, f32)>,
    /// How alike the query and the entry are: bounded, comparable between queries.
    pub overlap: Overlap,
}

/// How alike a query and an entry are. Every number lies between 0 and 1; terms are weighed by inverse document frequency.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Overlap {
    /// Cosine of query and closest variant: words.
    pub words: f32,
    /// … units and pairs.
    pub grams: f32,
    /// … phonetic keys, single and in pairs.
    pub phonetic: f32,
    /// Share of the query (units and pairs) that the closest variant has.
    pub query_covered: f32,
    /// Share of the closest variant that the query has.
    pub variant_covered: f32,
    /// Cosine of the query and all variants of the entry together: words.
    pub entry_words: f32,
    /// … units and pairs.
    pub entry_grams: f32,
    /// Share of the query that any variant or answer of the entry has: words.
    pub about_words: f32,
    /// … units and pairs.
    pub about_grams: f32,
    /// Share of the query that an answer of the entry has: words.
    pub answer_words: f32,
    /// … units and pairs.
    pub answer_grams: f32,
    /// Mean [`Self::closeness`] of the three closest variants.
    pub closest_three: f32,
    /// Mean [`Self::closeness`] of all variants in the query's language.
    pub typical: f32,
    /// The closest variant has the same search key: equal but for spelling variants, punctuation and spacing.
    pub exact: bool,
}

/// What a search pretends not to know, for measuring on the knowledge base itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeldOut {
    /// Nothing: an ordinary search.
    #[default]
    Nothing,
    /// One variant, by number: would its entry be found by the other ways of asking?
    Variant(u32),
    /// A whole entry, by number: would something else be found instead?
    Entry(u32),
}

/// Finds candidates. `&self`, shared by worker threads.
pub trait Retriever: Send + Sync {
    /// Candidates, best first by a plain fusion of the views.
    ///
    /// # Errors
    /// Never for an odd query; a [`RetrieveError`] where the index itself fails.
    fn retrieve(&self, query: &Query) -> Result<Vec<Candidate>, RetrieveError>;
}

/// The index failed.
#[derive(Debug, thiserror::Error)]
#[error("the search index failed: {0}")]
pub struct RetrieveError(pub String);

impl Overlap {
    /// One number for choosing among an entry's variants: the mean of the three cosines, exactness first.
    pub fn closeness(&self) -> f32 {
        (self.words + self.grams + self.phonetic) / 3.0 + f32::from(u8::from(self.exact))
    }
}
