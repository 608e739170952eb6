//! Promises about agents, their sessions and their locks.

use std::time::Duration;

use conversation::{Agent, AgentId, Clock as _, LockoutPolicy, NewSession, StoreError, Token};
use language::Language;

use crate::story::{Bench, random};

const HOUR: Duration = Duration::from_hours(1);
const POLICY: LockoutPolicy = LockoutPolicy { failures: 3, lock_for: Duration::from_mins(15) };

async fn log_in(bench: &Bench, agent: &Agent) -> Token {
    let token = Token::from_random(random());
    let expires_at = bench.clock.now().plus(HOUR);
    bench.store.login(NewSession { token: token.hash(), agent: agent.id, expires_at }).await.unwrap();
    token
}

pub async fn a_name_is_taken_once(bench: Bench) {
    let agent = bench.agent("བསྟན་འཛིན་ 丹增").await;
    let twin = Agent { id: AgentId::generate(), name: agent.name.clone(), languages: vec![Language::Zh] };
    let refused = bench.store.add_agent(twin, "$other".to_owned()).await;
    assert!(matches!(refused, Err(StoreError::NameTaken)));
    let known = bench.store.credentials(&agent.name).await.unwrap().unwrap();
    assert_eq!((known.agent, known.password_hash.as_str()), (agent.clone(), "$argon2id$test"));
    assert_eq!(bench.store.agents().await.unwrap(), [agent]);
    assert!(bench.store.credentials("nobody").await.unwrap().is_none());
}

pub async fn sessions_open_until_they_expire_or_are_ended(bench: Bench) {
    let agent = bench.agent("卓玛").await;
    let (first, second) = (log_in(&bench, &agent).await, log_in(&bench, &agent).await);
    assert_eq!(bench.store.session(&first.hash()).await.unwrap(), Some(agent.clone()));
    bench.store.logout(&first.hash()).await.unwrap();
    bench.store.logout(&first.hash()).await.unwrap();
    assert_eq!(bench.store.session(&first.hash()).await.unwrap(), None);
    assert_eq!(bench.store.session(&second.hash()).await.unwrap(), Some(agent.clone()));
    bench.clock.advance(HOUR);
    assert_eq!(bench.store.session(&second.hash()).await.unwrap(), None);
    let stranger = NewSession {
        token: first.hash(),
        agent: AgentId::generate(),
        expires_at: bench.clock.now().plus(HOUR),
    };
    assert!(matches!(bench.store.login(stranger).await, Err(StoreError::NotFound("agent"))));
}

pub async fn a_new_password_ends_sessions_and_locks(bench: Bench) {
    let agent = bench.agent("卓玛").await;
    let token = log_in(&bench, &agent).await;
    for _ in 0..3 {
        bench.store.login_failed(agent.id, POLICY).await.unwrap();
    }
    bench.store.set_password(agent.id, "$new".to_owned()).await.unwrap();
    assert_eq!(bench.store.session(&token.hash()).await.unwrap(), None);
    let known = bench.store.credentials("卓玛").await.unwrap().unwrap();
    assert_eq!((known.password_hash.as_str(), known.failed_logins, known.locked_until), ("$new", 0, None));
    let nobody = bench.store.set_password(AgentId::generate(), "$new".to_owned()).await;
    assert!(matches!(nobody, Err(StoreError::NotFound("agent"))));
}

pub async fn failed_logins_lock_and_a_good_one_forgets_them(bench: Bench) {
    let agent = bench.agent("卓玛").await;
    for _ in 0..2 {
        assert_eq!(bench.store.login_failed(agent.id, POLICY).await.unwrap(), None);
    }
    log_in(&bench, &agent).await;
    for _ in 0..2 {
        assert_eq!(bench.store.login_failed(agent.id, POLICY).await.unwrap(), None, "counting began anew");
    }
    let until = bench.clock.now().plus(POLICY.lock_for);
    assert_eq!(bench.store.login_failed(agent.id, POLICY).await.unwrap(), Some(until));
    assert_eq!(bench.store.credentials("卓玛").await.unwrap().unwrap().locked_until, Some(until));
}
