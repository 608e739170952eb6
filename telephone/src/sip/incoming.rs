//! A call that comes in: from the INVITE to the ACK.

use std::sync::Arc;

use rsipstack::dialog::dialog::{DialogState, DialogStateReceiver};
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::{Header, HeadersExt, Request, StatusCode};
use rsipstack::transaction::transaction::Transaction;

use super::agent::{Agent, Held, Registered, reply, source};
use super::call::{Call, Parts};
use super::contact;
use super::description::Descriptions;
use super::gate::capabilities;
use super::identity;
use super::session_timer::{SessionTimer, TooSmall};
use super::settings::Settings;
use crate::leg::Leg;
use crate::rtp::Session;
use crate::sdp::{Agreed, NoMedia};

/// What an INVITE without faults leads to, before it is answered.
struct Answer {
    session: Session,
    descriptions: Descriptions,
    /// `None` with a late offer: the peer's answer comes with the ACK.
    agreed: Option<Agreed>,
    /// Our description.
    body: String,
    timer: Option<SessionTimer>,
}

/// The `Reason` (RFC 3326) of a BYE to a call whose media does not fit.
pub(super) const UNUSABLE: &str = "SIP;cause=488;text=\"Not Acceptable Here\"";

/// A refusal: a status and what stands beside it.
pub(super) type Refusal = (StatusCode, Vec<Header>);

/// Takes a call, or refuses it.
pub(super) async fn invite(agent: Arc<Agent>, mut transaction: Transaction) {
    let Some(held) = agent.hold() else { return agent.refuse(&mut transaction).await };
    // Room for the leg is taken before the call is answered: nobody is answered whom the hotline cannot hear.
    let Ok(place) = agent.legs.clone().try_reserve_owned() else {
        return agent.refuse(&mut transaction).await;
    };
    if transaction.send_trying().await.is_err() {
        return;
    }
    let answer = match prepare(&agent, &transaction.original) {
        Ok(answer) => answer,
        Err((status, headers)) => {
            metrics::counter!("telephone_sip_refused_total", "why" => "request").increment(1);
            return reply(&mut transaction, status, headers).await;
        }
    };
    let request = transaction.original.clone();
    let Some((dialog, states, registered)) = open(&agent, &transaction) else {
        return reply(&mut transaction, StatusCode::BadRequest, Vec::new()).await;
    };
    // The transaction lives until the ACK, or until it is clear that none comes; then the stack ends the dialog.
    let mut handled = dialog.clone();
    agent.tasks.spawn(async move {
        if let Err(error) = handled.handle(&mut transaction).await {
            tracing::debug!(%error, "an INVITE ended early");
        }
    });
    if let Some((call, leg)) = answered(&agent, request, answer, (dialog, states, registered), held).await {
        tracing::info!(call = %leg.call.id, rate = leg.call.rate.hertz(), "a call came in over SIP");
        drop(place.send(leg));
        call.run().await;
    }
}

/// The dialog of an INVITE.
fn open(agent: &Agent, transaction: &Transaction) -> Option<(InviteDialog, DialogStateReceiver, Registered)> {
    let arrived = transaction.connection.as_ref()?.transport();
    let trunk = agent.gate.trunk(&transaction.original, source(transaction)?, arrived);
    let us =
        contact::ours(&agent.layer.endpoint.transport_layer, arrived, trunk.map_or("", |trunk| &trunk.user));
    let (sender, states) = agent.layer.new_dialog_state_channel();
    let credential = trunk.and_then(Agent::credential);
    let dialog = agent.layer.get_or_create_server_invite(transaction, sender, credential, us).ok()?;
    let registered = Registered::new(Arc::clone(&agent.layer), dialog.id());
    Some((dialog, states, registered))
}

/// Everything that can fail before anything is said.
fn prepare(agent: &Agent, request: &Request) -> Result<Answer, Refusal> {
    required(request)?;
    let timer = SessionTimer::of_request(request, agent.settings())
        .map_err(|TooSmall| too_small(agent.settings()))?;
    let session = agent.media.open().map_err(|error| {
        tracing::warn!(%error, "no media port for a call");
        (
            StatusCode::ServiceUnavailable,
            vec![Header::RetryAfter(agent.settings().retry_after.to_string().into())],
        )
    })?;
    let mut descriptions = agent.describe(&session);
    let (agreed, body) = if request.body().is_empty() {
        (None, descriptions.offer())
    } else {
        described(request)?;
        let (agreed, ours) = descriptions.answer(request.body()).map_err(|error| no_media(&error))?;
        (Some(agreed), ours)
    };
    Ok(Answer { session, descriptions, agreed, body, timer })
}

/// RFC 3261, section 8.2.2.3: an extension that is required and unknown is refused by name. `100rel` is about provisional answers alone.
fn required(request: &Request) -> Result<(), Refusal> {
    let line = request.header_value("Require").unwrap_or_default();
    let unknown: Vec<&str> = line
        .split(',')
        .map(str::trim)
        .filter(|token| {
            !token.is_empty() && !["timer", "100rel"].iter().any(|known| token.eq_ignore_ascii_case(known))
        })
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err((StatusCode::BadExtension, vec![Header::Unsupported(unknown.join(", ").into())]))
}

/// Whether a body is a session description.
pub(super) fn described(request: &Request) -> Result<(), Refusal> {
    let kind = request.header_value("Content-Type").unwrap_or_default();
    if kind.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("application/sdp")) {
        return Ok(());
    }
    Err((StatusCode::UnsupportedMediaType, vec![Header::Accept("application/sdp".into())]))
}

/// 422 with what would do.
pub(super) fn too_small(settings: &Settings) -> Refusal {
    (StatusCode::SessionIntervalTooSmall, vec![Header::MinSE(settings.min_se().to_string().into())])
}

/// 488, or 400 where it cannot be read.
pub(super) fn no_media(error: &NoMedia) -> Refusal {
    tracing::warn!(%error, "a session description was refused");
    let status = match error {
        NoMedia::Malformed(_) => StatusCode::BadRequest,
        _ => StatusCode::NotAcceptableHere,
    };
    (status, Vec::new())
}

/// The headers of a 200 with our description.
pub(super) fn accepted(timer: Option<SessionTimer>) -> Vec<Header> {
    let mut headers = vec![Header::ContentType("application/sdp".into())];
    headers.extend(capabilities());
    headers.extend(timer.map(SessionTimer::answer).into_iter().flatten());
    headers
}

/// Answers, and waits for the ACK. `None` where the peer has changed its mind, or its ACK brings nothing that fits.
async fn answered(
    agent: &Arc<Agent>,
    request: Request,
    answer: Answer,
    (dialog, mut states, registered): (InviteDialog, DialogStateReceiver, Registered),
    held: Held,
) -> Option<(Call, Leg)> {
    if !ring(agent, &dialog, &mut states).await {
        return None;
    }
    // Sound may come with the 200's arrival, before the ACK (RFC 3264, section 5.1).
    if let Some(agreed) = &answer.agreed {
        answer.session.agree(agreed.clone());
    }
    dialog.accept(Some(accepted(answer.timer)), Some(answer.body.clone().into_bytes())).ok()?;
    confirmed(agent, &dialog, &mut states).await?;
    let agreed =
        if let Some(agreed) = answer.agreed.clone() { agreed } else { late(&dialog, &answer).await? };
    let described = identity::call(&request, agent.settings().caller_number, agreed.rate());
    let parts = Parts {
        agent: Arc::clone(agent),
        dialog,
        states,
        registered,
        held,
        session: answer.session,
        descriptions: answer.descriptions,
        agreed,
        timer: answer.timer,
        updates: identity::allows_update(&request),
    };
    Some(Call::join(parts, described))
}

/// The answer to a late offer comes with the ACK.
async fn late(dialog: &InviteDialog, answer: &Answer) -> Option<Agreed> {
    let body = dialog.last_remote_ack().map(|ack| ack.body().clone()).unwrap_or_default();
    match answer.descriptions.accept(&body) {
        Ok(agreed) => {
            answer.session.agree(agreed.clone());
            Some(agreed)
        }
        Err(error) => {
            tracing::warn!(%error, "the answer to our offer was refused");
            let _ = dialog.bye_with_reason(String::from(UNUSABLE)).await;
            None
        }
    }
}

/// Lets it ring; `false` where the caller gives up.
async fn ring(agent: &Agent, dialog: &InviteDialog, states: &mut DialogStateReceiver) -> bool {
    if agent.settings().ring.is_zero() {
        return true;
    }
    if dialog.ringing(None, None).is_err() {
        return false;
    }
    let rung = tokio::time::sleep(agent.settings().ring);
    tokio::pin!(rung);
    loop {
        tokio::select! {
            () = &mut rung => return true,
            () = agent.stopping.cancelled() => {
                let _ = dialog.reject(Some(StatusCode::ServiceUnavailable), None);
                return false;
            }
            state = states.recv() => match state {
                None | Some(DialogState::Terminated(..)) => return false,
                Some(_) => {}
            }
        }
    }
}

/// Waits for the ACK; `None` where the call has ended before.
async fn confirmed(agent: &Agent, dialog: &InviteDialog, states: &mut DialogStateReceiver) -> Option<()> {
    loop {
        let state = tokio::select! {
            state = states.recv() => state?,
            () = agent.stopping.cancelled() => {
                let _ = dialog.bye().await;
                return None;
            }
        };
        match state {
            DialogState::Confirmed(..) => return Some(()),
            DialogState::Terminated(_, reason) => {
                tracing::debug!(?reason, "a call ended before its ACK");
                return None;
            }
            _ => {}
        }
    }
}
