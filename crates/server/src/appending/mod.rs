//! The append-only file: a thread that takes the log, writes and syncs it, has it rewritten, and tells up to where it is safe.
//!
//! Workers never wait for the disk: they append to the log, and keep what they have to say until this thread has confirmed it.

mod base_writer;
mod load;
mod open;
mod reload;
mod rewrite;
mod sync;

pub(crate) use load::load_log;
pub(crate) use open::OpenLog;

use crate::clock;
use base::Monotonic;
use config::{AppendFsync, Config};
use node::{LogStatus, Node};
use parking_lot::Mutex;
use persist::aof::{Fsync, Options, RewriteSchedule};
use reload::Reload;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;
use sync::Syncer;

/// How often the thread looks whether something is due, while there is a file.
const CYCLE: Duration = Duration::from_millis(100);

/// The way to the thread.
#[derive(Default)]
pub(crate) struct AppenderLink {
    thread: OnceLock<Thread>,
    is_stopped: AtomicBool,
    reloads: Mutex<Vec<Reload>>,
}

impl AppenderLink {
    /// Has the thread look what there is to do.
    pub(crate) fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }
}

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
        let appending = Appending {
            node: Arc::clone(node),
            syncer: Syncer::start(Arc::clone(&link))?,
            link: Arc::clone(&link),
            log,
            status: LogStatus::default(),
            schedule: RewriteSchedule::default(),
            retries_at: clock::monotonic(),
        };
        let thread =
            thread::Builder::new().name("log".to_owned()).spawn(move || appending.run())?;
        // Before anybody can have anything to say: it looks by itself at first.
        let _ = link.thread.set(thread.thread().clone());
        link.wake();
        Ok(Appender { link, thread })
    }

    /// Has everything written and synced that was logged, and ends the thread. Nobody may write any more.
    pub(crate) fn stop(self) {
        self.link.is_stopped.store(true, SeqCst);
        self.link.wake();
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
    /// The files, while there are any.
    log: Option<OpenLog>,
    /// What was last told of them.
    status: LogStatus,
    /// When the files are rewritten because they have grown.
    schedule: RewriteSchedule,
    /// When a rewrite that has failed may be tried again.
    retries_at: Monotonic,
}

impl Appending {
    fn run(mut self) {
        loop {
            let is_stopped = self.link.is_stopped.load(SeqCst);
            let config = self.node.settings.current();
            self.write(&config);
            self.reload_when_asked();
            if is_stopped {
                break;
            }
            self.finish_rewrite(&config);
            self.switch(&config);
            self.begin_rewrite_when_due(&config);
            self.tell();
            if self.log.is_some() || config.persistence.appendonly {
                thread::park_timeout(CYCLE);
            } else {
                thread::park();
            }
        }
        self.end();
    }

    /// Brings what was logged to the file, and the file to the disk where that is due.
    fn write(&mut self, config: &Config) {
        let Some(log) = &mut self.log else { return };
        log.writer.options = options(config);
        if let Some((job, result)) = self.syncer.finished() {
            log.writer.finish_sync(job, result);
        }
        log.drain(&self.node, self.node.log_end());
        if let Some(job) = log.writer.due_sync(clock::monotonic()) {
            if log.writer.options.fsync == Fsync::Always {
                // Those that come meanwhile are confirmed by the next one, all together.
                let result = job.run();
                log.writer.finish_sync(job, result);
            } else {
                self.syncer.run(job);
            }
        }
        log.confirm(&self.node);
    }

    /// Ends logging where it was switched off. It is switched on by a first rewrite.
    fn switch(&mut self, config: &Config) {
        if config.persistence.appendonly {
            return;
        }
        let Some(log) = self.log.take_if(|log| log.is_logging) else { return };
        self.close(log);
        self.node.end_log(self.node.control(), clock::now());
        self.node.confirm_all();
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
        if let Some(base) = log.base.take() {
            base.order.snapshot.cancel();
            let (order, path, _) = base.join();
            self.node.end_rewrite(&order, false, clock::now());
            self.node.forget_ordered_rewrite();
            rewrite::remove(&path);
            log.writer.abort_rewrite();
        }
    }

    fn end(&mut self) {
        if let Some(log) = self.log.take() {
            self.close(log);
        }
    }

    /// Tells the node how the files are, and the log what has changed.
    fn tell(&mut self) {
        let status = self.log.as_ref().map(OpenLog::status).unwrap_or_default();
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
