//! What all sessions of a node share.

use crate::clients::Clients;
use crate::cluster::{self, ClusterNode};
use crate::connection;
use crate::host::Host;
use crate::stats::WorkerStats;
use crate::table::Table;
use crate::worker::Now;
use engine::{Flushed, HashSeed, Keyspace, WorkerId};
use parking_lot::Mutex;

/// What a node is made with.
pub struct NodeOptions {
    /// How many databases there are.
    pub databases: usize,
    /// How many threads run commands; the control thread comes on top.
    pub workers: usize,
    /// The secret of the keyspace's hash function.
    pub seed: HashSeed,
    /// The name of this run: 40 hexadecimal digits.
    pub run_id: String,
    /// When it starts.
    pub started: Now,
    /// Its place in a cluster, in cluster mode.
    pub cluster: Option<::cluster::Machine>,
}

/// A node: keyspace, command table, clients, statistics.
pub struct Node {
    /// All keys.
    pub keyspace: Keyspace,
    /// All commands.
    pub table: Table,
    /// All clients.
    pub clients: Clients,
    /// The world around.
    pub host: Box<dyn Host>,
    /// The name of this run.
    pub run_id: String,
    /// When it started.
    pub started: Now,
    /// Its place in a cluster, in cluster mode.
    pub cluster: Option<ClusterNode>,
    /// Tables that were flushed and wait for a thread with time to free them.
    pub flushed: Mutex<Vec<Flushed>>,
    workers: usize,
    stats: Box<[WorkerStats]>,
}

impl Node {
    /// A node without keys.
    #[must_use]
    pub fn new(options: NodeOptions, host: Box<dyn Host>) -> Node {
        let table = Table::new(commands::FAMILIES, &[connection::COMMANDS, cluster::COMMANDS]);
        // The control thread counts too: expired keys, connections.
        let threads = options.workers + 1;
        Node {
            keyspace: Keyspace::new(options.databases, threads, options.seed),
            stats: (0..threads).map(|_| WorkerStats::new(table.numbered())).collect(),
            table,
            clients: Clients::default(),
            host,
            run_id: options.run_id,
            started: options.started,
            cluster: options.cluster.map(ClusterNode::new),
            flushed: Mutex::default(),
            workers: options.workers,
        }
    }

    /// How many threads run commands.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// The number under which the control thread counts.
    #[must_use]
    pub fn control(&self) -> WorkerId {
        WorkerId(self.workers)
    }

    /// The statistics of one thread.
    #[must_use]
    pub fn stats(&self, worker: WorkerId) -> &WorkerStats {
        &self.stats[worker.0]
    }

    /// The statistics of all threads.
    pub fn all_stats(&self) -> impl Iterator<Item = &WorkerStats> {
        self.stats.iter()
    }
}
