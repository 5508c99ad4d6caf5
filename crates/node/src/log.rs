//! The log: what writes did, as commands, in one stream of bytes.
//!
//! # Design
//!
//! Whoever has changed something appends to the log while he still holds the slots, so that of each key the log tells in the order in which things
//! happened. What one command, or one transaction, did is one unit: MULTI and EXEC stand around it where it is more than one command. A SELECT stands
//! before a command of another database than the one before it, and at the beginning. So Redis writes its AOF and what it sends to replicas.
//!
//! Nobody can wait while he holds slots, so a log of which nobody takes anything has no end. Where so much waits for the file as [`LOG_BYTES_MAX`], commands that write wait before
//! they hold anything, as under CLIENT PAUSE WRITE, until half of it has been taken.
//!
//! There are two that read it: the append-only file, which takes it ([`Node::take_log`]), and replicas, each of which is somewhere in the last bytes, which are kept
//! for them and for those that come back.
//!
//! Each thread appends to a part of its own. All that it shares with others is the position of its unit, which it gets while it holds the slots, under a lock
//! that is held for a few instructions. Whoever takes the log locks all parts: nobody is between his position and his bytes then, so that what
//! is in them, put together by position, has no gap.

mod last_changes;
mod part;
mod reading;

pub(crate) use reading::LogReader;

use crate::node::Node;
use crate::pause::WaitReason;
use crate::worker::Now;
use base::Slot;
use engine::{Access, LoggedCommands, Logging, Moment, Removal, WorkerId};
use last_changes::LastChanges;
use parking_lot::Mutex;
use part::{Assembly, Part};
use reading::Retention;
use resp::{Args, push_request};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// How many bytes may stand in the log and not have been taken before commands that write have to wait.
pub const LOG_BYTES_MAX: usize = 64 << 20;

/// Who reads the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum LogUser {
    /// The append-only file.
    File = 1,
    /// Replicas, those that are there and those that may come back.
    Replicas = 2,
}

/// The log of a node.
pub(crate) struct Log {
    position: Alone<Mutex<Position>>,
    /// By thread.
    parts: Box<[Alone<Mutex<Part>>]>,
    /// Locked before the parts, and they before the position.
    assembly: Mutex<Assembly>,
    /// What is kept for whom. Locked after the assembly.
    retention: Mutex<Retention>,
    /// Something was appended since all was put together, and the host was not told.
    is_unannounced: AtomicBool,
    /// Read by every command.
    last_changes: Alone<OnceLock<Box<LastChanges>>>,
}

/// In a line of the cache of its own: others are written by other threads.
#[derive(Default)]
#[repr(align(128))]
struct Alone<T>(T);

/// Where the next unit begins.
#[derive(Default)]
struct Position {
    /// Bits of [`LogUser`].
    users: u8,
    /// How many bytes were appended since the node began.
    end: u64,
    /// How many of them were put together.
    collected: u64,
    /// How many of them were taken for the file.
    taken: u64,
    /// The database of the last command; none where that is not known to one who begins to read here.
    database: Option<usize>,
    /// Those that write have to wait.
    is_full: bool,
    /// Which bytes are for replicas alone, ascending; none of them touch.
    for_replicas: VecDeque<Range<u64>>,
    /// What the file gets before it gets the byte of this offset.
    for_file: Option<(u64, Vec<u8>)>,
}

impl Position {
    fn has(&self, user: LogUser) -> bool {
        self.users & user as u8 != 0
    }

    /// How many bytes wait for the file.
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
            assembly: Mutex::new(Assembly::new(threads, 0)),
            retention: Mutex::default(),
            is_unannounced: AtomicBool::new(false),
            last_changes: Alone::default(),
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
        out.extend(select_request(database));
        *last = Some(database);
    }
}

fn select_request(database: usize) -> Vec<u8> {
    let (mut out, number) = (Vec::new(), database.to_string());
    push_request(&mut out, [b"SELECT", number.as_bytes()].into_iter());
    out
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
    /// Begins to log what is written for a user of the log, or, where it is logged for him already, lets him begin anew: the offset from which on the log stands
    /// for itself. What was written before has no part in it; `at_cut` runs between the two, while nobody else can read or write.
    pub fn begin_log<T>(
        &self,
        user: LogUser,
        worker: WorkerId,
        now: Now,
        at_cut: impl FnOnce(&mut Access<'_>, u64) -> T,
    ) -> T {
        let _settings = self.settings.begin_change();
        let _applied = self.replication.pause_applying();
        let moment = Moment::at(now.wall);
        let mut all = self.keyspace.hold_all(0, worker, moment);
        let mut assembly = self.log.assembly.lock();
        self.collect(&mut assembly, true);
        let offset = {
            let mut position = self.log.position.0.lock();
            let end = position.end;
            let is_replica = self.replication.is_replica();
            if user == LogUser::File {
                if !position.has(user) {
                    position.taken = end;
                }
                // The stream is the primary's: nothing is put into it here.
                let select = position.database.filter(|_| is_replica).map(select_request);
                position.for_file = select.map(|request| (end, request));
            }
            position.users |= user as u8;
            if !is_replica {
                position.database = None;
            }
            end
        };
        drop(assembly);
        self.set_logging(&all);
        let result = at_cut(&mut all, offset);
        // Looking at a key may have been its end.
        self.conclude(all, worker, moment, None);
        result
    }

    /// Ends logging for a user of the log. What he has not taken is forgotten.
    pub fn end_log(&self, user: LogUser, worker: WorkerId, now: Now) {
        let _settings = self.settings.begin_change();
        let all = self.keyspace.hold_all(0, worker, Moment::at(now.wall));
        let mut assembly = self.log.assembly.lock();
        self.collect(&mut assembly, true);
        let mut position = self.log.position.0.lock();
        position.users &= !(user as u8);
        if user == LogUser::File {
            position.taken = position.end;
            position.is_full = false;
            position.for_file = None;
            self.pause.hold_writes(WaitReason::Log, false);
        }
        if position.users == 0 {
            position.database = None;
            position.for_replicas.clear();
            assembly.forget(position.end);
        }
        drop(position);
        self.trim_log(&mut assembly);
        drop(assembly);
        self.set_logging(&all);
        drop(all);
        self.wake_paused();
    }

    /// Brings into effect what the settings, the node's role, and whether data are being loaded say about what is logged and who may write. When this returns, nothing is under way that
    /// went by what they said before.
    pub(crate) fn renew_logging(&self, worker: WorkerId) {
        let all = self.keyspace.hold_all(0, worker, Moment::at(base::UnixMillis(0)));
        self.set_logging(&all);
    }

    /// The same for one who holds every slot.
    pub(crate) fn set_logging(&self, all: &Access<'_>) {
        self.keyspace.set_logging(self.logging(), all);
        self.note_any_change();
    }

    /// How what commands do is logged. A replica has it from its primary, in the primary's words.
    fn logging(&self) -> Logging {
        // What is loaded is in its file, and what a client would write meanwhile would not be.
        if self.is_loading() {
            return Logging::LOADING;
        }
        if self.refuses_own_writes() {
            return Logging::FOREIGN;
        }
        if self.pause.holds(WaitReason::Yielding) {
            return Logging::STILL;
        }
        let position = self.log.position.0.lock();
        if position.users == 0 || self.replication.is_replica() {
            return Logging::OFF;
        }
        drop(position);
        let memory = &self.settings.current().memory;
        Logging::ON
            .unlinking(Removal::Expired, memory.lazyfree_lazy_expire)
            .unlinking(Removal::Evicted, memory.lazyfree_lazy_eviction)
            .unlinking(Removal::Emptied, memory.lazyfree_lazy_server_del)
    }

    /// How many bytes wait for the file.
    #[must_use]
    pub fn log_bytes(&self) -> usize {
        let position = self.log.position.0.lock();
        if position.has(LogUser::File) { position.bytes() } else { 0 }
    }

    /// The offset behind the last byte that was logged, and the database of the last command.
    pub(crate) fn log_place(&self) -> (u64, Option<usize>) {
        let position = self.log.position.0.lock();
        (position.end, position.database)
    }

    /// The last command before the end of the log is of this database; where that is not known to those who go on from there, the next tells.
    pub(crate) fn note_log_database(&self, database: Option<usize>) {
        self.log.position.0.lock().database = database;
    }

    /// The offset behind the last byte that was logged.
    #[must_use]
    pub fn log_end(&self) -> u64 {
        self.log.position.0.lock().end
    }

    /// Appends what was done to keys of these slots, which are held, and of which there is something; the offset behind it.
    pub(crate) fn log(
        &self,
        by: WorkerId,
        unit: Unit,
        slots: impl Iterator<Item = Slot>,
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
        let was_collected = position.collected == position.end;
        position.end += length as u64;
        position.database = database;
        let end = position.end;
        self.bound_log(&mut position);
        drop(position);
        part.database = database;
        part.end_unit(offset, length);
        if was_collected {
            self.log.is_unannounced.store(true, SeqCst);
        }
        if let Some(changes) = self.log.last_changes() {
            changes.note(slots, end);
        }
        end
    }

    /// Appends bytes that are a stretch of the primary's stream: whole units of it, the last command of which is of this database. Some are for replicas alone. To be
    /// called where nobody else appends; the offset behind them.
    pub(crate) fn relay_log(
        &self,
        by: WorkerId,
        bytes: &[u8],
        database: usize,
        for_replicas: &[Range<usize>],
    ) -> Option<u64> {
        self.append(by, bytes, Some(database), for_replicas)
    }

    /// Appends a command for replicas alone, where there may be any; the offset behind it.
    pub(crate) fn log_for_replicas(&self, by: WorkerId, words: &[&[u8]]) -> Option<u64> {
        let mut request = Vec::new();
        push_request(&mut request, words.iter().copied());
        self.append(by, &request, None, std::slice::from_ref(&(0..request.len())))
    }

    /// Appends bytes as they are, where there may be replicas.
    fn append(
        &self,
        by: WorkerId,
        bytes: &[u8],
        database: Option<usize>,
        for_replicas: &[Range<usize>],
    ) -> Option<u64> {
        let mut part = self.log.parts[by.0].0.lock();
        let mut position = self.log.position.0.lock();
        // On a replica the stream is its primary's: nothing else is put into it.
        let is_ours = database.is_none();
        if !position.has(LogUser::Replicas) || (is_ours && self.replication.is_replica()) {
            return None;
        }
        let offset = position.end;
        let was_collected = position.collected == offset;
        position.end += bytes.len() as u64;
        let end = position.end;
        position.database = database.or(position.database);
        if position.has(LogUser::File) {
            let at = |place: usize| offset + place as u64;
            for one in for_replicas {
                let (start, end) = (at(one.start), at(one.end));
                match position.for_replicas.back_mut() {
                    Some(last) if last.end == start => last.end = end,
                    _ => position.for_replicas.push_back(start..end),
                }
            }
        }
        if !is_ours && let Some(changes) = self.log.last_changes() {
            changes.note_any(end);
        }
        self.bound_log(&mut position);
        drop(position);
        part.begin_unit().extend_from_slice(bytes);
        part.end_unit(offset, bytes.len());
        if was_collected {
            self.log.is_unannounced.store(true, SeqCst);
        }
        Some(end)
    }

    /// Lets commands that write wait where the file has too much to take.
    fn bound_log(&self, position: &mut Position) {
        let is_read = position.has(LogUser::File);
        if is_read && position.bytes() > LOG_BYTES_MAX && !position.is_full {
            position.is_full = true;
            self.pause.hold_writes(WaitReason::Log, true);
        }
    }

    /// Appends what was said for the log under an access; the offset behind it, where anything was.
    pub(crate) fn log_effects(&self, by: WorkerId, access: &mut Access<'_>) -> Option<u64> {
        let commands = access.take_logged();
        (!commands.is_empty())
            .then(|| self.log(by, Unit::Whole, access.slots(), Some(&commands), None))
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
