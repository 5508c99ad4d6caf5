//! Commands on keys of any type, as a client sees them. The expected replies are Valkey 9.1's.

use crate::testing::{Fixture, NOW, WORKER};
use base::{Rng, Slot, UnixMillis};
use engine::{AccessPolicy, Expiry, Keyspace, Moment, Object, Value, WorkerId};
use proptest::prelude::*;
use resp::Protocol;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

fn access_clock(fixture: &Fixture, key: &str) -> u32 {
    fixture.look(key, |view| view.peek(key.as_bytes()).expect("the key is there").access())
}

#[test]
fn deleted_keys_are_counted_once() {
    let mut f = Fixture::new();
    f.put("a", "1", Expiry::Clear);
    f.put("b", "2", Expiry::At(NOW - 1));
    f.put("c", "2", Expiry::Clear);
    f.check(&[("EXISTS a a b zz", ":2"), ("DEL a a b zz", ":1"), ("UNLINK c", ":1")]);
    assert_eq!(f.changes(), 2);
    assert_eq!(f.run("DBSIZE"), ":0");
}

#[test]
fn an_expiry_is_set_under_its_conditions() {
    let mut f = Fixture::new();
    f.put("k", "v", Expiry::Clear);
    f.check(&[
        ("EXPIRE k 100 XX", ":0"),
        ("EXPIRE k 100 GT", ":0"),
        ("EXPIRE k 100 LT", ":1"),
        ("EXPIRE k 50 NX", ":0"),
        ("EXPIRE k 100 gt", ":0"),
        ("EXPIRE k 101 xx gt", ":1"),
        ("EXPIRE k 102 LT", ":0"),
        ("TTL k", ":101"),
        ("PERSIST k", ":1"),
        ("PERSIST k", ":0"),
        ("TTL k", ":-1"),
        ("EXPIRE nokey 1", ":0"),
        ("TTL nokey", ":-2"),
    ]);
    assert_eq!(f.changes(), 3);
}

#[test]
fn an_expiry_in_the_past_deletes_the_key() {
    for time in ["EXPIRE k 0", "PEXPIRE k -1", "EXPIREAT k 1700000000", "PEXPIREAT k -5"] {
        let mut f = Fixture::new();
        f.put("k", "v", Expiry::Clear);
        f.check(&[(time, ":1"), ("EXISTS k", ":0")]);
        assert_eq!((f.changes(), f.keyspace.totals(0).keys), (1, 0));
    }
}

#[test]
fn impossible_expiries_are_refused() {
    let mut f = Fixture::new();
    f.put("k", "v", Expiry::Clear);
    let integer = "-ERR value is not an integer or out of range";
    let both = "-ERR NX and XX, GT or LT options at the same time are not compatible";
    f.check(&[
        ("EXPIRE k abc", integer),
        ("EXPIRE k 99999999999999999999", integer),
        ("EXPIRE k 9223372036854776", "-ERR invalid expire time in 'expire' command"),
        ("EXPIRE k 9223372036854775", "-ERR invalid expire time in 'expire' command"),
        ("EXPIREAT k -9223372036854776", "-ERR invalid expire time in 'expireat' command"),
        ("PEXPIRE nokey 9223372036854775807", "-ERR invalid expire time in 'pexpire' command"),
        ("PEXPIREAT k 9223372036854775807", ":1"),
        ("PEXPIRETIME k", ":9223372036854775807"),
        ("EXPIRETIME k", ":9223372036854776"),
        ("EXPIRE k abc NX XX", both),
        ("EXPIRE k 1 NX GT LT", both),
        ("EXPIRE k 1 GT LT", "-ERR GT and LT options at the same time are not compatible"),
        ("EXPIRE k 1 GT LT foo", "-ERR Unsupported option foo"),
    ]);
}

#[test]
fn the_time_to_live_is_rounded_to_the_nearest_second() {
    let mut f = Fixture::new();
    for (ms, seconds) in [(499, ":0"), (500, ":1"), (1499, ":1"), (1500, ":2")] {
        f.put("k", "v", Expiry::At(NOW + ms));
        assert_eq!(f.run("TTL k"), seconds, "{ms}");
        assert_eq!(f.run("PTTL k"), format!(":{ms}"));
        assert_eq!(f.run("PEXPIRETIME k"), format!(":{}", NOW + ms));
    }
    assert_eq!(f.run("EXPIRETIME k"), format!(":{}", NOW / 1000 + 2));
}

#[test]
fn a_renamed_key_keeps_value_expiry_and_use() {
    let mut f = Fixture::new();
    f.moment.policy = AccessPolicy::Lfu { log_factor: 0, decay_minutes: 1 };
    f.put("a", "text", Expiry::At(NOW + 5000));
    f.put("b", &"long".repeat(1000), Expiry::Clear);
    for _ in 0..20 {
        f.run("TOUCH a");
    }
    f.moment.touch = false;
    let used = access_clock(&f, "a");
    f.check(&[("RENAME a b", "+OK"), ("EXISTS a", ":0"), ("PTTL b", ":5000"), ("DBSIZE", ":1")]);
    assert_eq!(access_clock(&f, "b"), used);
    f.check(&[
        ("RENAME a b", "-ERR no such key"),
        ("RENAME a a", "-ERR no such key"),
        ("RENAME b b", "+OK"),
        ("RENAMENX b b", ":0"),
        ("RENAMENX b c", ":1"),
    ]);
    f.put("b", "other", Expiry::Clear);
    f.check(&[("RENAMENX c b", ":0"), ("DBSIZE", ":2")]);
    assert_eq!(f.changes(), 2);
}

#[test]
fn a_key_is_moved_only_to_where_there_is_none() {
    let mut f = Fixture::new();
    f.put("k", "v", Expiry::At(NOW + 1));
    f.check(&[
        ("MOVE k x", "-ERR value is not an integer or out of range"),
        ("MOVE k 16", "-ERR DB index is out of range"),
        ("MOVE k -1", "-ERR DB index is out of range"),
        (
            "MOVE k 2147483648",
            "-ERR value is out of range, value must between -2147483648 and 2147483647",
        ),
        ("MOVE nokey 0", "-ERR source and destination objects are the same"),
        ("MOVE nokey 1", ":0"),
        ("MOVE k 1", ":1"),
        ("EXISTS k", ":0"),
    ]);
    f.put("k", "again", Expiry::Clear);
    f.check(&[("MOVE k 1", ":0"), ("EXISTS k", ":1")]);
    // Once the time of the one in the other database has come, there is room again.
    f.set_time(UnixMillis(NOW + 2));
    f.check(&[("MOVE k 1", ":1"), ("EXISTS k", ":0")]);
    assert_eq!((f.keyspace.totals(1).keys, f.keyspace.totals(1).volatile), (1, 0));
    assert_eq!((f.changes(), f.keyspace.tally(WORKER).expired()), (2, 1));
}

#[test]
fn a_copy_stands_beside_its_source() {
    let mut f = Fixture::new();
    f.put("long", &"x".repeat(5000), Expiry::At(NOW + 9));
    let same = "-ERR source and destination objects are the same";
    f.check(&[
        ("COPY long b", ":1"),
        ("COPY long b", ":0"),
        ("COPY long b DB 1 REPLACE", ":1"),
        ("COPY long long DB 1", ":1"),
        ("PTTL b", ":9"),
        ("COPY nokey b REPLACE", ":0"),
        ("COPY nokey nokey", same),
        ("COPY long long DB 0", same),
        ("COPY long b DB", "-ERR syntax error"),
        ("COPY long b AGAIN", "-ERR syntax error"),
        ("COPY long b DB 16", "-ERR DB index is out of range"),
    ]);
    assert_eq!((f.changes(), f.lookups()), (3, (5, 1)));
    let with_copies = f.keyspace.memory_bytes();
    f.run("DEL b");
    assert!(f.keyspace.memory_bytes() + 5000 < with_copies);
    f.look("long", |view| {
        let record = view.peek(b"long").expect("the source stays");
        let Value::Object(Object::String(bytes)) = record.value() else { panic!("{record:p}") };
        assert_eq!(bytes.len(), 5000);
    });
}

#[test]
fn questions_about_a_key_are_counted_but_do_not_use_it() {
    let mut f = Fixture::new();
    f.put("k", "v", Expiry::Clear);
    let created = access_clock(&f, "k");
    f.set_time(UnixMillis(NOW + 60_000));
    for request in ["EXISTS", "TYPE", "TTL", "EXPIRETIME", "OBJECT ENCODING", "OBJECT REFCOUNT"] {
        let before = f.lookups();
        f.run(&format!("{request} k"));
        f.run(&format!("{request} nokey"));
        assert_eq!(f.lookups(), (before.0 + 1, before.1 + 1), "{request}");
    }
    let before = f.lookups();
    f.check(&[("OBJECT IDLETIME k", ":60"), ("MEMORY USAGE nokey", "$-1")]);
    assert_eq!(f.lookups(), (before.0 + 1, before.1));
    assert_eq!(access_clock(&f, "k"), created);
    // TOUCH uses it even for a client that leaves no trace otherwise.
    f.moment.touch = false;
    f.check(&[("TOUCH k nokey", ":1"), ("OBJECT IDLETIME k", ":0")]);
}

#[test]
fn a_key_that_stands_in_the_way_is_used_thereby() {
    for request in ["COPY a b", "RENAMENX a b", "MOVE b 1"] {
        let mut f = Fixture::new();
        f.put("a", "v", Expiry::Clear);
        f.put("b", "v", Expiry::Clear);
        f.database = usize::from(request.starts_with("MOVE"));
        f.put("b", "v", Expiry::Clear);
        f.set_time(UnixMillis(NOW + 60_000));
        let other = f.database;
        f.database = 0;
        assert_eq!(f.run(request), ":0", "{request}");
        f.database = other;
        assert_eq!(f.run("OBJECT IDLETIME b"), ":0", "{request}");
    }
}

#[test]
fn frequency_and_idle_time_exclude_each_other() {
    let mut f = Fixture::new();
    f.put("k", "12", Expiry::Clear);
    let adjust = "Please note that when switching between policies at runtime LRU and LFU data \
        will take some time to adjust.";
    let no_frequency = format!(
        "-ERR An LFU maxmemory policy is not selected, access frequency not tracked. {adjust}"
    );
    f.check(&[("OBJECT FREQ k", &no_frequency), ("OBJECT FREQ nokey", "$-1")]);
    f.moment.policy = AccessPolicy::Lfu { log_factor: 10, decay_minutes: 1 };
    f.put("n", "v", Expiry::Clear);
    let no_idle_time =
        format!("-ERR An LFU maxmemory policy is selected, idle time not tracked. {adjust}");
    f.check(&[("OBJECT IDLETIME n", &no_idle_time), ("OBJECT FREQ n", ":5")]);
    f.protocol = Protocol::Resp3;
    f.check(&[
        ("OBJECT FREQ nokey", "_"),
        ("OBJECT ENCODING k", "$3|int"),
        ("OBJECT REFCOUNT k", ":1"),
        ("TYPE k", "+string"),
        ("TYPE nokey", "+none"),
    ]);
    f.protocol = Protocol::Resp2;
    assert!(f.run("OBJECT HELP").starts_with("*12|+OBJECT <subcommand>"));
}

#[test]
fn the_memory_of_a_key_is_that_of_all_it_holds() {
    let mut f = Fixture::new();
    f.put("k", &"x".repeat(10_000), Expiry::Clear);
    let bytes: usize = f.run("MEMORY USAGE k SAMPLES 0")[1..].parse().expect("an integer");
    assert!((10_000..10_400).contains(&bytes), "{bytes}");
    f.check(&[
        ("MEMORY USAGE k SAMPLES", "-ERR syntax error"),
        ("MEMORY USAGE k SAMPLES -1", "-ERR syntax error"),
        ("MEMORY USAGE k SAMPLES x", "-ERR value is not an integer or out of range"),
        ("MEMORY USAGE nokey FOO 1", "-ERR syntax error"),
    ]);
}

#[test]
fn scan_options_are_checked() {
    let mut f = Fixture::new();
    f.put("{t}a", "v", Expiry::Clear);
    f.put("{t}b", "v", Expiry::At(NOW - 1));
    f.put("c", "v", Expiry::Clear);
    f.check(&[
        ("SCAN x FOO", "-ERR invalid cursor"),
        ("SCAN 0 COUNT", "-ERR syntax error"),
        ("SCAN 0 COUNT 0", "-ERR syntax error"),
        ("SCAN 0 COUNT x FOO 1", "-ERR value is not an integer or out of range"),
        ("SCAN 0 FOO 1", "-ERR syntax error"),
        ("SCAN 0 NOVALUES", "-ERR NOVALUES option can only be used in HSCAN"),
        ("SCAN 0 TYPE foo", "-ERR unknown type name 'foo'"),
        ("SCAN 0 TYPE hash COUNT 9223372036854775807", "*2|$1|0|*0"),
        ("SCAN 0 TYPE STRING MATCH {t}*", "*2|$1|0|*1|$4|{t}a"),
        ("SCAN 18446744073709551615", "*2|$1|0|*0"),
        ("KEYS {t}*", "*1|$4|{t}a"),
        ("KEYS c", "*1|$1|c"),
        ("KEYS ?", "*1|$1|c"),
        ("KEYS nokey", "*0"),
    ]);
    f.run("DEL {t}a");
    f.check(&[("RANDOMKEY", "$1|c"), ("DEL c", ":1"), ("RANDOMKEY", "$-1"), ("KEYS *", "*0")]);
}

#[test]
fn flushed_and_swapped_databases_are_counted() {
    let mut f = Fixture::new();
    for (database, keys) in [(0, 3), (1, 5), (2, 7)] {
        f.database = database;
        for number in 0..keys {
            f.put(&format!("k{number}"), &"v".repeat(2000), Expiry::Clear);
        }
    }
    f.check(&[
        ("FLUSHDB foo", "-ERR syntax error"),
        ("FLUSHALL SYNC ASYNC", "-ERR syntax error"),
        ("SWAPDB x y", "-ERR invalid first DB index"),
        ("SWAPDB 0 99999999999", "-ERR invalid second DB index"),
        ("SWAPDB 0 16", "-ERR DB index is out of range"),
    ]);
    assert_eq!(f.changes(), 0);
    f.check(&[("FLUSHDB sync", "+OK"), ("SWAPDB 1 2", "+OK"), ("DBSIZE", ":5")]);
    assert_eq!(f.changes(), 8);
    f.check(&[("SWAPDB 3 3", "+OK"), ("FLUSHALL", "+OK"), ("FLUSHALL ASYNC", "+OK")]);
    assert_eq!(f.changes(), 17);
    assert_eq!(f.run("DBSIZE"), ":0");
    assert_eq!(f.keyspace.memory_bytes(), Fixture::new().keyspace.memory_bytes());
}

/// The keys of one reply of SCAN, and the cursor to go on with.
fn scan_step(f: &mut Fixture, cursor: &str) -> (String, Vec<String>) {
    let reply = f.run(&format!("SCAN {cursor} COUNT 100"));
    let words: Vec<&str> = reply.split('|').collect();
    let keys = words[4..].chunks(2).map(|pair| pair[1].to_owned()).collect();
    (words[2].to_owned(), keys)
}

/// Adds and removes keys of its own until told to stop.
fn churn(keyspace: &Keyspace, worker: WorkerId, stop: &AtomicBool) {
    let mut rng = Rng::from_seed(worker.0 as u64);
    while !stop.load(Relaxed) {
        let key = format!("goes{}:{}", worker.0, rng.below(20_000));
        let slot = Slot::of_key(key.as_bytes());
        let mut access = keyspace.hold(slot, 0, worker, Moment::at(UnixMillis(NOW)));
        if !access.edit().remove(key.as_bytes()) {
            access.edit().put_string(key.as_bytes(), b"v", Expiry::Clear);
        }
    }
}

#[test]
fn scan_returns_what_is_there_throughout_while_others_write() {
    const STAYING: usize = 3000;
    let mut f = Fixture::new();
    for number in 0..STAYING {
        f.put(&format!("stays{number}"), "v", Expiry::Clear);
    }
    let (keyspace, stop) = (Arc::clone(&f.keyspace), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for worker in [WorkerId(1), WorkerId(2)] {
            let (keyspace, stop) = (&keyspace, &stop);
            scope.spawn(move || churn(keyspace, worker, stop));
        }
        for _ in 0..5 {
            let mut seen = BTreeSet::new();
            let mut cursor = "0".to_owned();
            loop {
                let (next, keys) = scan_step(&mut f, &cursor);
                seen.extend(keys.into_iter().filter(|key| key.starts_with("stays")));
                if next == "0" {
                    break;
                }
                cursor = next;
            }
            if seen.len() != STAYING {
                stop.store(true, Relaxed);
            }
            assert_eq!(seen.len(), STAYING);
        }
        stop.store(true, Relaxed);
    });
    let mut keys = 0;
    keyspace.reach().visit_all(0, f.moment.now, |_| keys += 1);
    assert_eq!(f.run("DBSIZE"), format!(":{keys}"));
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "c", "{a}d", "e"])
}

fn request() -> impl Strategy<Value = String> {
    let verb = prop::sample::select(vec!["RENAME", "RENAMENX", "COPY", "MOVE", "DEL", "EXPIRE"]);
    (verb, name(), name(), 0..3u8, any::<bool>()).prop_map(|(verb, from, to, number, option)| {
        match verb {
            "COPY" if option => format!("COPY {from} {to} DB {number} REPLACE"),
            "MOVE" | "EXPIRE" => format!("{verb} {from} {number}"),
            "DEL" => format!("DEL {from}"),
            _ => format!("{verb} {from} {to}"),
        }
    })
}

proptest! {
    #[test]
    fn counters_agree_with_the_keys_whatever_is_moved(
        requests in prop::collection::vec((0..3usize, request()), 1..60),
    ) {
        let mut f = Fixture::new();
        let empty = f.keyspace.memory_bytes();
        for database in 0..2 {
            f.database = database;
            f.put("a", "5", Expiry::Clear);
            f.put("b", "text", Expiry::At(NOW + 500));
            f.put("c", &"long".repeat(500), Expiry::At(NOW + 500));
        }
        for (database, request) in requests {
            f.database = database;
            f.run(&request);
        }
        for database in 0..3 {
            let (mut keys, mut volatile) = (0, 0);
            f.keyspace.reach().visit_all(database, f.moment.now, |record| {
                keys += 1;
                volatile += i64::from(record.expire_at().is_some());
            });
            let totals = f.keyspace.totals(database);
            prop_assert_eq!((totals.keys, totals.volatile), (keys, volatile));
        }
        f.run("FLUSHALL");
        prop_assert_eq!(f.keyspace.memory_bytes(), empty);
    }
}
