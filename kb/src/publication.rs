//! A published knowledge base: immutable, searchable, named by its content.

use std::collections::HashMap;
use std::sync::OnceLock;

use language::Language;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::analysis::Terms;
use crate::index::InvertedIndex;
use crate::overlap::{ForwardIndex, WeighedQuery};
use crate::spoken::SpokenForms;
use crate::{
    Candidate, Collection, Entry, EntryId, HeldOut, Localized, Query, Report, RetrieveError, Retriever,
    Severity, View, check,
};

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
    by_id: HashMap<EntryId, u32>,
    /// By search key: the first variant that has it.
    by_key: HashMap<String, u32>,
    variants: Vec<Variant>,
    inverted: InvertedIndex,
    forward: ForwardIndex,
    spoken: OnceLock<SpokenForms>,
}

/// So many variants a view contributes at least; the right entry is practically never deeper in all three views.
const HITS_PER_VIEW: usize = 48;

/// Constant of reciprocal rank fusion (Cormack, Clarke & Büttcher 2009).
const RANK_FUSION_K: f32 = 60.0;

impl Publication {
    /// Publishes a collection.
    ///
    /// # Errors
    /// [`PublishError::Refused`] with the whole report where [`check`] finds errors; else where the index cannot be
    /// built.
    pub fn new(collection: &Collection) -> Result<Self, PublishError> {
        let report = check(collection);
        if !report.publishable() {
            return Err(PublishError::Refused(Box::new(report)));
        }
        let entries: Vec<Entry> = collection.entries.iter().map(|sourced| sourced.entry.clone()).collect();
        Self::build(collection.name.clone(), collection.notice.clone(), entries)
    }

    fn build(name: String, notice: Localized, entries: Vec<Entry>) -> Result<Self, PublishError> {
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
        let documents: Vec<Terms> = variants.iter().map(|variant| Terms::of(&variant.text)).collect();
        let answers: Vec<Terms> = entries.iter().map(|entry| Terms::of_answer(&answer_text(entry))).collect();
        let inverted =
            InvertedIndex::build(&documents).map_err(|error| PublishError::Index(error.to_string()))?;
        let forward = ForwardIndex::build(&variants, &documents, &answers);
        let by_id = entries.iter().enumerate().map(|(n, entry)| (entry.id.clone(), n as u32)).collect();
        let mut by_key = HashMap::new();
        for (number, document) in
            documents.iter().enumerate().filter(|(_, document)| !document.key.is_empty())
        {
            by_key.entry(document.key.clone()).or_insert(number as u32);
        }
        Ok(Self {
            name,
            notice,
            revision: Revision(hexadecimal(&whole.finalize())),
            entries,
            revisions,
            by_id,
            by_key,
            variants,
            inverted,
            forward,
            spoken: OnceLock::new(),
        })
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

    /// Candidates, best first by reciprocal rank fusion of the views, as if what is held out were not there. At most one
    /// candidate per entry: its best variant.
    ///
    /// # Errors
    /// [`RetrieveError`] where the index fails.
    pub fn search(&self, query: &Query, held_out: HeldOut) -> Result<Vec<Candidate>, RetrieveError> {
        let terms = Terms::of(&query.text);
        if terms.is_empty() || query.limit == 0 {
            return Ok(Vec::new());
        }
        let hidden = self.hidden(held_out);
        let depth = HITS_PER_VIEW.max(query.limit * 4) + hidden.len();
        let views = self.inverted.search(&terms, depth).map_err(|error| RetrieveError(error.to_string()))?;
        let weighed = self.forward.weigh(&terms, query.language, held_out);
        let mut found: HashMap<u32, Found> = HashMap::new();
        for (view, hits) in views {
            self.merge(&mut found, view, hits.into_iter().filter(|(variant, _)| !hidden.contains(variant)));
        }
        let mut ranked: Vec<(u32, Found)> = found.into_iter().collect();
        ranked.sort_by(|(a, x), (b, y)| y.fused.total_cmp(&x.fused).then(a.cmp(b)));
        ranked.truncate(query.limit);
        let mut candidates: Vec<Candidate> =
            ranked.into_iter().filter_map(|(entry, found)| self.candidate(&weighed, entry, found)).collect();
        // A stable sort: only an exact question overtakes the fused order.
        candidates.sort_by_key(|candidate| !candidate.overlap.exact);
        Ok(candidates)
    }

    fn candidate(&self, query: &WeighedQuery, entry: u32, found: Found) -> Option<Candidate> {
        let (variant, overlap) = self.forward.compare(query, entry)?;
        let variant = self.variants.get(variant as usize)?;
        Some(Candidate {
            entry: self.entries.get(entry as usize)?.id.clone(),
            variant: variant.text.clone(),
            language: variant.language,
            scores: found.scores,
            overlap,
        })
    }

    /// The way of asking that a text is word for word, up to spelling variants, punctuation and spacing; of several in
    /// one entry, the first.
    pub fn asked_exactly(&self, text: &str) -> Option<&Variant> {
        self.variants.get(*self.by_key.get(&language::search_key(text))? as usize)
    }

    fn merge(&self, found: &mut HashMap<u32, Found>, view: View, hits: impl Iterator<Item = (u32, f32)>) {
        let mut rank = 0.0;
        for (variant, score) in hits {
            let Some(entry) = self.variants.get(variant as usize).map(|v| v.entry) else { continue };
            let found = found.entry(entry).or_default();
            // The first hit of an entry is its best one in this view, and only that counts.
            if !found.scores.iter().any(|(v, _)| *v == view) {
                rank += 1.0;
                found.scores.push((view, score));
                found.fused += 1.0 / (RANK_FUSION_K + rank);
            }
        }
    }

    fn hidden(&self, held_out: HeldOut) -> Vec<u32> {
        match held_out {
            HeldOut::Nothing => Vec::new(),
            HeldOut::Variant(variant) => vec![variant],
            HeldOut::Entry(entry) => (0..self.variants.len() as u32)
                .filter(|v| self.variants[*v as usize].entry == entry)
                .collect(),
        }
    }
}

#[derive(Default)]
struct Found {
    scores: Vec<(View, f32)>,
    fused: f32,
}

impl Retriever for Publication {
    fn retrieve(&self, query: &Query) -> Result<Vec<Candidate>, RetrieveError> {
        self.search(query, HeldOut::Nothing)
    }
}

/// What an entry answers, in both languages: people often ask with words that only the answer has.
fn answer_text(entry: &Entry) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for language in Language::ALL {
        if let Some(text) = entry.text(language) {
            parts.extend([text.spoken.as_str(), &text.written]);
            parts.extend(text.steps.iter().chain(&text.documents).map(String::as_str));
        }
        parts.extend(entry.office.as_ref().map(|office| office.get(language)));
    }
    parts.join("\n")
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
