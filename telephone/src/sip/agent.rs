//! What all calls of a user agent share.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rsipstack::dialog::DialogId;
use rsipstack::dialog::authenticate::Credential;
use rsipstack::dialog::dialog_layer::DialogLayer;
use rsipstack::sip::{Header, Method, StatusCode};
use rsipstack::transaction::transaction::Transaction;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::contact;
use super::description::Descriptions;
use super::gate::{ALLOW, Gate, Judgement, address};
use super::incoming;
use super::settings::{Settings, Trunk};
use crate::leg::Leg;
use crate::rtp::{Media, Session};
use crate::sdp::Local;

/// Shared by all calls.
pub(super) struct Agent {
    pub(super) gate: Arc<Gate>,
    pub(super) layer: Arc<DialogLayer>,
    pub(super) media: Media,
    /// Calls that were answered and wait for the hotline. When full, new calls are refused with 503 before they are answered.
    pub(super) legs: mpsc::Sender<Leg>,
    pub(super) calls: Arc<Semaphore>,
    pub(super) tasks: TaskTracker,
    /// Every call ends, every registration is taken back.
    pub(super) stopping: CancellationToken,
}

/// What a call holds as long as it lasts.
pub(super) struct Held {
    _permit: OwnedSemaphorePermit,
}

impl Drop for Held {
    fn drop(&mut self) {
        metrics::gauge!("telephone_sip_calls").decrement(1.0);
    }
}

/// Takes a dialog out of the stack's layer when its call is over.
pub(super) struct Registered {
    layer: Arc<DialogLayer>,
    id: DialogId,
}

impl Registered {
    pub(super) const fn new(layer: Arc<DialogLayer>, id: DialogId) -> Self {
        Self { layer, id }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.layer.remove_dialog(&self.id);
    }
}

impl Agent {
    pub(super) fn settings(&self) -> &Settings {
        &self.gate.settings
    }

    /// Room for a call; `None` where there is none, or the agent is draining.
    pub(super) fn hold(&self) -> Option<Held> {
        if self.gate.draining.load(Ordering::Relaxed) {
            return None;
        }
        let permit = Arc::clone(&self.calls).try_acquire_owned().ok()?;
        metrics::gauge!("telephone_sip_calls").increment(1.0);
        Some(Held { _permit: permit })
    }

    /// Our side of the descriptions of a new call.
    pub(super) fn describe(&self, session: &Session) -> Descriptions {
        let settings = self.settings();
        let address = contact::media(settings, &self.layer.endpoint.transport_layer, session.local());
        let mut local = Local::new(address);
        local.codecs.clone_from(&settings.codecs);
        local.ours_first = settings.ours_first;
        local.security = settings.security;
        Descriptions::new(local)
    }

    /// What answers challenges of a trunk.
    pub(super) fn credential(trunk: &Trunk) -> Option<Credential> {
        let password = trunk.password.as_ref()?;
        Some(Credential {
            username: trunk.user.clone(),
            password: password.reveal().to_owned(),
            realm: None,
            auth_username: None,
        })
    }

    /// Handles one request that the gate let in.
    pub(super) async fn handle(self: Arc<Self>, mut transaction: Transaction) {
        let inside = DialogId::try_from(&transaction).is_ok_and(|id| !id.local_tag.is_empty());
        let outcome = match (transaction.original.method, self.layer.match_dialog(&transaction)) {
            (_, Some(mut dialog)) if inside => dialog.handle(&mut transaction).await,
            (_, _) if inside => transaction.reply(StatusCode::CallTransactionDoesNotExist).await,
            (Method::Invite, _) => {
                incoming::invite(self, transaction).await;
                Ok(())
            }
            _ => {
                let allow = vec![Header::Allow(ALLOW.into())];
                transaction.reply_with(StatusCode::MethodNotAllowed, allow, None).await
            }
        };
        if let Err(error) = outcome {
            tracing::debug!(%error, "a SIP request could not be handled");
        }
    }

    /// Refuses a call for want of room.
    pub(super) async fn refuse(&self, transaction: &mut Transaction) {
        if let Judgement::Refuse(status, headers) = self.gate.busy() {
            reply(transaction, status, headers).await;
        }
    }
}

/// Refuses a call.
pub(super) async fn reply(transaction: &mut Transaction, status: StatusCode, headers: Vec<Header>) {
    if let Err(error) = transaction.reply_with(status, headers, None).await {
        tracing::debug!(%error, "a SIP call could not be refused");
    }
}

/// Where a request came from.
pub(super) fn source(transaction: &Transaction) -> Option<IpAddr> {
    transaction.connection.as_ref()?.get_remote_addr().and_then(address)
}
