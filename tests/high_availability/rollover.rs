//! From Redis or Valkey to the server under test while applications go on, and back again: nothing is lost.

use testkit::{Kind, Program, Reply};

use super::application::{Way, now_ms};
use super::deployment::{APPLICATION, Deployment, SERVERS, Variant, eventually};
use super::member::Member;
use super::network::Host;
use super::sentinel::returns_as_replica;

/// A field of a replica, as a Sentinel knows it.
fn known(sentinel: &Member, replica: Host, field: &str) -> Option<String> {
    let Reply::Array(replicas) = sentinel.ask("SENTINEL REPLICAS mymaster") else {
        return None;
    };
    let texts = |reply: &Reply| -> Vec<String> {
        let Reply::Array(parts) = reply else { return Vec::new() };
        parts.iter().filter_map(Reply::text).collect()
    };
    let named = |fields: &Vec<String>, name: &str| {
        let mut pairs = fields.chunks(2);
        pairs.find(|pair| pair[0] == name).map(|pair| pair[1].clone())
    };
    let all: Vec<Vec<String>> = replicas.iter().map(texts).collect();
    let replica = all.iter().find(|fields| named(fields, "ip") == Some(replica.address()))?;
    named(replica, field)
}

fn set_priority(deployment: &Deployment, server: Host, priority: &str) {
    let order = format!("CONFIG SET replica-priority {priority}");
    assert_eq!(deployment.server(server).ask(&order), Reply::ok());
}

/// A failover to a host. Writes rest until it has all of them, and the old primary, which does not know of it for some
/// seconds, refuses them when it has lost its replicas.
fn hand_over(deployment: &Deployment, from: Host, to: Host) {
    let sentinel = &deployment.sentinels[0];
    let replicas = || SERVERS.into_iter().filter(|host| *host != from);
    let priority = |host: Host| if host == to { "1" } else { "100" };
    replicas().for_each(|host| set_priority(deployment, host, priority(host)));
    let knows = |host: Host| {
        known(sentinel, host, "slave-priority").as_deref() == Some(priority(host))
            && known(sentinel, host, "flags").as_deref() == Some("slave")
    };
    assert!(eventually(|| replicas().all(knows)), "the Sentinel asks all 10 seconds");

    let old = deployment.server(from);
    assert_eq!(old.ask("CLIENT PAUSE 10000 WRITE"), Reply::ok());
    let has_all =
        || deployment.server(to).info("slave_repl_offset") == old.info("master_repl_offset");
    assert!(eventually(has_all), "the replica catches up");
    assert_eq!(sentinel.ask("SENTINEL FAILOVER mymaster"), Reply::ok());
    assert_eq!(deployment.await_failover(from, &SERVERS), to);
    returns_as_replica(deployment, from, to);
    set_priority(deployment, to, "100");
}

fn there_and_back(old: &Program) {
    let program = crate::program();
    let deployment = Deployment::watched([old, old, &program], Variant::Plain);
    let [first, _, ours] = SERVERS;
    let mut application = deployment.application(APPLICATION, Way::Sentinel, "app");
    application.await_progress(0);
    hand_over(&deployment, first, ours);
    application.await_progress(now_ms());
    hand_over(&deployment, ours, first);
    application.await_progress(now_ms());
    application.stop();
    deployment.assert_equal_contents();
    let missing = application.missing(&mut deployment.server(ours).client());
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn redis_hands_over_and_takes_back() {
    // Redis 7.0 does not read what Valkey 9 sends: there, Valkey rolls over to itself.
    let is_valkey = crate::program().kind == Kind::Valkey;
    there_and_back(&if is_valkey { Program::valkey() } else { Program::redis() });
}

#[test]
fn valkey_hands_over_and_takes_back() {
    let is_redis = crate::program().kind == Kind::Redis;
    there_and_back(&if is_redis { Program::redis() } else { Program::valkey() });
}
