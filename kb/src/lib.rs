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
mod dense;
mod entry;
mod expected;
mod finding;
mod glossary;
mod index;
mod labelled;
mod learned;
mod likeness;
mod mending;
mod parallel;
mod problem;
mod publication;
mod regions;
mod retrieve;
mod search;
mod sense;
mod situation;
mod spoken;
mod table;
mod workflow;
mod yaml;

pub use answer::{Answer, Outdated, next_change};
pub use check::{LanguageState, Report, check, check_on};
pub use collection::{Collection, FORMAT, KnowledgeFile, LoadError, Sourced};
pub use dense::{DenseIndex, DenseScore, EncodeError, SentenceEncoder};
pub use entry::{AnswerText, AnswerVariant, Entry, EntryId, Link, Localized, Review, Signature, Text};
pub use expected::{Expected, NoWeight};
pub use finding::{Age, Finding, Tongue};
pub use glossary::{Concept, ConceptKind, GLOSSARY_FILE, Glossary, Mention};
pub use labelled::{CALIBRATION_FILE, LabelledQuestion};
pub use problem::{Kind, Position, Problem, Severity};
pub use publication::{Publication, PublishError, Revision, Variant};
pub use regions::{Level, Region, region, regions};
pub use retrieve::{Candidate, Found, HeldOut, Query, RetrieveError, Retriever, Scores, View};
pub use search::Rehearsal;
pub use sense::Sense;
pub use situation::{Date, NoDate, Situation};
pub use spoken::{NgramForms, SpokenForms};
pub use table::{COLUMNS, TableError};
pub use workflow::{IllegalStep, Stage, Step, Translation};
pub use yaml::{EditError, put, sign};
