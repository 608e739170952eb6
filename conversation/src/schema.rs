//! JSON Schema of every message, generated from the types (`docs/protocol.schema.json`).

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

use crate::event::Event;
use crate::protocol::{ClientMessage, Signal};

/// How [`language::Language`] is written on the wire; that crate knows nothing of schemas.
#[derive(JsonSchema)]
#[schemars(rename = "Language", rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) enum LanguageCode {
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
