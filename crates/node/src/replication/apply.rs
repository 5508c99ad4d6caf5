//! Running the stream of the primary, and passing it on.
//!
//! What has run is appended to the log as it came, so that an offset of the log is one of the primary's stream: for replicas of this node, and for the
//! append-only file. Of a transaction nothing is passed on, nor told to the primary, before its last byte has come and it has run.

use super::Primary;
use crate::clients::{Origin, flag};
use crate::node::Node;
use crate::session::{Session, Step};
use crate::worker::{Now, Worker};
use base::{Monotonic, Rng, UnixMillis};
use resp::Limits;
use std::ops::Range;
use std::sync::Arc;
use std::task::Waker;

/// A time at which nothing has expired: keys go when the stream says so.
const BEFORE_ALL: UnixMillis = UnixMillis(1);

/// How long a transaction of the stream may be before its last command has come, in bytes: as much as a client may send for one command.
const TRANSACTION_BYTES_MAX: usize = Limits::INPUT_BYTES_MAX as usize;

/// Runs the stream of a primary. There is one at a time.
pub struct Applier {
    primary: Primary,
    worker: Worker,
    session: Session,
    /// What has run of a transaction that is not complete.
    incomplete: Vec<u8>,
    /// What of it is for replicas alone.
    for_replicas: Vec<Range<usize>>,
    /// [`TRANSACTION_BYTES_MAX`].
    incomplete_bytes_max: usize,
    output: Vec<u8>,
    /// How many failures were told.
    told_failures: u64,
}

/// What became of a stretch of the stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Applied {
    /// So many bytes of it have run. What is left is the beginning of a command.
    Bytes(usize),
    /// Nothing may be applied at the moment: the data are being loaded again, or saved for the end.
    NotNow,
    /// The primary is not followed any more, or the link is to be closed.
    Ended,
    /// It is no stream of commands.
    Malformed(String),
}

/// Commands of the stream that have failed here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StreamFailures {
    /// How many, since the link is up.
    pub count: u64,
    /// The first of those that were not told yet.
    pub command: String,
    /// What it has replied.
    pub reply: String,
}

impl Applier {
    /// Begins to run the stream of a primary, the last command of which was of this database. CLIENT KILL wakes `waker`.
    #[must_use]
    pub fn begin(
        node: &Arc<Node>,
        primary: &Primary,
        database: usize,
        origin: Origin,
        waker: &Waker,
        (now, rng): (Now, Rng),
    ) -> Option<Applier> {
        // The primary is let in however many clients there are.
        let client = node.clients.connect(origin, usize::MAX, now.wall, now.monotonic)?;
        client.set_flag(flag::PRIMARY, true);
        client.set_waker(waker);
        node.note_primary_client(primary, &client);
        Some(Applier {
            primary: primary.clone(),
            worker: Worker::new(Arc::clone(node), node.following(), rng),
            session: Session::streaming(client, database, now.wall),
            incomplete: Vec::new(),
            for_replicas: Vec::new(),
            incomplete_bytes_max: TRANSACTION_BYTES_MAX,
            output: Vec::new(),
            told_failures: 0,
        })
    }

    /// Runs the complete commands at the front of `input`, which goes on where the bytes that have run ended, and passes them on.
    pub fn apply(&mut self, now: Now, input: &[u8]) -> Applied {
        let node = Arc::clone(&self.worker.node);
        let applying = node.replication.pause_applying();
        if !node.follows(&self.primary) {
            return Applied::Ended;
        }
        if node.is_loading() || node.replication.following.rests() {
            return Applied::NotNow;
        }
        let end = self.run(now, input);
        let consumed = self.session.consumed();
        self.session.advance(consumed);
        self.pass_on(&input[..consumed]);
        node.replication.following.note_unapplied(input.len() - consumed + self.incomplete.len());
        drop(applying);
        // Whoever reads the log is told when nothing is held.
        node.collect_log();
        node.announce_log(self.worker.id);
        if self.incomplete.len() > self.incomplete_bytes_max {
            return Applied::Malformed(format!(
                "a transaction has no end within {} bytes",
                self.incomplete_bytes_max
            ));
        }
        end.unwrap_or(Applied::Bytes(consumed))
    }

    /// Runs what there is; how the stream ends, where it does.
    fn run(&mut self, now: Now, input: &[u8]) -> Option<Applied> {
        self.session.begin_streamed(now.wall);
        let then = Now { wall: BEFORE_ALL, ..now };
        loop {
            self.output.clear();
            match self.session.execute(&mut self.worker, then, input, &mut self.output) {
                Step::Input => return None,
                Step::Write => {}
                Step::Close if self.session.client().is_killed() => return Some(Applied::Ended),
                Step::Close | Step::Wait | Step::Block | Step::Sleep(_) => {
                    let reply = String::from_utf8_lossy(&self.output).trim_end().to_owned();
                    let failure = self.take_failures().map(|failures| failures.reply);
                    return Some(Applied::Malformed(failure.unwrap_or(reply)));
                }
            }
        }
    }

    /// Appends to the log what of these bytes, which have run, makes whole units.
    fn pass_on(&mut self, bytes: &[u8]) {
        let Some(streamed) = self.session.streamed() else { return };
        let before = self.incomplete.len();
        let behind = |range: Range<usize>| range.start + before..range.end + before;
        self.for_replicas.extend(streamed.for_replicas.drain(..).map(behind));
        let (whole, rest) = bytes.split_at(streamed.whole);
        if !whole.is_empty() {
            let end = before + whole.len();
            let count = self.for_replicas.partition_point(|range| range.end <= end);
            let (node, by) = (&self.worker.node, self.worker.id);
            let for_replicas = &self.for_replicas[..count];
            if self.incomplete.is_empty() {
                node.relay_log(by, whole, streamed.database, for_replicas);
            } else {
                self.incomplete.extend_from_slice(whole);
                node.relay_log(by, &self.incomplete, streamed.database, for_replicas);
                self.incomplete.clear();
            }
            self.for_replicas.drain(..count);
            let before_end = |range: &mut Range<usize>| *range = range.start - end..range.end - end;
            self.for_replicas.iter_mut().for_each(before_end);
        }
        self.incomplete.extend_from_slice(rest);
    }

    /// Tells that the stretch that was run last ended at `now`.
    pub fn end_stretch(&mut self, now: Now) {
        self.worker.end_batch(now.monotonic);
    }

    /// How many bytes of a command are known to be missing behind so many.
    #[must_use]
    pub fn missing(&self, buffered: usize) -> usize {
        self.session.missing(buffered)
    }

    /// The commands that have failed, where some have since this was last called.
    pub fn take_failures(&mut self) -> Option<StreamFailures> {
        let streamed = self.session.streamed()?;
        if streamed.failures == self.told_failures {
            return None;
        }
        self.told_failures = streamed.failures;
        let (command, reply) = streamed.failure.take()?;
        Some(StreamFailures { count: streamed.failures, command, reply })
    }

    /// Ends. A transaction that is not complete has not happened.
    pub fn end(mut self, now: Monotonic) {
        let node = Arc::clone(&self.worker.node);
        node.end_session(&mut self.session, now);
    }
}

#[cfg(test)]
mod tests;
