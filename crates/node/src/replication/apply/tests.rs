use super::*;
use crate::log::LogUser;
use crate::replication::StreamPlace;
use crate::testing::{Fixture, Peer};
use ::replication::ReplicationId;
use engine::LoggedCommands;
use resp::push_request;
use std::sync::atomic::Ordering::SeqCst;
use std::task::Waker;

/// Where the stream of the tests begins.
const BEGIN: u64 = 1000;

fn id() -> ReplicationId {
    ReplicationId::random(&mut Rng::from_seed(11))
}

/// A replica that has all that its primary had at [`BEGIN`], and a client.
fn replica() -> (Fixture, Peer) {
    let fixture = Fixture::new();
    let mut peer = fixture.connect();
    assert_eq!(peer.send(&fixture, "REPLICAOF 127.0.0.1 7000\r\n"), "+OK\r\n");
    let (node, primary) = (&fixture.node, primary(&fixture));
    let place = StreamPlace { id: id(), offset: BEGIN, database: 0 };
    assert!(node.adopt(&primary, place, node.following(), fixture.now));
    (fixture, peer)
}

fn primary(fixture: &Fixture) -> Primary {
    fixture.node.primary().expect("it follows one")
}

/// A link that is up.
fn link(fixture: &Fixture) -> Applier {
    let origin = Origin {
        address: "127.0.0.1:7000".to_owned(),
        local_address: "127.0.0.1:50000".to_owned(),
        is_unix: false,
        is_local: true,
        descriptor: 9,
        worker: 0,
    };
    let (node, primary) = (&fixture.node, primary(fixture));
    let asked = node.greeting().place;
    let database = node.go_on_with_stream(&primary, asked, None).expect("it is followed");
    let begun = (fixture.now, Rng::from_seed(3));
    let applier = Applier::begin(node, &primary, database, origin, Waker::noop(), begun);
    let applier = applier.expect("there is room for the primary");
    node.note_link(&primary, crate::replication::LinkStage::Up, fixture.now.monotonic);
    applier
}

fn request(out: &mut Vec<u8>, line: &str) {
    let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    push_request(out, words.into_iter());
}

fn requests(lines: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    lines.iter().for_each(|line| request(&mut out, line));
    out
}

/// Applies what is there; all of it has run.
fn apply(fixture: &Fixture, applier: &mut Applier, bytes: &[u8]) {
    assert_eq!(applier.apply(fixture.now, bytes), Applied::Bytes(bytes.len()));
}

/// What is passed on from an offset of the stream.
fn passed_on(fixture: &Fixture, from: u64) -> Vec<u8> {
    let node = &fixture.node;
    let end = node.log_end();
    let reader = node.log_reader(end - (node.replication_offset() - from)).expect("it is kept");
    let mut out = Vec::new();
    assert!(node.read_log(&reader, usize::MAX, &mut out));
    out
}

#[test]
fn what_is_passed_on_is_what_came_in_whole_units() {
    let seed = 21;
    let mut rng = Rng::from_seed(seed);
    let (fixture, mut peer) = replica();
    let mut applier = link(&fixture);
    let (mut stream, mut wholes, mut counted) = (Vec::new(), vec![0], 0);
    for number in 0..400 {
        match rng.below(6) {
            0 => request(&mut stream, "PING"),
            1 => request(&mut stream, "REPLCONF GETACK *"),
            2 => request(&mut stream, &format!("SELECT {}", rng.below(3))),
            3 => {
                request(&mut stream, "MULTI");
                for _ in 0..=rng.below(3) {
                    request(&mut stream, "INCR counter");
                    request(&mut stream, &format!("SET key:{number} {number}"));
                    counted += 1;
                }
                request(&mut stream, "EXEC");
            }
            _ => {
                request(&mut stream, "INCR counter");
                counted += 1;
            }
        }
        wholes.push(stream.len());
    }
    let (mut begin, mut end) = (0, 0);
    while begin < stream.len() {
        end = stream.len().min(end + 1 + rng.below(300) as usize);
        let Applied::Bytes(bytes) = applier.apply(fixture.now, &stream[begin..end]) else {
            panic!("seed {seed}: it is applied");
        };
        begin += bytes;
        let at = (fixture.node.replication_offset() - BEGIN) as usize;
        assert!(wholes.contains(&at), "seed {seed}: {at} is no end of a unit");
        let last = wholes.iter().rev().find(|&&whole| whole <= end).copied();
        assert_eq!(Some(at), last, "seed {seed}: all that is whole has run");
    }
    assert_eq!(passed_on(&fixture, BEGIN), stream, "seed {seed}");
    let counters = (0..3).map(|database| {
        let reply = peer.send(&fixture, &format!("SELECT {database}\r\nGET counter\r\n"));
        reply.lines().nth(2).and_then(|line| line.parse::<u64>().ok()).unwrap_or(0)
    });
    assert_eq!(counters.sum::<u64>(), counted, "seed {seed}");
    assert!(applier.take_failures().is_none());
    assert!(fixture.node.take_question(fixture.now.monotonic), "it was asked how far it is");
}

#[test]
fn a_transaction_that_is_cut_off_happens_once_and_in_its_database() {
    let (fixture, mut peer) = replica();
    let mut applier = link(&fixture);
    let before = requests(&["SELECT 5", "SET a 1"]);
    let transaction = requests(&["MULTI", "INCR a", "INCR a", "EXEC"]);
    apply(&fixture, &mut applier, &[&before[..], &transaction[..20]].concat()[..before.len() + 15]);
    let half = transaction.len() - 10;
    assert!(matches!(applier.apply(fixture.now, &transaction[15..half]), Applied::Bytes(_)));
    let node = &fixture.node;
    assert_eq!(node.replication_offset(), BEGIN + before.len() as u64, "it is to be sent again");
    assert_eq!(node.greeting().place, Some((id(), BEGIN + before.len() as u64 + 1)));
    applier.end(fixture.now.monotonic);
    let mut applier = link(&fixture);
    apply(&fixture, &mut applier, &transaction);
    assert_eq!(peer.send(&fixture, "SELECT 5\r\nGET a\r\n"), "+OK\r\n$1\r\n3\r\n");
    assert_eq!(passed_on(&fixture, BEGIN), [before, transaction].concat());
}

#[test]
fn a_file_has_what_has_an_effect() {
    let (fixture, _peer) = replica();
    let node = &fixture.node;
    let mut applier = link(&fixture);
    apply(&fixture, &mut applier, &requests(&["SELECT 2", "SET a 1"]));
    node.begin_log(LogUser::File, node.control(), fixture.now, |_, _| ());
    apply(&fixture, &mut applier, &requests(&["PING", "SET b 2", "REPLCONF GETACK *", "SET c 3"]));
    // Messages, too, also those of a transaction that comes in several parts.
    apply(&fixture, &mut applier, &requests(&["PUBLISH c m", "SET d 4", "MULTI", "PUBLISH c m"]));
    apply(&fixture, &mut applier, &requests(&["SET e 5", "SPUBLISH c m"]));
    apply(&fixture, &mut applier, &requests(&["EXEC", "SPUBLISH c m", "SET f 6", "MULTI"]));
    apply(&fixture, &mut applier, &requests(&["PUBLISH c m", "SET g 7", "EXEC"]));
    let mut taken = Vec::new();
    node.take_log(usize::MAX, &mut taken);
    let whole = ["MULTI", "SET e 5", "EXEC", "SET f 6", "MULTI", "SET g 7", "EXEC"];
    let alone = ["SELECT 2", "SET b 2", "SET c 3", "SET d 4"];
    assert_eq!(taken, requests(&[&alone[..], &whole[..]].concat()));
}

#[test]
fn a_sketch_is_counted_on_a_replica() {
    let (fixture, mut peer) = replica();
    let mut applier = link(&fixture);
    apply(&fixture, &mut applier, &requests(&["PFADD sketch a b c", "PFADD other d"]));
    for _ in 0..2 {
        assert_eq!(peer.send(&fixture, "PFCOUNT sketch\r\n"), ":3\r\n");
        assert_eq!(
            peer.send(&fixture, "MULTI\r\nPFCOUNT sketch other\r\nEXEC\r\n"),
            "+OK\r\n+QUEUED\r\n*1\r\n:4\r\n"
        );
    }
    assert_eq!(passed_on(&fixture, BEGIN), requests(&["PFADD sketch a b c", "PFADD other d"]));
}

#[test]
fn what_has_no_place_in_a_stream_is_refused_and_counted() {
    let (fixture, mut peer) = replica();
    let mut applier = link(&fixture);
    let refused = [
        "CONFIG SET maxmemory 1",
        "SHUTDOWN NOSAVE",
        "SUBSCRIBE c",
        "MONITOR",
        "REPLICAOF NO ONE",
        "CLIENT PAUSE 1000",
        "DEBUG SLEEP 10",
        "WAIT 1 0",
        "PSYNC ? -1",
        "NOSUCH",
        "INCR text",
    ];
    let mut stream = requests(&["SET text abc"]);
    refused.iter().for_each(|line| request(&mut stream, line));
    // What waits for a key finds nothing, as in a transaction.
    stream.extend(requests(&["BLPOP nothing 0", "PUBLISH c m", "SET after 1"]));
    apply(&fixture, &mut applier, &stream);
    let failures = applier.take_failures().expect("some have failed");
    assert_eq!(failures.count, refused.len() as u64);
    assert_eq!(failures.command, "config");
    assert!(failures.reply.contains("config|set"), "{}", failures.reply);
    assert_eq!(applier.take_failures(), None, "they are told once");
    assert!(!fixture.is_stopped());
    assert_eq!(peer.send(&fixture, "GET after\r\n"), "$1\r\n1\r\n");
    assert_eq!(passed_on(&fixture, BEGIN), stream, "a failure is passed on as well");
}

#[test]
fn what_is_no_stream_ends_the_link() {
    let (fixture, _peer) = replica();
    let mut applier = link(&fixture);
    let applied = applier.apply(fixture.now, b"*1\r\n$4\r\nPING\r\n*x\r\n");
    let Applied::Malformed(why) = applied else { panic!("{applied:?}") };
    assert!(why.is_empty() || why.contains("Protocol error"), "{why}");
    assert_eq!(fixture.node.replication_offset(), BEGIN + 14);
    let mut applier = link(&fixture);
    let applied = applier.apply(fixture.now, &requests(&["SELECT 99", "SET a 1"]));
    assert_eq!(applied, Applied::Malformed("ERR DB index is out of range".to_owned()));
    let mut peer = fixture.connect();
    assert_eq!(peer.send(&fixture, "DBSIZE\r\n"), ":0\r\n", "it was meant for another database");
}

#[test]
fn nothing_stands_in_the_way_of_the_stream() {
    let (fixture, mut peer) = replica();
    peer.send(
        &fixture,
        "CONFIG SET requirepass secret maxmemory 1 replica-ignore-maxmemory no\r\n",
    );
    peer.send(&fixture, "CLIENT PAUSE 100000 ALL\r\n");
    let mut applier = link(&fixture);
    let now = fixture.now.wall.0;
    let stream = requests(&["SET a 1", &format!("PEXPIREAT a {}", now - 5), "APPEND a 2"]);
    apply(&fixture, &mut applier, &stream);
    assert_eq!(applier.take_failures(), None);
    fixture.node.end_pause();
    let mut peer = fixture.connect();
    let told = peer.send(&fixture, "AUTH secret\r\nGET a\r\nDBSIZE\r\n");
    assert_eq!(told, "+OK\r\n$-1\r\n:1\r\n", "it is hidden, and goes when the primary says so");
    apply(&fixture, &mut applier, &requests(&["DEL a"]));
    assert_eq!(peer.send(&fixture, "DBSIZE\r\n"), ":0\r\n");
}

#[test]
fn who_is_promoted_goes_on_under_a_name_of_its_own() {
    let (fixture, mut peer) = replica();
    let mut applier = link(&fixture);
    apply(&fixture, &mut applier, &requests(&["SELECT 3", "SET a 1"]));
    let end = fixture.node.replication_offset();
    let readonly = "-READONLY You can't write against a read only replica.\r\n";
    assert_eq!(peer.send(&fixture, "SET b 1\r\nFLUSHALL\r\n"), [readonly, readonly].concat());
    assert_eq!(
        peer.send(&fixture, "MULTI\r\nSLAVEOF NO ONE\r\nEXEC\r\n"),
        "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n"
    );
    assert_eq!(applier.apply(fixture.now, &requests(&["SET a 2"])), Applied::Ended);
    applier.end(fixture.now.monotonic);
    let told = peer.send(&fixture, "INFO replication\r\n");
    let lines = [
        "role:master".to_owned(),
        format!("master_replid2:{}", id()),
        format!("second_repl_offset:{}", end + 1),
        format!("master_repl_offset:{end}"),
    ];
    for line in lines {
        assert!(told.contains(&line), "{line} in {told}");
    }
    peer.send(&fixture, "SELECT 3\r\nSET b 2\r\n");
    assert_eq!(
        passed_on(&fixture, end),
        requests(&["SELECT 3", "SET b 2"]),
        "the database is told"
    );
}

#[test]
fn who_is_demoted_offers_what_it_has() {
    let fixture = Fixture::new();
    let mut peer = fixture.connect();
    peer.send(&fixture, "REPLICAOF 127.0.0.1 7000\r\n");
    assert_eq!(fixture.node.greeting().place, None, "nobody knows what it has");
    peer.send(&fixture, "REPLICAOF NO ONE\r\nCONFIG SET repl-diskless-sync-delay 0\r\n");
    let mut replica = fixture.connect();
    replica.send(&fixture, "REPLCONF capa eof\r\nPSYNC ? -1\r\n");
    peer.send(&fixture, "SELECT 4\r\nSET a 1\r\n");
    let (node, end) = (&fixture.node, fixture.node.replication_offset());
    let mut blocked = fixture.connect();
    blocked.send(&fixture, "BLPOP list 0\r\n");
    peer.send(&fixture, "REPLICAOF 127.0.0.1 7000\r\n");
    assert_eq!(
        blocked.unblock(&fixture),
        "-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n"
    );
    let (name, next) = node.greeting().place.expect("its replica has it, too");
    assert_eq!(next, end + 1);
    let database = node.go_on_with_stream(&primary(&fixture), Some((name, next)), Some(id()));
    assert_eq!(database, Some(4));
    let told = peer.send(&fixture, "INFO replication\r\n");
    assert!(told.contains(&format!("master_replid:{}", id())), "{told}");
    assert!(told.contains(&format!("master_replid2:{name}")), "{told}");
    assert!(replica.is_killed(), "it comes back and hears of the name");
}

#[test]
fn who_is_somewhere_else_than_where_it_asked_to_go_on_asks_for_everything() {
    let (fixture, _peer) = replica();
    let (node, primary) = (&fixture.node, primary(&fixture));
    let asked = node.greeting().place;
    let mut applier = link(&fixture);
    apply(&fixture, &mut applier, &requests(&["SET a 1"]));
    assert_eq!(node.go_on_with_stream(&primary, asked, None), None);
    assert_eq!(node.greeting().place, None);
}

#[test]
fn nothing_is_said_of_a_file_that_has_not_all_of_the_data() {
    let (fixture, mut peer) = replica();
    let node = &fixture.node;
    peer.send(&fixture, "CONFIG SET appendonly yes\r\n");
    let told = || {
        let words = node.acknowledgement();
        let words: Vec<_> = words.iter().map(|word| String::from_utf8_lossy(word)).collect();
        words.join(" ")
    };
    assert_eq!(told(), format!("REPLCONF ACK {BEGIN}"));
    let mut applier = link(&fixture);
    let stream = requests(&["SET a 1"]);
    apply(&fixture, &mut applier, &stream);
    let end = BEGIN + stream.len() as u64;
    node.note_synced(node.log_end());
    assert_eq!(told(), format!("REPLCONF ACK {end} FACK {end}"));
    // The log is longer than the history that was taken over.
    let place = StreamPlace { id: id(), offset: 2, database: 0 };
    assert!(node.adopt(&primary(&fixture), place, node.following(), fixture.now));
    node.note_synced(1);
    assert_eq!(told(), "REPLCONF ACK 2");
}

#[test]
fn a_transaction_without_an_end_ends_the_link() {
    let (fixture, mut peer) = replica();
    let mut applier = link(&fixture);
    applier.incomplete_bytes_max = 1000;
    let whole = requests(&["MULTI", &format!("SET a {}", "x".repeat(900)), "EXEC"]);
    apply(&fixture, &mut applier, &whole);
    apply(&fixture, &mut applier, &requests(&["MULTI"]));
    let (step, mut ended) = (requests(&["SET b 1"]), None);
    for _ in 0..1000 / step.len() + 1 {
        let applied = applier.apply(fixture.now, &step);
        ended = (applied != Applied::Bytes(step.len())).then_some(applied);
        assert!(ended.is_none() || applier.incomplete.len() > 1000);
    }
    let ended = ended.expect("there is a limit");
    assert!(matches!(&ended, Applied::Malformed(why) if why.contains("1000 bytes")), "{ended:?}");
    assert_eq!(peer.send(&fixture, "DBSIZE\r\n"), ":1\r\n", "nothing of it has happened");
}

#[test]
fn while_data_are_loaded_nothing_is_cut() {
    let (fixture, _peer) = replica();
    let node = &fixture.node;
    let by = (node.control(), fixture.now);
    assert!(node.begin_loading(node.following(), fixture.now, 0));
    assert_eq!(node.begin_save(by, None, false), Err(crate::SaveError::Loading));
    assert!(node.begin_rewrite(by, true, true).is_none());
    node.end_loading(node.following(), fixture.now);
    assert!(node.begin_save(by, None, false).is_ok());
}

#[test]
fn data_that_could_not_be_loaded_are_not_offered() {
    let (fixture, _peer) = replica();
    let (node, primary) = (&fixture.node, primary(&fixture));
    assert!(node.greeting().place.is_some());
    assert!(node.give_up_data(&primary, node.following()).is_some());
    assert_eq!(node.greeting().place, None);
    let place = StreamPlace { id: id(), offset: 7, database: 1 };
    assert!(node.adopt(&primary, place, node.following(), fixture.now));
    assert_eq!(node.greeting().place, Some((id(), 8)));
}

#[test]
fn a_primary_that_is_restarted_remembers_the_history_before() {
    let fixture = Fixture::new();
    let place = StreamPlace { id: id(), offset: 500, database: 2 };
    let mut gone = LoggedCommands::default();
    gone.push(1, [&b"DEL"[..], b"expired"].into_iter());
    fixture.node.restore_place(place, &gone, fixture.node.control(), fixture.now);
    let mut replica = fixture.connect();
    let told = replica.send(&fixture, &format!("REPLCONF capa psync2\r\nPSYNC {} 501\r\n", id()));
    assert!(told.starts_with("+OK\r\n+CONTINUE "), "{told}");
    let mut peer = fixture.connect();
    peer.send(&fixture, "SELECT 2\r\nSET a 1\r\n");
    assert_eq!(
        passed_on(&fixture, 500),
        requests(&["SELECT 1", "DEL expired", "SELECT 2", "SET a 1"])
    );
}

#[test]
fn a_transaction_is_kept_from_stale_data_as_its_commands_are() {
    let (fixture, mut peer) = replica();
    peer.send(&fixture, "MULTI\r\nGET a\r\n");
    fixture.connect().send(&fixture, "CONFIG SET replica-serve-stale-data no\r\n");
    assert_eq!(
        peer.send(&fixture, "EXEC\r\n"),
        "-EXECABORT Transaction discarded because of: MASTERDOWN Link with MASTER is down and \
         replica-serve-stale-data is set to 'no'.\r\n"
    );
}

#[test]
fn a_write_that_was_let_in_before_the_role_changed_is_refused() {
    let (fixture, mut peer) = replica();
    peer.send(&fixture, "REPLICAOF NO ONE\r\nSET a 1\r\nZADD z 1 m\r\n");
    peer.send(&fixture, "REPLICAOF 127.0.0.1 7000\r\n");
    // As if they had been asked for before it was: what lets commands in says nothing.
    fixture.node.note_role(false);
    let readonly = "-READONLY You can't write against a read only replica.\r\n";
    for line in
        ["SET a 2", "DEL a", "MSET a 2 b 3", "FLUSHALL", "BLPOP l 0", "ZPOPMIN z", "SORT l STORE d"]
    {
        assert_eq!(peer.send(&fixture, &format!("{line}\r\n")), readonly, "{line}");
    }
    let told = peer.send(&fixture, "MULTI\r\nSET a 2\r\nGET a\r\nEXEC\r\n");
    let discarded = "-EXECABORT Transaction discarded because of: ";
    assert!(told.ends_with(&format!("{discarded}{}", &readonly[1..])), "{told}");
    assert_eq!(peer.send(&fixture, "GET a\r\n"), "$1\r\n1\r\n");
    // As if it were just being promoted: nothing is loaded.
    fixture.node.replication.is_replica.store(false, SeqCst);
    assert_eq!(peer.send(&fixture, "SET a 2\r\n"), readonly);
    fixture.node.replication.is_replica.store(true, SeqCst);
    peer.send(&fixture, "CONFIG SET replica-read-only no\r\n");
    assert_eq!(peer.send(&fixture, "SET a 2\r\n"), "+OK\r\n");
    let end = fixture.node.replication_offset();
    peer.send(&fixture, "SET a 3\r\n");
    assert_eq!(fixture.node.replication_offset(), end, "it is not passed on");
}

/// Parts of streams, whole and torn, of a primary that means no good.
fn hostile(rng: &mut Rng) -> Vec<u8> {
    const LINES: [&str; 16] = [
        "MULTI",
        "EXEC",
        "DISCARD",
        "SET a 1",
        "INCR a",
        "SELECT 1",
        "SELECT 99",
        "PING",
        "REPLCONF GETACK *",
        "REPLCONF ACK 5",
        "FLUSHALL",
        "SWAPDB 0 1",
        "QUIT",
        "RESET",
        "BLPOP a 0",
        "XREAD BLOCK 0 STREAMS a $",
    ];
    const BYTES: [&[u8]; 9] = [
        b"\r\n",
        b"PING\r\n",
        b"SET b 2\r\n",
        b"*0\r\n",
        b"*-1\r\n",
        b"*2\r\n$3\r\nGET\r\n",
        b"*1\r\n$1000000000\r\n",
        b"$5\r\nhello\r\n",
        b"\x00\xff",
    ];
    let mut bytes = Vec::new();
    for _ in 0..rng.below(12) {
        // Mostly what is whole: nothing comes behind what is torn.
        match rng.below(30) {
            0 => bytes.extend_from_slice(BYTES[rng.below(BYTES.len() as u64) as usize]),
            1 => bytes.extend_from_slice(BYTES[rng.below(5) as usize]),
            _ => request(&mut bytes, LINES[rng.below(LINES.len() as u64) as usize]),
        }
    }
    bytes
}

#[test]
fn any_bytes_are_applied_or_end_the_link() {
    let seed = 77;
    let mut rng = Rng::from_seed(seed);
    let (fixture, mut peer) = replica();
    let (mut applied, mut ended) = (0, 0);
    for round in 0..2000 {
        let mut applier = link(&fixture);
        let (bytes, before) = (hostile(&mut rng), fixture.node.replication_offset());
        let (mut begin, mut end) = (0, 0);
        while end < bytes.len() {
            end = bytes.len().min(end + 1 + rng.below(60) as usize);
            match applier.apply(fixture.now, &bytes[begin..end]) {
                Applied::Bytes(count) => begin += count,
                Applied::Malformed(_) | Applied::Ended => {
                    ended += 1;
                    break;
                }
                Applied::NotNow => panic!("seed {seed}, round {round}: nothing is in the way"),
            }
        }
        applier.end(fixture.now.monotonic);
        let passed = passed_on(&fixture, before);
        assert!(bytes.starts_with(&passed), "seed {seed}, round {round}: {}", bytes.escape_ascii());
        applied += passed.len();
    }
    assert!(applied > 10_000 && ended > 100, "seed {seed}: {applied} bytes, {ended} ends");
    assert_eq!(peer.send(&fixture, "PING\r\n"), "+PONG\r\n");
}

#[test]
fn what_was_trimmed_about_so_much_is_trimmed_exactly_whatever_its_limit() {
    let (fixture, mut peer) = replica();
    let mut applier = link(&fixture);
    let adds = ["XADD s 1-1 f v", "XADD s 2-1 f v", "XADD s MAXLEN = 2 LIMIT 100 3-1 f v"];
    apply(&fixture, &mut applier, &requests(&adds));
    apply(&fixture, &mut applier, &requests(&["XTRIM s MAXLEN = 1 LIMIT 10"]));
    assert_eq!(applier.take_failures(), None);
    assert_eq!(peer.send(&fixture, "XLEN s\r\n"), ":1\r\n");
}

#[test]
fn what_was_read_on_a_replica_waits_for_all_that_was_applied() {
    let (fixture, mut peer) = replica();
    let mut applier = link(&fixture);
    fixture.node.confirm_log(fixture.node.log_end(), true);
    peer.send(&fixture, "GET other\r\n");
    assert_eq!(peer.awaited(&fixture), None);
    apply(&fixture, &mut applier, &requests(&["SET key value"]));
    let end = fixture.node.log_end();
    for request in ["GET key", "GET other"] {
        peer.send(&fixture, &format!("{request}\r\n"));
        assert_eq!(peer.awaited(&fixture), Some(end), "{request}");
    }
    peer.send(&fixture, "PING\r\n");
    assert_eq!(peer.awaited(&fixture), None);
}
