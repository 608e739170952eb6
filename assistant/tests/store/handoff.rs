//! Promises about offers, priorities, presence and what is due.

use std::time::Duration;

use conversation::routing::{HandoffRules, Presence};
use conversation::wait::{OfficeHours, Span};
use conversation::{
    Agent, Append, AttemptOutcome, Clock as _, ClosedBy, ConversationId, EscalationId, EscalationReason,
    EventBody, HandoffCommand, IllegalTransition, OfferId, Status, StoreError,
};
use language::Language;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use crate::story::{Bench, ask, claim, escalate, new_events};

async fn perform(bench: &Bench, id: ConversationId, command: HandoffCommand) -> Result<(), StoreError> {
    bench.store.append(Append::to(id).then(command)).await.map(drop)
}

async fn waiting_because(bench: &Bench, reason: EscalationReason) -> ConversationId {
    bench.clock.advance(Duration::from_secs(1));
    let id = bench.begin(Language::Bo).await;
    perform(bench, id, HandoffCommand::Escalate { escalation: EscalationId::generate(), reason })
        .await
        .unwrap();
    id
}

async fn order(bench: &Bench) -> Vec<ConversationId> {
    bench.store.waiting().await.unwrap().into_iter().map(|item| item.conversation).collect()
}

pub async fn urgency_is_a_head_start_and_an_emergency_is_first(bench: Bench) {
    let early = waiting_because(&bench, EscalationReason::Asked).await;
    bench.clock.advance(Duration::from_mins(6));
    let usual = waiting_because(&bench, EscalationReason::Asked).await;
    let failed = waiting_because(&bench, EscalationReason::LowConfidence).await;
    let emergency = waiting_because(&bench, EscalationReason::Emergency).await;
    let order = order(&bench).await;
    assert_eq!(order, [emergency, early, failed, usual], "five minutes do not make up for six");
    for (id, place) in order.iter().zip(1..) {
        assert_eq!(bench.store.queue_position(*id).await.unwrap(), Some(place));
        let events = bench.check_log(*id).await;
        let Some(EventBody::Escalated(told)) = events.last().map(|event| &event.body) else {
            panic!("{events:?}")
        };
        let then = [(early, 1), (usual, 2), (failed, 2), (emergency, 1)];
        assert!(then.contains(&(*id, told.position)), "{told:?}");
    }
}

pub async fn an_offer_goes_to_one_agent_and_only_its_token_takes_it(bench: Bench) {
    let (first, second) = (bench.waiting().await, bench.waiting().await);
    let (asked, other) = (bench.agent("卓玛").await, bench.agent("བསྟན་འཛིན།").await);
    let since = bench.state(first).await.handoff.ticket().unwrap().since;
    let (old, new) = (OfferId::generate(), OfferId::generate());
    perform(&bench, first, HandoffCommand::Offer { offer: old, agent: asked.actor() }).await.unwrap();
    assert_eq!(order(&bench).await, [first, second], "who is offered waits in the same place");
    let taken = perform(&bench, first, HandoffCommand::Claim { agent: other.actor() }).await;
    assert!(matches!(taken, Err(StoreError::Handoff(IllegalTransition::OfferedToAnother { .. }))));

    bench.clock.advance(Duration::from_secs(30));
    assert_eq!(bench.store.do_what_is_due().await.unwrap(), [first]);
    assert_eq!(bench.store.do_what_is_due().await.unwrap(), [], "once");
    assert_eq!(order(&bench).await, [first, second]);
    perform(&bench, first, HandoffCommand::Offer { offer: new, agent: asked.actor() }).await.unwrap();
    let late = perform(&bench, first, HandoffCommand::Accept { offer: old, agent: asked.actor() }).await;
    assert!(matches!(late, Err(StoreError::Handoff(IllegalTransition::OfferOver))));
    let wrong = perform(&bench, first, HandoffCommand::Accept { offer: new, agent: other.actor() }).await;
    assert!(matches!(wrong, Err(StoreError::Handoff(IllegalTransition::OfferOver))));
    perform(&bench, first, HandoffCommand::Accept { offer: new, agent: asked.actor() }).await.unwrap();
    let state = bench.state(first).await;
    assert_eq!((state.holder().unwrap().id, state.handoff.ticket().unwrap().since), (asked.id, since));
    bench.check_log(first).await;
}

pub async fn what_is_due_happens_once_and_in_its_time(bench: Bench) {
    let agent = bench.agent("卓玛").await;
    let (snoozed, settled, gone) = (bench.waiting().await, bench.waiting().await, bench.waiting().await);
    for id in [snoozed, settled] {
        bench.store.append(claim(id, &agent)).await.unwrap();
    }
    let until = bench.clock.now().plus(Duration::from_mins(2));
    let snooze = HandoffCommand::Snooze { agent: agent.actor(), until, note: None };
    perform(&bench, snoozed, snooze).await.unwrap();
    perform(&bench, settled, HandoffCommand::Resolve { agent: agent.actor(), wrap_up: true }).await.unwrap();
    perform(&bench, gone, HandoffCommand::Abandon).await.unwrap();
    assert_eq!(bench.store.do_what_is_due().await.unwrap(), []);
    let status = async |id| bench.state(id).await.status();
    bench.clock.advance(Duration::from_mins(2));
    assert_eq!(bench.store.do_what_is_due().await.unwrap(), [snoozed]);
    assert_eq!(status(snoozed).await, Status::Assigned);
    bench.clock.advance(Duration::from_mins(1));
    assert_eq!(bench.store.do_what_is_due().await.unwrap(), [settled]);
    assert_eq!(status(settled).await, Status::Closed);
    bench.clock.advance(Duration::from_mins(12));
    assert_eq!(bench.store.do_what_is_due().await.unwrap(), [gone]);
    let events = bench.check_log(gone).await;
    assert!(
        matches!(&events.last().unwrap().body, EventBody::Closed(closed) if closed.by == ClosedBy::Abandoned)
    );
}

pub async fn routing_fills_who_is_free_up_to_their_capacity(bench: Bench) {
    let agent = bench.agent("卓玛").await;
    let mut waiting = Vec::new();
    for _ in 0..6 {
        waiting.push(bench.waiting().await);
    }
    assert_eq!(bench.store.route().await.unwrap(), [], "nobody wants offers");
    bench.store.set_presence(agent.id, Presence::Available).await.unwrap();
    let offered = bench.store.route().await.unwrap();
    assert_eq!(
        offered,
        waiting[..4].iter().map(|id| (*id, agent.id)).collect::<Vec<_>>(),
        "four chats fill one"
    );
    assert_eq!(bench.store.route().await.unwrap(), [], "and no more fit");
    assert_eq!(bench.store.at_desk().await.unwrap()[0].load, 100);
    bench.store.set_presence(agent.id, Presence::Leaving).await.unwrap();
    let open = bench.store.open_escalations().await.unwrap();
    let state = open.iter().find(|item| item.conversation == waiting[0]).unwrap();
    let offer = state.offer.clone().unwrap();
    perform(&bench, waiting[0], HandoffCommand::Decline { offer: offer.id, agent: agent.actor() })
        .await
        .unwrap();
    assert_eq!(bench.store.route().await.unwrap(), [], "who leaves is not asked");
}

pub async fn whoever_writes_again_has_their_agent_back(bench: Bench) {
    let agent = bench.agent("卓玛").await;
    let id = bench.waiting().await;
    bench.store.append(claim(id, &agent)).await.unwrap();
    perform(&bench, id, HandoffCommand::Resolve { agent: agent.actor(), wrap_up: true }).await.unwrap();
    let events = new_events(bench.store.append(ask(id, "还有一件事")).await.unwrap());
    let kinds: Vec<_> = events.iter().map(|event| event.body.kind()).collect();
    assert_eq!(kinds, ["citizen_message", "woken"]);
    assert_eq!(bench.state(id).await.holder().unwrap().id, agent.id);

    let (gone, other) = (bench.waiting().await, bench.waiting().await);
    perform(&bench, gone, HandoffCommand::Abandon).await.unwrap();
    assert_eq!(order(&bench).await, [other]);
    bench.store.append(ask(gone, "我回来了")).await.unwrap();
    assert_eq!(order(&bench).await, [gone, other], "in the old place");
    let events = bench.check_log(gone).await;
    assert!(matches!(&events.last().unwrap().body, EventBody::Reopened(told) if told.position == 1));
}

pub async fn a_settled_matter_is_opened_again_by_the_same_agent(bench: Bench) {
    let (before, other) = (bench.agent("卓玛").await, bench.agent("བསྟན་འཛིན།").await);
    let id = bench.waiting().await;
    bench.store.append(claim(id, &before)).await.unwrap();
    perform(&bench, id, HandoffCommand::Resolve { agent: before.actor(), wrap_up: false }).await.unwrap();
    let asked = bench.store.append(ask(id, "再问")).await;
    assert!(
        matches!(asked, Err(StoreError::Closed)),
        "it is opened again by the citizen's wish, not by a stray word"
    );
    let reopen = || HandoffCommand::Reopen { escalation: EscalationId::generate() };
    perform(&bench, id, reopen()).await.unwrap();
    for agent in [&other, &before] {
        bench.store.set_presence(agent.id, Presence::Available).await.unwrap();
    }
    assert_eq!(bench.store.route().await.unwrap(), [(id, before.id)]);
    bench.check_log(id).await;

    let citizen = bench.begin(Language::Zh).await;
    perform(&bench, citizen, HandoffCommand::Close { by: ClosedBy::Citizen }).await.unwrap();
    let refused = perform(&bench, citizen, reopen()).await;
    assert!(matches!(refused, Err(StoreError::Handoff(IllegalTransition::NotReopenable))));
}

pub async fn a_wait_is_told_as_a_range_and_closed_hours_are_told(bench: Bench) {
    let told = async |bench: &Bench| {
        let id = bench.begin(Language::Zh).await;
        let events = new_events(bench.store.append(escalate(id)).await.unwrap());
        let EventBody::Escalated(told) = events[0].body.clone() else { panic!("{events:?}") };
        told
    };
    assert_eq!(told(&bench).await.wait, None, "nobody is there");
    let agent = bench.agent("卓玛").await;
    bench.store.heartbeat(agent.id).await.unwrap();
    let second = told(&bench).await;
    assert_eq!(second.position, 2);
    assert!(second.wait.unwrap().to_minutes.is_some() && second.text.contains("分钟"), "{}", second.text);
    let mut hours = OfficeHours::default();
    // The clock of these stories stands at four in the afternoon in Beijing, on a Sunday.
    hours.week[0].push(Span::try_from("09:30-18:00".to_owned()).unwrap());
    bench.store.set_rules(HandoffRules { hours, ..HandoffRules::default() });
    let closed = told(&bench).await;
    assert!(closed.text.contains("明天9点半") && closed.text.contains("电话"), "{}", closed.text);
    assert_eq!(order(&bench).await.len(), 3, "nobody is sent away");
}

/// Agents, citizens, time and supervisors at random. After every step each log folds to the state beside it; in the end everybody is served.
pub async fn random_stories_keep_every_promise(bench: Bench) {
    let mut random = StdRng::seed_from_u64(20_261_130);
    let mut agents = Vec::new();
    for number in 0..3 {
        agents.push(bench.agent(&format!("卓玛 {number}")).await);
    }
    let mut citizens = Vec::new();
    for _ in 0..5 {
        citizens.push(bench.begin(Language::Bo).await);
    }
    let (mut done, mut refused) = (0, 0);
    for step in 0..1_500 {
        let id = *citizens.choose(&mut random).unwrap();
        let before = bench.state(id).await;
        let outcome = match random.random_range(0..20) {
            0 => {
                bench.clock.advance(Duration::from_secs(random.random_range(1..200)));
                bench.store.do_what_is_due().await.map(drop)
            }
            1 => bench.store.route().await.map(drop),
            2 => {
                let presence = [Presence::Available, Presence::Busy, Presence::Leaving];
                let agent = agents.choose(&mut random).unwrap();
                bench.store.set_presence(agent.id, *presence.choose(&mut random).unwrap()).await
            }
            3 => {
                let silent_since = bench.clock.now().minus(Duration::from_mins(1));
                bench.store.release_lost_agents(silent_since).await.map(drop)
            }
            4 => bench.store.append(ask(id, &format!("m{step}"))).await.map(drop),
            _ => {
                let offer = before.handoff.offer().map_or_else(OfferId::generate, |offer| offer.id);
                let command = any_command(&mut random, &agents, offer, bench.clock.now());
                perform(&bench, id, command).await
            }
        };
        match outcome {
            Ok(()) => done += 1,
            Err(StoreError::Handoff(_) | StoreError::Closed) => refused += 1,
            Err(error) => panic!("step {step}: {error:?}"),
        }
        let after = bench.state(id).await;
        if let (Some(was), Some(is)) = (before.handoff.ticket(), after.handoff.ticket()) {
            assert_eq!((was.escalation, was.since), (is.escalation, is.since), "step {step}");
        }
        for id in &citizens {
            bench.check_log(*id).await;
        }
        // Who is over begins anew, so that the story goes on.
        if after.status() == Status::Closed {
            citizens.retain(|other| *other != id);
            citizens.push(bench.begin(Language::Zh).await);
        }
    }
    assert!(done > 300 && refused > 100, "{done} done, {refused} refused: the story must do both");
    serve_everybody(&bench, &agents[0], &citizens).await;
}

/// Whatever state the queue is in, one agent can bring everything to its end.
async fn serve_everybody(bench: &Bench, agent: &Agent, citizens: &[ConversationId]) {
    for id in citizens {
        for _ in 0..6 {
            let status = bench.state(*id).await.status();
            let command = match status {
                Status::Bot => HandoffCommand::Close { by: ClosedBy::Citizen },
                Status::Closed => break,
                Status::Abandoned => HandoffCommand::Reopen { escalation: EscalationId::generate() },
                Status::Wrapping => HandoffCommand::Reassign { by: agent.actor(), to: None, note: None },
                Status::Assigned | Status::Snoozed
                    if bench.state(*id).await.holder().unwrap().id == agent.id =>
                {
                    HandoffCommand::Resolve { agent: agent.actor(), wrap_up: false }
                }
                _ => HandoffCommand::Reassign { by: agent.actor(), to: Some(agent.actor()), note: None },
            };
            perform(bench, *id, command).await.unwrap();
        }
        assert_eq!(bench.state(*id).await.status(), Status::Closed);
    }
    assert_eq!(bench.store.open_escalations().await.unwrap(), []);
}

fn any_command(
    random: &mut StdRng,
    agents: &[Agent],
    offer: OfferId,
    now: conversation::Timestamp,
) -> HandoffCommand {
    let agent = agents.choose(random).unwrap().actor();
    let other = agents.choose(random).unwrap().actor();
    let escalation = EscalationId::generate();
    let later = now.plus(Duration::from_secs(random.random_range(1..600)));
    let outcomes = [AttemptOutcome::Busy, AttemptOutcome::Reached, AttemptOutcome::NoAnswer];
    match random.random_range(0..24) {
        0..4 => HandoffCommand::Escalate { escalation, reason: EscalationReason::Asked },
        4..7 => HandoffCommand::Claim { agent },
        7 => HandoffCommand::Accept { offer, agent },
        8 => HandoffCommand::Decline { offer, agent },
        9 => HandoffCommand::Requeue { agent, note: None, skills: Vec::new() },
        10 => HandoffCommand::Transfer { agent, to: other, offer: OfferId::generate(), note: None },
        11 => HandoffCommand::Snooze { agent, until: later, note: None },
        12 => HandoffCommand::Wake { agent },
        13 => HandoffCommand::Resolve { agent, wrap_up: random.random() },
        14 => HandoffCommand::WrapUp { agent, disposition: None, note: None },
        15 => HandoffCommand::RequestCallback {
            escalation,
            number: "13800138000".to_owned(),
            from: now,
            until: later,
        },
        16 => {
            HandoffCommand::CallbackAttempt { agent, outcome: *outcomes.choose(random).unwrap(), again: None }
        }
        17 => HandoffCommand::Abandon,
        18 => HandoffCommand::Reopen { escalation },
        19 => HandoffCommand::Reassign { by: agent, to: Some(other), note: None },
        20 => HandoffCommand::Join { supervisor: agent },
        21 => HandoffCommand::Return { agent, note: None },
        22 => HandoffCommand::Cancel,
        _ => HandoffCommand::Message { agent, text: "好 འགྲིག".to_owned(), sound: None },
    }
}
