//! A scripted peer: says over UDP what a test tells it to, and reads what comes back.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::net::UdpSocket;

/// How long an answer may take: far longer than it does, so that a loaded machine fails nothing.
pub const SOON: Duration = Duration::from_secs(10);

static NUMBERS: AtomicU32 = AtomicU32::new(1);

/// A number that no other call of this run has.
pub fn number() -> u32 {
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}

/// A message, read.
#[derive(Clone, Debug)]
pub struct Message {
    /// The first line.
    pub first: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Message {
    pub fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let mut lines = head.split("\r\n");
        let first = lines.next().unwrap_or_default().to_owned();
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Self { first, headers, body: body.to_owned() }
    }

    /// The status of an answer; 0 for a request.
    pub fn status(&self) -> u16 {
        let mut words = self.first.split(' ');
        if words.next() == Some("SIP/2.0") {
            words.next().and_then(|code| code.parse().ok()).unwrap_or(0)
        } else {
            0
        }
    }

    /// The method of a request, or of the request that is answered.
    pub fn method(&self) -> &str {
        match self.status() {
            0 => self.first.split(' ').next().unwrap_or_default(),
            _ => self.header("cseq").split(' ').nth(1).unwrap_or_default(),
        }
    }

    pub fn header(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default()
    }

    pub fn find(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The tag of `To` or `From`.
    pub fn tag(&self, name: &str) -> String {
        self.header(name)
            .split(";tag=")
            .nth(1)
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default()
            .to_owned()
    }

    /// The port in the audio line of the description.
    pub fn media_port(&self) -> u16 {
        let line = self.body.lines().find_map(|line| line.strip_prefix("m=audio ")).expect("an audio line");
        line.split(' ').next().and_then(|port| port.parse().ok()).expect("a port")
    }
}

/// One end of UDP.
pub struct Peer {
    pub socket: UdpSocket,
    pub agent: SocketAddr,
}

/// A call from the peer's side.
#[derive(Clone, Debug)]
pub struct Dialog {
    pub call_id: String,
    pub ours: String,
    pub theirs: String,
    pub sequence: u32,
    pub invite: u32,
    /// The branch of the INVITE.
    pub branch: String,
}

impl Dialog {
    pub fn new() -> Self {
        let number = number();
        Self {
            call_id: format!("call-{number}@peer"),
            ours: format!("p{number}"),
            theirs: String::new(),
            sequence: 1,
            invite: 1,
            branch: format!("z9hG4bKi{number}"),
        }
    }
}

impl Peer {
    pub async fn new(agent: SocketAddr) -> Self {
        Self::at(agent, "127.0.0.1:0").await
    }

    pub async fn at(agent: SocketAddr, address: &str) -> Self {
        Self { socket: UdpSocket::bind(address).await.expect("a socket"), agent }
    }

    pub fn local(&self) -> SocketAddr {
        self.socket.local_addr().expect("an address")
    }

    pub async fn send(&self, text: &str) {
        self.socket.send_to(text.as_bytes(), self.agent).await.expect("sent");
    }

    /// The next message.
    pub async fn receive(&self) -> Message {
        self.receive_within(SOON).await.expect("a message of the agent in time")
    }

    pub async fn receive_within(&self, limit: Duration) -> Option<Message> {
        let mut buffer = [0; 8_192];
        let (length, _) =
            tokio::time::timeout(limit, self.socket.recv_from(&mut buffer)).await.ok()?.expect("received");
        Some(Message::read(&buffer[..length]))
    }

    /// The next message that fits; what comes before (repetitions, provisional answers) is passed over.
    pub async fn until(&self, fits: impl Fn(&Message) -> bool) -> Message {
        tokio::time::timeout(SOON, async {
            loop {
                let message = self.receive().await;
                if fits(&message) {
                    return message;
                }
            }
        })
        .await
        .expect("the message that was waited for")
    }

    /// The final answer to a request of this method.
    pub async fn answer(&self, method: &str) -> Message {
        self.until(|message| message.status() >= 200 && message.method() == method).await
    }

    /// The next request of this method.
    pub async fn request(&self, method: &str) -> Message {
        self.until(|message| message.status() == 0 && message.method() == method).await
    }

    /// A description of PCMA and telephone events at this port.
    pub fn description(port: u16, extra: &str) -> String {
        format!(
            "v=0\r\no=peer 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 8 101\r\n\
             a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n{extra}"
        )
    }

    /// A request of a call. The branch is new, except for what belongs to the INVITE's transaction.
    pub fn write(&self, method: &str, dialog: &Dialog, lines: &str, body: &str) -> String {
        let local = self.local();
        let (sequence, branch) = match method {
            "CANCEL" => (dialog.invite, dialog.branch.clone()),
            "INVITE" if dialog.theirs.is_empty() => (dialog.sequence, dialog.branch.clone()),
            "ACK" => (dialog.invite, format!("z9hG4bKa{}", number())),
            _ => (dialog.sequence, format!("z9hG4bKn{}", number())),
        };
        let tag = if dialog.theirs.is_empty() || method == "CANCEL" {
            String::new()
        } else {
            format!(";tag={}", dialog.theirs)
        };
        let kind = if body.is_empty() || lines.contains("Content-Type") {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        };
        let from = if lines.contains("From:") {
            String::new()
        } else {
            format!("From: <sip:13800001234@{local}>;tag={}\r\n", dialog.ours)
        };
        format!(
            "{method} sip:12345@{} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch={branch};rport\r\n{from}\
             To: <sip:12345@{}>{tag}\r\nCall-ID: {}\r\nCSeq: {sequence} {method}\r\nContact: <sip:pbx@{local}>\r\n\
             Max-Forwards: 70\r\n{lines}{kind}Content-Length: {}\r\n\r\n{body}",
            self.agent,
            self.agent,
            dialog.call_id,
            body.len()
        )
    }

    /// The ACK of a refusal, which belongs to the INVITE's transaction.
    pub async fn acknowledge_refusal(&self, dialog: &Dialog, refusal: &Message) {
        let local = self.local();
        self.send(&format!(
            "ACK sip:12345@{} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch={};rport\r\n\
             From: <sip:13800001234@{local}>;tag={}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {} ACK\r\nContent-Length: 0\r\n\r\n",
            self.agent,
            dialog.branch,
            dialog.ours,
            refusal.header("to"),
            dialog.call_id,
            dialog.invite
        ))
        .await;
    }

    /// A request inside a call.
    pub async fn ask(&self, method: &str, dialog: &mut Dialog, lines: &str, body: &str) {
        dialog.sequence += 1;
        if method == "INVITE" {
            dialog.invite = dialog.sequence;
        }
        let text = self.write(method, dialog, lines, body);
        self.send(&text).await;
    }

    /// Calls, and acknowledges the answer.
    pub async fn call(&self, lines: &str, media_port: u16) -> (Dialog, Message) {
        let mut dialog = Dialog::new();
        self.send(&self.write("INVITE", &dialog, lines, &Self::description(media_port, ""))).await;
        let answer = self.answer("INVITE").await;
        assert_eq!(answer.status(), 200, "{answer:?}");
        dialog.theirs = answer.tag("to");
        self.send(&self.write("ACK", &dialog, "", "")).await;
        (dialog, answer)
    }

    /// Hangs up.
    pub async fn bye(&self, dialog: &mut Dialog) {
        self.ask("BYE", dialog, "", "").await;
        assert_eq!(self.answer("BYE").await.status(), 200);
    }

    /// Answers a request of the agent.
    pub async fn respond(&self, request: &Message, status: &str, lines: &str, body: &str) {
        let tag = if request.tag("to").is_empty() { format!(";tag=u{}", number()) } else { String::new() };
        self.respond_as(request, status, &tag, lines, body).await;
    }

    /// Answers a request outside a dialog with this tag.
    pub async fn respond_as(&self, request: &Message, status: &str, tag: &str, lines: &str, body: &str) {
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        self.send(&format!(
            "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\nContact: <sip:pbx@{}>\r\n\
             {lines}{kind}Content-Length: {}\r\n\r\n{body}",
            request.header("via"),
            request.header("from"),
            request.header("to"),
            request.header("call-id"),
            request.header("cseq"),
            self.local(),
            body.len()
        ))
        .await;
    }
}
