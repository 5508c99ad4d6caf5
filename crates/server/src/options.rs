//! What the server is started with.

use std::path::PathBuf;
use std::time::Duration;

/// What the server is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The addresses to listen on; one with a leading `-` may be missing on this machine.
    pub bind: Vec<String>,
    /// The TCP port; 0 for none.
    pub port: u16,
    /// The path of the Unix socket.
    pub unix_socket: Option<PathBuf>,
    /// The permissions of the Unix socket.
    pub unix_socket_mode: u32,
    /// How many connections may wait to be accepted.
    pub backlog: i32,
    /// How often to probe idle connections; none where zero.
    pub keepalive: Duration,
    /// How many clients may be connected.
    pub clients_max: usize,
    /// How many threads run commands; 0 for one per core.
    pub workers: usize,
    /// How many databases there are.
    pub databases: usize,
    /// The node's place in a cluster, in cluster mode.
    pub cluster: Option<ClusterOptions>,
}

/// What a node of a cluster is started with.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// The path of `nodes.conf`.
    pub file: PathBuf,
    /// The port of the bus to listen on.
    pub port: u16,
    /// What the bus's state machine goes by.
    pub config: cluster::Config,
}
