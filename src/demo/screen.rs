//! What the user of the demo sees: a table of nodes, lines to paste.

use std::path::Path;

use super::check::NodeView;
use super::cluster::Obituary;
use crate::screen::{Paint, Screen, plural, thousands};

/// The first characters of a node id that are shown, as enough to tell nodes apart.
const ID_SHOWN: usize = 8;

impl Screen {
    /// The first line.
    pub(super) fn title(&mut self, nodes: u16, first: u16) {
        let version = env!("CARGO_PKG_VERSION");
        let addresses = match first + nodes - 1 {
            last if last == first => format!("127.0.0.1:{first}"),
            last => format!("127.0.0.1:{first}-{last}"),
        };
        let name = self.paint(Paint::Strong, &format!("Redstart {version}"));
        self.line(&format!("{name}, a cluster of {} on {addresses}", plural(nodes, "node")));
        self.line("");
    }

    /// The table of nodes.
    pub(super) fn table(&mut self, nodes: &[NodeView]) {
        self.line("");
        let header = format!("    {:<16}  {:<8}  {:<13}  {:>6}", "node", "id", "slots", "keys");
        let header = self.paint(Paint::Dim, &header);
        self.line(&header);
        for node in nodes {
            let address = format!("127.0.0.1:{}", node.port);
            let id: String = node.id.chars().take(ID_SHOWN).collect();
            let slots = match node.follows {
                Some(primary) => format!("of {primary}"),
                None => ranges(&node.slots),
            };
            let keys = thousands(node.keys);
            self.line(&format!("    {address:<16}  {id:<8}  {slots:<13}  {keys:>6}"));
        }
    }

    /// What to do with it.
    pub(super) fn invitation(&mut self, port: u16, folder: &Path) {
        self.line("");
        for (client, code) in [
            ("redis-cli", format!("redis-cli -c -p {port}")),
            ("redis-py", format!("RedisCluster(host=\"127.0.0.1\", port={port})")),
            ("ioredis", format!("new Redis.Cluster([{{ port: {port}, host: \"127.0.0.1\" }}])")),
        ] {
            let code = self.paint(Paint::Strong, &code);
            self.line(&format!("    {client:<11}{code}"));
        }
        self.line("");
        let hint = format!("    Logs are in {}.", folder.display());
        let hint = self.paint(Paint::Dim, &hint);
        self.line(&hint);
        self.line("    Ctrl-C stops the nodes and removes everything.");
    }

    /// A node that ended by itself.
    pub(super) fn obituary(&mut self, node: &Obituary) {
        let what = format!("127.0.0.1:{} has ended by itself ({})", node.port, node.status);
        let what = self.paint(Paint::Bad, &what);
        self.line("");
        self.line(&format!("    {what}"));
        if !node.tail.is_empty() {
            self.line("    The end of its log:");
        }
        for text in &node.tail {
            self.line(&format!("      {text}"));
        }
    }

    /// The last line.
    pub(super) fn farewell(&mut self, is_checked: bool, stopped: usize) {
        if self.is_terminal {
            // The terminal has written ^C.
            self.write("\r\x1b[K");
        }
        self.line("");
        let nodes = plural(stopped, "node");
        if is_checked {
            self.line(&format!("    All is well. Stopped {nodes} and removed their folder."));
        } else {
            self.line(&format!("    Stopped {nodes} and removed their folder."));
        }
    }
}

fn ranges(slots: &[(usize, usize)]) -> String {
    let text = |&(first, last): &(usize, usize)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    slots.iter().map(text).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_shown_as_ranges() {
        assert_eq!(ranges(&[(0, 5460), (7, 7)]), "0-5460 7");
        assert_eq!(ranges(&[]), "");
    }
}
