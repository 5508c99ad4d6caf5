//! The last bytes of a stream, kept for those who have not read them.

use std::collections::VecDeque;

/// How much is kept and forgotten at once, in bytes.
pub const BLOCK_BYTES: usize = 16 << 10;

/// A stretch of a stream, from some offset to its end. Bytes come in at the end and are forgotten at the front, a block at a time.
#[derive(Debug, Default)]
pub struct Backlog {
    /// Full but for the last one.
    blocks: VecDeque<Vec<u8>>,
    /// An empty block, kept for its memory.
    spare: Option<Vec<u8>>,
    /// The offset of the first byte.
    begin: u64,
}

impl Backlog {
    /// An empty one, of a stream that has come to an offset.
    #[must_use]
    pub const fn at(offset: u64) -> Backlog {
        Backlog { blocks: VecDeque::new(), spare: None, begin: offset }
    }

    /// The offset of the first byte that is kept.
    #[must_use]
    pub const fn begin(&self) -> u64 {
        self.begin
    }

    /// The offset behind the last byte.
    #[must_use]
    pub fn end(&self) -> u64 {
        let full = self.blocks.len().saturating_sub(1) * BLOCK_BYTES;
        self.begin + (full + self.blocks.back().map_or(0, Vec::len)) as u64
    }

    /// How much memory it takes, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        (self.blocks.len() + usize::from(self.spare.is_some())) * BLOCK_BYTES
    }

    /// Adds bytes at the end.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.blocks.back().is_none_or(|last| last.len() == BLOCK_BYTES) {
                let block = self.spare.take();
                self.blocks.push_back(block.unwrap_or_else(|| Vec::with_capacity(BLOCK_BYTES)));
            }
            let Some(last) = self.blocks.back_mut() else { return };
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK_BYTES - last.len()));
            last.extend_from_slice(now);
            bytes = later;
        }
    }

    /// Appends to `into` the bytes from an offset on, at most so many; the offset behind them. `None` where the first is not kept, or has not come.
    pub fn copy(&self, from: u64, bytes_max: usize, into: &mut Vec<u8>) -> Option<u64> {
        let end = self.end();
        if !(self.begin..=end).contains(&from) {
            return None;
        }
        let until = end.min(from.saturating_add(bytes_max as u64));
        let mut at = from;
        while at < until {
            let distance = (at - self.begin) as usize;
            let block = &self.blocks[distance / BLOCK_BYTES];
            let start = distance % BLOCK_BYTES;
            let stop = block.len().min(start + (until - at) as usize);
            into.extend_from_slice(&block[start..stop]);
            at += (stop - start) as u64;
        }
        Some(until)
    }

    /// Forgets whole blocks of which nobody needs the bytes, for all that are needed have at least this offset.
    pub fn forget_before(&mut self, offset: u64) {
        while self.begin + BLOCK_BYTES as u64 <= offset.min(self.end()) {
            let Some(mut block) = self.blocks.pop_front() else { return };
            self.begin += BLOCK_BYTES as u64;
            block.clear();
            self.spare = Some(block);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Rng;

    #[test]
    fn what_was_added_is_there_until_it_is_forgotten() {
        let seed = 3;
        let mut rng = Rng::from_seed(seed);
        let begin = 1000;
        let (mut backlog, mut all) = (Backlog::at(begin), vec![0; begin as usize]);
        for step in 0..20_000_u64 {
            let bytes = vec![step as u8; rng.below(300) as usize];
            backlog.push(&bytes);
            all.extend_from_slice(&bytes);
            assert_eq!(backlog.end(), all.len() as u64);
            if step % 100 == 0 {
                let needed = all.len() as u64 - rng.below(200_000).min(all.len() as u64);
                let before = backlog.begin();
                backlog.forget_before(needed);
                assert!(backlog.begin() <= needed.max(before), "seed {seed}");
                let (from, most) = (backlog.begin() + rng.below(1000), rng.below(50_000) as usize);
                let mut copied = Vec::new();
                let Some(until) = backlog.copy(from, most, &mut copied) else {
                    assert!(from > backlog.end());
                    continue;
                };
                assert_eq!(copied, all[from as usize..until as usize], "seed {seed}, step {step}");
                assert!(copied.len() == most || until == backlog.end());
            }
        }
        assert!(backlog.memory_bytes() < 300_000, "what was forgotten takes no room");
    }

    #[test]
    fn whole_blocks_are_forgotten_and_what_is_gone_is_not_copied() {
        let mut backlog = Backlog::at(0);
        backlog.push(&vec![7; 3 * BLOCK_BYTES]);
        backlog.forget_before(2 * BLOCK_BYTES as u64 - 1);
        assert_eq!((backlog.begin(), backlog.end()), (BLOCK_BYTES as u64, 3 * BLOCK_BYTES as u64));
        let mut copied = Vec::new();
        assert_eq!(backlog.copy(0, 1, &mut copied), None);
        assert_eq!(backlog.copy(backlog.end() + 1, 1, &mut copied), None);
        assert_eq!(backlog.copy(backlog.end(), 1, &mut copied), Some(backlog.end()));
        assert!(copied.is_empty());
        backlog.forget_before(u64::MAX);
        assert_eq!(
            (backlog.begin(), backlog.end()),
            (3 * BLOCK_BYTES as u64, 3 * BLOCK_BYTES as u64)
        );
        backlog.push(b"more");
        assert_eq!(backlog.copy(backlog.begin(), 10, &mut copied), Some(backlog.end()));
        assert_eq!(copied, b"more");
    }
}
