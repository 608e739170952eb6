//! Names of things: conversations, escalations, agents, client messages, and the secrets that open them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// A text that is not the id it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {what}")]
pub struct InvalidId {
    what: &'static str,
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// The id made of 16 random bytes (a version 4 UUID; six bits are overwritten).
            pub fn from_random(bytes: [u8; 16]) -> Self {
                Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
            }

            /// A fresh id from the operating system's randomness.
            pub fn generate() -> Self {
                Self(Uuid::new_v4())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId { what: $what })
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": "uuid" })
            }
        }
    };
}

uuid_id!(
    /// A conversation. Shown to agents; it opens nothing (the [`Token`] does).
    ConversationId,
    "conversation id"
);
uuid_id!(
    /// One request for a person; a conversation has at most one open escalation.
    EscalationId,
    "escalation id"
);
uuid_id!(
    /// One question to one agent whether they take a conversation; whoever answers must name it.
    OfferId,
    "offer id"
);
uuid_id!(
    /// A human agent.
    AgentId,
    "agent id"
);
uuid_id!(
    /// A sound that is kept with a conversation.
    SoundId,
    "sound id"
);
uuid_id!(
    /// An open session of somebody with an account, in lists; it opens nothing (the [`Token`] does).
    SessionId,
    "session id"
);

/// The id a client gives to one of its own durable messages: 1 to [`MessageId::MAX_CHARACTERS`] characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MessageId(String);

impl MessageId {
    /// The longest id, in characters (docs/protocol.md).
    pub const MAX_CHARACTERS: usize = 64;

    /// The id as the client wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for MessageId {
    type Error = InvalidMessageId;
    fn try_from(text: String) -> Result<Self, InvalidMessageId> {
        if text.is_empty() || text.chars().count() > Self::MAX_CHARACTERS {
            return Err(InvalidMessageId);
        }
        Ok(Self(text))
    }
}

impl TryFrom<&str> for MessageId {
    type Error = InvalidMessageId;
    fn try_from(text: &str) -> Result<Self, InvalidMessageId> {
        text.to_owned().try_into()
    }
}

impl From<MessageId> for String {
    fn from(id: MessageId) -> Self {
        id.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for MessageId {
    fn schema_name() -> Cow<'static, str> {
        "MessageId".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": 64 })
    }
}

/// A message id is empty or too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id has 1 to 64 characters")]
pub struct InvalidMessageId;

/// The secret that opens a conversation, or an agent's session: 32 random bytes. Only its [`TokenHash`] is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; 32]);

impl Token {
    /// A token of these random bytes; they must come from a cryptographic source.
    pub const fn from_random(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// What the store keeps and looks up. A plain SHA-256 suffices: 256 bits of randomness cannot be guessed, so
    /// there is nothing for a slow hash to protect.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0).into())
    }

    /// A second secret that follows from this one and a purpose, for instance the CSRF value of a session.
    /// Whoever knows it learns nothing about the token.
    pub fn derive(&self, purpose: &str) -> String {
        let mut hasher = Sha256::new();
        hasher.update(purpose.as_bytes());
        hasher.update([0]);
        hasher.update(self.0);
        URL_SAFE_NO_PAD.encode(hasher.finalize())
    }

    /// The token as the client keeps it: base64url without padding, 43 characters.
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(secret)")
    }
}

impl FromStr for Token {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidId { what: "token" })?;
        bytes.try_into().map(Self).map_err(|_| InvalidId { what: "token" })
    }
}

/// SHA-256 of a [`Token`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The 32 bytes, for a store's column.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}
