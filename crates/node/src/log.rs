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
//!
//! Each thread appends to a part of its own. All that it shares with others is the position of its unit, which it gets while it holds the slots, under a lock
//! that is held for a few instructions. Whoever takes the log locks all parts: nobody is between his position and his bytes then, so that what
//! is in them, put together by position, has no gap.

mod part;

use crate::node::Node;
use crate::pause::Shortage;
use crate::worker::Now;
use engine::{Access, LoggedCommands, Logging, Moment, Removal, WorkerId};
use parking_lot::Mutex;
use part::{Assembly, Part};
use resp::{Args, push_request};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// How many bytes may stand in the log and not have been taken before commands that write have to wait.
pub const LOG_BYTES_MAX: usize = 64 << 20;

/// The log of a node.
pub(crate) struct Log {
    position: Alone<Mutex<Position>>,
    /// By thread.
    parts: Box<[Alone<Mutex<Part>>]>,
    /// What was put together. Locked before the parts, and they before the position.
    assembly: Mutex<Assembly>,
    /// Something was appended since the log was last empty, and the host was not told.
    is_unannounced: AtomicBool,
}

/// In a line of the cache of its own: others are written by other threads.
#[derive(Default)]
#[repr(align(128))]
struct Alone<T>(T);

/// Where the next unit begins.
#[derive(Default)]
struct Position {
    is_on: bool,
    /// How many bytes were appended since the node began.
    end: u64,
    /// How many of them were taken.
    taken: u64,
    /// The database of the last command; none where that is not known to one who begins to read here.
    database: Option<usize>,
    /// Those that write have to wait.
    is_full: bool,
}

impl Position {
    /// How many bytes were not taken.
    const fn bytes(&self) -> usize {
        (self.end - self.taken) as usize
    }
}

impl Log {
    /// The log of so many threads.
    pub(crate) fn new(threads: usize) -> Log {
        Log {
            position: Alone::default(),
            parts: (0..threads).map(|_| Alone::default()).collect(),
            assembly: Mutex::new(Assembly::new(threads)),
            is_unannounced: AtomicBool::new(false),
        }
    }
}

/// What is appended at once.
struct Entry<'a> {
    unit: Unit,
    commands: Option<&'a LoggedCommands>,
    as_it_came: Option<(usize, Args<'a>)>,
}

impl Entry<'_> {
    /// Appends it where the command before it is of this database; that of the last command.
    fn push(&self, out: &mut Vec<u8>, before: Option<usize>) -> Option<usize> {
        let count = self.commands.map_or(0, LoggedCommands::len);
        let count = count + usize::from(self.as_it_came.is_some());
        debug_assert!(count > 0);
        let is_several = self.unit == Unit::Whole && count > 1;
        let mut last = before;
        if is_several {
            push_request(out, [&b"MULTI"[..]].into_iter());
        }
        for (database, words) in self.commands.into_iter().flat_map(LoggedCommands::iter) {
            select(out, &mut last, database);
            push_request(out, words);
        }
        if let Some((database, args)) = self.as_it_came {
            select(out, &mut last, database);
            push_request(out, args.iter_from(0));
        }
        if is_several {
            push_request(out, [&b"EXEC"[..]].into_iter());
        }
        last
    }
}

fn select(out: &mut Vec<u8>, last: &mut Option<usize>, database: usize) {
    if *last != Some(database) {
        let number = database.to_string();
        push_request(out, [b"SELECT", number.as_bytes()].into_iter());
        *last = Some(database);
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
            let mut position = self.log.position.0.lock();
            position.is_on = true;
            position.database = None;
            position.end
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
        let mut assembly = self.log.assembly.lock();
        let mut position = self.log.position.0.lock();
        let end = position.end;
        *position = Position { end, taken: end, ..Position::default() };
        self.pause.hold_writes(Shortage::Log, false);
        drop(position);
        // Nobody appends: all slots are held.
        self.log.parts.iter().for_each(|part| *part.0.lock() = Part::default());
        assembly.forget(end);
        drop(assembly);
        drop(all);
        self.wake_paused();
    }

    /// Lets what is written from here on go unlogged, until [`Node::begin_log`]: the offset behind all that was. What was not taken stays.
    pub fn suspend_log(&self, worker: WorkerId, now: Now) -> u64 {
        let _settings = self.settings.begin_change();
        let all = self.keyspace.hold_all(0, worker, Moment::at(now.wall));
        self.keyspace.set_logging(Logging::OFF, &all);
        let mut position = self.log.position.0.lock();
        position.is_on = false;
        position.end
    }

    /// Brings into effect what the settings say about how keys go in the log.
    pub(crate) fn renew_logging(&self, worker: WorkerId) {
        if self.log.position.0.lock().is_on {
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
        let mut assembly = self.log.assembly.lock();
        if assembly.is_empty() {
            let parts: Vec<_> = self.log.parts.iter().map(|part| part.0.lock()).collect();
            assembly.fetch(parts);
            assembly.assemble();
        }
        let offset = assembly.take(bytes_max, into);
        let mut position = self.log.position.0.lock();
        position.taken = offset;
        let has_room = position.is_full && position.bytes() <= LOG_BYTES_MAX / 2;
        if has_room {
            position.is_full = false;
            self.pause.hold_writes(Shortage::Log, false);
        }
        drop(position);
        drop(assembly);
        if has_room {
            self.wake_paused();
        }
        offset
    }

    /// How many bytes were not taken yet.
    #[must_use]
    pub fn log_bytes(&self) -> usize {
        self.log.position.0.lock().bytes()
    }

    /// The offset behind the last byte that was logged.
    #[must_use]
    pub fn log_end(&self) -> u64 {
        self.log.position.0.lock().end
    }

    /// Appends what was done to keys whose slots are held, of which there is something; the offset behind it.
    pub(crate) fn log(
        &self,
        by: WorkerId,
        unit: Unit,
        commands: Option<&LoggedCommands>,
        as_it_came: Option<(usize, Args<'_>)>,
    ) -> u64 {
        let entry = Entry { unit, commands, as_it_came };
        let mut part = self.log.parts[by.0].0.lock();
        let part = &mut *part;
        let before = part.database;
        let bytes = part.begin_unit();
        let start = bytes.len();
        // Most write to the database that they have written to before, and so do the others.
        let mut database = entry.push(bytes, before);
        let mut position = self.log.position.0.lock();
        if position.database != before {
            bytes.truncate(start);
            database = entry.push(bytes, position.database);
        }
        let (offset, length) = (position.end, bytes.len() - start);
        let was_empty = position.bytes() == 0;
        position.end += length as u64;
        position.database = database;
        let end = position.end;
        if position.bytes() > LOG_BYTES_MAX && !position.is_full {
            position.is_full = true;
            self.pause.hold_writes(Shortage::Log, true);
        }
        drop(position);
        part.database = database;
        part.end_unit(offset, length);
        if was_empty {
            self.log.is_unannounced.store(true, SeqCst);
        }
        end
    }

    /// Appends what was said for the log under an access; the offset behind it, where anything was.
    pub(crate) fn log_effects(&self, by: WorkerId, access: &mut Access<'_>) -> Option<u64> {
        let commands = access.take_logged();
        (!commands.is_empty()).then(|| self.log(by, Unit::Whole, Some(&commands), None))
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
