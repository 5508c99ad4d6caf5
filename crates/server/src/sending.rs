//! Sending snapshots to replicas: straight to them, or by way of a file whose length they are told first.

use crate::clock;
use crate::giving_way::GivingWay;
use crate::saving::write_snapshot;
use crate::storage::DiskStorage;
use crate::synced_file::{Manner, write_synced};
use node::{Abandoned, Mark, Node, SaveOrder, Transfer};
use persist::storage::{File, FromOffset, Storage, reason};
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

/// How much is handed on at once, in bytes: with what stands before it in memory, as much as an allocator gives without asking for pages of its own.
const CHUNK_BYTES: usize = (64 << 10) - 64;

/// Sends a snapshot to the replicas that it is for.
pub(crate) fn send_order(node: &Node, order: &SaveOrder) {
    let Some(transfer) = &order.transfer else { return };
    let saved = match transfer.mark() {
        Some(mark) => send_directly(node, order, transfer, mark).map(|()| transfer.end(true)),
        None => send_by_file(node, order, transfer),
    };
    match &saved {
        Ok(()) => tracing::info!("Background RDB transfer terminated with success"),
        Err(_) if order.snapshot.is_cancelled() => {
            tracing::info!("Background RDB transfer was given up");
        }
        Err(error) => tracing::warn!("Background transfer error: {}", reason(error)),
    }
    if saved.is_err() {
        transfer.end(false);
    }
    node.end_sync_save(order, saved.is_ok(), clock::now());
}

fn send_directly(
    node: &Node,
    order: &SaveOrder,
    transfer: &Transfer,
    mark: &Mark,
) -> io::Result<()> {
    let mut sink = TransferSink::new(transfer);
    sink.write_all(b"$EOF:")?;
    sink.write_all(mark)?;
    sink.write_all(b"\r\n")?;
    write_snapshot(node, order, &mut sink, Some(&GivingWay::default()))?;
    sink.write_all(mark)?;
    sink.flush()
}

/// Writes the file, and has another thread send it: the next save waits for no replica.
fn send_by_file(node: &Node, order: &SaveOrder, transfer: &Arc<Transfer>) -> io::Result<()> {
    let path = temporary();
    let opened = write_file(node, order, &path).and_then(|()| DiskStorage.open(&path));
    // Who has it open goes on reading it; nobody else needs it.
    let _ = DiskStorage.remove(&path);
    let (file, transfer) = (opened?, Arc::clone(transfer));
    thread::Builder::new().name("send".to_owned()).spawn(move || {
        let sent = send_file(&transfer, &*file);
        if let Err(error) = &sent {
            tracing::warn!("A snapshot was not sent as a whole: {}", reason(error));
        }
        transfer.end(sent.is_ok());
    })?;
    Ok(())
}

fn temporary() -> PathBuf {
    PathBuf::from(format!("temp-send-{}.rdb", std::process::id()))
}

/// Removes what is sent now, for it will not be finished.
pub(crate) fn remove_temporary() {
    // There may be none.
    let _ = DiskStorage.remove(&temporary());
}

fn write_file(node: &Node, order: &SaveOrder, path: &std::path::Path) -> io::Result<()> {
    let file = DiskStorage.create(path)?;
    let syncs = node.settings.current().persistence.rdb_save_incremental_fsync;
    let manner = Manner { syncs, gives_way: true };
    write_synced(&*file, manner, |sink| {
        let way = sink.way();
        write_snapshot(node, order, sink, way.as_ref())
    })
}

fn send_file(transfer: &Transfer, file: &dyn File) -> io::Result<()> {
    let length = file.length()?;
    let mut sink = TransferSink::new(transfer);
    write!(sink, "${length}\r\n")?;
    io::copy(&mut FromOffset::new(file, 0).take(length), &mut sink)?;
    sink.flush()
}

/// The way to replicas as a writer sees it.
struct TransferSink<'t> {
    transfer: &'t Transfer,
    buffered: Vec<u8>,
}

impl TransferSink<'_> {
    fn new(transfer: &Transfer) -> TransferSink<'_> {
        TransferSink { transfer, buffered: Vec::with_capacity(CHUNK_BYTES) }
    }
}

impl Write for TransferSink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(CHUNK_BYTES - self.buffered.len());
        self.buffered.extend_from_slice(&bytes[..taken]);
        if self.buffered.len() == CHUNK_BYTES {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.buffered.is_empty() {
            let written = self.transfer.write(&self.buffered);
            written.map_err(|Abandoned| io::Error::other("all replicas have gone"))?;
            self.buffered.clear();
        }
        Ok(())
    }
}
