//! A leaf: up to 64 members in their order, with their scores beside each other and their bytes in one run.

use super::arena::Arena;
use crate::prefetch::{prefetch, prefetch_address};

/// How many members a leaf holds at most.
pub(super) const MEMBERS_MAX: usize = 64;

/// Longer members have an allocation of their own, and a leaf holds their number.
pub(super) const INLINE_BYTES_MAX: usize = 128;

/// In what steps the run of bytes grows: a leaf that is half full takes little more than half the memory.
const BYTES_STEP: usize = 64;

/// Set in the end of a member that is not here.
const IS_LONG: u16 = 1 << 15;

/// There is no such node.
pub(super) const NONE: u32 = u32::MAX;

/// What a leaf keeps of a member.
#[derive(Clone, Copy)]
pub(super) enum Stored<'a> {
    /// Its bytes.
    Inline(&'a [u8]),
    /// The number under which they are kept.
    Long(u32),
}

#[derive(Debug)]
pub(super) struct Leaf {
    scores: [f64; MEMBERS_MAX],
    /// Where the bytes of each member end, and whether they are a number.
    ends: [u16; MEMBERS_MAX],
    /// A byte of each member's hash.
    tags: [u8; MEMBERS_MAX],
    len: u8,
    pub(super) parent: u32,
    pub(super) previous: u32,
    pub(super) next: u32,
    bytes: Vec<u8>,
}

impl Leaf {
    pub(super) const fn new() -> Leaf {
        Leaf {
            scores: [0.0; MEMBERS_MAX],
            ends: [0; MEMBERS_MAX],
            tags: [0; MEMBERS_MAX],
            len: 0,
            parent: NONE,
            previous: NONE,
            next: NONE,
            bytes: Vec::new(),
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        usize::from(self.len)
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() == MEMBERS_MAX
    }

    /// The memory of the leaf, itself included.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of::<Leaf>() + self.bytes.capacity()
    }

    #[inline]
    pub(super) fn scores(&self) -> &[f64] {
        &self.scores[..self.len()]
    }

    /// Asks the processor to bring in what members are found by.
    #[inline]
    pub(super) fn prefetch_tags(&self) {
        prefetch(&self.tags[0]);
        prefetch(&self.tags[MEMBERS_MAX - 1]);
        prefetch(&self.bytes);
    }

    /// Asks the processor to bring in the score of the member at a place, and where its bytes are.
    #[inline]
    pub(super) fn prefetch_score(&self, at: usize) {
        prefetch(&self.scores[at]);
        prefetch(&self.ends[at]);
    }

    /// Asks the processor to bring in the bytes of the member at a place; reads where they are.
    #[inline]
    pub(super) fn prefetch_member(&self, at: usize) {
        let bytes = self.bytes.as_ptr().wrapping_add(self.start(at));
        prefetch_address(bytes);
        prefetch_address(bytes.wrapping_add(32));
    }

    pub(super) fn set_score(&mut self, at: usize, score: f64) {
        self.scores[..usize::from(self.len)][at] = score;
    }

    #[inline]
    fn start(&self, at: usize) -> usize {
        if at == 0 { 0 } else { self.end(at - 1) }
    }

    #[inline]
    fn end(&self, at: usize) -> usize {
        usize::from(self.ends[at] & !IS_LONG)
    }

    #[inline]
    pub(super) fn stored(&self, at: usize) -> Stored<'_> {
        let bytes = &self.bytes[self.start(at)..self.end(at)];
        if self.ends[at] & IS_LONG == 0 {
            return Stored::Inline(bytes);
        }
        let number = bytes.try_into().expect("a number has four bytes");
        Stored::Long(u32::from_le_bytes(number))
    }

    /// The bytes of a member; `long` holds those that are not here.
    #[inline]
    pub(super) fn member<'a>(&'a self, at: usize, long: &'a Arena<[u8]>) -> &'a [u8] {
        match self.stored(at) {
            Stored::Inline(bytes) => bytes,
            Stored::Long(number) => long.at(number),
        }
    }

    /// The places of members whose hash has this byte, one bit each.
    #[inline]
    pub(super) fn tagged(&self, tag: u8) -> u64 {
        let mut places = 0;
        for (at, &own) in self.tags.iter().enumerate() {
            places |= u64::from(own == tag) << at;
        }
        places & u64::MAX.checked_shr((MEMBERS_MAX - self.len()) as u32).unwrap_or(0)
    }

    pub(super) fn insert(&mut self, at: usize, score: f64, tag: u8, stored: Stored<'_>) {
        let len = self.len();
        debug_assert!(at <= len && len < MEMBERS_MAX);
        let number;
        let (bytes, flag) = match stored {
            Stored::Inline(bytes) => (bytes, 0),
            Stored::Long(long) => {
                number = long.to_le_bytes();
                (&number[..], IS_LONG)
            }
        };
        let start = self.start(at);
        self.open_gap(start, bytes.len());
        self.bytes[start..start + bytes.len()].copy_from_slice(bytes);
        self.scores.copy_within(at..len, at + 1);
        self.tags.copy_within(at..len, at + 1);
        self.ends.copy_within(at..len, at + 1);
        self.ends[at + 1..=len].iter_mut().for_each(|end| *end += bytes.len() as u16);
        self.scores[at] = score;
        self.tags[at] = tag;
        self.ends[at] = (start + bytes.len()) as u16 | flag;
        self.len += 1;
    }

    fn open_gap(&mut self, start: usize, gap: usize) {
        let old = self.bytes.len();
        self.reserve(gap);
        self.bytes.resize(old + gap, 0);
        self.bytes.copy_within(start..old, start + gap);
    }

    fn reserve(&mut self, more: usize) {
        let needed = self.bytes.len() + more;
        if needed > self.bytes.capacity() {
            self.bytes.reserve_exact(needed.next_multiple_of(BYTES_STEP) - self.bytes.len());
        }
    }

    fn give_back(&mut self) {
        if self.bytes.capacity() - self.bytes.len() >= 4 * BYTES_STEP {
            self.bytes.shrink_to(self.bytes.len().next_multiple_of(BYTES_STEP));
        }
    }

    pub(super) fn remove(&mut self, at: usize) {
        let len = self.len();
        let (start, end) = (self.start(at), self.end(at));
        self.bytes.copy_within(end.., start);
        self.bytes.truncate(self.bytes.len() - (end - start));
        self.give_back();
        self.scores.copy_within(at + 1..len, at);
        self.tags.copy_within(at + 1..len, at);
        self.ends.copy_within(at + 1..len, at);
        self.ends[at..len - 1].iter_mut().for_each(|other| *other -= (end - start) as u16);
        self.len -= 1;
    }

    /// Takes the members from `at` on into a leaf of their own.
    pub(super) fn split_off(&mut self, at: usize) -> Leaf {
        let mut upper = Leaf::new();
        upper.append(self, at);
        self.bytes.truncate(self.start(at));
        self.give_back();
        self.len = at as u8;
        upper
    }

    /// Adds what `other` holds from `from` on.
    pub(super) fn append(&mut self, other: &Leaf, from: usize) {
        let (own, added) = (self.len(), other.len() - from);
        let start = other.start(from);
        let base = self.bytes.len();
        self.reserve(other.bytes.len() - start);
        self.bytes.extend_from_slice(&other.bytes[start..]);
        self.scores[own..own + added].copy_from_slice(&other.scores[from..other.len()]);
        self.tags[own..own + added].copy_from_slice(&other.tags[from..other.len()]);
        self.ends[own..own + added].copy_from_slice(&other.ends[from..other.len()]);
        for end in &mut self.ends[own..own + added] {
            *end = *end + base as u16 - start as u16;
        }
        self.len += added as u8;
    }
}

// A derived one would leave out the room to spare, which is counted.
impl Clone for Leaf {
    fn clone(&self) -> Leaf {
        let Leaf { scores, ends, tags, len, parent, previous, next, .. } = *self;
        let mut bytes = Vec::with_capacity(self.bytes.capacity());
        bytes.extend_from_slice(&self.bytes);
        Leaf { scores, ends, tags, len, parent, previous, next, bytes }
    }
}
