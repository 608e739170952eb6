//! The cipher behind a seam: AES-256-GCM now, SM4-GCM where a regulation asks for it.
//!
//! Sealed bytes are `cipher (1) | nonce (12) | ciphertext | tag (16)`, so that what one cipher sealed stays readable
//! beside what another seals.

use std::fmt;

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};

use super::VaultError;

/// Bytes of every key here. A cipher with shorter keys takes the first bytes.
pub const KEY_BYTES: usize = 32;
/// Bytes of a nonce (NIST SP 800-38D, section 8.2.2: 96 random bits; a key must not seal more than 2^32 times, which no
/// conversation does).
pub const NONCE_BYTES: usize = 12;
/// Bytes that sealing adds.
pub const OVERHEAD: usize = 1 + NONCE_BYTES + 16;

/// An authenticated cipher. To add one: implement it, give it a number that no other has, and list it in [`by_number`].
pub trait Cipher: Send + Sync + fmt::Debug {
    /// What marks its output, for ever.
    fn number(&self) -> u8;

    /// The cipher with a key. The key's bytes are wiped when it is dropped.
    fn keyed(&self, key: &[u8; KEY_BYTES]) -> Box<dyn Keyed>;
}

/// A cipher with its key.
pub trait Keyed: Send + Sync {
    /// Ciphertext and tag of `plain`, bound to `associated`.
    ///
    /// # Errors
    /// Where `plain` is longer than the cipher can take (64 GiB).
    fn seal(&self, nonce: &[u8; NONCE_BYTES], associated: &[u8], plain: &[u8])
    -> Result<Vec<u8>, CannotOpen>;

    /// The plain bytes.
    ///
    /// # Errors
    /// Where anything of it is not as it was sealed.
    fn open(
        &self,
        nonce: &[u8; NONCE_BYTES],
        associated: &[u8],
        sealed: &[u8],
    ) -> Result<Vec<u8>, CannotOpen>;
}

/// It was changed, belongs elsewhere, or was sealed with another key: the cipher does not say which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it does not open")]
pub struct CannotOpen;

/// AES-256 in Galois/Counter Mode (NIST SP 800-38D).
#[derive(Clone, Copy, Debug)]
pub struct Aes256;

impl Cipher for Aes256 {
    fn number(&self) -> u8 {
        1
    }

    fn keyed(&self, key: &[u8; KEY_BYTES]) -> Box<dyn Keyed> {
        Box::new(Aes256Gcm::new(Key::<Aes256Gcm>::from_slice(key)))
    }
}

impl Keyed for Aes256Gcm {
    fn seal(
        &self,
        nonce: &[u8; NONCE_BYTES],
        associated: &[u8],
        plain: &[u8],
    ) -> Result<Vec<u8>, CannotOpen> {
        let payload = Payload { msg: plain, aad: associated };
        self.encrypt(Nonce::from_slice(nonce), payload).map_err(|_| CannotOpen)
    }

    fn open(
        &self,
        nonce: &[u8; NONCE_BYTES],
        associated: &[u8],
        sealed: &[u8],
    ) -> Result<Vec<u8>, CannotOpen> {
        let payload = Payload { msg: sealed, aad: associated };
        self.decrypt(Nonce::from_slice(nonce), payload).map_err(|_| CannotOpen)
    }
}

/// What new things are sealed with.
pub const CURRENT: Aes256 = Aes256;

/// The cipher that has sealed something.
fn by_number(number: u8) -> Option<&'static dyn Cipher> {
    (number == CURRENT.number()).then_some(&CURRENT)
}

/// A key, ready for every cipher.
pub struct SealingKey {
    /// Sealing and most opening.
    current: Box<dyn Keyed>,
}

impl SealingKey {
    /// Computes the round keys.
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self { current: CURRENT.keyed(key) }
    }
}

/// Seals with the current cipher and a fresh random nonce.
///
/// # Errors
/// [`VaultError::NoRandomness`].
pub fn seal(key: &SealingKey, associated: &[u8], plain: &[u8]) -> Result<Vec<u8>, VaultError> {
    let mut nonce = [0; NONCE_BYTES];
    randomness(&mut nonce)?;
    let sealed = key.current.seal(&nonce, associated, plain).map_err(|_| VaultError::Unreadable {
        what: "a text".to_owned(),
        why: "it is too long".to_owned(),
    })?;
    let mut out = Vec::with_capacity(1 + NONCE_BYTES + sealed.len());
    out.push(CURRENT.number());
    out.extend_from_slice(&nonce);
    out.extend_from_slice(&sealed);
    Ok(out)
}

/// Opens what [`seal`] made.
///
/// # Errors
/// [`CannotOpen`].
pub fn open(key: &SealingKey, associated: &[u8], sealed: &[u8]) -> Result<Vec<u8>, CannotOpen> {
    let (number, rest) = sealed.split_first().ok_or(CannotOpen)?;
    let (nonce, sealed) = rest.split_first_chunk().ok_or(CannotOpen)?;
    by_number(*number).ok_or(CannotOpen)?;
    key.current.open(nonce, associated, sealed)
}

/// Fills `bytes` from the operating system's generator.
///
/// # Errors
/// [`VaultError::NoRandomness`].
pub fn randomness(bytes: &mut [u8]) -> Result<(), VaultError> {
    getrandom::fill(bytes).map_err(|error| VaultError::NoRandomness(error.to_string()))
}
