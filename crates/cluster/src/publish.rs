//! Messages to channels: sent to the nodes whose clients may listen, and handed to the shell when they come.
//!
//! The bus gives no promise: a message to a node that has no link is lost, as in Redis.

use crate::limits::PACKET_BYTES_MAX;
use crate::links::LinkId;
use crate::machine::{LogLevel, Machine, Now, Output};
use crate::nodes::MYSELF;
use crate::wire::{Body, Packet, PacketType, encode};

/// Room for the header of a packet and the lengths of what it carries, in bytes.
const HEADROOM_BYTES: usize = 4096;

impl Machine {
    /// Sends a message of our clients' to all nodes or, `sharded`, to those of this shard.
    pub fn publish(&mut self, now: Now, sharded: bool, channel: &[u8], message: &[u8]) {
        self.begin(now);
        if channel.len() + message.len() > PACKET_BYTES_MAX - HEADROOM_BYTES {
            self.log(LogLevel::Warning, || {
                "A published message is too long for the Cluster bus.".to_owned()
            });
        } else {
            self.spread(sharded, channel, message);
        }
        self.finish();
    }

    fn spread(&mut self, sharded: bool, channel: &[u8], message: &[u8]) {
        let (shard, id) = (self.nodes[MYSELF].shard, self.my_id());
        let links: Vec<LinkId> = self
            .nodes
            .iter()
            .filter(|(_, node)| !node.is_myself() && !node.in_handshake())
            .filter(|(_, node)| !sharded || node.shard == shard || node.replica_of == Some(id))
            .filter_map(|(_, node)| node.outbound)
            .collect();
        if links.is_empty() {
            return;
        }
        let body = Body::Publish { sharded, channel, message };
        let bytes = encode(&Packet { header: self.header(), body });
        let kind = if sharded { PacketType::PublishShard } else { PacketType::Publish };
        for link in links {
            self.send(link, kind, bytes.clone());
        }
    }

    /// A known node's message came.
    pub(crate) fn published(&mut self, sharded: bool, channel: &[u8], message: &[u8]) {
        self.output(Output::Deliver {
            sharded,
            channel: channel.to_vec(),
            message: message.to_vec(),
        });
    }
}
