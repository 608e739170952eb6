//! When people are at work, as it holds right now: what the console says, or else the configuration.
//!
//! The console's hours are a paper of the store. The node where they are changed follows at once, the others within
//! [`LOOK_EVERY`].

use std::sync::Arc;
use std::time::Duration;

use conversation::audit::{AuditActor, AuditEntry};
use conversation::routing::HandoffRules;
use conversation::wait::OfficeHours;
use conversation::{Paper, PaperChange, PaperKind, Store, StoreError};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How often a node looks whether another has changed the hours.
pub const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The paper's name.
const ID: &str = "hours";

/// The hours that hold, shared by everything that asks for them. Cheap to clone.
#[derive(Clone)]
pub struct Hours {
    store: Arc<dyn Store>,
    /// What the store is told, with the configured hours in it.
    configured: Arc<HandoffRules>,
    current: Arc<RwLock<Current>>,
}

/// What holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Current {
    /// The version of the console's hours; 0 where the console never said anything.
    pub version: u64,
    /// The hours.
    pub hours: OfficeHours,
    /// Whether they are the configuration's.
    pub configured: bool,
}

/// The paper: without hours, the configured ones hold again.
#[derive(Serialize, Deserialize)]
struct Kept {
    hours: Option<OfficeHours>,
}

/// Why hours were not changed.
#[derive(Debug, thiserror::Error)]
pub enum HoursError {
    /// They make no sense.
    #[error("{0}")]
    Invalid(String),
    /// The store refused, or somebody else was faster.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Hours {
    /// Hours that begin as the configuration has them: [`Self::look`] asks the store for others. `rules` are what the store is
    /// told with every change of the hours.
    pub fn new(store: Arc<dyn Store>, rules: HandoffRules) -> Self {
        store.set_rules(rules.clone());
        let current = Current { version: 0, hours: rules.hours.clone(), configured: true };
        Self { store, configured: Arc::new(rules), current: Arc::new(RwLock::new(current)) }
    }

    /// What holds now.
    pub fn current(&self) -> Current {
        self.current.read().clone()
    }

    /// Takes over what another node, or an earlier run, was told.
    ///
    /// # Errors
    /// [`StoreError`]; the hours stay as they are then.
    pub async fn look(&self) -> Result<(), StoreError> {
        if self.store.paper_version(PaperKind::Setting, ID).await? == self.current.read().version {
            return Ok(());
        }
        if let Some(paper) = self.store.paper(PaperKind::Setting, ID).await? {
            self.apply(&paper);
        }
        Ok(())
    }

    /// Changes the hours, on record; `None`: the configured ones hold again. `seen`: the version that whoever changes them has
    /// seen.
    ///
    /// # Errors
    /// [`HoursError`]; nothing was changed then.
    pub async fn change(
        &self,
        actor: AuditActor,
        seen: u64,
        hours: Option<OfficeHours>,
    ) -> Result<Current, HoursError> {
        if let Some(hours) = &hours {
            hours.validate().map_err(HoursError::Invalid)?;
        }
        let entry =
            AuditEntry::new(actor, "hours.changed").on("setting", ID).with("configured", hours.is_none());
        let body =
            serde_json::to_value(Kept { hours }).map_err(|error| HoursError::Invalid(error.to_string()))?;
        let change =
            PaperChange { kind: PaperKind::Setting, id: ID.to_owned(), expect: seen, body: Some(body) };
        for paper in self.store.change_papers(vec![change], entry).await? {
            self.apply(&paper);
        }
        Ok(self.current())
    }

    fn apply(&self, paper: &Paper) {
        let kept: Kept = match serde_json::from_value(paper.body.clone()) {
            Ok(kept) => kept,
            Err(error) => {
                tracing::error!(%error, "the hours in the store cannot be read; others stay in force");
                return;
            }
        };
        let mut current = self.current.write();
        // A look that began before a change may end after it.
        if paper.version <= current.version {
            return;
        }
        let configured = kept.hours.is_none();
        let hours = kept.hours.unwrap_or_else(|| self.configured.hours.clone());
        self.store.set_rules(HandoffRules { hours: hours.clone(), ..(*self.configured).clone() });
        *current = Current { version: paper.version, hours, configured };
        tracing::info!(version = paper.version, configured, "the hours of service have changed");
    }

    /// Follows what other nodes change, until the server drains.
    pub async fn follow(self, draining: CancellationToken) {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = draining.cancelled() => return,
                _ = ticks.tick() => {}
            }
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "it is unknown whether the hours of service have changed");
            }
        }
    }
}
