//! One call from the ACK to its end: what the peer asks, what the hotline asks, and the clocks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rsipstack::dialog::dialog::{DialogState, DialogStateReceiver, TerminatedReason};
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::Response;
use tokio::sync::mpsc;

use super::agent::{Agent, Held, Registered};
use super::description::Descriptions;
use super::session_timer::SessionTimer;
use super::transfer::Transferring;
use crate::leg::{self, CallId, Ended, FROM_CALLER, FromCaller, Leg, LegEnd, TO_CALLER, Transfer};
use crate::rtp::{Session, Signal};
use crate::sdp::Agreed;

/// How long a message may wait for a hotline that does not listen: what comes after the sound is worth a pause, not a call that never ends.
const PATIENCE: Duration = Duration::from_secs(2);
/// Answers to requests of ours that wait: one of a refresh and one of a transfer, so that it is never full.
const ANSWERS: usize = 4;

/// What a call is made of.
pub(super) struct Parts {
    pub(super) agent: Arc<Agent>,
    pub(super) dialog: InviteDialog,
    pub(super) states: DialogStateReceiver,
    pub(super) registered: Registered,
    pub(super) held: Held,
    pub(super) session: Session,
    pub(super) descriptions: Descriptions,
    pub(super) agreed: Agreed,
    pub(super) timer: Option<SessionTimer>,
    /// Whether the peer takes UPDATE.
    pub(super) updates: bool,
}

/// An answer to a request of ours inside the dialog; `None` where there was none.
pub(super) enum Answered {
    Refer(Option<Response>),
    Update(Option<Response>),
    Invite(Option<Response>),
}

/// A call that has been answered.
pub(super) struct Call {
    pub(super) parts: Parts,
    pub(super) id: CallId,
    pub(super) from_caller: mpsc::Sender<FromCaller>,
    pub(super) on_hold: bool,
    signals: mpsc::Receiver<Signal>,
    pub(super) clock: Clock,
    pub(super) transfer: Option<Transferring>,
    /// The number of the re-INVITE whose ACK brings the answer to our offer.
    pub(super) owed: Option<u32>,
    pub(super) answers: mpsc::Sender<Answered>,
    answered: mpsc::Receiver<Answered>,
}

/// When the session has to be refreshed, or is over.
pub(super) struct Clock {
    /// Refresh, or give up where the peer refreshes.
    pub(super) due: Instant,
    /// The end of the session interval.
    pub(super) expires: Instant,
    /// A refresh of ours is under way.
    pub(super) asking: bool,
}

impl Clock {
    pub(super) fn new(timer: Option<SessionTimer>) -> Self {
        let now = Instant::now();
        // Without a timer the clock is not looked at.
        let (due, interval) = timer.map_or((Duration::ZERO, 0), |timer| (timer.due(), timer.interval));
        Self { due: now + due, expires: now + Duration::from_secs(u64::from(interval)), asking: false }
    }
}

/// An end, with what the protocol said.
pub(super) fn end(why: Ended, detail: impl Into<String>) -> LegEnd {
    LegEnd { why, detail: detail.into() }
}

impl Call {
    /// Joins a call with the hotline's side of it.
    pub(super) fn join(mut parts: Parts, call: leg::Call) -> (Self, Leg) {
        let (from_caller, from_caller_seen) = mpsc::channel(FROM_CALLER);
        let (to_caller, to_caller_seen) = mpsc::channel(TO_CALLER);
        parts.descriptions.settle(parts.agreed.rate());
        let signals = parts.session.carry(parts.agreed.rate(), from_caller.clone(), to_caller_seen);
        let (answers, answered) = mpsc::channel(ANSWERS);
        let joined = Self {
            id: call.id.clone(),
            from_caller,
            on_hold: false,
            signals,
            clock: Clock::new(parts.timer),
            transfer: None,
            owed: None,
            answers,
            answered,
            parts,
        };
        (joined, Leg { call, from_caller: from_caller_seen, to_caller })
    }

    /// Runs until it is over, and tidies up.
    pub(super) async fn run(mut self) {
        self.hold().await;
        let ended = self.talk().await;
        metrics::counter!("telephone_sip_calls_total", "end" => name(ended.why)).increment(1);
        tracing::info!(call = %self.id, why = ?ended.why, detail = ended.detail, "a call over SIP is over");
        let Self { parts, from_caller, .. } = self;
        // The ports are free before the peer has confirmed that it knows of the end.
        let Parts { agent, dialog, registered, held, session, .. } = parts;
        drop(session);
        drop(held);
        agent.tasks.spawn(async move {
            // Does nothing where the peer has ended the dialog.
            if let Err(error) = dialog.bye().await {
                tracing::debug!(%error, "a BYE was not answered");
            }
            drop(registered);
        });
        let _ = tokio::time::timeout(PATIENCE, from_caller.send(FromCaller::Ended(ended))).await;
    }

    async fn talk(&mut self) -> LegEnd {
        loop {
            let until = self.transfer.map(|transfer| transfer.until);
            tokio::select! {
                state = self.parts.states.recv() => {
                    if let Some(end) = self.on_state(state).await {
                        return end;
                    }
                }
                signal = self.signals.recv() => {
                    if let Some(end) = self.on_signal(signal).await {
                        return end;
                    }
                }
                answered = self.answered.recv() => {
                    if let Some(end) = self.on_answered(answered).await {
                        return end;
                    }
                }
                () = sleep_until(self.clock.due), if self.parts.timer.is_some() && !self.clock.asking => {
                    if let Some(end) = self.refresh() {
                        return end;
                    }
                }
                () = sleep_until(until.unwrap_or(self.clock.due)), if until.is_some() => {
                    self.transfer_failed(408).await;
                }
                () = self.parts.agent.stopping.cancelled() => return end(Ended::ByUs, "the server stops"),
            }
        }
    }

    async fn on_state(&mut self, state: Option<DialogState>) -> Option<LegEnd> {
        match state {
            None => Some(end(Ended::Fault, "the dialog is gone")),
            Some(DialogState::Terminated(_, reason)) => Some(self.terminated(&reason)),
            Some(DialogState::Updated(_, request, handle)) => {
                self.updated(request, handle).await;
                None
            }
            Some(DialogState::Confirmed(..)) => self.acknowledged(),
            Some(DialogState::Notify(_, request, handle)) => self.notified(&request, handle).await,
            Some(other) => {
                self.asked(other).await;
                None
            }
        }
    }

    /// Why the dialog has ended.
    fn terminated(&self, reason: &TerminatedReason) -> LegEnd {
        let detail = format!("{reason:?}");
        match reason {
            // Whoever has taken a REFER on may leave before it says how it went.
            TerminatedReason::UacBye | TerminatedReason::UasBye
                if self.transfer.is_some_and(|t| t.accepted) =>
            {
                end(Ended::Transferred, format!("{detail} while a transfer was under way"))
            }
            TerminatedReason::UacBye | TerminatedReason::UasBye | TerminatedReason::UacCancel => {
                end(Ended::ByCaller, detail)
            }
            TerminatedReason::Timeout => end(Ended::Lost, detail),
            _ => end(Ended::Fault, detail),
        }
    }

    async fn on_signal(&mut self, signal: Option<Signal>) -> Option<LegEnd> {
        match signal {
            Some(Signal::Transfer { target }) => {
                self.transfer_to(&target).await;
                None
            }
            Some(Signal::HangUp) => Some(end(Ended::ByUs, "BYE")),
            Some(Signal::Dropped) => Some(end(Ended::ByUs, "the leg was dropped")),
            Some(Signal::Silent) => Some(end(Ended::Lost, "no RTP")),
            None => Some(end(Ended::Fault, "the media thread is gone")),
        }
    }

    async fn on_answered(&mut self, answered: Option<Answered>) -> Option<LegEnd> {
        match answered? {
            Answered::Refer(response) => {
                self.referred(response).await;
                None
            }
            Answered::Update(response) => self.refreshed(response, false),
            Answered::Invite(response) => {
                let over = self.refreshed(response, true);
                self.hold().await;
                over
            }
        }
    }

    /// Says something to the hotline.
    pub(super) async fn say(&self, message: FromCaller) {
        if tokio::time::timeout(PATIENCE, self.from_caller.send(message)).await.is_err() {
            tracing::warn!(call = %self.id, "the hotline did not take a message of a call");
        }
    }

    /// Says whether the call is on hold, where that has changed.
    pub(super) async fn hold(&mut self) {
        let held = self.parts.agreed.held();
        if held != self.on_hold {
            self.on_hold = held;
            self.say(FromCaller::Held(held)).await;
        }
    }

    /// A transfer has not worked; the call goes on.
    pub(super) async fn transfer_failed(&mut self, code: u16) {
        if self.transfer.take().is_some() {
            tracing::info!(call = %self.id, code, "a transfer failed");
            self.say(FromCaller::Transfer(Transfer::Failed(code))).await;
        }
    }
}

async fn sleep_until(at: Instant) {
    tokio::time::sleep_until(at.into()).await;
}

const fn name(why: Ended) -> &'static str {
    match why {
        Ended::ByCaller => "by_caller",
        Ended::ByUs => "by_us",
        Ended::Transferred => "transferred",
        Ended::Lost => "lost",
        Ended::Fault => "fault",
        Ended::NotAnswered => "not_answered",
    }
}
