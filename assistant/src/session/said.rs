//! What is said to a person, kept for that person to hear.

use std::sync::Arc;

use conversation::sounds::NewSound;
use conversation::{ConversationState, SoundId, SoundRef};

use super::{Conversations, Session};
use crate::workers::container::Container;
use crate::workers::encode::SOUND_RATE;

/// The length of a sound at 16 kHz, in milliseconds.
pub(crate) const fn milliseconds(samples: usize) -> u64 {
    samples as u64 * 1_000 / SOUND_RATE as u64
}

/// An Ogg file with Opus of 16 kHz samples in [-1, 1]. Takes some 5 ms for a second of speech: not on a thread that others wait for.
///
/// # Errors
/// [`speech::SynthesisError`] where the encoder fails.
pub(crate) fn ogg(samples: &[f32]) -> Result<Vec<u8>, speech::SynthesisError> {
    let rounded = |sample: &f32| (sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)).round() as i16;
    Container::Ogg.write(&samples.iter().map(rounded).collect::<Vec<i16>>())
}

impl Conversations {
    /// Keeps what was said, if it was said to a person. What cannot be kept is not: the turn goes on without.
    pub(super) async fn keep_said(
        &self,
        session: &Session,
        state: &ConversationState,
        said: Option<Arc<[f32]>>,
    ) -> Option<SoundRef> {
        let said = said.filter(|_| state.status().is_with_a_person())?;
        let (id, ms) = (SoundId::generate(), milliseconds(said.len()));
        let file = tokio::task::spawn_blocking(move || ogg(&said)).await;
        let kept = match file {
            Ok(Ok(file)) => {
                let new = NewSound { id, conversation: session.id, by: None, ms, file };
                self.store.keep_sound(new).await.map_err(|error| error.to_string())
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match kept {
            Ok(()) => Some(SoundRef { id, ms }),
            Err(error) => {
                tracing::warn!(error, "what a citizen said to a person could not be kept");
                None
            }
        }
    }
}
