//! In which leaf a member is: 32 bits of its hash and the leaf's number, eight bytes for a member.
//!
//! The entries are kept in runs, sorted by the hash; a directory leads from the leading bits of a hash to its run. Hashes are evenly spread,
//! so an entry stands about where its hash lies between the bounds of its run, and is found in one or two cache lines. A run that is
//! full splits in the middle of its bounds, which touches no member.

use crate::prefetch::{prefetch, prefetch_address};

/// How many entries a run has at most.
const ENTRIES_MAX: usize = 256;

/// A run is merged with its neighbour where both together have no more entries than this.
const MERGED_MAX: usize = 96;

/// In what steps the memory of a run grows.
const ENTRIES_STEP: usize = 16;

/// The longest prefix of hashes that leads to a run; a run behind it grows instead of splitting.
const DEPTH_MAX: u32 = 28;

/// The entries whose hashes begin with the same bits.
#[derive(Clone, Debug)]
struct Run {
    /// The hash above, the leaf below.
    entries: Vec<u64>,
    /// How many bits the hashes have in common, and which.
    depth: u32,
    prefix: u32,
}

#[derive(Clone, Debug)]
pub(super) struct LeafIndex {
    /// The run of each prefix of `depth` bits.
    directory: Vec<u32>,
    depth: u32,
    runs: Vec<Run>,
    /// The entries that the runs have room for.
    room: usize,
}

fn entry(hash: u32, leaf: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(leaf)
}

fn hash_of(entry: u64) -> u32 {
    (entry >> 32) as u32
}

impl Run {
    /// About where the entries of a hash stand.
    #[inline]
    fn estimate(&self, hash: u32) -> usize {
        let bits = 32 - self.depth;
        let within = u64::from(hash) & ((1 << bits) - 1);
        ((within * self.entries.len() as u64) >> bits) as usize
    }

    /// The place of the first entry whose hash is not less.
    #[inline]
    fn lower_bound(&self, hash: u32) -> usize {
        let entries = &self.entries;
        let mut at = self.estimate(hash);
        while at > 0 && hash_of(entries[at - 1]) >= hash {
            at -= 1;
        }
        while at < entries.len() && hash_of(entries[at]) < hash {
            at += 1;
        }
        at
    }

    fn place_of(&self, wanted: u64) -> usize {
        let start = self.lower_bound(hash_of(wanted));
        let mut same = self.entries[start..].iter();
        start + same.position(|&own| own == wanted).expect("a member of a leaf stands in the index")
    }
}

impl LeafIndex {
    pub(super) fn new() -> LeafIndex {
        let run = Run { entries: Vec::new(), depth: 0, prefix: 0 };
        LeafIndex { directory: vec![0], depth: 0, runs: vec![run], room: 0 }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.room * size_of::<u64>()
            + self.directory.capacity() * size_of::<u32>()
            + self.runs.capacity() * size_of::<Run>()
    }

    pub(super) fn runs(&self) -> usize {
        self.runs.len()
    }

    /// Counts its room anew: a copy has less.
    pub(super) fn recount(&mut self) {
        self.room = self.runs.iter().map(|run| run.entries.capacity()).sum();
    }

    #[inline]
    fn run_of(&self, hash: u32) -> usize {
        let prefix = u64::from(hash) >> (32 - self.depth);
        self.directory[prefix as usize] as usize
    }

    /// The leaves in which a member of this hash may be.
    #[inline]
    pub(super) fn candidates(&self, hash: u32) -> impl Iterator<Item = u32> + '_ {
        let run = &self.runs[self.run_of(hash)];
        let entries = run.entries[run.lower_bound(hash)..].iter();
        entries.take_while(move |&&entry| hash_of(entry) == hash).map(|&entry| entry as u32)
    }

    /// Asks the processor to bring in the run of a hash.
    #[inline]
    pub(super) fn prefetch_run(&self, hash: u32) {
        prefetch(&self.runs[self.run_of(hash)]);
    }

    /// Asks the processor to bring in the entries of a hash: the lines around where they are expected. Reads the run.
    #[inline]
    pub(super) fn prefetch_entries(&self, hash: u32) {
        let run = &self.runs[self.run_of(hash)];
        let first = run.entries.as_ptr();
        let expected = first.wrapping_add(run.estimate(hash)).cast::<u8>();
        prefetch_address(expected.wrapping_sub(32));
        prefetch_address(expected.wrapping_add(32));
    }

    pub(super) fn insert(&mut self, hash: u32, leaf: u32) {
        let mut number = self.run_of(hash);
        while self.runs[number].entries.len() >= ENTRIES_MAX && self.runs[number].depth < DEPTH_MAX
        {
            self.split(number);
            number = self.run_of(hash);
        }
        let run = &mut self.runs[number];
        let before = run.entries.capacity();
        if run.entries.len() == before {
            run.entries.reserve_exact(ENTRIES_STEP);
        }
        let at = run.lower_bound(hash);
        run.entries.insert(at, entry(hash, leaf));
        self.room += run.entries.capacity() - before;
    }

    /// A member has moved to another leaf.
    pub(super) fn relocate(&mut self, hash: u32, from: u32, to: u32) {
        let number = self.run_of(hash);
        let run = &mut self.runs[number];
        let at = run.place_of(entry(hash, from));
        run.entries[at] = entry(hash, to);
    }

    pub(super) fn remove(&mut self, hash: u32, leaf: u32) {
        let number = self.run_of(hash);
        let run = &mut self.runs[number];
        let at = run.place_of(entry(hash, leaf));
        run.entries.remove(at);
        let before = run.entries.capacity();
        if before - run.entries.len() >= 4 * ENTRIES_STEP {
            run.entries.shrink_to(run.entries.len() + ENTRIES_STEP);
        }
        self.room -= before - run.entries.capacity();
        if run.entries.len() < MERGED_MAX / 4 {
            self.merge(number);
        }
    }

    /// The places in the directory that lead to a run.
    fn places(&self, number: usize) -> std::ops::Range<usize> {
        let Run { depth, prefix, .. } = self.runs[number];
        let width = 1 << (self.depth - depth);
        let first = prefix as usize * width;
        first..first + width
    }

    fn split(&mut self, number: usize) {
        if self.runs[number].depth == self.depth {
            self.directory = self.directory.iter().flat_map(|&run| [run, run]).collect();
            self.depth += 1;
        }
        let run = &mut self.runs[number];
        let before = run.entries.capacity();
        let middle = (run.prefix << 1 | 1) << (31 - run.depth);
        let at = run.lower_bound(middle);
        run.depth += 1;
        run.prefix <<= 1;
        let upper =
            Run { entries: run.entries[at..].to_vec(), depth: run.depth, prefix: run.prefix | 1 };
        run.entries.truncate(at);
        run.entries.shrink_to_fit();
        self.room = self.room - before + run.entries.capacity() + upper.entries.capacity();
        self.runs.push(upper);
        let new = self.runs.len() - 1;
        let places = self.places(new);
        self.directory[places].fill(new as u32);
    }

    /// Puts a run together with the one that it was split from, where that is as deep and both are small.
    fn merge(&mut self, number: usize) {
        let Run { depth, prefix, .. } = self.runs[number];
        if depth == 0 {
            return;
        }
        let neighbour = self.run_of((prefix ^ 1) << (32 - depth));
        let together = self.runs[number].entries.len() + self.runs[neighbour].entries.len();
        if self.runs[neighbour].depth != depth || together > MERGED_MAX {
            return;
        }
        let (lower, upper) =
            if prefix & 1 == 0 { (number, neighbour) } else { (neighbour, number) };
        let moved = std::mem::take(&mut self.runs[upper].entries);
        let run = &mut self.runs[lower];
        let before = run.entries.capacity() + moved.capacity();
        run.entries.reserve_exact(moved.len());
        run.entries.extend_from_slice(&moved);
        run.depth -= 1;
        run.prefix >>= 1;
        self.room = self.room - before + run.entries.capacity();
        let places = self.places(lower);
        self.directory[places].fill(lower as u32);
        self.runs.swap_remove(upper);
        if upper < self.runs.len() {
            let places = self.places(upper);
            self.directory[places].fill(upper as u32);
        }
    }

    /// Visits the entries from a hash on, at least `count` of them and all of the same hash; the hash to go on from, or `None` at the end.
    pub(super) fn scan(
        &self,
        mut from: u32,
        count: usize,
        mut visit: impl FnMut(u32, u32),
    ) -> Option<u32> {
        let mut seen = 0;
        loop {
            let run = &self.runs[self.run_of(from)];
            for &entry in &run.entries[run.lower_bound(from)..] {
                let hash = hash_of(entry);
                if seen >= count && hash != from {
                    return Some(hash);
                }
                visit(hash, entry as u32);
                (from, seen) = (hash, seen + 1);
            }
            let end = (u64::from(run.prefix) + 1) << (32 - run.depth);
            from = u32::try_from(end).ok()?;
            if seen >= count {
                return Some(from);
            }
        }
    }
}
