//! The directory of a table that has outgrown one segment (extendible hashing), and how segments split
//! and merge.
//!
//! The directory of depth `D` has `2^D` descriptors behind one of its own; the first `D` bits of a hash
//! say which is meant. A segment of depth `d` stands in all `2^(D-d)` descriptors whose index begins with its
//! `d` bits: a *run*, of which the first keeps the length.
//!
//! Invariants:
//!
//! 1. `root.depth() == 0`: the root is the only segment. Otherwise it points to a boxed slice of `1 + 2^D`
//!    descriptors, the first of which counts in `len` the segments whose depth is `D`; at least two are.
//! 2. All descriptors of a run are equal but for `len`, and runs do not overlap.

use super::buckets::{BUCKET_WORDS, Bucket, Filling, fitting};
use super::segment::{Buckets, Segment};
use super::{KeyHasher, Table};
use crate::prefetch::prefetch_address;
use crate::record::Record;
use crate::word::{TAG_BITS, Word};
use std::mem::ManuallyDrop;
use std::ptr;

/// Greatest depth: a cursor has 48 bits, of which a tag takes 18; and hashes that are equal must not
/// make the directory grow for ever.
const DEPTH_MAX: u32 = 26;

/// A segment of this many buckets splits rather than grows: some 900 records hashed at a time. Unit tests
/// have small ones, so that few records make many.
const SPLIT_BUCKETS: usize = if cfg!(test) { 4 } else { 128 };

/// From this depth on segments become larger before they split, so that the directory, which doubles
/// at one go, stays below half a megabyte up to 60 million records.
const DEEP: u32 = if cfg!(test) { 5 } else { 12 };
const SPLIT_BUCKETS_DEEP: usize = SPLIT_BUCKETS * 4;

/// A directory has a descriptor for so many records at most. Good hashes need one for some 300;
/// bad ones would have a directory grow without end.
const RECORDS_PER_DESCRIPTOR: usize = if cfg!(test) { 4 } else { 64 };

/// Two segments become one when they have so few records together: half of what splits one.
const MERGE_LEN: usize = SPLIT_BUCKETS * (BUCKET_WORDS - 1) / 2;

/// Records prefetched at a time while a segment splits.
const SPLIT_WINDOW: usize = 16;

impl<O> Table<O> {
    /// The descriptors, without the directory's own.
    #[inline]
    fn directory(&self) -> &[Segment] {
        debug_assert!(self.root.depth() > 0);
        // SAFETY: the directory is a slice of that many behind the first (invariant 1), borrowed with `self`.
        unsafe { std::slice::from_raw_parts(self.root.directory().add(1), 1 << self.root.depth()) }
    }

    /// The whole slice: the directory's own descriptor first.
    fn directory_mut(&mut self) -> &mut [Segment] {
        debug_assert!(self.root.depth() > 0);
        // SAFETY: as in `directory`.
        unsafe {
            std::slice::from_raw_parts_mut(self.root.directory(), 1 + (1 << self.root.depth()))
        }
    }

    /// The segment of a hash. Its `len` is valid only where `index` of it is asked for.
    #[inline]
    pub(super) fn segment_of(&self, hash: u64) -> Segment {
        if self.root.depth() == 0 {
            return self.root;
        }
        let index = (hash >> (64 - self.root.depth())) as usize;
        // SAFETY: the directory has 2^depth descriptors behind its own, and the index has `depth` bits.
        unsafe { *self.root.directory().add(1 + index) }
    }

    /// Index of the first descriptor of the segment of a hash.
    #[inline]
    pub(super) fn index_of(&self, hash: u64) -> usize {
        let depth = self.root.depth();
        if depth == 0 { 0 } else { self.index_at((hash >> (64 - depth)) as usize) }
    }

    /// Index of the first descriptor of the segment that `descriptor` describes.
    #[inline]
    pub(super) fn index_at(&self, descriptor: usize) -> usize {
        descriptor & !(self.run_of(self.segment(descriptor)) - 1)
    }

    /// Words that a segment has room for at most, but for segments swollen by bad hashes.
    pub(super) fn words_max(&self) -> usize {
        match self.root.depth() {
            0 => self.root.bucket_count() * BUCKET_WORDS,
            depth => split_buckets(depth) * BUCKET_WORDS,
        }
    }

    /// The segment whose first descriptor is at `index`.
    #[inline]
    pub(super) fn segment(&self, index: usize) -> Segment {
        if self.root.depth() == 0 { self.root } else { self.directory()[index] }
    }

    #[inline]
    pub(super) fn segment_mut(&mut self, index: usize) -> &mut Segment {
        if self.root.depth() == 0 { &mut self.root } else { &mut self.directory_mut()[1 + index] }
    }

    /// Number of descriptors.
    #[inline]
    pub(super) fn descriptor_count(&self) -> usize {
        1 << self.root.depth()
    }

    /// Number of descriptors of a segment.
    #[inline]
    pub(super) fn run_of(&self, segment: Segment) -> usize {
        run(self.root.depth(), segment.depth())
    }

    /// Number of segments that need all bits of the directory.
    #[cfg(test)]
    pub(super) fn deepest(&self) -> u32 {
        // SAFETY: the directory's own descriptor stands before the others (invariant 1).
        unsafe { (*self.root.directory()).len }
    }

    /// Writes a segment to all descriptors of its run.
    fn set_segment(&mut self, index: usize, segment: Segment) {
        if self.root.depth() == 0 {
            self.root = segment;
        } else {
            let run = self.run_of(segment);
            self.directory_mut()[1 + index..1 + index + run].fill(segment);
        }
    }

    /// Makes room in the segment of a hash, which is at its capacity: by one step of growth, or by one
    /// split. A split may leave no room where hashes are bad, so the caller asks again.
    pub(super) fn make_room(&mut self, hasher: &impl KeyHasher, index: usize) {
        let depth = self.root.depth();
        let mut segment = self.segment(index);
        if segment.bucket_count() >= split_buckets(depth) && segment.depth() < DEPTH_MAX {
            let pays = self.len >> (depth + 1) >= RECORDS_PER_DESCRIPTOR;
            if segment.depth() < depth || pays {
                return self.split(hasher, index);
            }
        }
        let before = segment.memory_bytes();
        // SAFETY: the segment is alive, and its descriptors are overwritten before they are used.
        unsafe { segment.grow() };
        self.memory += segment.memory_bytes() - before;
        self.set_segment(index, segment);
    }

    /// Splits a segment by its next bit. Where the directory has no bit to tell the halves apart, it is doubled.
    fn split(&mut self, hasher: &impl KeyHasher, index: usize) {
        let segment = self.segment(index);
        let depth = segment.depth() + 1;
        // SAFETY: the segment is alive and not changed below until it is released. Should the hasher panic, the
        // halves' memory is dropped, and the table is as it was: they own no records yet.
        let halves = unsafe { halves::<O>(hasher, segment) };
        let index = if depth > self.root.depth() {
            self.double_directory();
            index * 2
        } else {
            index
        };
        self.memory -= segment.memory_bytes();
        let [front, back] = halves.map(|(buckets, len)| Segment::new(depth, buckets, len));
        self.memory += front.memory_bytes() + back.memory_bytes();
        self.set_segment(index, front);
        self.set_segment(index + self.run_of(front), back);
        if depth == self.root.depth() {
            self.directory_mut()[0].len += 2;
        }
        // SAFETY: all its descriptors have been overwritten.
        unsafe { segment.release() };
    }

    /// A directory of twice the length, each descriptor twice. The segment that is to be split stands in it twice
    /// as well.
    fn double_directory(&mut self) {
        let depth = self.root.depth();
        let mut descriptors = Vec::with_capacity(1 + (2 << depth));
        descriptors.push(Segment::EMPTY);
        if depth == 0 {
            descriptors.extend([self.root; 2]);
        } else {
            descriptors.extend(self.directory().iter().flat_map(|&segment| [segment; 2]));
        }
        self.replace_directory(depth + 1, descriptors);
    }

    /// A directory of half the length, when no segment needs all its bits; of none when one segment is left.
    fn halve_directory(&mut self) {
        let depth = self.root.depth() - 1;
        if depth == 0 {
            let only = self.directory()[0];
            self.replace_directory(0, Vec::new());
            self.root = only;
            return;
        }
        let mut descriptors = Vec::with_capacity(1 + (1 << depth));
        descriptors.push(Segment::EMPTY);
        descriptors.extend(self.directory().iter().step_by(2));
        let deepest = descriptors[1..].iter().filter(|segment| segment.depth() == depth).count();
        descriptors[0].len = deepest as u32;
        self.replace_directory(depth, descriptors);
    }

    /// Drops the old directory, if there is one, and takes the new one, if it is not empty.
    fn replace_directory(&mut self, depth: u32, descriptors: Vec<Segment>) {
        self.release_directory();
        if !descriptors.is_empty() {
            self.memory += size_of::<Segment>() * descriptors.len();
            let descriptors = Box::into_raw(descriptors.into_boxed_slice());
            self.root = Segment::root(depth, descriptors.cast());
        }
    }

    /// Gives back the directory's own memory, after which the root must be set.
    pub(super) fn release_directory(&mut self) {
        if self.root.depth() > 0 {
            let count = 1 + (1 << self.root.depth());
            self.memory -= size_of::<Segment>() * count;
            let descriptors = ptr::slice_from_raw_parts_mut(self.root.directory(), count);
            // SAFETY: it came from a box of this length (invariant 1).
            drop(unsafe { Box::from_raw(descriptors) });
            self.root = Segment::EMPTY;
        }
    }

    /// Called after a removal from the segment at `index`: gives memory back when much of it is unused.
    pub(super) fn take_back_room(&mut self, index: usize) {
        let mut segment = self.segment(index);
        if self.len == 0 {
            return self.release_all();
        }
        if segment.bucket_count() > 1 {
            if segment.len() >= segment.bucket_count() * 2 {
                return;
            }
            self.memory -= segment.memory_bytes();
            // SAFETY: the segment is alive, and its descriptors are overwritten before they are used.
            unsafe { segment.shrink() };
            self.memory += segment.memory_bytes();
            self.set_segment(index, segment);
        }
        let mut index = index;
        while self.root.depth() > 0 {
            let Some(merged) = self.merge(index) else { break };
            index = merged;
        }
    }

    /// Merges a segment with the one that differs in its last bit, when that has the same depth and both are small.
    /// Returns the index of the merged one.
    fn merge(&mut self, index: usize) -> Option<usize> {
        let segment = self.segment(index);
        let run = self.run_of(segment);
        let (front_index, back_index) = (index & !run, index | run);
        let (front, back) = (self.segment(front_index), self.segment(back_index));
        let len = front.len() + back.len();
        if front.depth() != back.depth() || len > MERGE_LEN {
            return None;
        }
        let mut buckets = Buckets::new(fitting(len), segment);
        let mut filling = Filling::new(&mut buckets);
        for (bit, half) in [front, back].into_iter().enumerate() {
            // SAFETY: the halves are alive; each is released once, and its descriptors are overwritten below.
            unsafe {
                for &word in half.buckets().iter().flat_map(Bucket::words) {
                    let tag = (bit as u32) << (TAG_BITS - 1) | word.tag() >> 1;
                    filling.put(word.with_tag(tag));
                }
                half.release();
            }
        }
        self.memory -= front.memory_bytes() + back.memory_bytes();
        let merged = Segment::new(front.depth() - 1, buckets, len);
        self.memory += merged.memory_bytes();
        self.set_segment(front_index, merged);
        if front.depth() < self.root.depth() {
            return Some(front_index);
        }
        self.directory_mut()[0].len -= 2;
        let mut index = front_index;
        while self.root.depth() > 0 && self.directory_mut()[0].len == 0 {
            self.halve_directory();
            index /= 2;
        }
        Some(index)
    }
}

/// Number of buckets from which on segments split.
fn split_buckets(directory_depth: u32) -> usize {
    if directory_depth < DEEP { SPLIT_BUCKETS } else { SPLIT_BUCKETS_DEEP }
}

#[inline]
fn run(directory_depth: u32, segment_depth: u32) -> usize {
    1 << (directory_depth - segment_depth)
}

/// The words of a segment by the first bit of their tags, with the tags of the next depth, for which the keys
/// are hashed again.
///
/// # Safety
///
/// The segment is alive and its words are of records of this type.
unsafe fn halves<O>(hasher: &impl KeyHasher, segment: Segment) -> [(Buckets, usize); 2] {
    // SAFETY: by the caller.
    let buckets = unsafe { segment.buckets() };
    let is_back = |word: &Word| word.tag() >> (TAG_BITS - 1) != 0;
    let words = || buckets.iter().flat_map(Bucket::words);
    let back_len = words().filter(|word| is_back(word)).count();
    let mut halves =
        [segment.len() - back_len, back_len].map(|len| (Buckets::new(fitting(len), segment), len));
    let [(front, _), (back, _)] = &mut halves;
    let mut fillings = [Filling::new(front), Filling::new(back)];
    let mut ahead = words();
    for word in ahead.by_ref().take(SPLIT_WINDOW) {
        prefetch_address(word.address());
    }
    for word in words() {
        if let Some(next) = ahead.next() {
            prefetch_address(next.address());
        }
        // SAFETY: by the caller; the copy is not dropped, so it owns nothing.
        let record = ManuallyDrop::new(unsafe { Record::<O>::from_word(*word) });
        let hash = hasher.hash(record.key());
        debug_assert_eq!(segment.tag(hash), word.tag(), "the hash of a key has changed");
        let tag = ((hash << (segment.depth() + 1)) >> (64 - TAG_BITS)) as u32;
        fillings[usize::from(is_back(word))].put(word.with_tag(tag));
    }
    halves
}
