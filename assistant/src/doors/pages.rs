//! The citizen's portal and the agents' desk: static pages embedded in the binary, with the headers that keep them safe
//! and cheap on a weak link.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};
use tower_http::compression::CompressionLayer;

use super::routes::{Doors, Route, Table};

#[derive(RustEmbed)]
#[folder = "../web/dist"]
struct Pages;

/// Hashed names never change their content, so a phone fetches them once.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Pages are asked for again each time, but only sent when they changed (`ETag`).
const ASK_FIRST: &str = "no-cache";

/// The portal's page once more, for frames in other pages: the one address that may be framed.
const EMBEDDED: &str = "/embed";
/// How the names of scripts begin that decode and encode Opus where a browser cannot by itself.
const OPUS_WORKER: &str = "/assets/opus-worker";

/// Who may show the portal in a frame.
#[derive(Clone, Debug)]
pub struct Framing {
    /// The directive of the content security policy for [`EMBEDDED`].
    ancestors: Arc<str>,
}

impl Framing {
    /// Pages of these origins may; without any, nobody.
    pub fn by(origins: &[String]) -> Self {
        let ancestors = if origins.is_empty() { "'none'".to_owned() } else { origins.join(" ") };
        Self { ancestors: ancestors.into() }
    }
}

/// Routes for `/`, `/desk`, `/console` and everything that they load.
pub fn doors() -> Doors {
    table().with_state(()).behind(|router| router.layer(CompressionLayer::new()))
}

/// The lines of the table, without a server.
pub(super) fn routes() -> Vec<Route> {
    table().routes()
}

fn table() -> Table<()> {
    Table::new()
        .public(Method::GET, "/", |headers: HeaderMap| async move { page("index.html", &headers) })
        .public(Method::GET, EMBEDDED, |headers: HeaderMap| async move { page("index.html", &headers) })
        .public(Method::GET, "/desk", |headers: HeaderMap| async move { desk(&headers) })
        .public(Method::GET, "/console", |headers: HeaderMap| async move { page("console.html", &headers) })
        .public(Method::GET, "/{*path}", |Path(path): Path<String>, headers: HeaderMap| async move {
            page(&path, &headers)
        })
}

fn desk(headers: &HeaderMap) -> Response {
    for candidate in ["desk.html", "desk/index.html", "index.html"] {
        if Pages::get(candidate).is_some() {
            return page(candidate, headers);
        }
    }
    StatusCode::NOT_FOUND.into_response()
}

fn page(path: &str, headers: &HeaderMap) -> Response {
    let Some(file) = Pages::get(path) else { return (StatusCode::NOT_FOUND, "not found").into_response() };
    let tag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..12]));
    let known =
        headers.get(header::IF_NONE_MATCH).and_then(|h| h.to_str().ok()).is_some_and(|h| h.contains(&tag));
    let caching = if path.starts_with("assets/") { FOR_EVER } else { ASK_FIRST };
    let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { content(path, file) };
    let fields = response.headers_mut();
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        fields.insert(header::ETAG, tag);
    }
    response
}

fn content(path: &str, file: EmbeddedFile) -> Response {
    let kind = match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "woff" => "font/woff",
        "wasm" => "application/wasm",
        "wav" => "audio/wav",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    };
    ([(header::CONTENT_TYPE, kind)], Body::from(file.data.into_owned())).into_response()
}

/// A layer around all doors: the headers that every answer needs, whatever it is. Nothing is loaded from elsewhere, no
/// script stands in a page, nothing is framed but the portal at its own address by whom the operator trusts, only the
/// microphone of this very origin is asked for.
pub async fn security_headers(State(framing): State<Framing>, request: Request, next: Next) -> Response {
    let socket = request.headers().get(header::HOST).and_then(|h| h.to_str().ok()).map(str::to_owned);
    let (embedded, compiles) =
        (request.uri().path() == EMBEDDED, request.uri().path().starts_with(OPUS_WORKER));
    let ancestors = if embedded { &*framing.ancestors } else { "'none'" };
    let mut response = next.run(request).await;
    let fields = response.headers_mut();
    let policy = if compiles {
        WORKER_POLICY.to_owned()
    } else {
        content_security_policy(socket.as_deref(), ancestors)
    };
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        fields.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    if ancestors == "'none'" {
        fields.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    for (name, value) in
        [(header::X_CONTENT_TYPE_OPTIONS, "nosniff"), (header::REFERRER_POLICY, "no-referrer")]
    {
        fields.insert(name, HeaderValue::from_static(value));
    }
    fields.insert(
        "permissions-policy",
        HeaderValue::from_static("microphone=(self), camera=(), geolocation=(), payment=(), usb=()"),
    );
    fields.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    response
}

/// The policy of the script that runs Opus as WebAssembly. A worker has the policy that its own script came with; browsers
/// before `'wasm-unsafe-eval'` (Chrome 97, Safari 16) compile WebAssembly only where `'unsafe-eval'` is allowed. It is
/// allowed in this worker alone, which has no page, sees nothing but sound, and loads nothing but its own module.
const WORKER_POLICY: &str = "default-src 'none'; script-src 'self' 'unsafe-eval' 'wasm-unsafe-eval'; connect-src 'self'; \
                             frame-ancestors 'none'";

/// `'self'` covers web sockets only in newer browsers; older phones need the socket's origin spelled out.
fn content_security_policy(host: Option<&str>, ancestors: &str) -> String {
    let plain = |h: &&str| h.chars().all(|c| c.is_ascii_alphanumeric() || ".-:[]".contains(c));
    let sockets = host.filter(plain).map(|h| format!(" ws://{h} wss://{h}")).unwrap_or_default();
    format!(
        "default-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'{sockets}; \
         object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors {ancestors}"
    )
}

#[cfg(test)]
mod tests {
    use super::content_security_policy;

    #[test]
    fn a_forged_host_cannot_add_directives() {
        let policy = content_security_policy(Some("a.example; script-src *"), "'none'");
        assert!(!policy.contains("a.example"));
        assert!(content_security_policy(Some("127.0.0.1:8080"), "'none'").contains("ws://127.0.0.1:8080"));
    }
}
