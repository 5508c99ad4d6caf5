//! A load of all that replicas have to follow: random commands on all types in sixteen databases, transactions, expiry, and clients that wait for what others bring.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

use testkit::{Client, Kind, Server, model};

use super::keys::{Common, DATABASES};

/// A command with its arguments.
pub(super) type Command = Vec<Vec<u8>>;

/// Each has two databases for itself.
const WRITERS: usize = DATABASES / 2;

/// How many clients wait for what writers bring.
const WAITERS: usize = 4;

/// How many commands a writer sends at once.
const COMMANDS_MAX: usize = 100;

/// What waiters wait for, each for a moment.
const WAITS: [&str; 5] = [
    "BLMOVE list0 list1 LEFT RIGHT 0.05",
    "BLPOP list1 list0 0.05",
    "BLMPOP 0.05 2 list2 list0 RIGHT COUNT 3",
    "BZPOPMIN zset0 zset1 0.05",
    "XREADGROUP GROUP g0 c0 BLOCK 50 STREAMS stream0 stream1 > >",
];

/// Tells other threads that it is over when it is dropped, also by a panic: who waits for them would wait for ever.
pub(super) struct Over<'a>(pub(super) &'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

/// What to write.
#[derive(Clone)]
pub(super) struct Load {
    /// Only what all servers know.
    pub(super) common: Common,
    pub(super) seed: u64,
    /// How many commands each writer sends at least.
    pub(super) commands: usize,
    /// Whether keys expire meanwhile, and other things happen by chance.
    pub(super) expires: bool,
}

impl Load {
    /// Writes all of it, and takes all replies, whatever they are.
    pub(super) fn run(&self, server: &Server) {
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            for number in 0..WAITERS {
                let (client, is_over) = (server.client(), &is_over);
                scope.spawn(move || wait_for_others(client, number, is_over));
            }
            let writers: Vec<_> = (0..WRITERS)
                .map(|number| scope.spawn(move || self.write(server, number)))
                .collect();
            let ends: Vec<_> = writers.into_iter().map(thread::ScopedJoinHandle::join).collect();
            is_over.store(true, SeqCst);
            assert!(ends.iter().all(Result::is_ok), "a writer has failed");
        });
    }

    /// The same, and then nobody remembers what it was: the next one is another.
    pub(super) fn run_next(&mut self, server: &Server) {
        self.run(server);
        self.seed = self.seed.wrapping_add(1);
    }

    fn write(&self, server: &Server, number: usize) {
        let mut client = server.client();
        let first = 2 * number;
        let seed = self.seed.wrapping_mul(31).wrapping_add(number as u64);
        client.line(&format!("SELECT {first}"));
        let commands = model::commands(seed, self.commands, self.expires);
        let kind = server.program().kind;
        let known = commands.into_iter().filter(|command| {
            self.common.knows(&command[0])
                && (kind == Kind::Redstart || !is_lost_by_oracles(command, kind))
        });
        let commands: Vec<Command> = known.map(|command| moved(command, first)).collect();
        for (round, some) in commands.chunks(COMMANDS_MAX).enumerate() {
            let words = some.iter().map(|words| words.iter().map(Vec::as_slice).collect());
            client.pipeline(&words.collect::<Vec<_>>()).expect("the server replies");
            // Where a transaction was divided, these are its commands, too.
            client.line(&format!("PUBLISH channel {round}"));
            if round % 10 == 9 {
                let second = first + 1;
                for line in [&*format!("SELECT {second}"), "FLUSHDB", &format!("SELECT {first}")] {
                    client.line(line);
                }
            }
        }
    }
}

fn wait_for_others(mut client: Client, number: usize, is_over: &AtomicBool) {
    for round in number.. {
        if is_over.load(SeqCst) {
            return;
        }
        client.line(&format!("SELECT {}", round * 2 % DATABASES));
        client.line(WAITS[round % WAITS.len()]);
    }
}

/// Commands of other servers that do something else on replicas, or that these are not told of.
fn is_lost_by_oracles(command: &Command, kind: Kind) -> bool {
    let has = |word: &[u8]| command.iter().any(|one| one.eq_ignore_ascii_case(word));
    match command[0].as_slice() {
        // It makes room, and is not told of where the change fails.
        b"BITFIELD" => has(b"FAIL"),
        // A field that has expired is there for the link to the primary.
        b"SORT" => has(b"STORE") && has(b"hash*->f1"),
        // Redis 7.0 takes a count that later ones refuse.
        b"LREM" if kind == Kind::Redis => {
            command.get(2).is_some_and(|count| *count == i64::MIN.to_string().into_bytes())
        }
        // Redis 7.0 sets a last id below one that was deleted, which later ones refuse.
        b"XSETID" => true,
        _ => false,
    }
}

/// The same command on databases from `first` on: random commands know 0 and 1.
fn moved(mut command: Command, first: usize) -> Command {
    let places: Vec<usize> = match command[0].to_ascii_uppercase().as_slice() {
        b"SELECT" => vec![1],
        b"MOVE" => vec![2],
        b"SWAPDB" => vec![1, 2],
        b"COPY" => command
            .iter()
            .position(|word| word == b"DB")
            .map_or_else(Vec::new, |option| vec![option + 1]),
        _ => Vec::new(),
    };
    for place in places {
        let number: usize = String::from_utf8_lossy(&command[place]).parse().expect("0 or 1");
        command[place] = (first + number).to_string().into_bytes();
    }
    command
}
