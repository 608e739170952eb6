//! Where conversations and agents are kept: implementations of [`conversation::Store`].

mod feed;
pub mod sqlite;

pub use sqlite::SqliteStore;
