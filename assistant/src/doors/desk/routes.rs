//! The desk's table of routes, and the gate before each of them.

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::handler::Handler;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::on;
use conversation::Permission;

use super::session::{LoggedIn, csrf_is_right, token_in};
use super::{
    DeskError, DeskState, account, audit, clips, conversations, handoffs, hours, knowledge, live, login,
    offers, oidc, people, proposals, queue, reading, recordings, replies, second_factor, sounds, statistics,
    suggestions,
};
use crate::doors::leftover;
use crate::doors::openapi::Described;
use crate::doors::routes::{Access, Doors, Route, Table, filter};

/// The largest request body, in bytes: 2,000 characters of text with room.
const MAX_BODY_BYTES: usize = 32 * 1024;

const GET: Method = Method::GET;
const POST: Method = Method::POST;

/// Everything under `/v1/desk`.
pub(super) fn doors(state: DeskState) -> Doors {
    table().with_state(state).behind(|router| {
        router
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .layer(middleware::from_fn(never_kept))
            .layer(middleware::from_fn(leftover::pass_over))
    })
}

/// Who may what.
pub(super) fn table() -> Table<DeskState> {
    use Permission::{
        EditKnowledge, ManagePeople, Operate, PublishKnowledge, ReadAudit, ReadFigures, RevealNumbers,
        ReviewKnowledge, ServeCitizens, Supervise,
    };
    let serving = Desk(Table::new())
        .needs(GET, "/v1/desk/queue", ServeCitizens, queue::queue)
        .needs(GET, "/v1/desk/conversations/{id}", ServeCitizens, conversations::view)
        .needs(GET, HANDOFF, ServeCitizens, handoffs::of_call)
        .needs(POST, "/v1/desk/conversations/{id}/claim", ServeCitizens, conversations::claim)
        .needs(POST, "/v1/desk/conversations/{id}/messages", ServeCitizens, conversations::message)
        .needs(POST, "/v1/desk/conversations/{id}/sounds", ServeCitizens, sounds::keep)
        .needs(POST, "/v1/desk/conversations/{id}/sounds/{sound}/remove", ServeCitizens, sounds::remove)
        .needs(GET, "/v1/desk/conversations/{id}/sound", ServeCitizens, sounds::hear)
        .needs(POST, "/v1/desk/conversations/{id}/resolve", ServeCitizens, conversations::resolve)
        .needs(POST, "/v1/desk/conversations/{id}/return", ServeCitizens, conversations::give_back)
        .needs(POST, "/v1/desk/conversations/{id}/requeue", ServeCitizens, offers::requeue)
        .needs(POST, "/v1/desk/conversations/{id}/accept", ServeCitizens, offers::accept)
        .needs(POST, "/v1/desk/conversations/{id}/decline", ServeCitizens, offers::decline)
        .needs(POST, "/v1/desk/conversations/{id}/transfer", ServeCitizens, offers::transfer)
        .needs(POST, "/v1/desk/conversations/{id}/snooze", ServeCitizens, offers::snooze)
        .needs(POST, "/v1/desk/conversations/{id}/wake", ServeCitizens, offers::wake)
        .needs(POST, "/v1/desk/conversations/{id}/wrap-up", ServeCitizens, offers::wrap_up)
        .needs(POST, "/v1/desk/conversations/{id}/called", ServeCitizens, offers::called)
        .needs(POST, "/v1/desk/conversations/{id}/call", ServeCitizens, handoffs::call_back)
        .needs(POST, "/v1/desk/presence", ServeCitizens, offers::presence)
        .needs(GET, "/v1/desk/colleagues", ServeCitizens, offers::colleagues)
        .needs(POST, "/v1/desk/conversations/{id}/reveal", RevealNumbers, offers::reveal)
        .needs(GET, "/v1/desk/escalations", Supervise, offers::escalations)
        .needs(POST, "/v1/desk/conversations/{id}/reassign", Supervise, offers::reassign)
        .needs(POST, "/v1/desk/conversations/{id}/join", Supervise, offers::join)
        .needs(POST, "/v1/desk/conversations/{id}/depart", Supervise, offers::depart)
        .needs(POST, "/v1/desk/agents/{id}/drain", Supervise, offers::drain)
        .needs(GET, "/v1/desk/answers", ServeCitizens, suggestions::answers)
        .needs(POST, "/v1/desk/reading", ServeCitizens, reading::reading)
        .needs(GET, "/v1/desk/replies", ServeCitizens, replies::list)
        .needs(POST, "/v1/desk/replies", Supervise, replies::change)
        .needs(POST, "/v1/desk/replies/{id}/remove", Supervise, replies::remove)
        .needs(GET, "/v1/desk/live", ServeCitizens, live::live);
    let own = serving
        .public(GET, "/v1/desk/login", oidc::ways)
        .public(POST, "/v1/desk/login", login::login)
        .public(GET, "/v1/desk/oidc/start", oidc::start)
        .public(GET, "/v1/desk/oidc/callback", oidc::callback)
        .account(POST, "/v1/desk/logout", login::logout)
        .account(GET, "/v1/desk/me", login::me)
        .account(POST, "/v1/desk/password", account::change_password)
        .account(GET, "/v1/desk/sessions", account::sessions)
        .account(POST, "/v1/desk/sessions/{id}/revoke", account::revoke)
        .account(POST, "/v1/desk/totp", second_factor::begin)
        .account(POST, "/v1/desk/totp/confirm", second_factor::confirm)
        .account(POST, "/v1/desk/totp/remove", second_factor::remove);
    let knowledge = own
        .needs(GET, "/v1/desk/knowledge", ReadFigures, knowledge::everything)
        .needs(GET, "/v1/desk/knowledge/{id}", ReadFigures, knowledge::one)
        .needs(POST, "/v1/desk/knowledge/check", EditKnowledge, knowledge::check)
        .needs(POST, "/v1/desk/knowledge/try", ReadFigures, knowledge::try_out)
        .needs(GET, "/v1/desk/knowledge-file", ReadFigures, knowledge::export)
        .needs(POST, "/v1/desk/knowledge-file", EditKnowledge, knowledge::import)
        .needs(GET, "/v1/desk/proposals", ReadFigures, proposals::list)
        .needs(POST, "/v1/desk/proposals", EditKnowledge, proposals::submit)
        .needs(GET, "/v1/desk/proposals/{id}", ReadFigures, proposals::one)
        .needs(POST, "/v1/desk/proposals/{id}", EditKnowledge, proposals::change)
        .needs(POST, "/v1/desk/proposals/{id}/withdraw", EditKnowledge, proposals::withdraw)
        .needs(POST, "/v1/desk/proposals/{id}/refuse", ReviewKnowledge, proposals::refuse)
        .needs(POST, "/v1/desk/approvals", PublishKnowledge, proposals::approve)
        .needs(POST, "/v1/desk/conversations/{id}/propose", ServeCitizens, proposals::of_answer);
    knowledge
        .needs(GET, "/v1/desk/clips", EditKnowledge, clips::list)
        .needs(POST, "/v1/desk/clips", EditKnowledge, clips::add)
        .needs(GET, "/v1/desk/clips/{id}/sound", EditKnowledge, clips::sound)
        .needs(POST, "/v1/desk/clips/{id}/remove", EditKnowledge, clips::remove)
        .needs(GET, "/v1/desk/recordings", EditKnowledge, recordings::list)
        .needs(GET, "/v1/desk/recordings/export", EditKnowledge, recordings::export)
        .needs(GET, "/v1/desk/recordings/{id}/sound", EditKnowledge, recordings::sound)
        .needs(POST, "/v1/desk/recordings/{id}", EditKnowledge, recordings::write_down)
        .needs(POST, "/v1/desk/recordings/{id}/remove", EditKnowledge, recordings::remove)
        .needs(GET, "/v1/desk/people", ManagePeople, people::list)
        .needs(POST, "/v1/desk/people", ManagePeople, people::add)
        .needs(POST, "/v1/desk/people/{id}", ManagePeople, people::change)
        .needs(POST, "/v1/desk/people/{id}/password", ManagePeople, people::reset_password)
        .needs(POST, "/v1/desk/people/{id}/totp/remove", ManagePeople, people::reset_totp)
        .needs(GET, "/v1/desk/people/{id}/sessions", ManagePeople, people::sessions)
        .needs(POST, "/v1/desk/people/{id}/sessions/revoke", ManagePeople, people::revoke)
        .needs(GET, "/v1/desk/audit", ReadAudit, audit::page)
        .needs(GET, "/v1/desk/figures", ReadFigures, statistics::figures)
        .needs(GET, "/v1/desk/unresolved", ReadFigures, statistics::unresolved)
        .needs(GET, "/v1/desk/backlog", ReadFigures, statistics::backlog)
        .needs(GET, "/v1/desk/hours", ReadFigures, hours::show)
        .needs(POST, "/v1/desk/hours", Operate, hours::change)
        .0
}

/// What belongs to a telephone call, by the id that the PBX gave it.
const HANDOFF: &str = "/v1/handoffs/{call}";

/// The ids of calls are the PBX's, and may need escapes.
fn names_a_call(request: &Request) -> bool {
    request.uri().path().starts_with("/v1/handoffs/")
}

/// A table whose routes are guarded.
struct Desk(Table<DeskState>);

impl Desk {
    fn public<H, T, D>(self, method: Method, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, DeskState> + Described<D>,
        T: 'static,
    {
        Self(self.0.public(method, path, handler))
    }

    /// Whoever is logged in may: their own account.
    fn account<H, T, D>(self, method: Method, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, DeskState> + Described<D>,
        T: 'static,
    {
        self.guarded(method, path, Access::Account, handler)
    }

    /// Whoever has the permission may.
    fn needs<H, T, D>(self, method: Method, path: &'static str, permission: Permission, handler: H) -> Self
    where
        H: Handler<T, DeskState> + Described<D>,
        T: 'static,
    {
        self.guarded(method, path, Access::Needs(permission), handler)
    }

    fn guarded<H, T, D>(self, method: Method, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, DeskState> + Described<D>,
        T: 'static,
    {
        let filter = filter(&method);
        let route = Route { method, path, access, shape: H::describe };
        Self(self.0.line(route, move |state: &DeskState| {
            let gate = Gate { state: state.clone(), access };
            on(filter, handler).route_layer(middleware::from_fn_with_state(gate, Gate::guard))
        }))
    }
}

/// What the desk answers stays in no cache.
async fn never_kept(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Stands before a route: asks for the session, for our own page where something is to be changed, and for the permission.
/// Handlers find who is asking as [`LoggedIn`]; without a gate before them there is none, and they refuse.
#[derive(Clone)]
struct Gate {
    state: DeskState,
    access: Access,
}

impl Gate {
    async fn guard(State(gate): State<Self>, mut request: Request, next: Next) -> Response {
        match gate.who(request.method(), request.headers()).await {
            // No id needs an escape; one that is not even text would be refused in axum's own words.
            Ok(_) if request.uri().path().contains('%') && !names_a_call(&request) => {
                DeskError::NotFound("resource").into_response()
            }
            Ok(logged_in) => {
                request.extensions_mut().insert(logged_in);
                next.run(request).await
            }
            Err(refused) => refused.into_response(),
        }
    }

    async fn who(&self, method: &Method, headers: &HeaderMap) -> Result<LoggedIn, DeskError> {
        let token = token_in(headers).ok_or(DeskError::Unauthorized)?;
        let hash = token.hash();
        let (session, person) = self.state.store.session(&hash).await?.ok_or(DeskError::Unauthorized)?;
        if !method.is_safe() {
            let own_page = self.state.origins.allows(headers);
            if !own_page || !csrf_is_right(headers, &token) {
                return Err(DeskError::ForeignPage);
            }
        }
        if let Access::Needs(permission) = self.access {
            if let Some(duty) = self.state.duty(&person, &session.method) {
                return Err(DeskError::Owes(duty));
            }
            if !person.may(permission) {
                return Err(DeskError::Forbidden(permission));
            }
        }
        // A busy store forgets one use; the next request comes.
        match self.state.note_use(&hash, &session).await {
            Err(conversation::StoreError::Busy) | Ok(()) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(LoggedIn::new(person, session, &token))
    }
}
