//! The append-only file of the running server: what was acknowledged is there after a restart, and the files go between servers.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use base::Rng;
use testkit::wait::{PATIENCE, until};
use testkit::{Client, Program, Reply, Server, Setup};

const POLICIES: [&str; 3] = ["always", "everysec", "no"];

pub(crate) fn setup(policy: &str) -> Setup {
    Setup::new().with("appendonly", &["yes"]).with("appendfsync", &[policy])
}

pub(crate) fn digest(client: &mut Client) -> String {
    client.line("DEBUG DIGEST").text().expect("a digest is text")
}

/// Makes keys of all types in two databases.
pub(crate) fn fill(client: &mut Client) {
    for line in [
        "SET int 7",
        "SET text hello",
        "SET timed x PX 100000000",
        "RPUSH list a b c",
        "LPOP list",
        "SADD set a b c 1",
        "SPOP set",
        "ZADD zset 1 a 2.5 b",
        "HSET hash f 1 g two",
        "HINCRBYFLOAT hash f 0.5",
        "XADD stream * f v",
        "XADD stream * f w",
        "XGROUP CREATE stream group 0",
        "XREADGROUP GROUP group c COUNT 1 STREAMS stream >",
        "MULTI",
        "INCR int",
        "SELECT 3",
        "SET other value",
        "APPEND other more",
        "EXEC",
        "SETRANGE long 200000 end",
        "SELECT 0",
        "SET gone 1",
        "DEL gone",
    ] {
        assert!(!client.line(line).is_error(), "{line}");
    }
    for number in 0..500 {
        client.command(&["SET", &format!("key:{number}"), &number.to_string()]);
    }
}

/// A field of INFO.
pub(crate) fn info(client: &mut Client, field: &str) -> String {
    let text = client.line("INFO persistence").text().expect("INFO is text");
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("{field} in {text}")).trim().to_owned()
}

pub(crate) fn await_rewrite(client: &mut Client) {
    let is_over = until(PATIENCE, || {
        info(client, "aof_rewrite_in_progress") == "0"
            && info(client, "aof_rewrite_scheduled") == "0"
    });
    assert!(is_over, "the rewrite ends");
    assert_eq!(info(client, "aof_last_bgrewrite_status"), "ok");
}

pub(crate) fn listed(directory: &Path) -> String {
    let path = directory.join("appendonlydir/appendonly.aof.manifest");
    fs::read_to_string(path).expect("there is a manifest")
}

#[test]
fn a_restart_loses_nothing() {
    for policy in POLICIES {
        let mut server = Server::start(&crate::program(), setup(policy));
        let mut client = server.client();
        fill(&mut client);
        let wanted = digest(&mut client);
        for how in ["KILL", "TERM"] {
            server.signal(how);
            assert!(server.await_exit(PATIENCE).is_some(), "it ends");
            server.restart();
            let mut client = server.client();
            assert_eq!(digest(&mut client), wanted, "{policy}, {how}");
        }
        let log = server.log();
        assert!(log.contains("DB loaded from append only file"), "{log}");
    }
}

#[test]
fn the_first_files_are_called_as_valkeys() {
    for preamble in ["yes", "no"] {
        let setup = || setup("everysec").with("aof-use-rdb-preamble", &[preamble]);
        let server = Server::start(&crate::program(), setup());
        let theirs = Server::start(&Program::valkey(), setup());
        assert_eq!(listed(server.directory()), listed(theirs.directory()));
    }
}

#[test]
fn the_manifest_is_valkeys_step_by_step() {
    let steps = [
        "CONFIG SET appendonly yes",
        "BGREWRITEAOF",
        "DEBUG LOADAOF",
        "BGREWRITEAOF",
        "CONFIG SET appendonly no",
        "BGREWRITEAOF",
        "DEBUG LOADAOF",
        "CONFIG SET appendonly yes",
        "CONFIG SET aof-disable-auto-gc yes",
        "BGREWRITEAOF",
        "BGREWRITEAOF",
        "CONFIG SET aof-disable-auto-gc no",
        "DEBUG LOADAOF",
        "BGREWRITEAOF",
    ];
    let [ours, theirs] = [crate::program(), Program::valkey()].map(|program| {
        let server = Server::standalone(&program);
        let mut client = server.client();
        fill(&mut client);
        let wanted = digest(&mut client);
        steps.map(|step| {
            assert!(!client.line(step).is_error(), "{step}, {:?}", program.kind);
            await_rewrite(&mut client);
            assert_eq!(digest(&mut client), wanted, "{step}, {:?}", program.kind);
            (step, listed(server.directory()))
        })
    });
    assert_eq!(ours, theirs);
}

#[test]
fn it_is_switched_on_and_off_while_the_server_runs() {
    let mut server = Server::standalone(&crate::program());
    let mut client = server.client();
    fill(&mut client);
    assert_eq!(client.line("CONFIG SET appendonly yes"), Reply::ok());
    await_rewrite(&mut client);
    client.line("SET after on");
    let wanted = digest(&mut client);
    let folder = server.directory().join("appendonlydir");
    assert_eq!(client.line("CONFIG SET appendonly no"), Reply::ok());
    let files = |folder: &Path| {
        let entries = fs::read_dir(folder).expect("it is there");
        entries
            .map(|entry| {
                let entry = entry.expect("it can be read");
                let length = entry.metadata().map_or(0, |data| data.len());
                (entry.file_name().to_string_lossy().into_owned(), length)
            })
            .collect::<BTreeMap<_, _>>()
    };
    // It goes on to the end of what it had begun.
    let is_off = until(PATIENCE, || {
        client.line("SET never logged");
        let before = files(&folder);
        client.line("SET never logged");
        before == files(&folder)
    });
    assert!(is_off, "nothing is written any more");
    client.line("SET late x");
    server.kill();
    let mut again = Server::start(&crate::program(), Setup::new());
    again.kill();
    copy(&folder, &again.directory().join("appendonlydir"));
    let mut again = with_folder(&crate::program(), again.directory());
    let mut client = again.client();
    assert_eq!(client.line("EXISTS late"), Reply::Integer(0));
    client.line("DEL never");
    assert_eq!(digest(&mut client), wanted);
    again.kill();
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the folder is ours");
    for entry in fs::read_dir(from).expect("it is there") {
        let entry = entry.expect("it can be read");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("it can be copied");
    }
}

/// A server over a copy of the files in a folder.
pub(crate) fn with_folder(program: &Program, directory: &Path) -> Server {
    let mut server = Server::start(program, setup("everysec"));
    server.kill();
    let folder = server.directory().join("appendonlydir");
    fs::remove_dir_all(&folder).expect("it had one");
    copy(&directory.join("appendonlydir"), &folder);
    server.restart();
    server
}

/// A connection that sets keys one after the other, until it breaks; how many were acknowledged.
fn write_until_broken(mut client: Client, number: usize, rounds: usize) -> u64 {
    let mut acknowledged = 0;
    loop {
        let next = acknowledged + 1;
        let key = format!("{rounds}:{number}:{next}");
        match client.try_command(&["SET", &key, &next.to_string()]) {
            Ok(reply) => assert_eq!(reply, Reply::ok()),
            Err(_) => return acknowledged,
        }
        acknowledged = next;
    }
}

/// `APPENDING_KILLS` is how often the server is killed.
#[test]
fn what_was_acknowledged_survives_a_kill() {
    let mut rng = Rng::from_seed(crate::seed("APPENDING_SEED"));
    let kills =
        std::env::var("APPENDING_KILLS").map_or(6, |kills| kills.parse().expect("a number"));
    let mut servers: Vec<Server> =
        POLICIES.iter().map(|policy| Server::start(&crate::program(), setup(policy))).collect();
    let mut acknowledged: BTreeMap<(usize, usize, usize), u64> = BTreeMap::new();
    for kill in 0..kills {
        let place = kill % servers.len();
        let server = &mut servers[place];
        let writers: Vec<_> = (0..4)
            .map(|number| {
                let client = server.client();
                thread::spawn(move || write_until_broken(client, number, kill))
            })
            .collect();
        let mut client = server.client();
        if rng.percent(60) {
            thread::sleep(Duration::from_millis(rng.below(100)));
            client.line(["BGREWRITEAOF", "BGSAVE"][rng.below(2) as usize]);
        }
        thread::sleep(Duration::from_millis(rng.below(250)));
        server.kill();
        for (number, writer) in writers.into_iter().enumerate() {
            acknowledged.insert((place, kill, number), writer.join().expect("it ends"));
        }
        server.restart();
        let mut client = server.client();
        for (&(_, kill, number), &count) in acknowledged.iter().filter(|(key, _)| key.0 == place) {
            for next in 1..=count {
                let key = format!("{kill}:{number}:{next}");
                let value = client.command(&["GET", &key]).text();
                assert_eq!(value, Some(next.to_string()), "{key}, {}", POLICIES[place]);
            }
        }
    }
    let all: u64 = acknowledged.values().sum();
    println!("{kills} kills, {all} acknowledged writes");
    assert!(all > 0, "something was written");
}

#[test]
fn rewriting_under_load_loses_nothing() {
    for preamble in ["yes", "no"] {
        rewrite_under_load(setup("everysec").with("aof-use-rdb-preamble", &[preamble]));
    }
}

fn rewrite_under_load(setup: Setup) {
    let mut server = Server::start(&crate::program(), setup);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for number in 0..3 {
            let mut client = server.client();
            let is_over = &is_over;
            scope.spawn(move || {
                let mut count = 0_u64;
                while !is_over.load(SeqCst) {
                    count += 1;
                    let member = (count % 997).to_string();
                    client.command(&["INCR", &format!("count:{number}")]);
                    client.command(&["RPUSH", &format!("list:{member}"), &count.to_string()]);
                    client.command(&["LPOP", &format!("list:{}", count % 13)]);
                    client.command(&["ZINCRBY", "zset", "1.5", &member]);
                    client.command(&["SPOP", "set"]);
                    client.command(&["SADD", "set", &member, &count.to_string()]);
                }
            });
        }
        let mut client = server.client();
        for _ in 0..4 {
            thread::sleep(Duration::from_millis(100));
            let reply = client.line("BGREWRITEAOF");
            assert!(!reply.is_error(), "{reply:?}");
            await_rewrite(&mut client);
        }
        is_over.store(true, SeqCst);
    });
    let mut client = server.client();
    let wanted = digest(&mut client);
    assert_eq!(info(&mut client, "aof_rewrites"), "4");
    let files = listed(server.directory());
    assert_eq!(files.lines().count(), 2, "history is removed: {files}");
    server.kill();
    server.restart();
    assert_eq!(digest(&mut server.client()), wanted);
    for program in [Program::valkey(), crate::program()] {
        let other = with_folder(&program, server.directory());
        assert_eq!(digest(&mut other.client()), wanted, "{:?}", program.kind);
    }
}

#[test]
fn a_rewrite_goes_on_when_all_is_flushed() {
    let mut server = Server::start(&crate::program(), setup("everysec"));
    let mut client = server.client();
    fill(&mut client);
    assert_eq!(client.line("CONFIG SET rdb-key-save-delay 10000"), Reply::ok());
    assert!(!client.line("BGREWRITEAOF").is_error());
    assert!(until(PATIENCE, || info(&mut client, "aof_rewrite_in_progress") == "1"));
    for line in ["FLUSHALL", "SET after it", "CONFIG SET rdb-key-save-delay 0"] {
        assert_eq!(client.line(line), Reply::ok());
    }
    await_rewrite(&mut client);
    assert_eq!(info(&mut client, "aof_rewrites"), "1");
    let wanted = digest(&mut client);
    server.kill();
    server.restart();
    assert_eq!(digest(&mut server.client()), wanted);
}

#[test]
fn the_files_are_loaded_again_while_the_server_runs() {
    for policy in POLICIES {
        let mut server = Server::start(&crate::program(), setup(policy));
        let mut client = server.client();
        for round in 0..3 {
            client.line("FLUSHALL");
            fill(&mut client);
            client.command(&["SET", "round", &round.to_string()]);
            let wanted = digest(&mut client);
            assert_eq!(client.line("DEBUG LOADAOF"), Reply::ok(), "{policy}: {}", server.log());
            assert_eq!(digest(&mut client), wanted, "{policy}, round {round}");
            assert_eq!(info(&mut client, "rdb_changes_since_last_save"), "0");
            if round == 1 {
                client.line("BGREWRITEAOF");
                await_rewrite(&mut client);
            }
        }
        client.line("SET behind it");
        let wanted = digest(&mut client);
        server.kill();
        server.restart();
        assert_eq!(digest(&mut server.client()), wanted, "{policy}, after a restart");
        let mut client = server.client();
        fs::remove_file(server.directory().join("appendonlydir/appendonly.aof.manifest"))
            .expect("there is one");
        let refused = "ERR Error trying to load the AOF files, check server logs.";
        assert_eq!(client.line("DEBUG LOADAOF"), Reply::Error(refused.into()));
        assert_eq!(client.line("DBSIZE"), Reply::Integer(0));
    }
}

#[test]
fn files_grow_until_they_are_rewritten() {
    let grows = setup("no").with("auto-aof-rewrite-min-size", &["10kb"]);
    let server = Server::start(&crate::program(), grows);
    let mut client = server.client();
    let mut written = 0;
    let is_rewritten = until(PATIENCE, || {
        for number in 0..100 {
            client.command(&["SET", "key", &format!("{number:0100}")]);
            written += 100;
        }
        // What is written while a rewrite goes on stays: on a busy machine that could be nearly all.
        await_rewrite(&mut client);
        info(&mut client, "aof_rewrites").parse::<u64>().is_ok_and(|rewrites| rewrites >= 3)
    });
    assert!(is_rewritten, "{}", server.log());
    let bytes = info(&mut client, "aof_current_size").parse::<u64>().expect("a number");
    assert!(bytes < written, "{bytes} of {written}");
}

/// What one server has written the other loads, and back, with a base of a kind.
fn goes_through(program: &Program, is_rdb: bool) {
    let preamble = if is_rdb { "yes" } else { "no" };
    let setup = setup("everysec").with("aof-use-rdb-preamble", &[preamble]);
    let ours = Server::start(&crate::program(), setup);
    let mut client = ours.client();
    fill(&mut client);
    for database in 0..16 {
        client.command(&["SELECT", &database.to_string()]);
        client.command(&["SET", "timed", "in all", "PX", "100000000"]);
    }
    client.line("SELECT 0");
    client.line("BGREWRITEAOF");
    await_rewrite(&mut client);
    let base = if is_rdb { "appendonly.aof.2.base.rdb" } else { "appendonly.aof.2.base.aof" };
    assert!(listed(ours.directory()).contains(base));
    client.line("SET behind base");
    client.line("MULTI");
    client.line("INCR int");
    client.line("LPUSH list z");
    client.line("EXEC");
    // 7.0 prints scores otherwise.
    client.line("DEL zset");
    let wanted = digest(&mut client);
    let theirs = with_folder(program, ours.directory());
    let mut client = theirs.client();
    assert_eq!(digest(&mut client), wanted, "{:?} loads ours", program.kind);
    client.line("SET theirs too");
    client.command(&["CONFIG", "SET", "aof-use-rdb-preamble", preamble]);
    client.line("BGREWRITEAOF");
    await_rewrite(&mut client);
    client.line("SELECT 2");
    client.line("SET after rewrite EX 10000");
    let wanted = digest(&mut client);
    let back = with_folder(&crate::program(), theirs.directory());
    assert_eq!(digest(&mut back.client()), wanted, "we load {:?}'s", program.kind);
}

#[test]
fn files_go_between_valkey_and_us() {
    goes_through(&Program::valkey(), true);
    goes_through(&Program::valkey(), false);
}

#[test]
fn files_go_between_redis_7_0_and_us() {
    goes_through(&Program::redis(), true);
    goes_through(&Program::redis(), false);
}

#[test]
fn a_base_of_commands_holds_all_that_there_is() {
    let commands = setup("everysec").with("aof-use-rdb-preamble", &["no"]);
    let mut ours = Server::start(&crate::program(), commands);
    let mut client = ours.client();
    let mut keys = crate::aof::fill(&mut client);
    client.line("HSET times a 1 b 2");
    client.line("HPEXPIREAT times 4102444800123 FIELDS 1 a");
    // So large that it is frozen.
    for number in 0..400 {
        client.command(&["HSET", "many", &number.to_string(), "some value that takes memory"]);
    }
    client.line("HPEXPIREAT many 4102444800456 FIELDS 2 7 77");
    client.line("PEXPIREAT many 4102444800789");
    keys.extend(["times", "many"]);
    client.line("BGREWRITEAOF");
    await_rewrite(&mut client);
    let wanted: Vec<_> = keys.iter().map(|key| crate::aof::told(&mut client, key)).collect();
    ours.kill();
    for program in [crate::program(), Program::valkey()] {
        let other = with_folder(&program, ours.directory());
        let mut client = other.client();
        for (key, wanted) in keys.iter().zip(&wanted) {
            let loaded = crate::aof::told(&mut client, key);
            assert_eq!(&loaded, wanted, "{key}, {:?}", program.kind);
        }
    }
    // What is damaged is found.
    let base = ours.directory().join("appendonlydir/appendonly.aof.2.base.aof");
    let mut bytes = fs::read(&base).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&base, bytes).expect("the folder is ours");
    ours.restart_without_waiting();
    let status = ours.await_exit(PATIENCE).expect("it does not start");
    assert!(!status.success(), "{}", ours.log());
    assert!(ours.log().contains("appendonly.aof.2.base.aof"), "{}", ours.log());
}

#[test]
fn a_damaged_file_is_refused_and_left_alone() {
    let mut server = Server::start(&crate::program(), setup("always"));
    fill(&mut server.client());
    server.kill();
    let path = server.directory().join("appendonlydir/appendonly.aof.1.incr.aof");
    let mut bytes = fs::read(&path).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, &bytes).expect("the folder is ours");
    let program = crate::program().path;
    let folder = server.directory().to_str().expect("a path in text").to_owned();
    let arguments = ["--port", "0", "--save", "", "--appendonly", "yes", "--dir", &folder];
    let finished = testkit::run(&program, &arguments, b"", PATIENCE);
    assert_eq!(finished.status.and_then(|status| status.code()), Some(1), "{}", finished.stdout);
    let said = finished.stdout;
    for word in ["appendonly.aof.1.incr.aof", "offset", "expected", "redis-check-aof --fix"] {
        assert!(said.contains(word), "{word} in {said}");
    }
    assert_eq!(fs::read(&path).expect("it is there"), bytes);
}

/// `PING` and `REPLCONF GETACK` are in the stream and not in the file: whoever is shown nothing that the file does not have must not wait for them.
#[test]
fn what_is_for_replicas_alone_holds_nobody_up() {
    for (policy, acks) in [("always", "0"), ("everysec", "1")] {
        let setup =
            setup(policy).with("repl-ping-replica-period", &["1"]).with("write-acks", &[acks]);
        let primary = Server::start(&crate::program(), setup);
        let port = primary.port().to_string();
        let setup = Setup::new().with("replicaof", &["127.0.0.1", &port]);
        let replica = Server::start(&crate::program(), setup);
        let replication = |server: &Server, field: &str| {
            let text = server.client().line("INFO replication").text().expect("INFO is text");
            let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
            line.unwrap_or_default().trim().to_owned()
        };
        assert!(until(PATIENCE, || replication(&replica, "master_link_status") == "up"));
        let offset = || replication(&primary, "master_repl_offset").parse::<u64>().unwrap_or(0);
        for _ in 0..3 {
            let before = offset();
            assert!(until(PATIENCE, || offset() > before), "{policy}: replicas are pinged");
        }
    }
}
