//! An agent at the desk: its requests, and the socket of its page.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{self, Message, client::IntoClientRequest as _};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::ServerProcess;

/// An agent logged in at the desk.
pub struct Desk {
    http: reqwest::Client,
    /// The nodes' doors, and which of them is asked.
    bases: Vec<String>,
    at: AtomicUsize,
    csrf: String,
    cookie: String,
}

impl Desk {
    /// Logs in.
    ///
    /// # Errors
    /// Where name or password are wrong.
    pub async fn login(server: &ServerProcess, name: &str, password: &str) -> Result<Self> {
        Self::login_at(&server.http(), name, password).await
    }

    /// Logs in at a server's HTTP address, without a slash at the end.
    ///
    /// # Errors
    /// Where name or password are wrong.
    pub async fn login_at(server: &str, name: &str, password: &str) -> Result<Self> {
        // The HTTP client is built without a choice of cryptography; an error means that it was chosen already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder().build()?;
        let bases = vec![format!("{server}/v1/desk")];
        let (at, csrf, cookie) = (AtomicUsize::new(0), String::new(), String::new());
        let mut desk = Self { http, bases, at, csrf, cookie };
        let body = json!({"name": name, "password": password});
        let response = desk.request(reqwest::Method::POST, "login").json(&body).send().await?;
        desk.enter(response.error_for_status()?).await?;
        Ok(desk)
    }

    /// Logs in for the first time, which asks for a new password.
    ///
    /// # Errors
    /// As [`Self::login`].
    pub async fn login_anew(server: &ServerProcess, name: &str, password: &str) -> Result<Self> {
        let mut desk = Self::login(server, name, password).await?;
        let me = desk.get("me").await?;
        if me["account"]["owes"].is_string() {
            let new = format!("{password} ལྷ་ས་");
            let body = json!({"current": password, "new": new});
            let response = desk.request(reqwest::Method::POST, "password").json(&body).send().await?;
            ensure!(response.status() == 200, "the password was not taken: {}", response.text().await?);
            desk.enter(response).await?;
        }
        Ok(desk)
    }

    /// Takes the session that a reply opened.
    async fn enter(&mut self, response: reqwest::Response) -> Result<()> {
        let cookie = response.headers().get("set-cookie").context("the reply sets no cookie")?.to_str()?;
        cookie.split(';').next().unwrap_or_default().clone_into(&mut self.cookie);
        let reply: Value = response.json().await?;
        reply["csrf"].as_str().context("the reply gave no csrf value")?.clone_into(&mut self.csrf);
        Ok(())
    }

    /// Knows another node, which is asked where one cannot be reached.
    pub fn also_at(&mut self, server: &ServerProcess) {
        self.bases.push(format!("{}/v1/desk", server.http()));
    }

    /// Asks another of the nodes from now on.
    pub fn turn_to_the_next(&self) {
        self.at.fetch_add(1, Ordering::Relaxed);
    }

    /// The door that is asked at present.
    pub fn base(&self) -> &str {
        &self.bases[self.at.load(Ordering::Relaxed) % self.bases.len()]
    }

    /// A request with everything that the desk's own page would send.
    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let base = self.base();
        self.http
            .request(method, format!("{base}/{path}"))
            .header("X-Drilen-CSRF", &self.csrf)
            .header("Origin", base.trim_end_matches("/v1/desk"))
            .header("Cookie", &self.cookie)
    }

    /// `GET /v1/desk/{path}`.
    ///
    /// # Errors
    /// Where the answer is not a success.
    pub async fn get(&self, path: &str) -> Result<Value> {
        let response = self.request(reqwest::Method::GET, path).send().await;
        let response = response.inspect_err(|_| self.turn_to_the_next())?;
        Ok(response.error_for_status()?.json().await?)
    }

    /// `GET /v1/desk/{path}`: status and body, whatever they are.
    ///
    /// # Errors
    /// Where the server cannot be reached.
    pub async fn try_get(&self, path: &str) -> Result<(u16, Value)> {
        let response = self.request(reqwest::Method::GET, path).send().await?;
        let status = response.status().as_u16();
        Ok((status, response.json().await.unwrap_or(Value::Null)))
    }

    /// `POST /v1/desk/{path}`: status and body.
    ///
    /// # Errors
    /// Where the server cannot be reached.
    pub async fn post(&self, path: &str, body: Value) -> Result<(u16, Value)> {
        let response = self.request(reqwest::Method::POST, path).json(&body).send().await;
        let response = response.inspect_err(|_| self.turn_to_the_next())?;
        let status = response.status().as_u16();
        Ok((status, response.json().await.unwrap_or(Value::Null)))
    }

    /// `POST /v1/desk/{path}`: the body of a success.
    ///
    /// # Errors
    /// Where the answer is not a success.
    pub async fn done(&self, path: &str, body: Value) -> Result<Value> {
        let (status, reply) = self.post(path, body).await?;
        ensure!(status == 200, "{path}: {status} {reply}");
        Ok(reply)
    }

    /// Opens the socket of this agent's page.
    ///
    /// # Errors
    /// Where the server refuses it.
    pub async fn live(&self) -> Result<DeskPage> {
        let base = self.base();
        let server = base.trim_end_matches("/v1/desk");
        let url = format!("{}/live", base.replacen("http", "ws", 1));
        let mut request = url.into_client_request()?;
        request.headers_mut().insert("cookie", self.cookie.parse()?);
        request.headers_mut().insert("origin", server.parse()?);
        let (socket, _) = tokio_tungstenite::connect_async(request).await?;
        Ok(DeskPage { socket })
    }
}

/// The socket of an agent's page.
pub struct DeskPage {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl DeskPage {
    /// Sends one message.
    ///
    /// # Errors
    /// Where the socket is gone.
    pub async fn send(&mut self, message: Value) -> Result<()> {
        Ok(self.socket.send(Message::text(message.to_string())).await?)
    }

    /// Sends a WebSocket message as it is.
    ///
    /// # Errors
    /// Where the socket is gone.
    pub async fn send_raw(&mut self, message: tungstenite::Message) -> Result<()> {
        Ok(self.socket.send(message).await?)
    }

    /// The next message of this type that fits; others are passed over.
    ///
    /// # Errors
    /// Where the socket ends or nothing comes for 30 s.
    pub async fn wait_for(&mut self, kind: &str, fits: impl Fn(&Value) -> bool) -> Result<Value> {
        loop {
            let next = tokio::time::timeout(Duration::from_secs(30), self.socket.next()).await;
            match next.with_context(|| format!("no {kind} came within 30 s"))? {
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(&text)?;
                    if message["type"] == kind && fits(&message) {
                        return Ok(message);
                    }
                }
                Some(Ok(Message::Close(frame))) => bail!("closed with {frame:?} before a {kind}"),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => bail!("the socket ended before a {kind}"),
            }
        }
    }
}
