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

/// One way of looking at how well an entry fits a question. Texts are compared in three spaces: what is *written*
/// (characters or syllables, their pairs, words and concepts), how it *sounds* (phonetic keys and their pairs), and which
/// *concepts* of the glossary it names. All but the BM25 views lie between 0 and 1 and mean the same for short and long
/// questions and for small and large knowledge bases; [`View::Learned`] lies around 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum View {
    /// Cosine of the question and the entry's closest variant, written.
    Closest,
    /// … by sound.
    ClosestSound,
    /// Cosine of the question and all variants of the entry together (the sum of their unit vectors: Rocchio's centroid),
    /// written.
    Gathered,
    /// … by sound.
    GatheredSound,
    /// … by concepts.
    GatheredConcepts,
    /// Cosine of the question and the entry's own title question, written.
    Title,
    /// Share of the question (by inverse document frequency) that any variant of the entry has, written.
    QuestionCovered,
    /// Share of the closest variant that the question has, written.
    VariantCovered,
    /// Share of the question that any variant or answer of the entry has, written.
    About,
    /// Share of the question that an answer of the entry has, written.
    Answered,
    /// Cosine of the question and the answers, written.
    AnswerGathered,
    /// BM25 of the question and all variants of the entry as one document, written, per 30: grows with every shared term.
    Bm25,
    /// … by sound.
    Bm25Sound,
    /// What tells this entry's variants from the most similar ones of other entries: a linear support vector machine.
    Learned,
    /// Cosine of the question and the entry's closest variant in either language, by meaning: a sentence encoder's. 0 where
    /// there is no encoder.
    Dense,
    /// … and all variants of the entry together, by meaning.
    DenseGathered,
    /// Share (by inverse document frequency) of the things that the question names and that the entry asks or speaks of; 1 where
    /// it names none. What is asked about a driving licence is no question about an identity card, however alike the rest is.
    ThingsCovered,
    /// The same of acts and states.
    ActsCovered,
    /// Cosine of the question and the entry's closest variant by what the shipped table knows of words' meanings ([`Sense`](crate::Sense)).
    Sense,
    /// … and all variants of the entry together.
    SenseGathered,
}

impl View {
    /// All views, in the order of [`Scores`].
    pub const ALL: [Self; 20] = [
        Self::Closest,
        Self::ClosestSound,
        Self::Gathered,
        Self::GatheredSound,
        Self::GatheredConcepts,
        Self::Title,
        Self::QuestionCovered,
        Self::VariantCovered,
        Self::About,
        Self::Answered,
        Self::AnswerGathered,
        Self::Bm25,
        Self::Bm25Sound,
        Self::Learned,
        Self::Dense,
        Self::DenseGathered,
        Self::ThingsCovered,
        Self::ActsCovered,
        Self::Sense,
        Self::SenseGathered,
    ];
}

/// A number for every view, in the order of [`View::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scores(pub [f32; View::ALL.len()]);

impl Scores {
    /// What one view says.
    pub fn get(&self, view: View) -> f32 {
        self.0[view as usize]
    }

    pub(crate) fn set(&mut self, view: View, score: f32) {
        self.0[view as usize] = score;
    }
}

/// An entry that may be meant, with what each view says about it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Which entry.
    pub entry: EntryId,
    /// The variant that matched best, as written.
    pub variant: String,
    /// The language in which the entry fits the question best.
    pub language: Language,
    /// What each view says.
    pub scores: Scores,
    /// The variant has the same search key: equal but for spelling variants, punctuation and spacing.
    pub exact: bool,
}

/// Candidates, and what the question is like that they were found for.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Best first by a plain sum of the views, at most one for each entry.
    pub candidates: Vec<Candidate>,
    /// Syllables, characters, numbers and Latin words of the question.
    pub units: usize,
    /// Share of the question (by inverse document frequency) that occurs anywhere in the knowledge base's questions.
    pub known: f32,
    /// How much it means in what words are known to [`Sense`](crate::Sense): 0 where it knows none, towards 1 where the question
    /// says much about public services; small talk says little.
    pub meaning: f32,
    /// Whether it names a thing of the glossary.
    pub names_thing: bool,
    /// Whether it names an act or a state of the glossary.
    pub names_act: bool,
}

/// What a search pretends not to know, for measuring on the knowledge base itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeldOut {
    /// Nothing: an ordinary search.
    #[default]
    Nothing,
    /// One variant, by number: would its entry be found by the other ways of asking?
    Variant(u32),
    /// The whole entry of a variant, by the variant's number: would something else be found instead?
    EntryOf(u32),
    /// All that the entry of a variant says in the variant's language, by the variant's number: would it be found by the other
    /// language's?
    LanguageOf(u32),
}

/// Finds candidates. `&self`, shared by worker threads.
pub trait Retriever: Send + Sync {
    /// Candidates, best first by a plain sum of the views.
    ///
    /// # Errors
    /// Never for an odd query; a [`RetrieveError`] where the index itself fails.
    fn retrieve(&self, query: &Query) -> Result<Found, RetrieveError>;
}

/// The index failed.
#[derive(Debug, thiserror::Error)]
#[error("the search index failed: {0}")]
pub struct RetrieveError(pub String);
