use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::json;

use super::*;

const NOW: i64 = 1_772_352_000;

struct Signer {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl Signer {
    fn new() -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
        Self { pair, random }
    }

    fn keys(&self) -> Keys {
        let point = self.pair.public_key().as_ref();
        let (x, y) = (BASE64URL_NOPAD.encode(&point[1..33]), BASE64URL_NOPAD.encode(&point[33..]));
        let key = json!({ "kty": "EC", "crv": "P-256", "use": "sig", "kid": "k1", "x": x, "y": y });
        serde_json::from_value(json!({ "keys": [key] })).unwrap()
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = unsigned(header, claims);
        let signature = self.pair.sign(&self.random, message.as_bytes()).unwrap();
        format!("{message}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
    }
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let piece = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    format!("{}.{}", piece(header), piece(claims))
}

fn header() -> Value {
    json!({ "alg": "ES256", "kid": "k1", "typ": "JWT" })
}

fn claims() -> Value {
    json!({
        "iss": "https://id.example", "sub": "17", "aud": "drilen", "exp": NOW + 300, "iat": NOW, "nonce": "n",
        "preferred_username": " dolma ", "groups": ["agents", "editors"], "realm_access": { "roles": ["auditor"] },
    })
}

fn expected() -> Expected<'static> {
    let now = Timestamp::from_millis(NOW * 1_000);
    Expected { issuer: "https://id.example", client: "drilen", nonce: "n", now }
}

/// The claims with some changed, or taken away by null.
fn with(changes: Value) -> Value {
    let mut claims = claims();
    let (Value::Object(all), Value::Object(changes)) = (&mut claims, changes) else { unreachable!() };
    for (name, value) in changes {
        if value.is_null() {
            all.remove(&name)
        } else {
            all.insert(name, value)
        };
    }
    claims
}

#[test]
fn a_token_of_the_providers_is_believed_and_its_claims_are_read() {
    let signer = Signer::new();
    let token = verify(&signer.sign(&header(), &claims()), &signer.keys(), expected()).unwrap();
    assert_eq!((token.subject.as_str(), token.text("preferred_username")), ("17", Some("dolma")));
    assert_eq!(token.texts("groups"), ["agents", "editors"]);
    assert_eq!(token.texts("realm_access.roles"), ["auditor"]);
    assert_eq!(token.texts("sub"), ["17"]);
    assert_eq!(token.texts("nothing.here"), [""; 0]);
    let without_id = verify(&signer.sign(&json!({ "alg": "ES256" }), &claims()), &signer.keys(), expected());
    assert!(without_id.is_ok(), "a provider with one key needs not name it");
    for good in [
        json!({ "aud": ["drilen"] }),
        json!({ "aud": ["other", "drilen"], "azp": "drilen" }),
        json!({ "exp": NOW - 59 }),
        json!({ "iat": NOW + 59, "nbf": NOW + 59 }),
        json!({ "exp": f64::from(i32::MAX) + 0.5 }),
    ] {
        let token = signer.sign(&header(), &with(good.clone()));
        assert!(verify(&token, &signer.keys(), expected()).is_ok(), "{good}");
    }
}

#[test]
fn a_token_that_says_something_else_is_not_believed() {
    let signer = Signer::new();
    let missing = Refused::Malformed("a claim is missing or wrong");
    for (wrong, refused) in [
        (json!({ "iss": "https://id.example/" }), Refused::Issuer),
        (json!({ "aud": "other" }), Refused::Audience),
        (json!({ "aud": [] }), Refused::Audience),
        (json!({ "aud": ["other", "drilen"] }), Refused::Audience),
        (json!({ "azp": "other" }), Refused::Audience),
        (json!({ "exp": NOW - 60 }), Refused::Expired),
        (json!({ "iat": NOW + 61 }), Refused::NotYet),
        (json!({ "nbf": NOW + 61 }), Refused::NotYet),
        (json!({ "nonce": "another" }), Refused::Nonce),
        (json!({ "nonce": null }), Refused::Nonce),
        (json!({ "sub": "" }), Refused::Malformed("sub is empty or too long")),
        (json!({ "sub": null }), missing.clone()),
        (json!({ "exp": null }), missing.clone()),
        (json!({ "iat": null }), missing.clone()),
        // What some libraries took for absent, and so for endless.
        (json!({ "exp": "never" }), missing.clone()),
        (json!({ "nbf": "0" }), missing.clone()),
        (json!({ "aud": { "drilen": true } }), missing),
    ] {
        let token = signer.sign(&header(), &with(wrong.clone()));
        assert_eq!(verify(&token, &signer.keys(), expected()), Err(refused), "{wrong}");
    }
}

#[test]
fn a_token_that_is_not_signed_by_the_provider_is_not_believed() {
    let (signer, stranger) = (Signer::new(), Signer::new());
    let keys = signer.keys();
    let check = |token: &str| verify(token, &keys, expected());
    assert_eq!(check(&stranger.sign(&header(), &claims())), Err(Refused::Signature));
    for algorithm in ["none", "None", "HS256", "ES384", "PS256", ""] {
        let header = json!({ "alg": algorithm, "kid": "k1" });
        for token in [signer.sign(&header, &claims()), format!("{}.", unsigned(&header, &claims()))] {
            assert_eq!(check(&token), Err(Refused::Algorithm(algorithm.to_owned())));
        }
    }
    let rsa = json!({ "alg": "RS256", "kid": "k1" });
    assert_eq!(check(&signer.sign(&rsa, &claims())), Err(Refused::UnknownKey), "the key is of another kind");
    let unknown = json!({ "alg": "ES256", "kid": "k2" });
    assert_eq!(check(&signer.sign(&unknown, &claims())), Err(Refused::UnknownKey));
    let extended = json!({ "alg": "ES256", "crit": ["exp"], "exp": 0 });
    assert!(matches!(check(&signer.sign(&extended, &claims())), Err(Refused::Malformed(_))));

    let good = signer.sign(&header(), &claims());
    let pieces: Vec<&str> = good.split('.').collect();
    let other = unsigned(&header(), &with(json!({ "sub": "18" })));
    assert_eq!(check(&format!("{other}.{}", pieces[2])), Err(Refused::Signature));
    assert_eq!(check(&format!("{}.{}.", pieces[0], pieces[1])), Err(Refused::Signature));
    for broken in ["", "..", "a.b", &format!("{good}.x"), &format!("{good}="), &"x".repeat(70_000)] {
        assert!(matches!(check(broken), Err(Refused::Malformed(_))), "{broken:.40}");
    }
}

/// RFC 7515, appendices A.2 and A.3: signatures that others made.
#[test]
fn signatures_of_the_rfcs_examples_are_right() {
    const CLAIMS: &str =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const RSA: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    const EC: &str = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let keys: Keys = serde_json::from_value(json!({ "keys": [
        { "kty": "RSA", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ" },
        { "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" },
    ]}))
    .unwrap();
    for (algorithm, signature) in [("RS256", RSA), ("ES256", EC)] {
        let header = BASE64URL_NOPAD.encode(format!("{{\"alg\":\"{algorithm}\"}}").as_bytes());
        let claims = signed_claims(&format!("{header}.{CLAIMS}.{signature}"), &keys).unwrap();
        assert_eq!(claims["iss"], "joe");
        let other = CLAIMS.replacen("eyJpc3MiOiJqb2Ui", "eyJpc3MiOiJqb2Uy", 1);
        assert_eq!(signed_claims(&format!("{header}.{other}.{signature}"), &keys), Err(Refused::Signature));
    }
}
