//! Keeping a name registered (RFC 3261, section 10), and taking it back at the end.

use std::sync::Arc;
use std::time::Duration;

use rsipstack::dialog::registration::{Registration, backoff_interval, refresh_interval};
use rsipstack::sip::{HostWithPort, Scheme, StatusCode, StatusCodeKind, Uri, typed};

use super::agent::Agent;
use super::contact;
use super::settings::{Register, Trunk};

/// How long the registrar may take at the end.
const FAREWELL: Duration = Duration::from_secs(2);

/// Registers a trunk's name until the agent stops.
pub(super) async fn keep(agent: Arc<Agent>, trunk: Trunk, register: Register) {
    let Ok(host) = HostWithPort::try_from(register.registrar.as_str()) else {
        tracing::error!(
            trunk = trunk.name,
            "the registrar is no host or host:port; the trunk is not registered"
        );
        return;
    };
    let mut server = Uri { scheme: Some(Scheme::Sip), host_with_port: host, ..Uri::default() };
    let transport = trunk.transport.of_stack();
    if transport != rsipstack::sip::Transport::Udp {
        server.params.push(rsipstack::sip::Param::Transport(transport));
    }
    let mut registration = registration(&agent, &trunk, &register);
    let mut failures = 0;
    loop {
        let outcome = registration.register(server.clone(), Some(register.expires)).await;
        let wait = match outcome {
            Ok(response) if response.status_code.kind() == StatusCodeKind::Successful => {
                if failures > 0 || registration.last_seq <= 2 {
                    tracing::info!(trunk = trunk.name, seconds = registration.expires(), "registered");
                }
                failures = 0;
                refresh_interval(registration.expires().max(1))
            }
            Ok(response) => {
                failed(&trunk, &mut failures, &status(&response.status_code));
                backoff_interval(failures - 1)
            }
            Err(error) => {
                failed(&trunk, &mut failures, &error);
                backoff_interval(failures - 1)
            }
        };
        let registered = if failures == 0 { 1.0 } else { 0.0 };
        metrics::gauge!("telephone_sip_registered", "trunk" => trunk.name.clone()).set(registered);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = agent.stopping.cancelled() => break,
        }
    }
    if failures == 0 {
        let _ = tokio::time::timeout(FAREWELL, registration.register(server, Some(0))).await;
    }
    metrics::gauge!("telephone_sip_registered", "trunk" => trunk.name.clone()).set(0.0);
}

fn registration(agent: &Agent, trunk: &Trunk, register: &Register) -> Registration {
    // The name that is registered may be another than the user of the digest.
    let credential = Agent::credential(trunk).map(|credential| rsipstack::dialog::authenticate::Credential {
        auth_username: Some(credential.username),
        username: register.user.clone(),
        ..credential
    });
    let nameless =
        rsipstack::dialog::authenticate::Credential { username: register.user.clone(), ..Default::default() };
    let endpoint = Arc::clone(&agent.layer.endpoint);
    let mut registration = Registration::new(endpoint, Some(credential.unwrap_or(nameless)));
    let us = contact::ours(&agent.layer.endpoint.transport_layer, trunk.transport.of_stack(), &register.user);
    registration.contact = us.map(typed::Contact::from);
    registration
}

/// One line when it begins to fail, not one for every attempt.
fn failed(trunk: &Trunk, failures: &mut u32, why: &dyn std::fmt::Display) {
    if *failures == 0 {
        tracing::warn!(trunk = trunk.name, %why, "not registered; trying again until it works");
    }
    *failures = failures.saturating_add(1);
}

fn status(status: &StatusCode) -> String {
    format!("{} {status}", status.code())
}
