//! The seam between the knowledge base and understanding: candidates with a score per view.

use language::Language;

use crate::EntryId;

/// What is looked for.
#[derive(Clone, Debug)]
pub struct Query {
    /// The citizen's words.
    pub text: String,
    /// Their language; both languages' questions are searched, this one's first.
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
    /// Scores by view; a view that did not find the entry is absent. Unbounded, comparable within one view and query.
    pub scores: Vec<(View, f32)>,
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
