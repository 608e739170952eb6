//! What the desk reads from outside, without the desk around it: for tests and fuzzers, which throw bytes at it.

use serde::de::DeserializeOwned;

use super::session::read_body;
use super::{DeskError, account, conversations, live, login, offers, people, second_factor};

type Read = fn(&[u8]) -> Result<(), DeskError>;

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<(), DeskError> {
    read_body::<T>(body).map(drop)
}

/// One of each kind of request body.
const BODIES: [Read; 19] = [
    read::<login::Credentials>,
    read::<account::Passwords>,
    read::<second_factor::Password>,
    read::<second_factor::Code>,
    read::<conversations::Message>,
    read::<conversations::Settled>,
    read::<conversations::Note>,
    read::<offers::Ready>,
    read::<offers::Answered>,
    read::<offers::PassedOn>,
    read::<offers::SetAside>,
    read::<offers::Notes>,
    read::<offers::Called>,
    read::<offers::Given>,
    read::<offers::Drain>,
    read::<offers::Requeued>,
    read::<offers::Shown>,
    read::<people::Wanted>,
    read::<people::Changes>,
];

/// How many kinds of request bodies fit these bytes.
pub fn fitting_requests(body: &[u8]) -> usize {
    BODIES.iter().filter(|read| read(body).is_ok()).count()
}

/// Whether a text is a message of an agent's page on its socket.
pub fn is_page_message(text: &str) -> bool {
    live::from_page(text).is_ok()
}
