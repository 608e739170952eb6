//! Every decoder of bytes that come from outside, as a function of those bytes alone.
//!
//! [`TARGETS`] is walked twice: by `cargo test` with thousands of cases made from valid seeds (`tests/tests/fuzzing.rs`), and by libFuzzer for as long
//! as one likes (`fuzz/`). A body panics where a decoder does something that it must never do; refusing the bytes is what it is for.

mod audio;
mod calls;
mod doors;
mod keys;
mod knowledge;
mod seeds;
mod telephone;

pub use seeds::{mutated, seeds};

/// A decoder under test.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: of the program in `fuzz/fuzz_targets` and of the folder in `fuzz/corpus`.
    pub name: &'static str,
    /// Gives it these bytes.
    pub body: fn(&[u8]),
    /// How many cases are worth trying in a test of a few seconds.
    pub cases: u32,
}

const fn target(name: &'static str, body: fn(&[u8]), cases: u32) -> Target {
    Target { name, body, cases }
}

/// All of them.
pub const TARGETS: [Target; 23] = [
    target("portal_message", doors::portal_message, 20_000),
    target("desk_request", doors::desk_request, 8_000),
    target("desk_page_message", doors::desk_page_message, 10_000),
    target("small_texts", doors::small_texts, 4_000),
    target("id_token", keys::id_token, 5_000),
    target("key_set", keys::key_set, 10_000),
    target("key_file", keys::key_file, 2_000),
    target("master_keys", keys::master_keys, 5_000),
    target("erasure_journal", keys::erasure_journal, 2_000),
    target("backup_manifest", keys::backup_manifest, 2_000),
    target("pcm16", audio::pcm16, 5_000),
    target("opus_packets", audio::opus_packets, 3_000),
    target("sound_file", audio::sound_file, 3_000),
    target("knowledge_yaml", knowledge::yaml, 2_000),
    target("knowledge_tables", knowledge::tables, 2_000),
    target("rtp_packets", calls::rtp_packets, 4_000),
    target("session_description", calls::session_description, 5_000),
    target("sip_message", calls::sip_message, 10_000),
    target("audiosocket", telephone::audiosocket, 5_000),
    target("socket_asterisk", telephone::asterisk, 5_000),
    target("socket_audio_fork", telephone::audio_fork, 3_000),
    target("socket_twilio", telephone::twilio, 5_000),
    target("socket_any_pbx", telephone::any_pbx, 3_000),
];

/// The target of this name.
///
/// # Panics
/// Where there is none.
pub fn run(name: &str, bytes: &[u8]) {
    let found = TARGETS.iter().find(|target| target.name == name);
    (found.unwrap_or_else(|| panic!("there is no target {name}")).body)(bytes);
}
