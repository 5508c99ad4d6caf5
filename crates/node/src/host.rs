//! What a node asks of the process that it runs in.

use crate::node::Node;
use crate::replication::Primary;
use base::UnixMillis;
use cluster::seal::BusAuth;
use config::{Change, Config, SetError};
use engine::WorkerId;
use std::time::Duration;

/// The processor time that something has taken.
#[derive(Clone, Copy, Debug, Default)]
pub struct CpuTime {
    /// In the kernel.
    pub system: Duration,
    /// In the program.
    pub user: Duration,
}

/// The processor time of a process.
#[derive(Clone, Copy, Debug, Default)]
pub struct CpuTimes {
    /// Of all its threads.
    pub process: CpuTime,
    /// Of the processes that it started and that have ended.
    pub children: CpuTime,
    /// Of its first thread, which accepts connections and speaks on the bus.
    pub main_thread: CpuTime,
}

/// The world around a node.
pub trait Host: Send + Sync {
    /// Stops the process in good order; returns at once, the stop follows.
    fn shutdown(&self);

    /// Ends the process at once, as a failure that the log tells: nothing is replied and nothing is sent any more. For what must not be
    /// acknowledged, such as a place in the cluster that is not on disk.
    fn abandon(&self, reason: &str);

    /// Replaces `nodes.conf`; with `fsync` it is on disk when this returns.
    ///
    /// # Errors
    ///
    /// Where the file could not be written.
    fn save_nodes_conf(&self, text: &str, fsync: bool) -> std::io::Result<()>;

    /// Brings a change of settings into effect as far as the process has a part in it (ports, limits, the log, the working folder): all of
    /// it, or nothing. May write a value as the process understands it.
    ///
    /// # Errors
    ///
    /// The reply for what the process could not do.
    fn reconfigure(&self, old: &Config, change: &mut Change) -> Result<(), SetError>;

    /// What packets of the cluster bus are sealed with, as the settings say.
    ///
    /// # Errors
    ///
    /// The reply for a secret that cannot be read or used.
    fn bus_auth(&self, _: &Config) -> Result<BusAuth, SetError> {
        Ok(BusAuth::default())
    }

    /// The text of the configuration file; empty where it has vanished, `None` where the process was started without one.
    ///
    /// # Errors
    ///
    /// The system's reason, in words.
    fn read_config_file(&self) -> Option<Result<Vec<u8>, String>>;

    /// Replaces the configuration file; it is on disk when this returns.
    ///
    /// # Errors
    ///
    /// The system's reason, in words.
    fn replace_config_file(&self, text: &[u8]) -> Result<(), String>;

    /// Tells whoever writes files that a save has begun.
    fn wake_saver(&self, node: &Node);

    /// Loads the snapshot from its file into `node`, beside the keys that are there; where `merges`, those may stand in the file, too. False where the
    /// file is not there or cannot be loaded as a whole; the log tells why.
    fn load_snapshot(&self, node: &Node, merges: bool) -> bool;

    /// Brings into effect what the settings say of the append-only file, which were changed. Where it was switched on its first rewrite goes on when this returns, or
    /// will when what is saved now has been. False where that could not begin; the log tells why. To be called when nothing is held.
    fn follow_log_settings(&self) -> bool {
        true
    }

    /// Empties `node` and loads the append-only file into it, after all that was logged is in it; then it is gone on with. False where the files are not there or
    /// cannot be loaded as a whole; the log tells why.
    fn load_log(&self, node: &Node) -> bool;

    /// Tells whoever holds the link to a primary whom to follow now, or that it is nobody: what it does at the moment is over, unless it does that already.
    fn follow(&self, _primary: Option<&Primary>) {}

    /// Tells the bus's sockets that there is something to do.
    fn wake_bus(&self);

    /// How many bytes wait to be sent on a link of the bus.
    fn bus_link_buffer_bytes(&self, link: cluster::LinkId) -> usize;

    /// Has a worker call [`Node::wake_released`].
    fn wake_worker(&self, node: &Node, worker: usize) {
        node.wake_released(worker);
    }

    /// Tells the reader of the log that there is something to take, or to do with what is written of it.
    fn wake_log_reader(&self) {}

    /// Tells that a thread has logged something. Told once from one time that the log was empty to the next.
    fn log_grew(&self, _by: WorkerId) {
        self.wake_log_reader();
    }

    /// The resident memory of the process, in bytes.
    fn resident_bytes(&self) -> u64;

    /// The processor time that the process has taken.
    fn cpu_times(&self) -> CpuTimes {
        CpuTimes::default()
    }

    /// Monotonic time in microseconds at this very moment, for what must end after a while. Where the world has no clock, nothing takes time.
    fn monotonic_micros(&self) -> u64 {
        0
    }

    /// Wall-clock time in microseconds since 1970, as fine as the world has it; `now` is when the batch began.
    fn unix_micros(&self, now: UnixMillis) -> i64 {
        now.0 * 1000
    }
}
