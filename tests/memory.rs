//! Memory that is short, and keys by the million: eviction, expiry, clients that take too much.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use testkit::{Client, Program, Reply, Server, Setup, encode_command, wait};

const LIMIT: Duration = Duration::from_secs(30);

/// How many commands are sent before their replies are read.
const BATCH: usize = 1000;

/// The numbers of an INFO section.
fn info(client: &mut Client, section: &str) -> BTreeMap<String, i64> {
    let text = client.command(&["INFO", section]).text().unwrap_or_default();
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()
}

fn is_ok(client: &mut Client, line: &str) {
    assert_eq!(client.line(line), Reply::ok(), "{line}");
}

/// Sends commands in batches; how many replies were errors.
fn send_all(client: &mut Client, mut commands: impl Iterator<Item = Vec<u8>>) -> usize {
    let mut errors = 0;
    loop {
        let batch: Vec<Vec<u8>> = commands.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            return errors;
        }
        client.send_raw(&batch.concat()).expect("the server listens");
        for _ in &batch {
            let reply = client.reply().expect("there is a reply");
            errors += usize::from(matches!(reply, Reply::Error(_)));
        }
    }
}

#[test]
fn several_workers_evict_at_once_and_memory_stays_at_its_limit() {
    const ROOM: i64 = 8 << 20;
    let setup = Setup::new().with("worker-threads", &["2"]);
    let server = Server::start(&crate::program(), setup);
    let mut client = server.client();
    for policy in ["allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-ttl"] {
        is_ok(&mut client, "FLUSHALL");
        is_ok(&mut client, "CONFIG RESETSTAT");
        let used = info(&mut client, "memory")["used_memory"];
        let limit = used + ROOM;
        is_ok(&mut client, &format!("CONFIG SET maxmemory {limit} maxmemory-policy {policy}"));
        let refused: usize = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..4)
                .map(|writer| {
                    let mut client = server.client();
                    scope.spawn(move || {
                        let value = vec![b'x'; 500];
                        let sets = (0..15_000).map(|number: u32| {
                            let key = format!("{writer}:{number}");
                            encode_command(&[b"SET", key.as_bytes(), &value, b"EX", b"1000"])
                        });
                        send_all(&mut client, sets)
                    })
                })
                .collect();
            writers.into_iter().map(|writer| writer.join().expect("it writes")).sum()
        });
        assert_eq!(refused, 0, "{policy}");
        let settled = wait::until(LIMIT, || info(&mut client, "memory")["used_memory"] <= limit);
        let (memory, stats) = (info(&mut client, "memory"), info(&mut client, "stats"));
        assert!(settled, "{policy}: {} of {limit}", memory["used_memory"]);
        let keys = client.command(&["DBSIZE"]).integer().expect("a number");
        assert_eq!(keys + stats["evicted_keys"], 60_000, "{policy}");
        assert!(memory["used_memory"] > limit - ROOM / 4, "{policy} evicts no more than it must");
        is_ok(&mut client, "CONFIG SET maxmemory 0");
    }
}

#[test]
fn a_lower_limit_takes_effect_without_a_command_that_needs_memory() {
    let server = Server::standalone(&crate::program());
    let mut client = server.client();
    assert_eq!(client.line("DEBUG POPULATE 50000 key 100"), Reply::ok());
    let used = info(&mut client, "memory")["used_memory"];
    let limit = used - (4 << 20);
    is_ok(&mut client, &format!("CONFIG SET maxmemory-policy allkeys-lru maxmemory {limit}"));
    assert!(wait::until(LIMIT, || info(&mut client, "memory")["used_memory"] <= limit));
    assert!(
        wait::until(LIMIT, || info(&mut client, "stats")["current_eviction_exceeded_time"] == 0)
    );
    assert!(info(&mut client, "stats")["evicted_keys"] > 1000);
}

#[test]
fn the_largest_clients_go_when_all_take_too_much() {
    const HALF: &[u8] = b"*2\r\n$4\r\nECHO\r\n$4000000\r\n";
    let server = Server::standalone(&crate::program());
    let mut client = server.client();
    let [mut large, mut protected] = [server.client(), server.client()];
    is_ok(&mut protected, "CLIENT NO-EVICT ON");
    for one in [&mut large, &mut protected] {
        one.send_raw(&[HALF, &vec![b'x'; 3_000_000]].concat()).expect("it reads");
    }
    let waiting = |client: &mut Client| info(client, "memory")["mem_clients_normal"];
    assert!(wait::until(LIMIT, || waiting(&mut client) > 6_000_000));
    is_ok(&mut client, "CONFIG SET maxmemory-clients 4mb");
    assert!(large.is_closed(LIMIT));
    assert!(wait::until(LIMIT, || waiting(&mut client) < 4 << 20));
    assert_eq!(info(&mut client, "stats")["evicted_clients"], 1);
    assert!(server.log().contains("Evicting client"), "{}", server.log());
    protected.send_raw(&[&[b'x'; 1_000_000][..], b"\r\n"].concat()).expect("it is there");
    assert!(protected.reply().is_ok_and(|reply| reply.text().is_some()));
}

/// The timers stand still: who takes too much goes because of what it has sent.
#[test]
fn a_client_that_comes_to_take_too_much_goes_at_once() {
    let server = Server::standalone(&crate::program());
    let mut client = server.client();
    is_ok(&mut client, "DEBUG PAUSE-CRON 1");
    is_ok(&mut client, "CONFIG SET maxmemory 10mb maxmemory-clients 10%");
    let incomplete = [&b"*2\r\n$4\r\nECHO\r\n$2000000\r\n"[..], &[b'x'; 1_100_000]].concat();
    let large = [b'x'; 400_000];
    let set = encode_command(&[&b"SET"[..], b"k", &large]);
    let transaction =
        [&encode_command(&[b"MULTI".as_slice()]), &set, &set, &set].map(Vec::as_slice).concat();
    let many = |words: &[&str], before: Option<&str>| {
        let names: Vec<String> = (0..10_000).map(|number| format!("{number:050}")).collect();
        let names = names.iter().flat_map(|name| before.into_iter().chain([name.as_str()]));
        let words: Vec<&[u8]> = words.iter().copied().chain(names).map(str::as_bytes).collect();
        encode_command(&words)
    };
    let ways = [
        ("a long request", incomplete),
        ("a transaction", transaction),
        ("watched keys", many(&["WATCH"], None)),
        ("patterns", many(&["PSUBSCRIBE"], None)),
        ("prefixes", many(&["CLIENT", "TRACKING", "ON", "BCAST"], Some("PREFIX"))),
    ];
    for (number, (way, bytes)) in (1..).zip(ways) {
        let mut greedy = server.client();
        // It may be gone before it has sent everything.
        let _ = greedy.send_raw(&bytes);
        while greedy.reply().is_ok() {}
        assert_eq!(info(&mut client, "stats")["evicted_clients"], number, "{way}");
    }
}

#[test]
fn as_many_clients_go_as_must_and_the_largest_first() {
    const SIZES: [usize; 3] = [3_000_000, 1_000_000, 130_000];
    let server = Server::standalone(&crate::program());
    let mut client = server.client();
    let mut clients = Vec::new();
    for size in SIZES.into_iter().flat_map(|size| [size; 3]) {
        let mut one = server.client();
        is_ok(&mut one, &format!("CLIENT SETNAME size-{size}"));
        let request = [&b"*2\r\n$4\r\nECHO\r\n$5000000\r\n"[..], &vec![b'x'; size]].concat();
        one.send_raw(&request).expect("it reads");
        clients.push(one);
    }
    let sum = SIZES.map(|size| 3 * size as i64).iter().sum::<i64>();
    let waiting = |client: &mut Client| info(client, "memory")["mem_clients_normal"];
    assert!(wait::until(LIMIT, || waiting(&mut client) >= sum));
    let mut left = |limit: usize| {
        is_ok(&mut client, &format!("CONFIG SET maxmemory-clients {limit}"));
        let list = client.command(&["CLIENT", "LIST"]).text().unwrap_or_default();
        SIZES.map(|size| list.matches(&format!("name=size-{size} ")).count())
    };
    assert_eq!(left(7_500_000), [1, 3, 3]);
    assert_eq!(left(4_500_000), [0, 3, 3]);
    assert_eq!(left(1_500_000), [0, 1, 3]);
}

/// What it takes is printed, not asserted: the machine may be busy.
#[test]
fn a_million_keys_that_expire_at_once_go_and_nobody_waits() {
    const KEYS: usize = 1_000_000;
    let server = Server::standalone(&crate::program());
    let mut client = server.client();
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
    // All within one second, some seconds from now; on a slow machine some go before all are there.
    let first = wall as usize + 6_000;
    let sets = (0..KEYS).map(|number| {
        let (key, at) = (format!("key:{number:012}"), first + number * 1000 / KEYS);
        encode_command(&["SET", &key, "value", "PXAT", &at.to_string()])
    });
    assert_eq!(send_all(&mut client, sets), 0);
    let mut loaded_late = 0;
    let mut slowest = Duration::ZERO;
    let is_gone = wait::until(Duration::from_secs(60), || {
        let sent = Instant::now();
        client.command(&["GET", "key:000000999999"]);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
        if now as usize > first {
            slowest = slowest.max(sent.elapsed());
            loaded_late = now as usize - first;
        }
        client.command(&["DBSIZE"]) == Reply::Integer(0)
    });
    assert!(is_gone);
    println!("gone {loaded_late} ms after the first was due; slowest command {slowest:?}");
    assert_eq!(info(&mut client, "stats")["expired_keys"], KEYS as i64);
}

/// How many of a hundred reads find their key in a cache that holds a part of them, where a few keys are read most.
fn hit_percent(program: &Program, policy: &str) -> f64 {
    const KEYS: usize = 60_000;
    const READS: usize = 300_000;
    let server = Server::start(program, Setup::new().with("maxmemory-policy", &[policy]));
    let mut client = server.client();
    let value = "x".repeat(400);
    let set = |number: usize| encode_command(&["SET", &format!("key:{number:08}"), &value]);
    // A third of the keys fits.
    send_all(&mut client, (0..KEYS / 3).map(set));
    let used = info(&mut client, "memory")["used_memory"];
    is_ok(&mut client, &format!("CONFIG SET maxmemory {used}"));
    let mut random = 7_u64;
    let mut hits = 0;
    for _ in 0..READS / BATCH {
        let numbers: Vec<usize> = (0..BATCH)
            .map(|_| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // The fourth power of a uniform number: half of the reads go to a sixteenth of the keys.
                let uniform = (random >> 11) as f64 / (1_u64 << 53) as f64;
                (uniform.powi(4) * KEYS as f64) as usize
            })
            .collect();
        let gets: Vec<Vec<u8>> = numbers
            .iter()
            .map(|number| encode_command(&["GET", &format!("key:{number:08}")]))
            .collect();
        client.send_raw(&gets.concat()).expect("the server listens");
        let replies: Vec<Reply> =
            numbers.iter().map(|_| client.reply().expect("there is a reply")).collect();
        let missed = numbers.iter().zip(&replies).filter(|(_, reply)| reply.text().is_none());
        let sets: Vec<Vec<u8>> = missed.map(|(number, _)| set(*number)).collect();
        hits += BATCH - sets.len();
        assert_eq!(send_all(&mut client, sets.into_iter()), 0);
    }
    assert!(info(&mut client, "stats")["evicted_keys"] > 1000, "{policy}");
    hits as f64 * 100.0 / READS as f64
}

#[test]
fn a_cache_finds_about_as_much_as_the_oracle_does() {
    for policy in ["allkeys-lru", "allkeys-lfu"] {
        let ours = hit_percent(&crate::program(), policy);
        let theirs = hit_percent(&Program::valkey(), policy);
        println!("{policy}: {ours:.2} % found here, {theirs:.2} % with Valkey");
        // The memory of a key differs, so more or fewer of them fit.
        assert!(ours > theirs - 2.0, "{policy}: {ours:.2} % here, {theirs:.2} % there");
    }
}

#[test]
fn what_is_deleted_goes_back_to_the_system() {
    const GONE: i64 = 100 << 20;
    const LEFT: i64 = 40 << 20;
    let setup = Setup::new().with("worker-threads", &["2"]);
    let server = Server::start(&crate::program(), setup);
    let mut clients = [server.client(), server.client()];
    // Large values are freed by a thread of their own; small ones, of which each worker has made half, by the one that flushes.
    let large = vec![b'x'; 30 << 20];
    let small = vec![b'x'; 400];
    for round in ["large", "small"] {
        let (size, count) = if round == "large" { (&large, 2_u32) } else { (&small, 150_000) };
        for (number, client) in clients.iter_mut().enumerate() {
            let sets = (0..count).map(|index| {
                encode_command(&[b"SET", format!("{number}:{index}").as_bytes(), size])
            });
            assert_eq!(send_all(client, sets), 0);
        }
        let [client, _] = &mut clients;
        let resident = info(client, "memory")["used_memory_rss"];
        assert!(resident > GONE, "{round}: {resident}");
        is_ok(client, "FLUSHALL");
        let resident = |client: &mut Client| info(client, "memory")["used_memory_rss"];
        let is_back = wait::until(LIMIT, || resident(client) < LEFT);
        assert!(is_back, "{round}: {} are left", resident(client));
    }
}
