//! Promises about the queue and who has a conversation.

use std::sync::Arc;

use conversation::{
    Append, Appended, ConversationId, EventBody, HandoffCommand, IllegalTransition, MessageKey, SayAct,
    Status, StoreError,
};

use crate::story::{Bench, ask, claim, escalate, message_id, new_events, say};

pub async fn fifty_agents_claim_and_one_wins(bench: Bench) {
    let id = bench.waiting().await;
    let mut claims = Vec::new();
    for n in 0..50 {
        let agent = bench.agent(&format!("བསྟན་འཛིན་ {n} 号")).await;
        let store = Arc::clone(&bench.store);
        claims.push(tokio::spawn(async move { (agent.name.clone(), store.append(claim(id, &agent)).await) }));
    }
    let (mut winners, mut told) = (Vec::new(), Vec::new());
    for claim in claims {
        match claim.await.unwrap() {
            (name, Ok(_)) => winners.push(name),
            (_, Err(StoreError::Handoff(IllegalTransition::AlreadyClaimed { winner }))) => told.push(winner),
            (name, Err(error)) => panic!("{name}: {error}"),
        }
    }
    assert_eq!((winners.len(), told.len()), (1, 49));
    assert!(told.iter().all(|name| *name == winners[0]));
    let joined =
        bench.check_log(id).await.into_iter().filter(|event| event.body.kind() == "agent_joined").count();
    assert_eq!(joined, 1);
    assert_eq!(bench.state(id).await.holder().unwrap().name, winners[0]);
}

async fn order(bench: &Bench) -> Vec<ConversationId> {
    let waiting = bench.store.waiting().await.unwrap();
    for (item, position) in waiting.iter().zip(1..) {
        assert_eq!(item.position, position);
        let alone = bench.store.queue_position(item.conversation).await.unwrap();
        assert_eq!(alone, Some(position));
    }
    waiting.into_iter().map(|item| item.conversation).collect()
}

pub async fn the_queue_is_in_order_of_its_original_time(bench: Bench) {
    let (first, second) = (bench.waiting().await, bench.waiting().await);
    // Two in the very same millisecond keep the order in which they were told their places.
    let third = bench.begin(language::Language::Zh).await;
    let told = new_events(bench.store.append(escalate(third)).await.unwrap());
    assert!(matches!(&told[0].body, EventBody::Escalated(event) if event.position == 3));
    assert_eq!(order(&bench).await, [first, second, third]);

    let agent = bench.agent("卓玛").await;
    bench.store.append(claim(first, &agent)).await.unwrap();
    assert_eq!(order(&bench).await, [second, third]);
    let mine = bench.store.held_by(agent.id).await.unwrap();
    assert_eq!((mine.len(), mine[0].conversation, mine[0].claimed_at.is_some()), (1, first, true));
    assert_eq!(bench.store.queue_position(first).await.unwrap(), None);

    let requeue = HandoffCommand::Requeue { agent: agent.actor(), note: None, skills: Vec::new() };
    bench.store.append(Append::to(first).then(requeue)).await.unwrap();
    assert_eq!(order(&bench).await, [first, second, third], "back where it stood");
    assert_eq!(bench.store.held_by(agent.id).await.unwrap(), []);
    let since = bench.store.waiting().await.unwrap()[0].since;
    assert_eq!(since, bench.events(first).await[1].at);

    // Returned to the assistant and escalated again, it is a new request: at the end.
    bench.store.append(claim(first, &agent)).await.unwrap();
    let back = HandoffCommand::Return { agent: agent.actor(), note: None };
    bench.store.append(Append::to(first).then(back)).await.unwrap();
    bench.store.append(escalate(first)).await.unwrap();
    assert_eq!(order(&bench).await, [second, third, first]);
}

pub async fn whoever_leaves_the_queue_moves_the_others_up(bench: Bench) {
    let (first, second) = (bench.waiting().await, bench.waiting().await);
    bench.store.append(Append::to(first).then(HandoffCommand::Cancel)).await.unwrap();
    assert_eq!(order(&bench).await, [second]);
    assert_eq!(bench.state(first).await.status(), Status::Bot);
    bench.store.append(ask(second, "m1")).await.unwrap();
    let preview = &bench.store.waiting().await.unwrap()[0].preview;
    assert!(preview.starts_with("ཐོབ་ཐང་ལག་ཁྱེར་ 身份证"), "{preview}");
}

pub async fn only_the_holder_writes_and_leaves(bench: Bench) {
    let id = bench.waiting().await;
    let (holder, other) = (bench.agent("卓玛").await, bench.agent("བསྟན་འཛིན།").await);
    bench.store.append(claim(id, &holder)).await.unwrap();
    for command in [
        HandoffCommand::Message { agent: other.actor(), text: "我来".to_owned(), sound: None },
        HandoffCommand::Resolve { agent: other.actor(), wrap_up: false },
        HandoffCommand::Return { agent: other.actor(), note: None },
        HandoffCommand::Requeue { agent: other.actor(), note: None, skills: Vec::new() },
    ] {
        let refused = bench.store.append(Append::to(id).then(command)).await;
        assert!(
            matches!(&refused, Err(StoreError::Handoff(IllegalTransition::NotHolder { holder: Some(name) })) if name == "卓玛"),
            "{refused:?}"
        );
    }
    bench
        .store
        .append(Append::to(id).then(HandoffCommand::Resolve { agent: holder.actor(), wrap_up: false }))
        .await
        .unwrap();
    assert_eq!(bench.state(id).await.status(), Status::Closed);
    assert_eq!(bench.store.held_by(holder.id).await.unwrap(), []);
    bench.check_log(id).await;
}

pub async fn an_agents_message_is_accepted_once(bench: Bench) {
    let id = bench.waiting().await;
    let agent = bench.agent("卓玛").await;
    bench.store.append(claim(id, &agent)).await.unwrap();
    let message = Append::to(id).because_of(MessageKey::agent(agent.id, message_id("1"))).then(
        HandoffCommand::Message {
            agent: agent.actor(), text: "您好 བཀྲ་ཤིས་བདེ་ལེགས།".to_owned(), sound: None
        },
    );
    assert_eq!(bench.store.append(message.clone()).await.unwrap().first_seq(), Some(4));
    assert_eq!(bench.store.append(message).await.unwrap(), Appended::Already { seq: Some(4) });
    assert_eq!(bench.check_log(id).await.len(), 4);
}

pub async fn events_and_a_handoff_are_appended_together_or_not_at_all(bench: Bench) {
    let id = bench.waiting().await;
    let both = ask(id, "m1").event(say(SayAct::NotUnderstood)).then(HandoffCommand::Escalate {
        escalation: conversation::EscalationId::generate(),
        reason: conversation::EscalationReason::LowConfidence,
    });
    let refused = bench.store.append(both.clone()).await;
    assert!(matches!(refused, Err(StoreError::Handoff(IllegalTransition::AlreadyEscalated))));
    assert_eq!(bench.check_log(id).await.len(), 2, "neither the question nor the reply was kept");
    bench.store.append(Append::to(id).then(HandoffCommand::Cancel)).await.unwrap();
    let events = new_events(bench.store.append(both).await.unwrap());
    let kinds: Vec<_> = events.iter().map(|event| event.body.kind()).collect();
    assert_eq!(kinds, ["citizen_message", "say", "escalated"]);
    bench.check_log(id).await;
}
