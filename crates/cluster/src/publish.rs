//! Messages to channels: sent to the nodes whose clients may listen, and handed to the shell when they come.
//!
//! The bus gives no promise: a message to a node that has no link is lost, as in Redis. Nodes that announce it get messages
//! with light headers, once a PONG on the link has shown that they know whose it is.

use crate::limits::PACKET_BYTES_MAX;
use crate::links::LinkId;
use crate::machine::{LogLevel, Machine, Now, Output};
use crate::nodes::MYSELF;
use crate::wire::{Body, NodeFlags, Packet, PacketType, encode, encode_light_publish};

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
        let takes_light = |link| self.links.get(link).is_some_and(|link| link.answered);
        let links: Vec<(LinkId, bool)> = self
            .nodes
            .iter()
            .filter(|(_, node)| !node.is_myself() && !node.in_handshake())
            .filter(|(_, node)| !sharded || node.shard == shard || node.replica_of == Some(id))
            .filter_map(|(_, node)| {
                let link = node.outbound?;
                Some((link, node.is(NodeFlags::LIGHT_PUBLISH) && takes_light(link)))
            })
            .collect();
        let kind = publish_type(sharded);
        let (mut light, mut full) = (None, None);
        for (link, takes_light) in links {
            let bytes: &Vec<u8> = if takes_light {
                light.get_or_insert_with(|| encode_light_publish(sharded, channel, message))
            } else {
                full.get_or_insert_with(|| {
                    let body = Body::Publish { sharded, channel, message };
                    encode(&Packet { header: self.header(), body })
                })
            };
            self.counters.pubsub_bytes_sent += bytes.len() as u64;
            self.send(link, kind, bytes.clone());
        }
    }

    /// A known node's message came, in a packet of so many bytes.
    pub(crate) fn published(
        &mut self,
        sharded: bool,
        channel: &[u8],
        message: &[u8],
        packet_bytes: usize,
    ) {
        self.counters.pubsub_bytes_received += packet_bytes as u64;
        self.output(Output::Deliver {
            sharded,
            channel: channel.to_vec(),
            message: message.to_vec(),
        });
    }
}

/// The type of packets that carry messages to channels.
pub(crate) fn publish_type(sharded: bool) -> PacketType {
    if sharded { PacketType::PublishShard } else { PacketType::Publish }
}
