//! Between nodes: who is typing, and where a citizen is connected now.

use std::sync::Arc;

use conversation::{NodeSignal, Store};
use tokio_util::sync::CancellationToken;

use crate::doors::desk::{Typing, TypingHub};
use crate::session::Conversations;

/// Tells other nodes what happens here, and here what happens there, until the server stops.
pub(super) async fn run(
    store: Arc<dyn Store>,
    conversations: Conversations,
    typing: TypingHub,
    stopped: CancellationToken,
) {
    let mut there = store.subscribe_signals();
    let mut here = typing.listen();
    loop {
        tokio::select! {
            () = stopped.cancelled() => return,
            signal = there.next() => match signal {
                Some(NodeSignal::AgentTyping { conversation }) => typing.tell_from_elsewhere(Typing::Agent(conversation)),
                Some(NodeSignal::CitizenTyping { conversation }) => {
                    typing.tell_from_elsewhere(Typing::Citizen(conversation));
                }
                Some(NodeSignal::Delivered { conversation, seq }) => {
                    typing.tell_from_elsewhere(Typing::Delivered(conversation, seq));
                }
                Some(NodeSignal::Foreseen { conversation, entries }) => {
                    typing.tell_from_elsewhere(Typing::Foreseen(conversation, entries.into()));
                }
                Some(NodeSignal::Seen { conversation, seq }) => {
                    typing.tell_from_elsewhere(Typing::Seen(conversation, seq));
                }
                Some(NodeSignal::CitizenAttached { conversation, at }) => {
                    conversations.taken_over_elsewhere(conversation, at);
                }
                None => return,
            },
            Some(typing) = here.next_from_here() => {
                let signal = match typing {
                    Typing::Agent(conversation) => NodeSignal::AgentTyping { conversation },
                    Typing::Citizen(conversation) => NodeSignal::CitizenTyping { conversation },
                    Typing::Foreseen(conversation, entries) => {
                        NodeSignal::Foreseen { conversation, entries: entries.to_vec() }
                    }
                    Typing::Seen(conversation, seq) => NodeSignal::Seen { conversation, seq },
                    Typing::Delivered(conversation, seq) => NodeSignal::Delivered { conversation, seq },
                };
                // Nobody misses one of these.
                drop(store.signal(signal).await);
            }
        }
    }
}
