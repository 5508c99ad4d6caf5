//! The simulated world: virtual time, nodes, and their faults; the network between them is [`wires`], what they
//! hold and who writes it [`data`].
//!
//! Everything that happens comes from one queue, ordered by time and by the order it was put in; every choice
//! comes from one seed. So the same seed gives the same run, and its trace the same hash.

pub(crate) mod data;
mod wires;

use crate::candidate::Candidate;
use crate::checker::{Checker, Observed, Violation};
#[cfg(doc)]
use crate::mutation::Mutation;
use crate::mutation::Wrong;
use crate::network::{ConnId, Connections, Reach, Weather};
use crate::queue::{Event, Queue};
use crate::trace::Trace;
use base::{Epoch, Monotonic, NodeId, Rng, UnixMillis};
use cluster::seal::{BusAuth, BusAuthMode, Secret};
use cluster::{ClusterState, Config, Input, LinkId, Machine, Now, Output};
use core::net::{IpAddr, Ipv4Addr};
use data::{Clients, Data, Found};
use std::collections::BTreeMap;
use std::time::Duration;

/// The client port of every node; the bus port is 10,000 above.
pub(crate) const PORT: u16 = 7000;

/// The wall clock at the start of a run, in Unix milliseconds.
const WALL_START_MS: i64 = 1_795_000_000_000;

/// A node's disk: what a crash leaves of `nodes.conf`.
#[derive(Clone, Default, Debug)]
struct Disk {
    synced: String,
    /// A later text was written, but not synced.
    unsynced: bool,
}

pub(crate) struct SimNode {
    pub(crate) machine: Option<Machine>,
    /// In the place of a machine: somebody else's replica.
    candidate: Option<Candidate>,
    pub(crate) id: NodeId,
    pub(crate) run: u32,
    /// How often its process was started.
    starts: u32,
    pub(crate) paused_until_us: u64,
    pub(crate) config: Config,
    disk: Disk,
    pub(crate) data: Data,
    /// The votes that have come, and the epoch in which it asks for more: for [`Mutation::VotesKept`].
    votes_heard: Vec<(LinkId, Vec<u8>)>,
    asks_votes: Option<u64>,
    links: BTreeMap<LinkId, (ConnId, usize)>,
    wall_offset_ms: i64,
    monotonic_offset_us: u64,
    pub(crate) bytes_sent: u64,
}

/// A whole run.
pub struct World {
    pub(crate) now_us: u64,
    queue: Queue,
    pub(crate) nodes: Vec<SimNode>,
    connections: Connections,
    pub(crate) reach: Reach,
    /// How messages fare now.
    pub weather: Weather,
    pub(crate) rng: Rng,
    pub(crate) trace: Trace,
    pub(crate) checker: Checker,
    /// The first invariant that broke.
    pub(crate) violation: Option<Violation>,
    /// Whether every step is checked; the run of a thousand nodes does without.
    checked: bool,
    pub(crate) mutation: Wrong,
    pub(crate) clients: Clients,
    /// How many acknowledged writes were lost where that may be.
    pub(crate) lost: u64,
    /// How many replication links there have been.
    sessions: u32,
    /// When the last thing on a replication link arrives, by sender and receiver.
    stream_ends: Vec<u64>,
    /// The nodes' log lines, when they are wanted.
    log: Option<Vec<String>>,
}

impl World {
    /// Fresh nodes, each alone, with a timeout between them.
    #[must_use]
    pub fn new(seed: u64, machines: usize, node_timeout: Duration, checked: bool) -> World {
        World::with_candidates(seed, machines, 0, node_timeout, (checked, Wrong::default()))
    }

    /// The same with replicas of another server's make, all of the first node.
    pub(crate) fn with_candidates(
        seed: u64,
        machines: usize,
        candidates: usize,
        node_timeout: Duration,
        (checked, mutation): (bool, Wrong),
    ) -> World {
        let mut rng = Rng::from_seed(seed);
        let count = machines + candidates;
        let mut world = World {
            now_us: 0,
            queue: Queue::default(),
            nodes: Vec::with_capacity(count),
            connections: Connections::default(),
            reach: Reach::new(count),
            weather: Weather::FAIR,
            rng: rng.fork(),
            trace: Trace::new(seed),
            checker: Checker::new(count),
            violation: None,
            checked,
            mutation,
            clients: Clients::default(),
            lost: 0,
            sessions: 0,
            stream_ends: vec![0; count * count],
            log: None,
        };
        for node in 0..count {
            let mut config = Config::for_port(PORT);
            config.node_timeout = node_timeout;
            // What is told wrongly would not pass a seal, and nothing else would be found.
            if checked && mutation.is_none() && !seed.is_multiple_of(2) {
                config.auth = World::seals(node, candidates);
            }
            // A cluster keeps the shape that a run is about.
            config.allow_replica_migration = false;
            let wall_offset_ms = rng.below(400) as i64 - 200;
            let monotonic_offset_us = rng.below(100_000_000);
            world.nodes.push(SimNode {
                machine: None,
                candidate: None,
                id: NodeId::random(&mut rng.clone()),
                run: 0,
                starts: 0,
                paused_until_us: 0,
                config: config.clone(),
                disk: Disk::default(),
                data: Data::default(),
                votes_heard: Vec::new(),
                asks_votes: None,
                links: BTreeMap::new(),
                wall_offset_ms,
                monotonic_offset_us,
                bytes_sent: 0,
            });
            if node < machines {
                let machine = Machine::new(config, rng.fork(), world.clock(node));
                world.nodes[node].id = machine.my_id();
                world.start(node, machine);
            } else {
                let primary = world.nodes[0].machine.as_ref().map(Machine::my_id);
                let primary = primary.expect("the first node is a machine");
                let peers = (0..machines).map(World::ip).collect();
                let candidate = Candidate::new(primary, peers, PORT, rng.fork());
                world.nodes[node].candidate = Some(candidate);
                world.schedule(rng.below(100_000), Event::Tick { node, run: 0 });
            }
        }
        world
    }

    /// What a node seals with, in every other run; those with replicas of others speak plainly to them.
    fn seals(node: usize, candidates: usize) -> BusAuth {
        let mode = if candidates > 0 { BusAuthMode::Optional } else { BusAuthMode::Required };
        let nonce_key = Secret::new(&node.to_be_bytes());
        BusAuth { mode, secrets: vec![Secret::new(b"the simulated secret")], nonce_key }
    }

    /// The time since the start of the run.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        Duration::from_micros(self.now_us)
    }

    /// The hash over everything that has happened.
    #[must_use]
    pub fn trace_hash(&self) -> u64 {
        self.trace.hash()
    }

    /// A node's address.
    pub(crate) fn ip(node: usize) -> IpAddr {
        let [.., high, low] = (node as u32 + 1).to_be_bytes();
        IpAddr::V4(Ipv4Addr::new(10, 0, high, low))
    }

    fn node_at(&self, ip: IpAddr) -> Option<usize> {
        let IpAddr::V4(ip) = ip else { return None };
        let [_, _, high, low] = ip.octets();
        let node = usize::from(high) << 8 | usize::from(low);
        node.checked_sub(1).filter(|node| *node < self.nodes.len())
    }

    /// A node's own clocks.
    pub(crate) fn clock(&self, node: usize) -> Now {
        let node = &self.nodes[node];
        let since = Duration::from_micros(self.now_us + node.monotonic_offset_us);
        let wall = WALL_START_MS + (self.now_us / 1000) as i64 + node.wall_offset_ms;
        if self.mutation.goes_by_wall_clock() {
            let since = Duration::from_millis((wall - WALL_START_MS + 100_000).unsigned_abs());
            return Now { monotonic: Monotonic::from_duration(since), wall: UnixMillis(wall) };
        }
        Now { monotonic: Monotonic::from_duration(since), wall: UnixMillis(wall) }
    }

    /// Sets a node's wall clock, as an administrator or NTP may.
    pub(crate) fn jump_clock(&mut self, node: usize, by_ms: i64) {
        self.nodes[node].wall_offset_ms += by_ms;
    }

    /// Runs until `until`, or until an invariant breaks.
    ///
    /// # Errors
    /// The first [`Violation`].
    pub fn run_until(&mut self, until: Duration) -> Result<(), Violation> {
        let until_us = until.as_micros() as u64;
        while let Some((at_us, event)) = self.queue.pop_until(until_us) {
            self.now_us = at_us;
            self.happen(event);
            if let Some(violation) = self.violation.take() {
                return Err(violation);
            }
        }
        self.now_us = until_us;
        Ok(())
    }

    fn schedule(&mut self, at_us: u64, event: Event) {
        self.queue.push(at_us, event);
    }

    fn happen(&mut self, event: Event) {
        if let Some(node) = self.subject(&event) {
            let resumes = self.nodes[node].paused_until_us;
            if resumes > self.now_us {
                return self.schedule(resumes, event);
            }
        }
        match event {
            Event::Tick { node, run } => self.tick(node, run),
            Event::Established { conn } => self.established(conn),
            Event::Refused { node, run, link } => {
                if self.nodes[node].run == run {
                    self.input(node, Input::Closed { link });
                }
            }
            Event::Arrived { conn, end, bytes } => self.arrived(conn, end, bytes),
            Event::Ended { conn, end } => self.ended(conn, end),
            Event::Client => self.client(),
            Event::Request { node, write, tries } => self.requested(node, write, tries),
            Event::Stream { from, to, session, what } => self.streamed(from, to, session, what),
            Event::Promoted { node, run } => self.promoted(node, run),
        }
    }

    /// Whose processor an event needs.
    fn subject(&self, event: &Event) -> Option<usize> {
        match event {
            Event::Tick { node, .. }
            | Event::Refused { node, .. }
            | Event::Request { node, .. }
            | Event::Promoted { node, .. } => Some(*node),
            Event::Stream { to, .. } => Some(*to),
            Event::Client => None,
            Event::Established { conn } => Some(self.connections.get(*conn)?.ends[0].node),
            Event::Arrived { conn, end, .. } | Event::Ended { conn, end } => {
                Some(self.connections.get(*conn)?.ends[*end].node)
            }
        }
    }

    fn tick(&mut self, node: usize, run: u32) {
        if self.nodes[node].run != run {
            return;
        }
        self.input(node, Input::Tick);
        self.tend_data(node);
        let jitter_us = self.rng.below(2_000);
        self.schedule(self.now_us + 100_000 + jitter_us, Event::Tick { node, run });
    }

    /// Gives an input to a node, if it is up, and carries out what it wants.
    fn input(&mut self, node: usize, input: Input<'_>) {
        let now = self.clock(node);
        self.report_data(node);
        let this = &mut self.nodes[node];
        match (&mut this.machine, &mut this.candidate) {
            (Some(machine), _) => machine.handle(now, input),
            (None, Some(candidate)) => candidate.handle(now, input),
            (None, None) => return,
        }
        self.settle(node);
    }

    fn poll_output(&mut self, node: usize) -> Option<Output> {
        let node = &mut self.nodes[node];
        match (&mut node.machine, &mut node.candidate) {
            (Some(machine), _) => machine.poll_output(),
            (None, candidate) => candidate.as_mut().and_then(Candidate::poll_output),
        }
    }

    /// Has an operator do something at a node, if it is up.
    pub(crate) fn operate<T>(
        &mut self,
        node: usize,
        order: impl FnOnce(&mut Machine, Now) -> T,
    ) -> Option<T> {
        let now = self.clock(node);
        self.report_data(node);
        let result = self.nodes[node].machine.as_mut().map(|machine| order(machine, now));
        self.trace.note(self.now_us, node, 1);
        self.settle(node);
        result
    }

    /// Carries out what a node wants, then looks at the invariants.
    fn settle(&mut self, node: usize) {
        while let Some(output) = self.poll_output(node) {
            match output {
                Output::Connect { link, ip, port } => self.connect(node, link, ip, port),
                Output::CloseLink { link } => self.close(node, link),
                Output::Send { link, bytes } => self.send(node, link, bytes),
                Output::SaveConfig { fsync } => self.save(node, fsync),
                Output::StateChanged(state) => {
                    self.trace.note(self.now_us, node, 2 + u64::from(state == ClusterState::Ok));
                }
                Output::Log(_, line) => self.log(node, &line),
                Output::Promote => self.order_promotion(node),
                Output::PauseWrites => {
                    self.nodes[node].data.writes_wait = true;
                    self.tell(node, Machine::writes_paused);
                }
                Output::ResumeWrites => {
                    self.nodes[node].data.writes_wait &= self.mutation.keeps_pause();
                }
                Output::Follow(leader) => {
                    if let Some(leader) = self.node_at(leader.ip) {
                        self.follow(node, leader);
                    }
                }
                Output::StandAlone => self.stand_alone(node),
                Output::Leased(lease) => self.lease(node, lease),
                // In runs with clients slots go with all that a node has.
                Output::ViewChanged | Output::DropKeysInSlot(_) | Output::Deliver { .. } => {}
            }
        }
        self.recount_votes(node);
        if self.checked {
            self.check(node);
        }
    }

    /// Tells a node that what it has put out was done.
    fn tell(&mut self, node: usize, what: impl FnOnce(&mut Machine, Now)) {
        let now = self.clock(node);
        self.report_data(node);
        if let Some(machine) = &mut self.nodes[node].machine {
            what(machine, now);
        }
    }

    fn check(&mut self, node: usize) {
        let Some(machine) = self.nodes[node].machine.as_ref() else { return };
        let observed = Observed {
            node,
            run: self.nodes[node].run,
            slots: machine.my_slots(),
            config_epoch: machine.config_epoch(),
            current_epoch: machine.current_epoch(),
            last_vote_epoch: machine.last_vote_epoch(),
            is_replica: machine.is_replica(),
            id: self.nodes[node].id,
        };
        let verdict = self.checker.observe(observed);
        self.note_verdict(verdict);
    }

    fn note_verdict(&mut self, verdict: Result<(), Violation>) {
        if let Err(violation) = verdict {
            self.violation.get_or_insert(violation);
        }
    }

    /// [`Mutation::VotesKept`]: what came for an earlier election counts in this one.
    fn recount_votes(&mut self, node: usize) {
        let Some(epoch) = self.nodes[node].asks_votes.take() else { return };
        for (link, vote) in self.nodes[node].votes_heard.clone() {
            self.input(node, Input::Packet { link, bytes: &Wrong::renewed(&vote, epoch) });
        }
    }

    fn listens(&self, node: usize) -> bool {
        self.nodes[node].machine.is_some() || self.nodes[node].candidate.is_some()
    }

    fn save(&mut self, node: usize, fsync: bool) {
        let node = &mut self.nodes[node];
        node.disk.unsynced = true;
        if fsync && let Some(machine) = &node.machine {
            node.disk =
                Disk { synced: self.mutation.written(machine.nodes_conf()), unsynced: false };
        }
    }

    fn start(&mut self, node: usize, machine: Machine) {
        self.nodes[node].run += 1;
        self.nodes[node].starts += 1;
        self.nodes[node].machine = Some(machine);
        self.trace.note(self.now_us, node, 4);
        self.settle(node);
        let run = self.nodes[node].run;
        let delay_us = self.rng.below(100_000);
        self.schedule(self.now_us + delay_us, Event::Tick { node, run });
    }

    /// Stops a node at once. What it had not synced survives by chance: a process dies more often than a
    /// machine does.
    pub(crate) fn crash(&mut self, node: usize) {
        let survives = self.rng.percent(50);
        let torn_at = self.rng.below(1000);
        let Some(machine) = self.nodes[node].machine.take() else { return };
        self.trace.note(self.now_us, node, 5);
        let crashed = &mut self.nodes[node];
        if crashed.disk.unsynced && survives {
            crashed.disk.synced = self.mutation.written(machine.nodes_conf());
        }
        if let Some(torn) = self.mutation.torn(&crashed.disk.synced, torn_at)
            && crashed.disk.unsynced
        {
            crashed.disk.synced = torn;
        }
        crashed.disk.unsynced = false;
        crashed.run += 1;
        crashed.paused_until_us = 0;
        for (conn, end) in std::mem::take(&mut crashed.links).into_values() {
            if let Some(connection) = self.connections.get_mut(conn) {
                connection.ends[end].open = false;
                self.tell_other_end(conn, end);
            }
        }
        self.lose_links(node);
    }

    /// Puts a `nodes.conf` on the disk of a node that does not run.
    pub(crate) fn place_config(&mut self, node: usize, text: String) {
        self.nodes[node].disk = Disk { synced: text, unsynced: false };
    }

    /// Starts a crashed node from its disk.
    pub(crate) fn restart(&mut self, node: usize, found: Found) {
        if self.listens(node) {
            return;
        }
        self.nodes[node].monotonic_offset_us = self.rng.below(100_000_000);
        let (config, rng) = (self.nodes[node].config.clone(), self.rng.fork());
        self.find_data(node, found);
        let now = self.clock(node);
        let loaded = Machine::from_nodes_conf(config, rng, now, &self.nodes[node].disk.synced);
        match loaded {
            Ok(Some(machine)) => {
                self.start(node, machine);
                if self.mutation.retakes() {
                    self.operate(node, |machine, now| machine.bump_epoch(now));
                }
            }
            Ok(None) => self.violation = Some(Violation(format!("node {node} lost its disk"))),
            Err(error) => self.violation = Some(Violation(format!("node {node}: {error}"))),
        }
    }

    /// Stops a node's processor for a while; what comes waits.
    pub(crate) fn pause(&mut self, node: usize, span: Duration) {
        self.nodes[node].paused_until_us = self.now_us + span.as_micros() as u64;
        self.trace.note(self.now_us, node, 6);
    }

    /// Breaks a connection of a node, if it has one.
    pub(crate) fn break_link(&mut self, node: usize) {
        let count = self.nodes[node].links.len() as u64;
        if count == 0 {
            return;
        }
        let nth = self.rng.below(count) as usize;
        let Some(&(conn, _)) = self.nodes[node].links.values().nth(nth) else { return };
        for end in 0..2 {
            let at_us = self.now_us + self.weather.latency(&mut self.rng);
            self.schedule(at_us, Event::Ended { conn, end });
        }
    }

    /// Keeps the nodes' log lines from now on.
    pub fn keep_log(&mut self) {
        self.log = Some(Vec::new());
    }

    /// The log lines kept so far, and what each node knows in the end.
    #[must_use]
    pub fn chronicle(&self) -> Vec<String> {
        let mut lines = self.log.clone().unwrap_or_default();
        for (index, node) in self.nodes.iter().enumerate() {
            if let Some(machine) = &node.machine {
                lines.push(format!(
                    "node {index} {}\n{}",
                    machine.state(),
                    machine.cluster_nodes()
                ));
            }
        }
        lines
    }

    /// Says what is done to a node.
    pub(crate) fn mark(&mut self, node: usize, line: impl FnOnce() -> String) {
        if self.log.is_some() {
            self.log(node, &line());
        }
    }

    pub(crate) fn log(&mut self, node: usize, line: &str) {
        let at_s = self.elapsed().as_secs_f64();
        if let Some(log) = &mut self.log {
            log.push(format!("{at_s:.3} node {node}: {line}"));
        }
    }

    /// Has the replicas ask for votes from now on, or stop.
    pub(crate) fn let_candidates_ask(&mut self, asks: bool) {
        self.nodes
            .iter_mut()
            .filter_map(|node| node.candidate.as_mut())
            .for_each(|candidate| candidate.ask(asks));
    }

    /// Whether a node runs.
    pub(crate) fn is_up(&self, node: usize) -> bool {
        self.nodes[node].machine.is_some()
    }

    /// The greatest epoch that any running node has seen.
    pub(crate) fn greatest_epoch(&self) -> Epoch {
        let machines = self.nodes.iter().filter_map(|node| node.machine.as_ref());
        machines.map(Machine::current_epoch).max().unwrap_or_default()
    }

    /// Whether the nodes that run agree on who is in the cluster and has what.
    pub(crate) fn survivors_agree(&self) -> bool {
        let machines = self.nodes.iter().filter_map(|node| node.machine.as_ref());
        let mut views = machines.map(Machine::agreement);
        views.next().is_none_or(|first| views.all(|view| view == first))
    }

    /// Why the nodes do not agree on one healthy cluster of all of them; `None` when they do.
    #[must_use]
    pub fn disagreement(&self) -> Option<String> {
        let mut first = None;
        let mut epochs: Vec<(Epoch, usize)> = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            if node.candidate.is_some() {
                continue;
            }
            let Some(machine) = &node.machine else { return Some(format!("node {index} is down")) };
            if machine.state() != ClusterState::Ok {
                return Some(format!("node {index} sees the cluster failing"));
            }
            if machine.known_nodes() != self.nodes.len() {
                return Some(format!("node {index} knows {} nodes", machine.known_nodes()));
            }
            let agreement = machine.agreement();
            if *first.get_or_insert(agreement) != agreement {
                return Some(format!("node {index} has another view than node 0"));
            }
            if machine.is_replica() {
                continue;
            }
            let epoch = machine.config_epoch();
            if let Some((_, other)) = epochs.iter().find(|(taken, _)| *taken == epoch) {
                return Some(format!("nodes {other} and {index} share config epoch {epoch}"));
            }
            epochs.push((epoch, index));
        }
        None
    }
}
