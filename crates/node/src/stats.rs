//! Statistics of one thread: written by it alone, read by any.

mod batch;
mod rate;

pub(crate) use batch::Batch;
pub(crate) use rate::{Rates, Traffic};

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A number that one thread adds to and any thread reads.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds to the number. Only the owning thread may.
    #[inline]
    pub fn add(&self, by: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(by), Relaxed);
    }

    /// The number.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// Begins anew at 0; what the owner adds meanwhile may be lost.
    pub fn reset(&self) {
        self.0.store(0, Relaxed);
    }
}

/// What is counted of one command.
#[derive(Default)]
pub struct CommandStats {
    /// How often it ran.
    pub calls: Counter,
    /// The time of its runs, in nanoseconds: its equal share of the batches that it was in.
    pub nanos: Counter,
    /// How often it was refused before it ran.
    pub rejected: Counter,
    /// How often it ran and gave an error.
    pub failed: Counter,
}

/// How many different code words of errors are counted; Redis has the same limit.
const ERROR_CODES_MAX: usize = 128;

/// The longest code word of an error, in bytes.
const ERROR_CODE_BYTES_MAX: usize = 32;

/// Where errors are counted when there are too many different code words.
const ERROR_CODES_OVERFLOW: &str = "ERRORSTATS_OVERFLOW";

/// Error replies by their code words.
#[derive(Default)]
pub struct ErrorCounts(Mutex<BTreeMap<String, u64>>);

impl ErrorCounts {
    /// Counts an error reply by its first word.
    pub fn count(&self, text: &[u8]) {
        let end = text.iter().position(|&byte| byte == b' ');
        let code = end.filter(|&end| end <= ERROR_CODE_BYTES_MAX).and_then(|end| text.get(..end));
        let code = code.and_then(|code| std::str::from_utf8(code).ok()).unwrap_or("ERR");
        let mut counts = self.0.lock();
        if let Some(count) = counts.get_mut(code) {
            *count += 1;
            return;
        }
        let code = if counts.len() < ERROR_CODES_MAX { code } else { ERROR_CODES_OVERFLOW };
        *counts.entry(code.to_owned()).or_default() += 1;
    }

    /// Adds these counts to `sum`.
    pub fn add_to(&self, sum: &mut BTreeMap<String, u64>) {
        for (code, count) in &*self.0.lock() {
            *sum.entry(code.clone()).or_default() += count;
        }
    }

    /// Begins anew.
    pub fn reset(&self) {
        self.0.lock().clear();
    }
}

/// What all workers have counted of one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandCounts {
    /// Its name in full (`client|list`).
    pub name: String,
    /// How often it ran.
    pub calls: u64,
    /// The time of its runs, in nanoseconds.
    pub nanos: u64,
    /// How often it was refused before it ran.
    pub rejected: u64,
    /// How often it ran and gave an error.
    pub failed: u64,
}

/// What one worker counts.
#[repr(align(128))]
pub struct WorkerStats {
    /// Commands that ran.
    pub commands: Counter,
    /// Connections that were accepted.
    pub connections: Counter,
    /// Connections that were refused for want of room.
    pub rejected_connections: Counter,
    /// Bytes read from clients.
    pub input_bytes: Counter,
    /// Bytes written to clients.
    pub output_bytes: Counter,
    /// Bytes of them that were the stream, or a snapshot, for replicas.
    pub replication_output_bytes: Counter,
    /// Bytes of the primary's stream.
    pub replication_input_bytes: Counter,
    /// Reads that brought something.
    pub reads: Counter,
    /// Writes to clients.
    pub writes: Counter,
    /// Error replies.
    pub errors: Counter,
    /// Error replies by their code words.
    pub error_codes: ErrorCounts,
    /// Attempts to authenticate that failed.
    pub denied_authentications: Counter,
    /// Clients that were disconnected because they had too much undecoded input.
    pub query_buffer_disconnections: Counter,
    /// Clients that were disconnected because they had too much unread.
    pub output_buffer_disconnections: Counter,
    /// Batches of requests that were executed.
    pub batches: Counter,
    /// The time that they took, in nanoseconds.
    pub batch_nanos: Counter,
    /// By the index of the command in the table.
    pub by_command: Box<[CommandStats]>,
}

impl WorkerStats {
    pub(crate) fn new(commands: usize) -> WorkerStats {
        WorkerStats {
            commands: Counter::default(),
            connections: Counter::default(),
            rejected_connections: Counter::default(),
            input_bytes: Counter::default(),
            output_bytes: Counter::default(),
            replication_output_bytes: Counter::default(),
            replication_input_bytes: Counter::default(),
            reads: Counter::default(),
            writes: Counter::default(),
            errors: Counter::default(),
            error_codes: ErrorCounts::default(),
            denied_authentications: Counter::default(),
            query_buffer_disconnections: Counter::default(),
            output_buffer_disconnections: Counter::default(),
            batches: Counter::default(),
            batch_nanos: Counter::default(),
            by_command: (0..commands).map(|_| CommandStats::default()).collect(),
        }
    }

    /// Begins anew; what the owner counts meanwhile may be lost.
    pub(crate) fn reset(&self) {
        let WorkerStats {
            commands,
            connections,
            rejected_connections,
            input_bytes,
            output_bytes,
            replication_output_bytes,
            replication_input_bytes,
            reads,
            writes,
            errors,
            error_codes,
            denied_authentications,
            query_buffer_disconnections,
            output_buffer_disconnections,
            batches,
            batch_nanos,
            by_command,
        } = self;
        for counter in [
            commands,
            connections,
            rejected_connections,
            input_bytes,
            output_bytes,
            replication_output_bytes,
            replication_input_bytes,
            reads,
            writes,
            errors,
            denied_authentications,
            query_buffer_disconnections,
            output_buffer_disconnections,
            batches,
            batch_nanos,
        ] {
            counter.reset();
        }
        error_codes.reset();
        for CommandStats { calls, nanos, rejected, failed } in by_command {
            [calls, nanos, rejected, failed].into_iter().for_each(Counter::reset);
        }
    }

    /// Counts an error reply.
    pub(crate) fn count_error(&self, text: &[u8]) {
        self.errors.add(1);
        self.error_codes.count(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_counted_by_their_first_word_within_a_bound() {
        let counts = ErrorCounts::default();
        for text in ["ERR a", "WRONGTYPE b", "ERR c", "wordless", &format!("{} d", "X".repeat(33))]
        {
            counts.count(text.as_bytes());
        }
        for number in 0..1000 {
            counts.count(format!("E{number} text").as_bytes());
        }
        let mut sum = BTreeMap::new();
        counts.add_to(&mut sum);
        counts.add_to(&mut sum);
        assert_eq!(sum["ERR"], 8);
        assert_eq!(sum["WRONGTYPE"], 2);
        assert_eq!(sum.len(), ERROR_CODES_MAX + 1);
        assert_eq!(sum[ERROR_CODES_OVERFLOW], 2 * (1000 - (ERROR_CODES_MAX as u64 - 2)));
    }
}
