//! Answers that people have read aloud, how far an answer was heard, and sounds as files.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod common;

use std::time::{Duration, Instant};

use assistant::clips::{ClipError, Clips, NewClip};
use common::{TestServer, question, start, voice, workspace};
use conversation::Timestamp;
use examples::{Client, Message, StartOptions};
use kb::EntryId;
use language::Language;
use serde_json::{Value, json};
use speech::codec::wav;

const ENTRY: &str = "idcard-renew";

fn spoken(language: Language) -> String {
    let collection = kb::Collection::load(&workspace().join("examples/knowledge/sample")).unwrap();
    let entry = collection.entries.iter().find(|e| e.entry.id.0 == ENTRY).unwrap().entry.clone();
    entry.spoken_versions(language)[0].1.to_owned()
}

/// A file as it comes from a studio: the words in another sound than the server's own voice, and silence around them.
fn studio(text: &str, language: Language) -> Vec<u8> {
    let read = if text.is_empty() { vec![0; 32_000] } else { voice(text, language, 1.0) };
    let samples: Vec<f32> = read.iter().map(|s| f32::from(*s) / 60_000.0).collect();
    wav::encode(&samples, 16_000).unwrap()
}

fn new(text: &str, language: Language) -> NewClip {
    NewClip {
        entry: EntryId(ENTRY.to_owned()),
        language,
        text: text.to_owned(),
        by: "ལྷ་མོ".to_owned(),
        at: Timestamp::from_millis(1_772_352_000_000),
    }
}

fn clips(server: &TestServer) -> Clips {
    Clips::new(&server.data.path().join("data/clips"))
}

async fn listener(server: &TestServer, language: Language) -> Client {
    let mut client = server.connect().await;
    let options = StartOptions { language: language.to_string(), voice: true, audio_out: "pcm16".to_owned() };
    client.start(&options).await.unwrap();
    client
}

/// What came until a message of this type, and how many samples.
async fn until(client: &mut Client, kind: &str) -> (Vec<Value>, usize) {
    let (mut messages, mut samples) = (Vec::new(), 0);
    loop {
        match client.next().await.unwrap() {
            Message::Audio(bytes) => samples += bytes.len() / 2,
            Message::Json(message) => {
                let last = message["type"] == kind;
                messages.push(message);
                if last {
                    return (messages, samples);
                }
            }
            Message::Closed(code) => panic!("closed with {code}"),
        }
    }
}

fn find<'a>(messages: &'a [Value], kind: &str) -> Vec<&'a Value> {
    messages.iter().filter(|message| message["type"] == kind).collect()
}

#[tokio::test]
async fn what_a_person_has_read_is_played_in_the_place_of_the_voice_with_its_sentences_marked() {
    let server = start("").await;
    for language in Language::ALL {
        let text = spoken(language);
        let clip = clips(&server).add(new(&text, language), studio(&text, language)).unwrap();
        let mut client = listener(&server, language).await;
        client.say(&question(ENTRY, language.code())).await.unwrap();
        let (messages, samples) = until(&mut client, "audio_end").await;
        assert_eq!(find(&messages, "audio_start")[0]["source"], "recorded", "{language}");
        let marks = find(&messages, "mark");
        let said: String = marks.iter().filter_map(|mark| mark["text"].as_str()).collect();
        let words = |text: &str| text.split_whitespace().collect::<String>();
        assert_eq!(words(&said), words(&text));
        let starts: Vec<u64> = marks.iter().map(|mark| mark["start_ms"].as_u64().unwrap()).collect();
        assert!(starts.windows(2).all(|pair| pair[0] < pair[1]), "{starts:?}");
        let seconds = samples as f32 / 16_000.0;
        assert!((seconds - clip.seconds).abs() < 0.2, "{seconds} of {}", clip.seconds);
    }
}

#[tokio::test]
async fn slower_is_the_same_person_taking_longer() {
    let server = start("").await;
    let text = spoken(Language::Zh);
    let clip = clips(&server).add(new(&text, Language::Zh), studio(&text, Language::Zh)).unwrap();
    let mut client = listener(&server, Language::Zh).await;
    client.send(json!({"type": "voice", "voice": true, "slow": true})).await.unwrap();
    client.say(&question(ENTRY, "zh")).await.unwrap();
    let (messages, samples) = until(&mut client, "audio_end").await;
    assert_eq!(find(&messages, "audio_start")[0]["source"], "recorded");
    let ratio = samples as f32 / 16_000.0 / clip.seconds;
    assert!((1.15..1.6).contains(&ratio), "{ratio}");
}

#[tokio::test]
async fn a_recording_of_other_words_is_stale_and_a_damaged_one_is_not_played() {
    let server = start("").await;
    let kept = clips(&server);
    let text = spoken(Language::Zh);
    kept.add(new("以前的答案不一样。", Language::Zh), studio("以前的答案不一样。", Language::Zh)).unwrap();
    let hear = async || {
        let mut client = listener(&server, Language::Zh).await;
        client.say(&question(ENTRY, "zh")).await.unwrap();
        let (messages, _) = until(&mut client, "audio_start").await;
        // Something sounds.
        while !matches!(client.next().await.unwrap(), Message::Audio(_)) {}
        find(&messages, "audio_start")[0]["source"].clone()
    };
    assert_eq!(hear().await, "synthetic");
    let collection = kb::Collection::load(&workspace().join("examples/knowledge/sample")).unwrap();
    let entries = collection.entries.iter().map(|sourced| &sourced.entry);
    assert_eq!(assistant::clips::inventory(entries, &kept.list()).stale.len(), 1);

    let clip = kept.add(new(&text, Language::Zh), studio(&text, Language::Zh)).unwrap();
    // The running server sees it within a second.
    let until = Instant::now() + Duration::from_secs(10);
    while hear().await != "recorded" {
        assert!(Instant::now() < until, "the new recording is not played");
    }
    let mut bytes = std::fs::read(kept.wav(&clip)).unwrap();
    bytes[1_000] ^= 0x40;
    std::fs::write(kept.wav(&clip), bytes).unwrap();
    assert_eq!(hear().await, "synthetic", "the hash does not fit");
}

#[test]
fn what_cannot_be_kept_changes_nothing_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clips");
    let kept = Clips::new(&path);
    let text = "请带身份证。";
    let refused = kept.add(new(text, Language::Zh), b"not a sound".to_vec()).unwrap_err();
    assert!(matches!(refused, ClipError::File(_)), "{refused}");
    let refused = kept.add(new(text, Language::Zh), studio("", Language::Zh)).unwrap_err();
    assert!(refused.to_string().contains("record it again"), "{refused}");
    assert!(kept.list().is_empty());
    // A disk that takes nothing: a file where the folder should be.
    std::fs::write(&path, b"").unwrap();
    let refused = kept.add(new(text, Language::Zh), studio(text, Language::Zh)).unwrap_err();
    assert!(matches!(refused, ClipError::Disk { .. }), "{refused}");
    std::fs::remove_file(&path).unwrap();

    let first = kept.add(new(text, Language::Zh), studio(text, Language::Zh)).unwrap();
    assert_eq!(kept.add(new(text, Language::Zh), studio(text, Language::Zh)).unwrap().id, first.id);
    let again = format!("  {text}\n");
    let second = kept.add(new(&again, Language::Zh), studio("请带上您的身份证。", Language::Zh)).unwrap();
    assert_ne!(second.id, first.id);
    assert_eq!(kept.list(), std::slice::from_ref(&second), "one recording of one answer");
    assert_eq!(std::fs::read_dir(&path).unwrap().count(), 2, "the old sound is gone");
    assert!(matches!(kept.remove("ffff"), Err(ClipError::Unknown(_))));
    kept.remove(&second.id).unwrap();
    assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0);
}

/// The durable event of this type; others are passed over.
async fn event(client: &mut Client, kind: &str) -> Value {
    until(client, kind).await.0.pop().unwrap()
}

#[tokio::test]
async fn an_answer_that_was_broken_off_is_in_the_log_as_far_as_it_was_played() {
    let server = start("").await;
    for language in Language::ALL {
        let mut client = listener(&server, language).await;
        client.say(&question(ENTRY, language.code())).await.unwrap();
        let (before, _) = until(&mut client, "audio_start").await;
        let answer = find(&before, "answer")[0]["seq"].as_u64().unwrap();
        let audio_id = before.last().unwrap()["audio_id"].as_u64().unwrap();
        let begun = Instant::now();
        let first = until(&mut client, "mark").await.0.pop().unwrap();
        let second = until(&mut client, "mark").await.0.pop().unwrap();
        // The second sentence is being heard.
        let heard = second["start_ms"].as_u64().unwrap() + 400;
        tokio::time::sleep((begun + Duration::from_millis(heard + 300)) - Instant::now()).await;
        client.send(json!({"type": "cancel"})).await.unwrap();
        client.send(json!({"type": "heard", "audio_id": audio_id, "ms": heard})).await.unwrap();
        let (ended, _) = until(&mut client, "audio_end").await;
        assert_eq!(ended.last().unwrap()["interrupted"], true);
        // Something else is said: it will not go on.
        client.say(&question("hukou-move", language.code())).await.unwrap();
        let interrupted = event(&mut client, "interrupted").await;
        assert_eq!(interrupted["of"], answer);
        assert_eq!(interrupted["heard"], first["text"], "{language}");
        assert_eq!(interrupted["breaking_off"], second["text"]);
        assert_eq!(interrupted["ms"], heard);
    }
}

#[tokio::test]
async fn an_answer_heard_to_its_end_and_one_whose_listener_went_away_are_told_apart() {
    let server = start("").await;
    let mut client = listener(&server, Language::Zh).await;
    // A greeting is short.
    client.say("你好").await.unwrap();
    until(&mut client, "audio_end").await;
    client.say(&question(ENTRY, "zh")).await.unwrap();
    let (rest, _) = until(&mut client, "mark").await;
    assert!(find(&rest, "interrupted").is_empty(), "the first was heard whole");
    let answer = find(&rest, "answer")[0]["seq"].as_u64().unwrap();
    let token = client.token.clone().unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    drop(client);
    let until_then = Instant::now() + Duration::from_secs(10);
    loop {
        let mut again = server.connect().await;
        again.resume(&token, answer).await.unwrap();
        while let Ok(Message::Json(event)) = again.next_within(Duration::from_millis(300)).await {
            if event["type"] == "interrupted" {
                assert_eq!(event["of"], answer);
                assert!(event["ms"].as_u64().unwrap() < 3_000, "{event}");
                return;
            }
        }
        assert!(Instant::now() < until_then, "the log does not say that it was not heard");
    }
}

#[tokio::test]
async fn what_was_said_can_be_had_as_a_file_by_whoever_has_the_conversation() {
    let server = start("").await;
    let mut client = server.citizen("bo").await;
    client.say(&question(ENTRY, "bo")).await.unwrap();
    let answer = event(&mut client, "answer").await["seq"].as_u64().unwrap();
    let token = client.token.clone().unwrap();
    // The client is built without a choice of cryptography; an error means that it was chosen already.
    drop(rustls::crypto::ring::default_provider().install_default());
    let http = reqwest::Client::new();
    let get = async |query: &str, token: &str| {
        let url = format!("http://{}/v1/sound?{query}", server.server.address());
        let reply = http.get(url).header("Authorization", format!("Bearer {token}")).send().await.unwrap();
        let status = reply.status().as_u16();
        let kind = reply.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
        (status, kind.unwrap_or_default(), reply.bytes().await.unwrap().to_vec())
    };
    let mut seconds = Vec::new();
    for (query, kind) in
        [("", "audio/wav"), ("&format=ogg", "audio/ogg; codecs=opus"), ("&slow=true", "audio/wav")]
    {
        let (status, sent, file) = get(&format!("seq={answer}{query}"), &token).await;
        assert_eq!((status, sent.as_str()), (200, kind));
        seconds.push(speech::codec::file::decode(file, 120.0).unwrap().len() as f32 / 16_000.0);
    }
    assert!((seconds[0] - seconds[1]).abs() < 0.1 && seconds[2] > seconds[0] * 1.1, "{seconds:?}");
    assert_eq!(get("seq=1", &token).await.0, 404, "a beginning is not said aloud");
    assert_eq!(get("seq=999", &token).await.0, 404);
    assert_eq!(get("seq=x", &token).await.0, 400);
    assert_eq!(get(&format!("seq={answer}"), "nonsense").await.0, 401);
    let stranger = server.citizen("bo").await.token.unwrap();
    assert_eq!(get(&format!("seq={answer}"), &stranger).await.0, 404, "only one's own");
}

#[tokio::test]
async fn what_is_published_is_spoken_before_anybody_asks_but_what_a_person_has_read() {
    let server = start("").await;
    let text = spoken(Language::Zh);
    clips(&server).add(new(&text, Language::Zh), studio(&text, Language::Zh)).unwrap();
    let collection = kb::Collection::load(&workspace().join("examples/knowledge/sample")).unwrap();
    let of = |clips: &[assistant::clips::Clip]| {
        let entries = collection.entries.iter().map(|sourced| &sourced.entry);
        assistant::workers::ahead::everything(&assistant::clips::inventory(entries, clips)).len()
    };
    let wanted = of(&clips(&server).list());
    assert!(wanted > 200 && wanted < of(&[]), "{wanted}");
    server.server.reload_knowledge().await.unwrap();
    let folder = server.data.path().join("data/voice-cache");
    let count = || -> usize {
        let shelves = std::fs::read_dir(&folder).into_iter().flatten().map(|shelf| shelf.unwrap().path());
        shelves.map(|shelf| std::fs::read_dir(shelf).map_or(0, Iterator::count)).sum()
    };
    let until = Instant::now() + Duration::from_mins(2);
    // Each as samples and as packets.
    while count() < wanted * 2 {
        assert!(Instant::now() < until, "{} of {wanted} sentences are ready", count() / 2);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(count(), wanted * 2, "and nothing else");
}

#[tokio::test]
async fn a_cache_that_takes_nothing_costs_nobody_a_sound() {
    let server = start("").await;
    let folder = server.data.path().join("data/voice-cache");
    // As on a full disk: no shelf can be made.
    for shelf in 0..=0xff {
        std::fs::write(folder.join(format!("{shelf:02x}")), b"").unwrap();
    }
    for language in Language::ALL {
        let mut client = listener(&server, language).await;
        client.say(&question(ENTRY, language.code())).await.unwrap();
        let (messages, _) = until(&mut client, "audio_start").await;
        assert_eq!(find(&messages, "answer").len(), 1);
        while !matches!(client.next().await.unwrap(), Message::Audio(_)) {}
    }
}
