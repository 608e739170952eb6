//! Where conversations and agents are kept: [`SqlStore`], which implements [`conversation::Store`] on SQLite ([`sqlite`],
//! one machine) and PostgreSQL ([`postgres`], several) with the same statements ([`sql`]).

mod feed;
mod opening;
pub mod postgres;
pub(crate) mod sql;
pub mod sqlite;
pub mod transfer;

pub use opening::OpenError;
pub(crate) use sql::absolute;
pub(crate) use sql::link::is_shared;
pub use sql::writer::install_drivers;
pub use sql::{Rotated, SqlStore};
