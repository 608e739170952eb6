//! What is done from time to time: metrics upkeep, forgetting quiet clients, closing idle conversations, retention.

use std::{sync::Arc, time::Duration};

use conversation::{Clock, Store};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::{config::Configuration, doors::limits::Limits, telemetry};

const EVERY: Duration = Duration::from_mins(1);

/// Runs until the server drains.
pub(super) async fn run(
    configuration: Arc<Configuration>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    limits: Arc<Limits>,
    draining: CancellationToken,
) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = draining.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Ok(handle) = telemetry::metrics() {
            handle.run_upkeep();
        }
        limits.forget_quiet_ones();
        let now = clock.now();
        match store.close_idle(now.minus(configuration.store.resume_for)).await {
            Ok(closed) if !closed.is_empty() => {
                tracing::info!(count = closed.len(), "idle conversations were closed");
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "idle conversations could not be closed"),
        }
        let Some(keep) = configuration.store.keep_closed_for else { continue };
        match store.delete_closed(now.minus(keep)).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "old conversations were deleted"),
            Err(error) => tracing::warn!(%error, "old conversations could not be deleted"),
        }
    }
}
