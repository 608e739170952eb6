//! Keys of SRTP in session descriptions (RFC 4568).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sdp_types::{Crypto, CryptoSuite, SrtpKeyParam};

/// How packets are protected: AES-128 in counter mode, with a tag of HMAC-SHA1 (RFC 4568, section 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Suite {
    /// `AES_CM_128_HMAC_SHA1_80`: tags of 10 bytes.
    Tag80,
    /// `AES_CM_128_HMAC_SHA1_32`: tags of 4 bytes.
    Tag32,
}

impl Suite {
    /// The safer one first.
    pub const ALL: [Self; 2] = [Self::Tag80, Self::Tag32];

    pub(super) const fn of(name: &CryptoSuite) -> Option<Self> {
        match name {
            CryptoSuite::AesCm128HmacSha1_80 => Some(Self::Tag80),
            CryptoSuite::AesCm128HmacSha1_32 => Some(Self::Tag32),
            _ => None,
        }
    }

    pub(super) const fn name(self) -> CryptoSuite {
        match self {
            Self::Tag80 => CryptoSuite::AesCm128HmacSha1_80,
            Self::Tag32 => CryptoSuite::AesCm128HmacSha1_32,
        }
    }
}

/// A master key of 16 bytes and its salt of 14. Not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey(pub(crate) [u8; 30]);

impl MasterKey {
    /// A new one.
    pub fn generate() -> Self {
        Self(random())
    }

    /// The key.
    pub fn key(&self) -> &[u8] {
        &self.0[..16]
    }

    /// The salt.
    pub fn salt(&self) -> &[u8] {
        &self.0[16..]
    }

    fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey")
    }
}

/// The keys of both directions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protection {
    /// How.
    pub suite: Suite,
    /// What we send is protected by it.
    pub ours: MasterKey,
    /// What the peer sends is protected by it.
    pub theirs: MasterKey,
}

/// Random bytes.
///
/// # Panics
/// Where the system has no randomness: nothing secret can be made then.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system's randomness");
    bytes
}

/// An `a=crypto` that we can use: its tag, suite and key. A key that changes during the call (several keys, key identifiers in packets, a key
/// derivation rate) or a session parameter that weakens it is not taken.
pub(super) fn usable(line: &Crypto) -> Option<(u32, Suite, MasterKey)> {
    let suite = Suite::of(&line.crypto_suite)?;
    let [key] = line.key_params.as_slice() else { return None };
    let plain = key.mki_and_length.is_none() && line.session_params.is_empty();
    plain.then(|| MasterKey::parse(&key.key_and_salt)).flatten().map(|key| (line.tag, suite, key))
}

/// The line of our key.
pub(super) fn line(tag: u32, suite: Suite, key: &MasterKey) -> Crypto {
    let mut line = Crypto::new(tag, suite.name());
    line.add_key_param(SrtpKeyParam::new(STANDARD.encode(key.0)));
    line
}
