//! Listens for calls by SIP and AudioSocket.

use std::path::PathBuf;
use std::sync::Arc;

use telephone::Leg;
use telephone::audiosocket;
use telephone::sip::{self, Secret, UserAgent};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::config::{Configuration, Telephone};
use crate::hotline::Hotline;

/// Why calls cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum TelephoneError {
    /// SIP cannot be started.
    #[error("telephone.sip: {0}")]
    Sip(#[from] sip::StartError),
    /// A trunk's password cannot be read.
    #[error("telephone.password_files.{trunk}: {path} cannot be read: {reason}")]
    Password {
        /// The trunk.
        trunk: String,
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A password for a trunk that there is not.
    #[error("telephone.password_files names {0}, but telephone.sip.trunks has none of that name")]
    NoTrunk(String),
    /// AudioSocket cannot be listened for.
    #[error("telephone.audiosocket: cannot listen on {address}: {source}")]
    AudioSocket {
        /// Where.
        address: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The key of media sockets.
    #[error("telephone.websocket.key_file: {path}: {reason}")]
    Key {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// What listens for calls, and makes them.
#[derive(Clone, Default)]
pub struct Telephones {
    /// SIP, where it is configured.
    pub sip: Option<UserAgent>,
    /// Where AudioSocket is listened for.
    pub audiosocket: Option<std::net::SocketAddr>,
}

impl Telephones {
    /// Ends all calls, and takes registrations back.
    pub async fn stop(&self) {
        if let Some(sip) = &self.sip {
            sip.stop().await;
        }
    }
}

/// Starts what is configured.
///
/// # Errors
/// [`TelephoneError`], which says what to do.
pub async fn start(
    configuration: &Arc<Configuration>,
    hotline: &Hotline,
    draining: &CancellationToken,
) -> Result<Telephones, TelephoneError> {
    let settings = &configuration.telephone;
    let mut started = Telephones::default();
    if let Some(wanted) = &settings.audiosocket {
        let mut audio = audiosocket::Settings::new(wanted.listen);
        audio.most_calls = settings.calls;
        if !wanted.allowed.is_empty() {
            audio.allowed.clone_from(&wanted.allowed);
        }
        let failed = |source| TelephoneError::AudioSocket { address: wanted.listen, source };
        let listener = audiosocket::Listener::bind(audio).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        tracing::info!(%address, "AudioSocket is listened for");
        started.audiosocket = Some(address);
        take(listener.serve(), hotline, draining);
    }
    if let Some(sip) = sip_settings(settings)? {
        let (agent, legs) = UserAgent::start(sip).await?;
        for (transport, address) in agent.addresses() {
            tracing::info!(?transport, %address, "SIP is listened for");
        }
        let (drained, on_drain) = (draining.clone(), agent.clone());
        hotline.tasks().spawn(async move {
            drained.cancelled().await;
            on_drain.drain();
        });
        started.sip = Some(agent);
        take(legs, hotline, draining);
    }
    if (started.sip.is_some() || started.audiosocket.is_some() || settings.websocket.is_some())
        && configuration.node.models
    {
        let hotline = hotline.clone();
        tokio::spawn(async move { hotline.prepare().await });
    }
    Ok(started)
}

fn take(mut legs: mpsc::Receiver<Leg>, hotline: &Hotline, draining: &CancellationToken) {
    let (hotline, draining) = (hotline.clone(), draining.clone());
    tokio::spawn(async move {
        while let Some(leg) = legs.recv().await {
            // Dropping a leg ends its call.
            if draining.is_cancelled() || hotline.take(leg).is_err() {
                tracing::warn!("all lines are busy");
            }
        }
    });
}

/// SIP's settings with the passwords from their files.
fn sip_settings(settings: &Telephone) -> Result<Option<sip::Settings>, TelephoneError> {
    let Some(mut sip) = settings.sip.clone() else { return Ok(None) };
    // So that a PBX is told 503 where no line is free, rather than answered and hung up on.
    sip.calls = sip.calls.min(settings.calls);
    for (name, path) in &settings.password_files {
        let trunk = sip.trunks.iter_mut().find(|trunk| trunk.name == *name);
        let trunk = trunk.ok_or_else(|| TelephoneError::NoTrunk(name.clone()))?;
        let text = std::fs::read_to_string(path).map_err(|error| TelephoneError::Password {
            trunk: name.clone(),
            path: path.clone(),
            reason: error.to_string(),
        })?;
        trunk.password = Some(Secret::new(text.trim_end_matches(['\r', '\n'])));
    }
    Ok(Some(sip))
}
