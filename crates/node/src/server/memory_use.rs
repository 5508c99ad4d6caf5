//! What memory is in use, and for what: the numbers behind INFO, MEMORY STATS and MEMORY DOCTOR.

use crate::node::Node;

/// All numbers are bytes unless they say otherwise.
pub(crate) struct MemoryUse {
    /// All that is in use, as it is counted.
    pub(crate) used: u64,
    pub(super) peak: u64,
    /// What is in use without a key and a client.
    pub(super) startup: u64,
    pub(super) clients: u64,
    pub(super) links: u64,
    /// What is kept of the log for the file and for replicas.
    pub(super) log: u64,
    /// Keys, their values, and the tables that they stand in.
    pub(super) dataset: u64,
    pub(super) resident: u64,
    pub(super) keys: u64,
}

impl MemoryUse {
    pub(crate) fn of(node: &Node) -> MemoryUse {
        MemoryUse::with_clients(node, node.clients.memory().bytes as u64)
    }

    /// The same where it is known what the clients take.
    pub(crate) fn with_clients(node: &Node, clients: u64) -> MemoryUse {
        let startup = node.keyspace.fixed_bytes();
        let links = node.link_bytes() as u64;
        let dataset = node.keyspace.memory_bytes().saturating_sub(startup);
        let log = node.kept_log_bytes();
        let used = startup + clients + links + log + dataset;
        let databases = 0..node.keyspace.databases();
        MemoryUse {
            used,
            peak: node.peak_memory_bytes(used),
            startup,
            clients,
            links,
            log,
            dataset,
            resident: node.host.resident_bytes(),
            keys: databases.map(|one| node.keyspace.totals(one).keys.max(0) as u64).sum(),
        }
    }

    /// What is in use and holds no data.
    pub(super) fn overhead(&self) -> u64 {
        self.used - self.dataset
    }

    /// The data's part of what came since the start, in percent.
    pub(super) fn dataset_percent(&self) -> f64 {
        percent(self.dataset, self.used - self.startup)
    }

    /// What is in use as a part of what once was, in percent.
    pub(super) fn peak_percent(&self) -> f64 {
        percent(self.used, self.peak)
    }

    /// Resident memory for each byte in use.
    pub(super) fn fragmentation(&self) -> f64 {
        self.resident as f64 / self.used.max(1) as f64
    }

    /// Resident memory that is not in use; negative where some of it is swapped out.
    pub(super) fn fragmentation_bytes(&self) -> i64 {
        self.resident as i64 - self.used as i64
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    part as f64 * 100.0 / whole.max(1) as f64
}
