//! Valid inputs, and what is made of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use assistant::vault::WrappedKey;
use assistant::vault::key_file::{self, KeyFile};
use assistant::vault::keyring::{Keyring, MasterKey};
use conversation::ConversationId;
use kb::Collection;
use rand::{Rng as _, rngs::StdRng};
use speech::codec::{opus::OpusEncoder, pcm16};

use crate::material::workspace;

/// Where the committed inputs of a target lie: valid ones, and those that broke something once.
fn corpus(target: &str) -> PathBuf {
    workspace().join("fuzz/corpus").join(target)
}

/// The seeds of a target: those that are committed, and those that are made here because they are no texts.
///
/// # Panics
/// Where a seed cannot be made.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut seeds = made(target);
    let mut files: Vec<PathBuf> = fs::read_dir(corpus(target))
        .map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path())).collect())
        .unwrap_or_default();
    files.sort();
    seeds.extend(files.iter().map(|path| fs::read(path).expect("a seed that can be read")));
    seeds
}

fn made(target: &str) -> Vec<Vec<u8>> {
    match target {
        "pcm16" => vec![pcm16::encode(&tone(1_600))],
        "opus_packets" => vec![16_000, 48_000].into_iter().map(packets).collect(),
        "sound_file" => vec![
            wave(16_000, 1, 1, 16),
            wave(48_000, 2, 1, 16),
            wave(8_000, 1, 7, 8),
            wave(8_000, 1, 6, 8),
            wave(22_050, 2, 3, 32),
            wave(44_100, 6, 1, 24),
        ],
        "key_file" => vec![keys()],
        "master_keys" => {
            let key = |byte| MasterKey::new([byte; 32]);
            vec![Keyring::new(key(7), vec![key(8)]).to_text().as_bytes().to_vec()]
        }
        "audiosocket" => vec![audiosocket()],
        "knowledge_yaml" => sample_files(),
        "knowledge_tables" => {
            let sample =
                Collection::load(&workspace().join("examples/knowledge/sample")).expect("the sample");
            let mut small = sample.clone();
            small.entries.truncate(3);
            vec![
                small.to_csv().expect("a table").into_bytes(),
                small.to_xlsx().expect("a workbook"),
                fs::read(workspace().join("examples/knowledge/sample/calibration.tsv")).expect("labelled"),
                "concept\tkind\tzh\tbo\nid-card\tnoun\t身份证\tཐོབ་ཐང་ལག་ཁྱེར།\n".into(),
            ]
        }
        "rtp_packets" => vec![call(0, 8), call(1, 8), call(2, 0), call(5, 9)],
        _ => Vec::new(),
    }
}

/// Half a second of a telephone call as the target wants it: sound, a key, comfort noise, sound again.
fn call(head: u8, sound: u8) -> Vec<u8> {
    let mut bytes = vec![head];
    for number in 0..25_u8 {
        let (payload_type, stamp, payload) = match number {
            10..16 => (101, 10, vec![5, if number > 12 { 0x8A } else { 10 }, 0, (number - 9) * 40]),
            16 => (13, 16, vec![60]),
            17..20 => continue,
            _ => (sound, number, (0..160_u8).map(|at| at.wrapping_mul(number)).collect()),
        };
        let mut packet = vec![0x80, payload_type, 0, number];
        packet.extend((u32::from(stamp) * 160).to_be_bytes());
        packet.extend([1, 2, 3, 4]);
        packet.extend(payload);
        bytes.extend(u16::try_from(packet.len()).expect("a short packet").to_le_bytes());
        bytes.push(20);
        bytes.extend(packet);
    }
    bytes
}

fn tone(samples: usize) -> Vec<f32> {
    (0..samples).map(|n| (n as f32 * 0.17).sin() * 0.4).collect()
}

fn packets(rate: u32) -> Vec<u8> {
    let mut encoder = OpusEncoder::new(rate, 20_000).expect("an encoder");
    let packets = encoder.push(&tone(rate as usize / 5)).expect("packets");
    let length = |packet: &Vec<u8>| u16::try_from(packet.len()).expect("a short packet").to_le_bytes();
    packets.iter().flat_map(|packet| length(packet).into_iter().chain(packet.iter().copied())).collect()
}

/// A wave file of a tenth of a second: its rate, channels, format (1 PCM, 3 floating point, 6 A-law, 7 µ-law) and bits per sample.
fn wave(rate: u32, channels: u16, format: u16, bits: u16) -> Vec<u8> {
    let frame = channels * bits / 8;
    let data = rate / 10 * u32::from(frame);
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + data).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    bytes.extend([format, channels].into_iter().flat_map(u16::to_le_bytes));
    bytes.extend(rate.to_le_bytes());
    bytes.extend((rate * u32::from(frame)).to_le_bytes());
    bytes.extend([frame, bits].into_iter().flat_map(u16::to_le_bytes));
    bytes.extend(b"data");
    bytes.extend(data.to_le_bytes());
    bytes.extend((0..data).map(|n| (n.wrapping_mul(37) >> 3) as u8 & 0x3F));
    bytes
}

fn keys() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(key_file::NAME);
    let wrapped = |byte| WrappedKey { master: "0123456789abcdef".to_owned().into(), sealed: vec![byte; 61] };
    let keys: BTreeMap<_, _> =
        (1..4).map(|byte| (ConversationId::from_random([byte; 16]), wrapped(byte))).collect();
    let content = KeyFile { database: "00112233445566778899aabbccddeeff".to_owned(), keys };
    key_file::lock(&path).and_then(|locked| locked.write(&content)).expect("a key file");
    fs::read(path).expect("a key file")
}

/// A call as Asterisk sends it: the UUID, sound of every rate, a key, an error, the end.
fn audiosocket() -> Vec<u8> {
    let mut bytes = vec![0x01, 0, 16];
    bytes.extend(0..16);
    for kind in 0x10..=0x18 {
        bytes.extend([kind, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
    }
    bytes.extend([0x03, 0, 1, b'5', 0xFF, 0, 1, 2, 0x20, 0, 1, 9, 0x00, 0, 0]);
    bytes
}

/// The first entries of each file of the sample knowledge base: mutations of whole files would be mutations of their first lines.
fn sample_files() -> Vec<Vec<u8>> {
    let folder = fs::read_dir(workspace().join("examples/knowledge/sample")).expect("the sample");
    let mut files: Vec<PathBuf> = folder.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    let yaml = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "yaml");
    let texts = files.iter().filter(|path| yaml(path)).filter_map(|path| fs::read_to_string(path).ok());
    texts.map(|text| text.lines().take(60).collect::<Vec<_>>().join("\n").into_bytes()).collect()
}

/// A seed after some accidents: bits that tip, bytes that go missing, come twice, come from elsewhere, or are the extremes of their kind.
pub fn mutated(seeds: &[Vec<u8>], random: &mut StdRng) -> Vec<u8> {
    let pick = |random: &mut StdRng| seeds.get(random.random_range(0..seeds.len().max(1))).cloned();
    let mut bytes = pick(random).unwrap_or_default();
    for _ in 0..random.random_range(0..6) {
        let at = random.random_range(0..=bytes.len());
        let length = random.random_range(0..=(bytes.len() - at).min(64));
        match random.random_range(0..9) {
            0 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.random_range(0..8);
                }
            }
            1 => bytes.truncate(at),
            2 => drop(bytes.drain(at..at + length)),
            3 => {
                let piece = bytes[at..at + length].to_vec();
                let times = random.random_range(1..40);
                bytes.splice(at..at, piece.repeat(times));
            }
            4 => {
                let other = pick(random).unwrap_or_default();
                let from = random.random_range(0..=other.len());
                bytes.splice(at.., other[from..].iter().copied());
            }
            5 => {
                let noise: Vec<u8> = (0..length).map(|_| random.random()).collect();
                bytes.splice(at..at + length, noise);
            }
            6 => {
                let extreme = EXTREMES[random.random_range(0..EXTREMES.len())];
                bytes.splice(at..at + length.min(extreme.len()), extreme.iter().copied());
            }
            7 => {
                let deep = [b"[".as_slice(), b"{\"a\":", b"- ", b"(", b"\xe0\xbd\x80"];
                let times = random.random_range(1..2_000);
                bytes.splice(at..at, deep[random.random_range(0..deep.len())].repeat(times));
            }
            _ => {
                let end = (at + 4).min(bytes.len());
                bytes[at..end].fill([0, 0xFF, 0x7F, 0x80][random.random_range(0..4)]);
            }
        }
    }
    bytes
}

/// Pieces that decoders trip over: numbers at their limits, controls, lone surrogates, combining marks, both directions of writing.
const EXTREMES: [&[u8]; 20] = [
    b"18446744073709551616",
    b"-9223372036854775809",
    b"1e999",
    b"-0",
    b"0.1e-400",
    b"null",
    b"\"\\ud800\"",
    b"\"\\u0000\"",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\x00",
    b"\r\n\r\n",
    b"\t\t\t\t",
    b"\"\"\"",
    b"9999-12-31T23:59:60Z",
    b"-262143-01-01T00:00:00Z",
    "\u{202E}\u{0F71}\u{0F72}\u{0F39}".as_bytes(),
    "'; DROP TABLE events; --".as_bytes(),
    "<script>alert(1)</script>".as_bytes(),
];
