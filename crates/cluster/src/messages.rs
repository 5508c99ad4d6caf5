//! What each received packet does.
//!
//! A packet of a sender that we do not know changes nothing, with two exceptions: MEET, and the first PONG of
//! a handshake. A packet that claims another sender than its link has shown before changes nothing either.

use crate::links::{Direction, LinkId};
use crate::machine::Machine;
use crate::nodes::{MYSELF, NodeIndex};
use crate::publish::publish_type;
use crate::wire::{
    Body, Header, Heartbeat, Light, MessageFlags, NodeFlags, Packet, PacketError, PacketType,
    decode, decode_light, is_light,
};
use base::{NodeId, Slot};

impl Machine {
    /// One packet came on a link.
    pub(crate) fn packet(&mut self, link: LinkId, bytes: &[u8]) {
        if self.links.get(link).is_none() {
            return;
        }
        self.counters.bytes_received += bytes.len() as u64;
        let Some(bytes) = self.admitted(link, bytes) else { return };
        if is_light(bytes) {
            return self.light_packet(link, bytes);
        }
        match decode(bytes) {
            Ok(packet) if self.is_heard(link, packet.header.sender) => {
                self.decoded(link, &packet, bytes.len());
            }
            Ok(_) => {}
            // The protocol's own rule: other versions are none of our business, and no fault.
            Err(PacketError::Version(_)) => {}
            Err(error) => {
                self.malformed_packet(&format!("Malformed packet on the Cluster bus: {error}"));
            }
        }
    }

    fn decoded(&mut self, link_id: LinkId, packet: &Packet<'_>, packet_bytes: usize) {
        let header = &packet.header;
        // A later version may have more types; they are no fault, and not worth a line each.
        let Some(kind) = packet.packet_type() else { return };
        self.counters.received(kind);
        let Some(link) = self.links.get(link_id) else { return };
        let direction = link.direction;
        let bound = link.node.filter(|&index| !self.nodes[index].in_handshake());
        if let Some(index) = bound
            && self.nodes[index].id != header.sender
        {
            match (direction, kind) {
                (Direction::Outbound, PacketType::Pong) => {
                    self.is_somebody_else(index, header.sender);
                }
                _ => self.malformed_packet("Packet with a foreign sender id on the Cluster bus."),
            }
            return;
        }
        let sender = self
            .nodes
            .find(&header.sender)
            .filter(|&index| index != MYSELF && !self.nodes[index].in_handshake());
        if let Some(sender) = sender {
            self.heard_from(sender, link_id, direction, header);
        }
        match packet.body {
            Body::Ping(body) | Body::Pong(body) | Body::Meet(body) => {
                self.heartbeat_received(link_id, sender, kind, header, body);
            }
            Body::Fail(id) => self.fail_packet(sender, header.sender, id),
            Body::AuthRequest => {
                if let Some(sender) = sender {
                    self.vote_requested(sender, header);
                }
            }
            Body::Update { config_epoch, owner, slots } => {
                if let (Some(_), Some(owner)) = (sender, self.nodes.find(&owner)) {
                    self.update_received(owner, config_epoch, slots);
                }
            }
            Body::Publish { sharded, channel, message } => {
                if sender.is_some() {
                    self.published(sharded, channel, message, packet_bytes);
                }
            }
            Body::AuthAck => {
                if let Some(sender) = sender {
                    self.vote_received(sender, header);
                }
            }
            Body::ManualFailoverStart => {
                if let Some(sender) = sender {
                    self.asked_to_yield(sender);
                }
            }
            Body::Module { .. } => self.counters.module_bytes_received += packet_bytes as u64,
            Body::Unknown { .. } => {}
        }
    }

    /// A packet whose sender is the link's node, which has shown itself with a full header before.
    fn light_packet(&mut self, link_id: LinkId, bytes: &[u8]) {
        let node = self.links.get(link_id).and_then(|link| link.node);
        let Some(sender) = node.filter(|&index| !self.nodes[index].in_handshake()) else {
            self.malformed_packet("Light packet of an unknown node on the Cluster bus.");
            return self.close_link(link_id);
        };
        let (id, now) = (self.nodes[sender].id, self.now.monotonic);
        match decode_light(bytes) {
            Ok(light) if self.is_heard(link_id, id) => {
                self.nodes[sender].data_received = Some(now);
                match light {
                    Light::Publish { sharded, channel, message } => {
                        self.counters.received(publish_type(sharded));
                        self.published(sharded, channel, message, bytes.len());
                    }
                    Light::Module => {
                        self.counters.received(PacketType::Module);
                        self.counters.module_bytes_received += bytes.len() as u64;
                    }
                }
            }
            Ok(_) | Err(PacketError::Version(_)) => {}
            Err(error) => {
                self.malformed_packet(&format!("Malformed packet on the Cluster bus: {error}"))
            }
        }
    }

    /// What any packet of a known node tells.
    fn heard_from(
        &mut self,
        sender: NodeIndex,
        link_id: LinkId,
        direction: Direction,
        header: &Header<'_>,
    ) {
        let now = self.now.monotonic;
        if direction == Direction::Inbound {
            self.identify_link(link_id, sender);
        }
        let node = &mut self.nodes[sender];
        node.data_received = Some(now);
        node.offset = header.offset;
        node.redstart = header.message_flags.from_redstart();
        node.flags.set(NodeFlags::LIGHT_PUBLISH, header.flags.has(NodeFlags::LIGHT_PUBLISH));
        node.says_ok = header.state == 0;
        node.knows_shard_ids |= header.flags.has(NodeFlags::EXTENSIONS);
        if header.message_flags.has(MessageFlags::EXTENSIONS) {
            node.flags |= NodeFlags::EXTENSIONS;
            if let Some(link) = self.links.get_mut(link_id) {
                link.extensions = true;
            }
        }
        self.heard_of_seals(sender, link_id, header.message_flags);
        self.current_epoch_seen(header.current_epoch);
        self.note_stop(sender, header);
        self.note_giving_way(sender, header);
    }

    fn heartbeat_received(
        &mut self,
        link_id: LinkId,
        sender: Option<NodeIndex>,
        kind: PacketType,
        header: &Header<'_>,
        body: Heartbeat<'_>,
    ) {
        if kind != PacketType::Pong {
            if kind == PacketType::Meet || self.nodes[MYSELF].address.ip.is_none() {
                self.learn_own_address(link_id);
            }
            if sender.is_none() && kind == PacketType::Meet && header.sender != self.my_id() {
                self.met(link_id, header);
            }
            self.heartbeat(link_id, PacketType::Pong);
        }
        let Some(link) = self.links.get(link_id) else { return };
        let outbound = link.direction == Direction::Outbound;
        let sender = match link.node.filter(|_| outbound) {
            Some(index) if self.nodes[index].in_handshake() => {
                if !self.introduced_itself(index, header) {
                    return;
                }
                self.heard_from(index, link_id, Direction::Outbound, header);
                index
            }
            _ => match sender {
                Some(sender) => sender,
                None => return,
            },
        };
        let nofailover = header.flags.has(NodeFlags::NOFAILOVER);
        self.nodes[sender].flags.set(NodeFlags::NOFAILOVER, nofailover);
        self.nodes[sender].flags.clear(NodeFlags::MEET);
        if kind == PacketType::Ping {
            self.pinged_on(link_id);
            self.refresh_address(sender, link_id, header);
        }
        if outbound && kind == PacketType::Pong {
            self.answered(sender);
        }
        if !self.follow_role(sender, header) {
            return;
        }
        self.follow_claims(sender, header);
        self.reattach();
        self.settle_collision(sender, header.config_epoch);
        self.gossip_received(sender, body.gossip);
        self.extensions_received(sender, body.extensions);
        self.rejoin_shard(sender);
    }

    /// A sender is primary or replica as its header says. Returns false for a packet that was sent before a
    /// failover we know of.
    fn follow_role(&mut self, sender: NodeIndex, header: &Header<'_>) -> bool {
        let Some(primary_id) = header.replica_of else {
            self.set_primary(sender);
            return true;
        };
        let primary = self.nodes.find(&primary_id);
        if self.nodes[sender].is_primary() {
            if let Some(primary) = primary
                && self.nodes[primary].shard == self.nodes[sender].shard
                && primary != MYSELF
            {
                if header.config_epoch < self.nodes[primary].config_epoch {
                    return false;
                }
                self.hand_over(sender, primary);
            }
            self.unbind_all(sender);
        }
        let node = &mut self.nodes[sender];
        if !node.is_replica() || node.replica_of != Some(primary_id) {
            node.flags.clear(NodeFlags::PRIMARY | NodeFlags::MIGRATE_TO);
            node.flags |= NodeFlags::REPLICA;
            node.replica_of = Some(primary_id);
            if let Some(primary) = primary {
                // It has had a replica, and may have one again.
                self.nodes[primary].flags |= NodeFlags::MIGRATE_TO;
            }
            if primary == Some(MYSELF) {
                // After a restart it is asked whether it has more than this node: it must not be forgotten.
                self.save(true);
            }
            self.changed();
        }
        true
    }

    /// A primary says that it is a replica of another in its shard now: that one won an election, and its
    /// own word of it is on the way. Until then its slots must not be nobody's.
    fn hand_over(&mut self, from: NodeIndex, to: NodeIndex) {
        self.set_primary(to);
        if self.nodes[from].slot_count > 0 {
            Slot::all()
                .filter(|&slot| self.slots.owner(slot) == Some(from))
                .collect::<Vec<Slot>>()
                .into_iter()
                .for_each(|slot| self.bind_slot(slot, Some(to)));
            self.changed();
        }
    }

    pub(crate) fn set_primary(&mut self, index: NodeIndex) {
        let node = &mut self.nodes[index];
        if node.is_primary() {
            return;
        }
        node.flags.clear(NodeFlags::REPLICA);
        node.flags |= NodeFlags::PRIMARY | NodeFlags::MIGRATE_TO;
        node.replica_of = None;
        self.changed();
    }

    fn follow_claims(&mut self, sender: NodeIndex, header: &Header<'_>) {
        let claimant = match header.replica_of {
            None => {
                self.config_epoch_seen(sender, header.config_epoch);
                sender
            }
            Some(primary) => match self.nodes.find(&primary) {
                Some(primary) => primary,
                None => return,
            },
        };
        if self.claim_is_known(claimant, header.slots) {
            return;
        }
        if claimant == sender {
            self.claim_slots(sender, header.config_epoch, header.slots);
        }
        self.correct_claim(sender, claimant, header);
    }

    fn fail_packet(&mut self, sender: Option<NodeIndex>, sender_id: NodeId, subject: NodeId) {
        match (sender, self.nodes.find(&subject)) {
            (Some(sender), Some(subject)) => self.fail_received(sender, subject),
            (Some(_), None) => {}
            (None, _) => self.malformed_packet(&format!(
                "Ignoring FAIL message from unknown node {sender_id} about {subject}"
            )),
        }
    }
}
