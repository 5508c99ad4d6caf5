//! When the files are rewritten, and from where to where.

use super::base_writer::BaseWriter;
use super::load::{base_format, layout};
use super::open::OpenLog;
use super::{Appending, options};
use crate::clock;
use crate::storage::DiskStorage;
use config::Config;
use node::SaveOrder;
use persist::aof::{Due, Manifest, RewriteRule, Sizes, State, Writer};
use persist::storage::{Storage, reason};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long after a rewrite that has failed none begins by itself, though nothing can be written without one.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

impl Appending {
    /// Begins a rewrite where one was asked for, or is needed, or the files have grown enough.
    pub(super) fn begin_rewrite_when_due(&mut self, files: &mut Option<OpenLog>, config: &Config) {
        if files.as_ref().is_some_and(|log| log.base.is_some()) {
            return;
        }
        let is_ordered = self.node.is_rewrite_ordered();
        let may_begin = clock::monotonic() >= self.retries_at;
        let is_due = is_ordered || may_begin && self.needs_rewrite(files.as_ref(), config);
        if is_due {
            self.rewrite(files, config);
        }
    }

    /// Begins a rewrite; false where that failed.
    pub(super) fn rewrite(&mut self, files: &mut Option<OpenLog>, config: &Config) -> bool {
        let begun = self.begin_rewrite(files, config);
        if let Err(failure) = &begun {
            tracing::warn!("Can't rewrite the append-only file: {failure}");
            self.node.note_failed_rewrite();
            self.note_failure();
            forget_unlogged(files);
        }
        begun.is_ok()
    }

    fn needs_rewrite(&mut self, log: Option<&OpenLog>, config: &Config) -> bool {
        let Some(log) = log else { return config.persistence.appendonly };
        if *log.writer.state() != State::Good {
            return !matches!(log.writer.state(), State::Full(_));
        }
        let persistence = &config.persistence;
        let rule = RewriteRule {
            growth_percent: persistence.auto_aof_rewrite_percentage,
            bytes_min: persistence.auto_aof_rewrite_min_size,
        };
        let sizes = Sizes { base: log.base_bytes, current: log.bytes() };
        match self.schedule.due(rule, sizes, clock::monotonic()) {
            Due::No => false,
            Due::Yes(growth) => {
                tracing::info!("Starting automatic rewriting of AOF on {growth}% growth");
                true
            }
            Due::PutOff(minutes) => {
                tracing::warn!(
                    "Background AOF rewrite has repeatedly failed and triggered the limit, will retry in {minutes} minutes"
                );
                false
            }
        }
    }

    /// Takes note that a rewrite has failed.
    fn note_failure(&mut self) {
        self.schedule.ended(false);
        self.retries_at = clock::monotonic() + RETRY_INTERVAL;
    }

    fn begin_rewrite(
        &mut self,
        files: &mut Option<OpenLog>,
        config: &Config,
    ) -> Result<(), String> {
        if files.is_none() {
            let layout = layout(&self.node);
            let manifest = Manifest::load(&DiskStorage, &layout).map_err(text)?.unwrap_or_default();
            let now = clock::monotonic();
            let storage = Arc::new(DiskStorage);
            let writer = Writer::waiting(storage, layout, manifest, options(config), now);
            *files = Some(OpenLog::waiting(writer.map_err(text)?));
        }
        let Some(log) = files else { return Ok(()) };
        if log.writer.is_syncing()
            && let Some((job, result)) = self.syncer.wait()
        {
            log.writer.finish_sync(job, result);
        }
        let (node, now) = (&self.node, clock::now());
        let logs = config.persistence.appendonly;
        let is_first = logs && *log.writer.state() == State::Waiting;
        let begun = node.begin_rewrite((node.appending(), now), logs, is_first);
        let Some((cut, order)) = begun else {
            // Something else is being saved: later.
            return Ok(());
        };
        if logs {
            log.begin_at(node, cut);
        }
        let before = log.bytes();
        let order = Arc::new(order);
        let begun = if logs {
            log.writer.begin_rewrite(cut, now.monotonic)
        } else {
            log.writer.begin_base_alone()
        };
        let begun = begun.map_err(text).and_then(|()| {
            let folder = log.writer.layout().folder();
            BaseWriter::start(node, &self.link, folder, Arc::clone(&order)).map_err(|error| {
                log.writer.abort_rewrite();
                reason(&error)
            })
        });
        // The increment may be another now.
        log.other_bytes = before.saturating_sub(log.writer.increment_bytes());
        log.confirm(node);
        match begun {
            Ok(base) => {
                tracing::info!(
                    "Background append only file rewriting started by pid {}",
                    std::process::id()
                );
                log.base = Some(base);
                Ok(())
            }
            Err(failure) => {
                node.end_rewrite(&order, false, now);
                Err(failure)
            }
        }
    }

    /// Puts a base that is written in the place of what was.
    pub(super) fn finish_rewrite(&mut self, files: &mut Option<OpenLog>, config: &Config) {
        let Some(log) = files else { return };
        let Some(base) = log.base.take_if(|base| base.is_finished()) else { return };
        let (order, path, written) = base.join();
        let is_ok = install(log, &order, &path, written);
        if is_ok && !config.persistence.aof_disable_auto_gc {
            // Whoever hears of the end finds nothing else.
            remove_history(log);
        }
        self.node.end_rewrite(&order, is_ok, clock::now());
        if is_ok {
            self.schedule.ended(true);
            tracing::info!("Background AOF rewrite finished successfully");
        } else {
            self.note_failure();
        }
        log.confirm(&self.node);
        forget_unlogged(files);
    }
}

fn install(log: &mut OpenLog, order: &SaveOrder, path: &Path, written: io::Result<u64>) -> bool {
    let bytes = match written {
        Ok(bytes) => bytes,
        Err(error) => {
            if order.snapshot.is_cancelled() {
                tracing::info!("Background AOF rewrite was given up");
            } else {
                let reason = reason(&error);
                tracing::warn!("Background AOF rewrite terminated with error: {reason}");
            }
            log.writer.abort_rewrite();
            remove(path);
            return false;
        }
    };
    if let Err(error) = log.writer.finish_rewrite(path, base_format(&order.options)) {
        tracing::warn!("Background AOF rewrite terminated with error: {error}");
        remove(path);
        return false;
    }
    log.other_bytes = bytes;
    log.base_bytes = log.bytes();
    true
}

/// Removes the files that nothing rests on any more.
pub(super) fn remove_history(log: &mut OpenLog) {
    let paths = log.writer.history();
    if paths.is_empty() {
        return;
    }
    paths.iter().for_each(|path| remove(path));
    if let Err(error) = log.writer.forget_history() {
        tracing::warn!("{error}");
    }
}

/// Files that were only rewritten are of no use any more.
fn forget_unlogged(files: &mut Option<OpenLog>) {
    files.take_if(|log| !log.is_logging && log.base.is_none());
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Removes a file that nobody needs; one that stays is removed by whoever comes next.
pub(super) fn remove(path: &Path) {
    match DiskStorage.remove(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!("Can't remove {}: {}", path.display(), reason(&error)),
    }
}
