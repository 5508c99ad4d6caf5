//! Linear probing over buckets of one cache line, in the order of the hash: safe code over a slice.
//!
//! Invariants (`n` buckets):
//!
//! 1. A word's home is bucket `floor(tag * n / 2^18)`, so homes ascend with tags, whatever `n` is.
//! 2. Words stand at the front of a bucket, empty ones behind them.
//! 3. A word stands in its home or, where that and all buckets on the way (cyclically) are full, in a
//!    later one. So a search ends at the first bucket that is not full, and there are no tombstones.
//! 4. At most `7 n` words are kept (`capacity`), so there is always a bucket that is not full.

use crate::word::{TAG_BITS, Word};

/// Words in a bucket.
pub(super) const BUCKET_WORDS: usize = 8;

/// One cache line of words.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Bucket(pub(super) [Word; BUCKET_WORDS]);

/// Where a word stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) bucket: usize,
    pub(super) word: usize,
}

impl Bucket {
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        !self.0[BUCKET_WORDS - 1].is_empty()
    }

    /// Number of words.
    #[inline]
    fn len(&self) -> usize {
        self.0.iter().map(|word| usize::from(!word.is_empty())).sum()
    }

    /// The words.
    #[inline]
    pub(super) fn words(&self) -> impl Iterator<Item = &Word> {
        self.0.iter().take_while(|word| !word.is_empty())
    }

    /// One bit for each word that has this tag; empty ones seem to have tag 0.
    #[inline]
    pub(super) fn matches(&self, tag: u32) -> u32 {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        {
            self.matches_sse2(tag)
        }
        #[cfg(not(all(target_arch = "x86_64", not(miri))))]
        {
            self.matches_portable(tag)
        }
    }

    #[cfg(any(test, not(all(target_arch = "x86_64", not(miri)))))]
    pub(super) fn matches_portable(&self, tag: u32) -> u32 {
        let mut bits = 0;
        for (index, word) in self.0.iter().enumerate() {
            bits |= u32::from(word.tag() == tag) << index;
        }
        bits
    }

    /// The upper halves of all eight words side by side, then one comparison.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    #[inline]
    fn matches_sse2(&self, tag: u32) -> u32 {
        use std::arch::x86_64::{
            _mm_castps_si128, _mm_cmpeq_epi32, _mm_load_ps, _mm_movemask_epi8, _mm_packs_epi16,
            _mm_packs_epi32, _mm_set1_epi32, _mm_setzero_si128, _mm_shuffle_ps, _mm_srli_epi32,
        };
        const ODD: i32 = 0b11_01_11_01;
        const BELOW_TAG: i32 = 32 - TAG_BITS as i32;
        let at = std::ptr::from_ref(self).cast::<f32>();
        // SAFETY: SSE2 belongs to every x86-64; the four loads are the bucket's 64 bytes, aligned to 16.
        unsafe {
            let front = _mm_shuffle_ps::<ODD>(_mm_load_ps(at), _mm_load_ps(at.add(4)));
            let back = _mm_shuffle_ps::<ODD>(_mm_load_ps(at.add(8)), _mm_load_ps(at.add(12)));
            let wanted = _mm_set1_epi32(tag as i32);
            let tags = [front, back].map(|half| {
                let tags = _mm_srli_epi32::<BELOW_TAG>(_mm_castps_si128(half));
                _mm_cmpeq_epi32(tags, wanted)
            });
            let bytes = _mm_packs_epi16(_mm_packs_epi32(tags[0], tags[1]), _mm_setzero_si128());
            _mm_movemask_epi8(bytes) as u32
        }
    }

    /// Takes a word out; the last one fills its place.
    fn take(&mut self, word: usize) -> Word {
        let last = self.len() - 1;
        let taken = self.0[word];
        self.0[word] = self.0[last];
        self.0[last] = Word::EMPTY;
        taken
    }
}

/// Words that `buckets` buckets keep at most.
#[inline]
pub(super) fn capacity(buckets: usize) -> usize {
    buckets * (BUCKET_WORDS - 1)
}

/// The next larger number of buckets: a sixth more. So the load stays between three and three and a half
/// quarters while a table grows, and a word is moved some six times, in passes over words only.
pub(super) fn grown(buckets: usize) -> usize {
    buckets + (buckets / 6).max(1)
}

/// The number of buckets, at least one, that holds `len` words with room for some more.
pub(super) fn fitting(len: usize) -> usize {
    len.div_ceil(BUCKET_WORDS * 3 / 4).max(1)
}

/// The home of a tag.
#[inline]
pub(super) fn home(tag: u32, buckets: usize) -> usize {
    (tag as usize * buckets) >> TAG_BITS
}

/// The least tag whose home is `bucket` or later: `2^18` for `bucket == buckets`.
#[inline]
pub(super) fn first_tag(bucket: usize, buckets: usize) -> u32 {
    (bucket << TAG_BITS).div_ceil(buckets) as u32
}

#[inline]
fn after(bucket: usize, buckets: usize) -> usize {
    if bucket + 1 == buckets { 0 } else { bucket + 1 }
}

/// Cyclic distance.
#[inline]
fn distance(from: usize, to: usize, buckets: usize) -> usize {
    if to >= from { to - from } else { to + buckets - from }
}

/// The place of the word with this tag that `is_wanted`.
#[inline]
pub(super) fn find(
    buckets: &[Bucket],
    tag: u32,
    mut is_wanted: impl FnMut(&Word) -> bool,
) -> Option<Place> {
    if buckets.is_empty() {
        return None;
    }
    let mut at = home(tag, buckets.len());
    loop {
        let bucket = &buckets[at];
        let mut matches = bucket.matches(tag);
        while matches != 0 {
            let word = matches.trailing_zeros() as usize;
            let candidate = &bucket.0[word % BUCKET_WORDS];
            if !candidate.is_empty() && is_wanted(candidate) {
                return Some(Place { bucket: at, word });
            }
            matches &= matches - 1;
        }
        if !bucket.is_full() {
            return None;
        }
        at = after(at, buckets.len());
    }
}

/// Visits the words whose home is `home` (invariant 3 says where they can be).
#[inline]
pub(super) fn visit_home<'b>(buckets: &'b [Bucket], home: usize, visit: &mut dyn FnMut(&'b Word)) {
    let mut at = home;
    loop {
        let bucket = &buckets[at];
        for word in bucket.words().filter(|word| self::home(word.tag(), buckets.len()) == home) {
            visit(word);
        }
        if !bucket.is_full() {
            return;
        }
        at = after(at, buckets.len());
    }
}

/// Puts a word to its place. The caller keeps invariant 4.
#[inline]
pub(super) fn put(buckets: &mut [Bucket], word: Word) {
    let mut at = home(word.tag(), buckets.len());
    while buckets[at].is_full() {
        at = after(at, buckets.len());
    }
    let end = buckets[at].len();
    buckets[at].0[end % BUCKET_WORDS] = word;
}

/// Buckets that are being filled from nothing: what `put` does, but the lengths are kept at hand.
pub(super) struct Filling<'a> {
    buckets: &'a mut [Bucket],
    lens: Lens,
}

/// Most segments have few enough buckets for the stack.
enum Lens {
    Few([u8; FEW]),
    Many(Vec<u8>),
}

const FEW: usize = 160;

impl Filling<'_> {
    /// The buckets must have no words.
    pub(super) fn new(buckets: &mut [Bucket]) -> Filling<'_> {
        let count = buckets.len();
        let lens = if count <= FEW { Lens::Few([0; FEW]) } else { Lens::Many(vec![0; count]) };
        Filling { buckets, lens }
    }

    /// Puts a word to its place. The caller keeps invariant 4.
    #[inline]
    pub(super) fn put(&mut self, word: Word) {
        let lens = match &mut self.lens {
            Lens::Few(lens) => &mut lens[..],
            Lens::Many(lens) => lens,
        };
        let mut at = home(word.tag(), self.buckets.len());
        while usize::from(lens[at]) == BUCKET_WORDS {
            at = after(at, self.buckets.len());
        }
        self.buckets[at].0[usize::from(lens[at]) % BUCKET_WORDS] = word;
        lens[at] += 1;
    }
}

/// Takes a word out and closes the gap that it leaves for those that had to pass its bucket.
pub(super) fn take(buckets: &mut [Bucket], place: Place) -> Word {
    let n = buckets.len();
    let mut gap = place.bucket;
    let mut is_passed = buckets[gap].is_full();
    let taken = buckets[gap].take(place.word);
    let mut at = gap;
    // Ends by invariant 4: another bucket is not full, or this one was not.
    while is_passed {
        at = after(at, n);
        is_passed = buckets[at].is_full();
        let farthest = distance(gap, at, n);
        let passer =
            buckets[at].words().position(|word| distance(home(word.tag(), n), at, n) >= farthest);
        if let Some(passer) = passer {
            let word = buckets[at].take(passer);
            buckets[gap].0[BUCKET_WORDS - 1] = word;
            gap = at;
        }
    }
    taken
}
