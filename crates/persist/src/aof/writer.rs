//! What is written and when it is durable: a state machine over the storage, for one thread that has nothing else to do.
//!
//! ```text
//!            append, sync                    ENOSPC, cut back                   append again
//!   Good ─────────────────► Good      Good ──────────────────► Full      Full ─────────────────► Good
//!
//!            sync fails, write fails otherwise, cannot be cut back
//!   any ─────────────────────────────────────────────────────────► Failed
//!
//!            begin_rewrite: a fresh file             finish_rewrite: it and its base are listed
//!   Failed, Full ───────────► Failed, appends succeed ────────────────────────────────────► Good
//!   Waiting ────────────────► Waiting, appends succeed ───────────────────────────────────► Good
//! ```
//!
//! # Invariants
//!
//! 1. What [`Writer::synced`] has told is found after a power cut, and what [`Writer::written`] has told after the end of the process, both in order
//!    and without a gap.
//! 2. A file whose write or sync has failed is never trusted again: Linux forgets what it could not write, so that a later sync proves nothing.
//!    Only a rewrite, whose base holds everything and whose increment is a fresh file, makes anything durable again.
//! 3. An increment is synced before a later one is listed. So only the last that holds anything can end too early.
//! 4. A manifest whose save failed may be what a crash leaves: what it lists stays, and its names are not given again.

mod rewrite;
mod sync;

pub use rewrite::RewriteError;
pub use sync::SyncJob;

use super::layout::FolderError;
use super::{Layout, Manifest, SaveError, annotation};
use crate::storage::{File, ShortWrite, Storage, reason};
use base::{Monotonic, UnixMillis};
use rewrite::Rewrite;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

/// When files are synced (`appendfsync`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fsync {
    /// After every write.
    Always,
    /// Once a second.
    EverySecond,
    /// When the system likes.
    No,
}

/// What the configuration asks for. May change while the writer lives.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// `appendfsync`
    pub fsync: Fsync,
    /// Whether nothing is synced while a rewrite goes on or a snapshot is written (`no-appendfsync-on-rewrite`).
    pub rests_on_rewrite: bool,
    /// Whether times stand between commands (`aof-timestamp-enabled`).
    pub timestamps: bool,
}

/// How the writer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// What is appended is written.
    Good,
    /// The disk was full: nothing of the last batch is written, and it may be appended again. In Valkey's words.
    Full(String),
    /// Nothing that comes is durable before a rewrite has been finished. In Valkey's words.
    Failed(String),
    /// It was switched on while the server runs: nothing is durable before the first rewrite has been finished.
    Waiting,
}

/// The longest batch that is put together with its lines, in bytes.
const COPIED_BYTES_MAX: usize = 64 * 1024;

const SUSPECT: &str = "a sync of the AOF file has failed before the last start";

/// A batch was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AppendError(String);

/// The writer cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The last increment, or a new one, cannot be opened.
    #[error("Can't open the append-only file {name}: {}", reason(error))]
    Increment {
        /// Its name.
        name: String,
        /// Why.
        error: io::Error,
    },
    /// There is no folder for it.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The manifest cannot be saved.
    #[error(transparent)]
    Manifest(#[from] SaveError),
}

/// Writes the increments, and keeps the manifest.
pub struct Writer {
    storage: Arc<dyn Storage>,
    layout: Layout,
    manifest: Manifest,
    /// What the configuration asks for.
    pub options: Options,
    /// Whether a snapshot is being written, which counts as a rewrite for [`Options::rests_on_rewrite`].
    pub is_saving: bool,
    state: State,
    /// The last increment that the manifest lists.
    tail: Option<Tail>,
    rewrite: Option<Rewrite>,
    sync_runs: bool,
    synced_at: Monotonic,
    /// The second that the last time in the file names.
    timestamp: i64,
    /// Where a batch is put together with its lines.
    out: Vec<u8>,
}

/// A file that is appended to.
#[derive(Clone)]
struct Tail {
    file: Arc<dyn File>,
    /// How much of it is ours, in bytes.
    length: u64,
    /// Up to which offset of the log the system has it.
    written: u64,
    /// Up to which offset of the log the disk has it.
    synced: u64,
}

impl Tail {
    /// A file with nothing in it, also after a power cut: one that was left over would come back with what it held.
    fn begin(storage: &dyn Storage, path: &Path, offset: u64) -> io::Result<Tail> {
        let file = storage.create(path)?;
        file.sync_data()?;
        Ok(Tail::new(file, 0, offset))
    }

    fn new(file: Box<dyn File>, length: u64, offset: u64) -> Tail {
        Tail { file: file.into(), length, written: offset, synced: offset }
    }
}

impl Writer {
    /// Goes on in the last increment, or begins one. `offset` is that of the log after all that the files hold. Where the manifest is suspect the state
    /// is failed: what was loaded has to be rewritten.
    ///
    /// # Errors
    /// [`OpenError`]
    pub fn open(
        storage: Arc<dyn Storage>,
        layout: Layout,
        manifest: Manifest,
        options: Options,
        offset: u64,
        now: Monotonic,
    ) -> Result<Writer, OpenError> {
        let mut writer = Writer::waiting(storage, layout, manifest, options, now)?;
        let increment = |name: &[u8]| {
            let name = String::from_utf8_lossy(name).into_owned();
            move |error| OpenError::Increment { name, error }
        };
        let (storage, layout) = (&writer.storage, &writer.layout);
        let tail = if let Some(entry) = writer.manifest.increments().last() {
            let open = || {
                let file = storage.append(&layout.path(&entry.name))?;
                // What an earlier process wrote may not be on disk yet.
                file.sync_data()?;
                let length = file.length()?;
                Ok(Tail::new(file, length, offset))
            };
            open().map_err(increment(&entry.name))?
        } else {
            let next = writer.manifest.with_increment(layout);
            let name = next.increments().last().map(|entry| entry.name.clone()).unwrap_or_default();
            let path = layout.path(&name);
            let tail = Tail::begin(storage.as_ref(), &path, offset).map_err(increment(&name))?;
            next.save(storage.as_ref(), layout)?;
            writer.manifest = next;
            tail
        };
        writer.state = State::Good;
        writer.tail = Some(tail);
        if writer.manifest.is_suspect() {
            writer.fail(SUSPECT.to_owned());
            writer.tail.iter_mut().for_each(|tail| tail.synced = 0);
        }
        Ok(writer)
    }

    /// Begins while the server runs: nothing counts before the first rewrite is finished. What the manifest lists is history then.
    ///
    /// # Errors
    /// [`OpenError::Folder`]
    pub fn waiting(
        storage: Arc<dyn Storage>,
        layout: Layout,
        manifest: Manifest,
        options: Options,
        now: Monotonic,
    ) -> Result<Writer, OpenError> {
        layout.create_folder(storage.as_ref())?;
        Ok(Writer {
            storage,
            layout,
            manifest,
            options,
            is_saving: false,
            state: State::Waiting,
            tail: None,
            rewrite: None,
            sync_runs: false,
            synced_at: now,
            timestamp: 0,
            out: Vec::new(),
        })
    }

    /// Appends whole commands and whole transactions; `end` is the offset of the log behind them, `wall` what the clock shows.
    ///
    /// # Errors
    /// Where nothing of them is written. While the state is [`State::Full`] they may be appended again; otherwise they are for the base of the next rewrite.
    pub fn append(&mut self, batch: &[u8], end: u64, wall: UnixMillis) -> Result<(), AppendError> {
        let is_fresh = self.has_fresh_file();
        if let (State::Failed(text), false) = (&self.state, is_fresh) {
            return Err(AppendError(text.clone()));
        }
        self.out.clear();
        if self.options.timestamps && wall.seconds() > self.timestamp {
            self.timestamp = wall.seconds();
            annotation::push_timestamp(&mut self.out, self.timestamp);
        }
        let tail = match self.rewrite.as_mut().and_then(Rewrite::fresh) {
            Some(fresh) => Some(fresh),
            None => self.tail.as_mut(),
        };
        let Some(tail) = tail else {
            return Err(AppendError("the AOF waits for its first rewrite".to_owned()));
        };
        let offset = tail.length + self.out.len() as u64;
        annotation::push_batch(&mut self.out, offset, batch);
        let length = self.out.len() + batch.len();
        let Err(short) = write(tail.file.as_ref(), &mut self.out, batch) else {
            tail.length += length as u64;
            tail.written = end;
            if !is_fresh {
                self.state = State::Good;
            }
            return Ok(());
        };
        let cut = if short.written > 0 { tail.file.truncate(tail.length) } else { Ok(()) };
        let text = failure_text(&short.error, short.written, length);
        let is_full =
            matches!(short.error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
        // It stands in no file.
        self.timestamp = 0;
        match cut {
            Ok(()) if is_full && is_fresh => {}
            Ok(()) if is_full => self.state = State::Full(text.clone()),
            Ok(()) => self.fail(text.clone()),
            Err(error) => self.fail(format!(
                "{text}. Could not remove short write from the append-only file: {}",
                reason(&error)
            )),
        }
        Err(AppendError(text))
    }

    /// Goes on to an offset of the log where what was not appended before it is for no file.
    pub fn pass(&mut self, end: u64) {
        let is_lost = matches!(self.state, State::Failed(_)) && !self.has_fresh_file();
        let fresh = self.rewrite.as_mut().and_then(Rewrite::fresh);
        let Some(tail) = fresh.or(self.tail.as_mut()).filter(|_| !is_lost) else { return };
        if tail.synced == tail.written {
            tail.synced = end;
        }
        tail.written = end;
    }

    /// Nothing that goes into the file that is written now is trusted from here on.
    fn fail(&mut self, text: String) {
        self.state = State::Failed(text);
        if let Some(rewrite) = &mut self.rewrite {
            rewrite.is_spoilt = true;
        }
    }

    /// Whether what is appended goes into a file that no manifest lists yet.
    fn has_fresh_file(&self) -> bool {
        self.rewrite.as_ref().is_some_and(|rewrite| rewrite.fresh.is_some() && !rewrite.is_spoilt)
    }

    /// How the writer is.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// The files, as the disk has them listed.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where the files are.
    #[must_use]
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The length of the last listed increment, in bytes.
    #[must_use]
    pub fn increment_bytes(&self) -> u64 {
        self.tail.as_ref().map_or(0, |tail| tail.length)
    }

    /// Up to which offset of the log the files hold everything, as long as the system runs.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.tail.as_ref().map_or(0, |tail| tail.written)
    }

    /// Up to which offset of the log the disk holds everything.
    #[must_use]
    pub fn synced(&self) -> u64 {
        self.tail.as_ref().map_or(0, |tail| tail.synced)
    }

    /// Up to which offset of the log replies may leave: what the policy promises holds for that.
    #[must_use]
    pub fn confirmed(&self) -> u64 {
        match self.options.fsync {
            Fsync::Always if !self.rests() => self.synced(),
            Fsync::Always | Fsync::EverySecond | Fsync::No => self.written(),
        }
    }

    /// Whether nothing is synced because the disk has enough to do.
    fn rests(&self) -> bool {
        self.options.rests_on_rewrite && (self.is_saving || self.rewrite.is_some())
    }
}

/// Writes a batch behind its lines: in one call, unless it is so long that putting both together would cost more than a second call.
fn write(file: &dyn File, lines: &mut Vec<u8>, batch: &[u8]) -> Result<(), ShortWrite> {
    if batch.len() <= COPIED_BYTES_MAX {
        lines.extend_from_slice(batch);
        return file.write_all(lines);
    }
    file.write_all(lines)?;
    file.write_all(batch)
        .map_err(|short| ShortWrite { written: lines.len() + short.written, error: short.error })
}

fn failure_text(error: &io::Error, written: usize, expected: usize) -> String {
    if written > 0 {
        format!(
            "Short write while writing to the AOF file: (nwritten={written}, expected={expected}): {}",
            reason(error)
        )
    } else {
        format!("Error writing to the AOF file: {}", reason(error))
    }
}

#[cfg(test)]
mod tests;
