//! Many entries at once, as when a file is loaded.
//!
//! Entries that come one after the other go to leaves by chance: each waits for memory, and leaves grow step by step and are split. Entries of which all
//! are known are put into the order of their leaves first, for which there are leaves enough then and in them room.

use super::leaf::Leaf;
use super::{LEAF_LOAD, LEAF_LOAD_MANY, Packed, Spot, fingerprint};
use crate::prefetch::prefetch;

/// The bytes of so many entries behind the one that is added are being brought in.
const ENTRIES_AHEAD: usize = 16;

impl Packed {
    /// Adds `count` entries: `entry` gives the key and the value of each. Returns whether all keys were new; where one is there already, or stands
    /// among them twice, some are added and others not.
    ///
    /// # Panics
    ///
    /// Where they are 2^32 or more.
    pub fn extend_new<'e>(
        &mut self,
        count: usize,
        entry: impl Fn(usize) -> (&'e [u8], &'e [u8]),
    ) -> bool {
        let load_of = |number| {
            let (key, value) = entry(number);
            Leaf::load_of(key, value)
        };
        let load: usize = (0..count).map(load_of).sum();
        while self.leaves.len() * LEAF_LOAD < self.load + load {
            self.split();
        }
        let ordered = self.in_order_of_leaves(count, |number| entry(number).0);
        for (index, &(hash, number)) in ordered.iter().enumerate() {
            if let Some(&(_, ahead)) = ordered.get(index + ENTRIES_AHEAD)
                && let Some(first) = entry(ahead as usize).0.first()
            {
                prefetch(first);
            }
            let leaf = self.leaf_of(hash);
            if index == 0 || self.leaf_of(ordered[index - 1].0) != leaf {
                let group = ordered[index..].iter().take_while(|one| self.leaf_of(one.0) == leaf);
                let load: usize = group.map(|&(_, number)| load_of(number as usize)).sum();
                self.change(leaf, |leaf| leaf.reserve(load.min(LEAF_LOAD_MANY)));
            }
            let (key, value) = entry(number as usize);
            let spot = Spot { leaf, fingerprint: fingerprint(hash) };
            if self.find(spot, key).is_some() {
                return false;
            }
            self.push(spot, key, value);
        }
        true
    }

    /// The hashes of keys and their numbers, sorted by the leaves that there are now.
    fn in_order_of_leaves<'e>(
        &self,
        count: usize,
        key: impl Fn(usize) -> &'e [u8],
    ) -> Vec<(u64, u32)> {
        let numbers = 0..u32::try_from(count).expect("less than 2^32 entries");
        let hashes: Vec<u64> = (0..count).map(|number| self.hash(key(number))).collect();
        // Where the next entry of each leaf goes.
        let mut places = vec![0usize; self.leaves.len()];
        hashes.iter().for_each(|&hash| places[self.leaf_of(hash)] += 1);
        let mut before = 0;
        for place in &mut places {
            before += std::mem::replace(place, before);
        }
        let mut ordered = vec![(0, 0); count];
        for (&hash, number) in hashes.iter().zip(numbers) {
            let place = &mut places[self.leaf_of(hash)];
            ordered[*place] = (hash, number);
            *place += 1;
        }
        ordered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: (u64, u64) = (3, 14);

    fn key(number: usize) -> Vec<u8> {
        format!("key:{number}").into_bytes()
    }

    /// Some have no value, and some do not fit in a leaf.
    fn value(number: usize) -> Vec<u8> {
        vec![number as u8; if number.is_multiple_of(97) { 300 } else { number % 40 }]
    }

    fn pairs(numbers: std::ops::Range<usize>) -> Vec<(Vec<u8>, Vec<u8>)> {
        numbers.map(|number| (key(number), value(number))).collect()
    }

    fn extend(map: &mut Packed, pairs: &[(Vec<u8>, Vec<u8>)]) -> bool {
        map.extend_new(pairs.len(), |index| (&pairs[index].0, &pairs[index].1))
    }

    fn added_one_by_one(pairs: &[(Vec<u8>, Vec<u8>)]) -> Packed {
        let mut map = Packed::new(SEED);
        assert!(pairs.iter().all(|(key, value)| map.insert_new(key, value)));
        map
    }

    #[test]
    fn many_at_once_are_the_same_as_one_by_one_and_take_no_more_memory() {
        let all = pairs(0..20_000);
        let expected = added_one_by_one(&all);
        for size in [1, 7, 1000, 20_000] {
            let mut map = Packed::new(SEED);
            for some in all.chunks(size) {
                assert!(extend(&mut map, some));
            }
            assert_eq!(map, expected);
            assert_eq!(map.leaf_count(), expected.leaf_count());
            assert!(map.heap_bytes() <= expected.heap_bytes(), "in chunks of {size}");
            // The sums are right, so that it goes on as any other.
            let mut other = added_one_by_one(&all);
            for (key, value) in &all {
                assert_eq!(map.take(key).as_ref(), Some(value));
                other.remove(key);
            }
            assert!(map.is_empty());
            assert_eq!(map.heap_bytes(), other.heap_bytes());
        }
    }

    #[test]
    fn a_key_that_is_there_is_found() {
        let all = pairs(0..3000);
        for again in [0, 97, 1500, 2999] {
            let mut map = added_one_by_one(&all);
            assert!(!extend(&mut map, &pairs(again..again + 1)));
            let twice = [all.clone(), pairs(again..again + 1)].concat();
            assert!(!extend(&mut Packed::new(SEED), &twice), "{again} stands among them twice");
        }
        assert!(extend(&mut Packed::new(SEED), &[]));
    }

    #[test]
    fn entries_in_the_order_of_another_map_are_told_apart() {
        let other = added_one_by_one(&pairs(0..200_000));
        let ordered: Vec<(Vec<u8>, Vec<u8>)> =
            other.iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
        let mut map = Packed::new(SEED);
        for some in ordered.chunks(10_000) {
            assert!(extend(&mut map, some));
        }
        assert_eq!(map, other);
    }
}
