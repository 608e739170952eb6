//! The main job: a citizen asks by text or voice in either language and gets an answer by text and voice, or a person.

use anyhow::{Context, Result, ensure};
use end_to_end::voices::{HeldOutVoices, between_silences, pcm16};
use end_to_end::{Desk, ServerProcess, ServerSettings};
use examples::{Client, Message, StartOptions};
use language::Language;
use serde_json::{Value, json};

/// Sound and messages of one turn, until the spoken answer ends.
struct Turn {
    messages: Vec<Value>,
    sound: Vec<u8>,
}

impl Turn {
    fn of_type(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.messages.iter().filter(move |m| m["type"] == kind)
    }

    fn only(&self, kind: &str) -> Result<&Value> {
        self.of_type(kind).next().with_context(|| format!("no {kind} among {:?}", self.kinds()))
    }

    fn kinds(&self) -> Vec<&str> {
        self.messages.iter().filter_map(|m| m["type"].as_str()).collect()
    }

    fn seconds(&self) -> f64 {
        self.sound.len() as f64 / 2.0 / 16_000.0
    }
}

async fn until_spoken(client: &mut Client) -> Result<Turn> {
    let mut turn = Turn { messages: Vec::new(), sound: Vec::new() };
    loop {
        match client.next().await? {
            Message::Audio(bytes) => turn.sound.extend(bytes),
            Message::Json(message) => {
                let ended = message["type"] == "audio_end";
                turn.messages.push(message);
                if ended {
                    return Ok(turn);
                }
            }
            Message::Closed(code) => anyhow::bail!("closed with {code} after {:?}", turn.kinds()),
        }
    }
}

/// The canonical question of an entry of the sample knowledge base.
fn question(id: &str, language: Language) -> Result<String> {
    let publication =
        kb::Collection::load(&end_to_end::material::workspace().join("examples/knowledge/sample"))?;
    let entry =
        publication.entries.iter().find(|e| e.entry.id.0 == id).with_context(|| format!("no entry {id}"))?;
    Ok(entry.entry.text(language).context("the entry lacks a language")?.question.clone())
}

#[tokio::test]
async fn a_typed_question_is_answered_in_both_languages() -> Result<()> {
    let server = ServerProcess::start(&ServerSettings::default()).await?;
    for language in Language::ALL {
        let mut client = Client::connect(&server.portal()).await?;
        client.start(&StartOptions::text(language.code())).await?;
        client.say(&question("idcard-renew", language)?).await?;
        let answer = client.wait_for("answer").await?;
        assert_eq!(answer["entry"], "idcard-renew");
        assert_eq!(answer["language"], language.code());
        assert_eq!(answer["sample"], true, "sample content must be marked");
        assert!(!answer["text"].as_str().unwrap_or_default().is_empty());
    }
    Ok(())
}

#[tokio::test]
async fn a_spoken_chinese_question_is_answered_by_text_and_voice() -> Result<()> {
    let server = ServerProcess::start(&ServerSettings::default()).await?;
    let voices = HeldOutVoices::load()?;
    let asked = question("idcard-renew", Language::Zh)?;
    let sound = between_silences(&voices.say(0, &asked, Language::Zh)?, 0.3, 0.3);
    let mut client = Client::connect(&server.portal()).await?;
    client.start(&StartOptions::voice("zh")).await?;
    client.speak(&pcm16(&sound), false).await?;
    let turn = until_spoken(&mut client).await?;
    assert_eq!(turn.only("final")?["dictation"], false, "the shipped recogniser must not pretend to dictate");
    assert_eq!(turn.only("citizen_message")?["text"], asked.as_str(), "the matched question is shown");
    assert_eq!(turn.only("answer")?["entry"], "idcard-renew");
    assert!(turn.of_type("mark").count() >= 1, "{:?}", turn.kinds());
    assert!(turn.seconds() > 1.0, "the spoken answer is {} s long", turn.seconds());
    Ok(())
}

#[tokio::test]
async fn a_spoken_tibetan_question_is_confirmed_before_it_is_answered() -> Result<()> {
    let server = ServerProcess::start(&ServerSettings::default()).await?;
    let voices = HeldOutVoices::load()?;
    let asked = question("idcard-renew", Language::Bo)?;
    let sound = between_silences(&voices.say(1, &asked, Language::Bo)?, 0.3, 0.3);
    let mut client = Client::connect(&server.portal()).await?;
    client.start(&StartOptions::voice("bo")).await?;
    client.speak(&pcm16(&sound), false).await?;
    let turn = until_spoken(&mut client).await?;
    ensure!(turn.of_type("answer").next().is_none(), "answered without asking back: {:?}", turn.kinds());
    let clarify = turn.only("clarify")?.clone();
    let choices = clarify["choices"].as_array().context("no choices")?;
    let place =
        choices.iter().position(|c| c["entry"] == "idcard-renew").context("the question is not offered")?;
    client
        .send(json!({"type": "choose", "id": "choice", "clarify_seq": clarify["seq"], "choice": place + 1}))
        .await?;
    let turn = until_spoken(&mut client).await?;
    assert_eq!(turn.only("answer")?["entry"], "idcard-renew");
    assert_eq!(turn.only("answer")?["language"], "bo");
    assert!(turn.seconds() > 1.0);
    Ok(())
}

#[tokio::test]
async fn speech_that_is_not_committed_ends_by_itself_after_silence() -> Result<()> {
    let server = ServerProcess::start(&ServerSettings::default()).await?;
    let voices = HeldOutVoices::load()?;
    let sound =
        between_silences(&voices.say(2, &question("idcard-renew", Language::Zh)?, Language::Zh)?, 0.3, 2.0);
    let mut client = Client::connect(&server.portal()).await?;
    client.start(&StartOptions::text("zh")).await?;
    client.send(json!({"type": "audio_start", "id": "t1", "codec": "pcm16", "sample_rate": 16_000})).await?;
    for frame in pcm16(&sound).chunks(320) {
        client.send_audio(frame.iter().flat_map(|s| s.to_le_bytes()).collect()).await?;
    }
    let ended = client.wait_for("speech_ended").await?;
    assert_eq!(ended["reason"], "silence");
    client.wait_for_any(&["answer", "clarify"]).await?;
    Ok(())
}

#[tokio::test]
async fn who_asks_for_a_person_talks_to_one_in_the_same_conversation() -> Result<()> {
    let server = ServerProcess::start(&ServerSettings::default()).await?;
    let password = server.add_agent("dolma")?;
    let desk = Desk::login(&server, "dolma", &password).await?;
    for language in ["bo", "zh"] {
        let mut client = Client::connect(&server.portal()).await?;
        client.start(&StartOptions::text(language)).await?;
        client.send(json!({"type": "person", "id": "p1"})).await?;
        let escalated = client.wait_for("escalated").await?;
        assert_eq!(escalated["reason"], "asked");
        assert_eq!(escalated["position"], 1);

        let queue = desk.get("queue").await?;
        let waiting = queue["waiting"].as_array().context("no waiting list")?;
        assert_eq!(waiting.len(), 1);
        let id = waiting[0]["conversation"].as_str().context("no conversation id")?.to_owned();
        let (status, _) = desk.post(&format!("conversations/{id}/claim"), json!({})).await?;
        assert_eq!(status, 200);
        client.wait_for("agent_joined").await?;

        let (status, _) = desk
            .post(&format!("conversations/{id}/messages"), json!({"id": "m1", "text": "您好，བཀྲ་ཤིས་བདེ་ལེགས།"}))
            .await?;
        assert_eq!(status, 200);
        assert_eq!(client.wait_for("agent_message").await?["text"], "您好，བཀྲ་ཤིས་བདེ་ལེགས།");
        client.say("谢谢，ཐུགས་རྗེ་ཆེ།").await?;
        client.wait_for("citizen_message").await?;
        let seen = desk.get(&format!("conversations/{id}")).await?;
        let events = seen["events"].as_array().context("no events")?;
        ensure!(
            events.iter().any(|e| e["text"] == "谢谢，ཐུགས་རྗེ་ཆེ།"),
            "the agent does not see the citizen's words"
        );

        let (status, _) = desk.post(&format!("conversations/{id}/resolve"), json!({})).await?;
        assert_eq!(status, 200);
        client.wait_for("closed").await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_stopping_server_tells_its_clients_and_ends_cleanly() -> Result<()> {
    let mut server = ServerProcess::start(&ServerSettings::default()).await?;
    let mut client = Client::connect(&server.portal()).await?;
    client.start(&StartOptions::text("zh")).await?;
    let waiting = tokio::spawn(async move {
        let told = client.wait_for("draining").await.is_ok();
        let code = loop {
            match client.next().await {
                Ok(Message::Closed(code)) => break code,
                Ok(_) => {}
                Err(_) => break 1006,
            }
        };
        (told, code)
    });
    assert!(server.stop().await?, "the server did not end with success");
    assert_eq!(waiting.await?, (true, 1012));
    Ok(())
}
