use super::part::BLOCK_BYTES;
use super::*;
use crate::Step;
use crate::testing::{Fixture, Peer};
use base::Slot;
use engine::ExpireCursor;
use std::time::Duration;

const WORKER: WorkerId = WorkerId(0);

/// What stands in the log, one command a line of words.
fn taken(fixture: &Fixture) -> Vec<String> {
    let (mut bytes, mut part) = (Vec::new(), Vec::new());
    loop {
        fixture.node.take_log(1 << 20, &mut part);
        if part.is_empty() {
            break;
        }
        bytes.extend_from_slice(&part);
    }
    lines(&bytes)
}

fn lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8(bytes.to_vec()).expect("the tests log text");
    let commands = text.split('*').skip(1);
    // Every second line is a word, and the first is how many there are.
    let words = |command: &str| {
        command.split("\r\n").skip(2).step_by(2).collect::<Vec<_>>().join(" ").trim_end().to_owned()
    };
    commands.map(words).collect()
}

/// A node that logs, and a client.
fn logging() -> (Fixture, Peer) {
    let fixture = Fixture::new();
    fixture.node.begin_log(LogUser::File, WORKER, fixture.now, |_, _| ());
    let peer = fixture.connect();
    (fixture, peer)
}

/// A request that is longer than one in a line may be.
fn set(key: &str, value: &str) -> String {
    format!("*3\r\n$3\r\nSET\r\n${}\r\n{key}\r\n${}\r\n{value}\r\n", key.len(), value.len())
}

#[test]
fn what_is_written_while_it_is_on_is_logged() {
    let fixture = Fixture::new();
    let mut peer = fixture.connect();
    peer.send(&fixture, "SET a 1\r\n");
    let begin = fixture.node.begin_log(LogUser::File, WORKER, fixture.now, |_, offset| offset);
    peer.send(&fixture, "SET b 2\r\nGET b\r\nSETNX b 3\r\nSELECT 3\r\nINCR c\r\nINCR c\r\n");
    assert_eq!(taken(&fixture), ["SELECT 0", "SET b 2", "SELECT 3", "INCR c", "INCR c"]);
    let cut = fixture.node.begin_log(LogUser::File, WORKER, fixture.now, |_, offset| offset);
    assert!(begin == 0 && cut == fixture.node.log_end());
    peer.send(&fixture, "INCR c\r\n");
    assert_eq!(taken(&fixture), ["SELECT 3", "INCR c"], "it stands for itself");
    peer.send(&fixture, "INCR c\r\n");
    let end = fixture.node.log_end();
    fixture.node.end_log(LogUser::File, WORKER, fixture.now);
    peer.send(&fixture, "INCR c\r\n");
    assert_eq!((taken(&fixture).len(), fixture.node.log_end()), (0, end));
}

#[test]
fn it_is_taken_in_parts_of_any_length() {
    let (fixture, mut peer) = logging();
    let long = "x".repeat(BLOCK_BYTES);
    peer.send(&fixture, &set("a", &long));
    peer.send(&fixture, "SET b 1\r\n");
    peer.send(&fixture, "MULTI\r\nINCR b\r\nINCR b\r\nEXEC\r\n");
    let (mut all, mut part) = (Vec::new(), Vec::new());
    loop {
        let offset = fixture.node.take_log(1000, &mut part);
        if part.is_empty() {
            break;
        }
        assert!(part.len() <= 1000);
        all.extend_from_slice(&part);
        assert_eq!(offset, all.len() as u64);
    }
    assert_eq!(fixture.node.log_end(), all.len() as u64);
    assert_eq!(lines(&all)[2..], ["SET b 1", "MULTI", "INCR b", "INCR b", "EXEC"]);
}

#[test]
fn writes_wait_while_it_is_full() {
    let (fixture, mut peer) = logging();
    let mut reader = fixture.connect();
    let mebibyte = "x".repeat(1 << 20);
    let mut written = 0;
    while peer.step != Step::Wait {
        assert!(written <= LOG_BYTES_MAX + mebibyte.len(), "it has a bound");
        peer.send(&fixture, &set("k", &mebibyte));
        written += mebibyte.len();
    }
    assert_eq!(reader.send(&fixture, "STRLEN k\r\n"), ":1048576\r\n", "reads do not wait");
    assert!(reader.send(&fixture, "INFO clients\r\n").contains("paused_reason:none"));
    let mut part = Vec::new();
    let wakes = peer.wakes();
    while fixture.node.pause_kind().is_some() {
        assert_eq!((peer.run(&fixture).as_str(), peer.step), ("", Step::Wait));
        fixture.node.take_log(1 << 20, &mut part);
        assert!(!part.is_empty(), "it goes on before all was taken");
    }
    assert!(peer.wakes() > wakes);
    assert_eq!(peer.run(&fixture), "+OK\r\n");
}

#[test]
fn a_session_knows_up_to_where_its_writes_stand() {
    let (fixture, mut peer) = logging();
    let mut waiting = fixture.connect();
    waiting.send(&fixture, "BLPOP l 0\r\n");
    peer.send(&fixture, "GET a\r\n");
    assert_eq!((peer.log_offset(), waiting.log_offset()), (0, 0));
    peer.send(&fixture, "RPUSH l 1\r\n");
    let pushed = peer.log_offset();
    assert!(0 < pushed && pushed < fixture.node.log_end());
    assert_eq!(waiting.unblock(&fixture), "*2\r\n$1\r\nl\r\n$1\r\n1\r\n");
    assert_eq!(waiting.log_offset(), fixture.node.log_end());
    peer.send(&fixture, "SET a 1\r\n");
    assert_eq!(peer.log_offset(), fixture.node.log_end());
    assert_eq!(taken(&fixture), ["SELECT 0", "RPUSH l 1", "LPOP l", "SET a 1"]);
}

#[test]
fn the_reader_is_woken_once_until_it_has_taken_all() {
    let (fixture, mut peer) = logging();
    peer.send(&fixture, "SET a 1\r\n");
    peer.send(&fixture, "SET a 2\r\nGET a\r\n");
    assert_eq!(fixture.log_wakes(), 1);
    assert_eq!(taken(&fixture).len(), 3);
    peer.send(&fixture, "GET a\r\n");
    assert_eq!(fixture.log_wakes(), 1);
    peer.send(&fixture, "SET a 3\r\n");
    assert_eq!(fixture.log_wakes(), 2);
}

#[test]
fn what_is_held_at_once_is_one_unit() {
    let (fixture, mut peer) = logging();
    peer.send(&fixture, "MULTI\r\nINCR a\r\nGET a\r\nEXEC\r\n");
    assert_eq!(taken(&fixture), ["SELECT 0", "INCR a"], "one command needs nothing around it");
    // A command of the node divides its transaction.
    peer.send(&fixture, "MULTI\r\nINCR a\r\nINCR b\r\nCONFIG GET port\r\nINCR c\r\nEXEC\r\n");
    assert_eq!(taken(&fixture), ["MULTI", "INCR a", "INCR b", "EXEC", "INCR c"]);
    peer.send(&fixture, "MULTI\r\nINCR a\r\nFLUSHALL\r\nSWAPDB 0 1\r\nEXEC\r\n");
    assert_eq!(taken(&fixture), ["MULTI", "INCR a", "FLUSHALL", "SWAPDB 0 1", "EXEC"]);
}

#[test]
fn keys_that_go_by_themselves_are_logged_as_the_settings_say() {
    let (mut fixture, mut peer) = logging();
    peer.send(&fixture, "MSET a 1 b 2 c 3\r\nPEXPIRE a 1\r\nPEXPIRE b 1\r\nPEXPIRE c 5\r\n");
    taken(&fixture);
    fixture.pass(Duration::from_millis(3));
    let mut cursor = ExpireCursor::default();
    fixture.node.expire_cycle(&mut cursor, Duration::from_millis(100), || fixture.now);
    let mut gone = taken(&fixture);
    gone.sort();
    assert_eq!(gone, ["UNLINK a", "UNLINK b"], "they have nothing to do with each other");
    peer.send(&fixture, "CONFIG SET lazyfree-lazy-expire no\r\n");
    fixture.pass(Duration::from_millis(3));
    peer.send(&fixture, "INCR c\r\n");
    assert_eq!(taken(&fixture), ["MULTI", "DEL c", "INCR c", "EXEC"]);
    // A time that has come already, as of SET; nothing of a key that was not there.
    peer.send(&fixture, "MSETEX 2 c 1 d 2 EXAT 1\r\nMSETEX 1 d 2 PXAT 1\r\n");
    assert_eq!(taken(&fixture), ["DEL c"]);
}

#[test]
fn the_keys_of_a_slot_that_is_lost_are_logged() {
    let (fixture, mut peer) = logging();
    peer.send(&fixture, "SET a 1\r\nSELECT 1\r\nSET a 2\r\n");
    taken(&fixture);
    let slot = Slot::of_key(b"a");
    let mut tell = |effects: &_| fixture.node.tell_each(WORKER, slot, effects);
    fixture.node.keyspace.flush_slot(slot, WORKER, &mut tell);
    assert_eq!(taken(&fixture), ["SELECT 0", "DEL a", "SELECT 1", "DEL a"]);
}

#[test]
fn what_was_written_waits_until_it_is_confirmed_and_with_always_what_was_read_too() {
    let fixture = Fixture::new();
    let (mut writer, mut reader) = (fixture.connect(), fixture.connect());
    writer.send(&fixture, "SET before log\r\n");
    assert_eq!(writer.awaited(&fixture), None, "there is no log");
    let begin = fixture.node.begin_log(LogUser::File, WORKER, fixture.now, |_, offset| offset);
    fixture.node.confirm_log(begin, false);
    writer.send(&fixture, "SET key value\r\n");
    reader.send(&fixture, "GET key\r\n");
    let end = fixture.node.log_end();
    assert_eq!((writer.awaited(&fixture), reader.awaited(&fixture)), (Some(end), None));
    fixture.node.confirm_log(begin, true);
    assert_eq!(reader.awaited(&fixture), Some(end));
    let (wrote, read) = (writer.wakes(), reader.wakes());
    assert!(!writer.may_leave(&fixture, end) && !reader.may_leave(&fixture, end));
    // Where nothing can be written, reads go on, and those that have written wait.
    fixture.node.confirm_log(begin, false);
    assert!(reader.wakes() > read && reader.may_leave(&fixture, end));
    assert!(!writer.may_leave(&fixture, end));
    fixture.node.confirm_log(end, false);
    assert!(writer.wakes() > wrote && writer.may_leave(&fixture, end));
    assert_eq!(writer.awaited(&fixture), None);
}

#[test]
fn threads_that_write_to_several_databases_tell_which() {
    let (fixture, mut peer) = logging();
    // Another thread: the timer's.
    let by_timer = |database: usize| {
        let (node, by) = (&fixture.node, fixture.node.upkeep());
        let keys = std::iter::once(&b"k"[..]);
        let moment = Moment::at(fixture.now.wall);
        let mut access = node.keyspace.hold_keys(keys, database, by, moment);
        access.log([&b"DEL"[..], b"k"].into_iter());
        node.log_effects(by, &mut access)
    };
    peer.send(&fixture, "SET a 1\r\n");
    by_timer(0);
    by_timer(3);
    peer.send(&fixture, "SET b 1\r\n");
    peer.send(&fixture, "SELECT 3\r\nSET c 1\r\n");
    by_timer(3);
    let expected = [
        "SELECT 0", "SET a 1", "DEL k", "SELECT 3", "DEL k", "SELECT 0", "SET b 1", "SELECT 3",
        "SET c 1", "DEL k",
    ];
    assert_eq!(taken(&fixture), expected);
}

#[test]
fn what_is_for_replicas_alone_is_noted_as_one_where_it_touches() {
    let (fixture, mut peer) = logging();
    fixture.node.begin_log(LogUser::Replicas, WORKER, fixture.now, |_, _| ());
    let relay =
        || fixture.node.relay_log(WORKER, &b"*1\r\n$4\r\nPING\r\n".repeat(2), 0, &[0..14, 14..28]);
    let noted = || fixture.node.log.position.0.lock().for_replicas.clone();
    relay();
    let end = relay().expect("there may be replicas");
    assert_eq!((noted().len(), &noted()[0]), (1, &(0..end)));
    peer.send(&fixture, "SET a 1\r\n");
    relay();
    assert_eq!(noted().len(), 2);
    assert_eq!(taken(&fixture), ["SET a 1"]);
    assert_eq!(noted(), []);
}
