//! Citizens who pause in the middle of what they say, longer than the silence that ends a turn: on the wire, in real time, with the shipped
//! recogniser and a synthesized voice.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod common;

use std::{
    collections::BTreeMap,
    sync::{LazyLock, atomic::AtomicBool},
    time::Duration,
};

use common::{TestServer, start, workspace};
use conversation::Token;
use examples::{Client, Message, StartOptions};
use language::Language;
use serde_json::{Value, json};
use speech::{
    SpeechRequest, Synthesizer,
    codec::resample::Resampler,
    synthesizer::{EspeakSettings, EspeakVoice},
};
use tokio::{runtime::Runtime, time::Instant};

/// Outlives every test: the server's tasks live on it.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

static SERVER: LazyLock<TestServer> = LazyLock::new(|| {
    std::thread::spawn(|| {
        let root = workspace();
        let engine = format!("[{{ engine = \"ctc\", path = \"{}\" }}]", root.join("models/seed").display());
        // Turns that are cut are needed here: by default the rest of a known question is waited for longer.
        let overrides = format!(
            "[hearing]\nruntime = \"{}\"\nbo = {{ engines = {engine} }}\nzh = {{ engines = {engine} }}\n\
             [hearing.portal]\nsilence_when_begun_ms = 1250\n",
            root.join(".local/lib/libonnxruntime.so").display()
        );
        RUNTIME.block_on(start(&overrides))
    })
    .join()
    .unwrap()
});

/// 20 ms at 16 kHz.
const FRAME: usize = 320;

/// Something that sounds.
enum Sound<'a> {
    Says(&'a str),
    Pauses(usize),
}
use Sound::{Pauses, Says};

fn voice(text: &str, language: Language) -> Vec<f32> {
    let folder = tempfile::tempdir().unwrap();
    let mut voice = EspeakVoice::new(EspeakSettings::default(), folder.path()).unwrap();
    let request = SpeechRequest { text: text.to_owned(), language, rate: 1.0 };
    let clip = voice.synthesize(&request, &AtomicBool::new(false)).unwrap();
    let mut resampler = Resampler::new(clip.sample_rate, 16_000).unwrap();
    let mut samples = resampler.push(&clip.samples).unwrap();
    samples.extend(resampler.finish().unwrap());
    samples
}

fn sound(parts: &[Sound<'_>], language: Language) -> Vec<i16> {
    let mut samples = vec![0.0; 6_400];
    for part in parts {
        match part {
            Says(text) => samples.extend(voice(text, language)),
            Pauses(ms) => samples.extend(vec![0.0; ms * 16]),
        }
    }
    // A little noise, as any microphone has.
    let noise = |at: usize| ((at * 7_919) % 41) as f32 - 20.0;
    samples.iter().enumerate().map(|(at, s)| (s * 32_767.0 + noise(at)) as i16).collect()
}

/// A citizen and everything that they have been told.
struct Citizen {
    client: Client,
    told: Vec<Value>,
}

impl Citizen {
    async fn arrives(language: Language) -> Self {
        let mut client = SERVER.connect().await;
        let options =
            StartOptions { language: language.code().to_owned(), voice: true, audio_out: "pcm16".to_owned() };
        client.start(&options).await.unwrap();
        Self { client, told: Vec::new() }
    }

    /// Sends sound as fast as it is spoken.
    async fn speaks(&mut self, id: &str, samples: &[i16]) {
        self.client
            .send(json!({"type": "audio_start", "id": id, "codec": "pcm16", "sample_rate": 16000}))
            .await
            .unwrap();
        let begun = Instant::now();
        for (number, frame) in samples.chunks(FRAME).enumerate() {
            self.client.send_audio(frame.iter().flat_map(|s| s.to_le_bytes()).collect()).await.unwrap();
            self.listens_until(begun + Duration::from_millis(20 * (number as u64 + 1))).await;
        }
    }

    async fn listens_until(&mut self, moment: Instant) {
        while let Some(left) = moment.checked_duration_since(Instant::now()) {
            match self.client.next_within(left).await {
                Ok(Message::Json(message)) => self.told.push(message),
                Ok(Message::Audio(_)) => {}
                Ok(Message::Closed(code)) => panic!("closed with {code}"),
                Err(_) => return,
            }
        }
    }

    async fn listens(&mut self, milliseconds: u64) {
        self.listens_until(Instant::now() + Duration::from_millis(milliseconds)).await;
    }

    fn all(&self, kind: &str) -> Vec<&Value> {
        self.told.iter().filter(|message| message["type"] == kind).collect()
    }

    /// The events, but those that were withdrawn, by their place.
    fn standing(&self) -> BTreeMap<u64, Value> {
        // How far a sound was heard depends on when somebody looks.
        let events = self.told.iter().filter(|m| m.get("at").is_some() && m["type"] != "interrupted");
        let mut standing: BTreeMap<u64, Value> =
            events.map(|event| (event["seq"].as_u64().unwrap(), event.clone())).collect();
        for withdrawn in self.all("withdrawn") {
            let (from, to) = (withdrawn["from"].as_u64().unwrap(), withdrawn["to"].as_u64().unwrap());
            standing.retain(|seq, _| !(from..=to).contains(seq));
        }
        standing
    }

    /// What the assistant says and stands by: the entry, offered or answered, or the act.
    fn replies(&self) -> Vec<String> {
        let reply = |event: &Value| match event["type"].as_str()? {
            "answer" => event["entry"].as_str().map(str::to_owned),
            "clarify" => {
                let choices = event["choices"].as_array()?;
                Some(
                    choices
                        .iter()
                        .filter_map(|choice| choice["entry"].as_str())
                        .collect::<Vec<_>>()
                        .join(" "),
                )
            }
            "say" => event["act"].as_str().map(str::to_owned),
            _ => None,
        };
        self.standing().values().filter_map(reply).collect()
    }

    async fn state(&self) -> conversation::ConversationState {
        let token: Token = self.client.token.clone().unwrap().parse().unwrap();
        SERVER.server.store().find_by_token(&token.hash()).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn a_question_cut_in_the_middle_is_answered_as_one_and_what_was_said_to_its_beginning_is_withdrawn() {
    for (language, beginning, end, entry) in [
        (Language::Zh, "身份证", "到期了怎么换", "idcard-renew"),
        (Language::Bo, "ཐོབ་ཐང་ལག་འཁྱེར་", "དུས་ཚོད་ཡོལ་ན་གང་འདྲ་བརྗེ་དགོས་རེད།", "idcard-renew"),
    ] {
        let mut citizen = Citizen::arrives(language).await;
        let halting = sound(&[Says(beginning), Pauses(1_750), Says(end), Pauses(3_000)], language);
        citizen.speaks("a", &halting).await;
        citizen.listens(500).await;
        let told = citizen.told.clone();
        assert_eq!(citizen.replies(), [entry], "{told:?}");
        let [withdrawn] = citizen.all("withdrawn")[..] else { panic!("{told:?}") };
        assert_eq!((&withdrawn["from"], &withdrawn["to"]), (&json!(2), &json!(3)));
        assert_eq!(citizen.all("speech_resumed").len(), 1);
        let ended = citizen.all("speech_ended");
        assert!(ended.len() == 2 && ended.iter().all(|m| m["id"] == "a"), "{ended:?}");
        assert!(ended[0]["listening_ms"].as_u64().unwrap() > 0);
        // The sound of what stands is the last that begins, and nothing is told of it before it stands.
        let spoken: Vec<&Value> = citizen.all("audio_start").into_iter().map(|m| &m["seq"]).collect();
        assert_eq!(spoken.last(), Some(&&json!(6)), "{spoken:?}");
        let stopped = citizen.all("audio_end");
        assert!(stopped.iter().all(|m| m["audio_id"] != 1 || m["interrupted"] == true), "{stopped:?}");
        let state = citizen.state().await;
        assert_eq!(
            (state.failures, state.last_seq),
            (0, 6),
            "the beginning does not count as not understood"
        );
        // Whoever comes back finds the same.
        let token = citizen.client.token.clone().unwrap();
        let standing = citizen.standing();
        let mut again = Citizen { client: SERVER.connect().await, told: Vec::new() };
        again.client.resume(&token, 0).await.unwrap();
        again.listens(500).await;
        assert_eq!(again.standing().keys().collect::<Vec<_>>(), [&1, &4, &5, &6]);
        assert!(standing.iter().all(|(seq, event)| again.standing().get(seq) == Some(event)));
    }
}

#[tokio::test]
async fn a_second_question_soon_after_a_whole_one_is_a_turn_of_its_own() {
    for (language, first, second, entries) in [
        (Language::Zh, "身份证到期了怎么换", "社保卡丢了怎么挂失补办", ["idcard-renew", "socialcard-lost"]),
        (
            Language::Bo,
            "ཐོབ་ཐང་ལག་འཁྱེར་བརླགས་ན་གང་འདྲ་བསྐྱར་བཟོ་བྱེད་དགོས་རེད།",
            "ཐོབ་ཐང་ལག་འཁྱེར་དུས་ཚོད་ཡོལ་ན་གང་འདྲ་བརྗེ་དགོས་རེད།",
            ["idcard-lost", "idcard-renew"],
        ),
    ] {
        let mut citizen = Citizen::arrives(language).await;
        let both = sound(&[Says(first), Pauses(1_500), Says(second), Pauses(3_000)], language);
        citizen.speaks("a", &both).await;
        citizen.listens(500).await;
        assert_eq!(citizen.all("withdrawn").len(), 0, "{:?}", citizen.told);
        assert_eq!(citizen.replies(), entries);
        let ids: Vec<&Value> = citizen.all("citizen_message").into_iter().map(|m| &m["id"]).collect();
        assert_eq!(ids, ["a", "a"], "both belong to the turn in which they were said");
    }
}

#[tokio::test]
async fn guidance_in_an_emergency_stands_whatever_is_said_after_it() {
    for (language, help, more, entry) in [
        (Language::Zh, "着火了", "身份证到期了怎么换", "idcard-renew"),
        (Language::Bo, "མེ་ཤོར་སོང་།", "ཐོབ་ཐང་ལག་འཁྱེར་བརླགས་ན་གང་འདྲ་བསྐྱར་བཟོ་བྱེད་དགོས་རེད།", "idcard-lost"),
    ] {
        let mut citizen = Citizen::arrives(language).await;
        let cry = sound(&[Says(help), Pauses(1_600), Says(more), Pauses(3_000)], language);
        citizen.speaks("a", &cry).await;
        citizen.listens(500).await;
        assert_eq!(citizen.all("speech_resumed").len(), 1, "{:?}", citizen.told);
        assert_eq!(citizen.all("withdrawn").len(), 0, "{:?}", citizen.told);
        assert_eq!(citizen.replies(), ["emergency", entry]);
    }
}

#[tokio::test]
async fn who_only_hums_while_they_are_being_answered_is_answered_on() {
    let mut citizen = Citizen::arrives(Language::Zh).await;
    let hum = sound(&[Says("身份证到期了怎么换"), Pauses(900), Says("嗯"), Pauses(3_000)], Language::Zh);
    citizen.speaks("a", &hum).await;
    citizen.listens(500).await;
    assert_eq!(citizen.all("speech_resumed").len(), 1, "{:?}", citizen.told);
    assert_eq!(
        (citizen.replies(), citizen.all("citizen_message").len()),
        (vec!["idcard-renew".to_owned()], 1)
    );
    let spoken: Vec<&Value> = citizen.all("audio_start").into_iter().map(|m| &m["seq"]).collect();
    assert_eq!(spoken, [3, 3], "its sound was stopped, and goes on");
    let texts: Vec<&Value> = citizen.all("final").into_iter().map(|m| &m["text"]).collect();
    assert_eq!(texts.last(), Some(&&json!("")), "and the client knows that nothing came of it");
}

#[tokio::test]
async fn whoever_waits_longer_or_does_something_else_begins_anew() {
    let mut citizen = Citizen::arrives(Language::Zh).await;
    let one = sound(&[Says("身份证到期了怎么换"), Pauses(2_600), Says("身份证到期了怎么换")], Language::Zh);
    citizen.speaks("a", &one).await;
    citizen.listens(500).await;
    assert_eq!((citizen.all("speech_resumed").len(), citizen.all("speech_ended").len()), (0, 1));
    // A new turn is begun while the old one may still be gone on with.
    citizen.speaks("b", &sound(&[Says("身份证到期了怎么换"), Pauses(1_200)], Language::Zh)).await;
    citizen.speaks("c", &sound(&[Says("社保卡丢了怎么挂失补办"), Pauses(3_000)], Language::Zh)).await;
    citizen.listens(500).await;
    let ids: Vec<&Value> = citizen.all("citizen_message").into_iter().map(|m| &m["id"]).collect();
    assert_eq!(ids, ["a", "b", "c"], "{:?}", citizen.told);
    assert_eq!((citizen.all("withdrawn").len(), citizen.all("error").len()), (0, 0));
}

#[tokio::test]
async fn a_link_that_breaks_while_somebody_goes_on_leaves_the_answer_and_asks_for_the_rest() {
    let mut citizen = Citizen::arrives(Language::Zh).await;
    let cut = sound(&[Says("身份证到期了怎么换"), Pauses(900), Says("社保卡丢了怎么")], Language::Zh);
    citizen.speaks("a", &cut).await;
    assert_eq!(citizen.all("speech_resumed").len(), 1, "{:?}", citizen.told);
    citizen.client.send(json!({"type": "ping", "n": 1})).await.unwrap();
    citizen.listens(300).await;
    let token = citizen.client.token.clone().unwrap();
    drop(citizen);
    let mut again = Citizen { client: SERVER.connect().await, told: Vec::new() };
    again.client.resume(&token, 0).await.unwrap();
    again.listens(1_500).await;
    assert_eq!(again.replies(), ["idcard-renew", "not_heard"], "{:?}", again.told);
}
