//! Logs and figures. Logs are a readable sentence with fields and never hold transcripts, sound or personal data;
//! figures are Prometheus metrics rendered at `/metrics` by the server's own listener.

use std::{io::IsTerminal, sync::OnceLock};

use metrics::{describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};
use crate::masking::MaskedLog;

/// Names of the metrics, so that a dashboard's query can be found in the code.
pub mod names {
    /// Gauge: open portal connections.
    pub const CONNECTIONS: &str = "drilen_connections";
    /// Telephone calls that began, by `carrier`.
    pub const CALLS: &str = "drilen_calls_total";
    /// Telephone calls under way.
    pub const CALLS_NOW: &str = "drilen_calls";
    /// Pieces of callers' sound that the conversation had no time for.
    pub const CALL_SOUND_DROPPED: &str = "drilen_call_sound_dropped_total";
    /// Counter: conversations started, by `language`.
    pub const CONVERSATIONS: &str = "drilen_conversations_total";
    /// Counter: turns understood, by `language`, `source` and `decision`.
    pub const TURNS: &str = "drilen_turns_total";
    /// Counter: error messages sent to clients, by `code`.
    pub const ERRORS: &str = "drilen_errors_total";
    /// Gauge: voice conversations that hold a place.
    pub const VOICE_CONVERSATIONS: &str = "drilen_voice_conversations";
    /// Histogram, seconds: one run of an engine that hears turns live, several turns together.
    pub const HEAR_SECONDS: &str = "drilen_hear_seconds";
    /// Histogram: turns in such a run.
    pub const HEAR_BATCH: &str = "drilen_hear_batch";
    /// Histogram, seconds: a transcript understood, waiting for a thread included.
    pub const UNDERSTAND_SECONDS: &str = "drilen_understand_seconds";
    /// Gauge: share of the time that a hearing thread computes, 0 to 1, by `thread`.
    pub const HEARING_LOAD: &str = "drilen_hearing_load";
    /// Counter: voice conversations told to wait.
    pub const WAITS: &str = "drilen_waits_total";
    /// Counter: turns ended, by `reason` (`silence`, `complete`, `maximum`, `no_speech`, `commit`).
    pub const TURN_ENDS: &str = "drilen_turn_ends_total";
    /// Counter: turns gone on with after their end, by `outcome` (`merged`, `apart`, `nothing`).
    pub const CONTINUATIONS: &str = "drilen_continuations_total";
    /// Histogram, seconds: end of speech to final transcript.
    pub const TRANSCRIBE_SECONDS: &str = "drilen_transcribe_seconds";
    /// Histogram, seconds: utterance to durable decision.
    pub const DECIDE_SECONDS: &str = "drilen_decide_seconds";
    /// Histogram, seconds: one sentence synthesized (cache misses only).
    pub const SYNTHESIZE_SECONDS: &str = "drilen_synthesize_seconds";
    /// Histogram, seconds: end of speech to the first sound of the answer.
    pub const FIRST_SOUND_SECONDS: &str = "drilen_first_sound_seconds";
    /// Counter: sentences to be spoken, by `source` (`cache`, `synthetic`).
    pub const SENTENCES: &str = "drilen_sentences_total";
    /// Gauge: 1 for every voice that is loaded, 0 for one that is configured and missing, by `language`, `order` and `voice`.
    pub const VOICES: &str = "drilen_voices";
    /// Counter: sentences that a voice did not speak and the next one was asked for, by `language`, `voice` and `reason` (`failed`,
    /// `resting`).
    pub const VOICE_FAULTS: &str = "drilen_voice_faults_total";
    /// Counter: stretches of sentences that were spoken without a rule for them, by `kind` (`language::FallBackKind`) and
    /// `language`; counted once, when a sentence is synthesized.
    pub const SPEECH_FALL_BACKS: &str = "drilen_speech_fall_backs_total";
    /// Gauge: citizens who wait for a person, by `language`. Every node of a shared store counts the same queue.
    pub const QUEUE_WAITING: &str = "drilen_queue_waiting";
    /// Gauge, seconds: how long the one has waited who has waited longest, by `language`.
    pub const QUEUE_OLDEST_SECONDS: &str = "drilen_queue_oldest_seconds";
    /// Gauge: citizens who should have been answered by now (`handoff.answer_within`), by `language`.
    pub const QUEUE_OVERDUE: &str = "drilen_queue_overdue";
    /// Gauge: 1 while the store reads and takes commands, else 0.
    pub const STORE_READY: &str = "drilen_store_ready";
    /// Counter: clients disconnected because they did not read fast enough.
    pub const SLOW_CLIENTS: &str = "drilen_slow_clients_total";
}

/// Bounds of the latency histograms, in seconds.
const LATENCY_BUCKETS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 2.0, 5.0];

/// Starts logging for this process. Later calls change nothing (tests start many servers).
///
/// # Errors
/// Where `log.level` is not a filter; the message says what is wrong with it.
pub fn log(settings: &Log) -> Result<(), String> {
    let mut filter = EnvFilter::try_new(&settings.level).map_err(|e| format!("log.level: {e}"))?;
    // At the level `info` it writes every message whole, callers' numbers and names included.
    if !settings.level.contains("rsipstack") {
        let quiet = telephone::sip::QUIET.parse().map_err(|e| format!("log.level: {e}"))?;
        filter = filter.add_directive(quiet);
    }
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(MaskedLog(std::io::stderr))
        .with_target(false);
    let builder = builder.with_ansi(std::io::stderr().is_terminal());
    let outcome = match settings.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    if outcome.is_err() {
        tracing::debug!("logging was already started");
    }
    Ok(())
}

/// The process-wide metrics recorder, installed on first use.
///
/// # Errors
/// Where another recorder was installed before; the text says so.
pub fn metrics() -> Result<&'static PrometheusHandle, String> {
    static HANDLE: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            PrometheusBuilder::new()
                .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &LATENCY_BUCKETS)
                .and_then(PrometheusBuilder::install_recorder)
                .map_err(|e| e.to_string())
                .inspect(|_| describe())
        })
        .as_ref()
        .map_err(Clone::clone)
}

/// What the figures mean, for whoever looks at `/metrics`.
fn describe() {
    describe_gauge!(names::CONNECTIONS, "open portal connections");
    describe_counter!(names::CALLS, "telephone calls that began, by what carries them");
    describe_gauge!(names::CALLS_NOW, "telephone calls under way");
    describe_counter!(
        names::CALL_SOUND_DROPPED,
        "pieces of callers' sound that the conversation had no time for"
    );
    describe_gauge!(names::VOICE_CONVERSATIONS, "voice conversations that hold a place");
    describe_counter!(names::CONVERSATIONS, "conversations started, by language");
    describe_counter!(names::TURNS, "turns decided, by language, source and decision");
    describe_counter!(names::ERRORS, "error messages sent to clients, by code");
    describe_counter!(names::SENTENCES, "sentences spoken, by where their sound came from");
    describe_gauge!(names::VOICES, "voices by whether they are loaded, in order of preference");
    describe_counter!(names::VOICE_FAULTS, "sentences that a voice did not speak, by reason");
    describe_counter!(
        names::SPEECH_FALL_BACKS,
        "what was spoken or left out for want of a rule, by kind and language"
    );
    describe_counter!(names::SLOW_CLIENTS, "clients disconnected because they read too slowly");
    describe_gauge!(names::QUEUE_WAITING, "citizens who wait for a person, by language");
    describe_gauge!(
        names::QUEUE_OLDEST_SECONDS,
        "how long the one has waited who has waited longest, by language"
    );
    describe_gauge!(names::QUEUE_OVERDUE, "citizens who should have been answered by now, by language");
    describe_gauge!(names::STORE_READY, "1 while the store reads and takes commands");
    let seconds = metrics::Unit::Seconds;
    describe_histogram!(names::HEAR_SECONDS, seconds, "one run over turns that are heard live");
    describe_histogram!(names::HEAR_BATCH, "turns heard together in one run");
    describe_histogram!(
        names::UNDERSTAND_SECONDS,
        seconds,
        "a transcript understood, waiting for a thread included"
    );
    describe_gauge!(names::HEARING_LOAD, "share of the time that a hearing thread computes, by thread");
    describe_counter!(names::WAITS, "voice conversations told to wait");
    describe_counter!(names::TURN_ENDS, "spoken turns ended, by reason");
    describe_counter!(names::CONTINUATIONS, "spoken turns gone on with after their end, by outcome");
    describe_histogram!(names::TRANSCRIBE_SECONDS, seconds, "end of speech to final transcript");
    describe_histogram!(names::DECIDE_SECONDS, seconds, "utterance to durable decision");
    describe_histogram!(names::SYNTHESIZE_SECONDS, seconds, "one sentence synthesized, cache misses only");
    describe_histogram!(
        names::FIRST_SOUND_SECONDS,
        seconds,
        "end of speech to the first sound of the answer"
    );
}
