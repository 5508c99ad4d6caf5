//! Synchronisations that are broken off, replicas that stand still, disks that are full: the old data or the new, never some of both, and in the end the new.
//!
//! `REPLICATION_POINTS=20` breaks a transfer off at so many points.

use std::fs;

use testkit::wait::{self, PATIENCE};
use testkit::{Client, Program, Reply, Server};

use super::keys::{Common, assert_same};
use super::nodes::{
    LINKING, await_all, await_replicas, await_up, count, field, follow, is_up, promote, setup,
    syncs,
};
use super::{number, ours};
use crate::faults::disk::SmallDisk;

const POINTS: u64 = 4;

const KEYS: u64 = 10_000;
/// Bytes of a value, before and after.
const OLD: i64 = 100;
const NEW: i64 = 500;

/// How long the primary takes for a key, in microseconds: a transfer of a second.
const KEY_DELAY_US: u64 = 100;

fn populate(server: &Server, bytes: i64) {
    let mut client = server.client();
    assert_eq!(client.line("FLUSHALL"), Reply::ok());
    assert_eq!(client.line(&format!("DEBUG POPULATE {KEYS} key {bytes}")), Reply::ok());
}

/// The length of some values at one moment. None where it says that it has none to show now.
fn lengths(client: &mut Client) -> Option<Vec<i64>> {
    client.send_raw(b"MULTI\r\n").expect("it listens");
    let asked = 50;
    for number in 0..asked {
        let line = format!("STRLEN key:{}\r\n", number * (KEYS - 1) / (asked - 1));
        client.send_raw(line.as_bytes()).expect("it listens");
    }
    client.send_raw(b"EXEC\r\n").expect("it listens");
    let mut replies = (0..asked + 2).map(|_| client.reply().expect("it answers"));
    let last = replies.by_ref().last().expect("there are some");
    if let Some(lengths) = last.items() {
        return Some(lengths.iter().filter_map(Reply::integer).collect());
    }
    let text = last.text().unwrap_or_default();
    let is_honest =
        ["LOADING", "EXECABORT", "MASTERDOWN"].iter().any(|word| text.starts_with(word));
    assert!(is_honest, "{last:?}");
    None
}

/// Fails where some values are old and some new. Whether there is something to see.
fn assert_whole(client: &mut Client) -> bool {
    let Some(lengths) = lengths(client) else { return false };
    let is_whole = |length| lengths.iter().all(|one| *one == length);
    assert!(is_whole(OLD) || is_whole(NEW), "a mixture: {lengths:?}");
    true
}

/// Where a transfer is broken off.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// The primary closes the link.
    Link,
    /// The primary is killed, and comes back with what it has saved.
    Primary,
}

/// Begins a transfer and breaks it off where so many bytes have come. Whether it was in time.
fn cut(replica: &Server, primary: &mut Server, cut: Cut, bytes: u64) -> bool {
    assert_eq!(
        primary.client().line(&format!("CONFIG SET rdb-key-save-delay {KEY_DELAY_US}")),
        Reply::ok()
    );
    follow(replica, primary);
    let mut client = replica.client();
    let mut reader = replica.client();
    let read = |client: &mut Client| -> u64 {
        field(client, "master_sync_read_bytes").and_then(|text| text.parse().ok()).unwrap_or(0)
    };
    let is_there = || {
        assert_whole(&mut reader);
        read(&mut client) >= bytes || is_up(replica)
    };
    assert!(wait::until(LINKING, is_there), "nothing comes");
    let is_in_time = !is_up(replica);
    match cut {
        Cut::Link => {
            primary.client().line("CLIENT KILL TYPE replica");
        }
        Cut::Primary => {
            primary.kill();
            primary.restart();
        }
    }
    is_in_time
}

fn transfers_are_broken_off(replica: &Program, primary: &Program) {
    let setup = setup().with("rdbcompression", &["no"]).with("repl-diskless-sync", &["yes"]);
    let (mut primary, replica) =
        (Server::start(primary, setup.clone()), Server::start(replica, setup));
    populate(&primary, NEW);
    assert_eq!(primary.client().line("SAVE"), Reply::ok());
    let path = primary.directory().join("dump.rdb");
    let bytes = fs::metadata(&path).expect("it was saved").len();
    let points = number("REPLICATION_POINTS", POINTS);
    let mut in_time = 0;
    for point in 1..=points {
        promote(&replica);
        populate(&replica, OLD);
        let how = if point % 2 == 0 { Cut::Primary } else { Cut::Link };
        let is_in_time = cut(&replica, &mut primary, how, bytes * point / (points + 1));
        println!("{how:?} at {point} of {}: in time: {is_in_time}", points + 1);
        in_time += u64::from(is_in_time);
        let mut client = replica.client();
        assert_whole(&mut client);
        assert_eq!(primary.client().line("CONFIG SET rdb-key-save-delay 0"), Reply::ok());
        let is_over = || {
            assert_whole(&mut client);
            is_up(&replica)
        };
        assert!(wait::until(LINKING, is_over), "it does not begin again");
        await_all(&replica, &primary);
        let digest = |server: &Server| server.client().line("DEBUG DIGEST");
        assert_eq!(digest(&replica), digest(&primary), "point {point}");
        assert_eq!(lengths(&mut client), Some(vec![NEW; 50]));
    }
    assert!(2 * in_time >= points, "only {in_time} of {points} were in time");
}

#[test]
fn ours_receiving_from_ours() {
    transfers_are_broken_off(&ours(), &ours());
}

#[test]
fn ours_receiving_from_valkey() {
    transfers_are_broken_off(&ours(), &Program::valkey());
}

#[test]
fn valkey_receiving_from_ours() {
    transfers_are_broken_off(&Program::valkey(), &ours());
}

/// Megabytes that are written while a replica stands still: more than sockets and the backlog hold.
const WRITTEN_MB: usize = 40;

fn stands_still(replica: &Program, primary: &Program) {
    let setup = || setup().with("repl-diskless-sync", &["yes"]);
    let limited = setup()
        .with("client-output-buffer-limit", &["replica 2mb 2mb 0"])
        .with("repl-backlog-size", &["1mb"]);
    let (primary, mut replica) = (Server::start(primary, limited), Server::start(replica, setup()));
    let mut client = primary.client();
    client.line("SET before 1");
    follow(&replica, &primary);
    await_up(&replica);
    await_all(&replica, &primary);
    replica.signal("STOP");
    let before = count(&primary, "used_memory");
    let value = "v".repeat(1 << 20);
    for number in 0..WRITTEN_MB {
        assert_eq!(client.command(&["SET", &(number % 4).to_string(), &value]), Reply::ok());
    }
    await_replicas(&primary, 0);
    let mut after = 0;
    let is_freed = wait::until(PATIENCE, || {
        after = count(&primary, "used_memory");
        after < before + (16 << 20)
    });
    assert!(is_freed, "what it has not read is kept: {before}, {after}");
    replica.signal("CONT");
    let is_back = || syncs(&primary).full == 2 && is_up(&replica);
    assert!(wait::until(LINKING, is_back), "{:?}", syncs(&primary));
    client.line("SET after 1");
    await_all(&replica, &primary);
    let digest = |server: &Server| server.client().line("DEBUG DIGEST");
    assert_eq!(digest(&replica), digest(&primary));
}

#[test]
fn ours_drops_a_replica_that_stands_still() {
    stands_still(&ours(), &ours());
}

#[test]
fn ours_drops_valkey_that_stands_still() {
    stands_still(&Program::valkey(), &ours());
}

#[test]
fn valkey_drops_ours_that_stands_still() {
    stands_still(&ours(), &Program::valkey());
}

/// A replica of ours needs no disk to be filled; one that writes what it is sent begins again until there is room.
#[test]
fn a_replica_whose_disk_is_full_is_filled_all_the_same_or_when_there_is_room() {
    for primary in [ours(), Program::valkey()] {
        let disk = SmallDisk::new(8192);
        let setup = setup().with("rdbcompression", &["no"]);
        let primary = Server::start(&primary, setup.clone());
        let replica = disk.start(&ours(), setup);
        populate(&primary, NEW);
        populate(&replica, OLD);
        disk.fill_up(100 << 10);
        let mut client = replica.client();
        follow(&replica, &primary);
        // It has tried, or it is there.
        let has_tried = || {
            assert_whole(&mut client);
            is_up(&replica) || syncs(&primary).full >= 2
        };
        assert!(wait::until(PATIENCE * 2, has_tried), "{:?}", syncs(&primary));
        println!("{:?}: up with a full disk: {}", primary.program().kind, is_up(&replica));
        disk.make_room();
        let is_filled = || {
            assert_whole(&mut client);
            is_up(&replica)
        };
        assert!(wait::until(LINKING, is_filled), "there is room");
        await_all(&replica, &primary);
        assert_eq!(lengths(&mut client), Some(vec![NEW; 50]));
        let digest = |server: &Server| server.client().line("DEBUG DIGEST");
        assert_eq!(digest(&replica), digest(&primary));
    }
}

/// A database is emptied, or exchanged, while it is on its way to a replica. How often all is sent then, as by Valkey.
fn flushed_on_the_way(is_diskless: &str, flush: &str, full: u64) {
    let slow =
        setup().with("repl-diskless-sync", &[is_diskless]).with("rdb-key-save-delay", &["1000"]);
    let (primary, replica) = (Server::start(&ours(), slow), Server::start(&ours(), setup()));
    let mut client = primary.client();
    for line in ["SELECT 1", "SET in one", "SELECT 0", "DEBUG POPULATE 5000"] {
        assert_eq!(client.line(line), Reply::ok());
    }
    follow(&replica, &primary);
    let mut is_sending = || field(&mut client, "rdb_bgsave_in_progress").as_deref() == Some("1");
    assert!(wait::until(PATIENCE, &mut is_sending), "nothing is sent");
    for line in [flush, "SET after it", "CONFIG SET rdb-key-save-delay 0"] {
        assert_eq!(client.line(line), Reply::ok());
    }
    await_up(&replica);
    assert_same(&replica, &primary, &Common::of(&[&primary, &replica]));
    let syncs = syncs(&primary);
    assert_eq!((syncs.full, syncs.partial), (full, 0), "{flush}, diskless {is_diskless}");
}

#[test]
fn what_is_flushed_on_the_way_is_sent_to_its_end_unless_nothing_is_left() {
    for is_diskless in ["no", "yes"] {
        for (flush, full) in [("FLUSHDB", 1), ("SWAPDB 0 1", 1), ("FLUSHALL", 2)] {
            flushed_on_the_way(is_diskless, flush, full);
        }
    }
}
