//! A hotline in this process with all of its doors open, agents, and questions that callers ask.

use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use assistant::doors::desk::password;
use conversation::{Agent, AgentId, CallHappened, Clarify, ClosedBy, Event, EventBody};
use end_to_end::Desk;
use end_to_end::material::workspace;
use end_to_end::telephone::sound::{RATE, narrow, silence, write_pcap};
use end_to_end::telephone::{Action, Hotline, Line, Scenario, Sipp, SippRun, is_installed};
use end_to_end::voices::{HeldOutVoices, pcm16};
use kb::Collection;
use language::Language;
use telephone::Rate;
use tempfile::TempDir;

const PASSWORD: &str = "ལྷ་ས་ 拉萨 3650";
/// The secret that the PBX shares with the hotline.
pub const KEY: &str = "a key of thirty-two or more bytes";
/// Patience with a busy machine; what is waited for takes a few seconds.
const PATIENCE: Duration = Duration::from_secs(45);

/// Whether all of these programs are there; says so where not.
pub fn has(programs: &[&str]) -> bool {
    let missing: Vec<&&str> = programs.iter().filter(|program| !is_installed(program)).collect();
    if !missing.is_empty() {
        println!("skipped: {missing:?} not installed (Debian: sip-tester, tcpdump)");
    }
    missing.is_empty()
}

/// A UDP port that nobody has at this moment.
pub fn free_port() -> Result<u16> {
    Ok(UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The hotline.
pub struct House {
    pub hotline: Hotline,
    /// Where citizens are called back: SIP's port on this machine.
    pub citizens: u16,
    /// The key is in it.
    _folder: TempDir,
}

impl House {
    /// Opens one; further groups of the configuration.
    pub async fn open(more: &str) -> Result<Self> {
        // The HTTP client is built without a choice of cryptography; an error means that it was chosen already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let folder = tempfile::tempdir()?;
        let key = folder.path().join("key");
        std::fs::write(&key, KEY)?;
        let citizens = free_port()?;
        let doors = format!(
            "[telephone.websocket]\nkey_file = \"{}\"\n[telephone.audiosocket]\nlisten = \"127.0.0.1:0\"\n\
             [telephone.callback]\ntrunk = \"provider\"\nfrom = \"12345\"\n{more}\
             [[telephone.sip.trunks]]\nname = \"provider\"\npeers = [\"192.0.2.0/24\"]\nhost = \"127.0.0.1:{citizens}\"\n",
            key.display()
        );
        Ok(Self { hotline: Hotline::start(&doors).await?, citizens, _folder: folder })
    }

    /// Stops it.
    pub async fn close(self) -> Result<()> {
        self.hotline.server.shutdown().await.map_err(anyhow::Error::msg)
    }

    /// Where AudioSocket is listened for.
    pub fn audiosocket(&self) -> Result<SocketAddr> {
        self.hotline.server.telephones().audiosocket.context("AudioSocket is not listened for")
    }

    /// Makes an agent who serves both languages, and logs them in.
    pub async fn agent(&self, name: &str) -> Result<Desk> {
        let hash = password::hash(PASSWORD, [5; 16]).map_err(anyhow::Error::msg)?;
        let agent =
            Agent { id: AgentId::generate(), name: name.to_owned(), languages: Language::ALL.to_vec() };
        self.hotline.server.store().add_agent(agent, hash).await?;
        Desk::login_at(&self.hotline.server.url(), name, PASSWORD).await
    }

    /// The events of a call.
    pub async fn events(&self, call: &str) -> Result<Vec<Event>> {
        Ok(self.hotline.conversation(call).await?.map(|(_, events)| events).unwrap_or_default())
    }

    /// The id of a call's conversation, as the desk knows it.
    pub async fn id(&self, call: &str) -> Result<String> {
        let (state, _) = self.hotline.conversation(call).await?.with_context(|| format!("no call {call}"))?;
        Ok(state.conversation.to_string())
    }

    /// Waits until something is found in a call's log.
    pub async fn until<T>(&self, call: &str, what: &str, found: impl Fn(&[Event]) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let events = self.events(call).await?;
            if let Some(found) = found(&events) {
                return Ok(found);
            }
            if Instant::now() > deadline {
                bail!("{call}: no {what} in {:?}", kinds(&events));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits for an event of that kind.
    pub async fn until_kind(&self, call: &str, kind: &str) -> Result<()> {
        self.until(call, kind, |events| events.iter().any(|event| event.body.kind() == kind).then_some(()))
            .await
    }

    /// Waits until that has happened to a call.
    pub async fn until_happened(&self, call: &str, what: CallHappened) -> Result<()> {
        self.until(call, &format!("{what:?}"), |events| happened(events, what).then_some(())).await
    }

    /// Whether a question was answered or asked back after the event with that number, which is as much as a caller can be told.
    pub async fn reply(&self, call: &str, question: &Question, after: u64) -> Result<Reply> {
        let entry = question.entry.clone();
        self.until(call, &format!("answer from {entry}"), move |events| {
            events.iter().filter(|event| event.seq > after).find_map(|event| Reply::of(&event.body, &entry))
        })
        .await
    }

    /// Calls with `sipp`, in that language where one is chosen before.
    pub fn sipp(&self, call: &str, language: Option<Language>, actions: Vec<Action>) -> Result<SippRun> {
        self.sipp_at(media_port()?, call, language, actions)
    }

    /// As [`Self::sipp`], with the sound at that port.
    pub fn sipp_at(
        &self,
        media: u16,
        call: &str,
        language: Option<Language>,
        actions: Vec<Action>,
    ) -> Result<SippRun> {
        let mut scenario = Scenario::new(actions);
        scenario.headers.extend(language.map(|language| format!("X-Language: {}", language.code())));
        let sipp = Sipp { media, ..Sipp::one(self.hotline.sip, free_port()?, call) };
        sipp.start(&scenario, &self.hotline.folder())
    }
}

/// Where `sipp` may open its media ports: it takes four from there.
pub fn media_port() -> Result<u16> {
    for _ in 0..100 {
        // Ports are given out from above; what lies below is seldom taken.
        let port = free_port()? & !1;
        if (port..port.saturating_add(4)).all(|port| UdpSocket::bind(("127.0.0.1", port)).is_ok()) {
            return Ok(port);
        }
    }
    bail!("no four free UDP ports")
}

/// What the assistant says to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The right answer.
    Answer,
    /// "Did you ask …?", or a list; the key that chooses the right one.
    Choice(char),
}

impl Reply {
    fn of(body: &EventBody, entry: &str) -> Option<Self> {
        match body {
            EventBody::Answer(answer) if answer.entry.0 == entry => Some(Self::Answer),
            EventBody::Clarify(Clarify { choices, .. }) => {
                let place = choices.iter().position(|choice| choice.entry.0 == entry)?;
                char::from_digit(u32::try_from(place).ok()? + 1, 10).map(Self::Choice)
            }
            _ => None,
        }
    }
}

/// The kinds of these events.
pub fn kinds(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(|event| event.body.kind()).collect()
}

/// The number of the last of them.
pub fn last(events: &[Event]) -> u64 {
    events.last().map_or(0, |event| event.seq)
}

/// Whether that has happened to the call.
pub fn happened(events: &[Event], what: CallHappened) -> bool {
    events.iter().any(|event| matches!(&event.body, EventBody::Call(call) if call.happened == what))
}

/// Who closed the conversation.
pub fn closed_by(events: &[Event]) -> Option<ClosedBy> {
    events.iter().find_map(|event| match &event.body {
        EventBody::Closed(closed) => Some(closed.by),
        _ => None,
    })
}

/// Whether the question's answer was given, in its language.
pub fn answered(events: &[Event], question: &Question) -> bool {
    events.iter().any(|event| match &event.body {
        EventBody::Answer(answer) => answer.entry.0 == question.entry && answer.language == question.language,
        _ => false,
    })
}

/// A question of the sample knowledge base, spoken by a voice that training never heard.
#[derive(Clone, Debug)]
pub struct Question {
    pub language: Language,
    pub entry: String,
    /// 16,000 a second, in [-1, 1].
    samples: Vec<f32>,
}

impl Question {
    /// The question of an entry.
    pub fn of(entry: &str, language: Language) -> Result<Self> {
        let collection = Collection::load(&workspace().join("examples/knowledge/sample"))?;
        let found = collection.entries.iter().find(|sourced| sourced.entry.id.0 == entry);
        let text = found.and_then(|sourced| sourced.entry.text(language)).context("no such entry")?;
        let samples = HeldOutVoices::load()?.say(0, &text.question, language)?;
        Ok(Self { language, entry: entry.to_owned(), samples })
    }

    /// As samples of that rate.
    pub fn at(&self, rate: Rate) -> Result<Vec<i16>> {
        match rate {
            Rate::Narrow => narrow(&self.samples),
            Rate::Wide => Ok(pcm16(&self.samples)),
        }
    }

    /// As packets that `sipp` plays, with silence around, and how long that lasts.
    pub fn packets(&self, file: &Path, before: u64, after: u64) -> Result<Duration> {
        let mut samples = silence(Duration::from_secs(before));
        samples.extend(self.at(Rate::Narrow)?);
        samples.extend(silence(Duration::from_secs(after)));
        write_pcap(file, &samples, &mut Line::perfect())?;
        Ok(Duration::from_secs_f64(samples.len() as f64 / f64::from(RATE)))
    }
}

/// A caller of `sipp` does nothing for so many seconds.
pub const fn wait(seconds: u64) -> Action {
    Action::Wait(Duration::from_secs(seconds))
}

/// … presses a key: `sip-tester` brings captures of all of them.
pub fn press(key: &str) -> Action {
    Action::Play(PathBuf::from(format!("/usr/share/sip-tester/dtmf_2833_{key}.pcap")))
}
