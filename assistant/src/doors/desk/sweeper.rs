//! Gives conversations back to the queue whose agent is lost.

use conversation::{ConversationId, StoreError, Timestamp};

use super::DeskState;

/// Looks for lost agents until the server drains. Spawn it once, tracked.
///
/// Nobody is lost before the server has been up for as long as an agent may be silent: while it was down, nobody
/// could give a sign of life.
pub async fn release_lost_agents_until_shutdown(state: DeskState) {
    let started = state.clock.now();
    let mut ticks = tokio::time::interval(state.settings.sweep_every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = state.shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        match release_lost_agents(&state, started).await {
            Ok(released) => {
                for conversation in released {
                    tracing::warn!(%conversation, "an agent was lost; the conversation is back in the queue");
                }
            }
            Err(StoreError::Busy) => {}
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "lost agents could not be looked for"
                );
            }
        }
    }
}

/// One look. Tells what was given back.
pub(super) async fn release_lost_agents(
    state: &DeskState,
    started: Timestamp,
) -> Result<Vec<ConversationId>, StoreError> {
    let silent_since = state.clock.now().minus(state.settings.lost_after);
    if silent_since < started {
        return Ok(Vec::new());
    }
    state.store.release_lost_agents(silent_since).await
}
