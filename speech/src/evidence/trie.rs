//! Prefix tree over the unit strings of a batch, so that shared beginnings are scored once.

use std::{borrow::Cow, ops::Range};

use language::PhoneTrie;

/// Stands in [`Trie::units`] for a phone that the recogniser does not know: no sound supports it.
pub(super) const UNKNOWN: u32 = u32::MAX;

/// A node that the scorers' inner loops would get wrong: its parent is not the node before it, or has the same unit, so that
/// CTC demands a blank between the two.
pub(super) use language::SideLink;
/// A unit string's end: the form that it belongs to, the node of its last unit, and how many units it has.
pub(super) use language::TrieEnd as End;

/// A node's place among a branch's variables, where place 0 is the root and the branch's nodes begin at `start`.
pub(super) const fn place_of(node: u32, start: usize) -> usize {
    if node == 0 { 0 } else { node as usize + 1 - start }
}

/// How many units a tree may have for their numbers to fit into a byte, as all of `language`'s phones do.
pub(super) const NARROW: usize = 256;

/// A prefix tree in an arena, depth first: node 0 is the root, every parent comes before its children.
#[derive(Clone, Debug, Default)]
pub(super) struct Trie<'a> {
    /// By node: its unit, as an index into [`Self::units`]. Empty where all fit into one byte …
    wide: Vec<u16>,
    /// … and stand here.
    narrow: Cow<'a, [u8]>,
    /// Ascending by node.
    side: Cow<'a, [SideLink]>,
    /// First nodes of the root's children, and one past the last node.
    starts: Cow<'a, [u32]>,
    pub ends: Cow<'a, [End]>,
    /// The recogniser classes that nodes refer to: few even where the recogniser has thousands. May hold [`UNKNOWN`].
    pub units: Vec<u32>,
}

impl<'a> Trie<'a> {
    /// The tree that a batch keeps over its phones, for a recogniser whose class `n` is phone `n`.
    pub fn of_phones(phones: &'a PhoneTrie, classes: usize, blank: usize) -> Self {
        let known = |class: usize| if class < classes && class != blank { class as u32 } else { UNKNOWN };
        Self {
            wide: Vec::new(),
            narrow: Cow::Borrowed(&phones.phones),
            side: Cow::Borrowed(&phones.side),
            starts: Cow::Borrowed(&phones.starts),
            ends: Cow::Borrowed(&phones.ends),
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

        let (mut wide, mut side, mut starts) = (vec![0_u16], Vec::new(), Vec::new());
        let mut ends = Vec::with_capacity(strings.len());
        // `path[d]` is the node that holds the first `d` units of the string before this one.
        let mut path = vec![0_u32];
        let mut previous: &[u32] = &[];
        for (form, string) in &strings {
            let shared = string.iter().zip(previous).take_while(|(a, b)| a == b).count();
            path.truncate(shared + 1);
            for depth in shared..string.len() {
                let (node, parent) = (wide.len() as u32, path[depth]);
                // At most 65,536 distinct classes: no published vocabulary that this crate loads has more.
                wide.push(units.partition_point(|&unit| unit < string[depth]) as u16);
                path.push(node);
                let repeats = depth > 0 && string[depth] == string[depth - 1];
                if parent == 0 {
                    starts.push(node);
                } else if parent + 1 != node || repeats {
                    side.push(SideLink { node, parent, repeats });
                }
            }
            ends.push(End { form: *form, node: path[string.len()], units: string.len() as u32 });
            previous = string;
        }
        starts.push(wide.len() as u32);
        let fits = units.len() <= NARROW;
        let narrow = if fits { wide.iter().map(|&unit| unit as u8).collect() } else { Vec::new() };
        Self {
            wide: if fits { Vec::new() } else { wide },
            narrow: Cow::Owned(narrow),
            side: Cow::Owned(side),
            starts: Cow::Owned(starts),
            ends: Cow::Owned(ends),
            units,
        }
    }

    /// How many nodes there are, the root included.
    pub fn nodes(&self) -> usize {
        self.narrow.len().max(self.wide.len())
    }

    /// Length of a row of values by unit that [`Self::spread`] takes.
    pub fn row_length(&self) -> usize {
        if self.narrow.is_empty() { self.units.len().max(1) } else { NARROW }
    }

    /// Gives every node of a range its unit's value.
    pub fn spread<T: Copy>(&self, row: &[T], range: Range<usize>, values: &mut [T]) {
        // A row that cannot be too short needs no check for every node.
        if let (Ok(row), false) = (<&[T; NARROW]>::try_from(row), self.narrow.is_empty()) {
            for (value, &unit) in values.iter_mut().zip(&self.narrow[range]) {
                *value = row[usize::from(unit)];
            }
        } else {
            for (value, &unit) in values.iter_mut().zip(&self.wide[range]) {
                *value = row[usize::from(unit)];
            }
        }
    }

    /// The nodes under each of the root's children, those included.
    pub fn branches(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.starts.windows(2).map(|pair| pair[0] as usize..pair[1] as usize)
    }

    /// Nodes that are the beginning of a string only, with how many units lead to them: at least `least`, and at least `lacking` more to the
    /// nearest end.
    pub fn beginnings(&self, least: usize, lacking: usize) -> Vec<(usize, u32)> {
        let parents = self.parents();
        let mut depths = vec![0_u32; parents.len()];
        for node in 1..parents.len() {
            depths[node] = depths[parents[node] as usize] + 1;
        }
        let mut nearest = vec![u32::MAX; parents.len()];
        for end in &*self.ends {
            nearest[end.node as usize] = 0;
        }
        for node in (1..parents.len()).rev() {
            let from_parent = nearest[node].saturating_add(1);
            let parent = &mut nearest[parents[node] as usize];
            *parent = (*parent).min(from_parent);
        }
        let begins = |node: usize| depths[node] as usize >= least && nearest[node] as usize >= lacking;
        (1..depths.len()).filter(|node| begins(*node)).map(|node| (node, depths[node])).collect()
    }

    /// By node: its parent; the root's is the root.
    fn parents(&self) -> Vec<u32> {
        let mut parents: Vec<u32> = (0..self.nodes() as u32).map(|node| node.saturating_sub(1)).collect();
        for branch in self.branches().filter(|branch| !branch.is_empty()) {
            parents[branch.start] = 0;
        }
        for link in &*self.side {
            parents[link.node as usize] = link.parent;
        }
        parents
    }

    /// The side links of a range of nodes.
    pub fn side_links(&self, range: &Range<usize>) -> &[SideLink] {
        let at = |node: usize| self.side.partition_point(|link| (link.node as usize) < node);
        &self.side[at(range.start)..at(range.end)]
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
        assert_eq!(trie.nodes(), 5, "root, 7, 77, 773, 79");
        assert_eq!(trie.branches().collect::<Vec<_>>(), vec![1..5]);
        assert!(trie.side.iter().all(|link| link.parent < link.node));
        assert_eq!(trie.units, [3, 7, 9]);
        assert_eq!(trie.side.iter().filter(|link| link.repeats).count(), 1);
        let mut forms: Vec<(u32, u32)> = trie.ends.iter().map(|end| (end.form, end.units)).collect();
        forms.sort_unstable();
        assert_eq!(forms, [(0, 3), (1, 2), (3, 2), (4, 2)]);
    }
}
