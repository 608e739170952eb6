//! Short-lived signed tokens, by which a PBX that opens a WebSocket shows that it may. Whoever runs the PBX asks for one, or makes one with the
//! shared key, for every call. Pure: the time is given.
//!
//! A token is `v1.<call>.<expiry>.<signature>`: the call's id in base64url or nothing for any call, the expiry in seconds since 1970, and the
//! HMAC-SHA-256 (RFC 2104) of what stands before the last dot, in base64url without padding (RFC 4648, section 5). It fits into a query string
//! as it is.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

use crate::leg::CallId;

/// How long a token is good for if nothing else is wanted: a PBX dials at once.
pub const LIFETIME: Duration = Duration::from_mins(5);
/// The fewest bytes of a key: as many as the hash has (RFC 2104, section 3).
pub const SHORTEST_KEY: usize = 32;

const VERSION: &str = "v1";
/// The longest token: a call's id of 128 characters in base64url, 20 digits, and the signature.
const LONGEST: usize = 256;

/// A key that is too short to sign with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key for telephone tokens has {0} bytes; it needs at least {SHORTEST_KEY} random ones")]
pub struct ShortKey(pub usize);

/// Why a token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no token.
    #[error("this is not a telephone token")]
    Malformed,
    /// It was signed with another key, or changed.
    #[error("the telephone token was signed with another key")]
    Signature,
    /// Its time is over.
    #[error("the telephone token has expired; ask for a new one for every call")]
    Expired,
}

/// What a token allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Any one call.
    Any,
    /// This call.
    Call(CallId),
}

impl Grant {
    /// Whether it is good for that call.
    pub fn covers(&self, call: &CallId) -> bool {
        match self {
            Self::Any => true,
            Self::Call(granted) => granted == call,
        }
    }
}

/// Makes and believes tokens.
pub struct Signer(hmac::Key);

/// Without its key.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}

impl Signer {
    /// With that key, at least [`SHORTEST_KEY`] bytes.
    pub fn new(key: &[u8]) -> Result<Self, ShortKey> {
        if key.len() < SHORTEST_KEY {
            return Err(ShortKey(key.len()));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, key)))
    }

    /// A token that is good until `expires_at`, in seconds since 1970 (that second not included).
    pub fn issue(&self, grant: &Grant, expires_at: u64) -> String {
        let call = match grant {
            Grant::Any => String::new(),
            Grant::Call(call) => URL_SAFE_NO_PAD.encode(call.as_str()),
        };
        let claim = format!("{VERSION}.{call}.{expires_at}");
        let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, claim.as_bytes()));
        format!("{claim}.{signature}")
    }

    /// What a token allows at `now`, in seconds since 1970. Signatures are compared in constant time (`ring::hmac::verify`).
    pub fn verify(&self, token: &str, now: u64) -> Result<Grant, Refused> {
        if token.len() > LONGEST {
            return Err(Refused::Malformed);
        }
        let (claim, signature) = token.rsplit_once('.').ok_or(Refused::Malformed)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Refused::Malformed)?;
        // Nothing of a claim is looked at before it is known whose it is.
        hmac::verify(&self.0, claim.as_bytes(), &signature).map_err(|_| Refused::Signature)?;
        let mut parts = claim.split('.');
        let (Some(VERSION), Some(call), Some(expires_at), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Refused::Malformed);
        };
        let expires_at: u64 = expires_at.parse().map_err(|_| Refused::Malformed)?;
        if now >= expires_at {
            return Err(Refused::Expired);
        }
        if call.is_empty() {
            return Ok(Grant::Any);
        }
        let call = URL_SAFE_NO_PAD.decode(call).map_err(|_| Refused::Malformed)?;
        let call = String::from_utf8(call).map_err(|_| Refused::Malformed)?;
        call.parse().map(Grant::Call).map_err(|_| Refused::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn signer() -> Signer {
        Signer::new(&[7; 32]).unwrap()
    }

    #[test]
    fn a_token_is_good_for_its_call_until_it_expires() {
        let call: CallId = "1795446755.13".parse().unwrap();
        let token = signer().issue(&Grant::Call(call.clone()), 1_000);
        let grant = signer().verify(&token, 999).unwrap();
        assert_eq!(grant, Grant::Call(call.clone()));
        assert!(grant.covers(&call) && !grant.covers(&CallId::generate()));
        assert_eq!(signer().verify(&token, 1_000), Err(Refused::Expired));
        let any = signer().issue(&Grant::Any, 1_000);
        assert!(signer().verify(&any, 0).unwrap().covers(&call));
    }

    #[test]
    fn the_signature_is_what_others_compute() {
        // python3: base64.urlsafe_b64encode(hmac.new(b'\7'*32, b'v1..1000', 'sha256').digest()).rstrip(b'=')
        let token = signer().issue(&Grant::Any, 1_000);
        assert_eq!(token, "v1..1000.olYpinM8qyl8AO1GgheQx7EVfUZOUg14obArsQo1OAs");
    }

    #[test]
    fn another_key_an_empty_signature_and_a_short_key_are_refused() {
        let token = signer().issue(&Grant::Any, 1_000);
        assert_eq!(Signer::new(&[8; 32]).unwrap().verify(&token, 0), Err(Refused::Signature));
        assert_eq!(signer().verify("v1..1000.", 0), Err(Refused::Signature));
        assert_eq!(signer().verify("", 0), Err(Refused::Malformed));
        assert_eq!(Signer::new(&[7; 31]).unwrap_err(), ShortKey(31));
    }

    proptest! {
        #[test]
        fn no_text_is_believed_and_no_change_of_a_token(text in "\\PC{0,300}", at in 0_usize..100, byte in any::<u8>()) {
            prop_assert!(signer().verify(&text, 0).is_err());
            let call = Grant::Call("call-1".parse().unwrap());
            let mut token = signer().issue(&call, 1_000).into_bytes();
            let at = at % token.len();
            prop_assume!(token[at] != byte && byte.is_ascii());
            token[at] = byte;
            prop_assert!(signer().verify(std::str::from_utf8(&token).unwrap(), 0).is_err());
        }

        #[test]
        fn the_longest_id_fits(id in "[!-~]{1,128}", expires_at in 1_u64..) {
            let grant = Grant::Call(id.parse().unwrap());
            prop_assert_eq!(signer().verify(&signer().issue(&grant, expires_at), 0), Ok(grant));
        }
    }
}
