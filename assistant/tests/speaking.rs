//! Spoken turns on the wire, with the real voice and the real voice activity detector. The recogniser is scripted: what it
//! would hear is not the matter here (the end-to-end tests use the shipped one).

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod common;

use std::{sync::Arc, time::Duration};

use assistant::{
    phrases::{Phrase, say},
    server::Parts,
    workers::engines::EngineSet,
};
use common::{TestServer, error, question, start_with, voice};
use examples::{Client, Message, StartOptions};
use language::{Evidence, FormBatch, Language};
use serde_json::{Value, json};
use speech::{
    Capabilities, Hypothesis, TranscribeError, TranscribeRequest, Transcriber, Transcript,
    codec::opus::OpusDecoder,
};

/// Hears always the same.
struct Scripted {
    capabilities: Capabilities,
    hears: Hears,
}

#[derive(Clone)]
enum Hears {
    /// These words, as dictation.
    Words(String),
    /// Sounds that fit this question and nothing else.
    Sounds(String),
    /// Nothing: the engine is broken.
    Broken,
    /// Nothing any more: the engine takes its thread with it.
    Dies,
}

/// Fits one text.
#[derive(Debug)]
struct Fits(String);

impl Evidence for Fits {
    fn whole(&self, batch: &FormBatch) -> Vec<f32> {
        batch.forms().iter().map(|form| if form.text == self.0 { -0.1 } else { -6.0 }).collect()
    }
    fn anywhere(&self, batch: &FormBatch) -> Vec<f32> {
        batch.forms().iter().map(|form| if self.0.contains(&form.text) { -0.1 } else { -9.0 }).collect()
    }
    fn seconds(&self) -> f32 {
        2.0
    }
}

impl Transcriber for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }
    fn transcribe(
        &mut self,
        audio: &[f32],
        request: &TranscribeRequest,
    ) -> Result<Transcript, TranscribeError> {
        let seconds = audio.len() as f32 / 16_000.0;
        let mut transcript =
            Transcript { language: request.language, hypotheses: Vec::new(), evidence: None, seconds };
        match &self.hears {
            Hears::Words(text) => {
                transcript.hypotheses.push(Hypothesis { text: text.clone(), ..Hypothesis::default() });
            }
            Hears::Sounds(text) => transcript.evidence = Some(Arc::new(Fits(text.clone()))),
            Hears::Dies => panic!("out of memory"),
            Hears::Broken => {
                return Err(TranscribeError::Engine {
                    engine: "scripted".to_owned(),
                    reason: "broken".to_owned(),
                });
            }
        }
        Ok(transcript)
    }
}

async fn server(hears: Hears, overrides: &str) -> TestServer {
    let capabilities = Capabilities {
        languages: Language::ALL.to_vec(),
        dictation: matches!(hears, Hears::Words(_)),
        evidence: true,
        max_seconds: 60.0,
    };
    let engines = vec![EngineSet::shared(Box::new(Scripted { capabilities, hears }))];
    start_with(overrides, Parts { engines: Some(engines), ..Parts::default() }).await
}

struct Turn {
    messages: Vec<Value>,
    sound: Vec<Vec<u8>>,
}

impl Turn {
    fn kinds(&self) -> Vec<&str> {
        self.messages.iter().filter_map(|m| m["type"].as_str()).collect()
    }
    fn find(&self, kind: &str) -> &Value {
        self.messages
            .iter()
            .find(|m| m["type"] == kind)
            .unwrap_or_else(|| panic!("no {kind} in {:?}", self.kinds()))
    }
}

/// Everything until a message of this type.
async fn until(client: &mut Client, kind: &str) -> Turn {
    let mut turn = Turn { messages: Vec::new(), sound: Vec::new() };
    loop {
        match client.next().await.unwrap() {
            Message::Audio(bytes) => turn.sound.push(bytes),
            Message::Json(message) => {
                let last = message["type"] == kind;
                turn.messages.push(message);
                if last {
                    return turn;
                }
            }
            Message::Closed(code) => panic!("closed with {code} after {:?}", turn.kinds()),
        }
    }
}

async fn citizen(server: &TestServer, language: &str, audio_out: &str) -> Client {
    let mut client = server.connect().await;
    let options =
        StartOptions { language: language.to_owned(), voice: true, audio_out: audio_out.to_owned() };
    client.start(&options).await.unwrap();
    client
}

#[tokio::test]
async fn a_spoken_question_is_shown_answered_and_spoken_sentence_by_sentence() {
    let asked = question("idcard-renew", "zh");
    let server = server(Hears::Words(asked.clone()), "").await;
    let mut client = citizen(&server, "zh", "pcm16").await;
    let id = client.speak(&voice("身份证到期了怎么换", Language::Zh, 0.2), false).await.unwrap();
    let turn = until(&mut client, "audio_end").await;
    let order: Vec<&str> = turn.kinds().into_iter().filter(|k| *k != "partial" && *k != "mark").collect();
    let expected = [
        "started",
        "speech_started",
        "speech_ended",
        "final",
        "thinking",
        "accepted",
        "citizen_message",
        "answer",
        "audio_start",
        "audio_end",
    ];
    let mut sorted = order.clone();
    sorted.retain(|kind| expected.contains(kind));
    // `accepted` is a signal and the events come from the store's feed: their order among each other is free.
    let position = |kind: &str| {
        sorted.iter().position(|k| *k == kind).unwrap_or_else(|| panic!("no {kind} in {order:?}"))
    };
    for pair in
        ["speech_started", "speech_ended", "final", "citizen_message", "answer", "audio_start", "audio_end"]
            .windows(2)
    {
        assert!(position(pair[0]) < position(pair[1]), "{order:?}");
    }
    let last = turn.find("final");
    assert_eq!(
        (last["id"].as_str(), last["dictation"].as_bool(), last["text"].as_str()),
        (Some(id.as_str()), Some(true), Some(asked.as_str()))
    );
    assert_eq!(turn.find("answer")["entry"], "idcard-renew");
    let samples: usize = turn.sound.iter().map(|bytes| bytes.len() / 2).sum();
    let total = turn.find("audio_end")["total_ms"].as_u64().unwrap();
    assert!(total > 1_000 && (samples as u64 / 16).abs_diff(total) < 20, "{samples} samples, {total} ms");
    assert_eq!(turn.find("audio_end")["interrupted"], false);
    let marks: Vec<u64> =
        turn.messages.iter().filter(|m| m["type"] == "mark").filter_map(|m| m["start_ms"].as_u64()).collect();
    assert!(!marks.is_empty() && marks.is_sorted() && marks[0] == 0, "{marks:?}");
}

#[tokio::test]
async fn a_recogniser_without_dictation_shows_the_matched_question_and_tibetan_is_confirmed() {
    let asked = question("idcard-renew", "bo");
    let server = server(Hears::Sounds(asked.clone()), "").await;
    let mut client = citizen(&server, "bo", "opus").await;
    client.speak(&voice(&asked, Language::Bo, 0.2), false).await.unwrap();
    let turn = until(&mut client, "audio_end").await;
    assert_eq!(turn.find("final")["dictation"], false);
    let message = turn.find("citizen_message");
    assert_eq!(
        (message["text"].as_str(), message["dictation"].as_bool()),
        (Some(asked.as_str()), Some(false))
    );
    let back = turn.find("clarify");
    assert_eq!(
        (back["confirm"].as_bool(), back["choices"][0]["question"].as_str()),
        (Some(true), Some(asked.as_str()))
    );
    let mut decoder = OpusDecoder::new().unwrap();
    let samples: usize = turn.sound.iter().map(|packet| decoder.decode(packet).unwrap().len()).sum();
    assert_eq!(samples as u64 / 16, turn.find("audio_end")["total_ms"].as_u64().unwrap());
    client
        .send(json!({"type": "choose", "id": "yes", "clarify_seq": back["seq"], "choice": 1}))
        .await
        .unwrap();
    assert_eq!(until(&mut client, "audio_end").await.find("answer")["entry"], "idcard-renew");
}

/// One entry in both languages, one in each alone.
const IN_ONE_LANGUAGE: &str = "format: drilen-kb/1\nname: t\nentries:\n\
- id: idcard-renew\n  topic: t\n  zh: {question: 身份证到期了怎么换, variants: [换身份证], spoken: 去派出所。, written: 请到派出所。}\n  bo: {question: ཐོབ་ཐང་ལག་འཁྱེར་གང་འདྲ་བརྗེ་དགོས, spoken: ཉེན་རྟོག་ཁང་ལ་ཕེབས།, written: ཉེན་རྟོག་ཁང་ལ་ཕེབས་རོགས།}\n\
- id: border-pass\n  topic: t\n  zh: {question: 边防证在哪里办, variants: [办边境通行证], spoken: 去公安局。, written: 请到公安局。}\n\
- id: pasture\n  topic: t\n  bo: {question: རྩྭ་ཐང་གི་ཁ་གསབ་ནམ་སྤྲོད་དམ, variants: [草补ནམ་སྤྲོད་དམ], spoken: ཟླ་བརྒྱད་པར་སྤྲོད།, written: ཟླ་བརྒྱད་པར་སྤྲོད་ཀྱི་རེད།}\n";

#[tokio::test]
async fn an_entry_of_the_other_language_is_asked_back_in_the_citizens_own_and_read_out_in_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("faq.yaml");
    std::fs::write(&file, IN_ONE_LANGUAGE).unwrap();
    let overrides = format!("[knowledge]\npath = \"{}\"\n", file.display());
    let server = server(Hears::Broken, &overrides).await;
    for (language, typed, entry, question) in [
        (Language::Bo, "边防证", "border-pass", "边防证在哪里办"),
        (Language::Zh, "草补", "pasture", "རྩྭ་ཐང་གི་ཁ་གསབ་ནམ་སྤྲོད་དམ"),
    ] {
        let foreign = language.other().code();
        let mut client = citizen(&server, language.code(), "pcm16").await;
        client.say(typed).await.unwrap();
        let turn = until(&mut client, "audio_end").await;
        let back = turn.find("clarify");
        assert_eq!(back["prompt"], say(Phrase::ConfirmOtherLanguage, language));
        assert_eq!(back["confirm"], true);
        assert_eq!(back["choices"], json!([{"entry": entry, "question": question, "language": foreign}]));
        let marks = turn.messages.iter().filter(|m| m["type"] == "mark");
        let said: Vec<&str> = marks.filter_map(|m| m["text"].as_str()).collect();
        assert!(said.len() > 1 && said.last() == Some(&question), "{said:?}");
        client
            .send(json!({"type": "choose", "id": "yes", "clarify_seq": back["seq"], "choice": 1}))
            .await
            .unwrap();
        let turn = until(&mut client, "answer").await;
        assert_eq!(turn.find("say")["text"], say(Phrase::OnlyOtherLanguage, language));
        assert_eq!(
            (&turn.find("answer")["entry"], &turn.find("answer")["language"]),
            (&json!(entry), &json!(foreign))
        );
    }
}

#[tokio::test]
async fn interrupting_stops_the_sound_within_a_tenth_of_a_second() {
    let server = server(Hears::Words(question("idcard-renew", "zh")), "").await;
    let mut client = citizen(&server, "zh", "pcm16").await;
    client.say(&question("idcard-renew", "zh")).await.unwrap();
    until(&mut client, "audio_start").await;
    while !matches!(client.next().await.unwrap(), Message::Audio(_)) {}
    client.send(json!({"type": "cancel"})).await.unwrap();
    let asked = std::time::Instant::now();
    let rest = until(&mut client, "audio_end").await;
    assert!(asked.elapsed() < Duration::from_millis(100), "{:?}", asked.elapsed());
    assert_eq!(rest.find("audio_end")["interrupted"], true);
    let silent = client.next_within(Duration::from_millis(500)).await;
    assert!(silent.is_err(), "something came after the sound was stopped: {silent:?}");
}

#[tokio::test]
async fn sound_is_sent_at_most_two_seconds_ahead() {
    let server = server(Hears::Words(String::new()), "").await;
    let mut client = citizen(&server, "zh", "pcm16").await;
    client.say(&question("idcard-renew", "zh")).await.unwrap();
    until(&mut client, "audio_start").await;
    let begun = std::time::Instant::now();
    let mut milliseconds = 0;
    loop {
        match client.next().await.unwrap() {
            Message::Audio(bytes) => {
                milliseconds += bytes.len() as u64 / 32;
                let ahead = milliseconds.saturating_sub(begun.elapsed().as_millis() as u64);
                assert!(ahead <= 2_200, "{ahead} ms ahead");
            }
            Message::Json(message) if message["type"] == "audio_end" => break,
            Message::Json(_) => {}
            Message::Closed(code) => panic!("closed with {code}"),
        }
    }
    assert!(milliseconds > 2_500, "the answer is too short to show anything: {milliseconds} ms");
}

#[tokio::test]
async fn silence_ends_a_turn_that_is_not_committed() {
    let server = server(Hears::Words(question("idcard-renew", "zh")), "").await;
    let mut client = citizen(&server, "zh", "none").await;
    client
        .send(json!({"type": "audio_start", "id": "t", "codec": "pcm16", "sample_rate": 16000}))
        .await
        .unwrap();
    for frame in voice("身份证到期了怎么换", Language::Zh, 2.5).chunks(320) {
        client.send_audio(frame.iter().flat_map(|s| s.to_le_bytes()).collect()).await.unwrap();
    }
    let turn = until(&mut client, "answer").await;
    assert_eq!(turn.find("speech_ended")["reason"], "silence");
    assert!(turn.find("speech_ended")["speech_ms"].as_u64().unwrap() > 300);
}

#[tokio::test]
async fn a_turn_in_which_nobody_speaks_is_asked_about() {
    let server = server(Hears::Words("不该听见".to_owned()), "").await;
    for language in ["bo", "zh"] {
        let mut client = citizen(&server, language, "none").await;
        for samples in [Vec::new(), vec![0; 32_000]] {
            client.speak(&samples, false).await.unwrap();
            let turn = until(&mut client, "say").await;
            assert_eq!(turn.find("say")["act"], "not_heard");
            assert_eq!(turn.find("final")["text"], "");
        }
    }
}

#[tokio::test]
async fn there_is_room_for_so_many_voices_and_the_next_is_told_before_it_speaks() {
    let server = server(Hears::Words("你好".to_owned()), "[limits]\nvoice_conversations = 1").await;
    let start = |id: &str| json!({"type": "audio_start", "id": id, "codec": "opus", "sample_rate": 16000});
    let mut first = citizen(&server, "zh", "none").await;
    let mut second = citizen(&server, "bo", "none").await;
    first.send(start("a")).await.unwrap();
    first.send(json!({"type": "ping", "n": 1})).await.unwrap();
    first.wait_for("pong").await.unwrap();
    second.send(start("b")).await.unwrap();
    let told = error(&mut second).await;
    assert_eq!((told["code"].as_str(), told["id"].as_str()), (Some("busy"), Some("b")));
    assert!(told["retry_after_ms"].as_u64().is_some());
    first.close().await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    second.send(start("c")).await.unwrap();
    second.send(json!({"type": "commit", "id": "c"})).await.unwrap();
    second.wait_for("speech_ended").await.unwrap();
}

#[tokio::test]
async fn a_broken_engine_or_broken_sound_is_told_and_typing_goes_on() {
    let server = server(Hears::Broken, "").await;
    let mut client = citizen(&server, "zh", "none").await;
    client.speak(&voice("身份证到期了怎么换", Language::Zh, 0.2), false).await.unwrap();
    assert_eq!(error(&mut client).await["code"], "unavailable");
    client
        .send(json!({"type": "audio_start", "id": "odd", "codec": "pcm16", "sample_rate": 16000}))
        .await
        .unwrap();
    client.send_audio(vec![1, 2, 3]).await.unwrap();
    let told = error(&mut client).await;
    assert_eq!((told["code"].as_str(), told["id"].as_str()), (Some("bad_audio"), Some("odd")));
    client.say("你好").await.unwrap();
    client.wait_for("say").await.unwrap();
}

#[tokio::test]
async fn a_model_thread_that_dies_ends_the_server_with_its_name_and_reason() {
    let mut server = server(Hears::Dies, "").await;
    let mut client = citizen(&server, "zh", "none").await;
    client.speak(&voice("身份证到期了怎么换", Language::Zh, 0.2), false).await.unwrap();
    let fault =
        tokio::time::timeout(Duration::from_secs(10), server.server.fault()).await.unwrap().to_string();
    assert!(fault.contains("ear-0") && fault.contains("out of memory"), "{fault}");
}

#[tokio::test]
async fn who_is_cut_off_in_the_middle_of_a_sentence_is_asked_to_say_it_again() {
    let server = server(Hears::Words("你好".to_owned()), "").await;
    let mut client = citizen(&server, "bo", "none").await;
    client
        .send(json!({"type": "audio_start", "id": "t", "codec": "pcm16", "sample_rate": 16000}))
        .await
        .unwrap();
    for frame in voice("身份证到期了怎么换", Language::Zh, 0.0).chunks(320) {
        client.send_audio(frame.iter().flat_map(|s| s.to_le_bytes()).collect()).await.unwrap();
    }
    client.wait_for("speech_started").await.unwrap();
    client.send(json!({"type": "ping", "n": 1})).await.unwrap();
    client.wait_for("pong").await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let token = client.token.clone().unwrap();
    drop(client);
    let mut again = server.connect().await;
    again.resume(&token, 1).await.unwrap();
    assert_eq!(again.wait_for("say").await.unwrap()["act"], "not_heard");
}

#[tokio::test]
async fn an_agent_s_words_are_spoken_to_who_speaks() {
    use conversation::{Append, HandoffCommand, Token};
    let server = server(Hears::Words("你好".to_owned()), "").await;
    let mut client = citizen(&server, "zh", "pcm16").await;
    client.send(json!({"type": "person", "id": "p"})).await.unwrap();
    until(&mut client, "audio_end").await;
    let store = server.server.store();
    let actor = store.agents().await.unwrap()[0].actor();
    let token: Token = client.token.clone().unwrap().parse().unwrap();
    let conversation = store.find_by_token(&token.hash()).await.unwrap().unwrap().conversation;
    store
        .append(Append::to(conversation).then(HandoffCommand::Claim { agent: actor.clone() }))
        .await
        .unwrap();
    until(&mut client, "audio_end").await;
    let text = "您的卡已经办好了。".to_owned();
    store
        .append(Append::to(conversation).then(HandoffCommand::Message { agent: actor, text, sound: None }))
        .await
        .unwrap();
    let turn = until(&mut client, "audio_end").await;
    assert_eq!(turn.find("audio_start")["source"], "agent");
    assert_eq!(turn.find("audio_start")["seq"], turn.find("agent_message")["seq"]);
    let kept = walk(&server.data.path().join("data/voice-cache"));
    assert!(kept == 0, "an agent's words were kept on disk: {kept} files");
}

/// An agent has this client's conversation.
async fn taken_over(
    server: &TestServer,
    client: &mut Client,
) -> (conversation::ConversationId, conversation::Actor) {
    use conversation::{Append, HandoffCommand, Token};
    client.send(json!({"type": "person", "id": "p"})).await.unwrap();
    client.wait_for("escalated").await.unwrap();
    let store = server.server.store();
    let agent = store.agents().await.unwrap()[0].actor();
    let token: Token = client.token.clone().unwrap().parse().unwrap();
    let id = store.find_by_token(&token.hash()).await.unwrap().unwrap().conversation;
    store.append(Append::to(id).then(HandoffCommand::Claim { agent: agent.clone() })).await.unwrap();
    client.wait_for("agent_joined").await.unwrap();
    (id, agent)
}

/// What is said to the assistant is not kept; what is said to a person is, if the operator has not said otherwise, for them to hear.
#[tokio::test]
async fn what_is_said_to_a_person_is_kept_for_them_and_nothing_else() {
    for (language, hears, keeps) in [
        ("zh", Hears::Words("你好".to_owned()), true),
        // An engine that writes nothing down: without the sound the person would not know what was said.
        ("bo", Hears::Sounds("་".to_owned()), true),
        ("zh", Hears::Words("你好".to_owned()), false),
    ] {
        let server = server(hears, &format!("[handoff]\nkeep_speech = {keeps}")).await;
        let mut client = citizen(&server, language, "none").await;
        let said = voice("身份证到期了怎么换", Language::Zh, 1.5);
        client.speak(&said, false).await.unwrap();
        let to_assistant = client.wait_for("citizen_message").await.ok();
        assert!(to_assistant.is_none_or(|message| message["sound"].is_null()));
        let (id, _) = taken_over(&server, &mut client).await;
        client.speak(&said, false).await.unwrap();
        let told = client.wait_for("citizen_message").await.unwrap();
        assert_eq!(told["sound"].is_object(), keeps, "{told}");
        if keeps {
            let store = server.server.store();
            let sound = told["sound"]["id"].as_str().unwrap().parse().unwrap();
            let kept = store.sound(sound).await.unwrap().unwrap();
            assert_eq!((kept.conversation, kept.by), (id, None));
            let heard = speech::codec::file::decode(kept.file, 60.0).unwrap();
            assert!(
                heard.len() as f64 > 0.5 * (said.len() as f64 - 1.5 * 16_000.0),
                "{} samples",
                heard.len()
            );
            assert!(heard.iter().any(|sample| sample.abs() > 0.05), "silence");
        }
    }
}

#[tokio::test]
async fn a_reply_in_the_agents_own_voice_is_played_in_place_of_the_machines() {
    use conversation::sounds::NewSound;
    use conversation::{Append, HandoffCommand, SoundId, SoundRef};
    let server = server(Hears::Words("你好".to_owned()), "").await;
    let mut client = citizen(&server, "zh", "pcm16").await;
    let (conversation, agent) = taken_over(&server, &mut client).await;
    let store = server.server.store();
    // A tone that no synthesizer makes.
    let tone: Vec<i16> = (0..24_000).map(|n| ((n as f32 * 0.3).sin() * 9_000.0) as i16).collect();
    let file = assistant::workers::container::Container::Ogg.write(&tone).unwrap();
    let id = SoundId::generate();
    let new = NewSound { id, conversation, by: Some(agent.id), ms: 1_500, file };
    store.keep_sound(new).await.unwrap();
    let sound = Some(SoundRef { id, ms: 1_500 });
    let message = HandoffCommand::Message { agent, text: String::new(), sound };
    store.append(Append::to(conversation).then(message)).await.unwrap();
    let told = client.wait_for("agent_message").await.unwrap();
    assert_eq!((&told["text"], &told["sound"]["ms"]), (&json!(""), &json!(1_500)));
    let start = loop {
        let start = client.wait_for("audio_start").await.unwrap();
        if start["seq"] == told["seq"] {
            break start;
        }
    };
    assert_eq!(start["source"], "recorded");
    let played = until(&mut client, "audio_end").await;
    let samples: Vec<i16> = played
        .sound
        .iter()
        .flat_map(|piece| piece.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)))
        .collect();
    let seconds = samples.len() as f32 / 16_000.0;
    assert!((1.4..1.7).contains(&seconds), "{seconds} s");
    // A sine of 0.3 radians a sample crosses zero every 10.5 samples.
    let crossings = samples.windows(2).filter(|pair| (pair[0] < 0) != (pair[1] < 0)).count();
    assert!((2_100..2_500).contains(&crossings), "{crossings} crossings: not the agent's tone");
}

#[tokio::test]
async fn a_person_learns_that_the_citizen_writes_what_may_answer_it_and_what_was_seen() {
    use conversation::{NewPassword, NewPerson, Role};
    const PASSWORD: &str = "ལྷ་ས་ 拉萨 3650";
    for language in ["zh", "bo"] {
        let server = server(Hears::Words("你好".to_owned()), "").await;
        let mut client = citizen(&server, language, "none").await;
        let store = server.server.store();
        let hash = assistant::doors::desk::password::hash(PASSWORD, [7; 16]).unwrap();
        let mut new = NewPerson::new("dolma", Language::ALL.to_vec(), [Role::Agent].into());
        new.password = Some(NewPassword { hash, must_change: false });
        store.add_person(conversation::AuditActor::System, new).await.unwrap();
        let desk = examples::Desk::log_in(&server.server.url(), "dolma", PASSWORD).await.unwrap();
        let mut live = desk.live().await.unwrap();
        client.send(json!({"type": "person", "id": "p"})).await.unwrap();
        client.wait_for("escalated").await.unwrap();
        let queue = desk.get("/v1/desk/queue").await.unwrap();
        let id = queue["waiting"][0]["conversation"].as_str().unwrap().to_owned();
        desk.act(&id, "claim", &json!({})).await.unwrap();
        client.wait_for("agent_joined").await.unwrap();
        let draft = question("idcard-renew", language);
        let mut told = Vec::new();
        // Until the desk follows the conversation, nobody there is told.
        let foreseen = loop {
            client.send(json!({"type": "typing", "draft": draft})).await.unwrap();
            let next = tokio::time::timeout(Duration::from_millis(1_500), live.next()).await;
            let Ok(next) = next else { continue };
            let next = next.unwrap().unwrap();
            told.push(next.to_string());
            if next["type"] == "foreseen" {
                break next;
            }
        };
        assert_eq!(foreseen["candidates"][0]["entry"], "idcard-renew");
        assert!(told.iter().any(|message| message.contains("citizen_typing")));
        let elsewhere =
            foreseen["candidates"].as_array().unwrap().iter().all(|one| one["question"] != json!(draft));
        assert!(elsewhere || told.iter().filter(|message| message.contains(draft.as_str())).count() == 1);
        desk.write(&id, "好 འགྲིག").await.unwrap();
        let seq = client.wait_for("agent_message").await.unwrap()["seq"].as_u64().unwrap();
        // What has not come is not seen.
        client.send(json!({"type": "seen", "seq": seq + 100})).await.unwrap();
        client.send(json!({"type": "seen", "seq": seq})).await.unwrap();
        loop {
            let next = live.next().await.unwrap().unwrap();
            if next["type"] == "seen" {
                assert_eq!(next["seq"], seq);
                break;
            }
        }
        let mut receipts = json!(null);
        for _ in 0..50 {
            receipts = desk.get(&format!("/v1/desk/conversations/{id}")).await.unwrap()["receipts"].clone();
            if receipts["seen"] == seq {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(receipts, json!({"delivered": seq, "seen": seq}));
    }
}

fn walk(folder: &std::path::Path) -> usize {
    let Ok(found) = std::fs::read_dir(folder) else { return 0 };
    found.filter_map(Result::ok).map(|f| if f.path().is_dir() { walk(&f.path()) } else { 1 }).sum()
}

#[tokio::test]
async fn who_asks_aloud_for_the_choices_again_gets_them_and_can_choose() {
    for (language, topic, again, first) in
        [("zh", "身份证", "再说一遍", "第一个"), ("bo", "ཐོབ་ཐང་ལག་འཁྱེར།", "ཡང་བསྐྱར་གསུང་རོགས་གནང་།", "དང་པོ།")]
    {
        let server = server(Hears::Words(again.to_owned()), "").await;
        let mut client = citizen(&server, language, "none").await;
        client.say(&question("idcard-renew", language)).await.unwrap();
        client.wait_for("answer").await.unwrap();
        client.say(topic).await.unwrap();
        let back = client.wait_for("clarify").await.unwrap();
        client.speak(&voice(again, language.parse().unwrap(), 0.2), false).await.unwrap();
        let repeated = client.wait_for_any(&["clarify", "answer", "say"]).await.unwrap();
        assert_eq!((&repeated["type"], &repeated["choices"]), (&back["type"], &back["choices"]));
        client.say(first).await.unwrap();
        let answer = client.wait_for_any(&["clarify", "answer", "say"]).await.unwrap();
        assert_eq!(answer["entry"], back["choices"][0]["entry"], "{answer}");
    }
}
