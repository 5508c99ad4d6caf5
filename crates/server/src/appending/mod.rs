//! The append-only file: who takes the log, writes and syncs it, has it rewritten, and tells up to where it is safe.
//!
//! # Design
//!
//! A worker that ends its turn writes what all have logged, unless somebody is at it, who then looks once more: a write(2) is short, and to have another
//! thread do it would cost two switches. Workers never wait for a sync, but in CONFIG SET and DEBUG LOADAOF. While a sync runs, where the last write has failed, and where each write is to
//! be synced, they leave the log to a thread of its own, and keep what they have to say until that has confirmed it. All that is seldom is
//! done by that thread.

mod asked;
mod base_writer;
mod gathering;
mod link;
mod load;
mod open;
mod rewrite;
mod sync;

pub(crate) use asked::Wish;
pub(crate) use link::AppenderLink;
pub(crate) use load::load_log;
pub(crate) use open::OpenLog;

use crate::clock;
use base::Monotonic;
use config::{AppendFsync, Config};
use gathering::{Gathering, Pace, Synced};
use node::{LogStatus, LogUser, Node};
use parking_lot::MutexGuard;
use persist::aof::{Fsync, Options, RewriteSchedule, State};
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use sync::Syncer;

/// How often the thread looks whether something is due, while there is a file.
const CYCLE: Duration = Duration::from_millis(100);

/// The thread that writes the append-only file.
pub(crate) struct Appender {
    link: Arc<AppenderLink>,
    thread: JoinHandle<()>,
}

impl Appender {
    /// Starts it; `log` is what was opened when the data were loaded.
    pub(crate) fn start(
        node: &Arc<Node>,
        link: Arc<AppenderLink>,
        log: Option<OpenLog>,
    ) -> io::Result<Appender> {
        *link.files.lock() = log;
        let appending = Appending {
            node: Arc::clone(node),
            syncer: Syncer::start(Arc::clone(&link))?,
            link: Arc::clone(&link),
            status: LogStatus::default(),
            schedule: RewriteSchedule::default(),
            retries_at: clock::monotonic(),
            pace: Pace::default(),
        };
        let thread =
            thread::Builder::new().name("log".to_owned()).spawn(move || appending.run())?;
        link.open(thread.thread().clone());
        Ok(Appender { link, thread })
    }

    /// Has everything written and synced that was logged, and ends the thread. Nobody may write any more.
    pub(crate) fn stop(self) {
        self.link.stop();
        // It may have ended by itself.
        let _ = self.thread.join();
    }
}

/// What the writer goes by.
fn options(config: &Config) -> Options {
    let persistence = &config.persistence;
    Options {
        fsync: match persistence.appendfsync {
            AppendFsync::Always => Fsync::Always,
            AppendFsync::Everysec => Fsync::EverySecond,
            AppendFsync::No => Fsync::No,
        },
        rests_on_rewrite: persistence.no_appendfsync_on_rewrite,
        timestamps: persistence.aof_timestamp_enabled,
    }
}

/// What the thread has.
struct Appending {
    node: Arc<Node>,
    link: Arc<AppenderLink>,
    syncer: Syncer,
    /// What was last told of them.
    status: LogStatus,
    /// When the files are rewritten because they have grown.
    schedule: RewriteSchedule,
    /// When a rewrite that has failed may be tried again.
    retries_at: Monotonic,
    /// Where each write is synced, when the next sync begins.
    pace: Pace,
}

impl Appending {
    fn run(mut self) {
        let link = Arc::clone(&self.link);
        loop {
            let is_stopped = link.is_stopped();
            let config = self.node.settings.current();
            let mut files = link.files.lock();
            let gathering = self.write(&mut files, &config);
            self.do_what_is_asked(&mut files);
            // They may have changed while a sync went on.
            let config = self.node.settings.current();
            if is_stopped {
                if let Some(log) = files.take() {
                    self.close(log);
                }
                return;
            }
            self.finish_rewrite(&mut files, &config);
            self.switch(&mut files, &config);
            self.begin_rewrite_when_due(&mut files, &config);
            self.tell(files.as_ref());
            let is_there = files.is_some();
            let is_left = files.as_ref().is_some_and(|log| log.takes_more(&self.node));
            drop(files);
            if let Some(gathering) = gathering {
                link.gather(&self.node, gathering);
            } else if is_there || config.persistence.appendonly {
                // What was logged while the files were held nobody else may have written.
                if !is_left {
                    thread::park_timeout(CYCLE);
                }
            } else {
                thread::park();
            }
        }
    }

    /// Brings what was logged to the file, and the file to the disk where that is due; whether clients are to gather before the next sync.
    fn write(
        &mut self,
        files: &mut MutexGuard<'_, Option<OpenLog>>,
        config: &Config,
    ) -> Option<Gathering> {
        let log = files.as_mut()?;
        log.writer.options = options(config);
        log.writer.is_saving = self.node.is_saving();
        if let Some((job, result)) = self.syncer.finished() {
            log.writer.finish_sync(job, result);
        }
        log.drain(&self.node, self.node.log_end());
        log.confirm(&self.node);
        let job = log.writer.due_sync(clock::monotonic())?;
        if log.writer.options.fsync != Fsync::Always {
            self.syncer.run(job);
            return None;
        }
        let begun = clock::monotonic();
        let result = MutexGuard::unlocked(files, || job.run());
        let took = clock::monotonic().since(begun);
        let log = files.as_mut()?;
        log.writer.finish_sync(job, result);
        let clients = self.node.log_waiters();
        log.confirm(&self.node);
        let released = clients.saturating_sub(self.node.log_waiters());
        let synced = Synced { took, clients, released, cpu: clock::processor() };
        self.pace.after(self.node.workers(), &synced)
    }

    /// Ends logging where it was switched off. It is switched on by a first rewrite.
    fn switch(&mut self, files: &mut Option<OpenLog>, config: &Config) {
        if config.persistence.appendonly {
            return;
        }
        let Some(log) = files.take_if(|log| log.is_logging) else { return };
        self.close(log);
        self.node.end_log(LogUser::File, self.node.appending(), clock::now());
        self.node.confirm_all();
        self.node.note_synced(0);
    }

    /// Writes and syncs what there is, and gives up what is being rewritten.
    fn close(&mut self, mut log: OpenLog) {
        if log.writer.is_syncing()
            && let Some((job, result)) = self.syncer.wait()
        {
            log.writer.finish_sync(job, result);
        }
        log.drain(&self.node, self.node.log_end());
        if let Some(job) = log.writer.sync_job(clock::monotonic()) {
            tracing::info!("Calling fsync() on the AOF file.");
            let result = job.run();
            log.writer.finish_sync(job, result);
        }
        log.confirm(&self.node);
        if let State::Full(failure) | State::Failed(failure) = log.writer.state() {
            tracing::warn!("{failure}");
        }
        if log.base.is_some() {
            log.give_up_base(&self.node);
            self.node.forget_ordered_rewrite();
        }
    }

    /// Tells the node how the files are, and the log what has changed.
    fn tell(&mut self, log: Option<&OpenLog>) {
        let status = log.map(OpenLog::status).unwrap_or_default();
        if status == self.status {
            return;
        }
        match (&self.status.failure, &status.failure) {
            (before, Some(failure)) if before.as_ref() != Some(failure) => {
                tracing::warn!("{failure}");
            }
            (Some(_), None) => {
                tracing::info!("AOF write error looks solved. The server can write again.");
            }
            _ => {}
        }
        self.node.note_log(status.clone());
        self.status = status;
    }
}
