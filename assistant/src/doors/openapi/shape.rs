//! What a handler takes and gives, read off its signature: whoever changes a handler's types changes its description.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use axum::Json;
use axum::extract::{ConnectInfo, Path, Query, State, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{NoContent, Response};
use axum_extra::extract::CookieJar;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value};

use crate::doors::desk::ErrorCode;

const JSON: &str = "application/json";

/// The two ways in which types are written down: as they are read, and as they are written. A field with a default may be
/// left out by whoever sends it, and is always there in what we send.
pub(in crate::doors) struct Schemas {
    read: SchemaGenerator,
    written: SchemaGenerator,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
            })
        };
        Self { read: settings().into(), written: settings().for_serialize().into() }
    }

    /// All types that were named, in both ways; `Err` with the names of those that differ, which need two names.
    pub(super) fn definitions(mut self) -> Result<Map<String, Value>, Vec<String>> {
        let mut all = self.written.take_definitions(true);
        let mut differ = Vec::new();
        for (name, schema) in self.read.take_definitions(true) {
            match all.get(&name) {
                Some(other) if *other != schema => differ.push(name),
                Some(_) => {}
                None => drop(all.insert(name, schema)),
            }
        }
        if differ.is_empty() { Ok(all) } else { Err(differ) }
    }
}

/// What is answered with a status that is no error.
#[derive(Default)]
pub(in crate::doors) struct Reply {
    /// By media type; a schema where there is one.
    pub(super) content: BTreeMap<&'static str, Option<Schema>>,
    pub(super) sets_cookie: bool,
}

/// A handler's shape as it becomes known.
pub(in crate::doors) struct Shape<'a> {
    pub(super) schemas: &'a mut Schemas,
    pub(super) query: Option<Schema>,
    pub(super) body: Option<Schema>,
    /// The body is no JSON but of this media type.
    pub(super) bytes: Option<&'static str>,
    /// A field of the body has no default.
    pub(super) body_required: bool,
    pub(super) replies: BTreeMap<u16, Reply>,
    pub(super) errors: BTreeSet<ErrorCode>,
    /// What goes back and forth on a socket: sent by the client, sent by the server.
    pub(super) socket: Option<(Schema, Schema)>,
}

impl<'a> Shape<'a> {
    pub(super) fn new(schemas: &'a mut Schemas) -> Self {
        let (replies, errors) = (BTreeMap::new(), BTreeSet::new());
        Self {
            schemas,
            query: None,
            body: None,
            bytes: None,
            body_required: false,
            replies,
            errors,
            socket: None,
        }
    }

    /// The request has a JSON body.
    pub(in crate::doors) fn takes<T: JsonSchema>(&mut self) {
        self.body = Some(self.schemas.read.subschema_for::<T>());
        self.body_required = T::json_schema(&mut self.schemas.read).get("required").is_some();
    }

    /// The request's body is a file of this media type.
    pub(in crate::doors) fn takes_bytes(&mut self, media_type: &'static str) {
        self.bytes = Some(media_type);
    }

    /// A JSON body is answered with this status.
    pub(in crate::doors) fn gives<T: JsonSchema>(&mut self, status: StatusCode) {
        let schema = self.schemas.written.subschema_for::<T>();
        self.reply(status).content.insert(JSON, Some(schema));
    }

    /// Something may be refused with this code.
    pub(in crate::doors) fn refuses(&mut self, code: ErrorCode) {
        self.errors.insert(code);
    }

    /// JSON goes back and forth on a socket.
    pub(in crate::doors) fn exchanges<In: JsonSchema, Out: JsonSchema>(&mut self) {
        let sent = self.schemas.read.subschema_for::<In>();
        self.socket = Some((sent, self.schemas.written.subschema_for::<Out>()));
    }

    pub(in crate::doors) fn reply(&mut self, status: StatusCode) -> &mut Reply {
        self.replies.entry(status.as_u16()).or_default()
    }

    /// The schema of a type as it is written, for what no handler names.
    pub(super) fn written<T: JsonSchema>(&mut self) -> Schema {
        self.schemas.written.subschema_for::<T>()
    }
}

/// Something that a handler takes.
pub(in crate::doors) trait Input {
    /// Says so. Most say nothing about the request that the table does not say.
    fn describe(_shape: &mut Shape<'_>) {}
}

/// Something that a handler answers.
pub(in crate::doors) trait Output {
    /// Says so. What is a bare [`Response`] is described in words.
    fn describe(_shape: &mut Shape<'_>) {}
}

/// An error that a handler answers.
pub(in crate::doors) trait Refusal {
    /// Says which codes any handler may answer with.
    fn describe(shape: &mut Shape<'_>);
}

impl<S> Input for State<S> {}
impl<T> Input for Path<T> {}
impl Input for HeaderMap {}
impl Input for Uri {}
impl Input for CookieJar {}
impl Input for ConnectInfo<SocketAddr> {}

impl<T: JsonSchema> Input for Query<T> {
    fn describe(shape: &mut Shape<'_>) {
        shape.query = Some(T::json_schema(&mut shape.schemas.read));
    }
}

/// A query that is refused in our own words.
impl<T: Input, E> Input for Result<T, E> {
    fn describe(shape: &mut Shape<'_>) {
        T::describe(shape);
        shape.refuses(ErrorCode::Invalid);
    }
}

impl Input for WebSocketUpgrade {
    fn describe(shape: &mut Shape<'_>) {
        shape.reply(StatusCode::SWITCHING_PROTOCOLS);
        // Requests that do not ask for a socket, or cannot have one.
        for refused in [StatusCode::BAD_REQUEST, StatusCode::UPGRADE_REQUIRED] {
            shape.reply(refused).content.insert("text/plain", None);
        }
    }
}

impl Output for Response {}

impl Output for &'static str {
    fn describe(shape: &mut Shape<'_>) {
        shape.reply(StatusCode::OK).content.insert("text/plain", None);
    }
}

impl Output for NoContent {
    fn describe(shape: &mut Shape<'_>) {
        shape.reply(StatusCode::NO_CONTENT);
    }
}

impl<T: JsonSchema> Output for Json<T> {
    fn describe(shape: &mut Shape<'_>) {
        shape.gives::<T>(StatusCode::OK);
    }
}

/// With a cookie.
impl<T: Output> Output for (CookieJar, T) {
    fn describe(shape: &mut Shape<'_>) {
        T::describe(shape);
        for reply in shape.replies.values_mut() {
            reply.sets_cookie = true;
        }
    }
}

impl<T: Output, E: Refusal> Output for Result<T, E> {
    fn describe(shape: &mut Shape<'_>) {
        T::describe(shape);
        E::describe(shape);
    }
}

/// A handler whose shape is known. `D` are its arguments, so that one type may have several shapes.
pub(in crate::doors) trait Described<D> {
    /// Says what it takes and gives.
    fn describe(shape: &mut Shape<'_>);
}

macro_rules! described {
    ($($input:ident),*) => {
        impl<F, Answer, $($input),*> Described<($($input,)*)> for F
        where
            F: Fn($($input),*) -> Answer,
            Answer: Future<Output: Output>,
            $($input: Input),*
        {
            fn describe(shape: &mut Shape<'_>) {
                $($input::describe(shape);)*
                Answer::Output::describe(shape);
            }
        }
    };
}

described!();
described!(A);
described!(A, B);
described!(A, B, C);
described!(A, B, C, D);
described!(A, B, C, D, E);
