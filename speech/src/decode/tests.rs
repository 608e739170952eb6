use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::TimedWord;

/// Rows of logits as log-posteriors.
fn log_softmax(logits: &[f32], classes: usize) -> Vec<f32> {
    logits
        .chunks(classes)
        .flat_map(|row| {
            let all = row.iter().copied().fold(f32::NEG_INFINITY, log_add);
            row.iter().map(move |value| value - all).collect::<Vec<_>>()
        })
        .collect()
}

fn matrix(values: &[f32], classes: usize) -> LogPosteriors<'_> {
    LogPosteriors::new(values, classes, 0).unwrap()
}

/// What bonuses a text earns, by looking for every phrase at every place.
fn worth(text: &[u32], phrases: &[(Vec<u32>, f32)]) -> f32 {
    // A phrase that comes twice counts once, with the greater weight.
    let mut distinct: BTreeMap<&[u32], f32> = BTreeMap::new();
    for (phrase, weight) in phrases.iter().filter(|(phrase, _)| !phrase.is_empty()) {
        let known = distinct.entry(phrase).or_insert(0.0);
        *known = known.max(*weight);
    }
    distinct
        .iter()
        .map(|(phrase, weight)| {
            let times = text.windows(phrase.len()).filter(|window| window == phrase).count();
            times as f32 * weight * phrase.len() as f32
        })
        .sum()
}

/// What bonuses a text earns by being one of these phrases, and nothing more.
fn worth_alone(text: &[u32], phrases: &[(Vec<u32>, f32)]) -> f32 {
    let equal = phrases.iter().filter(|(phrase, _)| !phrase.is_empty() && phrase == text);
    equal.map(|(phrase, weight)| weight * phrase.len() as f32).fold(0.0, f32::max)
}

/// Every text with its score, by going through all paths.
fn by_brute_force(posteriors: LogPosteriors<'_>, worth: impl Fn(&[u32]) -> f32) -> Vec<(Vec<u32>, f32)> {
    let (frames, classes) = (posteriors.frames(), posteriors.classes());
    let mut texts: BTreeMap<Vec<u32>, f32> = BTreeMap::new();
    for number in 0..classes.pow(frames as u32) {
        let path: Vec<usize> =
            (0..frames).map(|frame| number / classes.pow(frame as u32) % classes).collect();
        let probability: f32 =
            path.iter().enumerate().map(|(frame, &class)| posteriors.at(frame, class)).sum();
        let mut text = Vec::new();
        let mut previous = posteriors.blank();
        for &class in &path {
            if class != previous && class != posteriors.blank() {
                text.push(class as u32);
            }
            previous = class;
        }
        let sum = texts.entry(text).or_insert(f32::NEG_INFINITY);
        *sum = log_add(*sum, probability);
    }
    let mut scored: Vec<(Vec<u32>, f32)> =
        texts.into_iter().map(|(text, score)| (text.clone(), score + worth(&text))).collect();
    scored.sort_by(|a, b| b.1.total_cmp(&a.1));
    scored
}

fn logits(classes: usize, frames: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec(prop::collection::vec(-6.0_f32..6.0, classes), frames)
        .prop_map(|rows| rows.concat())
}

fn phrases(classes: u32, most: usize) -> impl Strategy<Value = Vec<(Vec<u32>, f32)>> {
    prop::collection::vec((prop::collection::vec(1..classes, 1..4), 0.1_f32..MOST_WEIGHT), 0..=most)
}

proptest! {
    #[test]
    fn a_large_beam_finds_what_going_through_all_paths_finds(
        logits in logits(3, 1..=6), phrases in phrases(3, 4), alone in phrases(3, 3), more in phrases(3, 2),
    ) {
        let values = log_softmax(&logits, 3);
        let posteriors = matrix(&values, 3);
        let standing = ContextGraph::new(phrases.clone(), alone.clone());
        let utterance = ContextGraph::new(more.clone(), []);
        let context = Context::new(standing.as_ref(), utterance.as_ref());
        let found = beam::search(posteriors, 4096, 4096, context);
        let worth = |text: &[u32]| worth(text, &phrases) + worth_alone(text, &alone) + worth(text, &more);
        let expected = by_brute_force(posteriors, worth);
        prop_assert_eq!(found.len(), expected.len());
        let scores: BTreeMap<Vec<u32>, f32> = expected.iter().cloned().collect();
        for reading in &found {
            let score = scores[&reading.classes()];
            prop_assert!((reading.log_probability + reading.bonus - score).abs() < 2e-3, "{reading:?} {score}");
        }
        let best = found[0].log_probability + found[0].bonus;
        prop_assert!((best - expected[0].1).abs() < 2e-3, "{:?} {:?}", found[0], expected[0]);
        // With everything kept, the shares are those of all texts.
        let shares: f32 = found.iter().map(|reading| reading.confidence).sum();
        prop_assert!(shares <= 1.0 + 1e-3);
    }

    #[test]
    fn a_beam_of_one_without_bias_reads_peaky_posteriors_as_the_greedy_path(
        peaks in prop::collection::vec(0..5_usize, 1..30),
    ) {
        let logits: Vec<f32> = peaks
            .iter()
            .flat_map(|&peak| (0..5).map(move |class| if class == peak { 9.0 } else { 0.0 }))
            .collect();
        let values = log_softmax(&logits, 5);
        let posteriors = matrix(&values, 5);
        let searched = beam::search(posteriors, 1, 1, Context::default()).remove(0);
        let greedy = decode(posteriors, &DecodeOptions::default(), Context::default()).remove(0);
        prop_assert_eq!(searched.classes(), greedy.classes());
        // The best path is the greedy one, so that both agree about when.
        let spans = |reading: &Decoded| reading.tokens.iter().map(|t| (t.start, t.end)).collect::<Vec<_>>();
        prop_assert_eq!(spans(&searched), spans(&greedy));
    }

    #[test]
    fn the_sum_of_all_steps_is_the_worth_of_the_phrases_in_the_text(
        text in prop::collection::vec(1..4_u32, 0..20), phrases in phrases(4, 8), alone in phrases(4, 8),
    ) {
        let Some(graph) = ContextGraph::new(phrases.clone(), alone.clone()) else { return Ok(()) };
        let (mut state, mut sum) = (graph.begin(), 0.0);
        for &class in &text {
            let (next, bonus) = graph.step(state, class);
            (state, sum) = (next, sum + bonus);
        }
        sum += graph.finish(state);
        let expected = worth(&text, &phrases) + worth_alone(&text, &alone);
        prop_assert!((sum - expected).abs() < 1e-2, "{sum} {expected}");
    }

    #[test]
    fn a_bias_changes_nothing_that_the_sound_is_surer_of_than_the_bias_is_worth(
        peaks in prop::collection::vec(0..4_usize, 1..12), phrase in prop::collection::vec(1..4_u32, 2..4),
    ) {
        // Every other class is e^-19 times as likely as the peak, and MOST_WEIGHT × 3 is 12.
        let values: Vec<f32> = peaks
            .iter()
            .flat_map(|&peak| (0..4).map(move |class| if class == peak { 0.0 } else { -19.0 }))
            .collect();
        let posteriors = matrix(&values, 4);
        let greedy = decode(posteriors, &DecodeOptions::default(), Context::default()).remove(0);
        let graph = ContextGraph::new([(phrase.clone(), MOST_WEIGHT)], []);
        let biased = beam::search(posteriors, 16, 1, Context::new(graph.as_ref(), None)).remove(0);
        // One changed frame can complete a phrase once on either side of it, so that is what the sound must outweigh.
        let times = worth(&biased.classes(), &[(phrase.clone(), 1.0)]) - worth(&greedy.classes(), &[(phrase, 1.0)]);
        prop_assume!(times * MOST_WEIGHT < 19.0);
        prop_assert_eq!(biased.classes(), greedy.classes());
    }

    #[test]
    fn scores_are_finite_whatever_the_rows_are(
        rows in prop::collection::vec(prop::collection::vec(
            prop_oneof![Just(f32::NEG_INFINITY), Just(f32::NAN), Just(f32::INFINITY), -30.0_f32..1.0], 4), 0..12),
        phrases in phrases(4, 3), beam in 1..10_usize,
    ) {
        let values = rows.concat();
        let posteriors = matrix(&values, 4);
        let context = ContextGraph::new(phrases, []);
        let options = DecodeOptions { beam, nbest: beam, ..DecodeOptions::default() };
        let readings = decode(posteriors, &options, Context::new(context.as_ref(), None));
        prop_assert!(!readings.is_empty());
        for reading in readings {
            prop_assert!(reading.log_probability.is_finite() && reading.bonus.is_finite());
            prop_assert!((0.0..=1.0).contains(&reading.confidence), "{reading:?}");
            for pair in reading.tokens.windows(2) {
                prop_assert!(pair[0].end <= pair[1].start);
            }
            for token in &reading.tokens {
                prop_assert!(token.start < token.end && token.end <= posteriors.frames());
            }
        }
    }
}

#[test]
fn an_expected_phrase_that_is_second_by_sound_becomes_first_and_is_not_invented() {
    // Classes: 1 and 2 sound alike; 3 follows.
    let row = |a: f32, b: f32, c: f32| [0.02_f32, a, b, c].map(f32::ln);
    let alike = [row(0.56, 0.4, 0.02), row(0.01, 0.01, 0.96)].concat();
    let clear = [row(0.95, 0.01, 0.02), row(0.01, 0.01, 0.96)].concat();
    let graph = ContextGraph::new([(vec![2, 3], 0.5)], []).unwrap();
    let first =
        |values: &[f32], graph| beam::search(matrix(values, 4), 8, 1, Context::new(graph, None)).remove(0);
    assert_eq!(first(&alike, None).classes(), [1, 3]);
    let helped = first(&alike, Some(&graph));
    assert_eq!((helped.classes(), helped.bonus), (vec![2, 3], 1.0));
    let kept = first(&clear, Some(&graph));
    assert_eq!((kept.classes(), kept.bonus), (vec![1, 3], 0.0));
    // Half of the phrase earns nothing: what was lent is taken back at the end.
    let half = first(&row(0.4, 0.56, 0.02), Some(&graph));
    assert_eq!((half.classes(), half.bonus), (vec![2], 0.0));
}

#[test]
fn an_expected_phrase_survives_a_narrow_beam() {
    // Its first class is third by sound in a beam of two; only what is lent keeps it until the rest decides.
    let values = [
        [0.01_f32, 0.5, 0.3, 0.19].map(f32::ln),
        [0.94, 0.02, 0.02, 0.02].map(f32::ln),
        [0.01, 0.03, 0.95, 0.01].map(f32::ln),
    ]
    .concat();
    let posteriors = matrix(&values, 4);
    assert_eq!(beam::search(posteriors, 2, 1, Context::default())[0].classes(), [1, 2]);
    let graph = ContextGraph::new([(vec![3, 2], 1.5)], []);
    assert_eq!(beam::search(posteriors, 2, 1, Context::new(graph.as_ref(), None))[0].classes(), [3, 2]);
}

#[test]
fn the_readings_are_different_texts_with_falling_scores() {
    let values = log_softmax(&[0.0, 2.0, 1.5, 0.1, 3.0, 0.0, 0.2, 0.1, 0.0, 1.0, 1.2, 0.3], 4);
    let readings = beam::search(matrix(&values, 4), 16, 5, Context::default());
    assert_eq!(readings.len(), 5);
    for pair in readings.windows(2) {
        assert!(pair[0].log_probability >= pair[1].log_probability);
        assert_ne!(pair[0].classes(), pair[1].classes());
    }
}

#[test]
fn a_matrix_that_does_not_fit_is_refused() {
    assert_eq!(LogPosteriors::new(&[0.0; 7], 3, 0).err(), Some(DecodeError::Shape { values: 7, classes: 3 }));
    assert_eq!(LogPosteriors::new(&[0.0; 6], 3, 3).err(), Some(DecodeError::Blank { blank: 3, classes: 3 }));
    assert!(LogPosteriors::new(&[], 0, 0).is_err());
}

#[test]
fn a_phrase_that_is_all_that_is_said_counts_only_where_it_is() {
    // Class 1 and 2 sound nearly alike; class 3 follows, or does not.
    let row = |a: f32, b: f32, c: f32| [0.02_f32, a, b, c].map(f32::ln);
    let graph = ContextGraph::new([], [(vec![2], 1.0)]).unwrap();
    let first =
        |values: &[f32]| beam::search(matrix(values, 4), 8, 1, Context::new(None, Some(&graph))).remove(0);
    let only = first(&row(0.56, 0.4, 0.02));
    assert_eq!((only.classes(), only.bonus), (vec![2], 1.0));
    let more = first(&[row(0.56, 0.4, 0.02), row(0.01, 0.01, 0.96)].concat());
    assert_eq!((more.classes(), more.bonus), (vec![1, 3], 0.0));
}

#[test]
fn a_bias_is_cleaned_and_spelled_once() {
    let phrase = |text: &str, weight| BiasPhrase { text: text.to_owned(), weight };
    let bias = Bias::new([phrase("社保", 99.0), phrase(" ", 1.0), phrase("x", 0.0), phrase("y", f32::NAN)]);
    assert_eq!(bias.phrases(), [phrase("社保", MOST_WEIGHT)]);
    let spelled = std::cell::Cell::new(0);
    let spell = |text: &str| {
        spelled.set(spelled.get() + 1);
        Some(text.chars().map(|c| c as u32).collect())
    };
    let mut cache = BiasCache::default();
    // A knowledge base's in two languages by turns, with another now and then: each is spelled once.
    let [chinese, tibetan] = ["社保", "ཁ་གསབ"].map(|text| Arc::new(Bias::new([phrase(text, 1.0)])));
    for _ in 0..5 {
        let other = Arc::new(Bias::new([phrase("医保", 1.0)]));
        for bias in [&chinese, &tibetan, &other] {
            assert!(cache.graph(bias, spell).is_some());
        }
    }
    assert_eq!(spelled.get(), 2 + 5);
    assert!(cache.graph(&Arc::new(bias), |_| None).is_none(), "nothing of it can be spelled");
    assert!(cache.graph(&Arc::default(), spell).is_none());
    // One class would be everywhere: it counts alone.
    let yes = cache.graph(&Arc::new(Bias::new([phrase("是", 1.0)])), spell).unwrap();
    let (said, bonus) = yes.step(yes.begin(), '是' as u32);
    assert!((bonus + yes.finish(said) - 1.0).abs() < 1e-6);
    assert_eq!(yes.step(State::default(), '是' as u32), (State::default(), 0.0));
}

fn timed(text: &str) -> Vec<TimedCharacter> {
    let at = |(number, character)| TimedCharacter {
        character,
        start_ms: number as u32 * 100,
        end_ms: number as u32 * 100 + 80,
        confidence: Some(0.9 - number as f32 * 0.01),
    };
    text.chars().enumerate().map(at).collect()
}

#[test]
fn words_are_characters_syllables_or_what_stands_between_spaces() {
    let text = |text: &str| words(&timed(text)).into_iter().map(|word| word.text).collect::<Vec<_>>();
    assert_eq!(text("办社保。"), ["办", "社", "保"]);
    assert_eq!(text("བོད་ཡིག་ག་པར་རེད།"), ["བོད", "ཡིག", "ག", "པར", "རེད"]);
    assert_eq!(text("ངའི་WeChat 12 号"), ["ངའི", "WeChat", "12", "号"]);
    let bod = &words(&timed("བོད་"))[0];
    assert_eq!((bod.start_ms, bod.end_ms), (0, 280));
    assert!((bod.confidence.unwrap() - 0.88).abs() < 1e-6);
}

#[test]
fn sentences_end_at_full_stops_and_the_shad() {
    let split = |text: &str| {
        let words: Vec<TimedWord> = words(&timed(text));
        sentences(text, &words)
    };
    let parts = split("您好。请带身份证！可以吗？”好");
    let texts: Vec<&str> = parts.iter().map(|s| s.text.as_str()).collect();
    assert_eq!(texts, ["您好。", "请带身份证！", "可以吗？”", "好"]);
    assert_eq!((parts[1].start_ms, parts[1].end_ms, parts[1].words.clone()), (300, 780, 2..7));
    let tibetan = split("བཀྲ་ཤིས།། ཁྱེད་རང་།");
    let texts: Vec<&str> = tibetan.iter().map(|s| s.text.as_str()).collect();
    assert_eq!(texts, ["བཀྲ་ཤིས།།", "ཁྱེད་རང་།"]);
    assert_eq!((tibetan[0].words.clone(), tibetan[1].words.clone()), (0..2, 2..4));
    assert!(sentences("没有时间。", &[]).is_empty());
}
