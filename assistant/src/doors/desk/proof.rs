//! Whether somebody is who they say they are: password, second factor, lock.

use std::collections::HashMap;
use std::time::Duration;

use conversation::{Credentials, LockoutPolicy, LoginMethod, Person, Timestamp};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::password::Turn;
use super::{DeskError, DeskState};
use crate::people::{recovery, totp::Secret};

/// The longest password that is hashed, in bytes: more is nobody's password but somebody's attempt to keep us busy.
pub(super) const MAX_PASSWORD_BYTES: usize = 1_024;
/// A login that fails is answered so long after its turn has come: longer than hashing and counting take, so that nobody
/// can tell by the time which of them there was.
const FAILURE_TAKES: Duration = Duration::from_millis(250);

/// Somebody who has proved who they are.
pub(super) struct Proved {
    pub(super) known: Credentials,
    pub(super) method: LoginMethod,
}

/// The person of this name, if the password is theirs, the code of their second factor is right, and the login is not
/// locked. Names that do not exist, disabled accounts and accounts without a password are answered as a wrong password is,
/// after as much time.
pub(super) async fn prove(
    state: &DeskState,
    name: &str,
    password: String,
    code: Option<&str>,
) -> Result<Proved, DeskError> {
    if password.len() > MAX_PASSWORD_BYTES {
        return Err(DeskError::Unauthorized);
    }
    // Held until a failure is counted, so that guesses sent all at once see the lock.
    let turn = state.passwords.turn().await.map_err(|_| DeskError::Busy)?;
    let since = Instant::now();
    let proved = check(state, &turn, name, password, code).await;
    drop(turn);
    if proved.is_err() {
        tokio::time::sleep_until(since + FAILURE_TAKES).await;
    }
    proved
}

async fn check(
    state: &DeskState,
    turn: &Turn,
    name: &str,
    password: String,
    code: Option<&str>,
) -> Result<Proved, DeskError> {
    let known = state.store.credentials(name).await?;
    let now = state.clock.now();
    let locked_until = known.as_ref().map_or_else(|| state.strangers.locked_until(name), |k| k.locked_until);
    if let Some(until) = locked_until.filter(|until| *until > now) {
        return Err(DeskError::LockedOut { retry_after: until.since(now) });
    }
    let hash = known.as_ref().and_then(|known| known.password.as_ref()).map(|password| password.hash.clone());
    let right = turn.check(password, hash).await;
    let Some(known) = known else {
        state.strangers.failed(name, now, state.settings.lockout);
        tracing::warn!("a login with an unknown name");
        return Err(DeskError::Unauthorized);
    };
    if !right || known.person.disabled {
        return Err(failed(state, &known, DeskError::Unauthorized).await);
    }
    match second_factor(state, &known, code)? {
        Some(method) => Ok(Proved { known, method }),
        None => Err(failed(state, &known, DeskError::WrongCode).await),
    }
}

/// Whether the password is that of somebody who is logged in: asked again before their account is changed, since a session
/// alone may be somebody else at an open page. Failures are counted as logins are.
pub(super) async fn confirm(
    state: &DeskState,
    person: &Person,
    password: String,
) -> Result<Credentials, DeskError> {
    if password.len() > MAX_PASSWORD_BYTES {
        return Err(DeskError::WrongPassword);
    }
    let turn = state.passwords.turn().await.map_err(|_| DeskError::Busy)?;
    let known = state.store.credentials(&person.name).await?.ok_or(DeskError::Unauthorized)?;
    let now = state.clock.now();
    if let Some(until) = known.locked_until.filter(|until| *until > now) {
        return Err(DeskError::LockedOut { retry_after: until.since(now) });
    }
    let hash = known.password.as_ref().map(|password| password.hash.clone());
    if turn.check(password, hash).await {
        return Ok(known);
    }
    Err(failed(state, &known, DeskError::WrongPassword).await)
}

/// How the login is proved: by the password alone where there is no second factor, else by its code too. `None` for a wrong
/// code.
fn second_factor(
    state: &DeskState,
    known: &Credentials,
    code: Option<&str>,
) -> Result<Option<LoginMethod>, DeskError> {
    let Some(totp) = known.totp.as_ref().filter(|totp| totp.confirmed) else {
        return Ok(Some(LoginMethod::Password));
    };
    let code = code.map(str::trim).filter(|code| !code.is_empty()).ok_or(DeskError::SecondFactor)?;
    if let Some(code) = recovery::hash(code) {
        // Whether it is one of theirs, the store says when it is spent.
        return Ok(Some(LoginMethod::Recovery { code }));
    }
    let secret = Secret::from_bytes(totp.secret.clone());
    let step = secret.step_of(code, state.clock.now(), totp.last_step);
    Ok(step.map(|step| LoginMethod::Totp { step }))
}

/// Counts a failure against an account, and returns what to answer.
pub(super) async fn failed(state: &DeskState, known: &Credentials, answer: DeskError) -> DeskError {
    match state.store.login_failed(known.person.id, state.settings.lockout).await {
        Ok(locked) => {
            tracing::warn!(agent = %known.person.id, locked = locked.is_some(), "a login failed");
            answer
        }
        Err(error) => error.into(),
    }
}

/// Names of nobody are locked as accounts are, so that a lock does not tell which names exist. Kept in memory only.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    /// By the hash of the name: failures, and until when it is locked. Bounded by [`Strangers::MOST`]; when it is full it is
    /// emptied, and a stranger may guess five times more.
    seen: Mutex<HashMap<[u8; 32], Failures>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Failures {
    count: u32,
    locked_until: Option<Timestamp>,
}

impl Strangers {
    const MOST: usize = 10_000;

    fn locked_until(&self, name: &str) -> Option<Timestamp> {
        self.seen.lock().get(&key(name)).and_then(|failures| failures.locked_until)
    }

    fn failed(&self, name: &str, now: Timestamp, policy: LockoutPolicy) {
        let mut seen = self.seen.lock();
        if seen.len() >= Self::MOST {
            seen.clear();
        }
        let failures = seen.entry(key(name)).or_default();
        failures.count += 1;
        if failures.count >= policy.failures {
            *failures = Failures { count: 0, locked_until: Some(now.plus(policy.lock_for)) };
        }
    }
}

fn key(name: &str) -> [u8; 32] {
    Sha256::digest(name).into()
}
