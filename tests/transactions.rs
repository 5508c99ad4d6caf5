//! Transactions among many: nobody sees a part of one, none runs on what has changed since it was read, and a watch tells of every way in which a key changes.
//!
//! `TRANSACTIONS_SEED=<number>` makes the choices of a seed again; what the threads of the server do between them stays chance.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base::{Rng, Slot};
use testkit::{Client, Program, Reply, Server, Setup, wait};

const WORKERS: usize = 8;
const LIMIT: Duration = Duration::from_secs(20);

const ACCOUNTS: usize = 50;
/// Accounts in which half of all transfers meet.
const BUSY_ACCOUNTS: usize = 4;
const BALANCE: i64 = 1000;
const TOTAL: i64 = BALANCE * ACCOUNTS as i64;
const WRITERS: usize = 6;
const TRANSFERS_PER_WRITER: usize = 600;

/// One that watches, and how often each tries, among those that disturb it.
const WATCHERS: usize = 8;
const TRIES_PER_WATCHER: usize = 1500;
const DISTURBED_KEYS: u64 = 6;

fn start(program: &Program) -> Server {
    let setup = Setup::new();
    Server::start(
        program,
        match program.kind {
            testkit::Kind::Redstart => setup.with("worker-threads", &[&WORKERS.to_string()]),
            testkit::Kind::Valkey | testkit::Kind::Redis => setup,
        },
    )
}

fn account(number: usize) -> String {
    format!("account:{number}")
}

fn accounts() -> Vec<String> {
    (0..ACCOUNTS).map(account).collect()
}

/// Sends lines at once, and reads all their replies.
fn together<T: AsRef<str>>(client: &mut Client, lines: &[T]) -> Vec<Reply> {
    let commands: Vec<Vec<&[u8]>> =
        lines.iter().map(|line| line.as_ref().split(' ').map(str::as_bytes).collect()).collect();
    client.pipeline(&commands).expect("the server answers")
}

/// Sends the lines of a transaction, at once or one after the other: what EXEC answers.
fn transaction(client: &mut Client, at_once: bool, lines: &[String]) -> Reply {
    let all: Vec<&str> =
        ["MULTI"].into_iter().chain(lines.iter().map(String::as_str)).chain(["EXEC"]).collect();
    let replies = match at_once {
        true => together(client, &all),
        false => all.iter().map(|line| client.line(line)).collect(),
    };
    assert_eq!(replies[0], Reply::ok());
    let queued = &replies[1..=lines.len()];
    assert!(queued.iter().all(|one| *one == Reply::Status("QUEUED".into())), "{queued:?}");
    replies.into_iter().next_back().expect("EXEC has a reply")
}

fn number(reply: &Reply) -> i64 {
    let text = reply.text().unwrap_or_else(|| panic!("not a number: {reply:?}"));
    text.parse().unwrap_or_else(|_| panic!("not a number: {text}"))
}

fn sum(replies: &[Reply]) -> i64 {
    assert_eq!(replies.len(), ACCOUNTS);
    replies.iter().map(number).sum()
}

#[derive(Default)]
struct Bank {
    /// What each account has gained or lost by transfers that were made.
    changes: Vec<AtomicI64>,
    made: AtomicUsize,
    aborted: AtomicUsize,
    seen: [AtomicUsize; 3],
    is_over: AtomicBool,
}

fn two_accounts(rng: &mut Rng) -> (usize, usize) {
    let among = if rng.percent(50) { BUSY_ACCOUNTS } else { ACCOUNTS } as u64;
    let from = rng.below(among);
    let to = (from + 1 + rng.below(among - 1)) % among;
    (from as usize, to as usize)
}

/// Makes transfers, each until it is made.
fn transfer(server: &Server, bank: &Bank, mut rng: Rng) {
    let mut client = server.client();
    for _ in 0..TRANSFERS_PER_WRITER {
        let (from, to) = two_accounts(&mut rng);
        let (from_key, to_key) = (account(from), account(to));
        let amount = 1 + rng.below(100) as i64;
        let at_once = rng.percent(50);
        if rng.percent(20) {
            // One that reads nothing before needs no watch: it breaks those of others.
            let changes = [
                format!("DECRBY {from_key} {amount}"),
                format!("INCRBY {to_key} {amount}"),
                "INCR transfers".to_owned(),
            ];
            let reply = transaction(&mut client, at_once, &changes);
            assert_eq!(reply.items().map(<[_]>::len), Some(3), "{reply:?}");
        } else {
            loop {
                let watch = format!("WATCH {from_key} {to_key}");
                let reads = [format!("GET {from_key}"), format!("GET {to_key}")];
                assert_eq!(client.line(&watch), Reply::ok());
                let read = match at_once {
                    true => together(&mut client, &reads),
                    false => reads.iter().map(|line| client.line(line)).collect(),
                };
                let changes = [
                    format!("SET {from_key} {}", number(&read[0]) - amount),
                    format!("SET {to_key} {}", number(&read[1]) + amount),
                    "INCR transfers".to_owned(),
                ];
                let reply = transaction(&mut client, at_once, &changes);
                if !reply.is_null() {
                    assert_eq!(reply.items().map(<[_]>::len), Some(3), "{reply:?}");
                    break;
                }
                bank.aborted.fetch_add(1, Relaxed);
            }
        }
        bank.changes[from].fetch_sub(amount, Relaxed);
        bank.changes[to].fetch_add(amount, Relaxed);
        bank.made.fetch_add(1, Relaxed);
    }
}

/// Counts what all accounts hold together, in one of three ways, until all transfers are made.
fn count(server: &Server, bank: &Bank, way: usize) {
    let mut client = server.client();
    let gets: Vec<String> = accounts().iter().map(|key| format!("GET {key}")).collect();
    let names = accounts().join(" ");
    let mut is_last = false;
    while !is_last {
        // Once more when all is over: then nothing is in the way of the third.
        is_last = bank.is_over.load(Relaxed);
        let seen = match way {
            0 => transaction(&mut client, true, &gets).items().map(sum),
            1 => client.line(&format!("MGET {names}")).items().map(sum),
            _ => {
                client.line(&format!("WATCH {names}"));
                let read = together(&mut client, &gets);
                let reply = transaction(&mut client, true, &[]);
                assert!(!(is_last && reply.is_null()), "aborted by nobody");
                reply.items().map(|_| sum(&read))
            }
        };
        if let Some(seen) = seen {
            assert_eq!(seen, TOTAL, "way {way}");
            bank.seen[way].fetch_add(1, Relaxed);
        }
    }
}

#[test]
fn transfers_keep_the_total_in_every_eye() {
    let slots: BTreeSet<u16> =
        accounts().iter().map(|key| Slot::of_key(key.as_bytes()).number()).collect();
    assert_eq!(slots.len(), ACCOUNTS, "each account has its own slot");
    let seed = crate::seed("TRANSACTIONS_SEED");
    let mut rng = Rng::from_seed(seed);
    let server = start(&crate::program());
    let mut control = server.client();
    for key in accounts() {
        assert_eq!(control.line(&format!("SET {key} {BALANCE}")), Reply::ok());
    }
    let changes = (0..ACCOUNTS).map(|_| AtomicI64::new(0)).collect();
    let bank = Bank { changes, ..Bank::default() };
    thread::scope(|scope| {
        let (server, bank) = (&server, &bank);
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| {
                let rng = Rng::from_seed(rng.next_u64());
                scope.spawn(move || transfer(server, bank, rng))
            })
            .collect();
        for way in 0..bank.seen.len() {
            scope.spawn(move || count(server, bank, way));
        }
        let ended: Vec<bool> = writers.into_iter().map(|one| one.join().is_ok()).collect();
        bank.is_over.store(true, Relaxed);
        assert!(ended.iter().all(|ended| *ended), "TRANSACTIONS_SEED={seed}");
    });
    let (made, aborted) = (bank.made.load(Relaxed), bank.aborted.load(Relaxed));
    let seen = bank.seen.each_ref().map(|seen| seen.load(Relaxed));
    println!("{made} transfers made, {aborted} times aborted; totals seen: {seen:?}");
    assert_eq!(made, WRITERS * TRANSFERS_PER_WRITER);
    assert!(aborted > 0, "TRANSACTIONS_SEED={seed}: nobody was in anybody's way");
    assert_eq!(number(&control.line("GET transfers")), made as i64, "TRANSACTIONS_SEED={seed}");
    for (number_of, change) in bank.changes.iter().enumerate() {
        let balance = number(&control.line(&format!("GET {}", account(number_of))));
        let expected = BALANCE + change.load(Relaxed);
        assert_eq!(balance, expected, "TRANSACTIONS_SEED={seed}: account {number_of}");
    }
}

/// What a watch has to tell of, in all ways, as fast as it goes.
fn disturb(server: &Server, is_over: &AtomicBool, mut rng: Rng) {
    let mut client = server.client();
    while !is_over.load(Relaxed) {
        let (key, other) = (rng.below(DISTURBED_KEYS), rng.below(DISTURBED_KEYS));
        let line = match rng.below(14) {
            0 => "FLUSHALL".to_owned(),
            1 => "FLUSHDB".to_owned(),
            2 => "SWAPDB 0 1".to_owned(),
            3 | 4 => format!("PEXPIRE key:{key} {}", 1 + rng.below(3)),
            5 => format!("DEL key:{key}"),
            6 => format!("RENAME key:{key} key:{other}"),
            7 => format!("COPY key:{key} key:{other} REPLACE"),
            8 => format!("MOVE key:{key} 1"),
            9 => format!("SET key:{key} 0 PX {}", 1 + rng.below(3)),
            10 => format!("GETDEL key:{key}"),
            11 => format!("MSET key:{key} 1 key:{other} 2"),
            12 => format!("PERSIST key:{key}"),
            _ => format!("GETEX key:{key} PX {}", 1 + rng.below(3)),
        };
        client.line(&line);
        // So much that a watch is broken now and then, and not always.
        thread::sleep(Duration::from_micros(rng.below(800)));
    }
}

#[test]
fn exec_finds_what_was_read_under_watch_or_does_not_run() {
    let seed = crate::seed("TRANSACTIONS_SEED");
    let mut rng = Rng::from_seed(seed);
    let server = start(&crate::program());
    let is_over = AtomicBool::new(false);
    let [made, aborted] = [AtomicUsize::new(0), AtomicUsize::new(0)];
    thread::scope(|scope| {
        let (server, is_over, made, aborted) = (&server, &is_over, &made, &aborted);
        let watchers: Vec<_> = (0..WATCHERS)
            .map(|_| {
                let mut rng = Rng::from_seed(rng.next_u64());
                scope.spawn(move || {
                    let mut client = server.client();
                    for _ in 0..TRIES_PER_WATCHER {
                        let key = rng.below(DISTURBED_KEYS);
                        let other = (key + 1 + rng.below(DISTURBED_KEYS - 1)) % DISTURBED_KEYS;
                        let gets = [format!("GET key:{key}"), format!("GET key:{other}")];
                        client.line(&format!("WATCH key:{key} key:{other}"));
                        let read = together(&mut client, &gets);
                        let sets = [key, other]
                            .map(|key| format!("SET key:{key} {}", rng.below(1_000_000_000)));
                        let lines = [&gets[..], &sets].concat();
                        let reply = transaction(&mut client, rng.percent(50), &lines);
                        if let Some(found) = reply.items() {
                            assert_eq!(found[..2], read, "{lines:?}");
                            made.fetch_add(1, Relaxed);
                        } else {
                            assert!(reply.is_null(), "{reply:?}");
                            aborted.fetch_add(1, Relaxed);
                        }
                    }
                })
            })
            .collect();
        for _ in 0..2 {
            let rng = Rng::from_seed(rng.next_u64());
            scope.spawn(move || disturb(server, is_over, rng));
        }
        let ended: Vec<bool> = watchers.into_iter().map(|one| one.join().is_ok()).collect();
        is_over.store(true, Relaxed);
        assert!(ended.iter().all(|ended| *ended), "TRANSACTIONS_SEED={seed}");
    });
    let (made, aborted) = (made.into_inner(), aborted.into_inner());
    println!("{made} transactions ran, {aborted} did not");
    assert!(made > 0 && aborted > 0, "TRANSACTIONS_SEED={seed}: {made} ran, {aborted} did not");
}

/// What is done before clients watch `k`, what is done then, and whether it breaks their watches. `{at}` is a moment to come, in
/// milliseconds of Unix time; what begins with `?` is asked until it answers 0.
type Case = (&'static [&'static str], &'static [&'static str], bool);

/// A key that goes when its time comes, and one by which that can be told without asking for it.
const EXPIRING: &[&str] = &["SET k v PXAT {at}", "SET mark v PXAT {at}"];
const EXPIRING_UNNOTICED: &[&str] =
    &["DEBUG SET-ACTIVE-EXPIRE 0", "SET k v PXAT {at}", "SET mark v PXAT {at}"];
const EXPIRED: &[&str] =
    &["DEBUG SET-ACTIVE-EXPIRE 0", "SET k v PX 1", "SET mark v PX 2", "? EXISTS mark"];

const CASES: &[Case] = &[
    // What is written.
    (&["SET k v"], &["SET k other"], true),
    (&["SET k v"], &["SET k v"], true),
    (&["SET k v"], &["GET k", "EXISTS k", "TTL k", "TYPE k", "DUMP k"], false),
    (&["SET k v"], &["SET k other NX", "INCR k", "LPUSH k v", "LPUSHX k v"], false),
    (&["SET k v"], &["MULTI", "SET k other", "DISCARD"], false),
    (&["SET k v"], &["MULTI", "SET k other", "EXEC"], true),
    (&["SET k v"], &["SELECT 1", "SET k other", "SELECT 0"], false),
    (&["RPUSH k a"], &["LREM k 0 b", "LINSERT k BEFORE b c", "LTRIM k 0 -1"], false),
    (&["RPUSH k a b"], &["LTRIM k 1 -1"], true),
    (&["RPUSH k a b c"], &["LPOP k 0", "LMPOP 1 other LEFT COUNT 2"], false),
    (&["RPUSH k a b c"], &["LPOP k 2", "LMPOP 1 k LEFT COUNT 2"], true),
    (&["RPUSH k a"], &["LPOP k", "RPUSH k a"], true),
    (&["SADD k a"], &["SADD k a", "SREM k b"], false),
    (&["SADD k a"], &["SADD k b", "SREM k b"], true),
    (&["ZADD k 1 a"], &["ZADD k 1 a"], false),
    (&["ZADD k 1 a"], &["ZADD k 2 a"], true),
    (&["RPUSH l a"], &["SORT l ALPHA STORE k"], true),
    // What goes, and what comes again.
    (&["SET k v"], &["DEL k"], true),
    (&["SET k v"], &["UNLINK k", "SET k v"], true),
    (&["SET k v"], &["RENAME k other", "RENAME other k"], true),
    (&["SET k v", "SET other v"], &["RENAMENX other k"], false),
    (&["SET k v", "SET other v"], &["COPY other k"], false),
    (&["SET k v", "SET other v"], &["COPY other k REPLACE"], true),
    (&["SET k v"], &["COPY k other"], false),
    (&["SET k v"], &["MOVE k 1"], true),
    (&[], &["SELECT 1", "SET k v", "MOVE k 0", "SELECT 0"], true),
    (&[], &["SET k v"], true),
    (&[], &["SET k v", "DEL k"], true),
    (&[], &["DEL k", "GET k", "EXPIRE k 100", "PERSIST k", "LPOP k", "HDEL k f"], false),
    (&[], &["SET other v", "FLUSHALL"], false),
    // What clears all.
    (&["SET k v"], &["FLUSHALL"], true),
    (&["SET k v"], &["FLUSHALL ASYNC", "SET k v"], true),
    (&["SET k v"], &["FLUSHDB"], true),
    (&["SET k v"], &["FLUSHDB ASYNC"], true),
    (&["SET k v"], &["SELECT 1", "SET k v", "FLUSHDB", "SELECT 0"], false),
    (&["SET k v"], &["SWAPDB 0 1"], true),
    (&["SET k v"], &["SWAPDB 0 1", "SWAPDB 0 1"], true),
    (&["SET k v"], &["SWAPDB 2 1"], false),
    (&["SELECT 1", "SET k v", "SELECT 0"], &["SWAPDB 0 1"], true),
    (&["SET other v"], &["SWAPDB 0 1"], false),
    // What is given a time, and what its time does.
    (&["SET k v"], &["PEXPIRE k 100000"], true),
    (&["SET k v"], &["PEXPIRE k -1"], true),
    (&["SET k v"], &["PEXPIREAT k 1"], true),
    (&["SET k v"], &["GETEX k PX 1", "? EXISTS k"], true),
    (&["SET k v"], &["PERSIST k", "GETEX k"], false),
    (&["SET k v EX 100"], &["PERSIST k"], true),
    (&["SET k v EX 100"], &["PEXPIRE k 200000 LT"], false),
    (EXPIRING, &["? EXISTS k"], true),
    (EXPIRING, &["? DBSIZE"], true),
    (EXPIRING_UNNOTICED, &["? EXISTS mark"], true),
    (EXPIRING_UNNOTICED, &["? EXISTS k", "SET k v"], true),
    (EXPIRED, &["GET other"], false),
    (EXPIRED, &["GET k", "EXISTS k"], false),
    (EXPIRED, &["DEL k"], false),
    (EXPIRED, &["FLUSHALL"], false),
    (EXPIRED, &["DEBUG SET-ACTIVE-EXPIRE 1", "? DBSIZE"], false),
    (EXPIRED, &["SET k v"], true),
    (EXPIRED, &["GET k", "SET k v"], true),
    (&["HSET k f v g v"], &["HPEXPIRE k 1 FIELDS 1 f", "? HEXISTS k f"], true),
    (&["HSET k f v g v"], &["HSETEX k PXAT 1 FIELDS 1 h v", "HGETEX k FIELDS 1 f"], false),
    (&["HSET k f v g v"], &["HSETEX k PXAT 1 FIELDS 2 f v h v"], true),
];

fn unix_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis())
}

fn prepare(client: &mut Client, lines: &[&str], at: u128) {
    for line in lines {
        let line = line.replace("{at}", &at.to_string());
        match line.strip_prefix("? ") {
            Some(question) => {
                let is_none = || client.line(question) == Reply::Integer(0);
                assert!(wait::until(LIMIT, is_none), "{lines:?}: {question}");
            }
            None => {
                client.line(&line);
            }
        }
    }
}

/// How many changes of keys have been counted.
fn changes(client: &mut Client) -> i64 {
    let text = client.line("INFO persistence").text().unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("rdb_changes_since_last_save:"));
    line.and_then(|count| count.parse().ok()).expect("the changes are counted")
}

/// Whether a change breaks the watches of clients, which must agree, and how many changes it counts as.
fn broken_and_counted(server: &Server, clients: &mut [Client], case: &Case) -> (bool, i64) {
    let mut other = server.client();
    let (before, change, _) = case;
    let mut soon = 50;
    let counted = loop {
        prepare(&mut other, &["DEBUG SET-ACTIVE-EXPIRE 1", "FLUSHALL"], 0);
        let at = unix_ms() + soon;
        prepare(&mut other, before, at);
        for client in &mut *clients {
            assert_eq!(client.line("WATCH k"), Reply::ok());
        }
        if before.iter().all(|line| !line.contains("{at}")) || unix_ms() < at {
            let before = changes(&mut other);
            prepare(&mut other, change, at);
            break changes(&mut other) - before;
        }
        // The time came before they had begun to watch.
        clients.iter_mut().for_each(|client| assert_eq!(client.line("UNWATCH"), Reply::ok()));
        soon *= 2;
    };
    let replies: Vec<Reply> =
        clients.iter_mut().map(|client| transaction(client, true, &["PING".to_owned()])).collect();
    assert!(replies.iter().all(|reply| *reply == replies[0]), "{case:?}: {replies:?}");
    // A watch ends with its transaction.
    assert_eq!(other.line("SET k again"), Reply::ok());
    for client in clients {
        let pong = Reply::Array(vec![Reply::Status("PONG".into())]);
        assert_eq!(transaction(client, true, &["PING".to_owned()]), pong, "{case:?}");
    }
    (replies[0].is_null(), counted)
}

#[test]
fn a_watch_tells_clients_of_all_workers_of_every_change() {
    let counted = [crate::program(), Program::valkey()].map(|program| {
        let server = start(&program);
        // Connections are dealt in turn.
        let mut clients: Vec<Client> = (0..WORKERS).map(|_| server.client()).collect();
        let of_case = |case: &Case| {
            let (is_broken, counted) = broken_and_counted(&server, &mut clients, case);
            assert_eq!(is_broken, case.2, "{:?}: {case:?}", program.kind);
            counted
        };
        CASES.iter().map(of_case).collect::<Vec<i64>>()
    });
    for ((case, ours), theirs) in CASES.iter().zip(&counted[0]).zip(&counted[1]) {
        assert_eq!(ours, theirs, "changes counted here and by Valkey: {case:?}");
    }
}
