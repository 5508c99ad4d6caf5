//! Random arguments for every command of the table: what its argument tree allows, bent, and now and then as long as a megabyte. Whatever comes, the server
//! answers within the protocol, lives on, and takes no memory that the request did not ask for in its established bounds.
//!
//! `ARGUMENTS_COMMANDS=<number>` runs more or fewer, `ARGUMENTS_SEED=<number>` those of a seed again, `ARGUMENTS_COMMAND=zadd` those of one command.

mod keys;
mod request;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use base::Rng;
use commands::spec::Group;
use node::Entry;
use request::request;
use testkit::{Client, Protocol, ReceiveError, Reply, Server, Setup, encode_command, wait};

const COMMANDS: usize = 30_000;

/// The same for a node of a cluster, where most of it is the same code.
const COMMANDS_OF_NODE: usize = 5_000;

/// After so many commands all keys are filled anew: most are gone or of another type by then.
const COMMANDS_PER_FILL: usize = 400;

/// How often a client that has no reply yet is unblocked by another connection.
const UNBLOCK_AFTER: Duration = Duration::from_millis(4);

/// How long any reply may take.
const REPLY_LIMIT: Duration = Duration::from_secs(30);

/// How long a reply may be: all that a fill and some long arguments have left behind.
const REPLY_BYTES_MAX: usize = 32 << 20;

/// How much the server may grow from one fill to the next: what is there, twice, and what the allocator keeps.
const GROWTH_BYTES_MAX: u64 = 64 << 20;

/// How much it may grow while a command runs: what is above, and copies of long arguments, of what is sorted, and of replies.
const PEAK_BYTES_MAX: u64 = 96 << 20;

/// What ends the server, stops all clients, or sets what all others mean.
const LEFT_OUT: [&str; 7] =
    ["client|pause", "config|set", "debug", "failover", "replicaof", "shutdown", "slaveof"];

/// Commands with none or many replies, or behind which others have such: the connection is reset then.
const RESET_BEHIND: [&str; 11] = [
    "client|reply",
    "client|write-acks",
    "monitor",
    "psubscribe",
    "punsubscribe",
    "quit",
    "reset",
    "ssubscribe",
    "subscribe",
    "sunsubscribe",
    "unsubscribe",
];

/// Commands that make a replica of the connection: what comes then are no replies.
const ENDED_BEHIND: [&str; 2] = ["psync", "sync"];

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

fn reply_bytes(reply: &Reply) -> usize {
    match (reply, reply.items()) {
        (Reply::Map(pairs), _) => {
            pairs.iter().map(|(key, value)| reply_bytes(key) + reply_bytes(value)).sum()
        }
        (_, Some(items)) => items.iter().map(reply_bytes).sum(),
        (Reply::Bulk(bytes) | Reply::Verbatim(_, bytes), _) => bytes.len(),
        _ => reply.text().map_or(1, |text| text.len()),
    }
}

/// The words of a request to be shown, the long ones in short.
fn shown(words: &[Vec<u8>]) -> String {
    let shown = words.iter().map(|word| match word.len() {
        0..200 => format!("\"{}\"", word.escape_ascii()),
        len => format!("\"{}...\" ({len} bytes)", word[..8].escape_ascii()),
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// A client that sends what is thrown at the server.
struct Thrower {
    client: Client,
    id: String,
    protocol: Protocol,
}

impl Thrower {
    fn new(server: &Server, protocol: Protocol) -> Thrower {
        let mut client = server.client_speaking(protocol);
        let id = client.command(&["CLIENT", "ID"]).integer().expect("an id").to_string();
        Thrower { client, id, protocol }
    }

    fn send(&mut self, words: &[Vec<u8>]) {
        // Where it was closed meanwhile, the reply will tell.
        let _ = self.client.send_raw(&encode_command(words));
    }

    /// The reply, where the server gives one; who waits is unblocked.
    fn reply(&mut self, control: &mut Client) -> Result<Reply, ReceiveError> {
        let deadline = Instant::now() + REPLY_LIMIT;
        self.client.set_limit(UNBLOCK_AFTER);
        loop {
            match self.client.reply() {
                // Notices of what it tracks.
                Ok(Reply::Push(_)) => {}
                Err(ReceiveError::TimedOut(_)) if Instant::now() < deadline => {
                    control.try_command(&["CLIENT", "UNBLOCK", &self.id])?;
                }
                other => return other,
            }
        }
    }

    /// Ends whatever has come over the connection, and speaks its protocol again. All that was on its way is read.
    fn reset(&mut self) -> Result<(), ReceiveError> {
        self.client.set_limit(REPLY_LIMIT);
        let end = Reply::bulk("the end");
        // One may be without a reply (CLIENT REPLY SKIP).
        let _ = self.client.send_raw(b"PING\r\nRESET\r\nPING \"the end\"\r\n");
        while self.client.reply()? != end {}
        self.client.speak(self.protocol);
        Ok(())
    }
}

/// A server, and those that throw something at it.
struct Range {
    server: Server,
    /// Whether it is a node of a cluster.
    is_node: bool,
    control: Client,
    throwers: Vec<Thrower>,
    fill: Vec<u8>,
    fill_len: usize,
    before: u64,
    rng: Rng,
    seed: u64,
}

impl Range {
    fn new(is_node: bool, seed: u64) -> Range {
        let setup = if is_node { Setup::cluster(Duration::from_secs(5)) } else { Setup::new() };
        let server = Server::start(&crate::program(), setup);
        let control = server.client();
        let throwers = [Protocol::Resp2, Protocol::Resp3].map(|one| Thrower::new(&server, one));
        let fill = keys::fill();
        let (fill_len, before) = (fill.len(), server.resident_bytes());
        Range {
            server,
            is_node,
            control,
            throwers: throwers.into(),
            fill: fill.iter().flat_map(|words| encode_command(words)).collect(),
            fill_len,
            before,
            rng: Rng::from_seed(seed),
            seed,
        }
    }

    fn fail(&self, what: &str, words: &[Vec<u8>]) -> ! {
        let log = self.server.log();
        let panic = log.lines().find(|line| line.contains("panicked")).unwrap_or_default();
        panic!("ARGUMENTS_SEED={}: {what}\n> {}\n{panic}", self.seed, shown(words));
    }

    /// Fills all keys anew, and looks at what the server has grown by meanwhile.
    fn refill(&mut self) {
        for thrower in &mut self.throwers {
            if let Err(error) = thrower.reset() {
                panic!("ARGUMENTS_SEED={}: no reply to RESET: {error}", self.seed);
            }
        }
        if self.is_node {
            // Whatever has become of its slots, all are its own again.
            for line in ["FLUSHALL", "CLUSTER RESET", "CLUSTER ADDSLOTSRANGE 0 16383"] {
                assert_eq!(self.control.line(line), Reply::ok(), "{line}");
            }
            assert!(wait::until(REPLY_LIMIT, || !self.control.line("GET string").is_error()));
        }
        self.control.send_raw(&self.fill).expect("the server reads");
        for _ in 0..self.fill_len {
            let reply = self.control.reply().expect("the server answers");
            assert!(!reply.is_error(), "{reply:?}");
        }
        let growth = self.server.resident_bytes().saturating_sub(self.before);
        let peak = self.server.peak_resident_bytes().saturating_sub(self.before);
        let seed = self.seed;
        assert!(growth < GROWTH_BYTES_MAX, "ARGUMENTS_SEED={seed}: grew by {growth} bytes");
        assert!(peak < PEAK_BYTES_MAX, "ARGUMENTS_SEED={seed}: grew by {peak} bytes for a while");
    }

    /// Gives a key a short time, so that it goes while it is used.
    fn let_expire(&mut self) {
        let key = keys::any(&mut self.rng, Group::Generic);
        self.control.command(&["COPY", key, keys::EXPIRING, "REPLACE"]);
        let millis = (1 + self.rng.below(3)).to_string();
        self.control.command(&["PEXPIRE", keys::EXPIRING, &millis]);
    }

    /// Throws one request; its reply.
    fn throw(&mut self, number: usize, words: &[Vec<u8>]) -> Reply {
        let thrower = &mut self.throwers[number];
        thrower.send(words);
        match thrower.reply(&mut self.control) {
            Ok(reply) if reply_bytes(&reply) <= REPLY_BYTES_MAX => reply,
            Ok(reply) => {
                self.fail(&format!("a reply of {} bytes", reply_bytes(&reply)), words);
            }
            Err(error) => self.fail(&error.to_string(), words),
        }
    }

    /// Throws one after which the connection is reset, and made anew where it was closed.
    fn throw_and_reset(&mut self, number: usize, words: &[Vec<u8>]) {
        let thrower = &mut self.throwers[number];
        thrower.send(words);
        match thrower.reset() {
            Ok(()) => {}
            Err(ReceiveError::Closed(_)) if words[0].eq_ignore_ascii_case(b"quit") => {
                *thrower = Thrower::new(&self.server, thrower.protocol);
            }
            Err(error) => self.fail(&error.to_string(), words),
        }
    }

    /// Throws what a connection is of no use behind.
    fn throw_last(&mut self, number: usize, words: &[Vec<u8>]) {
        let thrower = &mut self.throwers[number];
        thrower.send(words);
        *thrower = Thrower::new(&self.server, thrower.protocol);
    }

    /// Throws a CLIENT KILL: nobody knows who is left.
    fn throw_kill(&mut self, number: usize, words: &[Vec<u8>]) {
        let thrower = &mut self.throwers[number];
        thrower.send(words);
        thrower.client.set_limit(REPLY_LIMIT);
        match thrower.client.reply() {
            Ok(_) | Err(ReceiveError::Closed(_)) => {}
            Err(error) => self.fail(&error.to_string(), words),
        }
        self.control = self.server.client();
        for thrower in &mut self.throwers {
            *thrower = Thrower::new(&self.server, thrower.protocol);
        }
    }

    /// Throws a transaction of some commands, which are answered when it runs.
    fn throw_transaction(&mut self, number: usize, entries: &[&Entry]) {
        let mut all = vec![vec![b"MULTI".to_vec()]];
        for _ in 0..1 + self.rng.below(6) {
            let entry = entries[self.rng.below(entries.len() as u64) as usize];
            if !is_special(entry) && !["exec", "discard"].contains(&&*entry.full_name) {
                all.push(request(&mut self.rng, entry));
            }
        }
        all.push(vec![b"EXEC".to_vec()]);
        let mut queued = 0;
        for words in &all {
            let reply = self.throw(number, words);
            let is_exec = *words == [b"EXEC"];
            if is_exec && let Some(replies) = reply.items() {
                if replies.len() != queued {
                    self.fail(&format!("{} replies of {queued}", replies.len()), words);
                }
            } else if !is_exec && reply == Reply::Status("QUEUED".into()) {
                queued += 1;
            } else if *words != [b"MULTI"] && !reply.is_error() && !reply.is_null() {
                self.fail(&format!("{reply:?} within a transaction"), words);
            }
        }
    }
}

/// Whether a command is not answered by one reply, or changes what others are answered by.
fn is_special(entry: &Entry) -> bool {
    let name = &&*entry.full_name;
    RESET_BEHIND.contains(name)
        || ENDED_BEHIND.contains(name)
        || ["client|kill", "multi"].contains(name)
}

/// Runs so many of the commands of the table at a server, and hears of those that have a reply other than an error.
fn run(is_node: bool, commands: usize) {
    let seed = crate::seed("ARGUMENTS_SEED");
    let commands = number("ARGUMENTS_COMMANDS").map_or(commands, |number| number as usize);
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
    let mut range = Range::new(is_node, seed);
    let mut succeeded = BTreeSet::new();
    for number in 0..commands {
        if number % COMMANDS_PER_FILL == 0 {
            range.refill();
        }
        if number % 10 == 0 {
            range.let_expire();
        }
        let entry = entries[range.rng.below(entries.len() as u64) as usize];
        let words = request(&mut range.rng, entry);
        let thrower = number % range.throwers.len();
        match entry.full_name.as_str() {
            "multi" => range.throw_transaction(thrower, &entries),
            "client|kill" => range.throw_kill(thrower, &words),
            name if ENDED_BEHIND.contains(&name) => range.throw_last(thrower, &words),
            name if RESET_BEHIND.contains(&name) => range.throw_and_reset(thrower, &words),
            name => {
                if !range.throw(thrower, &words).is_error() {
                    succeeded.insert(name);
                }
            }
        }
    }
    range.refill();
    let peak = range.server.peak_resident_bytes().saturating_sub(range.before);
    println!(
        "{} of {} commands did something; grew by {peak} bytes",
        succeeded.len(),
        entries.len()
    );
    assert!(range.server.is_running(), "ARGUMENTS_SEED={seed}: the server has ended");
    // What only meets errors shows little.
    assert!(
        only.is_some() || 3 * succeeded.len() > 2 * entries.len() || commands < COMMANDS_OF_NODE
    );
}

#[test]
fn no_arguments_bring_the_server_down() {
    run(false, COMMANDS);
}

#[test]
fn no_arguments_bring_a_node_of_a_cluster_down() {
    run(true, COMMANDS_OF_NODE);
}
