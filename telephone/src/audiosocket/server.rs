//! Takes the calls in.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};

use super::call;
use crate::leg::Leg;

/// Calls that have said who they are and were not taken yet. When full, the next ones wait; they give up with their first message's time.
const LEGS: usize = 16;
/// Rest after a connection could not be accepted (too many open files).
const REST: Duration = Duration::from_millis(100);

/// How calls are taken in.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen.
    pub address: SocketAddr,
    /// Networks from which a PBX may connect; everything else is closed at once.
    pub allowed: Vec<IpNet>,
    /// Calls at the same time; further ones are closed at once, and the dial plan goes on.
    pub most_calls: usize,
    /// How long a connection may take to say which call it is.
    pub first_message: Duration,
    /// How long a PBX may send nothing at all before the call counts as lost. Callers whose telephones are silent while nobody speaks send
    /// nothing while they listen, so that this is longer than an answer.
    pub silent: Duration,
    /// How long the PBX may leave what we send unread or unacknowledged before the call counts as lost.
    pub unread: Duration,
}

impl Settings {
    /// Asterisk's usual port in examples of AudioSocket.
    pub const PORT: u16 = 9092;

    /// For that address: peers on loopback and in private networks, 100 calls.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            allowed: private_networks(),
            most_calls: 100,
            first_message: Duration::from_secs(5),
            silent: Duration::from_mins(1),
            unread: Duration::from_secs(5),
        }
    }

    fn allows(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.allowed.iter().any(|network| network.contains(&peer))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new(SocketAddr::from((Ipv4Addr::LOCALHOST, Self::PORT)))
    }
}

/// Loopback, RFC 1918 and RFC 4193.
fn private_networks() -> Vec<IpNet> {
    let four = [([127, 0, 0, 0], 8), ([10, 0, 0, 0], 8), ([172, 16, 0, 0], 12), ([192, 168, 0, 0], 16)];
    let six = [(Ipv6Addr::LOCALHOST, 128), (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7)];
    let four = four.into_iter().map(|(address, length)| Ipv4Net::new_assert(address.into(), length).into());
    let six = six.into_iter().map(|(address, length)| Ipv6Net::new_assert(address, length).into());
    four.chain(six).collect()
}

/// An open port.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    settings: Settings,
}

impl Listener {
    /// Opens it. Port 0 asks for any free one.
    pub async fn bind(settings: Settings) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(settings.address).await?, settings })
    }

    /// Where it is.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Takes calls in until the receiver is dropped; calls that go on then go on.
    pub fn serve(self) -> mpsc::Receiver<Leg> {
        // When full: see LEGS.
        let (legs, calls) = mpsc::channel(LEGS);
        tokio::spawn(self.accept(legs));
        calls
    }

    async fn accept(self, legs: mpsc::Sender<Leg>) {
        let settings = Arc::new(self.settings);
        let room = Arc::new(Semaphore::new(settings.most_calls));
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = legs.closed() => return,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "an AudioSocket connection could not be accepted");
                    tokio::time::sleep(REST).await;
                    continue;
                }
            };
            if !settings.allows(peer.ip()) {
                refused("peer");
                tracing::warn!(peer = %peer.ip(), "an AudioSocket connection from a peer that is not allowed was closed");
                continue;
            }
            let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
                refused("full");
                tracing::warn!(
                    most = settings.most_calls,
                    "an AudioSocket call was closed: too many at the same time"
                );
                continue;
            };
            if let Err(error) = prepare(&stream, &settings) {
                tracing::warn!(%error, "an AudioSocket connection could not be set up");
                continue;
            }
            let (legs, settings) = (legs.clone(), Arc::clone(&settings));
            tokio::spawn(async move {
                call::run(stream, &settings, legs).await;
                drop(permit);
            });
        }
    }
}

fn refused(why: &'static str) {
    metrics::counter!("telephone_calls_refused_total", "carrier" => "audiosocket", "why" => why).increment(1);
}

/// Frames leave at once; a PBX whose machine is gone is noticed when it acknowledges nothing, not after the quarter of an hour that TCP tries.
fn prepare(stream: &TcpStream, settings: &Settings) -> io::Result<()> {
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(stream).set_tcp_user_timeout(Some(settings.unread))?;
    #[cfg(not(target_os = "linux"))]
    let _ = settings;
    Ok(())
}

/// Listens as [`Settings`] say, and gives every call that comes.
pub async fn serve(settings: Settings) -> io::Result<mpsc::Receiver<Leg>> {
    Ok(Listener::bind(settings).await?.serve())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_peers_on_loopback_and_in_private_networks_are_allowed_by_default() {
        let settings = Settings::default();
        for peer in [
            "127.0.0.1",
            "127.9.9.9",
            "10.1.2.3",
            "172.31.0.1",
            "192.168.7.7",
            "::1",
            "fd00::5",
            "::ffff:10.0.0.1",
        ] {
            assert!(settings.allows(peer.parse().unwrap()), "{peer}");
        }
        for peer in ["8.8.8.8", "172.32.0.1", "169.254.1.1", "2001:db8::1", "fe80::1", "::ffff:8.8.8.8"] {
            assert!(!settings.allows(peer.parse().unwrap()), "{peer}");
        }
    }
}
