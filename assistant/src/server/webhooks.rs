//! Delivers to other systems what they want to hear of (<https://www.standardwebhooks.com>), until they have it.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use conversation::webhook::{Attempted, Delivery, Hook};
use conversation::{Clock, Store, StoreError, Timestamp};
use futures::StreamExt as _;
use reqwest::redirect;
use ring::hmac;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::config::Webhook;

/// How often what is due is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A receiver that has not answered by then has not taken it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longer than any attempt: a server that dies in the middle leaves its deliveries to others then.
const LEASE: Duration = Duration::from_secs(20);
/// Deliveries taken, and under way, at once.
const AT_ONCE: u32 = 8;
/// Pauses after the first, second, … failure; about three days in all (the schedule that Standard Webhooks proposes).
const PAUSES: [u64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// A receiver's secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The file cannot be read.
    #[error("webhooks.{name}: secret_file {path} cannot be read: {source}")]
    Unreadable {
        /// Which receiver.
        name: String,
        /// Its file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what the receiver's library expects.
    #[error(
        "webhooks.{0}: the secret must be `whsec_` and at least 24 bytes in base64; `assistant webhooks secret` makes one"
    )]
    Secret(String),
}

/// A receiver with its secret.
pub(crate) struct Receiver {
    url: String,
    key: hmac::Key,
}

/// Reads the secrets of all receivers.
///
/// # Errors
/// [`WebhookError`], which names the receiver.
pub(crate) fn receivers(configured: &[Webhook]) -> Result<HashMap<String, Receiver>, WebhookError> {
    configured
        .iter()
        .map(|hook| {
            let text = fs::read_to_string(&hook.secret_file).map(Zeroizing::new).map_err(|source| {
                let path = hook.secret_file.display().to_string();
                WebhookError::Unreadable { name: hook.name.clone(), path, source }
            })?;
            let key = key(text.trim()).ok_or_else(|| WebhookError::Secret(hook.name.clone()))?;
            Ok((hook.name.clone(), Receiver { url: hook.url.clone(), key }))
        })
        .collect()
}

fn key(secret: &str) -> Option<hmac::Key> {
    let bytes = Zeroizing::new(STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret)).ok()?);
    (bytes.len() >= 24).then(|| hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

/// A fresh secret, as receivers' libraries want it.
pub(crate) fn fresh_secret() -> Result<String, getrandom::Error> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bytes)?;
    Ok(format!("whsec_{}", STANDARD.encode(*bytes)))
}

/// What the store has to know of the receivers.
pub(crate) fn hooks(configured: &[Webhook]) -> Vec<Hook> {
    configured.iter().map(|hook| Hook { name: hook.name.clone(), kinds: hook.events.clone() }).collect()
}

/// `v1,` and the signature of a delivery (Standard Webhooks, section "Signature scheme").
fn signature(key: &hmac::Key, id: &str, seconds: i64, body: &str) -> String {
    let tag = hmac::sign(key, format!("{id}.{seconds}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(tag))
}

/// Delivers until the server drains. What is not delivered then is delivered by the next one.
pub(super) async fn run(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    receivers: HashMap<String, Receiver>,
    draining: CancellationToken,
) {
    if receivers.is_empty() {
        return;
    }
    // reqwest is built without a choice of cryptography; an error means that it was chosen already.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .redirect(redirect::Policy::none())
        .user_agent(concat!("drilen/", env!("CARGO_PKG_VERSION")))
        .build();
    let client = match client {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(%error, "webhooks cannot be delivered");
            return;
        }
    };
    let postman = Postman { store, clock, receivers, client };
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = draining.cancelled() => return,
            _ = looks.tick() => {}
        }
        // A full load may have more behind it.
        while postman.round().await == AT_ONCE as usize && !draining.is_cancelled() {}
    }
}

struct Postman {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    receivers: HashMap<String, Receiver>,
    client: reqwest::Client,
}

impl Postman {
    /// Delivers what is due; tells how many that were.
    async fn round(&self) -> usize {
        let due = match self.store.take_deliveries(LEASE, AT_ONCE).await {
            Ok(due) => due,
            Err(StoreError::Busy) => return 0,
            Err(error) => {
                tracing::warn!(%error, "webhooks could not be looked for");
                return 0;
            }
        };
        let count = due.len();
        futures::stream::iter(due).for_each_concurrent(None, |delivery| self.deliver(delivery)).await;
        count
    }

    async fn deliver(&self, delivery: Delivery) {
        let attempted = match self.post(&delivery).await {
            Ok(()) => Attempted::Delivered,
            Err(error) => {
                let next_at = next_at(self.clock.now(), delivery.attempts);
                let (hook, kind, attempts) = (&delivery.hook, &delivery.kind, delivery.attempts + 1);
                if next_at.is_some() {
                    tracing::warn!(hook, kind, attempts, error, "a webhook was not taken");
                } else {
                    tracing::error!(hook, kind, attempts, error, "a webhook was given up");
                }
                Attempted::Failed { error, next_at }
            }
        };
        let outcome = if matches!(attempted, Attempted::Delivered) { "delivered" } else { "failed" };
        metrics::counter!("webhook_attempts_total", "outcome" => outcome).increment(1);
        // What cannot be noted is delivered again after the lease, under the same id.
        if let Err(error) = self.store.delivery_attempted(&delivery.id, attempted).await {
            tracing::warn!(%error, "what became of a webhook could not be noted");
        }
    }

    async fn post(&self, delivery: &Delivery) -> Result<(), String> {
        let receiver = self.receivers.get(&delivery.hook).ok_or("it is configured no more")?;
        let seconds = self.clock.now().as_millis() / 1_000;
        let reply = self
            .client
            .post(&receiver.url)
            .header("content-type", "application/json")
            .header("webhook-id", &delivery.id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signature(&receiver.key, &delivery.id, seconds, &delivery.body))
            .body(delivery.body.clone())
            .send()
            .await
            .map_err(|error| error.without_url().to_string())?;
        if reply.status().is_success() { Ok(()) } else { Err(format!("it answered {}", reply.status())) }
    }
}

/// When to try again after `failures` earlier failures and this one; `None` when it is given up.
fn next_at(now: Timestamp, failures: u32) -> Option<Timestamp> {
    PAUSES.get(failures as usize).map(|seconds| now.plus(Duration::from_secs(*seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of the reference libraries
    /// (<https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/python/tests/test_webhooks.py>).
    #[test]
    fn a_signature_is_what_the_reference_libraries_make() {
        let key = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed =
            signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn it_is_tried_for_three_days_and_then_given_up() {
        let now = Timestamp::from_millis(0);
        let all: Vec<_> = (0..12).map_while(|failures| next_at(now, failures)).collect();
        assert_eq!(all.len(), PAUSES.len());
        assert!((2 * 86_400..4 * 86_400).contains(&PAUSES.iter().sum::<u64>()));
    }

    #[test]
    fn short_secrets_are_refused() {
        assert!(key("whsec_c2hvcnQ=").is_none() && key("no base64!").is_none());
        assert!(key(&fresh_secret().unwrap()).is_some());
    }
}
