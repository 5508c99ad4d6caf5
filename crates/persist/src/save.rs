//! Saving a snapshot: the walk over it, and what is written ahead of the walk because it is about to change.
//!
//! Records are encoded under the locks of their slots and written when nothing is held: who holds a slot never waits for a disk.

use crate::rdb::{Options, Usage, Writer};
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
    fn usage(&self, record: &KeyRecord) -> Option<Usage> {
        self.tells_usage.then(|| match self.moment.policy {
            AccessPolicy::Lru => Usage::Idle(u64::from(self.moment.idle_seconds(record.access()))),
            AccessPolicy::Lfu { .. } => Usage::Frequency(self.moment.lfu_counter(record.access())),
        })
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
        let mut writer = Writer::for_part(Vec::new(), self.options.file);
        for record in records {
            writer.record(record, self.options.usage(record))?;
        }
        writer.take()
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
    let walked = SavedKeys::new(ahead.options);
    let mut cursor = SnapshotCursor::default();
    let mut selected = None;
    loop {
        let goes_on = keyspace.save_step(snapshot, &mut cursor, &walked);
        if snapshot.is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if !goes_on || walked.memory_bytes() >= GATHERED_BYTES || ahead.memory_bytes() > 0 {
            for piece in walked.take()?.into_iter().chain(ahead.take()?) {
                if selected != Some(piece.database) {
                    selected = Some(piece.database);
                    writer.select(piece.database)?;
                    let totals = snapshot.totals(piece.database);
                    writer.resize(totals.keys as u64, totals.volatile as u64)?;
                }
                writer.part(&piece.bytes)?;
            }
        }
        if !goes_on {
            return Ok(());
        }
        rest(snapshot.saved_keys());
    }
}
