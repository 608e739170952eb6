//! Taking knowledge into service while conversations go on: when somebody asks for it, and when the calendar does.

use std::{sync::Arc, time::Duration};

use conversation::Clock;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::StartError;
use crate::{
    config::Configuration,
    knowledge::{self, Brain},
    workers::minds::Minds,
};

/// How often the calendar is looked at: an entry that ends at midnight is served for a minute longer at most.
const EVERY: Duration = Duration::from_mins(1);

/// After a failure the files are left alone for so long: reading them costs seconds of computing, and only a person can
/// mend them. Somebody who has done so sends SIGHUP.
const TICKS_AFTER_FAILURE: u32 = 60;

fn today(clock: &dyn Clock) -> kb::Date {
    kb::Date::in_china(clock.now().as_millis()).unwrap_or_else(kb::Date::today)
}

/// Reads the knowledge base again and takes it into service. Returns how many entries hold today.
///
/// # Errors
/// [`StartError`]; the old knowledge stays in service then.
pub(super) async fn reload(
    configuration: &Arc<Configuration>,
    minds: &Minds,
    clock: &dyn Clock,
) -> Result<usize, StartError> {
    let (settings, day) = (Arc::clone(configuration), today(clock));
    let loading =
        tokio::task::spawn_blocking(move || Brain::open_on(&knowledge::folder(&settings), &settings, day));
    let brain = loading.await.map_err(|error| StartError::Other(format!("loading failed: {error}")))??;
    let count = brain.publication().entries().len();
    tracing::info!(count, revision = %brain.publication().revision(), "a knowledge base was published");
    minds.publish(brain);
    Ok(count)
}

/// Publishes anew whenever the validity of an entry begins or has ended. Runs until the server drains.
pub(super) async fn follow_the_calendar(
    configuration: Arc<Configuration>,
    minds: Minds,
    clock: Arc<dyn Clock>,
    draining: CancellationToken,
) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut wait = 0_u32;
    loop {
        tokio::select! {
            () = draining.cancelled() => return,
            _ = ticks.tick() => {}
        }
        wait = wait.saturating_sub(1);
        let due = minds.brain().changes_on().is_some_and(|day| day <= today(clock.as_ref()));
        if due
            && wait == 0
            && let Err(error) = reload(&configuration, &minds, clock.as_ref()).await
        {
            tracing::error!(%error, "an entry's validity has changed, but the files cannot be used");
            wait = TICKS_AFTER_FAILURE;
        }
    }
}
