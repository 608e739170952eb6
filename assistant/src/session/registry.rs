//! Which conversations are being talked in right now, and by which connection.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use conversation::{ConversationId, Timestamp};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// A conversation that somebody is connected to, or that is being answered.
#[derive(Debug)]
pub struct Session {
    /// Its id.
    pub id: ConversationId,
    /// Held while a turn of this conversation is worked on: turns are answered one after the other, in order, also
    /// when a second connection takes over in between. Fair (first come, first served).
    pub turn: tokio::sync::Mutex<()>,
    /// The connection that talks in it, since when.
    connection: Mutex<(Timestamp, CancellationToken)>,
    registry: Arc<Registry>,
}

#[derive(Debug, Default)]
struct Registry(Mutex<HashMap<ConversationId, Weak<Session>>>);

impl Drop for Session {
    fn drop(&mut self) {
        let mut sessions = self.registry.0.lock();
        // A new session of the same conversation may have taken the place already.
        if sessions.get(&self.id).is_some_and(|s| s.strong_count() == 0) {
            sessions.remove(&self.id);
        }
    }
}

impl Session {
    /// Takes the conversation over for a connection: the one before is told by its token.
    pub fn take_over(&self, now: Timestamp) -> CancellationToken {
        let mine = CancellationToken::new();
        std::mem::replace(&mut *self.connection.lock(), (now, mine.clone())).1.cancel();
        mine
    }
}

/// All sessions of this process.
#[derive(Clone, Debug, Default)]
pub struct Sessions(Arc<Registry>);

impl Sessions {
    /// The session of a conversation, the same one for everybody.
    pub fn of(&self, id: ConversationId) -> Arc<Session> {
        let mut sessions = self.0.0.lock();
        if let Some(session) = sessions.get(&id).and_then(Weak::upgrade) {
            return session;
        }
        let session = Arc::new(Session {
            id,
            turn: tokio::sync::Mutex::new(()),
            connection: Mutex::new((Timestamp::from_millis(0), CancellationToken::new())),
            registry: Arc::clone(&self.0),
        });
        sessions.insert(id, Arc::downgrade(&session));
        session
    }

    /// The citizen has connected at another node then: an earlier connection here is over.
    pub fn taken_over_elsewhere(&self, id: ConversationId, at: Timestamp) {
        let session = self.0.0.lock().get(&id).and_then(Weak::upgrade);
        if let Some(session) = session {
            let connection = session.connection.lock();
            if connection.0 < at {
                connection.1.cancel();
            }
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.0.lock().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_connection_takes_over_and_the_first_is_told() {
        let sessions = Sessions::default();
        let id = ConversationId::generate();
        let first_session = sessions.of(id);
        let first = first_session.take_over(Timestamp::from_millis(1));
        let second_session = sessions.of(id);
        let second = second_session.take_over(Timestamp::from_millis(2));
        assert!(first.is_cancelled() && !second.is_cancelled());
        assert!(Arc::ptr_eq(&first_session, &second_session));
    }

    #[test]
    fn a_later_connection_at_another_node_takes_over_and_an_earlier_one_does_not() {
        let sessions = Sessions::default();
        let session = sessions.of(ConversationId::generate());
        let here = session.take_over(Timestamp::from_millis(5));
        sessions.taken_over_elsewhere(session.id, Timestamp::from_millis(5));
        assert!(!here.is_cancelled());
        sessions.taken_over_elsewhere(session.id, Timestamp::from_millis(6));
        assert!(here.is_cancelled());
    }

    #[test]
    fn a_session_that_nobody_uses_is_forgotten() {
        let sessions = Sessions::default();
        let session = sessions.of(ConversationId::generate());
        assert_eq!(sessions.len(), 1);
        drop(session);
        assert!(sessions.is_empty());
    }
}
