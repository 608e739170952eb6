//! What nodes tell each other and nobody keeps.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use kb::EntryId;

use crate::ids::ConversationId;
use crate::time::Timestamp;

/// Something that matters now or never.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum NodeSignal {
    /// The agent who has the conversation is about to say something.
    AgentTyping {
        /// In which.
        conversation: ConversationId,
    },
    /// The citizen is.
    CitizenTyping {
        /// In which.
        conversation: ConversationId,
    },
    /// What the citizen is writing looks like a question that is known. Never what they write: nobody has sent it yet.
    Foreseen {
        /// In which.
        conversation: ConversationId,
        /// The entries that may answer it, best first, each with how probably it is meant.
        entries: Vec<(EntryId, f32)>,
    },
    /// What the agent wrote has been on the citizen's screen, or was played to them.
    Seen {
        /// In which.
        conversation: ConversationId,
        /// The last event that was.
        seq: u64,
    },
    /// What the agent wrote has gone out to the citizen, who is connected.
    Delivered {
        /// In which.
        conversation: ConversationId,
        /// The last event that went out.
        seq: u64,
    },
    /// The citizen has connected: an earlier connection at another node is over.
    CitizenAttached {
        /// To which.
        conversation: ConversationId,
        /// When, by that node's clock.
        at: Timestamp,
    },
}

/// What other nodes tell, as it comes.
#[async_trait]
pub trait NodeSignalFeed: Send {
    /// The next one; `None` when the store has closed. Some are missed by whoever is slow. Cancel-safe.
    async fn next(&mut self) -> Option<NodeSignal>;
}
