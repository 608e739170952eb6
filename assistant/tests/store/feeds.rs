//! Promises about who is told what, and when.

use std::time::Duration;

use conversation::{Append, Feed, HandoffCommand, Lagged, Published, SayAct, Status, StoreError};
use language::Language;

use crate::story::{Bench, ask, escalate, say};

const SOON: Duration = Duration::from_millis(300);

async fn next(feed: &mut dyn Feed) -> Result<Option<Published>, Lagged> {
    tokio::time::timeout(Duration::from_secs(10), feed.next()).await.expect("something is published")
}

pub async fn a_subscriber_sees_every_commit_of_its_conversation_in_order_and_no_other(bench: Bench) {
    let (mine, other) = (bench.begin(Language::Bo).await, bench.begin(Language::Zh).await);
    let (mut feed, mut all) = (bench.store.subscribe(mine), bench.store.subscribe_all());
    for n in 0..10 {
        bench.store.append(ask(other, &format!("o{n}"))).await.unwrap();
        bench.store.append(ask(mine, &format!("m{n}")).event(say(SayAct::Notice))).await.unwrap();
    }
    let mut seen = Vec::new();
    for _ in 0..10 {
        let published = next(&mut *feed).await.unwrap().unwrap();
        assert_eq!(published.conversation, mine);
        assert_eq!(published.state.last_seq, published.events.last().unwrap().seq);
        seen.extend(published.events.to_vec());
    }
    assert_eq!(seen, bench.check_log(mine).await[1..]);
    assert!(tokio::time::timeout(SOON, feed.next()).await.is_err(), "nothing more");
    for n in 0..20 {
        let published = next(&mut *all).await.unwrap().unwrap();
        assert_eq!(published.conversation, if n % 2 == 0 { other } else { mine });
    }
}

pub async fn a_subscriber_that_falls_behind_is_told_and_reads_the_log_again(bench: Bench) {
    let id = bench.begin(Language::Bo).await;
    let mut feed = bench.store.subscribe(id);
    for n in 0..200 {
        bench.store.append(ask(id, &format!("m{n}"))).await.unwrap();
    }
    assert_eq!(next(&mut *feed).await.unwrap_err(), Lagged);
    // The way back: what the log has after the last that was seen, whenever the feed says so; each place once.
    bench.store.append(ask(id, "last")).await.unwrap();
    let mut seen: Vec<u64> = Vec::new();
    let mut again = true;
    while seen.last() != Some(&202) {
        let last = seen.last().copied().unwrap_or(0);
        let events = if again {
            bench.store.events_after(id, last, 50).await.unwrap()
        } else {
            match next(&mut *feed).await {
                Ok(published) => published.unwrap().events.to_vec(),
                Err(Lagged) => bench.store.events_after(id, last, 50).await.unwrap(),
            }
        };
        again = events.len() == 50;
        seen.extend(events.iter().map(|event| event.seq).filter(|seq| *seq > last));
    }
    assert_eq!(seen, (1..=202).collect::<Vec<_>>());
}

pub async fn the_queue_feed_ticks_when_the_queue_changes_and_not_otherwise(bench: Bench) {
    let id = bench.begin(Language::Bo).await;
    let mut ticks = bench.store.subscribe_queue();
    bench.store.append(ask(id, "m1")).await.unwrap();
    assert!(
        tokio::time::timeout(SOON, ticks.changed()).await.is_err(),
        "a question to the assistant is no change"
    );
    for change in [escalate(id), ask(id, "m2"), Append::to(id).then(HandoffCommand::Cancel)] {
        bench.store.append(change).await.unwrap();
        assert!(tokio::time::timeout(Duration::from_secs(10), ticks.changed()).await.unwrap());
    }
    assert_eq!(bench.state(id).await.status(), Status::Bot);
}

pub async fn feeds_end_and_commands_fail_when_the_store_has_closed(bench: Bench) {
    let id = bench.begin(Language::Bo).await;
    let (mut feed, mut all) = (bench.store.subscribe(id), bench.store.subscribe_all());
    let mut ticks = bench.store.subscribe_queue();
    bench.store.check().await.unwrap();
    bench.store.close().await;
    assert_eq!(next(&mut *feed).await, Ok(None));
    assert_eq!(next(&mut *all).await, Ok(None));
    assert!(!ticks.changed().await);
    assert!(matches!(bench.store.append(ask(id, "late")).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(bench.store.check().await, Err(StoreError::Unavailable(_))));
    assert_eq!(next(&mut *bench.store.subscribe(id)).await, Ok(None));
    bench.store.close().await;
}
