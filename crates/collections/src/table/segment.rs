//! A segment: the part of a table whose hashes begin with the same bits, as a descriptor of 16 bytes
//! that stands in the table itself or in its directory.
//!
//! Invariants:
//!
//! 1. `buckets` is a run of the pool of `bucket_count()` buckets, that this segment owns; it dangles where the
//!    count is 0. Ownership is by convention: a descriptor is `Copy`, and the directory repeats it (see
//!    `directory`); exactly one `release` follows.
//! 2. A word's tag is the 18 bits of its key's hash that follow the first `depth()` bits.

use super::buckets::{Bucket, Filling, capacity, fitting, grown};
use super::pool;
use crate::word::{TAG_BITS, Word};
use std::ops::{Deref, DerefMut};
use std::ptr;

/// Buckets that a segment may have at most, whatever the hashes.
const BUCKETS_MAX: usize = (1 << 24) - 1;
const DEPTH_SHIFT: u32 = 24;

#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Segment {
    buckets: *mut Bucket,
    /// Depth (upper 8 bits) and number of buckets.
    shape: u32,
    /// Number of words. Only the first of a segment's descriptors in the directory keeps it.
    pub(super) len: u32,
}

impl Segment {
    pub(super) const EMPTY: Segment = Segment { buckets: ptr::dangling_mut(), shape: 0, len: 0 };

    /// A segment of its own buckets.
    pub(super) fn new(depth: u32, buckets: Buckets, len: usize) -> Segment {
        let len = u32::try_from(len).expect("fewer words than 2^24 buckets hold");
        let buckets = std::mem::ManuallyDrop::new(buckets);
        assert!(buckets.count <= BUCKETS_MAX, "2^24 buckets of one hash prefix");
        let shape = depth << DEPTH_SHIFT | buckets.count as u32;
        Segment { buckets: buckets.at, shape, len }
    }

    /// A descriptor that owns nothing but says a depth and carries a pointer: the root over a directory.
    pub(super) fn root(depth: u32, directory: *mut Segment) -> Segment {
        Segment { buckets: directory.cast(), shape: depth << DEPTH_SHIFT, len: 0 }
    }

    /// What `root` was given.
    #[inline]
    pub(super) fn directory(self) -> *mut Segment {
        self.buckets.cast()
    }

    #[inline]
    pub(super) fn depth(self) -> u32 {
        self.shape >> DEPTH_SHIFT
    }

    #[inline]
    pub(super) fn bucket_count(self) -> usize {
        (self.shape as usize) & BUCKETS_MAX
    }

    /// Where the buckets are.
    #[inline]
    pub(super) fn address(self) -> usize {
        self.buckets.addr()
    }

    #[inline]
    pub(super) fn len(self) -> usize {
        self.len as usize
    }

    /// Bytes of its buckets.
    pub(super) fn memory_bytes(self) -> usize {
        self.bucket_count() * size_of::<Bucket>()
    }

    /// The tag of a hash.
    #[inline]
    pub(super) fn tag(self, hash: u64) -> u32 {
        ((hash << self.depth()) >> (64 - TAG_BITS)) as u32
    }

    #[inline]
    pub(super) fn is_at_capacity(self) -> bool {
        self.len() >= capacity(self.bucket_count())
    }

    /// # Safety
    ///
    /// The segment is alive, and stays so and unchanged for `'a`.
    #[inline]
    pub(super) unsafe fn buckets<'a>(self) -> &'a [Bucket] {
        // SAFETY: by the caller and invariant 1.
        unsafe { std::slice::from_raw_parts(self.buckets, self.bucket_count()) }
    }

    /// # Safety
    ///
    /// The segment is alive, and for `'a` nobody else looks at its buckets.
    #[inline]
    pub(super) unsafe fn buckets_mut<'a>(self) -> &'a mut [Bucket] {
        // SAFETY: by the caller and invariant 1.
        unsafe { std::slice::from_raw_parts_mut(self.buckets, self.bucket_count()) }
    }

    /// Gives the buckets' memory back; the words in it are forgotten.
    ///
    /// # Safety
    ///
    /// The segment is alive; neither it nor a copy is used afterwards.
    pub(super) unsafe fn release(self) {
        drop(Buckets { at: self.buckets, count: self.bucket_count() });
    }

    /// Moves the words to the next larger number of buckets.
    ///
    /// # Safety
    ///
    /// The segment is alive; copies of it are not used afterwards.
    pub(super) unsafe fn grow(&mut self) {
        // SAFETY: by the caller.
        unsafe { self.rebuild(grown(self.bucket_count())) }
    }

    /// Moves the words to as many buckets as they need.
    ///
    /// # Safety
    ///
    /// The segment is alive; copies of it are not used afterwards.
    pub(super) unsafe fn shrink(&mut self) {
        // SAFETY: by the caller.
        unsafe { self.rebuild(fitting(self.len())) }
    }

    /// # Safety
    ///
    /// The segment is alive; copies of it are not used afterwards.
    unsafe fn rebuild(&mut self, bucket_count: usize) {
        let mut buckets = Buckets::new(bucket_count, *self);
        // SAFETY: by the caller; the old buckets are released once.
        unsafe {
            let mut filling = Filling::new(&mut buckets);
            for bucket in self.buckets() {
                for &word in bucket.words() {
                    filling.put(word);
                }
            }
            self.release();
        }
        *self = Segment::new(self.depth(), buckets, self.len());
    }
}

/// The buckets that a segment is going to own, or owned: given back when dropped, without their records.
pub(super) struct Buckets {
    at: *mut Bucket,
    count: usize,
}

impl Buckets {
    /// `count` buckets without words, at least one, for the table of the segment `near`.
    pub(super) fn new(count: usize, near: Segment) -> Buckets {
        const _: () = assert!(size_of::<Bucket>() == 64 && size_of::<Word>() == 8);
        let near = pool::is_pooled(near.bucket_count()).then_some(near.buckets);
        Buckets { at: pool::take(count, near), count }
    }
}

impl Deref for Buckets {
    type Target = [Bucket];

    fn deref(&self) -> &[Bucket] {
        // SAFETY: so many buckets are there; the pool's zeroes are null pointers, which are the empty words.
        unsafe { std::slice::from_raw_parts(self.at, self.count) }
    }
}

impl DerefMut for Buckets {
    fn deref_mut(&mut self) -> &mut [Bucket] {
        // SAFETY: as in `deref`, and `self` is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.at, self.count) }
    }
}

impl Drop for Buckets {
    fn drop(&mut self) {
        if self.count > 0 {
            // SAFETY: it is a run of this count, and owned here.
            unsafe { pool::give_back(self.at, self.count) };
        }
    }
}
