//! A citizen's telephone, which the hotline calls: `sipp` answers, or is busy. What is said to it, the test itself hears.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use audio_codec::{Decoder as _, pcma::PcmaDecoder};
use parking_lot::Mutex;
use rtp_types::RtpPacket;

/// What happens when it rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// 486.
    Busy,
    /// Somebody answers, and is given to somebody else, who answers, too.
    AndIsGivenAway,
    /// Somebody answers, and stays until the hotline hangs up.
    AndStays,
}

/// Who is called is the `To` of the INVITE, who calls its `From`; a request of the called has them the other way round.
const INVITED: &str = r#"<recv request="INVITE" crlf="true"><action>
<ereg regexp=".*" search_in="hdr" header="From:" assign_to="1"/>
<ereg regexp=".*" search_in="hdr" header="To:" assign_to="2"/>
<ereg regexp="sip:[^>;]*" search_in="hdr" header="Contact:" assign_to="3"/>
</action></recv>
"#;

fn response(status: &str, body: &str) -> String {
    format!(
        "<send><![CDATA[\nSIP/2.0 {status}\n[last_Via:]\n[last_From:]\n[last_To:];tag=[pid]T[call_number]\n[last_Call-ID:]\n\
         [last_CSeq:]\nContact: <sip:[local_ip]:[local_port]>\n{body}]]></send>\n"
    )
}

/// A response inside the dialog: the tags are there already.
fn accept(status: &str) -> String {
    response(status, "Content-Length: 0\n\n").replace(";tag=[pid]T[call_number]", "")
}

fn request(method: &str, number: u32, rest: &str) -> String {
    format!(
        "<send retrans=\"500\"><![CDATA[\n{method} [$3] SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n\
         From:[$2];tag=[pid]T[call_number]\nTo:[$1]\n[last_Call-ID:]\nCSeq: {number} {method}\n\
         Contact: <sip:[local_ip]:[local_port]>\nMax-Forwards: 70\n{rest}]]></send>\n<recv response=\"200\"/>\n"
    )
}

fn notify(number: u32, state: &str, fragment: &str) -> String {
    let rest = format!(
        "Event: refer\nSubscription-State: {state}\nContent-Type: message/sipfrag\nContent-Length: [len]\n\nSIP/2.0 {fragment}\n"
    );
    request("NOTIFY", number, &rest)
}

impl Answers {
    fn xml(self, media: u16) -> String {
        let description = format!(
            "Content-Type: application/sdp\nContent-Length: [len]\n\nv=0\no=u 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\n\
             m=audio {media} RTP/AVP 8 101\na=rtpmap:8 PCMA/8000\na=rtpmap:101 telephone-event/8000\n"
        );
        let answered = format!(
            "{}{}<recv request=\"ACK\"/>\n",
            response("180 Ringing", "Content-Length: 0\n\n"),
            response("200 OK", &description)
        );
        let rest = match self {
            // Variables that are not needed have to be named, or `sipp` takes them for a mistake.
            Self::Busy => format!(
                "{}<recv request=\"ACK\"/>\n<Reference variables=\"1,2,3\"/>\n",
                response("486 Busy Here", "Content-Length: 0\n\n")
            ),
            // The hotline hangs up at once, perhaps before it has confirmed the last NOTIFY.
            Self::AndIsGivenAway => format!(
                "{answered}<recv request=\"REFER\" timeout=\"60000\"/>\n{}{}{}<recv request=\"BYE\" timeout=\"20000\"/>\n{}",
                accept("202 Accepted"),
                notify(1, "active", "100 Trying"),
                notify(2, "terminated", "200 OK")
                    .replace("<recv response", "<recv optional=\"true\" response"),
                accept("200 OK")
            ),
            Self::AndStays => format!(
                "{answered}<Reference variables=\"1,2,3\"/>\n<recv request=\"BYE\" timeout=\"90000\"/>\n{}",
                accept("200 OK")
            ),
        };
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<scenario name=\"called\">\n{INVITED}{rest}</scenario>\n"
        )
    }
}

/// The telephone.
pub struct Called {
    child: Child,
    folder: PathBuf,
    name: String,
    ear: Ear,
}

impl Called {
    /// A telephone at that port, for one call.
    pub fn start(port: u16, answers: Answers, folder: &Path) -> Result<Self> {
        let ear = Ear::open()?;
        let name = format!("called-{}", ear.port);
        std::fs::write(folder.join(format!("{name}.xml")), answers.xml(ear.port))?;
        let child = Command::new("sipp")
            .current_dir(folder)
            .args(["-sf", &format!("{name}.xml"), "-i", "127.0.0.1", "-p", &port.to_string(), "-m", "1"])
            .args(["-nostdin", "-trace_msg", "-trace_err", "-message_file", &format!("{name}.msg")])
            .args(["-error_file", &format!("{name}.err")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("sipp cannot be run (Debian: sip-tester)")?;
        // It is there when its port is taken.
        let deadline = Instant::now() + Duration::from_secs(10);
        while UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            ensure!(Instant::now() < deadline, "sipp does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Self { child, folder: folder.to_owned(), name, ear })
    }

    /// Waits until the call has gone as it should.
    pub async fn ends(&mut self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(90);
        loop {
            if let Some(status) = self.child.try_wait()? {
                let errors = std::fs::read_to_string(self.folder.join(format!("{}.err", self.name)));
                ensure!(status.success(), "{status}: {}\n{}", errors.unwrap_or_default(), self.messages());
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "the call goes on: {}", self.messages());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Every message that it sent and received.
    pub fn messages(&self) -> String {
        std::fs::read_to_string(self.folder.join(format!("{}.msg", self.name))).unwrap_or_default()
    }

    /// For how long speech was to be heard since then.
    pub fn heard_since(&self, since: Instant) -> Duration {
        let packets = self.ear.packets.lock();
        let loud = packets.iter().filter(|(at, loudness)| *at >= since && *loudness > 300.0).count();
        Duration::from_millis(loud as u64 * 20)
    }

    /// Waits until nothing has been heard for that long.
    pub async fn falls_silent(&self, length: Duration) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(45);
        loop {
            let from = Instant::now();
            tokio::time::sleep(length).await;
            if self.heard_since(from).is_zero() {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "it is never still");
        }
    }

    /// Waits until speech of that length was to be heard since then.
    pub async fn hears(&self, since: Instant, length: Duration) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(45);
        while self.heard_since(since) < length {
            ensure!(Instant::now() < deadline, "only {:?} were to be heard", self.heard_since(since));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

impl Drop for Called {
    fn drop(&mut self) {
        // Fails only where it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Takes the sound: when each packet of A-law came, and how loud it was. Sends silence for it, as a telephone's microphone does.
struct Ear {
    port: u16,
    packets: Arc<Mutex<Vec<(Instant, f64)>>>,
    over: Arc<AtomicBool>,
    listening: Option<JoinHandle<()>>,
}

impl Ear {
    fn open() -> Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_read_timeout(Some(Duration::from_millis(200)))?;
        let port = socket.local_addr()?.port();
        let packets = Arc::<Mutex<Vec<(Instant, f64)>>>::default();
        let over = Arc::new(AtomicBool::new(false));
        let (kept, ends) = (Arc::clone(&packets), Arc::clone(&over));
        let listening = std::thread::spawn(move || {
            let (mut decoder, mut buffer, mut sent) = (PcmaDecoder::new(), [0; 2_048], 0_u16);
            while !ends.load(Ordering::Relaxed) {
                let Ok((length, hotline)) = socket.recv_from(&mut buffer) else { continue };
                drop(socket.send_to(&silence(sent), hotline));
                sent = sent.wrapping_add(1);
                let Ok(packet) = RtpPacket::parse(&buffer[..length]) else { continue };
                if packet.payload_type() == 8 {
                    let samples = decoder.decode(packet.payload());
                    let sum: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
                    kept.lock().push((Instant::now(), (sum / samples.len().max(1) as f64).sqrt()));
                }
            }
        });
        Ok(Self { port, packets, over, listening: Some(listening) })
    }
}

/// A packet of 20 ms without a sound: 0xd5 is A-law's zero.
fn silence(number: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 8];
    packet.extend(number.to_be_bytes());
    packet.extend((u32::from(number) * 160).to_be_bytes());
    packet.extend(0x0051_1e9c_u32.to_be_bytes());
    packet.extend([0xd5; 160]);
    packet
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(listening) = self.listening.take() {
            drop(listening.join());
        }
    }
}
