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
        Self::blank_with(programs, &Setup::cluster(node_timeout))
    }

    fn blank_with(programs: &[&Program], setup: &Setup) -> Self {
        let start = |program: &&Program| Server::start(program, setup.clone());
        Self { nodes: programs.iter().map(start).collect() }
    }

    /// The same with a replica for each primary: those of the programs after the first half. All are started with `setup`.
    ///
    /// # Panics
    /// When they do not agree, or a replica does not get its primary's data.
    #[must_use]
    pub fn with_replicas(programs: &[&Program], setup: Setup) -> Self {
        let cluster = Self::blank_with(programs, &setup.with("repl-diskless-sync-delay", &["0"]));
        let (primaries, replicas) = cluster.nodes.split_at(programs.len() / 2);
        cluster.deal_slots_to(primaries);
        cluster.introduce();
        cluster.await_agreement();
        for (replica, primary) in replicas.iter().zip(primaries) {
            let id = my_id(primary);
            // It may not have heard of its primary's slots, and of its being a primary, yet.
            let follows =
                || replica.client().command(&["CLUSTER", "REPLICATE", &id]) == Reply::ok();
            assert!(wait::until(AGREEMENT, follows), "{} does not follow", replica.address());
        }
        for replica in replicas {
            Self::await_link(replica);
        }
        cluster
    }

    /// Waits until the node is a replica that gets what its primary writes.
    ///
    /// # Panics
    /// When that does not come to be.
    pub fn await_link(replica: &Server) {
        let mut client = replica.client();
        let is_up = || {
            let text = client.command(&["INFO", "replication"]).text().unwrap_or_default();
            text.contains("role:slave") && text.contains("master_link_status:up")
        };
        assert!(wait::until(AGREEMENT, is_up), "{}: no link\n{}", replica.address(), replica.log());
    }

    /// Starts one primary for each program and waits until all say `cluster_state:ok`.
    ///
    /// # Panics
    /// When they do not agree.
    #[must_use]
    pub fn start(programs: &[&Program], node_timeout: Duration) -> Self {
        Self::of(Self::blank(programs, node_timeout).nodes)
    }

    /// Joins nodes that know of nobody, and waits until all say `cluster_state:ok`.
    ///
    /// # Panics
    /// When they do not agree.
    #[must_use]
    pub fn of(nodes: Vec<Server>) -> Self {
        let cluster = Self { nodes };
        cluster.deal_slots_to(&cluster.nodes);
        cluster.introduce();
        cluster.await_agreement();
        cluster
    }

    /// Has each node meet the first one.
    fn introduce(&self) {
        for (index, node) in self.nodes.iter().enumerate() {
            let mut client = node.client();
            let epoch = (index + 1).to_string();
            expect_ok(&client.command(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch]));
            if index > 0 {
                let first = self.nodes.first().map_or(0, Server::port).to_string();
                expect_ok(&client.command(&["CLUSTER", "MEET", "127.0.0.1", &first]));
            }
        }
    }

    /// Gives each node its share of the slots.
    fn deal_slots_to(&self, nodes: &[Server]) {
        let count = nodes.len();
        let slots = SLOT_COUNT;
        for (index, node) in nodes.iter().enumerate() {
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

/// The id of a node.
#[must_use]
pub fn my_id(node: &Server) -> String {
    node.client().command(&["CLUSTER", "MYID"]).text().unwrap_or_default()
}

/// The text of CLUSTER NODES.
fn nodes_text(client: &mut Client) -> String {
    client.command(&["CLUSTER", "NODES"]).text().unwrap_or_default()
}

fn expect_ok(reply: &Reply) {
    assert_eq!(*reply, Reply::ok());
}
