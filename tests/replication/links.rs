//! Links that break: a replica goes on where it was, and nothing is sent twice or left out.
//!
//! `REPLICATION_FLAPS=60` breaks each link so often, once a second.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use testkit::wait::{self, PATIENCE};
use testkit::{Program, Server};

use super::keys::{Common, assert_same};
use super::load::{Load, Over};
use super::nodes::{Syncs, await_up, count, follow, is_up, setup, syncs};
use super::{number, ours};

/// How often a link breaks, and how long it lives at least.
const FLAPS: u64 = 8;
const LIFE: Duration = Duration::from_millis(200);
/// The same where the number is given.
const LONG_LIFE: Duration = Duration::from_secs(1);

/// Commands of one writer between two looks whether it is over.
const COMMANDS: usize = 200;

/// Breaks the link, from one end or the other.
fn break_link(replica: &Server, primary: &Server, round: u64) {
    let (server, kind) =
        if round.is_multiple_of(2) { (primary, "replica") } else { (replica, "master") };
    let killed = server.client().line(&format!("CLIENT KILL TYPE {kind}"));
    assert_eq!(killed.integer(), Some(1), "{kind}: {killed:?}");
}

fn link_breaks(replica: &Program, primary: &Program) {
    let flaps = number("REPLICATION_FLAPS", FLAPS);
    let life = if std::env::var_os("REPLICATION_FLAPS").is_some() { LONG_LIFE } else { LIFE };
    let (primary, replica) = (Server::start(primary, setup()), Server::start(replica, setup()));
    let common = Common::of(&[&primary, &replica]);
    let mut load = Load {
        common: common.clone(),
        seed: crate::seed("REPLICATION_SEED"),
        commands: COMMANDS,
        expires: true,
    };
    load.run_next(&primary);
    follow(&replica, &primary);
    await_up(&replica);
    let before = syncs(&primary);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(SeqCst) {
                load.run_next(&primary);
            }
        });
        let _over = Over(&is_over);
        for round in 0..flaps {
            let begin = Instant::now();
            let offset = count(&replica, "slave_repl_offset");
            break_link(&replica, &primary, round);
            let goes_on = || {
                syncs(&primary).partial > round
                    && is_up(&replica)
                    && count(&replica, "slave_repl_offset") > offset
            };
            assert!(wait::until(PATIENCE, goes_on), "flap {round}: {:?}", syncs(&primary));
            thread::sleep(life.saturating_sub(begin.elapsed()));
        }
    });
    assert_same(&replica, &primary, &common);
    assert_eq!(syncs(&primary), Syncs { full: 1, partial: flaps, ..before });
}

#[test]
fn ours_goes_on_behind_ours() {
    link_breaks(&ours(), &ours());
}

#[test]
fn ours_goes_on_behind_valkey() {
    link_breaks(&ours(), &Program::valkey());
}

#[test]
fn ours_goes_on_behind_redis_7_0() {
    link_breaks(&ours(), &Program::redis());
}

#[test]
fn valkey_goes_on_behind_ours() {
    link_breaks(&Program::valkey(), &ours());
}

#[test]
fn redis_7_0_goes_on_behind_ours() {
    link_breaks(&Program::redis(), &ours());
}
