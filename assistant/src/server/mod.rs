//! The whole server in one process: started, watched, stopped. Also used in-process by tests.

mod closing;
mod identity;
mod parts;
mod publishing;
mod signals;
mod steady;
mod sweeps;
mod webhooks;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum_server::{
    Handle,
    accept::NoDelayAcceptor,
    tls_rustls::{RustlsAcceptor, RustlsConfig},
};
use conversation::{Clock, LockoutPolicy, Store};
use hyper_util::rt::TokioTimer;
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use parts::{CLIPS, DATABASE, connect, open_database, open_file, open_store, voices};
pub use parts::{FirstAgent, Parts};
pub use webhooks::WebhookError;
pub(crate) use webhooks::fresh_secret;

use crate::{
    clips::Clips,
    config::{Configuration, Totp},
    doors::{
        attached::{AtWork, Service},
        desk::{self, DeskParts, DeskSettings, DeskState, TypingHub},
        http::{self, HttpState},
        limits::Limits,
        openapi,
        origin::OriginPolicy,
        pages::{self, Framing},
        portal::{
            self, PortalState,
            extract::{self, ExtractKey, ExtractState},
        },
        routes::Route,
        telephone::{self, TelephoneError, TelephoneState, Telephones},
    },
    editing::{self, Editing},
    hotline::{CallBack, CallBackSlot, Hotline},
    hours::Hours,
    knowledge::KnowledgeError,
    session::Conversations,
    store::OpenError,
    telemetry,
    workers::{
        fatal::{Deaths, Fatal},
        minds::Minds,
        recordings::Recordings,
    },
};

/// After the grace, tasks get so long to say goodbye.
const LAST_CALL: Duration = Duration::from_secs(3);

/// A client that has not sent its request's header within this time is dropped, so that idle sockets cost nothing.
const HEADER_PATIENCE: Duration = Duration::from_secs(15);

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be made or written.
    #[error(
        "the data folder {path} cannot be used: {source}; set server.data to a folder that this user may write"
    )]
    Data {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database's password cannot be read.
    #[error("store.password_file {path} cannot be read: {source}")]
    Password {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A receiver of webhooks cannot be told.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// Conversations cannot be kept.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The store fails.
    #[error("the store fails: {0}")]
    StoreFails(#[from] conversation::StoreError),
    /// There is nothing to answer from.
    #[error("{0}; `assistant kb check` names every problem")]
    Knowledge(#[from] KnowledgeError),
    /// Somebody else listens there, or this user may not.
    #[error(
        "cannot listen on {address}: {source}; set server.listen to another port, or stop what uses this one"
    )]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Certificate or key cannot be used.
    #[error("TLS cannot be set up with {certificate} and {key}: {source}")]
    Tls {
        /// The certificate file.
        certificate: std::path::PathBuf,
        /// The key file.
        key: std::path::PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The identity provider cannot be used as it is configured.
    #[error("people.oidc: {0}")]
    Oidc(String),
    /// Calls cannot be taken.
    #[error(transparent)]
    Telephone(#[from] TelephoneError),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// The server stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A model thread died.
    #[error("{0}; the server stops, since it would be deaf or dumb without it")]
    ModelThread(String),
    /// The listener failed.
    #[error("the listener failed: {0}")]
    Listener(String),
}

/// A running server.
pub struct Server {
    address: SocketAddr,
    tls: bool,
    first_agent: Option<FirstAgent>,
    deaths: Deaths,
    handle: Handle<SocketAddr>,
    serving: JoinHandle<io::Result<()>>,
    draining: CancellationToken,
    stopped: CancellationToken,
    tasks: TaskTracker,
    telephones: Telephones,
    routes: Vec<Route>,
    store: Arc<dyn Store>,
    minds: Minds,
    clock: Arc<dyn Clock>,
    configuration: Arc<Configuration>,
}

impl Server {
    /// Starts with the engines and the voice that the configuration names; what of them is missing is logged and reported
    /// by `/readyz`, and the rest is served.
    ///
    /// # Errors
    /// [`StartError`], which says what to do.
    pub async fn start(configuration: Configuration) -> Result<Self, StartError> {
        Self::start_with(configuration, Parts::default()).await
    }

    /// As [`Self::start`], with some parts given instead of loaded.
    ///
    /// # Errors
    /// [`StartError`].
    #[expect(clippy::too_many_lines, reason = "a part a line, in the order in which they need each other")]
    pub async fn start_with(configuration: Configuration, parts: Parts) -> Result<Self, StartError> {
        telemetry::metrics().map_err(StartError::Other)?;
        let configuration = Arc::new(configuration);
        let clock: Arc<dyn Clock> =
            parts.clock.clone().unwrap_or_else(|| Arc::new(steady::SteadyClock::new()));
        let database = parts::open_database(&configuration, Arc::clone(&clock)).await?;
        let extract_key = Arc::new(ExtractKey::new(&database.signing_key().await?)?);
        let store: Arc<dyn Store> = Arc::new(database);
        let receivers = webhooks::receivers(&configuration.webhooks)?;
        store.set_hooks(webhooks::hooks(&configuration.webhooks));
        let hours = Hours::new(Arc::clone(&store), configuration.handoff.rules());
        hours.look().await?;
        let first_agent = parts::first_agent(store.as_ref()).await?;
        editing::restore(&configuration, store.as_ref()).await.map_err(|error| {
            StartError::Other(format!(
                "the knowledge base that was published last cannot be restored: {error}"
            ))
        })?;
        let (fatal, deaths) = Fatal::new();
        let workers = parts::start_workers(&configuration, parts, fatal).await?;
        let conversations = Conversations::new(Arc::clone(&store), workers.minds.clone(), Arc::clone(&clock));
        let (draining, stopped, tasks) =
            (CancellationToken::new(), CancellationToken::new(), TaskTracker::new());
        let limits = Arc::new(Limits::new(&configuration.limits));
        let typing = TypingHub::new();
        let clips = Arc::new(Clips::new(&configuration.data(CLIPS)));
        let origins = OriginPolicy::new(&configuration.server.public_origins);
        let framing = Framing::by(&configuration.server.embedding_origins);
        let call_back = CallBackSlot::default();
        let editing = Editing::new(
            Arc::clone(&configuration),
            workers.minds.clone(),
            Arc::clone(&store),
            Arc::clone(&clock),
        );
        tasks.spawn(editing.clone().follow(draining.clone()));
        let desk = DeskState::new(DeskParts {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            answers: Arc::new(workers.minds.clone()),
            clips: Arc::clone(&clips),
            typing: typing.clone(),
            origins: origins.clone(),
            call_back: Arc::clone(&call_back),
            editing: Some(editing),
            hours: hours.clone(),
            oidc: identity::door(&configuration)?,
            settings: desk_settings(&configuration),
            shutdown: draining.clone(),
            tasks: tasks.clone(),
        });
        tasks.spawn(desk::release_lost_agents_until_shutdown(desk.clone()));
        let service = Service {
            configuration: Arc::clone(&configuration),
            conversations: conversations.clone(),
            ears: workers.ears.clone(),
            mouths: workers.mouths.clone(),
            recordings: Some(Recordings::new(Arc::clone(&clips), Arc::clone(&store))),
            typing: typing.clone(),
            limits: Arc::clone(&limits),
            at_work: AtWork::default(),
            draining: draining.clone(),
            stopped: stopped.clone(),
            tasks: tasks.clone(),
        };
        let hotline = Hotline::new(service.clone());
        let doors = portal::doors(PortalState { service, origins })
            .and(desk::doors(desk))
            .and(http::doors(HttpState {
                configuration: Arc::clone(&configuration),
                store: Arc::clone(&store),
                minds: workers.minds.clone(),
                ears: workers.ears.clone(),
                missing_engines: Arc::clone(&workers.missing_engines),
                missing_voice: workers.missing_voice.clone(),
                extract_key: extract_key.public().into(),
                draining: draining.clone(),
            }))
            .and(extract::doors(ExtractState::new(
                Arc::clone(&configuration),
                workers.minds.clone(),
                Arc::clone(&clock),
                extract_key,
            )))
            .and(telephone::doors(TelephoneState::new(hotline.clone(), &configuration)?))
            .and(openapi::doors())
            .and(pages::doors())
            .behind(|router| router.layer(from_fn_with_state(framing, pages::security_headers)));
        let routes = doors.routes().to_vec();
        let (address, handle, serving) = listen(&configuration, doors.into_router()).await?;
        let telephones = answer_calls(&configuration, hotline, &call_back, &draining).await?;
        keep_published(&tasks, &configuration, &workers, &clips, &clock, &draining);
        tasks.spawn(closing::run(hours.clone(), Arc::clone(&store), Arc::clone(&clock), draining.clone()));
        tasks.spawn(sweeps::run(
            Arc::clone(&configuration),
            Arc::clone(&store),
            Arc::clone(&clock),
            limits,
            draining.clone(),
        ));
        tasks.spawn(hours.follow(draining.clone()));
        tasks.spawn(signals::run(Arc::clone(&store), conversations.clone(), typing.clone(), stopped.clone()));
        tasks.spawn(webhooks::run(Arc::clone(&store), Arc::clone(&clock), receivers, draining.clone()));
        tracing::info!(%address, tls = configuration.server.tls.is_some(), "the server is listening");
        Ok(Self {
            address,
            tls: configuration.server.tls.is_some(),
            first_agent,
            deaths,
            handle,
            serving,
            draining,
            stopped,
            tasks,
            telephones,
            routes,
            store,
            minds: workers.minds,
            clock,
            configuration,
        })
    }

    /// Where it listens; the real port where 0 was configured.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address to open in a browser on this machine, without a slash at the end.
    pub fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        let host = if self.address.ip().is_unspecified() {
            "localhost".to_owned()
        } else {
            self.address.ip().to_string()
        };
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        format!("{scheme}://{host}:{}", self.address.port())
    }

    /// The account that was made because there was none, with the password that nobody will see again.
    pub const fn first_agent(&self) -> Option<&FirstAgent> {
        self.first_agent.as_ref()
    }

    /// What listens for telephone calls.
    pub const fn telephones(&self) -> &Telephones {
        &self.telephones
    }

    /// Every route that it serves, and who may use it.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// Where it keeps conversations: for tests and tools.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Reads the knowledge base again and takes it into service; conversations go on. Returns how many entries there are.
    ///
    /// # Errors
    /// [`StartError`]; the old knowledge stays in service then.
    pub async fn reload_knowledge(&self) -> Result<usize, StartError> {
        publishing::reload(&self.configuration, &self.minds, self.clock.as_ref()).await
    }

    /// Waits until the server cannot go on. Never returns while all is well. Cancel-safe.
    pub async fn fault(&mut self) -> Fault {
        tokio::select! {
            message = self.deaths.first() => Fault::ModelThread(message),
            outcome = &mut self.serving => Fault::Listener(format!("{outcome:?}")),
        }
    }

    /// Stops: no new connections, clients are told, running turns finish within the grace, then everything closes.
    ///
    /// # Errors
    /// Where some task had to be left behind; the store is closed properly all the same.
    pub async fn shutdown(self) -> Result<(), String> {
        let grace = self.configuration.server.grace;
        tracing::info!("the server drains");
        self.draining.cancel();
        self.handle.graceful_shutdown(Some(grace + LAST_CALL));
        self.tasks.close();
        let telephones = self.telephones.clone();
        let in_time = tokio::time::timeout(grace, self.tasks.wait()).await.is_ok();
        self.stopped.cancel();
        telephones.stop().await;
        let all = in_time || tokio::time::timeout(LAST_CALL, self.tasks.wait()).await.is_ok();
        self.handle.shutdown();
        self.store.close().await;
        tracing::info!(in_time, "the server has stopped");
        if all { Ok(()) } else { Err(format!("{} tasks did not stop in time", self.tasks.len())) }
    }
}

fn desk_settings(configuration: &Configuration) -> DeskSettings {
    let people = &configuration.people;
    DeskSettings {
        secure_cookie: configuration.server.tls.is_some()
            || configuration.server.public_origins.iter().any(|origin| origin.starts_with("https://")),
        session_for: people.session_for,
        idle: people.idle,
        lockout: LockoutPolicy { failures: people.failures, lock_for: people.lock_for },
        totp_required: people.totp == Totp::Required,
        lost_after: configuration.handoff.lost_after,
        answer_within: configuration.handoff.answer_within,
        answer_emergencies_within: configuration.handoff.answer_emergencies_within,
        ..DeskSettings::default()
    }
}

/// Listens for calls, and lets the desk make some.
async fn answer_calls(
    configuration: &Arc<Configuration>,
    hotline: Hotline,
    call_back: &CallBackSlot,
    draining: &CancellationToken,
) -> Result<Telephones, StartError> {
    let telephones = telephone::start(configuration, &hotline, draining).await?;
    if let Some(agent) = telephones.sip.clone().filter(|_| configuration.telephone.callback.is_some()) {
        // It is set here and nowhere else.
        drop(call_back.set(CallBack::new(hotline, agent)));
    }
    Ok(telephones)
}

/// What is published follows the calendar, and is spoken ahead.
fn keep_published(
    tasks: &TaskTracker,
    configuration: &Arc<Configuration>,
    workers: &parts::Workers,
    clips: &Arc<Clips>,
    clock: &Arc<dyn Clock>,
    draining: &CancellationToken,
) {
    tasks.spawn(publishing::follow_the_calendar(
        Arc::clone(configuration),
        workers.minds.clone(),
        Arc::clone(clock),
        draining.clone(),
    ));
    if let Some(mouths) = workers.mouths.clone().filter(|_| configuration.voice.cache_megabytes > 0) {
        let (minds, clips) = (workers.minds.clone(), Arc::clone(clips));
        tasks.spawn(publishing::speak_what_is_published(minds, clips, mouths, draining.clone()));
    }
}

type Listening = (SocketAddr, Handle<SocketAddr>, JoinHandle<io::Result<()>>);

async fn listen(configuration: &Configuration, routes: Router) -> Result<Listening, StartError> {
    let wanted = configuration.server.listen;
    let failed = |source| StartError::Listen { address: wanted, source };
    let listener = std::net::TcpListener::bind(wanted).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let handle = Handle::new();
    // Messages are small and come one after the other: without `TCP_NODELAY` the second waits for the client's acknowledgement of
    // the first, which phones delay by 40 ms and more.
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    let serving = if let Some(tls) = &configuration.server.tls {
        // A second server in this process finds the provider installed already, which is fine.
        drop(rustls::crypto::ring::default_provider().install_default());
        let config = RustlsConfig::from_pem_file(&tls.certificate, &tls.key).await.map_err(|source| {
            StartError::Tls { certificate: tls.certificate.clone(), key: tls.key.clone(), source }
        })?;
        let acceptor = RustlsAcceptor::new(config).acceptor(NoDelayAcceptor::new());
        let server = axum_server::from_tcp(listener).map_err(failed)?.acceptor(acceptor);
        let mut server = server.handle(handle.clone());
        server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(HEADER_PATIENCE);
        tokio::spawn(server.serve(service))
    } else {
        let server = axum_server::from_tcp(listener).map_err(failed)?.acceptor(NoDelayAcceptor::new());
        let mut server = server.handle(handle.clone());
        server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(HEADER_PATIENCE);
        tokio::spawn(server.serve(service))
    };
    Ok((address, handle, serving))
}
