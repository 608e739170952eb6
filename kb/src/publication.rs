//! A published knowledge base: immutable, searchable, named by its content.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use language::{Language, Lesson};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::dense::DenseView;
use crate::mending::Mender;
use crate::search::{Rehearsal, SearchIndex};
use crate::spoken::SpokenForms;
use crate::{
    Collection, EncodeError, Entry, EntryId, Found, Glossary, LabelledQuestion, Localized, Query, Report,
    RetrieveError, Retriever, SentenceEncoder, Severity, check,
};

/// Texts beyond this many are left out evenly where the knowledge base's language is learned: a hundred thousand entries say hardly more about it.
const MOST_LESSONS: usize = 60_000;

/// What a content hash looks like to everybody else: lower-case hexadecimal, 16 digits for an entry, 64 for a
/// publication. Equal content has equal revisions, on every machine and in every process.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub String);

impl std::fmt::Display for Revision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One way of asking, as part of a publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Number of the entry in [`Publication::entries`].
    pub entry: u32,
    /// The language it is asked in.
    pub language: Language,
    /// 0 is the question as shown to people, 1 the first variant.
    pub index: u16,
    /// As written.
    pub text: String,
}

/// Why a collection was not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// It has errors; the report names them.
    #[error("the knowledge base has {} errors and cannot be published; the first is: {}",
        .0.count(Severity::Error), .0.problems.first().map(ToString::to_string).unwrap_or_default())]
    Refused(Box<Report>),
    /// The index could not be built.
    #[error("the search index cannot be built: {0}")]
    Index(String),
    /// An entry could not be hashed.
    #[error("an entry cannot be serialised: {0}")]
    Serialise(#[from] serde_json::Error),
}

/// An immutable snapshot of a knowledge base with everything that answers questions about it.
#[derive(Debug)]
pub struct Publication {
    name: String,
    notice: Localized,
    revision: Revision,
    entries: Vec<Entry>,
    revisions: Vec<Revision>,
    by_id: FxHashMap<EntryId, u32>,
    /// By search key: the first variant that has it.
    by_key: FxHashMap<String, u32>,
    variants: Vec<Variant>,
    glossary: Arc<Glossary>,
    labelled: Vec<LabelledQuestion>,
    index: SearchIndex,
    dense: Option<DenseView>,
    spoken: OnceLock<SpokenForms>,
    mender: OnceLock<Mender>,
}

impl Publication {
    /// Publishes a collection.
    ///
    /// # Errors
    /// [`PublishError::Refused`] with the whole report where [`check`] finds errors; else where an entry cannot be hashed or a large
    /// knowledge base cannot be indexed.
    pub fn new(collection: &Collection) -> Result<Self, PublishError> {
        let report = check(collection);
        if !report.publishable() {
            return Err(PublishError::Refused(Box::new(report)));
        }
        let entries: Vec<Entry> = collection.entries.iter().map(|sourced| sourced.entry.clone()).collect();
        let glossary = Glossary::with(collection.glossary.clone());
        let mut publication =
            Self::build(collection.name.clone(), collection.notice.clone(), entries, glossary)?;
        publication.labelled.clone_from(&collection.labelled);
        Ok(publication)
    }

    fn build(
        name: String,
        notice: Localized,
        entries: Vec<Entry>,
        glossary: Arc<Glossary>,
    ) -> Result<Self, PublishError> {
        let mut revisions = Vec::with_capacity(entries.len());
        let mut whole = Sha256::new();
        whole.update(serde_json::to_vec(&(&name, &notice))?);
        for entry in &entries {
            let digest = Sha256::digest(serde_json::to_vec(entry)?);
            whole.update(digest);
            revisions.push(Revision(hexadecimal(&digest[..8])));
        }
        let mut variants = Vec::new();
        for (number, entry) in entries.iter().enumerate() {
            variants.extend(entry.questions().map(|(language, index, text)| Variant {
                entry: number as u32,
                language,
                index: index as u16,
                text: text.to_owned(),
            }));
        }
        let index = SearchIndex::build(&entries, &variants, &glossary)
            .map_err(|error| PublishError::Index(error.to_string()))?;
        let mut by_key = FxHashMap::default();
        for (number, key) in (0_u32..).zip(index.keys()).filter(|(_, key)| !key.is_empty()) {
            by_key.entry(key.to_owned()).or_insert(number);
        }
        let by_id = entries.iter().enumerate().map(|(n, entry)| (entry.id.clone(), n as u32)).collect();
        Ok(Self {
            name,
            notice,
            revision: Revision(hexadecimal(&whole.finalize())),
            entries,
            revisions,
            by_id,
            by_key,
            variants,
            glossary,
            labelled: Vec::new(),
            index,
            dense: None,
            spoken: OnceLock::new(),
            mender: OnceLock::new(),
        })
    }

    /// Adds a dense view: all ways of asking as vectors of `encoder`, which from now on encodes every
    /// question too. Takes as long as encoding what the folder `cache` does not hold yet: seconds to minutes, with progress in
    /// the log. Before calibration: what was calibrated without it does not fit afterwards.
    ///
    /// # Errors
    /// [`EncodeError`]; the publication is then as it was.
    pub fn add_encoder(
        &mut self,
        encoder: Arc<dyn SentenceEncoder>,
        cache: Option<&Path>,
    ) -> Result<(), EncodeError> {
        self.dense = Some(DenseView::build(encoder, &self.variants, cache)?);
        Ok(())
    }

    /// The name of the encoder behind the dense view, where there is one.
    pub fn encoder(&self) -> Option<&str> {
        self.dense.as_ref().map(|dense| dense.encoder().name())
    }

    pub(crate) fn dense(&self) -> Option<&DenseView> {
        self.dense.as_ref()
    }

    /// The knowledge base's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The notice to show with every answer; empty where there is none.
    pub fn notice(&self) -> &Localized {
        &self.notice
    }

    /// The content hash of the whole.
    pub fn revision(&self) -> &Revision {
        &self.revision
    }

    /// All entries; an entry's position is its number.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of that id.
    pub fn entry(&self, id: &EntryId) -> Option<&Entry> {
        self.entries.get(self.number(id)? as usize)
    }

    /// The number of the entry of that id.
    pub fn number(&self, id: &EntryId) -> Option<u32> {
        self.by_id.get(id).copied()
    }

    /// The content hash of one entry: part of every answer event and of the key of recorded and cached speech.
    pub fn entry_revision(&self, id: &EntryId) -> Option<&Revision> {
        self.revisions.get(self.number(id)? as usize)
    }

    /// Every way of asking in both languages, entry by entry; a variant's position is its number.
    pub fn variants(&self) -> &[Variant] {
        &self.variants
    }

    /// Everything that can be matched against sound. Made at the first call (some 10 ms per thousand variants): call it
    /// once on a worker thread before the publication goes into service.
    pub fn spoken_forms(&self) -> &SpokenForms {
        self.spoken.get_or_init(|| SpokenForms::new(&self.variants))
    }

    /// What was probably said where a recogniser wrote `heard`: units that sound like those it wrote and make likelier text in the
    /// knowledge base's own language; `None` where that is what it wrote. The first call learns that language (some
    /// 300 ms for a few thousand questions): make it before the publication goes into service.
    pub fn mended(&self, heard: &str) -> Option<String> {
        self.mender.get_or_init(|| Mender::new(&self.lessons())).mend(heard)
    }

    /// The knowledge base's own texts and the forms of its glossary: how it speaks. For [`language::UnitModel`].
    pub fn lessons(&self) -> Vec<Lesson<'_>> {
        let variants = self.variants.iter().map(|variant| Lesson::whole(&variant.text, variant.language));
        let labelled =
            self.labelled.iter().map(|labelled| Lesson::whole(&labelled.question, labelled.language));
        let mut lessons: Vec<Lesson<'_>> = variants.chain(labelled).collect();
        for entry in &self.entries {
            for language in Language::ALL {
                let Some(text) = entry.text(language) else { continue };
                let listed = text.keywords.iter().chain(&text.steps).chain(&text.documents);
                let all = [&text.spoken, &text.written].into_iter().chain(listed);
                lessons.extend(all.map(|text| Lesson::whole(text, language)));
            }
        }
        let kept = lessons.len().min(MOST_LESSONS);
        lessons = (0..kept).map(|at| lessons[at * lessons.len() / kept]).collect();
        let forms = self.glossary.concepts().iter().flat_map(|concept| &concept.forms);
        lessons.extend(forms.map(|form| Lesson::form(form)));
        lessons
    }

    /// Candidates, best first by a plain sum of the views; at most one for each entry.
    ///
    /// # Errors
    /// [`RetrieveError`] where the index fails.
    pub fn search(&self, query: &Query) -> Result<Found, RetrieveError> {
        self.index.search(self, query)
    }

    /// Prepares searches that pretend not to know something; trains [`View::Learned`](crate::View::Learned) anew for each
    /// fold of the variants. For calibration at publish time.
    pub fn rehearsal(&self) -> Rehearsal<'_> {
        Rehearsal::new(self, &self.index)
    }

    /// Questions whose entry is known, for setting thresholds; no part of what is served, and not of the revision.
    pub fn labelled(&self) -> &[LabelledQuestion] {
        &self.labelled
    }

    /// A hash of everything that a calibration of this publication depends on: entries, labelled questions, glossary and encoder; 64
    /// hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let mut whole = Sha256::new();
        whole.update(&self.revision.0);
        for labelled in &self.labelled {
            whole.update(format!("{labelled:?}\n"));
        }
        for concept in self.glossary.concepts() {
            whole.update(format!("{concept:?}\n"));
        }
        whole.update(self.encoder().unwrap_or_default());
        hexadecimal(&whole.finalize())
    }

    /// The glossary that questions are read with: the built-in one and the knowledge base's own.
    pub fn glossary(&self) -> &Arc<Glossary> {
        &self.glossary
    }

    /// The number of the first variant that has a search key.
    pub(crate) fn variant_by_key(&self, key: &str) -> Option<u32> {
        self.by_key.get(key).copied()
    }

    /// The way of asking that a text is word for word, up to spelling variants, punctuation and spacing; of several in
    /// one entry, the first.
    pub fn asked_exactly(&self, text: &str) -> Option<&Variant> {
        self.asked_by_key(&language::search_key(text))
    }

    /// [`Self::asked_exactly`] by the text's search key.
    pub fn asked_by_key(&self, key: &str) -> Option<&Variant> {
        self.variants.get(self.variant_by_key(key)? as usize)
    }
}

impl Retriever for Publication {
    fn retrieve(&self, query: &Query) -> Result<Found, RetrieveError> {
        self.search(query)
    }
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
