//! Forms: sequences of units that stand for something, found in a text without making a key of every stretch of it.

use rustc_hash::FxHashMap;

/// A unit that no form has.
const UNKNOWN: u32 = u32::MAX;

/// Forms with what they stand for, as a tree: a form's place follows from the place of all but its last unit, and that unit's number.
#[derive(Clone, Debug)]
pub struct Forms<T> {
    numbers: FxHashMap<String, u32>,
    places: FxHashMap<(u32, u32), u32>,
    /// By place; the first is that of the empty form.
    meanings: Vec<Vec<T>>,
    longest: usize,
}

impl<T> Default for Forms<T> {
    fn default() -> Self {
        let (numbers, places) = Default::default();
        Self { numbers, places, meanings: vec![Vec::new()], longest: 0 }
    }
}

impl<T: PartialEq> Forms<T> {
    /// Learns that a form (keys of [`crate::Unit`]s, or sounds) stands for something, too.
    pub fn learn(&mut self, units: Vec<String>, meaning: T) {
        self.longest = self.longest.max(units.len());
        let mut place = 0;
        for unit in units {
            let next = self.numbers.len() as u32;
            let number = *self.numbers.entry(unit).or_insert(next);
            let next = self.meanings.len() as u32;
            place = *self.places.entry((place, number)).or_insert(next);
            if place == next {
                self.meanings.push(Vec::new());
            }
        }
        let known = &mut self.meanings[place as usize];
        if !known.contains(&meaning) {
            known.push(meaning);
        }
    }

    /// How many units the longest form has.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// The units of a text as numbers, for [`Self::at`].
    pub fn look_up<'a>(&self, units: impl Iterator<Item = &'a str>) -> Vec<u32> {
        units.map(|unit| self.numbers.get(unit).copied().unwrap_or(UNKNOWN)).collect()
    }

    /// Every form that the units begin with, the shortest first: how many units it has, and what it stands for.
    pub fn at<'a>(&'a self, units: &'a [u32]) -> impl Iterator<Item = (usize, &'a [T])> {
        let places = units.iter().scan(0, |place, unit| {
            // Where a unit is unknown no place follows.
            *place = *self.places.get(&(*place, *unit))?;
            Some(*place)
        });
        let meanings = places.map(|place| self.meanings[place as usize].as_slice());
        meanings
            .enumerate()
            .map(|(at, meanings)| (at + 1, meanings))
            .filter(|(_, meanings)| !meanings.is_empty())
    }

    /// What all the units together stand for.
    pub fn get(&self, units: &[u32]) -> Option<&[T]> {
        let place = units.iter().try_fold(0, |place, unit| self.places.get(&(place, *unit)).copied())?;
        Some(self.meanings[place as usize].as_slice()).filter(|meanings| !meanings.is_empty())
    }

    /// What each form stands for.
    pub fn meanings(&self) -> impl Iterator<Item = &[T]> {
        self.meanings.iter().map(Vec::as_slice).filter(|meanings| !meanings.is_empty())
    }
}
