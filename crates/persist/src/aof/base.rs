//! A base of commands: batches with their checksums, as increments have them.

use super::annotation;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Writes a base that is no RDB file (`aof-use-rdb-preamble no`). It has no head and no end.
#[derive(Debug)]
pub struct CommandWriter<W> {
    sink: W,
    /// How many bytes were written.
    offset: u64,
    line: Vec<u8>,
    /// Says that nobody wants the rest.
    is_cancelled: Option<Arc<AtomicBool>>,
}

/// Batches are written in pieces of up to this length, between which it is asked whether they are still wanted.
const PIECE_BYTES_MAX: usize = 1 << 20;

impl<W: Write> CommandWriter<W> {
    /// Begins a file; `time` is told in it where there is one, in seconds since 1970 (`aof-timestamp-enabled`).
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub fn new(mut sink: W, time: Option<i64>) -> io::Result<CommandWriter<W>> {
        let mut line = Vec::new();
        if let Some(seconds) = time {
            annotation::push_timestamp(&mut line, seconds);
        }
        sink.write_all(&line)?;
        Ok(CommandWriter { sink, offset: line.len() as u64, line, is_cancelled: None })
    }

    /// Has it give up once `is_cancelled` says so.
    pub fn cancel_with(&mut self, is_cancelled: Arc<AtomicBool>) {
        self.is_cancelled = Some(is_cancelled);
    }

    /// Whole commands.
    ///
    /// # Errors
    ///
    /// Those of the sink, and `Interrupted` where they are not wanted any more.
    pub fn batch(&mut self, commands: &[u8]) -> io::Result<()> {
        self.line.clear();
        annotation::push_batch(&mut self.line, self.offset, commands);
        self.sink.write_all(&self.line)?;
        for piece in commands.chunks(PIECE_BYTES_MAX) {
            if self.is_cancelled.as_ref().is_some_and(|flag| flag.load(Relaxed)) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            self.sink.write_all(piece)?;
        }
        self.offset += (self.line.len() + commands.len()) as u64;
        Ok(())
    }

    /// Gives the sink back. Whether the bytes are safe is for the caller to see to.
    pub fn finish(self) -> W {
        self.sink
    }
}
