//! The desk's interface for another program: what a ticket system or a chat console in front of the desk has to do
//! (`docs/desk-interface.md`, `docs/openapi.json`).

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::{SinkExt, StreamExt};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_tungstenite::tungstenite::{self, client::IntoClientRequest};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// An agent who is silent for a minute gives their conversations back.
const HEARTBEAT: Duration = Duration::from_secs(20);
/// The desk answers within seconds or says that it is busy.
const PATIENCE: Duration = Duration::from_secs(15);
/// A request that may be sent again is sent so often.
const TRIES: u32 = 4;

/// What the desk answered instead of doing it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The status.
    pub status: u16,
    /// For programs: `already_claimed`, `not_holder` … (`ErrorCode` in the description).
    pub code: String,
    /// For people who write programs.
    pub message: String,
    /// Who was faster, with `already_claimed`.
    pub winner: Option<String>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} {})", self.message, self.status, self.code)
    }
}

impl std::error::Error for Refused {}

/// An agent who is logged in. Requests and sockets of one login may be used at the same time.
#[derive(Clone)]
pub struct Desk {
    http: reqwest::Client,
    base: String,
    cookie: String,
    csrf: String,
    /// Who: `{id, name, languages}`.
    pub agent: Value,
}

impl Desk {
    /// Logs in at `http://host:port`, by name and password.
    ///
    /// # Errors
    /// [`Refused`] where the name or the password is wrong, a second factor is asked for, or the account owes something.
    pub async fn log_in(base: &str, name: &str, password: &str) -> Result<Self> {
        // The workspace's reqwest speaks TLS with whatever provider the process has; a second one is refused, which is fine.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder().timeout(PATIENCE).build()?;
        let base = base.trim_end_matches('/').to_owned();
        let body = json!({ "name": name, "password": password }).to_string();
        let sent =
            http.post(format!("{base}/v1/desk/login")).header("content-type", "application/json").body(body);
        let response =
            sent.send().await.with_context(|| format!("cannot reach {base}: is the assistant running?"))?;
        let cookies =
            response.headers().get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok());
        let cookie =
            cookies.filter_map(|cookie| cookie.split(';').next()).find(|c| c.starts_with("drilen_desk="));
        let cookie = cookie.map(str::to_owned);
        let me = answer(response).await?;
        if let Some(duty) = me["account"]["owes"].as_str() {
            bail!("this account owes something first ({duty}): log in at the desk's page once");
        }
        let (Some(cookie), Some(csrf)) = (cookie, me["csrf"].as_str()) else {
            bail!("the login gave no session")
        };
        Ok(Self { http, base, cookie, csrf: csrf.to_owned(), agent: me["agent"].clone() })
    }

    /// Asks for something: `get("/v1/desk/queue")`.
    ///
    /// # Errors
    /// [`Refused`], or where nobody answers.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.send(Method::GET, path, None).await
    }

    /// Changes something. A busy server is asked again after a moment: it has done nothing.
    ///
    /// # Errors
    /// [`Refused`], or where nobody answers.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.send(Method::POST, path, Some(body)).await
    }

    /// Does something with a conversation: `act(id, "claim", &json!({}))`.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub async fn act(&self, conversation: &str, what: &str, body: &Value) -> Result<Value> {
        self.post(&format!("/v1/desk/conversations/{conversation}/{what}"), body).await
    }

    /// Writes to the citizen, once: where no answer comes the same message is sent again under the same id.
    ///
    /// # Errors
    /// [`Refused`], or where nobody answers after some tries.
    pub async fn write(&self, conversation: &str, text: &str) -> Result<Value> {
        let body = json!({ "id": uuid::Uuid::new_v4().to_string(), "text": text });
        let mut tries = 0;
        loop {
            tries += 1;
            match self.act(conversation, "messages", &body).await {
                Err(error) if tries < TRIES && !error.is::<Refused>() => pause(tries).await,
                done => return done,
            }
        }
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let mut tries = 0;
        loop {
            tries += 1;
            let mut request = self.http.request(method.clone(), format!("{}{path}", self.base));
            request = request.header("cookie", &self.cookie).header("x-drilen-csrf", &self.csrf);
            if let Some(body) = body {
                request = request.header("content-type", "application/json").body(body.to_string());
            }
            match answer(request.send().await?).await {
                Err(error) if tries < TRIES && is_busy(&error) => pause(tries).await,
                answered => return answered,
            }
        }
    }

    /// Opens the live socket. What happened while there was none is in the lists that it sends first, and in
    /// `GET /v1/desk/conversations/{id}`.
    ///
    /// # Errors
    /// Where the session is over or the server does not answer.
    pub async fn live(&self) -> Result<Live> {
        let mut request =
            format!("{}/v1/desk/live", self.base.replacen("http", "ws", 1)).into_client_request()?;
        request.headers_mut().insert("cookie", self.cookie.parse()?);
        let (socket, _) = connect_async(request).await.context("the live socket does not open")?;
        let mut heartbeat = interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Live { socket, heartbeat })
    }
}

/// What the desk tells as it happens.
pub struct Live {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    heartbeat: Interval,
}

impl Live {
    /// The next message (`queue`, `event`, `citizen_typing`, `error`), giving signs of life meanwhile; `None` with the close
    /// code when the socket ends. 1012 and 1013: open another one. Cancel-safe.
    ///
    /// # Errors
    /// Where the connection breaks: open another one.
    pub async fn next(&mut self) -> Result<Result<Value, u16>> {
        loop {
            tokio::select! {
                _ = self.heartbeat.tick() => self.tell(&json!({ "type": "heartbeat" })).await?,
                received = self.socket.next() => match received {
                    Some(Ok(tungstenite::Message::Text(text))) => return Ok(Ok(serde_json::from_str(&text)?)),
                    Some(Ok(tungstenite::Message::Close(frame))) => {
                        return Ok(Err(frame.map_or(1006, |frame| frame.code.into())));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error.into()),
                    None => return Ok(Err(1006)),
                },
            }
        }
    }

    /// Sends `watch`, `unwatch` or `typing`.
    ///
    /// # Errors
    /// Where the connection is gone.
    pub async fn tell(&mut self, message: &Value) -> Result<()> {
        Ok(self.socket.send(tungstenite::Message::text(message.to_string())).await?)
    }
}

async fn answer(response: reqwest::Response) -> Result<Value> {
    let status = response.status();
    let text = response.text().await?;
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    if status.is_success() {
        return Ok(body);
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (code, message) = (text(&body["error"]["code"]), text(&body["error"]["message"]));
    Err(Refused {
        status: status.as_u16(),
        code,
        message,
        winner: body["winner"].as_str().map(str::to_owned),
    }
    .into())
}

fn is_busy(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Refused>().is_some_and(|refused| {
        refused.status == StatusCode::SERVICE_UNAVAILABLE.as_u16() && refused.code == "busy"
    })
}

async fn pause(tries: u32) {
    tokio::time::sleep(Duration::from_millis(250) * 2u32.pow(tries)).await;
}
