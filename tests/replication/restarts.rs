//! Servers that end and come back: what they have saved tells whom they followed and how far, so that nothing has to be sent again.

use std::fs;

use testkit::wait::{self, PATIENCE};
use testkit::{Program, Reply, Server, Setup};

use super::keys::{Common, assert_same};
use super::load::Load;
use super::nodes::{
    Syncs, await_all, await_replicas, await_up, follow, has_all, is_up, setup, syncs, told,
};
use super::ours;

const COMMANDS: usize = 500;

/// One that saves at its end, and whose stream does not go on by itself.
fn saving() -> Setup {
    setup().with("save", &["3600", "1000000"]).with("repl-ping-replica-period", &["3600"])
}

fn load(common: &Common) -> Load {
    let seed = crate::seed("REPLICATION_SEED");
    Load { common: common.clone(), seed, commands: COMMANDS, expires: false }
}

/// Ends a server in good order.
fn shut_down(server: &mut Server) {
    server.client().send_raw(b"SHUTDOWN\r\n").expect("it listens");
    let status = server.await_exit(PATIENCE).unwrap_or_else(|| panic!("{}", server.log()));
    assert!(status.success(), "{status}");
}

fn primary_comes_back(replica: &Program, primary: &Program) {
    let (mut primary, replica) =
        (Server::start(primary, saving()), Server::start(replica, saving()));
    let common = Common::of(&[&primary, &replica]);
    let mut load = load(&common);
    load.run_next(&primary);
    follow(&replica, &primary);
    await_up(&replica);
    load.run_next(&primary);
    await_all(&replica, &primary);
    shut_down(&mut primary);
    assert!(wait::until(PATIENCE, || !is_up(&replica)), "the link is down");
    primary.restart();
    await_up(&replica);
    load.run_next(&primary);
    assert_same(&replica, &primary, &common);
    assert_eq!(syncs(&primary), Syncs { full: 0, partial: 1, refused: 0 });
    // What it has not saved it does not know: the replica gets all that there is now.
    primary.kill();
    primary.restart();
    await_up(&replica);
    assert_same(&replica, &primary, &common);
    assert_eq!(syncs(&primary), Syncs { full: 1, partial: 0, refused: 1 });
}

#[test]
fn ours_as_the_primary_of_ours() {
    primary_comes_back(&ours(), &ours());
}

#[test]
fn ours_as_the_primary_of_valkey() {
    primary_comes_back(&Program::valkey(), &ours());
}

#[test]
fn valkey_as_the_primary_of_ours() {
    primary_comes_back(&ours(), &Program::valkey());
}

#[test]
fn redis_7_0_as_the_primary_of_ours() {
    primary_comes_back(&ours(), &Program::redis());
}

/// What has expired while a primary was away, and what it therefore does not load, its replica is told to remove.
fn what_has_expired_meanwhile_goes(replica: &Program, primary: &Program) {
    let (mut primary, replica) =
        (Server::start(primary, saving()), Server::start(replica, saving()));
    follow(&replica, &primary);
    await_up(&replica);
    let mut client = primary.client();
    assert_eq!(client.line("DEBUG SET-ACTIVE-EXPIRE 0"), Reply::ok());
    for line in ["SELECT 3", "SET gone value PX 1", "SELECT 5", "SET stays value"] {
        assert_eq!(client.line(line), Reply::ok(), "{line}");
    }
    await_all(&replica, &primary);
    shut_down(&mut primary);
    primary.restart();
    await_up(&replica);
    await_all(&replica, &primary);
    assert_eq!(syncs(&primary), Syncs { full: 0, partial: 1, refused: 0 });
    assert_eq!(told(&primary, "rdb_last_load_keys_expired"), "1");
    let keyspace = replica.client().line("INFO keyspace").text().expect("INFO is text");
    assert!(keyspace.contains("db5:keys=1") && !keyspace.contains("db3"), "{keyspace}");
}

#[test]
fn ours_tells_of_what_has_expired_meanwhile() {
    what_has_expired_meanwhile_goes(&ours(), &ours());
    what_has_expired_meanwhile_goes(&Program::valkey(), &ours());
}

#[test]
fn valkey_tells_of_what_has_expired_meanwhile() {
    what_has_expired_meanwhile_goes(&ours(), &Program::valkey());
}

fn replica_comes_back(replica: &Program, primary: &Program) {
    let primary = Server::start(primary, setup());
    let port = primary.port().to_string();
    let following = saving().with("replicaof", &["127.0.0.1", &port]);
    let mut replica = Server::start(replica, following);
    let common = Common::of(&[&primary, &replica]);
    let mut load = load(&common);
    load.run_next(&primary);
    await_all(&replica, &primary);
    let goes_on = |replica: &Server, load: &mut Load, expected: Syncs| {
        let comes = || has_all(replica, &primary) && syncs(&primary) == expected;
        assert!(wait::until(PATIENCE, comes), "{:?}, not {expected:?}", syncs(&primary));
        load.run_next(&primary);
        assert_same(replica, &primary, &common);
    };
    let mut expected = Syncs { full: 1, partial: 0, refused: 0 };
    goes_on(&replica, &mut load, expected);
    // What it has saved says how far it was.
    shut_down(&mut replica);
    await_replicas(&primary, 0);
    load.run_next(&primary);
    replica.restart();
    expected.partial += 1;
    goes_on(&replica, &mut load, expected);
    // What it has saved is older now, and the primary still has what it has written since.
    replica.kill();
    await_replicas(&primary, 0);
    replica.restart();
    expected.partial += 1;
    goes_on(&replica, &mut load, expected);
    // It knows nothing.
    replica.kill();
    await_replicas(&primary, 0);
    fs::remove_file(replica.directory().join("dump.rdb")).expect("it was saved");
    replica.restart();
    expected.full += 1;
    goes_on(&replica, &mut load, expected);
}

#[test]
fn ours_as_a_replica_of_ours() {
    replica_comes_back(&ours(), &ours());
}

#[test]
fn ours_as_a_replica_of_valkey() {
    replica_comes_back(&ours(), &Program::valkey());
}

#[test]
fn valkey_as_a_replica_of_ours() {
    replica_comes_back(&Program::valkey(), &ours());
}

/// With an append-only file it is that which is loaded, and it does not tell of offsets.
#[test]
fn a_replica_with_an_append_only_file_gets_all_and_keeps_it() {
    let mut primary = Server::start(&Program::valkey(), setup());
    let port = primary.port().to_string();
    let following = setup().with("appendonly", &["yes"]).with("replicaof", &["127.0.0.1", &port]);
    let mut replica = Server::start(&ours(), following);
    let common = Common::of(&[&primary, &replica]);
    let mut load = load(&common);
    load.run_next(&primary);
    assert_same(&replica, &primary, &common);
    load.run_next(&primary);
    assert_same(&replica, &primary, &common);
    let digest = |server: &Server| server.client().line("DEBUG DIGEST");
    let wanted = digest(&primary);
    primary.kill();
    replica.kill();
    replica.restart();
    let is_loaded = || digest(&replica) == wanted;
    assert!(wait::until(PATIENCE, is_loaded), "{:?}, not {wanted:?}", digest(&replica));
    assert_eq!(replica.client().line("REPLICAOF NO ONE"), Reply::ok());
}
