//! The identity provider as it is configured.

use std::sync::Arc;

use super::StartError;
use crate::{
    config::{Configuration, Oidc},
    doors::desk::{OidcDoor, Taken},
    oidc::{Provider, Settings},
};

/// The door to the identity provider, where one is configured. The provider itself is asked when somebody logs in, so that
/// the server starts without it.
pub(super) fn door(configuration: &Configuration) -> Result<Option<Arc<OidcDoor>>, StartError> {
    let Some(oidc) = &configuration.people.oidc else { return Ok(None) };
    let origin = oidc.origin.as_ref().or(configuration.server.public_origins.first());
    let origin = origin.ok_or_else(|| StartError::Oidc("there is no origin to come back to".to_owned()))?;
    let settings = Settings {
        issuer: oidc.issuer.clone(),
        client: oidc.client_id.clone(),
        secret: secret(oidc)?,
        redirect: format!("{origin}/v1/desk/oidc/callback"),
        scopes: oidc.scopes.clone(),
    };
    let provider = Provider::new(settings, oidc.authority.as_deref());
    Ok(Some(Arc::new(OidcDoor {
        provider: provider.map_err(|error| StartError::Oidc(error.to_string()))?,
        roles_claim: oidc.roles_claim.clone(),
        roles: oidc.roles.clone(),
        creates_accounts: oidc.create_accounts,
        languages: oidc.languages.clone(),
        label: oidc.label.clone(),
        page: format!("{origin}/desk"),
        taken: Taken::default(),
    })))
}

fn secret(oidc: &Oidc) -> Result<Option<String>, StartError> {
    let read = match (&oidc.secret_file, &oidc.secret_env) {
        (Some(path), _) => std::fs::read_to_string(path).map_err(|error| {
            StartError::Oidc(format!("the client's secret cannot be read from {}: {error}", path.display()))
        })?,
        (None, Some(name)) => std::env::var(name).map_err(|_| {
            StartError::Oidc(format!("the environment variable {name} with the client's secret is not set"))
        })?,
        (None, None) => return Ok(None),
    };
    let secret = read.trim().to_owned();
    if secret.is_empty() {
        return Err(StartError::Oidc("the client's secret is empty".to_owned()));
    }
    Ok(Some(secret))
}
