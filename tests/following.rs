//! The server as a replica of Valkey 9.1 and of redis-server 7.0: it gets everything, goes on from where it was, and has what they have.

use std::thread;
use std::time::Duration;

use testkit::wait::{self, PATIENCE};
use testkit::{Client, Program, Reply, Server, Setup};

/// What of `INFO replication` has this name.
fn field(client: &mut Client, name: &str) -> String {
    info_field(client, "replication", name)
}

fn info_field(client: &mut Client, section: &str, name: &str) -> String {
    let text = client.command(&["INFO", section]).text().unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.unwrap_or_default().to_owned()
}

fn setup() -> Setup {
    Setup::new().with("repl-diskless-sync-delay", &["0"])
}

/// Has one server follow another, and waits until it does.
fn follow(replica: &Server, primary: &Server) {
    let port = primary.port().to_string();
    assert_eq!(replica.client().command(&["REPLICAOF", "127.0.0.1", &port]), Reply::ok());
    await_link(replica);
}

fn await_link(replica: &Server) {
    let mut client = replica.client();
    let is_up = wait::until(PATIENCE, || field(&mut client, "master_link_status") == "up");
    assert!(is_up, "the link does not come up:\n{}", replica.log());
}

/// Waits until the replica has all that the primary has.
fn await_offset(primary: &Server, replica: &Server) {
    let (mut of_primary, mut of_replica) = (primary.client(), replica.client());
    let has_all = wait::until(PATIENCE, || {
        field(&mut of_primary, "master_repl_offset") == field(&mut of_replica, "slave_repl_offset")
    });
    assert!(has_all, "it does not come to the primary's offset:\n{}", replica.log());
}

/// Every key of a database, with its digest and whether it expires, in order.
fn digests(client: &mut Client, database: usize) -> Vec<(String, String, String)> {
    assert_eq!(client.command(&["SELECT", &database.to_string()]), Reply::ok());
    let keys = client.command(&["KEYS", "*"]);
    let mut found: Vec<_> = keys
        .items()
        .unwrap_or_default()
        .iter()
        .filter_map(Reply::text)
        .map(|key| {
            let digest =
                client.command(&["DEBUG", "DIGEST-VALUE", &key]).items().map(<[Reply]>::to_vec);
            let expiry = client.command(&["PEXPIRETIME", &key]);
            (key, format!("{digest:?}"), format!("{expiry:?}"))
        })
        .collect();
    found.sort();
    found
}

fn assert_equal(primary: &Server, replica: &Server) {
    await_offset(primary, replica);
    let (mut of_primary, mut of_replica) = (primary.client(), replica.client());
    let mut keys = 0;
    for database in 0..16 {
        let expected = digests(&mut of_primary, database);
        keys += expected.len();
        assert_eq!(digests(&mut of_replica, database), expected, "database {database}");
    }
    println!("{keys} keys are the same");
}

/// Keys of every type, in small and in large.
fn fill(client: &mut Client, prefix: &str) {
    let run = |client: &mut Client, line: String| {
        let reply = client.line(&line);
        assert!(!reply.is_error(), "{line}: {reply:?}");
    };
    let large = "x".repeat(30_000);
    for database in [0, 3, 15] {
        run(client, format!("SELECT {database}"));
        for line in [
            format!("SET {prefix}:text hello"),
            format!("SET {prefix}:number 1234"),
            format!("SET {prefix}:large {large}"),
            format!("SET {prefix}:volatile v EX 5000"),
            format!("SETRANGE {prefix}:holes 100 end"),
            format!("INCRBYFLOAT {prefix}:float 1.5"),
            format!("PFADD {prefix}:sketch a b c"),
            format!("RPUSH {prefix}:list a b 3"),
            format!("SADD {prefix}:numbers 1 2 3"),
            format!("SADD {prefix}:set a b c 1"),
            format!("HSET {prefix}:hash f v g 2"),
            format!("ZADD {prefix}:ranking 1 a 2 b 3 c"),
            format!("GEOADD {prefix}:places 13.361389 38.115556 Palermo"),
            format!("XADD {prefix}:stream 1-1 f v"),
            format!("XADD {prefix}:stream 2-1 f v g w"),
            format!("XGROUP CREATE {prefix}:stream group 0"),
            format!("XREADGROUP GROUP group alice COUNT 1 STREAMS {prefix}:stream >"),
            format!("XDEL {prefix}:stream 2-1"),
            format!("SPOP {prefix}:set"),
            format!("GETEX {prefix}:text EX 4000"),
        ] {
            run(client, line);
        }
        for number in 0..300 {
            run(client, format!("RPUSH {prefix}:long element:{number}:{}", "y".repeat(number)));
            run(client, format!("SADD {prefix}:many member:{number}"));
            run(client, format!("HSET {prefix}:fields field:{number} {number}"));
            run(client, format!("ZADD {prefix}:scores {number} member:{number}"));
        }
    }
    run(client, "SELECT 0".to_owned());
}

/// All that a primary of this program sends arrives, whichever way the snapshot takes.
fn follows(program: &Program, diskless: &str, load: &str) {
    let primary = Server::start(program, setup().with("repl-diskless-sync", &[diskless]));
    let replica = Server::start(&crate::program(), setup().with("repl-diskless-load", &[load]));
    let mut client = primary.client();
    fill(&mut client, "before");
    replica.client().command(&["SET", "old", "1"]);
    follow(&replica, &primary);
    assert_equal(&primary, &replica);
    assert_eq!(replica.client().command(&["EXISTS", "old"]), Reply::Integer(0));
    fill(&mut client, "after");
    for line in [
        "SET {t}a 1",
        "MULTI",
        "INCR {t}a",
        "SELECT 7",
        "RPUSH {t}list 1 2 3",
        "EXEC",
        "SELECT 0",
        "SET gone 1 PX 50",
        "SWAPDB 3 4",
        "SELECT 9",
        "SET flushed 1",
        "FLUSHDB",
        "SELECT 0",
    ] {
        assert!(!client.line(line).is_error(), "{line}");
    }
    // The primary removes it, and says so.
    assert!(wait::until(PATIENCE, || client.line("EXISTS gone") == Reply::Integer(0)));
    assert_equal(&primary, &replica);
    goes_on(&primary, &replica);
    client.line("FLUSHALL");
    client.line("SET last 1");
    assert_equal(&primary, &replica);
    assert_eq!(replica.client().line("DBSIZE"), Reply::Integer(1));
}

/// A link that is cut is opened again, and the stream goes on where it was: in the database that it was in.
fn goes_on(primary: &Server, replica: &Server) {
    let mut client = primary.client();
    let partial =
        |client: &mut Client| info_field(client, "stats", "sync_partial_ok").parse().unwrap_or(0);
    let before: u64 = partial(&mut client);
    client.line("SELECT 5");
    for round in 0..3 {
        client.command(&["SET", &format!("round:{round}"), "1"]);
        assert!(!client.line("CLIENT KILL TYPE replica").is_error());
        client.command(&["SET", &format!("missed:{round}"), "1"]);
        let is_back = wait::until(PATIENCE, || partial(&mut client) == before + round + 1);
        assert!(is_back, "{}", replica.log());
        await_link(replica);
        assert_equal(primary, replica);
    }
    assert_eq!(info_field(&mut client, "stats", "sync_full"), "1");
}

#[test]
fn it_follows_valkey_by_a_file() {
    follows(&Program::valkey(), "no", "disabled");
}

#[test]
fn it_follows_valkey_without_a_file_on_the_primary() {
    follows(&Program::valkey(), "yes", "disabled");
}

#[test]
fn it_follows_valkey_without_any_file() {
    follows(&Program::valkey(), "yes", "flush-before-load");
}

#[test]
fn it_follows_redis_by_a_file() {
    follows(&Program::redis(), "no", "swapdb");
}

#[test]
fn it_follows_redis_without_a_file_on_the_primary() {
    follows(&Program::redis(), "yes", "on-empty-db");
}

/// The error that a command gets.
fn error(client: &mut Client, line: &str) -> String {
    match client.line(line) {
        Reply::Error(text) => text,
        reply => panic!("{line} is not refused: {reply:?}"),
    }
}

/// What a replica tells and refuses, on any server.
fn told(program: &Program) -> Vec<String> {
    let mut primary = Server::start(&Program::valkey(), setup());
    let replica = Server::start(program, setup());
    let mut client = replica.client();
    follow(&replica, &primary);
    await_offset(&primary, &replica);
    let port = primary.port().to_string();
    let mut told = vec![
        error(&mut client, "SET a 1"),
        error(&mut client, "REPLICAOF 127.0.0.1 99999"),
        error(&mut client, "WAIT 0 1"),
        format!("{:?}", client.command(&["SLAVEOF", "127.0.0.1", &port])),
        format!("{:?}", client.line("MULTI")),
        error(&mut client, "SET a 1"),
        error(&mut client, "EXEC"),
        format!("{:?}", client.line("PUBLISH c m")),
        format!("{:?}", client.line("GET a")),
    ];
    let names = |client: &mut Client| {
        let text = client.line("INFO replication").text().unwrap_or_default();
        let names = text.lines().filter_map(|line| Some(line.split_once(':')?.0.to_owned()));
        // What one of the two tells and the other does not.
        let own = ["replicas_repl_buffer", "replicas_waiting_psync", "write_acks"];
        names
            .filter(|name| !own.iter().any(|own| name.starts_with(own)))
            .collect::<Vec<_>>()
            .join(" ")
    };
    told.push(names(&mut client));
    let role = client.line("ROLE");
    let role = role.items().unwrap_or_default();
    told.push(format!("{:?} {:?}", role[0], role[3]));
    client.line("CONFIG SET replica-serve-stale-data no");
    primary.kill();
    let is_down = wait::until(PATIENCE, || field(&mut client, "master_link_status") == "down");
    assert!(is_down);
    told.push(error(&mut client, "GET a"));
    told.push(error(&mut client, "SET a 1"));
    told.push(error(&mut client, "PING"));
    told.push(names(&mut client));
    client.line("CONFIG SET replica-serve-stale-data yes");
    told.push(format!("{:?}", client.line("GET a")));
    told.push(format!("{:?}", client.line("REPLICAOF NO ONE")));
    told.push(format!("{:?}", client.line("SET a 1")));
    told.push(format!("{:?}", client.line("CONFIG GET replicaof")));
    told.push(names(&mut client));
    told
}

#[test]
fn a_replica_tells_and_refuses_what_valkey_does() {
    assert_eq!(told(&crate::program()), told(&Program::valkey()));
}

/// Keys whose time has come are hidden on a replica, and go when the primary says so.
#[test]
fn keys_go_when_the_primary_says_so() {
    let primary = Server::start(&Program::valkey(), setup());
    let replica = Server::start(&crate::program(), setup());
    follow(&replica, &primary);
    let (mut of_primary, mut of_replica) = (primary.client(), replica.client());
    of_primary.line("DEBUG SET-ACTIVE-EXPIRE 0");
    of_primary.line("SET short 1 PX 30");
    await_offset(&primary, &replica);
    assert!(wait::until(PATIENCE, || of_replica.line("GET short").is_null()));
    assert_eq!(of_replica.line("DBSIZE"), Reply::Integer(1), "it is hidden");
    // Long enough for some cycles of active expiry.
    thread::sleep(Duration::from_millis(500));
    assert_eq!(of_replica.line("DBSIZE"), Reply::Integer(1), "it is not removed");
    assert!(of_primary.line("GET short").is_null());
    await_offset(&primary, &replica);
    assert_eq!(of_replica.line("DBSIZE"), Reply::Integer(0), "the primary has found it");
}

/// What a replica has is in its append-only file, and of another primary nothing else is.
#[test]
fn the_append_only_file_has_what_the_primary_has() {
    let primary = Server::start(&Program::valkey(), setup());
    let mut replica = Server::start(&crate::program(), setup().with("appendonly", &["yes"]));
    replica.client().line("SET own 1");
    fill(&mut primary.client(), "before");
    follow(&replica, &primary);
    fill(&mut primary.client(), "after");
    await_offset(&primary, &replica);
    let mut client = replica.client();
    let is_rewritten = wait::until(PATIENCE, || {
        info_field(&mut client, "persistence", "aof_rewrite_in_progress") == "0"
            && info_field(&mut client, "persistence", "aof_rewrites") != "0"
    });
    assert!(is_rewritten, "{}", replica.log());
    let expected: Vec<_> =
        (0..16).map(|database| digests(&mut primary.client(), database)).collect();
    drop(primary);
    replica.kill();
    replica.restart();
    let mut client = replica.client();
    let loaded: Vec<_> = (0..16).map(|database| digests(&mut client, database)).collect();
    assert_eq!(loaded, expected);
}

/// A replica that is stopped and started again with its snapshot goes on from there.
#[test]
fn a_replica_goes_on_after_a_restart() {
    let primary = Server::start(&Program::valkey(), setup());
    let port = primary.port().to_string();
    let setup = setup().with("save", &["3600 1"]).with("replicaof", &["127.0.0.1", &port]);
    let mut replica = Server::start(&crate::program(), setup);
    await_link(&replica);
    let mut client = primary.client();
    client.line("SELECT 2");
    client.line("SET a 1");
    assert_equal(&primary, &replica);
    replica.client().send_raw(b"SHUTDOWN\r\n").expect("it reads");
    assert!(replica.await_exit(PATIENCE).is_some(), "it ends");
    client.line("SET b 2");
    replica.restart();
    await_link(&replica);
    assert_equal(&primary, &replica);
    assert_eq!(info_field(&mut client, "stats", "sync_partial_ok"), "1", "{}", replica.log());
}
