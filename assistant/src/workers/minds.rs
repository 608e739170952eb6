//! Understanding on its own threads: retrieval and scoring cost milliseconds to tens of milliseconds of pure computing.

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use parking_lot::{Mutex, RwLock};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use super::fatal::Fatal;
use crate::knowledge::Brain;

/// Questions that may wait for a thread. At 20 ms each and two threads this is over a second of work; who comes later
/// waits for a place for [`PATIENCE`] and is then told that the service is busy.
const QUEUE: usize = 128;
/// How long a question waits for a place in the queue.
const PATIENCE: Duration = Duration::from_secs(5);

type Work = Box<dyn FnOnce(&Arc<Brain>) + Send>;

struct Job {
    work: Work,
    _place: OwnedSemaphorePermit,
}

/// Too many questions wait already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many questions wait for an answer")]
pub struct Overloaded;

/// The understanding threads. They always work on the latest published knowledge.
#[derive(Clone)]
pub struct Minds {
    jobs: mpsc::SyncSender<Job>,
    places: Arc<Semaphore>,
    brain: Arc<RwLock<Arc<Brain>>>,
    /// Counts publications.
    published: Arc<watch::Sender<u64>>,
}

impl Minds {
    /// Starts `threads` threads.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(threads: usize, brain: Brain, fatal: &Fatal) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::sync_channel::<Job>(QUEUE);
        let queue = Arc::new(Mutex::new(queue));
        crate::masking::publish(brain.publication().entries());
        let brain = Arc::new(RwLock::new(Arc::new(brain)));
        for number in 0..threads {
            let (queue, brain) = (Arc::clone(&queue), Arc::clone(&brain));
            fatal.thread(&format!("mind-{number}"), move || {
                loop {
                    let next = queue.lock().recv();
                    let Ok(job) = next else { break };
                    let current = Arc::clone(&brain.read());
                    (job.work)(&current);
                }
            })?;
        }
        let published = Arc::new(watch::channel(0).0);
        Ok(Self { jobs, places: Arc::new(Semaphore::new(QUEUE)), brain, published })
    }

    /// What is known right now. Only for looking up entries; searching belongs on the threads ([`Self::think`]).
    pub fn brain(&self) -> Arc<Brain> {
        Arc::clone(&self.brain.read())
    }

    /// Takes new knowledge into service: whoever begins to think from now on thinks with it.
    pub fn publish(&self, brain: Brain) {
        crate::masking::publish(brain.publication().entries());
        *self.brain.write() = Arc::new(brain);
        self.published.send_modify(|count| *count += 1);
    }

    /// Hears of every publication from now on.
    pub fn publications(&self) -> watch::Receiver<u64> {
        self.published.subscribe()
    }

    /// Does some thinking on a worker thread and waits for the result.
    ///
    /// # Errors
    /// [`Overloaded`] where no place in the queue came free in time.
    pub async fn think<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<Brain>) -> R + Send + 'static,
    ) -> Result<R, Overloaded> {
        let place = tokio::time::timeout(PATIENCE, Arc::clone(&self.places).acquire_owned()).await;
        let place = place.map_err(|_| Overloaded)?.map_err(|_| Overloaded)?;
        self.submit(work, place).await
    }

    /// Does some thinking if a thread is as good as free; what can be left out (hints while somebody still speaks) goes
    /// here. `None`: it was left out.
    pub async fn think_if_idle<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<Brain>) -> R + Send + 'static,
    ) -> Option<R> {
        if self.places.available_permits() < QUEUE - 1 {
            return None;
        }
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        self.submit(work, place).await.ok()
    }

    async fn submit<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<Brain>) -> R + Send + 'static,
        place: OwnedSemaphorePermit,
    ) -> Result<R, Overloaded> {
        let (reply, answer) = oneshot::channel();
        let work: Work = Box::new(move |brain| drop(reply.send(work(brain))));
        // As many places as the queue is long: it cannot be full here, only gone.
        self.jobs.try_send(Job { work, _place: place }).map_err(|_| Overloaded)?;
        answer.await.map_err(|_| Overloaded)
    }
}
