//! One call on the media thread: what it waits for.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

use super::Signal;
use super::ports::Sockets;
use super::receiver::Statistics;
use super::running::Running;
use crate::leg::{FromCaller, Rate, ToCaller};
use crate::sdp::Agreed;

/// What is longer than this is no RTP: it comes in whole on every link.
const DATAGRAM: usize = 2_048;
/// Expedited forwarding (RFC 3246), code point 46: networks that sort packets send these first.
const EXPEDITED: u32 = 46 << 2;

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
        // Networks that do not know it ignore it, systems that refuse it lose nothing.
        let _ = if rtp.local_addr().is_ok_and(|address| address.is_ipv4()) {
            rtp.set_tos_v4(EXPEDITED)
        } else {
            rtp.set_tclass_v6(EXPEDITED)
        };
        let mut running = Running::new(&self, rtp, control, lease);
        let mut to_caller: Option<mpsc::Receiver<ToCaller>> = None;
        let (mut datagram, mut report) = ([0; DATAGRAM], [0; DATAGRAM]);
        loop {
            let next = running.next().into();
            let listens = running.listens();
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
                Some(carried) = self.carried.recv(), if !running.joined() => {
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
