//! What proves who somebody is, besides their password: time-based codes and recovery codes.
//! Nothing here knows HTTP or the store.

pub mod admins;
pub mod recovery;
pub mod totp;
