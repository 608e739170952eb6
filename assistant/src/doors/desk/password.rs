//! Passwords of agents: argon2id, computed on blocking threads, a few at a time.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::{self, PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

/// Memory in KiB, passes and lanes: the first choice of the OWASP Password Storage Cheat Sheet for argon2id
/// (m = 19 MiB, t = 2, p = 1).
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// Hashes computed at the same time: each takes 19 MiB and a core for some ten milliseconds, and speech needs both.
const AT_ONCE: usize = 2;
/// How long a login waits for its turn before it is told to come back.
const PATIENCE: Duration = Duration::from_secs(5);

/// A password could not be hashed.
#[derive(Debug, thiserror::Error)]
#[error("the password cannot be hashed: {0}")]
pub struct PasswordError(String);

/// The password's hash as a PHC string. `salt` must be random. Takes tens of milliseconds: not for async threads.
///
/// # Errors
/// [`PasswordError`] where argon2 refuses its parameters, for instance an extremely long password.
pub fn hash(password: &str, salt: [u8; 16]) -> Result<String, PasswordError> {
    let wrap = |error: password_hash::Error| PasswordError(error.to_string());
    let salt = SaltString::encode_b64(&salt).map_err(wrap)?;
    let hash = hasher()?.hash_password(password.as_bytes(), &salt).map_err(wrap)?;
    Ok(hash.to_string())
}

/// A password that nobody has to remember for long: four groups of five characters without look-alikes, 99 bits.
pub fn generate(random: [u8; 32]) -> String {
    const ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
    let mut password = String::with_capacity(23);
    // A byte that does not fall evenly is skipped, so that every character is equally likely. 32 bytes leave 12 to
    // skip where fewer than one is expected; the alphabet's first character stands in beyond that.
    let limit = 256 - 256 % ALPHABET.len();
    let mut even = random.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < limit);
    for place in 0..20 {
        if place > 0 && place % 5 == 0 {
            password.push('-');
        }
        password.push(char::from(ALPHABET[even.next().unwrap_or(0) % ALPHABET.len()]));
    }
    password
}

/// A fresh password and its hash, computed off the async threads.
///
/// # Errors
/// Where the operating system gives no randomness, or argon2 refuses; the text says which.
pub async fn fresh() -> Result<(String, String), String> {
    let (mut random, mut salt) = ([0; 32], [0; 16]);
    getrandom::fill(&mut random).and_then(|()| getrandom::fill(&mut salt)).map_err(|e| e.to_string())?;
    let password = generate(random);
    let plain = password.clone();
    let hashing = tokio::task::spawn_blocking(move || hash(&plain, salt));
    let hash = hashing.await.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
    Ok((password, hash))
}

/// The shortest password that people may choose, in characters (NIST SP 800-63B-4, section 3.1.1.2, asks for 15 where there
/// is no second factor and 8 where there is one).
pub(super) const MIN_CHARACTERS: usize = 12;

/// Why a password that somebody chose is not taken; `None` where it is. There are no rules about kinds of characters,
/// which only make passwords alike (NIST SP 800-63B-4).
pub(super) fn unfit(password: &str, name: &str) -> Option<String> {
    let characters = password.chars().count();
    if characters < MIN_CHARACTERS {
        return Some(format!("a password has at least {MIN_CHARACTERS} characters"));
    }
    let mut kinds: Vec<char> = password.chars().collect();
    kinds.sort_unstable();
    kinds.dedup();
    let lower = password.to_lowercase();
    let repeats_the_name = !name.is_empty() && lower.contains(&name.to_lowercase());
    (kinds.len() < 5 || repeats_the_name)
        .then(|| "a password has at least five different characters and does not contain the name".to_owned())
}

fn hasher() -> Result<Argon2<'static>, PasswordError> {
    let (memory, passes, lanes) = COST;
    let params =
        Params::new(memory, passes, lanes, None).map_err(|error| PasswordError(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn matches(password: &str, hash: &str) -> bool {
    // The parameters are those in the hash, so that passwords survive a change of COST.
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// Checks passwords without blocking an async thread.
#[derive(Clone, Debug)]
pub(super) struct PasswordChecker {
    turns: Arc<Semaphore>,
    /// What a login with an unknown name is checked against, so that it takes as long as with a known one.
    decoy: Arc<str>,
}

/// Too many logins at once.
#[derive(Debug)]
pub(super) struct TooManyLogins;

impl PasswordChecker {
    pub(super) fn new() -> Self {
        // A decoy that cannot be computed is no hash at all and matches nothing; only the timing would differ.
        let decoy = hash("decoy", [0; 16]).unwrap_or_default();
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), decoy: decoy.into() }
    }

    /// A turn to check one password; the caller looks at the lock after it got one, so that guesses sent all at once
    /// gain nothing.
    pub(super) async fn turn(&self) -> Result<Turn, TooManyLogins> {
        let turns = Arc::clone(&self.turns).acquire_owned();
        let permit = tokio::time::timeout(PATIENCE, turns).await.map_err(|_| TooManyLogins)?;
        Ok(Turn { _permit: permit.map_err(|_| TooManyLogins)?, decoy: Arc::clone(&self.decoy) })
    }
}

/// Permission to check one password; keep it until the outcome is recorded.
pub(super) struct Turn {
    _permit: tokio::sync::OwnedSemaphorePermit,
    decoy: Arc<str>,
}

impl Turn {
    /// Whether the password is the one; false for `None`, after as much work.
    pub(super) async fn check(&self, password: String, hash: Option<String>) -> bool {
        let decoy = Arc::clone(&self.decoy);
        let check = tokio::task::spawn_blocking(move || {
            let right = matches(&password, hash.as_deref().unwrap_or(&decoy));
            right && hash.is_some()
        });
        check.await.unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_matches_its_own_hash_only() {
        let stored = hash("ཁ་པར་ 电话 secret", [7; 16]).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(matches("ཁ་པར་ 电话 secret", &stored));
        assert!(!matches("ཁ་པར་ 电话 Secret", &stored));
        assert!(!matches("", &stored));
        assert!(!matches("ཁ་པར་ 电话 secret", "not a hash"));
    }

    #[test]
    fn generated_passwords_have_four_groups_and_use_their_randomness() {
        let one = generate(std::array::from_fn(|i| i as u8));
        let two = generate(std::array::from_fn(|i| i as u8 + 1));
        assert_eq!(one.len(), 23);
        assert_eq!(one.split('-').map(str::len).collect::<Vec<_>>(), [5, 5, 5, 5]);
        assert_ne!(one, two);
        assert_eq!(
            generate([255; 32]).len(),
            23,
            "bytes that do not fall evenly leave a password all the same"
        );
    }

    #[test]
    fn a_chosen_password_is_long_and_not_the_name() {
        for unfitting in ["", "kurz", "aaaaaaaaaaaaaaaaaaaaa", "དོལ་མ་དོལ་མ་2026", "丹增丹增丹增丹增丹增"]
        {
            assert!(unfit(unfitting, "དོལ་མ་").is_some(), "{unfitting}");
        }
        assert_eq!(unfit("马 correct རྟ battery 13", "དོལ་མ་"), None);
    }

    #[tokio::test]
    async fn an_unknown_name_never_gets_in_even_with_the_decoys_password() {
        let checker = PasswordChecker::new();
        let turn = checker.turn().await.unwrap();
        assert!(!turn.check("decoy".to_owned(), None).await);
    }
}
