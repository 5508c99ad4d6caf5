//! Saving a snapshot: the walk over it, and what is written ahead of the walk because it is about to change.
//!
//! Records are encoded under the locks of their slots and written when nothing is held: who holds a slot never waits for a disk.

use crate::rdb::{Options, PartWriter, Usage, Writer};
use engine::{AccessPolicy, KeyRecord, Keyspace, Moment, Snapshot, SnapshotCursor, SnapshotSink};
use parking_lot::Mutex;
use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The walk hands on what it has gathered from this size on, in bytes.
const GATHERED_BYTES: usize = 64 << 10;

/// How keys are written.
#[derive(Clone, Copy, Debug)]
pub struct KeyOptions {
    /// Those of the file.
    pub file: Options,
    /// When it begins, and what access clocks count.
    pub moment: Moment,
    /// Whether it is told how much each key was used.
    pub tells_usage: bool,
}

impl KeyOptions {
    fn write_all(&self, records: &[&KeyRecord], writer: &mut PartWriter) -> io::Result<()> {
        records.iter().try_for_each(|record| writer.record(record, self.usage(record)))
    }

    fn usage(&self, record: &KeyRecord) -> Option<Usage> {
        self.tells_usage.then(|| match self.moment.policy {
            AccessPolicy::Lru => Usage::Idle(u64::from(self.moment.idle_seconds(record.access()))),
            AccessPolicy::Lfu { .. } => Usage::Frequency(self.moment.lfu_counter(record.access())),
        })
    }
}

/// What the walk comes by. It is used by one thread; the lock is for the type's sake.
struct Walked {
    options: KeyOptions,
    writer: Mutex<(PartWriter, io::Result<()>)>,
}

impl SnapshotSink for Walked {
    fn save(&self, _: usize, records: &[&KeyRecord]) {
        let (writer, result) = &mut *self.writer.lock();
        if result.is_ok() {
            *result = self.options.write_all(records, writer);
        }
    }
}

/// Records of one database, encoded.
struct Piece {
    database: usize,
    bytes: Vec<u8>,
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

    /// The memory that it takes, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }

    fn encode(&self, records: &[&KeyRecord]) -> io::Result<Vec<u8>> {
        let mut writer = PartWriter::for_part(self.options.file);
        self.options.write_all(records, &mut writer)?;
        Ok(writer.take())
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
                    Some(last)
                        if last.database == database && last.bytes.len() < GATHERED_BYTES =>
                    {
                        last.bytes.extend_from_slice(&bytes);
                    }
                    Some(_) | None => pieces.push(Piece { database, bytes }),
                }
            }
            Err(error) => *self.failure.lock() = Some(error),
        }
    }
}

/// Writes all keys of a snapshot, whose records come in at `ahead`, to a file of which the head is written. `rest` is called between two
/// steps, when nothing is held, and may wait; with what was saved so far.
///
/// # Errors
///
/// Those of the sink of `writer`, and `Interrupted` where the snapshot was cancelled.
pub fn save_keys<W: Write>(
    keyspace: &Keyspace,
    snapshot: &Snapshot,
    ahead: &SavedKeys,
    writer: &mut Writer<W>,
    rest: &mut dyn FnMut(u64),
) -> io::Result<()> {
    let part = PartWriter::for_part(ahead.options.file);
    let walked = Walked { options: ahead.options, writer: Mutex::new((part, Ok(()))) };
    let mut cursor = SnapshotCursor::default();
    let mut file = SelectingWriter { writer, snapshot, selected: None };
    loop {
        let database = cursor.database();
        let goes_on = keyspace.save_step(snapshot, &mut cursor, &walked);
        if snapshot.is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let (writer, result) = &mut *walked.writer.lock();
        std::mem::replace(result, Ok(()))?;
        if writer.gathered_bytes() >= GATHERED_BYTES || cursor.database() != database || !goes_on {
            file.write(database, writer.gathered())?;
            writer.clear();
        }
        if ahead.memory_bytes() > 0 || !goes_on {
            for piece in ahead.take()? {
                file.write(piece.database, &piece.bytes)?;
            }
        }
        if !goes_on {
            return Ok(());
        }
        rest(snapshot.saved_keys());
    }
}

/// Writes keys of any database.
struct SelectingWriter<'s, W> {
    writer: &'s mut Writer<W>,
    snapshot: &'s Snapshot,
    selected: Option<usize>,
}

impl<W: Write> SelectingWriter<'_, W> {
    fn write(&mut self, database: usize, keys: &[u8]) -> io::Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        if self.selected != Some(database) {
            self.selected = Some(database);
            self.writer.select(database)?;
            let totals = self.snapshot.totals(database);
            self.writer.resize(totals.keys as u64, totals.volatile as u64)?;
        }
        self.writer.part(keys)
    }
}
