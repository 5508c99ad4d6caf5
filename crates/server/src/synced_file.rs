//! A large file that is written at a stroke, and brought to the disk meanwhile.
//!
//! If all was brought there at the end alone, the end would take long, and whatever else is synced on that disk would wait with it. If the thread that
//! writes did it every now and then, it would wait for the disk as often. So another thread syncs what is written while this one goes on.

use crate::giving_way::GivingWay;
use persist::storage::File;
use std::io::{self, Write};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

/// After so many bytes what is written is brought to the disk.
const SYNCED_BYTES: u64 = 4 << 20;

/// So many times that may be written while a sync goes on before the writer waits for its end: what is in the system's memory alone has a bound, of twice
/// as much.
const SYNCS_WAITING: usize = 7;

/// How a file is written.
#[derive(Clone, Copy, Default)]
pub(crate) struct Manner {
    /// Whether it is brought to the disk not only at the end (`rdb-save-incremental-fsync`, `aof-rewrite-incremental-fsync`).
    pub(crate) syncs: bool,
    /// Whether the thread gives way after each block: what is large is encoded block by block.
    pub(crate) gives_way: bool,
}

/// Writes a file through `write` and brings it to the disk.
///
/// # Errors
///
/// Those of `write`, and the system's.
pub(crate) fn write_synced(
    file: &dyn File,
    manner: Manner,
    write: impl FnOnce(FileSink<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let way = manner.gives_way.then(GivingWay::default);
    if manner.syncs {
        thread::scope(|scope| {
            let (due, orders) = sync_channel(SYNCS_WAITING);
            let syncer = thread::Builder::new().name("save-sync".to_owned()).spawn_scoped(
                scope,
                move || {
                    while orders.recv().is_ok() {
                        // One sync is as good for all that was written until now.
                        orders.try_iter().for_each(drop);
                        file.sync_data()?;
                    }
                    Ok(())
                },
            )?;
            let written = write(FileSink { file, unsynced: 0, due: Some(due), way });
            let synced = syncer.join();
            // The writer only knows that the other one has ended.
            synced.unwrap_or_else(|_| Err(io::Error::other("the thread has ended")))?;
            written
        })?;
    } else {
        write(FileSink { file, unsynced: 0, due: None, way })?;
    }
    file.sync_data()
}

/// A file as its writer sees it.
pub(crate) struct FileSink<'f> {
    file: &'f dyn File,
    /// Bytes since a sync was last due.
    unsynced: u64,
    /// Tells when one is.
    due: Option<SyncSender<()>>,
    way: Option<GivingWay>,
}

impl FileSink<'_> {
    /// How its writer gives way, where it does.
    pub(crate) fn way(&self) -> Option<GivingWay> {
        self.way.clone()
    }
}

impl Write for FileSink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all(bytes).map_err(|short| short.error)?;
        self.unsynced += bytes.len() as u64;
        if let Some(due) = &self.due
            && self.unsynced >= SYNCED_BYTES
        {
            due.send(()).map_err(|_| io::Error::other("it could not be synced"))?;
            self.unsynced = 0;
        }
        if let Some(way) = &self.way {
            way.give_way();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use persist::storage::{Fault, MemoryStorage, Storage};
    use std::path::Path;

    static PIECE: [u8; 64 << 10] = [7; 64 << 10];
    const PIECES: u64 = 4 * SYNCED_BYTES / PIECE.len() as u64;

    fn write_pieces(mut sink: FileSink<'_>) -> io::Result<()> {
        (0..PIECES).try_for_each(|_| sink.write_all(&PIECE))
    }

    #[test]
    fn all_is_on_the_disk_at_the_end() {
        for (syncs, least) in [(false, 1), (true, 2)] {
            let disk = MemoryStorage::new();
            let file = disk.create(Path::new("a")).expect("there is room");
            let before = disk.operations();
            write_synced(&*file, Manner { syncs, gives_way: true }, write_pieces)
                .expect("nothing fails");
            let synced = disk.operations() - before - PIECES;
            assert!((least..=5).contains(&synced), "{synced} times");
            assert_eq!(disk.get("a").map(|bytes| bytes.len() as u64), Some(4 * SYNCED_BYTES));
        }
    }

    #[test]
    fn a_sync_that_fails_is_told_of_wherever_it_is() {
        // An operation that fails is a write or a sync; the last one is a sync in any case.
        for nth in 1..=PIECES + 1 {
            let disk = MemoryStorage::new();
            let file = disk.create(Path::new("a")).expect("there is room");
            disk.fail(nth, Fault::Io);
            let manner = Manner { syncs: true, ..Manner::default() };
            let error = write_synced(&*file, manner, write_pieces).expect_err("one has failed");
            assert_eq!(error.raw_os_error(), Some(5), "operation {nth}");
        }
    }
}
