//! What an operator sets about a node's place in the cluster.

use crate::seal::BusAuth;
use core::net::IpAddr;
use std::time::Duration;

/// Which of a node's names redirections and CLUSTER SLOTS give to clients
/// (`cluster-preferred-endpoint-type`).
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum PreferredEndpoint {
    /// The IP address.
    #[default]
    Ip,
    /// The announced hostname, `?` for a node without one.
    Hostname,
    /// None: the client uses the address that it is connected to.
    Unknown,
}

/// The configuration of the machine. Each field is a directive of the same name or plainly derived.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// The client port without TLS, as others shall use it (`cluster-announce-port` or `port`).
    pub port: u16,
    /// The client port with TLS, 0 if there is none (`cluster-announce-tls-port` or `tls-port`).
    pub tls_port: u16,
    /// The bus port (`cluster-announce-bus-port`, `cluster-port` or `port` + 10000).
    pub bus_port: u16,
    /// `cluster-announce-ip`; without it peers take the address that our links come from.
    pub announce_ip: Option<IpAddr>,
    /// `cluster-announce-hostname`, empty for none.
    pub hostname: String,
    /// `cluster-announce-human-nodename`, empty for none.
    pub human_nodename: String,
    /// `availability-zone`, told to other nodes of ours, empty for none.
    pub availability_zone: String,
    /// `cluster-node-timeout`.
    pub node_timeout: Duration,
    /// `cluster-require-full-coverage`.
    pub require_full_coverage: bool,
    /// `cluster-allow-reads-when-down`.
    pub allow_reads_when_down: bool,
    /// `cluster-allow-pubsubshard-when-down`.
    pub allow_pubsubshard_when_down: bool,
    /// `cluster-replica-no-failover`.
    pub replica_no_failover: bool,
    /// `cluster-replica-validity-factor`.
    pub replica_validity_factor: u32,
    /// `repl-ping-replica-period`: the longest silence of a primary that has nothing to say.
    pub ping_replica_period: Duration,
    /// `cluster-allow-replica-migration`.
    pub allow_replica_migration: bool,
    /// `cluster-migration-barrier`.
    pub migration_barrier: u32,
    /// `cluster-manual-failover-timeout`.
    pub manual_failover_timeout: Duration,
    /// Whether this node acknowledges only while a majority answers: `write-acks` is 1 or more.
    pub leases: bool,
    /// `cluster-preferred-endpoint-type`.
    pub preferred_endpoint: PreferredEndpoint,
    /// `cluster-bus-auth`, with what `cluster-secret` names.
    pub auth: BusAuth,
}

impl Config {
    /// The defaults of Redis for a node whose clients connect to `port`.
    #[must_use]
    pub fn for_port(port: u16) -> Config {
        Config {
            port,
            tls_port: 0,
            bus_port: port.wrapping_add(10_000),
            announce_ip: None,
            hostname: String::new(),
            human_nodename: String::new(),
            availability_zone: String::new(),
            node_timeout: Duration::from_secs(15),
            require_full_coverage: true,
            allow_reads_when_down: false,
            allow_pubsubshard_when_down: true,
            replica_no_failover: false,
            replica_validity_factor: 10,
            ping_replica_period: Duration::from_secs(10),
            allow_replica_migration: true,
            migration_barrier: 1,
            manual_failover_timeout: Duration::from_secs(5),
            leases: false,
            preferred_endpoint: PreferredEndpoint::Ip,
            auth: BusAuth::default(),
        }
    }
}

/// Whether a string may be announced as a hostname (empty announces none).
#[must_use]
pub fn is_hostname(name: &str) -> bool {
    name.len() <= crate::limits::NAME_BYTES_MAX && name.bytes().all(crate::wire::is_hostname_byte)
}

/// Whether a string may be announced as a human nodename (empty announces none).
#[must_use]
pub fn is_human_nodename(name: &str) -> bool {
    name.len() <= crate::limits::NAME_BYTES_MAX && name.bytes().all(crate::wire::is_nodename_byte)
}
