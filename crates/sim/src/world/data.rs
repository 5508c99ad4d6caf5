//! What a node's shell does beside the bus: the data, how replicas follow, and the clients that write.
//!
//! A node's data are its *log*: the writes it has executed, in order. A replica's is a prefix of its primary's,
//! brought by a stream through the same network: in order, late, and broken where a link or a node is. Who comes
//! to a primary with a log that is no prefix of the primary's gets the whole, and has none of it until it is
//! there. An offset counts the writes, from 1; a node whose data have no place in a stream has offset 0.

use super::World;
use crate::queue::Event;
use base::{Monotonic, Slot};
use cluster::{ClusterState, Lease, Machine};
use std::collections::{BTreeMap, VecDeque};

/// How often clients write, all together.
const WRITE_EVERY_US: u64 = 20_000;

/// How many nodes a client asks until it gives a write up.
const REDIRECTIONS: u32 = 4;

/// How long a transfer of a whole log takes at most.
const TRANSFER_US: u64 = 300_000;

/// A replica whose stream has not come asks for it again after this.
const ASK_EVERY_US: u64 = 1_000_000;

/// What is held by a network that is cut goes on after this, if it can.
const RETRY_US: u64 = 50_000;

/// Every so many ticks a primary says something, so that its replicas hear of it.
const TICKS_PER_SIGN: u64 = 10;

/// A write of a client, like no other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Write {
    pub(crate) id: u32,
    pub(crate) slot: Slot,
}

/// What goes through a replication link.
#[derive(Clone, Debug)]
pub(crate) enum Stream {
    /// A replica asks for what it lacks.
    Ask,
    /// What stands behind the first `at` writes; all of them, where the replica's data are to be thrown away.
    Writes { at: usize, writes: Vec<Write>, whole: bool },
    /// A replica has so many.
    Have(usize),
}

/// A replication link, as the primary sees it.
#[derive(Clone, Debug)]
struct Feed {
    session: u32,
    has: usize,
}

/// What a restarted node finds of its data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Found {
    /// All, and where in the stream they are.
    Kept,
    /// All, but not where in the stream they are: they come from an append-only file.
    Placeless,
    /// What was there some writes ago.
    Old,
    /// Nothing.
    Nothing,
}

/// A node's data and links.
#[derive(Clone, Default, Debug)]
pub(crate) struct Data {
    pub(crate) log: Vec<Write>,
    has_place: bool,
    /// The node that it follows, and the name of the link to it.
    pub(crate) leader: Option<usize>,
    session: u32,
    pub(crate) is_fed: bool,
    asked_us: u64,
    heard: Option<Monotonic>,
    feeds: BTreeMap<usize, Feed>,
    pub(crate) writes_wait: bool,
    pub(crate) is_promoting: bool,
    /// Until when it may acknowledge, where that is asked of it.
    pub(crate) lease: Option<Monotonic>,
    /// Executed, but not acknowledged.
    waiting: VecDeque<(usize, Write)>,
    ticks: u64,
}

/// The clients of a run.
#[derive(Clone, Default, Debug)]
pub(crate) struct Clients {
    /// One slot of each shard.
    pub(crate) slots: Vec<Slot>,
    /// How many replicas have to have a write before it is acknowledged.
    pub(crate) write_acks: usize,
    last_id: u32,
}

impl World {
    /// Has clients write from now on.
    pub(crate) fn let_clients_write(&mut self, slots: Vec<Slot>, write_acks: usize) {
        self.clients = Clients { slots, write_acks, last_id: 0 };
        self.schedule(self.now_us, Event::Client);
    }

    pub(super) fn client(&mut self) {
        self.clients.last_id += 1;
        let nth = self.rng.below(self.clients.slots.len() as u64) as usize;
        let write = Write { id: self.clients.last_id, slot: self.clients.slots[nth] };
        let node = self.rng.below(self.nodes.len() as u64) as usize;
        self.request(node, write, REDIRECTIONS);
        self.schedule(self.now_us + WRITE_EVERY_US, Event::Client);
    }

    fn request(&mut self, node: usize, write: Write, tries: u32) {
        let at_us = self.now_us + 100 + self.rng.below(400);
        self.schedule(at_us, Event::Request { node, write, tries });
    }

    /// A client's request reaches a node. Clients reach every node that runs, whatever nodes reach each other.
    pub(super) fn requested(&mut self, node: usize, write: Write, tries: u32) {
        let Some(machine) = &mut self.nodes[node].machine else { return };
        let view = machine.view();
        if !view.is_mine(write.slot) {
            let owner = view.owner(write.slot).and_then(|owner| owner.ip);
            if let (Some(owner), 1..) = (owner.and_then(|ip| self.node_at(ip)), tries) {
                self.request(owner, write, tries - 1);
            }
            return;
        }
        let data = &mut self.nodes[node].data;
        let follows = data.leader.is_some() || data.is_promoting;
        if !view.is_ok() || follows || data.writes_wait && !self.mutation.lets_paused_write() {
            return;
        }
        let at = data.log.len();
        data.log.push(write);
        data.waiting.push_back((at + 1, write));
        self.trace.note(self.now_us, node, u64::from(write.id) << 8 | 7);
        self.pass_on(node, at, vec![write]);
        self.acknowledge(node);
    }

    /// Acknowledges what may be.
    pub(super) fn acknowledge(&mut self, node: usize) {
        let now = self.clock(node).monotonic;
        let write_acks = self.clients.write_acks;
        let Some(machine) = &self.nodes[node].machine else { return };
        let epoch = machine.config_epoch();
        let has_lease = self.nodes[node].data.lease.is_none_or(|until| now < until);
        if write_acks > 0 && !has_lease {
            return;
        }
        loop {
            let data = &mut self.nodes[node].data;
            let Some(&(position, write)) = data.waiting.front() else { return };
            if data.feeds.values().filter(|feed| feed.has >= position).count() < write_acks {
                return;
            }
            data.waiting.pop_front();
            let verdict = self.checker.acknowledged(node, write, epoch);
            self.note_verdict(verdict);
        }
    }

    /// What the machine is to know of the data.
    pub(super) fn report_data(&mut self, node: usize) {
        let this = &self.nodes[node];
        let data = &this.data;
        let fed_by = data.leader.filter(|_| data.is_fed).map(|leader| self.nodes[leader].id);
        let told = cluster::Data {
            offset: if data.has_place { data.log.len() as u64 + 1 } else { 0 },
            has_keys: !data.log.is_empty(),
            fed_by,
            heard: data.heard,
        };
        let told = self.mutation.data(told, this.starts);
        if let Some(machine) = &mut self.nodes[node].machine {
            machine.report_data(told);
        }
    }

    /// The machine has said whom to follow.
    pub(super) fn follow(&mut self, node: usize, leader: usize) {
        let data = &mut self.nodes[node].data;
        data.is_promoting = false;
        if data.leader == Some(leader) {
            return;
        }
        data.leader = Some(leader);
        data.waiting.clear();
        self.break_feeds(node);
        self.ask(node);
    }

    /// The machine has said that the node is to follow nobody.
    pub(super) fn follow_nobody(&mut self, node: usize) {
        let data = &mut self.nodes[node].data;
        data.leader = None;
        data.is_fed = false;
        data.session = 0;
        data.is_promoting = false;
    }

    /// The same, and to have no data.
    pub(super) fn stand_alone(&mut self, node: usize) {
        self.follow_nobody(node);
        let data = &mut self.nodes[node].data;
        data.log.clear();
        data.has_place = false;
        self.break_feeds(node);
    }

    pub(super) fn order_promotion(&mut self, node: usize) {
        self.nodes[node].data.is_promoting = true;
        let run = self.nodes[node].run;
        let at_us = self.now_us + self.rng.below(5_000);
        self.schedule(at_us, Event::Promoted { node, run });
    }

    pub(super) fn promoted(&mut self, node: usize, run: u32) {
        if self.nodes[node].run != run || !self.nodes[node].data.is_promoting {
            return;
        }
        self.follow_nobody(node);
        self.nodes[node].data.has_place = true;
        self.tell(node, Machine::promoted);
        self.settle(node);
    }

    /// The node's replicas lose their links.
    fn break_feeds(&mut self, node: usize) {
        self.nodes[node].data.feeds.clear();
        for other in self.nodes.iter_mut().filter(|other| other.data.leader == Some(node)) {
            (other.data.is_fed, other.data.session) = (false, 0);
        }
    }

    /// Breaks a replica's link to its primary.
    pub(crate) fn break_stream(&mut self, node: usize) {
        let data = &mut self.nodes[node].data;
        (data.is_fed, data.session) = (false, 0);
        if let Some(leader) = self.nodes[node].data.leader {
            self.nodes[leader].data.feeds.remove(&node);
        }
    }

    fn ask(&mut self, node: usize) {
        self.sessions += 1;
        let session = self.sessions;
        let now_us = self.now_us;
        let data = &mut self.nodes[node].data;
        let Some(leader) = data.leader else { return };
        data.is_fed = false;
        data.session = session;
        data.asked_us = now_us;
        self.stream(node, leader, session, Stream::Ask);
    }

    /// Puts something on its way, behind what is under way already.
    fn stream(&mut self, from: usize, to: usize, session: u32, what: Stream) {
        let transfer_us = match &what {
            Stream::Writes { whole: true, .. } => self.rng.below(TRANSFER_US),
            Stream::Writes { .. } | Stream::Ask | Stream::Have(_) => 0,
        };
        let at_us = self.now_us + transfer_us + self.weather.latency(&mut self.rng);
        let last_us = &mut self.stream_ends[from * self.nodes.len() + to];
        *last_us = at_us.max(*last_us);
        let at_us = *last_us;
        self.schedule(at_us, Event::Stream { from, to, session, what });
    }

    pub(super) fn streamed(&mut self, from: usize, to: usize, session: u32, what: Stream) {
        if !self.reach.is_open(from, to) {
            let at_us = self.now_us + RETRY_US;
            return self.schedule(at_us, Event::Stream { from, to, session, what });
        }
        if self.nodes[to].machine.is_none() {
            return;
        }
        match what {
            Stream::Ask => self.asked(from, to, session),
            Stream::Writes { at, writes, whole } => {
                if self.nodes[to].data.leader == Some(from)
                    && self.nodes[to].data.session == session
                {
                    self.fed(to, (from, session), at, writes, whole);
                }
            }
            Stream::Have(has) => {
                let feed = self.nodes[to].data.feeds.get_mut(&from);
                if let Some(feed) = feed.filter(|feed| feed.session == session) {
                    feed.has = feed.has.max(has);
                    self.acknowledge(to);
                }
            }
        }
    }

    /// `replica` asks `node` for the stream.
    fn asked(&mut self, replica: usize, node: usize, session: u32) {
        let theirs = &self.nodes[replica].data;
        let data = &self.nodes[node].data;
        let is_stale = theirs.session != session || theirs.leader != Some(node);
        if is_stale || data.leader.is_some() && !data.is_fed || self.is_asking(node) {
            return;
        }
        let goes_on = theirs.has_place && data.has_place && data.log.starts_with(&theirs.log);
        let at = if goes_on { theirs.log.len() } else { 0 };
        let writes = data.log[at..].to_vec();
        let data = &mut self.nodes[node].data;
        data.has_place = true;
        data.feeds.insert(replica, Feed { session, has: 0 });
        self.stream(node, replica, session, Stream::Writes { at, writes, whole: !goes_on });
    }

    /// A primary that asks whether a replica has more gives nobody its data before it knows.
    fn is_asking(&self, node: usize) -> bool {
        self.nodes[node].machine.as_ref().is_some_and(Machine::is_asking)
    }

    fn fed(
        &mut self,
        node: usize,
        (from, session): (usize, u32),
        at: usize,
        writes: Vec<Write>,
        whole: bool,
    ) {
        let heard = self.clock(node).monotonic;
        let data = &mut self.nodes[node].data;
        if whole {
            data.log.clear();
        }
        let Some(known) = data.log.len().checked_sub(at) else { return self.ask(node) };
        let news: Vec<Write> = writes.into_iter().skip(known).collect();
        let from_position = data.log.len();
        data.log.extend_from_slice(&news);
        (data.has_place, data.is_fed, data.heard) = (true, true, Some(heard));
        let has = data.log.len();
        if whole {
            self.break_feeds(node);
        } else if !news.is_empty() {
            self.pass_on(node, from_position, news);
        }
        self.stream(node, from, session, Stream::Have(has));
    }

    /// Sends writes to all who follow.
    fn pass_on(&mut self, node: usize, at: usize, writes: Vec<Write>) {
        let feeds = self.nodes[node].data.feeds.iter();
        let feeds: Vec<(usize, u32)> = feeds.map(|(to, feed)| (*to, feed.session)).collect();
        for (to, session) in feeds {
            let writes = writes.clone();
            self.stream(node, to, session, Stream::Writes { at, writes, whole: false });
        }
    }

    /// What a shell does now and then.
    pub(super) fn tend_data(&mut self, node: usize) {
        let now_us = self.now_us;
        let data = &mut self.nodes[node].data;
        data.ticks += 1;
        let signs = data.ticks.is_multiple_of(TICKS_PER_SIGN);
        if data.leader.is_some() && !data.is_fed && now_us >= data.asked_us + ASK_EVERY_US {
            self.ask(node);
        }
        if signs && !self.nodes[node].data.feeds.is_empty() {
            let at = self.nodes[node].data.log.len();
            self.pass_on(node, at, Vec::new());
        }
        if !self.nodes[node].data.waiting.is_empty() {
            self.acknowledge(node);
        }
    }

    /// The process has ended: what is left are the data on disk.
    pub(super) fn lose_links(&mut self, node: usize) {
        self.break_feeds(node);
        if let Some(leader) = self.nodes[node].data.leader {
            self.nodes[leader].data.feeds.remove(&node);
        }
        let data = &mut self.nodes[node].data;
        *data = Data {
            log: std::mem::take(&mut data.log),
            has_place: data.has_place,
            ..Data::default()
        };
    }

    /// The process begins with what it finds.
    pub(super) fn find_data(&mut self, node: usize, found: Found) {
        let lost = 1 + self.rng.below(40) as usize;
        let data = &mut self.nodes[node].data;
        match found {
            Found::Kept => {}
            Found::Placeless => data.has_place = false,
            Found::Old => data.log.truncate(data.log.len().saturating_sub(lost)),
            Found::Nothing => {
                data.log.clear();
                data.has_place = false;
            }
        }
    }

    /// Takes over how long the node may acknowledge.
    pub(super) fn lease(&mut self, node: usize, lease: Lease) {
        self.nodes[node].data.lease = match lease {
            Lease::Free => None,
            Lease::Until(until) => Some(until),
        };
        self.acknowledge(node);
    }

    /// Who serves a slot to clients, of the nodes that run and stand not still.
    pub(crate) fn server_of(&self, slot: Slot) -> Option<usize> {
        (0..self.nodes.len()).find(|&node| {
            let this = &self.nodes[node];
            let data = &this.data;
            this.machine.as_ref().is_some_and(|machine| {
                machine.state() == ClusterState::Ok && machine.my_slots().contains(slot)
            }) && data.leader.is_none()
                && !data.writes_wait
                && this.paused_until_us <= self.now_us
        })
    }

    /// Which node has lost its place in the cluster, if one has: none serves nothing and follows nobody.
    pub(crate) fn out_of_shard(&self) -> Option<String> {
        let per_shard = self.nodes.len() / self.clients.slots.len().max(1);
        for (index, node) in self.nodes.iter().enumerate() {
            let Some(machine) = node.machine.as_ref().filter(|machine| !machine.is_replica())
            else {
                continue;
            };
            if machine.my_slots().iter().next().is_none() {
                return Some(format!("node {index} serves nothing and follows nobody"));
            }
            let follows = |other: &&super::SimNode| other.data.leader == Some(index);
            let replicas = self.nodes.iter().filter(follows).count();
            if !self.clients.slots.is_empty() && replicas + 1 != per_shard {
                return Some(format!("node {index} has {replicas} replicas"));
            }
        }
        None
    }

    /// A replica that is not in step with its primary, if there is one.
    pub(crate) fn out_of_step(&self) -> Option<String> {
        for (index, node) in self.nodes.iter().enumerate() {
            let Some(machine) = node.machine.as_ref().filter(|machine| machine.is_replica()) else {
                continue;
            };
            let leader = machine.leader().and_then(|leader| self.node_at(leader.ip));
            let Some(primary) = leader.filter(|leader| node.data.leader == Some(*leader)) else {
                return Some(format!("replica {index} does not follow whom it is to follow"));
            };
            if self.nodes[primary].machine.as_ref().is_none_or(Machine::is_replica) {
                return Some(format!("node {index} follows {primary}, which is no primary"));
            }
            if !node.data.is_fed || !self.nodes[primary].data.log.starts_with(&node.data.log) {
                return Some(format!("replica {index} is not in step with {primary}"));
            }
        }
        None
    }

    /// The acknowledged writes that the owners of their slots do not have.
    pub(crate) fn lost_writes(&self) -> Vec<Write> {
        let mut lost = Vec::new();
        for &slot in &self.clients.slots {
            let owner = self.server_of(slot);
            let log = owner.map_or(&[][..], |owner| &self.nodes[owner].data.log);
            let mut has: Vec<Write> = log.iter().filter(|one| one.slot == slot).copied().collect();
            has.sort_unstable();
            let acked = self.checker.acknowledged_writes().iter().filter(|one| one.slot == slot);
            lost.extend(acked.filter(|one| has.binary_search(one).is_err()));
        }
        lost
    }
}
