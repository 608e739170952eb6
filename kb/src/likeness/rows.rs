//! Rows of term numbers, and a question's terms to meet them with.

/// Sorted term numbers of many texts, one row after the other.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    terms: Vec<u32>,
    /// The place after the last term of each row.
    ends: Vec<usize>,
}

impl Rows {
    /// Adds a row, sorted and each term once.
    pub fn push(&mut self, row: &[u32]) {
        self.terms.extend_from_slice(row);
        self.ends.push(self.terms.len());
    }

    /// Where a row lies among the terms of all; empty for one that is not there.
    pub fn range(&self, row: usize) -> std::ops::Range<usize> {
        let start = row.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        start..self.ends.get(row).copied().unwrap_or(start)
    }

    /// One row.
    pub fn row(&self, row: usize) -> &[u32] {
        &self.terms[self.range(row)]
    }

    /// By term: the rows that have it.
    pub fn turned(&self, terms: usize) -> Self {
        // First how many, then where each list ends, then where the next of it goes.
        let mut places = vec![0; terms];
        self.terms.iter().for_each(|term| places[*term as usize] += 1);
        let mut all = 0;
        let ends: Vec<usize> = places
            .iter_mut()
            .map(|place| {
                all += std::mem::replace(place, all);
                all
            })
            .collect();
        let mut turned = Self { terms: vec![0; all], ends };
        for row in 0..self.len() {
            for term in self.row(row) {
                turned.terms[places[*term as usize]] = row as u32;
                places[*term as usize] += 1;
            }
        }
        turned
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }
}

/// The places of a question's terms, found by their numbers. It fits into the nearest cache however many terms the knowledge base has,
/// which a list by term number does not.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Term and place, or [`EMPTY`]; a power of two, [`ROOM`] times as many as terms.
    slots: Vec<(u32, u32)>,
    shift: u32,
}

const EMPTY: u32 = u32::MAX;

/// With so many slots for a term hardly any look takes two steps.
const ROOM: usize = 8;

impl Places {
    pub fn new(terms: impl ExactSizeIterator<Item = u32>) -> Self {
        let bits = (terms.len() * ROOM).next_power_of_two().max(ROOM).trailing_zeros();
        let mut places = Self { slots: vec![(EMPTY, 0); 1 << bits], shift: u32::BITS - bits };
        for (place, term) in (0_u32..).zip(terms) {
            let mut slot = places.slot(term);
            while places.slots[slot].0 != EMPTY {
                slot = (slot + 1) & (places.slots.len() - 1);
            }
            places.slots[slot] = (term, place);
        }
        places
    }

    /// Fibonacci hashing: term numbers of one question may well follow each other.
    fn slot(&self, term: u32) -> usize {
        (term.wrapping_mul(0x9e37_79b9) >> self.shift) as usize
    }

    #[inline]
    pub fn get(&self, term: u32) -> Option<usize> {
        let last = self.slots.len() - 1;
        let mut slot = self.slot(term);
        loop {
            let (found, place) = self.slots[slot & last];
            if found == term {
                return Some(place as usize);
            }
            if found == EMPTY {
                return None;
            }
            slot += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_term_is_found_at_its_place_and_no_other() {
        for number in [0, 1, 3, 200] {
            let terms: Vec<u32> = (0..number).map(|n| n * n * 7 + 3).collect();
            let places = Places::new(terms.iter().copied());
            for (place, term) in terms.iter().enumerate() {
                assert_eq!(places.get(*term), Some(place));
            }
            assert!((0..2_000).filter(|t| !terms.contains(t)).all(|term| places.get(term).is_none()));
        }
    }

    #[test]
    fn rows_are_given_back_as_they_were_added() {
        let mut rows = Rows::default();
        rows.push(&[1, 5]);
        rows.push(&[]);
        rows.push(&[2]);
        assert_eq!(rows.turned(6).row(5), [0]);
        assert_eq!(
            (rows.row(0), rows.row(1), rows.row(2), rows.row(3)),
            (&[1, 5][..], &[][..], &[2][..], &[][..])
        );
    }
}
