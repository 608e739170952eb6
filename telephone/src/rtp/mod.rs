//! Sound over RTP (RFC 3550): the sockets, the clocks and everything between a packet and a frame of sound.
//!
//! ```text
//! packets ─► source (whose?) ─► srtp ─► receiver: jitter buffer ► decoder ► concealment ► FromCaller::Sound, every 20 ms
//!                                                 events, tones ► FromCaller::Digit
//! ToCaller ─► Playout ─► sender: encoder, events ─► srtp ─► one packet for every slot of the call's clock
//! ```
//!
//! All calls share one operating-system thread of raised priority with a single-threaded runtime, because the other threads of the process
//! run neural networks on every core: a clock among them would be late. What runs here is bounded and short, and never waits for anybody
//! but the network and the clock.

mod call;
mod clock;
mod comfort;
mod conceal;
mod control;
mod digits;
mod jitter;
mod meters;
mod ports;
mod receiver;
mod resample;
mod sender;
mod sequence;
mod source;
mod srtp;
mod thread;
mod tones;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::leg::{FromCaller, Rate, ToCaller};
use crate::sdp::Agreed;
pub use ports::NoPort;
pub use receiver::{Receiver, Statistics};

/// Where sound is received, and when a silent network counts as a lost call.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address to listen on.
    pub address: IpAddr,
    /// Ports to take, two for each call: an even one for RTP, the odd one after it for RTCP.
    pub ports: RangeInclusive<u16>,
    /// After so long without a packet, while the peer ought to send, [`Signal::Silent`].
    pub silence: Duration,
}

/// What the signalling side has to do for the hotline, or has to know. In the order in which it happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Everything before a [`ToCaller::Transfer`] has been played: give the call to this SIP URI or extension.
    Transfer {
        /// SIP URI or extension.
        target: String,
    },
    /// Everything before a [`ToCaller::HangUp`] has been played: end the call.
    HangUp,
    /// The hotline has let go of the leg: end the call.
    Dropped,
    /// No packet for [`Config::silence`]. Said once, and again after packets have come and ceased anew.
    Silent,
}

/// Signals that may wait for the signalling side. When full, the newest is kept back and given when there is room: a hotline that sends
/// hundreds of transfers is slowed, not heard.
const SIGNALS: usize = 16;

/// The thread on which all calls' sound is received and sent. Clones share it; it ends with the last of them and of the sessions.
#[derive(Clone, Debug)]
pub struct Media {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: Config,
    ports: Arc<ports::Ports>,
    runtime: tokio::runtime::Handle,
    /// The moment that all slots are counted from.
    epoch: Instant,
    opened: AtomicU32,
    _stop: DropGuard,
}

impl Media {
    /// Starts the thread.
    ///
    /// # Errors
    /// Where the system gives no thread, or the range has no even port with the odd one after it.
    pub fn start(config: Config) -> io::Result<Self> {
        let ports = ports::Ports::new(config.ports.clone())?;
        let stop = CancellationToken::new();
        let runtime = thread::start(stop.clone())?;
        let shared = Shared {
            config,
            ports: Arc::new(ports),
            runtime,
            epoch: Instant::now(),
            opened: AtomicU32::new(0),
            _stop: stop.drop_guard(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Takes two ports for a call. They are free again when the session has been dropped.
    ///
    /// # Errors
    /// Where every port of the range is taken, by other calls or by other programs.
    pub fn open(&self) -> Result<Session, NoPort> {
        let sockets = ports::Ports::open(&self.shared.ports, self.shared.config.address)?;
        let local = sockets.address;
        let (agreed, agreed_seen) = watch::channel(None);
        let (carry, carried) = mpsc::channel(1);
        let statistics = Arc::new(Mutex::new(Statistics::default()));
        let stop = CancellationToken::new();
        let call = call::Call {
            agreed: agreed_seen,
            carried,
            statistics: Arc::clone(&statistics),
            stop: stop.clone(),
            silence: self.shared.config.silence,
            epoch: self.shared.epoch,
            phase: clock::phase(self.shared.opened.fetch_add(1, Ordering::Relaxed)),
        };
        self.shared.runtime.spawn(call.run(sockets));
        Ok(Session { local, agreed, carry, statistics, _stop: stop.drop_guard(), _media: self.clone() })
    }
}

/// The sound of one call. Dropping it closes its sockets.
#[derive(Debug)]
pub struct Session {
    local: SocketAddr,
    agreed: watch::Sender<Option<Agreed>>,
    carry: mpsc::Sender<call::Carried>,
    statistics: Arc<Mutex<Statistics>>,
    _stop: DropGuard,
    _media: Media,
}

impl Session {
    /// Where it receives RTP: the address that was configured, which may be unspecified, and its port.
    pub const fn local(&self) -> SocketAddr {
        self.local
    }

    /// Starts, or changes to, what was agreed. Sound goes out from now on, silence where nothing waits.
    pub fn agree(&self, agreed: Agreed) {
        self.agreed.send_replace(Some(agreed));
    }

    /// Joins it with a leg at this rate, which stays what it is when a later description changes the codec. Sound, digits, marks and flushes
    /// are handled here; what comes back is for the signalling side. `Held`, `Transfer` and `Ended` are its own to send. May be called
    /// before or after [`Self::agree`]; a second call is ignored.
    pub fn carry(
        &self,
        rate: Rate,
        from_caller: mpsc::Sender<FromCaller>,
        to_caller: mpsc::Receiver<ToCaller>,
    ) -> mpsc::Receiver<Signal> {
        let (signals, seen) = mpsc::channel(SIGNALS);
        // The channel holds one and is emptied once: more than one leg cannot be joined.
        let _ = self.carry.try_send(call::Carried { rate, from_caller, to_caller, signals });
        seen
    }

    /// What has come and gone so far; not older than 20 ms.
    pub fn statistics(&self) -> Statistics {
        *self.statistics.lock()
    }
}

#[cfg(test)]
mod tests;
