//! Where a table's buckets were: enough to fetch one ahead of a lookup, without touching the table.
//!
//! A hint may be stored apart from its table, read without the table's lock, and be out of date: it is only ever used for a prefetch,
//! which never faults and changes nothing.

use super::buckets::{Bucket, home};
use super::segment::Segment;
use crate::prefetch::prefetch_address;
use crate::word::TAG_BITS;

/// Bits of an address that tell buckets apart: 48, less the 6 of a cache line.
const ADDRESS_BITS: u32 = 42;

/// The bits that a hint takes; the others are the holder's.
const BITS: u32 = 61;

/// Where the buckets of a table of one segment were.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Hint(u64);

impl Hint {
    pub(super) fn of(root: Segment) -> Hint {
        let count = root.bucket_count() as u64;
        if root.depth() > 0 || count >= 1 << (BITS - ADDRESS_BITS) {
            return Hint::default();
        }
        let line = root.address() as u64 / size_of::<Bucket>() as u64;
        Hint(line & ((1 << ADDRESS_BITS) - 1) | count << ADDRESS_BITS)
    }

    /// The hint as a number below 2^61.
    #[must_use]
    pub const fn into_bits(self) -> u64 {
        self.0
    }

    /// The hint in the low 61 bits of a number.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Hint {
        Hint(bits & ((1 << BITS) - 1))
    }

    /// Asks the processor to bring in the bucket of a hash. Does nothing for a table that has a directory.
    #[inline]
    pub fn prefetch_bucket(self, hash: u64) {
        let count = (self.0 >> ADDRESS_BITS) as usize;
        if count == 0 {
            return;
        }
        let line = self.0 & ((1 << ADDRESS_BITS) - 1);
        let tag = (hash >> (64 - TAG_BITS)) as u32;
        let address = (line as usize + home(tag, count)) * size_of::<Bucket>();
        prefetch_address(std::ptr::without_provenance(address));
    }
}
