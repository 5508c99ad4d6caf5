//! Every bound of the cluster bus and of its machine, by name.

use std::time::Duration;

/// The longest packet taken from a peer, in bytes. Published messages are what makes packets long;
/// Redis itself bounds them only by its longest bulk string.
pub const PACKET_BYTES_MAX: usize = 64 << 20;

/// The longest frame: the longest packet with its seal.
pub const FRAME_BYTES_MAX: usize = PACKET_BYTES_MAX + crate::seal::SEAL_BYTES;

/// The longest packet of somebody who has not shown yet which node it is: room for a heartbeat that speaks of [`NODES_MAX`] nodes.
pub const STRANGER_PACKET_BYTES_MAX: usize = 2 << 20;

/// The most nodes that one node knows, itself included. More are not learnt.
pub const NODES_MAX: usize = 10_000;

/// The most inbound links at one time. One more closes the oldest that no node is bound to.
pub const INBOUND_LINKS_MAX: usize = 2 * NODES_MAX;

/// The most inbound links that have not yet shown which node they belong to.
pub const UNIDENTIFIED_LINKS_MAX: usize = 1024;

/// The most outputs that wait for the shell. Beyond it packets are dropped, as a full link would.
pub const OUTPUTS_MAX: usize = 4 * NODES_MAX;

/// The most ids that are kept out after CLUSTER FORGET.
pub const FORGOTTEN_MAX: usize = 1024;

/// The most forgotten nodes announced in one packet.
pub const FORGOTTEN_ANNOUNCED_MAX: usize = 64;

/// The most extensions read from one packet.
pub const EXTENSIONS_MAX: usize = 2 * FORGOTTEN_MAX;

/// The longest hostname or human nodename, in bytes, without its NUL.
pub const NAME_BYTES_MAX: usize = 255;

/// The longest availability zone in our own ping extension, in bytes.
pub const ZONE_BYTES_MAX: usize = 64;

/// The most bytes that our own ping extension may decode to.
pub const OWN_EXTENSION_BYTES_MAX: usize = 256;

/// Malformed or forged packets are logged at most once in this time.
pub const MALFORMED_LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The cron of the machine: every `Tick` comes this long after the last.
pub const TICK: Duration = Duration::from_millis(100);

/// The most nodes that are being met at one time.
pub const HANDSHAKES_MAX: usize = 1024;
