//! A small sorted set: members, each followed by its score, in their order in one listpack, as Redis has it.

use base::double::{parse_double, push_double};
use collections::{At, Item, Listpack, ListpackSlice};
use std::cmp::Ordering;
use std::ops::Range;

#[derive(Clone, Debug, PartialEq, Default)]
pub(super) struct Compact(pub(super) Listpack);

/// The same to be read, wherever it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a>(pub(super) &'a ListpackSlice);

/// Where a member stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    at: At,
    pub(super) rank: usize,
    pub(super) score: f64,
}

impl Compact {
    /// The same to be read.
    #[inline]
    pub(super) fn view(&self) -> View<'_> {
        View(&self.0)
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }

    /// Adds a member that is not there.
    pub(super) fn add(&mut self, member: &[u8], score: f64) {
        let mut text = Vec::new();
        // As in Redis, a listpack knows no negative zero: adding zero makes it positive.
        push_double(&mut text, score + 0.0);
        let is_behind = |place: &Place| match place.score.partial_cmp(&score) {
            Some(Ordering::Greater) => true,
            Some(Ordering::Equal) => self.0.item(place.at).with_bytes(|own| own > member),
            Some(Ordering::Less) | None => false,
        };
        let behind = self.view().places().find(is_behind);
        match behind {
            Some(place) => {
                let at = self.0.insert_before(place.at, member);
                self.0.insert_after(at, &text);
            }
            None => {
                self.0.push_back(member);
                self.0.push_back(&text);
            }
        }
    }

    pub(super) fn remove(&mut self, place: Place) {
        self.0.remove(place.at, 2);
    }

    pub(super) fn remove_range(&mut self, ranks: Range<usize>) {
        if let Some(at) = self.0.seek(2 * ranks.start as i64).filter(|_| !ranks.is_empty()) {
            self.0.remove(at, 2 * ranks.len());
        }
    }
}

impl<'a> View<'a> {
    pub(super) fn len(self) -> usize {
        self.0.len() / 2
    }

    fn places(self) -> impl Iterator<Item = Place> + 'a {
        let mut next = self.0.first();
        (0..).map_while(move |rank| {
            let at = next?;
            let score_at = self.0.next(at).expect("a member has a score behind it");
            next = self.0.next(score_at);
            Some(Place { at, rank, score: score(self.0.item(score_at)) })
        })
    }

    pub(super) fn find(self, member: &[u8]) -> Option<Place> {
        self.places().find(|place| self.0.item(place.at).eq_bytes(member))
    }

    /// How many come first for which `before` holds.
    fn count_while(self, before: impl Fn(&Place) -> bool) -> usize {
        self.places().take_while(before).count()
    }

    pub(super) fn rank_by_score(self, before: impl Fn(f64) -> bool) -> usize {
        self.count_while(|place| before(place.score))
    }

    pub(super) fn rank_by_member(self, before: impl Fn(&[u8]) -> bool) -> usize {
        self.count_while(|place| self.0.item(place.at).with_bytes(&before))
    }

    pub(super) fn visit_while(
        self,
        ranks: Range<usize>,
        backwards: bool,
        mut visit: impl FnMut(&[u8], f64) -> bool,
    ) {
        if ranks.is_empty() {
            return;
        }
        let first = if backwards { ranks.end - 1 } else { ranks.start };
        let mut next = self.0.seek(2 * first as i64);
        for _ in ranks {
            let at = next.expect("ranks end with the members");
            let score_at = self.0.next(at).expect("a member has a score behind it");
            let score = score(self.0.item(score_at));
            if !self.0.item(at).with_bytes(|member| visit(member, score)) {
                return;
            }
            next = if backwards {
                self.0.previous(at).and_then(|score_before| self.0.previous(score_before))
            } else {
                self.0.next(score_at)
            };
        }
    }
}

fn score(item: Item<'_>) -> f64 {
    match item {
        Item::Integer(integer) => integer as f64,
        Item::Bytes(bytes) => parse_double(bytes).expect("a score was written as a number"),
    }
}
