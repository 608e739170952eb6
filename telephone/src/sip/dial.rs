//! Calls that we make.

use std::sync::Arc;
use std::time::Duration;

use rsipstack::dialog::dialog::DialogStateReceiver;
use rsipstack::dialog::invitation::InviteOption;
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::{Header, Response, StatusCodeKind};

use super::agent::{Agent, Held, Registered};
use super::call::{Call, Parts, end};
use super::contact;
use super::description::Descriptions;
use super::gate::capabilities;
use super::identity::allows_update;
use super::incoming::UNUSABLE;
use super::session_timer::SessionTimer;
use super::settings::Trunk;
use crate::leg::{self, CallId, Carrier, Ended, Leg, LegEnd};
use crate::rtp::Session;

/// A call that is to be made.
#[derive(Clone, Debug)]
pub struct Dial {
    /// The trunk, by its name.
    pub trunk: String,
    /// A number or extension, or a SIP URI.
    pub to: String,
    /// Our own number, where the trunk is to show one; else the trunk's user.
    pub from: Option<String>,
    /// The call's id, which travels as `X-Call-UUID`.
    pub id: CallId,
    /// Headers beside, names beginning with `X-`.
    pub headers: Vec<(String, String)>,
    /// How long it may ring.
    pub timeout: Duration,
}

/// Why a call that we made does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDialled {
    /// No trunk of that name.
    #[error("there is no trunk {0}")]
    NoTrunk(String),
    /// The trunk has neither a host nor a registrar, or what is called is no number and no SIP URI, or a header cannot be sent.
    #[error("{0} cannot be called: {1}")]
    Malformed(String, &'static str),
    /// No call more at one time, no media port, or the agent is draining.
    #[error("there is no room for another call")]
    NoRoom,
    /// Refused, busy, nobody there: the final response's code.
    #[error("not answered: {code}")]
    NotAnswered {
        /// 300 to 699.
        code: u16,
    },
    /// It rang too long.
    #[error("not answered in time")]
    TimedOut,
    /// The answer's description does not fit.
    #[error("answered without usable media: {0}")]
    NoMedia(String),
    /// It could not be sent.
    #[error("the call could not be sent: {0}")]
    Unsent(String),
}

impl NotDialled {
    /// As the end of a call.
    pub fn end(&self) -> LegEnd {
        let why = match self {
            Self::NoTrunk(_) | Self::Malformed(..) | Self::NoMedia(_) => Ended::Fault,
            Self::NoRoom | Self::NotAnswered { .. } | Self::TimedOut => Ended::NotAnswered,
            Self::Unsent(_) => Ended::Lost,
        };
        end(why, self.to_string())
    }
}

/// Calls somebody, and waits for the answer.
pub(super) async fn dial(agent: &Arc<Agent>, wanted: Dial) -> Result<Leg, NotDialled> {
    let trunks = &agent.settings().trunks;
    let trunk = trunks.iter().find(|trunk| trunk.name == wanted.trunk);
    let trunk = trunk.ok_or_else(|| NotDialled::NoTrunk(wanted.trunk.clone()))?;
    let held = agent.hold().ok_or(NotDialled::NoRoom)?;
    let session = agent.media.open().map_err(|_| NotDialled::NoRoom)?;
    let mut descriptions = agent.describe(&session);
    let option = option(agent, trunk, &wanted, descriptions.offer())?;
    let (sender, states) = agent.layer.new_dialog_state_channel();
    let (dialog, invited) =
        agent.layer.do_invite_async(option, sender).map_err(|error| NotDialled::Unsent(error.to_string()))?;
    let abandoned = Abandon(Some(dialog.clone()));
    let response = tokio::select! {
        response = invited => response,
        () = tokio::time::sleep(wanted.timeout) => return Err(NotDialled::TimedOut),
        () = agent.stopping.cancelled() => return Err(NotDialled::NoRoom),
    };
    abandoned.keep();
    let response = match response {
        Ok(Ok((_, Some(response)))) => response,
        Ok(Ok((_, None))) => return Err(NotDialled::NotAnswered { code: 408 }),
        Ok(Err(error)) => return Err(NotDialled::Unsent(error.to_string())),
        Err(error) => return Err(NotDialled::Unsent(error.to_string())),
    };
    if response.status_code.kind() != StatusCodeKind::Successful {
        return Err(NotDialled::NotAnswered { code: response.status_code.code() });
    }
    let (call, leg) =
        joined(agent, wanted, (dialog, states), response, (session, descriptions), held).await?;
    tracing::info!(call = %leg.call.id, trunk = trunk.name, "a call over SIP was answered");
    agent.tasks.spawn(call.run());
    Ok(leg)
}

/// Cancels an INVITE whose answer nobody waits for any more: the time is up, or whoever dialled is gone. The stack ends a call that is answered
/// all the same with a BYE.
struct Abandon(Option<InviteDialog>);

impl Abandon {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Abandon {
    fn drop(&mut self) {
        if let Some(dialog) = self.0.take() {
            tokio::spawn(async move {
                if let Err(error) = dialog.cancel().await {
                    tracing::debug!(%error, "a call could not be cancelled");
                }
            });
        }
    }
}

fn option(agent: &Agent, trunk: &Trunk, wanted: &Dial, offer: String) -> Result<InviteOption, NotDialled> {
    let malformed = |why| NotDialled::Malformed(wanted.trunk.clone(), why);
    let callee = contact::theirs(trunk, &wanted.to)
        .ok_or_else(|| malformed("the trunk needs a host, and the called a number or a SIP URI"))?;
    let layer = &agent.layer.endpoint.transport_layer;
    let user = wanted.from.as_deref().unwrap_or(&trunk.user);
    if !user.is_empty() && !contact::plain(user) {
        return Err(malformed("our own number holds characters that cannot be sent"));
    }
    let contact = contact::ours(layer, trunk.transport.of_stack(), user)
        .ok_or_else(|| malformed("nothing is listened on"))?;
    // RFC 3261, section 8.1.1.3: From names us at the trunk, not where we listen.
    let mut from = contact.clone();
    from.params.clear();
    if let Some(host) = contact::host(trunk) {
        from.host_with_port = host;
    }
    let mut headers = vec![Header::Other(String::from("X-Call-UUID"), wanted.id.to_string())];
    for (name, value) in &wanted.headers {
        headers
            .push(extra(name, value).ok_or_else(|| malformed("a header is not X-… or holds line breaks"))?);
    }
    headers.extend(capabilities());
    let seconds = u32::try_from(agent.settings().session_timer.as_secs()).unwrap_or(u32::MAX);
    if seconds > 0 {
        headers.extend(SessionTimer { interval: seconds, ours: true, known: true }.ask(agent.settings()));
    }
    Ok(InviteOption {
        caller: from,
        callee,
        destination: contact::destination(trunk),
        offer: Some(offer.into_bytes()),
        contact,
        credential: Agent::credential(trunk),
        headers: Some(headers),
        ..InviteOption::default()
    })
}

fn extra(name: &str, value: &str) -> Option<Header> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let fits = name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("x-"))
        && name.bytes().all(token)
        && value.len() <= 1_024
        && !value.chars().any(char::is_control);
    fits.then(|| Header::Other(name.to_owned(), value.to_owned()))
}

/// Joins an answered call with the hotline, or ends it where its media does not fit.
async fn joined(
    agent: &Arc<Agent>,
    wanted: Dial,
    (dialog, states): (InviteDialog, DialogStateReceiver),
    response: Response,
    (session, descriptions): (Session, Descriptions),
    held: Held,
) -> Result<(Call, Leg), NotDialled> {
    let registered = Registered::new(Arc::clone(&agent.layer), dialog.id());
    let agreed = match descriptions.accept(response.body()) {
        Ok(agreed) => agreed,
        Err(error) => {
            let _ = dialog.bye_with_reason(String::from(UNUSABLE)).await;
            return Err(NotDialled::NoMedia(error.to_string()));
        }
    };
    session.agree(agreed.clone());
    let call = leg::Call {
        id: wanted.id,
        carrier: Carrier::Sip,
        caller: wanted.from,
        called: Some(wanted.to),
        rate: agreed.rate(),
        variables: std::collections::BTreeMap::new(),
    };
    let parts = Parts {
        agent: Arc::clone(agent),
        dialog,
        states,
        registered,
        held,
        session,
        descriptions,
        agreed,
        timer: SessionTimer::of_response(&response, agent.settings()),
        updates: allows_update(&response),
    };
    Ok(Call::join(parts, call))
}
