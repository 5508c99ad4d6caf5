//! Messages between nodes of all three brands in one cluster: each reaches whom it should, in the form that its receiver takes.

use std::time::Duration;

use base::Slot;
use testkit::{Client, Cluster, Folder, Program, Protocol, Reply, Server, Setup, wait};

use crate::bus_security::{counter, secret_file};

/// Long enough for a busy machine; nobody fails in these tests.
const NODE_TIMEOUT: Duration = Duration::from_secs(15);
const LIMIT: Duration = Duration::from_secs(30);

/// Two nodes of ours that seal what they tell each other, a Valkey and a Redis.
fn mixed(folder: &Folder) -> Cluster {
    let secret = secret_file(folder, "secret", &["0123456789abcdef"]);
    let (ours, valkey, redis) = (crate::program(), Program::valkey(), Program::redis());
    let sealing = || {
        Setup::cluster(NODE_TIMEOUT)
            .with("cluster-bus-auth", &["optional"])
            .with("cluster-secret", &[&secret])
    };
    let nodes = vec![
        Server::start(&ours, sealing()),
        Server::start(&ours, sealing()),
        Server::start(&valkey, Setup::cluster(NODE_TIMEOUT)),
        Server::start(&redis, Setup::cluster(NODE_TIMEOUT)),
    ];
    Cluster::of(nodes)
}

/// A client that listens.
fn listener(server: &Server, protocol: Protocol, command: &str, channel: &str) -> Client {
    let mut client = server.client_speaking(protocol);
    client.set_limit(LIMIT);
    client.send_raw(format!("{command} {channel}\r\n").as_bytes()).expect("the server takes it");
    assert_eq!(message(&mut client), [&command.to_lowercase(), channel, "1"]);
    client
}

/// The parts of the message that comes next.
fn message(client: &mut Client) -> Vec<String> {
    let Ok(Reply::Array(parts) | Reply::Push(parts)) = client.reply() else {
        panic!("no message comes")
    };
    let text = |part: &Reply| {
        if let Reply::Integer(number) = part {
            return number.to_string();
        }
        part.text().unwrap_or_default()
    };
    parts.iter().map(text).collect()
}

/// A channel whose slot the node of this index owns, of `count`.
fn channel_of(index: usize, count: usize) -> String {
    let slots = base::SLOT_COUNT;
    let owned = slots * index / count..slots * (index + 1) / count;
    let mut names = (0..).map(|number| format!("channel-{number}"));
    let found =
        names.find(|name| owned.contains(&usize::from(Slot::of_key(name.as_bytes()).number())));
    found.expect("some name has a slot of it")
}

#[test]
fn messages_reach_every_node_of_every_brand_in_the_form_that_it_takes() {
    let folder = Folder::new();
    let cluster = mixed(&folder);
    // Links of ours are sealed a moment after they have shown what they can.
    let sealed =
        || cluster.nodes[..2].iter().all(|node| counter(node, "cluster_bus_links_sealed") == 2);
    assert!(wait::until(LIMIT, sealed), "two links between two nodes are sealed");
    let mut listeners: Vec<Client> = cluster
        .nodes
        .iter()
        .map(|node| listener(node, Protocol::Resp2, "SUBSCRIBE", "news"))
        .collect();
    let sent = |node: &Server| counter(node, "cluster_stats_pubsub_bytes_sent");
    let received = |node: &Server| counter(node, "cluster_stats_pubsub_bytes_received");
    // 16 or 2256 bytes of header, two lengths, a channel and a text.
    let bytes_of = |channel: &str, text: &str| {
        let body = (8 + channel.len() + text.len()) as u64;
        2 * (16 + body) + 2256 + body
    };
    // Light headers are for links that have been introduced: it takes a few pings.
    for node in &cluster.nodes[..3] {
        let light = || {
            let before = sent(node);
            node.client().command(&["PUBLISH", "nobody", "x"]);
            sent(node) - before == bytes_of("nobody", "x")
        };
        assert!(wait::until(LIMIT, light), "{:?} sends no light headers", node.program().kind);
    }
    let counts =
        || cluster.nodes[..3].iter().map(|node| (sent(node), received(node))).collect::<Vec<_>>();
    let before = counts();
    for (from, node) in cluster.nodes.iter().enumerate() {
        let text = format!("from {from}");
        assert_eq!(node.client().command(&["PUBLISH", "news", &text]), Reply::Integer(1));
        for (to, listener) in listeners.iter_mut().enumerate() {
            assert_eq!(message(listener), ["message", "news", &text], "{from} to {to}");
        }
    }
    // Light for all but Redis, which sends full headers only.
    let bytes = bytes_of("news", "from 0");
    for ((node, before), after) in cluster.nodes.iter().zip(before).zip(counts()) {
        let kind = node.program().kind;
        assert_eq!((after.0 - before.0, after.1 - before.1), (bytes, bytes), "{kind:?}");
    }
    for node in &cluster.nodes[..2] {
        assert_eq!(counter(node, "cluster_bus_packets_malformed"), 0);
    }
    for node in &cluster.nodes[2..] {
        assert!(!node.log().contains("Bad message length"), "{}", node.log());
        assert!(!node.log().contains("unknown packet type"), "{}", node.log());
    }
}

#[test]
fn messages_to_shard_channels_reach_the_shard_alone_and_its_end_is_told() {
    let folder = Folder::new();
    let mut cluster = mixed(&folder);
    let primary = 0;
    let owner_id = cluster.nodes[primary].client().command(&["CLUSTER", "MYID"]).text();
    let owner_id = owner_id.expect("it has an id");
    // A Valkey follows our first node.
    let replica = Server::start(&Program::valkey(), Setup::cluster(NODE_TIMEOUT));
    let port = cluster.nodes[primary].port().to_string();
    replica.client().command(&["CLUSTER", "MEET", "127.0.0.1", &port]);
    let follows = wait::until(LIMIT, || {
        replica.client().command(&["CLUSTER", "REPLICATE", &owner_id]) == Reply::ok()
    });
    assert!(follows, "the replica does not follow: {}", replica.log());
    cluster.nodes.push(replica);
    let all_know = || {
        cluster.nodes.iter().all(|node| {
            let view = node.client().command(&["CLUSTER", "NODES"]).text().unwrap_or_default();
            let replicas = view.lines().filter(|line| line.contains("slave")).collect::<Vec<_>>();
            let known = |line: &&str| line.contains(&owner_id) && line.contains(" connected");
            replicas.len() == 1 && replicas.iter().all(known)
        })
    };
    assert!(wait::until(LIMIT, all_know), "all see one replica");
    let replica = &cluster.nodes[4];
    let synced = || {
        let info = replica.client().command(&["INFO", "replication"]).text().unwrap_or_default();
        info.contains("master_link_status:up")
    };
    assert!(wait::until(LIMIT, synced), "{}", replica.log());

    let channel = channel_of(primary, 4);
    let mut listeners: Vec<Client> = [primary, 4]
        .map(|node| listener(&cluster.nodes[node], Protocol::Resp2, "SSUBSCRIBE", &channel))
        .into();
    listeners.push(listener(&cluster.nodes[primary], Protocol::Resp3, "SSUBSCRIBE", &channel));
    for from in [primary, 4] {
        let text = format!("from {from}");
        let told = cluster.nodes[from].client().command(&["SPUBLISH", &channel, &text]);
        assert!(matches!(told, Reply::Integer(1 | 2)), "{told:?}");
        for listener in &mut listeners {
            assert_eq!(message(listener), ["smessage", &channel, &text]);
        }
    }
    // Who is not of the shard gets nothing, and sends whoever asks to its owner.
    let slot = Slot::of_key(channel.as_bytes()).number();
    for other in [1, 2, 3] {
        assert_eq!(
            counter_or_zero(&cluster.nodes[other], "cluster_stats_messages_publishshard_received"),
            0
        );
        let told = cluster.nodes[other].client().command(&["SPUBLISH", &channel, "x"]);
        assert_eq!(told, Reply::Error(format!("MOVED {slot} 127.0.0.1:{port}")));
    }
    // The slot goes to the Valkey primary: those who listen at its old owner are told.
    let new_owner = cluster.nodes[2].client().command(&["CLUSTER", "MYID"]).text().expect("an id");
    let take = ["CLUSTER", "SETSLOT", &slot.to_string(), "NODE", &new_owner];
    assert_eq!(cluster.nodes[2].client().command(&take), Reply::ok());
    for listener in &mut listeners {
        assert_eq!(message(listener), ["sunsubscribe", &channel, "0"]);
    }
}

fn counter_or_zero(node: &Server, name: &str) -> u64 {
    let info = node.client().command(&["CLUSTER", "INFO"]).text().unwrap_or_default();
    if info.contains(&format!("{name}:")) { counter(node, name) } else { 0 }
}
