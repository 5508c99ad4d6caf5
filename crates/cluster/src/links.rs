//! The links of the bus: two for every pair of nodes, each opened by one of them.
//!
//! A node sends its own messages on the link that it opened (*outbound*); on a link that was accepted
//! (*inbound*) it sends nothing but PONG.

use crate::nodes::NodeIndex;
use crate::seal::Seal;
use base::Monotonic;
use core::net::IpAddr;
use std::collections::BTreeMap;

/// Names a link towards the shell. Never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LinkId(pub u64);

/// Who opened a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// We did (`to` in CLUSTER LINKS).
    Outbound,
    /// The peer did (`from`).
    Inbound,
}

#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) direction: Direction,
    /// An outbound link has a node for all its life, an inbound one from its first packet on.
    pub(crate) node: Option<NodeIndex>,
    pub(crate) connected: bool,
    pub(crate) created_at: Monotonic,
    /// The other end's address, for an inbound link.
    pub(crate) peer: Option<IpAddr>,
    /// Our own address on this link.
    pub(crate) local: Option<IpAddr>,
    /// The peer's packets on this link say that it knows extensions.
    pub(crate) extensions: bool,
    pub(crate) seal: Seal,
    /// How many PINGs have come on it, up to the few that matter.
    pub(crate) pings: u8,
    /// A full header went over it after the peer had shown that it knows us: it knows whose link this is.
    pub(crate) introduced: bool,
}

/// All open links.
#[derive(Clone, Debug, Default)]
pub(crate) struct LinkTable {
    links: BTreeMap<LinkId, Link>,
    next: u64,
    unidentified: usize,
    inbound: usize,
}

impl LinkTable {
    pub(crate) fn open(&mut self, link: Link) -> LinkId {
        self.next += 1;
        let id = LinkId(self.next);
        if link.direction == Direction::Inbound {
            self.inbound += 1;
            self.unidentified += 1;
        }
        self.links.insert(id, link);
        id
    }

    pub(crate) fn close(&mut self, id: LinkId) -> Option<Link> {
        let link = self.links.remove(&id)?;
        if link.direction == Direction::Inbound {
            self.inbound -= 1;
            self.unidentified -= usize::from(link.node.is_none());
        }
        Some(link)
    }

    /// Binds an inbound link to the node whose packet came on it.
    pub(crate) fn identify(&mut self, id: LinkId, node: NodeIndex) {
        if let Some(link) = self.links.get_mut(&id)
            && link.node.is_none()
        {
            link.node = Some(node);
            self.unidentified -= usize::from(link.direction == Direction::Inbound);
        }
    }

    pub(crate) fn get(&self, id: LinkId) -> Option<&Link> {
        self.links.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        self.links.get_mut(&id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (LinkId, &Link)> {
        self.links.iter().map(|(id, link)| (*id, link))
    }

    pub(crate) fn inbound(&self) -> usize {
        self.inbound
    }

    pub(crate) fn unidentified(&self) -> usize {
        self.unidentified
    }

    /// The inbound link that has been open longest without showing whose it is.
    pub(crate) fn oldest_unidentified(&self) -> Option<LinkId> {
        let unidentified =
            |link: &Link| link.direction == Direction::Inbound && link.node.is_none();
        self.links.iter().find(|(_, link)| unidentified(link)).map(|(id, _)| *id)
    }
}
