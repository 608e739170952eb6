//! Every decoder of bytes from outside is given thousands of broken inputs; it refuses them, in time and without an accident.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use end_to_end::fuzz::{TARGETS, Target, mutated, seeds};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rand::{SeedableRng as _, rngs::StdRng};

/// No input of a few kilobytes may take so much of a processor's time, on whatever machine.
const TOO_LONG: Duration = Duration::from_secs(5);

/// What this thread has used of a processor (the first number of its `schedstat`, in nanoseconds): a clock would measure the machine's other work too.
fn processor_time() -> Duration {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let used = statistics.split(' ').next().and_then(|nanoseconds| nanoseconds.parse().ok());
    Duration::from_nanos(used.unwrap_or_default())
}

/// Gives a target these bytes; what goes wrong is told with them.
fn give(target: &Target, bytes: &[u8]) -> Result<(), TestCaseError> {
    let begun = processor_time();
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.body)(bytes)));
    let took = processor_time().saturating_sub(begun);
    let shown = || bytes.escape_ascii().to_string();
    prop_assert!(outcome.is_ok(), "{} broke on b\"{}\"", target.name, shown());
    prop_assert!(took < TOO_LONG, "{} took {took:?} for b\"{}\"", target.name, shown());
    Ok(())
}

fn try_out(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target");
    let seeds = seeds(name);
    assert!(!seeds.is_empty(), "{name} has no seeds");
    for seed in &seeds {
        give(target, seed).unwrap();
    }
    // The cases are the same in every run: a test that fails today must fail tomorrow.
    let config = Config { cases: target.cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let broken = any::<u64>().prop_map(|seed| mutated(&seeds, &mut StdRng::seed_from_u64(seed)));
    let inputs = prop_oneof![9 => broken, 1 => proptest::collection::vec(any::<u8>(), 0..400)];
    runner.run(&inputs, |bytes| give(target, &bytes)).unwrap();
}

macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        $(#[test] fn $name() { try_out(stringify!($name)); })*

        #[test]
        fn every_target_is_tried_here_and_has_a_fuzzer() {
            let here = [$(stringify!($name)),*];
            for target in TARGETS {
                assert!(here.contains(&target.name), "{} is not tried", target.name);
                let program = end_to_end::material::workspace().join(format!("fuzz/fuzz_targets/{}.rs", target.name));
                assert!(program.exists(), "{} is missing", program.display());
            }
        }
    };
}

targets!(
    portal_message,
    desk_request,
    desk_page_message,
    small_texts,
    id_token,
    key_set,
    key_file,
    master_keys,
    erasure_journal,
    backup_manifest,
    pcm16,
    opus_packets,
    sound_file,
    knowledge_yaml,
    knowledge_tables,
    rtp_packets,
    session_description,
    sip_message,
    audiosocket,
    socket_asterisk,
    socket_audio_fork,
    socket_twilio,
    socket_any_pbx,
);

/// Writes the seeds that are made by programs where the fuzzers look for them: `cargo test -p end-to-end --test fuzzing -- --ignored`.
#[test]
#[ignore = "writes files: for whoever runs the fuzzers"]
fn seeds_for_the_fuzzers() {
    for target in TARGETS {
        let folder = end_to_end::material::workspace().join("fuzz/corpus").join(target.name);
        std::fs::create_dir_all(&folder).unwrap();
        for (number, seed) in seeds(target.name).iter().enumerate() {
            std::fs::write(folder.join(format!("made-{number}")), seed).unwrap();
        }
    }
}
