//! Statistics of one thread: written by it alone, read by any.

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
    /// Reads that brought something.
    pub reads: Counter,
    /// Writes to clients.
    pub writes: Counter,
    /// Error replies.
    pub errors: Counter,
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
            reads: Counter::default(),
            writes: Counter::default(),
            errors: Counter::default(),
            by_command: (0..commands).map(|_| CommandStats::default()).collect(),
        }
    }
}
