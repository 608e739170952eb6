//! The citizen's door: one WebSocket per client, as docs/protocol.md says.
//!
//! ```text
//! upgrade (Origin, address) ─► opening (start | resume) ─► connection loop ─► outbox
//!                                                              │  ▲               ▲
//!                              session (turns, one at a time) ◄┘  └─ store's feed  └─ speaker (sound, paced)
//! ```

mod connection;
mod inbound;
mod opening;
mod outbox;
mod playback;
mod sound;
mod spoken_turn;
mod unreadable;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, State, WebSocketUpgrade},
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
};
use conversation::protocol::MAX_MESSAGE_BYTES;
use futures::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    address::client_address,
    desk::TypingHub,
    limits::Limits,
    origin::OriginPolicy,
    routes::{Doors, Route, Table},
};
use crate::{
    config::Configuration,
    session::Conversations,
    workers::{ears::Ears, mouths::Mouths, recordings::Recordings},
};

/// The protocol's name in the WebSocket handshake.
const SUBPROTOCOL: &str = "drilen.v1";

/// What the portal's door works with.
#[derive(Clone)]
pub struct PortalState {
    /// The operator's settings.
    pub configuration: Arc<Configuration>,
    /// Where conversations are held.
    pub conversations: Conversations,
    /// Hearing; `None` where no engine could be loaded.
    pub ears: Option<Ears>,
    /// The voice; `None` where there is none.
    pub mouths: Option<Mouths>,
    /// Answers that people have read aloud.
    pub recordings: Option<Recordings>,
    /// Who is typing.
    pub typing: TypingHub,
    /// Whose pages may talk to us.
    pub origins: OriginPolicy,
    /// Rates and counts.
    pub limits: Arc<Limits>,
    /// Citizens' matters that are worked on at once.
    pub at_work: AtWork,
    /// Cancelled when the server drains.
    pub draining: CancellationToken,
    /// Cancelled when the grace is over.
    pub stopped: CancellationToken,
    /// Every connection and every turn is tracked here.
    pub tasks: TaskTracker,
}

/// Lets so many citizens' turns and openings be worked on at once, per core; the others wait in their order. When two thousand
/// citizens come back after a restart, all at once, their work would otherwise stand before everything else in line, and agents
/// would wait for seconds for every click. Enough to keep the cores busy and to let commits share a sync: a turn is mostly
/// waiting for the disk.
const AT_WORK_PER_CORE: usize = 4;

/// A place among those that are worked on.
#[derive(Clone, Debug)]
pub struct AtWork(Arc<Semaphore>);

impl Default for AtWork {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self(Arc::new(Semaphore::new(AT_WORK_PER_CORE * cores)))
    }
}

impl AtWork {
    /// Waits for a place, which is free again when it is dropped.
    pub async fn place(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(&self.0).acquire_owned().await.ok()
    }
}

/// The route of the conversation WebSocket.
pub fn doors(state: PortalState) -> Doors {
    table().with_state(state)
}

/// The lines of the table, without a server.
pub(super) fn routes() -> Vec<Route> {
    table().routes()
}

fn table() -> Table<PortalState> {
    Table::new().citizen(Method::GET, "/v1/conversation", upgrade).citizen(
        Method::GET,
        "/v1/sound",
        sound::sound,
    )
}

async fn upgrade(
    State(state): State<PortalState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    socket: WebSocketUpgrade,
) -> Response {
    if !state.origins.allows(&headers) {
        tracing::warn!(
            "a page of a foreign origin was refused; if it is yours, list it in server.public_origins"
        );
        return (StatusCode::FORBIDDEN, "this origin may not open conversations").into_response();
    }
    if state.draining.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the server is about to restart").into_response();
    }
    let address = client_address(peer, &headers, &state.configuration.server.trusted_proxies);
    socket
        .protocols([SUBPROTOCOL])
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES)
        // The default reserves 128 KiB per socket.
        .read_buffer_size(4 * 1024)
        .write_buffer_size(4 * 1024)
        .on_upgrade(move |socket| {
            let tasks = state.tasks.clone();
            // Tracked, so that the server waits for it; axum itself forgets upgraded sockets.
            tasks.track_future(async move {
                let (sink, stream) = socket.split();
                opening::serve(state, address, sink, stream).await;
            })
        })
}
