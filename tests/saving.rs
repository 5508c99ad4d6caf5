//! Snapshots of the running server: what is saved, when, what becomes of failures, and what a restart finds.

use crate::rdb::{details, digest, fill};
use std::fs;
use std::path::Path;
use std::time::Duration;
use testkit::{Client, Program, Reply, Server, Setup, wait};

const LIMIT: Duration = Duration::from_secs(20);

/// One that saves at its end, and by itself only when told to.
fn saving() -> Setup {
    Setup::new().with("save", &["3600", "1000000"])
}

fn field(client: &mut Client, name: &str) -> String {
    let info = client.line("INFO persistence").text().unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
    line.unwrap_or_else(|| panic!("no {name} in\n{info}")).trim().to_owned()
}

fn whole_digest(client: &mut Client) -> String {
    client.line("DEBUG DIGEST").text().expect("a digest")
}

fn assert_ok(reply: &Reply) {
    assert_eq!(reply, &Reply::ok());
}

/// A way to end a server, and its name.
type End = (&'static str, fn(&mut Server));

#[test]
fn every_way_to_the_end_and_back_keeps_all() {
    let mut server = Server::start(&crate::program(), saving());
    let mut client = server.client();
    fill(&mut client, true);
    for command in ["SELECT 9", "SET other 1", "SET going 1 EX 1000", "SELECT 0"] {
        assert_ok(&client.line(command));
    }
    let expected = whole_digest(&mut client);
    let ends: [End; 4] = [
        ("SIGTERM", |server| server.signal("TERM")),
        ("SHUTDOWN", |server| {
            let mut client = server.client();
            client.send_raw(b"SHUTDOWN\r\n").expect("it listens");
        }),
        ("SAVE, then kill -9", |server| {
            assert_ok(&server.client().line("SAVE"));
            server.kill();
        }),
        ("BGSAVE, then kill -9", |server| {
            let mut client = server.client();
            assert!(!client.line("BGSAVE").is_error());
            let is_over = || field(&mut client, "rdb_bgsave_in_progress") == "0";
            assert!(wait::until(LIMIT, is_over), "the save does not end");
            assert_eq!(field(&mut client, "rdb_last_bgsave_status"), "ok");
            server.kill();
        }),
    ];
    for (name, end) in ends {
        end(&mut server);
        server.await_exit(LIMIT).unwrap_or_else(|| panic!("{name}: it does not end"));
        server.restart();
        let mut client = server.client();
        assert_eq!(whole_digest(&mut client), expected, "after {name}");
        assert_eq!(client.line("TTL going").integer(), Some(-2));
        assert_ok(&client.line("SELECT 9"));
        assert!(client.line("TTL going").integer().is_some_and(|left| left > 900));
        assert_eq!(field(&mut client, "rdb_changes_since_last_save"), "0", "after {name}");
        // The next has something to lose.
        assert_ok(&client.line("SET other 2"));
        assert_ok(&client.line("SET other 1"));
    }
}

#[test]
fn nosave_loses_what_was_not_saved() {
    let mut server = Server::start(&crate::program(), saving());
    let mut client = server.client();
    assert_ok(&client.line("SET a 1"));
    assert_ok(&client.line("SAVE"));
    assert_ok(&client.line("SET a 2"));
    client.send_raw(b"SHUTDOWN NOSAVE\r\n").expect("it listens");
    server.await_exit(LIMIT).expect("it ends");
    server.restart();
    assert_eq!(server.client().line("GET a").text().as_deref(), Some("1"));
}

/// Members and scores.
fn ranking(client: &mut Client, name: &str) -> Vec<(String, f64)> {
    let reply = client.command(&["ZRANGE", name, "0", "-1", "WITHSCORES"]);
    let words: Vec<String> =
        reply.items().unwrap_or_default().iter().filter_map(Reply::text).collect();
    let pairs = words.chunks(2).map(|pair| (pair[0].clone(), pair[1].parse().expect("a score")));
    pairs.collect()
}

fn others_load_ours(program: &Program, has_times: bool) {
    let ours = Server::standalone(&crate::program());
    let mut client = ours.client();
    let names = fill(&mut client, has_times);
    assert_ok(&client.line("SAVE"));
    let mut theirs = Server::standalone(program);
    theirs.kill();
    fs::copy(ours.directory().join("dump.rdb"), theirs.directory().join("dump.rdb"))
        .expect("the file is there");
    theirs.restart();
    let mut other = theirs.client();
    assert_eq!(other.line("DBSIZE"), client.line("DBSIZE"));
    for name in names {
        if has_times || client.command(&["TYPE", &name]).text().as_deref() != Some("zset") {
            assert_eq!(digest(&mut other, &name), digest(&mut client, &name), "{name}");
        } else {
            // Redis 7.0 prints scores otherwise, for the digest, too.
            assert_eq!(ranking(&mut other, &name), ranking(&mut client, &name), "{name}");
        }
        if has_times {
            assert_eq!(details(&mut other, &name), details(&mut client, &name), "{name}");
        }
    }
}

#[test]
fn valkey_loads_what_is_saved_here() {
    others_load_ours(&Program::valkey(), true);
}

#[test]
fn redis_7_0_loads_what_is_saved_here() {
    others_load_ours(&Program::redis(), false);
}

#[test]
fn a_save_that_fails_stops_writes_until_one_does_not() {
    let server = Server::start(&crate::program(), saving());
    let mut client = server.client();
    assert_ok(&client.line("SET a 1"));
    let in_the_way = server.directory().join("dump.rdb");
    fs::create_dir(&in_the_way).expect("a folder where the file has to be");
    assert_eq!(client.line("SAVE"), Reply::Error("ERR".into()));
    assert_eq!(field(&mut client, "rdb_last_bgsave_status"), "ok", "who has asked was told");
    assert_ok(&client.line("SET a 1"));
    assert!(!client.line("BGSAVE").is_error());
    let has_failed = || field(&mut client, "rdb_last_bgsave_status") == "err";
    assert!(wait::until(LIMIT, has_failed), "{}", server.log());
    for command in ["SET a 2", "PING", "DEL a"] {
        let refused = client.line(command);
        assert!(
            matches!(&refused, Reply::Error(text) if text.starts_with("MISCONF ")),
            "{refused:?}"
        );
    }
    assert_eq!(client.line("GET a").text().as_deref(), Some("1"), "reads go on");
    let refused = Reply::Error("ERR Errors trying to SHUTDOWN. Check logs.".into());
    assert_eq!(client.line("SHUTDOWN"), refused, "nothing is lost by an end in good order");
    assert_ok(&client.line("CONFIG SET stop-writes-on-bgsave-error no"));
    assert_ok(&client.line("SET a 2"));
    assert_ok(&client.line("CONFIG SET stop-writes-on-bgsave-error yes"));
    fs::remove_dir(&in_the_way).expect("it is empty");
    assert_ok(&client.line("SAVE"));
    assert_ok(&client.line("SET a 3"));
    let left = fs::read_dir(server.directory()).expect("the folder is there");
    let names: Vec<_> = left.flatten().map(|entry| entry.file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().starts_with("temp-")), "{names:?}");
}

#[test]
fn a_save_point_saves_by_itself() {
    let setup = Setup::new().with("save", &["1", "10"]);
    let server = Server::start(&crate::program(), setup);
    let mut client = server.client();
    for number in 0..10 {
        assert_ok(&client.line(&format!("SET k{number} v")));
    }
    let path = server.directory().join("dump.rdb");
    assert!(wait::until(LIMIT, || path.exists()), "{}", server.log());
    assert!(wait::until(LIMIT, || field(&mut client, "rdb_changes_since_last_save") == "0"));
    assert!(server.log().contains("10 changes in 1 seconds. Saving..."));
}

#[test]
fn a_save_can_be_given_up_and_a_flush_gives_it_up() {
    let setup = Setup::new().with("rdb-key-save-delay", &["10000"]);
    let server = Server::start(&crate::program(), setup);
    let mut client = server.client();
    assert_ok(&client.line("DEBUG POPULATE 10000"));
    let started = Reply::Status("Background saving started".into());
    let running = Reply::Error("ERR Background save already in progress".into());
    for end in ["BGSAVE CANCEL", "FLUSHALL"] {
        assert_eq!(client.line("BGSAVE"), started);
        assert_eq!(
            (client.line("BGSAVE"), client.line("SAVE")),
            (running.clone(), running.clone())
        );
        assert_eq!(field(&mut client, "rdb_bgsave_in_progress"), "1");
        assert!(!client.line(end).is_error());
        let is_over = || field(&mut client, "rdb_bgsave_in_progress") == "0";
        assert!(wait::until(LIMIT, is_over), "{end} does not end it");
        assert_eq!(field(&mut client, "rdb_last_bgsave_status"), "ok", "{end} is no failure");
    }
    assert!(!server.directory().join("dump.rdb").exists());
}

#[test]
fn a_database_that_is_flushed_meanwhile_is_in_the_file() {
    let setup = Setup::new().with("rdb-key-save-delay", &["1000"]);
    let mut server = Server::start(&crate::program(), setup);
    let mut client = server.client();
    fill(&mut client, true);
    for line in ["DEBUG POPULATE 5000", "SELECT 1", "SET in one", "SELECT 0"] {
        assert_ok(&client.line(line));
    }
    let at_cut = whole_digest(&mut client);
    assert!(!client.line("BGSAVE").is_error());
    for line in ["FLUSHDB", "SWAPDB 0 1", "FLUSHDB", "SET after it"] {
        assert_ok(&client.line(line));
    }
    assert_eq!(field(&mut client, "rdb_bgsave_in_progress"), "1", "it was saved too fast to tell");
    assert_ok(&client.line("CONFIG SET rdb-key-save-delay 0"));
    let is_over = || field(&mut client, "rdb_bgsave_in_progress") == "0";
    assert!(wait::until(LIMIT, is_over), "the save does not end");
    server.kill();
    server.restart();
    assert_eq!(whole_digest(&mut server.client()), at_cut);
}

#[test]
fn what_was_flushed_does_not_come_back() {
    let mut server = Server::start(&crate::program(), saving());
    let mut client = server.client();
    assert_ok(&client.line("SET a 1"));
    assert_ok(&client.line("SAVE"));
    assert_ok(&client.line("FLUSHALL"));
    let saved = || field(&mut client, "rdb_changes_since_last_save") == "0";
    assert!(wait::until(LIMIT, saved), "the flush is not saved");
    server.kill();
    server.restart();
    assert_eq!(server.client().line("DBSIZE").integer(), Some(0));
}

#[test]
fn what_is_written_meanwhile_is_not_in_the_file() {
    let setup = Setup::new().with("rdb-key-save-delay", &["100"]);
    let mut server = Server::start(&crate::program(), setup);
    let mut client = server.client();
    assert_ok(&client.line("DEBUG POPULATE 5000 key 100"));
    assert_ok(&client.line("SADD set a b").integer().map_or(Reply::Null, |_| Reply::ok()));
    let at_cut = whole_digest(&mut client);
    assert!(!client.line("BGSAVE").is_error());
    let mut changes = 0;
    while field(&mut client, "rdb_bgsave_in_progress") == "1" {
        for command in ["SET key:{} x", "DEL key:{}", "APPEND key:{} y", "SET new:{} z"] {
            changes += 1;
            let key = (changes * 7919 % 5000).to_string();
            client.line(&command.replace("{}", &key));
        }
        client.line("SADD set c");
        client.line("RENAME key:17 key:18");
    }
    println!("{changes} changes while it was saved");
    assert!(changes > 100, "it was saved too fast to tell");
    server.kill();
    server.restart();
    assert_eq!(whole_digest(&mut server.client()), at_cut);
}

/// Commands that change each of the large values that [`large_values`] makes.
const LARGE_CHANGES: [&str; 22] = [
    "HSET hash marker {} field:{} changed",
    "HDEL hash field:{} field:1{}",
    "HSET hash new:{} x",
    "HPEXPIRE times 100000000 FIELDS 2 field:{} field:1{}",
    "HPERSIST times FIELDS 2 field:{} field:2{}",
    "HSET times field:{} changed",
    "SADD set new:{}",
    "SREM set marker member:{} member:1{}",
    "ZADD zset {} marker {} member:{}",
    "ZREM zset member:1{}",
    "ZADD zset {} new:{}",
    "LPUSH list new:{}",
    "RPUSH list new:{}",
    "LSET list {} changed",
    "LPOP list",
    "RPOP list",
    "LREM list 2 element:{}",
    "XADD stream * f new",
    "XDEL stream {}-1",
    "XREADGROUP GROUP group one COUNT 2 STREAMS stream >",
    "SETRANGE string {} changed",
    "APPEND string changed",
];

/// Makes large values of every type, each with something that tells whether it was changed; their names.
fn large_values(client: &mut Client) -> [&'static str; 7] {
    for number in 0..4000 {
        for command in [
            format!("HSET hash field:{number} value:{number}"),
            format!("HSET times field:{number} value:{number}"),
            format!("SADD set member:{number}"),
            format!("ZADD zset {}.5 member:{number}", number * 31 % 1000),
            format!("RPUSH list element:{number}:{}", "e".repeat(number % 90)),
            format!("XADD stream {number}-1 f {number} g value:{number}"),
            format!("APPEND string {number}:text:of:the:string:"),
        ] {
            assert!(!client.line(&command).is_error(), "{command}");
        }
    }
    let long = "l".repeat(3000);
    for command in [
        "HSET hash marker old",
        "HPEXPIREAT times 9999999999999 FIELDS 3 field:1 field:2 field:3",
        "SADD set marker",
        "ZADD zset 123.5 marker",
        "XGROUP CREATE stream group 0",
        "XREADGROUP GROUP group one COUNT 50 STREAMS stream >",
        &format!("HSET hash long {long}"),
        &format!("LSET list 7 {long}"),
    ] {
        assert!(!client.line(command).is_error(), "{command}");
    }
    ["hash", "times", "set", "zset", "list", "stream", "string"]
}

/// What other servers tell alike of the values of [`large_values`].
fn large_details(client: &mut Client) -> Vec<Reply> {
    [
        "HGET hash marker",
        "HSTRLEN hash long",
        "HPEXPIRETIME times FIELDS 4 field:1 field:2 field:3 field:4",
        "SISMEMBER set marker",
        "ZSCORE zset marker",
        "LINDEX list 17",
        "XPENDING stream group",
        "GETRANGE string 1000 1010",
    ]
    .map(|line| client.line(line))
    .to_vec()
}

#[test]
fn large_values_that_are_changed_meanwhile_are_saved_as_they_were() {
    let setup = Setup::new().with("rdb-key-save-delay", &["200"]);
    let mut server = Server::start(&crate::program(), setup);
    let mut client = server.client();
    assert_ok(&client.line("DEBUG POPULATE 5000 key 100"));
    let names = large_values(&mut client);
    let (at_cut, details) = (whole_digest(&mut client), large_details(&mut client));
    let digests = names.map(|name| digest(&mut client, name));
    assert!(!client.line("BGSAVE").is_error());
    let (mut changes, mut is_removed) = (0, false);
    while field(&mut client, "rdb_bgsave_in_progress") == "1" {
        for command in LARGE_CHANGES {
            changes += 1;
            let reply = client.line(&command.replace("{}", &(changes * 7919 % 1000).to_string()));
            assert!(is_removed || !reply.is_error(), "{command}: {reply:?}");
        }
        if changes > 2000 && !is_removed {
            // What is frozen of a value is saved, also where the value is gone.
            client.line("UNLINK hash times set zset list stream string");
            is_removed = true;
        }
    }
    println!("{changes} changes while it was saved");
    assert!(changes > 100, "it was saved too fast to tell");
    assert_ne!(large_details(&mut client), details, "something was changed");
    let mut theirs = Server::standalone(&Program::valkey());
    theirs.kill();
    fs::copy(server.directory().join("dump.rdb"), theirs.directory().join("dump.rdb"))
        .expect("the file is there");
    theirs.restart();
    let mut other = theirs.client();
    assert_eq!(other.line("DBSIZE").integer(), Some(5000 + names.len() as i64));
    for (name, expected) in names.iter().zip(digests) {
        assert_eq!(digest(&mut other, name), expected, "{name}");
    }
    assert_eq!(large_details(&mut other), details);
    server.kill();
    server.restart();
    let mut client = server.client();
    assert_eq!(whole_digest(&mut client), at_cut);
    assert_eq!(large_details(&mut client), details);
}

/// The base has them as they were when it began, and the log what has changed since.
#[test]
fn large_values_that_are_changed_meanwhile_are_rewritten_as_commands() {
    let setup = Setup::new()
        .with("appendonly", &["yes"])
        .with("aof-use-rdb-preamble", &["no"])
        .with("rdb-key-save-delay", &["200"]);
    let mut server = Server::start(&crate::program(), setup);
    let mut client = server.client();
    assert_ok(&client.line("DEBUG POPULATE 5000 key 100"));
    large_values(&mut client);
    assert!(!client.line("BGREWRITEAOF").is_error());
    let is_over = |client: &mut Client| {
        ["aof_rewrite_in_progress", "aof_rewrite_scheduled"]
            .iter()
            .all(|name| field(client, name) == "0")
    };
    let mut changes = 0;
    while !is_over(&mut client) {
        for command in LARGE_CHANGES {
            changes += 1;
            let reply = client.line(&command.replace("{}", &(changes * 7919 % 1000).to_string()));
            assert!(!reply.is_error(), "{command}: {reply:?}");
        }
    }
    println!("{changes} changes while it was rewritten");
    assert!(changes > 100, "it was rewritten too fast to tell");
    assert_eq!(field(&mut client, "aof_last_bgrewrite_status"), "ok");
    let (digest, details) = (whole_digest(&mut client), large_details(&mut client));
    server.kill();
    server.restart();
    let mut client = server.client();
    assert!(wait::until(LIMIT, || client.line("PING") == Reply::Status("PONG".into())));
    assert_eq!(whole_digest(&mut client), digest);
    assert_eq!(large_details(&mut client), details);
}

/// Starts a server that must not start; its log.
fn refusal(folder: &Path, contents: &[u8]) -> String {
    let path = folder.join("dump.rdb");
    fs::write(&path, contents).expect("the folder can be written");
    let directory = folder.display().to_string();
    let arguments = ["--port", "0", "--dir", &directory, "--save", "1 1"];
    let program = crate::program();
    let finished = testkit::run(&program.path, &arguments, b"", LIMIT);
    assert!(!finished.success(), "it starts with a broken file");
    assert_eq!(fs::read(&path).expect("it is there"), contents, "the file was touched");
    finished.stdout + &finished.stderr
}

#[test]
fn a_file_that_cannot_be_loaded_is_refused_and_left_alone() {
    let server = Server::standalone(&crate::program());
    let mut client = server.client();
    fill(&mut client, true);
    assert_ok(&client.line("SAVE"));
    let whole = fs::read(server.directory().join("dump.rdb")).expect("it was saved");
    let folder = testkit::Folder::new();
    let half = &whole[..whole.len() / 2];
    assert!(refusal(folder.path(), half).contains("ends in the middle"));
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    let log = refusal(folder.path(), &flipped);
    assert!(log.contains("Internal error in RDB reading"), "{log}");
    assert!(log.contains("check-rdb"), "it says what to do: {log}");
    assert!(refusal(folder.path(), b"").contains("Internal error in RDB"));
}

#[test]
fn clients_are_told_to_wait_while_it_loads() {
    let mut server = Server::start(&crate::program(), saving().with("key-load-delay", &["200"]));
    let mut client = server.client();
    assert_ok(&client.line("DEBUG POPULATE 20000"));
    client.send_raw(b"SHUTDOWN\r\n").expect("it listens");
    server.await_exit(LIMIT).expect("it ends");
    server.restart_without_waiting();
    let mut client = wait::some(LIMIT, || Client::connect(server.port()).ok()).expect("it listens");
    let loading = Reply::Error("LOADING Redis is loading the dataset in memory".into());
    assert_eq!((client.line("PING"), client.line("GET key:1")), (loading.clone(), loading));
    assert_eq!(field(&mut client, "loading"), "1");
    let goes_on = || {
        let loaded: u64 = field(&mut client, "loading_loaded_bytes").parse().unwrap_or(0);
        let total: u64 = field(&mut client, "loading_total_bytes").parse().unwrap_or(0);
        loaded > 0 && loaded < total
    };
    assert!(wait::until(LIMIT, goes_on), "INFO tells nothing of it");
    let is_there = || client.line("PING") == Reply::Status("PONG".into());
    assert!(wait::until(LIMIT, is_there), "it never ends");
    assert_eq!(client.line("DBSIZE").integer(), Some(20_000));
    assert_eq!(field(&mut client, "rdb_last_load_keys_loaded"), "20000");
}

#[test]
fn a_server_that_is_stopped_while_it_loads_overwrites_nothing() {
    let mut server = Server::start(&crate::program(), saving().with("key-load-delay", &["1000"]));
    let mut client = server.client();
    assert_ok(&client.line("DEBUG POPULATE 20000"));
    client.send_raw(b"SHUTDOWN\r\n").expect("it listens");
    server.await_exit(LIMIT).expect("it ends");
    let path = server.directory().join("dump.rdb");
    let saved = fs::read(&path).expect("it was saved");
    server.restart_without_waiting();
    assert!(wait::until(LIMIT, || server.log().contains("Loading RDB produced")));
    server.signal("TERM");
    let status = server.await_exit(LIMIT).expect("it ends");
    assert!(status.success(), "{status}");
    assert_eq!(fs::read(&path).expect("it is there"), saved);
}

#[test]
fn reload_keeps_all_and_says_what_it_does_not_know() {
    let server = Server::standalone(&crate::program());
    let mut client = server.client();
    fill(&mut client, true);
    let expected = whole_digest(&mut client);
    assert_ok(&client.line("DEBUG RELOAD"));
    assert_eq!(whole_digest(&mut client), expected);
    assert_ok(&client.line("SET more 1"));
    assert_ok(&client.line("DEBUG RELOAD NOSAVE"));
    assert_eq!(whole_digest(&mut client), expected, "what was not saved is gone");
    assert!(client.line("DEBUG RELOAD NOSAVE NOFLUSH").is_error(), "all keys are there twice");
    assert_ok(&client.line("DEBUG RELOAD NOSAVE NOFLUSH MERGE"));
    assert_eq!(whole_digest(&mut client), expected);
    assert!(client.line("DEBUG RELOAD NOSUCH").is_error());
}
