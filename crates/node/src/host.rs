//! What a node asks of the process that it runs in.

use config::{Change, Config, SetError};

/// The world around a node.
pub trait Host: Send + Sync {
    /// Stops the process in good order; returns at once, the stop follows.
    fn shutdown(&self);

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

    /// Tells the bus's sockets that there is something to do.
    fn wake_bus(&self);

    /// How many bytes wait to be sent on a link of the bus.
    fn bus_link_buffer_bytes(&self, link: cluster::LinkId) -> usize;

    /// The resident memory of the process, in bytes.
    fn resident_bytes(&self) -> u64;
}
