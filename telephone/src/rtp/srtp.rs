//! Protected packets: SRTP and SRTCP (RFC 3711).

use std::fmt;

use bytes::BytesMut;
use rtc_srtp::context::Context;
use rtc_srtp::crypto::{RTCCryptoProvider as _, providers::RingProvider};
use rtc_srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use rtc_srtp::protection_profile::ProtectionProfile;

use crate::sdp::{MasterKey, Protection, Suite};

/// Packets that are remembered against being played back to us: as many as may come out of order.
const WINDOW: usize = 128;

/// Both directions of a call.
pub(super) struct Srtp {
    keys: Protection,
    ours: Context,
    theirs: Context,
}

/// Without keys.
impl fmt::Debug for Srtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Srtp").field("suite", &self.keys.suite).finish_non_exhaustive()
    }
}

impl Srtp {
    /// With these keys; `None` where the library refuses them, which it does not for keys of the right length.
    pub(super) fn new(keys: &Protection) -> Option<Self> {
        Some(Self {
            keys: keys.clone(),
            ours: context(keys.suite, &keys.ours)?,
            theirs: context(keys.suite, &keys.theirs)?,
        })
    }

    /// After another description: what is the same goes on with its counters, what is new begins anew.
    pub(super) fn renew(mut self, keys: &Protection) -> Option<Self> {
        if self.keys.suite != keys.suite {
            return Self::new(keys);
        }
        if self.keys.ours != keys.ours {
            self.ours = context(keys.suite, &keys.ours)?;
        }
        if self.keys.theirs != keys.theirs {
            self.theirs = context(keys.suite, &keys.theirs)?;
        }
        self.keys = keys.clone();
        Some(self)
    }

    /// An RTP packet of ours.
    pub(super) fn protect(&mut self, packet: &[u8]) -> Option<BytesMut> {
        self.ours.encrypt_rtp(packet).ok()
    }

    /// An RTP packet of the peer's; `None` where its tag is wrong or it has come before.
    pub(super) fn open(&mut self, packet: &[u8]) -> Option<BytesMut> {
        self.theirs.decrypt_rtp(packet).ok()
    }

    /// An RTCP packet of ours.
    pub(super) fn protect_control(&mut self, packet: &[u8]) -> Option<BytesMut> {
        self.ours.encrypt_rtcp(packet).ok()
    }
}

fn context(suite: Suite, key: &MasterKey) -> Option<Context> {
    let profile = match suite {
        Suite::Tag80 => ProtectionProfile::Aes128CmHmacSha1_80,
        Suite::Tag32 => ProtectionProfile::Aes128CmHmacSha1_32,
    };
    let (rtp, control) = (srtp_replay_protection(WINDOW), srtcp_replay_protection(WINDOW));
    let provider = RingProvider::new();
    Context::new(key.key(), key.salt(), profile, Some(rtp), Some(control), provider.crypto()).ok()
}

#[cfg(test)]
#[path = "srtp_tests.rs"]
mod tests;
