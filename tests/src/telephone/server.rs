//! A whole server in this process that answers the telephone.

use std::collections::BTreeSet;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use assistant::Configuration;
use assistant::server::Server;
use conversation::{ConversationState, Event};
use tempfile::TempDir;

use crate::material::workspace;

/// A free UDP port for SIP, and where a range of media ports begins that nobody uses.
///
/// # Errors
/// Where there is no such range.
pub fn pick_ports(media: u16) -> Result<(u16, u16)> {
    let sip = UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port();
    let free = |port: u16| UdpSocket::bind(("127.0.0.1", port)).is_ok();
    let begins = (0..200_u16).map(|n| 21_000 + n * 100);
    let first = begins
        .filter(|first| first.checked_add(media).is_some())
        .find(|first| (*first..first + media).all(free))
        .context("no free range of ports")?;
    Ok((sip, first))
}

/// A server with SIP and AudioSocket on loopback.
pub struct Hotline {
    /// The server.
    pub server: Server,
    /// Where SIP is listened for.
    pub sip: u16,
    /// Where the media ports begin.
    pub media: u16,
    /// How many there are.
    pub media_ports: u16,
    folder: TempDir,
}

impl Hotline {
    /// Starts one; further lines of the group `telephone.sip`.
    ///
    /// # Errors
    /// Where it does not start.
    pub async fn start(more: &str) -> Result<Self> {
        let media_ports = 200;
        let (sip, media) = pick_ports(media_ports)?;
        let folder = tempfile::tempdir()?;
        let text = configuration(&folder.path().join("data"), sip, (media, media + media_ports - 1), more);
        let server = Server::start(Configuration::with(&text)?).await?;
        Ok(Self { server, sip, media, media_ports, folder })
    }

    /// A folder for whatever a test writes.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// The conversation that a call was, with its events; `None` where there was no such call.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn conversation(&self, call: &str) -> Result<Option<(ConversationState, Vec<Event>)>> {
        let store = self.server.store();
        let Some(id) = store.conversation_of_call(call).await? else { return Ok(None) };
        let Some(state) = store.conversation(id).await? else { return Ok(None) };
        Ok(Some((state, store.events_after(id, 0, 1_000).await?)))
    }

    /// The kinds of events in a call's conversation, once they satisfy `done`, or after that time.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn wait_for(
        &self,
        call: &str,
        within: Duration,
        done: impl Fn(&[Event]) -> bool,
    ) -> Result<Vec<Event>> {
        let deadline = Instant::now() + within;
        loop {
            let events = self.conversation(call).await?.map(|(_, events)| events).unwrap_or_default();
            if done(&events) || Instant::now() > deadline {
                return Ok(events);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Media ports that are bound at this moment.
    ///
    /// # Errors
    /// Where `/proc` cannot be read.
    pub fn ports_in_use(&self) -> Result<usize> {
        let table = std::fs::read_to_string("/proc/net/udp")?;
        let ports: BTreeSet<u16> = table
            .lines()
            .skip(1)
            .filter_map(|line| {
                let local = line.split_whitespace().nth(1)?;
                u16::from_str_radix(local.rsplit(':').next()?, 16).ok()
            })
            .collect();
        let range = self.media..self.media + self.media_ports;
        Ok(ports.into_iter().filter(|port| range.contains(port)).count())
    }
}

/// SIP on loopback for everybody there, with the shipped models and the sample knowledge base.
fn configuration(data: &Path, sip: u16, (first, last): (u16, u16), more: &str) -> String {
    let (knowledge, models) =
        (workspace().join("examples/knowledge/sample"), workspace().join("models/seed"));
    let engine = format!("engines = [{{ engine = \"ctc\", path = \"{}\" }}]", models.display());
    format!(
        "[server]\nlisten = \"127.0.0.1:0\"\ndata = \"{}\"\n[knowledge]\npath = \"{}\"\n\
         [hearing]\nruntime = \"{}\"\n[hearing.bo]\n{engine}\n[hearing.zh]\n{engine}\n\
         [telephone.sip]\nudp = \"127.0.0.1:{sip}\"\nmedia_address = \"127.0.0.1\"\nfirst_port = {first}\nlast_port = {last}\n\
         {more}[[telephone.sip.trunks]]\nname = \"pbx\"\npeers = [\"127.0.0.0/8\"]\n",
        data.display(),
        knowledge.display(),
        workspace().join(".local/lib/libonnxruntime.so").display(),
    )
}
