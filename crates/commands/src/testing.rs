//! What the tests of commands run them with: a keyspace, and requests and replies as text.

use crate::{Attempt, Body, FAMILIES, KeyspaceCommand, Run, Whole};
use base::{Rng, Slot, UnixMillis};
use engine::{Access, Expiry, HashSeed, Keyspace, Moment, View, WorkerId};
use resp::{Args, Decoder, Limits, Protocol, Reply, Requests};
use std::sync::Arc;

/// The thread that runs the commands; tests may have two more.
pub(crate) const WORKER: WorkerId = WorkerId(0);

/// The moment at which a fixture begins, in 2023.
pub(crate) const NOW: i64 = 1_700_000_000_000;

/// The declaration and the function of a command or subcommand, wherever it stands.
fn command(args: Args<'_>) -> Option<&'static KeyspaceCommand> {
    let named = |commands: &'static [KeyspaceCommand], name: &[u8]| {
        commands.iter().find(|one| name.eq_ignore_ascii_case(one.spec.name.as_bytes()))
    };
    let command = FAMILIES.iter().find_map(|family| named(family, args.name()))?;
    match command.body {
        Body::Run(_) => Some(command),
        Body::Subcommands(all) | Body::AloneOrSubcommands(_, all) => named(all, args.get(1)?),
    }
}

/// A keyspace whose commands run as a node would run them, without a node.
pub(crate) struct Fixture {
    /// The keys.
    pub(crate) keyspace: Arc<Keyspace>,
    /// The time of the next command, and how it uses keys.
    pub(crate) moment: Moment,
    /// The protocol of its reply.
    pub(crate) protocol: Protocol,
    /// The database that is selected.
    pub(crate) database: usize,
}

impl Fixture {
    /// No keys, RESP2, at [`NOW`].
    pub(crate) fn new() -> Fixture {
        Fixture {
            keyspace: Arc::new(Keyspace::new(16, 3, HashSeed(1, 2))),
            moment: Moment::at(UnixMillis(NOW)),
            protocol: Protocol::Resp2,
            database: 0,
        }
    }

    /// It is another time.
    pub(crate) fn set_time(&mut self, now: UnixMillis) {
        (self.moment.now, self.moment.clock) = (now, now);
    }

    /// Runs a command of words without spaces; its reply as text, line ends as `|`.
    pub(crate) fn run(&mut self, line: &str) -> String {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        self.run_words(&words)
    }

    /// Runs a command of any words; its reply as text, line ends as `|`.
    pub(crate) fn run_words(&mut self, words: &[&[u8]]) -> String {
        let reply = self.reply_bytes(words);
        let text = String::from_utf8_lossy(&reply).replace("\r\n", "|");
        text.strip_suffix('|').expect("a reply ends its line").to_owned()
    }

    /// Runs a command of any words; its reply in wire form.
    pub(crate) fn reply_bytes(&mut self, words: &[&[u8]]) -> Vec<u8> {
        let request = encoded(words);
        let mut requests = Requests::new();
        Decoder::new()
            .decode(&request, &Limits::DEFAULT, &mut requests, 1)
            .expect("the request is well-formed");
        let args = requests.args(0, &request);
        let mut out = Vec::new();
        let mut reply = Reply::new(&mut out, self.protocol);
        if let Err(error) = self.execute(args, &mut reply) {
            out.clear();
            Reply::new(&mut out, self.protocol).error_bytes(&error.text());
        }
        out
    }

    fn execute(&mut self, args: Args<'_>, reply: &mut Reply<'_>) -> crate::Outcome {
        let command = command(args).expect("the command is declared");
        let Body::Run(run) = &command.body else { panic!("a subcommand runs") };
        if !command.spec.arity.allows(args.len()) {
            return Err(crate::CommandError::WrongArity(command.spec.name.to_owned()));
        }
        let mut keys = Vec::new();
        // Where some keys cannot be told the command itself says what is wrong, and touches none of those.
        let _ = command.spec.key_positions(args, &mut keys);
        match run {
            Run::Read(read) => read(&mut self.hold(args, &keys).view(), args, reply),
            Run::Write(write) => {
                let mut access = self.hold(args, &keys);
                let outcome = write(&mut access.edit(), args, reply);
                assert!(outcome.is_ok() || access.changes() == 0, "a refused write changed keys");
                outcome
            }
            Run::Wide(wide) if (wide.reads_others)(args) => {
                let mut access = self.keyspace.hold_all(self.database, WORKER, self.moment);
                (wide.run)(&mut access.edit(), args, false, reply)
            }
            Run::Wide(wide) => (wide.run)(&mut self.hold(args, &keys).edit(), args, false, reply),
            Run::Blocking(blocking) => {
                (blocking.timeout)(args)?;
                let mut access = self.hold(args, &keys);
                if (blocking.attempt)(&mut access.edit(), args, None, reply)? == Attempt::Wait {
                    (blocking.nothing)(reply);
                }
                Ok(())
            }
            Run::Whole(whole) => {
                let mut rng = Rng::from_seed(7);
                let mut over_all = Whole {
                    reach: self.keyspace.reach(),
                    database: self.database,
                    in_cluster: false,
                    moment: self.moment,
                    worker: WORKER,
                    rng: &mut rng,
                    changes: 0,
                    flushed: Vec::new(),
                    expired: Vec::new(),
                };
                let outcome = whole(&mut over_all, args, reply);
                self.keyspace.tally(WORKER).count_changes(over_all.changes);
                for key in over_all.expired {
                    let keys = std::iter::once(&*key);
                    let mut access =
                        self.keyspace.hold_keys(keys, self.database, WORKER, self.moment);
                    access.view().peek(&key);
                }
                outcome
            }
        }
    }

    fn hold(&self, args: Args<'_>, positions: &[usize]) -> Access<'_> {
        let keys = positions.iter().map(|&position| &args[position]);
        let keys: Vec<&[u8]> = keys.collect();
        self.keyspace.hold_keys(keys.into_iter(), self.database, WORKER, self.moment)
    }

    /// Runs commands of words without spaces and compares their replies, line ends as `|`.
    pub(crate) fn check(&mut self, transcript: &[(&str, &str)]) {
        for (line, expected) in transcript {
            assert_eq!(self.run(line), *expected, "{line}");
        }
    }

    /// Writes a string without a command.
    pub(crate) fn put(&self, key: &str, value: &str, expiry: Expiry) {
        let slot = Slot::of_key(key.as_bytes());
        let mut access = self.keyspace.hold(slot, self.database, WORKER, self.moment);
        access.edit().put_string(key.as_bytes(), value.as_bytes(), expiry);
    }

    /// Looks at the slot of a key without a command.
    pub(crate) fn look<T>(&self, key: &str, look: impl FnOnce(&mut View<'_, '_>) -> T) -> T {
        let slot = Slot::of_key(key.as_bytes());
        let mut access = self.keyspace.hold(slot, self.database, WORKER, self.moment);
        look(&mut access.view())
    }

    /// What `rdb_changes_since_last_save` would have grown to.
    pub(crate) fn changes(&self) -> u64 {
        self.keyspace.tally(WORKER).changes()
    }

    /// Hits and misses so far.
    pub(crate) fn lookups(&self) -> (u64, u64) {
        let tally = self.keyspace.tally(WORKER);
        (tally.hits(), tally.misses())
    }

    /// What OBJECT ENCODING would say.
    pub(crate) fn encoding(&self, key: &str) -> Option<&'static str> {
        self.look(key, |view| {
            view.peek(key.as_bytes()).map(|record| engine::encoding(record).name())
        })
    }

    /// When a key expires.
    pub(crate) fn expire_at(&self, key: &str) -> Option<i64> {
        self.look(key, |view| view.peek(key.as_bytes())?.expire_at())
    }
}

fn encoded(words: &[&[u8]]) -> Vec<u8> {
    let mut request = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        request.extend_from_slice(word);
        request.extend_from_slice(b"\r\n");
    }
    request
}
