//! What proves who somebody is, and what keeps and restores the keys of conversations.

use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;

use assistant::oidc::id_token::{Expected, verify};
use assistant::oidc::{Keys, Refused};
use assistant::vault::backup::Manifest;
use assistant::vault::erasure::read_journal;
use assistant::vault::key_file::KeyFile;
use assistant::vault::keyring::{Keyring, MasterKey};
use conversation::Timestamp;

thread_local! {
    /// A folder of this thread's own, for decoders that read files.
    static FOLDER: RefCell<Option<tempfile::TempDir>> = const { RefCell::new(None) };
}

fn file(name: &str, bytes: &[u8]) -> PathBuf {
    FOLDER.with_borrow_mut(|folder| {
        let folder = folder.get_or_insert_with(|| tempfile::tempdir().expect("a temporary folder"));
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("a temporary file");
        path
    })
}

/// An ID token, against a key set whose private key nobody has: none is believed. The bytes are a key set and a token, separated by a zero.
pub(super) fn id_token(bytes: &[u8]) {
    let at = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let keys: Keys = serde_json::from_slice(&bytes[..at]).unwrap_or_default();
    let token = String::from_utf8_lossy(bytes.get(at + 1..).unwrap_or_default());
    let now = Timestamp::from_millis(1_772_352_000_000);
    let expected = Expected { issuer: "https://id.example", client: "drilen", nonce: "n", now };
    // Whoever makes a key set can sign with it; what fuzzing can find is a token that is believed without any key.
    let believed = verify(&token, &Keys::default(), expected);
    assert!(believed.is_err(), "believed without a key: {token}");
    if let Err(Refused::Algorithm(name)) = verify(&token, &keys, expected) {
        assert!(name != "RS256" && name != "ES256");
    }
}

/// A provider's key set, and signatures under it.
pub(super) fn key_set(bytes: &[u8]) {
    let Ok(keys) = serde_json::from_slice::<Keys>(bytes) else { return };
    for algorithm in ["RS256", "ES256", "none", "HS256"] {
        for key in keys.candidates(algorithm, None) {
            assert!(["RS256", "ES256"].contains(&algorithm));
            assert!(!key.verifies(b"message", &[0; 64]) && !key.verifies(b"message", b""));
        }
    }
}

/// The file beside backups that holds conversations' keys.
pub(super) fn key_file(bytes: &[u8]) {
    let path = file("keys", bytes);
    if let Ok(Some(read)) = KeyFile::read(&path) {
        assert!(read.keys.len() <= bytes.len() / 128);
    }
}

/// Master keys as an operator gives them. What is read is the same after writing it.
pub(super) fn master_keys(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(ring) = Keyring::parse(&text) {
        let again = Keyring::parse(&ring.to_text()).expect("what was written can be read");
        let ids = |ring: &Keyring| ring.keys().iter().map(MasterKey::id).collect::<Vec<_>>();
        assert_eq!(ids(&again), ids(&ring));
    }
}

/// The list of erased conversations.
pub(super) fn erasure_journal(bytes: &[u8]) {
    if let Ok(erased) = read_journal(&file("journal", bytes)) {
        assert!(erased.len() <= bytes.len() / 32, "more conversations than there is room for");
    }
}

/// A backup's manifest; whatever it says, no file outside of the backup is looked at.
pub(super) fn backup_manifest(bytes: &[u8]) {
    let path = file("manifest.json", bytes);
    let folder = path.parent().expect("a folder");
    if let Ok(manifest) = Manifest::read(folder) {
        let problems = manifest.problems(folder);
        let outside = |path: &str| path.starts_with('/') || path.split('/').any(|part| part == "..");
        let named = manifest.files.iter().filter(|file| outside(&file.path)).count();
        assert!(problems.len() >= named, "a file outside passed: {:?}", manifest.files);
    }
}
