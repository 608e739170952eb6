//! The citizen's door: one WebSocket per client, as docs/protocol.md says.
//!
//! ```text
//! upgrade (Origin, address) ─► opening (start | resume) ─► connection loop ─► outbox
//!                                                              │  ▲               ▲
//!                              session (turns, one at a time) ◄┘  └─ store's feed  └─ speaker (sound, paced)
//! ```

pub mod extract;
mod opening;
mod recordings;
mod sound;
mod unreadable;

use std::net::SocketAddr;

use axum::{
    extract::{
        ConnectInfo, State, WebSocketUpgrade,
        ws::{CloseFrame, Message},
    },
    http::{HeaderMap, Method, StatusCode},
    middleware,
    response::{IntoResponse, Response},
};
use conversation::protocol::{ClientMessage, MAX_MESSAGE_BYTES};
use futures::{SinkExt, StreamExt, future};

use super::{
    address::client_address,
    attached::{Incoming, Outgoing, Service},
    leftover,
    origin::OriginPolicy,
    routes::{Doors, Route, Table},
};
/// The protocol's name in the WebSocket handshake.
const SUBPROTOCOL: &str = "drilen.v1";

/// What the portal's door works with.
#[derive(Clone)]
pub struct PortalState {
    /// What every connection works with.
    pub service: Service,
    /// Whose pages may talk to us.
    pub origins: OriginPolicy,
}

/// The route of the conversation WebSocket.
pub fn doors(state: PortalState) -> Doors {
    // What a citizen leaves is read only where it may be left.
    table().with_state(state).behind(|router| router.layer(middleware::from_fn(leftover::pass_over)))
}

/// The lines of the table, without a server.
pub(super) fn routes() -> Vec<Route> {
    table().routes()
}

fn table() -> Table<PortalState> {
    Table::new()
        .citizen(Method::GET, "/v1/conversation", upgrade)
        .citizen(Method::GET, "/v1/sound", sound::sound)
        .citizen(Method::POST, "/v1/portal/recordings", recordings::leave)
        .citizen(Method::POST, "/v1/portal/recordings/{id}/remove", recordings::take_back)
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
    if state.service.draining.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the server is about to restart").into_response();
    }
    let address = client_address(peer, &headers, &state.service.configuration.server.trusted_proxies);
    socket
        .protocols([SUBPROTOCOL])
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES)
        // The default reserves 128 KiB per socket.
        .read_buffer_size(4 * 1024)
        .write_buffer_size(4 * 1024)
        .on_upgrade(move |socket| {
            let tasks = state.service.tasks.clone();
            // Tracked, so that the server waits for it; axum itself forgets upgraded sockets.
            tasks.track_future(async move {
                let (sink, stream) = socket.split();
                let sink = sink.with(|outgoing| future::ready(message(outgoing)));
                let stream = stream.filter_map(|message| future::ready(incoming(message)));
                opening::serve(state.service, address, sink, stream).await;
            })
        })
}

/// What a WebSocket message means; `None` for what the library answers itself.
fn incoming(message: Result<Message, axum::Error>) -> Option<Incoming> {
    Some(match message {
        Ok(Message::Text(text)) => Incoming::Message(ClientMessage::parse(&text)),
        Ok(Message::Binary(bytes)) => Incoming::Sound(bytes),
        Ok(Message::Ping(_) | Message::Pong(_)) => return None,
        Ok(Message::Close(_)) => Incoming::Gone,
        Err(error) => Incoming::Unreadable(unreadable::why(&error)),
    })
}

fn message(outgoing: Outgoing) -> Result<Message, axum::Error> {
    Ok(match outgoing {
        Outgoing::Message(message) => Message::Text(message.to_json().map_err(axum::Error::new)?.into()),
        Outgoing::Sound(bytes) => Message::Binary(bytes),
        Outgoing::Close { code, reason } => Message::Close(Some(CloseFrame { code, reason: reason.into() })),
    })
}
