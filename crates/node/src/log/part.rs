//! What one thread has logged, and how the parts of all threads are put together.

use parking_lot::MutexGuard;
use replication::Backlog;
use std::collections::VecDeque;

/// From which size on a block is not added to, in bytes.
pub(super) const BLOCK_BYTES: usize = ROOM_BYTES - (8 << 10);

/// The memory of a block that no long command has made larger, in bytes.
const ROOM_BYTES: usize = 64 << 10;

/// What one thread has appended.
#[derive(Default)]
pub(super) struct Part {
    blocks: VecDeque<Block>,
    /// An empty block, kept for its memory.
    spare: Option<Block>,
    /// The database of the last command.
    pub(super) database: Option<usize>,
}

/// Bytes of one thread, none of them moved when others are added behind.
#[derive(Default)]
struct Block {
    bytes: Vec<u8>,
    /// Which bytes of the log these are: offsets and lengths, ascending.
    runs: VecDeque<(u64, usize)>,
    /// How many of the bytes were taken.
    taken: usize,
}

impl Part {
    /// Where a unit is to be appended.
    pub(super) fn begin_unit(&mut self) -> &mut Vec<u8> {
        if self.blocks.back().is_none_or(|last| last.bytes.len() >= BLOCK_BYTES) {
            let mut block = self.spare.take().unwrap_or_default();
            block.bytes.reserve(ROOM_BYTES);
            self.blocks.push_back(block);
        }
        let last = self.blocks.len() - 1;
        &mut self.blocks[last].bytes
    }

    /// So many bytes were appended, which are those from this offset on.
    pub(super) fn end_unit(&mut self, offset: u64, length: usize) {
        let runs = self.blocks.back_mut().map(|block| &mut block.runs);
        match runs {
            Some(runs) => match runs.back_mut() {
                Some((begin, before)) if *begin + *before as u64 == offset => *before += length,
                _ => runs.push_back((offset, length)),
            },
            None => debug_assert!(false, "a unit has begun"),
        }
    }
}

/// What was fetched from the parts, and what was put together of it.
pub(super) struct Assembly {
    /// By thread.
    fetched: Vec<VecDeque<Block>>,
    /// By thread, an empty block to be given back.
    emptied: Vec<Option<Block>>,
    /// What was put together, as far as it is kept. It ends with a whole unit.
    pub(super) kept: Backlog,
}

impl Assembly {
    pub(super) fn new(threads: usize, end: u64) -> Assembly {
        Assembly {
            fetched: (0..threads).map(|_| VecDeque::new()).collect(),
            emptied: (0..threads).map(|_| None).collect(),
            kept: Backlog::at(end),
        }
    }

    /// Forgets everything: the log goes on at this offset.
    pub(super) fn forget(&mut self, end: u64) {
        *self = Assembly::new(self.fetched.len(), end);
    }

    /// Whether all that was fetched was put together.
    pub(super) fn is_assembled(&self) -> bool {
        self.fetched.iter().all(VecDeque::is_empty)
    }

    /// Takes what is in the parts, all of which are locked.
    pub(super) fn fetch(&mut self, parts: Vec<MutexGuard<'_, Part>>) {
        let stores = self.fetched.iter_mut().zip(&mut self.emptied);
        for (mut part, (fetched, emptied)) in parts.into_iter().zip(stores) {
            fetched.append(&mut part.blocks);
            if part.spare.is_none() {
                part.spare = emptied.take();
            }
        }
    }

    /// Puts the next bytes together: whole units, about a block of them, or all that there are.
    pub(super) fn assemble(&mut self) {
        let begin = self.kept.end();
        let mut end = begin;
        while end < begin + BLOCK_BYTES as u64 {
            let next = self.fetched.iter_mut().zip(&mut self.emptied).find(|(blocks, _)| {
                let run = blocks.front().and_then(|block| block.runs.front());
                run.is_some_and(|(offset, _)| *offset == end)
            });
            let Some((blocks, emptied)) = next else { break };
            end += move_run(blocks, emptied, &mut self.kept);
        }
        debug_assert!(end > begin || self.is_assembled(), "the log has no gap");
    }
}

/// Moves the first run of a part behind what was put together; its length.
fn move_run(blocks: &mut VecDeque<Block>, emptied: &mut Option<Block>, out: &mut Backlog) -> u64 {
    let Some(first) = blocks.front_mut() else { return 0 };
    let Some((_, length)) = first.runs.pop_front() else { return 0 };
    out.push(&first.bytes[first.taken..][..length]);
    first.taken += length;
    if first.runs.is_empty()
        && let Some(mut block) = blocks.pop_front()
    {
        block.bytes.clear();
        block.taken = 0;
        // A long command may have made it large.
        if block.bytes.capacity() <= 2 * BLOCK_BYTES {
            *emptied = Some(block);
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
        let mut assembly = Assembly::new(parts.len(), 0);
        let (mut log, mut all) = (Vec::new(), Vec::new());
        let mut read = |assembly: &mut Assembly| {
            if assembly.is_assembled() {
                assembly.fetch(parts.iter().map(Mutex::lock).collect());
            }
            assembly.assemble();
            let begin = all.len() as u64;
            let end = assembly.kept.copy(begin, usize::MAX, &mut all);
            assert_eq!(end, Some(all.len() as u64));
            assembly.kept.forget_before(all.len() as u64);
            all.len() - begin as usize
        };
        for number in 0..20_000_u64 {
            // Now and then one that fills a block alone.
            let length =
                if number % 4000 == 999 { 2 * BLOCK_BYTES } else { rng.below(100) as usize + 1 };
            append(&parts[rng.below(3) as usize], &mut log, &vec![number as u8; length]);
            if rng.below(50) == 0 {
                read(&mut assembly);
            }
        }
        loop {
            let count = read(&mut assembly);
            assert!(count < 4 * BLOCK_BYTES, "it is put together piece by piece");
            if count == 0 {
                break;
            }
        }
        assert!(all == log, "nothing is missing");
    }
}
