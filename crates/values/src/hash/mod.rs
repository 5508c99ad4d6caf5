//! Hashes: fields with values, and a time to live for those that have one.
//!
//! A hash is a listpack while it has few and short fields and values and none of them expires, a hash table else. It becomes larger by itself
//! and never smaller, as in Redis.
//!
//! A field whose time has come is not there for whoever reads. `now` is always milliseconds since 1970-01-01 UTC.

mod build;
mod frozen;
#[cfg(test)]
mod tests;
mod times;

pub use frozen::FrozenHash;

use crate::{Compact, Encoding, Rules};
use collections::{At, Item, Listpack, ListpackSlice, Packed, prefetch};
use times::Times;

/// The most bytes of a listpack, whatever the configuration says.
const LISTPACK_BYTES_MAX: usize = 1 << 30;

/// Fields with values.
#[derive(Clone, Debug)]
pub struct Hash(Layout);

#[derive(Clone, Debug)]
enum Layout {
    Listpack(Listpack),
    Hashtable(Box<Fields>),
}

/// A hash to be read, wherever it stands.
#[derive(Clone, Copy, Debug)]
pub struct HashRef<'a>(View<'a>);

#[derive(Clone, Copy, Debug)]
enum View<'a> {
    Listpack(&'a ListpackSlice),
    Hashtable(&'a Fields),
}

#[derive(Clone, Debug)]
struct Fields {
    values: Packed,
    /// Of the fields that expire, where there are any.
    times: Option<Box<Times>>,
}

/// What becomes of a field's time when its value is set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FieldExpiry {
    /// As it was.
    Keep,
    /// None.
    Clear,
    /// At this time: milliseconds since 1970-01-01 UTC.
    At(i64),
}

impl Default for Hash {
    fn default() -> Hash {
        Hash::new()
    }
}

impl PartialEq for Hash {
    fn eq(&self, other: &Hash) -> bool {
        let (own, other) = (self.view(), other.view());
        let mut equal = own.len() == other.len();
        own.visit(i64::MIN, |field, value| {
            equal = equal
                && field.with_bytes(|field| {
                    let theirs = other.get(field, i64::MIN);
                    theirs.is_some_and(|theirs| value.with_bytes(|value| theirs.eq_bytes(value)))
                        && own.time(field) == other.time(field)
                });
        });
        equal
    }
}

impl Hash {
    /// One without fields.
    #[must_use]
    pub fn new() -> Hash {
        Hash(Layout::Listpack(Listpack::new()))
    }

    /// The same to be read.
    #[inline]
    #[must_use]
    pub fn view(&self) -> HashRef<'_> {
        HashRef(match &self.0 {
            Layout::Listpack(pack) => View::Listpack(pack),
            Layout::Hashtable(fields) => View::Hashtable(fields),
        })
    }

    /// A small hash as bytes.
    #[must_use]
    pub fn compact(&self) -> Option<(Compact, &[u8])> {
        match &self.0 {
            Layout::Listpack(pack) => Some((Compact::Hash, pack.bytes())),
            Layout::Hashtable(_) => None,
        }
    }

    /// The hash that these bytes of a small one are.
    #[must_use]
    pub fn of_compact(compact: Compact, bytes: &[u8]) -> Option<Hash> {
        let pack = || Hash(Layout::Listpack(ListpackSlice::of(bytes).to_owned()));
        (compact == Compact::Hash).then(pack)
    }

    /// Whether there is no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.view().is_empty()
    }

    /// The bytes of memory that it owns beyond itself.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match &self.0 {
            Layout::Listpack(pack) => pack.heap_bytes(),
            Layout::Hashtable(fields) => {
                let times = fields.times.as_ref().map_or(0, |times| times.heap_bytes());
                size_of::<Fields>() + fields.values.heap_bytes() + times
            }
        }
    }

    /// About how many allocations are freed when it is dropped.
    #[must_use]
    pub fn free_effort(&self) -> usize {
        match &self.0 {
            Layout::Listpack(_) => 1,
            Layout::Hashtable(fields) => {
                fields.values.leaf_count() + fields.times.as_ref().map_or(0, |times| times.len())
            }
        }
    }

    /// Asks the processor to bring in what the look-up of a field reads at its `step`-th access to memory, from 0 on; `hash` is the field's
    /// [`member_hash`](collections::member_hash). Reads what the steps before have brought in. Whether another step follows: none does for a small one.
    #[inline]
    pub fn prefetch(&self, hash: u64, step: usize) -> bool {
        let Layout::Hashtable(fields) = &self.0 else { return false };
        if step == 0 {
            prefetch(&fields.values);
            prefetch(&fields.times);
            return true;
        }
        fields.values.prefetch(hash, step - 1)
    }

    /// Becomes a hash table where it has more fields than the rules allow a listpack, or will have with `more`: for one that was laid out
    /// elsewhere, or is about to be filled.
    pub fn outgrow(&mut self, more: usize, rules: &Rules) {
        if self.view().len().saturating_add(more) > rules.hash.entries {
            self.become_hashtable(rules);
        }
    }

    /// Makes room for pairs of fields and values: where they are too many or too long for a listpack, it becomes a hash table before the first is set.
    pub fn prepare<'a>(&mut self, words: impl ExactSizeIterator<Item = &'a [u8]>, rules: &Rules) {
        let Layout::Listpack(pack) = &self.0 else { return };
        let (mut bytes, most) = (pack.bytes().len(), rules.hash.value_bytes);
        let pairs = words.len() / 2;
        let mut is_too_long = false;
        for word in words {
            bytes += word.len();
            is_too_long |= word.len() > most;
        }
        if pairs > rules.hash.entries || is_too_long || bytes > LISTPACK_BYTES_MAX {
            self.become_hashtable(rules);
        }
    }

    /// Sets a field; [`Hash::prepare`] has been called. Whether the field is new, which is also true of one whose time has come.
    pub fn set(
        &mut self,
        field: &[u8],
        value: &[u8],
        (expiry, now): (FieldExpiry, i64),
        rules: &Rules,
    ) -> bool {
        if matches!(expiry, FieldExpiry::At(_)) {
            self.become_hashtable(rules);
        }
        match &mut self.0 {
            Layout::Listpack(pack) => {
                if let Some(at) = find(pack, field).and_then(|at| pack.next(at)) {
                    pack.replace(at, value);
                    return false;
                }
                pack.push_back(field);
                pack.push_back(value);
                if pack.len() / 2 > rules.hash.entries {
                    self.become_hashtable(rules);
                }
                true
            }
            Layout::Hashtable(fields) => {
                let was_due = fields.is_due(field, now);
                let is_new = fields.values.insert(field, value);
                match expiry {
                    FieldExpiry::Keep if !was_due => {}
                    FieldExpiry::Keep | FieldExpiry::Clear => {
                        fields.forget_time(field);
                    }
                    FieldExpiry::At(at) => fields.set_time(field, at, rules),
                }
                is_new || was_due
            }
        }
    }

    /// Removes a field; whether it was there. One whose time has come is not there, and stays until [`Hash::remove_due`] takes it: whoever does that tells of it.
    pub fn remove(&mut self, field: &[u8], now: i64) -> bool {
        match &mut self.0 {
            Layout::Listpack(pack) => match find(pack, field) {
                Some(at) => {
                    pack.remove(at, 2);
                    true
                }
                None => false,
            },
            Layout::Hashtable(fields) => {
                if fields.is_due(field, now) {
                    return false;
                }
                fields.forget_time(field);
                fields.values.remove(field)
            }
        }
    }

    /// Sets or clears the time of a field that is there.
    pub fn set_time(&mut self, field: &[u8], at: Option<i64>, rules: &Rules) {
        match at {
            None => {
                if let Layout::Hashtable(fields) = &mut self.0 {
                    fields.forget_time(field);
                }
            }
            Some(at) => {
                self.become_hashtable(rules);
                if let Layout::Hashtable(fields) = &mut self.0 {
                    fields.set_time(field, at, rules);
                }
            }
        }
    }

    /// Removes fields whose time has come, `most` at most; which these were.
    pub fn remove_due(&mut self, now: i64, most: usize) -> Vec<Box<[u8]>> {
        let Layout::Hashtable(fields) = &mut self.0 else { return Vec::new() };
        let mut removed = Vec::new();
        while removed.len() < most
            && let Some(field) = fields.times.as_ref().and_then(|times| times.first_due(now))
        {
            fields.values.remove(&field);
            fields.forget_time(&field);
            removed.push(field);
        }
        removed
    }

    fn become_hashtable(&mut self, rules: &Rules) {
        if self.compact().is_none() {
            return;
        }
        let mut values = Packed::new(rules.seed);
        self.view().visit(i64::MIN, |field, value| {
            field.with_bytes(|field| value.with_bytes(|value| values.insert(field, value)));
        });
        self.0 = Layout::Hashtable(Box::new(Fields { values, times: None }));
    }
}

impl<'a> HashRef<'a> {
    /// The hash that these bytes of a small value are.
    #[must_use]
    pub fn of_compact(compact: Compact, bytes: &'a [u8]) -> Option<HashRef<'a>> {
        (compact == Compact::Hash).then(|| HashRef(View::Listpack(ListpackSlice::of(bytes))))
    }

    /// The number of fields, those included whose time has come and that were not removed yet.
    #[must_use]
    pub fn len(self) -> usize {
        match self.0 {
            View::Listpack(pack) => pack.len() / 2,
            View::Hashtable(fields) => fields.values.len(),
        }
    }

    /// The number of fields that are there.
    #[must_use]
    pub fn live_len(self, now: i64) -> usize {
        self.len() - self.times().map_or(0, |times| times.due(now))
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
            View::Listpack(_) => Encoding::Listpack,
            View::Hashtable(_) => Encoding::Hashtable,
        }
    }

    /// The value of a field.
    #[must_use]
    pub fn get(self, field: &[u8], now: i64) -> Option<Item<'a>> {
        match self.0 {
            View::Listpack(pack) => {
                find(pack, field).and_then(|at| pack.next(at)).map(|at| pack.item(at))
            }
            View::Hashtable(fields) => {
                let value = fields.values.get(field)?;
                (!fields.is_due(field, now)).then_some(Item::Bytes(value))
            }
        }
    }

    /// Whether a field is there.
    #[must_use]
    pub fn contains(self, field: &[u8], now: i64) -> bool {
        self.get(field, now).is_some()
    }

    /// Visits the fields that are there, with their values.
    pub fn visit(self, now: i64, mut visit: impl FnMut(Item<'_>, Item<'_>)) {
        match self.0 {
            View::Listpack(pack) => {
                let mut items = pack.iter();
                while let (Some(field), Some(value)) = (items.next(), items.next()) {
                    visit(field, value);
                }
            }
            View::Hashtable(fields) => {
                let may_be_due = fields.may_be_due(now);
                for (field, value) in fields.values.iter() {
                    if !may_be_due || !fields.is_due(field, now) {
                        visit(Item::Bytes(field), Item::Bytes(value));
                    }
                }
            }
        }
    }

    /// Visits some fields that are there, from a cursor on; returns the next, 0 at the end. A listpack is visited as a whole.
    pub fn scan(self, cursor: u64, now: i64, visit: &mut dyn FnMut(&[u8], &[u8])) -> u64 {
        match self.0 {
            View::Listpack(_) => {
                self.visit(now, |field, value| {
                    field.with_bytes(|field| value.with_bytes(|value| visit(field, value)));
                });
                0
            }
            View::Hashtable(fields) => fields.values.scan(cursor, &mut |field, value| {
                if !fields.is_due(field, now) {
                    visit(field, value);
                }
            }),
        }
    }

    /// A field by chance with its value, each as likely as any other; `random` decides. `None` where it hits one whose time has come.
    #[must_use]
    pub fn sample(self, random: u64, now: i64) -> Option<(Item<'a>, Item<'a>)> {
        match self.0 {
            View::Listpack(pack) => {
                let fields = pack.len() as u64 / 2;
                let at = pack.seek((random.checked_rem(fields)? * 2) as i64)?;
                Some((pack.item(at), pack.item(pack.next(at)?)))
            }
            View::Hashtable(fields) => {
                let (field, value) = fields.values.sample(random)?;
                (!fields.is_due(field, now)).then_some((Item::Bytes(field), Item::Bytes(value)))
            }
        }
    }

    /// A field that is there, with its value: the first that is come by.
    #[must_use]
    pub fn first(self, now: i64) -> Option<(Item<'a>, Item<'a>)> {
        match self.0 {
            View::Listpack(pack) => {
                let at = pack.first()?;
                Some((pack.item(at), pack.item(pack.next(at)?)))
            }
            View::Hashtable(fields) => {
                let mut there =
                    fields.values.iter().filter(|(field, _)| !fields.is_due(field, now));
                there.next().map(|(field, value)| (Item::Bytes(field), Item::Bytes(value)))
            }
        }
    }

    /// Whether it is one listpack, which is read from end to end as fast as one of its fields is found.
    #[must_use]
    pub fn is_compact(self) -> bool {
        matches!(self.0, View::Listpack(_))
    }

    /// When a field expires; `None` where it does not, or is not there.
    #[must_use]
    pub fn time(self, field: &[u8]) -> Option<i64> {
        self.times().and_then(|times| times.get(field))
    }

    /// The first time at which one of its fields expires.
    #[must_use]
    pub fn earliest_time(self) -> Option<i64> {
        self.times().and_then(Times::earliest)
    }

    fn times(self) -> Option<&'a Times> {
        match self.0 {
            View::Listpack(_) => None,
            View::Hashtable(fields) => fields.times.as_deref(),
        }
    }
}

impl Fields {
    fn is_due(&self, field: &[u8], now: i64) -> bool {
        self.may_be_due(now)
            && self.times.as_ref().is_some_and(|times| times.get(field).is_some_and(|at| at <= now))
    }

    /// Whether the time of any field has come.
    fn may_be_due(&self, now: i64) -> bool {
        self.times.as_ref().is_some_and(|times| times.earliest().is_some_and(|at| at <= now))
    }

    fn set_time(&mut self, field: &[u8], at: i64, rules: &Rules) {
        self.times.get_or_insert_with(|| Box::new(Times::new(rules.seed))).set(field, at);
    }

    fn forget_time(&mut self, field: &[u8]) {
        let Some(times) = &mut self.times else { return };
        if times.remove(field) && times.is_empty() {
            self.times = None;
        }
    }
}

/// Where a field stands in a listpack of fields and values.
fn find(pack: &ListpackSlice, field: &[u8]) -> Option<At> {
    pack.first().and_then(|first| pack.find(first, field, 1))
}
