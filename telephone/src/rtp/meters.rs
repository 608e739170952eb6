//! What the figures of the server show of all calls together.

use super::receiver::Statistics;

/// Histogram, seconds: how long after its slot a packet was sent.
pub(super) const LATE: &str = "telephone_rtp_late_seconds";
/// Counter of packets, by `what` became of them.
const PACKETS: &str = "telephone_rtp_packets_total";
/// Counter, milliseconds: sound that was made up in place of lost packets.
const CONCEALED: &str = "telephone_rtp_concealed_milliseconds_total";
/// Frames between two looks: counters are shared by all threads, and a second is soon enough.
const EVERY: u32 = 50;

/// Adds what a call has had to the counters of all calls.
#[derive(Debug, Default)]
pub(super) struct Meters {
    now: Statistics,
    counted: Statistics,
    frames: u32,
}

impl Meters {
    /// Takes note of where a call stands; counts once a second.
    pub(super) fn show(&mut self, now: Statistics) {
        self.now = now;
        self.frames += 1;
        if self.frames >= EVERY {
            self.count();
        }
    }

    /// Counts what has been added.
    pub(super) fn count(&mut self) {
        let (now, before) = (self.now, self.counted);
        // A packet that was counted as lost may come after all: what is counted is not taken back, nor counted again.
        self.counted = Statistics { lost: now.lost.max(before.lost), ..now };
        self.frames = 0;
        let packets = [
            ("received", now.received, before.received),
            ("sent", now.sent, before.sent),
            ("sent_late", now.sent_late, before.sent_late),
            ("lost", now.lost, before.lost),
            ("late", now.late, before.late),
            ("duplicate", now.duplicate, before.duplicate),
            ("foreign", now.foreign, before.foreign),
            ("malformed", now.malformed, before.malformed),
        ];
        for (what, now, before) in packets {
            if now > before {
                metrics::counter!(PACKETS, "what" => what).increment(now - before);
            }
        }
        let made = now.concealed_ms.saturating_sub(before.concealed_ms);
        if made > 0 {
            metrics::counter!(CONCEALED).increment(made);
        }
    }
}
