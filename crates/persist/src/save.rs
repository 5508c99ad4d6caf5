//! Saving a snapshot: the walk over it, and what is written ahead of the walk because it is about to change.
//!
//! Records are encoded under the locks of their slots and written when nothing is held: who holds a slot never waits for a disk. A large value is frozen
//! under the lock, and encoded when it is written.

mod frozen;

use crate::aof::{CommandWriter, LargeCommands, push_key, push_select};
use crate::rdb::{Options, PartWriter, Usage, Writer};
use engine::{
    AccessPolicy, FrozenRecord, KeyRecord, Keyspace, Moment, Snapshot, SnapshotCursor,
    SnapshotSink, Totals,
};
use frozen::LargeWriter;
use parking_lot::Mutex;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// The walk hands on what it has buffered from this size on, in bytes.
const BUFFERED_BYTES: usize = 64 << 10;

/// A frozen value counts for so much of what is saved and not written, in bytes, where it is not smaller. It takes more only where more of it is
/// changed before it is written, and that it is large is no reason to hold writes.
const FROZEN_BYTES_MAX: usize = 1 << 20;

/// How keys are written.
#[derive(Clone, Copy, Debug)]
pub struct KeyOptions {
    /// Those of the file, where it is an RDB file.
    pub file: Options,
    /// Whether it is made of commands.
    pub as_commands: bool,
    /// When it begins, and what access clocks count.
    pub moment: Moment,
    /// Whether it is told how much each key was used.
    pub tells_usage: bool,
}

impl KeyOptions {
    fn write_all(&self, records: &[&KeyRecord], part: &mut Part) -> io::Result<()> {
        records.iter().try_for_each(|record| match part {
            Part::Rdb(writer) => writer.record(record, self.usage(record.access())),
            Part::Commands(out) => {
                push_key(out, record);
                Ok(())
            }
        })
    }

    /// How much a key of this access clock was used, where that is told.
    fn usage(&self, access: u32) -> Option<Usage> {
        self.tells_usage.then(|| match self.moment.policy {
            AccessPolicy::Lru => Usage::Idle(u64::from(self.moment.idle_seconds(access))),
            AccessPolicy::Lfu { .. } => Usage::Frequency(self.moment.lfu_counter(access)),
        })
    }
}

/// Encoded records.
#[expect(clippy::large_enum_variant, reason = "there are two at a time, on the stack")]
enum Part {
    Rdb(PartWriter),
    Commands(Vec<u8>),
}

impl Part {
    fn new(options: &KeyOptions) -> Part {
        if options.as_commands {
            Part::Commands(Vec::new())
        } else {
            Part::Rdb(PartWriter::for_part(options.file))
        }
    }

    fn with_room(options: &KeyOptions, bytes: usize) -> Part {
        let mut part = Part::new(options);
        match &mut part {
            Part::Rdb(writer) => writer.reserve(bytes),
            Part::Commands(out) => out.reserve(bytes),
        }
        part
    }

    fn buffered(&self) -> &[u8] {
        match self {
            Part::Rdb(writer) => writer.buffered(),
            Part::Commands(out) => out,
        }
    }

    /// Forgets what was buffered, and keeps its memory.
    fn clear(&mut self) {
        match self {
            Part::Rdb(writer) => writer.clear(),
            Part::Commands(out) => out.clear(),
        }
    }

    fn take(&mut self) -> Vec<u8> {
        match self {
            Part::Rdb(writer) => writer.take(),
            Part::Commands(out) => std::mem::take(out),
        }
    }
}

/// A file of which the head is written, and which keys are written to that are encoded already.
pub trait KeyFile {
    /// The database whose keys follow, and about how many there are.
    ///
    /// # Errors
    ///
    /// The system's.
    fn begin_database(&mut self, database: usize, totals: Totals) -> io::Result<()>;

    /// Keys.
    ///
    /// # Errors
    ///
    /// The system's.
    fn keys(&mut self, encoded: &[u8]) -> io::Result<()>;

    /// A key with a large value, which is encoded as it is written.
    ///
    /// # Errors
    ///
    /// The system's, `Interrupted` where the file is not wanted any more, and `Unsupported` where it cannot carry the value.
    fn frozen(&mut self, record: FrozenRecord, usage: Option<Usage>) -> io::Result<()>;

    /// Has it written no further, be it in the middle of a value, once `is_cancelled` says that the file is not wanted any more.
    fn cancel_with(&mut self, is_cancelled: Arc<AtomicBool>);
}

impl<W: Write> KeyFile for Writer<W> {
    fn begin_database(&mut self, database: usize, totals: Totals) -> io::Result<()> {
        self.select(database)?;
        self.resize(totals.keys as u64, totals.volatile as u64)
    }

    fn keys(&mut self, encoded: &[u8]) -> io::Result<()> {
        self.part(encoded)
    }

    fn frozen(&mut self, record: FrozenRecord, usage: Option<Usage>) -> io::Result<()> {
        LargeWriter { writer: self }.write(record, usage)
    }

    fn cancel_with(&mut self, is_cancelled: Arc<AtomicBool>) {
        self.cancel_with(is_cancelled);
    }
}

impl<W: Write> KeyFile for CommandWriter<W> {
    fn begin_database(&mut self, database: usize, _: Totals) -> io::Result<()> {
        let mut select = Vec::new();
        push_select(&mut select, database);
        self.batch(&select)
    }

    fn keys(&mut self, encoded: &[u8]) -> io::Result<()> {
        self.batch(encoded)
    }

    fn frozen(&mut self, record: FrozenRecord, _: Option<Usage>) -> io::Result<()> {
        LargeCommands::new(self).write(record)
    }

    fn cancel_with(&mut self, is_cancelled: Arc<AtomicBool>) {
        self.cancel_with(is_cancelled);
    }
}

/// What the walk comes by. It is used by one thread; the lock is for the type's sake.
struct Walked {
    options: KeyOptions,
    found: Mutex<Found>,
}

struct Found {
    part: Part,
    frozen: Vec<FrozenRecord>,
    result: io::Result<()>,
}

impl SnapshotSink for Walked {
    fn save(&self, _: usize, records: &[&KeyRecord]) {
        let Found { part, result, .. } = &mut *self.found.lock();
        if result.is_ok() {
            *result = self.options.write_all(records, part);
        }
    }

    fn save_frozen(&self, _: usize, record: FrozenRecord) {
        self.found.lock().frozen.push(record);
    }
}

/// What was saved of one database.
struct Piece {
    database: usize,
    content: Content,
}

enum Content {
    /// Records, encoded.
    Encoded(Vec<u8>),
    /// A record that is to be encoded.
    Frozen(FrozenRecord),
}

/// What was saved and not written to the file yet: the end of a snapshot that records come in at.
pub struct SavedKeys {
    options: KeyOptions,
    pieces: Mutex<Vec<Piece>>,
    bytes: AtomicUsize,
    failure: Mutex<Option<io::Error>>,
}

impl SavedKeys {
    /// Nothing yet.
    #[must_use]
    pub fn new(options: KeyOptions) -> SavedKeys {
        SavedKeys {
            options,
            pieces: Mutex::default(),
            bytes: AtomicUsize::new(0),
            failure: Mutex::default(),
        }
    }

    /// The memory that it takes, in bytes, without what is being written; a large value counts for no more than a mebibyte.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }

    fn encode(&self, records: &[&KeyRecord]) -> io::Result<Vec<u8>> {
        let mut part = Part::new(&self.options);
        self.options.write_all(records, &mut part)?;
        Ok(part.take())
    }

    fn take(&self) -> io::Result<Vec<Piece>> {
        if let Some(error) = self.failure.lock().take() {
            return Err(error);
        }
        let mut pieces = self.pieces.lock();
        self.bytes.store(0, Relaxed);
        Ok(std::mem::take(&mut *pieces))
    }
}

impl SnapshotSink for SavedKeys {
    fn save(&self, database: usize, records: &[&KeyRecord]) {
        match self.encode(records) {
            Ok(bytes) => {
                let mut pieces = self.pieces.lock();
                self.bytes.fetch_add(bytes.len(), Relaxed);
                match pieces.last_mut() {
                    // Few large pieces, so that each takes little beside its bytes.
                    Some(Piece { database: own, content: Content::Encoded(last) })
                        if *own == database && last.len() < BUFFERED_BYTES =>
                    {
                        last.extend_from_slice(&bytes);
                    }
                    Some(_) | None => {
                        pieces.push(Piece { database, content: Content::Encoded(bytes) });
                    }
                }
            }
            Err(error) => *self.failure.lock() = Some(error),
        }
    }

    fn save_frozen(&self, database: usize, record: FrozenRecord) {
        let mut pieces = self.pieces.lock();
        self.bytes.fetch_add(record.bytes.min(FROZEN_BYTES_MAX), Relaxed);
        pieces.push(Piece { database, content: Content::Frozen(record) });
    }
}

/// Writes all keys of a snapshot, whose records come in at `ahead`, to a file. `rest` is called between two
/// steps, when nothing is held, and may wait; with what was saved so far.
///
/// # Errors
///
/// Those of the file, and `Interrupted` where the snapshot was cancelled.
pub fn save_keys<F: KeyFile>(
    keyspace: &Keyspace,
    snapshot: &Snapshot,
    ahead: &SavedKeys,
    file: &mut F,
    rest: &mut dyn FnMut(u64),
) -> io::Result<()> {
    let options = ahead.options;
    let part = Part::with_room(&options, 2 * BUFFERED_BYTES);
    let found = Found { part, frozen: Vec::new(), result: Ok(()) };
    let walked = Walked { options, found: Mutex::new(found) };
    let mut cursor = SnapshotCursor::default();
    file.cancel_with(snapshot.cancellation());
    let mut file = Selecting { file, snapshot, options, selected: None };
    loop {
        let database = cursor.database();
        let goes_on = keyspace.save_step(snapshot, &mut cursor, &walked);
        if snapshot.is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let Found { part, frozen, result } = &mut *walked.found.lock();
        std::mem::replace(result, Ok(()))?;
        if part.buffered().len() >= BUFFERED_BYTES || cursor.database() != database || !goes_on {
            file.write(database, part.buffered())?;
            part.clear();
        }
        file.write_ahead(ahead)?;
        for record in frozen.drain(..) {
            file.write_frozen(database, record)?;
            // As soon as it can be: what is frozen is copied where it is changed.
            file.write_ahead(ahead)?;
        }
        if !goes_on {
            return Ok(());
        }
        rest(snapshot.saved_keys());
    }
}

/// Writes keys of any database.
struct Selecting<'s, F> {
    file: &'s mut F,
    snapshot: &'s Snapshot,
    options: KeyOptions,
    selected: Option<usize>,
}

impl<F: KeyFile> Selecting<'_, F> {
    fn select(&mut self, database: usize) -> io::Result<()> {
        if self.selected != Some(database) {
            self.selected = Some(database);
            self.file.begin_database(database, self.snapshot.totals(database))?;
        }
        Ok(())
    }

    fn write(&mut self, database: usize, keys: &[u8]) -> io::Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        self.select(database)?;
        self.file.keys(keys)
    }

    fn write_frozen(&mut self, database: usize, record: FrozenRecord) -> io::Result<()> {
        self.select(database)?;
        let usage = self.options.usage(record.access);
        self.file.frozen(record, usage)
    }

    /// Writes what has come in, as long as anything does.
    fn write_ahead(&mut self, ahead: &SavedKeys) -> io::Result<()> {
        loop {
            let pieces = ahead.take()?;
            if pieces.is_empty() {
                return Ok(());
            }
            for Piece { database, content } in pieces {
                match content {
                    Content::Encoded(bytes) => self.write(database, &bytes)?,
                    Content::Frozen(record) => self.write_frozen(database, record)?,
                }
            }
        }
    }
}
