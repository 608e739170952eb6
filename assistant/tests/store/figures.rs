//! Promises about what the console counts.

use std::time::Duration;

use conversation::audit::AuditActor;
use conversation::figures::{self, Amount, Counts, Day, Figure, Measure, UnresolvedKind};
use conversation::{
    Answer, Append, CitizenMessage, Clarify, ClarifyKind, Clock as _, ConversationId, ConversationState,
    Erasure, EscalationId, EscalationReason, EventBody, Expect, HandoffCommand, LanguageChanged, SayAct,
    Source, StoreError, Timestamp, Withdrawn,
};
use kb::EntryId;
use language::Language;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::story::{Bench, ask, claim, escalate, message_id, say};

const EVER: (Day, Day) = (Day::from_number(0), Day::from_number(1_000_000));

fn answer(reply_to: u64, entry: &str) -> EventBody {
    EventBody::Answer(Box::new(Answer {
        reply_to,
        entry: EntryId(entry.to_owned()),
        revision: "r".to_owned(),
        language: Language::Bo,
        question: "q".to_owned(),
        text: "t".to_owned(),
        spoken: "s".to_owned(),
        steps: Vec::new(),
        documents: Vec::new(),
        links: Vec::new(),
        office: None,
        confidence: 0.9,
        sample: false,
        awaiting_review: false,
        outdated_days: None,
        place: None,
        considered: Vec::new(),
        provenance: None,
    }))
}

fn clarify(reply_to: u64) -> EventBody {
    EventBody::Clarify(Clarify {
        reply_to,
        prompt: "p".to_owned(),
        choices: Vec::new(),
        confirm: false,
        kind: ClarifyKind::Entry,
        failed: false,
        about: None,
        declined: Vec::new(),
        considered: Vec::new(),
        provenance: None,
    })
}

fn rated(of: u64, helpful: bool) -> EventBody {
    EventBody::Rated(conversation::event::Rated { of, helpful })
}

fn spoken(id: &str, text: &str) -> EventBody {
    EventBody::CitizenMessage(CitizenMessage {
        id: message_id(id),
        text: text.to_owned(),
        source: Source::Voice,
        language: Language::Bo,
        dictation: true,
        sound: None,
    })
}

/// How often, in whatever language and on whatever day.
fn often(counts: &Counts, measure: Measure, key: &str) -> i64 {
    let these = counts.iter().filter(|(figure, _)| figure.measure == measure && figure.key == key);
    these.map(|(_, amount)| amount.count).sum()
}

impl Bench {
    async fn counted(&self) -> Counts {
        let mut counts = self.store.figures(EVER.0, EVER.1).await.unwrap();
        counts.retain(|_, amount| *amount != Amount::default());
        counts
    }

    async fn does(&self, id: ConversationId, event: EventBody) {
        self.store.append(Append::to(id).event(event)).await.unwrap();
    }

    /// How often something was rated `wrong`, `helped` and `not_helped`.
    async fn said(&self) -> [i64; 3] {
        let counted = self.counted().await;
        ["wrong", "helped", "not_helped"].map(|key| often(&counted, Measure::Rated, key))
    }

    async fn seq(&self, id: ConversationId) -> u64 {
        self.state(id).await.last_seq
    }
}

pub async fn what_happens_is_counted_once_and_what_failed_is_not(bench: Bench) {
    let id = bench.begin(Language::Bo).await;
    for _ in 0..2 {
        // The same message again, as a client sends it that got no reply.
        bench.store.append(ask(id, "m1")).await.unwrap();
    }
    bench.does(id, answer(2, "id-card-lost")).await;
    bench.does(id, answer(2, "id-card-lost")).await;
    bench.store.append(ask(id, "m2")).await.unwrap();
    let seq = bench.seq(id).await;
    bench.does(id, clarify(seq)).await;
    let stale = Append::to(id).expecting(Expect { last_seq: Some(1), status: None }).event(clarify(seq));
    assert!(matches!(bench.store.append(stale).await, Err(StoreError::Stale(_))));
    // Together or not at all: the handoff is refused, and with it the answer.
    let agent = bench.agent("卓玛").await;
    let refused = Append::to(id).event(answer(seq, "other")).then(HandoffCommand::Message {
        agent: agent.actor(),
        text: "在".to_owned(),
        sound: None,
    });
    assert!(matches!(bench.store.append(refused).await, Err(StoreError::Handoff(_))));

    let counted = bench.counted().await;
    let day = Day::of(bench.clock.now());
    let figure = |measure, key: &str| Figure { day, measure, language: Language::Bo, key: key.to_owned() };
    let one = Amount { count: 1, total: 0.0 };
    let expected = Counts::from([
        (figure(Measure::Begun, "portal"), one),
        (figure(Measure::Answered, "portal"), one),
        (figure(Measure::Entry, "id-card-lost"), one),
        (figure(Measure::Clarified, "portal"), one),
    ]);
    assert_eq!(counted, expected, "an answer that is said again is no other answer");
}

pub async fn a_place_is_counted_as_a_prefecture_and_only_where_the_citizen_named_it(bench: Bench) {
    let id = bench.begin(Language::Zh).await;
    bench.does(id, spoken("m1", "我在昌都市江达县，牦牛死了怎么赔")).await;
    bench.does(id, answer(2, "livestock")).await;
    let elsewhere = bench.begin(Language::Zh).await;
    bench.store.append(ask(elsewhere, "m1")).await.unwrap();
    bench.does(elsewhere, answer(2, "livestock")).await;
    let counted = bench.counted().await;
    assert_eq!(often(&counted, Measure::Place, "540300"), 1);
    let places = counted.keys().filter(|figure| figure.measure == Measure::Place).count();
    assert_eq!(places, 1, "{counted:?}");
}

pub async fn waits_are_measured_until_somebody_comes_for_the_first_time(bench: Bench) {
    let id = bench.waiting().await;
    let agent = bench.agent("卓玛").await;
    bench.clock.advance(Duration::from_secs(45));
    bench.store.append(claim(id, &agent)).await.unwrap();
    let gives_back = HandoffCommand::Requeue { agent: agent.actor(), note: None, skills: Vec::new() };
    bench.store.append(Append::to(id).then(gives_back)).await.unwrap();
    bench.clock.advance(Duration::from_secs(500));
    bench.store.append(claim(id, &agent)).await.unwrap();
    let left = bench.waiting().await;
    bench.store.append(Append::to(left).then(HandoffCommand::Cancel)).await.unwrap();

    let counted = bench.counted().await;
    let waited: Vec<(&str, Amount)> = counted
        .iter()
        .filter(|(figure, _)| figure.measure == Measure::Waited)
        .map(|(figure, amount)| (figure.key.as_str(), *amount))
        .collect();
    assert_eq!(waited, [("60", Amount { count: 1, total: 45.0 })]);
    assert_eq!(often(&counted, Measure::GaveUp, ""), 1);
    assert_eq!(often(&counted, Measure::HandedOver, "asked"), 2);
}

pub async fn a_withdrawn_turn_counts_for_nothing_and_leaves_no_unresolved_question(bench: Bench) {
    let id = bench.begin(Language::Bo).await;
    let before = bench.counted().await;
    let turn = Append::to(id).event(spoken("m1", "身份证")).event(say(SayAct::NotUnderstood));
    bench.store.append(turn).await.unwrap();
    assert_eq!(often(&bench.counted().await, Measure::NotUnderstood, "portal"), 1);
    assert_eq!(bench.store.unresolved(Timestamp::from_millis(0), 10).await.unwrap().len(), 1);

    let goes_on = Append::to(id)
        .event(EventBody::Withdrawn(Withdrawn { from: 2, to: 3 }))
        .event(spoken("m2", "身份证到期了怎么换"))
        .event(answer(5, "id-card-expired"));
    bench.store.append(goes_on).await.unwrap();
    let counted = bench.counted().await;
    assert_eq!(counted.len(), before.len() + 2, "the answer and its entry: {counted:?}");
    assert_eq!(often(&counted, Measure::NotUnderstood, "portal"), 0);
    assert_eq!(often(&counted, Measure::Answered, "portal"), 1);
    assert_eq!(bench.store.unresolved(Timestamp::from_millis(0), 10).await.unwrap(), []);
}

pub async fn a_wrong_answer_is_reported_once_and_counted(bench: Bench) {
    let id = bench.begin(Language::Bo).await;
    bench.store.append(ask(id, "m1")).await.unwrap();
    bench.does(id, answer(2, "id-card-lost")).await;
    for _ in 0..2 {
        bench.does(id, rated(3, false)).await;
    }
    bench.does(id, rated(2, false)).await;
    assert_eq!(bench.said().await, [1, 0, 1]);
    let found = bench.store.unresolved(Timestamp::from_millis(0), 10).await.unwrap();
    let found: Vec<_> = found.iter().map(|one| (one.seq, one.kind)).collect();
    assert_eq!(found, [(3, UnresolvedKind::WrongAnswer)]);
}

pub async fn a_rating_that_is_changed_counts_once_with_its_last_value(bench: Bench) {
    let id = bench.begin(Language::Bo).await;
    bench.store.append(ask(id, "m1")).await.unwrap();
    bench.does(id, answer(2, "id-card-lost")).await;
    bench.does(id, rated(3, false)).await;
    let first = Day::of(bench.clock.now());
    // Taken back from the day on which it was counted, in the language that was spoken then.
    bench.clock.advance(Duration::from_hours(30));
    bench.does(id, EventBody::LanguageChanged(LanguageChanged { language: Language::Zh })).await;
    bench.does(id, rated(3, true)).await;
    assert_eq!(bench.said().await, [0, 1, 0]);
    let of_first = bench.store.figures(first, first).await.unwrap();
    assert_eq!(often(&of_first, Measure::Rated, "wrong"), 0);
    assert_eq!(
        bench.store.unresolved(Timestamp::from_millis(0), 10).await.unwrap(),
        [],
        "it was not wrong after all"
    );

    // In one append, to and fro.
    let undecided = Append::to(id).event(rated(3, false)).event(rated(3, true)).event(rated(3, false));
    bench.store.append(undecided).await.unwrap();
    assert_eq!(bench.said().await, [1, 0, 0]);
    let found = bench.store.unresolved(Timestamp::from_millis(0), 10).await.unwrap();
    assert_eq!(found.iter().map(|one| one.seq).collect::<Vec<_>>(), [3]);
    // A tap on the same again, when it is the last answer no more, changes nothing.
    bench.store.append(ask(id, "m2")).await.unwrap();
    let seq = bench.seq(id).await;
    bench.does(id, answer(seq, "social-card")).await;
    bench.does(id, rated(3, false)).await;
    assert_eq!(bench.said().await, [1, 0, 0]);
    bench.does(id, rated(3, true)).await;
    bench.does(id, rated(3, false)).await;
    assert_eq!(bench.said().await, [0, 0, 1], "only the last answer is reported as wrong");
    assert_eq!(bench.store.unresolved(Timestamp::from_millis(0), 10).await.unwrap(), []);
    let counted = bench.counted().await;
    assert!(counted.values().all(|amount| amount.count > 0), "{counted:?}");
}

pub async fn erasing_leaves_figures_and_takes_unresolved_questions(bench: Bench) {
    let id = bench.begin(Language::Bo).await;
    bench.store.append(ask(id, "m1")).await.unwrap();
    bench.does(id, say(SayAct::NotUnderstood)).await;
    bench.store.append(escalate(id)).await.unwrap();
    let found = bench.store.unresolved(Timestamp::from_millis(0), 10).await.unwrap();
    let kinds: Vec<_> = found.iter().map(|one| (one.conversation, one.seq, one.kind)).collect();
    assert_eq!(kinds, [(id, 3, UnresolvedKind::NotUnderstood), (id, 4, UnresolvedKind::HandedOver)]);
    assert_eq!(bench.store.unresolved(bench.clock.now().plus(Duration::from_secs(1)), 10).await.unwrap(), []);
    assert_eq!(bench.store.unresolved(Timestamp::from_millis(0), 1).await.unwrap().len(), 1);

    let counted = bench.counted().await;
    let erasure = Erasure { conversation: id, by: AuditActor::System, why: "a test".to_owned() };
    assert!(bench.store.erase(erasure).await.unwrap());
    assert_eq!(bench.store.unresolved(Timestamp::from_millis(0), 10).await.unwrap(), []);
    assert_eq!(bench.counted().await, counted);
}

pub async fn days_that_are_over_are_joined_and_their_sums_stay(bench: Bench) {
    for _ in 0..3 {
        for _ in 0..5 {
            let id = bench.waiting().await;
            bench.store.append(ask(id, "m1")).await.unwrap();
            bench.does(id, answer(3, "id-card-lost")).await;
        }
        bench.clock.advance(Duration::from_hours(24));
    }
    let today = Day::of(bench.clock.now());
    let counted = bench.counted().await;
    let mut steps = 0;
    while bench.store.join_figures(today).await.unwrap() {
        steps += 1;
        assert_eq!(bench.counted().await, counted);
    }
    // Begun, handed over, answered and entries, on three days.
    assert_eq!(steps, 12);
    assert!(!bench.store.join_figures(today).await.unwrap(), "there is nothing left to join");
    // What is counted late is joined as well; today's is not touched.
    let before = bench.counted().await;
    let everybody = (0..8).map(|_| {
        let store = std::sync::Arc::clone(&bench.store);
        tokio::spawn(async move { while store.join_figures(today.minus(-1)).await.unwrap() {} })
    });
    for one in everybody.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    assert_eq!(bench.counted().await, before, "joined by many at once, nothing is counted twice");
    let one_day = bench.store.figures(today.minus(1), today.minus(1)).await.unwrap();
    assert_eq!(often(&one_day, Measure::Answered, "portal"), 5);
}

pub async fn whatever_happens_the_figures_are_what_the_logs_say(bench: Bench) {
    let mut random = StdRng::seed_from_u64(20_261_201);
    let agent = bench.agent("卓玛").await;
    let mut all = Vec::new();
    let mut open = Vec::new();
    for step in 0..400 {
        bench.clock.advance(Duration::from_secs(random.random_range(1..2_000)));
        if open.len() < 4 {
            let language = if random.random_bool(0.5) { Language::Bo } else { Language::Zh };
            let id = bench.begin(language).await;
            all.push(id);
            open.push(id);
        }
        let place = random.random_range(0..open.len());
        let id = open[place];
        let (seq, state) = (bench.seq(id).await + 1, bench.state(id).await);
        let ask_and =
            |event: EventBody| Append::to(id).event(spoken(&format!("m{step}"), "昌都 身份证")).event(event);
        let append = match random.random_range(0..10) {
            0 => ask_and(answer(seq, "one")),
            1 => ask_and(answer(seq, "two")),
            2 => ask_and(clarify(seq)),
            3 => ask_and(say(SayAct::NotUnderstood)),
            4 => ask_and(say(SayAct::Greeting)),
            5 => match state.withdrawable() {
                Some(withdrawn) => Append::to(id)
                    .event(EventBody::Withdrawn(withdrawn))
                    .event(spoken(&format!("m{step}"), "拉萨 身份证到期"))
                    .event(answer(seq + 1, "one")),
                None => escalate(id),
            },
            6 => Append::to(id).then(HandoffCommand::Escalate {
                escalation: EscalationId::generate(),
                reason: EscalationReason::LowConfidence,
            }),
            7 => claim(id, &agent),
            8 => match &state.last_answer {
                Some(answer) => Append::to(id).event(rated(answer.seq, random.random_bool(0.5))),
                None => escalate(id),
            },
            _ => Append::to(id).then(HandoffCommand::Cancel),
        };
        // What the handoff does not allow is part of the story.
        let _ = bench.store.append(append).await;
        if random.random_bool(0.03) {
            open.swap_remove(place);
        }
        if step % 50 == 0 {
            bench.store.join_figures(Day::of(bench.clock.now())).await.unwrap();
        }
    }
    let mut told = Counts::new();
    for id in &all {
        figures::add(&mut told, counted_in(&bench.check_log(*id).await));
    }
    told.retain(|_, amount| *amount != Amount::default());
    let counted = bench.counted().await;
    let counts = |counts: &Counts| counts.iter().map(|(f, a)| (f.clone(), a.count)).collect::<Vec<_>>();
    assert_eq!(counts(&counted), counts(&told));
    let seconds = |counts: &Counts| counts.values().map(|amount| amount.total).sum::<f64>();
    assert!((seconds(&counted) - seconds(&told)).abs() < 1e-3);
    for measure in Measure::ALL {
        assert!(counted.keys().any(|figure| figure.measure == measure), "the story has no {measure:?}");
    }
}

/// What a log counts for, without the turns that were withdrawn.
fn counted_in(events: &[conversation::Event]) -> Counts {
    let withdrawn: Vec<Withdrawn> = events
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::Withdrawn(withdrawn) => Some(*withdrawn),
            _ => None,
        })
        .collect();
    let mut state: Option<ConversationState> = None;
    let mut counts = Counts::new();
    for event in events {
        let taken_back = withdrawn.iter().any(|turn| (turn.from..=turn.to).contains(&event.seq));
        if !taken_back {
            figures::add(&mut counts, figures::counts(state.as_ref(), event));
        }
        match &mut state {
            Some(state) => state.apply(event).unwrap(),
            None => state = Some(ConversationState::begin(event).unwrap()),
        }
    }
    counts
}
