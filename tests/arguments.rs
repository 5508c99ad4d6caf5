//! Random arguments for every command of the table: what its argument tree allows, bent. Whatever comes, the server answers within the protocol, lives on,
//! and takes no memory that the request did not ask for in its established bounds.
//!
//! `ARGUMENTS_COMMANDS=<number>` runs more or fewer, `ARGUMENTS_SEED=<number>` those of a seed again, `ARGUMENTS_COMMAND=zadd` those of one command.

use std::time::Duration;

use base::Rng;
use commands::spec::{Argument, ArgumentKind};
use node::Entry;
use testkit::{Client, Protocol, ReceiveError, Server, Setup};

const COMMANDS: usize = 40_000;

/// After so many commands all keys are filled anew: most are gone or of another type by then.
const COMMANDS_PER_FILL: usize = 400;

/// How long a command may wait before it is unblocked by another connection.
const UNBLOCK_AFTER: Duration = Duration::from_millis(30);

/// How long any reply may take.
const REPLY_LIMIT: Duration = Duration::from_secs(30);

/// How much the server may grow: a handful of strings as long as SETBIT and SETRANGE make them here, and replies to counts of 10,000.
const GROWTH_BYTES_MAX: u64 = 256 << 20;

/// What ends the server or the connection, changes what others mean, or waits by design.
const LEFT_OUT: [&str; 22] = [
    "auth",
    "client|kill",
    "client|pause",
    "client|reply",
    "cluster",
    "config|set",
    "config|rewrite",
    "debug",
    "exec",
    "failover",
    "hello",
    "monitor",
    "multi",
    "psubscribe",
    "quit",
    "reset",
    "select",
    "shutdown",
    "ssubscribe",
    "subscribe",
    "swapdb",
    "wait",
];

/// Numbers on which arithmetic and parsers stumble. None makes a string of hundreds of megabytes, which SETBIT may.
const EDGES: [&str; 28] = [
    "0",
    "1",
    "-1",
    "2",
    "-2",
    "7",
    "100",
    "10000",
    "65536",
    "4294967296",
    "-4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e308",
    "-1e308",
    "1e-320",
    "inf",
    "-inf",
    "nan",
    "",
    " 1",
    "0x10",
    "+1",
    "1.5",
    "-0",
];

const STRINGS: [&str; 14] =
    ["", "a", "b", "m1", "m2", "f1", "*", "\0\r\n", "-", "+", "(1", "[a", "$", "1-1"];

const KEYS: [&str; 9] =
    ["string", "number", "list", "set", "integers", "hash", "sorted", "stream", "absent"];

const FILL: [&str; 11] = [
    "FLUSHALL",
    "SET string abcdefgh",
    "SET number 12",
    "RPUSH list a b c 1 2 3",
    "SADD set a b c m1 m2",
    "SADD integers 1 2 3",
    "HSET hash f1 a f2 b f3 3",
    "ZADD sorted 1 a 2 b 3 c 3 m1",
    "XADD stream 1-1 f1 a",
    "XADD stream 2-1 f1 b f2 c",
    "XGROUP CREATE stream a 0",
];

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

fn pick<'a>(rng: &mut Rng, from: &[&'a str]) -> &'a str {
    from[rng.below(from.len() as u64) as usize]
}

/// Appends what an argument may be.
fn push(rng: &mut Rng, argument: &Argument, words: &mut Vec<Vec<u8>>) {
    if argument.is_optional && rng.percent(50) {
        return;
    }
    let times = if argument.is_multiple { 1 + rng.below(3) } else { 1 };
    for time in 0..times {
        if let Some(token) = argument.token
            && (time == 0 || argument.repeats_token)
        {
            words.push(token.into());
        }
        let word = match argument.kind {
            ArgumentKind::PureToken => continue,
            ArgumentKind::OneOf => {
                let one = rng.below(argument.children.len() as u64) as usize;
                push(rng, &argument.children[one], words);
                continue;
            }
            ArgumentKind::Block => {
                argument.children.iter().for_each(|child| push(rng, child, words));
                continue;
            }
            ArgumentKind::Key => pick(rng, &KEYS),
            ArgumentKind::Integer | ArgumentKind::Double | ArgumentKind::UnixTime => {
                if rng.percent(50) { pick(rng, &["0", "1", "2", "3"]) } else { pick(rng, &EDGES) }
            }
            ArgumentKind::String | ArgumentKind::Pattern => pick(rng, &STRINGS),
        };
        words.push(word.into());
    }
}

/// A request of a command: its arguments by its tree, a third of them with something missing, too much, or out of place.
fn request(rng: &mut Rng, entry: &Entry) -> Vec<Vec<u8>> {
    let mut words: Vec<Vec<u8>> = entry.full_name.split('|').map(Into::into).collect();
    let name = words.len();
    entry.spec.arguments.iter().for_each(|argument| push(rng, argument, &mut words));
    if rng.percent(33) && words.len() > name {
        let at = name + rng.below((words.len() - name) as u64) as usize;
        match rng.below(4) {
            0 => {
                words.remove(at);
            }
            1 => words.insert(at, pick(rng, &EDGES).into()),
            2 => words[at] = pick(rng, &EDGES).into(),
            _ => words.truncate(at),
        }
    }
    words
}

/// The reply, where the server gives one; a client that waits is unblocked.
fn await_reply(client: &mut Client, control: &mut Client, id: &str) -> Result<(), ReceiveError> {
    client.set_limit(UNBLOCK_AFTER);
    loop {
        match client.reply() {
            Ok(_) => return Ok(()),
            Err(ReceiveError::TimedOut(_)) => {
                control.command(&["CLIENT", "UNBLOCK", id]);
                client.set_limit(REPLY_LIMIT);
            }
            Err(error) => return Err(error),
        }
    }
}

#[test]
fn no_arguments_bring_the_server_down() {
    let seed = crate::seed("ARGUMENTS_SEED");
    let commands = number("ARGUMENTS_COMMANDS").map_or(COMMANDS, |number| number as usize);
    let only = std::env::var("ARGUMENTS_COMMAND").ok();
    let table = node::command_table();
    let is_left_out = |entry: &Entry| {
        let container = entry.full_name.split('|').next();
        LEFT_OUT.contains(&entry.full_name.as_str())
            || LEFT_OUT.iter().any(|name| Some(*name) == container)
    };
    let entries: Vec<&Entry> = table
        .by_number()
        .into_iter()
        .filter(|entry| !is_left_out(entry) && entry.subcommands().is_empty())
        .filter(|entry| only.as_ref().is_none_or(|only| entry.full_name == *only))
        .collect();
    let mut server = Server::start(&crate::program(), Setup::new());
    let mut control = server.client();
    let mut clients: Vec<(Client, String)> = [Protocol::Resp2, Protocol::Resp3]
        .into_iter()
        .map(|protocol| {
            let mut client = server.client_speaking(protocol);
            let id = client.command(&["CLIENT", "ID"]).integer().expect("an id").to_string();
            (client, id)
        })
        .collect();
    let before = server.resident_bytes();
    let mut rng = Rng::from_seed(seed);
    for number in 0..commands {
        if number % COMMANDS_PER_FILL == 0 {
            for line in FILL {
                control.line(line);
            }
            let growth = server.resident_bytes().saturating_sub(before);
            assert!(growth < GROWTH_BYTES_MAX, "ARGUMENTS_SEED={seed}: grew by {growth} bytes");
        }
        let entry = entries[rng.below(entries.len() as u64) as usize];
        let words = request(&mut rng, entry);
        let (client, id) = &mut clients[number % 2];
        client.send_raw(&testkit::encode_command(&words)).expect("the server reads");
        if let Err(error) = await_reply(client, &mut control, id) {
            let shown: Vec<_> = words.iter().map(|word| word.escape_ascii().to_string()).collect();
            let log = server.log();
            let panic = log.lines().find(|line| line.contains("panicked")).unwrap_or_default();
            panic!("ARGUMENTS_SEED={seed}: {error}\n> {}\n{panic}", shown.join(" "));
        }
    }
    assert!(server.is_running(), "ARGUMENTS_SEED={seed}: the server has ended");
}
