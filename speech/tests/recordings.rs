//! Real recordings through codecs, detector and listener.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::fs;

use speech::{
    EndReason, EndpointRules, Listener, ListenerEvent, Utterance,
    codec::{
        file::{self, FileError},
        opus::{OpusDecoder, OpusEncoder},
    },
    vad::EarshotDetector,
};

fn listen(rules: EndpointRules, sound: &[f32]) -> Vec<Utterance> {
    let mut listener = Listener::new(Box::new(EarshotDetector::new()), rules);
    let ended = |event| match event {
        ListenerEvent::Ended(utterance) => Some(utterance),
        _ => None,
    };
    // 20 ms packets, as they come from the network.
    sound.chunks(320).flat_map(|packet| listener.push(packet)).filter_map(ended).collect()
}

/// Barely audible hiss, as every microphone has it; digital silence would be too easy.
fn hiss(seconds: f32) -> Vec<f32> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..(seconds * 16_000.0) as usize).map(|_| next() * 0.001).collect()
}

#[test]
fn read_sentences_come_out_as_one_utterance_each_with_nothing_cut_off() {
    let Some(folder) = support::data("zh_sentences/flac") else { return };
    let recordings: Vec<_> = support::files(&folder, "flac").into_iter().step_by(12).collect();
    let (mut whole, mut kept) = (0, 0);
    for recording in &recordings {
        let sound = file::decode_path(recording, 60.0).unwrap();
        let stream = [hiss(1.0), sound.clone(), hiss(3.0)].concat();
        let found = listen(EndpointRules { no_speech_at_all_ms: 0, ..EndpointRules::portal() }, &stream);
        whole += usize::from(found.len() == 1 && found[0].reason == EndReason::Silence);
        // Where the recording has energy, the utterances must have it too.
        let energy = |samples: &[f32]| samples.iter().map(|sample| f64::from(sample * sample)).sum::<f64>();
        let caught: f64 = found.iter().map(|utterance| energy(&utterance.audio)).sum();
        kept += usize::from(caught > 0.99 * energy(&sound));
    }
    let count = recordings.len();
    println!("of {count} read sentences {whole} are one utterance, {kept} keep 99 % of their energy");
    assert!(whole * 100 >= count * 95 && kept * 100 >= count * 95, "{whole} and {kept} of {count}");
}

#[test]
fn noise_alone_is_hardly_ever_taken_for_a_question() {
    let Some(folder) = support::data("noise_rir") else { return };
    let rules = EndpointRules { no_speech_at_all_ms: 0, ..EndpointRules::portal() };
    let (mut seconds, mut started) = (0.0, 0);
    for path in
        support::files(&folder, "wav").into_iter().filter(|path| path.to_string_lossy().contains("noise"))
    {
        let sound = file::decode_path(&path, 3600.0).unwrap();
        let found = listen(rules.clone(), &sound).len();
        println!("{}: {:.0} s, {found} utterances", path.display(), sound.len() as f32 / 16_000.0);
        seconds += sound.len() as f32 / 16_000.0;
        started += found;
    }
    println!("{started} utterances in {seconds:.0} s of noise");
    assert!(started as f32 <= seconds / 10.0, "{started} in {seconds} s");
}

#[test]
fn every_format_of_the_measuring_data_decodes() {
    let folders = [("zh_speech/wav", "wav"), ("zh_speech/flac", "flac"), ("cmn_words/syllabs", "opus")];
    for (folder, extension) in folders {
        let Some(folder) = support::data(folder) else { return };
        for path in support::files(&folder, extension).iter().take(20) {
            let sound = file::decode_path(path, 60.0).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let loudest = sound.iter().fold(0.0_f32, |loudest, sample| loudest.max(sample.abs()));
            assert!(
                sound.len() > 1600 && loudest > 0.005,
                "{}: {} samples, {loudest}",
                path.display(),
                sound.len()
            );
        }
    }
    let Some(mp3) = support::data("noise_rir/office-ambience-mono-16000.mp3") else { return };
    assert!(file::decode_path(&mp3, 3600.0).unwrap().len() > 16_000);
    assert!(matches!(file::decode_path(&mp3, 1.0), Err(FileError::TooLong { .. })));
}

#[test]
fn damaged_recordings_are_errors_or_shorter_sounds_and_never_a_crash() {
    let Some(folder) = support::data("zh_speech/flac") else { return };
    let Some(opus) = support::data("cmn_words/syllabs") else { return };
    let paths = [&support::files(&folder, "flac")[0], &support::files(&opus, "opus")[0]];
    for path in paths {
        let intact = fs::read(path).unwrap();
        for seed in 0..40_usize {
            let mut bytes = intact.clone();
            for hit in 0..20 {
                let at = (seed * 7919 + hit * 104_729) % bytes.len();
                bytes[at] ^= 0x5a;
            }
            bytes.truncate(bytes.len() - seed * bytes.len() / 50);
            if let Ok(sound) = file::decode(bytes, 60.0) {
                assert!(sound.len() <= 60 * 16_000);
            }
        }
    }
}

#[test]
fn speech_that_went_through_opus_at_sixteen_kilobits_is_still_heard_as_speech() {
    let Some(folder) = support::data("zh_sentences/flac") else { return };
    let sound = file::decode_path(&support::files(&folder, "flac")[0], 60.0).unwrap();
    let (mut encoder, mut decoder) = (OpusEncoder::new(16_000, 16_000).unwrap(), OpusDecoder::new().unwrap());
    let mut heard = hiss(0.5);
    for packet in encoder.push(&sound).unwrap() {
        heard.extend_from_slice(decoder.decode(&packet).unwrap());
    }
    heard.extend(hiss(2.0));
    let found = listen(EndpointRules::portal(), &heard);
    assert_eq!(found.len(), 1, "{:?}", found.iter().map(|utterance| utterance.speech_ms).collect::<Vec<_>>());
}
