//! One call on the media thread: its sockets, its clocks, and the leg that it is joined with.

use std::collections::VecDeque;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use rtp_types::RtpPacket;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

use super::clock::Slots;
use super::ports::{Lease, Sockets};
use super::receiver::{Receiver, Statistics};
use super::sender::Sender;
use super::source::Source;
use super::srtp::Srtp;
use super::{Signal, control, meters};
use crate::leg::{Digit, FromCaller, Rate, ToCaller};
use crate::playout::Playout;
use crate::sdp::Agreed;

/// What is longer than this is no RTP: it comes in whole on every link.
const DATAGRAM: usize = 2_048;
/// 20 ms: what a leg gets at once.
const FRAME: Duration = Duration::from_millis(20);
/// Messages for a hotline that does not take them. When full, the newest is dropped: a hotline that has not listened for so long has hung.
const UNHEARD: usize = 256;

/// The ends of a leg that belong here.
#[derive(Debug)]
pub(super) struct Carried {
    pub(super) rate: Rate,
    pub(super) from_caller: mpsc::Sender<FromCaller>,
    pub(super) to_caller: mpsc::Receiver<ToCaller>,
    pub(super) signals: mpsc::Sender<Signal>,
}

/// A call that is to be run.
pub(super) struct Call {
    pub(super) agreed: watch::Receiver<Option<Agreed>>,
    pub(super) carried: mpsc::Receiver<Carried>,
    pub(super) statistics: Arc<Mutex<Statistics>>,
    pub(super) stop: CancellationToken,
    pub(super) silence: Duration,
    pub(super) epoch: Instant,
    pub(super) phase: Duration,
}

impl Call {
    /// Runs until the session is dropped.
    pub(super) async fn run(mut self, sockets: Sockets) {
        let Sockets { rtp, control, lease, .. } = sockets;
        let (rtp, control) = match (UdpSocket::from_std(rtp), UdpSocket::from_std(control)) {
            (Ok(rtp), Ok(control)) => (rtp, control),
            (Err(error), _) | (_, Err(error)) => {
                tracing::error!(%error, "a call's sockets cannot be watched: it has no sound");
                return;
            }
        };
        let mut running = Running::new(&self, rtp, control, lease);
        let mut to_caller: Option<mpsc::Receiver<ToCaller>> = None;
        let (mut datagram, mut report) = ([0; DATAGRAM], [0; DATAGRAM]);
        loop {
            let next = running.next().into();
            let listens = !running.playout.is_full();
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                () = sleep_until(next) => running.tick(Instant::now()),
                Ok(()) = self.agreed.changed() => {
                    let agreed = self.agreed.borrow_and_update().clone();
                    if let Some(agreed) = agreed {
                        running.agree(agreed, Instant::now());
                    }
                }
                Some(carried) = self.carried.recv(), if running.leg.is_none() => {
                    to_caller = Some(running.join(carried));
                }
                Ok((length, from)) = running.rtp.recv_from(&mut datagram) => {
                    running.packet(Instant::now(), from, &datagram[..length]);
                }
                // Read, so that the peer's reports are not answered by an ICMP error.
                _ = running.control.recv_from(&mut report) => {}
                message = next_message(&mut to_caller), if listens => {
                    if let Some(message) = message {
                        running.message(message);
                    } else {
                        to_caller = None;
                        running.signal(Signal::Dropped);
                    }
                }
            }
        }
        running.count();
    }
}

/// The next message of the hotline; never, where no leg is joined.
async fn next_message(to_caller: &mut Option<mpsc::Receiver<ToCaller>>) -> Option<ToCaller> {
    match to_caller {
        Some(to_caller) => to_caller.recv().await,
        None => pending().await,
    }
}

/// What stands between pieces of sound.
#[derive(Debug)]
enum Cue {
    Mark(u64),
    Digits(Vec<Digit>),
    Transfer(String),
    HangUp,
}

struct Joined {
    rate: Rate,
    from_caller: mpsc::Sender<FromCaller>,
    signals: mpsc::Sender<Signal>,
}

struct Running {
    rtp: UdpSocket,
    control: UdpSocket,
    epoch: Instant,
    phase: Duration,
    silence: Duration,
    frames: Slots,
    packets: Option<Slots>,
    agreed: Option<Agreed>,
    protected: Option<Srtp>,
    source: Option<Source>,
    sender: Option<Sender>,
    receiver: Option<Receiver>,
    playout: Playout<Cue>,
    leg: Option<Joined>,
    /// What the leg had no room for.
    unheard: VecDeque<FromCaller>,
    unseen: VecDeque<Signal>,
    last_packet: Instant,
    silent: bool,
    next_report: Instant,
    foreign: u64,
    sent: u64,
    sent_late: u64,
    shown: Arc<Mutex<Statistics>>,
    meters: meters::Meters,
    /// The last field: the ports are free when the sockets are closed.
    _lease: Lease,
}

impl Running {
    fn new(call: &Call, rtp: UdpSocket, control: UdpSocket, lease: Lease) -> Self {
        let now = Instant::now();
        Self {
            rtp,
            control,
            epoch: call.epoch,
            phase: call.phase,
            silence: call.silence,
            frames: Slots::new(call.epoch, call.phase, FRAME, now),
            packets: None,
            agreed: None,
            protected: None,
            source: None,
            sender: None,
            receiver: None,
            playout: Playout::new(Rate::Narrow),
            leg: None,
            unheard: VecDeque::new(),
            unseen: VecDeque::new(),
            last_packet: now,
            silent: false,
            next_report: now + control::INTERVAL,
            foreign: 0,
            sent: 0,
            sent_late: 0,
            shown: Arc::clone(&call.statistics),
            meters: meters::Meters::default(),
            _lease: lease,
        }
    }

    fn next(&self) -> Instant {
        let packets = self.packets.as_ref().map(Slots::next);
        packets.map_or(self.frames.next(), |packets| packets.min(self.frames.next()))
    }

    fn rate(&self, agreed: &Agreed) -> Rate {
        self.leg.as_ref().map_or(agreed.rate(), |leg| leg.rate)
    }

    fn agree(&mut self, agreed: Agreed, now: Instant) {
        let rate = self.rate(&agreed);
        match &mut self.source {
            Some(source) => source.rename(agreed.remote),
            None => self.source = Some(Source::new(agreed.remote)),
        }
        self.protected = match (self.protected.take(), &agreed.protection) {
            (Some(before), Some(keys)) => before.renew(keys),
            (None, Some(keys)) => Srtp::new(keys),
            (_, None) => None,
        };
        match &mut self.sender {
            Some(sender) => sender.agree(rate, &agreed),
            None => self.sender = Some(Sender::new(rate, &agreed)),
        }
        match &mut self.receiver {
            Some(receiver) => receiver.agree(&agreed),
            None => self.receiver = Some(Receiver::new(rate, &agreed)),
        }
        let length = Duration::from_millis(agreed.packet_ms.into());
        if self.packets.as_ref().is_none_or(|slots| slots.length() != length) {
            self.packets = Some(Slots::new(self.epoch, self.phase, length, now));
        }
        self.agreed = Some(agreed);
        (self.last_packet, self.silent) = (now, false);
    }

    fn join(&mut self, carried: Carried) -> mpsc::Receiver<ToCaller> {
        let Carried { rate, from_caller, to_caller, signals } = carried;
        self.playout = Playout::new(rate);
        self.leg = Some(Joined { rate, from_caller, signals });
        if let (Some(agreed), Some(sender)) = (&self.agreed, &mut self.sender) {
            sender.agree(rate, agreed);
            self.receiver = Some(Receiver::new(rate, agreed));
        }
        to_caller
    }

    fn packet(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        let since = now.saturating_duration_since(self.epoch);
        let (Some(agreed), Some(source), Some(receiver)) =
            (&self.agreed, &mut self.source, &mut self.receiver)
        else {
            return;
        };
        let opened = match (&agreed.protection, &mut self.protected) {
            (None, _) => None,
            (Some(_), Some(protected)) => {
                let Some(opened) = protected.open(bytes) else {
                    self.foreign += 1;
                    return;
                };
                Some(opened)
            }
            // Never in the clear where keys were agreed on.
            (Some(_), None) => return,
        };
        let bytes = opened.as_deref().unwrap_or(bytes);
        let number = RtpPacket::parse(bytes).ok().map(|packet| packet.sequence_number());
        let ticks = i64::try_from(since.as_micros() * 8 / 1_000).unwrap_or(i64::MAX);
        if number.is_some_and(|number| !source.accepts(ticks, from, number, opened.is_some())) {
            self.foreign += 1;
            return;
        }
        if number.is_some() {
            (self.last_packet, self.silent) = (now, false);
        }
        if let Some(digit) = receiver.packet(since, bytes) {
            self.tell(FromCaller::Digit(digit));
        }
    }

    fn tick(&mut self, now: Instant) {
        if let Some(due) = self.frames.due(now) {
            for _ in 0..due.packets {
                self.hear(now);
            }
            self.watch(now);
            self.show();
        }
        if let Some(due) = self.packets.as_mut().and_then(|slots| slots.due(now)) {
            let sends = self.agreed.as_ref().is_some_and(|agreed| agreed.direction.send);
            let Some(sender) = &mut self.sender else { return };
            if sends {
                metrics::histogram!(meters::LATE).record(due.late);
                sender.skip(due.skipped);
                self.sent_late += u64::from(due.later_than(Statistics::LATE));
                for _ in 0..due.packets {
                    self.send();
                }
            } else {
                sender.skip(due.skipped + due.packets);
            }
        }
        if now >= self.next_report {
            self.next_report = now + control::INTERVAL;
            self.report();
        }
        self.retry();
    }

    /// A frame from the caller. On hold there is music from the PBX, which is not for the hotline.
    fn hear(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.epoch);
        let (Some(agreed), Some(receiver)) = (&self.agreed, &mut self.receiver) else { return };
        let heard = receiver.frame(since);
        if agreed.held() || !agreed.direction.receive {
            return;
        }
        if let Some(leg) = &self.leg {
            // Where there is no room, the recogniser hears a gap.
            let _ = leg.from_caller.try_send(FromCaller::Sound(heard.sound));
        }
        if let Some(digit) = heard.digit {
            self.tell(FromCaller::Digit(digit));
        }
    }

    fn send(&mut self) {
        let Some(sender) = &mut self.sender else { return };
        let (packet, cues) = sender.slot(&mut self.playout);
        let target = self.source.as_ref().and_then(Source::target);
        let secret = self.agreed.as_ref().is_some_and(|agreed| agreed.protection.is_some());
        let protected = self.protected.as_mut().filter(|_| secret).map(|srtp| srtp.protect(&packet));
        if let Some(target) = target {
            // A full socket buffer or an unreachable network costs this packet: there is nothing better to do with it.
            let sent = match protected {
                Some(Some(bytes)) => self.rtp.try_send_to(&bytes, target).is_ok(),
                None if !secret => self.rtp.try_send_to(&packet, target).is_ok(),
                _ => false,
            };
            self.sent += u64::from(sent);
        }
        for cue in cues {
            self.cue(cue);
        }
    }

    fn report(&mut self) {
        let (Some(sender), Some(target), Some(agreed)) =
            (&self.sender, self.source.as_ref().and_then(Source::target), &self.agreed)
        else {
            return;
        };
        let Some(bytes) = control::report(sender.report(), SystemTime::now()) else { return };
        let Some(port) = target.port().checked_add(1) else { return };
        let target = SocketAddr::new(target.ip(), port);
        let _ = match (&agreed.protection, &mut self.protected) {
            (None, _) => self.control.try_send_to(&bytes, target),
            (Some(_), Some(srtp)) => match srtp.protect_control(&bytes) {
                Some(bytes) => self.control.try_send_to(&bytes, target),
                None => return,
            },
            (Some(_), None) => return,
        };
    }

    fn message(&mut self, message: ToCaller) {
        match message {
            ToCaller::Sound(sound) => self.playout.push(&sound),
            ToCaller::Mark(number) => self.playout.mark(Cue::Mark(number)),
            ToCaller::Digits(digits) => self.playout.mark(Cue::Digits(digits)),
            ToCaller::Transfer { target } => self.playout.mark(Cue::Transfer(target)),
            ToCaller::HangUp => self.playout.mark(Cue::HangUp),
            ToCaller::Flush => {
                let flushed = self.playout.flush();
                self.tell(FromCaller::Flushed { played_ms: flushed.played_ms });
                // Sound is thrown away, not what was to be done after it.
                for cue in flushed.cues.into_iter().filter(|cue| !matches!(cue, Cue::Mark(_))) {
                    self.cue(cue);
                }
            }
        }
    }

    fn cue(&mut self, cue: Cue) {
        match cue {
            Cue::Mark(number) => self.tell(FromCaller::Reached(number)),
            Cue::Digits(digits) => {
                if let Some(sender) = &mut self.sender {
                    sender.press(digits);
                }
            }
            Cue::Transfer(target) => self.signal(Signal::Transfer { target }),
            Cue::HangUp => self.signal(Signal::HangUp),
        }
    }

    /// Notices that the peer has fallen silent.
    fn watch(&mut self, now: Instant) {
        let expected = self.agreed.as_ref().is_some_and(|agreed| agreed.direction.receive && !agreed.held());
        if !expected {
            self.last_packet = now;
        } else if !self.silent && now.saturating_duration_since(self.last_packet) >= self.silence {
            self.silent = true;
            self.signal(Signal::Silent);
        }
    }

    fn tell(&mut self, message: FromCaller) {
        if self.unheard.len() < UNHEARD {
            self.unheard.push_back(message);
        }
        self.retry();
    }

    fn signal(&mut self, signal: Signal) {
        if self.unseen.len() < UNHEARD {
            self.unseen.push_back(signal);
        }
        self.retry();
    }

    /// Gives what waits, in order, as far as there is room.
    fn retry(&mut self) {
        let Some(leg) = &self.leg else { return };
        while let Ok(room) = leg.from_caller.try_reserve()
            && let Some(message) = self.unheard.pop_front()
        {
            room.send(message);
        }
        while let Ok(room) = leg.signals.try_reserve()
            && let Some(signal) = self.unseen.pop_front()
        {
            room.send(signal);
        }
    }

    fn statistics(&self) -> Statistics {
        let heard = self.receiver.as_ref().map(Receiver::statistics).unwrap_or_default();
        Statistics { foreign: self.foreign, sent: self.sent, sent_late: self.sent_late, ..heard }
    }

    fn show(&mut self) {
        let statistics = self.statistics();
        self.meters.show(statistics);
        *self.shown.lock() = statistics;
    }

    fn count(&mut self) {
        self.show();
        self.meters.count();
    }
}
