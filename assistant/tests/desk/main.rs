//! The desk's doors, as an agent's page uses them.
#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod accounts;
mod app;
mod bad_input;
mod clips;
mod contract;
mod conversations;
mod hours;
mod live;
mod logging_in;
mod masking;
mod offers;
mod oidc;
mod people;
mod permissions;
mod provider;
mod replies;
mod second_factor;
mod sounds;
mod statistics;
mod suggestions;
