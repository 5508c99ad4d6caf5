use crate::log::LogUser;
use crate::testing::Fixture;
use engine::{ExpireCursor, WorkerId};
use std::time::Duration;

const WORKER: WorkerId = WorkerId(0);

/// Nothing that was logged so far has to be waited for.
fn confirm_all_so_far(fixture: &Fixture) {
    fixture.node.confirm_log(fixture.node.log_end(), true);
}

/// A node whose log goes to a file, for which reads wait, too; these commands have run, and are in the file.
fn confirming(before: &str) -> Fixture {
    let fixture = Fixture::new();
    fixture.node.begin_log(LogUser::File, WORKER, fixture.now, |_, _| ());
    confirm_all_so_far(&fixture);
    fixture.connect().send(&fixture, before);
    confirm_all_so_far(&fixture);
    fixture
}

/// What the replies to these requests of a new client wait for.
fn awaited(fixture: &Fixture, requests: &str) -> Option<u64> {
    let mut peer = fixture.connect();
    peer.send(fixture, requests);
    peer.awaited(fixture)
}

#[test]
fn what_was_read_waits_for_the_last_change_of_its_slots_alone() {
    let fixture = confirming("SET old 1\r\nSET older 1\r\n");
    let change = awaited(&fixture, "SET new 1\r\n");
    assert_eq!(change, Some(fixture.node.log_end()));
    for others in [
        "PING",
        "GET old",
        "GET none",
        "MGET old older",
        "SETNX old 2",
        "LPUSH old x",
        "SELECT 1\r\nGET old",
        "MULTI\r\nGET old\r\nGET older\r\nEXEC",
    ] {
        assert_eq!(awaited(&fixture, &format!("{others}\r\n")), None, "{others}");
    }
    for looks in [
        "GET new",
        "GET old\r\nGET new\r\nGET old",
        "MGET old new",
        "SETNX new 2",
        "LPUSH new x",
        // The databases of a slot are not told apart.
        "SELECT 1\r\nGET new",
        "MULTI\r\nGET old\r\nGET new\r\nEXEC",
        "WATCH new\r\nMULTI\r\nGET old\r\nEXEC",
        "KEYS *",
        "SCAN 0",
        "DBSIZE",
        "RANDOMKEY",
        "MULTI\r\nDBSIZE\r\nEXEC",
        "SORT old BY by_*",
    ] {
        assert_eq!(awaited(&fixture, &format!("{looks}\r\n")), change, "{looks}");
    }
    // What another has written next is behind it.
    let next = awaited(&fixture, "SET old 2\r\n");
    assert!(next > change);
    assert_eq!(awaited(&fixture, "GET new\r\n"), change);
    assert_eq!(awaited(&fixture, "FLUSHDB\r\nGET none\r\n"), Some(fixture.node.log_end()));
}

#[test]
fn every_kind_of_change_is_noted_for_all_that_it_has_changed() {
    let before = "MSET a 1 b 2\r\nSET going 1 PX 5\r\nSET gone 1 PX 5\r\nSELECT 1\r\nSET c 3\r\n";
    for (change, changed) in [
        ("RENAME a x", &["a", "x"][..]),
        ("COPY a x", &["x"]),
        ("MOVE a 1", &["a"]),
        ("MSET a 2 x 3", &["a", "x"]),
        ("MULTI\r\nINCR a\r\nDEL b\r\nEXEC", &["a", "b"]),
        ("SWAPDB 0 1", &["a", "b", "c", "none"]),
        ("FLUSHALL", &["a", "b", "c", "none"]),
        ("SORT none BY by_* STORE a", &["a"]),
        // Those are gone by the time that is come upon.
        ("GET gone", &["gone"]),
        ("PING", &["going"]),
    ] {
        let mut fixture = confirming(before);
        fixture.pass(Duration::from_millis(10));
        fixture.connect().send(&fixture, &format!("{change}\r\n"));
        if changed == ["going"] {
            let mut cursor = ExpireCursor::default();
            fixture.node.expire_cycle(&mut cursor, Duration::from_millis(100), || fixture.now);
        }
        let end = fixture.node.log_end();
        for key in changed {
            let read = awaited(&fixture, &format!("GET {key}\r\n"));
            assert!(read.is_some_and(|read| read <= end), "{change}: {key}");
        }
        confirm_all_so_far(&fixture);
        for key in changed {
            assert_eq!(awaited(&fixture, &format!("GET {key}\r\n")), None, "{change}: {key}");
        }
    }
}

#[test]
fn what_was_logged_before_reads_began_to_wait_may_be_of_any_key() {
    let fixture = Fixture::new();
    fixture.node.begin_log(LogUser::File, WORKER, fixture.now, |_, _| ());
    fixture.node.confirm_log(0, false);
    let (mut writer, mut reader) = (fixture.connect(), fixture.connect());
    writer.send(&fixture, "SET a 1\r\n");
    reader.send(&fixture, "GET a\r\n");
    let before = fixture.node.log_end();
    fixture.node.confirm_log(0, true);
    writer.send(&fixture, "SET b 1\r\n");
    assert_eq!(reader.awaited(&fixture), Some(before), "it was read before");
    assert_eq!(awaited(&fixture, "GET a\r\n"), Some(before));
    assert_eq!(awaited(&fixture, "GET other\r\n"), Some(before));
    fixture.node.confirm_log(before, true);
    assert_eq!(awaited(&fixture, "GET a\r\n"), None);
    assert_eq!(awaited(&fixture, "GET b\r\n"), Some(fixture.node.log_end()));
    // The log begins anew: what is there is in what is cut there.
    fixture.node.begin_log(LogUser::File, WORKER, fixture.now, |_, _| ());
    assert_eq!(awaited(&fixture, "GET a\r\n"), Some(fixture.node.log_end()));
}

#[test]
fn who_is_served_waits_for_the_change_that_served_him() {
    for (blocks, serves) in [
        ("BLPOP key 0", "RPUSH key 1"),
        ("BLMOVE key other LEFT LEFT 0", "RPUSH key 1"),
        ("XREAD BLOCK 0 STREAMS key $", "XADD key 1-1 f v"),
    ] {
        let fixture = confirming("");
        let mut blocked = fixture.connect();
        blocked.send(&fixture, &format!("{blocks}\r\n"));
        fixture.connect().send(&fixture, &format!("{serves}\r\n"));
        let end = fixture.node.log_end();
        fixture.connect().send(&fixture, "SET stranger 1\r\n");
        assert_ne!(blocked.unblock(&fixture), "");
        assert_eq!(blocked.awaited(&fixture), Some(end), "{blocks}");
    }
    let fixture = confirming("SET old 1\r\n");
    let mut blocked = fixture.connect();
    blocked.send(&fixture, "BLPOP key 1\r\n");
    fixture.connect().send(&fixture, "SET stranger 1\r\n");
    assert_ne!(blocked.unblock_after(&fixture, Duration::from_secs(2)), "");
    assert_eq!(blocked.awaited(&fixture), None, "there was nothing, and nothing was changed");
}

#[test]
fn who_is_told_that_a_watched_key_was_changed_waits_for_that() {
    let fixture = confirming("SET key 1\r\n");
    let mut watching = fixture.connect();
    watching.send(&fixture, "WATCH key\r\n");
    fixture.connect().send(&fixture, "SET key 2\r\n");
    let end = fixture.node.log_end();
    fixture.connect().send(&fixture, "SET stranger 1\r\n");
    assert_eq!(watching.send(&fixture, "MULTI\r\nPING\r\nEXEC\r\n"), "+OK\r\n+QUEUED\r\n*-1\r\n");
    assert_eq!(watching.awaited(&fixture), Some(end));
}

#[test]
fn others_wait_no_longer_because_somebody_asks_again() {
    let fixture = confirming("SET old 1\r\n");
    let confirmed = fixture.node.log_end();
    let change = awaited(&fixture, "SET new 1\r\n");
    awaited(&fixture, "CLIENT WRITE-ACKS 1\r\n");
    // The disk was full, and is not any more.
    fixture.node.confirm_log(confirmed, false);
    fixture.node.confirm_log(confirmed, true);
    fixture.node.ask_replicas_to_confirm(1);
    fixture.node.ask_replicas_to_confirm(0);
    assert_eq!(awaited(&fixture, "GET old\r\n"), None);
    assert_eq!(awaited(&fixture, "GET new\r\n"), change);
}

#[test]
fn what_keys_were_looked_at_tells_without_a_lock_what_is_waited_for() {
    for covers_reads in [false, true] {
        let fixture = Fixture::new();
        fixture.node.begin_log(LogUser::File, WORKER, fixture.now, |_, _| ());
        fixture.node.confirm_log(fixture.node.log_end(), covers_reads);
        let (mut writer, mut reader) = (fixture.connect(), fixture.connect());
        writer.send(&fixture, "SET key value\r\n");
        reader.send(&fixture, "GET key\r\n");
        let end = fixture.node.log_end();
        // Who asked for it would wait for ever.
        let _position = fixture.node.log.position.0.lock();
        assert_eq!(writer.awaited(&fixture), Some(end));
        assert_eq!(reader.awaited(&fixture), covers_reads.then_some(end));
    }
}
