//! Starting, draining and stopping.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use rsipstack::EndpointBuilder;
use rsipstack::dialog::dialog_layer::DialogLayer;
use rsipstack::sip::Method;
use rsipstack::transaction::endpoint::{Endpoint, TransportEventInspector};
use rsipstack::transport::tcp_listener::TcpListenerConnection;
use rsipstack::transport::tls::{TlsConfig, TlsListenerConnection};
use rsipstack::transport::udp::UdpConnection;
use rsipstack::transport::{SipConnection, TransportEvent, TransportLayer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::agent::{Agent, WAITING};
use super::dial::{self, Dial, NotDialled};
use super::gate::Gate;
use super::names::DigestNames;
use super::register;
use super::settings::{Settings, Transport, Unworkable};
use super::socket::Guarded;
use crate::leg::Leg;
use crate::rtp::{Config, Media};

/// How long calls and registrations may take to end.
const FAREWELL: Duration = Duration::from_secs(5);
/// A call with no limit of silence: longer than any lives.
const FOR_EVER: Duration = Duration::from_hours(24 * 365);

/// Why the user agent could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings cannot work.
    #[error(transparent)]
    Settings(#[from] Unworkable),
    /// A socket could not be opened.
    #[error("SIP cannot listen on {address}: {error}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        error: String,
    },
    /// A certificate or key could not be read.
    #[error("{} cannot be read: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A certificate and its key do not work.
    #[error("the certificate or key of SIP over TLS does not work: {0}")]
    Certificate(String),
    /// The system gives no thread, no ports or no random numbers.
    #[error("SIP cannot be started: {0}")]
    System(#[from] io::Error),
}

/// What the user agent holds at this moment: for health checks, and for tests that nothing grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Calls, answered or being answered.
    pub calls: usize,
    /// Dialogs of the stack.
    pub dialogs: usize,
    /// Transactions that are under way: until the ACK, the answer, or 32 s without one.
    pub transactions: usize,
    /// Last messages that are kept for repetitions, 32 s each.
    pub kept: usize,
    /// Tasks of calls and registrations.
    pub tasks: usize,
}

/// The user agent. Clones are the same. It runs until [`Self::stop`], not until it is dropped.
#[derive(Clone)]
pub struct UserAgent {
    agent: Arc<Agent>,
    endpoint: CancellationToken,
}

impl UserAgent {
    /// Listens, registers, and gives answered calls to the receiver.
    pub async fn start(settings: Settings) -> Result<(Self, mpsc::Receiver<Leg>), StartError> {
        settings.check()?;
        // Of several providers in one program none would be the default; fails where one is chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let token = CancellationToken::new();
        let gate = Arc::new(Gate::new(settings)?);
        let endpoint = endpoint(&gate, token.clone());
        listen(&gate.settings, &endpoint.inner.transport_layer, &token).await?;
        let layer = Arc::new(DialogLayer::new(Arc::clone(&endpoint.inner)));
        // Nothing has come before: the endpoint is not served yet.
        let _ = gate.layer.set(Arc::downgrade(&layer));
        let (legs, legs_seen) = mpsc::channel(gate.settings.calls + WAITING);
        let agent = Arc::new(Agent {
            media: media(&gate.settings)?,
            calls: Arc::new(Semaphore::new(gate.settings.calls)),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            layer,
            legs,
            gate,
        });
        serve(&agent, endpoint, token.clone());
        // What has been started ends where the rest cannot be.
        let unless_started = token.clone().drop_guard();
        for transport in [Transport::Tcp, Transport::Tls] {
            if let Some(address) = agent.settings().listens(transport) {
                listening(address).await?;
            }
        }
        for trunk in &agent.settings().trunks {
            if let Some(name) = &trunk.register {
                agent.tasks.spawn(register::keep(Arc::clone(&agent), trunk.clone(), name.clone()));
            }
        }
        unless_started.disarm();
        Ok((Self { agent, endpoint: token }, legs_seen))
    }

    /// Calls somebody, and waits for the answer. Dropping this cancels the call.
    pub async fn dial(&self, wanted: Dial) -> Result<Leg, NotDialled> {
        dial::dial(&self.agent, wanted).await
    }

    /// Where it listens, as peers are told. Ports that were left to the system are known here.
    pub fn addresses(&self) -> Vec<(Transport, SocketAddr)> {
        let layer = &self.agent.layer.endpoint.transport_layer;
        let known = |address: rsipstack::transport::SipAddr| {
            let transport = match address.r#type? {
                rsipstack::sip::Transport::Udp => Transport::Udp,
                rsipstack::sip::Transport::Tcp => Transport::Tcp,
                rsipstack::sip::Transport::Tls => Transport::Tls,
                _ => return None,
            };
            Some((transport, address.get_socketaddr().ok()?))
        };
        layer.get_listen_addrs().into_iter().filter_map(known).collect()
    }

    /// What it holds at this moment.
    pub fn figures(&self) -> Figures {
        let stack = self.agent.layer.endpoint.get_stats();
        Figures {
            calls: self.agent.settings().calls - self.agent.calls.available_permits(),
            dialogs: self.agent.layer.len(),
            transactions: stack.running_transactions,
            kept: stack.finished_transactions + stack.waiting_ack,
            tasks: self.agent.tasks.len(),
        }
    }

    /// Refuses new calls with 503 and `Retry-After` from now on; those that are under way go on.
    pub fn drain(&self) {
        self.agent.gate.draining.store(true, Ordering::Relaxed);
    }

    /// Ends all calls with BYE, takes registrations back, and stops listening. Waits a few seconds for peers to confirm.
    pub async fn stop(&self) {
        self.drain();
        self.agent.stopping.cancel();
        self.agent.tasks.close();
        if tokio::time::timeout(FAREWELL, self.agent.tasks.wait()).await.is_err() {
            tracing::warn!(tasks = self.agent.tasks.len(), "peers did not confirm the end of their calls");
        }
        self.endpoint.cancel();
    }
}

/// The stack holds its inspector by itself; the gate is shared.
struct Shared(Arc<Gate>);

#[async_trait]
impl TransportEventInspector for Shared {
    async fn handle(&self, event: TransportEvent) -> Option<TransportEvent> {
        self.0.handle(event).await
    }
}

fn endpoint(gate: &Arc<Gate>, token: CancellationToken) -> Endpoint {
    EndpointBuilder::new()
        .with_user_agent("Drilen")
        .with_transport_layer(TransportLayer::new(token.clone()))
        .with_cancel_token(token)
        .with_allows(vec![
            Method::Invite,
            Method::Ack,
            Method::Bye,
            Method::Cancel,
            Method::Options,
            Method::Info,
            Method::Update,
            Method::Notify,
        ])
        .with_transport_inspector(Box::new(Shared(Arc::clone(gate))))
        .with_inspector(Box::new(DigestNames))
        .build()
}

fn media(settings: &Settings) -> io::Result<Media> {
    let silence = if settings.silence.is_zero() { FOR_EVER } else { settings.silence };
    let ports = settings.first_port..=settings.last_port;
    Media::start(Config { address: settings.media_address, ports, silence })
}

async fn listen(
    settings: &Settings,
    layer: &TransportLayer,
    token: &CancellationToken,
) -> Result<(), StartError> {
    let told = |listen: SocketAddr| settings.address.map(|ip| SocketAddr::new(ip, listen.port()));
    let failed =
        |address, error: &dyn std::fmt::Display| StartError::Listen { address, error: error.to_string() };
    if let Some(address) = settings.listens(Transport::Udp) {
        let socket = Guarded::bind(address).await.map_err(|error| failed(address, &error))?;
        let told = settings.address.map(|ip| {
            let port = rsipstack::platform::net::UdpSocket::local_addr(&socket)
                .map_or(address.port(), |own| own.port());
            SocketAddr::new(ip, port)
        });
        let udp = UdpConnection::from_socket(Arc::new(socket), told, Some(token.child_token())).await;
        layer.add_transport(udp.map_err(|error| failed(address, &error))?.into());
    }
    if let Some(address) = settings.listens(Transport::Tcp) {
        free(address).await.map_err(|error| failed(address, &error))?;
        let tcp = TcpListenerConnection::new(address, told(address)).await;
        layer.add_transport(SipConnection::TcpListener(tcp.map_err(|error| failed(address, &error))?));
    }
    let authorities = match &settings.authorities {
        Some(path) => Some(read(path).await?),
        None => None,
    };
    layer.set_tls_config(TlsConfig { ca_certs: authorities, ..TlsConfig::default() });
    if let Some(tls) = &settings.tls {
        let (cert, key) = (read(&tls.certificate).await?, read(&tls.key).await?);
        pair(&cert, &key)?;
        free(tls.listen).await.map_err(|error| failed(tls.listen, &error))?;
        let config = TlsConfig { cert: Some(cert), key: Some(key), ..TlsConfig::default() };
        let listener = TlsListenerConnection::new(tls.listen, told(tls.listen), config).await;
        layer
            .add_transport(SipConnection::TlsListener(listener.map_err(|error| failed(tls.listen, &error))?));
    }
    Ok(())
}

/// The stack opens streams later and only logs when that fails: so it is tried here before.
async fn free(address: SocketAddr) -> io::Result<()> {
    TcpListener::bind(address).await.map(drop)
}

/// Waits until the stack listens for streams there.
async fn listening(address: SocketAddr) -> Result<(), StartError> {
    let mut reached = address;
    if address.ip().is_unspecified() {
        reached.set_ip(if address.is_ipv4() {
            Ipv4Addr::LOCALHOST.into()
        } else {
            Ipv6Addr::LOCALHOST.into()
        });
    }
    let mut error = String::new();
    for _ in 0..100 {
        match TcpStream::connect(reached).await {
            Ok(_) => return Ok(()),
            Err(failed) => error = failed.to_string(),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err(StartError::Listen { address, error })
}

/// The stack reads certificates later and only logs when they do not work: so they are read here before, in the same way.
fn pair(cert: &[u8], key: &[u8]) -> Result<(), StartError> {
    use rsipstack::transport::tls::ReloadableCertResolver;

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ReloadableCertResolver::new(cert, key, provider)
        .map(drop)
        .map_err(|error| StartError::Certificate(error.to_string()))
}

async fn read(path: &PathBuf) -> Result<Vec<u8>, StartError> {
    tokio::fs::read(path).await.map_err(|error| StartError::File { path: path.clone(), error })
}

/// Runs the stack, and a task for every request that the gate lets in.
fn serve(agent: &Arc<Agent>, endpoint: Endpoint, stopped: CancellationToken) {
    let mut incoming = endpoint.incoming_transactions().expect("a new endpoint's requests are taken once");
    tokio::spawn(async move { endpoint.serve().await });
    let agent = Arc::clone(agent);
    tokio::spawn(async move {
        while let Some(Some(transaction)) = stopped.run_until_cancelled(incoming.recv()).await {
            // The gate has counted what leads here: new calls by address and second, everything else belongs to a call that exists.
            agent.tasks.spawn(Arc::clone(&agent).handle(transaction));
        }
    });
}
