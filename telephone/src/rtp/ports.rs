//! The ports of a range, two for each call.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::Arc;

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

/// Which even ports are free. A port that was given back goes to the end, so that late packets of a call do not reach the next one.
#[derive(Debug)]
pub(super) struct Ports {
    free: Mutex<VecDeque<u16>>,
    pairs: usize,
}

impl Ports {
    pub(super) fn new(range: RangeInclusive<u16>) -> io::Result<Self> {
        let last = *range.end();
        let even: VecDeque<u16> = range.filter(|port| *port != 0 && port % 2 == 0 && *port < last).collect();
        if even.is_empty() {
            let why = "the range of RTP ports has no even port with the odd one after it; give at least three ports";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        Ok(Self { pairs: even.len(), free: Mutex::new(even) })
    }

    /// Opens the sockets of a call. Ports that other programs have are left for later.
    pub(super) fn open(ports: &Arc<Self>, address: IpAddr) -> Result<Sockets, NoPort> {
        let mut refused = None;
        for _ in 0..ports.pairs {
            let Some(port) = ports.free.lock().pop_front() else { break };
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
        self.ports.free.lock().push_back(self.port);
    }
}
