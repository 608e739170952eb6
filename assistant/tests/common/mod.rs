//! A real server in this process, with the sample knowledge base and a data folder of its own, and real clients.
#![allow(dead_code, reason = "each test file uses some of it")]

use std::{
    path::PathBuf,
    sync::{LazyLock, OnceLock, atomic::AtomicBool},
};

use assistant::{Configuration, Server, server::Parts};
use examples::{Client, Message, StartOptions};
use language::Language;
use serde_json::Value;
use speech::{
    SpeechRequest, Synthesizer,
    codec::resample::Resampler,
    synthesizer::{EspeakSettings, EspeakVoice},
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Outlives every test, so that tests can share a server whose tasks live on it.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

pub struct TestServer {
    pub server: Server,
    pub data: TempDir,
}

pub fn workspace() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A configuration for tests: any free port, the sample knowledge base, no speech unless `overrides` say otherwise.
pub fn configuration(data: &TempDir, overrides: &str) -> Configuration {
    let base = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\ndata = \"{}\"\ngrace = \"5s\"\n[knowledge]\npath = \"{}\"\n\
         [hearing]\nbo = {{ engines = [] }}\nzh = {{ engines = [] }}\n[limits]\nstarts_per_minute = 1000\n",
        data.path().join("data").display(),
        workspace().join("examples/knowledge/sample").display(),
    );
    Configuration::with(&base).unwrap().merged(overrides).unwrap()
}

pub async fn start(overrides: &str) -> TestServer {
    start_with(overrides, Parts::default()).await
}

pub async fn start_with(overrides: &str, parts: Parts) -> TestServer {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start_with(configuration(&data, overrides), parts).await.unwrap();
    TestServer { server, data }
}

/// One server for all tests of a file that change nothing for others.
pub fn shared() -> &'static TestServer {
    static SHARED: OnceLock<TestServer> = OnceLock::new();
    SHARED.get_or_init(|| {
        std::thread::spawn(|| RUNTIME.block_on(start("[limits]\nmessages_per_minute = 100000")))
            .join()
            .unwrap()
    })
}

impl TestServer {
    pub fn portal(&self) -> String {
        format!("ws://{}/v1/conversation", self.server.address())
    }

    pub async fn connect(&self) -> Client {
        Client::connect(&self.portal()).await.unwrap()
    }

    pub async fn citizen(&self, language: &str) -> Client {
        let mut client = self.connect().await;
        client.start(&StartOptions::text(language)).await.unwrap();
        client
    }
}

/// The next error, passing over everything else.
pub async fn error(client: &mut Client) -> Value {
    loop {
        match client.next().await.unwrap() {
            Message::Json(message) if message["type"] == "error" => return message,
            Message::Json(_) | Message::Audio(_) => {}
            Message::Closed(code) => panic!("closed with {code} instead of an error"),
        }
    }
}

/// The code with which the connection closes, passing over everything before.
pub async fn close_code(client: &mut Client) -> u16 {
    loop {
        match client.next().await {
            Ok(Message::Closed(code)) => return code,
            Ok(_) => {}
            Err(error) => panic!("no close code: {error}"),
        }
    }
}

/// A question of the sample knowledge base, word for word.
pub fn question(entry: &str, language: &str) -> String {
    let collection = kb::Collection::load(&workspace().join("examples/knowledge/sample")).unwrap();
    let sourced = collection.entries.iter().find(|e| e.entry.id.0 == entry).unwrap();
    sourced.entry.text(language.parse().unwrap()).unwrap().question.clone()
}

pub fn has_script(text: &str, language: &str) -> bool {
    text.chars().any(|c| match language {
        "bo" => ('\u{0F00}'..='\u{0FFF}').contains(&c),
        _ => ('\u{4E00}'..='\u{9FFF}').contains(&c),
    })
}

/// A voice saying something, 16 kHz, with silence around it.
pub fn voice(text: &str, language: Language, silence_after: f32) -> Vec<i16> {
    let folder = tempfile::tempdir().unwrap();
    let mut voice = EspeakVoice::new(EspeakSettings::default(), folder.path()).unwrap();
    let request = SpeechRequest { text: text.to_owned(), language, rate: 1.0 };
    let clip = voice.synthesize(&request, &AtomicBool::new(false)).unwrap();
    let mut resampler = Resampler::new(clip.sample_rate, 16_000).unwrap();
    let mut samples = vec![0.0; 4_800];
    samples.extend(resampler.push(&clip.samples).unwrap());
    samples.extend(resampler.finish().unwrap());
    samples.extend(vec![0.0; (silence_after * 16_000.0) as usize]);
    samples.iter().map(|s| (s * 32_767.0) as i16).collect()
}
