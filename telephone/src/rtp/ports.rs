//! The ports of a range, two for each call.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use parking_lot::Mutex;

/// No two ports could be had.
#[derive(Debug, thiserror::Error)]
pub enum NoPort {
    /// Every pair is taken.
    #[error("all {0} pairs of RTP ports are in use; widen the range of ports or take fewer calls at once")]
    Taken(usize),
    /// The system refuses the free ones.
    #[error("no free RTP port could be opened: {0}")]
    System(io::Error),
}

/// Which even ports are free. A port that was given back goes to the end, so that late packets of a call do not reach the next one. They are
/// given back by the media thread, which must not wait for a lock: hence a channel, which never holds more than all of them.
#[derive(Debug)]
pub(super) struct Ports {
    free: Mutex<Receiver<u16>>,
    back: Sender<u16>,
    pairs: usize,
}

impl Ports {
    pub(super) fn new(range: RangeInclusive<u16>) -> io::Result<Self> {
        let last = *range.end();
        let (back, free) = channel();
        let even = range.filter(|port| *port != 0 && port % 2 == 0 && *port < last);
        let mut pairs = 0;
        for port in even {
            pairs += usize::from(back.send(port).is_ok());
        }
        if pairs == 0 {
            let why = "the range of RTP ports has no even port with the odd one after it; give at least three ports";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        Ok(Self { free: Mutex::new(free), back, pairs })
    }

    /// Opens the sockets of a call. Ports that other programs have are left for later.
    pub(super) fn open(ports: &Arc<Self>, address: IpAddr) -> Result<Sockets, NoPort> {
        let mut refused = None;
        for _ in 0..ports.pairs {
            let Ok(port) = ports.free.lock().try_recv() else { break };
            let lease = Lease { port, ports: Arc::clone(ports) };
            match bind(address, port) {
                Ok((rtp, control)) => {
                    return Ok(Sockets { address: SocketAddr::new(address, port), rtp, control, lease });
                }
                Err(error) => refused = Some(error),
            }
        }
        Err(refused.map_or(NoPort::Taken(ports.pairs), NoPort::System))
    }
}

fn bind(address: IpAddr, port: u16) -> io::Result<(UdpSocket, UdpSocket)> {
    let open = |port| {
        let socket = UdpSocket::bind((address, port))?;
        socket.set_nonblocking(true)?;
        Ok::<_, io::Error>(socket)
    };
    Ok((open(port)?, open(port + 1)?))
}

/// The sockets of a call. The lease comes last: ports are free only when the sockets are closed.
#[derive(Debug)]
pub(super) struct Sockets {
    pub(super) address: SocketAddr,
    pub(super) rtp: UdpSocket,
    pub(super) control: UdpSocket,
    pub(super) lease: Lease,
}

/// Gives a port back.
#[derive(Debug)]
pub(super) struct Lease {
    port: u16,
    ports: Arc<Ports>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        // The other end lives as long as the ports.
        let _ = self.ports.back.send(self.port);
    }
}
