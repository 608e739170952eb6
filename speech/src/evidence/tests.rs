//! Against brute force on tiny cases, against a plain logarithmic forward pass on long ones.

#![allow(clippy::float_cmp, reason = "equal means the same number here: a maximum, or minus infinity")]

use std::time::Instant;

use language::{Dialect, Phone, Pronunciation, SpokenForm};
use proptest::prelude::*;

use super::*;

const CLASSES: usize = 4;

fn form(readings: &[&[u8]]) -> SpokenForm {
    let pronunciations = readings
        .iter()
        .map(|phones| Pronunciation {
            dialect: Dialect::Lhasa,
            phones: phones.iter().map(|&phone| Phone(phone)).collect(),
            syllables: vec![0],
        })
        .collect();
    SpokenForm { text: String::new(), pronunciations }
}

fn evidence(log_posteriors: Vec<f32>, classes: usize) -> PosteriorEvidence {
    PosteriorEvidence::new(log_posteriors, classes, 0, Units::Phones, 1.0).unwrap()
}

/// Every frame's weights → normalised log-posteriors.
fn normalise(weights: &[f32], classes: usize) -> Vec<f32> {
    weights
        .chunks(classes)
        .flat_map(|row| {
            let sum: f32 = row.iter().sum();
            row.iter().map(move |weight| (weight / sum).ln())
        })
        .collect()
}

/// All `classes^frames` alignments with their log-probability, frames first to last.
fn alignments(posteriors: &[f32], classes: usize) -> Vec<(Vec<usize>, f64)> {
    let mut paths = vec![(Vec::new(), 0.0)];
    for row in posteriors.chunks(classes) {
        paths = paths
            .into_iter()
            .flat_map(|(path, score)| {
                (0..classes).map(move |class| {
                    let mut longer = path.clone();
                    longer.push(class);
                    (longer, score + f64::from(row[class]))
                })
            })
            .collect();
    }
    paths
}

fn collapse(path: &[usize]) -> Vec<u8> {
    let mut merged = path.to_vec();
    merged.dedup();
    merged.into_iter().filter(|&class| class != 0).map(|class| class as u8).collect()
}

fn brute_force_whole(posteriors: &[f32], phones: &[u8]) -> f64 {
    let sum: f64 = alignments(posteriors, CLASSES)
        .into_iter()
        .filter(|(path, _)| collapse(path) == phones)
        .map(|(_, score)| score.exp())
        .sum();
    sum.ln() / phones.len() as f64
}

fn brute_force_anywhere(posteriors: &[f32], phones: &[u8]) -> f64 {
    let frames = posteriors.len() / CLASSES;
    let mut best = f64::NEG_INFINITY;
    for first in 0..frames {
        for last in first + 1..=frames {
            let window = &posteriors[first * CLASSES..last * CLASSES];
            let greedy: f64 = window
                .chunks(CLASSES)
                .map(|row| f64::from(row.iter().copied().fold(f32::MIN, f32::max)))
                .sum();
            for (path, score) in alignments(window, CLASSES) {
                if path[0] != 0 && path[path.len() - 1] != 0 && collapse(&path) == phones {
                    best = best.max(score - greedy);
                }
            }
        }
    }
    best
}

/// The textbook forward pass in logarithms, for utterances too long for brute force.
fn logarithmic_whole(posteriors: &[f32], classes: usize, phones: &[u8]) -> f64 {
    let labels: Vec<usize> =
        std::iter::once(0).chain(phones.iter().flat_map(|&phone| [usize::from(phone), 0])).collect();
    let add = |a: f64, b: f64| {
        let (high, low) = if a > b { (a, b) } else { (b, a) };
        if low == f64::NEG_INFINITY { high } else { high + (low - high).exp().ln_1p() }
    };
    let mut alpha = vec![f64::NEG_INFINITY; labels.len()];
    for (frame, row) in posteriors.chunks(classes).enumerate() {
        let before = alpha.clone();
        for (state, &label) in labels.iter().enumerate() {
            let mut sum =
                if frame == 0 { if state < 2 { 0.0 } else { f64::NEG_INFINITY } } else { before[state] };
            if frame > 0 && state > 0 {
                sum = add(sum, before[state - 1]);
            }
            if frame > 0 && state > 1 && label != 0 && label != labels[state - 2] {
                sum = add(sum, before[state - 2]);
            }
            alpha[state] = sum + f64::from(row[label].max(LOG_FLOOR));
        }
    }
    add(alpha[labels.len() - 1], alpha[labels.len() - 2]) / phones.len() as f64
}

fn close(ours: f32, reference: f64) -> bool {
    if reference.is_finite() {
        (f64::from(ours) - reference).abs() < 1e-4 * reference.abs().max(1.0)
    } else {
        ours == f32::NEG_INFINITY
    }
}

proptest! {
    #[test]
    fn scores_equal_the_sum_and_the_maximum_over_all_alignments(
        weights in (1..=6_usize).prop_flat_map(|frames| prop::collection::vec(0.01_f32..1.0, frames * CLASSES)),
        strings in prop::collection::vec(prop::collection::vec(1_u8..CLASSES as u8, 1..=4), 1..=5),
    ) {
        let posteriors = normalise(&weights, CLASSES);
        let batch = FormBatch::new(strings.iter().map(|string| form(&[string])).collect());
        let ours = evidence(posteriors.clone(), CLASSES);
        let (whole, anywhere) = (ours.whole(&batch), ours.anywhere(&batch));
        for (index, string) in strings.iter().enumerate() {
            let reference = brute_force_whole(&posteriors, string);
            prop_assert!(close(whole[index], reference), "whole {:?}: {} {}", string, whole[index], reference);
            let reference = brute_force_anywhere(&posteriors, string);
            // Costs are rounded to eighths of a nat, frame by frame.
            let rounding = (posteriors.len() / CLASSES) as f64 / 16.0;
            prop_assert!((f64::from(anywhere[index]) - reference).abs() <= rounding || !reference.is_finite() && anywhere[index] == f32::NEG_INFINITY,
                "anywhere {:?}: {} {}", string, anywhere[index], reference);
            prop_assert!(anywhere[index] <= 0.0);
        }
    }

    #[test]
    fn long_and_nearly_certain_posteriors_neither_underflow_nor_overflow(
        frames in 1_usize..700,
        seed in any::<u64>(),
        lengths in prop::collection::vec(1_usize..90, 1..=4),
    ) {
        const MANY: usize = 95;
        let mut random = Random(seed);
        let posteriors = confident_posteriors(&mut random, frames, MANY);
        let strings: Vec<Vec<u8>> =
            lengths.iter().map(|&length| (0..length).map(|_| random.below(MANY - 1) as u8 + 1).collect()).collect();
        let batch = FormBatch::new(strings.iter().map(|string| form(&[string])).collect());
        // Without folding, which is tested by itself.
        let all = evidence(posteriors.clone(), MANY);
        let trie = all.trie(&batch);
        let mut whole = vec![0.0; batch.len()];
        for (end, score) in trie.ends.iter().zip(forward::score(&all.posteriors, &trie)) {
            whole[end.form as usize] = score / end.units as f32;
        }
        let references: Vec<f64> = strings.iter().map(|string| logarithmic_whole(&posteriors, MANY, string)).collect();
        for ((string, &ours), &reference) in strings.iter().zip(&whole).zip(&references) {
            // The documented exception: hopelessly below what begins alike. Then too low, never too high.
            let total = |string: &Vec<u8>, score: f64| string.len() as f64 * score;
            let best = strings.iter().zip(&references).map(|(s, &r)| total(s, r)).fold(f64::NEG_INFINITY, f64::max);
            if total(string, reference) > best - 700.0 || !reference.is_finite() {
                prop_assert!(close(ours, reference), "{} phones, {frames} frames: {ours} {reference}", string.len());
            }
            prop_assert!(ours == f32::NEG_INFINITY || f64::from(ours) <= reference + 1e-4 * reference.abs().max(1.0), "{ours} {reference}");
        }
    }
}

#[test]
fn folding_quiet_frames_changes_scores_by_next_to_nothing() {
    const MANY: usize = 95;
    let mut random = Random(3);
    let posteriors = confident_posteriors(&mut random, 200, MANY);
    let said = evidence(posteriors.clone(), MANY).greedy();
    let evidence = evidence(posteriors.clone(), MANY);
    assert!(evidence.folded().frames() < 150, "{} of 200 frames are left", evidence.folded().frames());
    let mut strings: Vec<Vec<u8>> = vec![said.iter().map(|&class| class as u8).collect()];
    strings.extend((0..20).map(|_| (0..40).map(|_| random.below(MANY - 1) as u8 + 1).collect()));
    let batch = FormBatch::new(strings.iter().map(|string| form(&[string])).collect());
    for (ours, string) in evidence.whole(&batch).iter().zip(&strings) {
        let reference = logarithmic_whole(&posteriors, MANY, string);
        assert!((f64::from(*ours) - reference).abs() < 0.02 * reference.abs().max(1.0), "{ours} {reference}");
    }
}

/// A small deterministic generator, so that a failure can be repeated. Source: Steele et al. 2014, `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// Frames of which each is almost sure of one class, two thirds of them of the blank.
fn confident_posteriors(random: &mut Random, frames: usize, classes: usize) -> Vec<f32> {
    let mut posteriors = Vec::with_capacity(frames * classes);
    for _ in 0..frames {
        let sure = if random.below(3) == 0 { random.below(classes) } else { 0 };
        for class in 0..classes {
            let noise = random.below(1000) as f32 / 100.0;
            posteriors.push(if class == sure { -0.01 } else { -9.0 - noise });
        }
    }
    posteriors
}

#[test]
fn what_was_said_scores_best_whole_and_is_found_anywhere() {
    // blank 1 1 blank 2 blank 2 3 blank, each nearly certain.
    let said = [0, 1, 1, 0, 2, 0, 2, 3, 0];
    let posteriors: Vec<f32> = said
        .iter()
        .flat_map(|&sure| (0..CLASSES).map(move |class| if class == sure { 0.97_f32 } else { 0.01 }))
        .map(f32::ln)
        .collect();
    let evidence = evidence(posteriors, CLASSES);
    let batch =
        FormBatch::new(vec![form(&[&[1, 2, 2, 3]]), form(&[&[1, 2, 3]]), form(&[&[2, 2]]), form(&[&[3, 1]])]);
    let whole = evidence.whole(&batch);
    assert!((1..4).all(|other| whole[0] > whole[other]), "{whole:?}");
    let anywhere = evidence.anywhere(&batch);
    assert_eq!(anywhere[0], 0.0, "exactly what was heard");
    assert_eq!(anywhere[2], 0.0, "exactly what was heard, in the middle");
    assert!(anywhere[3] < -4.0, "{anywhere:?}");
    assert_eq!(evidence.greedy(), [1, 2, 2, 3]);
}

#[test]
fn the_best_of_several_pronunciations_counts() {
    let posteriors = normalise(&[0.1, 0.7, 0.1, 0.1, 0.1, 0.1, 0.7, 0.1], CLASSES);
    let evidence = evidence(posteriors, CLASSES);
    let batch = FormBatch::new(vec![form(&[&[3, 3], &[1, 2]]), form(&[&[1, 2]]), form(&[&[3, 3]])]);
    for scores in [evidence.whole(&batch), evidence.anywhere(&batch)] {
        assert_eq!(scores[0], scores[1]);
        assert_eq!(scores[2], f32::NEG_INFINITY, "two equal phones need a blank between them: three frames");
    }
}

#[test]
fn forms_that_cannot_be_scored_are_minus_infinity_and_spoil_nothing() {
    let posteriors = normalise(&[0.1, 0.7, 0.1, 0.1, 0.1, 0.1, 0.7, 0.1], CLASSES);
    let evidence = evidence(posteriors, CLASSES);
    let batch = FormBatch::new(vec![form(&[]), form(&[&[]]), form(&[&[200]]), form(&[&[0]]), form(&[&[1]])]);
    for scores in [evidence.whole(&batch), evidence.anywhere(&batch)] {
        assert!(scores[..4].iter().all(|&score| score == f32::NEG_INFINITY), "{scores:?}");
        assert!(scores[4].is_finite());
    }
    assert!(evidence.whole(&FormBatch::default()).is_empty());
}

#[test]
fn not_a_number_counts_as_impossible() {
    let mut posteriors = normalise(&[0.1, 0.7, 0.1, 0.1, 0.1, 0.1, 0.7, 0.1], CLASSES);
    posteriors[1] = f32::NAN;
    let scores = evidence(posteriors, CLASSES).whole(&FormBatch::new(vec![form(&[&[1, 2]])]));
    assert!(scores[0].is_finite());
}

#[test]
fn a_character_recogniser_spells_mixed_tibetan_and_chinese_text() {
    let table: HashMap<char, u32> = "社保ལག་ཁྱེར".chars().zip(1..).collect();
    let classes = 1 + table.len();
    let text = "社保 ལག";
    let spelled: Vec<u32> = text.chars().filter(|c| !c.is_whitespace()).map(|c| table[&c]).collect();
    let posteriors: Vec<f32> = spelled
        .iter()
        .flat_map(|&sure| {
            (0..classes).map(move |class| if class == sure as usize { -0.05_f32 } else { -5.0 })
        })
        .collect();
    let units = Units::Characters(Arc::new(table));
    let evidence = PosteriorEvidence::new(posteriors, classes, 0, units, 1.0).unwrap();
    let spoken = |text: &str| SpokenForm { text: text.into(), pronunciations: Vec::new() };
    let scores = evidence.whole(&FormBatch::new(vec![spoken(text), spoken("保社"), spoken("医保")]));
    assert!(scores[0] > scores[1]);
    assert_eq!(scores[2], f32::NEG_INFINITY, "医 is not in the vocabulary");
}

#[test]
fn matrices_that_do_not_fit_are_refused() {
    let build = |values, classes, blank| {
        PosteriorEvidence::new(vec![0.0; values], classes, blank, Units::Phones, 1.0)
    };
    assert!(matches!(build(7, 4, 0), Err(EvidenceError::Shape { .. })));
    assert!(matches!(build(8, 0, 0), Err(EvidenceError::Shape { .. })));
    assert!(matches!(build(8, 4, 4), Err(EvidenceError::Blank { .. })));
    assert!(build(0, 4, 0).unwrap().whole(&FormBatch::new(vec![form(&[&[1]])]))[0] == f32::NEG_INFINITY);
}

/// A guard against an accidental change of complexity, with room for a busy machine; the figures are printed.
#[test]
fn thousands_of_forms_are_scored_within_milliseconds() {
    const MANY: usize = 95;
    let mut random = Random(1);
    let evidence = evidence(confident_posteriors(&mut random, 100, MANY), MANY);
    let mut forms = |count: usize, length: usize| {
        let forms = (0..count).map(|_| {
            let phones: Vec<u8> = (0..length).map(|_| random.below(MANY - 1) as u8 + 1).collect();
            form(&[&phones])
        });
        FormBatch::new(forms.collect())
    };
    let (variants, grams) = (forms(2000, 20), forms(5000, 6));
    let fastest = |work: &dyn Fn() -> Vec<f32>| {
        let times = (0..5).map(|_| {
            let start = Instant::now();
            assert!(!work().is_empty());
            start.elapsed().as_secs_f32() * 1000.0
        });
        times.fold(f32::MAX, f32::min)
    };
    let whole = fastest(&|| evidence.whole(&variants));
    let anywhere = fastest(&|| evidence.anywhere(&grams));
    println!(
        "2,000 variants of 20 phones: {whole:.1} ms; 5,000 n-grams of 6 phones: {anywhere:.1} ms; 100 frames"
    );
    assert!(whole < 150.0 && anywhere < 240.0, "{whole} ms, {anywhere} ms");
}

mod dictation {
    use language::{INVENTORY, Language, Lesson, Pronunciation, UnitModel, pronunciations};

    use super::*;

    fn model() -> UnitModel {
        UnitModel::learn([
            Lesson::whole("身份证丢了怎么补办", Language::Zh),
            Lesson::whole("身份证快过期了怎么换", Language::Zh),
            Lesson::whole("社保卡在哪里办", Language::Zh),
            Lesson::whole("ངའི་ཐོབ་ཐང་ལག་འཁྱེར་བོར་སོང་", Language::Bo),
            Lesson::whole("ཐེམ་ཐོ་ག་པར་འགོད་དགོས་རེད་", Language::Bo),
        ])
    }

    /// Posteriors of a pronunciation as a sure recogniser gives them: each phone in one frame of three, `unsure` of the probability on other classes.
    fn sound(pronunciation: &Pronunciation, unsure: f32) -> PosteriorEvidence {
        evidence(rows(pronunciation, unsure), INVENTORY.len())
    }

    fn rows(pronunciation: &Pronunciation, unsure: f32) -> Vec<f32> {
        let classes = INVENTORY.len();
        let mut rows = Vec::new();
        for phone in &pronunciation.phones {
            for class in [0, phone.0 as usize, 0] {
                let mut row = vec![(unsure / (classes - 1) as f32).ln(); classes];
                row[class] = (1.0 - unsure).ln();
                rows.extend(row);
            }
        }
        rows
    }

    #[test]
    fn what_was_said_is_written_in_the_words_of_the_model() {
        for (text, language) in [
            ("身份证丢了怎么换", Language::Zh),
            ("社保卡丢了", Language::Zh),
            ("ངའི་ཐེམ་ཐོ་བོར་སོང", Language::Bo),
            ("ལག་འཁྱེར་ག་པར་འགོད་དགོས་རེད", Language::Bo),
        ] {
            let said = pronunciations(text, language).remove(0);
            let readings = sound(&said, 0.1).dictate(&model(), 3);
            assert_eq!(readings[0].text, text);
            let all: f32 = readings.iter().map(|reading| reading.share).sum();
            assert!((all - 1.0).abs() < 1e-4 && readings.len() <= 3, "{readings:?}");
        }
    }

    #[test]
    fn the_beginning_of_a_form_is_told_from_the_whole_of_it_and_from_something_else() {
        let form = |text: &str| language::spoken_form(text, Language::Zh);
        let batch = FormBatch::new(["身份证丢了怎么补办", "身份证丢了", "社保卡怎么办"].map(form).into());
        let heard = |text: &str| sound(&pronunciations(text, Language::Zh).remove(0), 0.1);
        let half = heard("身份证丢了怎么");
        assert!(half.begun(&batch, 6, 4) > -0.5);
        assert!(half.whole(&batch).iter().all(|whole| *whole < half.begun(&batch, 6, 4) - 0.5));
        for whole in ["身份证丢了怎么补办", "身份证丢了"] {
            let heard = heard(whole);
            let best = heard.whole(&batch).into_iter().fold(f32::NEG_INFINITY, f32::max);
            assert!(best > heard.begun(&batch, 6, 4), "{whole} is whole, whatever begins with it");
        }
        assert!(heard("天气很好").begun(&batch, 6, 4) < -2.0);
        // Too little of anything is the beginning of nothing.
        assert!(heard("社").begun(&batch, 6, 4) < -2.0);
        assert!(half.begun(&batch, 100, 4).is_infinite());
        assert!(half.begun(&FormBatch::default(), 6, 4).is_infinite());
    }

    #[test]
    fn a_misheard_phone_is_put_right_by_what_is_said_around_it() {
        let said = pronunciations("身份证丢了怎么补办", Language::Zh).remove(0);
        let mut misheard = said.clone();
        misheard.phones[3] = pronunciations("社保卡", Language::Zh).remove(0).phones[1];
        // At the misheard phone the wrong one is half as likely again as the right one.
        let both: Vec<f32> = rows(&said, 0.1)
            .into_iter()
            .zip(rows(&misheard, 0.1))
            .map(|(right, wrong)| (0.4 * right.exp() + 0.6 * wrong.exp()).ln())
            .collect();
        let heard = evidence(both, INVENTORY.len());
        assert_eq!(heard.phones().unwrap(), misheard.phones);
        assert_eq!(heard.dictate(&model(), 1)[0].text, "身份证丢了怎么补办");
    }

    #[test]
    fn silence_no_frames_and_impossible_numbers_write_nothing_and_break_nothing() {
        let classes = INVENTORY.len();
        let mut silence = vec![-12.0; 20 * classes];
        silence.iter_mut().step_by(classes).for_each(|blank| *blank = -1e-3);
        assert!(evidence(silence, classes).dictate(&model(), 4).is_empty());
        assert!(evidence(Vec::new(), classes).dictate(&model(), 4).is_empty());
        evidence(vec![f32::NAN; 9 * classes], classes).dictate(&model(), 4);
        assert!(evidence(vec![-3.0; classes], classes).dictate(&UnitModel::default(), 4).is_empty());
        assert!(evidence(vec![-3.0; classes], classes).dictate(&model(), 0).is_empty());
    }
}
