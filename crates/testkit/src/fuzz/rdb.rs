//! RDB: any file is read or refused, and whatever value is taken can be used by every command and goes out as it came in.

use std::cell::RefCell;

use base::{Slot, UnixMillis};
use commands::{Body, FAMILIES, KeyspaceCommand, Run};
use engine::{HashSeed, KeyRecord, Keyspace, Kind, Moment, Record, Rules, WorkerId};
use persist::rdb::{self, Checksum, Event, Options, Reader, Version, Writer};
use resp::{Args, Decoder, Limits, Protocol, Requests};

use super::Source;
use crate::client::encode_command;

/// How long a file or payload of the fuzzer's may be.
const INPUT_BYTES_MAX: usize = 4096;

/// A value of so few bytes may have more than this in memory only if it breaks its promise.
const VALUE_BYTES_MAX: usize = 64 << 20;

const KEY: &[u8] = b"k";
const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
const WORKER: WorkerId = WorkerId(0);

/// Any bytes are a file that is read to its end, or refused with a place in it; what was read is written and read again as it was.
pub fn rdb_load(bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(INPUT_BYTES_MAX)];
    let (summary, failure) = rdb::check(bytes, Rules::DEFAULT, NOW.0, |_, _| {});
    assert!(summary.bytes <= bytes.len() as u64, "more was read than there is");
    if let Some(failure) = failure {
        assert!(failure.error.offset <= bytes.len() as u64, "{}", failure.error);
    }
    let records = read(bytes);
    let options = Options { version: Version::VALKEY_80, ..Options::default() };
    let mut writer = Writer::new(Vec::new(), options);
    for record in &records {
        writer.record(record, None).expect("memory takes all, and the version carries all");
    }
    let again = read(&writer.finish().expect("memory takes all"));
    assert_eq!(again.len(), records.len(), "keys that were written");
    for (one, other) in records.iter().zip(&again) {
        assert_eq!((one.key(), one.expire_at()), (other.key(), other.expire_at()));
        assert_eq!(rdb::dump(one), rdb::dump(other), "{}", one.key().escape_ascii());
    }
}

/// The keys of a file up to where it is damaged.
fn read(file: &[u8]) -> Vec<KeyRecord> {
    let mut records = Vec::new();
    let Ok(mut reader) = Reader::new(file, Rules::DEFAULT, false) else { return records };
    while let Ok(Some(event)) = reader.next() {
        if let Event::Key(key) = event {
            let record: KeyRecord = Record::new(key.name, key.value, key.expire_at, 0);
            let bytes = engine::memory_bytes(&record);
            assert!(bytes <= VALUE_BYTES_MAX, "{bytes} bytes in memory");
            records.push(record);
        }
    }
    records
}

/// Any bytes under a right footer are a payload that RESTORE takes or refuses. What it takes has the same digest after DUMP and RESTORE, and every
/// command for its type runs on it. Most of the time the fuzzer's bytes say what is changed in a payload that is right.
pub fn rdb_restore(bytes: &[u8]) {
    BENCH.with_borrow(|bench| {
        let mut source = Source(bytes);
        let (control, choice) = (source.byte(), source.byte());
        let (mut body, version) =
            match bench.right.get(usize::from(choice) % (bench.right.len() + 2)) {
                Some(right) => {
                    let (body, version) = right.clone();
                    (changed(body, &mut source), version)
                }
                None => (
                    source.bytes(INPUT_BYTES_MAX).to_vec(),
                    [80, 12, 10, 11][usize::from(control) % 4],
                ),
            };
        body.truncate(INPUT_BYTES_MAX);
        check_body(bench, &body, version);
    });
}

/// A body with parts of it overwritten, taken out, put in, or written twice.
fn changed(mut body: Vec<u8>, source: &mut Source<'_>) -> Vec<u8> {
    while !source.is_empty() && !body.is_empty() {
        let at = source.number() % body.len();
        let how = source.byte();
        let count = usize::from(how >> 4).min(body.len() - at);
        match how % 8 {
            0..=2 => body[at] = source.byte(),
            3 => body[at] ^= 1 << (how >> 5),
            4 => body[at] = body[at].wrapping_add(1),
            5 => drop(body.drain(at..at + count)),
            6 => drop(body.splice(at..at, source.bytes(count).to_vec())),
            _ => {
                let again = body[at..at + count].to_vec();
                drop(body.splice(at..at, again));
            }
        }
    }
    body
}

fn check_body(bench: &Bench, body: &[u8], version: u16) {
    let mut payload = [body, &version.to_le_bytes()].concat();
    payload.extend(Checksum::of(&payload).to_le_bytes());
    let reply = bench.run(&[b"RESTORE", KEY, b"0", &payload]);
    if reply != b"+OK\r\n" {
        assert_eq!(reply, b"-ERR Bad data format\r\n");
        return;
    }
    let digest = bench.digest();
    let (kind, dumped) = bench.look(|record| (engine::kind(record), rdb::dump(record)));
    let reply = bench.run(&[b"RESTORE", KEY, b"0", &dumped, b"REPLACE"]);
    assert_eq!(reply, b"+OK\r\n", "b\"{}\"", dumped.escape_ascii());
    assert_eq!(bench.digest(), digest, "b\"{}\"", dumped.escape_ascii());
    for line in lines(kind) {
        bench.line(line);
    }
    bench.run(&[b"DEL", KEY]);
}

/// Commands that make values, one after the other on an empty key; behind `|` begins the next.
const VALUES: &str = "SET k 12345|SET k text|SETRANGE k 1500 x|RPUSH k a 1 -500 70000 b c|SADD k 1 2 -70000|SADD k a b 1|\
    ZADD k 1.5 a -2 b inf c|HSET k a 1 b two c 3|HSET k a 1 b 2;HPEXPIRE k 100000 FIELDS 1 a|\
    XADD k 1-1 f v g 2;XADD k 1-2 f w g 3;XADD k 5-0 other x;XDEL k 1-2;XGROUP CREATE k g 0;XREADGROUP GROUP g c STREAMS k >;\
    XREADGROUP GROUP g d STREAMS k >;XGROUP CREATE k h 5-0|XGROUP CREATE k g 0 MKSTREAM";

/// Bodies of older servers, which no command makes.
const OLDER: [&[u8]; 8] = [
    b"\x01\x02\x01a\xc0\x05",
    b"\x03\x02\x01b\x032.5\x01a\xff",
    b"\x09\x12\x02\x01a\x01\x021  \x03foo\x03\0bar\xff",
    b"\x0a\x11\x11\0\0\0\x0d\0\0\0\x02\0\0\x01a\x03\x01b\xff",
    b"\x0c\x11\x11\0\0\0\x0d\0\0\0\x02\0\0\x01a\x03\x011\xff",
    b"\x0d\x11\x11\0\0\0\x0d\0\0\0\x02\0\0\x01a\x03\x01b\xff",
    b"\x0e\x01\x11\x11\0\0\0\x0d\0\0\0\x02\0\0\x01a\x03\x01b\xff",
    b"\x18\0\x40\x94\x52\xa3\x03\0\0\x02\0\x01a\x011\x06\x01b\x012",
];

/// Commands for a type: first those that read all, then those that change and take away.
fn lines(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::String => &["GET k", "APPEND k x", "GETRANGE k 0 -1", "SETRANGE k 3 abc", "INCR k"],
        Kind::List => &[
            "LRANGE k 0 -1",
            "LPOS k a",
            "LINSERT k BEFORE a b",
            "LSET k -1 new",
            "LREM k 1 a",
            "LMOVE k k LEFT RIGHT",
            "LPUSH k 1 x",
            "LTRIM k 1 -2",
            "RPOP k 3",
        ],
        Kind::Set => &[
            "SMEMBERS k",
            "SSCAN k 0 COUNT 1000",
            "SADD k a 1 new-member",
            "SREM k a",
            "SRANDMEMBER k -3",
            "SPOP k 1000",
        ],
        Kind::SortedSet => &[
            "ZRANGE k 0 -1 WITHSCORES",
            "ZSCAN k 0 COUNT 1000",
            "ZREVRANGEBYSCORE k +inf -inf",
            "ZADD k 1 a 2 new-member",
            "ZINCRBY k 1.5 a",
            "ZREM k a",
            "ZPOPMIN k 1",
            "ZREMRANGEBYRANK k 0 -1",
        ],
        Kind::Hash => &[
            "HGETALL k",
            "HSCAN k 0 COUNT 1000",
            "HSET k a 1 new-field value",
            "HPEXPIRE k 1000 FIELDS 1 a",
            "HINCRBY k a 2",
            "HRANDFIELD k -3 WITHVALUES",
            "HPERSIST k FIELDS 1 a",
            "HDEL k a",
        ],
        Kind::Stream => &[
            "XRANGE k - +",
            "XREVRANGE k + -",
            "XINFO STREAM k FULL COUNT 0",
            "XINFO GROUPS k",
            "XPENDING k g",
            "XPENDING k g IDLE 1 - + 100",
            "XADD k * f v",
            "XAUTOCLAIM k g c 0 0 COUNT 100",
            "XREADGROUP GROUP g c STREAMS k >",
            "XACK k g 1-1",
            "XDEL k 1-1",
            "XTRIM k MAXLEN 1",
            "XGROUP DESTROY k g",
        ],
    }
}

/// What files and payloads are made of.
pub(super) fn words() -> Vec<Vec<u8>> {
    let mut words: Vec<Vec<u8>> = (0..26u8).map(|kind| vec![kind, 1, b'k']).collect();
    words.extend((0..26u8).map(|kind| vec![3, kind]));
    for part in [
        &b"REDIS0011"[..],
        b"REDIS0006",
        b"VALKEY080",
        b"\xfe\0",
        b"\xfc\0\0\0\0\0\0\0\0",
        b"\xff",
        b"\x01a",
        b"\x01b",
        b"\xc0\x05",
        b"\xc3\x05\x1e\0a\xe0\x14\0",
        b"\x81\xff\xff\xff\xff\xff\xff\xff\xff",
        // A listpack of a and 1, an intset of 1 and 2, a ziplist of a and b.
        b"\x0c\x0c\0\0\0\x02\0\x81a\x02\x01\x01\xff",
        b"\x0c\x02\0\0\0\x02\0\0\0\x01\0\x02\0",
        b"\x11\x11\0\0\0\x0d\0\0\0\x02\0\0\x01a\x03\x01b\xff",
        // A node of a stream with the entry 1-1, and what stands behind the nodes.
        b"\x10\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\x1d\x1d\0\0\0\x0a\0\x01\x01\0\x01\x01\x01\x81f\x02\0\x01\x02\x01\0\x01\0\x01\x81v\x02\x04\x01\xff",
        b"\x01\x01\x01\x01\x01\0\0\x01",
        b"\x01\x01g\x01\x01\x01",
        b"\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01",
    ] {
        words.push(part.to_vec());
    }
    words
}

thread_local! {
    static BENCH: RefCell<Bench> = RefCell::new(Bench::new());
}

/// A keyspace, and commands run on it as a node would run them. It is empty between inputs.
struct Bench {
    keyspace: Keyspace,
    /// Bodies that are right, with their versions.
    right: Vec<(Vec<u8>, u16)>,
}

impl Bench {
    fn new() -> Bench {
        let mut bench = Bench { keyspace: Keyspace::new(1, 1, HashSeed(1, 2)), right: Vec::new() };
        for value in VALUES.split('|') {
            for line in value.split(';') {
                let reply = bench.line(line.trim());
                assert!(!reply.starts_with(b"-"), "{line}: {}", reply.escape_ascii());
            }
            let dumped = bench.look(rdb::dump);
            let (body, footer) = dumped.split_at(dumped.len() - 10);
            bench.right.push((body.to_vec(), u16::from_le_bytes([footer[0], footer[1]])));
            bench.run(&[b"DEL", KEY]);
        }
        bench.right.extend(OLDER.map(|body| (body.to_vec(), 12)));
        bench
    }

    /// Runs a command of words without spaces.
    fn line(&self, line: &str) -> Vec<u8> {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        self.run(&words)
    }

    fn look<T>(&self, look: impl FnOnce(&KeyRecord) -> T) -> T {
        let mut access = self.keyspace.hold(Slot::of_key(KEY), 0, WORKER, Moment::at(NOW));
        look(access.view().peek(KEY).expect("the key is there"))
    }

    fn digest(&self) -> Vec<u8> {
        let words: [&[u8]; 3] = [b"DEBUG", b"DIGEST-VALUE", KEY];
        self.with_args(&words, |args, reply| {
            let mut access = self.keyspace.hold(Slot::of_key(KEY), 0, WORKER, Moment::at(NOW));
            commands::debug::digest_value(&mut access.view(), args, reply)
        })
    }

    /// Runs a command on the key; its reply in wire form.
    fn run(&self, words: &[&[u8]]) -> Vec<u8> {
        self.with_args(words, |args, reply| {
            let mut access = self.keyspace.hold(Slot::of_key(KEY), 0, WORKER, Moment::at(NOW));
            match body(args) {
                Run::Read(read) => read(&mut access.view(), args, reply),
                Run::Write(write) => write(&mut access.edit(), args, reply),
                Run::Blocking(blocking) => {
                    (blocking.attempt)(&mut access.edit(), args, None, reply).map(|_| ())
                }
                Run::Wide(_) | Run::Whole(_) => unreachable!("no such command is in the lists"),
            }
        })
    }

    fn with_args(
        &self,
        words: &[&[u8]],
        run: impl FnOnce(Args<'_>, &mut resp::Reply<'_>) -> commands::Outcome,
    ) -> Vec<u8> {
        let request = encode_command(words);
        let mut requests = Requests::new();
        Decoder::new()
            .decode(&request, &Limits::DEFAULT, &mut requests, 1)
            .expect("the request is well-formed");
        let mut out = Vec::new();
        let mut reply = resp::Reply::new(&mut out, Protocol::Resp2);
        if let Err(error) = run(requests.args(0, &request), &mut reply) {
            out.clear();
            resp::Reply::new(&mut out, Protocol::Resp2).error_bytes(&error.text());
        }
        out
    }
}

/// What runs a command, or its subcommand.
fn body(args: Args<'_>) -> Run {
    let named = |commands: &'static [KeyspaceCommand], name: &[u8]| {
        commands.iter().find(|one| name.eq_ignore_ascii_case(one.spec.name.as_bytes()))
    };
    let command = FAMILIES.iter().find_map(|family| named(family, args.name()));
    match command.expect("the command is declared").body {
        Body::Run(run) => run,
        Body::Subcommands(all) | Body::AloneOrSubcommands(_, all) => {
            let name = args.get(1).expect("a subcommand is named");
            match named(all, name).expect("the subcommand is declared").body {
                Body::Run(run) => run,
                Body::Subcommands(_) | Body::AloneOrSubcommands(..) => {
                    unreachable!("a subcommand runs")
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_changed_by_the_fuzzer_is_right_to_begin_with() {
        BENCH.with_borrow(|bench| {
            for (body, version) in &bench.right {
                let mut payload = [&body[..], &version.to_le_bytes()].concat();
                payload.extend(Checksum::of(&payload).to_le_bytes());
                let reply = bench.run(&[b"RESTORE", KEY, b"0", &payload]);
                assert_eq!(reply, b"+OK\r\n", "b\"{}\"", body.escape_ascii());
                bench.run(&[b"DEL", KEY]);
            }
        });
    }
}
