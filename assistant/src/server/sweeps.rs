//! What is done from time to time: metrics upkeep, forgetting quiet clients, closing idle conversations, retention.

use std::{sync::Arc, time::Duration};

use conversation::{Clock, Day, PlaceBehind, Store};
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
    let (mut behind, mut joined) = (Vec::new(), None);
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
        if let Some(keep) = configuration.store.keep_closed_for {
            match store.delete_closed(now.minus(keep)).await {
                Ok(0) => {}
                Ok(count) => tracing::info!(count, "conversations whose time was over were erased"),
                Err(error) => tracing::warn!(%error, "conversations whose time was over could not be erased"),
            }
        }
        settle(store.as_ref(), &mut behind).await;
        join_figures(store.as_ref(), Day::of(now), &mut joined).await;
    }
}

/// Joins what was counted on days that are over, once a day: what is counted late is joined with the next.
async fn join_figures(store: &dyn Store, today: Day, joined: &mut Option<Day>) {
    if *joined == Some(today) {
        return;
    }
    loop {
        match store.join_figures(today).await {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                tracing::warn!(%error, "what was counted could not be joined; it is tried again");
                return;
            }
        }
    }
    *joined = Some(today);
}

/// Tells backups of erasures, also of those that a command made. What stays behind is logged when that changes: a disk
/// that is not there is not there every minute.
async fn settle(store: &dyn Store, known: &mut Vec<PlaceBehind>) {
    let behind = match store.settle_erasures().await {
        Ok(behind) => behind,
        Err(error) => {
            tracing::warn!(%error, "erasures could not be carried on to backups");
            return;
        }
    };
    if behind != *known {
        for PlaceBehind { path, reason } in &behind {
            tracing::warn!(path, reason, "a key file has not learnt of all erasures, and is tried again");
        }
        *known = behind;
    }
}
