//! When the file is synced, by whichever thread: a job that is given out, run, and handed back.

use super::{Fsync, State, Writer};
use crate::storage::{File, reason};
use base::Monotonic;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// How far apart syncs are with `appendfsync everysec`.
const EVERY: Duration = Duration::from_secs(1);

/// A sync to be run. Where it runs is the caller's choice: on a thread of its own, appending can go on meanwhile.
#[must_use = "it is to be run and handed back to Writer::finish_sync"]
pub struct SyncJob {
    file: Arc<dyn File>,
    end: u64,
}

impl SyncJob {
    /// Waits until the disk has the file.
    ///
    /// # Errors
    /// The system's.
    pub fn run(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

impl Writer {
    /// A sync, where the policy asks for one now and none runs yet.
    pub fn due_sync(&mut self, now: Monotonic) -> Option<SyncJob> {
        let is_due = match self.options.fsync {
            Fsync::Always => true,
            Fsync::EverySecond => now.since(self.synced_at) >= EVERY,
            Fsync::No => false,
        };
        if !is_due || self.rests() {
            return None;
        }
        self.sync_job(now)
    }

    /// A sync, whatever the policy says, where there is something to sync and none runs yet: the server shuts down, or WAITAOF waits.
    pub fn sync_job(&mut self, now: Monotonic) -> Option<SyncJob> {
        let is_lost = matches!(self.state, State::Failed(_)) && !self.has_fresh_file();
        let fresh = self.rewrite.as_ref().and_then(|rewrite| rewrite.fresh.as_ref());
        let tail = fresh.or(self.tail.as_ref())?;
        if self.sync_runs || is_lost || tail.synced >= tail.written {
            return None;
        }
        let job = SyncJob { file: tail.file.clone(), end: tail.written };
        self.sync_runs = true;
        self.synced_at = now;
        Some(job)
    }

    /// Whether a job was given out and not handed back.
    #[must_use]
    pub const fn is_syncing(&self) -> bool {
        self.sync_runs
    }

    /// Takes a job back, with what came of it.
    pub fn finish_sync(&mut self, job: SyncJob, result: io::Result<()>) {
        self.sync_runs = false;
        let fresh = self.rewrite.as_mut().and_then(|rewrite| rewrite.fresh.as_mut());
        let tail = fresh.into_iter().chain(&mut self.tail);
        let Some(tail) = tail.into_iter().find(|tail| Arc::ptr_eq(&tail.file, &job.file)) else {
            // A file that has been given up since.
            return;
        };
        match result {
            // Also where a write has failed since: what was written before the sync began is on the disk.
            Ok(()) => tail.synced = tail.synced.max(job.end),
            Err(error) => {
                self.fail(format!("Fail to fsync the AOF file: {}", reason(&error)));
                // For a process that begins after this one while the system goes on remembering. Where this fails as well there is nobody left to tell.
                self.manifest = self.manifest.suspected();
                let _ = self.manifest.save(self.storage.as_ref(), &self.layout);
            }
        }
    }
}
