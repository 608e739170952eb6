//! The server: doors through which citizens, agents and operators come in, the stores where conversations are kept, the
//! threads that hear, understand and speak, and the command line.
//!
//! ```text
//! doors/portal ─┐                       ┌─ workers::ears    (speech in)
//! doors/desk   ─┼─► session ─► Store    ├─ workers::minds   (understanding)
//! doors/http   ─┘      └────────────────┴─ workers::mouths  (speech out)
//! ```
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use assistant::{Configuration, Server};
//! let server = Server::start(Configuration::load(None)?).await?;
//! println!("http://{}", server.address());
//! server.shutdown().await?;
//! # Ok(())
//! # }
//! ```

pub mod calibration;
pub mod cli;
pub mod clips;
pub mod config;
pub mod doors;
pub mod editing;
pub mod encoder;
pub mod expectation;
pub mod hotline;
pub mod hours;
pub mod knowledge;
pub mod masking;
pub mod models;
pub mod oidc;
pub mod people;
pub mod phrases;
pub mod server;
pub mod session;
pub mod store;
pub mod telemetry;
pub mod vault;
pub mod workers;

pub use config::Configuration;
pub use server::{Server, StartError};
