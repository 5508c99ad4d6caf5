//! A leaf: some tens of entries in one allocation, found by their fingerprints.
//!
//! ```text
//!   count u16 | entry bytes u16 | fingerprints, a byte each | offsets, u16 each | free ... | entries, newest first
//! ```
//!
//! An offset counts from the end to the beginning of its entry, so that it stays what it is when the leaf grows.
//!
//! An entry is `key length, key` where it has no value, and `0x80 | key length, value length, key, value` where it has one. A key length of
//! 127 says that the entry is too long for a leaf: the number of its place in `Large` follows.

use crate::prefetch::prefetch_address;

const HEADER_BYTES: usize = 4;
/// What an entry takes in front: its fingerprint and its offset.
const INDEX_BYTES: usize = 3;
/// The smallest allocation. Fingerprints are read eight at a time, which this leaves room for.
const BYTES_MIN: usize = 32;
const HAS_VALUE: u8 = 0x80;
const ELSEWHERE: u8 = 0x7f;
const ELSEWHERE_BYTES: usize = 1 + size_of::<u32>();

/// The longest key that stands in a leaf.
const KEY_BYTES_MAX: usize = ELSEWHERE as usize - 1;
/// The longest key with its value that stand in a leaf.
const PAIR_BYTES_MAX: usize = 192;

/// An entry as a leaf has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Entry<'a> {
    /// A key with its value, which is empty where there is none.
    Here(&'a [u8], &'a [u8]),
    /// The number of its place in `Large`.
    Elsewhere(u32),
}

impl Entry<'_> {
    /// Whether a leaf takes this key and this value.
    pub(super) fn fits(key: &[u8], value: &[u8]) -> bool {
        key.len() <= KEY_BYTES_MAX && key.len() + value.len() <= PAIR_BYTES_MAX
    }

    fn bytes(self) -> usize {
        match self {
            Entry::Here(key, []) => 1 + key.len(),
            Entry::Here(key, value) => 2 + key.len() + value.len(),
            Entry::Elsewhere(_) => ELSEWHERE_BYTES,
        }
    }

    fn write(self, to: &mut [u8]) {
        match self {
            Entry::Here(key, []) => {
                to[0] = key.len() as u8;
                to[1..].copy_from_slice(key);
            }
            Entry::Here(key, value) => {
                to[0] = HAS_VALUE | key.len() as u8;
                to[1] = value.len() as u8;
                to[2..2 + key.len()].copy_from_slice(key);
                to[2 + key.len()..].copy_from_slice(value);
            }
            Entry::Elsewhere(place) => {
                to[0] = ELSEWHERE;
                to[1..].copy_from_slice(&place.to_le_bytes());
            }
        }
    }

    /// The entry at the beginning of `bytes`.
    #[inline]
    fn read(bytes: &[u8]) -> Entry<'_> {
        let key = usize::from(bytes[0] & !HAS_VALUE);
        if bytes[0] & HAS_VALUE != 0 {
            let (key, rest) = bytes[2..].split_at(key);
            Entry::Here(key, &rest[..usize::from(bytes[1])])
        } else if key == usize::from(ELSEWHERE) {
            let place = bytes[1..].first_chunk().expect("an entry is whole");
            Entry::Elsewhere(u32::from_le_bytes(*place))
        } else {
            Entry::Here(&bytes[1..=key], &[])
        }
    }
}

/// The size that an allocator gives for a request of `bytes`, for most: four steps between powers of two.
fn fitting(bytes: usize) -> usize {
    if bytes <= BYTES_MIN {
        return BYTES_MIN;
    }
    bytes.next_multiple_of((1 << (bytes - 1).ilog2()) / 4)
}

/// Some entries; an empty one owns no memory.
#[derive(Clone, Default)]
pub(super) struct Leaf(Box<[u8]>);

impl Leaf {
    /// The most that its entries may take, in bytes.
    pub(super) const LOAD_MAX: usize = u16::MAX as usize;

    /// What a key with its value adds to a leaf's load.
    #[inline]
    pub(super) fn load_of(key: &[u8], value: &[u8]) -> usize {
        let fits = Entry::fits(key, value);
        INDEX_BYTES + if fits { Entry::Here(key, value).bytes() } else { ELSEWHERE_BYTES }
    }

    /// Makes room for entries of this load more.
    pub(super) fn reserve(&mut self, load: usize) {
        let bytes = fitting(HEADER_BYTES + self.load() + load);
        if bytes > self.0.len() {
            self.resize(bytes);
        }
    }

    /// An empty one with room for entries of this load.
    pub(super) fn with_room(load: usize) -> Leaf {
        let mut leaf = Leaf::default();
        if load > 0 {
            leaf.resize(fitting(HEADER_BYTES + load));
        }
        leaf
    }

    #[inline]
    pub(super) fn count(&self) -> usize {
        usize::from(self.header(0))
    }

    /// The bytes that its entries take, with what they need in front.
    #[inline]
    pub(super) fn load(&self) -> usize {
        self.entry_bytes() + INDEX_BYTES * self.count()
    }

    #[inline]
    pub(super) fn heap_bytes(&self) -> usize {
        self.0.len()
    }

    /// The entry of this index.
    #[inline]
    pub(super) fn entry(&self, index: usize) -> Option<Entry<'_>> {
        (index < self.count()).then(|| Entry::read(&self.0[self.start(index)..]))
    }

    /// The entries, each with the bytes that it adds to the load.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Entry<'_>, usize)> {
        (0..self.count())
            .map_while(|index| self.entry(index).map(|entry| (entry, entry.bytes() + INDEX_BYTES)))
    }

    /// The index of the entry of this fingerprint that is the one asked for.
    #[inline]
    pub(super) fn find(&self, fingerprint: u8, is_it: impl Fn(Entry<'_>) -> bool) -> Option<usize> {
        self.find_index(fingerprint, |index| self.entry(index).is_some_and(&is_it))
    }

    /// Asks the processor to bring in what entries are found by.
    #[inline]
    pub(super) fn prefetch_index(&self) {
        // Where it is full as leaves are, it lies across two lines.
        prefetch_address(self.0.as_ptr());
        prefetch_address(self.0.as_ptr().wrapping_add(64));
    }

    /// Asks the processor to bring in the first entry of this fingerprint; reads what entries are found by.
    #[inline]
    pub(super) fn prefetch_entry(&self, fingerprint: u8) {
        if let Some(index) = self.probable(fingerprint) {
            let entry = self.0.as_ptr().wrapping_add(self.start(index));
            prefetch_address(entry);
            prefetch_address(entry.wrapping_add(48));
        }
    }

    /// The index that an entry of this fingerprint probably has. Reads no entry.
    #[inline]
    pub(super) fn probable(&self, fingerprint: u8) -> Option<usize> {
        self.find_index(fingerprint, |index| index < self.count())
    }

    /// The index that is the one asked for of those with this fingerprint, and of others by chance.
    #[inline]
    fn find_index(&self, fingerprint: u8, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        const ONES: u64 = 0x0101_0101_0101_0101;
        const HIGHS: u64 = 0x8080_8080_8080_8080;
        let count = self.count();
        let mut first = 0;
        while first < count {
            let word = self.0[HEADER_BYTES + first..].first_chunk().expect("a word to read");
            let differing = u64::from_le_bytes(*word) ^ (ONES * u64::from(fingerprint));
            // A byte of zeros has its high bit set here; a byte above one may, too, which the entry then tells.
            let mut equal = differing.wrapping_sub(ONES) & !differing & HIGHS;
            while equal != 0 {
                let index = first + equal.trailing_zeros() as usize / 8;
                if is_it(index) {
                    return Some(index);
                }
                equal &= equal - 1;
            }
            first += 8;
        }
        None
    }

    /// The value of an entry that stands here and has one.
    pub(super) fn value_mut(&mut self, index: usize) -> &mut [u8] {
        let start = self.start(index);
        let entry = &mut self.0[start..];
        if entry[0] & HAS_VALUE == 0 {
            return &mut [];
        }
        let (key, value) = (usize::from(entry[0] & !HAS_VALUE), usize::from(entry[1]));
        &mut entry[2 + key..][..value]
    }

    /// Adds an entry behind all others.
    ///
    /// # Panics
    ///
    /// Where the leaf would have more than 64 KiB. A mean leaf has half of one, and the map has it divided long before.
    pub(super) fn push(&mut self, fingerprint: u8, entry: Entry<'_>) {
        let (count, size) = (self.count(), entry.bytes());
        let offset = u16::try_from(self.entry_bytes() + size).expect("a leaf holds 64 KiB");
        let needed = HEADER_BYTES + self.load() + INDEX_BYTES + size;
        if needed > self.0.len() {
            self.resize(fitting(needed));
        }
        let offsets = HEADER_BYTES + count;
        self.0.copy_within(offsets..offsets + 2 * count, offsets + 1);
        self.0[offsets] = fingerprint;
        self.set_header(0, count as u16 + 1);
        self.set_header(2, offset);
        self.set_offset(count, offset);
        let start = self.0.len() - usize::from(offset);
        entry.write(&mut self.0[start..][..size]);
    }

    /// Removes an entry; the last one takes its index.
    pub(super) fn remove(&mut self, index: usize) {
        let (count, used, end) = (self.count(), self.entry_bytes(), self.0.len());
        let offset = self.offset(index);
        let start = end - usize::from(offset);
        let size = Entry::read(&self.0[start..]).bytes();
        self.0.copy_within(end - used..start, end - used + size);
        for other in 0..count {
            let behind = self.offset(other);
            if behind > offset {
                self.set_offset(other, behind - size as u16);
            }
        }
        let last = count - 1;
        self.set_offset(index, self.offset(last));
        self.0[HEADER_BYTES + index] = self.0[HEADER_BYTES + last];
        let offsets = HEADER_BYTES + count;
        self.0.copy_within(offsets..offsets + 2 * last, offsets - 1);
        self.set_header(0, last as u16);
        self.set_header(2, (used - size) as u16);
        if last == 0 {
            self.0 = Box::default();
        } else if fitting(HEADER_BYTES + self.load()) * 3 / 2 < self.0.len() {
            self.resize(fitting(HEADER_BYTES + self.load()));
        }
    }

    /// Gives it an allocation of this many bytes.
    fn resize(&mut self, bytes: usize) {
        let (front, back) = (HEADER_BYTES + INDEX_BYTES * self.count(), self.entry_bytes());
        let mut new = vec![0; bytes].into_boxed_slice();
        if !self.0.is_empty() {
            new[..front].copy_from_slice(&self.0[..front]);
            new[bytes - back..].copy_from_slice(&self.0[self.0.len() - back..]);
        }
        self.0 = new;
    }

    #[inline]
    fn entry_bytes(&self) -> usize {
        usize::from(self.header(2))
    }

    #[inline]
    fn header(&self, at: usize) -> u16 {
        match self.0.first_chunk::<HEADER_BYTES>() {
            Some(header) => u16::from_le_bytes([header[at], header[at + 1]]),
            None => 0,
        }
    }

    fn set_header(&mut self, at: usize, number: u16) {
        self.0[at..at + 2].copy_from_slice(&number.to_le_bytes());
    }

    #[inline]
    fn offset(&self, index: usize) -> u16 {
        let at = HEADER_BYTES + self.count() + 2 * index;
        u16::from_le_bytes([self.0[at], self.0[at + 1]])
    }

    fn set_offset(&mut self, index: usize, offset: u16) {
        let at = HEADER_BYTES + self.count() + 2 * index;
        self.0[at..at + 2].copy_from_slice(&offset.to_le_bytes());
    }

    #[inline]
    fn start(&self, index: usize) -> usize {
        self.0.len() - usize::from(self.offset(index))
    }
}
