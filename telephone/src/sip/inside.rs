//! Requests inside a dialog: the peer's (re-INVITE, UPDATE, NOTIFY, INFO) and ours (refreshes, REFER).

use std::time::{Duration, Instant};

use rsipstack::dialog::dialog::{DialogState, TransactionHandle};
use rsipstack::sip::{Header, HeadersExt, Method, Request, Response, StatusCode, StatusCodeKind};

use super::call::{Answered, Call, Clock, end};
use super::dtmf_info;
use super::gate::{ALLOW, capabilities};
use super::incoming::{Refusal, accepted, described, no_media, too_small};
use super::session_timer::{SessionTimer, TooSmall};
use super::transfer::{self, Transferring};
use crate::leg::{Ended, FromCaller, LegEnd, Transfer};

/// After a 491, or a refresh that was refused for now: RFC 3261, section 14.1 has the owner of the Call-ID wait 2.1 to 4 s.
const AGAIN: Duration = Duration::from_secs(3);

/// So long the answer to the last NOTIFY has to be on its way before BYE follows.
const AFTER_THE_LAST_NOTIFY: Duration = Duration::from_millis(50);

impl Call {
    /// A re-INVITE or an UPDATE: new media, or a refresh of the session.
    pub(super) async fn updated(&mut self, request: Request, handle: TransactionHandle) {
        if self.owed.is_some() || self.clock.asking && !self.parts.updates {
            // Two offers at once: RFC 3261, section 14.2.
            return respond(&handle, StatusCode::RequestPending, Vec::new(), None).await;
        }
        match self.renewed(&request) {
            Ok((timer, body)) => {
                self.parts.timer = timer;
                self.clock = Clock::new(timer);
                let mut headers = accepted(timer);
                if body.is_none() {
                    headers.retain(|header| !matches!(header, Header::ContentType(_)));
                }
                respond(&handle, StatusCode::OK, headers, body).await;
                self.hold().await;
            }
            Err((status, headers)) => respond(&handle, status, headers, None).await,
        }
    }

    /// What a re-INVITE or UPDATE changes: the timer, and our description where one is due.
    fn renewed(&mut self, request: &Request) -> Result<(Option<SessionTimer>, Option<String>), Refusal> {
        let settings = self.parts.agent.settings();
        let timer = SessionTimer::of_request(request, settings).map_err(|TooSmall| too_small(settings))?;
        if !request.body().is_empty() {
            described(request)?;
            let (agreed, body) =
                self.parts.descriptions.answer(request.body()).map_err(|error| no_media(&error))?;
            self.parts.session.agree(agreed.clone());
            self.parts.agreed = agreed;
            return Ok((timer, Some(body)));
        }
        if request.method == Method::Update {
            return Ok((timer, None));
        }
        self.owed = request.cseq_header().ok().and_then(|header| header.seq().ok());
        Ok((timer, Some(self.parts.descriptions.offer())))
    }

    /// The ACK of a re-INVITE without an offer brings the answer to ours.
    pub(super) fn acknowledged(&mut self) -> Option<LegEnd> {
        let owed = self.owed?;
        let ack = self.parts.dialog.last_remote_ack()?;
        if ack.cseq_header().ok()?.seq().ok()? != owed {
            return None;
        }
        self.owed = None;
        match self.parts.descriptions.accept(ack.body()) {
            Ok(agreed) => {
                self.parts.session.agree(agreed.clone());
                self.parts.agreed = agreed;
                None
            }
            Err(error) => Some(end(Ended::Fault, error.to_string())),
        }
    }

    /// A NOTIFY: how a transfer goes.
    pub(super) async fn notified(&mut self, request: &Request, handle: TransactionHandle) -> Option<LegEnd> {
        if !transfer::is_about_refer(request) {
            respond(&handle, StatusCode::BadEvent, Vec::new(), None).await;
            return None;
        }
        respond(&handle, StatusCode::OK, Vec::new(), None).await;
        let transferring = self.transfer.as_mut()?;
        // Nobody sends NOTIFY for a REFER that it has not taken on, even where its 202 comes later.
        transferring.accepted = true;
        match transfer::status(request) {
            Some(code @ 100..200) => {
                self.say(FromCaller::Transfer(Transfer::Trying(code))).await;
                None
            }
            Some(200..300) => {
                self.say(FromCaller::Transfer(Transfer::Done)).await;
                // The stack sends the 200 by a task of its own: a BYE that overtakes it looks odd, and ends some peers' patience.
                tokio::time::sleep(AFTER_THE_LAST_NOTIFY).await;
                Some(end(Ended::Transferred, "NOTIFY 2xx"))
            }
            Some(code) => {
                self.transfer_failed(code).await;
                None
            }
            None if transfer::is_last(request) => {
                self.transfer_failed(500).await;
                None
            }
            None => None,
        }
    }

    /// Other requests of the peer.
    pub(super) async fn asked(&mut self, state: DialogState) {
        match state {
            DialogState::Info(_, request, handle) => {
                let digit = dtmf_info::digit(&request);
                let status = if digit.is_some() || request.body().is_empty() {
                    StatusCode::OK
                } else {
                    StatusCode::UnsupportedMediaType
                };
                respond(&handle, status, Vec::new(), None).await;
                if let Some(digit) = digit {
                    self.say(FromCaller::Digit(digit)).await;
                }
            }
            DialogState::Options(_, _, handle) => {
                respond(&handle, StatusCode::OK, capabilities(), None).await;
            }
            DialogState::Refer(_, _, handle)
            | DialogState::Message(_, _, handle)
            | DialogState::Publish(_, _, handle) => {
                respond(&handle, StatusCode::MethodNotAllowed, vec![Header::Allow(ALLOW.into())], None).await;
            }
            _ => {}
        }
    }

    /// Asks the peer to call somebody in our place.
    pub(super) async fn transfer_to(&mut self, target: &str) {
        if self.transfer.is_some() {
            // One at a time: RFC 3515 has no way to take a REFER back.
            return self.say(FromCaller::Transfer(Transfer::Failed(491))).await;
        }
        let until = Instant::now() + self.parts.agent.settings().transfer;
        self.transfer = Some(Transferring { until, accepted: false });
        let dialog = self.parts.dialog.clone();
        let refer_to = transfer::peer(&dialog).and_then(|peer| transfer::target(target, &peer));
        let Some(refer_to) = refer_to else { return self.transfer_failed(400).await };
        let headers = self.us().map(|us| transfer::headers(&self.id, &us)).unwrap_or_default();
        let answers = self.answers.clone();
        self.parts.agent.tasks.spawn(async move {
            let response = dialog.refer(refer_to, Some(headers), None).await.ok().flatten();
            let _ = answers.send(Answered::Refer(response)).await;
        });
    }

    fn us(&self) -> Option<rsipstack::sip::Uri> {
        let layer = &self.parts.agent.layer.endpoint.transport_layer;
        super::contact::ours(layer, rsipstack::sip::Transport::Udp, "")
    }

    /// The answer to a REFER; how the transfer goes comes by NOTIFY.
    pub(super) async fn referred(&mut self, response: Option<Response>) {
        match response {
            Some(response) if response.status_code.kind() == StatusCodeKind::Successful => {
                if let Some(transfer) = &mut self.transfer {
                    transfer.accepted = true;
                }
            }
            Some(response) => self.transfer_failed(response.status_code.code()).await,
            None => self.transfer_failed(408).await,
        }
    }

    /// The clock has struck: we refresh the session, or the peer has not.
    pub(super) fn refresh(&mut self) -> Option<LegEnd> {
        let timer = self.parts.timer?;
        if !timer.ours || Instant::now() >= self.clock.expires {
            return Some(end(Ended::Lost, "the session was not refreshed (RFC 4028)"));
        }
        self.clock.asking = true;
        let (dialog, answers) = (self.parts.dialog.clone(), self.answers.clone());
        let mut headers = timer.ask(self.parts.agent.settings());
        headers.extend(capabilities());
        if self.parts.updates {
            self.parts.agent.tasks.spawn(async move {
                let response = dialog.update(Some(headers), None).await.ok().flatten();
                let _ = answers.send(Answered::Update(response)).await;
            });
        } else {
            headers.push(Header::ContentType("application/sdp".into()));
            let body = self.parts.descriptions.offer().into_bytes();
            self.parts.agent.tasks.spawn(async move {
                let response = dialog.reinvite(Some(headers), Some(body)).await.ok().flatten();
                let _ = answers.send(Answered::Invite(response)).await;
            });
        }
        None
    }

    /// The answer to a refresh of ours.
    pub(super) fn refreshed(&mut self, response: Option<Response>, offered: bool) -> Option<LegEnd> {
        self.clock.asking = false;
        let Some(response) = response else {
            return Some(end(Ended::Lost, "a refresh of the session was not answered"));
        };
        match response.status_code.code() {
            200..300 => {
                // A peer that knows no timers leaves the interval as it is.
                let settings = self.parts.agent.settings();
                self.parts.timer = SessionTimer::of_response(&response, settings).or(self.parts.timer);
                self.clock = Clock::new(self.parts.timer);
                if offered && let Ok(agreed) = self.parts.descriptions.accept(response.body()) {
                    self.parts.session.agree(agreed.clone());
                    self.parts.agreed = agreed;
                }
                None
            }
            // RFC 3261, section 12.2.1.2: the peer does not know the dialog any more.
            code @ (408 | 481) => {
                Some(end(Ended::Lost, format!("a refresh of the session was answered by {code}")))
            }
            422 => {
                let least = response.header_value("Min-SE").and_then(|text| text.trim().parse().ok());
                if let (Some(timer), Some(least)) = (&mut self.parts.timer, least) {
                    timer.interval = timer.interval.max(least);
                }
                self.clock.due = Instant::now();
                None
            }
            405 | 501 if !offered => {
                self.parts.updates = false;
                self.clock.due = Instant::now();
                None
            }
            _ => {
                self.clock.due = (Instant::now() + AGAIN).min(self.clock.expires);
                None
            }
        }
    }
}

/// Answers a request; a peer that is gone gets nothing.
async fn respond(handle: &TransactionHandle, status: StatusCode, headers: Vec<Header>, body: Option<String>) {
    let body = body.map(String::into_bytes);
    if handle.respond(status, Some(headers), body).await.is_err() {
        tracing::debug!("a request inside a dialog had gone before it was answered");
    }
}
