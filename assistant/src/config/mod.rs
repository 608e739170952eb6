//! The operator's settings: typed, with embedded defaults, checked before anything starts.
//!
//! Later sources win: embedded defaults, then `assistant.toml` (or the file named by `--config`), then environment
//! variables `DRILEN__GROUP__KEY`. Every problem found is reported at once, each with its key and the reason.
//!
//! ```
//! let defaults = assistant::Configuration::load(None)?;
//! assert_eq!(defaults.server.listen.port(), 8080);
//! # Ok::<(), assistant::config::ConfigError>(())
//! ```

mod groups;
mod telephone;
mod validate;
mod voice;

use std::path::{Path, PathBuf};

use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use serde::{Deserialize, Serialize};

pub use groups::{
    Encoder, Engine, Handoff, Hearing, HearingIn, Knowledge, Limits, Log, LogFormat, NodeGroup, Oidc, People,
    Pooling, Portal, Server, StoreSettings, Tls, Totp, Understanding, VaultSettings, Webhook,
};
pub use telephone::{AudioSocket, CallbackDialling, LanguageKeys, MediaSocket, Telephone, TransferTargets};
pub use voice::{Voice, VoiceEngine, VoiceEntry, VoiceKind};

use crate::vault::keyring::{self, EnvironmentSource, FileSource};
use crate::vault::{KeyError, KeySource};

const DEFAULTS: &str = include_str!("defaults.toml");
/// The file that is read where the command line names none.
pub const DEFAULT_FILE: &str = "assistant.toml";
/// Environment variables with this prefix override the file; `__` separates group and key.
pub const ENVIRONMENT_PREFIX: &str = "DRILEN__";

/// Everything an operator can set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// Address, origins, TLS, shutdown.
    pub server: Server,
    /// What one client, token or address may use.
    pub limits: Limits,
    /// Speech in.
    pub hearing: Hearing,
    /// Speech out.
    pub voice: Voice,
    /// Where the questions and answers are.
    pub knowledge: Knowledge,
    /// When to answer, ask back or hand over.
    pub understanding: Understanding,
    /// The citizen's pages.
    pub portal: Portal,
    /// The hotline.
    pub telephone: Telephone,
    /// Accounts of agents and others, and how they log in.
    pub people: People,
    /// How conversations are handed over to people.
    pub handoff: Handoff,
    /// Where conversations are kept, and how long.
    pub store: StoreSettings,
    /// This server among others on one database.
    pub node: NodeGroup,
    /// Other systems that are told what happens.
    #[serde(default)]
    pub webhooks: Vec<Webhook>,
    /// The master key of the conversations.
    pub vault: VaultSettings,
    /// What is logged, and how.
    pub log: Log,
}

/// One thing that is wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key, such as `server.listen`.
    pub key: String,
    /// What is wrong with it and what would be right.
    pub reason: String,
}

/// The configuration cannot be used.
#[derive(Debug)]
pub struct ConfigError {
    /// Everything that was found wrong, in no particular order; never empty.
    pub problems: Vec<Problem>,
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the configuration cannot be used:")?;
        for Problem { key, reason } in &self.problems {
            write!(f, "\n  {key}: {reason}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl From<figment::Error> for ConfigError {
    fn from(error: figment::Error) -> Self {
        let problems = error
            .into_iter()
            .map(|one| {
                let source = one.metadata.as_ref().map(|m| format!(" (in {})", m.name)).unwrap_or_default();
                Problem {
                    key: if one.path.is_empty() { "configuration".to_owned() } else { one.path.join(".") },
                    reason: format!("{}{source}", one.kind),
                }
            })
            .collect();
        Self { problems }
    }
}

impl Configuration {
    /// Reads defaults, then `file` (or [`DEFAULT_FILE`] where it exists), then the environment, and checks the result.
    ///
    /// # Errors
    /// [`ConfigError`] with every problem found: an unreadable file, an unknown key, a wrong type, a value out of range.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Toml::string(DEFAULTS));
        match file {
            Some(path) if !path.is_file() => {
                return Err(ConfigError {
                    problems: vec![Problem {
                        key: "--config".to_owned(),
                        reason: format!("there is no file {}", path.display()),
                    }],
                });
            }
            Some(path) => figment = figment.merge(Toml::file_exact(path)),
            None if Path::new(DEFAULT_FILE).is_file() => {
                figment = figment.merge(Toml::file_exact(DEFAULT_FILE));
            }
            None => {}
        }
        Self::finish(&figment.merge(Env::prefixed(ENVIRONMENT_PREFIX).split("__")))
    }

    /// The embedded defaults with `overrides` (TOML) on top, without file or environment: for tests and tools.
    ///
    /// # Errors
    /// [`ConfigError`] as for [`Self::load`].
    pub fn with(overrides: &str) -> Result<Self, ConfigError> {
        Self::finish(&Figment::from(Toml::string(DEFAULTS)).merge(Toml::string(overrides)))
    }

    fn finish(figment: &Figment) -> Result<Self, ConfigError> {
        let configuration: Self = figment.extract()?;
        let problems = validate::problems(&configuration);
        if problems.is_empty() { Ok(configuration) } else { Err(ConfigError { problems }) }
    }

    /// The effective configuration as TOML, as `assistant config` prints it. It contains no secrets, only paths to them.
    ///
    /// # Errors
    /// [`ConfigError`] where a value has no TOML form; none of the present types can cause it.
    pub fn to_toml(&self) -> Result<String, ConfigError> {
        toml::to_string_pretty(self).map_err(|e| ConfigError {
            problems: vec![Problem { key: "configuration".to_owned(), reason: e.to_string() }],
        })
    }

    /// The folder for a purpose under `server.data`.
    pub fn data(&self, purpose: &str) -> PathBuf {
        self.server.data.join(purpose)
    }

    /// Where the master key comes from. The variable wins over the file.
    ///
    /// # Errors
    /// [`KeyError::InsideData`] where the file lies in the data folder.
    pub fn key_source(&self) -> Result<Box<dyn KeySource>, KeyError> {
        if let Ok(value) = std::env::var(keyring::VARIABLE) {
            return Ok(Box::new(EnvironmentSource::new(value).with_journal(self.vault.journal.clone())));
        }
        let file = self.vault.key_file.clone().unwrap_or_else(|| {
            let mut name = self.server.data.file_name().unwrap_or_else(|| "data".as_ref()).to_owned();
            name.push(".key");
            self.server.data.with_file_name(name)
        });
        let source = FileSource::new(&file, &self.server.data)?;
        Ok(Box::new(match &self.vault.journal {
            Some(journal) => source.with_journal(journal.clone()),
            None => source,
        }))
    }

    /// Settings as figment sees them, for merging further sources on top.
    ///
    /// # Errors
    /// [`ConfigError`] where the overrides do not fit.
    pub fn merged(&self, overrides: &str) -> Result<Self, ConfigError> {
        Self::finish(&Figment::from(Serialized::defaults(self)).merge(Toml::string(overrides)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_defaults_are_valid() {
        let defaults = Configuration::with("").unwrap();
        assert_eq!(defaults.server.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(defaults.limits.text_characters, 2_000);
    }

    #[test]
    fn the_printed_configuration_reads_back_as_itself() {
        let one = Configuration::with("[server]\ngrace = \"3s\"").unwrap();
        let printed = one.to_toml().unwrap();
        assert_eq!(Configuration::with(&printed).unwrap(), one);
    }

    #[test]
    fn an_engine_may_say_whose_front_end_it_wants_and_prints_only_what_differs() {
        use speech::transcriber::onnx::FrontEnd;
        let with = |engine: &str| Configuration::with(&format!("[hearing.zh]\nengines = [{engine}]"));
        let engine = |engine: &str| with(engine).unwrap().hearing.zh.engines[0].clone();
        let ctc = |frontend| Engine::Ctc { path: "m".into(), frontend };
        assert_eq!(engine(r#"{ engine = "ctc", path = "m" }"#), ctc(FrontEnd::Recipe));
        assert_eq!(engine(r#"{ engine = "onnx", path = "m", frontend = "sherpa" }"#), ctc(FrontEnd::Sherpa));
        let printed = |front_end: &str| {
            let line = format!(r#"{{ engine = "ctc", path = "m", frontend = "{front_end}" }}"#);
            with(&line).unwrap().to_toml().unwrap()
        };
        assert!(
            printed("sherpa").contains("frontend = \"sherpa\"") && !printed("recipe").contains("frontend")
        );
        assert!(with(r#"{ engine = "ctc", path = "m", frontend = "kaldi" }"#).is_err());
        assert!(with(r#"{ engine = "whisper", path = "m", frontend = "sherpa" }"#).is_err());
    }

    #[test]
    fn voices_are_listed_in_order_printed_as_they_are_and_refuse_what_they_cannot_do() {
        let with = |voice: &str| Configuration::with(&format!("[voice]\n{voice}"));
        let good = "pitch = 40\nzh = [{ engine = \"piper\", path = \"huayan\", speaker = 2, volume = 1.5, speed = 0.9 }, \
                    { engine = \"espeak\", variant = \"f2\", pitch = 60 }]\nbo = [{ engine = \"mms\", path = \"bod\" }]";
        let configuration = with(good).unwrap();
        let kinds: Vec<VoiceKind> = configuration.voice.zh.iter().map(|voice| voice.engine).collect();
        assert_eq!(kinds, [VoiceKind::Vits, VoiceKind::Espeak]);
        assert_eq!(configuration.voice.bo[0].engine, VoiceKind::Vits);
        assert_eq!(Configuration::with(&configuration.to_toml().unwrap()).unwrap(), configuration);
        for (voice, key, said) in [
            ("zh = [{ engine = \"vits\" }]", "voice.zh.0.path", "is missing"),
            ("zh = [{ engine = \"vits\", path = \"x\", pitch = 60 }]", "voice.zh.0.pitch", "cannot be set"),
            ("bo = [{ engine = \"vits\", path = \"x\", speed = 9.0 }]", "voice.bo.0.speed", "0.5 and 2.0"),
            ("bo = [{ engine = \"espeak\", variant = \"../x\" }]", "voice.bo.0.variant", "f2 or m3"),
            ("bo = [{ engine = \"espeak\", path = \"x\" }]", "voice.bo.0.path", "voice.program"),
            ("bo = [{ engine = \"espeak\", volume = 3.0 }]", "voice.bo.0.volume", "0.1 and 2.0"),
            ("engine = \"none\"\nbo = [{ engine = \"espeak\" }]", "voice.engine", "names voices"),
            ("volume = 0.0", "voice.volume", "0.1"),
            ("pitch = 100", "voice.pitch", "99"),
        ] {
            let error = with(voice).unwrap_err();
            let found = error.problems.iter().find(|problem| problem.key == key);
            assert!(found.is_some_and(|problem| problem.reason.contains(said)), "{voice}: {error}");
        }
        assert!(
            with("zh = [{ engine = \"espeak\", loudness = 2 }]")
                .unwrap_err()
                .to_string()
                .contains("loudness")
        );
    }

    #[test]
    fn an_identity_provider_is_checked_and_printed_without_its_secret() {
        let good = "[server]\npublic_origins = [\"https://desk.example\"]\n[people.oidc]\nissuer = \"https://id.example\"\n\
                    client_id = \"drilen\"\nsecret_env = \"DESK_SECRET\"\nroles = { leads = [\"agent\", \"supervisor\"] }\n";
        let configuration = Configuration::with(good).unwrap();
        let oidc = configuration.people.oidc.as_ref().unwrap();
        assert_eq!((oidc.roles_claim.as_str(), oidc.create_accounts), ("roles", true));
        assert_eq!(Configuration::with(&configuration.to_toml().unwrap()).unwrap(), configuration);
        for (was, is, key) in [
            ("https://id.example", "http://id.example", "people.oidc.issuer"),
            ("[\"https://desk.example\"]", "[]", "people.oidc.origin"),
            ("{ leads = [\"agent\", \"supervisor\"] }", "{}", "people.oidc.roles"),
            ("secret_env", "secret_file = \"x\"\nsecret_env", "people.oidc.secret_env"),
        ] {
            let error = Configuration::with(&good.replace(was, is)).unwrap_err();
            assert!(error.problems.iter().any(|problem| problem.key == key), "{error}");
        }
        assert!(Configuration::with(&good.replace("supervisor", "root")).is_err());
    }

    #[test]
    fn an_unknown_key_is_named() {
        let error = Configuration::with("[server]\nlisen = \"127.0.0.1:1\"").unwrap_err();
        assert!(error.to_string().contains("lisen"), "{error}");
    }

    #[test]
    fn a_wrong_type_is_reported_with_its_key() {
        let error = Configuration::with("[limits]\naudio_seconds = \"long\"").unwrap_err();
        assert!(error.problems.iter().any(|p| p.key == "limits.audio_seconds"), "{error}");
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let error = Configuration::with(
            "[limits]\ntext_characters = 0\n[understanding]\ntolerable_wrong = 2.0\n[server]\npublic_origins = [\"drilen.example\"]",
        )
        .unwrap_err();
        let keys: Vec<&str> = error.problems.iter().map(|p| p.key.as_str()).collect();
        for key in ["limits.text_characters", "understanding.tolerable_wrong", "server.public_origins"] {
            assert!(keys.contains(&key), "{keys:?}");
        }
    }

    #[test]
    fn every_key_is_documented() {
        let page = include_str!("../../../docs/configuration.md");
        let defaults: toml::Table = toml::from_str(DEFAULTS).unwrap();
        for (group, keys) in defaults {
            for (key, value) in keys.as_table().unwrap() {
                let named = format!("`{group}.{key}");
                let nested = value.as_table().is_some();
                assert!(
                    page.contains(&named),
                    "docs/configuration.md does not mention {named} (nested: {nested})"
                );
            }
        }
    }
}
