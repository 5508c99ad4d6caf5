//! Replies that wait for a replica: what was acknowledged is there when the primary is gone.
//!
//! `REPLICATION_KILLS=50` kills a primary so often.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use testkit::wait::{self, PATIENCE};
use testkit::{Client, Kind, Program, Reply, Server};

use super::nodes::{await_replicas, await_up, count, follow, promote, setup};
use super::{number, ours};

const KILLS: u64 = 3;

/// How many clients write.
const WRITERS: usize = 8;

/// How many values are acknowledged before the primary is killed, and how many more each time it is.
const ACKNOWLEDGED: usize = 1500;
const ACKNOWLEDGED_MORE: usize = 137;

/// How many keys are asked for at once.
const KEYS_MAX: u64 = 500;

/// How a client knows that a replica has what it wrote.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Promise {
    /// It does not.
    None,
    /// By `write-acks 1`: there is a reply.
    Reply,
    /// By `WAIT 1`, which other servers know, too.
    Wait,
}

impl Promise {
    /// The strongest that a server gives.
    fn of(program: &Program) -> Promise {
        if program.kind == Kind::Redstart { Promise::Reply } else { Promise::Wait }
    }

    /// Writes values until the primary is gone; how many were acknowledged.
    fn write(self, mut client: Client, writer: usize, all: &AtomicUsize) -> u64 {
        for number in 1.. {
            let set = client.try_command(&["SET", &key(writer, number), &number.to_string()]);
            let Ok(reply) = set else { return number - 1 };
            assert_eq!(reply, Reply::ok(), "writer {writer}: a replica is there all the time");
            if self == Promise::Wait {
                let Ok(reply) = client.try_command(&["WAIT", "1", "0"]) else { return number - 1 };
                assert_eq!(reply, Reply::Integer(1), "writer {writer}: one has it");
            }
            all.fetch_add(1, SeqCst);
        }
        unreachable!("the primary is killed before");
    }
}

fn key(writer: usize, number: u64) -> String {
    format!("{writer}:{number}")
}

/// What became of the values of one primary.
#[derive(Debug)]
struct Outcome {
    acknowledged: u64,
    missing: u64,
}

/// Kills a primary under load, makes its replica the primary, and counts.
fn kill(replica: &Program, primary: &Program, promise: Promise, round: u64) -> Outcome {
    let (mut primary, replica) = (Server::start(primary, setup()), Server::start(replica, setup()));
    follow(&replica, &primary);
    await_up(&replica);
    await_replicas(&primary, 1);
    // One that is there is in sync when it has said so.
    assert_eq!(primary.client().line("WAIT 1 0").integer(), Some(1));
    if promise == Promise::Reply {
        assert_eq!(primary.client().line("CONFIG SET write-acks 1"), Reply::ok());
    }
    let all = AtomicUsize::new(0);
    let enough = ACKNOWLEDGED + ACKNOWLEDGED_MORE * round as usize;
    let last = Mutex::new([0; WRITERS]);
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let client = primary.client();
            let (all, last) = (&all, &last);
            scope.spawn(move || {
                let number = promise.write(client, writer, all);
                last.lock().expect("nobody panics while holding it")[writer] = number;
            });
        }
        let is_written = wait::until(PATIENCE * 3, || all.load(SeqCst) >= enough);
        primary.kill();
        assert!(is_written, "only {} values are acknowledged", all.load(SeqCst));
    });
    promote(&replica);
    let mut client = replica.client();
    let mut outcome = Outcome { acknowledged: 0, missing: 0 };
    for (writer, last) in last.into_inner().expect("nobody has panicked").into_iter().enumerate() {
        let missing = missing(&mut client, writer, last);
        outcome.acknowledged += last;
        outcome.missing += missing.len() as u64;
        // What one connection has written is one after the other in the stream.
        let tail: Vec<u64> = (last + 1 - missing.len() as u64..=last).collect();
        assert_eq!(missing, tail, "writer {writer}: others are missing than the last ones");
    }
    outcome
}

/// Which of a writer's values are not there. One that is there is right.
fn missing(client: &mut Client, writer: usize, last: u64) -> Vec<u64> {
    let mut missing = Vec::new();
    for first in (1..=last).step_by(KEYS_MAX as usize) {
        let numbers: Vec<u64> = (first..=last.min(first + KEYS_MAX - 1)).collect();
        let keys = numbers.iter().map(|number| key(writer, *number));
        let command: Vec<String> = ["MGET".to_owned()].into_iter().chain(keys).collect();
        let reply = client.command(&command);
        for (number, value) in numbers.into_iter().zip(reply.items().expect("an array")) {
            if value.is_null() {
                missing.push(number);
            } else {
                assert_eq!(value.text(), Some(number.to_string()), "writer {writer}");
            }
        }
    }
    missing
}

fn nothing_is_lost(replica: &Program, primary: &Program, promise: Promise) {
    for round in 0..number("REPLICATION_KILLS", KILLS) {
        let outcome = kill(replica, primary, promise, round);
        println!("{promise:?}, kill {round}: {outcome:?}");
        assert_eq!(outcome.missing, 0, "kill {round}: {outcome:?}");
    }
}

#[test]
fn what_was_acknowledged_is_on_the_replica() {
    nothing_is_lost(&ours(), &ours(), Promise::of(&ours()));
}

#[test]
fn what_was_acknowledged_is_on_a_replica_that_is_valkey() {
    nothing_is_lost(&Program::valkey(), &ours(), Promise::of(&ours()));
}

#[test]
fn what_wait_has_counted_is_on_the_replica() {
    nothing_is_lost(&ours(), &ours(), Promise::Wait);
}

/// Without a promise the last values may be gone, and only these. How many is told, beside Valkey.
#[test]
fn what_nobody_waited_for_may_be_gone() {
    for program in [ours(), Program::valkey()] {
        let kills = number("REPLICATION_KILLS", KILLS);
        let outcomes = (0..kills).map(|round| kill(&program, &program, Promise::None, round));
        let all: Vec<Outcome> = outcomes.collect();
        let sum = |figure: fn(&Outcome) -> u64| all.iter().map(figure).sum::<u64>();
        println!(
            "{:?}: {} of {} acknowledged values missing after {kills} kills",
            program.kind,
            sum(|one| one.missing),
            sum(|one| one.acknowledged)
        );
    }
}

/// A primary whose only replica stands still, with `write-acks 1`.
fn with_replica_that_stands_still(setup: testkit::Setup) -> (Server, Server) {
    let primary = Server::start(&ours(), setup.clone());
    let mut replica = Server::start(&ours(), setup);
    let mut client = primary.client();
    assert_eq!(client.line("SET key old"), Reply::ok());
    follow(&replica, &primary);
    await_up(&replica);
    assert_eq!(client.line("WAIT 1 0").integer(), Some(1));
    assert_eq!(client.line("CONFIG SET write-acks 1"), Reply::ok());
    assert_eq!(client.line("SET key old"), Reply::ok());
    replica.signal("STOP");
    (primary, replica)
}

/// Whether the server under test has `write-acks`; another one in its place has not.
fn has_write_acks() -> bool {
    let is_there = ours().kind == Kind::Redstart;
    if !is_there {
        println!("left out: {:?} has no write-acks", ours().kind);
    }
    is_there
}

#[test]
fn what_is_not_acknowledged_is_not_shown() {
    if !has_write_acks() {
        return;
    }
    let (primary, mut replica) =
        with_replica_that_stands_still(setup().with("write-acks-timeout", &["60000"]));
    let offset = count(&primary, "master_repl_offset");
    let mut writer = primary.client();
    writer.send_raw(b"SET key replaced\r\n").expect("it listens");
    let is_run = || count(&primary, "master_repl_offset") > offset;
    assert!(wait::until(PATIENCE, is_run), "executing does not wait");
    // Each with what it was and what it will be.
    let questions = [
        ("GET key", Reply::bulk("old"), Reply::bulk("replaced")),
        ("STRLEN key", Reply::Integer(3), Reply::Integer(8)),
        (
            "MGET key other",
            Reply::Array(vec![Reply::bulk("old"), Reply::NullBulk]),
            Reply::Array(vec![Reply::bulk("replaced"), Reply::NullBulk]),
        ),
    ];
    let mut waiting = Vec::new();
    for (question, old, new) in questions {
        let mut reader = primary.client();
        reader.set_limit(Duration::from_millis(300));
        match reader.try_command(&question.split(' ').collect::<Vec<_>>()) {
            Ok(reply) => assert_eq!(reply, old, "{question}"),
            Err(_) => waiting.push((question, new, reader)),
        }
    }
    // Who asks for another key, or for none, is answered.
    let mut stranger = primary.client();
    stranger.set_limit(PATIENCE);
    assert_eq!(stranger.line("GET other"), Reply::NullBulk);
    assert_eq!(stranger.line("PING"), Reply::Status("PONG".into()));
    writer.set_limit(Duration::from_millis(100));
    assert!(writer.reply().is_err(), "nobody has it but the primary");
    replica.signal("CONT");
    writer.set_limit(PATIENCE);
    assert_eq!(writer.reply().expect("a reply"), Reply::ok());
    for (question, new, mut reader) in waiting {
        reader.set_limit(PATIENCE);
        assert_eq!(reader.reply().expect("a reply"), new, "{question}");
    }
    assert_eq!(replica.client().line("GET key").text().as_deref(), Some("replaced"));
}

#[test]
fn a_write_that_no_replica_takes_in_time_may_be_refused_or_not() {
    if !has_write_acks() {
        return;
    }
    for policy in ["refuse", "degrade"] {
        let setup =
            setup().with("write-acks-timeout", &["300"]).with("write-acks-policy", &[policy]);
        let (primary, mut replica) = with_replica_that_stands_still(setup);
        let mut client = primary.client();
        let reply = client.line("SET key new");
        println!("{policy}: {reply:?}");
        assert_eq!(reply.is_error(), policy == "refuse", "{reply:?}");
        // The connection goes on.
        assert_eq!(client.line("PING"), Reply::Status("PONG".into()));
        replica.signal("CONT");
        let is_ok = || client.line("SET key newer") == Reply::ok();
        assert!(wait::until(PATIENCE, is_ok), "the replica is back");
        assert_eq!(replica.client().line("GET key").text().as_deref(), Some("newer"));
        replica.kill();
        await_replicas(&primary, 0);
        let reply = client.line("SET key newest");
        assert_eq!(reply.is_error(), policy == "refuse", "without a replica: {reply:?}");
    }
}
