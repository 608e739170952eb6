//! The description put together.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use conversation::{AgentId, ConversationId, LanguageCode, Permission, Role, SessionId, SoundId};
use schemars::Schema;
use serde_json::{Map, Value, json};

use super::Undescribed;
use super::shape::{Reply, Schemas, Shape};
use super::words::{Said, Words, json as parsed};
use crate::doors::desk::{CSRF_HEADER, ErrorBody, ErrorCode, SESSION_COOKIE};
use crate::doors::routes::{Access, Route};

/// The version of OpenAPI that is written.
const OPENAPI: &str = "3.1.1";

/// The description of these routes in these words.
pub(super) fn of(routes: &[Route], words: &Words) -> Result<Value, Undescribed> {
    let mut schemas = Schemas::new();
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let mut unused: BTreeSet<&String> = words.routes.keys().collect();
    for route in routes {
        let name = format!("{} {}", route.method, route.path);
        let said = words.routes.get(&name);
        let said = said.ok_or_else(|| Undescribed(format!("words.toml lacks [routes.\"{name}\"]")))?;
        unused.remove(&name);
        if !words.tags.iter().any(|tag| tag.name == said.tag) {
            return Err(Undescribed(format!("{name}: no tag is called {}", said.tag)));
        }
        let operation = operation(route, &name, said, &mut schemas)?;
        let path = paths.entry(templated(route.path)).or_default();
        path.insert(route.method.as_str().to_ascii_lowercase(), operation);
    }
    if !unused.is_empty() {
        return Err(Undescribed(format!("no route is what words.toml describes: {unused:?}")));
    }
    let definitions = schemas.definitions();
    let schemas = definitions.map_err(|names| {
        Undescribed(format!("read and written otherwise under one name, give them two: {names:?}"))
    })?;
    let tag = |tag: &super::words::Tag| json!({ "name": tag.name, "description": tag.about.trim() });
    Ok(json!({
        "openapi": OPENAPI,
        "info": {
            "title": "Drilen",
            "summary": "A bilingual Tibetan and Chinese assistant for a government portal and its hotline, and the desk of its human agents.",
            "description": words.about.trim(),
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache License 2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "The server that serves this description." }],
        "tags": words.tags.iter().map(tag).collect::<Vec<_>>(),
        "paths": paths,
        "components": { "schemas": schemas, "securitySchemes": security_schemes() },
    }))
}

fn security_schemes() -> Value {
    json!({
        "session": {
            "type": "apiKey", "in": "cookie", "name": SESSION_COOKIE,
            "description": "The session's cookie, set by `POST /v1/desk/login`. It is sent to `/v1/desk` only.",
        },
        "csrf": {
            "type": "apiKey", "in": "header", "name": CSRF_HEADER,
            "description": "`csrf` of the login's reply (or of `GET /v1/desk/me`). Every request that changes something carries it.",
        },
    })
}

fn operation(route: &Route, name: &str, said: &Said, schemas: &mut Schemas) -> Result<Value, Undescribed> {
    let mut shape = Shape::new(schemas);
    (route.shape)(&mut shape);
    for code in expected(route).into_iter().chain(said.errors.iter().copied()) {
        shape.refuses(code);
    }
    let mut operation = json!({
        "operationId": operation_id(route),
        "tags": [said.tag],
        "summary": said.summary,
        "description": description(route, said),
        "x-permission": route.access.to_string(),
        "security": security(route),
        "responses": responses(name, said, &mut shape)?,
    });
    let parameters = parameters(route, &mut shape)?;
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(body) = shape.body.take() {
        // An empty body is `{}` (`desk::session::Body`): there must be one only where a field must be.
        let content = content(Some(&body), example(name, said.asks.as_ref())?);
        operation["requestBody"] = json!({ "required": shape.body_required, "content": content });
    }
    if let Some(media_type) = shape.bytes {
        operation["requestBody"] = json!({ "required": true, "content": { media_type: {} } });
    }
    if let Some((sends, receives)) = &shape.socket {
        operation["x-websocket"] = json!({ "client": sends, "server": receives });
    }
    if let Some(socket) = &said.socket {
        operation["x-websocket"] = parsed(name, socket)?;
    }
    Ok(operation)
}

/// Refusals that follow from who may use a route and from what stands in its path.
fn expected(route: &Route) -> Vec<ErrorCode> {
    let mut codes = Vec::new();
    if let Access::Account | Access::Needs(_) = route.access {
        codes.push(ErrorCode::Unauthorized);
        codes.extend((!route.method.is_safe()).then_some(ErrorCode::ForeignPage));
        codes.extend(route.path.contains("{id}").then_some(ErrorCode::NotFound));
    }
    if let Access::Needs(_) = route.access {
        codes.extend([ErrorCode::Forbidden, ErrorCode::ChangePassword, ErrorCode::SetUpTotp]);
    }
    codes
}

fn security(route: &Route) -> Value {
    match route.access {
        Access::Public | Access::Citizen => json!([]),
        Access::Account | Access::Needs(_) if route.method.is_safe() => json!([{ "session": [] }]),
        Access::Account | Access::Needs(_) => json!([{ "session": [], "csrf": [] }]),
    }
}

fn description(route: &Route, said: &Said) -> String {
    let who = match route.access {
        Access::Public => "Open to everybody.".to_owned(),
        Access::Citizen => {
            "Open to citizens: the protocol asks for the conversation's token itself.".to_owned()
        }
        Access::Account => "Open to whoever is logged in, for their own account.".to_owned(),
        Access::Needs(permission) => format!(
            "Needs the permission `{permission}`, which these roles have: {}.",
            roles_with(permission).join(", ")
        ),
    };
    [said.about.trim(), &who].join("\n\n").trim().to_owned()
}

fn roles_with(permission: Permission) -> Vec<String> {
    let has = |role: &&Role| role.permissions().contains(&permission);
    Role::ALL.iter().filter(has).map(|role| format!("`{role}`")).collect()
}

/// `getDeskConversationsId`: stable, and unique as method and path are.
fn operation_id(route: &Route) -> String {
    let path = route.path.trim_start_matches("/v1");
    let parts = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    let capital = |part: &str| part[..1].to_ascii_uppercase() + &part[1..];
    route.method.as_str().to_ascii_lowercase() + &parts.map(capital).collect::<String>()
}

/// OpenAPI knows no wildcards: the pages' files are under `/{path}`, whose words say that it may hold slashes.
fn templated(path: &str) -> String {
    path.replace("{*", "{")
}

fn parameters(route: &Route, shape: &mut Shape<'_>) -> Result<Vec<Value>, Undescribed> {
    let mut parameters = Vec::new();
    let segments: Vec<&str> = route.path.split('/').collect();
    for pair in segments.windows(2) {
        let Some(name) = pair[1].strip_prefix('{').and_then(|name| name.strip_suffix('}')) else { continue };
        let schema = match (pair[0], name) {
            ("conversations", "id") => shape.written::<ConversationId>(),
            ("agents" | "people", "id") => shape.written::<AgentId>(),
            ("sessions", "id") => shape.written::<SessionId>(),
            ("sounds", "sound") => shape.written::<SoundId>(),
            ("extract", "language") => shape.written::<LanguageCode>(),
            ("clips" | "knowledge" | "proposals" | "recordings" | "replies", "id")
            | ("handoffs", "call")
            | ("telephone", "token")
            | (_, "*path") => shape.written::<String>(),
            _ => return Err(Undescribed(format!("{}: what is {{{name}}}?", route.path))),
        };
        let name = name.trim_start_matches('*');
        parameters.push(json!({ "name": name, "in": "path", "required": true, "schema": schema }));
    }
    if let Some(query) = shape.query.take() {
        parameters.extend(query_parameters(&query));
    }
    Ok(parameters)
}

fn query_parameters(query: &Schema) -> Vec<Value> {
    let required: Vec<&str> = query
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let properties = query.get("properties").and_then(Value::as_object);
    let parameter = |(name, schema): (&String, &Value)| {
        let mut schema = schema.clone();
        let about = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        let mut parameter = json!({ "name": name, "in": "query", "required": required.contains(&name.as_str()), "schema": schema });
        if let Some(about) = about {
            parameter["description"] = about;
        }
        parameter
    };
    properties.into_iter().flatten().map(parameter).collect()
}

fn responses(name: &str, said: &Said, shape: &mut Shape<'_>) -> Result<Map<String, Value>, Undescribed> {
    let mut responses = Map::new();
    let mut answers = example(name, said.answers.as_ref())?;
    for (status, reply) in &shape.replies {
        let words = said.replies.get(&status.to_string());
        let about = words.map_or_else(|| reason(*status), |words| words.about.clone());
        let mut response = json!({ "description": about });
        if !reply.content.is_empty() {
            response["content"] = media(reply, answers.take().as_ref());
        }
        if reply.sets_cookie {
            let about = format!("The cookie `{SESSION_COOKIE}`.");
            response["headers"] =
                json!({ "Set-Cookie": { "description": about, "schema": { "type": "string" } } });
        }
        responses.insert(status.to_string(), response);
    }
    for (status, words) in &said.replies {
        if responses.contains_key(status) {
            continue;
        }
        let mut response = json!({ "description": words.about });
        if let Some(kind) = &words.content {
            let mut body = Map::new();
            if let Some(answers) = answers.take() {
                body.insert("example".to_owned(), answers);
            }
            response["content"] = json!({ kind.as_str(): body });
        }
        responses.insert(status.clone(), response);
    }
    let codes = std::mem::take(&mut shape.errors);
    responses.extend(refusals(&codes, shape));
    Ok(responses)
}

fn media(reply: &Reply, example: Option<&Value>) -> Value {
    let kinds = reply.content.iter();
    kinds
        .map(|(kind, schema)| ((*kind).to_owned(), body(schema.as_ref(), example.cloned())))
        .collect::<Map<_, _>>()
        .into()
}

fn content(schema: Option<&Schema>, example: Option<Value>) -> Value {
    json!({ "application/json": body(schema, example) })
}

fn body(schema: Option<&Schema>, example: Option<Value>) -> Value {
    let mut body = Map::new();
    if let Some(schema) = schema {
        body.insert("schema".to_owned(), schema.clone().to_value());
    }
    if let Some(example) = example {
        body.insert("example".to_owned(), example);
    }
    body.into()
}

fn example(name: &str, text: Option<&String>) -> Result<Option<Value>, Undescribed> {
    text.map(|text| parsed(name, text)).transpose()
}

/// One response for every status, which says which codes come with it.
fn refusals(codes: &BTreeSet<ErrorCode>, shape: &mut Shape<'_>) -> Vec<(String, Value)> {
    let mut by_status: BTreeMap<StatusCode, Vec<Value>> = BTreeMap::new();
    for code in codes {
        by_status.entry(code.status()).or_default().push(json!(code));
    }
    let refusal = |(status, codes): (StatusCode, Vec<Value>)| {
        let names: Vec<String> =
            codes.iter().filter_map(Value::as_str).map(|code| format!("`{code}`")).collect();
        let code = json!({ "properties": { "error": { "properties": { "code": { "enum": codes } } } } });
        let schema = json!({ "allOf": [shape.written::<ErrorBody>(), code] });
        let mut response = json!({
            "description": format!("{}: {}.", reason(status.as_u16()), names.join(", ")),
            "content": { "application/json": { "schema": schema } },
        });
        if status == StatusCode::TOO_MANY_REQUESTS {
            let about = "Seconds until it is worth asking again.";
            response["headers"] =
                json!({ "Retry-After": { "description": about, "schema": { "type": "integer" } } });
        }
        (status.as_u16().to_string(), response)
    };
    by_status.into_iter().map(refusal).collect()
}

fn reason(status: u16) -> String {
    let known = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    known.unwrap_or("Answer").to_owned()
}
