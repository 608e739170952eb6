//! The provider: its addresses and keys, and the exchange of a code.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use conversation::Timestamp;
use reqwest::{Certificate, Client, RequestBuilder, Url, redirect};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::sync::Mutex;

use super::{
    Attempt, Keys,
    id_token::{self, Expected, IdToken, Refused},
};

/// How long the provider may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 512 * 1024;
/// What the provider says about itself is asked again after so long.
const FRESH_FOR: Duration = Duration::from_hours(1);
/// For a token whose key is not known, keys are asked again at most this often, so that bad tokens do not become requests.
const KEYS_AT_MOST_EVERY: Duration = Duration::from_secs(30);

/// How we are known at the provider.
#[derive(Clone)]
pub struct Settings {
    /// The issuer, exactly as its tokens name it.
    pub issuer: String,
    /// Our client id there.
    pub client: String,
    /// Our secret, where we have one; without it PKCE alone binds the code to us.
    pub secret: Option<String>,
    /// Where the provider sends people back to: the whole address of `/v1/desk/oidc/callback`.
    pub redirect: String,
    /// What is asked for; `openid` is always.
    pub scopes: Vec<String>,
}

/// Leaves the secret out.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("issuer", &self.issuer)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

/// Why the provider is of no use right now, or ever.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The client that speaks to it cannot be made.
    #[error("requests to the identity provider cannot be made: {0}")]
    Client(#[source] reqwest::Error),
    /// The file with its certificate authority cannot be read.
    #[error("the certificates in {path} cannot be read: {reason}")]
    Authority {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        reason: String,
    },
    /// It does not answer, or not with 200.
    #[error("the identity provider does not answer at {url}: {reason}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// What happened.
        reason: String,
    },
    /// It says something about itself that cannot be used.
    #[error("the identity provider's description cannot be used: {0}")]
    Description(&'static str),
    /// It did not take the code: used before, expired, or somebody else's.
    #[error("the identity provider refused the code: {0}")]
    Code(String),
    /// Its ID token is not believed.
    #[error(transparent)]
    Token(#[from] Refused),
}

/// What a provider says about itself (`OpenID` Connect Discovery 1.0, section 3).
#[derive(Clone, Debug, Deserialize)]
struct Description {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    end_session_endpoint: Option<String>,
    /// Without it a provider takes `client_secret_basic`.
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// Providers that sign with something else cannot be used, and it is better to know at once.
    id_token_signing_alg_values_supported: Option<Vec<String>>,
}

#[derive(Debug)]
struct Known {
    description: Arc<Description>,
    keys: Arc<Keys>,
    asked_at: Timestamp,
}

/// An identity provider. What it says about itself is asked for when it is first needed, so that a server starts without it.
#[derive(Debug)]
pub struct Provider {
    settings: Settings,
    client: Client,
    /// Held while asking, so that a crowd asks once.
    known: Mutex<Option<Known>>,
}

impl Provider {
    /// A provider; `authority` is a PEM file with certificates that are trusted beside the public ones.
    ///
    /// # Errors
    /// [`OidcError::Authority`], [`OidcError::Client`].
    pub fn new(settings: Settings, authority: Option<&Path>) -> Result<Self, OidcError> {
        // A second call finds the provider of cryptography there, which is all that is wanted.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut client = Client::builder()
            .timeout(PATIENCE)
            // A redirected exchange would carry the code and our secret to somewhere else.
            .redirect(redirect::Policy::none())
            .user_agent(concat!("drilen/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = authority {
            let wrong = |reason: String| OidcError::Authority { path: path.to_owned(), reason };
            let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
            for certificate in Certificate::from_pem_bundle(&pem).map_err(|error| wrong(error.to_string()))? {
                client = client.add_root_certificate(certificate);
            }
        }
        let client = client.build().map_err(OidcError::Client)?;
        Ok(Self { settings, client, known: Mutex::new(None) })
    }

    /// The issuer.
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// Where to send the browser.
    ///
    /// # Errors
    /// [`OidcError::Unreachable`], [`OidcError::Description`].
    pub async fn authorization(&self, attempt: &Attempt, now: Timestamp) -> Result<String, OidcError> {
        let description = self.description(now).await?;
        let mut url = address(&description.authorization_endpoint)?;
        let scopes = std::iter::once("openid")
            .chain(self.settings.scopes.iter().map(String::as_str).filter(|scope| *scope != "openid"));
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client)
            .append_pair("redirect_uri", &self.settings.redirect)
            .append_pair("scope", &scopes.collect::<Vec<_>>().join(" "))
            .append_pair("state", &attempt.state())
            .append_pair("nonce", &attempt.nonce())
            .append_pair("code_challenge", &attempt.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(url.into())
    }

    /// Exchanges the code that the browser brought back, and checks the ID token that it buys.
    ///
    /// # Errors
    /// [`OidcError`].
    pub async fn exchange(
        &self,
        code: &str,
        attempt: &Attempt,
        now: Timestamp,
    ) -> Result<IdToken, OidcError> {
        #[derive(Deserialize)]
        struct Bought {
            id_token: String,
        }
        let description = self.description(now).await?;
        let verifier = attempt.verifier();
        let mut form = BTreeMap::from([
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.settings.redirect),
            ("client_id", &self.settings.client),
            ("code_verifier", &verifier),
        ]);
        let mut request = self.client.post(address(&description.token_endpoint)?);
        if let Some(secret) = &self.settings.secret {
            let methods = description.token_endpoint_auth_methods_supported.as_deref();
            if methods.is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic")) {
                request = request.basic_auth(escaped(&self.settings.client), Some(escaped(secret)));
            } else {
                form.insert("client_secret", secret);
            }
        }
        let bought: Bought = answer(request.form(&form)).await.map_err(|error| match error {
            OidcError::Unreachable { reason, .. } => OidcError::Code(reason),
            error => error,
        })?;
        self.believe(&bought.id_token, attempt, now).await
    }

    async fn believe(&self, token: &str, attempt: &Attempt, now: Timestamp) -> Result<IdToken, OidcError> {
        let nonce = attempt.nonce();
        let Settings { issuer, client, .. } = &self.settings;
        let expected = Expected { issuer, client, nonce: &nonce, now };
        let keys = self.keys(FRESH_FOR, now).await?;
        match id_token::verify(token, &keys, expected) {
            // Providers change their keys.
            Err(Refused::UnknownKey) => {
                let keys = self.keys(KEYS_AT_MOST_EVERY, now).await?;
                Ok(id_token::verify(token, &keys, expected)?)
            }
            verified => Ok(verified?),
        }
    }

    /// Where to log out at the provider too (`OpenID` Connect RP-Initiated Logout 1.0), where it can be done; `back` is where
    /// the provider sends people then.
    pub async fn logout(&self, back: &str, now: Timestamp) -> Option<String> {
        let description = self.description(now).await.ok()?;
        let mut url = address(description.end_session_endpoint.as_deref()?).ok()?;
        url.query_pairs_mut()
            .append_pair("client_id", &self.settings.client)
            .append_pair("post_logout_redirect_uri", back);
        Some(url.into())
    }

    async fn description(&self, now: Timestamp) -> Result<Arc<Description>, OidcError> {
        Ok(self.known(FRESH_FOR, now).await?.0)
    }

    /// The provider's keys, asked for within `age`.
    async fn keys(&self, age: Duration, now: Timestamp) -> Result<Arc<Keys>, OidcError> {
        Ok(self.known(age, now).await?.1)
    }

    async fn known(&self, age: Duration, now: Timestamp) -> Result<(Arc<Description>, Arc<Keys>), OidcError> {
        let mut known = self.known.lock().await;
        if let Some(known) = known.as_ref().filter(|known| now.since(known.asked_at) < age) {
            return Ok((Arc::clone(&known.description), Arc::clone(&known.keys)));
        }
        let url = format!("{}/.well-known/openid-configuration", self.settings.issuer.trim_end_matches('/'));
        let description: Description = answer(self.client.get(address(&url)?)).await?;
        if description.issuer != self.settings.issuer {
            return Err(OidcError::Description("it has another issuer than people.oidc.issuer"));
        }
        let algorithms = description.id_token_signing_alg_values_supported.as_deref();
        if algorithms.is_some_and(|known| !known.iter().any(|alg| alg == "RS256" || alg == "ES256")) {
            return Err(OidcError::Description("it signs ID tokens neither by RS256 nor by ES256"));
        }
        let keys: Keys = answer(self.client.get(address(&description.jwks_uri)?)).await?;
        let (description, keys) = (Arc::new(description), Arc::new(keys));
        let told = (Arc::clone(&description), Arc::clone(&keys));
        *known = Some(Known { description, keys, asked_at: now });
        Ok(told)
    }
}

/// An address of the provider's: TLS, except on this machine.
fn address(url: &str) -> Result<Url, OidcError> {
    let url: Url = url.parse().map_err(|_| OidcError::Description("an address is none"))?;
    if url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url)) {
        Ok(url)
    } else {
        Err(OidcError::Description("an address is without TLS"))
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        None => false,
    }
}

/// Client id and secret are form-encoded before they become Basic credentials (RFC 6749, section 2.3.1).
fn escaped(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|b| if keep(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// The JSON that answers a request.
async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, OidcError> {
    let request = request.header("accept", "application/json");
    let (client, request) = request.build_split();
    let request = request.map_err(OidcError::Client)?;
    let url = request.url().to_string();
    let failed = |reason: String| OidcError::Unreachable { url: url.clone(), reason };
    let mut response = client.execute(request).await.map_err(|error| failed(error.to_string()))?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(error.to_string()))? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(failed("the answer is too long".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    if !status.is_success() {
        #[derive(Deserialize)]
        struct Problem {
            error: String,
        }
        let problem = serde_json::from_slice::<Problem>(&body).map(|problem| format!(" {}", problem.error));
        return Err(failed(format!("{status}{}", problem.unwrap_or_default())));
    }
    serde_json::from_slice(&body).map_err(|error| failed(format!("the answer makes no sense: {error}")))
}
