//! What a node asks of the process that it runs in.

/// The world around a node.
pub trait Host: Send + Sync {
    /// Stops the process in good order; returns at once, the stop follows.
    fn shutdown(&self);

    /// The resident memory of the process, in bytes.
    fn resident_bytes(&self) -> u64;
}
