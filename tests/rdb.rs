//! RDB between servers: what one writes the other reads, and holds the same by its digest. Payloads of DUMP in both directions, and files.

use std::fs;

use base::Rng;
use engine::{KeyRecord, Record};
use persist::rdb::{self, Event, Options, Reader, Version, Writer};
use testkit::{Client, Program, Reply, Server};
use values::Rules;

/// Commands that make one key of each type and layout, named after it.
const KEYS: &[(&str, &str)] = &[
    ("int", "SET int -123456"),
    ("embstr", "SET embstr hello"),
    ("raw", "SETRANGE raw 200 end"),
    ("compressible", "SETRANGE compressible 70000 end"),
    ("list", "RPUSH list a 1 -5000 300 123456789012 '' long-enough-to-be-looked-at"),
    ("intset", "SADD intset 1 2 300 -70000"),
    ("intset64", "SADD intset64 1 9223372036854775807"),
    ("listpack-set", "SADD listpack-set a 1 b"),
    ("zset", "ZADD zset 1.5 a -inf b inf c 0 d 3 e 1e300 f"),
    ("hash", "HSET hash a 1 b two c ''"),
    ("times", "HSET times a 1 b two c 3"),
    ("times", "HPEXPIREAT times 4000000000000 FIELDS 1 a"),
    ("times", "HPEXPIREAT times 4000000000001 FIELDS 1 b"),
    ("stream", "XADD stream 1-1 f v g 2"),
    ("stream", "XADD stream 1-2 f w g 3"),
    ("stream", "XADD stream 5-0 other -17"),
    ("stream", "XADD stream 6-0 f x g 4"),
    ("stream", "XDEL stream 1-2"),
    ("stream", "XGROUP CREATE stream one 0"),
    ("stream", "XGROUP CREATE stream two $ ENTRIESREAD 2"),
    ("stream", "XGROUP CREATECONSUMER stream one idle"),
    ("stream", "XREADGROUP GROUP one c1 COUNT 1 STREAMS stream >"),
    ("stream", "XREADGROUP GROUP one c2 COUNT 1 STREAMS stream >"),
    ("empty-stream", "XGROUP CREATE empty-stream g $ MKSTREAM"),
];

/// Makes the keys; which they are. `has_times`: the server knows fields that expire.
pub(crate) fn fill(client: &mut Client, has_times: bool) -> Vec<String> {
    let mut names = Vec::new();
    for (name, command) in KEYS.iter().filter(|(name, _)| has_times || *name != "times") {
        let reply = client.line(command);
        assert!(!reply.is_error(), "{command}: {reply:?}");
        if names.last().map(String::as_str) != Some(*name) {
            names.push((*name).to_owned());
        }
    }
    for number in 0..3000 {
        let word = format!("word:{number}");
        for command in [
            format!("RPUSH quicklist {word}"),
            format!("SADD hashtable-set {word}"),
            format!("ZADD skiplist {} {word}", f64::from(number) / 7.0),
            format!("HSET hashtable-hash {word} {number}"),
            format!("XADD long-stream {}-{number} f {word}", number / 10 + 1),
        ] {
            assert!(!client.line(&command).is_error(), "{command}");
        }
    }
    let long = "x".repeat(16_378);
    client.command(&["RPUSH", "disputed", "a", &long, "b"]);
    client.command(&["RPUSH", "one-long", &"y".repeat(100_000)]);
    names.extend(
        "quicklist hashtable-set skiplist hashtable-hash long-stream disputed one-long"
            .split(' ')
            .map(str::to_owned),
    );
    names
}

pub(crate) fn digest(client: &mut Client, name: &str) -> String {
    let reply = client.command(&["DEBUG", "DIGEST-VALUE", name]);
    let digest = reply.items().and_then(|items| items.first()?.text());
    digest.unwrap_or_else(|| panic!("{name}: {reply:?}"))
}

fn encoding(client: &mut Client, name: &str) -> Option<String> {
    client.command(&["OBJECT", "ENCODING", name]).text()
}

fn bulk(reply: Reply) -> Vec<u8> {
    let Reply::Bulk(bytes) = reply else { panic!("a bulk string, not {reply:?}") };
    bytes
}

/// What no digest covers: groups, and the times of fields.
pub(crate) fn details(client: &mut Client, name: &str) -> Vec<Reply> {
    let times = ["HPEXPIRETIME", name, "FIELDS", "3", "a", "b", "c"];
    match client.command(&["TYPE", name]).text().as_deref() {
        Some("hash") => vec![client.command(&times)],
        Some("stream") => {
            let mut all = vec![client.command(&["XINFO", "GROUPS", name])];
            for group in ["one", "two", "g"] {
                all.push(client.command(&["XPENDING", name, group]));
            }
            // The last id, the counters, and the entries that are pending.
            let full = client.command(&["XINFO", "STREAM", name]);
            let kept = full.items().map(<[Reply]>::to_vec).unwrap_or_default();
            let kept = kept
                .chunks(2)
                .filter(|pair| !pair[0].text().is_some_and(|name| name.starts_with("radix-tree")));
            all.push(Reply::Array(kept.flatten().cloned().collect()));
            all
        }
        _ => Vec::new(),
    }
}

/// Moves keys from one server to another by DUMP and RESTORE.
fn exchange(from: &mut Client, to: &mut Client, names: &[String]) {
    for name in names {
        let payload = bulk(from.command(&["DUMP", name]));
        let reply = to.command(&[b"RESTORE", name.as_bytes(), b"0", &payload, b"REPLACE"]);
        assert_eq!(reply, Reply::ok(), "{name}: b\"{}\"", payload.escape_ascii());
        assert_eq!(digest(to, name), digest(from, name), "{name}");
        assert_eq!(encoding(to, name), encoding(from, name), "{name}");
        assert_eq!(details(to, name), details(from, name), "{name}");
    }
}

#[test]
fn payloads_go_between_valkey_and_us_and_back() {
    let (ours, theirs) =
        (Server::standalone(&crate::program()), Server::standalone(&Program::valkey()));
    let (mut our, mut their) = (ours.client(), theirs.client());
    let names = fill(&mut our, true);
    exchange(&mut our, &mut their, &names);
    exchange(&mut their, &mut our, &names);
    // As they make them, beginning with an empty server of ours.
    our.command(&["FLUSHALL"]);
    their.command(&["FLUSHALL"]);
    let names = fill(&mut their, true);
    exchange(&mut their, &mut our, &names);
    exchange(&mut our, &mut their, &names);
}

#[test]
fn payloads_of_redis_7_0_are_taken() {
    let (ours, theirs) =
        (Server::standalone(&crate::program()), Server::standalone(&Program::redis()));
    let (mut our, mut their) = (ours.client(), theirs.client());
    let names = fill(&mut their, false);
    for name in &names {
        let payload = bulk(their.command(&["DUMP", name]));
        let reply = our.command(&[b"RESTORE", name.as_bytes(), b"0", &payload]);
        assert_eq!(reply, Reply::ok(), "{name}");
        // 7.0 prints scores otherwise.
        if !matches!(name.as_str(), "zset" | "skiplist") {
            assert_eq!(digest(&mut our, name), digest(&mut their, name), "{name}");
        } else {
            let range = ["ZRANGE", name, "0", "-1", "WITHSCORES"];
            let score = |reply: Reply| reply.text().and_then(|text| text.parse::<f64>().ok());
            let (one, other) = (our.command(&range), their.command(&range));
            assert_eq!(one.items().map(<[Reply]>::len), other.items().map(<[Reply]>::len));
            for (one, other) in
                one.items().unwrap_or_default().iter().zip(other.items().unwrap_or_default())
            {
                assert!(one == other || score(one.clone()) == score(other.clone()), "{one:?}");
            }
        }
    }
}

/// What a server has saved, key by key.
fn read(file: &[u8]) -> (Version, Vec<KeyRecord>) {
    let mut reader = Reader::new(file, Rules::DEFAULT, true).expect("it is a file");
    let mut records = Vec::new();
    while let Some(event) = reader.next().expect("the file is whole") {
        if let Event::Key(key) = event {
            records.push(Record::new(key.name, key.value, key.expire_at, 0));
        }
    }
    (reader.version(), records)
}

/// The records as a file of another version.
fn written(records: &[KeyRecord], options: Options) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), options);
    let wrote = "memory takes all";
    writer.aux(b"redis-ver", b"7.2.4").expect(wrote);
    writer.select(0).expect(wrote);
    writer.resize(records.len() as u64, 1).expect(wrote);
    for record in records {
        writer.record(record, Some(rdb::Usage::Idle(7))).expect(wrote);
    }
    writer.finish().expect(wrote)
}

/// A server that saves, and one that loads what we have made of it, hold the same.
fn files_go_through(program: &Program, versions: &[Version], written_as: Version) {
    let mut server = Server::standalone(program);
    let mut client = server.client();
    let has_times = matches!(written_as, Version::Valkey(_));
    let names = fill(&mut client, has_times);
    client.line("PEXPIREAT hash 4000000000000");
    let before: Vec<String> = names.iter().map(|name| digest(&mut client, name)).collect();
    assert_eq!(client.line("SAVE"), Reply::ok());
    let path = server.directory().join("dump.rdb");
    let theirs = fs::read(&path).expect("it has saved");
    let (version, records) = read(&theirs);
    assert_eq!((version, records.len()), (written_as, names.len()));
    for &version in versions {
        for compress in [false, true] {
            let carried =
                |record: &&KeyRecord| record.key() != b"times" || version == Version::VALKEY_80;
            let kept: Vec<KeyRecord> = records.iter().filter(carried).map(copy).collect();
            let options = Options { version, compress, checksum: true };
            fs::write(&path, written(&kept, options)).expect("the folder can be written");
            server.kill();
            server.restart();
            let mut client = server.client();
            assert_eq!(client.line("DBSIZE").integer(), Some(kept.len() as i64), "{version}");
            assert_eq!(client.line("PEXPIRETIME hash").integer(), Some(4_000_000_000_000));
            for (name, before) in names.iter().zip(&before) {
                if kept.iter().any(|record| record.key() == name.as_bytes()) {
                    assert_eq!(&digest(&mut client, name), before, "{name} in {version}");
                }
            }
        }
    }
}

fn copy(record: &KeyRecord) -> KeyRecord {
    let mut text = Vec::new();
    let value =
        rdb::restore(&rdb::dump(record), true, &Rules::DEFAULT, &mut text).expect("it is whole");
    Record::new(record.key(), value, record.expire_at(), record.access())
}

#[test]
fn files_of_valkey_are_read_and_it_reads_ours() {
    let versions = [Version::REDIS_9, Version::REDIS_10, Version::REDIS_11, Version::VALKEY_80];
    files_go_through(&Program::valkey(), &versions, Version::VALKEY_80);
}

#[test]
fn files_of_redis_7_0_are_read_and_it_reads_ours() {
    let versions = [Version::REDIS_9, Version::REDIS_10];
    files_go_through(&Program::redis(), &versions, Version::REDIS_10);
}

/// A word by chance: short, a number, long, or any bytes.
fn word(rng: &mut Rng) -> Vec<u8> {
    match rng.below(5) {
        0 => rng.below(100_000).to_string().into_bytes(),
        1 => vec![b'a' + rng.below(26) as u8; rng.below(200) as usize],
        2 => (rng.next_u64() as i64).to_string().into_bytes(),
        _ => {
            let mut bytes = vec![0; rng.below(40) as usize];
            rng.fill(&mut bytes);
            bytes
        }
    }
}

#[test]
fn values_by_chance_go_between_valkey_and_us() {
    let (ours, theirs) =
        (Server::standalone(&crate::program()), Server::standalone(&Program::valkey()));
    let (mut our, mut their) = (ours.client(), theirs.client());
    let mut rng = Rng::from_seed(crate::seed("RDB_SEED"));
    for number in 0..300 {
        let name = format!("key:{number}");
        let from = if number % 2 == 0 { &mut our } else { &mut their };
        let most = if rng.below(4) == 0 { 700 } else { 20 };
        let elements = 1 + rng.below(most);
        for element in 0..elements {
            let (one, other) = (word(&mut rng), word(&mut rng));
            let id = format!("{}-{element}", element / 3 + 1).into_bytes();
            let score = (rng.below(1 << 20) as f64 / 64.0).to_string().into_bytes();
            let key = name.clone().into_bytes();
            let command: Vec<Vec<u8>> = match number % 6 {
                0 => vec![b"SET".into(), key, one],
                1 => vec![b"RPUSH".into(), key, one],
                2 => vec![b"SADD".into(), key, one],
                3 => vec![b"ZADD".into(), key, score, one],
                4 => vec![b"HSET".into(), key, one, other],
                _ => vec![b"XADD".into(), key, id, b"f".into(), one, b"g".into(), other],
            };
            let reply = from.command(&command);
            assert!(!reply.is_error(), "{reply:?}");
        }
        let names = [name];
        if number % 2 == 0 {
            exchange(&mut our, &mut their, &names);
            exchange(&mut their, &mut our, &names);
        } else {
            exchange(&mut their, &mut our, &names);
            exchange(&mut our, &mut their, &names);
        }
    }
}
