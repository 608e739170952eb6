//! What is refused before it costs anything: requests of strangers, floods, wrong passwords, whatever we do not do.
//!
//! The stack hands every message to the gate before it makes a transaction of it. A refusal is answered without keeping anything: the peer's
//! repetitions are refused again, and the ACK of a refusal belongs to no transaction and is dropped.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use parking_lot::Mutex;
use rsipstack::dialog::DialogId;
use rsipstack::dialog::dialog_layer::DialogLayer;
use rsipstack::sip::{
    HasHeaders, Header, HeadersExt, Method, Request, Response, SipMessage, StatusCode, Transport,
};
use rsipstack::transaction::endpoint::TransportEventInspector;
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transaction::make_tag;
use rsipstack::transport::{SipAddr, SipConnection, TransportEvent};
use tokio::sync::Semaphore;

use super::digest::{Challenger, Verdict};
use super::settings::{Settings, Trunk};
use super::socket::harmless;

/// Methods that we understand.
pub(super) const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, NOTIFY";
/// Refusals under way at one time. When full, a refusal is not sent: a flood gets silence, and no slow stream holds up the others.
const REFUSALS: usize = 64;
/// Addresses whose calls are counted. When full, those that have not called for a second are forgotten; if none can be, new addresses are
/// refused.
const ADDRESSES: usize = 4_096;
/// A log line about strangers at most this often.
const REPORT: Duration = Duration::from_secs(10);

/// What decides. The stack and the layer of dialogs are set once both exist.
pub(super) struct Gate {
    pub(super) settings: Settings,
    pub(super) challenger: Challenger,
    pub(super) draining: AtomicBool,
    pub(super) layer: OnceLock<Weak<DialogLayer>>,
    counts: Mutex<HashMap<IpAddr, Bucket>>,
    refusals: Arc<Semaphore>,
    reported: Mutex<Reported>,
}

/// Refusals of strangers since the last log line.
#[derive(Default)]
struct Reported {
    at: Option<Instant>,
    since: u64,
}

/// A bucket of tokens: as many calls at once as are allowed in a second, filled again within a second.
#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

/// What happens to a request.
#[derive(Debug, PartialEq)]
pub(super) enum Judgement {
    /// It goes on.
    Pass,
    /// It is dropped without an answer.
    Drop,
    /// It is answered by this, and nothing is kept.
    Refuse(StatusCode, Vec<Header>),
}

impl Gate {
    pub(super) fn new(settings: Settings) -> std::io::Result<Self> {
        Ok(Self {
            challenger: Challenger::new()?,
            draining: AtomicBool::new(false),
            layer: OnceLock::new(),
            counts: Mutex::new(HashMap::new()),
            refusals: Arc::new(Semaphore::new(REFUSALS)),
            reported: Mutex::new(Reported::default()),
            settings,
        })
    }

    /// The trunk that a request from there belongs to.
    pub(super) fn trunk(&self, request: &Request, ip: IpAddr, arrived: Transport) -> Option<&Trunk> {
        let ip = ip.to_canonical();
        let admitted = || self.settings.trunks.iter().filter(|trunk| trunk.transport.admits(arrived));
        admitted().find(|trunk| trunk.peers.iter().any(|net| net.contains(&ip))).or_else(|| {
            // A trunk without addresses is known by the user that the answer to a challenge names; before there is one, by being there.
            let user = authorization(request).and_then(|value| username(&value));
            let mut open = admitted().filter(|trunk| trunk.peers.is_empty());
            match user {
                Some(user) => open.find(|trunk| trunk.user == user),
                None => open.next(),
            }
        })
    }

    /// Judges a request.
    pub(super) fn judge(&self, request: &Request, ip: IpAddr, arrived: Transport) -> Judgement {
        if request.method == Method::Ack {
            return Judgement::Pass;
        }
        if !well_formed(request) {
            return Judgement::Refuse(StatusCode::BadRequest, Vec::new());
        }
        if self.known(request) {
            return Judgement::Pass;
        }
        let Some(trunk) = self.trunk(request, ip, arrived) else {
            self.stranger(ip);
            return Judgement::Refuse(StatusCode::Forbidden, Vec::new());
        };
        let inside = request.to_header().is_ok_and(|to| matches!(to.tag(), Ok(Some(_))));
        match request.method {
            // The dialog is over, or never was.
            _ if inside => Judgement::Refuse(StatusCode::CallTransactionDoesNotExist, Vec::new()),
            Method::Cancel => Judgement::Pass,
            Method::Options if self.draining.load(Ordering::Relaxed) => self.busy(),
            Method::Options => Judgement::Refuse(StatusCode::OK, capabilities()),
            Method::Invite => self.judge_call(request, trunk, ip),
            _ => Judgement::Refuse(StatusCode::MethodNotAllowed, vec![Header::Allow(ALLOW.into())]),
        }
    }

    /// Whether a request belongs to something that is going on: it repeats a request, cancels one, or is sent inside a dialog.
    fn known(&self, request: &Request) -> bool {
        let Some(layer) = self.layer.get().and_then(Weak::upgrade) else { return false };
        let repeated = TransactionKey::from_request(request, TransactionRole::Server).is_ok_and(|key| {
            layer.endpoint.transactions.get(&key).is_some()
                || layer.endpoint.finished_transactions.get(&key).is_some()
        });
        repeated
            || DialogId::try_from((request, TransactionRole::Server))
                .is_ok_and(|id| !id.local_tag.is_empty() && layer.get_dialog(&id).is_some())
    }

    fn judge_call(&self, request: &Request, trunk: &Trunk, ip: IpAddr) -> Judgement {
        if self.draining.load(Ordering::Relaxed) || !self.count(ip) {
            return self.busy();
        }
        if trunk.password.is_none() {
            return Judgement::Pass;
        }
        let Some(answer) = authorization(request) else { return self.challenge(false) };
        match self.challenger.judge(&answer, request.method, trunk, &self.settings.realm) {
            Verdict::Known => Judgement::Pass,
            Verdict::Stale => self.challenge(true),
            Verdict::Wrong => {
                metrics::counter!("telephone_sip_refused_total", "why" => "digest").increment(1);
                tracing::warn!(trunk = trunk.name, peer = %ip, "a call with a wrong password was refused");
                Judgement::Refuse(StatusCode::Forbidden, Vec::new())
            }
        }
    }

    fn challenge(&self, stale: bool) -> Judgement {
        let stale = if stale { ", stale=true" } else { "" };
        let (realm, nonce) = (&self.settings.realm, self.challenger.nonce());
        let value =
            format!("Digest realm=\"{realm}\", nonce=\"{nonce}\", algorithm=MD5, qop=\"auth\"{stale}");
        Judgement::Refuse(StatusCode::Unauthorized, vec![Header::WwwAuthenticate(value.into())])
    }

    /// 503 with `Retry-After`.
    pub(super) fn busy(&self) -> Judgement {
        metrics::counter!("telephone_sip_refused_total", "why" => "busy").increment(1);
        let after = self.settings.retry_after.to_string();
        Judgement::Refuse(StatusCode::ServiceUnavailable, vec![Header::RetryAfter(after.into())])
    }

    /// Counts a call of this address; `false` where it is one too many.
    fn count(&self, ip: IpAddr) -> bool {
        let most = f64::from(self.settings.calls_per_second);
        let now = Instant::now();
        let mut counts = self.counts.lock();
        if counts.len() >= ADDRESSES && !counts.contains_key(&ip) {
            counts.retain(|_, bucket| now - bucket.at < Duration::from_secs(1));
            if counts.len() >= ADDRESSES {
                return false;
            }
        }
        let bucket = counts.entry(ip).or_insert(Bucket { tokens: most, at: now });
        bucket.tokens = (bucket.tokens + (now - bucket.at).as_secs_f64() * most).min(most);
        bucket.at = now;
        let enough = bucket.tokens >= 1.0;
        if enough {
            bucket.tokens -= 1.0;
        }
        enough
    }

    /// Strangers are told in the log now and then, by address, never by number.
    fn stranger(&self, ip: IpAddr) {
        metrics::counter!("telephone_sip_refused_total", "why" => "stranger").increment(1);
        let mut reported = self.reported.lock();
        reported.since += 1;
        if reported.at.is_none_or(|at| at.elapsed() > REPORT) {
            tracing::warn!(peer = %ip, requests = reported.since, "refused SIP from an address of no trunk");
            *reported = Reported { at: Some(Instant::now()), since: 0 };
        }
    }

    /// Sends a refusal without waiting for it.
    fn refuse(&self, request: &Request, connection: SipConnection, status: StatusCode, headers: Vec<Header>) {
        let Ok(permit) = self.refusals.clone().try_acquire_owned() else { return };
        let Some(layer) = self.layer.get().and_then(Weak::upgrade) else { return };
        let mut response = layer.endpoint.make_response(request, status, None);
        tag(&mut response);
        response.headers.extend(headers);
        tokio::spawn(async move {
            if let Err(error) = connection.send(response.into(), None).await {
                tracing::debug!(%error, "a refusal could not be sent");
            }
            drop(permit);
        });
    }
}

#[async_trait]
impl TransportEventInspector for Gate {
    async fn handle(&self, event: TransportEvent) -> Option<TransportEvent> {
        let TransportEvent::Incoming(message, connection, from) = event else { return Some(event) };
        if !harmless(&message) {
            metrics::counter!("telephone_sip_refused_total", "why" => "malformed").increment(1);
            return None;
        }
        let SipMessage::Request(request) = message else {
            return Some(TransportEvent::Incoming(message, connection, from));
        };
        let judgement = match address(&from) {
            Some(ip) => self.judge(&request, ip, connection.transport()),
            None => Judgement::Drop,
        };
        match judgement {
            Judgement::Pass => Some(TransportEvent::Incoming(request.into(), connection, from)),
            Judgement::Drop => None,
            Judgement::Refuse(status, headers) => {
                self.refuse(&request, connection, status, headers);
                None
            }
        }
    }
}

/// The address of a peer.
pub(super) fn address(from: &SipAddr) -> Option<IpAddr> {
    from.get_socketaddr().ok().map(|address| address.ip())
}

/// What an OPTIONS request is told.
pub(super) fn capabilities() -> Vec<Header> {
    vec![
        Header::Allow(ALLOW.into()),
        Header::Accept("application/sdp, application/dtmf-relay".into()),
        Header::Supported("timer".into()),
    ]
}

/// Whether a request has what RFC 3261, section 8.1.1 has every request carry, in a form that the stack can read.
pub(super) fn well_formed(request: &Request) -> bool {
    let sequence =
        request.cseq_header().ok().and_then(|header| Some((header.seq().ok()?, header.method().ok()?)));
    let from =
        request.from_header().is_ok_and(|from| matches!(from.tag(), Ok(Some(_))) && from.uri().is_ok());
    let to = request.to_header().is_ok_and(|to| to.tag().is_ok() && to.uri().is_ok());
    let call = request.call_id_header().is_ok_and(|id| !id.value().trim().is_empty());
    let contact = request.method != Method::Invite
        || request.typed_contact_headers().is_ok_and(|contacts| !contacts.is_empty());
    sequence.is_some_and(|(_, method)| method == request.method)
        && from
        && to
        && call
        && contact
        && request.top_via_header().is_ok_and(|via| rsipstack::sip::ToTypedHeader::typed(&via).is_ok())
}

fn authorization(request: &Request) -> Option<String> {
    request.headers().iter().find_map(|header| match header {
        Header::Authorization(_) | Header::ProxyAuthorization(_) => Some(header.value().to_owned()),
        _ => None,
    })
}

fn username(value: &str) -> Option<String> {
    let start = value.find("username=\"")? + "username=\"".len();
    value[start..].split_once('"').map(|(user, _)| user.to_owned())
}

/// Gives an answer the tag that every final one has.
fn tag(response: &mut Response) {
    let to =
        response.to_header().ok().filter(|to| matches!(to.tag(), Ok(None))).map(|to| to.with_tag(make_tag()));
    if let Some(to) = to {
        response.headers.unique_push(to.into());
    }
}
