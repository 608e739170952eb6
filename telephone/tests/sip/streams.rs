//! SIP over TCP and TLS.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use telephone::Ended;
use telephone::sip::{Settings, StartError, Tls, Transport, Trunk, UserAgent};
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
                    if message.status() >= 200 && message.method() == method {
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
    let stream = TcpStream::connect(listen).await.expect("a connection");
    call(&mut fixture, stream, "TCP", listen).await;
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

    let swapped = Tls { certificate: key, key: certificate, listen: free_port().await };
    let own = Settings { tls: Some(swapped), ..own };
    assert!(matches!(UserAgent::start(own).await, Err(StartError::Certificate(_))));
    std::fs::remove_dir_all(folder).expect("removed");
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
