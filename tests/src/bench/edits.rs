//! How far apart two sequences are.

/// Levenshtein distance: the fewest insertions, deletions and substitutions that make one sequence the other.
pub fn edit_distance<T: PartialEq>(one: &[T], two: &[T]) -> usize {
    let mut row: Vec<usize> = (0..=two.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut previous = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in two.iter().enumerate() {
            let substituted = previous + usize::from(a != b);
            previous = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[two.len()]
}
