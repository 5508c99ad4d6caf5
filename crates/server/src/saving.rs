//! Writing snapshots to their file, in a thread of its own.

use crate::giving_way::GivingWay;
use crate::sending::send_order;
use crate::storage::DiskStorage;
use crate::synced_file::{FileSink, Manner, write_synced};
use crate::{clock, files, sending};
use base::UnixMillis;
use node::{Node, SaveOrder};
use persist::aof::CommandWriter;
use persist::rdb::Writer;
use persist::save::{KeyFile, KeyOptions, save_keys};
use persist::storage::{Storage, folder_of, reason};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What the thread is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SaverOrder {
    /// A save has begun.
    Save,
    /// The process ends.
    Stop,
}

/// The thread that writes snapshots, and the way to it.
pub(crate) struct Saver {
    orders: Sender<SaverOrder>,
    thread: JoinHandle<()>,
}

impl Saver {
    /// Starts the thread, which gets its orders from `orders`, whose other end is `sender`.
    pub(crate) fn start(
        node: Arc<Node>,
        sender: Sender<SaverOrder>,
        orders: Receiver<SaverOrder>,
    ) -> io::Result<Saver> {
        let thread = thread::Builder::new().name("saver".to_owned()).spawn(move || {
            while let Ok(SaverOrder::Save) = orders.recv() {
                match node.take_save_order() {
                    Some(order) if order.transfer.is_some() => send_order(&node, &order),
                    Some(order) => write_order(&node, &order),
                    None => {}
                }
            }
        })?;
        Ok(Saver { orders: sender, thread })
    }

    /// Gives up what is being written, and ends the thread.
    pub(crate) fn stop(self, node: &Node) {
        node.abandon_save();
        // It may have ended by itself.
        let _ = self.orders.send(SaverOrder::Stop);
        let _ = self.thread.join();
    }
}

fn write_order(node: &Node, order: &SaveOrder) {
    if order.in_background {
        tracing::info!("Background saving started by pid {}", std::process::id());
    }
    let config = node.settings.current();
    let path = files::path(&config.persistence.dbfilename).to_owned();
    let temporary = temporary();
    let written = write(node, order, (&temporary, &path), &DiskStorage);
    match &written {
        Ok(()) => tracing::info!("DB saved on disk"),
        Err(_) if order.snapshot.is_cancelled() => {
            tracing::info!("Background saving was given up");
        }
        Err(failure) => {
            let folder = String::from_utf8_lossy(&config.persistence.dir).into_owned();
            tracing::warn!("{}", failure.message(&temporary, &path, &folder));
        }
    }
    if written.is_err() {
        remove_temporary();
    }
    node.end_save(order, written.is_ok(), clock::now());
    if order.in_background && !order.snapshot.is_cancelled() {
        match written {
            Ok(()) => tracing::info!("Background saving terminated with success"),
            Err(_) => tracing::warn!("Background saving error"),
        }
    }
}

/// The file while it is written.
fn temporary() -> PathBuf {
    PathBuf::from(format!("temp-{}.rdb", std::process::id()))
}

/// Removes what is written now, for it will not be finished.
pub(crate) fn remove_temporary() {
    // There may be none.
    let _ = DiskStorage.remove(&temporary());
    sending::remove_temporary();
}

/// What went wrong with a file.
enum Failure {
    Open(io::Error),
    Write(io::Error),
    Rename(io::Error),
}

impl Failure {
    /// What the log says, in Redis's words.
    fn message(&self, temporary: &Path, path: &Path, folder: &str) -> String {
        let temporary = temporary.display();
        match self {
            Failure::Open(error) => format!(
                "Failed opening the temp RDB file {temporary} (in server root dir {folder}) for saving: {}",
                reason(error)
            ),
            Failure::Write(error) => {
                format!("Write error saving DB on disk(fwrite): {}", reason(error))
            }
            Failure::Rename(error) => format!(
                "Error moving temp DB file {temporary} on the final destination {} (in server root dir {folder}): {}",
                path.display(),
                reason(error)
            ),
        }
    }
}

fn write(
    node: &Node,
    order: &SaveOrder,
    (temporary, path): (&Path, &Path),
    storage: &dyn Storage,
) -> Result<(), Failure> {
    let file = storage.create(temporary).map_err(Failure::Open)?;
    let syncs = node.settings.current().persistence.rdb_save_incremental_fsync;
    let manner = Manner { syncs, gives_way: order.in_background };
    write_synced(&*file, manner, |sink| write_keys(node, order, sink)).map_err(Failure::Write)?;
    storage.rename(temporary, path).map_err(Failure::Rename)?;
    storage.sync_folder(folder_of(path)).map_err(Failure::Rename)
}

/// Writes the keys of an order to its file.
pub(crate) fn write_keys(node: &Node, order: &SaveOrder, sink: FileSink<'_>) -> io::Result<()> {
    let way = sink.way();
    write_snapshot(node, order, sink, way.as_ref())
}

/// Writes the keys of an order, giving way where there is a way to.
pub(crate) fn write_snapshot(
    node: &Node,
    order: &SaveOrder,
    sink: impl io::Write,
    way: Option<&GivingWay>,
) -> io::Result<()> {
    let options = &order.options;
    if options.as_commands {
        let mut writer = begin_commands(node, sink, options.moment.now)?;
        walk(node, order, &mut writer, way)?;
        return writer.finish().flush();
    }
    let mut writer = Writer::new(sink, options.file);
    write_head(node, &mut writer, options.moment.now, order.is_base)?;
    if let Some(place) = &order.place {
        for (name, value) in place.fields() {
            writer.aux(name.as_bytes(), value.as_bytes())?;
        }
    }
    walk(node, order, &mut writer, way)?;
    writer.finish()?.flush()
}

fn walk(
    node: &Node,
    order: &SaveOrder,
    file: &mut impl KeyFile,
    way: Option<&GivingWay>,
) -> io::Result<()> {
    let mut delayed = 0;
    save_keys(&node.keyspace, &order.snapshot, &order.saved, file, &mut |saved| {
        let delay = node.settings.current().general.rdb_key_save_delay;
        if delay > 0 {
            let keys = saved - std::mem::replace(&mut delayed, saved);
            rest(Duration::from_micros(keys * delay as u64), || order.snapshot.is_cancelled());
        } else if let Some(way) = way {
            way.give_way();
        }
    })
}

/// Begins a base that is made of commands.
fn begin_commands<W: io::Write>(
    node: &Node,
    sink: W,
    now: UnixMillis,
) -> io::Result<CommandWriter<W>> {
    let tells_time = node.settings.current().persistence.aof_timestamp_enabled;
    CommandWriter::new(sink, tells_time.then(|| now.seconds()))
}

/// Writes a file without keys: the first base of an append-only file.
pub(crate) fn write_empty_base(
    node: &Node,
    options: &KeyOptions,
    sink: FileSink<'_>,
) -> io::Result<()> {
    let now = options.moment.now;
    if options.as_commands {
        return begin_commands(node, sink, now)?.finish().flush();
    }
    let mut writer = Writer::new(sink, options.file);
    write_head(node, &mut writer, now, true)?;
    writer.finish()?.flush()
}

fn write_head(
    node: &Node,
    writer: &mut Writer<impl io::Write>,
    now: UnixMillis,
    is_base: bool,
) -> io::Result<()> {
    let used = node.keyspace.memory_bytes().to_string();
    let time = now.seconds().to_string();
    for (name, value) in [
        ("redis-ver", node.identity.compat_version.as_str()),
        ("redis-bits", "64"),
        ("ctime", &time),
        ("used-mem", &used),
        ("aof-base", if is_base { "1" } else { "0" }),
    ] {
        writer.aux(name.as_bytes(), value.as_bytes())?;
    }
    Ok(())
}

/// Sleeps for so long, but not when it is of no use any more.
fn rest(time: Duration, is_over: impl Fn() -> bool) {
    const STEP: Duration = Duration::from_millis(10);
    let mut left = time;
    while !left.is_zero() && !is_over() {
        let step = left.min(STEP);
        thread::sleep(step);
        left -= step;
    }
}
