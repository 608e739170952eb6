//! Time-based one-time passwords (RFC 6238): six digits, thirty seconds, HMAC-SHA-1, which is what every authenticator
//! app makes.

use std::fmt::Write as _;

use conversation::Timestamp;
use data_encoding::BASE32_NOPAD;
use ring::hmac;

/// Length of a step in seconds (RFC 6238, section 4.1, default).
const STEP_SECONDS: u64 = 30;
/// Digits of a code (RFC 4226, section 5.3: at least six).
const DIGITS: u32 = 6;
/// Steps before and after the present one whose codes are good too: clocks differ, and people type slowly (RFC 6238,
/// section 5.2, recommends at most one).
const TOLERANCE: u64 = 1;
/// Bytes of a secret (RFC 4226, section 4, recommends 160 bits).
pub const SECRET_BYTES: usize = 20;

/// A shared secret.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// The secret of these random bytes; they must come from a cryptographic source.
    pub fn from_random(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(bytes.to_vec())
    }

    /// The secret that was kept.
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes, to be sealed and kept.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As people type it into an app: Base32, upper case, without padding.
    pub fn base32(&self) -> String {
        BASE32_NOPAD.encode(&self.0)
    }

    /// What an app reads from a QR code (the Key URI format of Google Authenticator). `issuer` and `account` name the entry
    /// in the app's list.
    pub fn uri(&self, issuer: &str, account: &str) -> String {
        let (issuer, account) = (percent(issuer), percent(account));
        format!(
            "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}",
            self.base32()
        )
    }

    /// The step whose code this is, among those around `now` that are later than `last_step`; `None` for a wrong code, and
    /// for one that was used before. Takes as long for a wrong code as for the right one.
    pub fn step_of(&self, code: &str, now: Timestamp, last_step: u64) -> Option<u64> {
        let present = u64::try_from(now.as_millis()).unwrap_or(0) / 1_000 / STEP_SECONDS;
        let mut found = None;
        for step in present.saturating_sub(TOLERANCE)..=present + TOLERANCE {
            let right = self.code_at(step);
            let differs = code.len() != right.len()
                || code.bytes().zip(right.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b)) != 0;
            if !differs && step > last_step {
                found = Some(step);
            }
        }
        found
    }

    /// The code of a step: dynamic truncation of HMAC-SHA-1 (RFC 4226, section 5.3).
    fn code_at(&self, step: u64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        let offset = usize::from(tag[tag.len() - 1] & 0x0f);
        let number =
            tag[offset..offset + 4].iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        format!("{:0width$}", (number & 0x7fff_ffff) % 10_u32.pow(DIGITS), width = DIGITS as usize)
    }
}

fn percent(text: &str) -> String {
    let unreserved = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if unreserved(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, SHA-1: seconds since the epoch and eight digits, of which six digits are the last six.
    const VECTORS: [(i64, &str); 6] = [
        (59, "94287082"),
        (1_111_111_109, "07081804"),
        (1_111_111_111, "14050471"),
        (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"),
        (20_000_000_000, "65353130"),
    ];

    fn secret() -> Secret {
        Secret::from_bytes(b"12345678901234567890".to_vec())
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        for (seconds, digits) in VECTORS {
            let step = seconds.cast_unsigned() / STEP_SECONDS;
            assert_eq!(secret().step_of(&digits[2..], at(seconds), 0), Some(step), "at {seconds}");
        }
    }

    #[test]
    fn a_code_is_good_for_a_step_before_and_after_and_never_twice() {
        let (now, step) = (at(1_111_111_111), 1_111_111_111 / STEP_SECONDS);
        let code = secret().code_at(step);
        for (seconds, good) in [(-60, false), (-30, true), (0, true), (30, true), (60, false)] {
            let then = at(1_111_111_111 + seconds);
            assert_eq!(secret().step_of(&code, then, 0).is_some(), good, "{seconds} s away");
        }
        assert_eq!(secret().step_of(&code, now, step), None, "spent");
        assert_eq!(secret().step_of(&code, now, step - 1), Some(step));
        for wrong in ["", "05047", "0504711", "050472", "abcdef", "০৫০৪৭১"] {
            assert_eq!(secret().step_of(wrong, now, 0), None, "{wrong}");
        }
    }

    #[test]
    fn the_uri_names_the_service_and_the_account_in_any_script() {
        let uri = secret().uri("དྲི་ལན།", "卓玛 a:b");
        assert!(uri.starts_with("otpauth://totp/%E0%BD%91"), "{uri}");
        assert!(
            uri.contains(":%E5%8D%93%E7%8E%9B%20a%3Ab?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&"),
            "{uri}"
        );
        assert!(uri.ends_with("&algorithm=SHA1&digits=6&period=30"), "{uri}");
    }
}
