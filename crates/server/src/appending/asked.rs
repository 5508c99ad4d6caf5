//! What commands ask of the thread, and wait for.

use super::load::{Load, layout};
use super::open::OpenLog;
use super::rewrite::remove_history;
use super::{AppenderLink, Appending, options};
use crate::storage::DiskStorage;
use crate::{clock, entropy};
use node::LogUser;
use persist::aof::{Manifest, State};
use std::sync::mpsc::{SyncSender, sync_channel};

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wish {
    /// What the settings say of the files is brought into effect.
    Follow,
    /// The files are loaded again (DEBUG LOADAOF).
    Load,
    /// The data are about to be others, of which the files know nothing: they are left as they are, and begun anew when those are there.
    Leave,
}

/// A wish, and the way to whoever waits to hear whether all went well.
pub(super) type Asked = (Wish, SyncSender<bool>);

impl AppenderLink {
    /// Has the thread do something; whether that went well. Before it is there, while the data are loaded, nothing can be loaded; and it begins with what the settings
    /// say then.
    pub(crate) fn ask(&self, wish: Wish) -> bool {
        if !self.is_open() {
            return wish == Wish::Follow;
        }
        let (answer, answered) = sync_channel(1);
        self.asked.lock().push((wish, answer));
        self.wake();
        answered.recv().unwrap_or(false)
    }
}

impl Appending {
    pub(super) fn do_what_is_asked(&mut self, files: &mut Option<OpenLog>) {
        let asked = std::mem::take(&mut *self.link.asked.lock());
        for (wish, answer) in asked {
            let is_done = match wish {
                Wish::Follow => self.follow(files),
                Wish::Leave => self.leave(files),
                Wish::Load => self.reload(files).inspect_err(|why| tracing::warn!("{why}")).is_ok(),
            };
            // Whoever has asked may be gone.
            let _ = answer.send(is_done);
        }
    }

    fn follow(&mut self, files: &mut Option<OpenLog>) -> bool {
        // They were changed before this was asked for.
        let config = self.node.settings.current();
        self.switch(files, &config);
        if let Some(log) = files {
            log.writer.options = options(&config);
            log.confirm(&self.node);
            if !config.persistence.aof_disable_auto_gc {
                remove_history(log);
            }
        }
        if !config.persistence.appendonly {
            // Nothing may have been synced of what they wait for, and nothing will be.
            self.node.wake_waiting();
            return true;
        }
        let goes_on = files.as_ref().is_some_and(|log| log.is_logging || log.base.is_some());
        goes_on || self.rewrite(files, &config)
    }

    fn leave(&mut self, files: &mut Option<OpenLog>) -> bool {
        if let Some(log) = files.take() {
            let is_logging = log.is_logging;
            self.close(log);
            if is_logging {
                self.node.end_log(LogUser::File, self.node.appending(), clock::now());
                self.node.confirm_all();
            }
            self.node.note_synced(0);
        }
        true
    }

    /// Clients are told to wait while the files are loaded, and whoever was let in before is not let near the keys: so all that is acknowledged is in the files first.
    fn reload(&self, files: &mut Option<OpenLog>) -> Result<(), String> {
        let node = &self.node;
        if !node.begin_loading(node.appending(), clock::now(), 0) {
            return Err("Data are being loaded already".to_owned());
        }
        let end = node.log_end();
        let drained = files.as_mut().map_or(Ok(()), |log| {
            if *log.writer.state() == State::Waiting {
                // It will begin anew, with what is loaded.
                log.give_up_base(node);
                return Ok(());
            }
            log.drain(node, end);
            match log.writer.state() {
                State::Good | State::Waiting => Ok(()),
                State::Full(failure) | State::Failed(failure) => Err(failure.clone()),
            }
        });
        let loaded = drained.and_then(|()| self.load_files(files.as_ref()));
        node.end_loading(node.appending(), clock::now());
        if loaded.is_ok() {
            tracing::info!("Append Only File loaded by DEBUG LOADAOF");
        }
        loaded
    }

    /// Empties the keyspace and loads what the manifest lists.
    fn load_files(&self, log: Option<&OpenLog>) -> Result<(), String> {
        let node = &self.node;
        node.empty(node.appending());
        let layout = match log {
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
