//! What the server commands tell of the settings: the one place where they look them up.

use crate::node::Node;
use config::{Config, Permission};
use std::sync::Arc;

/// The settings that INFO tells, and DEBUG asks for.
pub(super) struct Settings(Arc<Config>);

impl Settings {
    pub(super) fn of(node: &Node) -> Settings {
        Settings(node.settings.current())
    }

    pub(super) fn port(&self) -> u16 {
        self.0.network.port
    }

    pub(super) fn clients_max(&self) -> u32 {
        self.0.network.maxclients
    }

    /// How often the timers run in a second.
    pub(super) fn hz(&self) -> u32 {
        self.0.general.hz
    }

    /// In bytes; 0 where there is no limit.
    pub(super) fn memory_max(&self) -> u64 {
        self.0.memory.maxmemory
    }

    pub(super) fn memory_policy(&self) -> String {
        let name = self.0.value("maxmemory-policy").unwrap_or_default();
        String::from_utf8_lossy(&name).into_owned()
    }

    /// Who may use DEBUG.
    pub(super) fn debug_permission(&self) -> Permission {
        self.0.security.enable_debug_command
    }

    /// What clients may connect to: `name=tcp,bind=127.0.0.1,port=6379`.
    pub(super) fn listeners(&self) -> Vec<String> {
        let network = &self.0.network;
        let mut listeners = Vec::new();
        if network.port != 0 {
            let addresses = network.bind.0.iter().map(|one| format!("bind={one},"));
            listeners.push(format!(
                "name=tcp,{}port={}",
                addresses.collect::<String>(),
                network.port
            ));
        }
        if !network.unixsocket.is_empty() {
            let path = String::from_utf8_lossy(&network.unixsocket);
            listeners.push(format!("name=unix,bind={path}"));
        }
        listeners
    }

    /// Without how many replicas writes are refused.
    pub(super) fn min_replicas(&self) -> u32 {
        self.0.replication.min_replicas_to_write
    }

    /// How many replicas have to have what is written before a client is told.
    pub(super) fn write_acks(&self) -> u32 {
        self.0.replication.write_acks
    }

    /// Its rank among replicas (`replica-priority`).
    pub(super) fn replica_priority(&self) -> u32 {
        self.0.replication.replica_priority
    }

    /// Whether it refuses writes as a replica.
    pub(super) fn is_replica_read_only(&self) -> bool {
        self.0.replication.replica_read_only
    }

    /// Whether Sentinel is to hear of it as a replica.
    pub(super) fn is_replica_announced(&self) -> bool {
        self.0.replication.replica_announced
    }

    /// The size of the replication backlog, in bytes.
    pub(super) fn backlog_bytes(&self) -> u64 {
        self.0.replication.repl_backlog_size
    }
}
