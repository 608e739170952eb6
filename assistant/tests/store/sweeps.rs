//! Promises about what happens because nothing happened.

use std::time::Duration;

use conversation::{Append, Clock as _, ClosedBy, EventBody, HandoffCommand, Outcome, Status, StoreError};
use language::Language;

use crate::story::{Bench, ask, claim, new_conversation};

const MINUTE: Duration = Duration::from_mins(1);

pub async fn lost_agents_give_back_what_they_have_in_its_old_place(bench: Bench) {
    let (first, second, third) = (bench.waiting().await, bench.waiting().await, bench.waiting().await);
    let (lost, present) = (bench.agent("卓玛").await, bench.agent("བསྟན་འཛིན།").await);
    bench.store.append(claim(first, &lost)).await.unwrap();
    bench.store.append(claim(second, &present)).await.unwrap();
    bench.clock.advance(MINUTE);
    bench.store.heartbeat(present.id).await.unwrap();

    let silent_since = bench.clock.now().minus(MINUTE);
    assert_eq!(bench.store.release_lost_agents(silent_since).await.unwrap(), [first]);
    assert_eq!(bench.store.release_lost_agents(silent_since).await.unwrap(), [], "once is enough");
    let waiting: Vec<_> = bench.store.waiting().await.unwrap().iter().map(|item| item.conversation).collect();
    assert_eq!(waiting, [first, third]);
    let events = bench.check_log(first).await;
    assert!(
        matches!(&events.last().unwrap().body, EventBody::AgentLeft(left) if left.outcome == Outcome::Lost)
    );
    assert_eq!(bench.state(second).await.holder().unwrap().id, present.id);

    // The lost agent comes back too late to write, and may claim again.
    let message =
        HandoffCommand::Message {
            agent: lost.actor(), text: "在吗 ཡོད་དམ།".to_owned(), sound: None
        };
    assert!(matches!(bench.store.append(Append::to(first).then(message)).await, Err(StoreError::Handoff(_))));
    bench.store.heartbeat(lost.id).await.unwrap();
    bench.store.append(claim(first, &lost)).await.unwrap();
    assert_eq!(bench.store.release_lost_agents(silent_since).await.unwrap(), []);
}

pub async fn only_what_the_assistant_has_ends_by_idling(bench: Bench) {
    let quiet = bench.begin(Language::Bo).await;
    let busy = bench.begin(Language::Zh).await;
    let waiting = bench.waiting().await;
    let held = bench.waiting().await;
    let agent = bench.agent("卓玛").await;
    bench.store.append(claim(held, &agent)).await.unwrap();
    bench.clock.advance(MINUTE);
    bench.store.append(ask(busy, "m1")).await.unwrap();

    let quiet_since = bench.clock.now().minus(Duration::from_secs(30));
    assert_eq!(bench.store.close_idle(quiet_since).await.unwrap(), [quiet]);
    let events = bench.check_log(quiet).await;
    assert!(matches!(&events[1].body, EventBody::Closed(closed) if closed.by == ClosedBy::Idle));
    for (id, status) in [(busy, Status::Bot), (waiting, Status::Queued), (held, Status::Assigned)] {
        assert_eq!(bench.state(id).await.status(), status);
    }
}

pub async fn retention_deletes_what_was_closed_and_nothing_else(bench: Bench) {
    let (new, token) = new_conversation(Language::Bo);
    let old = bench.store.create(new).await.unwrap().conversation;
    bench.store.append(ask(old, "m1")).await.unwrap();
    let close = || HandoffCommand::Close { by: ClosedBy::Citizen };
    bench.store.append(Append::to(old).then(close())).await.unwrap();
    let open = bench.begin(Language::Zh).await;
    bench.clock.advance(MINUTE);
    let recent = bench.begin(Language::Zh).await;
    bench.store.append(Append::to(recent).then(close())).await.unwrap();

    let before = bench.clock.now().minus(Duration::from_secs(30));
    assert_eq!(bench.store.delete_closed(before).await.unwrap(), 1);
    assert_eq!(bench.store.delete_closed(before).await.unwrap(), 0);
    assert_eq!(bench.store.conversation(old).await.unwrap(), None);
    assert_eq!(bench.store.find_by_token(&token.hash()).await.unwrap(), None);
    assert_eq!(bench.events(old).await, []);
    assert_eq!(bench.check_log(open).await.len(), 1);
    assert_eq!(bench.check_log(recent).await.len(), 2);
}
