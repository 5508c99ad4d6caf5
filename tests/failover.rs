//! Replicas in a cluster of real processes: primaries are killed, hand over and return, with nodes of all brands.
//!
//! `FAILOVER_KILLS=50` kills so many primaries under load; `FAILOVER_OURS=valkey` puts Valkey in our place there, and reports its figures.

mod writers;

use std::time::Duration;

use testkit::{Client, Cluster, Kind, Program, Reply, Server, Setup, my_id, wait};
use writers::{Written, write_during};

const NODE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long something of a cluster may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many primaries are killed where nobody says how many.
const KILLS: usize = 2;

fn ours() -> Program {
    match std::env::var("FAILOVER_OURS").as_deref() {
        Ok("valkey") => Program::valkey(),
        Ok(other) => panic!("FAILOVER_OURS={other}: only valkey"),
        Err(_) => crate::program(),
    }
}

fn kills() -> usize {
    let text = std::env::var("FAILOVER_KILLS");
    text.map_or(KILLS, |text| text.parse().expect("FAILOVER_KILLS is a number"))
}

fn info(client: &mut Client, section: &str) -> String {
    client.command(&["INFO", section]).text().unwrap_or_default()
}

fn leads(node: &Server) -> bool {
    let mut client = node.client();
    let text = client.command(&["CLUSTER", "NODES"]).text().unwrap_or_default();
    let me = text.lines().find(|line| line.contains("myself")).unwrap_or_default();
    // A primary without slots leads nobody.
    me.contains("myself,master") && me.split(' ').count() > 8
}

fn ports(cluster: &Cluster) -> Vec<u16> {
    cluster.nodes.iter().map(Server::port).collect()
}

/// A hash tag whose slot is of the shard with this number, of three.
fn tag_of(shard: usize) -> String {
    let range = (16_384 * shard / 3)..(16_384 * (shard + 1) / 3);
    let tags = (0..).map(|number| format!("t{number}"));
    let is_there = |tag: &String| range.contains(&base::Slot::of_key(tag.as_bytes()).index());
    tags.into_iter().find(is_there).expect("there are enough numbers")
}

/// The nodes of a shard, of three primaries with a replica each: who leads, and who follows.
fn pair(cluster: &Cluster, shard: usize) -> (usize, usize) {
    match leads(&cluster.nodes[shard]) {
        true => (shard, shard + 3),
        false => (shard + 3, shard),
    }
}

/// Kills the primary of a shard under load, and has it come back when its replica leads.
fn kill_primary(cluster: &mut Cluster, shard: usize) -> Written {
    let tag = tag_of(shard);
    let (old, new) = pair(cluster, shard);
    let ports = ports(cluster);
    let mut nodes: Vec<&mut Server> = cluster.nodes.iter_mut().collect();
    let victim = nodes.remove(old);
    let successor: &Server = nodes[if new < old { new } else { new - 1 }];
    let written = write_during(&ports, &tag, || victim.kill(), || leads(successor));
    if written.blocked > NODE_TIMEOUT * 2 {
        println!("blocked for {:?}; the successor:\n{}", written.blocked, successor.log());
    }
    cluster.nodes[old].restart();
    cluster.await_agreement();
    Cluster::await_link(&cluster.nodes[old]);
    written
}

#[test]
fn killed_primaries_are_replaced_and_what_was_acknowledged_stays() {
    let program = ours();
    let acks: &[&str] = if program.kind == Kind::Redstart { &["1", "0"] } else { &["0"] };
    for acks in acks {
        let mut setup = Setup::cluster(NODE_TIMEOUT);
        if program.kind == Kind::Redstart {
            // Until the old primary is back, there is nobody to confirm anything.
            setup = setup.with("write-acks", &[acks]).with("write-acks-policy", &["degrade"]);
        }
        let mut cluster = Cluster::with_replicas(&[&program; 6], setup);
        let (mut blocked, mut lost, mut acknowledged) = (Vec::new(), Vec::new(), 0);
        for round in 0..kills() {
            let shard = round % 3;
            let written = kill_primary(&mut cluster, shard);
            let (leader, _) = pair(&cluster, shard);
            acknowledged += written.count();
            lost.push(written.missing(&mut cluster.nodes[leader].client()));
            blocked.push(written.blocked);
        }
        blocked.sort_unstable();
        let total: usize = lost.iter().sum();
        println!(
            "{:?}, write-acks {acks}: {} kills, {acknowledged} writes acknowledged, {total} lost ({lost:?}); \
             blocked p50 {:?}, at most {:?}",
            program.kind,
            blocked.len(),
            blocked[blocked.len() / 2],
            blocked[blocked.len() - 1],
        );
        if *acks == "1" {
            assert_eq!(total, 0, "acknowledged writes are gone: {lost:?}");
        }
    }
}

/// Kills a primary; its replica leads, and the old primary comes back as a replica.
fn fails_over(primaries: &Program, replicas: &Program) {
    let programs = [primaries, primaries, primaries, replicas, replicas, replicas];
    let mut cluster = Cluster::with_replicas(&programs, Setup::cluster(NODE_TIMEOUT));
    let tag = tag_of(1);
    let key = format!("{{{tag}}}:before");
    assert_eq!(cluster.nodes[1].client().command(&["SET", &key, "there"]), Reply::ok());
    let has_it = || {
        let mut client = cluster.nodes[4].client();
        client.line("READONLY") == Reply::ok()
            && client.command(&["GET", &key]).text().as_deref() == Some("there")
    };
    assert!(wait::until(PATIENCE, has_it), "the replica shows what its primary has");
    cluster.nodes[1].kill();
    assert!(wait::until(PATIENCE, || leads(&cluster.nodes[4])), "{}", cluster.nodes[4].log());
    let serves = || {
        let mut client = cluster.nodes[4].client();
        client.command(&["GET", &key]).text().as_deref() == Some("there")
            && client.command(&["SET", &key, "after"]) == Reply::ok()
    };
    assert!(wait::until(PATIENCE, serves), "{}", cluster.nodes[4].log());
    cluster.nodes[1].restart();
    cluster.await_agreement();
    Cluster::await_link(&cluster.nodes[1]);
    // And back, by hand.
    let follows = |one: &Server, other: &Server| {
        let text = one.client().command(&["CLUSTER", "NODES"]).text().unwrap_or_default();
        text.lines().any(|line| line.contains("myself,slave") && line.contains(&my_id(other)))
    };
    assert!(wait::until(PATIENCE, || follows(&cluster.nodes[1], &cluster.nodes[4])));
    let asks = || cluster.nodes[1].client().line("CLUSTER FAILOVER") == Reply::ok();
    assert!(wait::until(PATIENCE, asks));
    assert!(wait::until(PATIENCE, || leads(&cluster.nodes[1])), "{}", cluster.nodes[1].log());
    assert!(wait::until(PATIENCE, || follows(&cluster.nodes[4], &cluster.nodes[1])));
    Cluster::await_link(&cluster.nodes[4]);
    assert_eq!(cluster.nodes[1].client().command(&["GET", &key]).text().as_deref(), Some("after"));
}

#[test]
fn our_replicas_take_over_from_redis() {
    fails_over(&Program::redis(), &crate::program());
}

#[test]
fn redis_replicas_take_over_from_ours() {
    fails_over(&crate::program(), &Program::redis());
}

#[test]
fn our_replicas_take_over_from_valkey() {
    fails_over(&Program::valkey(), &crate::program());
}

#[test]
fn valkey_replicas_take_over_from_ours() {
    fails_over(&crate::program(), &Program::valkey());
}

#[test]
fn a_failover_by_hand_loses_nothing_that_was_acknowledged() {
    let program = crate::program();
    let cluster = Cluster::with_replicas(&[&program; 6], Setup::cluster(NODE_TIMEOUT));
    let mut shard = (0, 3);
    for order in ["CLUSTER FAILOVER", "CLUSTER FAILOVER"] {
        let (old, new) = (&cluster.nodes[shard.0], &cluster.nodes[shard.1]);
        let syncs = |node: &Server| {
            let stats = info(&mut node.client(), "stats");
            stats.lines().find(|line| line.starts_with("sync_full")).map(str::to_owned)
        };
        let before = syncs(new);
        let hand_over = || assert_eq!(new.client().line(order), Reply::ok());
        let written = write_during(&ports(&cluster), &tag_of(0), hand_over, || leads(new));
        println!("{order}: {} writes, blocked at most {:?}", written.count(), written.blocked);
        assert!(written.count() > 0);
        assert_eq!(written.missing(&mut new.client()), 0, "{}\n{}", new.log(), old.log());
        Cluster::await_link(old);
        assert_eq!(syncs(new), before, "it goes on from where it was");
        shard = (shard.1, shard.0);
    }
    for order in ["CLUSTER FAILOVER FORCE", "CLUSTER FAILOVER TAKEOVER"] {
        let (old, new) = (&cluster.nodes[shard.0], &cluster.nodes[shard.1]);
        assert_eq!(new.client().line(order), Reply::ok());
        assert!(wait::until(PATIENCE, || leads(new)), "{}", new.log());
        Cluster::await_link(old);
        shard = (shard.1, shard.0);
    }
}

#[test]
fn a_replica_restarts_as_one_and_a_detached_one_has_nothing() {
    let program = crate::program();
    let mut cluster = Cluster::with_replicas(&[&program; 6], Setup::cluster(NODE_TIMEOUT));
    let key = format!("{{{}}}:k", tag_of(2));
    assert_eq!(cluster.nodes[2].client().command(&["SET", &key, "v"]), Reply::ok());
    cluster.nodes[5].kill();
    cluster.nodes[5].restart();
    Cluster::await_link(&cluster.nodes[5]);
    let replica = &cluster.nodes[5];
    let has_it = || replica.client().line("DBSIZE") == Reply::Integer(1);
    assert!(wait::until(PATIENCE, has_it), "{}", replica.log());
    assert_eq!(replica.client().line("CLUSTER REPLICATE NO ONE"), Reply::ok());
    assert_eq!(replica.client().line("DBSIZE"), Reply::Integer(0));
    let role = info(&mut replica.client(), "replication");
    assert!(role.contains("role:master"), "{role}");
    // And again a replica, of another shard.
    let id = my_id(&cluster.nodes[0]);
    assert_eq!(replica.client().command(&["CLUSTER", "REPLICATE", &id]), Reply::ok());
    Cluster::await_link(replica);
    assert_eq!(replica.client().line("CLUSTER RESET"), Reply::ok());
    let role = info(&mut replica.client(), "replication");
    assert!(role.contains("role:master"), "{role}");
}

#[test]
fn a_primary_that_restarts_without_its_data_gives_way_to_its_replica() {
    let program = crate::program();
    let mut cluster = Cluster::with_replicas(&[&program; 6], Setup::cluster(NODE_TIMEOUT));
    let key = format!("{{{}}}:k", tag_of(0));
    assert_eq!(cluster.nodes[0].client().command(&["SET", &key, "v"]), Reply::ok());
    let has_it = || cluster.nodes[3].client().line("DBSIZE") == Reply::Integer(1);
    assert!(wait::until(PATIENCE, has_it), "{}", cluster.nodes[3].log());
    // So quickly that nobody has missed it.
    cluster.nodes[0].kill();
    cluster.nodes[0].restart();
    let leads_with_all = || {
        let mut client = cluster.nodes[3].client();
        leads(&cluster.nodes[3]) && client.command(&["GET", &key]).text().as_deref() == Some("v")
    };
    let logs = || format!("{}\n{}", cluster.nodes[0].log(), cluster.nodes[3].log());
    assert!(wait::until(PATIENCE, leads_with_all), "{}", logs());
    Cluster::await_link(&cluster.nodes[0]);
    cluster.await_agreement();
    assert_eq!(cluster.nodes[0].client().line("DBSIZE"), Reply::Integer(1), "{}", logs());
}

#[test]
fn a_primary_that_is_told_to_end_hands_over_first() {
    let program = crate::program();
    let setup = Setup::cluster(NODE_TIMEOUT).with("shutdown-on-sigterm", &["failover"]);
    let mut cluster = Cluster::with_replicas(&[&program; 6], setup);
    let ports = ports(&cluster);
    let (ending, others) = cluster.nodes.split_first_mut().expect("there are six");
    let end = || {
        ending.signal("TERM");
        let status = ending.await_exit(PATIENCE);
        assert!(status.is_some_and(|status| status.success()), "{}", ending.log());
    };
    let written = write_during(&ports, &tag_of(0), end, || leads(&others[2]));
    println!("SIGTERM: {} writes, blocked at most {:?}", written.count(), written.blocked);
    assert_eq!(written.missing(&mut others[2].client()), 0, "{}", others[2].log());
    assert!(written.blocked < NODE_TIMEOUT, "nobody had to notice: {:?}", written.blocked);
}

/// A primary whose peers stand still is in a minority, as far as it can see.
#[test]
fn a_primary_without_a_majority_acknowledges_nothing() {
    let program = crate::program();
    let setup = Setup::cluster(NODE_TIMEOUT)
        .with("write-acks", &["1"])
        .with("write-acks-policy", &["degrade"])
        .with("write-acks-timeout", &["60000"]);
    let mut cluster = Cluster::with_replicas(&[&program; 6], setup);
    let key = format!("{{{}}}:k", tag_of(0));
    let mut client = cluster.nodes[0].client();
    client.set_limit(Duration::from_millis(100));
    assert_eq!(client.command(&["SET", &key, "0"]), Reply::ok());
    // Its own replica goes on: only the majority is missing.
    for peer in [1, 2] {
        cluster.nodes[peer].signal("STOP");
    }
    let stopped = std::time::Instant::now();
    let mut last = Duration::ZERO;
    for number in 1.. {
        let reply = client.try_command(&["SET", &key, &number.to_string()]);
        match reply {
            Ok(reply) if reply == Reply::ok() => last = stopped.elapsed(),
            // It is waited for longer, or the cluster is known to be down.
            Ok(_) | Err(_) => break,
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    for peer in [1, 2] {
        cluster.nodes[peer].signal("CONT");
    }
    println!("acknowledged for {last:?} after the majority had gone");
    assert!(last <= NODE_TIMEOUT + Duration::from_millis(200), "{last:?}");
    cluster.await_agreement();
    let serves = || {
        let mut client = cluster.nodes[0].client();
        client.command(&["SET", &key, "again"]) == Reply::ok()
    };
    assert!(wait::until(PATIENCE, serves), "{}", cluster.nodes[0].log());
}
