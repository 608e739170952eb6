//! A PBX that carries sound over a WebSocket, as real ones did: it buffers what it gets and plays it frame by frame, gives marks back when it
//! has played what came before them, and sends the caller's sound all the time.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context, Result};
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use telephone::Rate;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::caller::{Caller, Line, Mouth, Order};
use super::stage::{House, KEY};

/// A connection to the hotline.
pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What a PBX says and understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wording {
    /// `chan_websocket`, in JSON.
    Asterisk,
    /// `mod_audio_fork` and jambonz' `listen`.
    AudioFork,
}

/// An order of the hotline.
enum Ordered {
    Mark(String),
    Flush,
    Other(String),
}

impl Wording {
    fn ordered(self, text: &str) -> Result<Ordered> {
        let order: Value = serde_json::from_str(text).with_context(|| text.to_owned())?;
        let (name, mark) = match self {
            Self::Asterisk => (&order["command"], &order["correlation_id"]),
            Self::AudioFork => (&order["type"], &order["data"]["name"]),
        };
        let name = name.as_str().with_context(|| text.to_owned())?;
        Ok(match name {
            "MARK_MEDIA" | "mark" => {
                Ordered::Mark(mark.as_str().context("a mark without a name")?.to_owned())
            }
            "FLUSH_MEDIA" | "killAudio" => Ordered::Flush,
            other => Ordered::Other(other.to_owned()),
        })
    }

    /// What it says of a mark that was reached, or (`mod_audio_fork`) taken back.
    fn mark(self, name: &str, reached: bool) -> Option<String> {
        match self {
            Self::Asterisk if reached => Some(
                json!({"event": "MEDIA_MARK_PROCESSED", "channel_id": "1795446755.13", "correlation_id": name})
                    .to_string(),
            ),
            Self::Asterisk => None,
            Self::AudioFork => {
                let event = if reached { "playout" } else { "cleared" };
                Some(json!({"type": "mark", "data": {"name": name, "event": event}}).to_string())
            }
        }
    }

    fn key(self, key: char) -> String {
        match self {
            Self::Asterisk => {
                json!({"event": "DTMF_END", "channel_id": "1795446755.13", "digit": key.to_string()})
                    .to_string()
            }
            Self::AudioFork => {
                json!({"event": "dtmf", "dtmf": key.to_string(), "duration": "1600"}).to_string()
            }
        }
    }
}

/// How a PBX comes.
pub struct Door<'a> {
    /// The query, and the subprotocol where one is named.
    pub query: &'a str,
    pub subprotocol: Option<&'a str>,
    /// A page's `Origin`.
    pub origin: Option<&'a str>,
}

/// Knocks at the hotline's socket.
pub async fn knock(house: &House, door: &Door<'_>) -> Result<Result<Socket, u16>> {
    let url = format!("{}/v1/telephone?{}", house.hotline.server.url().replacen("http", "ws", 1), door.query);
    let mut request = url.into_client_request()?;
    let headers = request.headers_mut();
    for (name, value) in [("sec-websocket-protocol", door.subprotocol), ("origin", door.origin)] {
        if let Some(value) = value {
            headers.insert(name, value.parse()?);
        }
    }
    match connect_async(request).await {
        Ok((socket, response)) => {
            let agreed = response.headers().get("sec-websocket-protocol");
            anyhow::ensure!(
                agreed.map(reqwest::header::HeaderValue::as_bytes) == door.subprotocol.map(str::as_bytes)
            );
            Ok(Ok(socket))
        }
        Err(Error::Http(response)) => Ok(Err(response.status().as_u16())),
        Err(error) => Err(error.into()),
    }
}

/// Asks for a token with that key, as a dial plan does: the status, and the token.
pub async fn token(house: &House, key: Option<&str>, query: &str) -> Result<(u16, String)> {
    let url = format!("{}/v1/telephone/tokens?{query}", house.hotline.server.url());
    let mut request = reqwest::Client::new().post(url);
    if let Some(key) = key {
        request = request.bearer_auth(key);
    }
    let response = request.send().await?;
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap_or_default();
    Ok((status, body["token"].as_str().unwrap_or_default().to_owned()))
}

/// A call by an agreed token, once the PBX has said these texts.
pub async fn dial(
    house: &House,
    (call, rate): (&str, Rate),
    wording: Wording,
    door: Door<'_>,
    texts: Vec<String>,
) -> Result<Caller> {
    let (status, token) = token(house, Some(KEY), &format!("call={call}")).await?;
    anyhow::ensure!(status == 200, "no token: {status}");
    let query = format!("token={token}&{}", door.query);
    let socket = knock(house, &Door { query: &query, ..door }).await?;
    let mut socket = socket.map_err(|status| anyhow::anyhow!("refused with {status}"))?;
    for text in texts {
        socket.send(Message::text(text)).await?;
    }
    Ok(Caller::new(call, rate, move |line| pbx(socket, wording, rate, line)))
}

/// What the PBX has and has not played.
enum Waiting {
    Sound(Vec<i16>),
    Mark(String),
}

async fn pbx(mut socket: Socket, wording: Wording, rate: Rate, mut line: Line) -> Result<()> {
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    let (mut mouth, mut waiting) = (Mouth::default(), VecDeque::new());
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let samples = mouth.frame(rate.frame());
                let bytes: Vec<u8> = samples.into_iter().flat_map(i16::to_le_bytes).collect();
                // A hotline that has just hung up reads no more; its good-bye is on the way.
                let _ = socket.send(Message::binary(bytes)).await;
                for text in play(&mut waiting, wording, &line) {
                    let _ = socket.send(Message::text(text)).await;
                }
            }
            order = line.orders.recv() => match order {
                Some(Order::Say(samples)) => mouth.say(samples),
                Some(Order::Key(key)) => socket.send(Message::text(wording.key(key))).await?,
                Some(Order::HangUp) | None => {
                    socket.close(None).await?;
                    return Ok(());
                }
            },
            message = socket.next() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    let (pairs, _) = bytes.as_chunks::<2>();
                    let samples: Vec<i16> = pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
                    waiting.extend(samples.chunks(rate.frame()).map(|frame| Waiting::Sound(frame.to_vec())));
                }
                Some(Ok(Message::Text(text))) => {
                    for answer in obey(&mut waiting, wording, wording.ordered(&text)?, &line) {
                        socket.send(Message::text(answer)).await?;
                    }
                }
                Some(Ok(Message::Close(_))) | None => return Ok(()),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
            }
        }
    }
}

/// Plays a frame, after the marks before it.
fn play(waiting: &mut VecDeque<Waiting>, wording: Wording, line: &Line) -> Vec<String> {
    let mut texts = Vec::new();
    loop {
        match waiting.pop_front() {
            Some(Waiting::Mark(name)) => {
                line.heard.lock().marks += 1;
                texts.extend(wording.mark(&name, true));
            }
            Some(Waiting::Sound(samples)) => {
                line.heard.lock().hear(&samples);
                return texts;
            }
            None => return texts,
        }
    }
}

fn obey(waiting: &mut VecDeque<Waiting>, wording: Wording, ordered: Ordered, line: &Line) -> Vec<String> {
    match ordered {
        Ordered::Mark(name) => {
            waiting.push_back(Waiting::Mark(name));
            Vec::new()
        }
        Ordered::Flush => {
            line.heard.lock().order("flush");
            let cleared = waiting.drain(..).filter_map(|waiting| match waiting {
                Waiting::Mark(name) => wording.mark(&name, false),
                Waiting::Sound(_) => None,
            });
            cleared.collect()
        }
        Ordered::Other(name) => {
            line.heard.lock().order(&name);
            Vec::new()
        }
    }
}
