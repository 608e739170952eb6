//! See `end_to_end::fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| end_to_end::fuzz::run("socket_twilio", bytes));
