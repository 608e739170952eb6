//! A desk over a real store in a folder of its own, with a clock that stands still.

use std::sync::Arc;
use std::time::Duration;

use assistant::clips::{Clip, Clips, Inventory, inventory};
use assistant::doors::desk::{
    self, DeskParts, DeskSettings, DeskState, NoSuggestions, OidcDoor, SuggestAnswers, SuggestedAnswer,
    TypingHub, password,
};
use assistant::doors::origin::OriginPolicy;
use assistant::hours::Hours;
use assistant::store::SqlStore;
use assistant::vault::keyring::FileSource;
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use conversation::routing::HandoffRules;
use conversation::{
    Agent, AgentId, Append, AuditActor, Channel, CitizenMessage, Clock as _, Considered, ConversationId,
    EscalationId, EscalationReason, EventBody, HandoffCommand, LoginMethod, ManualClock, MessageId,
    MessageKey, NewConversation, NewSession, PersonChange, Role, Say, SayAct, Source, Store, Timestamp,
    Token,
};
use language::Language;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::contract;

pub const PASSWORD: &str = "ལྷ་ས་ 拉萨 3650";
pub const HOST: &str = "127.0.0.1:8080";
pub const OWN_PAGE: &str = "http://127.0.0.1:8080";

/// An entry in both languages, and one that nobody has translated since the beginning of the year.
const SERVED: &str = "format: drilen-kb/1\nname: t\nentries:\n\
- id: id-card-lost\n  topic: documents\n  zh: {question: 身份证丢了怎么补办, spoken: 去派出所。, written: 请到派出所。}\n  bo: {question: ཐོབ་ཐང་ལག་འཁྱེར་བརླགས་ན་ག་རེ་བྱེད་དགོས, spoken: ཉེན་རྟོག་ཁང་ལ་ཕེབས།, written: ཉེན་རྟོག་ཁང་ལ་ཕེབས་རོགས།}\n\
- id: border-pass\n  topic: documents\n  zh: {question: 边防证在哪里办, spoken: 去公安局。, written: 请到公安局。}\n";

/// Finds one answer for every question, and none when it is told to be busy.
struct OneAnswer;

#[async_trait]
impl SuggestAnswers for OneAnswer {
    async fn suggest(
        &self,
        question: &str,
        language: Language,
    ) -> Result<Vec<SuggestedAnswer>, NoSuggestions> {
        if question == "忙" {
            return Err(NoSuggestions("the workers are busy".to_owned()));
        }
        Ok(vec![SuggestedAnswer {
            entry: kb::EntryId("id-card-lost".to_owned()),
            question: question.to_owned(),
            text: format!("{language}: ལན་ 答案"),
            confidence: 0.5,
        }])
    }

    fn named(&self, entries: &[(kb::EntryId, f32)], language: Language) -> Vec<SuggestedAnswer> {
        let answer = |(entry, confidence): &(kb::EntryId, f32)| SuggestedAnswer {
            entry: entry.clone(),
            question: format!("问：{entry}"),
            text: format!("{language}: ལན་ 答案"),
            confidence: *confidence,
        };
        entries.iter().map(answer).collect()
    }

    fn served(&self) -> Arc<kb::Publication> {
        let collection = kb::Collection::parse("served.yaml", SERVED);
        assert_eq!(collection.problems, []);
        Arc::new(kb::Publication::new(&collection).unwrap())
    }

    fn inventory(&self, clips: &[Clip]) -> Inventory {
        let text = |spoken: &str| kb::Text { spoken: spoken.to_owned(), ..kb::Text::default() };
        let entry = kb::Entry {
            id: kb::EntryId("id-card-lost".to_owned()),
            zh: Some(text("请到派出所补办。")),
            bo: Some(text("ཉེན་རྟོག་ཁང་དུ་གསབ་བཟོ་གནང་རོགས།")),
            ..kb::Entry::default()
        };
        inventory([&entry], clips)
    }
}

pub struct TestApp {
    pub store: Arc<dyn Store>,
    pub clock: Arc<ManualClock>,
    pub typing: TypingHub,
    pub shutdown: CancellationToken,
    pub tasks: TaskTracker,
    pub router: Router,
    pub state: DeskState,
    _folder: tempfile::TempDir,
}

/// An agent who is logged in.
pub struct Session {
    pub agent: Agent,
    pub cookie: String,
    pub csrf: String,
}

/// What the desk answered.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
    pub bytes: Vec<u8>,
}

impl Reply {
    /// The session that a login opened.
    pub fn session(&self, agent: Agent) -> Session {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        let cookie = self.headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
        Session { agent, cookie, csrf: self.body["csrf"].as_str().unwrap().to_owned() }
    }

    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}

impl TestApp {
    pub async fn new() -> Self {
        Self::with(DeskSettings::default()).await
    }

    pub async fn with(settings: DeskSettings) -> Self {
        Self::with_oidc(settings, None).await
    }

    pub async fn with_oidc(settings: DeskSettings, oidc: Option<Arc<OidcDoor>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_772_352_000_000)));
        let path = folder.path().join("data").join("store.db");
        std::fs::create_dir(folder.path().join("data")).unwrap();
        let keys = FileSource::new(&folder.path().join("master.key"), path.parent().unwrap()).unwrap();
        let store = SqlStore::open_file(&path, Box::new(keys), clock.clone()).await.unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let (typing, shutdown, tasks) = (TypingHub::new(), CancellationToken::new(), TaskTracker::new());
        let state = DeskState::new(DeskParts {
            store: Arc::clone(&store),
            clock: clock.clone(),
            clips: Arc::new(Clips::new(&folder.path().join("clips"))),
            answers: Arc::new(OneAnswer),
            typing: typing.clone(),
            origins: OriginPolicy::new(&["https://12345.example".to_owned()]),
            oidc,
            call_back: Arc::default(),
            editing: None,
            hours: Hours::new(Arc::clone(&store), HandoffRules::default()),
            settings,
            shutdown: shutdown.clone(),
            tasks: tasks.clone(),
        });
        let router = desk::router(state.clone());
        Self { store, clock, typing, shutdown, tasks, router, state, _folder: folder }
    }

    pub async fn add_agent(&self, name: &str, languages: &[Language]) -> Agent {
        let agent = Agent { id: AgentId::generate(), name: name.to_owned(), languages: languages.to_vec() };
        self.store.add_agent(agent.clone(), password_hash()).await.unwrap();
        agent
    }

    /// Adds an agent and logs in.
    pub async fn agent(&self, name: &str, languages: &[Language]) -> Session {
        self.person(name, languages, &[Role::Agent]).await
    }

    /// Adds somebody with these roles and logs in.
    pub async fn person(&self, name: &str, languages: &[Language], roles: &[Role]) -> Session {
        let agent = self.add_agent(name, languages).await;
        let change = PersonChange::Roles(roles.iter().copied().collect());
        self.store.change_person(AuditActor::System, agent.id, change).await.unwrap();
        self.open(agent).await
    }

    /// A session of somebody who has an account, without the work of a login.
    pub async fn open(&self, agent: Agent) -> Session {
        let mut random = [0; 32];
        getrandom::fill(&mut random).unwrap();
        let token = Token::from_random(random);
        let new = NewSession {
            token: token.hash(),
            agent: agent.id,
            method: LoginMethod::Password,
            expires_at: self.clock.now().plus(self.state.settings.session_for),
            idle: self.state.settings.idle,
        };
        assert!(self.store.login(new).await.unwrap());
        let mut session =
            Session { agent, cookie: format!("drilen_desk={}", token.reveal()), csrf: String::new() };
        let me = self.get(&session, "/v1/desk/me").await;
        me.body["csrf"].as_str().unwrap().clone_into(&mut session.csrf);
        session
    }

    /// Logs somebody in who has an account.
    pub async fn session(&self, agent: Agent) -> Session {
        let reply = self.log_in(&agent.name, PASSWORD).await;
        reply.session(agent)
    }

    pub async fn log_in(&self, name: &str, password: &str) -> Reply {
        let body = json!({ "name": name, "password": password }).to_string();
        self.send(request(Method::POST, "/v1/desk/login", &[(header::ORIGIN.as_str(), OWN_PAGE)], body)).await
    }

    pub async fn get(&self, session: &Session, path: &str) -> Reply {
        self.send(request(Method::GET, path, &[("cookie", &session.cookie)], String::new())).await
    }

    pub async fn post(&self, session: &Session, path: &str, body: Value) -> Reply {
        let headers = [("cookie", &*session.cookie), ("x-drilen-csrf", &session.csrf), ("origin", OWN_PAGE)];
        self.send(request(Method::POST, path, &headers, body.to_string())).await
    }

    pub async fn send(&self, request: Request<Body>) -> Reply {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        contract::check(&method, &path, parts.status, &body);
        Reply { status: parts.status, headers: parts.headers, body, bytes: bytes.into() }
    }

    /// As [`TestApp::send`], for answers that may be no JSON.
    pub async fn send_any(&self, request: Request<Body>) -> Reply {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        contract::check(&method, &path, parts.status, &body);
        Reply { status: parts.status, headers: parts.headers, body, bytes: bytes.into() }
    }

    /// A conversation in which the assistant did not understand and that waits since.
    pub async fn waiting(&self, language: Language) -> ConversationId {
        self.clock.advance(Duration::from_secs(1));
        let id = self.conversation(language).await;
        self.store
            .append(Append::to(id).then(HandoffCommand::Escalate {
                escalation: EscalationId::generate(),
                reason: EscalationReason::LowConfidence,
            }))
            .await
            .unwrap();
        id
    }

    pub async fn conversation(&self, language: Language) -> ConversationId {
        let mut random = [0; 32];
        getrandom::fill(&mut random).unwrap();
        let new = NewConversation {
            id: ConversationId::generate(),
            token: Token::from_random(random).hash(),
            language,
            channel: Channel::Portal,
            voice: true,
            call: None,
        };
        let id = self.store.create(new).await.unwrap().conversation;
        self.citizen_says(id, "q1", language).await;
        let not_understood = EventBody::Say(Say {
            reply_to: Some(2),
            text: "དགོངས་དག 对不起".to_owned(),
            act: SayAct::NotUnderstood,
            considered: vec![Considered {
                entry: kb::EntryId("id-card-lost".to_owned()),
                question: "身份证丢了怎么办？".to_owned(),
                confidence: 0.25,
            }],
            provenance: None,
        });
        self.store.append(Append::to(id).event(not_understood)).await.unwrap();
        id
    }

    pub async fn citizen_says(&self, id: ConversationId, name: &str, language: Language) {
        let name = MessageId::try_from(name).unwrap();
        let message = EventBody::CitizenMessage(CitizenMessage {
            id: name.clone(),
            text: match language {
                Language::Bo => "ཐོབ་ཐང་ལག་ཁྱེར་ 身份证 བརླགས་ན་ག་རེ་བྱེད་དགོས།".to_owned(),
                Language::Zh => "身份证丢了怎么办？".to_owned(),
            },
            source: Source::Text,
            language,
            dictation: true,
            sound: None,
        });
        self.store.append(Append::to(id).because_of(MessageKey::citizen(name)).event(message)).await.unwrap();
    }
}

/// Of [`PASSWORD`], computed once.
pub fn password_hash() -> String {
    static HASH: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| password::hash(PASSWORD, [5; 16]).unwrap());
    HASH.clone()
}

pub fn request(method: Method, path: &str, headers: &[(&str, &str)], body: String) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, HOST);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body)).unwrap()
}
