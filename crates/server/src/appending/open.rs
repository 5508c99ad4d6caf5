//! The files while they are written.

use super::base_writer::BaseWriter;
use super::rewrite::remove;
use crate::clock;
use node::{LogStatus, Node};
use persist::aof::{Fsync, State, Writer};

/// How much a worker writes itself, in bytes: about as much as it writes to its clients in the same time. After a sync there may be more.
const TURN_BYTES_MAX: usize = 1 << 20;

/// The files that are appended to.
pub(crate) struct OpenLog {
    pub(super) writer: Writer,
    /// The offset up to which the log was taken.
    taken: u64,
    /// What was taken last, and, where the disk was full, waits for room.
    batch: Vec<u8>,
    waits: bool,
    /// Whether it is written what is logged: else it is only rewritten, once.
    pub(super) is_logging: bool,
    /// The length of the files that are not appended to, in bytes.
    pub(super) other_bytes: u64,
    /// The length of all after the last rewrite, in bytes.
    pub(super) base_bytes: u64,
    /// The base that is being written.
    pub(super) base: Option<BaseWriter>,
}

impl OpenLog {
    /// One that is not logged to yet.
    pub(super) fn waiting(writer: Writer) -> OpenLog {
        OpenLog {
            writer,
            taken: 0,
            batch: Vec::new(),
            waits: false,
            is_logging: false,
            other_bytes: 0,
            base_bytes: 0,
            base: None,
        }
    }

    /// One that goes on at an offset of the log; the files together have so many bytes.
    pub(super) fn begun(node: &Node, writer: Writer, offset: u64, bytes: u64) -> OpenLog {
        let other_bytes = bytes.saturating_sub(writer.increment_bytes());
        let log = OpenLog {
            taken: offset,
            is_logging: true,
            other_bytes,
            base_bytes: bytes,
            ..OpenLog::waiting(writer)
        };
        log.confirm(node);
        log
    }

    /// The length of all files, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.other_bytes + self.writer.increment_bytes()
    }

    /// Whether the last batch was written.
    pub(super) fn is_good(&self) -> bool {
        *self.writer.state() == State::Good && !self.waits
    }

    /// Whether it is written by workers: nothing is in the way, it does not take long, and nothing has to be done about it.
    pub(super) fn is_for_workers(&self, node: &Node) -> bool {
        let writer = &self.writer;
        let is_free = writer.options.fsync != Fsync::Always && !writer.is_syncing();
        self.is_good() && is_free && node.log_bytes() <= TURN_BYTES_MAX
    }

    /// Whether something is logged that can be written.
    pub(super) fn takes_more(&self, node: &Node) -> bool {
        self.is_logging && !self.waits && node.log_bytes() > 0
    }

    /// Writes what was logged up to an offset, which is the end of a unit.
    pub(super) fn drain(&mut self, node: &Node, end: u64) {
        while self.is_logging {
            if !self.waits {
                if self.taken >= end {
                    return;
                }
                let most = usize::try_from(end - self.taken).unwrap_or(usize::MAX);
                let before = self.taken;
                self.taken = node.take_log(most, &mut self.batch);
                if self.taken == before {
                    return;
                }
                if self.batch.is_empty() {
                    // It was for replicas alone. Who waits for all that is logged does not wait for that.
                    self.writer.pass(self.taken);
                    self.confirm(node);
                    continue;
                }
            }
            let appended = self.writer.append(&self.batch, self.taken, clock::now().wall);
            // Where there is no room it may be appended again, and where a rewrite goes on its increment must have no gap. Else it is for the next base.
            let is_full = matches!(self.writer.state(), State::Full(_));
            self.waits = appended.is_err() && (is_full || self.writer.is_rewriting());
            if self.waits {
                return;
            }
            if self.writer.options.fsync != Fsync::Always {
                self.confirm(node);
            }
        }
    }

    /// Begins to log at an offset: what was before it is for a base.
    pub(super) fn begin_at(&mut self, node: &Node, cut: u64) {
        if !self.is_logging {
            self.is_logging = true;
            self.taken = cut;
        }
        if *self.writer.state() == State::Good {
            self.drain(node, cut);
        }
        if *self.writer.state() != State::Good {
            self.waits = false;
            while self.taken < cut {
                let most = usize::try_from(cut - self.taken).unwrap_or(usize::MAX);
                self.taken = node.take_log(most, &mut self.batch);
            }
        }
    }

    /// Gives up the base that is being written, where there is one.
    pub(super) fn give_up_base(&mut self, node: &Node) {
        let Some(base) = self.base.take() else { return };
        base.order.snapshot.cancel();
        let (order, path, _) = base.join();
        node.end_rewrite(&order, false, clock::now());
        remove(&path);
        self.writer.abort_rewrite();
    }

    /// Tells the node what may leave.
    pub(super) fn confirm(&self, node: &Node) {
        let is_always = self.writer.options.fsync == Fsync::Always;
        // Before the first base is there, what was synced tells nothing without it.
        let is_whole = *self.writer.state() != State::Waiting;
        node.note_synced(if is_whole { self.writer.synced() } else { 0 });
        match self.writer.state() {
            State::Waiting => node.confirm_all(),
            State::Good => node.confirm_log(self.writer.confirmed(), is_always),
            // Reads go on: what they see may be lost, and those that have written it are not told that it is not.
            State::Full(_) | State::Failed(_) => node.confirm_log(self.writer.confirmed(), false),
        }
    }

    /// How the files are.
    pub(super) fn status(&self) -> LogStatus {
        LogStatus {
            failure: match self.writer.state() {
                State::Full(text) | State::Failed(text) => Some(text.clone()),
                State::Good | State::Waiting => None,
            },
            bytes: self.bytes(),
            base_bytes: self.base_bytes,
            syncs: self.writer.is_syncing(),
        }
    }
}
