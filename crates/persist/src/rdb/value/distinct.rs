//! Whether items are all different.

use collections::Item;
use std::collections::HashSet;

/// So many items are compared each with each other, without memory.
const FEW: usize = 24;

/// Whether no two items are equal.
pub(super) fn are_distinct<'a>(items: impl Iterator<Item = Item<'a>>) -> bool {
    let mut few = [Item::Integer(0); FEW];
    let mut many: Option<HashSet<Item<'a>>> = None;
    for (count, item) in items.enumerate() {
        let is_new = match &mut many {
            Some(many) => many.insert(item),
            None => !few[..count].contains(&item),
        };
        if !is_new {
            return false;
        }
        if let Some(place) = few.get_mut(count) {
            *place = item;
        } else if many.is_none() {
            many = Some(few.into_iter().chain([item]).collect());
        }
    }
    true
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
}
