//! The telephone's door: SIP, AudioSocket, and one WebSocket endpoint for three dialects. Every call becomes a [`Leg`] and goes to the
//! hotline.

mod socket;
mod start;

use std::path::Path;
use std::sync::Arc;

use axum::http::Method;
use telephone::token::Signer;

pub use start::{TelephoneError, Telephones, start};

use super::routes::{Doors, Route, Table};
use crate::config::Configuration;
use crate::hotline::Hotline;

/// What the door works with.
#[derive(Clone)]
pub struct TelephoneState {
    hotline: Hotline,
    /// `None` where no key is configured: then no PBX can open a media socket.
    key: Option<Arc<Key>>,
}

/// The secret that the PBX shares with us.
struct Key {
    secret: String,
    signer: Signer,
}

impl TelephoneState {
    /// Reads the key file, where one is configured.
    ///
    /// # Errors
    /// [`TelephoneError`]: it cannot be read, or holds too little.
    pub fn new(hotline: Hotline, configuration: &Configuration) -> Result<Self, TelephoneError> {
        let file = configuration.telephone.websocket.as_ref().map(|socket| socket.key_file.as_path());
        let key = file.map(read_key).transpose()?.map(Arc::new);
        Ok(Self { hotline, key })
    }
}

fn read_key(path: &Path) -> Result<Key, TelephoneError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| TelephoneError::Key { path: path.to_owned(), reason: error.to_string() })?;
    let secret = text.trim().to_owned();
    let signer = Signer::new(secret.as_bytes())
        .map_err(|error| TelephoneError::Key { path: path.to_owned(), reason: error.to_string() })?;
    Ok(Key { secret, signer })
}

/// The routes of the media socket.
pub fn doors(state: TelephoneState) -> Doors {
    table().with_state(state)
}

/// The lines of the table, without a server.
pub(super) fn routes() -> Vec<Route> {
    table().routes()
}

fn table() -> Table<TelephoneState> {
    Table::new()
        .citizen(Method::GET, "/v1/telephone", socket::upgrade)
        .citizen(Method::GET, socket::WITH_TOKEN, socket::upgrade)
        .citizen(Method::POST, "/v1/telephone/tokens", socket::token)
}
