//! The groups of settings. Defaults live in `defaults.toml`; `docs/configuration.md` says the same for operators.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::PathBuf,
    time::Duration,
};

use conversation::Channel;
use conversation::HandoffLimits;
use conversation::Role;
use conversation::routing::{HandoffRules, RoutingRules};
use conversation::wait::OfficeHours;
use ipnet::IpNet;
use language::Language;
use serde::{Deserialize, Serialize};
use speech::{endpoint::EndpointRules, transcriber::onnx::FrontEnd};

/// How conversations are handed over to people, and when people are at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handoff {
    /// An offer that nobody takes goes back to the queue after this much time.
    #[serde(with = "humantime_serde")]
    pub offer_for: Duration,
    /// An agent who has settled a matter has this much time for its notes.
    #[serde(with = "humantime_serde")]
    pub wrap_up_for: Duration,
    /// A citizen who hung up while waiting keeps their place for this much time.
    #[serde(with = "humantime_serde")]
    pub abandoned_for: Duration,
    /// A settled matter can be opened again within this much time.
    #[serde(with = "humantime_serde")]
    pub reopen_within: Duration,
    /// So many calls back are tried before a request is given up.
    pub callback_attempts: usize,
    /// A skill is demanded for so long; then anybody who speaks the language will do.
    #[serde(with = "humantime_serde")]
    pub skills_for: Duration,
    /// Who had a conversation before is waited for so long, where they are at work.
    #[serde(with = "humantime_serde")]
    pub prefer_for: Duration,
    /// An agent without a sign of life for so long gives their conversations back.
    #[serde(with = "humantime_serde")]
    pub lost_after: Duration,
    /// Whoever waits longer than this for a person waits too long: the desk is warned at three quarters of it.
    #[serde(with = "humantime_serde")]
    pub answer_within: Duration,
    /// … and in an emergency longer than this.
    #[serde(with = "humantime_serde")]
    pub answer_emergencies_within: Duration,
    /// What a citizen says to a person is kept with the conversation, for that person to hear.
    pub keep_speech: bool,
    /// When people are at work; without hours, always.
    #[serde(default)]
    pub hours: OfficeHours,
}

impl Handoff {
    /// What the store is told.
    pub fn rules(&self) -> HandoffRules {
        HandoffRules {
            limits: HandoffLimits {
                offer_for: self.offer_for,
                wrap_up_for: self.wrap_up_for,
                abandoned_for: self.abandoned_for,
                reopen_within: self.reopen_within,
                callback_attempts: self.callback_attempts,
                ..HandoffLimits::default()
            },
            routing: RoutingRules {
                skills_for: self.skills_for,
                prefer_for: self.prefer_for,
                lost_after: self.lost_after,
                ..RoutingRules::default()
            },
            hours: self.hours.clone(),
        }
    }
}

/// Address, origins, TLS, shutdown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Where to listen. Port 0 takes any free port (tests).
    pub listen: SocketAddr,
    /// Folder for everything that the assistant writes.
    pub data: PathBuf,
    /// Origins (`https://host[:port]`) whose pages may open conversations. Loopback and the literal address that a page
    /// was loaded from are always allowed; a host name must be listed, since a name can be made to point anywhere.
    pub public_origins: Vec<String>,
    /// Origins (`https://host[:port]`) whose pages may show the portal in a frame.
    pub embedding_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// How long running turns may take to finish when the server stops.
    #[serde(with = "humantime_serde")]
    pub grace: Duration,
    /// Serve TLS; without it the server speaks plain HTTP (behind a proxy, or on localhost).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
}

/// Certificate and key, both PEM files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Certificate chain, leaf first.
    pub certificate: PathBuf,
    /// Private key.
    pub key: PathBuf,
}

/// What one client, token or address may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Longest text message, in Unicode characters.
    pub text_characters: usize,
    /// Longest spoken turn, in seconds.
    pub audio_seconds: u32,
    /// Durable messages per minute and conversation; as many may come at once.
    pub messages_per_minute: u32,
    /// New conversations and resumptions per minute and address (an IPv6 /64 counts as one). Generous: a whole village
    /// can share one carrier address.
    pub starts_per_minute: u32,
    /// Open connections per address.
    pub conversations_per_address: u32,
    /// Voice conversations at once; the next is told to wait before its audio is accepted.
    pub voice_conversations: u32,
    /// A connection that is silent for so long is closed; the conversation stays.
    #[serde(with = "humantime_serde")]
    pub idle: Duration,
    /// Messages waiting for a slow client before it is disconnected (it can resume).
    pub outgoing_messages: usize,
}

/// Speech in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hearing {
    /// Model threads; each holds its own copy of the engines.
    pub threads: usize,
    /// ONNX Runtime's library; without it the variable `ORT_DYLIB_PATH` or `.local/lib/libonnxruntime.so` is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<PathBuf>,
    /// Tibetan.
    pub bo: HearingIn,
    /// Chinese.
    pub zh: HearingIn,
    /// When a turn begins and ends on the portal; the longest turn is `limits.audio_seconds`.
    pub portal: EndpointRules,
    /// … and on the telephone.
    pub telephone: EndpointRules,
}

impl Hearing {
    /// When a turn begins and ends on a channel.
    pub const fn rules(&self, channel: Channel) -> &EndpointRules {
        match channel {
            Channel::Portal => &self.portal,
            Channel::Telephone => &self.telephone,
        }
    }

    /// What holds for one language.
    pub const fn of(&self, language: Language) -> &HearingIn {
        match language {
            Language::Bo => &self.bo,
            Language::Zh => &self.zh,
        }
    }
}

/// How one language is heard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HearingIn {
    /// Fall-back chain: the next is asked where the one before cannot be loaded or fails. Empty: no speech in this language.
    pub engines: Vec<Engine>,
    /// Texts that are followed at once where an engine that takes dictation decodes posteriors. 1: each moment's best class,
    /// and such an engine expects nothing.
    pub beam: u8,
    /// How strongly an engine that takes dictation expects the knowledge base's words and what the conversation waits for, as a
    /// multiple of what is usual. 0: not at all.
    pub bias: f32,
}

/// A speech engine.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "engine", rename_all = "lowercase", deny_unknown_fields)]
pub enum Engine {
    /// A folder with an ONNX model of any layout that [`speech::transcriber::onnx`] knows.
    #[serde(alias = "onnx")]
    Ctc {
        /// The folder.
        path: PathBuf,
        /// Whose features the model is given where sherpa-onnx's are not those that it was trained on.
        #[serde(default, skip_serializing_if = "is_default")]
        frontend: FrontEnd,
    },
    /// A ggml Whisper file.
    Whisper {
        /// The file.
        path: PathBuf,
    },
}

impl Engine {
    /// The folder or file it is loaded from.
    pub fn path(&self) -> &std::path::Path {
        match self {
            Self::Ctc { path, .. } | Self::Whisper { path } => path,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_default(front_end: &FrontEnd) -> bool {
    *front_end == FrontEnd::default()
}

/// Where the questions and answers are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Knowledge {
    /// Folder of YAML files that is published where nothing has been imported into `data/knowledge`.
    pub path: PathBuf,
    /// How many questions the portal suggests.
    pub suggestions: usize,
}

/// When to answer, ask back or hand over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Understanding {
    /// Worker threads.
    pub threads: usize,
    /// Tolerable share of wrong answers among the answers given; the thresholds follow from it.
    pub tolerable_wrong: f32,
    /// Tibetan speech is answered only after a confirming question, until the operator has calibrated on real recordings.
    pub confirm_tibetan_voice: bool,
    /// After how many turns in a row that were not understood a person is called.
    pub escalate_after: u32,
    /// A sentence encoder for the dense view; without it questions are compared by their words, sounds and concepts alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<Encoder>,
}

/// An ONNX sentence encoder with its tokenizer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encoder {
    /// The folder with `model.onnx` and `tokenizer.json`, or the `.onnx` file itself.
    pub path: PathBuf,
    /// How the model's output becomes one vector.
    #[serde(default)]
    pub pooling: Pooling,
    /// What stands before every text: E5 models want `"query: "`, LaBSE nothing.
    #[serde(default)]
    pub prefix: String,
    /// Threads within one run.
    #[serde(default = "one")]
    pub threads: usize,
}

const fn one() -> usize {
    1
}

/// How a sentence encoder's output becomes one vector for each text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// As the model's own files say; refused where they do not.
    #[default]
    Auto,
    /// It is one already: `sentence_embedding` or `pooler_output` (LaBSE).
    Pooler,
    /// The first token's vector (LaBSE without its pooler, BGE).
    Cls,
    /// The mean of the tokens' vectors (E5, MiniLM).
    Mean,
}

/// The citizen's pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Portal {
    /// The language that the portal opens in.
    pub default_language: Language,
    /// Citizens are asked whether they leave the recording of a question that was answered. Nothing is kept without their yes.
    pub recordings: bool,
    /// So many entries of the knowledge base are kept on phones for times without a network; 0: none.
    pub offline_entries: usize,
    /// … as far as they fit into so many kilobytes, uncompressed, in one language.
    pub offline_kilobytes: usize,
    /// For so long they may be shown without asking the server again.
    #[serde(with = "humantime_serde")]
    pub offline_for: Duration,
}

/// Accounts of agents and others, and how they log in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct People {
    /// How long a login lasts at most.
    #[serde(with = "humantime_serde")]
    pub session_for: Duration,
    /// A login ends when nothing was asked for so long.
    #[serde(with = "humantime_serde")]
    pub idle: Duration,
    /// So many failed logins in a row lock an account …
    pub failures: u32,
    /// … for so long.
    #[serde(with = "humantime_serde")]
    pub lock_for: Duration,
    /// Whether a second factor must be set up by those who log in with a password.
    pub totp: Totp,
    /// An identity provider through which people log in too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oidc: Option<Oidc>,
}

/// An `OpenID` Connect provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// Its issuer, exactly as its tokens name it; its description is below `/.well-known/openid-configuration`.
    pub issuer: String,
    /// The client id that it gave this server.
    pub client_id: String,
    /// A file with the client's secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    /// An environment variable with the client's secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_env: Option<String>,
    /// Where people reach this server, `https://host[:port]`; without it the first of `server.public_origins`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// What is asked for beside `openid`.
    #[serde(default = "profile")]
    pub scopes: Vec<String>,
    /// The claim that says what people are; dots lead into objects (`realm_access.roles`).
    #[serde(default = "roles_claim")]
    pub roles_claim: String,
    /// The claim's values, and the roles they mean here.
    pub roles: BTreeMap<String, BTreeSet<Role>>,
    /// Whether whoever has a role gets an account at the first login.
    #[serde(default = "yes")]
    pub create_accounts: bool,
    /// The languages of accounts that are made so.
    #[serde(default = "both_languages")]
    pub languages: Vec<Language>,
    /// A PEM file with certificates that are trusted beside the public ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<PathBuf>,
    /// What the button on the login page says, by language.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub label: BTreeMap<Language, String>,
}

fn profile() -> Vec<String> {
    vec!["profile".to_owned()]
}

fn roles_claim() -> String {
    "roles".to_owned()
}

const fn yes() -> bool {
    true
}

fn both_languages() -> Vec<Language> {
    Language::ALL.to_vec()
}

/// The second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Totp {
    /// Whoever wants one sets it up.
    Optional,
    /// Nothing opens before it is set up.
    Required,
}

/// How long things are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSettings {
    /// The `postgres://` address of the database; without it, a SQLite file in the data folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// A file with the password for [`Self::url`], whose end of line does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// For how long after its last event a conversation can be resumed.
    #[serde(with = "humantime_serde")]
    pub resume_for: Duration,
    /// For how long after its end a conversation is kept; without it for ever.
    #[serde(default, with = "humantime_serde::option", skip_serializing_if = "Option::is_none")]
    pub keep_closed_for: Option<Duration>,
}

/// This server among others on one database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeGroup {
    /// Its name, the same after a restart; without it, the machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it loads models and hears: without, it serves text and the desk.
    pub models: bool,
    /// How often it looks for what other nodes did.
    #[serde(with = "humantime_serde")]
    pub look_every: Duration,
}

impl NodeGroup {
    /// Its name.
    pub fn name(&self) -> String {
        let machine = || rustix::system::uname().nodename().to_string_lossy().into_owned();
        self.name.clone().unwrap_or_else(machine)
    }
}

/// Another system that is told what happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Its name in lists and logs; no other's.
    pub name: String,
    /// Where it is told.
    pub url: String,
    /// The file of its secret (`assistant webhooks secret` makes one).
    pub secret_file: PathBuf,
    /// The events it wants to hear of, such as `escalated`; without any, all that change who has a conversation.
    #[serde(default)]
    pub events: BTreeSet<String>,
}

/// Where the master key of the conversations is. The environment variable `DRILEN_MASTER_KEY`, where it is set, is used
/// instead of any file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaultSettings {
    /// The key's file; without it, beside the data folder under its name with `.key` (`data.key`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// The list of erased conversations, which every restore looks at; without it, beside the key's file under its name
    /// with `.erased`, and nowhere where the key comes from the environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<PathBuf>,
}

/// What is logged, and how. Transcripts, audio and personal data never are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// For people or for machines.
    pub format: LogFormat,
    /// A `tracing` filter, such as `info` or `info,assistant=debug`.
    pub level: String,
}

/// The shape of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One readable line.
    Text,
    /// One JSON object.
    Json,
}
