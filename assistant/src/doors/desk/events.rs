//! Events as the desk sees them: with what citizens never see.

use std::borrow::Cow;

use conversation::event::{OfferEnd, WakeReason};
use conversation::{AgentRef, ClosedBy, Considered, Event, OfferId, Provenance, Timestamp};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// The schema of an [`Event`] at the desk. The type itself is the same: what is private in it is left out of the portal
/// protocol's schema, and named here.
pub(super) struct DeskEvent;

impl JsonSchema for DeskEvent {
    fn schema_name() -> Cow<'static, str> {
        "DeskEvent".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (event, private) = (generator.subschema_for::<Event>(), Private::json_schema(generator));
        json_schema!({
            "description": "An event of the portal protocol, with what only the desk is told.",
            "allOf": [event, private],
        })
    }
}

/// What only the desk is told; each event has some of it.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Private {
    /// `answer`, `clarify`, `say`: what the assistant considered, best first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    considered: Vec<Considered>,
    /// `answer`, `clarify`, `say`: with what it was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    provenance: Option<Provenance>,
    /// `agent_left`, `snoozed`, `wrapped_up`: the agent's note for whoever comes next.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// `wrapped_up`: what came of the matter, in the operator's codes.
    #[serde(skip_serializing_if = "Option::is_none")]
    disposition: Option<String>,
    /// `offered`: the offer's token, which `accept` and `decline` name.
    #[serde(skip_serializing_if = "Option::is_none")]
    offer: Option<OfferId>,
    /// `offered`, `agent_left`, `abandoned`: when it ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    /// `agent_left`: the supervisor who did it. (`closed`: as citizens are told.)
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<By>,
    /// `offer_ended`, `woken`: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<Why>,
}

/// Who did it.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum By {
    Agent(AgentRef),
    Closed(ClosedBy),
}

/// Why an offer ended, or a conversation was taken up again.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum Why {
    OfferEnd(OfferEnd),
    WakeReason(WakeReason),
}
