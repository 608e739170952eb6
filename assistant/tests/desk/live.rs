//! The desk's live socket, over a real connection.

use std::net::SocketAddr;
use std::time::Duration;

use assistant::doors::desk::{DeskSettings, Typing, release_lost_agents_until_shutdown};
use conversation::{Append, AuditActor, ConversationId, HandoffCommand, Status};
use futures::{SinkExt as _, StreamExt as _};
use language::Language;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::app::{Session, TestApp};

const BOTH: &[Language] = &Language::ALL;
const PATIENCE: Duration = Duration::from_secs(20);
const NOTHING_FOR: Duration = Duration::from_millis(400);

async fn serve(app: &TestApp) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = app.router.clone();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

struct Page(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What a page gets: a message, or the socket's end with its code.
#[derive(Debug)]
enum Got {
    Message(Value),
    End(Option<CloseCode>),
}

impl Page {
    async fn open(address: SocketAddr, session: &Session) -> Self {
        Self::try_open(address, &session.cookie, &format!("http://{address}")).await.unwrap()
    }

    /// The status where it is refused.
    async fn try_open(address: SocketAddr, cookie: &str, origin: &str) -> Result<Self, u16> {
        use tokio_tungstenite::tungstenite::Error;
        let mut request = format!("ws://{address}/v1/desk/live").into_client_request().unwrap();
        request.headers_mut().insert("cookie", cookie.parse().unwrap());
        request.headers_mut().insert("origin", origin.parse().unwrap());
        match tokio_tungstenite::connect_async(request).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    async fn send(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn got(&mut self) -> Got {
        loop {
            match tokio::time::timeout(PATIENCE, self.0.next()).await.expect("something comes") {
                Some(Ok(Message::Text(text))) => return Got::Message(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => return Got::End(frame.map(|frame| frame.code)),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Got::End(None),
            }
        }
    }

    /// The next message of this type; others are passed over.
    async fn next(&mut self, kind: &str) -> Value {
        loop {
            match self.got().await {
                Got::Message(message) if message["type"] == kind => return message,
                Got::Message(_) => {}
                Got::End(code) => panic!("the socket ended with {code:?} before a {kind}"),
            }
        }
    }

    /// Everything of this type that comes before nothing has come for a while.
    async fn all(&mut self, kind: &str) -> Vec<Value> {
        let mut all = Vec::new();
        while let Ok(got) = tokio::time::timeout(NOTHING_FOR, self.got()).await {
            match got {
                Got::Message(message) if message["type"] == kind => all.push(message),
                Got::Message(_) => {}
                Got::End(code) => panic!("the socket ended with {code:?}"),
            }
        }
        all
    }

    async fn end(&mut self) -> Option<CloseCode> {
        loop {
            if let Got::End(code) = self.got().await {
                return code;
            }
        }
    }
}

async fn act(app: &TestApp, session: &Session, id: ConversationId, what: &str, body: Value) {
    let reply = app.post(session, &format!("/v1/desk/conversations/{id}/{what}"), body).await;
    assert!(reply.status.is_success(), "{reply:?}");
}

#[tokio::test]
async fn the_socket_opens_for_a_session_on_our_own_page_only() {
    let app = TestApp::new().await;
    let session = app.agent("卓玛", BOTH).await;
    let address = serve(&app).await;
    let own = format!("http://{address}");
    assert_eq!(Page::try_open(address, "drilen_desk=x", &own).await.err(), Some(401));
    assert_eq!(Page::try_open(address, &session.cookie, "https://evil.example").await.err(), Some(403));
    assert!(Page::try_open(address, &session.cookie, &own).await.is_ok());
}

#[tokio::test]
async fn the_queue_comes_at_once_and_after_every_change() {
    let app = TestApp::new().await;
    let session = app.agent("卓玛", BOTH).await;
    let first = app.waiting(Language::Bo).await;
    let mut page = Page::open(serve(&app).await, &session).await;
    let lists = page.next("queue").await;
    assert_eq!(lists["waiting"][0]["conversation"], json!(first));
    assert_eq!(lists["mine"], json!([]));

    app.waiting(Language::Zh).await;
    assert_eq!(page.next("queue").await["waiting"].as_array().unwrap().len(), 2);
    act(&app, &session, first, "claim", json!({})).await;
    let lists = page.next("queue").await;
    assert_eq!(lists["mine"][0]["conversation"], json!(first));
    assert_eq!(lists["waiting"][0]["position"], json!(1));
}

#[tokio::test]
async fn a_rush_of_citizens_is_told_in_few_lists() {
    let app = TestApp::new().await;
    let session = app.agent("卓玛", BOTH).await;
    let mut page = Page::open(serve(&app).await, &session).await;
    page.next("queue").await;
    for _ in 0..60 {
        app.waiting(Language::Bo).await;
    }
    let lists = page.all("queue").await;
    assert_eq!(lists.last().unwrap()["waiting"].as_array().unwrap().len(), 60);
    assert!(lists.len() < 60, "{} lists", lists.len());
}

#[tokio::test]
async fn what_happens_in_an_agents_conversations_comes_and_what_happens_elsewhere_does_not() {
    let app = TestApp::new().await;
    let (session, other) = (app.agent("卓玛", BOTH).await, app.agent("丹增", BOTH).await);
    let (mine, theirs) = (app.waiting(Language::Bo).await, app.waiting(Language::Zh).await);
    let address = serve(&app).await;
    let mut page = Page::open(address, &session).await;
    page.next("queue").await;
    act(&app, &session, mine, "claim", json!({})).await;
    act(&app, &other, theirs, "claim", json!({})).await;
    app.citizen_says(theirs, "secret", Language::Zh).await;
    app.citizen_says(mine, "q2", Language::Bo).await;
    act(&app, &session, mine, "messages", json!({ "id": "1", "text": "好的 འགྲིག" })).await;
    act(&app, &session, mine, "return", json!({ "note": "说明了" })).await;
    app.citizen_says(mine, "q3", Language::Bo).await;
    let events = page.all("event").await;
    assert!(events.iter().all(|message| message["conversation"] == json!(mine)), "{events:?}");
    let kinds: Vec<&str> = events.iter().map(|message| message["event"]["type"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        ["agent_joined", "citizen_message", "agent_message", "agent_left"],
        "and nothing after leaving"
    );
    assert_eq!(events[3]["event"]["note"], json!("说明了"));

    // A page that opens later goes on with what the agent has.
    let mut second = Page::open(address, &other).await;
    assert_eq!(second.next("queue").await["mine"][0]["conversation"], json!(theirs));
    app.citizen_says(theirs, "later", Language::Zh).await;
    assert_eq!(second.next("event").await["event"]["id"], json!("later"));
}

#[tokio::test]
async fn a_watched_conversation_is_followed_until_it_is_not() {
    let app = TestApp::new().await;
    let session = app.agent("卓玛", BOTH).await;
    let id = app.waiting(Language::Bo).await;
    let private = app.conversation(Language::Zh).await;
    let mut page = Page::open(serve(&app).await, &session).await;
    page.send(json!({ "type": "watch", "conversation": id })).await;
    page.send(json!({ "type": "watch", "conversation": private })).await;
    assert_eq!(page.next("error").await["error"]["code"], json!("not_yours"));
    page.send(json!({ "type": "watch", "conversation": ConversationId::generate() })).await;
    assert_eq!(page.next("error").await["error"]["code"], json!("not_found"));
    app.citizen_says(private, "secret", Language::Zh).await;
    app.citizen_says(id, "q2", Language::Bo).await;
    assert_eq!(page.next("event").await["event"]["id"], json!("q2"));
    page.send(json!({ "type": "unwatch", "conversation": id })).await;
    page.send(json!({ "type": "nonsense" })).await;
    assert_eq!(page.next("error").await["error"]["code"], json!("bad_message"), "and the socket stays");
    app.citizen_says(id, "q3", Language::Bo).await;
    assert!(page.all("event").await.is_empty());
}

#[tokio::test]
async fn typing_is_told_both_ways_and_only_by_who_has_the_conversation() {
    let app = TestApp::new().await;
    let (session, other) = (app.agent("卓玛", BOTH).await, app.agent("丹增", BOTH).await);
    let id = app.waiting(Language::Bo).await;
    act(&app, &session, id, "claim", json!({})).await;
    let address = serve(&app).await;
    let (mut page, mut second) = (Page::open(address, &session).await, Page::open(address, &other).await);
    page.next("queue").await;
    second.next("queue").await;
    let mut citizen = app.typing.listen();
    second.send(json!({ "type": "typing", "conversation": id })).await;
    // The heartbeat's answer to a bad message marks that what came before was read.
    second.send(json!({ "type": "mark" })).await;
    second.next("error").await;
    page.send(json!({ "type": "typing", "conversation": id })).await;
    assert_eq!(citizen.next().await, Some(Typing::Agent(id)));
    assert!(tokio::time::timeout(NOTHING_FOR, citizen.next()).await.is_err(), "one of the two counted");

    app.typing.tell(Typing::Citizen(id));
    assert_eq!(page.next("citizen_typing").await["conversation"], json!(id));
    assert!(second.all("citizen_typing").await.is_empty());
}

#[tokio::test]
async fn an_agent_without_a_sign_of_life_for_a_minute_gives_their_conversations_back() {
    let settings = DeskSettings { sweep_every: Duration::from_millis(20), ..DeskSettings::default() };
    let app = TestApp::with(settings).await;
    let (lost, present) = (app.agent("卓玛", BOTH).await, app.agent("丹增", BOTH).await);
    let (first, second) = (app.waiting(Language::Bo).await, app.waiting(Language::Zh).await);
    tokio::spawn(release_lost_agents_until_shutdown(app.state.clone()));
    act(&app, &lost, first, "claim", json!({})).await;
    act(&app, &present, second, "claim", json!({})).await;
    let mut page = Page::open(serve(&app).await, &present).await;
    page.next("queue").await;
    for _ in 0..3 {
        app.clock.advance(Duration::from_secs(20));
        page.send(json!({ "type": "heartbeat" })).await;
        page.send(json!({ "type": "mark" })).await;
        page.next("error").await;
    }
    let lists = loop {
        let lists = page.next("queue").await;
        if lists["waiting"].as_array().unwrap().len() == 1 {
            break lists;
        }
    };
    assert_eq!(lists["waiting"][0]["conversation"], json!(first));
    assert_eq!(lists["waiting"][0]["since"], json!("2026-03-01T08:00:01.000Z"), "with the original time");
    assert_eq!(lists["mine"][0]["conversation"], json!(second), "who gave signs of life keeps theirs");
    assert_eq!(app.store.conversation(second).await.unwrap().unwrap().status(), Status::Assigned);
}

#[tokio::test]
async fn a_page_without_a_sign_of_life_is_closed() {
    let settings = DeskSettings { lost_after: Duration::from_millis(300), ..DeskSettings::default() };
    let app = TestApp::with(settings).await;
    let session = app.agent("卓玛", BOTH).await;
    let mut page = Page::open(serve(&app).await, &session).await;
    assert_eq!(page.end().await, Some(CloseCode::Policy));
}

#[tokio::test]
async fn logging_out_ends_the_socket_with_the_next_heartbeat() {
    let app = TestApp::new().await;
    let session = app.agent("卓玛", BOTH).await;
    let mut page = Page::open(serve(&app).await, &session).await;
    page.next("queue").await;
    app.post(&session, "/v1/desk/logout", json!({})).await;
    page.send(json!({ "type": "heartbeat" })).await;
    assert_eq!(page.end().await, Some(CloseCode::Policy));
}

#[tokio::test]
async fn a_revoked_session_ends_the_socket_of_a_page_that_sends_no_heartbeat() {
    let settings =
        DeskSettings { check_session_every: Duration::from_millis(100), ..DeskSettings::default() };
    let app = TestApp::with(settings).await;
    let session = app.agent("卓玛", BOTH).await;
    let mut page = Page::open(serve(&app).await, &session).await;
    page.next("queue").await;
    app.store.revoke_sessions(AuditActor::System, session.agent.id, None).await.unwrap();
    assert_eq!(page.end().await, Some(CloseCode::Policy));
}

#[tokio::test]
async fn a_draining_server_says_restart_and_waits_for_its_sockets() {
    let app = TestApp::new().await;
    let session = app.agent("卓玛", BOTH).await;
    let mut page = Page::open(serve(&app).await, &session).await;
    page.next("queue").await;
    assert_eq!(app.tasks.len(), 1, "the socket's task is tracked");
    app.shutdown.cancel();
    assert_eq!(page.end().await, Some(CloseCode::Restart));
    app.tasks.close();
    tokio::time::timeout(PATIENCE, app.tasks.wait()).await.expect("the socket's task ends");
}

#[tokio::test]
async fn a_page_that_fell_behind_misses_nothing() {
    const MESSAGES: u64 = 4_000;
    let app = TestApp::new().await;
    let session = app.agent("卓玛", BOTH).await;
    let id = app.waiting(Language::Bo).await;
    act(&app, &session, id, "claim", json!({})).await;
    let mut page = Page::open(serve(&app).await, &session).await;
    page.next("queue").await;
    // The page does not read while more is committed than the connection and the desk's backlog hold.
    let before = app.store.conversation(id).await.unwrap().unwrap().last_seq;
    let text = "ཚིག་长".repeat(400);
    futures::stream::iter(0..MESSAGES)
        .map(|_| {
            let command =
                HandoffCommand::Message { agent: session.agent.actor(), text: text.clone(), sound: None };
            app.store.append(Append::to(id).then(command))
        })
        .buffer_unordered(250)
        .for_each(async |appended| assert!(appended.is_ok(), "{appended:?}"))
        .await;
    let mut seen = Vec::new();
    while seen.last() != Some(&(before + MESSAGES)) {
        seen.push(page.next("event").await["event"]["seq"].as_u64().unwrap());
    }
    assert!(seen.into_iter().eq(before + 1..=before + MESSAGES));
}
