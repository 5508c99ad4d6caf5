//! Slots that move between nodes: opened and closed by CLUSTER SETSLOT, their keys carried by MIGRATE.

mod load;
mod open;
mod tools;

use std::time::Duration;
use testkit::{Cluster, Program, Server};

const NODE_TIMEOUT: Duration = Duration::from_secs(5);

/// The nodes of a cluster of two, with what a script calls them.
struct Pair {
    cluster: Cluster,
    ids: [String; 2],
}

impl Pair {
    fn new(programs: &[&Program; 2]) -> Pair {
        let cluster = Cluster::start(programs, NODE_TIMEOUT);
        let id = |server: &Server| {
            server.client().command(&["CLUSTER", "MYID"]).text().expect("every node has an id")
        };
        let ids = [id(&cluster.nodes[0]), id(&cluster.nodes[1])];
        Pair { cluster, ids }
    }

    /// A line with the names of nodes in place of ids and addresses.
    fn with_names(&self, line: &str) -> String {
        let [a, b] = [0, 1].map(|index| self.cluster.nodes[index].address());
        line.replace(&self.ids[0], "{A}")
            .replace(&self.ids[1], "{B}")
            .replace(&a, "{a}")
            .replace(&b, "{b}")
    }

    fn without_names(&self, line: &str) -> String {
        let port = |index: usize| self.cluster.nodes[index].port().to_string();
        line.replace("{A}", &self.ids[0])
            .replace("{B}", &self.ids[1])
            .replace("{a.port}", &port(0))
            .replace("{b.port}", &port(1))
    }
}

/// What a script of lines like `a> GET k` is answered by a cluster of two nodes of a program, of which `a` has the lower half of
/// the slots. A name before `>` is a connection; its first letter tells the node.
fn answers(programs: &[&Program; 2], script: &str) -> String {
    let pair = Pair::new(programs);
    let mut clients = std::collections::BTreeMap::new();
    let mut out = String::new();
    for line in script.lines().filter(|line| line.contains('>')) {
        let Some((name, request)) = line.split_once("> ") else { continue };
        if name.len() > 2 {
            continue;
        }
        let node = usize::from(name.starts_with('b'));
        let client =
            clients.entry(name.to_owned()).or_insert_with(|| pair.cluster.nodes[node].client());
        let reply = client.line(&pair.without_names(request));
        let reply = testkit::transcript::render(&reply).join("\n");
        out.push_str(&format!("{line}\n{}\n", pair.with_names(&reply)));
    }
    out
}
