//! What a server is made of, loaded or given.

use std::{collections::BTreeSet, fs, path::Path, sync::Arc};

use conversation::{AuditActor, Clock, NewPassword, NewPerson, Role, Store, StoreError};
use language::Language;
use speech::{SynthesisError, Synthesizer};

use super::StartError;
use crate::{
    config::Configuration,
    doors::desk,
    knowledge::{self, Brain},
    store::{OpenError, SqlStore, postgres::NodeSettings},
    workers::{
        cache::SoundCache,
        ears::Ears,
        engines::{EngineSet, Loader, Missing},
        fatal::Fatal,
        minds::Minds,
        mouths::Mouths,
        voices::{self, Voices},
    },
};

/// Parts that are given instead of loaded as the configuration says: for tests and tools.
#[derive(Default)]
pub struct Parts {
    /// Tells the time.
    pub clock: Option<Arc<dyn Clock>>,
    /// One set of engines per hearing thread.
    pub engines: Option<Vec<EngineSet>>,
    /// One per synthesis thread.
    pub synthesizers: Option<Vec<Box<dyn Synthesizer>>>,
}

/// The account of an admin and agent that was made because there was none.
#[derive(Clone, PartialEq, Eq)]
pub struct FirstAgent {
    /// The name to log in with.
    pub name: String,
    /// The password, shown once.
    pub password: String,
}

/// The running threads, and what is missing.
pub(super) struct Workers {
    pub minds: Minds,
    pub ears: Option<Ears>,
    pub mouths: Option<Mouths>,
    pub missing_engines: Arc<[Missing]>,
    pub missing_voice: Option<Arc<str>>,
}

/// Opens the store in the data folder, which is made where it is missing.
pub(crate) async fn open_store(
    configuration: &Configuration,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn Store>, StartError> {
    Ok(Arc::new(open_database(configuration, clock).await?))
}

/// As [`open_store`], for commands about the database itself.
pub(crate) async fn open_database(
    configuration: &Configuration,
    clock: Arc<dyn Clock>,
) -> Result<SqlStore, StartError> {
    match &configuration.store.url {
        None => open_file(configuration, &configuration.data(DATABASE), clock).await,
        Some(url) => connect(configuration, url, clock).await,
    }
}

/// The database on a server.
pub(crate) async fn connect(
    configuration: &Configuration,
    url: &str,
    clock: Arc<dyn Clock>,
) -> Result<SqlStore, StartError> {
    let path = &configuration.server.data;
    fs::create_dir_all(path).map_err(|source| StartError::Data { path: path.clone(), source })?;
    let url = match &configuration.store.password_file {
        None => url.to_owned(),
        Some(file) => with_password(url, file)?,
    };
    let node = NodeSettings { name: configuration.node.name(), look_every: configuration.node.look_every };
    let keys = configuration.key_source().map_err(OpenError::Key)?;
    Ok(SqlStore::connect(&url, node, keys, clock).await?)
}

fn with_password(url: &str, file: &Path) -> Result<String, StartError> {
    let password =
        fs::read_to_string(file).map_err(|source| StartError::Password { path: file.to_owned(), source })?;
    let wrong = |why: String| StartError::Other(format!("store.url cannot be used: {why}"));
    let mut url: reqwest::Url = url.parse().map_err(|error| wrong(format!("{error}")))?;
    url.set_password(Some(password.trim_end_matches(['\r', '\n'])))
        .map_err(|()| wrong("it has no place for a password".to_owned()))?;
    Ok(url.into())
}

/// A database in a file.
pub(crate) async fn open_file(
    configuration: &Configuration,
    file: &Path,
    clock: Arc<dyn Clock>,
) -> Result<SqlStore, StartError> {
    let path = &configuration.server.data;
    fs::create_dir_all(path).map_err(|source| StartError::Data { path: path.clone(), source })?;
    let keys = configuration.key_source().map_err(OpenError::Key)?;
    Ok(SqlStore::open_file(file, keys, clock).await?)
}

/// The database's name in the data folder.
pub(crate) const DATABASE: &str = "conversations.sqlite";
/// The folder of recorded answers under `server.data`.
pub(crate) const CLIPS: &str = "clips";

/// Makes an account where there is none, so that somebody can log in, serve, and make further accounts.
pub(super) async fn first_agent(store: &dyn Store) -> Result<Option<FirstAgent>, StartError> {
    if !store.people().await?.is_empty() {
        return Ok(None);
    }
    let roles = BTreeSet::from([Role::Admin, Role::Agent]);
    let mut first = NewPerson::new("admin", Language::ALL.to_vec(), roles);
    let (password, hash) = desk::password::fresh().await.map_err(StartError::Other)?;
    first.password = Some(NewPassword { hash, must_change: true });
    let name = first.name.clone();
    match store.add_person(AuditActor::System, first).await {
        Ok(()) => {}
        // Another node was faster, and has told its password.
        Err(StoreError::NameTaken) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    Ok(Some(FirstAgent { name, password }))
}

/// What takes seconds of reading and computing.
struct Loaded {
    brain: Brain,
    engines: Vec<EngineSet>,
    missing: Vec<Missing>,
    voices: Voices,
    cache: Option<Arc<SoundCache>>,
}

fn load(configuration: &Configuration, given: Parts) -> Result<Loaded, StartError> {
    let now = given.clock.as_ref().and_then(|clock| kb::Date::in_china(clock.now().as_millis()));
    let day = now.unwrap_or_else(kb::Date::today);
    let brain = Brain::open_on(&knowledge::folder(configuration), configuration, day)?;
    let models = configuration.node.models;
    let (engines, missing) = match given.engines {
        Some(sets) => (sets, Vec::new()),
        None if models => engines(configuration),
        None => (Vec::new(), Vec::new()),
    };
    let voices = match given.synthesizers {
        Some(chains) => Voices { chains, missing: Vec::new() },
        None if models => voices::load(configuration),
        None => Voices::default(),
    };
    let folder = configuration.data("voice-cache");
    let limit = configuration.voice.cache_megabytes << 20;
    let cache = if limit == 0 { None } else { Some(SoundCache::open(&folder, limit)) };
    let cache = cache.transpose().map_err(|source| StartError::Data { path: folder, source })?;
    Ok(Loaded { brain, engines, missing, voices, cache: cache.map(Arc::new) })
}

fn engines(configuration: &Configuration) -> (Vec<EngineSet>, Vec<Missing>) {
    let mut loader = Loader::new(&configuration.hearing);
    let mut sets = Vec::new();
    let mut missing = Vec::new();
    for _ in 0..configuration.hearing.threads {
        let (set, lacking) = loader.load();
        sets.push(set);
        missing = lacking;
    }
    (sets, missing)
}

/// One voice per thread, as configured; none where the configuration wants none. What is missing is logged.
///
/// # Errors
/// Where none of the configured voices can be loaded.
pub(crate) fn voices(configuration: &Configuration) -> Result<Vec<Box<dyn Synthesizer>>, SynthesisError> {
    let loaded = voices::load(configuration);
    complain(&loaded);
    match loaded.complaint() {
        Some(reason) if loaded.chains.is_empty() => {
            Err(SynthesisError::Engine { engine: "configured".to_owned(), reason })
        }
        _ => Ok(loaded.chains),
    }
}

fn complain(voices: &Voices) {
    for missing in &voices.missing {
        let (language, key) = (missing.language, &missing.key);
        tracing::error!(%language, key, reason = missing.reason, "a voice is missing");
    }
    if voices.chains.is_empty() && !voices.missing.is_empty() {
        tracing::error!("there is no voice; answers are shown only");
    }
}

/// Loads what takes time, off the async threads, and starts the workers.
pub(super) async fn start_workers(
    configuration: &Arc<Configuration>,
    given: Parts,
    fatal: Fatal,
) -> Result<Workers, StartError> {
    let settings = Arc::clone(configuration);
    let loading = tokio::task::spawn_blocking(move || load(&settings, given)).await;
    let loaded = loading.map_err(|error| StartError::Other(format!("loading failed: {error}")))??;
    let thread = |error: std::io::Error| StartError::Other(format!("the system gives no thread: {error}"));
    for missing in &loaded.missing {
        let (language, path) = (missing.language, missing.path.display());
        tracing::error!(%language, %path, reason = missing.reason, "a speech engine is missing");
    }
    let minds = Minds::start(configuration.understanding.threads, loaded.brain, &fatal).map_err(thread)?;
    let hears =
        loaded.engines.iter().any(|set| Language::ALL.into_iter().any(|l| set.dictation(l).is_some()));
    let places = configuration.limits.voice_conversations as usize;
    let ears = (hears && places > 0)
        .then(|| {
            let rules = |channel| configuration.hearing.rules(channel);
            Ears::start(loaded.engines, rules, places, configuration.limits.audio_seconds, &fatal)
        })
        .transpose()
        .map_err(thread)?;
    complain(&loaded.voices);
    let missing_voice = loaded.voices.complaint().map(Into::into);
    let voices = loaded.voices.chains;
    let mouths = (!voices.is_empty())
        .then(|| Mouths::start(voices, loaded.cache.as_ref(), &fatal))
        .transpose()
        .map_err(thread)?;
    Ok(Workers { minds, ears, mouths, missing_engines: loaded.missing.into(), missing_voice })
}
