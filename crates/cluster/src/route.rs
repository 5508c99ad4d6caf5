//! Where a request goes: the immutable picture of who owns what, and the decision that rests on it.

use crate::bitmap::SlotBitmap;
use crate::config::PreferredEndpoint;
use crate::machine::Machine;
use crate::nodes::MYSELF;
use crate::slots::NO_OWNER;
use base::{NodeId, SLOT_COUNT, Slot};
use core::net::IpAddr;
use std::fmt;

/// Where clients reach a node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    /// The node.
    pub id: NodeId,
    /// Its address; `None` when unknown.
    pub ip: Option<IpAddr>,
    /// Its port without TLS, 0 for none.
    pub port: u16,
    /// Its port with TLS, 0 for none.
    pub tls_port: u16,
    /// Its announced hostname.
    pub hostname: Option<Box<str>>,
}

/// The slots that a request's keys hash to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeySlots {
    /// It has no keys.
    None,
    /// All in one slot.
    One(Slot),
    /// In several.
    Several,
}

impl KeySlots {
    /// Takes in the slot of one more key.
    #[must_use]
    pub fn and(self, slot: Slot) -> KeySlots {
        match self {
            KeySlots::None => KeySlots::One(slot),
            KeySlots::One(first) if first == slot => self,
            KeySlots::One(_) | KeySlots::Several => KeySlots::Several,
        }
    }
}

/// What a request does with its slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Reads keys.
    Read,
    /// The same, on a connection that has said READONLY: a replica may do.
    ReadReplica,
    /// Writes keys, or is EXEC of a transaction that does.
    Write,
    /// Uses shard channels.
    ShardChannel,
}

/// What a client gets instead of being served; `Display` is the error reply from its code word on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal<'a> {
    /// The keys are in several slots.
    CrossSlot,
    /// Nobody owns the slot.
    SlotUnserved,
    /// The cluster's state is fail.
    Down,
    /// The cluster's state is fail, and only reads are allowed meanwhile.
    DownForWrites,
    /// Another node owns the slot.
    Moved {
        /// The slot.
        slot: Slot,
        /// Its owner.
        owner: &'a Endpoint,
        /// How to name the owner.
        preferred: PreferredEndpoint,
        /// Whether the client uses TLS.
        tls: bool,
    },
}

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Refusal::CrossSlot => {
                f.write_str("CROSSSLOT Keys in request don't hash to the same slot")
            }
            Refusal::SlotUnserved => f.write_str("CLUSTERDOWN Hash slot not served"),
            Refusal::Down => f.write_str("CLUSTERDOWN The cluster is down"),
            Refusal::DownForWrites => {
                f.write_str("CLUSTERDOWN The cluster is down and only accepts read commands")
            }
            Refusal::Moved { slot, owner, preferred, tls } => {
                let port = if tls { owner.tls_port } else { owner.port };
                write!(f, "MOVED {slot} ")?;
                match (preferred, owner.ip, &owner.hostname) {
                    (PreferredEndpoint::Ip, Some(ip), _) => write!(f, "{ip}")?,
                    (PreferredEndpoint::Hostname, _, Some(name)) => f.write_str(name)?,
                    (PreferredEndpoint::Hostname, _, None) => f.write_str("?")?,
                    (PreferredEndpoint::Ip, None, _) | (PreferredEndpoint::Unknown, _, _) => {}
                }
                write!(f, ":{port}")
            }
        }
    }
}

/// Who owns what at one moment. Never changes; a new one takes its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct View {
    owners: Box<[u16; SLOT_COUNT]>,
    mine: SlotBitmap,
    /// The slots of the primary that this node is a replica of.
    followed: SlotBitmap,
    /// By the index that `owners` holds; vacant places name nobody.
    endpoints: Vec<Option<Endpoint>>,
    ok: bool,
    reads_when_down: bool,
    shard_channels_when_down: bool,
    preferred: PreferredEndpoint,
}

impl View {
    /// Nobody owns anything.
    #[must_use]
    pub fn empty() -> View {
        View {
            owners: Box::new([NO_OWNER; SLOT_COUNT]),
            mine: SlotBitmap::new(),
            followed: SlotBitmap::new(),
            endpoints: Vec::new(),
            ok: false,
            reads_when_down: false,
            shard_channels_when_down: false,
            preferred: PreferredEndpoint::Ip,
        }
    }

    /// Whether this node owns the slot: one load.
    #[inline]
    #[must_use]
    pub fn is_mine(&self, slot: Slot) -> bool {
        self.mine.bits().contains(slot)
    }

    /// Whether the cluster's state is ok.
    #[inline]
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.ok
    }

    /// The owner's place among [`View::endpoints`].
    #[must_use]
    pub fn owner_index(&self, slot: Slot) -> Option<u16> {
        match self.owners[slot.index()] {
            NO_OWNER => None,
            index => Some(index),
        }
    }

    /// The owner of a slot.
    #[must_use]
    pub fn owner(&self, slot: Slot) -> Option<&Endpoint> {
        self.endpoints.get(usize::from(self.owner_index(slot)?))?.as_ref()
    }

    /// The nodes by index; a place may be vacant.
    #[must_use]
    pub fn endpoints(&self) -> &[Option<Endpoint>] {
        &self.endpoints
    }

    /// How redirections name nodes.
    #[must_use]
    pub fn preferred_endpoint(&self) -> PreferredEndpoint {
        self.preferred
    }

    /// Decides whether this node serves a request. `tls` is about the client's connection.
    ///
    /// Open slots (ASK, TRYAGAIN) will be decided between the owner's and the state's test.
    ///
    /// # Errors
    /// The [`Refusal`] that the client gets.
    #[inline]
    pub fn route(&self, keys: KeySlots, access: Access, tls: bool) -> Result<(), Refusal<'_>> {
        match keys {
            KeySlots::None => Ok(()),
            KeySlots::One(slot) if self.ok && self.is_mine(slot) => Ok(()),
            KeySlots::One(slot) => self.refuse(slot, access, tls),
            KeySlots::Several => Err(Refusal::CrossSlot),
        }
    }

    #[cold]
    fn refuse(&self, slot: Slot, access: Access, tls: bool) -> Result<(), Refusal<'_>> {
        let owner = self.owner(slot).ok_or(Refusal::SlotUnserved)?;
        if !self.ok {
            match access {
                Access::ShardChannel if self.shard_channels_when_down => {}
                Access::ShardChannel => return Err(Refusal::Down),
                _ if !self.reads_when_down => return Err(Refusal::Down),
                Access::Write => return Err(Refusal::DownForWrites),
                Access::Read | Access::ReadReplica => {}
            }
        }
        let at_replica = matches!(access, Access::ReadReplica | Access::ShardChannel);
        if self.is_mine(slot) || at_replica && self.followed.bits().contains(slot) {
            return Ok(());
        }
        Err(Refusal::Moved { slot, owner, preferred: self.preferred, tls })
    }
}

impl Machine {
    pub(crate) fn build_view(&self) -> View {
        let endpoints = (0..self.nodes.index_end())
            .map(|index| {
                let node = self.nodes.at(crate::nodes::NodeIndex(index))?;
                Some(Endpoint {
                    id: node.id,
                    ip: node.address.ip,
                    port: node.address.port,
                    tls_port: node.address.tls_port,
                    hostname: node.hostname.clone(),
                })
            })
            .collect();
        debug_assert_eq!(MYSELF.0, 0, "the first endpoint is this node's");
        View {
            owners: Box::new(*self.slots.owners()),
            mine: self.slots.mine().iter().collect(),
            followed: self.slots.followed().iter().collect(),
            endpoints,
            ok: self.is_ok(),
            reads_when_down: self.config.allow_reads_when_down,
            shard_channels_when_down: self.config.allow_pubsubshard_when_down,
            preferred: self.config.preferred_endpoint,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(byte: u8, ip: Option<&str>, hostname: Option<&str>) -> Endpoint {
        Endpoint {
            id: NodeId::parse(&[byte; 40]).unwrap(),
            ip: ip.map(|ip| ip.parse().unwrap()),
            port: 7000,
            tls_port: 7100,
            hostname: hostname.map(Into::into),
        }
    }

    /// Slots 0 to 9 are ours, 10 to 19 another's, the rest nobody's.
    fn view(ok: bool) -> View {
        let mut view = View::empty();
        view.endpoints = vec![
            Some(endpoint(b'a', Some("10.0.0.1"), None)),
            Some(endpoint(b'b', Some("10.0.0.2"), Some("two.example"))),
        ];
        for slot in Slot::all().take(20) {
            let owner = slot.number() / 10;
            view.owners[slot.index()] = owner;
            if owner == 0 {
                view.mine.insert(slot);
            }
        }
        view.ok = ok;
        view
    }

    fn routed(view: &View, keys: KeySlots, access: Access) -> String {
        match view.route(keys, access, false) {
            Ok(()) => "served".to_owned(),
            Err(refusal) => refusal.to_string(),
        }
    }

    fn one(slot: u16) -> KeySlots {
        KeySlots::One(Slot::new(slot).unwrap())
    }

    #[test]
    fn every_refusal_has_the_text_that_clients_parse() {
        let view = view(true);
        assert_eq!(routed(&view, KeySlots::None, Access::Write), "served");
        assert_eq!(routed(&view, one(3), Access::Write), "served");
        assert_eq!(routed(&view, one(13), Access::Read), "MOVED 13 10.0.0.2:7000");
        assert_eq!(routed(&view, one(23), Access::Read), "CLUSTERDOWN Hash slot not served");
        assert_eq!(
            routed(&view, KeySlots::Several, Access::Read),
            "CROSSSLOT Keys in request don't hash to the same slot"
        );
    }

    #[test]
    fn a_slot_without_owner_is_told_before_the_state_and_the_state_before_moved() {
        let mut view = view(false);
        assert_eq!(routed(&view, one(23), Access::Read), "CLUSTERDOWN Hash slot not served");
        assert_eq!(routed(&view, one(13), Access::Read), "CLUSTERDOWN The cluster is down");
        assert_eq!(routed(&view, one(3), Access::Read), "CLUSTERDOWN The cluster is down");
        view.reads_when_down = true;
        assert_eq!(routed(&view, one(3), Access::Read), "served");
        assert_eq!(
            routed(&view, one(3), Access::Write),
            "CLUSTERDOWN The cluster is down and only accepts read commands"
        );
        assert_eq!(routed(&view, one(3), Access::ShardChannel), "CLUSTERDOWN The cluster is down");
        view.shard_channels_when_down = true;
        assert_eq!(routed(&view, one(3), Access::ShardChannel), "served");
    }

    #[test]
    fn a_redirection_names_the_endpoint_that_is_preferred() {
        let mut view = view(true);
        view.preferred = PreferredEndpoint::Hostname;
        assert_eq!(routed(&view, one(13), Access::Read), "MOVED 13 two.example:7000");
        view.endpoints[1] = Some(endpoint(b'b', Some("::1"), None));
        assert_eq!(routed(&view, one(13), Access::Read), "MOVED 13 ?:7000");
        view.preferred = PreferredEndpoint::Unknown;
        assert_eq!(routed(&view, one(13), Access::Read), "MOVED 13 :7000");
        view.preferred = PreferredEndpoint::Ip;
        assert_eq!(routed(&view, one(13), Access::Read), "MOVED 13 ::1:7000");
        let refusal = view.route(one(13), Access::Read, true).unwrap_err();
        assert_eq!(refusal.to_string(), "MOVED 13 ::1:7100");
    }

    #[test]
    fn a_replica_serves_reads_of_connections_that_said_readonly_and_nothing_else() {
        let mut view = view(true);
        view.followed.insert(Slot::new(13).unwrap());
        assert_eq!(routed(&view, one(13), Access::ReadReplica), "served");
        assert_eq!(routed(&view, one(13), Access::ShardChannel), "served");
        assert_eq!(routed(&view, one(13), Access::Read), "MOVED 13 10.0.0.2:7000");
        assert_eq!(routed(&view, one(13), Access::Write), "MOVED 13 10.0.0.2:7000");
        assert_eq!(routed(&view, one(14), Access::ReadReplica), "MOVED 14 10.0.0.2:7000");
        view.ok = false;
        assert_eq!(routed(&view, one(13), Access::ReadReplica), "CLUSTERDOWN The cluster is down");
    }

    #[test]
    fn keys_of_one_slot_stay_one() {
        let slot = Slot::of_key(b"{user}1");
        let keys = KeySlots::None.and(slot).and(Slot::of_key(b"{user}2"));
        assert_eq!(keys, KeySlots::One(slot));
        assert_eq!(keys.and(Slot::of_key(b"other")), KeySlots::Several);
    }
}
