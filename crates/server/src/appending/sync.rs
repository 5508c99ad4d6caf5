//! Syncing beside writing, in a thread of its own.

use super::AppenderLink;
use persist::aof::SyncJob;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

type Done = (SyncJob, io::Result<()>);

/// The thread that syncs. There is one job at a time.
pub(super) struct Syncer {
    jobs: Sender<SyncJob>,
    done: Receiver<Done>,
}

impl Syncer {
    /// Starts the thread, which wakes the appender after each job, and ends with this value.
    pub(super) fn start(link: Arc<AppenderLink>) -> io::Result<Syncer> {
        let (jobs, jobs_there) = channel::<SyncJob>();
        let (done_there, done) = channel();
        thread::Builder::new().name("log-sync".to_owned()).spawn(move || {
            while let Ok(job) = jobs_there.recv() {
                let result = job.run();
                if done_there.send((job, result)).is_err() {
                    return;
                }
                link.wake();
            }
        })?;
        Ok(Syncer { jobs, done })
    }

    /// Has a job run.
    pub(super) fn run(&self, job: SyncJob) {
        // It is there as long as this value is.
        let _ = self.jobs.send(job);
    }

    /// A job that has been run.
    pub(super) fn finished(&self) -> Option<Done> {
        self.done.try_recv().ok()
    }

    /// The same, waited for.
    pub(super) fn wait(&self) -> Option<Done> {
        self.done.recv().ok()
    }
}
