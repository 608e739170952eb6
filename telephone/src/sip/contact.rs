//! How peers reach us, and how we reach them.

use std::net::{IpAddr, SocketAddr};

use rsipstack::sip::uri::{Auth, Param};
use rsipstack::sip::{HostWithPort, Scheme, Transport, Uri};
use rsipstack::transport::{SipAddr, TransportLayer};

use super::settings::{Settings, Trunk};

/// The user part of our address where a trunk names none.
const US: &str = "drilen";

/// The address that a peer is told for requests over this transport.
pub(super) fn ours(layer: &TransportLayer, transport: Transport, user: &str) -> Option<Uri> {
    let listens = layer.get_listen_addrs();
    let listener = listens.iter().find(|address| address.r#type == Some(transport)).or(listens.first())?;
    let transport = listener.r#type.unwrap_or(transport);
    let user = if user.is_empty() { US } else { user };
    Some(Uri {
        scheme: Some(Scheme::Sip),
        auth: Some(Auth { user: user.to_owned(), password: None }),
        host_with_port: listener.addr.clone(),
        params: named(transport),
        headers: Vec::new(),
    })
}

/// The address in a session description: what the operator says, else the one that media listens on, else the one that SIP is heard on.
pub(super) fn media(settings: &Settings, layer: &TransportLayer, socket: SocketAddr) -> SocketAddr {
    let heard = || {
        layer
            .get_listen_addrs()
            .first()
            .and_then(|address| address.get_socketaddr().ok())
            .map(|address| address.ip())
    };
    let specified = Some(socket.ip()).filter(|ip| !ip.is_unspecified());
    let ip: IpAddr = settings.address.or(specified).or_else(heard).unwrap_or(socket.ip());
    SocketAddr::new(ip, socket.port())
}

/// Where calls of a trunk go: `host` or `host:port` with its transport.
pub(super) fn host(trunk: &Trunk) -> Option<HostWithPort> {
    let host =
        trunk.host.as_deref().or(trunk.register.as_ref().map(|register| register.registrar.as_str()))?;
    HostWithPort::try_from(host).ok()
}

/// The URI of somebody at a trunk; a whole URI stays as it is.
pub(super) fn theirs(trunk: &Trunk, who: &str) -> Option<Uri> {
    if !plain(who) {
        return None;
    }
    if is_uri(who) {
        return Uri::try_from(who).ok();
    }
    Some(Uri {
        scheme: Some(Scheme::Sip),
        auth: Some(Auth { user: who.to_owned(), password: None }),
        host_with_port: host(trunk)?,
        params: named(trunk.transport.of_stack()),
        headers: Vec::new(),
    })
}

/// Whether a text is a URI rather than an extension.
pub(super) fn is_uri(text: &str) -> bool {
    ["sip:", "sips:", "tel:"]
        .iter()
        .any(|scheme| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
}

/// Whether a text can stand in a header between angle brackets.
pub(super) fn plain(text: &str) -> bool {
    (1..=256).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"".contains(&byte))
}

/// Where requests of a trunk are sent, where no name has to be looked up.
pub(super) fn destination(trunk: &Trunk) -> Option<SipAddr> {
    let host = host(trunk)?;
    matches!(host.host, rsipstack::sip::Host::IpAddr(_))
        .then(|| SipAddr::new(trunk.transport.of_stack(), host))
}

fn named(transport: Transport) -> Vec<Param> {
    if transport == Transport::Udp { Vec::new() } else { vec![Param::Transport(transport)] }
}
