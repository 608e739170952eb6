//! JSON Schema of every message, generated from the types (`docs/protocol.schema.json`).

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::audit::{AuditHash, AuditRecord};
use crate::event::Event;
use crate::handoff::{Actor, Callback, Offer, Priority, Status};
use crate::ids::{AgentId, ConversationId, EscalationId};
use crate::protocol::{ClientMessage, Signal};
use crate::store::QueueItem;
use crate::time::Timestamp;

/// How [`language::Language`] is written on the wire; that crate knows nothing of schemas. Only its schema is used
/// (`#[schemars(with = "LanguageCode")]`).
#[derive(Clone, Copy, Debug, JsonSchema)]
#[schemars(rename = "Language", rename_all = "lowercase")]
pub enum LanguageCode {
    /// Tibetan.
    Bo,
    /// Standard Chinese.
    Zh,
}

/// How [`intents::EscalationReason`] is written on the wire.
#[derive(JsonSchema)]
#[schemars(rename = "EscalationReason", rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) enum ReasonName {
    /// The citizen asked for a person.
    Asked,
    /// The assistant was unsure too often.
    LowConfidence,
    /// The entry says that a person must see it.
    Policy,
    /// An emergency.
    Emergency,
    /// A matter that had been settled is not, after all.
    Reopened,
}

/// How [`AuditHash`] is written: 64 hexadecimal digits.
impl JsonSchema for AuditHash {
    fn schema_name() -> Cow<'static, str> {
        "AuditHash".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9a-f]{64}$" })
    }
}

/// Who did something that stands in the audit trail.
#[derive(JsonSchema)]
#[schemars(rename = "AuditActor")]
#[expect(dead_code, reason = "only its schema is used")]
struct AuditActorLine {
    /// Somebody with an account, whoever ran a command on the server's machine, or the server by itself.
    kind: AuditActorKind,
    /// The account's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<AgentId>,
    /// The name that the account or the operating system's user had then.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

/// Kinds of actors in the audit trail.
#[derive(JsonSchema)]
#[schemars(rename = "AuditActorKind", rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
enum AuditActorKind {
    Person,
    Command,
    System,
}

/// A record of the audit trail, as it is written for an export.
#[derive(JsonSchema)]
#[schemars(rename = "AuditRecord")]
#[expect(dead_code, reason = "only its schema is used")]
struct AuditLine {
    /// Its place: 1, 2, 3 … without a gap.
    id: u64,
    at: Timestamp,
    actor: AuditActorLine,
    /// What was done: a noun and a participle, such as `password.changed`.
    action: String,
    /// What it was done to, as `kind:id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// Particulars.
    detail: Value,
    /// SHA-256 of this record and all before it.
    hash: AuditHash,
}

impl JsonSchema for AuditRecord {
    fn schema_name() -> Cow<'static, str> {
        AuditLine::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        AuditLine::json_schema(generator)
    }
}

/// How a [`QueueItem`] is written. Apart from it, since stores are rebuilt behind it; a test compares the two.
#[derive(JsonSchema)]
#[schemars(rename = "QueueItem")]
#[expect(dead_code, reason = "only its schema is used")]
struct QueueLine {
    escalation: EscalationId,
    conversation: ConversationId,
    language: LanguageCode,
    /// Why it waits.
    reason: ReasonName,
    /// The original queue time.
    since: Timestamp,
    status: Status,
    /// How soon somebody must see it.
    priority: Priority,
    /// Place among all that wait, 1 = next; 0 for one that somebody has.
    position: u32,
    /// Whether the citizen speaks.
    voice: bool,
    /// The beginning of the citizen's last message, without personal numbers.
    preview: String,
    /// When it was claimed, for one that somebody has.
    #[serde(skip_serializing_if = "Option::is_none")]
    claimed_at: Option<Timestamp>,
    /// Who has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<Actor>,
    /// The offer that is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    offer: Option<Offer>,
    /// When time alone changes something.
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline: Option<Timestamp>,
    /// What an agent should know about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skills: Vec<String>,
    /// The call back that is to be made, its number masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    callback: Option<Callback>,
}

impl JsonSchema for QueueItem {
    fn schema_name() -> Cow<'static, str> {
        QueueLine::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        QueueLine::json_schema(generator)
    }
}

/// The JSON Schema (draft 2020-12) of the portal protocol: `$defs` has `ClientMessage`, `Event`, `Signal` and all
/// that they consist of; the document itself describes any message of either side. Private fields are not in it.
///
/// ```
/// let schema = conversation::schema();
/// assert!(schema["$defs"]["ClientMessage"].is_object());
/// ```
pub fn schema() -> Value {
    let mut generator = SchemaGenerator::default();
    let any = [
        generator.subschema_for::<ClientMessage>(),
        generator.subschema_for::<Event>(),
        generator.subschema_for::<Signal>(),
    ];
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The portal protocol, version 1",
        "anyOf": any,
        "$defs": generator.take_definitions(true),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde::Serialize;

    use super::*;
    use crate::audit::{AuditActor, AuditEntry};
    use crate::handoff::{Attempt, AttemptOutcome};
    use crate::ids::OfferId;

    fn keys(value: &Value) -> BTreeSet<String> {
        value.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect()
    }

    fn told_and_written<T: JsonSchema + Serialize>(value: &T) -> (BTreeSet<String>, BTreeSet<String>) {
        let schema = T::json_schema(&mut SchemaGenerator::default());
        (keys(&schema.to_value()["properties"]), keys(&json!(value)))
    }

    #[test]
    fn what_is_described_by_hand_has_the_fields_that_are_written() {
        let actor = Actor { id: AgentId::generate(), name: "卓玛".to_owned() };
        let at = Timestamp::from_millis(0);
        let attempt = Attempt { at, agent: actor.id, outcome: AttemptOutcome::Busy };
        let callback = Callback { number: "12345".to_owned(), from: at, until: at, attempts: vec![attempt] };
        let item = QueueItem {
            escalation: EscalationId::generate(),
            conversation: ConversationId::generate(),
            language: language::Language::Bo,
            reason: intents::EscalationReason::Asked,
            since: at,
            status: Status::Offered,
            priority: Priority::Normal,
            position: 1,
            voice: false,
            preview: String::new(),
            claimed_at: Some(at),
            holder: Some(actor.clone()),
            offer: Some(Offer {
                id: OfferId::generate(),
                agent: actor.clone(),
                until: at,
                transferred: true,
            }),
            deadline: Some(at),
            skills: vec!["social-security".to_owned()],
            callback: Some(callback),
        };
        let (told, written) = told_and_written(&item);
        assert_eq!(told, written);
        let entry =
            AuditEntry::new(AuditActor::person(actor.id, "dolma"), "number.shown").on("person", actor.id);
        let record = AuditRecord::after(None, at, &entry);
        let (told, written) = told_and_written(&record);
        assert_eq!(told, written);
        let (told, written) = (AuditActorLine::json_schema(&mut SchemaGenerator::default()), json!(record));
        assert_eq!(keys(&told.to_value()["properties"]), keys(&written["actor"]));
    }
}
