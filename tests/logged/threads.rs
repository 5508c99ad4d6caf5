//! Several threads that write at once: the log has what happened to each key in its order, and begins between two commands.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use base::{Rng, UnixMillis};
use engine::Access;
use testkit::model;
use testkit::transcript::Environment;
use testkit::wait::{self, PATIENCE};

use super::replay::{assert_same, client, keys, replayed_here};
use super::{Command, WORKER, commands, run, take_log};
use crate::in_process::{WORKERS, World};

const COMMANDS: usize = 10_000;

/// How many commands there are to one that may wait.
const COMMANDS_PER_WAIT: usize = 20;

/// A time that does not pass: what expires is due at once or never.
const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

fn words(line: &str) -> Command {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

/// Random commands with some among them that wait a little for what others may bring.
fn with_waits(seed: u64) -> Vec<Command> {
    const WAITS: [&str; 5] = [
        "BLMOVE list0 list1 LEFT RIGHT 0.01",
        "BLPOP list1 list0 0.01",
        "BLMPOP 0.01 2 list2 list0 RIGHT COUNT 3",
        "BZPOPMIN zset0 zset1 0.01",
        "XREADGROUP GROUP g0 c0 BLOCK 10 STREAMS stream0 stream1 > >",
    ];
    let mut rng = Rng::from_seed(seed);
    let mut all = Vec::new();
    for some in model::commands(seed, COMMANDS, true).chunks(COMMANDS_PER_WAIT) {
        all.extend_from_slice(some);
        // Behind a transaction that a chunk may have divided, it is one of its commands.
        all.push(words(WAITS[rng.below(WAITS.len() as u64) as usize]));
    }
    all
}

#[test]
fn what_threads_write_at_once_is_logged_in_its_order() {
    let seed = crate::seed("LOG_SEED");
    let environment = Environment::default();
    let world = Arc::new(World::at(&environment, NOW));
    world.node.begin_log(node::LogUser::File, WORKER, world.now(), |_, _| ());
    let mut clients: Vec<_> = (0..WORKERS).map(|_| client(&world)).collect();
    thread::scope(|scope| {
        for (number, client) in clients.iter_mut().enumerate() {
            let commands = with_waits(seed.wrapping_add(number as u64));
            scope.spawn(move || run(client, &commands));
        }
    });
    let original = &mut clients[0];
    for line in ["DISCARD", "SELECT 0"] {
        original.line(line);
    }
    let wanted = keys(original);
    let log = commands(&take_log(&world));
    println!("{} commands logged, {} keys left", log.len(), wanted.len());
    assert_same(&format!("LOG_SEED={seed}"), &replayed_here(&environment, &log), &wanted);
}

/// The keys that are counted up.
const COUNTERS: u64 = 50;

/// How often logging begins.
const CUTS: usize = 10;

fn counter(number: u64) -> String {
    format!("counter:{number}")
}

/// What the counters are.
type Counts = BTreeMap<String, i64>;

/// Waits until so many commands more have changed something.
fn await_changes(world: &World, count: u64) {
    let changes = || world.node.keyspace.tallies().map(engine::Tally::changes).sum::<u64>();
    let enough = changes() + count;
    assert!(wait::until(PATIENCE, || changes() >= enough), "the threads write");
}

fn counts(all: &mut Access<'_>) -> Counts {
    let mut value = |name: &String| {
        let mut view = all.view();
        let record = view.peek(name.as_bytes())?;
        if let engine::Value::Integer(value) = record.value() { Some(value) } else { None }
    };
    let mut counts = Counts::new();
    for name in (0..COUNTERS).map(counter) {
        let count = value(&name).unwrap_or(0);
        counts.insert(name, count);
    }
    counts
}

#[test]
fn logging_begins_between_two_commands() {
    let seed = crate::seed("LOG_SEED");
    let world = Arc::new(World::at(&Environment::default(), NOW));
    let mut clients: Vec<_> = (1..WORKERS).map(|_| client(&world)).collect();
    let is_over = &AtomicBool::new(false);
    let (mut cuts, mut log) = (Vec::new(), Vec::new());
    thread::scope(|scope| {
        let mut rngs = Rng::from_seed(seed);
        for client in &mut clients {
            let mut rng = rngs.fork();
            scope.spawn(move || {
                while !is_over.load(Relaxed) {
                    let names = (0..20).map(|_| counter(rng.below(COUNTERS)));
                    let increments = names.map(|name| words(&format!("INCR {name}")));
                    run(client, &increments.collect::<Vec<_>>());
                }
            });
        }
        for _ in 0..CUTS {
            await_changes(&world, 500);
            let cut = |all: &mut Access<'_>, offset| (offset, counts(all));
            cuts.push(world.node.begin_log(node::LogUser::File, WORKER, world.now(), cut));
            log.extend(take_log(&world));
        }
        await_changes(&world, 500);
        is_over.store(true, Relaxed);
    });
    log.extend(take_log(&world));
    let first = cuts[0].0;
    assert_eq!(world.node.log_end(), first + log.len() as u64, "offsets count bytes");
    let last = world.node.begin_log(node::LogUser::File, WORKER, world.now(), |all, _| counts(all));
    for (offset, before) in cuts {
        let mut after = before;
        let mut behind = commands(&log[(offset - first) as usize..]).into_iter();
        assert_eq!(behind.next(), Some(words("SELECT 0")), "it stands for itself");
        for command in behind.filter(|command| command[0] == b"INCR") {
            let name = String::from_utf8_lossy(&command[1]).into_owned();
            *after.get_mut(&name).unwrap_or_else(|| panic!("what is {command:?}?")) += 1;
        }
        assert_eq!(after, last, "LOG_SEED={seed}: from {offset} on");
    }
}
