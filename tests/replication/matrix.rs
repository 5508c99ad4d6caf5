//! Primaries and replicas of all brands: what one writes, the other has, whichever way all that is there was sent first.
//!
//! `REPLICATION_SEED=<number>` writes the same again, `REPLICATION_COMMANDS=<number>` more or less of it.

use std::thread;

use testkit::{Program, Reply, Server};

use super::keys::{Common, assert_same};
use super::load::Load;
use super::nodes::{await_up, follow, setup, syncs};
use super::{number, ours};

/// Commands of one writer in each of three parts.
const COMMANDS: u64 = 1000;

/// A replica comes to a primary that is written to, by each way of sending all that is there.
fn follows(replica: &Program, primary: &Program) {
    for is_diskless in ["no", "yes"] {
        let setup = setup().with("repl-diskless-sync", &[is_diskless]);
        let (primary, replica) =
            (Server::start(primary, setup.clone()), Server::start(replica, setup));
        let common = Common::of(&[&primary, &replica]);
        let mut load = Load {
            common: common.clone(),
            seed: crate::seed("REPLICATION_SEED"),
            commands: number("REPLICATION_COMMANDS", COMMANDS) as usize,
            expires: true,
        };
        let mut client = primary.client();
        crate::rdb::fill(&mut client, common.has_field_times());
        assert_eq!(client.line("DEBUG POPULATE 5000 populated 500"), Reply::ok());
        // What a replica has of its own goes.
        replica.client().line("SET own value");
        load.run_next(&primary);
        let during = load.clone();
        thread::scope(|scope| {
            let writer = scope.spawn(|| during.run(&primary));
            follow(&replica, &primary);
            await_up(&replica);
            writer.join().expect("it is written");
        });
        load.seed = load.seed.wrapping_add(1);
        load.run_next(&primary);
        assert_same(&replica, &primary, &common);
        let once = syncs(&primary);
        assert_eq!((once.full, once.partial), (1, 0));
        let refused = Reply::Error("READONLY You can't write against a read only replica.".into());
        assert_eq!(replica.client().line("SET own value"), refused);
    }
}

#[test]
fn ours_follows_ours() {
    follows(&ours(), &ours());
}

#[test]
fn ours_follows_valkey() {
    follows(&ours(), &Program::valkey());
}

#[test]
fn ours_follows_redis_7_0() {
    follows(&ours(), &Program::redis());
}

#[test]
fn valkey_follows_ours() {
    follows(&Program::valkey(), &ours());
}

#[test]
fn redis_7_0_follows_ours() {
    follows(&Program::redis(), &ours());
}
