//! The text of `nodes.conf`: what a node must not forget between its runs.
//!
//! One line for each node, in the form of CLUSTER NODES with auxiliary fields, then one line of variables.
//! The form is Redis 7.2's; a file of Redis 7.0 or Valkey is read too. A file that is not whole is refused:
//! a node that forgets its epochs could vote twice.

use crate::config::{Config, is_hostname, is_human_nodename};
use crate::machine::{LogLevel, Machine, Now};
use crate::node::{Address, Node};
use crate::nodes::{MYSELF, NodeIndex, NodeTable};
use crate::open_slots::{Way, parse_open_slot};
use crate::wire::NodeFlags;
use base::number::parse_u64;
use base::{Epoch, NodeId, Rng, Slot, SlotRange};
use std::fmt::Write;

/// Why a `nodes.conf` cannot be loaded.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("Unrecoverable error: corrupted cluster config file, line {line}: {what}")]
pub struct ConfError {
    /// The line, from 1; 0 for the whole file.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

/// Auxiliary fields that Redis and Valkey write and that hold nothing for us.
const AUX_SKIPPED: [&str; 5] =
    ["client-ipv4", "client-ipv6", "client-tcp-port", "client-tls-port", "availability-zone"];

/// One line, read.
struct Line {
    node: Node,
    ranges: Vec<SlotRange>,
    open: Vec<(Slot, Way, NodeId)>,
}

/// The variables of the last line.
#[derive(Default)]
struct Vars {
    current_epoch: Epoch,
    last_vote_epoch: Epoch,
}

impl Machine {
    /// A node that goes on where its `nodes.conf` ends; `None` for an empty file.
    ///
    /// # Errors
    /// [`ConfError`] names the line that cannot be what a node wrote.
    pub fn from_nodes_conf(
        config: Config,
        mut rng: Rng,
        now: Now,
        text: &str,
    ) -> Result<Option<Machine>, ConfError> {
        if text.is_empty() {
            return Ok(None);
        }
        let (lines, vars) = parse(text, now)?;
        let whole = |what: &str| ConfError { line: 0, what: what.to_owned() };
        let (mine, others): (Vec<Line>, Vec<Line>) =
            lines.into_iter().partition(|line| line.node.is_myself());
        let [mine] = <[Line; 1]>::try_from(mine)
            .map_err(|_| whole("not exactly one line has the flag myself"))?;
        let nodes = NodeTable::new(mine.node, &mut rng);
        let mut machine = Machine::with_nodes(config, rng, now, nodes);
        machine.last_vote_epoch = vars.last_vote_epoch;
        machine.current_epoch = vars.current_epoch.max(machine.nodes[MYSELF].config_epoch);
        machine.bind_ranges(MYSELF, &mine.ranges);
        for line in others {
            machine.current_epoch = machine.current_epoch.max(line.node.config_epoch);
            let id = line.node.id;
            let index = machine
                .nodes
                .add(line.node)
                .ok_or_else(|| whole(&format!("node {id} stands twice, or too many nodes")))?;
            machine.bind_ranges(index, &line.ranges);
        }
        for (slot, way, id) in mine.open {
            let other = machine.nodes.find(&id);
            let other = other.ok_or_else(|| {
                whole(&format!("open slot {slot} names {id}, which no line is of"))
            })?;
            machine.slots.open.open(slot, way, other);
        }
        if machine.is_replica() {
            let primary = machine.my_primary().filter(|&primary| primary != MYSELF);
            let primary = primary.ok_or_else(|| whole("this node's master is not in it"))?;
            machine.nodes[MYSELF].shard = machine.nodes[primary].shard;
            machine.follow_slots(Some(primary));
        }
        let id = machine.my_id();
        let has_replicas = machine.nodes.iter().any(|(_, node)| node.replica_of == Some(id));
        machine.failover.asking = machine.nodes[MYSELF].votes() && has_replicas;
        machine.log(LogLevel::Notice, || format!("Node configuration loaded, I'm {id}"));
        machine.adopt_config();
        machine.changed();
        machine.finish();
        Ok(Some(machine))
    }

    /// The text of `nodes.conf` at this moment.
    #[must_use]
    pub fn nodes_conf(&self) -> String {
        let ranges = self.slots.ranges_to_keep();
        let mut out = String::new();
        for (index, node) in self.nodes.by_id().filter(|(_, node)| !node.in_handshake()) {
            self.node_line(&mut out, index, node, Aux::Written);
            self.slots_of(&mut out, index, &ranges);
            out.push('\n');
        }
        let (current, vote) = (self.current_epoch, self.last_vote_epoch);
        let _ = writeln!(out, "vars currentEpoch {current} lastVoteEpoch {vote}");
        out
    }

    /// The text of CLUSTER NODES.
    #[must_use]
    pub fn cluster_nodes(&self) -> String {
        let ranges = self.slots.ranges();
        let mut out = String::new();
        for (index, node) in self.nodes.by_id() {
            self.node_line(&mut out, index, node, Aux::LeftOut);
            self.slots_of(&mut out, index, &ranges);
            out.push('\n');
        }
        out
    }

    /// The line of a node without slots, as CLUSTER NODES has it.
    pub(crate) fn cluster_nodes_line(&self, index: NodeIndex, node: &Node) -> String {
        let mut out = String::new();
        self.node_line(&mut out, index, node, Aux::LeftOut);
        out
    }

    fn node_line(&self, out: &mut String, index: NodeIndex, node: &Node, aux: Aux) {
        let ip = node.address.ip.map(|ip| ip.to_string()).unwrap_or_default();
        let address = &node.address;
        let _ = write!(out, "{} {ip}:{}@{}", node.id, address.port, address.bus_port);
        let hostname = node.hostname.as_deref().unwrap_or_default();
        match aux {
            Aux::LeftOut if hostname.is_empty() => {}
            Aux::LeftOut => {
                let _ = write!(out, ",{hostname}");
            }
            Aux::Written => {
                let _ = write!(out, ",{hostname}");
                if let Some(name) = &node.human_nodename {
                    let _ = write!(out, ",nodename={name}");
                }
                let _ = write!(out, ",tls-port={},shard-id={}", address.tls_port, node.shard);
            }
        }
        let _ = write!(out, " {} ", node.flags);
        match node.replica_of {
            Some(primary) => out.push_str(primary.as_str()),
            None => out.push('-'),
        }
        let epoch = node
            .replica_of
            .and_then(|primary| self.nodes.find(&primary))
            .map_or(node.config_epoch, |primary| self.nodes[primary].config_epoch);
        let linked = index == MYSELF
            || node.outbound.and_then(|link| self.links.get(link)).is_some_and(|l| l.connected);
        let _ = write!(
            out,
            " {} {} {epoch} {}",
            self.wall_or_zero(node.ping_sent),
            self.wall_or_zero(node.pong_received),
            if linked { "connected" } else { "disconnected" }
        );
    }

    fn slots_of(&self, out: &mut String, owner: NodeIndex, ranges: &[(NodeIndex, SlotRange)]) {
        for (_, range) in ranges.iter().filter(|(of, _)| *of == owner) {
            let _ = write!(out, " {range}");
        }
        if owner == MYSELF {
            self.write_open_slots(out);
        }
    }

    fn bind_ranges(&mut self, owner: NodeIndex, ranges: &[SlotRange]) {
        for number in ranges.iter().flat_map(|range| range.first.number()..=range.last.number()) {
            if let Some(slot) = Slot::new(number) {
                self.bind_slot(slot, Some(owner));
            }
        }
    }
}

/// Whether a line carries its auxiliary fields.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Aux {
    Written,
    LeftOut,
}

fn parse(text: &str, now: Now) -> Result<(Vec<Line>, Vars), ConfError> {
    let mut lines = Vec::new();
    let mut vars = Vars::default();
    for (number, text) in text.lines().enumerate() {
        let at = |what: String| ConfError { line: number + 1, what };
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        match fields.as_slice() {
            [] => {}
            ["vars", pairs @ ..] => vars = parse_vars(pairs).map_err(at)?,
            fields => lines.push(parse_line(fields, now).map_err(at)?),
        }
    }
    Ok((lines, vars))
}

fn parse_vars(pairs: &[&str]) -> Result<Vars, String> {
    let mut vars = Vars::default();
    let (pairs, odd) = pairs.as_chunks::<2>();
    if !odd.is_empty() {
        return Err("a variable has no value".to_owned());
    }
    for [name, value] in pairs {
        let epoch = || number(value).map(Epoch);
        match *name {
            "currentEpoch" => vars.current_epoch = epoch()?,
            "lastVoteEpoch" => vars.last_vote_epoch = epoch()?,
            // Later versions may have more; Redis skips them too.
            _ => {}
        }
    }
    Ok(vars)
}

fn parse_line(fields: &[&str], now: Now) -> Result<Line, String> {
    let [id, address, flags, primary, ping, pong, epoch, _link, slots @ ..] = fields else {
        return Err("fewer than 8 fields".to_owned());
    };
    let id = node_id(id)?;
    let flags = parse_flags(flags)?;
    let mut node = Node::new(id, flags, Address::default(), now.monotonic);
    parse_address(address, &mut node)?;
    if *primary != "-" {
        node.replica_of = Some(node_id(primary)?);
    }
    if node.is_myself() && node.replica_of.is_some() != node.is_replica() {
        return Err("this node is a replica of nobody, or a master's".to_owned());
    }
    node.ping_sent = (number(ping)? != 0).then_some(now.monotonic);
    node.pong_received = (number(pong)? != 0).then_some(now.monotonic);
    // What we believed of others in an earlier life we find out anew; what was agreed on stands.
    node.flags.clear(NodeFlags::PFAIL);
    if node.is(NodeFlags::FAIL) {
        node.failed_at = Some(now.monotonic);
    }
    let epoch = Epoch(number(epoch)?);
    node.config_epoch = if node.is_replica() { Epoch(0) } else { epoch };
    if node.is_myself() {
        node.flags |= NodeFlags::ANNOUNCED;
        (node.ping_sent, node.pong_received) = (None, None);
    }
    let (open, ranges): (Vec<&str>, Vec<&str>) =
        slots.iter().partition(|slots| slots.starts_with('['));
    if !open.is_empty() && !node.is_myself() {
        return Err("another node's open slot".to_owned());
    }
    let ranges = ranges.into_iter().map(parse_range).collect::<Result<_, _>>()?;
    let open_slot = |text: &str| parse_open_slot(text).ok_or(format!("invalid open slot {text}"));
    let open = open.into_iter().map(open_slot).collect::<Result<_, _>>()?;
    Ok(Line { node, ranges, open })
}

/// `ip:port@bus-port,hostname,name=value,...`
fn parse_address(text: &str, node: &mut Node) -> Result<(), String> {
    let mut parts = text.split(',');
    let endpoint = parts.next().unwrap_or_default();
    let (ip, ports) = endpoint.rsplit_once(':').ok_or("an address without a port")?;
    if !ip.is_empty() {
        node.address.ip = Some(ip.parse().map_err(|_| format!("invalid address {ip}"))?);
    }
    let port = |text: &str| number(text).and_then(|n| u16::try_from(n).map_err(|e| e.to_string()));
    match ports.split_once('@') {
        Some((client, bus)) => {
            node.address.port = port(client)?;
            node.address.bus_port = port(bus)?;
        }
        None => {
            node.address.port = port(ports)?;
            node.address.bus_port = node.address.port.wrapping_add(10_000);
        }
    }
    if let Some(hostname) = parts.next().filter(|name| !name.is_empty()) {
        if !is_hostname(hostname) {
            return Err(format!("invalid hostname {hostname}"));
        }
        node.hostname = Some(hostname.into());
    }
    for aux in parts {
        let (name, value) = aux.split_once('=').ok_or(format!("invalid field {aux}"))?;
        match name {
            "shard-id" => node.shard = node_id(value)?,
            "nodename" if is_human_nodename(value) => {
                node.human_nodename = (!value.is_empty()).then(|| value.into());
            }
            "tls-port" => node.address.tls_port = port(value)?,
            "tcp-port" => node.address.port = port(value)?,
            skipped if AUX_SKIPPED.contains(&skipped) => {}
            _ => return Err(format!("unknown or invalid field {aux}")),
        }
    }
    Ok(())
}

fn parse_flags(text: &str) -> Result<NodeFlags, String> {
    text.split(',').try_fold(NodeFlags::NONE, |flags, word| {
        Ok(flags | NodeFlags::from_word(word).ok_or(format!("unknown flag {word}"))?)
    })
}

fn parse_range(text: &str) -> Result<SlotRange, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let slot = |text| {
        let number = number(text)?;
        u16::try_from(number).ok().and_then(Slot::new).ok_or(format!("no such slot {text}"))
    };
    let range = SlotRange { first: slot(first)?, last: slot(last)? };
    if range.first > range.last { Err(format!("reversed range {text}")) } else { Ok(range) }
}

fn node_id(text: &str) -> Result<NodeId, String> {
    NodeId::parse(text.as_bytes()).ok_or(format!("invalid node id {text}"))
}

fn number(text: &str) -> Result<u64, String> {
    parse_u64(text.as_bytes()).ok_or(format!("invalid number {text}"))
}

#[cfg(test)]
mod tests;
