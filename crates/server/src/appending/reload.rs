//! Loading the append-only file again while the server runs (DEBUG LOADAOF).

use super::load::{Load, layout};
use super::{AppenderLink, Appending};
use crate::storage::DiskStorage;
use crate::{clock, entropy};
use persist::aof::{Manifest, State};
use std::sync::mpsc::{SyncSender, sync_channel};

/// Somebody waits to hear whether all went well.
pub(super) type Reload = SyncSender<bool>;

impl AppenderLink {
    /// Has the thread load the files again; whether that went well.
    pub(crate) fn reload(&self) -> bool {
        let (answer, answered) = sync_channel(1);
        self.reloads.lock().push(answer);
        self.wake();
        answered.recv().unwrap_or(false)
    }
}

impl Appending {
    pub(super) fn reload_when_asked(&mut self) {
        let asked = std::mem::take(&mut *self.link.reloads.lock());
        for answer in asked {
            let loaded = self.reload();
            match &loaded {
                Ok(()) => tracing::info!("Append Only File loaded by DEBUG LOADAOF"),
                Err(failure) => tracing::warn!("{failure}"),
            }
            // Whoever has asked may be gone.
            let _ = answer.send(loaded.is_ok());
        }
    }

    /// Nothing is logged while the files are loaded, and nobody else writes: clients are told to wait.
    fn reload(&mut self) -> Result<(), String> {
        let (node, now) = (&self.node, clock::now());
        node.begin_loading(now, 0);
        let end = node.suspend_log(node.control(), now);
        let drained = self.log.as_mut().map_or(Ok(()), |log| {
            log.drain(node, end);
            match log.writer.state() {
                State::Good => Ok(()),
                State::Full(failure) | State::Failed(failure) => Err(failure.clone()),
                State::Waiting => Err("The AOF waits for its first rewrite".to_owned()),
            }
        });
        let loaded = drained.and_then(|()| self.load_files());
        if self.log.as_ref().is_some_and(|log| log.is_logging) {
            let begun = node.begin_log(node.control(), now, |_, offset| offset);
            assert_eq!(begun, end, "nothing was logged meanwhile");
        }
        node.end_loading();
        loaded
    }

    /// Empties the keyspace and loads what the manifest lists.
    fn load_files(&self) -> Result<(), String> {
        let node = &self.node;
        node.empty(node.control());
        let layout = match &self.log {
            Some(log) => log.writer.layout().clone(),
            None => layout(node),
        };
        let manifest = Manifest::load(&DiskStorage, &layout).map_err(|error| error.to_string())?;
        let manifest = manifest.filter(|manifest| manifest.files().next().is_some());
        let manifest = manifest.ok_or_else(|| {
            format!("There is no append-only file in {} to load", layout.folder().display())
        })?;
        let rng = entropy::rng().map_err(|error| error.to_string())?;
        let load = Load { node, layout: &layout, goes_on: &|| true };
        load.run(&manifest, rng).map_err(|error| error.to_string())
    }
}
