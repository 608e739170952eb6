//! Challenges and their answers, RFC 3261 section 22 and RFC 8760, as the side that challenges.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use base64::Engine as _;
use parking_lot::Mutex;
use ring::hmac;
use rsipstack::dialog::authenticate::compute_digest;
use rsipstack::sip::Method;
use rsipstack::sip::headers::auth::{Algorithm, AuthQop};

use super::settings::Trunk;

/// How long a nonce may be answered: the time of a transaction (64·T1) and the way back.
const FRESH: Duration = Duration::from_mins(1);
/// Answered nonces that are remembered: a minute of calls at more than a hundred a second. When full, an answer is called stale and the peer
/// tries again.
const MOST_USED: usize = 8_192;

/// Makes nonces that need no memory until they are answered, and accepts each once: the counter of a nonce is always 1, so that nothing can be
/// played back.
pub(super) struct Challenger {
    key: hmac::Key,
    born: Instant,
    used: Mutex<HashMap<String, Instant>>,
}

/// What an answer to a challenge is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Right.
    Known,
    /// The nonce is old, used or not ours: ask again.
    Stale,
    /// Wrong.
    Wrong,
}

impl Challenger {
    /// A new one; its nonces mean nothing to others.
    pub(super) fn new() -> std::io::Result<Self> {
        let random = ring::rand::SystemRandom::new();
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &random)
            .map_err(|_| std::io::Error::other("the system gives no random numbers"))?;
        Ok(Self { key, born: Instant::now(), used: Mutex::new(HashMap::new()) })
    }

    /// A fresh nonce: when it was made, something unique, and our seal on both.
    pub(super) fn nonce(&self) -> String {
        let stamp = format!("{:x}-{}", self.born.elapsed().as_millis(), uuid::Uuid::new_v4().simple());
        let seal = self.seal(&stamp);
        format!("{stamp}-{seal}")
    }

    fn seal(&self, stamp: &str) -> String {
        let tag = hmac::sign(&self.key, stamp.as_bytes());
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&tag.as_ref()[..15]).replace('-', ".")
    }

    fn fresh(&self, nonce: &str) -> bool {
        let Some((stamp, seal)) = nonce.rsplit_once('-') else { return false };
        let Some(made) = stamp.split('-').next().and_then(|hex| u64::from_str_radix(hex, 16).ok()) else {
            return false;
        };
        self.seal(stamp) == seal && self.born.elapsed() < Duration::from_millis(made).saturating_add(FRESH)
    }

    /// Whether this nonce is answered for the first time.
    fn first(&self, nonce: &str) -> bool {
        let mut used = self.used.lock();
        if used.len() >= MOST_USED {
            used.retain(|_, since| since.elapsed() < FRESH);
        }
        used.len() < MOST_USED && used.insert(nonce.to_owned(), Instant::now()).is_none()
    }

    /// Judges the value of an `Authorization` header.
    pub(super) fn judge(&self, value: &str, method: Method, trunk: &Trunk, realm: &str) -> Verdict {
        let Some(password) = &trunk.password else { return Verdict::Wrong };
        let Some(answer) = Answer::read(value) else { return Verdict::Wrong };
        if answer.username != trunk.user || answer.realm != realm {
            return Verdict::Wrong;
        }
        if !self.fresh(answer.nonce) || answer.qop.is_some() && answer.count != 1 {
            return Verdict::Stale;
        }
        let qop = answer.qop.map(|cnonce| AuthQop::Auth { cnonce: cnonce.to_owned(), nc: 1 });
        let expected = compute_digest(
            answer.username,
            password.reveal(),
            realm,
            answer.nonce,
            &method,
            answer.uri,
            answer.algorithm,
            qop.as_ref(),
        );
        // The nonce can be answered once: how long the comparison takes tells nothing that could be used again.
        match (expected.eq_ignore_ascii_case(answer.response), self.first(answer.nonce)) {
            (false, _) => Verdict::Wrong,
            (true, false) => Verdict::Stale,
            (true, true) => Verdict::Known,
        }
    }
}

/// A parsed answer.
struct Answer<'a> {
    username: &'a str,
    realm: &'a str,
    nonce: &'a str,
    uri: &'a str,
    response: &'a str,
    algorithm: Algorithm,
    /// With `qop=auth`: the client's nonce.
    qop: Option<&'a str>,
    count: u32,
}

impl<'a> Answer<'a> {
    fn read(value: &'a str) -> Option<Self> {
        let value = value.trim();
        let scheme = value.get(..7)?;
        if !scheme.eq_ignore_ascii_case("digest ") {
            return None;
        }
        let parameters = parameters(&value[7..]);
        let get =
            |name: &str| parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| *v);
        let algorithm = match get("algorithm").unwrap_or("MD5") {
            name if name.eq_ignore_ascii_case("MD5") => Algorithm::Md5,
            name if name.eq_ignore_ascii_case("SHA-256") => Algorithm::Sha256,
            _ => return None,
        };
        let qop = match get("qop") {
            None => None,
            Some(name) if name.eq_ignore_ascii_case("auth") => Some(get("cnonce")?),
            Some(_) => return None,
        };
        Some(Self {
            username: get("username")?,
            realm: get("realm")?,
            nonce: get("nonce")?,
            uri: get("uri")?,
            response: get("response")?,
            algorithm,
            qop,
            count: get("nc").map_or(Some(1), |hex| u32::from_str_radix(hex, 16).ok())?,
        })
    }
}

/// `a=1, b="x, y"` as pairs. Quoted pairs (`\"`) are left as they are: no name of ours needs them.
fn parameters(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some((name, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let (value, next) = if let Some(quoted) = after.strip_prefix('"') {
            let Some(parts) = quoted.split_once('"') else { break };
            parts
        } else {
            let end = after.find(',').unwrap_or(after.len());
            (after[..end].trim_end(), &after[end..])
        };
        found.push((name.trim(), value));
        rest = next.trim_start().trim_start_matches(',').trim_start();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::settings::{Secret, Transport};

    fn trunk() -> Trunk {
        Trunk {
            name: String::from("pbx"),
            peers: Vec::new(),
            user: String::from("hotline"),
            password: Some(Secret::new("geheim")),
            host: None,
            register: None,
            transport: Transport::Udp,
        }
    }

    fn answer(nonce: &str, password: &str, algorithm: (&str, Algorithm), count: &str) -> String {
        let qop = AuthQop::Auth { cnonce: String::from("c"), nc: 1 };
        let uri = "sip:1@127.0.0.1;x=\"";
        let response = compute_digest(
            "hotline",
            password,
            "r",
            nonce,
            &Method::Invite,
            uri.trim_end_matches('"'),
            algorithm.1,
            Some(&qop),
        );
        format!(
            "Digest username=\"hotline\", realm=\"r\",nonce=\"{nonce}\", uri=\"{uri}, response=\"{response}\", \
             algorithm={}, qop=auth, nc={count}, cnonce=\"c\"",
            algorithm.0
        )
    }

    #[test]
    fn a_right_answer_counts_once() {
        let challenger = Challenger::new().expect("random numbers");
        let judge = |text: &str| challenger.judge(text, Method::Invite, &trunk(), "r");
        for algorithm in [("MD5", Algorithm::Md5), ("SHA-256", Algorithm::Sha256)] {
            let right = answer(&challenger.nonce(), "geheim", algorithm, "00000001");
            assert_eq!(judge(&right), Verdict::Known);
            assert_eq!(judge(&right), Verdict::Stale, "played back");
            assert_eq!(judge(&answer(&challenger.nonce(), "falsch", algorithm, "00000001")), Verdict::Wrong);
            assert_eq!(judge(&answer(&challenger.nonce(), "geheim", algorithm, "00000002")), Verdict::Stale);
        }
        let foreign = Challenger::new().expect("random numbers").nonce();
        assert_eq!(judge(&answer(&foreign, "geheim", ("MD5", Algorithm::Md5), "00000001")), Verdict::Stale);
        assert_eq!(judge("Digest"), Verdict::Wrong);
        assert_eq!(judge("Digest é"), Verdict::Wrong);
        assert_eq!(judge(""), Verdict::Wrong);
    }

    #[test]
    fn parameters_end_at_commas_outside_quotes() {
        assert_eq!(parameters(" a=1 , b=\"x, y\",c = z"), [("a", "1"), ("b", "x, y"), ("c", "z")]);
        assert_eq!(parameters("a=\"open"), []);
        assert_eq!(parameters("=,=,="), [("", ""), ("", ""), ("", "")]);
    }
}
