//! The socket under the stack, and the care with which messages are read.
//!
//! The stack reads datagrams in the one task that receives them, and sorts messages of all transports in one task: a panic there would be the
//! end of all calls. So every datagram is read here once before, and every message is looked at by [`harmless`] before the stack sorts it: a
//! panic costs that message alone.

use std::net::SocketAddr;
use std::panic::catch_unwind;
use std::time::Duration;

use async_trait::async_trait;
use rsipstack::dialog::DialogId;
use rsipstack::platform::net::UdpSocket as Seam;
use rsipstack::sip::{HeadersExt, SipMessage, ToTypedHeader, Transport};
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transport::SipConnection;
use tokio::net::UdpSocket;

/// After an error of the system: long enough not to spin, short enough for a peer's next repetition.
const PAUSE: Duration = Duration::from_millis(10);

/// A socket of the system behind the stack's seam.
pub(super) struct Guarded(UdpSocket);

impl Guarded {
    /// Opens it.
    pub(super) async fn bind(address: SocketAddr) -> std::io::Result<Self> {
        UdpSocket::bind(address).await.map(Self)
    }
}

#[async_trait]
impl Seam for Guarded {
    async fn recv_from(&self, buffer: &mut [u8]) -> rsipstack::Result<(usize, SocketAddr)> {
        loop {
            match self.0.recv_from(buffer).await {
                // Keep-alives (RFC 5626) are line ends; the stack answers them.
                Ok((length, from)) if buffer[..length].iter().all(u8::is_ascii_whitespace) => {
                    return Ok((length, from));
                }
                Ok((length, from)) if parse(&buffer[..length]).is_some() => return Ok((length, from)),
                Ok(_) => metrics::counter!("telephone_sip_refused_total", "why" => "malformed").increment(1),
                // A peer's port is closed: nothing of ours is wrong.
                Err(error) => {
                    tracing::debug!(%error, "SIP over UDP could not be received");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn send_to(&self, buffer: &[u8], address: SocketAddr) -> rsipstack::Result<usize> {
        Ok(self.0.send_to(buffer, address).await?)
    }

    fn local_addr(&self) -> rsipstack::Result<SocketAddr> {
        Ok(self.0.local_addr()?)
    }
}

/// Reads a datagram as the stack will; `None` where it is no message.
pub(super) fn parse(bytes: &[u8]) -> Option<SipMessage> {
    let read = || {
        let message = SipMessage::try_from(bytes).ok()?;
        SipConnection::update_msg_received(message, ([127, 0, 0, 1], 5_060).into(), Transport::Udp).ok()
    };
    catch_unwind(read).ok().flatten()
}

/// Whether the stack can sort a message, and answer it, without falling over it: everything that it reads of one before the message has a task
/// of its own.
pub(super) fn harmless(message: &SipMessage) -> bool {
    let sorts = || {
        let _ = match message {
            SipMessage::Request(request) => {
                TransactionKey::from_request(request, TransactionRole::Server).map(|_| ())
            }
            SipMessage::Response(response) => {
                TransactionKey::from_response(response, TransactionRole::Client).map(|_| ())
            }
        };
        if let SipMessage::Request(request) = message {
            let _ = DialogId::try_from((request, TransactionRole::Server));
        }
        let _ = message.cseq_header().map(|header| (header.seq(), header.method()));
        let _ = message.to_header().map(|to| (to.tag(), to.uri()));
        let _ = message.from_header().map(|from| (from.tag(), from.uri()));
        let _ = message.top_via_header().map(|via| via.typed());
        let _ = message.via_header().map(SipConnection::parse_target_from_via);
        let _ = (
            message.typed_contact_headers(),
            message.typed_route_headers(),
            message.typed_record_route_headers(),
        );
        let _ = (message.has_multiple_vias(), message.rseq_value(), message.session_id_header());
        let _ = message.to_string();
    };
    catch_unwind(sorts).is_ok()
}
