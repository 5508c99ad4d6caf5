//! Sets: members without order.
//!
//! A set is an intset while it has few members and all are integers, a listpack while it has few and short ones, and a hash table else. It
//! becomes larger by itself and never smaller, as in Redis.

mod build;
mod members;
#[cfg(test)]
mod tests;

use crate::{Compact, Encoding, Rules};
use base::number::parse_i64;
use collections::{Intset, IntsetSlice, Item, Listpack, ListpackSlice, Packed, prefetch};
pub use members::Members;

/// The most integers of an intset, whatever the configuration says.
const INTSET_ENTRIES_MAX: usize = 1 << 30;

/// The most bytes of a listpack, whatever the configuration says.
const LISTPACK_BYTES_MAX: usize = 1 << 30;

/// Members without order.
#[derive(Clone, Debug)]
pub struct Set(Layout);

#[derive(Clone, Debug)]
enum Layout {
    Intset(Intset),
    Listpack(Listpack),
    Hashtable(Box<Packed>),
}

/// A set to be read, wherever it stands.
#[derive(Clone, Copy, Debug)]
pub struct SetRef<'a>(View<'a>);

#[derive(Clone, Copy, Debug)]
enum View<'a> {
    Intset(&'a IntsetSlice),
    Listpack(&'a ListpackSlice),
    Hashtable(&'a Packed),
}

impl Default for Set {
    fn default() -> Set {
        Set::new()
    }
}

impl Set {
    /// An empty set, to begin with as an intset.
    #[must_use]
    pub fn new() -> Set {
        Set(Layout::Intset(Intset::new()))
    }

    /// An empty set, to begin with as a hash table.
    #[must_use]
    pub fn hashtable(rules: &Rules) -> Set {
        Set(Layout::Hashtable(Box::new(Packed::new(rules.seed))))
    }

    /// The same to be read.
    #[inline]
    #[must_use]
    pub fn view(&self) -> SetRef<'_> {
        SetRef(match &self.0 {
            Layout::Intset(integers) => View::Intset(integers),
            Layout::Listpack(items) => View::Listpack(items),
            Layout::Hashtable(map) => View::Hashtable(map),
        })
    }

    /// A small set as bytes.
    #[must_use]
    pub fn compact(&self) -> Option<(Compact, &[u8])> {
        match &self.0 {
            Layout::Intset(integers) => Some((Compact::Intset, integers.bytes())),
            Layout::Listpack(items) => Some((Compact::Set, items.bytes())),
            Layout::Hashtable(_) => None,
        }
    }

    /// The set that these bytes of a small one are.
    #[must_use]
    pub fn of_compact(compact: Compact, bytes: &[u8]) -> Option<Set> {
        match compact {
            Compact::Intset => Some(Set(Layout::Intset(IntsetSlice::of(bytes).to_owned()))),
            Compact::Set => Some(Set(Layout::Listpack(ListpackSlice::of(bytes).to_owned()))),
            Compact::List | Compact::SortedSet | Compact::Hash => None,
        }
    }

    /// The number of members.
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
            Layout::Intset(integers) => integers.heap_bytes(),
            Layout::Listpack(items) => items.heap_bytes(),
            Layout::Hashtable(map) => size_of::<Packed>() + map.heap_bytes(),
        }
    }

    /// Asks the processor to bring in what the look-up of a member reads at its `step`-th access to memory, from 0 on; `hash` is the member's
    /// [`member_hash`](collections::member_hash). Reads what the steps before have brought in. Whether another step follows: none does for a small one.
    #[inline]
    pub fn prefetch(&self, hash: u64, step: usize) -> bool {
        let Layout::Hashtable(map) = &self.0 else { return false };
        if step == 0 {
            prefetch(&**map);
            return true;
        }
        map.prefetch(hash, step - 1)
    }

    /// About how many allocations are freed when it is dropped.
    #[must_use]
    pub fn free_effort(&self) -> usize {
        match &self.0 {
            Layout::Intset(_) | Layout::Listpack(_) => 1,
            Layout::Hashtable(map) => map.leaf_count(),
        }
    }

    /// Chooses the layout for `count` members more, of which `first` is one. They may be there already.
    pub fn expect(&mut self, rules: &Rules, first: &[u8], count: usize) {
        let is_intset = count <= rules.set.intset_entries;
        let is_listpack = count <= rules.set.listpack_entries;
        if self.is_empty() {
            self.0 = if is_intset && parse_i64(first).is_some() {
                Layout::Intset(Intset::new())
            } else if is_listpack {
                Layout::Listpack(Listpack::new())
            } else {
                return *self = Set::hashtable(rules);
            };
            return;
        }
        let fits = match self.0 {
            Layout::Intset(_) => is_intset,
            Layout::Listpack(_) => is_listpack,
            Layout::Hashtable(_) => true,
        };
        if !fits {
            self.make_hashtable(rules);
        }
    }

    /// Becomes a hash table where it has more members than the rules allow a small one: for one that was laid out elsewhere.
    pub fn outgrow(&mut self, rules: &Rules) {
        let most = match self.0 {
            Layout::Intset(_) => intset_entries(rules),
            Layout::Listpack(_) => rules.set.listpack_entries,
            Layout::Hashtable(_) => return,
        };
        if self.len() > most {
            self.make_hashtable(rules);
        }
    }

    /// Adds a member. Returns whether it is new.
    pub fn add(&mut self, rules: &Rules, member: Item<'_>) -> bool {
        match &mut self.0 {
            Layout::Hashtable(map) => member.with_bytes(|bytes| map.insert_new(bytes, b"")),
            Layout::Listpack(_) => member.with_bytes(|bytes| self.add_to_listpack(rules, bytes)),
            Layout::Intset(integers) => match integer(member) {
                Some(integer) => {
                    let is_new = integers.insert(integer);
                    if integers.len() > intset_entries(rules) {
                        self.make_hashtable(rules);
                    }
                    is_new
                }
                None => {
                    member.with_bytes(|bytes| self.add_to_integers(rules, bytes));
                    true
                }
            },
        }
    }

    /// Removes a member. Returns whether it was there.
    pub fn remove(&mut self, member: Item<'_>) -> bool {
        match &mut self.0 {
            Layout::Intset(integers) => {
                integer(member).is_some_and(|integer| integers.remove(integer))
            }
            Layout::Listpack(items) => member.with_bytes(|bytes| {
                let at = find(items, bytes);
                at.is_some_and(|at| {
                    items.remove(at, 1);
                    true
                })
            }),
            Layout::Hashtable(map) => member.with_bytes(|bytes| map.remove(bytes)),
        }
    }

    /// Makes a set an intset whose members are all integers, and few enough: for one that was computed as a whole.
    pub fn narrow(&mut self, rules: &Rules) {
        if matches!(self.0, Layout::Intset(_)) || self.len() > intset_entries(rules) {
            return;
        }
        let mut integers = Vec::with_capacity(self.len());
        for member in self.view().iter() {
            let Some(integer) = integer(member) else { return };
            integers.push(integer);
        }
        integers.sort_unstable();
        let mut intset = Intset::new();
        integers.into_iter().for_each(|integer| {
            intset.insert(integer);
        });
        self.0 = Layout::Intset(intset);
    }

    /// Adds to an intset what is no integer.
    fn add_to_integers(&mut self, rules: &Rules, bytes: &[u8]) {
        let longest = self.view().iter().map(Item::len).max().unwrap_or_default();
        let fits = self.len() < rules.set.listpack_entries
            && bytes.len().max(longest) <= rules.set.listpack_value_bytes;
        if fits {
            let mut items = Listpack::new();
            self.view().iter().for_each(|member| member.with_bytes(|bytes| items.push_back(bytes)));
            items.push_back(bytes);
            self.0 = Layout::Listpack(items);
        } else {
            self.make_hashtable(rules).insert_new(bytes, b"");
        }
    }

    fn add_to_listpack(&mut self, rules: &Rules, bytes: &[u8]) -> bool {
        let Layout::Listpack(items) = &mut self.0 else { unreachable!("only listpacks come here") };
        if find(items, bytes).is_some() {
            return false;
        }
        let fits = items.len() < rules.set.listpack_entries
            && bytes.len() <= rules.set.listpack_value_bytes
            && items.bytes().len() + bytes.len() <= LISTPACK_BYTES_MAX;
        if fits {
            items.push_back(bytes);
        } else {
            self.make_hashtable(rules).insert_new(bytes, b"");
        }
        true
    }

    fn make_hashtable(&mut self, rules: &Rules) -> &mut Packed {
        if !matches!(self.0, Layout::Hashtable(_)) {
            let mut map = Packed::new(rules.seed);
            self.view().iter().for_each(|member| {
                member.with_bytes(|bytes| map.insert_new(bytes, b""));
            });
            self.0 = Layout::Hashtable(Box::new(map));
        }
        match &mut self.0 {
            Layout::Hashtable(map) => map,
            Layout::Intset(_) | Layout::Listpack(_) => unreachable!("it was made one"),
        }
    }
}

impl<'a> SetRef<'a> {
    /// The set that these bytes of a small one are.
    #[must_use]
    pub fn of_compact(compact: Compact, bytes: &'a [u8]) -> Option<SetRef<'a>> {
        match compact {
            Compact::Intset => Some(SetRef(View::Intset(IntsetSlice::of(bytes)))),
            Compact::Set => Some(SetRef(View::Listpack(ListpackSlice::of(bytes)))),
            Compact::List | Compact::SortedSet | Compact::Hash => None,
        }
    }

    /// An empty set for members of this one: an intset where it is one, else a listpack.
    #[must_use]
    pub fn new_for_members(self) -> Set {
        match self.0 {
            View::Intset(_) => Set::new(),
            View::Listpack(_) | View::Hashtable(_) => Set(Layout::Listpack(Listpack::new())),
        }
    }

    /// The number of members.
    #[inline]
    #[must_use]
    pub fn len(self) -> usize {
        match self.0 {
            View::Intset(integers) => integers.len(),
            View::Listpack(items) => items.len(),
            View::Hashtable(map) => map.len(),
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
            View::Intset(_) => Encoding::Intset,
            View::Listpack(_) => Encoding::Listpack,
            View::Hashtable(_) => Encoding::Hashtable,
        }
    }

    /// Whether `member` is one.
    #[inline]
    #[must_use]
    pub fn contains(self, member: Item<'_>) -> bool {
        match self.0 {
            View::Intset(integers) => {
                integer(member).is_some_and(|integer| integers.contains(integer))
            }
            View::Listpack(items) => member.with_bytes(|bytes| find(items, bytes).is_some()),
            View::Hashtable(map) => member.with_bytes(|bytes| map.contains(bytes)),
        }
    }

    /// The members. Two sets that are hash tables give those that they share in the same order, but for neighbours.
    #[must_use]
    pub fn iter(self) -> Members<'a> {
        match self.0 {
            View::Intset(integers) => Members::of_intset(integers),
            View::Listpack(items) => Members::of_listpack(items),
            View::Hashtable(map) => Members::of_hashtable(map),
        }
    }

    /// A member by chance, each as likely as any other; `random` decides.
    #[must_use]
    pub fn sample(self, random: u64) -> Option<Item<'a>> {
        let index = || random.checked_rem(self.len() as u64);
        match self.0 {
            View::Intset(integers) => integers.at(index()? as usize).map(Item::Integer),
            View::Listpack(items) => items.seek(index()? as i64).map(|at| items.item(at)),
            View::Hashtable(map) => map.sample(random).map(|(member, _)| Item::Bytes(member)),
        }
    }

    /// Visits members from a cursor on, and returns the next cursor: 0 at the beginning, and again at the end. A small set is visited at
    /// once. See [`Packed::scan`] for what is promised.
    pub fn scan(self, cursor: u64, visit: &mut dyn FnMut(Item<'_>)) -> u64 {
        match self.0 {
            View::Hashtable(map) => map.scan(cursor, &mut |member, _| visit(Item::Bytes(member))),
            View::Intset(_) | View::Listpack(_) => {
                self.iter().for_each(visit);
                0
            }
        }
    }
}

impl PartialEq for Set {
    fn eq(&self, other: &Set) -> bool {
        let (own, other) = (self.view(), other.view());
        own.len() == other.len() && own.iter().all(|member| other.contains(member))
    }
}

fn intset_entries(rules: &Rules) -> usize {
    rules.set.intset_entries.min(INTSET_ENTRIES_MAX)
}

/// The integer of which a member is the canonical text.
#[inline]
fn integer(member: Item<'_>) -> Option<i64> {
    match member {
        Item::Integer(integer) => Some(integer),
        Item::Bytes(bytes) => parse_i64(bytes),
    }
}

fn find(items: &ListpackSlice, bytes: &[u8]) -> Option<collections::At> {
    items.find(items.first()?, bytes, 0)
}
