//! Promises about conversations and their logs.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use conversation::event::AgentLeft;
use conversation::{
    AgentId, Append, Appended, Clock as _, ClosedBy, ConversationId, EventBody, Expect, HandoffCommand,
    LanguageChanged, MessageKey, Outcome, SayAct, Status, StoreError, Token,
};
use language::Language;

use crate::story::{Bench, ask, message_id, new_conversation, new_events, question, random, say};

pub async fn a_conversation_begins_with_its_first_event_and_opens_with_its_token(bench: Bench) {
    let (new, token) = new_conversation(Language::Bo);
    let id = new.id;
    let state = bench.store.create(new).await.unwrap();
    assert_eq!((state.conversation, state.language, state.status()), (id, Language::Bo, Status::Bot));
    let events = bench.check_log(id).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].body.kind(), "started");
    assert_eq!(events[0].at, bench.clock.now());
    assert_eq!(bench.store.find_by_token(&token.hash()).await.unwrap(), Some(state));
    let other = Token::from_random(random());
    assert_eq!(bench.store.find_by_token(&other.hash()).await.unwrap(), None);
}

pub async fn events_get_places_without_a_gap_and_come_back_in_order(bench: Bench) {
    let id = bench.begin(Language::Zh).await;
    for n in 0..30 {
        let append = ask(id, &format!("m{n}")).event(say(SayAct::NotUnderstood));
        let events = new_events(bench.store.append(append).await.unwrap());
        assert_eq!(events[0].seq, 2 + 2 * n);
    }
    let all = bench.check_log(id).await;
    assert_eq!(all.len(), 61);
    assert_eq!(all[1].body, question("m0"), "text in both scripts comes back as it was");
    assert_eq!(bench.store.events_after(id, 58, 100).await.unwrap(), all[58..]);
    assert_eq!(bench.store.events_after(id, 10, 5).await.unwrap(), all[10..15]);
    assert_eq!(bench.store.events_after(id, 61, 5).await.unwrap(), []);
    assert_eq!(bench.store.events_after(id, u64::MAX, 5).await.unwrap(), []);
}

pub async fn the_same_client_message_is_accepted_once(bench: Bench) {
    let id = bench.begin(Language::Bo).await;
    assert_eq!(bench.store.append(ask(id, "མ-1")).await.unwrap().first_seq(), Some(2));
    bench.store.append(ask(id, "m2")).await.unwrap();
    let again = bench.store.append(ask(id, "མ-1")).await.unwrap();
    assert_eq!(again, Appended::Already { seq: Some(2) });
    // A message that makes no event is remembered too.
    let silent = Append::to(id).because_of(MessageKey::citizen(message_id("quiet")));
    assert_eq!(new_events(bench.store.append(silent.clone()).await.unwrap()).len(), 0);
    assert_eq!(bench.store.append(silent).await.unwrap(), Appended::Already { seq: None });
    assert_eq!(bench.check_log(id).await.len(), 3);
    // In another conversation it is another message.
    let other = bench.begin(Language::Bo).await;
    assert_eq!(new_events(bench.store.append(ask(other, "མ-1")).await.unwrap())[0].seq, 2);
}

pub async fn the_same_client_message_sent_fifty_times_at_once_makes_one_event(bench: Bench) {
    let id = bench.begin(Language::Zh).await;
    let sends: Vec<_> = (0..50)
        .map(|_| {
            let store = Arc::clone(&bench.store);
            tokio::spawn(async move { store.append(ask(id, "once")).await.unwrap() })
        })
        .collect();
    let mut new = 0;
    for send in sends {
        let appended = send.await.unwrap();
        assert_eq!(appended.first_seq(), Some(2));
        new += usize::from(matches!(appended, Appended::New { .. }));
    }
    assert_eq!(new, 1);
    assert_eq!(bench.check_log(id).await.len(), 2);
}

pub async fn a_citizen_and_an_agent_may_use_the_same_id(bench: Bench) {
    let id = bench.begin(Language::Zh).await;
    let one = Append::to(id).because_of(MessageKey::citizen(message_id("1"))).event(say(SayAct::Notice));
    let agent = AgentId::generate();
    let two = Append::to(id).because_of(MessageKey::agent(agent, message_id("1"))).event(say(SayAct::Notice));
    let three = Append::to(id)
        .because_of(MessageKey::agent(AgentId::generate(), message_id("1")))
        .event(say(SayAct::Notice));
    for append in [one, two, three] {
        assert_eq!(new_events(bench.store.append(append).await.unwrap()).len(), 1);
    }
}

pub async fn appends_from_everywhere_at_once_leave_no_gap(bench: Bench) {
    let ids: Vec<ConversationId> = futures::future::join_all((0..5).map(|_| bench.begin(Language::Bo))).await;
    let appends: Vec<_> = (0..200)
        .map(|n: usize| {
            let (store, id) = (Arc::clone(&bench.store), ids[n % ids.len()]);
            tokio::spawn(async move { store.append(ask(id, &format!("m{n}"))).await.unwrap().first_seq() })
        })
        .collect();
    let mut places = HashSet::new();
    for (n, append) in appends.into_iter().enumerate() {
        assert!(places.insert((n % ids.len(), append.await.unwrap())));
    }
    for id in ids {
        assert_eq!(bench.check_log(id).await.len(), 41);
    }
}

pub async fn an_append_that_expects_something_else_changes_nothing(bench: Bench) {
    let id = bench.begin(Language::Bo).await;
    bench.store.append(ask(id, "m1")).await.unwrap();
    let late = Append::to(id)
        .because_of(MessageKey::citizen(message_id("late")))
        .expecting(Expect { last_seq: Some(1), status: None })
        .event(say(SayAct::Notice));
    let Err(StoreError::Stale(state)) = bench.store.append(late.clone()).await else { panic!("stale") };
    assert_eq!(state.last_seq, 2);
    // It was not accepted, so it can be sent again with the right expectation.
    let fits = late.expecting(Expect { last_seq: Some(2), status: Some(Status::Bot) });
    assert_eq!(bench.store.append(fits).await.unwrap().first_seq(), Some(3));

    // An answer that was looked for while a person came is not given.
    bench.store.append(crate::story::escalate(id)).await.unwrap();
    let answer = Append::to(id).expecting(Expect::BOT).event(say(SayAct::Notice));
    assert!(matches!(bench.store.append(answer).await, Err(StoreError::Stale(_))));
    assert_eq!(bench.check_log(id).await.len(), 4);
}

pub async fn a_closed_conversation_takes_nothing_more_but_remembers_what_it_took(bench: Bench) {
    let id = bench.begin(Language::Zh).await;
    let close = Append::to(id)
        .because_of(MessageKey::citizen(message_id("bye")))
        .then(HandoffCommand::Close { by: ClosedBy::Citizen });
    assert_eq!(new_events(bench.store.append(close.clone()).await.unwrap())[0].body.kind(), "closed");
    assert_eq!(bench.store.append(close).await.unwrap(), Appended::Already { seq: Some(2) });
    assert!(matches!(bench.store.append(ask(id, "more")).await, Err(StoreError::Closed)));
    assert_eq!(bench.check_log(id).await.len(), 2);
}

pub async fn handoff_events_come_from_commands_only(bench: Bench) {
    let id = bench.begin(Language::Zh).await;
    let smuggled = EventBody::AgentLeft(AgentLeft {
        outcome: Outcome::Returned,
        text: "假的".to_owned(),
        agent: None,
        note: None,
        skills: Vec::new(),
        until: None,
        by: None,
    });
    assert!(bench.store.append(Append::to(id).event(smuggled)).await.is_err());
    assert_eq!(bench.check_log(id).await.len(), 1);
}

pub async fn an_unknown_conversation_is_not_found(bench: Bench) {
    let nobody = ConversationId::generate();
    assert!(matches!(bench.store.append(ask(nobody, "m1")).await, Err(StoreError::NotFound("conversation"))));
    assert_eq!(bench.store.conversation(nobody).await.unwrap(), None);
    assert_eq!(bench.store.events_after(nobody, 0, 10).await.unwrap(), []);
    assert_eq!(bench.store.queue_position(nobody).await.unwrap(), None);
}

pub async fn the_stored_state_is_the_fold_of_the_log(bench: Bench) {
    let id = bench.begin(Language::Bo).await;
    let agent = bench.agent("卓玛").await;
    let changed = EventBody::LanguageChanged(LanguageChanged { language: Language::Zh });
    let steps = [
        ask(id, "m1").event(say(SayAct::NotUnderstood)),
        Append::to(id).event(changed),
        crate::story::escalate(id),
        crate::story::claim(id, &agent),
        ask(id, "m2"),
        Append::to(id).then(HandoffCommand::Requeue {
            agent: agent.actor(),
            note: Some("藏语 བོད་སྐད་".into()),
            skills: Vec::new(),
        }),
        crate::story::claim(id, &agent),
        Append::to(id).then(HandoffCommand::Return { agent: agent.actor(), note: None }),
        ask(id, "m3"),
        crate::story::escalate(id),
        Append::to(id).then(HandoffCommand::Cancel),
    ];
    for step in steps {
        bench.clock.advance(Duration::from_millis(700));
        let Appended::New { state, .. } = bench.store.append(step).await.unwrap() else { panic!("new") };
        bench.check_log(id).await;
        assert_eq!(*state, bench.state(id).await);
    }
}

pub async fn time_in_a_log_never_runs_backwards(bench: Bench) {
    let id = bench.begin(Language::Bo).await;
    bench.clock.advance(Duration::from_secs(10));
    bench.store.append(ask(id, "m1")).await.unwrap();
    bench.clock.set_back(Duration::from_hours(1));
    bench.store.append(ask(id, "m2")).await.unwrap();
    let events = bench.check_log(id).await;
    assert!(events.windows(2).all(|pair| pair[0].at <= pair[1].at));
}
