//! Who may go through which door. A [`Table`] is the only way in which the server gets routes: each line says method, path
//! and who may, so that a route without a rule cannot be written.

use std::fmt;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};
use conversation::Permission;

use super::openapi::{Described, Shape};

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// Citizens: whoever holds a conversation's token, which the portal's protocol asks for itself.
    Citizen,
    /// Whoever is logged in, for what concerns their own account.
    Account,
    /// Whoever is logged in, owes the server nothing (a new password, a second factor), and has this permission.
    Needs(Permission),
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::Citizen => f.write_str("citizen"),
            Self::Account => f.write_str("account"),
            Self::Needs(permission) => permission.fmt(f),
        }
    }
}

/// A line of the table.
#[derive(Clone, Debug)]
pub struct Route {
    /// The request's method.
    pub method: Method,
    /// The path as axum writes it, with `{names}`.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
    /// What its handler takes and gives, by the handler's own types.
    pub(super) shape: fn(&mut Shape<'_>),
}

/// Routes that are being written down. What they do is bound to a state only in [`Table::with_state`], so that the table can
/// be read, and described, without a server.
pub(super) struct Table<S> {
    lines: Vec<(Route, Serve<S>)>,
}

/// Makes what axum serves on a line.
type Serve<S> = Box<dyn FnOnce(&S) -> MethodRouter<S>>;

impl<S: Clone + Send + Sync + 'static> Table<S> {
    pub(super) const fn new() -> Self {
        Self { lines: Vec::new() }
    }

    /// Anybody may.
    pub(super) fn public<H, T, D>(self, method: Method, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, S> + Described<D>,
        T: 'static,
    {
        let filter = filter(&method);
        let route = Route { method, path, access: Access::Public, shape: H::describe };
        self.line(route, move |_| on(filter, handler))
    }

    /// Citizens may; the protocol behind the route asks for their token.
    pub(super) fn citizen<H, T, D>(self, method: Method, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, S> + Described<D>,
        T: 'static,
    {
        let filter = filter(&method);
        let route = Route { method, path, access: Access::Citizen, shape: H::describe };
        self.line(route, move |_| on(filter, handler))
    }

    /// A route whose rule is enforced by what `serve` makes.
    pub(super) fn line(mut self, route: Route, serve: impl FnOnce(&S) -> MethodRouter<S> + 'static) -> Self {
        self.lines.push((route, Box::new(serve)));
        self
    }

    /// The lines, without anything that serves them.
    pub(super) fn routes(self) -> Vec<Route> {
        self.lines.into_iter().map(|(route, _)| route).collect()
    }

    pub(super) fn with_state(self, state: S) -> Doors {
        let (mut listed, mut router) = (Vec::with_capacity(self.lines.len()), Router::new());
        for (route, serve) in self.lines {
            router = router.route(route.path, serve(&state));
            listed.push(route);
        }
        Doors { routes: listed, router: router.with_state(state) }
    }
}

/// Only methods that axum can filter by are ever written into the table.
pub(super) fn filter(method: &Method) -> MethodFilter {
    MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::POST)
}

/// Routes with their rules, ready to be served.
pub struct Doors {
    routes: Vec<Route>,
    router: Router,
}

impl Doors {
    /// The table.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// These and those.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.routes.extend(others.routes);
        self.router = self.router.merge(others.router);
        self
    }

    /// The same routes behind a layer.
    #[must_use]
    pub fn behind(mut self, layer: impl FnOnce(Router) -> Router) -> Self {
        self.router = layer(self.router);
        self
    }

    /// What axum serves.
    pub fn into_router(self) -> Router {
        self.router
    }
}
