//! What nobody asks for: lost agents' conversations go back to the queue, offers expire, what was set aside comes back, and what waits is offered to whoever is
//! free.

use std::time::Instant;

use conversation::{ConversationId, StoreError, Timestamp};

use super::{DeskState, figures};

/// Changes of the queue within so long are looked at together.
const ROUTE_PAUSE: std::time::Duration = std::time::Duration::from_millis(20);

/// Looks for lost agents until the server drains. Spawn it once, tracked.
///
/// Nobody is lost before server and store have been up for as long as an agent may be silent: while one of them was down,
/// nobody could give a sign of life. The same after the machine's clock was set forward: signs of life from before look old then.
pub async fn release_lost_agents_until_shutdown(state: DeskState) {
    let mut up_since = state.clock.now();
    let mut last_look = (up_since, Instant::now());
    let mut ticks = tokio::time::interval(state.settings.sweep_every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut queue = state.store.subscribe_queue();
    loop {
        let whole = tokio::select! {
            () = state.shutdown.cancelled() => return,
            _ = ticks.tick() => true,
            changed = queue.changed() => {
                if !changed {
                    return;
                }
                // A rush of changes is looked at once.
                tokio::time::sleep(ROUTE_PAUSE).await;
                false
            }
        };
        if let Err(error) = hand_out(&state).await {
            tracing::error!(error = &error as &dyn std::error::Error, "what waits could not be offered");
            up_since = state.clock.now();
        }
        if !whole {
            continue;
        }
        figures::tell(&state).await;
        let now = state.clock.now();
        if now.since(last_look.0) > last_look.1.elapsed() + state.settings.lost_after * 2 {
            tracing::warn!(%now, "the machine's clock was set forward; nobody is taken for lost because of that");
            up_since = now;
        }
        last_look = (now, Instant::now());
        match release_lost_agents(&state, up_since).await {
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
                up_since = state.clock.now();
            }
        }
    }
}

/// Does what is due and offers what waits. Nothing is lost where the store is busy: the next tick comes in seconds.
async fn hand_out(state: &DeskState) -> Result<(), StoreError> {
    let busy = |error| if matches!(error, StoreError::Busy) { Ok(Vec::new()) } else { Err(error) };
    for conversation in state.store.do_what_is_due().await.or_else(busy)? {
        tracing::info!(%conversation, "something was due");
    }
    let busy = |error| if matches!(error, StoreError::Busy) { Ok(Vec::new()) } else { Err(error) };
    for (conversation, agent) in state.store.route().await.or_else(busy)? {
        tracing::info!(%conversation, %agent, "a conversation is offered");
    }
    Ok(())
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
