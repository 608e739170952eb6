//! Taking knowledge into service while conversations go on: when somebody asks for it, and when the calendar does.

use std::{sync::Arc, time::Duration};

use conversation::Clock;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::StartError;
use crate::{
    clips::{Clips, inventory},
    config::Configuration,
    knowledge::{self, Brain},
    workers::{ahead, minds::Minds, mouths::Mouths},
};

/// How often the calendar is looked at: an entry that ends at midnight is served for a minute longer at most.
const EVERY: Duration = Duration::from_mins(1);

/// After a failure the files are left alone for so long: reading them costs seconds of computing, and only a person can
/// mend them. Somebody who has done so sends SIGHUP.
const TICKS_AFTER_FAILURE: u32 = 60;

fn today(clock: &dyn Clock) -> kb::Date {
    kb::Date::in_china(clock.now().as_millis()).unwrap_or_else(kb::Date::today)
}

/// Reads the knowledge base again and takes it into service. Returns how many entries hold today.
///
/// # Errors
/// [`StartError`]; the old knowledge stays in service then.
pub(super) async fn reload(
    configuration: &Arc<Configuration>,
    minds: &Minds,
    clock: &dyn Clock,
) -> Result<usize, StartError> {
    let (settings, day) = (Arc::clone(configuration), today(clock));
    let loading =
        tokio::task::spawn_blocking(move || Brain::open_on(&knowledge::folder(&settings), &settings, day));
    let brain = loading.await.map_err(|error| StartError::Other(format!("loading failed: {error}")))??;
    let count = brain.publication().entries().len();
    tracing::info!(count, revision = %brain.publication().revision(), "a knowledge base was published");
    minds.publish(brain);
    Ok(count)
}

/// Publishes anew whenever the validity of an entry begins or has ended. Runs until the server drains.
pub(super) async fn follow_the_calendar(
    configuration: Arc<Configuration>,
    minds: Minds,
    clock: Arc<dyn Clock>,
    draining: CancellationToken,
) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut wait = 0_u32;
    loop {
        tokio::select! {
            () = draining.cancelled() => return,
            _ = ticks.tick() => {}
        }
        wait = wait.saturating_sub(1);
        let due = minds.brain().changes_on().is_some_and(|day| day <= today(clock.as_ref()));
        if due
            && wait == 0
            && let Err(error) = reload(&configuration, &minds, clock.as_ref()).await
        {
            tracing::error!(%error, "an entry's validity has changed, but the files cannot be used");
            wait = TICKS_AFTER_FAILURE;
        }
    }
}

/// Speaks what was published into the cache, a sentence at a time so that nobody who is listening waits for it; what is there
/// already costs a look at a file. Runs until the server drains.
pub(super) async fn speak_what_is_published(
    minds: Minds,
    clips: Arc<Clips>,
    mouths: Mouths,
    draining: CancellationToken,
) {
    let mut publications = minds.publications();
    loop {
        tokio::select! {
            () = draining.cancelled() => return,
            changed = publications.changed() => if changed.is_err() { return },
        }
        let (brain, kept) = (minds.brain(), Arc::clone(&clips));
        let look = move || ahead::everything(&inventory(brain.publication().entries(), &kept.list()));
        let Ok(sentences) = tokio::task::spawn_blocking(look).await else { continue };
        let speaking = ahead::speak(&mouths, sentences, 1, || {});
        tokio::select! {
            () = draining.cancelled() => return,
            // Published once more: what is new is spoken instead.
            changed = publications.changed() => match changed {
                Ok(()) => publications.mark_changed(),
                Err(_) => return,
            },
            prepared = speaking => match prepared.reason {
                None => tracing::info!(sentences = prepared.ready, "everything that was published can be heard at once"),
                Some(reason) => {
                    tracing::warn!(prepared.ready, prepared.failed, reason, "not everything that was published could be spoken");
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use conversation::{ManualClock, Timestamp};

    use super::*;
    use crate::workers::fatal::Fatal;

    const FAQ: &str = "format: drilen-kb/1\nname: t\nentries:\n\
        - {id: always, topic: t, zh: {question: 身份证怎么换, spoken: 答, written: 答}}\n\
        - {id: until-june, topic: t, valid_until: 2026-06-30, bo: {question: ཁ་གསབ་ག་ཚོད་རེད, spoken: ལན།, written: ལན།}}\n\
        - {id: from-july, topic: t, valid_from: 2026-07-01, bo: {question: ཁ་གསབ་ག་ཚོད་རེད, spoken: ལན་གསར།, written: ལན་གསར།}}\n";

    #[tokio::test]
    async fn at_midnight_in_china_what_has_ended_goes_and_what_begins_comes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("faq.yaml");
        std::fs::write(&file, FAQ).unwrap();
        let toml = format!(
            "[server]\ndata = \"{}\"\n[knowledge]\npath = \"{}\"\n",
            folder.path().join("data").display(),
            file.display()
        );
        let configuration = Arc::new(Configuration::with(&toml).unwrap());
        let june = Brain::open_on(&file, &configuration, "2026-06-30".parse().unwrap()).unwrap();
        let july: kb::Date = "2026-07-01".parse().unwrap();
        assert_eq!(june.changes_on(), Some(july));
        let served =
            |brain: &Brain| brain.publication().entries().iter().map(|e| e.id.0.clone()).collect::<Vec<_>>();
        assert_eq!(served(&june), ["always", "until-june"]);
        let (fatal, _deaths) = Fatal::new();
        let minds = Minds::start(1, june, &fatal).unwrap();
        // 2026-06-30T16:00:00Z is midnight in China; the calendar is looked at once at the beginning.
        let midnight = Timestamp::from_millis(1_782_835_200_000);
        for (now, expected) in
            [(midnight.minus(Duration::from_secs(1)), "until-june"), (midnight, "from-july")]
        {
            let stop = CancellationToken::new();
            let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(now));
            let following = tokio::spawn(follow_the_calendar(
                Arc::clone(&configuration),
                minds.clone(),
                clock,
                stop.clone(),
            ));
            for _ in 0..200 {
                tokio::time::sleep(Duration::from_millis(10)).await;
                if expected == "from-july" && minds.brain().changes_on().is_none() {
                    break;
                }
            }
            stop.cancel();
            following.await.unwrap();
            assert_eq!(served(&minds.brain()), ["always", expected]);
        }
    }
}
