//! `sipp` as a caller, by scenarios that are put together here.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// What a caller does after the call was answered.
#[derive(Clone, Debug)]
pub enum Action {
    /// Plays RTP packets from a file, while what follows goes on.
    Play(PathBuf),
    /// Does nothing.
    Wait(Duration),
    /// Hangs up.
    HangUp,
    /// Waits for the other side to hang up.
    BeHungUp,
    /// Waits for a REFER, accepts it, and says what came of it: the final code of the NOTIFY. After a 2xx the other side hangs up.
    BeReferred(u16),
}

/// What a caller does.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// After the answer.
    pub actions: Vec<Action>,
    /// Headers of the INVITE, besides the usual ones.
    pub headers: Vec<String>,
}

impl Scenario {
    /// Ordinary.
    pub const fn new(actions: Vec<Action>) -> Self {
        Self { actions, headers: Vec::new() }
    }

    fn xml(&self) -> String {
        let mut xml =
            String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<scenario name=\"caller\">\n");
        let headers: String = self.headers.iter().flat_map(|header| [header, "\n"]).collect();
        let _ = write!(
            xml,
            "<send retrans=\"500\" start_rtd=\"1\"><![CDATA[\nINVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n{}{headers}\
             CSeq: 1 INVITE\nContact: <sip:13800001234@[local_ip]:[local_port]>\nMax-Forwards: 70\nContent-Type: application/sdp\n\
             Content-Length: [len]\n\nv=0\no=u 1 1 IN IP[local_ip_type] [local_ip]\ns=-\nc=IN IP[media_ip_type] [media_ip]\nt=0 0\n\
             m=audio [media_port] RTP/AVP 8 101\na=rtpmap:8 PCMA/8000\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-16\n]]></send>\n\
             <recv response=\"100\" optional=\"true\"/><recv response=\"180\" optional=\"true\"/><recv response=\"183\" optional=\"true\"/>\n\
             <recv response=\"200\" rtd=\"1\" crlf=\"true\"/>\n\
             <send><![CDATA[\nACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n{}CSeq: 1 ACK\nMax-Forwards: 70\nContent-Length: 0\n\n]]></send>\n",
            dialog(false),
            dialog(true),
        );
        for action in &self.actions {
            action.write(&mut xml);
        }
        xml.push_str("</scenario>\n");
        xml
    }
}

fn dialog(established: bool) -> String {
    let tag = if established { "[peer_tag_param]" } else { "" };
    format!(
        "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n\
         From: <sip:13800001234@[local_ip]:[local_port]>;tag=[pid]T[call_number]\n\
         To: <sip:[service]@[remote_ip]:[remote_port]>{tag}\nCall-ID: [call_id]\n"
    )
}

const OK: &str = "<send><![CDATA[\nSIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\n\
                  Content-Length: 0\n\n]]></send>\n";

impl Action {
    fn write(&self, xml: &mut String) {
        let _ = match self {
            Self::Play(file) => {
                writeln!(xml, "<nop><action><exec play_pcap_audio=\"{}\"/></action></nop>", file.display())
            }
            Self::Wait(length) => writeln!(xml, "<pause milliseconds=\"{}\"/>", length.as_millis()),
            Self::HangUp => write!(
                xml,
                "<send retrans=\"500\"><![CDATA[\nBYE sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n{}CSeq: 9 BYE\nMax-Forwards: 70\n\
                 Content-Length: 0\n\n]]></send>\n<recv response=\"200\" crlf=\"true\"/>\n",
                dialog(true)
            ),
            Self::BeHungUp => write!(xml, "<recv request=\"BYE\" timeout=\"90000\"/>\n{OK}"),
            Self::BeReferred(code) => {
                let accepted = OK.replace("200 OK", "202 Accepted");
                let tried = notify(2, "active", "100 Trying");
                let last = notify(3, "terminated", &format!("{code} Final"));
                write!(
                    xml,
                    "<recv request=\"REFER\" timeout=\"60000\"/>\n{accepted}{tried}<recv response=\"200\"/>\n\
                     <pause milliseconds=\"300\"/>\n{last}<recv response=\"200\"/>\n"
                )
            }
        };
    }
}

fn notify(number: u32, state: &str, fragment: &str) -> String {
    format!(
        "<send retrans=\"500\"><![CDATA[\nNOTIFY sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n{}CSeq: {number} NOTIFY\n\
         Contact: <sip:13800001234@[local_ip]:[local_port]>\nEvent: refer\nSubscription-State: {state}\nMax-Forwards: 70\n\
         Content-Type: message/sipfrag\nContent-Length: [len]\n\nSIP/2.0 {fragment}\n]]></send>\n",
        dialog(true)
    )
}

/// How `sipp` is run.
#[derive(Clone, Debug)]
pub struct Sipp {
    /// Where the hotline listens.
    pub server: u16,
    /// `sipp`'s own port.
    pub port: u16,
    /// Where its media ports begin.
    pub media: u16,
    /// Calls in all.
    pub calls: usize,
    /// Calls at once.
    pub at_once: usize,
    /// Calls that begin in a second.
    pub per_second: usize,
    /// The Call-ID, `%u` for the call's number from 1.
    pub call_id: String,
}

/// A running `sipp`.
pub struct SippRun {
    child: Child,
    folder: PathBuf,
    name: String,
}

impl Sipp {
    /// One call.
    pub fn one(server: u16, port: u16, call_id: &str) -> Self {
        Self {
            server,
            port,
            media: port + 2,
            calls: 1,
            at_once: 1,
            per_second: 10,
            call_id: call_id.to_owned(),
        }
    }

    /// Starts it; what it writes goes into `folder`.
    ///
    /// # Errors
    /// Where it is not installed.
    pub fn start(&self, scenario: &Scenario, folder: &Path) -> Result<SippRun> {
        let name = format!("sipp-{}", self.port);
        let file = folder.join(format!("{name}.xml"));
        std::fs::write(&file, scenario.xml())?;
        let child = Command::new("sipp")
            .current_dir(folder)
            .arg("-sf")
            .arg(&file)
            .args([
                "-s",
                "12345",
                "-i",
                "127.0.0.1",
                "-nostdin",
                "-trace_err",
                "-trace_msg",
                "-trace_rtt",
                "-rtt_freq",
                "1",
            ])
            .args(["-error_file", &format!("{name}.err"), "-message_file", &format!("{name}.msg")])
            .args(["-p", &self.port.to_string(), "-mp", &self.media.to_string()])
            .args([
                "-m",
                &self.calls.to_string(),
                "-l",
                &self.at_once.to_string(),
                "-r",
                &self.per_second.to_string(),
            ])
            .args(["-cid_str", &self.call_id])
            .arg(format!("127.0.0.1:{}", self.server))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("sipp cannot be run (Debian: sip-tester)")?;
        Ok(SippRun { child, folder: folder.to_owned(), name })
    }
}

impl SippRun {
    /// Waits for its end: whether every call went as the scenario says.
    ///
    /// # Errors
    /// Where it does not end in time.
    pub async fn wait(&mut self, within: Duration) -> Result<bool> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(ExitStatus::success(&status));
            }
            if Instant::now() > deadline {
                self.kill()?;
                bail!("sipp did not end within {} s: {}", within.as_secs(), self.errors());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Kills it: a PBX that vanishes.
    ///
    /// # Errors
    /// Where it is gone.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// What it complains about.
    pub fn errors(&self) -> String {
        std::fs::read_to_string(self.folder.join(format!("{}.err", self.name))).unwrap_or_default()
    }

    /// Every message that it sent and received.
    pub fn messages(&self) -> String {
        std::fs::read_to_string(self.folder.join(format!("{}.msg", self.name))).unwrap_or_default()
    }

    /// From INVITE to 200, for each call, in milliseconds.
    ///
    /// # Errors
    /// Where `sipp` wrote no times.
    pub fn set_up_ms(&self) -> Result<Vec<f64>> {
        let mine = format!("_{}_rtt.csv", self.child.id());
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.to_string_lossy().ends_with(&mine) {
                let text = std::fs::read_to_string(path)?;
                found.extend(
                    text.lines()
                        .skip(1)
                        .filter_map(|line| line.split(';').nth(1)?.trim().parse::<f64>().ok()),
                );
            }
        }
        Ok(found)
    }
}

impl Drop for SippRun {
    fn drop(&mut self) {
        // Fails only where it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
