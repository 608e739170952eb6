//! What monitoring is told of the queue and the store, every few seconds.

use std::time::Duration;

use conversation::{QueueItem, Timestamp};
use language::Language;
use metrics::gauge;

use super::queue::Late;
use super::{DeskSettings, DeskState};
use crate::telemetry::names;

/// A store that has not answered within so long does not work: citizens would not wait longer either.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks at the queue and the store, and sets the gauges. Where the store does not answer, the queue's stay as they were, and
/// the store's own says why.
pub(super) async fn tell(state: &DeskState) {
    let looked = tokio::time::timeout(PATIENCE, async {
        state.store.check().await?;
        state.store.open_escalations().await
    });
    let items = looked.await.ok().and_then(Result::ok);
    gauge!(names::STORE_READY).set(if items.is_some() { 1.0 } else { 0.0 });
    let Some(items) = items else { return };
    let now = state.clock.now();
    for language in Language::ALL {
        let queue = Queue::of(&items, language, &state.settings, now);
        let label = [("language", language.code())];
        gauge!(names::QUEUE_WAITING, &label).set(f64::from(queue.waiting));
        gauge!(names::QUEUE_OLDEST_SECONDS, &label).set(queue.oldest.as_secs_f64());
        gauge!(names::QUEUE_OVERDUE, &label).set(f64::from(queue.overdue));
    }
}

/// The queue in one language.
#[derive(Debug, Default, PartialEq, Eq)]
struct Queue {
    waiting: u32,
    oldest: Duration,
    overdue: u32,
}

impl Queue {
    fn of(items: &[QueueItem], language: Language, settings: &DeskSettings, now: Timestamp) -> Self {
        let mut queue = Self::default();
        for item in items.iter().filter(|item| item.language == language && item.status.waits()) {
            queue.waiting += 1;
            queue.oldest = queue.oldest.max(now.since(item.since));
            queue.overdue += u32::from(Late::of(item, settings, now) == Some(Late::Overdue));
        }
        queue
    }
}

#[cfg(test)]
mod tests {
    use conversation::{ConversationId, EscalationId, EscalationReason, Priority, Status};

    use super::*;

    fn item(language: Language, status: Status, since: i64) -> QueueItem {
        QueueItem {
            escalation: EscalationId::generate(),
            conversation: ConversationId::generate(),
            language,
            reason: EscalationReason::Asked,
            since: Timestamp::from_millis(since * 1_000),
            status,
            priority: Priority::Normal,
            position: 1,
            voice: false,
            preview: String::new(),
            claimed_at: None,
            holder: None,
            offer: None,
            deadline: None,
            skills: Vec::new(),
            callback: None,
        }
    }

    #[test]
    fn only_who_waits_is_counted_in_their_own_language_and_who_waits_too_long_apart() {
        let items = [
            item(Language::Bo, Status::Queued, 0),
            item(Language::Bo, Status::Offered, 100),
            item(Language::Bo, Status::Assigned, 0),
            item(Language::Zh, Status::Callback, 0),
        ];
        let settings = DeskSettings { answer_within: Duration::from_mins(3), ..DeskSettings::default() };
        let now = Timestamp::from_millis(200_000);
        let tibetan = Queue { waiting: 2, oldest: Duration::from_secs(200), overdue: 1 };
        assert_eq!(Queue::of(&items, Language::Bo, &settings, now), tibetan);
        assert_eq!(Queue::of(&items, Language::Zh, &settings, now), Queue::default());
    }
}
