//! What goes wrong on the way in is answered with a clear error or a sensible question back, and nobody else notices.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use end_to_end::material;
use end_to_end::{ServerProcess, ServerSettings};
use examples::{Client, Message, StartOptions};
use serde_json::{Value, json};
use speech::SAMPLE_RATE;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const LIMITS: &str = "[limits]\nmessages_per_minute = 10000\nstarts_per_minute = 10000\n";

async fn server() -> Result<ServerProcess> {
    ServerProcess::start(&ServerSettings { configuration: LIMITS.to_owned(), ..ServerSettings::default() })
        .await
}

async fn citizen(server: &ServerProcess, language: &str) -> Result<Client> {
    let mut client = Client::connect(&server.portal()).await?;
    client.start(&StartOptions::text(language)).await?;
    Ok(client)
}

/// The next `error` signal.
async fn error(client: &mut Client) -> Result<Value> {
    loop {
        match client.next().await? {
            Message::Json(message) if message["type"] == "error" => return Ok(message),
            Message::Closed(code) => anyhow::bail!("closed with {code} instead of an error"),
            _ => {}
        }
    }
}

/// What follows a spoken turn: the first of an event or an error.
async fn outcome(client: &mut Client) -> Result<Value> {
    loop {
        match client.next_within(Duration::from_mins(1)).await? {
            Message::Json(message)
                if ["answer", "clarify", "say", "escalated", "error"]
                    .iter()
                    .any(|k| message["type"] == *k) =>
            {
                return Ok(message);
            }
            Message::Closed(code) => anyhow::bail!("closed with {code}"),
            _ => {}
        }
    }
}

/// The conversation still works, and so does the message: written in the conversation's script.
async fn still_works(client: &mut Client, question: &str) -> Result<()> {
    client.say(question).await?;
    client.wait_for_any(&["answer", "clarify", "say"]).await?;
    Ok(())
}

fn has_script(text: &str, language: &str) -> bool {
    text.chars().any(|c| match language {
        "bo" => ('\u{0F00}'..='\u{0FFF}').contains(&c),
        _ => ('\u{4E00}'..='\u{9FFF}').contains(&c),
    })
}

#[tokio::test]
async fn a_bad_message_gets_an_error_in_the_citizens_language_and_the_conversation_goes_on() -> Result<()> {
    let server = server().await?;
    let long = "问".repeat(100 * 1024 / 3);
    for language in ["bo", "zh"] {
        let mut client = citizen(&server, language).await?;
        let cases: [(&str, String); 7] = [
            ("bad_json", "{\"type\": \"text\"".to_owned()),
            ("bad_json", "\u{0F40}\u{0F0B}".to_owned()),
            ("unknown_type", json!({"type": "dance"}).to_string()),
            ("bad_message", json!({"type": "text", "id": "x"}).to_string()),
            (
                "bad_message",
                json!({"type": "choose", "id": "x", "clarify_seq": "one", "choice": 1}).to_string(),
            ),
            ("wrong_order", json!({"type": "commit", "id": "no-such-turn"}).to_string()),
            (
                "wrong_order",
                json!({"type": "start", "protocol": 1, "language": "bo", "voice": false}).to_string(),
            ),
        ];
        for (code, message) in cases {
            client.send_text(message.clone()).await?;
            let error = error(&mut client).await?;
            assert_eq!(error["code"], code, "after {message}: {error}");
            let text = error["message"].as_str().unwrap_or_default();
            ensure!(has_script(text, language), "{code} is not told in {language}: {text}");
        }
        client.send_audio(vec![0; 640]).await?;
        assert_eq!(error(&mut client).await?["code"], "wrong_order", "audio before audio_start");
        client.say(&"问".repeat(3000)).await?;
        assert_eq!(error(&mut client).await?["code"], "text_too_long");
        client.say("").await?;
        assert_eq!(error(&mut client).await?["code"], "bad_message", "an empty text");
        still_works(&mut client, "你好").await?;
        // 100 KB is more than a message may be: the connection ends, the conversation does not.
        client.say(&long).await.ok();
        let told = loop {
            match client.next().await {
                Ok(Message::Json(m)) if m["type"] == "error" => break m["code"] == "text_too_long",
                Ok(Message::Closed(code)) => break code == 1009,
                Ok(_) => {}
                Err(_) => break true,
            }
        };
        ensure!(told, "100 KB of text were not refused clearly");
        let token = client.token.clone().context("no token")?;
        let mut again = Client::connect(&server.portal()).await?;
        again.resume(&token, 0).await?;
        still_works(&mut again, "你好").await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_wrong_token_and_a_foreign_origin_are_refused() -> Result<()> {
    let server = server().await?;
    let mut client = Client::connect(&server.portal()).await?;
    client
        .send(json!({"type": "resume", "protocol": 1, "token": "not-a-token", "last_seq": 0, "voice": false, "audio_out": "none"}))
        .await?;
    let refused = error(&mut client).await?;
    assert_eq!((refused["code"].as_str(), refused["fatal"].as_bool()), (Some("bad_token"), Some(true)));
    let foreign = Client::connect_from(&server.portal(), Some("https://elsewhere.example.org")).await;
    ensure!(foreign.is_err(), "a page of another origin could connect");
    Ok(())
}

#[tokio::test]
async fn text_before_start_is_told_that_start_comes_first() -> Result<()> {
    let server = server().await?;
    let mut client = Client::connect(&server.portal()).await?;
    client.say("你好").await?;
    assert_eq!(error(&mut client).await?["code"], "wrong_order");
    client.start(&StartOptions::text("zh")).await?;
    still_works(&mut client, "你好").await
}

/// A text frame with these bytes, masked with zeros, as no WebSocket library would send it.
async fn raw_text_frame(address: &str, path: &str, bytes: &[u8]) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    let upgrade = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: drilen.v1\r\n\r\n"
    );
    stream.write_all(upgrade.as_bytes()).await?;
    let mut reply = vec![0; 4096];
    let read = stream.read(&mut reply).await?;
    ensure!(reply[..read].starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&reply[..read]));
    let mut frame = vec![0x81, 0x80 | bytes.len() as u8, 0, 0, 0, 0];
    frame.extend(bytes);
    stream.write_all(&frame).await?;
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest))
        .await
        .context("the connection stayed open")??;
    Ok(rest)
}

#[tokio::test]
async fn bytes_that_are_no_text_end_their_connection_and_nothing_else() -> Result<()> {
    let server = server().await?;
    let mut bystander = citizen(&server, "bo").await?;
    let portal = server.portal();
    let (address, path) = portal
        .trim_start_matches("ws://")
        .split_once('/')
        .map(|(address, path)| (address.to_owned(), format!("/{path}")))
        .context("the portal's address")?;
    for bytes in
        [&b"\xff\xfe\xfd"[..], b"{\"type\":\"text\",\"id\":\"a\",\"text\":\"\xe0\xbd\"}", b"\xed\xa0\x80"]
    {
        let rest = raw_text_frame(&address, &path, bytes).await?;
        // RFC 6455, 8.1 and 7.4.1: a close frame (0x88, its length, then the code) with 1007, and nothing else.
        let closed = rest.get(2..4).is_some_and(|code| code == 1007_u16.to_be_bytes());
        ensure!(rest.first() == Some(&0x88) && closed, "answered {rest:?}");
    }
    still_works(&mut bystander, "བཀྲ་ཤིས་བདེ་ལེགས། 你好").await
}

#[tokio::test]
async fn http_requests_that_are_no_text_are_refused() -> Result<()> {
    let server = server().await?;
    let http = reqwest::Client::new();
    let login = http
        .post(format!("{}/v1/desk/login", server.http()))
        .header("content-type", "application/json")
        .body(b"{\"name\":\"\xff\xfe\",\"password\":\"\xc3\"}".to_vec())
        .send()
        .await?;
    ensure!(login.status().is_client_error(), "{}", login.status());
    for path in ["/v1/desk/answers?question=%ff%fe&language=zh", "/v1/portal/config?language=%e0%bd", "/%ff"]
    {
        let refused = http.get(format!("{}{path}", server.http())).send().await?;
        ensure!(!refused.status().is_server_error(), "{path}: {}", refused.status());
    }
    ensure!(http.get(format!("{}/healthz", server.http())).send().await?.status().is_success());
    Ok(())
}

/// One spoken turn that is not a question must never be answered as one.
async fn never_an_answer(client: &mut Client, name: &str, samples: &[i16]) -> Result<()> {
    client.speak(samples, false).await?;
    let outcome = outcome(client).await.with_context(|| name.to_owned())?;
    ensure!(outcome["type"] != "answer", "{name} was answered: {outcome}");
    Ok(())
}

#[tokio::test]
async fn silence_and_noise_and_music_are_not_answered_as_questions() -> Result<()> {
    let server = server().await?;
    let mut bystander = citizen(&server, "zh").await?;
    let seconds = |n: usize| n * SAMPLE_RATE as usize;
    // A chord with a beat: what a radio in the background comes to.
    let music: Vec<i16> = (0..seconds(6))
        .map(|n| {
            let t = n as f64 / f64::from(SAMPLE_RATE);
            let chord: f64 =
                [261.6, 329.6, 392.0].iter().map(|f| (t * f * std::f64::consts::TAU).sin()).sum();
            (chord * 6000.0 * (-(t * 2.0).fract() * 3.0).exp()) as i16
        })
        .collect();
    for language in ["bo", "zh"] {
        let mut client = citizen(&server, language).await?;
        never_an_answer(&mut client, "an empty turn", &[]).await?;
        never_an_answer(&mut client, "silence", &vec![0; seconds(3)]).await?;
        let mut client = citizen(&server, language).await?;
        never_an_answer(&mut client, "music", &music).await?;
        if let Some(folder) = material::data("noise_rir") {
            for n in 1..=5 {
                let file = folder.join(format!("noise{n}.wav"));
                if !file.exists() {
                    continue;
                }
                let mut samples = speech::codec::file::decode_path(&file, 600.0)?;
                samples.truncate(seconds(8));
                let mut client = citizen(&server, language).await?;
                never_an_answer(&mut client, &format!("noise{n}"), &end_to_end::voices::pcm16(&samples))
                    .await?;
            }
        }
    }
    still_works(&mut bystander, "你好").await
}

#[tokio::test]
async fn ten_minutes_of_audio_are_cut_at_the_limit_and_the_conversation_goes_on() -> Result<()> {
    let server = server().await?;
    let mut client = citizen(&server, "zh").await?;
    let mut bystander = citizen(&server, "bo").await?;
    client
        .send(json!({"type": "audio_start", "id": "long", "codec": "pcm16", "sample_rate": 16_000}))
        .await?;
    // A quiet tone, so that neither silence nor speech ends the turn early.
    let second: Vec<u8> =
        (0..SAMPLE_RATE).flat_map(|n| (((f64::from(n) * 0.05).sin() * 900.0) as i16).to_le_bytes()).collect();
    for _ in 0..600 {
        if client.send_audio(second.clone()).await.is_err() {
            break;
        }
    }
    let ended = loop {
        match client.next_within(Duration::from_mins(1)).await? {
            Message::Json(m) if m["type"] == "error" || m["type"] == "speech_ended" => break m,
            Message::Json(_) | Message::Audio(_) => {}
            Message::Closed(code) => anyhow::bail!("closed with {code}"),
        }
    };
    ensure!(
        ended["code"] == "audio_too_long"
            || ended["code"] == "wrong_order"
            || ended["type"] == "speech_ended",
        "{ended}"
    );
    still_works(&mut bystander, "བཀྲ་ཤིས་བདེ་ལེགས།").await?;
    Ok(())
}

#[tokio::test]
async fn garbage_instead_of_opus_is_told_and_does_not_end_the_conversation() -> Result<()> {
    let server = server().await?;
    let mut client = citizen(&server, "bo").await?;
    client.send(json!({"type": "audio_start", "id": "o1", "codec": "opus", "sample_rate": 16_000})).await?;
    for n in 0_u8..20 {
        client.send_audio((0..200_u8).map(|k| k.wrapping_mul(37).wrapping_add(n) | 0xF8).collect()).await?;
    }
    client.send(json!({"type": "commit", "id": "o1"})).await?;
    let outcome = outcome(&mut client).await?;
    ensure!(outcome["type"] != "answer", "garbage was answered: {outcome}");
    still_works(&mut client, "你好").await
}

#[tokio::test]
async fn a_picture_sent_as_sound_is_not_answered() -> Result<()> {
    let server = server().await?;
    let picture: Vec<u8> = b"\x89PNG\r\n\x1a\n"
        .iter()
        .copied()
        .chain((0..40_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8))
        .collect();
    for codec in ["pcm16", "opus"] {
        let mut client = citizen(&server, "zh").await?;
        client.send(json!({"type": "audio_start", "id": "p", "codec": codec, "sample_rate": 16_000})).await?;
        client.send_audio(picture.clone()).await?;
        client.send(json!({"type": "commit", "id": "p"})).await?;
        let outcome = outcome(&mut client).await?;
        ensure!(outcome["type"] != "answer", "a picture sent as {codec} was answered: {outcome}");
        if outcome["type"] == "error" {
            ensure!(has_script(outcome["message"].as_str().unwrap_or_default(), "zh"), "{outcome}");
        }
        still_works(&mut client, "你好").await?;
    }
    Ok(())
}

#[test]
fn a_picture_called_wav_and_stereo_at_48_khz_are_handled_by_the_file_decoder() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let picture = folder.path().join("picture.wav");
    std::fs::write(&picture, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0")?;
    let refused = speech::codec::file::decode_path(&picture, 60.0);
    ensure!(refused.is_err(), "a PNG was taken for sound");

    let stereo = folder.path().join("stereo.wav");
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&stereo, spec)?;
    for n in 0..48_000 * 2 {
        writer.write_sample(((f64::from(n / 2) * 0.05).sin() * 9000.0) as i16)?;
    }
    writer.finalize()?;
    let seconds = speech::codec::file::decode_path(&stereo, 60.0)?.len() as f32 / SAMPLE_RATE as f32;
    ensure!((seconds - 1.0).abs() < 0.02, "a second of stereo at 48 kHz became {seconds} s");
    Ok(())
}
