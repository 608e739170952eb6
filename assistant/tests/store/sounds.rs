//! Promises about what citizens and agents say to each other.

use conversation::audit::AuditActor;
use conversation::sounds::{KeptSound, NewSound, Receipts};
use conversation::{ConversationId, Erasure, SoundId, StoreError};
use language::Language;

use crate::story::Bench;

fn new(conversation: ConversationId) -> NewSound {
    NewSound { id: SoundId::generate(), conversation, by: None, ms: 4_200, file: b"OggS and more".to_vec() }
}

async fn erase(bench: &Bench, conversation: ConversationId) {
    let by = AuditActor::CommandLine { user: "dolma".to_owned() };
    let erasure = Erasure { conversation, by, why: "asked".to_owned() };
    assert!(bench.store.erase(erasure).await.unwrap());
}

pub async fn what_is_said_is_kept_and_ends_with_its_conversation(bench: Bench) {
    let (store, agent) = (&bench.store, bench.agent("dolma").await);
    let (one, other) = (bench.begin(Language::Bo).await, bench.begin(Language::Zh).await);
    let (by_citizen, by_agent) = (new(one), NewSound { by: Some(agent.id), ..new(other) });
    for sound in [&by_citizen, &by_agent] {
        store.keep_sound(sound.clone()).await.unwrap();
        let NewSound { conversation, by, ms, file, .. } = sound.clone();
        assert_eq!(store.sound(sound.id).await.unwrap(), Some(KeptSound { conversation, by, ms, file }));
    }
    assert_eq!(store.sound(SoundId::generate()).await.unwrap(), None);
    assert!(store.remove_sound(by_agent.id).await.unwrap());
    assert!(!store.remove_sound(by_agent.id).await.unwrap());
    assert_eq!(store.sound(by_agent.id).await.unwrap(), None);

    erase(&bench, one).await;
    assert_eq!(store.sound(by_citizen.id).await.unwrap(), None);
    let late = store.keep_sound(new(one)).await;
    assert!(matches!(late, Err(StoreError::NotFound(_))), "{late:?}");
}

pub async fn receipts_never_go_back(bench: Bench) {
    let (store, id) = (&bench.store, bench.begin(Language::Bo).await);
    assert_eq!(store.receipts(id).await.unwrap(), Receipts::default());
    for (delivered, seen, known) in [(3, 0, (3, 0)), (2, 2, (3, 2)), (5, 1, (5, 2)), (5, 5, (5, 5))] {
        store.note_receipts(id, Receipts { delivered, seen }).await.unwrap();
        let now = store.receipts(id).await.unwrap();
        assert_eq!((now.delivered, now.seen), known);
    }
    erase(&bench, id).await;
    assert_eq!(store.receipts(id).await.unwrap(), Receipts::default());
    let late = store.note_receipts(id, Receipts { delivered: 9, seen: 9 }).await;
    assert!(matches!(late, Err(StoreError::NotFound(_))), "{late:?}");
}
