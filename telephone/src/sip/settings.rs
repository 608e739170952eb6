//! What an operator says about SIP: where to listen, which trunks there are, how much is accepted.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::sdp::{Codec, Security};

/// A password. Never printed: neither in logs nor in errors.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Keeps this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Writes a row of stars, so that settings can be shown.
impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

/// How SIP travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// One datagram, one message.
    #[default]
    Udp,
    /// A stream.
    Tcp,
    /// An encrypted stream.
    Tls,
}

impl Transport {
    pub(super) const fn of_stack(self) -> rsipstack::sip::Transport {
        match self {
            Self::Udp => rsipstack::sip::Transport::Udp,
            Self::Tcp => rsipstack::sip::Transport::Tcp,
            Self::Tls => rsipstack::sip::Transport::Tls,
        }
    }

    /// Whether a request of a trunk of this kind may arrive like that. RFC 3261, section 18.1.1 has peers change from UDP to TCP for long
    /// requests; a trunk that is to be encrypted takes nothing else.
    pub(super) const fn admits(self, arrived: rsipstack::sip::Transport) -> bool {
        use rsipstack::sip::Transport as Stack;
        matches!(
            (self, arrived),
            (Self::Udp | Self::Tcp, Stack::Udp | Stack::Tcp | Stack::Tls) | (Self::Tls, Stack::Tls)
        )
    }
}

/// Where encrypted SIP is listened for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The address and port, by custom 5061.
    pub listen: SocketAddr,
    /// The certificate chain, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM, PKCS #8 or PKCS #1.
    pub key: PathBuf,
}

/// Keeping a name registered with a registrar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// The registrar, `host` or `host:port`.
    pub registrar: String,
    /// The name that is registered, the user part of the address of record.
    pub user: String,
    /// For how long, in seconds; the registrar may grant less. Refreshed at three quarters.
    #[serde(default = "Register::hour")]
    pub expires: u32,
}

impl Register {
    const fn hour() -> u32 {
        3_600
    }
}

/// One PBX or provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trunk {
    /// Its name in logs, figures and [`super::Dial`].
    pub name: String,
    /// From where it calls. Empty: from anywhere, and then only with a password and a challenge.
    #[serde(default)]
    pub peers: Vec<IpNet>,
    /// The user of the digest, in both directions.
    #[serde(default)]
    pub user: String,
    /// The password of the digest: answers challenges of the trunk, and those of ours have to be answered with it.
    #[serde(default)]
    pub password: Option<Secret>,
    /// Whether calls of a trunk with a password are challenged. `false` for providers with whom we register: they want a password and give
    /// none, so that `peers` decides alone.
    #[serde(default = "Trunk::yes")]
    pub challenge: bool,
    /// Where calls to it go, `host` or `host:port`; where this is missing, to the registrar.
    #[serde(default)]
    pub host: Option<String>,
    /// Keeps a name registered there.
    #[serde(default)]
    pub register: Option<Register>,
    /// How our requests travel. A trunk over `tls` is not taken over anything else.
    #[serde(default)]
    pub transport: Transport,
}

impl Trunk {
    const fn yes() -> bool {
        true
    }

    /// Whether its calls are challenged.
    pub(super) const fn is_challenged(&self) -> bool {
        self.challenge && self.password.is_some()
    }
}

/// Whose word is taken for the caller's number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallerNumber {
    /// `P-Asserted-Identity` (RFC 3325), else `From`; withheld where `Privacy` says so.
    #[default]
    Asserted,
    /// `From` alone, for trunks that do not clean `P-Asserted-Identity`.
    From,
    /// Numbers are never taken over.
    Withheld,
}

/// Settings of the user agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where datagrams are listened for.
    pub udp: Option<SocketAddr>,
    /// Where streams are listened for.
    pub tcp: Option<SocketAddr>,
    /// Where encrypted streams are listened for.
    pub tls: Option<Tls>,
    /// Whom outgoing TLS connections trust: certificates, PEM. Without it no PBX is reached over TLS.
    pub authorities: Option<PathBuf>,
    /// The address that peers are told for SIP and media, where it is not the one that is listened on (address translation).
    pub address: Option<IpAddr>,
    /// The address on which media sockets are opened.
    pub media_address: IpAddr,
    /// The first port for media.
    pub first_port: u16,
    /// The last port for media. A call takes two.
    pub last_port: u16,
    /// Who may call, and whom we call.
    pub trunks: Vec<Trunk>,
    /// The realm of our challenges.
    pub realm: String,
    /// Calls at one time. More are refused with 503.
    pub calls: usize,
    /// New calls of one address in a second; a challenged one counts twice. More are refused with 503.
    pub calls_per_second: u32,
    /// What `Retry-After` says on a 503, in seconds.
    pub retry_after: u32,
    /// How long it rings before we answer.
    #[serde(with = "humantime_serde")]
    pub ring: Duration,
    /// How often a session is refreshed (RFC 4028), at least 90 s; 0 leaves it to the peer.
    #[serde(with = "humantime_serde")]
    pub session_timer: Duration,
    /// The least session interval that is accepted. RFC 4028, section 4 fixes it; no configuration sets it, tests shorten it.
    #[serde(skip, default = "Settings::ninety_seconds")]
    pub least_session: Duration,
    /// A call from which no packet has come for so long, and that is not on hold, is lost; 0 waits for ever.
    #[serde(with = "humantime_serde")]
    pub silence: Duration,
    /// How long a transfer may take until somebody has answered.
    #[serde(with = "humantime_serde")]
    pub transfer: Duration,
    /// Whose word is taken for the caller's number.
    pub caller_number: CallerNumber,
    /// What is spoken, preferred first.
    pub codecs: Vec<Codec>,
    /// Whether our order of codecs wins over the caller's.
    pub ours_first: bool,
    /// Whether sound is protected by SRTP.
    pub security: Security,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            udp: None,
            tcp: None,
            tls: None,
            authorities: None,
            address: None,
            media_address: IpAddr::from([0, 0, 0, 0]),
            first_port: 20_000,
            last_port: 20_999,
            trunks: Vec::new(),
            realm: String::from("drilen"),
            calls: 100,
            calls_per_second: 20,
            retry_after: 5,
            ring: Duration::ZERO,
            session_timer: Duration::from_mins(30),
            least_session: Self::ninety_seconds(),
            silence: Duration::from_secs(30),
            transfer: Duration::from_secs(32),
            caller_number: CallerNumber::default(),
            codecs: vec![Codec::G722, Codec::Pcma, Codec::Pcmu],
            ours_first: false,
            security: Security::default(),
        }
    }
}

/// Settings that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unworkable {
    /// Nothing is listened on.
    #[error("SIP is listened for nowhere: set at least one of udp, tcp and tls")]
    Deaf,
    /// Fewer than two ports.
    #[error("media ports {first} to {last} hold no pair of ports: widen the range")]
    Ports {
        /// The first.
        first: u16,
        /// The last.
        last: u16,
    },
    /// Anybody could call.
    #[error(
        "trunk {0} has neither peers nor a password that calls are challenged for: anybody could call; give it one of both"
    )]
    Open(String),
    /// A password without a user.
    #[error("trunk {0} has a password but no user")]
    Nameless(String),
    /// Two trunks of one name.
    #[error("two trunks are called {0}")]
    Twice(String),
    /// A trunk whose transport is not listened on: answers and calls inside a dialog could not reach us.
    #[error("trunk {0} travels over {1:?}, for which nothing is listened on")]
    Unheard(String, Transport),
    /// A number of calls that cannot be.
    #[error("calls has to be 1 to 10000, and calls_per_second at least 1")]
    Calls,
    /// A realm that cannot stand in a challenge.
    #[error("realm has to be visible ASCII characters and spaces without quotes")]
    Realm,
    /// No codec.
    #[error("no codecs: name at least one of g722, pcma and pcmu")]
    Mute,
    /// A session timer below the least of RFC 4028.
    #[error("session_timer is below 90 s, the least that RFC 4028 allows")]
    Hasty,
}

impl Settings {
    const fn ninety_seconds() -> Duration {
        Duration::from_secs(90)
    }

    /// The least session interval in seconds, as headers say it.
    pub(super) fn min_se(&self) -> u32 {
        u32::try_from(self.least_session.as_secs()).unwrap_or(u32::MAX)
    }

    /// Whether they can work.
    pub fn check(&self) -> Result<(), Unworkable> {
        if self.udp.is_none() && self.tcp.is_none() && self.tls.is_none() {
            return Err(Unworkable::Deaf);
        }
        if self.last_port <= self.first_port {
            return Err(Unworkable::Ports { first: self.first_port, last: self.last_port });
        }
        if !(1..=10_000).contains(&self.calls) || self.calls_per_second == 0 {
            return Err(Unworkable::Calls);
        }
        let plain = |byte: u8| (byte.is_ascii_graphic() || byte == b' ') && byte != b'"' && byte != b'\\';
        if self.realm.is_empty() || !self.realm.bytes().all(plain) {
            return Err(Unworkable::Realm);
        }
        if self.codecs.is_empty() {
            return Err(Unworkable::Mute);
        }
        if !self.session_timer.is_zero() && self.session_timer < self.least_session {
            return Err(Unworkable::Hasty);
        }
        let mut names = std::collections::BTreeSet::new();
        for trunk in &self.trunks {
            if !names.insert(&trunk.name) {
                return Err(Unworkable::Twice(trunk.name.clone()));
            }
            self.check_trunk(trunk)?;
        }
        Ok(())
    }

    fn check_trunk(&self, trunk: &Trunk) -> Result<(), Unworkable> {
        if trunk.password.is_some() && trunk.user.is_empty() {
            return Err(Unworkable::Nameless(trunk.name.clone()));
        }
        if trunk.peers.is_empty() && !trunk.is_challenged() {
            return Err(Unworkable::Open(trunk.name.clone()));
        }
        let heard = match trunk.transport {
            Transport::Udp => self.udp.is_some(),
            Transport::Tcp => self.tcp.is_some(),
            Transport::Tls => self.tls.is_some(),
        };
        if heard { Ok(()) } else { Err(Unworkable::Unheard(trunk.name.clone(), trunk.transport)) }
    }

    /// Where it is listened for this.
    pub(super) fn listens(&self, transport: Transport) -> Option<SocketAddr> {
        match transport {
            Transport::Udp => self.udp,
            Transport::Tcp => self.tcp,
            Transport::Tls => self.tls.as_ref().map(|tls| tls.listen),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trunk() -> Trunk {
        Trunk {
            name: String::from("pbx"),
            peers: vec!["127.0.0.0/8".parse().expect("a network")],
            user: String::new(),
            password: None,
            challenge: true,
            host: None,
            register: None,
            transport: Transport::Udp,
        }
    }

    fn settings(trunks: Vec<Trunk>) -> Settings {
        Settings { udp: Some(SocketAddr::from(([127, 0, 0, 1], 0))), trunks, ..Settings::default() }
    }

    #[test]
    fn a_trunk_that_lets_anybody_in_is_refused() {
        assert_eq!(settings(vec![trunk()]).check(), Ok(()));
        let open = Trunk { peers: Vec::new(), ..trunk() };
        assert_eq!(settings(vec![open.clone()]).check(), Err(Unworkable::Open(String::from("pbx"))));
        let silent = Trunk {
            password: Some(Secret::new("geheim")),
            user: String::from("u"),
            challenge: false,
            ..open.clone()
        };
        assert!(matches!(settings(vec![silent]).check(), Err(Unworkable::Open(_))));
        let nameless = Trunk { password: Some(Secret::new("geheim")), ..trunk() };
        assert_eq!(settings(vec![nameless]).check(), Err(Unworkable::Nameless(String::from("pbx"))));
        assert_eq!(settings(vec![trunk(), trunk()]).check(), Err(Unworkable::Twice(String::from("pbx"))));
        let unheard = Trunk { transport: Transport::Tls, ..trunk() };
        assert!(matches!(settings(vec![unheard]).check(), Err(Unworkable::Unheard(..))));
        assert_eq!(Settings::default().check(), Err(Unworkable::Deaf));
    }

    #[test]
    fn passwords_are_not_printed() {
        let trunk = Trunk { password: Some(Secret::new("geheim")), ..trunk() };
        let settings = settings(vec![trunk]);
        assert!(!format!("{settings:?}").contains("geheim"));
        assert!(!serde_json::to_string(&settings).expect("settings as text").contains("geheim"));
    }

    #[test]
    fn an_encrypted_trunk_takes_nothing_in_clear() {
        assert!(!Transport::Tls.admits(rsipstack::sip::Transport::Udp));
        assert!(Transport::Tls.admits(rsipstack::sip::Transport::Tls));
        assert!(Transport::Udp.admits(rsipstack::sip::Transport::Tcp));
    }
}
