//! What one thread has logged, and how the parts of all threads are put together.

use parking_lot::MutexGuard;
use std::collections::VecDeque;

/// From which size on a stretch is not added to, in bytes.
pub(super) const STRETCH_BYTES: usize = 256 << 10;

/// What one thread has appended.
#[derive(Default)]
pub(super) struct Part {
    stretches: VecDeque<Stretch>,
    /// An empty stretch, kept for its memory.
    spare: Option<Stretch>,
    /// The database of the last command.
    pub(super) database: Option<usize>,
}

/// Bytes of one thread, none of them moved when others are added behind.
#[derive(Default)]
struct Stretch {
    bytes: Vec<u8>,
    /// Which bytes of the log these are: offsets and lengths, ascending.
    runs: VecDeque<(u64, usize)>,
    /// How many of the bytes were taken.
    taken: usize,
}

impl Part {
    /// Where a unit is to be appended.
    pub(super) fn begin_unit(&mut self) -> &mut Vec<u8> {
        if self.stretches.back().is_none_or(|last| last.bytes.len() >= STRETCH_BYTES) {
            let mut stretch = self.spare.take().unwrap_or_default();
            stretch.bytes.reserve(STRETCH_BYTES);
            self.stretches.push_back(stretch);
        }
        let last = self.stretches.len() - 1;
        &mut self.stretches[last].bytes
    }

    /// So many bytes were appended, which are those from this offset on.
    pub(super) fn end_unit(&mut self, offset: u64, length: usize) {
        let runs = self.stretches.back_mut().map(|stretch| &mut stretch.runs);
        match runs {
            Some(runs) => match runs.back_mut() {
                Some((begin, before)) if *begin + *before as u64 == offset => *before += length,
                _ => runs.push_back((offset, length)),
            },
            None => debug_assert!(false, "a unit has begun"),
        }
    }
}

/// What was fetched from the parts.
pub(super) struct Assembly {
    /// By thread.
    fetched: Vec<VecDeque<Stretch>>,
    /// By thread, an empty stretch to be given back.
    emptied: Vec<Option<Stretch>>,
    /// The next bytes of the log.
    bytes: Vec<u8>,
    /// How many of them were taken.
    taken: usize,
    /// The offset behind them.
    end: u64,
}

impl Assembly {
    pub(super) fn new(threads: usize) -> Assembly {
        Assembly {
            fetched: (0..threads).map(|_| VecDeque::new()).collect(),
            emptied: (0..threads).map(|_| None).collect(),
            bytes: Vec::new(),
            taken: 0,
            end: 0,
        }
    }

    /// Whether all that was put together was taken.
    pub(super) fn is_empty(&self) -> bool {
        self.taken == self.bytes.len()
    }

    /// Forgets everything: the log goes on at this offset.
    pub(super) fn forget(&mut self, end: u64) {
        *self = Assembly { end, ..Assembly::new(self.fetched.len()) };
    }

    /// Takes what is in the parts, all of which are locked.
    pub(super) fn fetch(&mut self, parts: Vec<MutexGuard<'_, Part>>) {
        let stores = self.fetched.iter_mut().zip(&mut self.emptied);
        for (mut part, (fetched, emptied)) in parts.into_iter().zip(stores) {
            fetched.append(&mut part.stretches);
            if part.spare.is_none() {
                part.spare = emptied.take();
            }
        }
    }

    /// Puts the next bytes together: whole units, about a stretch of them, or all that there are.
    pub(super) fn assemble(&mut self) {
        self.bytes.clear();
        self.taken = 0;
        while self.bytes.len() < STRETCH_BYTES {
            let end = self.end;
            let next = self.fetched.iter_mut().zip(&mut self.emptied).find(|(stretches, _)| {
                let run = stretches.front().and_then(|stretch| stretch.runs.front());
                run.is_some_and(|(offset, _)| *offset == end)
            });
            let Some((stretches, emptied)) = next else { break };
            self.end += move_run(stretches, emptied, &mut self.bytes);
        }
        debug_assert!(
            !self.bytes.is_empty() || self.fetched.iter().all(VecDeque::is_empty),
            "the log has no gap"
        );
    }

    /// Takes at most so many bytes; the offset behind them.
    pub(super) fn take(&mut self, bytes_max: usize, into: &mut Vec<u8>) -> u64 {
        into.clear();
        let left = self.bytes.len() - self.taken;
        if self.taken == 0 && left <= bytes_max {
            std::mem::swap(&mut self.bytes, into);
            if self.bytes.capacity() > 2 * STRETCH_BYTES {
                // A long command may have made it large.
                self.bytes = Vec::new();
            }
            self.bytes.clear();
            return self.end;
        }
        let taken = left.min(bytes_max);
        into.extend_from_slice(&self.bytes[self.taken..][..taken]);
        self.taken += taken;
        self.end - (left - taken) as u64
    }
}

/// Moves the first run of a part behind what was put together; its length.
fn move_run(
    stretches: &mut VecDeque<Stretch>,
    emptied: &mut Option<Stretch>,
    out: &mut Vec<u8>,
) -> u64 {
    let Some(first) = stretches.front_mut() else { return 0 };
    let Some((_, length)) = first.runs.pop_front() else { return 0 };
    if out.is_empty() && first.taken == 0 && length == first.bytes.len() {
        std::mem::swap(out, &mut first.bytes);
    } else {
        out.extend_from_slice(&first.bytes[first.taken..][..length]);
    }
    first.taken += length;
    if first.runs.is_empty()
        && let Some(mut stretch) = stretches.pop_front()
    {
        stretch.bytes.clear();
        stretch.taken = 0;
        // A long command may have made it large.
        if stretch.bytes.capacity() <= 2 * STRETCH_BYTES {
            *emptied = Some(stretch);
        }
    }
    length as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Rng;
    use parking_lot::Mutex;

    /// Appends a unit of these bytes to a part.
    fn append(part: &Mutex<Part>, log: &mut Vec<u8>, unit: &[u8]) {
        let mut part = part.lock();
        part.begin_unit().extend_from_slice(unit);
        part.end_unit(log.len() as u64, unit.len());
        log.extend_from_slice(unit);
    }

    #[test]
    fn the_parts_are_put_together_in_the_order_of_their_units() {
        let mut rng = Rng::from_seed(7);
        let parts: [Mutex<Part>; 3] = Default::default();
        let mut assembly = Assembly::new(parts.len());
        let (mut log, mut all, mut taken) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..20_000_u64 {
            // Now and then one that fills a stretch alone.
            let length =
                if number % 4000 == 999 { 2 * STRETCH_BYTES } else { rng.below(100) as usize + 1 };
            let unit = vec![number as u8; length];
            append(&parts[rng.below(3) as usize], &mut log, &unit);
            if rng.below(50) == 0 {
                if assembly.is_empty() {
                    assembly.fetch(parts.iter().map(Mutex::lock).collect());
                    assembly.assemble();
                }
                let end = assembly.take(rng.below(5000) as usize, &mut taken);
                all.extend_from_slice(&taken);
                assert_eq!(end, all.len() as u64);
            }
        }
        while all.len() < log.len() {
            if assembly.is_empty() {
                assembly.fetch(parts.iter().map(Mutex::lock).collect());
                assembly.assemble();
            }
            let before = all.len();
            assembly.take(usize::MAX, &mut taken);
            assert!(taken.len() < 4 * STRETCH_BYTES, "it is put together piece by piece");
            all.extend_from_slice(&taken);
            assert!(all.len() > before, "nothing is missing");
        }
        assert!(all == log);
    }
}
