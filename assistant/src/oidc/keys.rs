//! A provider's public keys (RFC 7517), as far as RS256 and ES256 need them.

use data_encoding::BASE64URL_NOPAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;

/// A key set as providers publish it.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Keys {
    keys: Vec<serde_json::Value>,
}

impl Keys {
    /// The keys that may have made a signature by `algorithm`: those with the id, where the signature names one.
    /// Keys that are of another kind, for another use, or make no sense are passed over (RFC 7517, section 5).
    pub fn candidates<'a>(
        &'a self,
        algorithm: &'a str,
        id: Option<&'a str>,
    ) -> impl Iterator<Item = Key> + 'a {
        let keys = self.keys.iter().filter_map(|key| Published::deserialize(key).ok());
        let fits = move |key: &Published| {
            id.is_none_or(|id| key.kid.as_deref() == Some(id))
                && key.usage.as_deref().is_none_or(|usage| usage == "sig")
                && key.alg.as_deref().is_none_or(|alg| alg == algorithm)
        };
        keys.filter(fits).filter_map(move |key| key.read(algorithm))
    }
}

#[derive(Deserialize)]
struct Published {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Published {
    fn read(self, algorithm: &str) -> Option<Key> {
        let bytes = |text: Option<String>| BASE64URL_NOPAD.decode(text?.as_bytes()).ok();
        match (algorithm, self.kty.as_str(), self.crv.as_deref()) {
            ("RS256", "RSA", _) => Some(Key::Rsa { n: bytes(self.n)?, e: bytes(self.e)? }),
            ("ES256", "EC", Some("P-256")) => {
                let (x, y) = (bytes(self.x)?, bytes(self.y)?);
                // An uncompressed point (SEC 1, section 2.3.3).
                (x.len() == 32 && y.len() == 32).then(|| Key::P256 { point: [&[4], &x[..], &y[..]].concat() })
            }
            _ => None,
        }
    }
}

/// A key that can check signatures of one algorithm. That the algorithm is the key's and never the token's own choice is
/// what keeps `alg` tricks out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// RS256: RSASSA-PKCS1-v1_5 with SHA-256, 2,048 bits or more (RFC 7518, section 3.3).
    Rsa {
        /// The modulus, big-endian.
        n: Vec<u8>,
        /// The exponent, big-endian.
        e: Vec<u8>,
    },
    /// ES256: ECDSA over P-256 with SHA-256 (RFC 7518, section 3.4).
    P256 {
        /// The point, uncompressed.
        point: Vec<u8>,
    },
}

impl Key {
    /// Whether the signature is this key's over the message.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Rsa { n, e } => {
                let key = RsaPublicKeyComponents { n, e };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
            Self::P256 { point } => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_keys_that_fit_are_tried() {
        let point = "A".repeat(43);
        let keys: Keys = serde_json::from_value(json!({ "keys": [
            { "kty": "EC", "crv": "P-256", "kid": "a", "x": point, "y": point },
            { "kty": "EC", "crv": "P-256", "kid": "b", "x": point, "y": point, "use": "enc" },
            { "kty": "EC", "crv": "P-256", "kid": "c", "x": point, "y": point, "alg": "ES384" },
            { "kty": "EC", "crv": "P-384", "kid": "d", "x": point, "y": point },
            { "kty": "EC", "crv": "P-256", "kid": "e", "x": "AA", "y": point },
            { "kty": "oct", "kid": "f", "k": "c2VjcmV0" },
            { "kty": "RSA", "kid": "g", "n": "AQAB", "e": "AQAB" },
            { "kty": "RSA", "kid": "h", "n": "AQAB" },
            "no key at all",
        ]}))
        .unwrap();
        assert_eq!(keys.candidates("ES256", None).count(), 1);
        assert_eq!(keys.candidates("ES256", Some("a")).count(), 1);
        assert_eq!(keys.candidates("ES256", Some("z")).count(), 0);
        assert_eq!(keys.candidates("RS256", None).count(), 1);
        for algorithm in ["none", "HS256", "RS512", ""] {
            assert_eq!(keys.candidates(algorithm, None).count(), 0, "{algorithm}");
        }
        assert!(
            !keys.candidates("RS256", None).next().unwrap().verifies(b"m", b"s"),
            "24 bits are no RSA key"
        );
    }
}
