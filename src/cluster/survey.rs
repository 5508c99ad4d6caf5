//! Asks every node of a cluster how it sees the cluster and itself.

use std::collections::BTreeMap;
use std::thread;

use base::{NodeId, SLOT_COUNT};

use super::members::{self, Member};
use super::placement::Candidate;
use super::session::{Link, Session, Stop, failed};
use crate::client::{Address, Credentials, Reply};

/// How many nodes are asked at the same time.
const AT_ONCE: usize = 32;

/// A node, and what it has told.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// As it describes itself; where it does not answer, as the first node does.
    pub(super) member: Member,
    /// Where it is reached from here: the first node where the user has reached it, whatever it is called in the cluster.
    pub(super) reached_at: Address,
    /// What it says, or why it says nothing.
    pub(super) told: Result<Told, String>,
}

/// What a node says.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// How it sees all nodes.
    pub(super) view: Vec<Member>,
    /// `cluster_state:ok`.
    pub(super) is_ok: bool,
    pub(super) keys: u64,
    pub(super) zone: Option<String>,
    /// How far its history goes, or how far it has followed its primary's.
    pub(super) offset: u64,
    /// Whether the link to its primary is up, of a replica.
    pub(super) is_following: Option<bool>,
    /// Brand and version.
    pub(super) server: String,
    /// Whether it moves slots as a whole (MIGRATESLOTS).
    pub(super) hands_over: bool,
    /// How many databases keys may be in.
    pub(super) databases: u32,
}

/// All nodes that the first one knows.
#[derive(Clone, Debug)]
pub(super) struct Survey {
    pub(super) nodes: Vec<Node>,
}

impl Node {
    pub(super) fn id(&self) -> NodeId {
        self.member.id
    }

    pub(super) fn address(&self) -> &Address {
        &self.member.address
    }

    /// As a place for primaries and replicas.
    pub(super) fn candidate(&self) -> Candidate {
        let zone = self.told.as_ref().ok().and_then(|told| told.zone.clone());
        Candidate { host: self.member.address.host.clone(), zone }
    }

    /// The address with the first characters of the id.
    pub(super) fn name(&self) -> String {
        let id: String = self.member.id.as_str().chars().take(8).collect();
        format!("{} ({id})", self.member.address)
    }
}

/// Asks the first node, and then all that it knows.
pub(super) fn survey(session: &Session, entry: &Address) -> Result<Survey, Stop> {
    let mut link = session.open(entry)?;
    let told = ask(&mut link)?;
    let members = told.view.iter().filter(|member| !member.is_unreachable).cloned();
    let members: Vec<Member> = members.collect();
    let mut nodes = Vec::new();
    for batch in members.chunks(AT_ONCE) {
        let credentials = &session.credentials;
        nodes.extend(thread::scope(|scope| {
            let asked: Vec<_> = batch
                .iter()
                .map(|member| scope.spawn(|| ask_member(member, entry, credentials)))
                .collect();
            asked.into_iter().filter_map(|thread| thread.join().ok()).collect::<Vec<_>>()
        }));
    }
    Ok(Survey { nodes })
}

fn ask_member(member: &Member, entry: &Address, credentials: &Credentials) -> Node {
    let address = if member.is_myself { entry } else { &member.address };
    let told = Link::open(address, credentials).and_then(|mut link| ask(&mut link));
    let told = told.map_err(|stop| match stop {
        Stop::Failed(text) | Stop::NotConfirmed(text) | Stop::Interrupted(text) => {
            text.lines().next().unwrap_or_default().to_owned()
        }
    });
    let own = told.as_ref().ok().and_then(|told| told.view.iter().find(|own| own.is_myself));
    let member = match own {
        Some(own) if own.id == member.id => own.clone(),
        Some(_) | None => member.clone(),
    };
    Node { member, reached_at: address.clone(), told }
}

/// Asks one node.
pub(super) fn ask(link: &mut Link) -> Result<Told, Stop> {
    let commands = [
        vec!["CLUSTER", "NODES"],
        vec!["CLUSTER", "INFO"],
        vec!["INFO"],
        vec!["DBSIZE"],
        vec!["CLUSTER", "SHARDS"],
        vec!["CONFIG", "GET", "cluster-databases"],
        vec!["CLUSTER", "HELP"],
    ];
    let address = link.address.clone();
    let replies = link.ask_all(&commands)?;
    let reply = |number: usize| replies.get(number).unwrap_or(&Reply::Null);
    let Some(nodes) = reply(0).text() else {
        return Err(failed(
            format!("{address} is no node of a cluster: {}", reply(0)),
            format!(
                "Start it as one: redstart --port {} --cluster-enabled yes --cluster-config-file nodes.conf",
                address.port
            ),
        ));
    };
    let view = members::parse(&nodes, &address)
        .map_err(|error| failed(format!("{address}: {error}"), ""))?;
    let info = reply(2).text().unwrap_or_default();
    let field = |name: &str| {
        info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    };
    let number = |name| field(name).and_then(|text| text.parse().ok());
    let is_replica = field("role") == Some("slave");
    let id = view.iter().find(|member| member.is_myself).map(|member| member.id);
    let zone = id.and_then(|id| zone_in_shards(reply(4), id));
    let zone = zone.or_else(|| field("availability_zone").map(str::to_owned));
    Ok(Told {
        is_ok: reply(1).text().is_some_and(|text| text.contains("cluster_state:ok")),
        keys: reply(3).integer().and_then(|keys| keys.try_into().ok()).unwrap_or_default(),
        zone: zone.filter(|zone| !zone.is_empty()),
        offset: number(if is_replica { "slave_repl_offset" } else { "master_repl_offset" })
            .unwrap_or_default(),
        is_following: is_replica.then(|| field("master_link_status") == Some("up")),
        server: server(&field),
        databases: databases(reply(5)),
        hands_over: hands_over(reply(6)),
        view,
    })
}

fn server<'a>(field: &impl Fn(&str) -> Option<&'a str>) -> String {
    for (name, brand) in
        [("redstart_version", "Redstart"), ("valkey_version", "Valkey"), ("redis_version", "Redis")]
    {
        if let Some(version) = field(name) {
            return format!("{brand} {version}");
        }
    }
    String::new()
}

/// Whether MIGRATESLOTS is among the subcommands.
fn hands_over(help: &Reply) -> bool {
    let is_it = |line: &Reply| match line {
        Reply::Status(line) => line.starts_with("MIGRATESLOTS"),
        Reply::Bulk(line) => line.starts_with(b"MIGRATESLOTS"),
        Reply::Error(_) | Reply::Integer(_) | Reply::Null | Reply::Array(_) => false,
    };
    help.elements().is_some_and(|lines| lines.iter().any(is_it))
}

fn databases(reply: &Reply) -> u32 {
    let value = reply.elements().and_then(|pair| pair.get(1)?.text());
    value.and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// The zone that CLUSTER SHARDS tells of this node.
fn zone_in_shards(shards: &Reply, id: NodeId) -> Option<String> {
    let nodes = shards.elements()?.iter().filter_map(|shard| entry(shard, "nodes")?.elements());
    let own = nodes.flatten().find(|node| {
        entry(node, "id").and_then(Reply::text).is_some_and(|text| text == id.as_str())
    })?;
    entry(own, "availability-zone")?.text()
}

/// What stands behind a name in a map that came as an array.
pub(super) fn entry<'a>(map: &'a Reply, name: &str) -> Option<&'a Reply> {
    map.elements()?.chunks_exact(2).find_map(|pair| match pair {
        [Reply::Bulk(key), value] if key == name.as_bytes() => Some(value),
        _ => None,
    })
}

impl Survey {
    pub(super) fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id() == id)
    }

    /// The node that is meant by an address, an id, or the beginning of one.
    pub(super) fn find(&self, name: &str) -> Result<&Node, Stop> {
        let by_address = Address::parse(name)
            .and_then(|address| self.nodes.iter().find(|node| is_at(node, &address)));
        if let Some(node) = by_address {
            return Ok(node);
        }
        let begins = |node: &&Node| name.len() >= 4 && node.id().as_str().starts_with(name);
        let mut found = self.nodes.iter().filter(begins);
        let list = || {
            let names: Vec<String> = self.nodes.iter().map(Node::name).collect();
            format!("There are: {}", names.join(", "))
        };
        match (found.next(), found.next()) {
            (Some(node), None) => Ok(node),
            (Some(_), Some(_)) => {
                Err(failed(format!("{name} is the beginning of several ids"), list()))
            }
            (None, _) => Err(failed(format!("no node of this cluster is called {name}"), list())),
        }
    }

    /// Primaries, with slots and without, by their first slot and address.
    pub(super) fn primaries(&self) -> Vec<&Node> {
        let mut found: Vec<&Node> =
            self.nodes.iter().filter(|node| node.member.is_primary && !is_gone(node)).collect();
        found.sort_by_key(|node| {
            (node.member.slots.first().copied().unwrap_or(u16::MAX), node.member.address.clone())
        });
        found
    }

    /// The replicas of this node.
    pub(super) fn replicas(&self, id: NodeId) -> Vec<&Node> {
        let mut found: Vec<&Node> = self
            .nodes
            .iter()
            .filter(|node| !node.member.is_primary && node.member.primary == Some(id))
            .collect();
        found.sort_by_key(|node| node.member.address.clone());
        found
    }

    /// Who has each slot, as the owners themselves say.
    pub(super) fn owners(&self) -> Vec<Option<NodeId>> {
        let mut owners = vec![None; SLOT_COUNT];
        let mut epochs: BTreeMap<NodeId, u64> = BTreeMap::new();
        for node in self.primaries() {
            epochs.insert(node.id(), node.member.epoch);
            for &slot in &node.member.slots {
                let Some(owner) = owners.get_mut(usize::from(slot)) else { continue };
                let rival = owner.and_then(|id| epochs.get(&id).copied());
                if rival.is_none_or(|epoch| epoch < node.member.epoch) {
                    *owner = Some(node.id());
                }
            }
        }
        owners
    }

    pub(super) fn keys(&self) -> u64 {
        let told = |node: &&Node| node.told.as_ref().map_or(0, |told| told.keys);
        self.primaries().iter().map(told).sum()
    }
}

/// A primary that has failed and lost everything is of no more account.
fn is_gone(node: &Node) -> bool {
    node.told.is_err() && node.member.slots.is_empty()
}

fn is_at(node: &Node, address: &Address) -> bool {
    if node.address() == address || node.reached_at == *address {
        return true;
    }
    // localhost, or a name.
    node.address().port == address.port
        && address.resolve().is_ok_and(|place| place.ip().to_string() == node.address().host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zone_is_found_in_the_shards() {
        let text = |text: &str| Reply::Bulk(text.as_bytes().to_vec());
        let id = "ae84f8b139c730039b670b2fcdef9288a3ba3023";
        let node = Reply::Array(vec![
            text("id"),
            text(id),
            text("port"),
            Reply::Integer(1),
            text("availability-zone"),
            text("eu-1a"),
        ]);
        let shard = Reply::Array(vec![
            text("slots"),
            Reply::Array(vec![]),
            text("nodes"),
            Reply::Array(vec![node]),
        ]);
        let shards = Reply::Array(vec![shard]);
        let id = NodeId::parse(id.as_bytes()).unwrap();
        assert_eq!(zone_in_shards(&shards, id), Some("eu-1a".to_owned()));
        assert_eq!(zone_in_shards(&Reply::Null, id), None);
    }
}
