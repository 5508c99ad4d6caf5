//! Whether items are all different.

use collections::Item;
use std::collections::HashSet;

/// So many items are compared each with each other.
const FEW: usize = 24;

/// Beyond so many they are looked at one after the other, so that a file of equal ones takes no memory for all of them.
const MANY_MAX: usize = 1 << 16;

/// Whether no two items are equal.
///
/// Their fingerprints tell, for nearly always these differ, too. Where two are the same the items are looked at: somebody may have chosen them so.
pub(super) fn are_distinct<'a>(items: impl Iterator<Item = Item<'a>> + Clone) -> bool {
    let mut few = [0; FEW];
    let mut many = Vec::new();
    for (count, print) in items.clone().map(fingerprint).enumerate() {
        if let Some(place) = few.get_mut(count) {
            *place = print;
            // Without a branch for each: the compiler takes several at a time.
            if few[..count].iter().fold(false, |same, &other| same | (other == print)) {
                return are_distinct_themselves(items);
            }
        } else if many.len() < MANY_MAX {
            many.push(print);
        } else {
            return are_distinct_themselves(items);
        }
    }
    if !many.is_empty() {
        many.extend(few);
        many.sort_unstable();
        if many.windows(2).any(|pair| pair[0] == pair[1]) {
            return are_distinct_themselves(items);
        }
    }
    true
}

#[cold]
fn are_distinct_themselves<'a>(mut items: impl Iterator<Item = Item<'a>>) -> bool {
    let mut seen = HashSet::new();
    items.all(|item| seen.insert(item))
}

/// A number that depends on every byte. It is no secret how.
#[inline]
fn fingerprint(item: Item<'_>) -> u64 {
    // Odd numbers without a pattern: fractions of the golden ratio and of the root of two.
    const BYTES: u64 = 0x9e37_79b9_7f4a_7c15;
    const INTEGER: u64 = 0x6a09_e667_f3bc_c909;
    let mixed = |state: u64, word: u64| {
        let product = (state ^ word).wrapping_mul(BYTES);
        product ^ product >> 32
    };
    let bytes = match item {
        Item::Integer(integer) => return mixed(INTEGER, integer as u64),
        Item::Bytes(bytes) => bytes,
    };
    let (words, rest) = bytes.as_chunks::<8>();
    let begun = words
        .iter()
        .fold(mixed(0, bytes.len() as u64), |state, word| mixed(state, u64::from_le_bytes(*word)));
    match (bytes.last_chunk::<8>(), rest) {
        (_, []) => begun,
        // The last bytes once more, some of them for the second time.
        (Some(last), _) => mixed(begun, u64::from_le_bytes(*last)),
        (None, _) => mixed(begun, rest.iter().fold(0, |word, &byte| word << 8 | u64::from(byte))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_of_two_is_found_wherever_it_stands() {
        for count in [0, 1, 2, 23, 24, 25, 26, 100] {
            let items = || (0..count).map(Item::Integer);
            assert!(are_distinct(items()), "{count}");
            for again in 0..count {
                assert!(!are_distinct(items().chain([Item::Integer(again)])), "{again} of {count}");
            }
        }
    }

    #[test]
    fn bytes_that_differ_anywhere_are_different() {
        let text = [b'x'; 40];
        let mut variants: Vec<Vec<u8>> = (0..=text.len()).map(|len| text[..len].to_vec()).collect();
        for len in 1..=text.len() {
            for at in 0..len {
                let mut other = text[..len].to_vec();
                other[at] = b'y';
                variants.push(other);
            }
        }
        let items = || variants.iter().map(|bytes| Item::Bytes(bytes));
        assert!(are_distinct(items()));
        let prints: HashSet<u64> = items().map(fingerprint).collect();
        assert_eq!(prints.len(), variants.len(), "they depend on every byte");
        for again in &variants {
            assert!(!are_distinct(items().chain([Item::Bytes(again)])));
        }
    }

    #[test]
    fn items_of_one_fingerprint_are_looked_at() {
        // The second word of each is what the first has become, so that nothing is left of either.
        let mixed = |state: u64, word: u64| {
            let product = (state ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            product ^ product >> 32
        };
        let pair =
            |word: u64| [word.to_le_bytes(), mixed(mixed(0, 16), word).to_le_bytes()].concat();
        let (one, other) = (pair(1), pair(2));
        assert_eq!(fingerprint(Item::Bytes(&one)), fingerprint(Item::Bytes(&other)));
        assert!(are_distinct([Item::Bytes(&one), Item::Bytes(&other)].into_iter()));
        assert!(!are_distinct(
            [Item::Bytes(&one), Item::Bytes(&other), Item::Bytes(&one)].into_iter()
        ));
    }
}
