//! SIP over TCP and TLS.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use telephone::sip::{Dial, Settings, StartError, Tls, Transport, Trunk, UserAgent};
use telephone::{CallId, Ended, ToCaller};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::peer::{Dialog, Message, Peer, SOON};
use super::{Fixture, ended, settings, trunk};

/// A port that nobody has at this moment.
async fn free_port() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket").local_addr().expect("an address")
}

/// Reads messages from a stream until the final answer to this method.
async fn answer(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>, method: &str) -> Message {
    next(stream, buffer, |message| message.status() >= 200 && message.method() == method).await
}

/// Reads messages from a stream until one fits.
async fn next(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
    fits: impl Fn(&Message) -> bool,
) -> Message {
    tokio::time::timeout(SOON, async {
        loop {
            let text = String::from_utf8_lossy(buffer).into_owned();
            if let Some((head, _)) = text.split_once("\r\n\r\n") {
                let length: usize =
                    Message::read(head.as_bytes()).header("content-length").parse().unwrap_or(0);
                let whole = head.len() + 4 + length;
                if buffer.len() >= whole {
                    let message = Message::read(&buffer[..whole]);
                    buffer.drain(..whole);
                    if fits(&message) {
                        return message;
                    }
                    continue;
                }
            }
            let mut piece = [0; 2_048];
            let length = stream.read(&mut piece).await.expect("read");
            assert!(length > 0, "the stream ended");
            buffer.extend(&piece[..length]);
        }
    })
    .await
    .expect("an answer in time")
}

/// A whole call over a stream, sent in pieces.
async fn call(
    fixture: &mut Fixture,
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    transport: &str,
    listen: SocketAddr,
) {
    // Only its way of writing is used: the Via and Contact that it writes are not of this stream, as behind address translation.
    let writer = Peer::new(listen).await;
    let write = |method: &str, dialog: &Dialog, body: &str| {
        writer.write(method, dialog, "", body).replace("SIP/2.0/UDP", &format!("SIP/2.0/{transport}"))
    };
    let mut dialog = Dialog::new();
    let invite = write("INVITE", &dialog, &Peer::description(40_000, ""));
    let (front, back) = invite.split_at(invite.len() / 2);
    stream.write_all(front.as_bytes()).await.expect("sent");
    stream.flush().await.expect("sent");
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    stream.write_all(back.as_bytes()).await.expect("sent");
    let mut buffer = Vec::new();
    let accepted = answer(&mut stream, &mut buffer, "INVITE").await;
    assert_eq!(accepted.status(), 200);
    assert!(accepted.header("contact").contains(&format!("{listen};transport={transport}")), "{accepted:?}");
    dialog.theirs = accepted.tag("to");
    stream.write_all(write("ACK", &dialog, "").as_bytes()).await.expect("sent");
    let mut leg = fixture.leg().await;
    dialog.sequence += 1;
    stream.write_all(write("BYE", &dialog, "").as_bytes()).await.expect("sent");
    assert_eq!(answer(&mut stream, &mut buffer, "BYE").await.status(), 200);
    assert_eq!(ended(&mut leg).await, Ended::ByCaller);
    fixture.nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_comes_over_tcp() {
    let listen = free_port().await;
    let tcp = Trunk { transport: Transport::Tcp, ..trunk() };
    let own = Settings { udp: None, tcp: Some(listen), trunks: vec![tcp], ..settings() };
    let mut fixture = Fixture::start(own).await;
    // Streams of nonsense are closed, or wait for more; the others go on.
    let mut open = Vec::new();
    for nonsense in [
        "INVITE sip:1@x SIP/2.0\r\nContent-Length: 18446744073709551615\r\n\r\n",
        "INVITE sip:1@x SIP/2.0\r\nContent-Length: -1\r\n\r\n",
        "INVITE sip:1@x SIP/2.0\r\nContent-Length: 9999\r\n\r\nhalf",
        "\u{0}\u{ffff}\r\n\r\n\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(listen).await.expect("a connection");
        stream.write_all(nonsense.repeat(20).as_bytes()).await.expect("sent");
        open.push(stream);
    }
    let stream = TcpStream::connect(listen).await.expect("a connection");
    call(&mut fixture, stream, "TCP", listen).await;
}

/// Reads the next request of this method from a stream.
async fn request(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>, method: &str) -> Message {
    next(stream, buffer, |message| message.status() == 0 && message.method() == method).await
}

/// The other side of a call that we make over a stream.
async fn called(mut stream: impl AsyncRead + AsyncWrite + Unpin, transport: &str) {
    let mut buffer = Vec::new();
    let invite = request(&mut stream, &mut buffer, "INVITE").await;
    assert!(invite.header("via").starts_with(&format!("SIP/2.0/{transport} 127.0.0.1")), "{invite:?}");
    let answer = |request: &Message, tag: &str, body: &str| {
        format!(
            "SIP/2.0 200 OK\r\nVia: {}\r\nFrom: {}\r\nTo: {}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\n\
             Contact: <sip:pbx@127.0.0.1:9;transport={transport}>\r\nContent-Type: application/sdp\r\n\
             Content-Length: {}\r\n\r\n{body}",
            request.header("via"),
            request.header("from"),
            request.header("to"),
            request.header("call-id"),
            request.header("cseq"),
            body.len()
        )
    };
    let accepted = answer(&invite, ";tag=b", &Peer::description(40_000, ""));
    stream.write_all(accepted.as_bytes()).await.expect("sent");
    request(&mut stream, &mut buffer, "ACK").await;
    // Its Contact cannot be reached: requests inside the call come over the same stream.
    let bye = request(&mut stream, &mut buffer, "BYE").await;
    stream.write_all(answer(&bye, "", "").as_bytes()).await.expect("sent");
}

/// Calls somebody over a trunk, and hangs up.
async fn dial(fixture: &Fixture) {
    let wanted = Dial {
        trunk: String::from("pbx"),
        to: String::from("100"),
        from: None,
        id: CallId::generate(),
        headers: Vec::new(),
        timeout: SOON,
    };
    let mut leg = fixture.agent.dial(wanted).await.expect("a leg");
    leg.to_caller.send(ToCaller::HangUp).await.expect("taken");
    assert_eq!(ended(&mut leg).await, Ended::ByUs);
    fixture.nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_made_over_tcp() {
    let pbx = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
    let host = Some(pbx.local_addr().expect("an address").to_string());
    let tcp = Trunk { transport: Transport::Tcp, host, ..trunk() };
    let own = Settings { tcp: Some(free_port().await), trunks: vec![tcp], ..settings() };
    let fixture = Fixture::start(own).await;
    let other = tokio::spawn(async move { called(pbx.accept().await.expect("a stream").0, "TCP").await });
    dial(&fixture).await;
    other.await.expect("no panic");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_is_reported() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
    let own = Settings { tcp: Some(taken.local_addr().expect("an address")), ..settings() };
    assert!(matches!(UserAgent::start(own).await, Err(StartError::Listen { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_comes_over_tls_and_an_encrypted_trunk_takes_nothing_else() {
    let folder = std::env::temp_dir().join(format!("drilen-sip-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    if !certify(&certificate, &key) {
        eprintln!("skipped: openssl is not installed, which makes the certificate of this test");
        return;
    }
    let listen = free_port().await;
    let tls = Tls { listen, certificate: certificate.clone(), key: key.clone() };
    let own = Settings {
        tls: Some(tls.clone()),
        trunks: vec![Trunk { transport: Transport::Tls, ..trunk() }],
        ..settings()
    };
    let mut fixture = Fixture::start(own.clone()).await;
    let peer = Peer::new(fixture.address).await;
    peer.send(&peer.write("INVITE", &Dialog::new(), "", &Peer::description(40_000, ""))).await;
    assert_eq!(peer.answer("INVITE").await.status(), 403, "in clear");

    let connector = tokio_rustls::TlsConnector::from(Arc::new(trusting(&certificate)));
    let stream = TcpStream::connect(listen).await.expect("a connection");
    let name = rustls::pki_types::ServerName::try_from("localhost").expect("a name");
    let stream = connector.connect(name, stream).await.expect("a handshake");
    call(&mut fixture, stream, "TLS", listen).await;
    dialled_over_tls(&own, &certificate, &key).await;

    let swapped = Tls { certificate: key, key: certificate, listen: free_port().await };
    let own = Settings { tls: Some(swapped), ..own };
    assert!(matches!(UserAgent::start(own).await, Err(StartError::Certificate(_))));
    std::fs::remove_dir_all(folder).expect("removed");
}

/// A call to a PBX by name, whose certificate is checked.
async fn dialled_over_tls(own: &Settings, certificate: &std::path::Path, key: &std::path::Path) {
    use rustls::pki_types::pem::PemObject as _;

    let chain = vec![rustls::pki_types::CertificateDer::from_pem_file(certificate).expect("a certificate")];
    let secret = rustls::pki_types::PrivateKeyDer::from_pem_file(key).expect("a key");
    let server = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .expect("a pair");
    let pbx = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
    let host = Some(format!("localhost:{}", pbx.local_addr().expect("an address").port()));
    let trunks = vec![Trunk { transport: Transport::Tls, host, ..trunk() }];
    let tls =
        Tls { listen: free_port().await, certificate: certificate.to_path_buf(), key: key.to_path_buf() };
    let authorities = Some(certificate.to_path_buf());
    let own = Settings {
        tls: Some(tls),
        trunks,
        authorities,
        udp: None,
        first_port: 29_900,
        last_port: 29_909,
        ..own.clone()
    };
    let fixture = Fixture::start(own).await;
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server));
    let other = tokio::spawn(async move {
        let stream = acceptor.accept(pbx.accept().await.expect("a stream").0).await.expect("a handshake");
        called(stream, "TLS").await;
    });
    dial(&fixture).await;
    other.await.expect("no panic");
}

/// A certificate of its own for localhost; `false` where there is no `openssl`.
fn certify(certificate: &std::path::Path, key: &std::path::Path) -> bool {
    let made = std::process::Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(key)
        .arg("-out")
        .arg(certificate)
        .stderr(std::process::Stdio::null())
        .status();
    made.is_ok_and(|status| status.success())
}

fn trusting(certificate: &std::path::Path) -> rustls::ClientConfig {
    use rustls::pki_types::pem::PemObject as _;

    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(rustls::pki_types::CertificateDer::from_pem_file(certificate).expect("a certificate"))
        .expect("a root");
    rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
}
