//! One cluster of redis-server 7.0 and the server under test: each node sees all others, and sees them die.

use std::time::{Duration, Instant};

use testkit::{Client, Cluster, Program, Server, wait};

const NODE_TIMEOUT: Duration = Duration::from_secs(3);
/// Long enough for every node to have been pinged many times by every other.
const WATCH: Duration = Duration::from_secs(60);

fn lines(client: &mut Client) -> Vec<String> {
    let text = client.command(&["CLUSTER", "NODES"]).text().unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn id(server: &Server) -> String {
    server.client().command(&["CLUSTER", "MYID"]).text().unwrap_or_default()
}

/// Flags and link state of a node, as `viewer` sees it.
fn seen(viewer: &Server, node: &str) -> Option<(String, String)> {
    let line = lines(&mut viewer.client()).into_iter().find(|line| line.starts_with(node))?;
    let mut fields = line.split(' ');
    let flags = fields.nth(2)?.to_owned();
    let link = fields.nth(4)?.to_owned();
    Some((flags, link))
}

fn all_see_all(cluster: &Cluster, ids: &[String]) {
    for viewer in &cluster.nodes {
        for id in ids {
            let (flags, link) = seen(viewer, id).expect("every node is known");
            let flags = flags.replace("myself,", "");
            assert_eq!((flags.as_str(), link.as_str()), ("master", "connected"), "{id}");
        }
    }
}

fn dies(cluster: &mut Cluster, victim: usize, ids: &[String]) {
    let others: Vec<usize> = (0..cluster.nodes.len()).filter(|index| *index != victim).collect();
    cluster.nodes[victim].kill();
    for &viewer in &others {
        let marked = wait::until(Duration::from_secs(60), || {
            seen(&cluster.nodes[viewer], &ids[victim])
                .is_some_and(|(flags, _)| flags.split(',').any(|flag| flag == "fail"))
        });
        assert!(marked, "node {viewer} does not mark {victim} as failed");
    }
    cluster.nodes[victim].restart();
    cluster.await_agreement();
}

#[test]
fn nodes_of_both_kinds_see_each_other_and_see_each_other_die() {
    let (theirs, ours) = (Program::redis(), crate::program());
    let programs = [&theirs, &theirs, &theirs, &ours, &ours, &ours];
    let mut cluster = Cluster::start(&programs, NODE_TIMEOUT);
    let ids: Vec<String> = cluster.nodes.iter().map(id).collect();
    let begin = Instant::now();
    while begin.elapsed() < WATCH {
        all_see_all(&cluster, &ids);
        std::thread::sleep(Duration::from_millis(500));
    }
    dies(&mut cluster, 5, &ids);
    dies(&mut cluster, 0, &ids);
}
