//! Promises about people: their accounts, sessions, locks and second factors, and what of it is recorded.

use std::collections::BTreeSet;
use std::time::Duration;

use conversation::audit::{AuditPage, ChainCheck};
use conversation::{
    Agent, AgentId, AuditActor, Clock as _, ExternalId, LockoutPolicy, LoginMethod, NewPassword, NewPerson,
    NewSession, Person, PersonChange, Role, SessionId, StoreError, Token,
};
use language::Language;

use crate::story::{Bench, random};

const HOUR: Duration = Duration::from_hours(1);
const MINUTE: Duration = Duration::from_mins(1);
const POLICY: LockoutPolicy = LockoutPolicy { failures: 3, lock_for: Duration::from_mins(15) };

async fn try_to_log_in(bench: &Bench, agent: AgentId, method: LoginMethod) -> Option<Token> {
    let token = Token::from_random(random());
    let expires_at = bench.clock.now().plus(HOUR);
    let new = NewSession { token: token.hash(), agent, method, expires_at, idle: 20 * MINUTE };
    bench.store.login(new).await.unwrap().then_some(token)
}

async fn log_in(bench: &Bench, agent: AgentId) -> Token {
    try_to_log_in(bench, agent, LoginMethod::Password).await.unwrap()
}

async fn is_open(bench: &Bench, token: &Token) -> bool {
    bench.store.session(&token.hash()).await.unwrap().is_some()
}

fn operator() -> AuditActor {
    AuditActor::CommandLine { user: "root".to_owned() }
}

/// What was recorded, in order, and that it is one chain.
async fn recorded(bench: &Bench) -> Vec<String> {
    let records = bench.store.audit(AuditPage::After(0), 1_000).await.unwrap();
    let mut check = ChainCheck::new();
    for record in &records {
        check.next(record).unwrap();
    }
    records.into_iter().map(|record| record.action).collect()
}

pub async fn a_name_is_taken_once(bench: Bench) {
    let agent = bench.agent("བསྟན་འཛིན་ 丹增").await;
    let twin = Agent { id: AgentId::generate(), name: agent.name.clone(), languages: vec![Language::Zh] };
    let refused = bench.store.add_agent(twin, "$other".to_owned()).await;
    assert!(matches!(refused, Err(StoreError::NameTaken)));
    let known = bench.store.credentials(&agent.name).await.unwrap().unwrap();
    assert_eq!(
        (known.person.agent(), known.password.unwrap().hash.as_str()),
        (agent.clone(), "$argon2id$test")
    );
    assert_eq!(bench.store.agents().await.unwrap(), [agent]);
    assert!(bench.store.credentials("nobody").await.unwrap().is_none());
    assert_eq!(recorded(&bench).await, ["person.added"]);
}

pub async fn an_account_is_kept_as_it_was_made_and_changed(bench: Bench) {
    let mut new = NewPerson::new("dolma", vec![Language::Bo], BTreeSet::from([Role::Editor, Role::Agent]));
    "སྒྲོལ་མ་ 卓玛".clone_into(&mut new.display_name);
    new.skills = vec!["社保".to_owned(), "ཞིང་ལས།".to_owned()];
    new.capacity = 125;
    new.external = Some(ExternalId { issuer: "https://id.example".to_owned(), subject: "17".to_owned() });
    let (id, external) = (new.id, new.external.clone().unwrap());
    bench.store.add_person(operator(), new.clone()).await.unwrap();
    let kept = bench.store.person(id).await.unwrap().unwrap();
    let expected = Person {
        id,
        name: "dolma".to_owned(),
        display_name: "སྒྲོལ་མ་ 卓玛".to_owned(),
        languages: vec![Language::Bo],
        roles: BTreeSet::from([Role::Agent, Role::Editor]),
        skills: new.skills.clone(),
        capacity: 125,
        disabled: false,
        must_change_password: false,
        has_password: false,
        has_totp: false,
        external: Some(external.clone()),
    };
    assert_eq!(kept, expected);
    assert_eq!(bench.store.external_person(&external).await.unwrap(), Some(expected.clone()));
    let stranger = ExternalId { subject: "18".to_owned(), ..external.clone() };
    assert_eq!(bench.store.external_person(&stranger).await.unwrap(), None);
    let twin = NewPerson { id: AgentId::generate(), name: "other".to_owned(), ..new };
    assert!(matches!(bench.store.add_person(operator(), twin).await, Err(StoreError::NameTaken)));

    for change in [
        PersonChange::DisplayName("卓玛".to_owned()),
        PersonChange::Languages(vec![Language::Bo, Language::Zh]),
        PersonChange::Skills(Vec::new()),
        PersonChange::Capacity(25),
        PersonChange::Roles(BTreeSet::from([Role::Auditor])),
        PersonChange::Disabled(true),
    ] {
        let changed = bench.store.change_person(operator(), id, change.clone()).await.unwrap();
        assert_eq!(
            bench.store.change_person(operator(), id, change).await.unwrap(),
            changed,
            "again: nothing"
        );
    }
    let changed = bench.store.people().await.unwrap().remove(0);
    assert_eq!((changed.display_name.as_str(), changed.capacity, changed.disabled), ("卓玛", 25, true));
    assert_eq!((changed.languages.len(), changed.skills.len()), (2, 0));
    assert_eq!(changed.roles, BTreeSet::from([Role::Auditor]));
    assert_eq!(bench.store.agents().await.unwrap(), [], "neither disabled nor an agent any more");
    let nobody = bench.store.change_person(operator(), AgentId::generate(), PersonChange::Capacity(1)).await;
    assert!(matches!(nobody, Err(StoreError::NotFound("agent"))));
    assert_eq!(
        recorded(&bench).await,
        [
            "person.added",
            "person.changed",
            "person.changed",
            "person.changed",
            "person.changed",
            "person.roles_changed",
            "person.disabled"
        ]
    );
    let records = bench.store.audit(AuditPage::After(0), 100).await.unwrap();
    let detail: serde_json::Value = serde_json::from_str(&records[5].detail).unwrap();
    assert_eq!(
        (&detail["was"], &detail["is"]),
        (&serde_json::json!(["agent", "editor"]), &serde_json::json!(["auditor"]))
    );
}

pub async fn sessions_open_until_they_expire_or_are_ended(bench: Bench) {
    let agent = bench.agent("卓玛").await;
    let (first, second) = (log_in(&bench, agent.id).await, log_in(&bench, agent.id).await);
    let (session, person) = bench.store.session(&first.hash()).await.unwrap().unwrap();
    assert_eq!((person.agent(), session.method.as_str()), (agent.clone(), "password"));
    bench.store.logout(&first.hash()).await.unwrap();
    bench.store.logout(&first.hash()).await.unwrap();
    assert!(!is_open(&bench, &first).await);
    for _ in 0..4 {
        assert!(is_open(&bench, &second).await);
        bench.clock.advance(15 * MINUTE);
        bench.store.use_session(&second.hash()).await.unwrap();
    }
    assert!(!is_open(&bench, &second).await, "an hour is over, however much it was used");
    let stranger = NewSession {
        token: first.hash(),
        agent: AgentId::generate(),
        method: LoginMethod::Password,
        expires_at: bench.clock.now().plus(HOUR),
        idle: HOUR,
    };
    assert!(matches!(bench.store.login(stranger).await, Err(StoreError::NotFound("agent"))));
    assert_eq!(
        recorded(&bench).await,
        ["person.added", "session.opened", "session.opened", "session.closed"]
    );
}

pub async fn a_session_that_nobody_uses_ends(bench: Bench) {
    let agent = bench.agent("卓玛").await;
    let token = log_in(&bench, agent.id).await;
    bench.clock.advance(19 * MINUTE);
    assert!(is_open(&bench, &token).await, "looking at it is not using it");
    bench.store.use_session(&token.hash()).await.unwrap();
    bench.clock.advance(19 * MINUTE);
    assert!(is_open(&bench, &token).await);
    bench.clock.advance(MINUTE);
    assert!(!is_open(&bench, &token).await);
    bench.store.use_session(&token.hash()).await.unwrap();
    assert_eq!(bench.store.sessions(agent.id).await.unwrap(), []);
}

pub async fn sessions_are_listed_and_revoked(bench: Bench) {
    let (agent, other) = (bench.agent("卓玛").await, bench.agent("丹增").await);
    let first = log_in(&bench, agent.id).await;
    bench.clock.advance(MINUTE);
    let (second, theirs) = (log_in(&bench, agent.id).await, log_in(&bench, other.id).await);
    let listed = bench.store.sessions(agent.id).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed[0].created_at > listed[1].created_at, "the newest first");
    let revoke = |whose: AgentId, session| bench.store.revoke_sessions(operator(), whose, session);
    assert_eq!(revoke(other.id, Some(listed[0].id)).await.unwrap(), 0, "it is not theirs");
    assert_eq!(revoke(agent.id, Some(SessionId::generate())).await.unwrap(), 0);
    assert_eq!(revoke(agent.id, Some(listed[0].id)).await.unwrap(), 1);
    assert!(is_open(&bench, &first).await && !is_open(&bench, &second).await);
    assert_eq!(revoke(agent.id, None).await.unwrap(), 1);
    assert!(!is_open(&bench, &first).await && is_open(&bench, &theirs).await);
    let revoked = recorded(&bench).await.into_iter().filter(|action| action == "sessions.revoked").count();
    assert_eq!(revoked, 2, "what ended nothing is not recorded");
}

pub async fn other_roles_and_disabling_end_sessions(bench: Bench) {
    let agent = bench.agent("卓玛").await;
    for change in
        [PersonChange::Roles(BTreeSet::from([Role::Agent, Role::Editor])), PersonChange::Disabled(true)]
    {
        let token = log_in(&bench, agent.id).await;
        let same = PersonChange::Capacity(50);
        bench.store.change_person(operator(), agent.id, same).await.unwrap();
        assert!(is_open(&bench, &token).await, "other changes do not");
        bench.store.change_person(operator(), agent.id, change).await.unwrap();
        assert!(!is_open(&bench, &token).await);
    }
    assert!(try_to_log_in(&bench, agent.id, LoginMethod::Password).await.is_none(), "disabled");
    bench.store.change_person(operator(), agent.id, PersonChange::Disabled(false)).await.unwrap();
    log_in(&bench, agent.id).await;
}

pub async fn a_new_password_ends_sessions_and_locks(bench: Bench) {
    let agent = bench.agent("卓玛").await;
    let token = log_in(&bench, agent.id).await;
    for _ in 0..3 {
        bench.store.login_failed(agent.id, POLICY).await.unwrap();
    }
    let new = || NewPassword { hash: "$new".to_owned(), must_change: true };
    bench.store.set_password(operator(), agent.id, new()).await.unwrap();
    assert!(!is_open(&bench, &token).await);
    let known = bench.store.credentials("卓玛").await.unwrap().unwrap();
    assert_eq!((known.failed_logins, known.locked_until), (0, None));
    assert_eq!((known.password.unwrap().hash.as_str(), known.person.must_change_password), ("$new", true));
    let own = AuditActor::person(agent.id, "卓玛");
    let chosen = NewPassword { hash: "$own".to_owned(), must_change: false };
    bench.store.set_password(own, agent.id, chosen).await.unwrap();
    assert!(!bench.store.person(agent.id).await.unwrap().unwrap().must_change_password);
    let nobody = bench.store.set_password(operator(), AgentId::generate(), new()).await;
    assert!(matches!(nobody, Err(StoreError::NotFound("agent"))));
    let actions = recorded(&bench).await;
    assert_eq!(
        actions[2..],
        ["login.failed", "login.failed", "login.locked", "password.reset", "password.changed"]
    );
}

pub async fn failed_logins_lock_and_a_good_one_forgets_them(bench: Bench) {
    let agent = bench.agent("卓玛").await;
    for _ in 0..2 {
        assert_eq!(bench.store.login_failed(agent.id, POLICY).await.unwrap(), None);
    }
    log_in(&bench, agent.id).await;
    for _ in 0..2 {
        assert_eq!(bench.store.login_failed(agent.id, POLICY).await.unwrap(), None, "counting began anew");
    }
    let until = bench.clock.now().plus(POLICY.lock_for);
    assert_eq!(bench.store.login_failed(agent.id, POLICY).await.unwrap(), Some(until));
    assert_eq!(bench.store.credentials("卓玛").await.unwrap().unwrap().locked_until, Some(until));
}

pub async fn a_second_factor_is_confirmed_before_it_counts_and_its_codes_are_good_once(bench: Bench) {
    let id = bench.agent("卓玛").await.id;
    let recovery = vec![[1; 32], [2; 32]];
    let early = bench.store.confirm_totp(id, 100, recovery.clone()).await;
    assert!(matches!(early, Err(StoreError::NotFound(_))));
    bench.store.begin_totp(id, vec![0, 7]).await.unwrap();
    bench.store.begin_totp(id, vec![0, 8]).await.unwrap();
    let known = bench.store.credentials("卓玛").await.unwrap().unwrap().totp.unwrap();
    assert_eq!((known.secret.as_slice(), known.confirmed), (&[0, 8][..], false));
    assert!(try_to_log_in(&bench, id, LoginMethod::Totp { step: 1 }).await.is_none(), "not confirmed");
    bench.store.confirm_totp(id, 100, recovery).await.unwrap();
    assert!(bench.store.begin_totp(id, vec![0, 9]).await.is_err(), "a confirmed one is not replaced");
    let known = bench.store.credentials("卓玛").await.unwrap().unwrap();
    assert!(known.person.has_totp && known.totp.unwrap().confirmed);

    assert!(
        try_to_log_in(&bench, id, LoginMethod::Totp { step: 100 }).await.is_none(),
        "spent by confirming"
    );
    let (one, two) = tokio::join!(
        try_to_log_in(&bench, id, LoginMethod::Totp { step: 101 }),
        try_to_log_in(&bench, id, LoginMethod::Totp { step: 101 })
    );
    assert!(one.is_some() != two.is_some(), "the same code at the same moment opens one session");
    let code = LoginMethod::Recovery { code: [2; 32] };
    assert!(try_to_log_in(&bench, id, LoginMethod::Recovery { code: [3; 32] }).await.is_none());
    let token = try_to_log_in(&bench, id, code).await.unwrap();
    assert!(try_to_log_in(&bench, id, code).await.is_none(), "a recovery code is good once");

    bench.store.remove_totp(operator(), id).await.unwrap();
    assert!(!is_open(&bench, &token).await);
    assert!(bench.store.credentials("卓玛").await.unwrap().unwrap().totp.is_none());
    assert!(try_to_log_in(&bench, id, LoginMethod::Recovery { code: [1; 32] }).await.is_none());
    let actions = recorded(&bench).await;
    assert_eq!(
        actions,
        ["person.added", "totp.enrolled", "session.opened", "session.opened", "totp.removed"]
    );
}
