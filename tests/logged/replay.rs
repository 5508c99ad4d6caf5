//! What was logged, run again on an empty server, makes the same keys: here, and on the oracle.
//!
//! `LOG_SEED=<number>` runs the commands of a seed again, `LOG_COMMANDS=<number>` more or fewer.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base::UnixMillis;
use testkit::transcript::{Environment, Target};
use testkit::{Client, Program, Reply, Server, Setup, model};

use super::{AOF, Command, WORKER, aof, commands, compare, number, run, take_log};
use crate::in_process::{InProcess, World};

const COMMANDS: u64 = 20_000;

/// How many commands before one that fails are told.
const TOLD: usize = 20;

/// How many commands are run before some time passes, and how much, in milliseconds.
const COMMANDS_OF_BATCH: usize = 20;
const BATCH_MS: i64 = 2;

/// How much memory keys may take where they are evicted, in bytes.
const KEYS_BYTES: u64 = 20_000;

pub(super) fn client(world: &Arc<World>) -> Client {
    Client::new(InProcess(Arc::clone(world)).connect().expect("it accepts"))
}

/// How many databases the commands use.
const DATABASES: usize = 2;

/// What the keys hold and when they expire, each with its database; and the digest of all.
#[derive(PartialEq, Debug)]
pub(super) struct Keys {
    digest: String,
    each: BTreeMap<(usize, Vec<u8>), (String, Reply)>,
}

impl Keys {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.each.len()
    }
}

/// What is left of keys whose time has not come.
pub(super) fn keys(client: &mut Client) -> Keys {
    let mut each = BTreeMap::new();
    for database in 0..DATABASES {
        client.line(&format!("SELECT {database}"));
        let found = client.line("KEYS *");
        for key in found.items().expect("an array").iter().filter_map(Reply::text) {
            let digest = client.command(&["DEBUG", "DIGEST-VALUE", &key]);
            let digest = digest.items().and_then(|items| items[0].text()).expect("a digest");
            let time = client.command(&["PEXPIRETIME", &key]);
            each.insert((database, key.into_bytes()), (digest, time));
        }
    }
    client.line("SELECT 0");
    Keys { digest: client.line("DEBUG DIGEST").text().expect("a digest is text"), each }
}

/// Fails with the keys in which the two differ.
pub(super) fn assert_same(what: &str, replayed: &Keys, wanted: &Keys) {
    let names: BTreeSet<_> = replayed.each.keys().chain(wanted.each.keys()).collect();
    let differ: Vec<_> = names
        .into_iter()
        .filter(|name| replayed.each.get(name) != wanted.each.get(name))
        .map(|(database, key)| {
            let name = (*database, key.clone());
            let (replayed, wanted) = (replayed.each.get(&name), wanted.each.get(&name));
            format!("{database} {}: {replayed:?}, not {wanted:?}", testkit::display_bytes(key))
        })
        .collect();
    assert!(differ.is_empty(), "{what}: {}", differ.join("\n"));
    assert_eq!(replayed.digest, wanted.digest, "{what}");
}

/// Runs random commands, and looks what is left when their log is run again.
fn check(settings: &[(&str, &str)], evicts: bool) {
    let seed = crate::seed("LOG_SEED");
    let count = number("LOG_COMMANDS").unwrap_or(COMMANDS);
    let random = model::commands(seed, count as usize, true);
    let start = settings.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
    let environment = Environment { start: start.collect(), ..Environment::default() };
    // In a day: what is not due in the end is not due to the oracle either.
    let start = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    let start = UnixMillis(start.as_millis() as i64 + 86_400_000);
    let world = Arc::new(World::at(&environment, start));
    world.node.begin_log(node::LogUser::File, WORKER, world.now(), |_, _| ());
    let mut original = client(&world);
    if evicts {
        let bytes = world.node.keyspace.fixed_bytes() + KEYS_BYTES;
        assert_eq!(original.line(&format!("CONFIG SET maxmemory {bytes}")), Reply::ok());
    }
    let mut log = Vec::new();
    for batch in random.chunks(COMMANDS_OF_BATCH) {
        run(&mut original, batch);
        log.extend(take_log(&world));
        world.advance(BATCH_MS);
    }
    // What is due by now goes while it is looked at, and is logged.
    let wanted = keys(&mut original);
    log.extend(take_log(&world));
    let evicted: u64 = world.node.keyspace.tallies().map(engine::Tally::evicted).sum();
    let expired: u64 = world.node.keyspace.tallies().map(engine::Tally::expired).sum();
    println!(
        "{} commands, {} bytes of log, {expired} expired, {evicted} evicted",
        random.len(),
        log.len()
    );
    assert!(expired > 0 && (evicted > 0) == evicts, "the commands did what the test is for");
    let log = commands(&log);
    let what = |who: &str| format!("LOG_SEED={seed}, replayed {who}");
    assert_same(&what("here"), &replayed_here(&environment, &log), &wanted);
    assert_same(&what("by the oracle"), &replayed_there(settings, &log), &wanted);
}

/// What a node here makes of a log.
pub(super) fn replayed_here(environment: &Environment, log: &[Command]) -> Keys {
    // At this time nothing that was logged has come to its end: the log tells when it does.
    let world = Arc::new(World::at(environment, UnixMillis(1)));
    let mut client = client(&world);
    for (at, command) in log.iter().enumerate() {
        let reply = client.command(command);
        let told = || {
            let before = &log[at.saturating_sub(TOLD)..at];
            before.iter().map(compare::line).collect::<Vec<_>>().join("\n")
        };
        assert!(!reply.is_error(), "{}\n{}: {reply:?}", told(), compare::line(command));
    }
    keys(&mut client)
}

/// What the oracle makes of it, which reads it as its AOF.
fn replayed_there(settings: &[(&str, &str)], log: &[Command]) -> Keys {
    let setup = AOF
        .iter()
        .chain(settings)
        .fold(Setup::new(), |setup, (name, value)| setup.with(name, &[value]));
    let server = Server::start(&Program::valkey(), setup);
    let mut client = server.client();
    assert_eq!(client.line("DEBUG SET-ACTIVE-EXPIRE 0"), Reply::ok());
    let bytes: Vec<u8> = log.iter().flat_map(|command| testkit::encode_command(command)).collect();
    fs::write(aof(&server), bytes).expect("its folder can be written");
    assert_eq!(client.line("DEBUG LOADAOF"), Reply::ok(), "{}", server.log());
    keys(&mut client)
}

#[test]
fn replayed_commands_make_the_same_keys() {
    check(&[("stream-node-max-entries", "3")], false);
}

#[test]
fn keys_that_were_evicted_are_not_replayed() {
    check(&[("maxmemory-policy", "allkeys-random")], true);
}
