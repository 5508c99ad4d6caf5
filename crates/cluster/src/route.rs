//! Where a request goes: the immutable picture of who owns what, and the decision that rests on it.

use crate::bitmap::SlotBitmap;
use crate::config::PreferredEndpoint;
use crate::machine::Machine;
use crate::nodes::MYSELF;
use crate::slots::NO_OWNER;
use base::{NodeId, SLOT_COUNT, Slot};
use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};
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

/// A request, as far as where it goes depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// The slots of its keys.
    pub slots: KeySlots,
    /// What it does there.
    pub access: Access,
    /// Whether the client was told to ask here (ASKING), or the command comes from the node that a slot is leaving.
    pub asks: bool,
    /// Whether it moves keys itself (MIGRATE), at either end of an open slot.
    pub migrates: bool,
    /// Whether the client's connection uses TLS.
    pub tls: bool,
}

/// Which keys of a request are there; the default where that is not known.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Presence {
    /// At least one is.
    pub existing: bool,
    /// At least one is not.
    pub missing: bool,
    /// They are not all the same key.
    pub several: bool,
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
    /// Some keys of an open slot are here and some are not.
    TryAgain,
    /// Another node has it.
    Elsewhere(Redirection<'a>),
}

/// Where a client is sent instead.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Redirection<'a> {
    /// Whether only this request goes there, for the slot's keys are leaving; else the slot is that node's.
    pub only_now: bool,
    /// The slot.
    pub slot: Slot,
    /// The node.
    pub node: &'a Endpoint,
    /// How to name it.
    pub preferred: PreferredEndpoint,
    /// Whether the client uses TLS.
    pub tls: bool,
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
            Refusal::TryAgain => {
                f.write_str("TRYAGAIN Multiple keys request during rehashing of slot")
            }
            Refusal::Elsewhere(redirection) => redirection.fmt(f),
        }
    }
}

impl fmt::Display for Redirection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Redirection { only_now, slot, node, preferred, tls } = *self;
        let (word, port) =
            (if only_now { "ASK" } else { "MOVED" }, if tls { node.tls_port } else { node.port });
        write!(f, "{word} {slot} ")?;
        match (preferred, node.ip, &node.hostname) {
            (PreferredEndpoint::Ip, Some(ip), _) => write!(f, "{ip}")?,
            (PreferredEndpoint::Hostname, _, Some(name)) => f.write_str(name)?,
            (PreferredEndpoint::Hostname, _, None) => f.write_str("?")?,
            (PreferredEndpoint::Ip, None, _) | (PreferredEndpoint::Unknown, _, _) => {}
        }
        write!(f, ":{port}")
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
    /// Where the keys of a slot go.
    migrating: BTreeMap<Slot, u16>,
    importing: BTreeSet<Slot>,
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
            migrating: BTreeMap::new(),
            importing: BTreeSet::new(),
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

    /// Whether the primary that this node is a replica of owns the slot.
    #[must_use]
    pub fn is_followed(&self, slot: Slot) -> bool {
        self.followed.bits().contains(slot)
    }

    /// Whether the cluster's state is ok.
    #[inline]
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.ok
    }

    /// Whether this node serves every request of the slot: nothing about it has to be asked.
    #[must_use]
    pub fn serves_whole(&self, slot: Slot) -> bool {
        self.ok && self.is_mine(slot) && !self.migrating.contains_key(&slot)
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

    /// Decides whether this node serves a request. `presence` tells which of its keys are there; it is asked only where the slot
    /// is open, and what it says has to hold until the request has run.
    ///
    /// # Errors
    /// The [`Refusal`] that the client gets.
    #[inline]
    pub fn route(
        &self,
        request: Request,
        presence: impl FnOnce() -> Presence,
    ) -> Result<(), Refusal<'_>> {
        match request.slots {
            KeySlots::None => Ok(()),
            KeySlots::One(slot) if self.serves_whole(slot) => Ok(()),
            KeySlots::One(slot) => self.refuse(slot, request, presence),
            KeySlots::Several => Err(Refusal::CrossSlot),
        }
    }

    #[cold]
    fn refuse(
        &self,
        slot: Slot,
        request: Request,
        presence: impl FnOnce() -> Presence,
    ) -> Result<(), Refusal<'_>> {
        let owner = self.owner(slot).ok_or(Refusal::SlotUnserved)?;
        if !self.ok {
            match request.access {
                Access::ShardChannel if self.shard_channels_when_down => {}
                Access::ShardChannel => return Err(Refusal::Down),
                _ if !self.reads_when_down => return Err(Refusal::Down),
                Access::Write => return Err(Refusal::DownForWrites),
                Access::Read | Access::ReadReplica => {}
            }
        }
        let is_mine = self.is_mine(slot);
        let target = self.migrating.get(&slot).filter(|_| is_mine);
        let is_importing = self.importing.contains(&slot);
        let is_open = target.is_some() || is_importing;
        if request.migrates && is_open {
            return Ok(());
        }
        let elsewhere = |node, only_now| {
            let Request { tls, .. } = request;
            let preferred = self.preferred;
            Refusal::Elsewhere(Redirection { only_now, slot, node, preferred, tls })
        };
        let has_keys = request.access != Access::ShardChannel;
        let presence = if is_open && has_keys { presence() } else { Presence::default() };
        if let Some(&target) = target
            && presence.missing
        {
            let target = self.endpoints.get(usize::from(target)).and_then(Option::as_ref);
            return Err(match target {
                Some(target) if !presence.existing => elsewhere(target, true),
                Some(_) | None => Refusal::TryAgain,
            });
        }
        if is_importing && request.asks {
            let is_split = presence.several && presence.missing;
            return if is_split { Err(Refusal::TryAgain) } else { Ok(()) };
        }
        let at_replica = matches!(request.access, Access::ReadReplica | Access::ShardChannel);
        let is_followed = at_replica && self.is_followed(slot);
        if is_mine || is_followed { Ok(()) } else { Err(elsewhere(owner, false)) }
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
            migrating: self.slots.open.migrating().iter().map(|(&slot, to)| (slot, to.0)).collect(),
            importing: self.slots.open.importing().keys().copied().collect(),
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
        asked(view, Request { slots: keys, access, ..REQUEST }, Presence::default())
    }

    fn asked(view: &View, request: Request, presence: Presence) -> String {
        match view.route(request, || presence) {
            Ok(()) => "served".to_owned(),
            Err(refusal) => refusal.to_string(),
        }
    }

    const REQUEST: Request = Request {
        slots: KeySlots::None,
        access: Access::Read,
        asks: false,
        migrates: false,
        tls: false,
    };

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
        let request = Request { slots: one(13), tls: true, ..REQUEST };
        assert_eq!(asked(&view, request, Presence::default()), "MOVED 13 ::1:7100");
    }

    const HERE: Presence = Presence { existing: true, missing: false, several: false };
    const GONE: Presence = Presence { existing: false, missing: true, several: false };
    const SPLIT: Presence = Presence { existing: true, missing: true, several: true };
    const TRY_AGAIN: &str = "TRYAGAIN Multiple keys request during rehashing of slot";

    #[test]
    fn a_migrating_slot_serves_what_is_there_and_sends_on_for_what_is_not() {
        let mut view = view(true);
        view.migrating.insert(Slot::new(3).unwrap(), 1);
        assert!(!view.serves_whole(Slot::new(3).unwrap()) && view.serves_whole(Slot::FIRST));
        let of = |presence| asked(&view, Request { slots: one(3), ..REQUEST }, presence);
        assert_eq!(of(HERE), "served");
        assert_eq!(of(GONE), "ASK 3 10.0.0.2:7000");
        assert_eq!(of(SPLIT), TRY_AGAIN);
        assert_eq!(of(Presence::default()), "served", "what is not known is decided later");
        let migrate = Request { slots: one(3), migrates: true, ..REQUEST };
        assert_eq!(asked(&view, migrate, GONE), "served");
        let channel = Request { slots: one(3), access: Access::ShardChannel, ..REQUEST };
        assert_eq!(asked(&view, channel, GONE), "served", "a channel is no key");
    }

    #[test]
    fn an_importing_slot_serves_who_was_told_to_ask() {
        let mut view = view(true);
        view.importing.insert(Slot::new(13).unwrap());
        let told = Request { slots: one(13), asks: true, ..REQUEST };
        assert_eq!(asked(&view, told, GONE), "served");
        assert_eq!(asked(&view, told, SPLIT), TRY_AGAIN);
        assert_eq!(asked(&view, told, Presence { several: true, ..HERE }), "served");
        let untold = Request { asks: false, ..told };
        assert_eq!(asked(&view, untold, HERE), "MOVED 13 10.0.0.2:7000");
        let elsewhere = Request { slots: one(14), ..told };
        assert_eq!(asked(&view, elsewhere, HERE), "MOVED 14 10.0.0.2:7000");
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
