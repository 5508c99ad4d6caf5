//! Reading the log: taking it for the append-only file, and what is kept for replicas.

use super::part::{Assembly, BLOCK_BYTES};
use super::{LOG_BYTES_MAX, LogUser, Position};
use crate::node::Node;
use crate::pause::WaitReason;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// A place in the log, of one who reads it: what is behind it is kept.
#[derive(Debug)]
pub(crate) struct LogReader(AtomicU64);

impl LogReader {
    /// The offset of the next byte that he reads.
    pub(crate) fn offset(&self) -> u64 {
        self.0.load(SeqCst)
    }

    /// He has read up to here.
    pub(crate) fn advance(&self, offset: u64) {
        self.0.store(offset, SeqCst);
    }
}

/// What is kept of the log for replicas.
#[derive(Default)]
pub(super) struct Retention {
    /// So many of its last bytes, for replicas that come back.
    bytes: u64,
    /// The first offset that tells of the data that are there: replicas cannot go on from one before it.
    begin: u64,
    readers: Vec<Arc<LogReader>>,
}

impl Retention {
    /// The first offset that is needed.
    fn floor(&mut self, end: u64) -> u64 {
        self.readers.retain(|reader| Arc::strong_count(reader) > 1);
        let last = end.saturating_sub(self.bytes).max(self.begin);
        self.readers.iter().map(|reader| reader.offset()).fold(last, u64::min)
    }
}

impl Node {
    /// Takes the next bytes of the log for the file, at most so many, into `into`, whose memory is used again; the offset behind them. None where there is nothing. What is
    /// taken ends with a whole unit, unless `bytes_max` cuts it off.
    pub fn take_log(&self, bytes_max: usize, into: &mut Vec<u8>) -> u64 {
        into.clear();
        if into.capacity() > 2 * BLOCK_BYTES {
            // A long command may have made it large.
            *into = Vec::new();
        }
        let mut assembly = self.log.assembly.lock();
        let from = self.log.position.0.lock().taken;
        if from >= assembly.kept.end() {
            let is_ahead = from > assembly.kept.end();
            self.collect(&mut assembly, is_ahead);
        }
        let mut position = self.log.position.0.lock();
        let Some(offset) = assembly.kept.copy(from, bytes_max, into) else {
            debug_assert!(false, "what was not taken is kept");
            return from;
        };
        position.fit_for_file(from..offset, into);
        position.taken = offset;
        let has_room = position.is_full && position.bytes() <= LOG_BYTES_MAX / 2;
        if has_room {
            position.is_full = false;
            self.pause.hold_writes(WaitReason::Log, false);
        }
        drop(position);
        self.trim_log(&mut assembly);
        let end = assembly.kept.end();
        drop(assembly);
        self.replication.wake_behind(end);
        if has_room {
            self.wake_paused();
        }
        offset
    }

    /// Appends to `into` what comes next for a reader, at most so many bytes, and moves him on; false where he was left behind.
    pub(crate) fn read_log(
        &self,
        reader: &LogReader,
        bytes_max: usize,
        into: &mut Vec<u8>,
    ) -> bool {
        let assembly = self.log.assembly.lock();
        let Some(offset) = assembly.kept.copy(reader.offset(), bytes_max, into) else {
            return false;
        };
        reader.advance(offset);
        true
    }

    /// Puts together all that was logged, and forgets what nobody needs; the offset behind it. Replicas that have not read it are woken.
    pub fn collect_log(&self) -> u64 {
        let mut assembly = self.log.assembly.lock();
        self.collect(&mut assembly, true);
        self.trim_log(&mut assembly);
        let end = assembly.kept.end();
        drop(assembly);
        self.replication.wake_behind(end);
        end
    }

    /// Puts together what comes next, or all.
    pub(super) fn collect(&self, assembly: &mut Assembly, all: bool) {
        loop {
            if assembly.is_assembled() {
                let parts: Vec<_> = self.log.parts.iter().map(|part| part.0.lock()).collect();
                // Before the parts are let go: who appends later finds that it has to be told again.
                let mut position = self.log.position.0.lock();
                position.collected = position.end;
                drop(position);
                assembly.fetch(parts);
            }
            assembly.assemble();
            if !all || assembly.is_assembled() {
                return;
            }
        }
    }

    /// Forgets what nobody needs.
    pub(super) fn trim_log(&self, assembly: &mut Assembly) {
        let (users, taken) = {
            let position = self.log.position.0.lock();
            (position.users, position.taken)
        };
        let end = assembly.kept.end();
        let is_used = |user: LogUser| users & user as u8 != 0;
        let for_file = if is_used(LogUser::File) { taken } else { end };
        let for_replicas =
            if is_used(LogUser::Replicas) { self.log.retention.lock().floor(end) } else { end };
        assembly.kept.forget_before(for_file.min(for_replicas));
    }

    /// A reader at this offset; `None` where what comes next is not kept.
    pub(crate) fn log_reader(&self, offset: u64) -> Option<Arc<LogReader>> {
        let mut assembly = self.log.assembly.lock();
        self.collect(&mut assembly, true);
        let mut retention = self.log.retention.lock();
        let is_kept =
            (assembly.kept.begin().max(retention.begin)..=assembly.kept.end()).contains(&offset);
        is_kept.then(|| {
            let reader = Arc::new(LogReader(AtomicU64::new(offset)));
            retention.readers.push(Arc::clone(&reader));
            reader
        })
    }

    /// Keeps so many of the last bytes for replicas.
    pub(crate) fn keep_log(&self, bytes: u64) {
        let mut assembly = self.log.assembly.lock();
        self.log.retention.lock().bytes = bytes;
        self.trim_log(&mut assembly);
    }

    /// The data are others from here on: nobody goes on from before.
    pub(crate) fn cut_log(&self) -> u64 {
        let end = self.collect_log();
        self.log.retention.lock().begin = end;
        end
    }

    /// The memory of what is kept of the log, in bytes.
    pub(crate) fn kept_log_bytes(&self) -> u64 {
        self.log.assembly.lock().kept.memory_bytes() as u64
    }

    /// Which bytes are kept for replicas, as offsets.
    pub(crate) fn kept_log(&self) -> Range<u64> {
        let assembly = self.log.assembly.lock();
        let begin = assembly.kept.begin().max(self.log.retention.lock().begin);
        begin..assembly.kept.end().max(begin)
    }
}

impl Position {
    /// Makes of the bytes of this range of the log what the file gets.
    fn fit_for_file(&mut self, range: Range<u64>, bytes: &mut Vec<u8>) {
        let place = |offset: u64| (offset.clamp(range.start, range.end) - range.start) as usize;
        // So much stands at the front of what is kept, and what comes next is behind this.
        let (mut kept, mut next) = (0, 0);
        while let Some(one) = self.for_replicas.front().filter(|one| one.start < range.end) {
            let (start, end) = (place(one.start), place(one.end));
            bytes.copy_within(next..start, kept);
            kept += start - next;
            next = end;
            if one.end > range.end {
                // The rest of it is for the next.
                break;
            }
            self.for_replicas.pop_front();
        }
        bytes.copy_within(next.., kept);
        bytes.truncate(kept + bytes.len() - next);
        if let Some((_, request)) =
            self.for_file.take_if(|(offset, _)| *offset <= range.start && !bytes.is_empty())
        {
            bytes.splice(0..0, request);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Rng;

    #[test]
    fn what_is_for_replicas_alone_is_left_out_wherever_it_is_cut() {
        let mut rng = Rng::from_seed(5);
        let (mut position, mut log, mut for_file) = (Position::default(), Vec::new(), Vec::new());
        for number in 0..20_000_u64 {
            let length = rng.below(9) + 1;
            let bytes = vec![number as u8; length as usize];
            if rng.below(2) == 0 {
                let start = log.len() as u64;
                position.for_replicas.push_back(start..start + length);
            } else {
                for_file.extend_from_slice(&bytes);
            }
            log.extend(bytes);
        }
        let (mut fitted, mut from) = (Vec::new(), 0);
        while from < log.len() {
            let until = log.len().min(from + 1 + rng.below(300) as usize);
            let mut bytes = log[from..until].to_vec();
            position.fit_for_file(from as u64..until as u64, &mut bytes);
            fitted.extend(bytes);
            from = until;
        }
        assert!(fitted == for_file && position.for_replicas.is_empty());
    }
}
