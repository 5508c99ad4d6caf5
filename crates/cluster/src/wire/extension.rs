//! Ping extensions: facts beyond the header that ride behind the gossip section.
//!
//! Types 0 to 3 are those of Redis 7. Types 4 to 8 mean different things to Redis 8 and Valkey 8, so they
//! are skipped and never sent. Ours, [`NodeStatus`], has a type far from theirs and goes only to nodes that
//! carry our mark, because others log every type that they do not know.

use super::reader::{Reader, text};
use super::{PacketError, packet};
use crate::limits::{NAME_BYTES_MAX, OWN_EXTENSION_BYTES_MAX, ZONE_BYTES_MAX};
use base::NodeId;
use serde::{Deserialize, Serialize};

const HOSTNAME: u16 = 0;
const HUMAN_NODENAME: u16 = 1;
const FORGOTTEN: u16 = 2;
const SHARD_ID: u16 = 3;
/// "RS" in ASCII.
const NODE_STATUS: u16 = 0x5253;

/// The version of [`NodeStatus`] that we write. Others are skipped.
const NODE_STATUS_VERSION: u8 = 1;

/// Length, type and unused field of an extension.
const PREFIX_BYTES: usize = 8;

/// Extensions are padded to a multiple of this.
const ALIGNMENT: usize = 8;

/// What a node of ours tells others of ours about itself.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NodeStatus {
    /// The availability zone it runs in; empty when not configured.
    pub availability_zone: String,
    /// The share of their time that its workers spend on commands, in thousandths.
    pub load_permille: u16,
}

/// One extension, read or to be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Extension<'a> {
    /// The name under which clients reach the node.
    Hostname(&'a str),
    /// A name for people.
    HumanNodename(&'a str),
    /// A node that was removed with CLUSTER FORGET, and for how long it stays out.
    Forgotten {
        /// Who was removed.
        id: NodeId,
        /// Seconds left.
        ttl_s: u64,
    },
    /// The shard of the sender.
    ShardId(NodeId),
    /// Our own.
    Status(NodeStatus),
    /// A type, or a version of ours, that we do not know.
    Unknown {
        /// The type.
        kind: u16,
        /// Its data with the padding.
        data: &'a [u8],
    },
}

impl<'a> Extension<'a> {
    /// Reads the extension at the front of `reader`.
    fn read(reader: &mut Reader<'a>) -> Result<Extension<'a>, PacketError> {
        let length = reader.u32()? as usize;
        let kind = reader.u16()?;
        reader.u16()?;
        let torn = PacketError::Extension(kind);
        if !length.is_multiple_of(ALIGNMENT) {
            return Err(torn);
        }
        let data_bytes = length.checked_sub(PREFIX_BYTES).ok_or(torn)?;
        let data = reader.bytes(data_bytes).map_err(|_| torn)?;
        Extension::from_data(kind, data).ok_or(torn)
    }

    fn from_data(kind: u16, data: &'a [u8]) -> Option<Extension<'a>> {
        let mut reader = Reader(data);
        Some(match kind {
            HOSTNAME => Extension::Hostname(name(data, is_hostname_byte)?),
            HUMAN_NODENAME => Extension::HumanNodename(name(data, is_nodename_byte)?),
            FORGOTTEN => {
                Extension::Forgotten { id: reader.node_id().ok()?, ttl_s: reader.u64().ok()? }
            }
            SHARD_ID => Extension::ShardId(reader.node_id().ok()?),
            NODE_STATUS => match read_status(data)? {
                Some(status) => Extension::Status(status),
                None => Extension::Unknown { kind, data },
            },
            kind => Extension::Unknown { kind, data },
        })
    }

    /// Appends the extension's bytes.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let kind = match self {
            Extension::Hostname(_) => HOSTNAME,
            Extension::HumanNodename(_) => HUMAN_NODENAME,
            Extension::Forgotten { .. } => FORGOTTEN,
            Extension::ShardId(_) => SHARD_ID,
            Extension::Status(_) => NODE_STATUS,
            Extension::Unknown { kind, .. } => *kind,
        };
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(&[0; 2]);
        match self {
            Extension::Hostname(name) | Extension::HumanNodename(name) => {
                out.extend_from_slice(name.as_bytes());
                out.push(0);
            }
            Extension::Forgotten { id, ttl_s } => {
                out.extend_from_slice(id.as_bytes());
                out.extend_from_slice(&ttl_s.to_be_bytes());
            }
            Extension::ShardId(id) => out.extend_from_slice(id.as_bytes()),
            Extension::Status(status) => write_status(status, out),
            Extension::Unknown { data, .. } => out.extend_from_slice(data),
        }
        let padded = (out.len() - start).next_multiple_of(ALIGNMENT);
        out.resize(start + padded, 0);
        packet::patch_u32(out, start, padded as u32);
    }
}

/// The extensions of a packet.
#[derive(Clone, Copy)]
pub struct Extensions<'a> {
    bytes: &'a [u8],
    count: u16,
}

impl<'a> Extensions<'a> {
    /// Checks that `count` extensions fill `bytes`.
    pub(super) fn read(bytes: &'a [u8], count: u16) -> Result<Extensions<'a>, PacketError> {
        let mut reader = Reader(bytes);
        for _ in 0..count {
            Extension::read(&mut reader)?;
        }
        if reader.0.is_empty() {
            Ok(Extensions { bytes, count })
        } else {
            Err(PacketError::Framing)
        }
    }

    /// The extensions, in the order of the packet.
    pub fn iter(self) -> impl Iterator<Item = Extension<'a>> {
        let mut reader = Reader(self.bytes);
        (0..self.count).map_while(move |_| Extension::read(&mut reader).ok())
    }
}

/// A NUL-terminated name whose bytes all pass.
fn name(data: &[u8], allowed: fn(u8) -> bool) -> Option<&str> {
    let name = text(data);
    let terminated = name.len() < data.len();
    let fits = name.len() <= NAME_BYTES_MAX && name.iter().all(|&byte| allowed(byte));
    if terminated && fits { std::str::from_utf8(name).ok() } else { None }
}

/// What a hostname may consist of.
pub(crate) fn is_hostname_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.'
}

/// What a human nodename may consist of: anything printable that `nodes.conf` does not use itself.
pub(crate) fn is_nodename_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"!#$%&()*+;<>?@[]^{|}~,=\"'\\`:/".contains(&byte)
}

/// `None` is a torn extension, `Some(None)` another version.
fn read_status(data: &[u8]) -> Option<Option<NodeStatus>> {
    let (&version, rest) = data.split_first()?;
    if version != NODE_STATUS_VERSION {
        return Some(None);
    }
    let config = bincode::config::standard().with_limit::<OWN_EXTENSION_BYTES_MAX>();
    let (status, used): (NodeStatus, usize) =
        bincode::serde::decode_from_slice(rest, config).ok()?;
    let padded = rest.get(used..)?.iter().all(|&byte| byte == 0);
    let zone_fits = status.availability_zone.len() <= ZONE_BYTES_MAX;
    (padded && zone_fits).then_some(Some(status))
}

fn write_status(status: &NodeStatus, out: &mut Vec<u8>) {
    let encoded = bincode::serde::encode_to_vec(status, bincode::config::standard())
        .expect("a string and a number always encode");
    out.push(NODE_STATUS_VERSION);
    out.extend_from_slice(&encoded);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(extension: &Extension<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        extension.write(&mut out);
        out
    }

    #[test]
    fn a_hostname_is_padded_with_its_nul() {
        assert_eq!(written(&Extension::Hostname("h")).len(), 16);
        assert_eq!(written(&Extension::Hostname("sevenby")).len(), 16);
        let eight = written(&Extension::Hostname("eightbyt"));
        assert_eq!(eight, b"\0\0\0\x18\0\0\0\0eightbyt\0\0\0\0\0\0\0\0");
    }

    #[test]
    fn every_extension_is_read_as_written() {
        let id = NodeId::parse(&[b'a'; 40]).unwrap();
        let status = NodeStatus { availability_zone: "eu-1a".into(), load_permille: 731 };
        let all = [
            Extension::Hostname("node-1.example"),
            Extension::HumanNodename("blue_one"),
            Extension::Forgotten { id, ttl_s: 60 },
            Extension::ShardId(id),
            Extension::Status(status),
            Extension::Unknown { kind: 4, data: b"01234567" },
        ];
        let mut bytes = Vec::new();
        all.iter().for_each(|extension| extension.write(&mut bytes));
        let read = Extensions::read(&bytes, all.len() as u16).unwrap();
        assert_eq!(read.iter().collect::<Vec<_>>(), all);
    }

    #[test]
    fn torn_extensions_are_refused() {
        for bytes in [
            &b"\0\0\0\x09\0\x09\0\0a"[..],
            b"\0\0\0\0\0\x09\0\0",
            b"\0\0\0\x18\0\x09\0\0abcdefgh",
            b"\0\0\0\x10\0\0\0\0eightbyt",
            b"\0\0\0\x10\0\0\0\0bad host",
            b"\0\0\0\x10\0\x03\0\0tooshort",
        ] {
            assert!(Extensions::read(bytes, 1).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn another_version_of_ours_is_skipped() {
        let mut bytes = written(&Extension::Status(NodeStatus::default()));
        bytes[PREFIX_BYTES] = 9;
        let read = Extensions::read(&bytes, 1).unwrap();
        assert!(matches!(read.iter().next(), Some(Extension::Unknown { kind: NODE_STATUS, .. })));
    }
}
