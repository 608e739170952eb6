//! Measures of ranking, separation and calibration over plain numbers.

/// Area under the ROC curve in its Mann–Whitney form: how often an inside score is above an outside one, ties counting
/// half. NaN where either is empty.
///
/// Ranks with ties averaged (Hanley & `McNeil` 1982), so that it takes n log n comparisons.
pub fn area_under_roc(inside: &[f32], outside: &[f32]) -> f64 {
    let mut all: Vec<(f32, bool)> =
        inside.iter().map(|s| (*s, true)).chain(outside.iter().map(|s| (*s, false))).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut ranks = 0.0_f64;
    let mut at = 0;
    while at < all.len() {
        let end = at + all[at..].partition_point(|(score, _)| score.total_cmp(&all[at].0).is_eq());
        let shared = (at + 1 + end) as f64 / 2.0;
        ranks += shared * all[at..end].iter().filter(|(_, inside)| *inside).count() as f64;
        at = end;
    }
    let (n, m) = (inside.len() as f64, outside.len() as f64);
    (ranks - n * (n + 1.0) / 2.0) / (n * m)
}

/// A point of a risk–coverage curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Everything at least this confident is answered.
    pub threshold: f32,
    /// How many are answered.
    pub answered: usize,
    /// How many of those are right.
    pub right: usize,
}

/// The risk–coverage curve (El-Yaniv & Wiener 2010): one point for every distinct confidence, highest first, from
/// pairs of confidence and whether an answer would be right.
pub fn risk_coverage(predictions: &[(f32, bool)]) -> Vec<Point> {
    let mut sorted = predictions.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut points: Vec<Point> = Vec::new();
    let mut right = 0;
    for (at, (confidence, is_right)) in sorted.iter().enumerate() {
        right += usize::from(*is_right);
        if sorted.get(at + 1).is_some_and(|next| next.0 >= *confidence) {
            continue;
        }
        points.push(Point { threshold: *confidence, answered: at + 1, right });
    }
    points
}

/// The point of a risk–coverage curve with the most right answers at which at most `wrong` of the answers are wrong;
/// `None` where even the surest answers are wrong more often. Of points that are equally good, the highest threshold.
pub fn covered_at(curve: &[Point], wrong: f32) -> Option<Point> {
    let tolerable = |point: &&Point| (point.answered - point.right) as f32 <= wrong * point.answered as f32;
    curve.iter().rev().filter(tolerable).max_by_key(|point| point.right).copied()
}

/// The value below which a share of the values lies (nearest rank); NaN for none.
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

/// A small reproducible source of randomness: `SplitMix64` (Steele, Lea & Flood 2014), whose numbers are the same on
/// every machine and in every version, so that a seed names a split for good.
#[derive(Clone, Debug)]
pub struct Draw(u64);

impl Draw {
    /// Starts at a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `limit`, which is above 0. The bias of the multiplication is below limit / 2⁶⁴.
    pub fn below(&mut self, limit: usize) -> usize {
        ((u128::from(self.bits()) * limit as u128) >> 64) as usize
    }

    /// A number from 0 up to 1.
    pub fn share(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Shuffles in place (Fisher–Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_is_the_share_of_pairs_in_the_right_order() {
        let (inside, outside) = ([0.9, 0.5, 0.5, 0.1], [0.5, 0.2, 0.0]);
        let mut wins = 0.0;
        for a in inside {
            for b in outside {
                wins += if a > b {
                    1.0
                } else if a < b {
                    0.0
                } else {
                    0.5
                };
            }
        }
        assert!((area_under_roc(&inside, &outside) - wins / 12.0).abs() < 1e-12);
        assert!(area_under_roc(&[], &outside).is_nan() && area_under_roc(&inside, &[]).is_nan());
        assert!((area_under_roc(&[0.3; 5], &[0.3; 7]) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn coverage_counts_equal_confidences_together_and_keeps_the_tolerance() {
        let mut predictions = vec![(0.9, true); 98];
        predictions.extend([(0.8, false), (0.8, true), (0.8, true), (0.3, false)]);
        let curve = risk_coverage(&predictions);
        assert_eq!(curve.len(), 3);
        assert_eq!(covered_at(&curve, 0.02).map(|p| (p.threshold, p.right)), Some((0.8, 100)));
        assert_eq!(covered_at(&curve, 0.005).map(|p| p.right), Some(98));
        assert_eq!(covered_at(&risk_coverage(&[(0.9, false)]), 0.05), None);
        assert_eq!(covered_at(&[], 0.05), None);
    }

    #[test]
    fn the_first_numbers_of_a_seed_are_those_of_the_reference_implementation() {
        let mut draw = Draw::new(1_234_567);
        assert_eq!([draw.bits(), draw.bits()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
        let mut items: Vec<usize> = (0..100).collect();
        Draw::new(7).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert!(
            (percentile(&values, 0.95) - 95.0).abs() < 1e-9
                && (percentile(&values, 1.0) - 100.0).abs() < 1e-9
        );
        assert!(percentile(&[], 0.5).is_nan());
    }
}
