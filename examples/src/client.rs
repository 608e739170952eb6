//! One connection to the portal door: typed where it helps, JSON where it does not.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, protocol::WebSocketConfig};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

/// Samples in one 20 ms frame at 16 kHz.
const FRAME: usize = 320;

/// What came from the server.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// An event or a signal.
    Json(Value),
    /// Sound belonging to the last `audio_start`.
    Audio(Vec<u8>),
    /// The server closed the connection with this code (1006 where it gave none).
    Closed(u16),
}

/// How a conversation is opened.
#[derive(Clone, Debug)]
pub struct StartOptions {
    /// `bo` or `zh`.
    pub language: String,
    /// Whether spoken answers are wanted.
    pub voice: bool,
    /// `pcm16`, `opus` or `none`.
    pub audio_out: String,
}

impl StartOptions {
    /// A conversation without sound from the server.
    pub fn text(language: &str) -> Self {
        Self { language: language.to_owned(), voice: false, audio_out: "none".to_owned() }
    }

    /// A conversation with spoken answers as 16 kHz PCM.
    pub fn voice(language: &str) -> Self {
        Self { language: language.to_owned(), voice: true, audio_out: "pcm16".to_owned() }
    }
}

/// One connection.
pub struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The conversation's token, after `welcome`.
    pub token: Option<String>,
    /// The highest event number seen.
    pub last_seq: u64,
}

impl Client {
    /// Connects to `ws://host:port/v1/conversation`.
    ///
    /// # Errors
    /// Where the server refuses the connection, with its HTTP status.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::connect_from(url, None).await
    }

    /// Connects as a page of this origin would.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub async fn connect_from(url: &str, origin: Option<&str>) -> Result<Self> {
        let mut request = url.into_client_request()?;
        if let Some(origin) = origin {
            request.headers_mut().insert("Origin", origin.parse()?);
        }
        // The library reserves 128 KiB per socket unless told otherwise.
        let config = WebSocketConfig::default().read_buffer_size(4 * 1024);
        let (socket, _) = connect_async_with_config(request, Some(config), true)
            .await
            .with_context(|| format!("cannot connect to {url}: is the assistant running (`make run`)?"))?;
        Ok(Self { socket, token: None, last_seq: 0 })
    }

    /// Opens a new conversation and returns the `welcome`.
    ///
    /// # Errors
    /// Where the server answers with an error or not at all.
    pub async fn start(&mut self, options: &StartOptions) -> Result<Value> {
        self.send(json!({
            "type": "start", "protocol": 1, "language": options.language, "voice": options.voice,
            "audio_out": options.audio_out, "client": "drilen-examples",
        }))
        .await?;
        let welcome = self.wait_for("welcome").await?;
        self.token = welcome["token"].as_str().map(str::to_owned);
        Ok(welcome)
    }

    /// Takes up a conversation; the events after `last_seq` follow as ordinary messages.
    ///
    /// # Errors
    /// Where the token is not known.
    pub async fn resume(&mut self, token: &str, last_seq: u64) -> Result<Value> {
        self.token = Some(token.to_owned());
        self.send(json!({
            "type": "resume", "protocol": 1, "token": token, "last_seq": last_seq, "voice": false,
            "audio_out": "none",
        }))
        .await?;
        self.wait_for("resumed").await
    }

    /// Sends one JSON message.
    ///
    /// # Errors
    /// Where the connection is gone.
    pub async fn send(&mut self, message: Value) -> Result<()> {
        self.send_text(message.to_string()).await
    }

    /// Sends a text message as it is, valid or not.
    ///
    /// # Errors
    /// Where the connection is gone.
    pub async fn send_text(&mut self, text: String) -> Result<()> {
        Ok(self.socket.send(tungstenite::Message::text(text)).await?)
    }

    /// Sends one binary message.
    ///
    /// # Errors
    /// Where the connection is gone.
    pub async fn send_audio(&mut self, bytes: Vec<u8>) -> Result<()> {
        Ok(self.socket.send(tungstenite::Message::binary(bytes)).await?)
    }

    /// Types a message under a new id, which is returned.
    ///
    /// # Errors
    /// Where the connection is gone.
    pub async fn say(&mut self, text: &str) -> Result<String> {
        let id = uuid::Uuid::new_v4().to_string();
        self.send(json!({"type": "text", "id": id, "text": text})).await?;
        Ok(id)
    }

    /// Speaks 16 kHz mono samples as PCM16, in frames of 20 ms at real-time pace (or at once), and commits. Returns the turn's id.
    ///
    /// # Errors
    /// Where the connection is gone.
    pub async fn speak(&mut self, samples: &[i16], real_time: bool) -> Result<String> {
        let id = uuid::Uuid::new_v4().to_string();
        self.send(json!({"type": "audio_start", "id": id, "codec": "pcm16", "sample_rate": 16_000})).await?;
        let started = Instant::now();
        for (n, frame) in samples.chunks(FRAME).enumerate() {
            if real_time {
                sleep_until(started + Duration::from_millis(20) * u32::try_from(n)?).await;
            }
            let bytes = frame.iter().flat_map(|s| s.to_le_bytes()).collect();
            self.socket.feed(tungstenite::Message::binary::<Vec<u8>>(bytes)).await?;
            if real_time || n % 16 == 15 {
                self.socket.flush().await?;
            }
        }
        self.send(json!({"type": "commit", "id": id})).await?;
        Ok(id)
    }

    /// The next message; keeps `last_seq`.
    ///
    /// # Errors
    /// Where nothing comes for 30 seconds or the connection breaks.
    pub async fn next(&mut self) -> Result<Message> {
        self.next_within(Duration::from_secs(30)).await
    }

    /// The next message within a time.
    ///
    /// # Errors
    /// Where nothing comes in time or the connection breaks.
    pub async fn next_within(&mut self, patience: Duration) -> Result<Message> {
        loop {
            let received = timeout(patience, self.socket.next())
                .await
                .map_err(|_| anyhow!("the server was silent for {patience:?}"))?;
            match received {
                None | Some(Err(tungstenite::Error::ConnectionClosed)) => return Ok(Message::Closed(1006)),
                Some(Err(error)) => return Err(error.into()),
                Some(Ok(tungstenite::Message::Text(text))) => {
                    let value: Value = serde_json::from_str(&text)?;
                    if let Some(seq) = value["seq"].as_u64()
                        && value["at"].is_string()
                    {
                        self.last_seq = self.last_seq.max(seq);
                    }
                    return Ok(Message::Json(value));
                }
                Some(Ok(tungstenite::Message::Binary(bytes))) => return Ok(Message::Audio(bytes.to_vec())),
                Some(Ok(tungstenite::Message::Close(frame))) => {
                    return Ok(Message::Closed(frame.map_or(1006, |f| f.code.into())));
                }
                Some(Ok(_)) => {}
            }
        }
    }

    /// Reads on until a message of this type comes. Other messages are passed over, except an error.
    ///
    /// # Errors
    /// Where an `error` comes first, the connection closes, or nothing comes in time.
    pub async fn wait_for(&mut self, kind: &str) -> Result<Value> {
        self.wait_for_any(&[kind]).await
    }

    /// Reads on until a message of one of these types comes.
    ///
    /// # Errors
    /// As [`Self::wait_for`].
    pub async fn wait_for_any(&mut self, kinds: &[&str]) -> Result<Value> {
        loop {
            match self.next().await? {
                Message::Json(value) => {
                    let kind = value["type"].as_str().unwrap_or_default();
                    if kinds.contains(&kind) {
                        return Ok(value);
                    }
                    if kind == "error" {
                        bail!("the server answered with an error while {kinds:?} was awaited: {value}");
                    }
                }
                Message::Audio(_) => {}
                Message::Closed(code) => bail!("the server closed with {code} while {kinds:?} was awaited"),
            }
        }
    }

    /// Says goodbye on the WebSocket level.
    ///
    /// # Errors
    /// Where the connection is gone already.
    pub async fn close(mut self) -> Result<()> {
        Ok(self.socket.close(None).await?)
    }
}
