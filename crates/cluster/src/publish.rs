//! Messages to channels: sent to the nodes whose clients may listen, and handed to the shell when they come.
//!
//! The bus gives no promise: a message to a node that has no link is lost, as in Redis. Nodes that announce it get messages
//! with light headers, on links that they know to be ours.

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
        let takes_light = |link| self.links.get(link).is_some_and(|link| link.introduced);
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
        let (mut light, mut full, mut introduced) = (None, None, Vec::new());
        for (link, takes_light) in links {
            let bytes: &Vec<u8> = if takes_light {
                light.get_or_insert_with(|| encode_light_publish(sharded, channel, message))
            } else {
                full.get_or_insert_with(|| {
                    let body = Body::Publish { sharded, channel, message };
                    encode(&Packet { header: self.header(), body })
                })
            };
            if !takes_light {
                introduced.push(link);
            }
            self.counters.pubsub_bytes_sent += bytes.len() as u64;
            self.send(link, kind, bytes.clone());
        }
        introduced.into_iter().for_each(|link| self.introduced_on(link));
    }

    /// A node pings us on its link.
    pub(crate) fn pinged_on(&mut self, link_id: LinkId) {
        if let Some(link) = self.links.get_mut(link_id) {
            link.pings = link.pings.saturating_add(1);
        }
    }

    /// A full header went over a link of ours.
    ///
    /// BACKGROUND: a light packet does not tell who sends it. The receiver takes that from the first full header on the link of
    /// somebody it knows; a Valkey that gets a light one before that closes the link, and the message is lost. It answers PINGs
    /// of those whom it does not know, too, so a PONG says nothing.
    ///
    /// BEHAVIOR: a node that pings us a second time on its link has had our first answer, and with it our id. A full header after
    /// that introduces our own link, and light ones may follow it.
    pub(crate) fn introduced_on(&mut self, link_id: LinkId) {
        let Some(link) = self.links.get(link_id) else { return };
        let theirs = link.node.and_then(|index| self.links.get(self.nodes[index].inbound?));
        let knows_us = theirs.is_some_and(|link| link.pings >= 2);
        if knows_us && let Some(link) = self.links.get_mut(link_id) {
            link.introduced = true;
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
