//! What a node asks of the process that it runs in.

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

    /// Tells the bus's sockets that there is something to do.
    fn wake_bus(&self);

    /// How many bytes wait to be sent on a link of the bus.
    fn bus_link_buffer_bytes(&self, link: cluster::LinkId) -> usize;

    /// The resident memory of the process, in bytes.
    fn resident_bytes(&self) -> u64;
}
