//! The log: what writes did, as commands, in one stream of bytes.
//!
//! # Design
//!
//! Whoever has changed something appends to the log while he still holds the slots, so that of each key the log tells in the order in which things
//! happened. What one command, or one transaction, did is one unit: MULTI and EXEC stand around it where it is more than one command. A SELECT stands
//! before a command of another database than the one before it, and at the beginning. So Redis writes its AOF and what it sends to replicas.
//!
//! Nobody can wait while he holds slots, so a log of which nobody takes anything has no end. Where it has come to [`LOG_BYTES_MAX`], commands that write wait before
//! they hold anything, as under CLIENT PAUSE WRITE, until half of it has been taken.

use crate::node::Node;
use crate::pause::Shortage;
use crate::worker::Now;
use engine::{Access, LoggedCommands, Logging, Moment, Removal, WorkerId};
use parking_lot::Mutex;
use resp::{Args, push_request};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// How many bytes may stand in the log and not have been taken before commands that write have to wait.
pub const LOG_BYTES_MAX: usize = 64 << 20;

/// From which size on a stretch of the log is not added to, in bytes.
const STRETCH_BYTES: usize = 256 << 10;

/// The log of a node.
#[derive(Default)]
pub(crate) struct Log {
    queue: Mutex<Queue>,
    /// Something was appended since the log was last empty, and the host was not told.
    is_unannounced: AtomicBool,
}

#[derive(Default)]
struct Queue {
    is_on: bool,
    /// What was not taken yet, none of them empty, each of whole units.
    stretches: VecDeque<Vec<u8>>,
    /// How many bytes of the first were taken.
    taken: usize,
    /// An empty stretch, kept for its memory.
    spare: Vec<u8>,
    /// How many bytes these are.
    bytes: usize,
    /// How many bytes were appended since the node began.
    end: u64,
    /// The database of the last command; none where that is not known to one who begins to read here.
    database: Option<usize>,
    /// Those that write have to wait.
    is_full: bool,
}

impl Queue {
    /// Sees to it that there is a stretch for a unit.
    fn begin_unit(&mut self) {
        if self.stretches.back().is_none_or(|last| last.len() >= STRETCH_BYTES) {
            let mut stretch = std::mem::take(&mut self.spare);
            stretch.reserve(STRETCH_BYTES);
            self.stretches.push_back(stretch);
        }
    }

    fn push<'a>(&mut self, words: impl ExactSizeIterator<Item = &'a [u8]>) {
        let last = self.stretches.back_mut().expect("a unit has begun");
        let before = last.len();
        push_request(last, words);
        let added = last.len() - before;
        self.bytes += added;
        self.end += added as u64;
    }

    fn push_in<'a>(&mut self, database: usize, words: impl ExactSizeIterator<Item = &'a [u8]>) {
        if self.database != Some(database) {
            let number = database.to_string();
            self.push([b"SELECT", number.as_bytes()].into_iter());
            self.database = Some(database);
        }
        self.push(words);
    }

    /// Takes a stretch, or a part of it.
    fn take(&mut self, bytes_max: usize, into: &mut Vec<u8>) {
        into.clear();
        let Some(first) = self.stretches.front_mut() else { return };
        let left = &first[self.taken..];
        if self.taken == 0 && left.len() <= bytes_max {
            std::mem::swap(first, into);
        } else {
            into.extend_from_slice(&left[..left.len().min(bytes_max)]);
            self.taken += into.len();
        }
        self.bytes -= into.len();
        if self.taken == first.len() || first.is_empty() {
            self.taken = 0;
            let emptied = self.stretches.pop_front().unwrap_or_default();
            // A long command may have made it large.
            if emptied.capacity() <= 2 * STRETCH_BYTES {
                self.spare = emptied;
                self.spare.clear();
            }
        }
    }
}

/// What is logged together.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// All of it is one unit.
    Whole,
    /// Each command stands for itself: keys that go by themselves have nothing to do with each other.
    Each,
}

impl Node {
    /// Begins to log what is written, or, where it is logged already, lets another reader begin: the offset from which on the log stands for itself. What was
    /// written before has no part in it; `at_cut` runs between the two, while nobody else can read or write.
    pub fn begin_log<T>(
        &self,
        worker: WorkerId,
        now: Now,
        at_cut: impl FnOnce(&mut Access<'_>, u64) -> T,
    ) -> T {
        let _settings = self.settings.begin_change();
        let moment = Moment::at(now.wall);
        let mut all = self.keyspace.hold_all(0, worker, moment);
        self.keyspace.set_logging(self.logging(), &all);
        let offset = {
            let mut queue = self.log.queue.lock();
            queue.is_on = true;
            queue.database = None;
            queue.end
        };
        let result = at_cut(&mut all, offset);
        // Looking at a key may have been its end.
        self.conclude(all, worker, moment, None);
        result
    }

    /// Ends logging. What was not taken is forgotten.
    pub fn end_log(&self, worker: WorkerId, now: Now) {
        let _settings = self.settings.begin_change();
        let all = self.keyspace.hold_all(0, worker, Moment::at(now.wall));
        self.keyspace.set_logging(Logging::OFF, &all);
        let mut queue = self.log.queue.lock();
        *queue = Queue { end: queue.end, ..Queue::default() };
        self.pause.hold_writes(Shortage::Log, false);
        drop(queue);
        drop(all);
        self.wake_paused();
    }

    /// Lets what is written from here on go unlogged, until [`Node::begin_log`]: the offset behind all that was. What was not taken stays.
    pub fn suspend_log(&self, worker: WorkerId, now: Now) -> u64 {
        let _settings = self.settings.begin_change();
        let all = self.keyspace.hold_all(0, worker, Moment::at(now.wall));
        self.keyspace.set_logging(Logging::OFF, &all);
        let mut queue = self.log.queue.lock();
        queue.is_on = false;
        queue.end
    }

    /// Brings into effect what the settings say about how keys go in the log.
    pub(crate) fn renew_logging(&self, worker: WorkerId) {
        if self.log.queue.lock().is_on {
            let all = self.keyspace.hold_all(0, worker, Moment::at(base::UnixMillis(0)));
            self.keyspace.set_logging(self.logging(), &all);
        }
    }

    fn logging(&self) -> Logging {
        let memory = &self.settings.current().memory;
        Logging::ON
            .unlinking(Removal::Expired, memory.lazyfree_lazy_expire)
            .unlinking(Removal::Evicted, memory.lazyfree_lazy_eviction)
            .unlinking(Removal::Emptied, memory.lazyfree_lazy_server_del)
    }

    /// Takes the next bytes of the log, at most so many, into `into`, whose memory is used again; the offset behind them. None where there is nothing. What is taken
    /// ends with a whole unit, unless `bytes_max` cuts it off.
    pub fn take_log(&self, bytes_max: usize, into: &mut Vec<u8>) -> u64 {
        let mut queue = self.log.queue.lock();
        queue.take(bytes_max, into);
        let offset = queue.end - queue.bytes as u64;
        let has_room = queue.is_full && queue.bytes <= LOG_BYTES_MAX / 2;
        if has_room {
            queue.is_full = false;
            self.pause.hold_writes(Shortage::Log, false);
        }
        drop(queue);
        if has_room {
            self.wake_paused();
        }
        offset
    }

    /// How many bytes were not taken yet.
    #[must_use]
    pub fn log_bytes(&self) -> usize {
        self.log.queue.lock().bytes
    }

    /// The offset behind the last byte that was logged.
    #[must_use]
    pub fn log_end(&self) -> u64 {
        self.log.queue.lock().end
    }

    /// Appends what was done to keys whose slots are held, of which there is something; the offset behind it.
    pub(crate) fn log(
        &self,
        unit: Unit,
        commands: Option<&LoggedCommands>,
        as_it_came: Option<(usize, Args<'_>)>,
    ) -> u64 {
        let count = commands.map_or(0, LoggedCommands::len) + usize::from(as_it_came.is_some());
        debug_assert!(count > 0);
        let mut queue = self.log.queue.lock();
        let was_empty = queue.bytes == 0;
        let is_several = unit == Unit::Whole && count > 1;
        queue.begin_unit();
        if is_several {
            queue.push([&b"MULTI"[..]].into_iter());
        }
        for (database, words) in commands.into_iter().flat_map(LoggedCommands::iter) {
            queue.push_in(database, words);
        }
        if let Some((database, args)) = as_it_came {
            queue.push_in(database, args.iter_from(0));
        }
        if is_several {
            queue.push([&b"EXEC"[..]].into_iter());
        }
        if queue.bytes > LOG_BYTES_MAX && !queue.is_full {
            queue.is_full = true;
            self.pause.hold_writes(Shortage::Log, true);
        }
        if was_empty {
            self.log.is_unannounced.store(true, SeqCst);
        }
        queue.end
    }

    /// Appends what was said for the log under an access; the offset behind it, where anything was.
    pub(crate) fn log_effects(&self, access: &mut Access<'_>) -> Option<u64> {
        let commands = access.take_logged();
        (!commands.is_empty()).then(|| self.log(Unit::Whole, Some(&commands), None))
    }

    /// Tells the host where there is something to take that it does not know of. To be called when nothing is held.
    #[inline]
    pub(crate) fn announce_log(&self, by: WorkerId) {
        if self.log.is_unannounced.load(SeqCst) && self.log.is_unannounced.swap(false, SeqCst) {
            self.host.log_grew(by);
        }
    }
}

#[cfg(test)]
mod tests;
