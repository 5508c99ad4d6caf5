//! A cluster of real processes, formed by the commands that `redis-cli --cluster create` sends.

use std::time::Duration;

use base::SLOT_COUNT;

use crate::client::Client;
use crate::process::{Server, Setup};
use crate::program::Program;
use crate::reply::Reply;
use crate::wait;

/// How long a cluster of a few nodes may take to agree, on a busy machine.
const AGREEMENT: Duration = Duration::from_secs(60);

/// Nodes that know each other, the slots dealt evenly in their order.
#[derive(Debug)]
pub struct Cluster {
    /// The nodes, in the order of the programs given.
    pub nodes: Vec<Server>,
}

impl Cluster {
    /// Starts one node for each program, without joining them.
    #[must_use]
    pub fn blank(programs: &[&Program], node_timeout: Duration) -> Self {
        let start = |program: &&Program| Server::start(program, Setup::cluster(node_timeout));
        Self { nodes: programs.iter().map(start).collect() }
    }

    /// Starts one primary for each program and waits until all say `cluster_state:ok`.
    ///
    /// # Panics
    /// When they do not agree.
    #[must_use]
    pub fn start(programs: &[&Program], node_timeout: Duration) -> Self {
        Self::blank(programs, node_timeout).formed()
    }

    /// The same of nodes that were started already, and are alone.
    ///
    /// # Panics
    /// When they do not agree.
    #[must_use]
    pub fn formed(self) -> Self {
        self.deal_slots();
        for (index, node) in self.nodes.iter().enumerate() {
            let mut client = node.client();
            let epoch = (index + 1).to_string();
            expect_ok(&client.command(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch]));
            if index > 0 {
                let first = self.nodes.first().map_or(0, Server::port).to_string();
                expect_ok(&client.command(&["CLUSTER", "MEET", "127.0.0.1", &first]));
            }
        }
        self.await_agreement();
        self
    }

    /// Gives each node its share of the slots.
    fn deal_slots(&self) {
        let count = self.nodes.len();
        let slots = SLOT_COUNT;
        for (index, node) in self.nodes.iter().enumerate() {
            let first = (slots * index / count).to_string();
            let last = (slots * (index + 1) / count - 1).to_string();
            expect_ok(&node.client().command(&["CLUSTER", "ADDSLOTSRANGE", &first, &last]));
        }
    }

    /// Waits until every node sees every node connected and all slots served.
    ///
    /// # Panics
    /// When that does not come to be.
    pub fn await_agreement(&self) {
        let all = || self.nodes.iter().all(|node| self.agrees(&mut node.client()));
        if !wait::until(AGREEMENT, all) {
            let views: Vec<String> =
                self.nodes.iter().map(|node| nodes_text(&mut node.client())).collect();
            panic!("the nodes do not agree:\n{}", views.join("\n\n"));
        }
    }

    fn agrees(&self, client: &mut Client) -> bool {
        let info = client.command(&["CLUSTER", "INFO"]).text().unwrap_or_default();
        let view = nodes_text(client);
        let connected = view
            .lines()
            .filter(|line| line.contains(" connected") && !line.contains("handshake"))
            .filter(|line| !line.contains("fail"))
            .count();
        info.contains("cluster_state:ok")
            && view.lines().count() == self.nodes.len()
            && connected == self.nodes.len()
    }

    /// The `host:port` of all nodes.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        self.nodes.iter().map(Server::address).collect()
    }
}

/// The text of CLUSTER NODES.
fn nodes_text(client: &mut Client) -> String {
    client.command(&["CLUSTER", "NODES"]).text().unwrap_or_default()
}

fn expect_ok(reply: &Reply) {
    assert_eq!(*reply, Reply::ok());
}
