//! The session descriptions of one call, in the order in which they were said.

use crate::leg::Rate;
use crate::sdp::{self, Agreed, Local, NoMedia};

/// Our side of the offers and answers of a call.
pub(super) struct Descriptions {
    local: Local,
    /// What we said last.
    said: String,
}

impl Descriptions {
    pub(super) const fn new(local: Local) -> Self {
        Self { local, said: String::new() }
    }

    /// Answers an offer.
    pub(super) fn answer(&mut self, offer: &[u8]) -> Result<(Agreed, String), NoMedia> {
        let offer = text(offer)?;
        let (agreed, mut ours) = sdp::answer(offer, &self.local)?;
        if self.differs(&ours) {
            self.local.version += 1;
            ours = sdp::answer(offer, &self.local)?.1;
        }
        self.said.clone_from(&ours);
        Ok((agreed, ours))
    }

    /// Offers what we speak.
    pub(super) fn offer(&mut self) -> String {
        let mut ours = sdp::offer(&self.local);
        if self.differs(&ours) {
            self.local.version += 1;
            ours = sdp::offer(&self.local);
        }
        self.said.clone_from(&ours);
        ours
    }

    /// Takes the answer to the last offer.
    pub(super) fn accept(&self, answer: &[u8]) -> Result<Agreed, NoMedia> {
        sdp::accept(&self.said, text(answer)?, &self.local)
    }

    /// From now on only codecs of this rate: a leg keeps its rate.
    pub(super) fn settle(&mut self, rate: Rate) {
        self.local.codecs.retain(|codec| codec.rate() == rate);
    }

    /// Whether a description is another than the last one: only then is its version raised (RFC 3264, section 8).
    fn differs(&self, ours: &str) -> bool {
        !self.said.is_empty() && self.said != ours
    }
}

fn text(body: &[u8]) -> Result<&str, NoMedia> {
    std::str::from_utf8(body).map_err(|error| NoMedia::Malformed(error.to_string()))
}
