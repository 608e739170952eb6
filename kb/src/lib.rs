//! The FAQ knowledge base: entries in two languages, published as immutable snapshots with a search index.

mod entry;
mod retrieve;

pub use entry::{Entry, EntryId, Link, Localized, Review, Text};
pub use retrieve::{Candidate, Query, RetrieveError, Retriever, View};
