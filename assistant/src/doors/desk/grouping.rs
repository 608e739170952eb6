//! Questions that ask much the same, put together for whoever writes answers.

use std::collections::BTreeSet;

/// How alike two questions must be, from 0 (nothing in common) to 1 (the same units in the same pairs).
const ALIKE: f64 = 0.4;

/// What a question is compared by: its units (characters, syllables without affixes, words, numbers) and their pairs.
type Marks = BTreeSet<String>;

/// Puts questions together, each into one group: with the first that is alike enough to a group's first question, or else into a
/// group of its own. Groups come with their largest first; within one the order stays.
///
/// Compares every question with every group's first: seconds for thousands of questions, so not for async threads.
pub(super) fn group<'a>(questions: impl IntoIterator<Item = &'a str>) -> Vec<Vec<usize>> {
    let mut groups: Vec<(Marks, Vec<usize>)> = Vec::new();
    for (number, question) in questions.into_iter().enumerate() {
        let marks = marks(question);
        let best = groups
            .iter_mut()
            .map(|(first, members)| (likeness(first, &marks), members))
            .filter(|(likeness, _)| *likeness >= ALIKE)
            .max_by(|(one, _), (other, _)| one.total_cmp(other));
        match best {
            Some((_, members)) => members.push(number),
            None => groups.push((marks, vec![number])),
        }
    }
    let mut groups: Vec<Vec<usize>> = groups.into_iter().map(|(_, members)| members).collect();
    groups.sort_by_key(|members| std::cmp::Reverse(members.len()));
    groups
}

fn marks(question: &str) -> Marks {
    let units: Vec<String> = language::syllables(question).into_iter().map(|unit| unit.key).collect();
    let pairs = units.windows(2).map(|pair| pair.join("\u{1f}"));
    let marks: Marks = pairs.chain(units.iter().cloned()).collect();
    // Signs alone have no units, and are alike only where they are the same.
    if marks.is_empty() { Marks::from([question.trim().to_owned()]) } else { marks }
}

/// The Jaccard index: what both have, of what either has.
fn likeness(one: &Marks, other: &Marks) -> f64 {
    let both = one.intersection(other).count() as f64;
    both / ((one.len() + other.len()) as f64 - both)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_asks_the_same_in_other_words_is_one_group_and_the_largest_comes_first() {
        let questions = [
            "我家的牦牛死了怎么赔",
            "边防证在哪里办",
            "办边防证在哪里",
            "牦牛死了怎么赔",
            "牦牛死了，怎么赔偿？",
            "འབྲི་གཡག་ཤི་ན་གུན་གསབ་གང་འདྲ་ཡོད།",
            "???",
        ];
        assert_eq!(group(questions), [vec![0, 3, 4], vec![1, 2], vec![5], vec![6]]);
    }

    #[test]
    fn affixes_do_not_tell_tibetan_questions_apart() {
        let questions = ["ཐོབ་ཐང་ལག་འཁྱེར་བརླགས་ན་ག་རེ་བྱེད་དགོས།", "ཐོབ་ཐང་ལག་འཁྱེར་བརླགས་སོང་ག་རེ་བྱེད་དགོས་རེད།"];
        assert_eq!(group(questions).len(), 1);
    }

    #[test]
    fn nothing_makes_no_groups() {
        assert!(group([]).is_empty());
    }
}
