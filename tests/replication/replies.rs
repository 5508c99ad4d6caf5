//! What commands of replication answer, command by command, as the oracle answers.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use testkit::transcript::render;
use testkit::wait::{self, PATIENCE};
use testkit::{Client, Program, Reply, Server, Setup};

use super::load::Over;
use super::nodes::{await_all, await_replicas, await_up, field, follow, is_up, setup, told};
use super::ours;

/// A primary, one that may follow it, and what they have answered.
struct Couple {
    primary: Server,
    replica: Server,
    answers: Vec<String>,
}

/// Who is asked.
#[derive(Clone, Copy, Debug)]
enum Who {
    Primary,
    Replica,
}

impl Couple {
    fn start(program: &Program, setup: Setup) -> Couple {
        // The stream does not go on by itself.
        let setup = setup.with("repl-ping-replica-period", &["3600"]);
        let (primary, replica) =
            (Server::start(program, setup.clone()), Server::start(program, setup));
        Couple { primary, replica, answers: Vec::new() }
    }

    fn join(&self) {
        follow(&self.replica, &self.primary);
        await_up(&self.replica);
        await_all(&self.replica, &self.primary);
        let is_online = || {
            let slave = field(&mut self.primary.client(), "slave0");
            slave.is_some_and(|slave| slave.contains("state=online"))
        };
        assert!(wait::until(PATIENCE, is_online), "{}", told(&self.primary, "slave0"));
    }

    fn client(&self, who: Who) -> Client {
        match who {
            Who::Primary => self.primary.client(),
            Who::Replica => self.replica.client(),
        }
    }

    /// Asks, on one connection, and notes what is answered. `PRIMARY` and `REPLICA` in a line are ports.
    fn ask(&mut self, who: Who, lines: &[&str]) {
        let mut client = self.client(who);
        let ports = [self.primary.port(), self.replica.port()].map(|port| port.to_string());
        for line in lines {
            let sent = line.replace("PRIMARY", &ports[0]).replace("REPLICA", &ports[1]);
            let reply = render(&client.line(&sent)).join(" ");
            let reply = reply.replace(&ports[0], "PRIMARY").replace(&ports[1], "REPLICA");
            self.answers.push(format!("{who:?}> {line}: {reply}"));
        }
    }
}

/// Runs the same on the server under test and on the oracle: they answer alike.
fn compare(run: fn(&Program) -> Vec<String>) {
    let (ours, oracle) = (run(&ours()), run(&Program::valkey()));
    assert_eq!(ours.len(), oracle.len());
    let pairs = ours.iter().zip(&oracle).filter(|(ours, oracle)| ours != oracle);
    let differ: Vec<String> =
        pairs.map(|(ours, oracle)| format!("ours:   {ours}\noracle: {oracle}")).collect();
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

fn alone(program: &Program) -> Vec<String> {
    let mut couple = Couple::start(program, setup());
    couple.ask(
        Who::Primary,
        &[
            "ROLE",
            "WAIT 0 0",
            "WAIT 1 50",
            "WAIT x 0",
            "WAIT 1 x",
            "WAIT 1 -1",
            "WAIT -1 0",
            "WAIT 1 9223372036854775807",
            "WAIT 1",
            "WAITAOF 0 0 0",
            "WAITAOF 1 0 0",
            "WAITAOF 2 0 0",
            "WAITAOF -1 0 0",
            "WAITAOF 0 1 50",
            "WAITAOF 0 1 -1",
            "WAITAOF 0 x 0",
            "WAITAOF 0 1 9223372036854775807",
            "FAILOVER",
            "FAILOVER ABORT",
            "FAILOVER ABORT NOW",
            "FAILOVER TIMEOUT 0",
            "FAILOVER TIMEOUT x",
            "FAILOVER TO 127.0.0.1",
            "FAILOVER TO 127.0.0.1 REPLICA",
            "FAILOVER TO 127.0.0.1 x",
            "FAILOVER FORCE",
            "FAILOVER TO 127.0.0.1 REPLICA FORCE",
            "FAILOVER SIDEWAYS",
            "REPLICAOF NO ONE",
            "REPLICAOF 127.0.0.1 x",
            "REPLICAOF 127.0.0.1 70000",
            "REPLICAOF 127.0.0.1",
            "SLAVEOF NO ONE",
            "REPLCONF",
            "REPLCONF one",
            "REPLCONF listening-port",
            "REPLCONF listening-port x",
            "REPLCONF listening-port 1234",
            "REPLCONF ip-address localhost",
            "REPLCONF capa eof capa psync2 capa what-there-is-not-yet",
            "REPLCONF nonsense 1",
            "REPLCONF rdb-only x",
            "REPLCONF rdb-only 2",
            "REPLCONF version x",
            "REPLCONF version 9.1.2.3",
            "REPLCONF version 9.1.2",
            "PSYNC ?",
            "CONFIG SET min-replicas-to-write 1",
            "SET key value",
            "GET key",
            "DEL key",
            "MULTI",
            "SET key value",
            "EXEC",
            "MULTI",
            "GET key",
            "EXEC",
            "CONFIG SET min-replicas-max-lag 0",
            "SET key value",
            "CONFIG SET min-replicas-max-lag 10",
            "CONFIG SET min-replicas-to-write 0",
            "SET key value",
        ],
    );
    couple.answers
}

#[test]
fn a_primary_without_replicas_answers_as_the_oracle() {
    compare(alone);
}

fn together(program: &Program) -> Vec<String> {
    let mut couple = Couple::start(program, setup());
    couple.join();
    couple.ask(
        Who::Primary,
        &[
            "WAIT 1 0",
            "SET key value",
            "WAIT 1 0",
            "WAIT 2 50",
            "WAITAOF 0 0 0",
            "WAITAOF 0 1 50",
            "MULTI",
            "WAIT 1 0",
            "EXEC",
            "CONFIG SET min-replicas-to-write 1",
            "SET key value",
            "CONFIG SET min-replicas-to-write 2",
            "SET key value",
            "CONFIG SET min-replicas-to-write 0",
            "FAILOVER TO 127.0.0.1 PRIMARY",
            "FAILOVER TO 127.0.0.1 70000",
            "FAILOVER TO 127.0.0.1 REPLICA FORCE",
            "FAILOVER FORCE",
            "CONFIG SET appendonly yes",
        ],
    );
    let aof = |server: &Server| {
        let mut client = server.client();
        let is_over = || {
            ["aof_rewrite_in_progress", "aof_rewrite_scheduled"]
                .iter()
                .all(|name| field(&mut client, name).as_deref() == Some("0"))
        };
        assert!(wait::until(PATIENCE, is_over), "the rewrite ends");
    };
    aof(&couple.primary);
    couple.ask(Who::Primary, &["SET key value", "WAITAOF 1 0 0", "WAITAOF 1 1 50"]);
    couple.ask(Who::Replica, &["CONFIG SET appendonly yes"]);
    aof(&couple.replica);
    couple.ask(Who::Primary, &["SET key value", "WAITAOF 1 1 0", "WAITAOF 1 2 50"]);
    couple.ask(
        Who::Replica,
        &[
            "REPLICAOF 127.0.0.1 PRIMARY",
            "WAIT 1 0",
            "WAITAOF 0 1 0",
            "FAILOVER",
            "SET key value",
            "GET key",
            "MULTI",
            "SET key value",
            "EXEC",
            "CONFIG SET replica-read-only no",
            "SET own value",
            "CONFIG SET replica-read-only yes",
            "SET own value",
            "CLIENT LIST TYPE slave",
        ],
    );
    // Its primary is gone.
    couple.primary.kill();
    assert!(wait::until(PATIENCE, || !is_up(&couple.replica)), "the link is down");
    couple.ask(
        Who::Replica,
        &[
            "GET key",
            "CONFIG SET replica-serve-stale-data no",
            "GET key",
            "SET key value",
            "PING",
            "INFO nothing",
            "MULTI",
            "GET key",
            "EXEC",
            "PSYNC ? -1",
            "SYNC",
            "CONFIG SET replica-serve-stale-data yes",
            "GET key",
            "REPLICAOF NO ONE",
            "SET key value",
        ],
    );
    couple.answers
}

#[test]
fn a_primary_and_its_replica_answer_as_the_oracle() {
    compare(together);
}

#[test]
fn nobody_waits_for_a_file_that_has_ended() {
    // One that has everything, and one whose first base takes long.
    let there = setup().with("appendonly", &["yes"]).with("appendfsync", &["no"]);
    let begun = setup().with("rdb-key-save-delay", &["10000000"]);
    for (setup, begins) in [(there, "PING"), (begun, "CONFIG SET appendonly yes")] {
        for program in [ours(), Program::valkey()] {
            let server = Server::start(&program, setup.clone());
            let mut client = server.client();
            for line in ["SET key value", begins, "SET key value"] {
                assert!(!client.line(line).is_error(), "{line}");
            }
            client.send_raw(b"WAITAOF 1 0 0\r\n").expect("it listens");
            let waits = || told(&server, "blocked_clients") == "1";
            assert!(wait::until(PATIENCE, waits), "{}", told(&server, "blocked_clients"));
            assert_eq!(server.client().line("CONFIG SET appendonly no"), Reply::ok());
            let reply = render(&client.reply().expect("a reply")).join(" ");
            let expected = "(error) ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";
            assert_eq!(reply, expected, "{:?}, {begins}", program.kind);
        }
    }
}

/// ROLE without offsets, which count what each brand puts into its stream.
fn roles(program: &Program) -> Vec<String> {
    let couple = Couple::start(program, setup());
    couple.join();
    let mut told = Vec::new();
    for who in [Who::Primary, Who::Replica] {
        let reply = couple.client(who).line("ROLE");
        let ports = [couple.primary.port(), couple.replica.port()].map(|port| port.to_string());
        told.push(render(&without_offsets(&reply, &ports)).join(" "));
    }
    let mut client = couple.replica.client();
    assert_eq!(client.line("REPLICAOF 127.0.0.1 1"), Reply::ok());
    let connects = || {
        let state = client.line("ROLE");
        let state = state.items().and_then(|items| items.get(3)?.text()).unwrap_or_default();
        state == "connect" || state == "connecting"
    };
    assert!(wait::until(PATIENCE, connects), "nobody listens there");
    let offset = client.line("ROLE").items().and_then(|items| items.get(4)?.integer());
    assert_eq!(offset, Some(-1), "there is none without a link");
    assert_eq!(field(&mut client, "master_link_status").as_deref(), Some("down"));
    assert!(field(&mut client, "master_link_down_since_seconds").is_some(), "Sentinel wants it");
    told
}

fn without_offsets(reply: &Reply, ports: &[String]) -> Reply {
    if let Some(items) = reply.items() {
        return Reply::Array(items.iter().map(|item| without_offsets(item, ports)).collect());
    }
    match reply.text() {
        Some(text) if ports[0] == text => Reply::bulk("the primary's"),
        Some(text) if ports[1] == text => Reply::bulk("the replica's"),
        Some(text) if text.parse::<i64>().is_ok_and(|offset| offset >= 0) => Reply::bulk("0"),
        _ => reply.clone(),
    }
}

#[test]
fn role_is_told_as_the_oracle_tells_it() {
    compare(roles);
}

/// The names of INFO replication and of a replica's line in it.
fn names(program: &Program) -> Vec<String> {
    let couple = Couple::start(program, setup());
    let mut told = Vec::new();
    let mut note = |who: &str, server: &Server| {
        let text = server.client().line("INFO replication").text().expect("INFO is text");
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let (name, value) = line.split_once(':').expect("a name and a value");
            let value = if name.starts_with("slave0") {
                let names = value.split(',').map(|pair| pair.split('=').next().unwrap_or_default());
                names.collect::<Vec<_>>().join(",")
            } else {
                String::new()
            };
            told.push(format!("{who} {name} {value}"));
        }
    };
    note("alone", &couple.primary);
    couple.join();
    note("primary", &couple.primary);
    note("replica", &couple.replica);
    told
}

#[test]
fn info_has_the_fields_of_the_oracle() {
    let (ours, oracle) = (names(&ours()), names(&Program::valkey()));
    let missing: Vec<&String> = oracle.iter().filter(|name| !ours.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:#?} of\n{ours:#?}");
}

/// Waits until a failover is over, and says how it stands then.
fn await_failover(server: &Server) -> String {
    let is_over = || told(server, "master_failover_state") == "no-failover";
    assert!(wait::until(PATIENCE, is_over), "{}", told(server, "master_failover_state"));
    told(server, "role")
}

/// Writes that begin before and end behind a failover: a client goes to the new primary where it is told to.
fn changes_places(replica: &Program, primary: &Program, order: &str) {
    let (primary, replica) = (Server::start(primary, setup()), Server::start(replica, setup()));
    let port = replica.port().to_string();
    follow(&replica, &primary);
    await_up(&replica);
    await_replicas(&primary, 1);
    let is_over = AtomicBool::new(false);
    let written = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut client = primary.client();
            let mut number = 0_u64;
            while !is_over.load(SeqCst) {
                let reply = client.line(&format!("SET {number} value"));
                if let Reply::Error(text) = &reply {
                    assert!(text.starts_with("READONLY"), "{text}");
                    return number;
                }
                assert_eq!(reply, Reply::ok());
                number += 1;
            }
            panic!("the primary becomes no replica")
        });
        let over = Over(&is_over);
        let is_written = || primary.client().line("DBSIZE").integer() > Some(100);
        assert!(wait::until(PATIENCE, is_written), "nobody writes");
        assert_eq!(primary.client().line(&order.replace("PORT", &port)), Reply::ok(), "{order}");
        let is_replica = || told(&primary, "role") == "slave";
        assert!(wait::until(PATIENCE, is_replica), "{}", primary.log());
        // A client that is paused is told, too.
        assert!(wait::until(PATIENCE, || writer.is_finished()), "the writer is not told");
        drop(over);
        writer.join().expect("it ends")
    });
    assert_eq!(await_failover(&primary), "slave");
    let is_primary = || told(&replica, "role") == "master";
    assert!(wait::until(PATIENCE, is_primary), "the other takes over");
    await_up(&primary);
    await_all(&primary, &replica);
    println!("{written} keys were written before");
    assert_eq!(replica.client().line("DBSIZE").integer(), i64::try_from(written).ok());
    assert_eq!(replica.client().line("SET after value"), Reply::ok());
    await_all(&primary, &replica);
    assert_eq!(primary.client().line("GET after").text().as_deref(), Some("value"));
    assert_eq!(told(&replica, "sync_full"), "0", "nothing had to be sent again");
}

#[test]
fn ours_and_ours_change_places() {
    changes_places(&ours(), &ours(), "FAILOVER");
    changes_places(&ours(), &ours(), "FAILOVER TO 127.0.0.1 PORT TIMEOUT 10000");
}

#[test]
fn ours_and_valkey_change_places() {
    changes_places(&ours(), &Program::valkey(), "FAILOVER TO 127.0.0.1 PORT");
    changes_places(&Program::valkey(), &ours(), "FAILOVER TO 127.0.0.1 PORT");
}

/// A failover that waits for a replica that stands still: writers wait meanwhile, and go on when it is given up.
fn is_given_up(program: &Program, orders: &[&str], given_up: &str) {
    let mut couple = Couple::start(program, setup());
    couple.join();
    couple.replica.signal("STOP");
    assert_eq!(couple.primary.client().line("SET key old"), Reply::ok());
    couple.ask(Who::Primary, orders);
    let mut writer = couple.primary.client();
    if given_up == "FAILOVER ABORT" {
        assert_eq!(told(&couple.primary, "master_failover_state"), "waiting-for-sync");
        writer.send_raw(b"SET key new\r\n").expect("it listens");
        writer.set_limit(Duration::from_millis(200));
        assert!(writer.reply().is_err(), "writers wait");
        assert_eq!(couple.primary.client().line("GET key").text().as_deref(), Some("old"));
        couple.ask(Who::Primary, &["FAILOVER", "FAILOVER FORCE", "PSYNC ? -1"]);
        couple.ask(Who::Primary, &["SYNC"]);
        couple.ask(Who::Primary, &["FAILOVER ABORT"]);
        writer.set_limit(PATIENCE);
        assert_eq!(writer.reply().expect("a reply"), Reply::ok());
    }
    assert_eq!(await_failover(&couple.primary), "master");
    assert_eq!(couple.primary.client().line("SET key newer"), Reply::ok());
    couple.replica.signal("CONT");
    await_all(&couple.replica, &couple.primary);
    assert_eq!(couple.replica.client().line("GET key").text().as_deref(), Some("newer"));
    let expected: Vec<String> = match given_up {
        "FAILOVER ABORT" => vec![
            format!("Primary> {}: OK", orders[0]),
            "Primary> FAILOVER: (error) ERR FAILOVER already in progress.".into(),
            "Primary> FAILOVER FORCE: (error) ERR FAILOVER already in progress.".into(),
            "Primary> PSYNC ? -1: (error) NOMASTERLINK Can't SYNC while failing over".into(),
            "Primary> SYNC: (error) NOMASTERLINK Can't SYNC while failing over".into(),
            "Primary> FAILOVER ABORT: OK".into(),
        ],
        _ => vec![format!("Primary> {}: OK", orders[0])],
    };
    assert_eq!(couple.answers, expected);
}

#[test]
fn a_failover_is_given_up_when_told_or_when_its_time_is_over() {
    for program in [ours(), Program::valkey()] {
        is_given_up(&program, &["FAILOVER"], "FAILOVER ABORT");
        is_given_up(&program, &["FAILOVER TIMEOUT 300"], "the timeout");
    }
}
