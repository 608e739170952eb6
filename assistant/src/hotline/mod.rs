//! The hotline: a telephone call is a conversation like any other. The call attaches to it as the portal's page does (the same turns,
//! voices, queue and log); what is particular to a telephone is here.
//!
//! ```text
//! telephone::Leg ─► Call ─► Listening (turns) ─► attached::Connection ─► session
//!                     │ ◄── Dialogue (greeting, keys, silence, waiting, handing over)
//!                     ◄──── Player (what is to be heard, marked, taken back) ◄── Prompts
//! ```

mod call;
mod callback;
mod dialogue;
mod listening;
mod player;
mod prompts;
mod sound;

use std::sync::Arc;

use telephone::Leg;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use crate::doors::attached::Service;
pub use callback::{CallBack, CallBackSlot, Wish};
use prompts::Prompts;

/// Answers calls.
#[derive(Clone)]
pub struct Hotline {
    service: Service,
    prompts: Prompts,
    places: Arc<Semaphore>,
}

/// All lines are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Hotline {
    /// The hotline of a server.
    pub fn new(service: Service) -> Self {
        let (voice, calls) = (&service.configuration.voice, service.configuration.telephone.calls);
        let prompts = Prompts::new(service.mouths.clone(), service.recordings.clone(), voice.slow_rate);
        Self { prompts, places: Arc::new(Semaphore::new(calls)), service }
    }

    /// Makes the words that everybody hears, so that the first caller does not wait for them.
    pub async fn prepare(&self) {
        self.prompts.prepare(&self.service.configuration.telephone).await;
    }

    /// Takes a call, to its end, in a task of its own.
    ///
    /// # Errors
    /// [`Full`]: the leg is to be told that the line is busy.
    pub fn take(&self, leg: Leg) -> Result<(), Full> {
        let place = self.place()?;
        let hotline = self.clone();
        self.service.tasks.spawn(async move {
            call::serve(hotline, leg).await;
            drop(place);
        });
        Ok(())
    }

    fn place(&self) -> Result<OwnedSemaphorePermit, Full> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| Full)
    }

    /// The current moment.
    pub fn now(&self) -> conversation::Timestamp {
        self.service.conversations.now()
    }

    /// Every call is tracked here.
    pub const fn tasks(&self) -> &TaskTracker {
        &self.service.tasks
    }

    /// Whether the server is about to restart: no call is taken any more.
    pub fn is_draining(&self) -> bool {
        self.service.draining.is_cancelled()
    }

    /// Calls that could be taken now.
    pub fn free(&self) -> usize {
        self.places.available_permits()
    }
}
