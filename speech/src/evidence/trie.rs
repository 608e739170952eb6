//! Prefix tree over the unit strings of a batch, so that shared beginnings are scored once.

use language::PhoneTrie;

/// Stands in [`Trie::units`] for a phone that the recogniser does not know: no sound supports it.
pub(super) const UNKNOWN: u32 = u32::MAX;

/// How a node hangs in the tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    /// Index of the parent; always smaller than the node's own. The root is its own parent.
    pub parent: u32,
    /// The node's unit, as an index into [`Trie::units`].
    pub unit: u16,
    /// Whether the parent has the same unit, so that CTC demands a blank between the two.
    pub repeats: bool,
}

/// Where a unit string ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// Index of the form in its batch.
    pub form: u32,
    /// The node of the string's last unit.
    pub node: u32,
    /// How many units the string has; at least 1.
    pub length: u32,
}

/// A prefix tree in an arena: node 0 is the root, every parent comes before its children.
#[derive(Clone, Debug)]
pub(super) struct Trie {
    pub links: Vec<Link>,
    pub ends: Vec<End>,
    /// The recogniser classes that nodes refer to: few even where the recogniser has thousands. May hold [`UNKNOWN`].
    pub units: Vec<u32>,
}

impl Trie {
    /// The tree that a batch keeps over its phones, for a recogniser whose class `n` is phone `n`.
    pub fn of_phones(phones: &PhoneTrie, classes: usize, blank: usize) -> Self {
        let known = |class: usize| if class < classes && class != blank { class as u32 } else { UNKNOWN };
        let link = |node: &language::TrieNode| {
            let parent = phones.nodes[node.parent as usize];
            let repeats = node.depth > 1 && parent.phone == node.phone;
            Link { parent: node.parent, unit: u16::from(node.phone.0), repeats }
        };
        Self {
            links: phones.nodes.iter().map(link).collect(),
            ends: phones
                .ends
                .iter()
                .map(|end| End { form: end.form, node: end.node, length: end.units })
                .collect(),
            units: (0..=usize::from(u8::MAX)).map(known).collect(),
        }
    }

    /// Builds the tree of (form, unit string) pairs; empty strings are left out.
    pub fn new(mut strings: Vec<(u32, Vec<u32>)>) -> Self {
        strings.retain(|(_, string)| !string.is_empty());
        strings.sort_unstable_by(|a, b| a.1.cmp(&b.1));
        let mut units: Vec<u32> = strings.iter().flat_map(|(_, string)| string.iter().copied()).collect();
        units.sort_unstable();
        units.dedup();

        let mut links = vec![Link { parent: 0, unit: 0, repeats: false }];
        let mut ends = Vec::with_capacity(strings.len());
        // `path[d]` is the node that holds the first `d` units of the string before this one.
        let mut path = vec![0_u32];
        let mut previous: &[u32] = &[];
        for (form, string) in &strings {
            let shared = string.iter().zip(previous).take_while(|(a, b)| a == b).count();
            path.truncate(shared + 1);
            for depth in shared..string.len() {
                // At most 65,536 distinct classes: no published vocabulary that this crate loads has more.
                let unit = units.partition_point(|&unit| unit < string[depth]) as u16;
                let repeats = depth > 0 && string[depth] == string[depth - 1];
                links.push(Link { parent: path[depth], unit, repeats });
                path.push(links.len() as u32 - 1);
            }
            ends.push(End { form: *form, node: path[string.len()], length: string.len() as u32 });
            previous = string;
        }
        Self { links, ends, units }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_beginnings_are_stored_once_and_parents_come_first() {
        let trie = Trie::new(vec![
            (0, vec![7, 7, 3]),
            (1, vec![7, 7]),
            (2, vec![]),
            (3, vec![7, 9]),
            (4, vec![7, 7]),
        ]);
        assert_eq!(trie.links.len(), 5, "root, 7, 77, 773, 79");
        assert!(trie.links.iter().enumerate().skip(1).all(|(i, link)| (link.parent as usize) < i));
        assert_eq!(trie.units, [3, 7, 9]);
        assert_eq!(trie.links.iter().filter(|link| link.repeats).count(), 1);
        let mut forms: Vec<(u32, u32)> = trie.ends.iter().map(|end| (end.form, end.length)).collect();
        forms.sort_unstable();
        assert_eq!(forms, [(0, 3), (1, 2), (3, 2), (4, 2)]);
    }
}
