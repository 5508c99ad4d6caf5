//! Connections between nodes: how they come, carry bytes as the weather lets them, and end.

use super::{PORT, World};
use crate::candidate::Candidate;
use crate::checker::Violation;
use crate::mutation::Heard;
use crate::network::{ConnId, Connection, End, Weather};
use crate::queue::Event;
use cluster::seal::packet_within;
use cluster::{Input, LinkId, Machine, wire};
use core::net::IpAddr;

/// How long a refused connection, or the news of a closed one, takes at most beyond the latency.
const RETRY_US: u64 = 50_000;

impl World {
    pub(super) fn established(&mut self, conn: ConnId) {
        let Some(connection) = self.connections.get(conn) else { return };
        let [opener, acceptor] = connection.ends;
        let up = self.nodes[opener.node].run == opener.run
            && self.nodes[acceptor.node].run == acceptor.run;
        if !up || !opener.open {
            return self.ended(conn, 0);
        }
        let (peer, local) = (World::ip(opener.node), World::ip(acceptor.node));
        let now = self.clock(acceptor.node);
        let acceptor_node = &mut self.nodes[acceptor.node];
        let accepted = match (&mut acceptor_node.machine, &mut acceptor_node.candidate) {
            (Some(machine), _) => machine.accept(now, peer, local),
            (None, Some(candidate)) => Some(candidate.accept()),
            (None, None) => None,
        };
        let Some(link) = accepted else { return self.ended(conn, 0) };
        self.nodes[acceptor.node].links.insert(link, (conn, 1));
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.ends[1].link = Some(link);
            connection.ends[1].open = true;
        }
        if let Some(link) = opener.link {
            self.input(opener.node, Input::Connected { link, local: Some(peer) });
        }
    }

    pub(super) fn arrived(&mut self, conn: ConnId, end: usize, mut bytes: Vec<u8>) {
        let Some(connection) = self.connections.get(conn) else { return };
        let (from, to) = (connection.ends[1 - end], connection.ends[end]);
        if self.nodes[to.node].run != to.run || !to.open {
            return;
        }
        if !self.reach.is_open(from.node, to.node) {
            // Held by the sender's kernel, which tries again and again.
            let retry_us = self.now_us + 10_000 + self.rng.below(RETRY_US);
            return self.schedule(retry_us, Event::Arrived { conn, end, bytes });
        }
        let Some(link) = to.link else { return };
        self.trace.packet(self.now_us, from.node, to.node, &bytes);
        if self.mutation.0.is_some()
            && let Some(machine) = &self.nodes[to.node].machine
        {
            if self.mutation.heard(machine, &mut bytes) == Heard::Lost {
                return;
            }
            if self.mutation.keeps_votes() && is_of(&bytes, wire::PacketType::AuthAck) {
                self.nodes[to.node].votes_heard.push((link, bytes.clone()));
            }
        }
        self.input(to.node, Input::Packet { link, bytes: &bytes });
    }

    /// An end learns that its connection is over.
    pub(super) fn ended(&mut self, conn: ConnId, end: usize) {
        let Some(connection) = self.connections.get_mut(conn) else { return };
        let this = connection.ends[end];
        connection.ends[end].open = false;
        if connection.ends.iter().all(|end| !end.open) {
            self.connections.close(conn);
        }
        if !this.open || self.nodes[this.node].run != this.run {
            return;
        }
        if let Some(link) = this.link {
            self.nodes[this.node].links.remove(&link);
            self.input(this.node, Input::Closed { link });
        }
    }

    pub(super) fn connect(&mut self, node: usize, link: LinkId, ip: IpAddr, port: u16) {
        let run = self.nodes[node].run;
        let latency_us = 2 * self.weather.latency(&mut self.rng);
        let at_us = self.now_us + latency_us;
        let target = self.node_at(ip).filter(|_| port == PORT + 10_000);
        let reachable =
            target.is_some_and(|to| self.reach.is_open(node, to) && self.reach.is_open(to, node));
        match target {
            Some(to) if reachable && self.listens(to) => {
                let end = |node, run, link, open| End { node, run, link, open, last_arrival_us: 0 };
                let acceptor = end(to, self.nodes[to].run, None, false);
                let connection = Connection { ends: [end(node, run, Some(link), true), acceptor] };
                let conn = self.connections.open(connection);
                self.nodes[node].links.insert(link, (conn, 0));
                self.schedule(at_us, Event::Established { conn });
            }
            Some(_) if !reachable => {
                // No answer: the kernel gives up in its own time.
                self.schedule(self.now_us + 60_000_000, Event::Refused { node, run, link });
            }
            _ => self.schedule(at_us, Event::Refused { node, run, link }),
        }
    }

    pub(super) fn close(&mut self, node: usize, link: LinkId) {
        let Some((conn, end)) = self.nodes[node].links.remove(&link) else { return };
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.ends[end].open = false;
            self.tell_other_end(conn, end);
        }
    }

    pub(super) fn tell_other_end(&mut self, conn: ConnId, end: usize) {
        let Some(connection) = self.connections.get(conn) else { return };
        let last_us = connection.ends[1 - end].last_arrival_us.max(self.now_us);
        let at_us = last_us + self.weather.latency(&mut self.rng);
        self.schedule(at_us, Event::Ended { conn, end: 1 - end });
    }

    pub(super) fn send(&mut self, node: usize, link: LinkId, bytes: Vec<u8>) {
        self.nodes[node].bytes_sent += bytes.len() as u64;
        let Some(&(conn, end)) = self.nodes[node].links.get(&link) else { return };
        if self.mutation.keeps_votes() && is_of(&bytes, wire::PacketType::AuthRequest) {
            let machine = self.nodes[node].machine.as_ref();
            self.nodes[node].asks_votes = machine.map(|machine| machine.current_epoch().0);
        }
        if self.checked {
            self.check_vote(node, conn, end, &bytes);
        }
        let Some(connection) = self.connections.get_mut(conn) else { return };
        let weather = self.weather;
        if Weather::strikes(weather.drop_permille, &mut self.rng) {
            return;
        }
        let latency_us = weather.latency(&mut self.rng);
        let overtakes = Weather::strikes(weather.reorder_permille, &mut self.rng);
        let to = &mut connection.ends[1 - end];
        let at_us = if overtakes {
            self.now_us + latency_us + self.rng.below(50_000)
        } else {
            (self.now_us + latency_us).max(to.last_arrival_us)
        };
        to.last_arrival_us = to.last_arrival_us.max(at_us);
        if Weather::strikes(weather.duplicate_permille, &mut self.rng) {
            let again_us = at_us + self.rng.below(20_000);
            self.schedule(again_us, Event::Arrived { conn, end: 1 - end, bytes: bytes.clone() });
        }
        self.schedule(at_us, Event::Arrived { conn, end: 1 - end, bytes });
    }

    /// A vote that leaves a node has to be on its disk, and the only one of its epoch.
    fn check_vote(&mut self, node: usize, conn: ConnId, end: usize, bytes: &[u8]) {
        let Some(bytes) = packet_within(bytes).filter(|packet| !wire::is_light(packet)) else {
            return;
        };
        let Ok(packet) = wire::decode(bytes) else {
            self.violation = Some(Violation(format!("node {node} sends a malformed packet")));
            return;
        };
        if packet.packet_type() != Some(wire::PacketType::AuthAck) {
            return;
        }
        let epoch = packet.header.current_epoch;
        let Some(candidate) = self.candidate_of(conn, end) else { return };
        let mut verdict = self.checker.vote(node, epoch, candidate);
        let on_disk = format!("lastVoteEpoch {epoch}\n");
        if !self.nodes[node].disk.synced.ends_with(&on_disk) {
            verdict = Err(Violation(format!("node {node} sends a vote that is not on its disk")));
        }
        if let Err(violation) = verdict {
            self.violation.get_or_insert(violation);
        }
    }

    fn candidate_of(&self, conn: ConnId, end: usize) -> Option<base::NodeId> {
        let to = self.connections.get(conn)?.ends[1 - end].node;
        let to = &self.nodes[to];
        let candidate = to.candidate.as_ref().map(Candidate::id);
        to.machine.as_ref().map(Machine::my_id).or(candidate)
    }
}

fn is_of(bytes: &[u8], kind: wire::PacketType) -> bool {
    wire::decode(bytes).is_ok_and(|packet| packet.packet_type() == Some(kind))
}
