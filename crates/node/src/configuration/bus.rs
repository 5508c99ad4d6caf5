//! What the cluster bus goes by, taken from the node's settings.

use cluster::PreferredEndpoint;
use cluster::seal::BusAuth;
use config::{Config, EndpointType};
use std::net::IpAddr;
use std::time::Duration;

/// How far above the clients' port the bus's port is where no other is set.
const BUS_PORT_OFFSET: u16 = 10_000;

/// A setting that the bus cannot go by. Shown, it is the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnnounceError {
    /// `cluster-announce-ip` holds a name. Redis would pass it on; the bus's packets are for addresses.
    #[error(
        "cluster-announce-ip must be an IP address; a name belongs in cluster-announce-hostname"
    )]
    Address,
    /// There is no room for the bus's port above the clients' port.
    #[error(
        "port must be at most 55535, so that the bus has the port 10000 above it; or set cluster-port"
    )]
    Port,
    /// `cluster-announce-human-nodename` holds what packets and `nodes.conf` have no room for: other nodes would refuse
    /// the packets, and this one its own file at the next start.
    #[error(
        "cluster-announce-human-nodename has at most 255 characters: letters, digits, '-', '_' and '.'"
    )]
    HumanNodename,
    /// `availability-zone` is longer than the bus tells.
    #[error("availability-zone has at most {} bytes in a cluster", cluster::limits::ZONE_BYTES_MAX)]
    AvailabilityZone,
}

impl AnnounceError {
    /// The directive that has to be changed.
    #[must_use]
    pub const fn directive(&self) -> &'static str {
        match self {
            AnnounceError::Address => "cluster-announce-ip",
            AnnounceError::Port => "port",
            AnnounceError::HumanNodename => "cluster-announce-human-nodename",
            AnnounceError::AvailabilityZone => "availability-zone",
        }
    }
}

/// What the bus's machine is configured with, and the port that the bus listens on. What packets are sealed with is not in
/// the settings, but in a file: [`crate::Host::bus_auth`].
///
/// # Errors
///
/// Where a setting, though well-formed, cannot be used.
pub fn bus_config(config: &Config) -> Result<(cluster::Config, u16), AnnounceError> {
    let own = &config.cluster;
    let client_port = config.network.port;
    let bus_port = match own.port {
        0 => client_port.checked_add(BUS_PORT_OFFSET).ok_or(AnnounceError::Port)?,
        port => port,
    };
    let announce_ip = match own.announce_ip.as_str() {
        "" => None,
        text => Some(text.parse::<IpAddr>().map_err(|_| AnnounceError::Address)?),
    };
    if !cluster::is_human_nodename(&own.announce_human_nodename) {
        return Err(AnnounceError::HumanNodename);
    }
    if own.availability_zone.len() > cluster::limits::ZONE_BYTES_MAX {
        return Err(AnnounceError::AvailabilityZone);
    }
    let or = |announced: u16, real: u16| if announced == 0 { real } else { announced };
    let machine = cluster::Config {
        port: or(own.announce_port, client_port),
        tls_port: or(own.announce_tls_port, config.tls.port),
        bus_port: or(own.announce_bus_port, bus_port),
        announce_ip,
        hostname: own.announce_hostname.clone(),
        human_nodename: own.announce_human_nodename.clone(),
        availability_zone: own.availability_zone.clone(),
        node_timeout: Duration::from_millis(own.node_timeout_ms),
        require_full_coverage: own.require_full_coverage,
        allow_reads_when_down: own.allow_reads_when_down,
        allow_pubsubshard_when_down: own.allow_pubsubshard_when_down,
        auth: BusAuth::default(),
        replica_no_failover: own.replica_no_failover,
        replica_validity_factor: own.replica_validity_factor,
        ping_replica_period: Duration::from_secs(u64::from(
            config.replication.repl_ping_replica_period_seconds,
        )),
        allow_replica_migration: own.allow_replica_migration,
        migration_barrier: own.migration_barrier,
        manual_failover_timeout: Duration::from_millis(u64::from(own.manual_failover_timeout_ms)),
        leases: config.replication.write_acks > 0,
        preferred_endpoint: match own.preferred_endpoint_type {
            EndpointType::Ip => PreferredEndpoint::Ip,
            EndpointType::Hostname => PreferredEndpoint::Hostname,
            EndpointType::UnknownEndpoint => PreferredEndpoint::Unknown,
        },
    };
    Ok((machine, bus_port))
}
