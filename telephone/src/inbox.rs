//! What a leg tells the hotline, without ever waiting for it: a hotline that is slow must not stop the clock of the sound.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::leg::{FROM_CALLER, FromCaller, LegEnd};

/// Messages other than sound that wait for room. A caller would have to press so many keys while the hotline reads nothing; further ones
/// are dropped.
const WAITING: usize = 256;
/// How long the end of a call waits for a hotline that does not read.
const LAST_WORD: Duration = Duration::from_secs(5);

/// The leg's end of [`crate::Leg::from_caller`].
#[derive(Debug)]
pub(crate) struct Inbox {
    hotline: mpsc::Sender<FromCaller>,
    waiting: VecDeque<FromCaller>,
    carrier: &'static str,
}

impl Inbox {
    /// One, and what the hotline reads. The channel holds [`FROM_CALLER`] messages; when full, new sound is dropped (the recogniser hears
    /// a gap), everything else waits here.
    pub(crate) fn new(carrier: &'static str) -> (Self, mpsc::Receiver<FromCaller>) {
        let (hotline, from_caller) = mpsc::channel(FROM_CALLER);
        (Self { hotline, waiting: VecDeque::new(), carrier }, from_caller)
    }

    /// Tells the hotline, now or as soon as there is room.
    pub(crate) fn tell(&mut self, message: FromCaller) {
        self.retry();
        if matches!(message, FromCaller::Sound(_)) {
            // What waits was earlier, and must not be overtaken.
            if !self.waiting.is_empty() || self.hotline.try_send(message).is_err() {
                metrics::counter!("telephone_sound_dropped_total", "carrier" => self.carrier).increment(1);
            }
        } else if !self.waiting.is_empty() {
            self.wait(message);
        } else if let Err(mpsc::error::TrySendError::Full(message)) = self.hotline.try_send(message) {
            self.wait(message);
        }
    }

    fn wait(&mut self, message: FromCaller) {
        if self.waiting.len() < WAITING {
            self.waiting.push_back(message);
        } else {
            tracing::warn!(
                carrier = self.carrier,
                "the hotline does not read what a caller does; it is dropped"
            );
        }
    }

    fn retry(&mut self) {
        while let Some(message) = self.waiting.pop_front() {
            if let Err(mpsc::error::TrySendError::Full(message)) = self.hotline.try_send(message) {
                self.waiting.push_front(message);
                return;
            }
        }
    }

    /// Hands over what waits, as far as there is room; rests for ever where nothing waits. May be cancelled.
    pub(crate) async fn room(&mut self) {
        if self.waiting.is_empty() {
            return std::future::pending().await;
        }
        match self.hotline.reserve().await {
            Ok(permit) => {
                if let Some(message) = self.waiting.pop_front() {
                    permit.send(message);
                }
            }
            Err(_) => self.waiting.clear(),
        }
    }

    /// The last message.
    pub(crate) async fn end(mut self, end: LegEnd) {
        self.waiting.push_back(FromCaller::Ended(end));
        let all = async {
            for message in self.waiting.drain(..) {
                if self.hotline.send(message).await.is_err() {
                    return;
                }
            }
        };
        if timeout(LAST_WORD, all).await.is_err() {
            tracing::warn!(
                carrier = self.carrier,
                "the hotline was not told how a call ended, because it does not read"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leg::{Digit, Ended};

    #[tokio::test]
    async fn sound_is_dropped_where_there_is_no_room_and_everything_else_waits_in_order() {
        let (mut inbox, mut hotline) = Inbox::new("test");
        for _ in 0..FROM_CALLER {
            inbox.tell(FromCaller::Sound(vec![1]));
        }
        let one = FromCaller::Digit(Digit::new('1').unwrap());
        inbox.tell(FromCaller::Sound(vec![2]));
        inbox.tell(one.clone());
        inbox.tell(FromCaller::Reached(7));
        hotline.recv().await.unwrap();
        inbox.room().await;
        for _ in 1..FROM_CALLER {
            assert_eq!(hotline.recv().await.unwrap(), FromCaller::Sound(vec![1]));
        }
        inbox.tell(FromCaller::Sound(vec![3]));
        let end = LegEnd { why: Ended::ByCaller, detail: String::new() };
        inbox.end(end.clone()).await;
        assert_eq!(hotline.recv().await.unwrap(), one);
        assert_eq!(hotline.recv().await.unwrap(), FromCaller::Reached(7));
        assert_eq!(hotline.recv().await.unwrap(), FromCaller::Sound(vec![3]));
        assert_eq!(hotline.recv().await.unwrap(), FromCaller::Ended(end));
        assert_eq!(hotline.recv().await, None);
    }
}
