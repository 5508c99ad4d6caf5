//! The packets of the cluster bus, byte for byte as Redis 7 has them.
//!
//! `decode` borrows from the received bytes, allocates nothing and never panics; whatever it returns is
//! inside the bounds of `crate::limits`. `PacketWriter` builds packets. `light` has the light headers of Valkey 8,
//! `crate::seal` the frames around packets of ours.

mod extension;
mod flags;
mod frame;
mod gossip;
mod header;
mod light;
mod packet;
mod reader;

pub use extension::{Extension, Extensions, NodeStatus};
pub(crate) use extension::{is_hostname_byte, is_nodename_byte};
pub use flags::NodeFlags;
pub use frame::{FRAME_PREFIX_BYTES, FrameError, packet_bytes};
pub use gossip::{GOSSIP_BYTES, Gossip, GossipEntry, GossipRef};
pub use header::{HEADER_BYTES, Header, MessageFlags};
pub use light::{Light, decode_light, encode_light_publish, is_light};
pub use packet::{Body, Heartbeat, Packet, PacketType, PacketWriter, decode, encode};

/// The first four bytes of every packet.
pub const SIGNATURE: [u8; 4] = *b"RCmb";

/// The version of the protocol that every server since Redis 4 speaks.
pub const VERSION: u16 = 1;

/// Why a received packet is not one. Names the peer's fault, not ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PacketError {
    /// Shorter than a header, without the signature, or not as long as it says.
    #[error("not a framed packet")]
    Framing,
    /// Another version of the protocol.
    #[error("protocol version {0}")]
    Version(u16),
    /// The length does not fit the type and what it holds.
    #[error("wrong length {length} for type {kind}")]
    Length {
        /// The type in the header.
        kind: u16,
        /// The whole length.
        length: usize,
    },
    /// A node id has bytes outside `[0-9a-z]`.
    #[error("invalid node id")]
    NodeId,
    /// An announced address is no IP address.
    #[error("invalid address")]
    Address,
    /// A ping extension is torn, unpadded or holds what it must not.
    #[error("invalid extension of type {0}")]
    Extension(u16),
}
