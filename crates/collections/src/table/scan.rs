//! Walking a table in steps while it changes, and picking from it at random.
//!
//! A cursor is the first 48 bits of a hash. A call visits the records whose hashes lie from the cursor to the
//! end of the cursor's bucket (as many bits of them as the segment's directory bits and tags hold),
//! and returns that end. So the calls of a full scan tile the space of hashes, and since a
//! record's hash does not change, it is visited once if it is there all the time, whatever grows,
//! splits or shrinks between the calls. Twice only when the bits that are known become fewer between two calls,
//! by merges, and the cursor lies between two positions that have become one.

use super::buckets::{first_tag, home, visit_home};
use super::{Table, record};
use crate::record::Record;
use crate::word::{TAG_BITS, Word};

/// A scan's cursor is below 2 to the power of this.
pub(super) const CURSOR_BITS: u32 = 48;

const BELOW_CURSOR: u32 = 64 - CURSOR_BITS;

/// The most bits of a hash that tell intervals apart: as many as are known of every record's, however small its table.
pub const INTERVAL_BITS_MAX: u32 = TAG_BITS;

/// Places that `sample` tries before it takes the next record that there is.
const SAMPLE_TRIES: usize = 64;

impl<O> Table<O> {
    /// Visits the records of the bucket at `cursor` and returns the next cursor. 0 is start and end. Every
    /// record that is there from the start to the end of a full scan is visited, whatever else changes
    /// between the calls. A call may visit none before the end.
    pub fn scan(&self, cursor: u64, visit: &mut dyn FnMut(&Record<O>)) -> u64 {
        self.scan_bucket(cursor, &mut |word| visit(record(word)))
    }

    /// The same over `buckets` buckets, but visits only records that have an expiry, without touching
    /// the memory of the others.
    pub fn scan_volatile(
        &self,
        mut cursor: u64,
        buckets: usize,
        visit: &mut dyn FnMut(&Record<O>),
    ) -> u64 {
        if self.volatile == 0 {
            return 0;
        }
        for _ in 0..buckets {
            cursor = self.scan_bucket(cursor, &mut |word| {
                if word.is_volatile() {
                    visit(record(word));
                }
            });
            if cursor == 0 {
                break;
            }
        }
        cursor
    }

    fn scan_bucket(&self, cursor: u64, visit: &mut dyn FnMut(&Word)) -> u64 {
        if self.is_empty() {
            return 0;
        }
        let from = cursor << BELOW_CURSOR;
        let segment = self.segment_of(from);
        let from_tag = segment.tag(from);
        // SAFETY: the segment is alive, and unchanged while `self` is borrowed.
        let buckets = unsafe { segment.buckets() };
        let home = home(from_tag, buckets.len());
        visit_home(buckets, home, &mut |word| {
            if word.tag() >= from_tag {
                visit(word);
            }
        });
        // The first tag after the segment's last is 2^18, which carries into the directory's bits, or out
        // of the hash to 0.
        let segment_begin = from & !(u64::MAX >> segment.depth());
        let next_tag = u64::from(first_tag(home + 1, buckets.len()));
        let next = segment_begin.wrapping_add(next_tag << (64 - TAG_BITS - segment.depth()));
        next >> BELOW_CURSOR
    }

    /// Visits the records whose hashes begin with these bits: `prefix` of them, at most [`INTERVAL_BITS_MAX`]. Hashes do not change, so that
    /// the intervals of all prefixes of one length have each record once, whatever the table does between the visits.
    pub fn visit_interval<'t>(
        &'t self,
        (prefix, bits): (u64, u32),
        visit: &mut dyn FnMut(&'t Record<O>),
    ) {
        debug_assert!(bits <= INTERVAL_BITS_MAX && prefix >> bits == 0);
        if self.is_empty() {
            return;
        }
        // Shifts by 64 are none.
        let mut from = prefix.checked_shl(64 - bits).unwrap_or(0);
        let last = from | u64::MAX.checked_shr(bits).unwrap_or(0);
        loop {
            let segment = self.segment_of(from);
            let segment_last = from | u64::MAX >> segment.depth();
            let tags = segment.tag(from)..=segment.tag(last.min(segment_last));
            // SAFETY: the segment is alive, and unchanged while `self` is borrowed.
            let buckets = unsafe { segment.buckets() };
            let homes = home(*tags.start(), buckets.len())..=home(*tags.end(), buckets.len());
            for home in homes.take_while(|_| !buckets.is_empty()) {
                visit_home(buckets, home, &mut |word| {
                    if tags.contains(&word.tag()) {
                        visit(record(word));
                    }
                });
            }
            if segment_last >= last {
                return;
            }
            from = segment_last + 1;
        }
    }

    /// An almost uniformly random record; `random` is 64 random bits.
    #[must_use]
    pub fn sample(&self, random: u64) -> Option<&Record<O>> {
        if self.is_empty() {
            return None;
        }
        // Each descriptor stands for `share` places, most of which are rejected where its segment has fewer:
        // so all words are equally probable, whatever the load of their segments is.
        let share = self.words_max();
        let mut state = random;
        let mut descriptor = 0;
        for _ in 0..SAMPLE_TRIES {
            state = mixed(state);
            descriptor = (state >> 32) as usize & (self.descriptor_count() - 1);
            let place = (((state & 0xffff_ffff) * share as u64) >> 32) as usize;
            if let Some(word) = self.word_in_share(descriptor, place) {
                return Some(record(word));
            }
        }
        let first = self.index_at(descriptor);
        let mut index = first;
        loop {
            let segment = self.segment(index);
            // SAFETY: the segment is alive, and unchanged while `self` is borrowed.
            let mut words = unsafe { segment.buckets() }.iter().flat_map(|bucket| bucket.words());
            if let Some(word) = words.next() {
                return Some(record(word));
            }
            index = (index + self.run_of(segment)) & (self.descriptor_count() - 1);
            debug_assert_ne!(index, first, "a table that is not empty has a word");
        }
    }

    /// The word at a place of the part that a descriptor has in its segment, if there is one.
    fn word_in_share(&self, descriptor: usize, place: usize) -> Option<&Word> {
        let segment = self.segment(descriptor);
        // SAFETY: the segment is alive, and unchanged while `self` is borrowed.
        let buckets = unsafe { segment.buckets() };
        let run = self.run_of(segment);
        let part = (buckets.len() * 8).div_ceil(run);
        let place = (place < part).then(|| (descriptor & (run - 1)) * part + place)?;
        buckets.get(place / 8)?.0.get(place % 8).filter(|word| !word.is_empty())
    }
}

/// The finaliser of splitmix64.
fn mixed(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ state >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ state >> 31
}
