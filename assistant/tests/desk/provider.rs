//! A small real identity provider: it issues codes once, binds them to what they were asked for, checks PKCE and the
//! client's secret, and signs ID tokens with a key that it has just made. A [`Twist`] makes it lie.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use conversation::{Clock, ManualClock};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use parking_lot::Mutex;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub const CLIENT: &str = "drilen desk";
pub const SECRET: &str = "s:cret +%";

/// How the provider's next token is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Twist {
    None,
    Nonce,
    Audience,
    Issuer,
    Expired,
    AlgorithmNone,
    StrangersKey,
    NoToken,
}

/// What a code was asked for.
struct Grant {
    challenge: String,
    nonce: String,
    redirect: String,
}

struct Keys {
    pair: EcdsaKeyPair,
    id: String,
}

pub struct Provider {
    pub issuer: String,
    clock: Arc<ManualClock>,
    random: SystemRandom,
    keys: Mutex<Keys>,
    grants: Mutex<HashMap<String, Grant>>,
    /// What the next token says beside the usual.
    pub claims: Mutex<Value>,
    pub twist: Mutex<Twist>,
    /// Answers to token requests, for tests that want to know that there was none.
    pub exchanges: Mutex<Vec<StatusCode>>,
}

impl Provider {
    pub async fn start(clock: Arc<ManualClock>) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let random = SystemRandom::new();
        let provider = Arc::new(Self {
            issuer: format!("http://{}", listener.local_addr().unwrap()),
            clock,
            keys: Mutex::new(fresh_key(&random, "first")),
            random,
            grants: Mutex::default(),
            claims: Mutex::new(json!({ "sub": "17", "preferred_username": "dolma", "name": "སྒྲོལ་མ་ 卓玛" })),
            twist: Mutex::new(Twist::None),
            exchanges: Mutex::default(),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(describe))
            .route("/keys", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .with_state(Arc::clone(&provider));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        provider
    }

    /// From now on tokens are signed by another key under another id.
    pub fn change_key(&self) {
        *self.keys.lock() = fresh_key(&self.random, "second");
    }

    fn id_token(&self, grant: &Grant) -> String {
        let twist = *self.twist.lock();
        let now = self.clock.now().as_millis() / 1_000;
        let mut claims = json!({
            "iss": self.issuer, "aud": CLIENT, "nonce": grant.nonce, "iat": now, "exp": now + 300,
        });
        let wrong = match twist {
            Twist::Nonce => json!({ "nonce": "another" }),
            Twist::Audience => json!({ "aud": "another" }),
            Twist::Issuer => json!({ "iss": "https://another.example" }),
            Twist::Expired => json!({ "exp": now - 61, "iat": now - 400 }),
            _ => json!({}),
        };
        for more in [self.claims.lock().clone(), wrong] {
            claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        }
        let keys = self.keys.lock();
        let algorithm = if twist == Twist::AlgorithmNone { "none" } else { "ES256" };
        let piece = |value: Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let message = format!("{}.{}", piece(json!({ "alg": algorithm, "kid": keys.id })), piece(claims));
        if twist == Twist::AlgorithmNone {
            return format!("{message}.");
        }
        let stranger = fresh_key(&self.random, "first");
        let signer = if twist == Twist::StrangersKey { &stranger.pair } else { &keys.pair };
        let signature = signer.sign(&self.random, message.as_bytes()).unwrap();
        format!("{message}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
    }
}

fn fresh_key(random: &SystemRandom, id: &str) -> Keys {
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), random).unwrap();
    Keys { pair, id: id.to_owned() }
}

async fn describe(State(provider): State<Arc<Provider>>) -> Json<Value> {
    let issuer = &provider.issuer;
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "end_session_endpoint": format!("{issuer}/logout"),
        "id_token_signing_alg_values_supported": ["ES256"],
    }))
}

async fn keys(State(provider): State<Arc<Provider>>) -> Json<Value> {
    let keys = provider.keys.lock();
    let point = keys.pair.public_key().as_ref();
    let (x, y) = (BASE64URL_NOPAD.encode(&point[1..33]), BASE64URL_NOPAD.encode(&point[33..]));
    Json(json!({ "keys": [{ "kty": "EC", "crv": "P-256", "use": "sig", "kid": keys.id, "x": x, "y": y }] }))
}

async fn authorize(
    State(provider): State<Arc<Provider>>,
    Query(asked): Query<HashMap<String, String>>,
) -> Response {
    let asked_for = |name: &str| asked.get(name).cloned().unwrap_or_default();
    let good = asked_for("response_type") == "code"
        && asked_for("client_id") == CLIENT
        && asked_for("code_challenge_method") == "S256"
        && asked_for("scope").split(' ').any(|scope| scope == "openid");
    if !good {
        return (StatusCode::BAD_REQUEST, format!("{asked:?}")).into_response();
    }
    let mut bytes = [0; 16];
    provider.random.fill(&mut bytes).unwrap();
    let code = BASE64URL_NOPAD.encode(&bytes);
    let redirect = asked_for("redirect_uri");
    let back = format!("{redirect}?code={code}&state={}", asked_for("state"));
    let grant = Grant { challenge: asked_for("code_challenge"), nonce: asked_for("nonce"), redirect };
    provider.grants.lock().insert(code, grant);
    (StatusCode::FOUND, [(header::LOCATION, back)]).into_response()
}

async fn token(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let answer = exchange(&provider, &headers, &form);
    let status = answer.as_ref().map_or(StatusCode::BAD_REQUEST, |_| StatusCode::OK);
    provider.exchanges.lock().push(status);
    match answer {
        Ok(body) => Json(body).into_response(),
        Err(error) => (status, Json(json!({ "error": error }))).into_response(),
    }
}

fn exchange(
    provider: &Provider,
    headers: &HeaderMap,
    form: &HashMap<String, String>,
) -> Result<Value, &'static str> {
    let given = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    // RFC 6749, section 2.3.1: both are form-encoded first.
    let basic = format!("Basic {}", BASE64.encode(b"drilen%20desk:s%3Acret%20%2B%25"));
    if headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) != Some(&basic) {
        return Err("invalid_client");
    }
    // A code is good once, whatever comes of it.
    let grant = provider.grants.lock().remove(given("code")).ok_or("invalid_grant")?;
    let challenge = BASE64URL_NOPAD.encode(&Sha256::digest(given("code_verifier")));
    let good = given("grant_type") == "authorization_code"
        && given("redirect_uri") == grant.redirect
        && challenge == grant.challenge;
    if !good {
        return Err("invalid_grant");
    }
    if *provider.twist.lock() == Twist::NoToken {
        return Ok(json!({ "access_token": "x", "token_type": "Bearer" }));
    }
    Ok(json!({ "access_token": "x", "token_type": "Bearer", "id_token": provider.id_token(&grant) }))
}
