//! What proves who somebody is, besides their password: time-based codes, recovery codes, and how their secrets are kept.
//! Nothing here knows HTTP or the store.

pub mod recovery;
pub mod seal;
pub mod totp;
