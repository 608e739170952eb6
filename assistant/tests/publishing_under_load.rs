//! Knowledge is published while citizens ask: nobody waits for it, and nobody gets half of the old and half of the new.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod common;

use std::{
    fmt::Write as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use assistant::{
    config::Configuration,
    knowledge::{Brain, Memory},
    workers::{fatal::Fatal, minds::Minds},
};
use intents::{Decision, Utterance};
use language::Language;

/// How long nobody may be kept waiting by a publication.
const LONGEST_WAIT: Duration = Duration::from_millis(50);
const SWAPS: usize = 30;
const ASKING: usize = 8;

/// A knowledge base in which every answer says which edition it is of.
fn edition(folder: &Path, mark: &str) {
    let questions = [
        ("idcard-renew", "身份证到期了怎么换", "ཐོབ་ཐང་ལག་འཁྱེར་དུས་ཡོལ་ན་གང་འདྲ་བརྗེ་དགོས"),
        ("newborn", "新生儿怎么上户口", "ཕྲུ་གུའི་ཐེམ་ཐོ་གང་འདྲ་འགོད་དགོས"),
        ("pension", "养老金怎么认证", "རྒས་གསོའི་དངུལ་གྱི་ཐོབ་ཐང་གང་འདྲ་བདེན་དཔང་བྱེད"),
        ("border-pass", "边防证在哪里办", "མཐའ་མཚམས་ལག་ཁྱེར་ག་པར་བཟོ་དགོས"),
    ];
    let mut yaml = format!("format: drilen-kb/1\nname: edition {mark}\nentries:\n");
    for (id, zh, bo) in questions {
        let _ = write!(
            yaml,
            "- id: {id}\n  topic: t\n  zh: {{question: {zh}, variants: [请问{zh}, 我想知道{zh}], spoken: {mark}, written: {mark}}}\n  \
             bo: {{question: {bo}, variants: [ང་ལ་{bo}, ད་{bo}], spoken: {mark}, written: {mark}}}\n"
        );
    }
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("faq.yaml"), yaml).unwrap();
}

/// Asks until told to stop; every answer is checked. Returns the longest that one question took and how many were asked.
async fn ask(
    minds: Minds,
    stop: Arc<AtomicBool>,
    editions: Arc<[(String, &'static str)]>,
) -> (Duration, usize) {
    let (mut longest, mut asked) = (Duration::ZERO, 0);
    let questions =
        [(Language::Zh, "身份证到期了怎么换"), (Language::Bo, "ཐོབ་ཐང་ལག་འཁྱེར་དུས་ཡོལ་ན་གང་འདྲ་བརྗེ་དགོས")];
    while !stop.load(Ordering::Relaxed) {
        let (language, text) = questions[asked % questions.len()];
        let begun = Instant::now();
        let thought = minds
            .think(move |brain| {
                let utterance = Utterance::typed(text, language);
                brain.think(&utterance, &Memory::default(), None)
            })
            .await
            .expect("no question is refused");
        longest = longest.max(begun.elapsed());
        asked += 1;
        let knowledge = thought.knowledge();
        let chosen = match &thought.decision {
            Decision::Answer { chosen, .. } => chosen.entry.clone(),
            Decision::Clarify { choices } => choices[0].entry.clone(),
            other => panic!("a question of the knowledge base was not found: {other:?}"),
        };
        assert_eq!(chosen.0, "idcard-renew");
        let mark = &knowledge.entry(&chosen).unwrap().text(language).unwrap().spoken;
        let own = editions.iter().find(|(_, known)| known == mark).unwrap();
        assert_eq!(*knowledge.revision().0, *own.0, "text and revision are of one edition");
        assert_eq!(thought.provenance.knowledge_base, own.0, "what is recorded is what was used");
    }
    (longest, asked)
}

/// Lets many ask while `meanwhile` runs on a thread of its own.
async fn under_load(
    minds: &Minds,
    editions: &Arc<[(String, &'static str)]>,
    meanwhile: impl FnOnce() + Send + 'static,
) -> (Duration, usize) {
    let stop = Arc::new(AtomicBool::new(false));
    let asking: Vec<_> = (0..ASKING)
        .map(|_| tokio::spawn(ask(minds.clone(), Arc::clone(&stop), Arc::clone(editions))))
        .collect();
    tokio::task::spawn_blocking(meanwhile).await.unwrap();
    stop.store(true, Ordering::Relaxed);
    let (mut longest, mut asked) = (Duration::ZERO, 0);
    for task in asking {
        let (own, count) = task.await.unwrap();
        longest = longest.max(own);
        asked += count;
    }
    (longest, asked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn citizens_ask_while_knowledge_is_published_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let configuration: Arc<Configuration> = Arc::new(common::configuration(&folder, ""));
    let marks = ["第一版。", "第二版。"];
    let mut editions = Vec::new();
    for mark in marks {
        edition(&folder.path().join(mark), mark);
        let brain = Brain::open(&folder.path().join(mark), &configuration).unwrap();
        editions.push((brain.publication().revision().to_string(), mark));
    }
    let editions: Arc<[(String, &'static str)]> = editions.into();
    let first = Brain::open(&folder.path().join(marks[0]), &configuration).unwrap();
    let (fatal, _deaths) = Fatal::new();
    let minds = Minds::start(2, first, &fatal).unwrap();
    // The same work beside the questions, without publishing: what the machine makes of it.
    let (path, settings) = (folder.path().to_owned(), Arc::clone(&configuration));
    let build = move |number: usize| Brain::open(&path.join(marks[number % 2]), &settings).unwrap();
    let (building, publishing) = (build.clone(), minds.clone());
    let (quiet, _) = under_load(&minds, &editions, move || (0..SWAPS).for_each(|n| drop(building(n)))).await;
    let waited = Arc::new(AtomicUsize::new(0));
    let longest_swap = Arc::clone(&waited);
    let (longest, asked) = under_load(&minds, &editions, move || {
        for number in 0..SWAPS {
            let brain = build(number + 1);
            let begun = Instant::now();
            publishing.publish(brain);
            longest_swap.fetch_max(begun.elapsed().as_micros() as usize, Ordering::Relaxed);
        }
    })
    .await;
    let swap = Duration::from_micros(waited.load(Ordering::Relaxed) as u64);
    println!(
        "{asked} questions, {SWAPS} publications; slowest {longest:?}, without publishing {quiet:?}; swap {swap:?}"
    );
    assert!(asked > 10 * SWAPS, "there was a load: {asked} questions");
    assert!(longest <= quiet + LONGEST_WAIT, "{longest:?} beside {quiet:?}");
}
