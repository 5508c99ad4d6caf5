//! `redis-cli --cluster` on slots: reshard, rebalance, fix, import, add-node and del-node, and what they leave behind.

use super::NODE_TIMEOUT;
use std::collections::BTreeSet;
use std::time::Duration;
use testkit::{Cluster, Program, Reply, Server, Setup};

pub(super) const LIMIT: Duration = Duration::from_secs(240);

fn cli(arguments: &[&str]) -> String {
    let cluster: Vec<&str> =
        std::iter::once("--cluster").chain(arguments.iter().copied()).collect();
    testkit::run(&Program::tool("redis-cli"), &cluster, b"", LIMIT).expect_success()
}

pub(super) fn id(server: &Server) -> String {
    server.client().command(&["CLUSTER", "MYID"]).text().expect("every node has an id")
}

/// Writes keys of several types through whoever owns them; the digest of each.
fn fill(cluster: &Cluster, count: usize) {
    let port = cluster.nodes[0].port().to_string();
    let lines: String = (0..count)
        .map(|n| match n % 4 {
            0 => format!("SET key:{n} value:{n}\n"),
            1 => format!("HSET key:{n} f {n} g value\n"),
            2 => format!("RPUSH key:{n} a b {n}\n"),
            _ => format!("SET key:{n} {n} EX 100000\n"),
        })
        .collect();
    let tool = Program::tool("redis-cli");
    let out = testkit::run(&tool, &["-c", "-p", &port], lines.as_bytes(), LIMIT).expect_success();
    assert!(!out.contains("ERR"), "{out}");
}

/// The keys of all nodes, each of which is asked for its own; nothing stands at two.
fn keys(cluster: &Cluster) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for node in &cluster.nodes {
        let reply = node.client().command(&["KEYS", "*"]);
        for key in reply.items().expect("KEYS gives an array") {
            let key = key.text().expect("a key is text");
            assert!(all.insert(key.clone()), "{key} stands at two nodes");
        }
    }
    all
}

fn expected(count: usize) -> BTreeSet<String> {
    (0..count).map(|n| format!("key:{n}")).collect()
}

/// How many slots a node says it has.
fn slots_of(server: &Server) -> usize {
    let nodes = server.client().command(&["CLUSTER", "NODES"]).text().unwrap_or_default();
    let mine = nodes.lines().find(|line| line.contains("myself")).expect("a node knows itself");
    let range = |text: &str| match text.split_once('-') {
        Some((first, last)) => {
            last.parse::<usize>().expect("a slot") - first.parse::<usize>().expect("a slot") + 1
        }
        None => 1,
    };
    mine.split(' ').skip(8).filter(|text| !text.starts_with('[')).map(range).sum()
}

pub(super) fn is_whole(cluster: &Cluster) {
    cluster.await_agreement();
    let wait = || cli(&["check", &cluster.nodes[0].address()]);
    let mut checked = String::new();
    let is_ok = testkit::wait::until(Duration::from_secs(30), || {
        checked = wait();
        checked.contains("[OK] All nodes agree about slots configuration.")
            && checked.contains("[OK] All 16384 slots covered.")
    });
    assert!(is_ok, "{checked}");
    assert!(!checked.contains("slots are open"), "{checked}");
}

/// Slots go from node to node under the tools; no key is lost, and none stands twice.
fn moves_slots(programs: &[&Program; 3], newcomer: &Program) {
    const KEYS: usize = 3000;
    let mut cluster = Cluster::start(programs, NODE_TIMEOUT);
    fill(&cluster, KEYS);
    let first = cluster.nodes[0].address();
    let (a, b) = (id(&cluster.nodes[0]), id(&cluster.nodes[1]));
    let resharded = cli(&[
        "reshard",
        &first,
        "--cluster-from",
        &a,
        "--cluster-to",
        &b,
        "--cluster-slots",
        "100",
        "--cluster-yes",
        "--cluster-pipeline",
        "20",
    ]);
    assert!(!resharded.contains("ERR"), "{resharded}");
    is_whole(&cluster);
    let sizes: Vec<usize> = cluster.nodes.iter().map(slots_of).collect();
    assert_eq!(sizes, [5361, 5561, 5462]);
    assert_eq!(keys(&cluster), expected(KEYS));
    let rebalanced = cli(&["rebalance", &first, "--cluster-threshold", "1"]);
    assert!(rebalanced.contains("Rebalancing across 3 nodes"), "{rebalanced}");
    is_whole(&cluster);
    assert!(cluster.nodes.iter().map(slots_of).all(|size| (5461..=5462).contains(&size)));
    assert_eq!(keys(&cluster), expected(KEYS));
    // One more node comes, takes its share, gives it back, and goes.
    cluster.nodes.push(Server::start(newcomer, Setup::cluster(NODE_TIMEOUT)));
    let new = cluster.nodes[3].address();
    cli(&["add-node", &new, &first]);
    cluster.await_agreement();
    let new_id = id(&cluster.nodes[3]);
    cli(&[
        "reshard",
        &first,
        "--cluster-from",
        "all",
        "--cluster-to",
        &new_id,
        "--cluster-slots",
        "60",
        "--cluster-yes",
    ]);
    is_whole(&cluster);
    // It gives each source its share, rounded.
    assert!((58..=60).contains(&slots_of(&cluster.nodes[3])));
    assert_eq!(keys(&cluster), expected(KEYS));
    let weight = format!("{new_id}=0");
    cli(&["rebalance", &first, "--cluster-weight", &weight]);
    is_whole(&cluster);
    assert_eq!(slots_of(&cluster.nodes[3]), 0);
    cli(&["del-node", &first, &new_id]);
    cluster.nodes.pop();
    is_whole(&cluster);
    assert_eq!(keys(&cluster), expected(KEYS));
}

#[test]
fn slots_move_among_our_nodes() {
    let ours = crate::program();
    moves_slots(&[&ours; 3], &ours);
}

#[test]
fn slots_move_between_our_nodes_and_those_of_redis() {
    let (ours, redis) = (crate::program(), Program::redis());
    moves_slots(&[&ours, &redis, &ours], &redis);
}

#[test]
fn slots_move_between_our_nodes_and_those_of_valkey() {
    let (ours, valkey) = (crate::program(), Program::valkey());
    // What it finds at the first node decides what it asks a new one: of ours, nobody can ask for functions yet.
    moves_slots(&[&ours, &valkey, &valkey], &valkey);
}

/// A migration that somebody has left in its middle is brought to its end, in any state.
#[test]
fn fix_closes_slots_that_were_left_open() {
    let program = crate::program();
    let cluster = Cluster::start(&[&program; 3], NODE_TIMEOUT);
    fill(&cluster, 500);
    let ids: Vec<String> = cluster.nodes.iter().map(id).collect();
    let set = |node: usize, slot: &str, words: &[&str]| {
        let command = [&["CLUSTER", "SETSLOT", slot], words].concat();
        assert_eq!(cluster.nodes[node].client().command(&command), Reply::ok());
    };
    // Open at both ends; at the source; at the target.
    set(0, "100", &["MIGRATING", &ids[1]]);
    set(1, "100", &["IMPORTING", &ids[0]]);
    set(0, "200", &["MIGRATING", &ids[1]]);
    set(1, "300", &["IMPORTING", &ids[0]]);
    let first = cluster.nodes[0].address();
    let tool = Program::tool("redis-cli");
    let checked = testkit::run(&tool, &["--cluster", "check", &first], b"", LIMIT);
    assert!(checked.stdout.contains("The following slots are open: 300,200,100"), "{checked:?}");
    let fixed = cli(&["fix", &first]);
    assert!(fixed.contains("Fixing open slot"), "{fixed}");
    is_whole(&cluster);
    // Slots that nobody owns.
    let mut third = cluster.nodes[2].client();
    for node in &cluster.nodes {
        let reply = node.client().command(&["CLUSTER", "DELSLOTS", "16000", "16001"]);
        assert_eq!(reply, Reply::ok());
    }
    assert!(third.command(&["CLUSTER", "INFO"]).text().is_some());
    let covered = testkit::run(&tool, &["--cluster", "fix", &first], b"yes\n", LIMIT);
    assert!(covered.success(), "{covered:?}");
    is_whole(&cluster);
    assert_eq!(keys(&cluster), expected(500));
}

#[test]
fn import_brings_the_keys_of_one_server_into_a_cluster() {
    let program = crate::program();
    for source in [crate::program(), Program::redis()] {
        let cluster = Cluster::start(&[&program; 3], NODE_TIMEOUT);
        let server = Server::standalone(&source);
        let mut client = server.client();
        for n in 0..500 {
            client.command(&["SET", &format!("key:{n}"), "value"]);
        }
        let first = cluster.nodes[0].address();
        let imported = cli(&["import", &first, "--cluster-from", &server.address()]);
        assert!(!imported.contains("ERR"), "{imported}");
        assert_eq!(keys(&cluster), expected(500));
        assert_eq!(client.command(&["DBSIZE"]), Reply::Integer(0));
    }
}

#[test]
fn the_other_verbs_work_too() {
    let program = crate::program();
    let folder = testkit::Folder::new();
    let file = folder.path().join("redis.conf");
    std::fs::write(&file, "").expect("the file is written");
    // What it sets it has written into the file that a node was started with.
    let setup = || Setup::cluster(NODE_TIMEOUT).file(&file);
    let cluster = Cluster::of((0..3).map(|_| Server::start(&program, setup())).collect());
    fill(&cluster, 300);
    let first = cluster.nodes[0].address();
    let told = cli(&["info", &first]);
    assert!(told.contains("[OK] 300 keys in 3 masters."), "{told}");
    let called = cli(&["call", &first, "DBSIZE"]);
    assert_eq!(called.matches(&first[..10]).count(), 3, "{called}");
    let set = cli(&["set-timeout", &first, "7000"]);
    assert!(set.contains("3 OK") || set.contains("New node timeout set. 3 OK"), "{set}");
    for node in &cluster.nodes {
        let reply = node.client().command(&["CONFIG", "GET", "cluster-node-timeout"]);
        assert_eq!(reply.items().and_then(|two| two[1].text()).as_deref(), Some("7000"));
    }
    let folder = testkit::Folder::new();
    let path = folder.path().to_str().expect("a path is text").to_owned();
    let backup = cli(&["backup", &first, &path]);
    assert!(backup.contains("[OK] Backup created into:"), "{backup}");
    let files = std::fs::read_dir(folder.path()).expect("the folder is read").count();
    assert_eq!(files, 4, "three snapshots and nodes.json");
}
