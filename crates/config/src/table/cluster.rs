//! The cluster: identity, addresses told to others, timing, coverage.

use super::choices::{BusAuthMode, ConfigSave, EndpointType};
use super::{Directive, Setting, section};
use crate::directive::{
    Check, Rule, bytes_within, checked, choice, integer, port, special, text, yes_no,
};

const INT: i64 = i32::MAX as i64;

section! {
    /// The cluster: identity, addresses told to others, timing, coverage.
    Cluster cluster CLUSTER {
        /// Whether the node is part of a cluster.
        enabled: bool = yes_no("cluster-enabled", "no").immutable();
        /// File of the cluster's state, in the working folder.
        config_file: Vec<u8> =
            checked("cluster-config-file", Check::NotEmpty, "nodes.conf").immutable();
        /// What happens when that file cannot be written.
        config_save_behavior: ConfigSave =
            choice::<ConfigSave>("cluster-config-save-behavior", "sync").unused();
        /// Databases in a cluster.
        databases: u32 = integer("cluster-databases", 1, INT, "1").immutable();
        /// Milliseconds of silence after which a node is suspected.
        node_timeout_ms: u64 = integer("cluster-node-timeout", 0, i64::MAX, "15000");
        /// Milliseconds between pings of random nodes; 0 is the usual second.
        ping_interval_ms: u64 =
            integer("cluster-ping-interval", 0, i64::MAX, "0").hidden().unused();
        /// Part of the known nodes that a packet tells of, in percent.
        message_gossip_perc: u32 =
            integer("cluster-message-gossip-perc", 1, 100, "10").hidden().unused();
        /// Seconds in which a forgotten node is not met again.
        blacklist_ttl_seconds: u64 = integer("cluster-blacklist-ttl", 0, i64::MAX, "60").unused();
        /// Port of the bus; 0 is the clients' port plus 10000.
        port: u16 = port("cluster-port", "0").immutable();
        /// Which packets of the bus have to be sealed with the cluster's secret.
        bus_auth: BusAuthMode = choice::<BusAuthMode>("cluster-bus-auth", "off");
        /// File with the cluster's secret, and while it is changed with the next or the last one, a line each.
        secret: Vec<u8> = text("cluster-secret", "");
        /// Address told to others; empty is the one they see.
        announce_ip: String = checked("cluster-announce-ip", Check::Address, "");
        /// Clients' port told to others; 0 is the real one.
        announce_port: u16 = port("cluster-announce-port", "0");
        /// TLS port told to others; 0 is the real one.
        announce_tls_port: u16 = port("cluster-announce-tls-port", "0");
        /// Bus port told to others; 0 is the real one.
        announce_bus_port: u16 = port("cluster-announce-bus-port", "0");
        /// Host name told to others.
        announce_hostname: String = checked("cluster-announce-hostname", Check::Hostname, "");
        /// Name for people, told to others.
        announce_human_nodename: String =
            checked("cluster-announce-human-nodename", Check::NodeName, "");
        /// IPv4 address for clients, where it differs from the nodes'.
        announce_client_ipv4: String =
            checked("cluster-announce-client-ipv4", Check::Ipv4, "").unused();
        /// IPv6 address for clients, where it differs from the nodes'.
        announce_client_ipv6: String =
            checked("cluster-announce-client-ipv6", Check::Ipv6, "").unused();
        /// Port for clients, where it differs from the nodes'.
        announce_client_port: u16 = port("cluster-announce-client-port", "0").unused();
        /// TLS port for clients, where it differs from the nodes'.
        announce_client_tls_port: u16 = port("cluster-announce-client-tls-port", "0").unused();
        /// What clients are told to connect to.
        preferred_endpoint_type: EndpointType =
            choice::<EndpointType>("cluster-preferred-endpoint-type", "ip");
        /// Zone in which the node runs.
        availability_zone: String = text("availability-zone", "");
        /// Whether one slot without owner stops the whole cluster.
        require_full_coverage: bool = yes_no("cluster-require-full-coverage", "yes");
        /// Whether keys are read while the cluster is down.
        allow_reads_when_down: bool = yes_no("cluster-allow-reads-when-down", "no");
        /// Whether shard channels work while the cluster is down.
        allow_pubsubshard_when_down: bool =
            yes_no("cluster-allow-pubsubshard-when-down", "yes");
        /// Bytes that may wait for a peer on the bus; 0 is no limit.
        link_sendbuf_limit: u64 = bytes_within("cluster-link-sendbuf-limit", 0, u64::MAX, "0");
        /// Whether a replica never takes over by itself.
        replica_no_failover: bool =
            yes_no("cluster-replica-no-failover", "no").alias("cluster-slave-no-failover");
        /// Node timeouts of separation after which a replica is too old to take over; 0 is never.
        replica_validity_factor: u32 =
            integer("cluster-replica-validity-factor", 0, INT, "10")
                .alias("cluster-slave-validity-factor");
        /// Whether replicas move to primaries that have none.
        allow_replica_migration: bool = yes_no("cluster-allow-replica-migration", "yes");
        /// Replicas that a primary keeps when others move.
        migration_barrier: u32 = integer("cluster-migration-barrier", 0, INT, "1");
        /// Milliseconds after which a manual failover is given up.
        manual_failover_timeout_ms: u32 =
            integer("cluster-manual-failover-timeout", 1, INT, "5000");
        /// Finished slot migrations that are remembered.
        slot_migration_log_max_len: u64 =
            integer("cluster-slot-migration-log-max-len", 0, i64::MAX, "1000").unused();
        /// Bytes behind which a slot's new owner may be when writes are stopped; -1 is any number.
        slot_migration_max_failover_repl_bytes: i64 =
            special("slot-migration-max-failover-repl-bytes", Rule::SignedMemory(-1, i64::MAX), "0")
                .unused();
        /// Whether statistics are kept for each slot.
        slot_stats_enabled: bool = yes_no("cluster-slot-stats-enabled", "no").unused();
    }
}
