//! Changing the knowledge base while it is served: proposals, their approval by a second person, and publication.
//!
//! ```text
//! desk, console ─► Proposal (store) ─approve─► files with the change ─► published for trial ─► store ─► folder exchanged ─► Minds::publish
//!                                                                                      │
//!                                    other nodes ◄── see a newer version, take it ◄────┘
//! ```
//!
//! What was published last stands in the store, so that all nodes serve the same and a node that was away learns of it; the folder
//! that the server answers from is made from it. `knowledge.version` beside the folder says which version it was. Files that an
//! operator imports by hand take the folder's place without changing that number: they are served until the next approval,
//! which starts from them.

mod folder;
mod proposal;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use conversation::{AuditEntry, Clock, Paper, PaperChange, PaperKind, Person, Store, StoreError};
use kb::{Collection, Date, Entry, EntryId, Problem, Report, Severity};
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use folder::{Files, FolderError, beside, exchange, save};
pub use proposal::{Compared, Hand, Origin, Proposal, ProposalState, ProposedChange, Unsigned, fingerprint};

use crate::{
    config::Configuration,
    knowledge::{self, Brain, KnowledgeError},
    workers::minds::Minds,
};

/// The one paper of its kind.
const PUBLISHED: &str = "published";
/// The file beside the folder that says which version of it the folder is.
const VERSION: &str = "knowledge.version";
/// How often a node looks for what another has published.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// After a failure it is not looked for so long.
const REST_AFTER_FAILURE: Duration = Duration::from_mins(1);
/// The longest note or reason, in characters.
pub const MAX_NOTE_CHARACTERS: usize = 2_000;
/// Proposals that are approved together at most.
pub const MOST_AT_ONCE: usize = 1_000;

/// Why the knowledge base was not changed.
#[derive(Debug, thiserror::Error)]
pub enum EditingError {
    /// There is no such proposal.
    #[error("there is no such proposal")]
    NoProposal,
    /// There is no such entry.
    #[error("there is no such entry")]
    NoEntry,
    /// It was decided before, or taken back.
    #[error("this proposal is not open any more: it is {0:?}")]
    NotOpen(ProposalState),
    /// The entry says something else than when it was changed.
    #[error(
        "the entry {0} has been published in other words since: look at both, and submit the change again"
    )]
    Outdated(EntryId),
    /// Whoever wrote it must not approve it, or a signature is not possible.
    #[error(transparent)]
    Unsigned(#[from] Unsigned),
    /// Only those who wrote it take it back.
    #[error("only those who wrote a proposal can take it back; refuse it instead")]
    NotYours,
    /// Something about it is wrong.
    #[error("{0}")]
    Unfit(String),
    /// The knowledge base could not be published with it.
    #[error("{0}")]
    Knowledge(#[from] KnowledgeError),
    /// The files.
    #[error("{0}")]
    Folder(#[from] FolderError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server is going down.
    #[error("the work was broken off")]
    BrokenOff,
}

/// The knowledge base as it is served, with what is wrong with it.
#[derive(Debug)]
pub struct Served {
    /// Everything, also what does not hold today.
    pub collection: Collection,
    /// What `kb check` says.
    pub report: Report,
}

impl Served {
    /// An entry.
    pub fn entry(&self, id: &EntryId) -> Option<&Entry> {
        self.collection.entries.iter().map(|sourced| &sourced.entry).find(|entry| entry.id == *id)
    }
}

/// A proposal with its place in the store.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its id.
    pub id: String,
    /// Counts its changes.
    pub version: u64,
    /// What it says.
    pub proposal: Proposal,
}

impl Kept {
    fn read(paper: Paper) -> Result<Self, EditingError> {
        let proposal = serde_json::from_value(paper.body);
        let proposal = proposal.map_err(|error| StoreError::Corrupt(error.to_string()))?;
        Ok(Self { id: paper.id, version: paper.version, proposal })
    }
}

/// What somebody proposes.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Which entry.
    pub entry: EntryId,
    /// The entry as it is to be; `None` to end it.
    pub content: Option<Entry>,
    /// The entry as they saw it ([`fingerprint`]); `None` where there was none.
    pub base: Option<String>,
    /// Texts that were compared with the other language.
    pub compared: Compared,
    /// What they want to say about it.
    pub note: String,
    /// An agent's answer from which it was made.
    pub origin: Option<Origin>,
}

/// What was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedNow {
    /// The publication's revision.
    pub revision: String,
    /// Entries that hold today.
    pub entries: usize,
}

/// The files as they were published, as the store keeps them.
#[derive(Serialize, Deserialize)]
struct PublishedFiles {
    files: Files,
}

/// Changes the knowledge base. Cheap to clone.
#[derive(Clone)]
pub struct Editing(Arc<Inner>);

struct Inner {
    configuration: Arc<Configuration>,
    minds: Minds,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// Held while files are exchanged.
    publishing: tokio::sync::Mutex<()>,
    /// What was read, and of which publication.
    served: parking_lot::Mutex<Option<(u64, Arc<Served>)>>,
}

impl std::fmt::Debug for Editing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Editing").finish_non_exhaustive()
    }
}

impl Editing {
    /// Changes what `minds` think with.
    pub fn new(
        configuration: Arc<Configuration>,
        minds: Minds,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (publishing, served) = (tokio::sync::Mutex::default(), parking_lot::Mutex::default());
        Self(Arc::new(Inner { configuration, minds, store, clock, publishing, served }))
    }

    /// What understands questions.
    pub fn minds(&self) -> &Minds {
        &self.0.minds
    }

    /// Today, in China.
    fn today(&self) -> Date {
        Date::in_china(self.0.clock.now().as_millis()).unwrap_or_else(Date::today)
    }

    /// The knowledge base as it is served, read again after every publication.
    ///
    /// # Errors
    /// Where the files cannot be read.
    pub async fn served(&self) -> Result<Arc<Served>, EditingError> {
        let count = *self.0.minds.publications().borrow();
        if let Some((of, served)) = &*self.0.served.lock()
            && *of == count
        {
            return Ok(Arc::clone(served));
        }
        let (inner, today) = (Arc::clone(&self.0), self.today());
        blocking(move || {
            let path = knowledge::folder(&inner.configuration);
            let collection =
                Collection::load(&path).map_err(|source| KnowledgeError::Load { path, source })?;
            let report = kb::check_on(&collection, today);
            let served = Arc::new(Served { collection, report });
            *inner.served.lock() = Some((count, Arc::clone(&served)));
            Ok(served)
        })
        .await
    }

    /// What is wrong with entries as they are to be: problems of their own and those they make beside the others.
    ///
    /// # Errors
    /// As [`Self::served`].
    pub async fn problems(&self, entries: Vec<Entry>) -> Result<Vec<Problem>, EditingError> {
        let (served, today) = (self.served().await?, self.today());
        blocking(move || {
            let mut collection = served.collection.clone();
            let mut changed: HashMap<EntryId, Entry> =
                entries.into_iter().map(|entry| (entry.id.clone(), entry)).collect();
            let ids: HashSet<EntryId> = changed.keys().cloned().collect();
            for sourced in &mut collection.entries {
                if let Some(entry) = changed.remove(&sourced.entry.id) {
                    sourced.entry = entry;
                }
            }
            let added = changed.into_values().map(|entry| kb::Sourced { file: String::new(), entry });
            collection.entries.extend(added);
            let mut problems = kb::check_on(&collection, today).problems;
            problems.retain(|problem| problem.entry.as_ref().is_some_and(|id| ids.contains(id)));
            Ok(problems)
        })
        .await
    }

    /// All proposals, by id.
    ///
    /// # Errors
    /// Of the store.
    pub async fn proposals(&self) -> Result<Vec<Kept>, EditingError> {
        self.0.store.papers(PaperKind::Proposal).await?.into_iter().map(Kept::read).collect()
    }

    /// A proposal.
    ///
    /// # Errors
    /// [`EditingError::NoProposal`]; of the store.
    pub async fn proposal(&self, id: &str) -> Result<Kept, EditingError> {
        let paper = self.0.store.paper(PaperKind::Proposal, id).await?.ok_or(EditingError::NoProposal)?;
        Kept::read(paper)
    }

    /// Submits a change.
    ///
    /// # Errors
    /// [`EditingError::Unfit`] where something about the entry is an error; [`EditingError::NoEntry`] where one is to end that is not
    /// there.
    pub async fn submit(&self, by: &Person, draft: Draft) -> Result<Kept, EditingError> {
        let many = self.submit_all(by, vec![draft]).await?;
        many.into_iter().next().ok_or(EditingError::BrokenOff)
    }

    /// Submits several changes, all of them or none.
    ///
    /// # Errors
    /// As [`Self::submit`].
    pub async fn submit_all(&self, by: &Person, drafts: Vec<Draft>) -> Result<Vec<Kept>, EditingError> {
        if drafts.len() > MOST_AT_ONCE {
            return Err(EditingError::Unfit(format!("submit at most {MOST_AT_ONCE} entries at once")));
        }
        self.check(drafts.iter().filter_map(|draft| draft.content.as_ref())).await?;
        let mut changes = Vec::with_capacity(drafts.len());
        let mut entry = AuditEntry::new(by.actor(), "proposal.submitted");
        for draft in drafts {
            let id = Uuid::new_v4().simple().to_string();
            entry = entry.on("proposal", &id).with("entry", draft.entry.0.clone());
            let mut proposal = Proposal {
                entry: draft.entry.clone(),
                change: ProposedChange::Added,
                content: None,
                base: None,
                compared: Compared::default(),
                state: ProposalState::Submitted,
                hands: Vec::new(),
                note: String::new(),
                origin: draft.origin.clone(),
                decided: None,
                reason: String::new(),
            };
            self.fill(&mut proposal, by, draft).await?;
            changes.push(change(&id, 0, &proposal)?);
        }
        if changes.len() > 1 {
            entry = entry.on("proposals", changes.len()).with("count", changes.len());
            entry.detail.remove("entry");
        }
        self.keep(changes, entry).await
    }

    /// Changes a proposal that is open or was refused; it is submitted again by that.
    ///
    /// # Errors
    /// As [`Self::submit`]; [`EditingError::NotOpen`]; [`StoreError::PaperChanged`].
    pub async fn change(
        &self,
        by: &Person,
        id: &str,
        version: u64,
        draft: Draft,
    ) -> Result<Kept, EditingError> {
        let mut proposal = self.proposal(id).await?.proposal;
        if !matches!(proposal.state, ProposalState::Submitted | ProposalState::Refused) {
            return Err(EditingError::NotOpen(proposal.state));
        }
        self.check(draft.content.iter()).await?;
        self.fill(&mut proposal, by, draft).await?;
        let entry = AuditEntry::new(by.actor(), "proposal.changed").on("proposal", id);
        self.keep_one(change(id, version, &proposal)?, entry.with("entry", proposal.entry.0.clone())).await
    }

    /// Refuses what could not be published.
    async fn check(&self, contents: impl Iterator<Item = &Entry>) -> Result<(), EditingError> {
        // Signatures come with the approval; until then a text may say that it is to be signed.
        let unsigned = contents.cloned().map(|mut entry| {
            for text in [&mut entry.zh, &mut entry.bo].into_iter().flatten() {
                text.review = kb::Review::Draft;
            }
            entry
        });
        let problems = self.problems(unsigned.collect()).await?;
        match problems.iter().find(|problem| problem.severity == Severity::Error) {
            Some(problem) => Err(EditingError::Unfit(problem.to_string())),
            None => Ok(()),
        }
    }

    async fn fill(&self, proposal: &mut Proposal, by: &Person, draft: Draft) -> Result<(), EditingError> {
        let served = self.served().await?;
        let there = served.entry(&draft.entry);
        proposal.change = match (&draft.content, there) {
            (None, None) => return Err(EditingError::NoEntry),
            (None, Some(_)) => ProposedChange::Removed,
            (Some(_), None) => ProposedChange::Added,
            (Some(_), Some(_)) => ProposedChange::Changed,
        };
        if draft.base != there.map(fingerprint) {
            return Err(EditingError::Outdated(draft.entry));
        }
        if draft.note.chars().count() > MAX_NOTE_CHARACTERS {
            return Err(EditingError::Unfit(format!(
                "`note` has more than {MAX_NOTE_CHARACTERS} characters"
            )));
        }
        if draft.content.as_ref().is_some_and(|content| content.id != draft.entry) {
            return Err(EditingError::Unfit("an entry keeps its id".to_owned()));
        }
        proposal.entry = draft.entry;
        proposal.content = draft.content;
        proposal.base = draft.base;
        proposal.compared = draft.compared;
        proposal.note = draft.note;
        proposal.state = ProposalState::Submitted;
        proposal.written_by(self.hand(by));
        Ok(())
    }

    /// Takes a proposal back.
    ///
    /// # Errors
    /// [`EditingError::NotYours`]; as [`Self::change`].
    pub async fn withdraw(&self, by: &Person, id: &str, version: u64) -> Result<Kept, EditingError> {
        let mut proposal = self.proposal(id).await?.proposal;
        if !matches!(proposal.state, ProposalState::Submitted | ProposalState::Refused) {
            return Err(EditingError::NotOpen(proposal.state));
        }
        if !proposal.is_by(by.id) {
            return Err(EditingError::NotYours);
        }
        proposal.state = ProposalState::Withdrawn;
        let entry = AuditEntry::new(by.actor(), "proposal.withdrawn").on("proposal", id);
        self.keep_one(change(id, version, &proposal)?, entry.with("entry", proposal.entry.0.clone())).await
    }

    /// Refuses a proposal with a reason.
    ///
    /// # Errors
    /// As [`Self::change`].
    pub async fn refuse(
        &self,
        by: &Person,
        id: &str,
        version: u64,
        reason: String,
    ) -> Result<Kept, EditingError> {
        let mut proposal = self.proposal(id).await?.proposal;
        if proposal.state != ProposalState::Submitted {
            return Err(EditingError::NotOpen(proposal.state));
        }
        if reason.trim().is_empty() || reason.chars().count() > MAX_NOTE_CHARACTERS {
            return Err(EditingError::Unfit(format!(
                "`reason` must have 1 to {MAX_NOTE_CHARACTERS} characters"
            )));
        }
        (proposal.state, proposal.reason) = (ProposalState::Refused, reason);
        proposal.decided = Some(self.hand(by));
        let entry = AuditEntry::new(by.actor(), "proposal.refused").on("proposal", id);
        self.keep_one(change(id, version, &proposal)?, entry.with("entry", proposal.entry.0.clone())).await
    }

    /// Approves proposals and takes the knowledge base with them into service: all of them or none. Takes as long as publishing
    /// does, from a second to minutes for thousands of entries.
    ///
    /// # Errors
    /// [`EditingError`]; nothing has changed then.
    pub async fn approve(
        &self,
        by: &Person,
        wanted: Vec<(String, u64)>,
    ) -> Result<PublishedNow, EditingError> {
        if wanted.is_empty() || wanted.len() > MOST_AT_ONCE {
            return Err(EditingError::Unfit(format!("approve 1 to {MOST_AT_ONCE} proposals at once")));
        }
        // Whoever asks may go away; what was begun is finished.
        let (editing, by) = (self.clone(), by.clone());
        let work = tokio::spawn(async move { editing.publish(&by, wanted).await });
        work.await.map_err(|_| EditingError::BrokenOff)?
    }

    async fn publish(&self, by: &Person, wanted: Vec<(String, u64)>) -> Result<PublishedNow, EditingError> {
        let _one_at_a_time = self.0.publishing.lock().await;
        let version = self.catch_up().await?;
        let (hand, today) = (self.hand(by), self.today());
        let served = self.served().await?;
        let mut changes = Vec::with_capacity(wanted.len() + 1);
        let mut entries = BTreeMap::new();
        for (id, seen) in wanted {
            let mut proposal = self.proposal(&id).await?.proposal;
            if proposal.state != ProposalState::Submitted {
                return Err(EditingError::NotOpen(proposal.state));
            }
            let there = served.entry(&proposal.entry);
            if proposal.base != there.map(fingerprint) || entries.contains_key(&proposal.entry) {
                return Err(EditingError::Outdated(proposal.entry));
            }
            let signed = proposal.signed(there, &hand, today)?;
            entries.insert(proposal.entry.clone(), signed);
            proposal.state = ProposalState::Approved;
            proposal.decided = Some(hand.clone());
            changes.push(change(&id, seen, &proposal)?);
        }
        let named = entries.keys().map(|id| id.0.clone()).collect::<Vec<_>>().join(" ");
        let inner = Arc::clone(&self.0);
        let (fresh, files, brain) = blocking(move || inner.prepare(&entries, today)).await?;
        let now = PublishedNow {
            revision: brain.publication().revision().to_string(),
            entries: brain.publication().entries().len(),
        };
        let body = serde_json::to_value(PublishedFiles { files });
        let body = body.map_err(|error| StoreError::Corrupt(error.to_string()))?;
        changes.push(PaperChange {
            kind: PaperKind::Knowledge,
            id: PUBLISHED.to_owned(),
            expect: version,
            body: Some(body),
        });
        let entry = AuditEntry::new(by.actor(), "knowledge.published")
            .on("revision", &now.revision)
            .with("entries", named);
        // From here on it is published, whatever happens to this process: a node that starts takes the folder from the store.
        self.0.store.change_papers(changes, entry).await?;
        let inner = Arc::clone(&self.0);
        blocking(move || Ok(take_place(&inner.configuration, &fresh, version + 1)?)).await?;
        self.0.minds.publish(brain);
        tracing::info!(entries = now.entries, revision = now.revision, "a knowledge base was published");
        Ok(now)
    }

    /// Takes what another node has published into the folder, and into service. Returns the version that the folder is of now.
    async fn catch_up(&self) -> Result<u64, EditingError> {
        let Some((version, files)) = newer(&self.0.configuration, self.0.store.as_ref()).await? else {
            return Ok(self.0.store.paper_version(PaperKind::Knowledge, PUBLISHED).await?);
        };
        let (inner, today) = (Arc::clone(&self.0), self.today());
        let brain = blocking(move || {
            let fresh = beside(&inner.folder(), "new")?;
            files.write(&fresh)?;
            let brain = Brain::open_on(&fresh, &inner.configuration, today)?;
            take_place(&inner.configuration, &fresh, version)?;
            Ok(brain)
        })
        .await?;
        let (entries, revision) =
            (brain.publication().entries().len(), brain.publication().revision().to_string());
        self.0.minds.publish(brain);
        tracing::info!(entries, revision, "a knowledge base that another node published is in service");
        Ok(version)
    }

    /// Looks for what other nodes publish until the server drains.
    pub async fn follow(self, draining: CancellationToken) {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = draining.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let _one_at_a_time = self.0.publishing.lock().await;
            if let Err(error) = self.catch_up().await {
                tracing::error!(%error, "what another node has published could not be taken into service");
                // Trying costs seconds of computing.
                ticks.reset_after(REST_AFTER_FAILURE);
            }
        }
    }

    fn hand(&self, person: &Person) -> Hand {
        Hand { id: person.id, name: person.name.clone(), at: self.0.clock.now() }
    }

    async fn keep(&self, changes: Vec<PaperChange>, entry: AuditEntry) -> Result<Vec<Kept>, EditingError> {
        let papers = self.0.store.change_papers(changes, entry).await?;
        papers.into_iter().map(Kept::read).collect()
    }

    async fn keep_one(&self, change: PaperChange, entry: AuditEntry) -> Result<Kept, EditingError> {
        self.keep(vec![change], entry).await?.into_iter().next().ok_or(EditingError::BrokenOff)
    }
}

impl Inner {
    fn folder(&self) -> PathBuf {
        self.configuration.data("knowledge")
    }

    /// The files with these entries, in a folder of their own, published for trial.
    fn prepare(
        &self,
        entries: &BTreeMap<EntryId, Option<Entry>>,
        today: Date,
    ) -> Result<(PathBuf, Files, Brain), EditingError> {
        let mut files = Files::read(&[knowledge::folder(&self.configuration)])?;
        for (id, entry) in entries {
            files.put(id, entry.as_ref())?;
        }
        let fresh = beside(&self.folder(), "new")?;
        files.write(&fresh)?;
        let brain = Brain::open_on(&fresh, &self.configuration, today)?;
        Ok((fresh, files, brain))
    }
}

/// Restores what the store says was published last where this machine's folder is of an older version: before the server loads it.
///
/// # Errors
/// Of the store and the disk.
pub async fn restore(configuration: &Configuration, store: &dyn Store) -> Result<(), EditingError> {
    let Some((version, files)) = newer(configuration, store).await? else { return Ok(()) };
    let fresh = beside(&configuration.data("knowledge"), "new")?;
    files.write(&fresh)?;
    Ok(take_place(configuration, &fresh, version)?)
}

/// What the store says was published last with its version, where that is newer than this machine's folder.
async fn newer(
    configuration: &Configuration,
    store: &dyn Store,
) -> Result<Option<(u64, Files)>, EditingError> {
    // No file: the folder was never published from here.
    let own = fs::read_to_string(configuration.data(VERSION)).unwrap_or_default();
    let own: u64 = own.trim().parse().unwrap_or_default();
    if store.paper_version(PaperKind::Knowledge, PUBLISHED).await? <= own {
        return Ok(None);
    }
    let Some(paper) = store.paper(PaperKind::Knowledge, PUBLISHED).await? else { return Ok(None) };
    let published: PublishedFiles =
        serde_json::from_value(paper.body).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    Ok(Some((paper.version, published.files)))
}

/// Puts a folder in the served one's place, as this version of it.
fn take_place(configuration: &Configuration, fresh: &Path, version: u64) -> Result<(), FolderError> {
    exchange(fresh, &configuration.data("knowledge"))?;
    save(&configuration.data(VERSION), version.to_string().as_bytes())
}

fn change(id: &str, version: u64, proposal: &Proposal) -> Result<PaperChange, EditingError> {
    let body = serde_json::to_value(proposal).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    Ok(PaperChange { kind: PaperKind::Proposal, id: id.to_owned(), expect: version, body: Some(body) })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EditingError> + Send + 'static,
) -> Result<T, EditingError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "work on the knowledge base broke off");
        EditingError::BrokenOff
    })?
}
