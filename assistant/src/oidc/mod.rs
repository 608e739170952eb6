//! Logging in at an identity provider: `OpenID` Connect 1.0, the authorization code flow with PKCE (RFC 7636, S256).
//!
//! [`Attempt`] is what one browser keeps between going to the provider and coming back; [`Provider`] knows the provider's
//! addresses and keys, and exchanges a code for an [`IdToken`]; [`id_token`] decides whether to believe it. Which
//! account that is and what it may do, the desk's door decides.
//!
//! Signatures are checked with `ring`, which TLS brings already: docs/adr/0011-an-identity-provider-with-what-is-there.md.

mod attempt;
pub mod id_token;
mod keys;
mod provider;

pub use attempt::Attempt;
pub use id_token::{IdToken, Refused};
pub use keys::{Key, Keys};
pub use provider::{OidcError, Provider, Settings};
