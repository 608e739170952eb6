//! Does anybody get lost between the assistant and people?

mod crowd;
mod growth;
mod kills;
mod power;
mod simulated;

pub use crowd::{idle, turns};
pub use growth::{growth, throughput};
pub use kills::{kills, two_nodes};
pub use simulated::simulated;

/// Limits that do not hold a benchmark up, where all clients come from one address.
const WIDE: &str = "[limits]\nmessages_per_minute = 1000000\nstarts_per_minute = 1000000\n\
                    conversations_per_address = 20000\n";
