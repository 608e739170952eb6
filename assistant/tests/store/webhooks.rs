//! Promises about deliveries to other systems.

use std::collections::BTreeSet;
use std::time::Duration;

use conversation::audit::AuditActor;
use conversation::{Attempted, Clock as _, Hook};
use serde_json::Value;

use crate::story::{Bench, ask, claim, escalate};

const LEASE: Duration = Duration::from_mins(1);

fn hook(name: &str, kinds: &[&str]) -> Hook {
    Hook { name: name.to_owned(), kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect() }
}

pub async fn what_a_receiver_wants_to_hear_is_kept_with_the_event_until_it_is_taken(bench: Bench) {
    bench.store.set_hooks(vec![hook("tickets", &[]), hook("messages", &["citizen_message"])]);
    let agent = bench.agent("卓玛").await;
    let id = bench.begin(language::Language::Bo).await;
    bench.store.append(ask(id, "我的密码是 13812345678")).await.unwrap();
    bench.store.append(escalate(id)).await.unwrap();
    bench.store.append(claim(id, &agent)).await.unwrap();
    assert!(
        bench.store.append(claim(id, &bench.agent("另一位").await)).await.is_err(),
        "and nothing is told of it"
    );
    let taken = bench.store.take_deliveries(LEASE, 10).await.unwrap();
    let told: BTreeSet<_> =
        taken.iter().map(|delivery| (delivery.hook.as_str(), delivery.kind.as_str())).collect();
    assert_eq!(
        told,
        BTreeSet::from([
            ("messages", "conversation.citizen_message"),
            ("tickets", "conversation.agent_joined"),
            ("tickets", "conversation.escalated"),
        ])
    );
    for delivery in &taken {
        assert!(!delivery.body.contains("1381234") && !delivery.body.contains("密码"), "{}", delivery.body);
        let body: Value = serde_json::from_str(&delivery.body).unwrap();
        assert_eq!(
            (body["type"].as_str(), body["data"]["conversation"].as_str()),
            (Some(&*delivery.kind), Some(&*id.to_string()))
        );
    }
    let joined = taken.iter().find(|delivery| delivery.kind == "conversation.agent_joined").unwrap();
    let body: Value = serde_json::from_str(&joined.body).unwrap();
    assert_eq!(
        (&body["data"]["agent"]["name"], &body["data"]["status"]),
        (&"卓玛".into(), &"assigned".into())
    );
    assert_eq!(body["data"]["seq"], 4);

    assert_eq!(bench.store.take_deliveries(LEASE, 10).await.unwrap(), [], "somebody has them");
    bench.clock.advance(LEASE);
    let again = bench.store.take_deliveries(LEASE, 10).await.unwrap();
    assert_eq!(again.len(), 3, "whoever had them died; they have the same ids");
    assert_eq!(again.iter().map(|d| &d.id).collect::<BTreeSet<_>>(), taken.iter().map(|d| &d.id).collect());
    for delivery in &again {
        bench.store.delivery_attempted(&delivery.id, Attempted::Delivered).await.unwrap();
    }
    bench.clock.advance(LEASE * 2);
    assert_eq!(bench.store.take_deliveries(LEASE, 10).await.unwrap(), []);
}

pub async fn what_is_not_taken_is_tried_again_and_what_was_given_up_on_request(bench: Bench) {
    bench.store.set_hooks(vec![hook("tickets", &["escalated"])]);
    bench.waiting().await;
    let first = bench.store.take_deliveries(LEASE, 10).await.unwrap().remove(0);
    let next_at = bench.clock.now().plus(Duration::from_mins(5));
    let failed = |next_at| Attempted::Failed { error: "it answered 500".to_owned(), next_at };
    bench.store.delivery_attempted(&first.id, failed(Some(next_at))).await.unwrap();
    bench.clock.advance(Duration::from_mins(4));
    assert_eq!(bench.store.take_deliveries(LEASE, 10).await.unwrap(), []);
    bench.clock.advance(Duration::from_mins(1));
    let second = bench.store.take_deliveries(LEASE, 10).await.unwrap().remove(0);
    assert_eq!(
        (&second.id, second.attempts, second.last_error.as_deref()),
        (&first.id, 1, Some("it answered 500"))
    );
    bench.store.delivery_attempted(&first.id, failed(None)).await.unwrap();
    bench.clock.advance(Duration::from_hours(240));
    assert_eq!(bench.store.take_deliveries(LEASE, 10).await.unwrap(), [], "given up");
    let left = bench.store.undelivered(10).await.unwrap();
    assert_eq!((left.len(), left[0].attempts, left[0].next_at), (1, 2, None));
    assert_eq!(bench.store.retry_deliveries(AuditActor::System, Some("other".to_owned())).await.unwrap(), 0);
    assert_eq!(bench.store.retry_deliveries(AuditActor::System, None).await.unwrap(), 1);
    assert_eq!(bench.store.take_deliveries(LEASE, 10).await.unwrap().len(), 1);

    // A receiver that is taken out of the configuration leaves what it had not taken to whoever puts it back.
    bench.store.set_hooks(Vec::new());
    bench.clock.advance(LEASE);
    assert_eq!(bench.store.take_deliveries(LEASE, 10).await.unwrap(), []);
    assert_eq!(bench.store.undelivered(10).await.unwrap().len(), 1);
}
