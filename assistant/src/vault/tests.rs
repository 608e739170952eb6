use conversation::event::EventBody;
use conversation::{ConversationId, LanguageChanged, Timestamp};
use language::Language;

use super::keyring::{EnvironmentSource, FileSource, Keyring, MasterKey};
use super::*;

const CONVERSATION: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
/// Bytes 0 to 31.
const MASTER: &str = "drilen-key/1:314fc43846d51e76:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
/// Bytes 100 to 131, wrapped with [`MASTER`].
const WRAPPED: &str = "01000102030405060708090a0b2367b07cad8ca870e12cf9e4c1980a1ef7a3f14388022507441a9bfa9de88231b26b003bf98719349f077e696695e7e7";
/// `{"type":"language_changed","language":"bo"}` as event 2 at 1772352000000.
const EVENT: &str =
    "ATIzNDU2Nzg5Ojs8PYOxSj-cEd6b-cHHszYblbHDSDh83kAXsj-mLFOuYEdif5DlnZODDoDzCgDeDIt6E_phwbFhrF2t2fzS";

fn vault() -> Vault {
    Vault::open_existing(Box::new(EnvironmentSource::new(MASTER.to_owned()))).unwrap()
}

fn conversation() -> ConversationId {
    CONVERSATION.parse().unwrap()
}

fn wrapped() -> WrappedKey {
    WrappedKey { master: "314fc43846d51e76".to_owned().into(), sealed: hex::decode(WRAPPED).unwrap() }
}

fn body() -> EventBody {
    EventBody::LanguageChanged(LanguageChanged { language: Language::Bo })
}

const AT: Timestamp = Timestamp::from_millis(1_772_352_000_000);

/// The three constants were made by Python's `cryptography` from the words of docs/adr/0012: what an earlier version
/// sealed must open for ever, and another program can open it.
#[test]
fn what_another_implementation_of_the_format_sealed_opens() {
    let key = vault().fresh_data_key(conversation(), &wrapped()).unwrap();
    assert_eq!(key.open_event(2, AT, EVENT).unwrap(), body());
}

#[test]
fn an_event_opens_in_its_place_only() {
    let vault = vault();
    let key = vault.fresh_data_key(conversation(), &wrapped()).unwrap();
    let sealed = key.seal_event(2, AT, &body()).unwrap();
    assert_eq!(key.open_event(2, AT, &sealed).unwrap(), body());
    assert_ne!(sealed, key.seal_event(2, AT, &body()).unwrap(), "never the same nonce twice");
    let refused =
        |outcome: Result<EventBody, VaultError>| matches!(outcome, Err(VaultError::Tampered { .. }));
    assert!(refused(key.open_event(3, AT, &sealed)));
    assert!(refused(key.open_event(2, Timestamp::from_millis(0), &sealed)));
    let (other, _) = vault.new_key(ConversationId::generate(), &vault.first_master()).unwrap();
    assert!(refused(other.open_event(2, AT, &sealed)));
    for at in 0..sealed.len() {
        let mut changed = sealed.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        // The last character may hold bits that mean nothing; those must be zero.
        assert!(refused(key.open_event(2, AT, &changed)), "character {at}");
    }
    for cut in ["", "AQ", &sealed[..40], "{", "中"] {
        assert!(refused(key.open_event(2, AT, cut)), "{cut}");
    }
}

#[test]
fn a_wrapped_key_belongs_to_its_conversation_and_its_master_key() {
    let vault = vault();
    let elsewhere = vault.fresh_data_key(ConversationId::generate(), &wrapped());
    assert!(matches!(elsewhere, Err(VaultError::Tampered { .. })));
    let unknown = WrappedKey { master: "0011223344556677".to_owned().into(), ..wrapped() };
    assert!(matches!(vault.fresh_data_key(conversation(), &unknown), Err(VaultError::NoMasterKey(_))));
}

#[test]
fn an_erased_conversations_key_leaves_the_memory_and_no_late_reader_brings_it_back() {
    let vault = vault();
    let reading = vault.reading();
    vault.data_key(reading, conversation(), &wrapped()).unwrap();
    assert_eq!(vault.cached(), 1);
    let late = vault.reading();
    vault.forget(&[conversation()]);
    assert_eq!(vault.cached(), 0);
    vault.data_key(late, conversation(), &wrapped()).unwrap();
    assert_eq!(vault.cached(), 0, "the row was read before the erasure");
    for _ in 0..CACHED.get() + 10 {
        vault.new_key(ConversationId::generate(), &vault.first_master()).unwrap();
    }
    assert_eq!(vault.cached(), CACHED.get(), "the memory is bounded");
}

#[test]
fn keys_are_read_as_they_are_written_and_nothing_else() {
    let ring = Keyring::parse(MASTER).unwrap();
    let other = MasterKey::generate().unwrap();
    let both = Keyring::new(other.clone(), ring.keys().to_vec());
    let read = Keyring::parse(&both.to_text()).unwrap();
    assert_eq!(read.first().id(), other.id());
    assert!(read.get(&ring.first().id()).is_some());
    assert_eq!(
        Keyring::parse(&format!("{MASTER} {MASTER}")).unwrap().keys().len(),
        2,
        "separated by a space"
    );
    for wrong in
        ["", "# nothing", "drilen-key/1:x:y", &MASTER[..60], &MASTER.replace(":A", ":B"), "drilen-key/2:x:y"]
    {
        let error = Keyring::parse(wrong).unwrap_err();
        assert!(!error.contains(&MASTER[30..50]), "an error never quotes a key: {error}");
    }
    assert!(!format!("{ring:?}").contains("AAECAwQF"), "{ring:?}");
}

#[test]
fn a_file_is_made_once_and_replaced_in_one_step() {
    let folder = tempfile::tempdir().unwrap();
    let (path, data) = (folder.path().join("keys/master.key"), folder.path().join("data"));
    let source = || Box::new(FileSource::new(&path, &data).unwrap());
    assert!(matches!(Vault::open_existing(source()), Err(KeyError::Missing { .. })));
    assert!(!path.exists());
    let first = Vault::open(source()).unwrap();
    let again = Vault::open(source()).unwrap();
    assert_eq!(first.first_master(), again.first_master());
    assert_eq!(source().create().unwrap().first().id(), first.first_master(), "whoever was faster wins");
    let added = first.add_master().unwrap();
    assert!(again.knows(&added), "the other process reads the file again");
    let dropped = first.keep_masters(&[added.clone()].into()).unwrap();
    assert_eq!(dropped.len(), 1);
    assert_eq!(Vault::open(source()).unwrap().first_master(), added);
    assert_eq!(std::fs::read_dir(folder.path().join("keys")).unwrap().count(), 1, "no draft is left");
    // A link into the data folder is inside it.
    std::fs::create_dir(&data).unwrap();
    std::os::unix::fs::symlink(&data, folder.path().join("link")).unwrap();
    let inside = FileSource::new(&folder.path().join("link/key"), &data);
    assert!(matches!(inside, Err(KeyError::InsideData { .. })));
}
