//! What can be wrong with a database.

use conversation::StoreError;
use sqlx::migrate::MigrateError;

use crate::vault::{KeyError, KeyId};

/// The database cannot be used as a store. `database` is a file's path, or a server's address without its password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be opened or created.
    #[error("the database {database} cannot be opened")]
    Open {
        /// Which.
        database: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// Its tables cannot be brought up to date.
    #[error("the tables of {database} cannot be brought up to date")]
    Migrate {
        /// Which.
        database: String,
        /// Why.
        #[source]
        source: MigrateError,
    },
    /// What is committed there would not survive a power cut.
    #[error("{database} does not keep what it commits through a power cut (it says {found}); {advice}")]
    NotDurable {
        /// Which.
        database: String,
        /// What it is set to.
        found: String,
        /// What to do.
        advice: &'static str,
    },
    /// The conversations cannot be opened without their master key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The database holds keys that another master key wrapped.
    #[error(
        "{database} was sealed with the master key {master}, which is not in {source_of_keys}; put it back from your copy"
    )]
    WrongKey {
        /// Which.
        database: String,
        /// The key that is missing.
        master: KeyId,
        /// Where keys were looked for.
        source_of_keys: String,
    },
    /// What an earlier version left cannot be brought to this version's form.
    #[error("the conversations of {database} cannot be brought to this version's form")]
    Seal {
        /// Which.
        database: String,
        /// Why.
        #[source]
        source: StoreError,
    },
}
