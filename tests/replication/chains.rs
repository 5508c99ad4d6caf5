//! Replicas of replicas: all have the same stream, and go on with it when the one in the middle becomes the primary.

use std::thread;

use testkit::wait::{self, PATIENCE};
use testkit::{Program, Reply, Server};

use super::keys::{Common, assert_same};
use super::load::Load;
use super::nodes::{Syncs, await_all, await_up, follow, is_up, promote, setup, syncs, told};
use super::ours;

const COMMANDS: usize = 500;

/// Three servers, each following the one before it, and what is written to the first.
struct Chain {
    servers: [Server; 3],
    common: Common,
    load: Load,
}

impl Chain {
    /// The last one comes while there is much to follow.
    fn start(programs: [&Program; 3]) -> Chain {
        // A ping that reaches the first alone would leave it ahead of the others.
        let setup = setup().with("repl-ping-replica-period", &["3600"]);
        let servers = programs.map(|program| Server::start(program, setup.clone()));
        let common = Common::of(&servers.each_ref());
        // Without keys that go by themselves: who is nobody's primary any more must not write.
        let mut load = Load {
            common: common.clone(),
            seed: crate::seed("REPLICATION_SEED"),
            commands: COMMANDS,
            expires: false,
        };
        let [first, middle, last] = &servers;
        load.run_next(first);
        follow(middle, first);
        await_up(middle);
        thread::scope(|scope| {
            let during = load.clone();
            let writer = scope.spawn(move || during.run(first));
            follow(last, middle);
            await_up(last);
            writer.join().expect("it is written");
        });
        load.seed = load.seed.wrapping_add(1);
        Chain { servers, common, load }
    }
}

fn promotion_in_the_middle(programs: [&Program; 3]) {
    let Chain { servers: [first, middle, last], common, mut load } = Chain::start(programs);
    load.run_next(&first);
    await_all(&last, &first);
    assert_same(&middle, &first, &common);
    assert_same(&last, &first, &common);
    let before = syncs(&middle);
    assert_eq!((syncs(&first).full, before.full, before.partial), (1, 1, 0));
    let id = told(&first, "master_replid");
    assert_eq!(
        (told(&middle, "master_replid"), told(&last, "master_replid")),
        (id.clone(), id.clone())
    );

    promote(&middle);
    let goes_on = || syncs(&middle).partial == 1 && is_up(&last);
    assert!(wait::until(PATIENCE, goes_on), "{:?}", syncs(&middle));
    assert_eq!(told(&middle, "master_replid2"), id);
    load.run_next(&middle);
    assert_same(&last, &middle, &common);

    follow(&first, &middle);
    await_up(&first);
    load.run_next(&middle);
    assert_same(&first, &middle, &common);
    assert_same(&last, &middle, &common);
    assert_eq!(syncs(&middle), Syncs { partial: 2, ..before });
    let id = told(&middle, "master_replid");
    assert_eq!((told(&first, "master_replid"), told(&last, "master_replid")), (id.clone(), id));
}

#[test]
fn ours_alone() {
    promotion_in_the_middle([&ours(), &ours(), &ours()]);
}

#[test]
fn ours_between_redis_7_0_and_valkey() {
    promotion_in_the_middle([&Program::redis(), &ours(), &Program::valkey()]);
}

#[test]
fn ours_between_valkey_and_ours() {
    promotion_in_the_middle([&Program::valkey(), &ours(), &ours()]);
}

#[test]
fn valkey_between_ours() {
    promotion_in_the_middle([&ours(), &Program::valkey(), &ours()]);
}

#[test]
fn redis_7_0_between_ours() {
    promotion_in_the_middle([&ours(), &Program::redis(), &ours()]);
}

/// What a replica has is another history when it follows another primary, and so is what its own replicas have.
#[test]
fn a_replica_that_starts_over_takes_its_own_along() {
    let programs = [&Program::valkey(), &ours(), &ours()];
    let Chain { servers: [_first, middle, last], common, mut load } = Chain::start(programs);
    let other = Server::start(&Program::valkey(), setup());
    load.run_next(&other);
    assert_eq!(other.client().line("SET only here"), Reply::ok());
    follow(&middle, &other);
    assert_same(&middle, &other, &common);
    assert_same(&last, &other, &common);
    load.run_next(&other);
    assert_same(&last, &other, &common);
    // Whoever comes back before the one in the middle has all is sent the old history once more.
    assert!(syncs(&middle).full >= 2, "{:?}", syncs(&middle));
}
