//! Model threads and what happens when one dies: the process ends with a clear message instead of going deaf or dumb.

use std::{panic, thread};

use tokio::sync::mpsc;

/// Where a dying thread leaves its last words. Capacity 1 is enough: the first death ends the process, and a second one
/// finds the channel full and is dropped.
#[derive(Clone, Debug)]
pub struct Fatal(mpsc::Sender<String>);

/// The other end, watched by the server.
#[derive(Debug)]
pub struct Deaths(mpsc::Receiver<String>);

impl Fatal {
    /// A new pair.
    pub fn new() -> (Self, Deaths) {
        let (sender, receiver) = mpsc::channel(1);
        (Self(sender), Deaths(receiver))
    }

    /// Ends the server with this message.
    pub fn report(&self, message: String) {
        drop(self.0.try_send(message));
    }

    /// Starts a thread; if it panics, the server ends. A thread that returns has been told to.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn thread(&self, name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        let fatal = self.clone();
        let title = name.to_owned();
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Only used to report; the process ends, so nobody can see state that the panic left half done.
            if let Err(panic) = panic::catch_unwind(panic::AssertUnwindSafe(work)) {
                let said = panic
                    .downcast_ref::<&str>()
                    .map(|s| (*s).to_owned())
                    .or_else(|| panic.downcast_ref::<String>().cloned())
                    .unwrap_or_default();
                fatal.report(format!("the model thread {title:?} died: {said}"));
            }
        })?;
        Ok(())
    }
}

impl Deaths {
    /// Waits for the first death; never returns while all threads live.
    pub async fn first(&mut self) -> String {
        match self.0.recv().await {
            Some(message) => message,
            // Every thread has returned as told and dropped its sender.
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_thread_that_panics_is_reported_with_its_name_and_reason() {
        let (fatal, mut deaths) = Fatal::new();
        fatal.thread("ear-0", || panic!("out of memory")).unwrap();
        let message = deaths.first().await;
        assert!(message.contains("ear-0") && message.contains("out of memory"), "{message}");
    }
}
