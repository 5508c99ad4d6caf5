//! The server as a replica of Valkey 9.1 and of redis-server 7.0: it gets everything, goes on from where it was, and has what they have.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use testkit::wait::{self, PATIENCE};
use testkit::{Client, Port, Program, Reply, Server, Setup};

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
    let reply = client.line(line);
    let Reply::Error(text) = reply else { panic!("{line} is not refused: {reply:?}") };
    text
}

/// What a replica tells and refuses, on any server.
fn told(program: &Program) -> Vec<String> {
    let mut primary = Server::start(&Program::valkey(), setup());
    let replica = Server::start(program, setup());
    let mut client = replica.client();
    let mut waiting = replica.client();
    waiting.send_raw(b"BLPOP nothing 0\r\n").expect("it reads");
    let waits = || info_field(&mut replica.client(), "clients", "blocked_clients") == "1";
    assert!(wait::until(PATIENCE, waits));
    follow(&replica, &primary);
    await_offset(&primary, &replica);
    let port = primary.port().to_string();
    let mut told = vec![
        format!("{:?} {}", waiting.reply().ok(), waiting.is_closed(PATIENCE)),
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

#[test]
fn it_authenticates_where_the_primary_wants_that() {
    let primary = Server::start(&Program::valkey(), setup().with("requirepass", &["secret"]));
    let replica = Server::start(&crate::program(), setup());
    let mut client = replica.client();
    client.command(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]);
    let refused = "Error reply to PSYNC from MASTER: '-NOAUTH Authentication required.'";
    assert!(wait::until(PATIENCE, || replica.log().contains(refused)), "{}", replica.log());
    assert_eq!(client.line("CONFIG SET masteruser default masterauth wrong"), Reply::ok());
    let refused = "Error reply to AUTH from MASTER: '-WRONGPASS";
    assert!(wait::until(PATIENCE, || replica.log().contains(refused)), "{}", replica.log());
    client.line("CONFIG SET masterauth secret");
    await_link(&replica);
    assert!(!replica.log().contains("secret"), "passwords are not logged");
}

/// A chain of three servers of any brands: the last has what the first has, also when the one between takes over.
fn chain(first: &Program, second: &Program, third: &Program) {
    let first = Server::start(first, setup());
    let mut second = Server::start(second, setup());
    let third = Server::start(third, setup());
    fill(&mut first.client(), "before");
    follow(&second, &first);
    first.client().line("SELECT 4");
    follow(&third, &second);
    fill(&mut first.client(), "after");
    assert_equal(&first, &second);
    assert_equal(&first, &third);
    let ids = |server: &Server| field(&mut server.client(), "master_replid");
    assert_eq!((ids(&second), ids(&third)), (ids(&first), ids(&first)));
    assert!(!first.client().line("CLIENT KILL TYPE replica").is_error());
    first.client().line("SET while:cut 1");
    await_link(&second);
    assert_equal(&first, &third);
    // The one in the middle takes over: the last goes on with it, and so does the first.
    assert_eq!(second.client().line("REPLICAOF NO ONE"), Reply::ok());
    second.client().line("SET promoted 1");
    await_link(&third);
    assert_equal(&second, &third);
    follow(&first, &second);
    assert_equal(&second, &first);
    let mut client = second.client();
    assert_eq!(info_field(&mut client, "stats", "sync_full"), "1", "{}", second.log());
    assert_eq!(info_field(&mut third.client(), "replication", "role"), "slave");
    second.kill();
}

#[test]
fn a_chain_has_what_its_first_has() {
    chain(&crate::program(), &crate::program(), &crate::program());
}

#[test]
fn a_chain_may_be_of_several_brands() {
    chain(&Program::valkey(), &crate::program(), &Program::redis());
}

/// A primary that says what it is told to.
struct FakePrimary {
    listener: TcpListener,
    _port: Port,
}

/// A file without keys.
const EMPTY_SNAPSHOT: &[u8] = b"REDIS0011\xff\xc0\x22\x8a\x8d\x74\x38\x97\x62";

const HISTORY: &str = "0123456789012345678901234567890123456789";

impl FakePrimary {
    /// One, and a replica with a key of its own that follows it.
    fn with_replica(load: &str) -> (FakePrimary, Server) {
        let port = Port::free();
        let listener = TcpListener::bind(("127.0.0.1", port.number())).expect("the port is free");
        let replica = Server::start(&crate::program(), setup().with("repl-diskless-load", &[load]));
        replica.client().line("SET old 1");
        replica.client().command(&["REPLICAOF", "127.0.0.1", &port.number().to_string()]);
        (FakePrimary { listener, _port: port }, replica)
    }

    /// Lets the replica come, answers what it asks before PSYNC, and gives what it asked then.
    fn accept(&self) -> (TcpStream, String) {
        let (stream, _) = self.listener.accept().expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("it is open");
        let mut reader = BufReader::new(stream.try_clone().expect("it is open"));
        loop {
            let request = read_request(&mut reader);
            if request.starts_with("PSYNC") {
                return (stream, request);
            }
            (&stream).write_all(b"+OK\r\n").expect("it is read");
        }
    }

    /// The same, and sends this.
    fn answer(&self, bytes: &[u8]) -> (TcpStream, String) {
        let (mut stream, request) = self.accept();
        stream.write_all(bytes).expect("it is read");
        (stream, request)
    }
}

/// The words of a request, with spaces between.
fn read_request(reader: &mut impl BufRead) -> String {
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).expect("the replica sends requests");
        line.trim_end().to_owned()
    };
    let first = line();
    let count: usize = first.strip_prefix('*').and_then(|count| count.parse().ok()).unwrap_or(0);
    let words: Vec<_> = (0..count).map(|_| (line(), line()).1).collect();
    words.join(" ")
}

fn full(offset: u64) -> Vec<u8> {
    format!("+FULLRESYNC {HISTORY} {offset}\r\n").into_bytes()
}

#[test]
fn half_a_snapshot_leaves_the_old_data() {
    let (primary, replica) = FakePrimary::with_replica("disabled");
    for answer in [
        &[&full(7)[..], b"$18\r\n", &EMPTY_SNAPSHOT[..10]].concat()[..],
        &[&full(7)[..], b"$EOF:", &[b'm'; 40], b"\r\n", EMPTY_SNAPSHOT, &[b'm'; 39]].concat(),
        &[&full(7)[..], b"-ERR no snapshot today\r\n"].concat(),
        &[&full(7)[..], b"$EOF:short\r\n"].concat(),
        b"+FULLRESYNC nonsense 7\r\n",
        b"-NOMASTERLINK Can't SYNC while not connected with my master\r\n",
        &[b'x'; 4000],
    ] {
        let (stream, request) = primary.answer(answer);
        assert_eq!(request, "PSYNC ? -1", "it has no place in a history");
        drop(stream);
        assert_eq!(replica.client().line("GET old"), Reply::bulk("1"));
    }
    // What is whole takes the place of what was there.
    let (_stream, _) = primary.answer(&[&full(7)[..], b"\n\n$18\r\n", EMPTY_SNAPSHOT].concat());
    await_link(&replica);
    assert_eq!(replica.client().line("DBSIZE"), Reply::Integer(0));
    assert_eq!(field(&mut replica.client(), "slave_repl_offset"), "7");
    let left = std::fs::read_dir(replica.directory()).expect("it is there").filter_map(Result::ok);
    let left: Vec<_> = left
        .map(|entry| entry.file_name())
        .filter(|name| name.to_string_lossy().starts_with("temp"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn what_is_no_snapshot_leaves_nothing_of_itself() {
    for load in ["disabled", "flush-before-load"] {
        let (primary, replica) = FakePrimary::with_replica(load);
        // A key, and then something that is none.
        let torn = b"REDIS0011\xfe\x00\x00\x03new\x01v\x63\x63\x63\x63\x63\x63";
        let (_stream, _) = primary.answer(&[&full(7)[..], b"$24\r\n", &torn[..24]].concat());
        let is_told =
            wait::until(PATIENCE, || replica.log().contains("Failed trying to load the MASTER"));
        assert!(is_told, "{}", replica.log());
        assert_eq!(replica.client().line("DBSIZE"), Reply::Integer(0), "{load}");
        let (_stream, request) = primary.accept();
        assert_eq!(request, "PSYNC ? -1", "{load}: it has no place in that history");
    }
}

#[test]
fn a_stream_that_makes_no_sense_is_asked_for_from_the_beginning() {
    let (primary, replica) = FakePrimary::with_replica("disabled");
    let stream = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n";
    let begin = [&full(100)[..], b"$18\r\n", EMPTY_SNAPSHOT, stream].concat();
    let (link, _) = primary.answer(&begin);
    await_link(&replica);
    let mut client = replica.client();
    assert!(wait::until(PATIENCE, || client.line("GET a") == Reply::bulk("1")));
    drop(link);
    let (mut link, request) = primary.answer(b"+CONTINUE\r\n");
    assert_eq!(request, format!("PSYNC {HISTORY} {}", 101 + stream.len()));
    link.write_all(b"*1\r\n$9x\r\n").expect("it is read");
    let (_link, request) = primary.accept();
    assert_eq!(request, "PSYNC ? -1");
    assert_eq!(client.line("GET a"), Reply::bulk("1"), "the data stay until there are others");
}

#[test]
fn whom_it_follows_changes_at_once() {
    let (primary, replica) = FakePrimary::with_replica("disabled");
    let mut client = replica.client();
    // It waits for the snapshot, then for the answer, then for nobody to be there.
    let (_stream, _) = primary.answer(&full(7));
    assert_eq!(client.line("REPLICAOF NO ONE"), Reply::ok());
    assert_eq!(client.line("SET new 1"), Reply::ok());
    client.command(&[
        "REPLICAOF",
        "127.0.0.1",
        &primary.listener.local_addr().expect("it is bound").port().to_string(),
    ]);
    let (_stream, _) = primary.accept();
    assert_eq!(client.line("REPLICAOF 127.0.0.1 1"), Reply::ok());
    assert!(wait::until(PATIENCE, || replica.log().contains("Error condition on socket for SYNC")));
    assert_eq!(client.line("REPLICAOF NO ONE"), Reply::ok());
    assert_eq!(client.line("MGET old new"), Reply::Array(vec![Reply::bulk("1"), Reply::bulk("1")]));
}

#[test]
fn a_silent_primary_is_given_up() {
    let (primary, replica) = FakePrimary::with_replica("disabled");
    replica.client().line("CONFIG SET repl-timeout 1");
    let (_stream, _) = primary.answer(&[&full(7)[..], b"$18\r\n", EMPTY_SNAPSHOT].concat());
    let (_link, request) = primary.accept();
    assert_eq!(request, format!("PSYNC {HISTORY} 8"));
    assert!(replica.log().contains("MASTER timeout"), "{}", replica.log());
}
