//! Sorted sets: members in the order of their scores, and of their bytes where those are equal.
//!
//! A small one is a listpack; a large one is a [`Ranking`], which `OBJECT ENCODING` calls `skiplist`, for that is what Redis has in its place.

mod compact;
#[cfg(test)]
mod tests;

use crate::{Encoding, Rules, SortedSetRules};
use collections::{FrozenRanking, ListpackSlice, Ranking, prefetch};
use compact::Compact;
use std::ops::Range;

/// Members, each with a score that is a number.
#[derive(Clone, Debug)]
pub struct SortedSet(Layout);

#[derive(Clone, Debug)]
enum Layout {
    Compact(Compact),
    Ranked(Box<Ranking>),
}

/// A sorted set to be read, wherever it stands.
#[derive(Clone, Copy, Debug)]
pub struct SortedSetRef<'a>(View<'a>);

#[derive(Clone, Copy, Debug)]
enum View<'a> {
    Compact(compact::View<'a>),
    Ranked(&'a Ranking),
}

impl Default for SortedSet {
    fn default() -> SortedSet {
        SortedSet::new()
    }
}

impl SortedSet {
    /// An empty one.
    #[must_use]
    pub fn new() -> SortedSet {
        SortedSet(Layout::Compact(Compact::default()))
    }

    /// The same to be read.
    #[inline]
    #[must_use]
    pub fn view(&self) -> SortedSetRef<'_> {
        SortedSetRef(match &self.0 {
            Layout::Compact(compact) => View::Compact(compact.view()),
            Layout::Ranked(ranking) => View::Ranked(ranking),
        })
    }

    /// A small sorted set as bytes.
    #[must_use]
    pub fn compact(&self) -> Option<(crate::Compact, &[u8])> {
        match &self.0 {
            Layout::Compact(compact) => Some((crate::Compact::SortedSet, compact.0.bytes())),
            Layout::Ranked(_) => None,
        }
    }

    /// The sorted set that these bytes of a small one are.
    #[must_use]
    pub fn of_compact(compact: crate::Compact, bytes: &[u8]) -> Option<SortedSet> {
        let pack = || Compact(ListpackSlice::of(bytes).to_owned());
        (compact == crate::Compact::SortedSet).then(|| SortedSet(Layout::Compact(pack())))
    }

    /// How many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.view().len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.view().is_empty()
    }

    /// The bytes of memory that it owns beyond itself.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match &self.0 {
            Layout::Compact(compact) => compact.heap_bytes(),
            Layout::Ranked(ranking) => size_of::<Ranking>() + ranking.heap_bytes(),
        }
    }

    /// The members as they are now; `None` where it is one run of bytes, of which a clone costs no more.
    #[must_use]
    pub fn freeze(&self) -> Option<FrozenRanking> {
        match &self.0 {
            Layout::Compact(_) => None,
            Layout::Ranked(ranking) => Some(ranking.freeze()),
        }
    }

    /// Asks the processor to bring in what the look-up of a member reads at its `step`-th access to memory, from 0 on; `hash` is the member's
    /// [`member_hash`](collections::member_hash). Reads what the steps before have brought in. Whether another step follows: none does for a small one.
    #[inline]
    pub fn prefetch(&self, hash: u64, step: usize) -> bool {
        let Layout::Ranked(ranking) = &self.0 else { return false };
        if step == 0 {
            prefetch(&**ranking);
            return true;
        }
        ranking.prefetch(hash, step - 1)
    }

    /// About how many allocations are freed when it is dropped.
    #[must_use]
    pub fn free_effort(&self) -> usize {
        match &self.0 {
            Layout::Compact(_) => 1,
            Layout::Ranked(ranking) => ranking.allocations(),
        }
    }

    /// Tells that so many members, the longest of so many bytes, are about to be named: with more or longer ones than a listpack may have, it
    /// becomes large at once, as in Valkey, also where few of them come to be added.
    pub fn expect(&mut self, count: usize, longest: usize, rules: &Rules) {
        if count > rules.sorted_set.entries || longest > rules.sorted_set.value_bytes {
            self.ranked(rules);
        }
    }

    /// Becomes large where it has more members than the rules allow a small one: for one that was laid out elsewhere.
    pub fn outgrow(&mut self, rules: &Rules) {
        self.expect(self.len(), 0, rules);
    }

    /// Gives a member a score; the one that it had.
    pub fn insert(&mut self, member: &[u8], score: f64, rules: &Rules) -> Option<f64> {
        let compact = match &mut self.0 {
            Layout::Compact(compact) => compact,
            Layout::Ranked(ranking) => return ranking.insert(score, member),
        };
        let place = compact.view().find(member);
        if place.is_none() && !has_room(compact, member, &rules.sorted_set) {
            return self.ranked(rules).insert(score, member);
        }
        if place.is_some_and(|place| place.score == score) {
            return Some(score);
        }
        if let Some(place) = place {
            compact.remove(place);
        }
        compact.add(member, score);
        place.map(|place| place.score)
    }

    /// Makes a small one large.
    fn ranked(&mut self, rules: &Rules) -> &mut Ranking {
        if let Layout::Compact(compact) = &self.0 {
            let mut ranking = Ranking::new(rules.seed);
            compact.view().visit_while(0..compact.view().len(), false, |member, score| {
                ranking.insert(score, member);
                true
            });
            self.0 = Layout::Ranked(Box::new(ranking));
        }
        match &mut self.0 {
            Layout::Ranked(ranking) => ranking,
            Layout::Compact(_) => unreachable!("it has just been made large"),
        }
    }

    /// Removes a member; the score that it had.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match &mut self.0 {
            Layout::Compact(compact) => {
                let place = compact.view().find(member)?;
                compact.remove(place);
                Some(place.score)
            }
            Layout::Ranked(ranking) => ranking.remove(member),
        }
    }

    /// Removes the members of these ranks.
    ///
    /// # Panics
    ///
    /// Where the range ends beyond the last.
    pub fn remove_range(&mut self, ranks: Range<usize>) {
        match &mut self.0 {
            Layout::Compact(compact) => compact.remove_range(ranks),
            Layout::Ranked(ranking) => ranking.remove_range(ranks),
        }
    }
}

impl<'a> SortedSetRef<'a> {
    /// The sorted set that these bytes of a small one are.
    #[must_use]
    pub fn of_compact(compact: crate::Compact, bytes: &'a [u8]) -> Option<SortedSetRef<'a>> {
        let view = || compact::View(ListpackSlice::of(bytes));
        (compact == crate::Compact::SortedSet).then(|| SortedSetRef(View::Compact(view())))
    }

    /// How many members there are.
    #[must_use]
    pub fn len(self) -> usize {
        match self.0 {
            View::Compact(compact) => compact.len(),
            View::Ranked(ranking) => ranking.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// How it is laid out.
    #[must_use]
    pub fn encoding(self) -> Encoding {
        match self.0 {
            View::Compact(_) => Encoding::Listpack,
            View::Ranked(_) => Encoding::Skiplist,
        }
    }

    /// The listpack that a small one is: members, each followed by its score.
    #[must_use]
    pub fn listpack(self) -> Option<&'a ListpackSlice> {
        match self.0 {
            View::Compact(compact) => Some(compact.0),
            View::Ranked(_) => None,
        }
    }

    /// The score of a member.
    #[must_use]
    pub fn score(self, member: &[u8]) -> Option<f64> {
        match self.0 {
            View::Compact(compact) => compact.find(member).map(|place| place.score),
            View::Ranked(ranking) => ranking.score(member),
        }
    }

    /// How many members stand before a member, and its score.
    #[must_use]
    pub fn rank(self, member: &[u8]) -> Option<(usize, f64)> {
        match self.0 {
            View::Compact(compact) => compact.find(member).map(|place| (place.rank, place.score)),
            View::Ranked(ranking) => ranking.rank(member),
        }
    }

    /// How many members come first whose scores are `before`, which holds for all up to some score and for none from there on.
    #[must_use]
    pub fn rank_by_score(self, before: impl Fn(f64) -> bool) -> usize {
        match self.0 {
            View::Compact(compact) => compact.rank_by_score(before),
            View::Ranked(ranking) => ranking.rank_by_score(before),
        }
    }

    /// The same by the members' bytes, for members that all have one score.
    #[must_use]
    pub fn rank_by_member(self, before: impl Fn(&[u8]) -> bool) -> usize {
        match self.0 {
            View::Compact(compact) => compact.rank_by_member(before),
            View::Ranked(ranking) => ranking.rank_by_member(before),
        }
    }

    /// Visits the members of these ranks, from the last to the first where `backwards`.
    ///
    /// # Panics
    ///
    /// Where the range ends beyond the last.
    pub fn visit(self, ranks: Range<usize>, backwards: bool, mut visit: impl FnMut(&[u8], f64)) {
        self.visit_while(ranks, backwards, |member, score| {
            visit(member, score);
            true
        });
    }

    /// The same, until `visit` says that it wants no more.
    ///
    /// # Panics
    ///
    /// Where the range ends beyond the last.
    pub fn visit_while(
        self,
        ranks: Range<usize>,
        backwards: bool,
        mut visit: impl FnMut(&[u8], f64) -> bool,
    ) {
        match self.0 {
            View::Compact(compact) => compact.visit_while(ranks, backwards, visit),
            View::Ranked(ranking) if backwards => {
                ranking.range(ranks).rev().all(|(member, score)| visit(member, score));
            }
            View::Ranked(ranking) => {
                ranking.range(ranks).all(|(member, score)| visit(member, score));
            }
        }
    }

    /// Visits all members in their order.
    pub fn visit_all(self, visit: impl FnMut(&[u8], f64)) {
        self.visit(0..self.len(), false, visit);
    }

    /// Visits some members in an order of its own, `count` or more of a large one, all of a small one. Returns the cursor to go on from, 0 at the end.
    /// Members that are there from the first call to the last are visited.
    pub fn scan(self, cursor: u64, count: usize, visit: impl FnMut(&[u8], f64)) -> u64 {
        match self.0 {
            View::Compact(_) => {
                self.visit_all(visit);
                0
            }
            View::Ranked(ranking) => ranking.scan(cursor, count, visit),
        }
    }
}

/// Whether a member more leaves a small one small.
fn has_room(compact: &Compact, member: &[u8], rules: &SortedSetRules) -> bool {
    compact.view().len() < rules.entries
        && member.len() <= rules.value_bytes
        && compact.heap_bytes() + member.len() < LISTPACK_BYTES_MAX
}

/// A listpack is never longer, whatever the rules allow.
const LISTPACK_BYTES_MAX: usize = 1 << 30;

impl PartialEq for SortedSet {
    fn eq(&self, other: &SortedSet) -> bool {
        let (own, other) = (self.view(), other.view());
        let mut equal = own.len() == other.len();
        // Equal scores but for the sign of zero are equal.
        own.visit_all(|member, score| equal = equal && other.score(member) == Some(score));
        equal
    }
}
