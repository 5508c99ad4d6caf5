//! A few machines on a perfect network in virtual time, for the tests of this crate.

use base::{Monotonic, Rng, UnixMillis};
use cluster::seal::{BusAuth, packet_within};
use cluster::wire::{PacketType, decode, is_light};
use cluster::{Config, Data, Input, LinkId, LogLevel, Machine, Now, Output};
use core::net::{IpAddr, Ipv4Addr};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

pub(crate) struct Net {
    pub(crate) machines: Vec<Option<Machine>>,
    pub(crate) now_ms: u64,
    /// Packets and log lines as they happened.
    pub(crate) trace: Vec<String>,
    pub(crate) heartbeats_traced: bool,
    /// The ids of nodes that no longer run.
    former: Vec<(String, usize)>,
    cut: Vec<(usize, usize)>,
    ends: BTreeMap<(usize, LinkId), (usize, LinkId)>,
    wire: VecDeque<(usize, LinkId, Vec<u8>)>,
    /// Every frame that went over a link: from whom, to whom on which link of theirs.
    pub(crate) frames: Vec<(usize, usize, LinkId, Vec<u8>)>,
    /// The messages of others that came to a node.
    pub(crate) delivered: Vec<(usize, Vec<u8>)>,
    /// What each node has of the stream, and whom it follows.
    pub(crate) data: Vec<Data>,
    leaders: Vec<Option<usize>>,
    /// Replicas whose stream does not come.
    pub(crate) stalled: Vec<usize>,
    /// What the nodes that do not run have on their disks.
    disks: BTreeMap<usize, String>,
}

impl Net {
    pub(crate) fn new(count: usize, node_timeout_ms: u64) -> Net {
        Net::sealed(&vec![BusAuth::default(); count], node_timeout_ms)
    }

    /// A node for each way to seal.
    pub(crate) fn sealed(auths: &[BusAuth], node_timeout_ms: u64) -> Net {
        let mut net = Net {
            machines: Vec::new(),
            now_ms: 10_000_000,
            trace: Vec::new(),
            heartbeats_traced: false,
            former: Vec::new(),
            cut: Vec::new(),
            ends: BTreeMap::new(),
            wire: VecDeque::new(),
            frames: Vec::new(),
            delivered: Vec::new(),
            data: vec![Data::default(); auths.len()],
            leaders: vec![None; auths.len()],
            stalled: Vec::new(),
            disks: BTreeMap::new(),
        };
        for (node, auth) in auths.iter().enumerate() {
            let config = Config { auth: auth.clone(), ..Net::config(node, node_timeout_ms) };
            let machine = Machine::new(config, Rng::from_seed(node as u64 + 1), net.now());
            net.machines.push(Some(machine));
            net.drain(node);
        }
        net
    }

    fn config(node: usize, node_timeout_ms: u64) -> Config {
        let mut config = Config::for_port(7000 + node as u16);
        config.node_timeout = Duration::from_millis(node_timeout_ms);
        config.availability_zone = format!("zone-{node}");
        config
    }

    /// Streams what primaries have to the replicas that reach them.
    fn replicate(&mut self) {
        for node in 0..self.machines.len() {
            let Some(leader) = self.leaders[node].filter(|_| self.machines[node].is_some()) else {
                self.data[node].fed_by = None;
                continue;
            };
            let is_fed = !self.stalled.contains(&node) && !self.cut.contains(&(leader, node));
            let gives = |machine: &&Machine| is_fed && !machine.is_asking();
            match self.machines[leader].as_ref().filter(gives) {
                Some(machine) => {
                    self.data[node] = Data {
                        offset: self.data[leader].offset,
                        has_keys: false,
                        fed_by: Some(machine.my_id()),
                        heard: Some(self.now().monotonic),
                    };
                }
                None => self.data[node].fed_by = None,
            }
        }
    }

    pub(crate) fn now(&self) -> Now {
        Now {
            monotonic: Monotonic::from_millis(self.now_ms),
            wall: UnixMillis(1_795_000_000_000 + self.now_ms as i64),
        }
    }

    pub(crate) fn ip() -> IpAddr {
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    }

    /// Replaces the ids of nodes by their names.
    pub(crate) fn named(&self, text: &str) -> String {
        let running = self
            .machines
            .iter()
            .enumerate()
            .filter_map(|(node, machine)| Some((machine.as_ref()?.my_id().to_string(), node)));
        running
            .chain(self.former.iter().cloned())
            .fold(text.to_owned(), |text, (id, node)| text.replace(&id, &format!("n{node}")))
    }

    /// Has an operator do something.
    pub(crate) fn order<T>(&mut self, node: usize, verb: impl FnOnce(&mut Machine, Now) -> T) -> T {
        let now = self.now();
        let machine = self.machines[node].as_mut().expect("the node runs");
        machine.report_data(self.data[node]);
        let result = verb(machine, now);
        self.drain(node);
        self.deliver();
        result
    }

    pub(crate) fn meet(&mut self, node: usize, other: usize) {
        let port = 7000 + other as i64;
        let met = self.order(node, |machine, now| machine.meet(now, "127.0.0.1", port, None));
        assert_eq!(met, Ok(()));
    }

    /// Gives a packet to a node as if it came on a new connection.
    pub(crate) fn inject(&mut self, node: usize, bytes: &[u8]) -> Option<LinkId> {
        let now = self.now();
        let machine = self.machines[node].as_mut().expect("the node runs");
        let link = machine.accept(now, Net::ip(), Net::ip())?;
        machine.handle(now, Input::Packet { link, bytes });
        self.drain(node);
        Some(link)
    }

    pub(crate) fn run(&mut self, millis: u64) {
        for _ in 0..millis / 100 {
            self.now_ms += 100;
            self.replicate();
            for node in 0..self.machines.len() {
                self.input(node, Input::Tick);
                self.deliver();
            }
        }
    }

    pub(crate) fn cut(&mut self, a: usize, b: usize) {
        self.cut.extend([(a, b), (b, a)]);
    }

    /// Lifts all cuts. What was lost meanwhile was lost with its connection.
    pub(crate) fn heal(&mut self) {
        let cut = std::mem::take(&mut self.cut);
        let ends = self.ends.iter();
        let broken: Vec<(usize, LinkId)> =
            ends.filter(|((a, _), (b, _))| cut.contains(&(*a, *b))).map(|(end, _)| *end).collect();
        for (node, link) in broken {
            self.ends.remove(&(node, link));
            self.input(node, Input::Closed { link });
        }
        self.deliver();
    }

    pub(crate) fn kill(&mut self, node: usize) {
        if let Some(machine) = self.machines[node].take() {
            self.former.push((machine.my_id().to_string(), node));
            self.disks.insert(node, machine.nodes_conf());
        }
        let ends = self.ends.iter();
        let gone: Vec<(usize, LinkId)> =
            ends.filter(|((a, _), (b, _))| *a == node || *b == node).map(|(end, _)| *end).collect();
        for (owner, link) in gone {
            self.ends.remove(&(owner, link));
            self.input(owner, Input::Closed { link });
        }
        self.deliver();
    }

    /// Starts a node that was killed, with what it had on its disk, and with data up to this offset.
    pub(crate) fn restart(&mut self, node: usize, node_timeout_ms: u64, offset: u64) {
        let (config, now) = (Net::config(node, node_timeout_ms), self.now());
        let text = self.disks.remove(&node).expect("it was killed");
        let machine = Machine::from_nodes_conf(config, Rng::from_seed(77), now, &text);
        self.machines[node] = machine.expect("a machine wrote it");
        self.former.retain(|(_, former)| *former != node);
        self.data[node] = Data { offset, ..Data::default() };
        self.leaders[node] = None;
        self.drain(node);
    }

    fn input(&mut self, node: usize, input: Input<'_>) {
        let now = self.now();
        if let Some(machine) = self.machines[node].as_mut() {
            machine.report_data(self.data[node]);
            machine.handle(now, input);
            self.drain(node);
        }
    }

    fn deliver(&mut self) {
        while let Some((node, link, bytes)) = self.wire.pop_front() {
            let Some(&(peer, peer_link)) = self.ends.get(&(node, link)) else { continue };
            if self.cut.contains(&(node, peer)) {
                continue;
            }
            self.frames.push((node, peer, peer_link, bytes.clone()));
            if let Some(packet) = packet_within(&bytes) {
                self.trace_packet(node, peer, packet);
            }
            self.input(peer, Input::Packet { link: peer_link, bytes: &bytes });
        }
    }

    fn trace_packet(&mut self, node: usize, peer: usize, bytes: &[u8]) {
        if is_light(bytes) {
            return self.trace.push(format!("n{node} -> n{peer} light"));
        }
        let packet = decode(bytes).expect("machines send packets");
        let kind = packet.packet_type().expect("machines send known types");
        let heartbeat = matches!(kind, PacketType::Ping | PacketType::Pong | PacketType::Meet);
        if !heartbeat || self.heartbeats_traced {
            let name = kind.name().to_uppercase();
            self.trace.push(format!("n{node} -> n{peer} {name}"));
        }
    }

    /// Gives a frame to a node on a link that it has.
    pub(crate) fn inject_on(&mut self, node: usize, link: LinkId, bytes: &[u8]) {
        self.input(node, Input::Packet { link, bytes });
    }

    fn drain(&mut self, node: usize) {
        while let Some(output) = self.machines[node].as_mut().and_then(Machine::poll_output) {
            match output {
                Output::Connect { link, port, .. } => self.connect(node, link, port),
                Output::CloseLink { link } => {
                    if let Some((peer, peer_link)) = self.ends.remove(&(node, link)) {
                        self.ends.remove(&(peer, peer_link));
                        self.input(peer, Input::Closed { link: peer_link });
                    }
                }
                Output::Send { link, bytes } => self.wire.push_back((node, link, bytes)),
                Output::Log(LogLevel::Notice | LogLevel::Warning, line) => {
                    let line = self.named(&line).replace(" ()", "");
                    self.trace.push(format!("n{node}: {line}"));
                }
                Output::Deliver { message, .. } => self.delivered.push((node, message)),
                Output::DropKeysInSlot(slot) => {
                    self.trace.push(format!("n{node} drops the keys in slot {slot}"));
                }
                Output::Follow(leader) => {
                    let leader = usize::from(leader.port) - 7000;
                    self.trace.push(format!("n{node} follows n{leader}"));
                    self.leaders[node] = Some(leader);
                }
                Output::Promote => {
                    self.trace.push(format!("n{node} is promoted"));
                    self.leaders[node] = None;
                    self.tell(node, |machine, now| machine.promoted(now));
                }
                Output::StandAlone => {
                    self.trace.push(format!("n{node} stands alone"));
                    self.leaders[node] = None;
                    self.data[node] = Data::default();
                }
                Output::PauseWrites => {
                    self.trace.push(format!("n{node} pauses writes"));
                    self.tell(node, |machine, now| machine.writes_paused(now));
                }
                Output::ResumeWrites => self.trace.push(format!("n{node} resumes writes")),
                Output::SaveConfig { fsync: true } => self.trace.push(format!("n{node} syncs")),
                Output::SaveConfig { fsync: false }
                | Output::ViewChanged
                | Output::StateChanged(_)
                | Output::Leased(_)
                | Output::Log(LogLevel::Debug | LogLevel::Verbose, _) => {}
            }
        }
    }

    fn tell(&mut self, node: usize, what: impl FnOnce(&mut Machine, Now)) {
        let now = self.now();
        if let Some(machine) = self.machines[node].as_mut() {
            machine.report_data(self.data[node]);
            what(machine, now);
        }
    }

    fn connect(&mut self, node: usize, link: LinkId, port: u16) {
        let now = self.now();
        let peer = usize::from(port) - 17_000;
        let accepted = match self.machines.get_mut(peer) {
            Some(Some(machine)) if !self.cut.contains(&(node, peer)) => {
                machine.accept(now, Net::ip(), Net::ip())
            }
            _ => None,
        };
        match accepted {
            Some(peer_link) => {
                self.ends.insert((node, link), (peer, peer_link));
                self.ends.insert((peer, peer_link), (node, link));
                self.drain(peer);
                self.input(node, Input::Connected { link, local: Some(Net::ip()) });
            }
            None => self.input(node, Input::Closed { link }),
        }
    }
}
