//! Asterisk's AudioSocket.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::{Buf as _, BytesMut};
use conversation::{CallHappened, ClosedBy};
use language::Language;
use serde_json::json;
use telephone::Rate;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use uuid::Uuid;

use super::caller::{Caller, Line, Mouth, Order};
use super::stage::{House, Question, closed_by, happened};

/// What the hotline ordered: to hang up.
const HANG_UP: &str = "00";

/// Asterisk dials: UUID first, then sound in frames of that many milliseconds.
async fn dial(house: &House, frame_ms: usize) -> Result<Caller> {
    let stream = TcpStream::connect(house.audiosocket()?).await?;
    stream.set_nodelay(true)?;
    let id = Uuid::new_v4();
    Ok(Caller::new(&id.to_string(), Rate::Narrow, move |line| asterisk(stream, id, frame_ms, line)))
}

async fn asterisk(mut stream: TcpStream, id: Uuid, frame_ms: usize, mut line: Line) -> Result<()> {
    let mut first = vec![0x01, 0, 16];
    first.extend(id.as_bytes());
    stream.write_all(&first).await?;
    let (mut reader, mut writer) = stream.into_split();
    let mut ticks = tokio::time::interval(Duration::from_millis(frame_ms as u64));
    let (mut mouth, mut buffer) = (Mouth::default(), BytesMut::new());
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let samples = mouth.frame(frame_ms * 8);
                let mut frame = vec![0x10];
                frame.extend(u16::try_from(samples.len() * 2)?.to_be_bytes());
                frame.extend(samples.into_iter().flat_map(i16::to_le_bytes));
                writer.write_all(&frame).await?;
            }
            order = line.orders.recv() => match order {
                Some(Order::Say(samples)) => mouth.say(samples),
                Some(Order::Key(key)) => writer.write_all(&[0x03, 0, 1, u8::try_from(key)?]).await?,
                Some(Order::HangUp) => {
                    // Asterisk says that it hangs up, and closes.
                    writer.write_all(&[0x00, 0, 0]).await?;
                    return Ok(());
                }
                None => return Ok(()),
            },
            read = reader.read_buf(&mut buffer) => {
                ensure!(read? > 0, "closed without having been hung up");
                if received(&mut buffer, frame_ms, &line)? {
                    return Ok(());
                }
            }
        }
    }
}

/// Takes what has come; whether the hotline hangs up. Asterisk ends the call on anything but sound and that.
fn received(buffer: &mut BytesMut, frame_ms: usize, line: &Line) -> Result<bool> {
    while let [kind, high, low, rest @ ..] = &buffer[..] {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if rest.len() < length {
            return Ok(false);
        }
        match kind {
            0x00 => {
                line.heard.lock().order(HANG_UP);
                return Ok(true);
            }
            0x10 => {
                ensure!(length == frame_ms * 16, "a frame of {length} bytes to a caller of {frame_ms} ms");
                let (pairs, _) = rest[..length].as_chunks::<2>();
                let samples: Vec<i16> = pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
                line.heard.lock().hear(&samples);
            }
            other => bail!("a message of type {other:#04x} kills the call"),
        }
        buffer.advance(3 + length);
    }
    Ok(false)
}

/// Nothing may come before its time, counted from the call's beginning: Asterisk keeps no buffer worth the name. Two frames may make up for a
/// delay together.
fn is_paced(caller: &Caller, frame_ms: usize) -> Result<()> {
    let sound = caller.heard().sound;
    ensure!(sound.len() > 100, "hardly anything was heard");
    for (number, frame) in sound.iter().enumerate() {
        let due = Duration::from_millis((number.saturating_sub(2) * frame_ms) as u64);
        let came = frame.at - caller.begun;
        ensure!(came >= due, "frame {number} came {came:?} after the call began");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_by_audiosocket_is_answered_in_real_time_and_a_person_finds_the_call_by_its_uuid()
-> Result<()> {
    let house = House::open("").await?;
    tokio::try_join!(short_frames(&house), long_frames(&house))?;
    house.close().await
}

/// Frames of 20 ms: a question, a person who answers by text that is spoken, and their good-bye.
async fn short_frames(house: &House) -> Result<()> {
    let caller = dial(house, 20).await?;
    let question = Question::of("idcard-renew", Language::Bo)?;
    caller.hears(Instant::now(), Duration::from_secs(2)).await?;
    caller.ask(house, &question).await?;
    caller.hears(Instant::now(), Duration::from_secs(1)).await?;
    is_paced(&caller, 20)?;

    caller.press('0').await?;
    house.until_kind(&caller.call, "escalated").await?;
    let desk = house.agent("dolma").await?;
    let (status, view) = desk.try_get(&format!("../handoffs/{}", caller.call)).await?;
    assert_eq!((status, &view["call"], &view["status"]), (200, &json!(caller.call), &json!("queued")));
    let path = format!("conversations/{}", view["conversation"].as_str().context("no conversation")?);
    desk.done(&format!("{path}/claim"), json!({})).await?;
    house.until_kind(&caller.call, "agent_joined").await?;
    // Whoever comes in is announced; then the line is still.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let written = Instant::now();
    let text = json!({"id": "1", "text": "བཀྲ་ཤིས་བདེ་ལེགས། ངས་ཁྱེད་ལ་རོགས་རམ་བྱེད་ཀྱི་ཡིན།"});
    desk.done(&format!("{path}/messages"), text).await?;
    caller.hears(written, Duration::from_secs(1)).await?;
    desk.done(&format!("{path}/resolve"), json!({})).await?;

    let call = caller.call.clone();
    let heard = caller.ends().await?;
    assert!(heard.commands.iter().any(|(_, command)| command == HANG_UP), "{:?}", heard.commands);
    // Nothing comes after `closed`, so that the log does not say once more that the call has ended.
    assert_eq!(closed_by(&house.events(&call).await?), Some(ClosedBy::Agent));
    Ok(())
}

/// Frames of 30 ms: a caller who chooses Chinese by its key, asks, and hangs up.
async fn long_frames(house: &House) -> Result<()> {
    let caller = dial(house, 30).await?;
    caller.hears(Instant::now(), Duration::from_secs(1)).await?;
    caller.press('2').await?;
    house.until_kind(&caller.call, "language_changed").await?;
    caller.ask(house, &Question::of("idcard-renew", Language::Zh)?).await?;
    caller.hears(Instant::now(), Duration::from_secs(1)).await?;
    is_paced(&caller, 30)?;
    let call = caller.call.clone();
    caller.hang_up().await?;
    house.until_kind(&call, "closed").await?;
    assert!(happened(&house.events(&call).await?, CallHappened::HungUp));
    Ok(())
}
