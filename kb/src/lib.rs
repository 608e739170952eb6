//! The FAQ knowledge base: entries in two languages, published as immutable snapshots with a search index.
//!
//! ```text
//! YAML or table ─► Collection (what could be read, with problems) ─► check ─► Report
//!                       └─► Publication::new ─► revision, search (text), spoken_forms (sound)
//! ```

mod analysis;
mod answer;
mod check;
mod collection;
mod entry;
mod index;
mod overlap;
mod publication;
mod regions;
mod retrieve;
mod situation;
mod spoken;
mod table;
mod workflow;

pub use answer::{Answer, Outdated, next_change};
pub use check::{LanguageState, Problem, Report, Severity, check};
pub use collection::{Collection, FORMAT, KnowledgeFile, LoadError, Sourced};
pub use entry::{AnswerText, AnswerVariant, Entry, EntryId, Link, Localized, Review, Signature, Text};
pub use publication::{Publication, PublishError, Revision, Variant};
pub use regions::{Level, Region, region, regions};
pub use retrieve::{Candidate, HeldOut, Overlap, Query, RetrieveError, Retriever, View};
pub use situation::{Date, NoDate, Situation};
pub use spoken::{NgramForms, SpokenForms};
pub use workflow::{IllegalStep, Stage, Step, Translation};
