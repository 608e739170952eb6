//! The hotline: how calls come in, what callers hear, how they are handed over.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use language::Language;
use serde::{Deserialize, Serialize};

/// The hotline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telephone {
    /// The language that the hotline opens in; the other one follows.
    pub default_language: Language,
    /// The keys that choose a language.
    pub keys: LanguageKeys,
    /// Who says nothing for so long is asked whether they are there; the third time the call ends.
    #[serde(with = "humantime_serde")]
    pub silence: Duration,
    /// A call with the assistant lasts at most so long; waiting for a person and talking with one does not count.
    #[serde(with = "humantime_serde")]
    pub longest_call: Duration,
    /// Whoever waits is told their place so often.
    #[serde(with = "humantime_serde")]
    pub tell_every: Duration,
    /// … and hears so often that the line is not dead.
    #[serde(with = "humantime_serde")]
    pub chime_every: Duration,
    /// Calls at once; the PBX is told that the line is busy where there are more.
    pub calls: usize,
    /// How callers are given to people on the telephone.
    #[serde(default)]
    pub transfer: TransferTargets,
    /// How citizens are called back from the desk; agents dial themselves without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<CallbackDialling>,
    /// Calls by SIP; none without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sip: Option<telephone::sip::Settings>,
    /// The files that hold the trunks' passwords, by the trunks' names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub password_files: BTreeMap<String, PathBuf>,
    /// Media over a WebSocket; none without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub websocket: Option<MediaSocket>,
    /// Asterisk's AudioSocket; none without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audiosocket: Option<AudioSocket>,
}

/// Calling citizens back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallbackDialling {
    /// The trunk of `telephone.sip.trunks` by which they are called.
    pub trunk: String,
    /// The number that they see; without it the trunk's user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// `GET /v1/telephone`: Asterisk's `chan_websocket`, `mod_audio_fork`, Twilio Media Streams.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MediaSocket {
    /// A file with at least 32 random characters, which the PBX knows, too: with it tokens are asked for and signed.
    pub key_file: PathBuf,
}

/// AudioSocket knows no passwords: who may connect is decided by address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudioSocket {
    /// Where to listen, by custom port 9092.
    pub listen: SocketAddr,
    /// Networks from which a PBX may connect; without any, loopback and private ones.
    #[serde(default)]
    pub allowed: Vec<IpNet>,
}

/// One key for each language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LanguageKeys {
    /// For Tibetan.
    pub bo: char,
    /// For Chinese.
    pub zh: char,
}

/// Where callers who want a person are sent. Without a target they wait on the line, and agents answer at the desk by text that is spoken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferTargets {
    /// Tibetan-speaking people: an extension of the PBX or a SIP URI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bo: Option<String>,
    /// Chinese-speaking people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zh: Option<String>,
    /// Calls that came by a media socket are given back to the dial plan, which goes on with the queue.
    #[serde(default)]
    pub dial_plan: bool,
}

impl TransferTargets {
    /// Where somebody who speaks that language is sent.
    pub fn of(&self, language: Language) -> Option<&str> {
        match language {
            Language::Bo => self.bo.as_deref(),
            Language::Zh => self.zh.as_deref(),
        }
    }
}

impl Telephone {
    /// The key that chooses a language.
    pub const fn language_key(&self, language: Language) -> char {
        match language {
            Language::Bo => self.keys.bo,
            Language::Zh => self.keys.zh,
        }
    }

    /// The language that a key chooses.
    pub fn language_of(&self, key: char) -> Option<Language> {
        Language::ALL.into_iter().find(|language| self.language_key(*language) == key)
    }

    /// What is wrong with it, each with its key under `telephone`.
    pub fn problems(&self) -> Vec<(&'static str, &'static str)> {
        let mut found = Vec::new();
        let mut must = |good: bool, key, reason| {
            if !good {
                found.push((key, reason));
            }
        };
        let key = |key: char| ('1'..='9').contains(&key);
        must(
            key(self.keys.bo),
            "telephone.keys.bo",
            "must be a key from \"1\" to \"9\"; 0 asks for a person",
        );
        must(
            key(self.keys.zh),
            "telephone.keys.zh",
            "must be a key from \"1\" to \"9\"; 0 asks for a person",
        );
        must(self.keys.bo != self.keys.zh, "telephone.keys", "must be two different keys");
        must(
            (Duration::from_secs(3)..=Duration::from_mins(2)).contains(&self.silence),
            "telephone.silence",
            "must lie between 3s and 2m",
        );
        must(
            self.longest_call >= Duration::from_mins(2),
            "telephone.longest_call",
            "must be at least 2m, or nobody hears an answer to its end",
        );
        must(
            self.tell_every >= Duration::from_secs(10) && self.chime_every >= Duration::from_secs(2),
            "telephone.tell_every",
            "must be at least 10s, and telephone.chime_every at least 2s",
        );
        let trunks = self.sip.iter().flat_map(|sip| &sip.trunks).map(|trunk| trunk.name.as_str());
        let trunks: Vec<&str> = trunks.collect();
        must(
            self.callback.as_ref().is_none_or(|callback| trunks.contains(&callback.trunk.as_str())),
            "telephone.callback.trunk",
            "must be the name of one of telephone.sip.trunks",
        );
        must(
            self.sip.as_ref().is_none_or(|sip| !sip.trunks.is_empty()),
            "telephone.sip.trunks",
            "must name at least one PBX or provider, or nobody may call",
        );
        found
    }
}
