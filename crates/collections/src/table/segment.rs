//! A segment: the part of a table whose hashes begin with the same bits, as a descriptor of 16 bytes
//! that stands in the table itself or in its directory.
//!
//! Invariants:
//!
//! 1. `buckets` is the boxed slice of `bucket_count()` buckets that this segment owns, or dangles where the
//!    count is 0. Ownership is by convention: a descriptor is `Copy`, and the directory repeats it (see
//!    `directory`); exactly one `release` or `replace_buckets` follows.
//! 2. A word's tag is the 18 bits of its key's hash that follow the first `depth()` bits.

use super::buckets::{Bucket, capacity, fitting, grown, put};
use crate::word::{TAG_BITS, Word};
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
    pub(super) fn new(depth: u32, buckets: Box<[Bucket]>, len: usize) -> Segment {
        let mut segment = Segment::EMPTY;
        segment.shape = depth << DEPTH_SHIFT;
        segment.len = u32::try_from(len).expect("fewer words than 2^24 buckets hold");
        segment.set_buckets(buckets);
        segment
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
        if self.bucket_count() > 0 {
            // SAFETY: by the caller; the slice came from a box (invariant 1).
            drop(unsafe {
                Box::from_raw(ptr::slice_from_raw_parts_mut(self.buckets, self.bucket_count()))
            });
        }
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
        let mut buckets = empty_buckets(bucket_count);
        // SAFETY: by the caller; the old buckets are released once.
        unsafe {
            for bucket in self.buckets() {
                for &word in bucket.words() {
                    put(&mut buckets, word);
                }
            }
            self.release();
        }
        self.set_buckets(buckets);
    }

    fn set_buckets(&mut self, buckets: Box<[Bucket]>) {
        let count = buckets.len();
        assert!(count <= BUCKETS_MAX, "2^24 buckets of one hash prefix");
        self.buckets = Box::into_raw(buckets).cast();
        self.shape = self.depth() << DEPTH_SHIFT | count as u32;
    }
}

/// `count` buckets without words.
pub(super) fn empty_buckets(count: usize) -> Box<[Bucket]> {
    const _: () = assert!(size_of::<Bucket>() == 64 && size_of::<Word>() == 8);
    // SAFETY: a bucket of zeroes is one of null pointers, which are the empty words.
    unsafe { Box::new_zeroed_slice(count).assume_init() }
}
