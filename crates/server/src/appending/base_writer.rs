//! Writing the base of a rewrite, in a thread of its own.

use super::AppenderLink;
use crate::saving::write_keys;
use crate::storage::DiskStorage;
use crate::synced_file::{Manner, write_synced};
use node::{Node, SaveOrder};
use persist::storage::Storage;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// A base that is being written.
pub(super) struct BaseWriter {
    pub(super) order: Arc<SaveOrder>,
    pub(super) path: PathBuf,
    thread: JoinHandle<io::Result<u64>>,
}

impl BaseWriter {
    /// Starts to write it to a file in `folder`.
    pub(super) fn start(
        node: &Arc<Node>,
        link: &Arc<AppenderLink>,
        folder: &Path,
        order: Arc<SaveOrder>,
    ) -> io::Result<BaseWriter> {
        let path = folder.join(format!("temp-rewriteaof-bg-{}.aof", std::process::id()));
        let thread = thread::Builder::new().name("log-rewrite".to_owned()).spawn({
            let (node, link) = (Arc::clone(node), Arc::clone(link));
            let (order, path) = (Arc::clone(&order), path.clone());
            move || {
                let written = write(&node, &order, &path);
                link.wake();
                written
            }
        })?;
        Ok(BaseWriter { order, path, thread })
    }

    /// Whether it has come to an end, good or bad.
    pub(super) fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Its length in bytes.
    pub(super) fn join(self) -> (Arc<SaveOrder>, PathBuf, io::Result<u64>) {
        let written = self.thread.join();
        let written = written.unwrap_or_else(|_| Err(io::Error::other("the thread has ended")));
        (self.order, self.path, written)
    }
}

fn write(node: &Node, order: &SaveOrder, path: &Path) -> io::Result<u64> {
    let file = DiskStorage.create(path)?;
    let syncs = node.settings.current().persistence.aof_rewrite_incremental_fsync;
    write_synced(&*file, Manner { syncs, gives_way: true }, |sink| write_keys(node, order, sink))?;
    file.length()
}
