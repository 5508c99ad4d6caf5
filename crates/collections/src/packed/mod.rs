//! A map of byte strings for large sets and hashes: a few bytes beside an entry's own, and no allocation for one.
//!
//! Entries stand in *leaves* of about half a kilobyte, by the low bits of the key's hash. Leaves come and go one at a time (linear hashing): the
//! leaf that is added takes about half of the entries of the one whose turn it is, the leaf that is removed gives its entries back. So
//! nothing takes time in the size of the whole.
//!
//! ```text
//!   6 leaves:    0    1    2    3    4    5        leaves 4 and 5 came from 0 and 1, by the third bit; 2 is the next to be split
//!   hashes:    000  001  x10  x11  100  101
//! ```
//!
//! Entries may come in the order of the hashes: whoever copies one map into another of the same seed adds them so. All of them meet in one leaf then, until
//! there are leaves enough to tell them apart. So a leaf that has become far too large brings leaves faster than the load of the whole does, and none is
//! removed whose entries would make another too large.
//!
//! Read backwards, the hash bits of a leaf are an interval, and a leaf that is split or merged is an interval that is: a
//! [`scan`](Packed::scan) goes from interval to interval. Two maps of the same seed are walked in the same order, so that who
//! looks the entries of one up in the other finds its leaves in the cache.

mod extend;
mod iter;
mod large;
mod leaf;
#[cfg(test)]
mod tests;

use crate::chunked::Chunked;
use crate::member_hash::member_hash;
use crate::prefetch::prefetch;
pub use iter::PackedIter;
use large::Large;
use leaf::{Entry, Leaf};

/// The mean load of a leaf, in bytes, above which one is added.
const LEAF_LOAD: usize = 512;

/// A leaf with more than this, in bytes, has more than chance gives it: its map was filled in the order of the hashes, or emptied so.
const LEAF_LOAD_MANY: usize = 8 * LEAF_LOAD;

/// So much of a leaf's load is worth a leaf more at once, where it has so much.
const LOAD_PER_SPLIT: usize = LEAF_LOAD / 4;

/// So many leaves are removed at once, where there are far too many for what is left.
const MERGES_MAX: usize = 4;

/// So many leaves are copied at once where somebody else holds them: the more there are, the fewer chunks a copy of the map has to name.
const CHUNK: usize = 16;

/// How often a sample is drawn before it is taken from wherever there is an entry.
const SAMPLE_TRIES: usize = 64;

/// A map of byte strings to byte strings, in no order. A clone shares all entries, at the cost of some nanoseconds for each chunk of leaves.
#[derive(Clone)]
pub struct Packed {
    seed: (u64, u64),
    leaves: Chunked<Leaf, CHUNK>,
    large: Large,
    len: usize,
    /// What the leaves have together.
    load: usize,
    /// The bytes of leaves and long entries.
    entries_bytes: usize,
    /// As many entries as a leaf ever had.
    fullest: usize,
}

/// A key's leaf and fingerprint.
#[derive(Clone, Copy)]
struct Spot {
    leaf: usize,
    fingerprint: u8,
}

impl Packed {
    /// An empty map. The seed is of the hash function: who does not know it cannot choose keys that collide.
    #[must_use]
    pub fn new(seed: (u64, u64)) -> Packed {
        let mut leaves = Chunked::new();
        leaves.push(Leaf::default());
        Packed { seed, leaves, large: Large::new(), len: 0, load: 0, entries_bytes: 0, fullest: 0 }
    }

    /// The number of entries.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no entry.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes of memory that it owns. Takes the same time whatever its size.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.entries_bytes + self.leaves.heap_bytes() + self.large.places_bytes()
    }

    /// The number of allocations that are freed with it, about: long entries are not counted.
    #[must_use]
    pub fn leaf_count(&self) -> usize {
        self.leaves.len()
    }

    /// The value of a key.
    #[inline]
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let spot = self.spot(key);
        let index = self.find(spot, key)?;
        self.pair(spot.leaf, index).map(|(_, value)| value)
    }

    /// Whether the key is there.
    #[inline]
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        self.find(self.spot(key), key).is_some()
    }

    /// The value of a key, to be overwritten by one of the same length.
    pub fn value_mut(&mut self, key: &[u8]) -> Option<&mut [u8]> {
        let spot = self.spot(key);
        let index = self.find(spot, key)?;
        match self.leaves.at(spot.leaf).entry(index)? {
            Entry::Here(..) => Some(self.leaves.at_mut(spot.leaf).value_mut(index)),
            Entry::Elsewhere(place) => Some(self.large.value_mut(place)),
        }
    }

    /// Sets the value of a key. Returns whether the key is new.
    pub fn insert(&mut self, key: &[u8], value: &[u8]) -> bool {
        let spot = self.spot(key);
        if let Some(index) = self.find(spot, key) {
            self.overwrite(spot, index, key, value);
            return false;
        }
        self.push(spot, key, value);
        true
    }

    /// Adds a key with its value where it is not there yet. Returns whether it was added.
    pub fn insert_new(&mut self, key: &[u8], value: &[u8]) -> bool {
        let spot = self.spot(key);
        let is_new = self.find(spot, key).is_none();
        if is_new {
            self.push(spot, key, value);
        }
        is_new
    }

    /// Removes a key. Returns whether it was there.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        self.remove_with(key, |_| ()).is_some()
    }

    /// Removes a key and returns its value.
    pub fn take(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        self.remove_with(key, <[u8]>::to_vec)
    }

    /// Removes a key, and returns what `read` makes of its value.
    pub fn remove_with<R>(&mut self, key: &[u8], read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let spot = self.spot(key);
        let index = self.find(spot, key)?;
        let value = self.pair(spot.leaf, index).map(|(_, value)| read(value));
        self.remove_at(spot.leaf, index);
        let is_sparse = self.load < self.leaves.len() * LEAF_LOAD / 8;
        for _ in 0..if is_sparse { MERGES_MAX } else { 1 } {
            if self.leaves.len() > 1 && self.load < self.leaves.len() * LEAF_LOAD / 2 {
                self.merge();
            }
        }
        value
    }

    /// Visits the entries of the leaf at a cursor, and returns the next cursor: 0 at the beginning, and again at the end.
    ///
    /// Whoever goes on from cursor to cursor sees all entries that are there from the beginning to the end, whatever comes and goes
    /// meanwhile; some perhaps twice, where leaves were merged.
    pub fn scan(&self, cursor: u64, visit: &mut dyn FnMut(&[u8], &[u8])) -> u64 {
        let leaf = self.leaf_of(cursor);
        for (entry, _) in self.leaves.at(leaf).iter() {
            let (key, value) = self.resolve(entry);
            visit(key, value);
        }
        self.following(cursor, leaf)
    }

    /// An entry by chance, each as likely as any other; `random` decides. `None` where there is none.
    #[must_use]
    pub fn sample(&self, random: u64) -> Option<(&[u8], &[u8])> {
        let mut state = random;
        // A leaf, and a place of as many as the fullest leaf has: it is missed where there is no entry.
        for _ in 0..SAMPLE_TRIES {
            let leaf = below(&mut state, self.leaves.len());
            if let Some(pair) = self.pair(leaf, below(&mut state, self.fullest.max(1))) {
                return Some(pair);
            }
        }
        let start = below(&mut state, self.leaves.len());
        let filled = (start..self.leaves.len())
            .chain(0..start)
            .find(|&leaf| self.leaves.at(leaf).count() > 0)?;
        self.pair(filled, below(&mut state, self.leaves.at(filled).count()))
    }

    /// All entries.
    #[must_use]
    pub fn iter(&self) -> PackedIter<'_> {
        PackedIter::new(self)
    }

    /// Asks the processor to bring in what the look-up of a key reads at its `step`-th access to memory that is not the map's head, from 0 on; `hash` is the
    /// key's [`member_hash`]. Reads what the steps before have brought in. Whether another step follows.
    #[inline]
    pub fn prefetch(&self, hash: u64, step: usize) -> bool {
        let leaf = self.leaves.at(self.leaf_of(hash));
        match step {
            0 => prefetch(leaf),
            1 => leaf.prefetch_index(),
            _ => leaf.prefetch_entry(fingerprint(hash)),
        }
        step < 2
    }

    #[inline]
    fn hash(&self, key: &[u8]) -> u64 {
        member_hash(self.seed, key)
    }

    #[inline]
    fn spot(&self, key: &[u8]) -> Spot {
        let hash = self.hash(key);
        Spot { leaf: self.leaf_of(hash), fingerprint: fingerprint(hash) }
    }

    /// The leaf of a hash, or of a cursor.
    #[inline]
    fn leaf_of(&self, hash: u64) -> usize {
        let count = self.leaves.len();
        let whole = count.next_power_of_two();
        let leaf = hash as usize & (whole - 1);
        if leaf < count { leaf } else { leaf - whole / 2 }
    }

    /// The cursor of the leaf that follows in the order of the bits read backwards.
    #[inline]
    fn following(&self, cursor: u64, leaf: usize) -> u64 {
        let count = self.leaves.len();
        let whole = count.next_power_of_two();
        let half = whole / 2;
        let is_split = leaf >= half || leaf + half < count;
        let bits = if is_split { whole - 1 } else { half - 1 } as u64;
        (cursor | !bits).reverse_bits().wrapping_add(1).reverse_bits()
    }

    #[inline]
    fn find(&self, spot: Spot, key: &[u8]) -> Option<usize> {
        self.leaves.at(spot.leaf).find(spot.fingerprint, |entry| self.resolve(entry).0 == key)
    }

    #[inline]
    fn pair(&self, leaf: usize, index: usize) -> Option<(&[u8], &[u8])> {
        self.leaves.at(leaf).entry(index).map(|entry| self.resolve(entry))
    }

    #[inline]
    fn resolve<'a>(&'a self, entry: Entry<'a>) -> (&'a [u8], &'a [u8]) {
        match entry {
            Entry::Here(key, value) => (key, value),
            Entry::Elsewhere(place) => self.large.pair(place),
        }
    }

    /// Changes a leaf, and settles the sums.
    fn change(&mut self, leaf: usize, change: impl FnOnce(&mut Leaf)) {
        let leaf = self.leaves.at_mut(leaf);
        let (load, bytes) = (leaf.load(), leaf.heap_bytes());
        change(leaf);
        self.load = self.load - load + leaf.load();
        self.entries_bytes = self.entries_bytes - bytes + leaf.heap_bytes();
        self.fullest = self.fullest.max(leaf.count());
    }

    fn push(&mut self, spot: Spot, key: &[u8], value: &[u8]) {
        let entry = if Entry::fits(key, value) {
            Entry::Here(key, value)
        } else {
            self.entries_bytes += Large::bytes(key, value);
            Entry::Elsewhere(self.large.add(key, value))
        };
        self.change(spot.leaf, |leaf| leaf.push(spot.fingerprint, entry));
        self.len += 1;
        let load = self.leaves.at(spot.leaf).load();
        if load > LEAF_LOAD_MANY {
            self.relieve(load);
        } else if self.load > self.leaves.len() * LEAF_LOAD {
            self.split();
        }
    }

    /// Brings leaves for one that has so large a load: the more, the larger it is. Many pushes share the work that the next doubling takes, unless
    /// the leaf comes near to its end.
    #[cold]
    fn relieve(&mut self, load: usize) {
        let doubling = self.leaves.len();
        let splits = if load > Leaf::LOAD_MAX / 2 { doubling } else { load / LOAD_PER_SPLIT };
        for _ in 0..splits {
            self.split();
        }
    }

    fn overwrite(&mut self, spot: Spot, index: usize, key: &[u8], value: &[u8]) {
        let old = match self.leaves.at(spot.leaf).entry(index).expect("it was found") {
            Entry::Here(..) => self.leaves.at_mut(spot.leaf).value_mut(index),
            Entry::Elsewhere(place) => self.large.value_mut(place),
        };
        if old.len() == value.len() {
            old.copy_from_slice(value);
        } else {
            self.remove_at(spot.leaf, index);
            self.push(spot, key, value);
        }
    }

    fn remove_at(&mut self, leaf: usize, index: usize) {
        if let Some(Entry::Elsewhere(place)) = self.leaves.at(leaf).entry(index) {
            self.entries_bytes -= self.large.remove(place);
        }
        self.change(leaf, |leaf| leaf.remove(index));
        self.len -= 1;
    }

    /// Adds a leaf, and moves to it what belongs there of the leaf that it comes from.
    fn split(&mut self) {
        let new = self.leaves.len();
        let bit = 1 << new.ilog2();
        let old = std::mem::take(self.leaves.at_mut(new - bit));
        let hashes: Vec<u64> =
            old.iter().map(|(entry, _)| self.hash(self.resolve(entry).0)).collect();
        let load_of_new = old
            .iter()
            .zip(&hashes)
            .filter(|&(_, &hash)| hash & bit as u64 != 0)
            .map(|((_, load), _)| load)
            .sum();
        let mut halves = [Leaf::with_room(old.load() - load_of_new), Leaf::with_room(load_of_new)];
        for ((entry, _), &hash) in old.iter().zip(&hashes) {
            halves[usize::from(hash & bit as u64 != 0)].push(fingerprint(hash), entry);
        }
        self.entries_bytes -= old.heap_bytes();
        self.entries_bytes += halves.iter().map(Leaf::heap_bytes).sum::<usize>();
        let [stay, go] = halves;
        *self.leaves.at_mut(new - bit) = stay;
        self.leaves.push(go);
    }

    /// Removes the last leaf, and moves what it has to the leaf that it came from, where that stays of a size.
    fn merge(&mut self) {
        let count = self.leaves.len() - 1;
        let onto = count - (1 << count.ilog2());
        if self.leaves.at(count).load() + self.leaves.at(onto).load() > LEAF_LOAD_MANY {
            return;
        }
        let Some(last) = self.leaves.pop() else { return };
        self.load -= last.load();
        self.entries_bytes -= last.heap_bytes();
        for (entry, _) in last.iter() {
            let fingerprint = fingerprint(self.hash(self.resolve(entry).0));
            self.change(onto, |leaf| leaf.push(fingerprint, entry));
        }
    }
}

impl PartialEq for Packed {
    fn eq(&self, other: &Packed) -> bool {
        self.len == other.len && self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_map().entries(self.iter()).finish()
    }
}

/// The bits of a hash that leaves do not tell.
#[inline]
fn fingerprint(hash: u64) -> u8 {
    (hash >> 56) as u8
}

/// The next number below `bound` of the sequence that `state` begins.
fn below(state: &mut u64, bound: usize) -> usize {
    // SplitMix64, then the high half of a product: uniform but for one in 2^64 / bound.
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ *state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((u128::from(mixed ^ mixed >> 31) * bound as u128) >> 64) as usize
}
