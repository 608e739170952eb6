//! Whether to believe an ID token (`OpenID` Connect Core 1.0, section 3.1.3.7).

use std::time::Duration;

use conversation::Timestamp;
use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Keys;

/// How far the provider's clock may be off.
const SKEW: Duration = Duration::from_mins(1);
/// The longest token that is looked at, in bytes.
const MAX_BYTES: usize = 64 * 1024;
/// The longest `sub` (`OpenID` Connect Core, section 2).
const MAX_SUBJECT_BYTES: usize = 255;

/// What the token must say.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Who made it.
    pub issuer: &'a str,
    /// For whom: our client id.
    pub client: &'a str,
    /// For which attempt.
    pub nonce: &'a str,
    /// The present moment.
    pub now: Timestamp,
}

/// A token that is believed.
#[derive(Clone, Debug, PartialEq)]
pub struct IdToken {
    /// Who it is, at this provider for ever.
    pub subject: String,
    /// Everything that the token says.
    pub claims: Map<String, Value>,
}

impl IdToken {
    /// A claim that is a text.
    pub fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
    }

    /// A claim that is a text or a list of texts; dots lead into objects (`realm_access.roles`), unless a claim has that
    /// very name.
    pub fn texts(&self, claim: &str) -> Vec<&str> {
        let direct = self.claims.get(claim);
        let value = direct.or_else(|| {
            let mut names = claim.split('.');
            let first = self.claims.get(names.next()?)?;
            names.try_fold(first, |value, name| value.get(name))
        });
        match value {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }
}

/// Why a token is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is not three pieces of base64url with JSON in them, or a claim that must be there is missing or of another type.
    #[error("the ID token cannot be read: {0}")]
    Malformed(&'static str),
    /// Signed by an algorithm other than RS256 and ES256, or not at all.
    #[error("the ID token is signed by {0:?}; RS256 and ES256 are taken")]
    Algorithm(String),
    /// The provider publishes no key that could have signed it.
    #[error("the provider publishes no key that fits the ID token")]
    UnknownKey,
    /// The signature is not the provider's.
    #[error("the ID token's signature is wrong")]
    Signature,
    /// Somebody else made it.
    #[error("the ID token was made by somebody else (iss)")]
    Issuer,
    /// It was made for another client.
    #[error("the ID token was made for another client (aud, azp)")]
    Audience,
    /// It is over.
    #[error("the ID token has expired; are the clocks right?")]
    Expired,
    /// It is not good yet.
    #[error("the ID token is from the future (iat, nbf); are the clocks right?")]
    NotYet,
    /// It was made for another attempt.
    #[error("the ID token was made for another login (nonce)")]
    Nonce,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that must be understood (RFC 7515, section 4.1.11); none is.
    crit: Option<Value>,
}

/// The claims that are checked. Types are strict: an `exp` that is no number makes the token malformed, never endless.
#[derive(Deserialize)]
struct Checked {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: f64,
    iat: f64,
    nbf: Option<f64>,
    nonce: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn list(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) => several,
        }
    }
}

/// The token's claims, if it is the provider's, for us, for this attempt, and good now.
///
/// # Errors
/// [`Refused`], the first reason that was found; the signature is checked before anything that it covers.
pub fn verify(token: &str, keys: &Keys, expected: Expected<'_>) -> Result<IdToken, Refused> {
    let claims = signed_claims(token, keys)?;
    let checked =
        Checked::deserialize(&claims).map_err(|_| Refused::Malformed("a claim is missing or wrong"))?;
    check(&checked, expected)?;
    let Value::Object(claims) = claims else { return Err(Refused::Malformed("the claims are no object")) };
    Ok(IdToken { subject: checked.sub, claims })
}

/// The claims under a signature of the provider's.
fn signed_claims(token: &str, keys: &Keys) -> Result<Value, Refused> {
    if token.len() > MAX_BYTES {
        return Err(Refused::Malformed("it is too long"));
    }
    let pieces: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = pieces[..] else {
        return Err(Refused::Malformed("it has not three pieces"));
    };
    let message = &token.as_bytes()[..header.len() + 1 + claims.len()];
    let header: Header =
        serde_json::from_slice(&decoded(header)?).map_err(|_| Refused::Malformed("the header"))?;
    if header.crit.is_some() {
        return Err(Refused::Malformed("it wants an extension that is not known"));
    }
    if !["RS256", "ES256"].contains(&header.alg.as_str()) {
        return Err(Refused::Algorithm(header.alg));
    }
    let signature = decoded(signature)?;
    let mut candidates = keys.candidates(&header.alg, header.kid.as_deref()).peekable();
    if candidates.peek().is_none() {
        return Err(Refused::UnknownKey);
    }
    if !candidates.any(|key| key.verifies(message, &signature)) {
        return Err(Refused::Signature);
    }
    serde_json::from_slice(&decoded(claims)?).map_err(|_| Refused::Malformed("the claims"))
}

fn decoded(piece: &str) -> Result<Vec<u8>, Refused> {
    BASE64URL_NOPAD.decode(piece.as_bytes()).map_err(|_| Refused::Malformed("it is not base64url"))
}

fn check(claims: &Checked, expected: Expected<'_>) -> Result<(), Refused> {
    let refuse = |wrong: bool, refused: Refused| if wrong { Err(refused) } else { Ok(()) };
    refuse(claims.iss != expected.issuer, Refused::Issuer)?;
    let audiences = claims.aud.list();
    refuse(!audiences.iter().any(|audience| audience == expected.client), Refused::Audience)?;
    // Where there are several audiences, or the token names the party it was made for, that is us.
    let party = claims.azp.as_deref();
    refuse(audiences.len() > 1 && party.is_none(), Refused::Audience)?;
    refuse(party.is_some_and(|party| party != expected.client), Refused::Audience)?;
    let (now, skew) = (expected.now.as_millis() as f64 / 1_000.0, SKEW.as_secs_f64());
    refuse(now >= claims.exp + skew, Refused::Expired)?;
    refuse(claims.iat > now + skew || claims.nbf.is_some_and(|nbf| nbf > now + skew), Refused::NotYet)?;
    refuse(claims.nonce.as_deref() != Some(expected.nonce), Refused::Nonce)?;
    let subject = claims.sub.len();
    refuse(subject == 0 || subject > MAX_SUBJECT_BYTES, Refused::Malformed("sub is empty or too long"))
}

#[cfg(test)]
mod tests;
