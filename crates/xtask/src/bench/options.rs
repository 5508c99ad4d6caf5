//! The command line of `cargo xtask bench`.

use super::peer::Peer;
use anyhow::{Context, Result, bail, ensure};
use std::path::PathBuf;
use std::time::Duration;

/// What `--help` shows.
pub(crate) const USAGE: &str = "\
usage: cargo xtask bench [options]

Measures Redstart beside Valkey, Redis and the echo floor in one alternating run: servers on core 0,
the client on core 1. A full run takes about 65 minutes and writes docs/benchmarks.md and
docs/benchmarks.svg; any other writes the same files to target/bench/. With --update, rows that
were run with all peers, pairs and keys take their place in docs/benchmarks.md, which says so.

  --row NAME        only this row (may be repeated): throughput, memory, pause, paths, idle,
                    default (redis-benchmark's list), types, types-memory, save, snapshot,
                    save-memory, aof (the append-only file), replication
  --pairs N         alternating pairs (default 5)
  --keys N          keys in the table (default 1000000)
  --quick           small tables and short stretches: proves that it works, says little
  --peers A,B,...   only these: redstart, valkey, redis, echo (default: all)
  --update          put the rows into docs/benchmarks.md
  --server PATH     measure this redstart instead of building one
  --generator NAME  client of the throughput row: own (default), or redis-benchmark as a cross-check
  --help            this text

examples:
  cargo xtask bench --row throughput --pairs 9
  cargo xtask bench --quick --peers valkey,echo";

/// A row of the table of goals.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Row {
    /// CPU per command.
    Throughput,
    /// Bytes per key.
    Memory,
    /// The longest pause while the table grows.
    Pause,
    /// Two threads against one, without sockets.
    Paths,
    /// Bytes per idle connection.
    Idle,
    /// CPU per command of redis-benchmark's list.
    Default,
    /// CPU per command on large collections.
    Types,
    /// Bytes of large collections.
    TypesMemory,
    /// Time of SAVE and of loading.
    Save,
    /// The longest pause while BGSAVE runs.
    Snapshot,
    /// Growth of memory while BGSAVE runs.
    SaveMemory,
    /// What the append-only file costs.
    Aof,
    /// What replicas cost, and how fast they are.
    Replication,
}

impl Row {
    const ALL: [Row; 13] = [
        Row::Throughput,
        Row::Memory,
        Row::Pause,
        Row::Paths,
        Row::Idle,
        Row::Default,
        Row::Types,
        Row::TypesMemory,
        Row::Save,
        Row::Snapshot,
        Row::SaveMemory,
        Row::Aof,
        Row::Replication,
    ];

    /// The word that selects it on the command line.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Row::Throughput => "throughput",
            Row::Memory => "memory",
            Row::Pause => "pause",
            Row::Paths => "paths",
            Row::Idle => "idle",
            Row::Default => "default",
            Row::Types => "types",
            Row::TypesMemory => "types-memory",
            Row::Save => "save",
            Row::Snapshot => "snapshot",
            Row::SaveMemory => "save-memory",
            Row::Aof => "aof",
            Row::Replication => "replication",
        }
    }

    fn of_word(word: &str) -> Result<Row> {
        let known = Row::ALL.into_iter().find(|row| row.word() == word);
        known.with_context(|| {
            let known = Row::ALL.map(Row::word).join(", ");
            format!("there is no row `{word}`: {known}")
        })
    }
}

/// Which client loads the servers in the throughput row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Generator {
    /// The one of this program.
    Own,
    /// Debian's redis-benchmark.
    RedisBenchmark,
}

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Options {
    /// The rows to run.
    pub(crate) rows: Vec<Row>,
    /// How many alternating pairs.
    pub(crate) pairs: usize,
    /// Keys in the table.
    pub(crate) keys: u64,
    /// Whether this is only a proof that the harness works.
    pub(crate) quick: bool,
    /// The programs to run.
    pub(crate) peers: Vec<Peer>,
    /// Whether the rows take their place in `docs/`.
    pub(crate) update: bool,
    /// A binary of Redstart to measure instead of building one.
    pub(crate) server: Option<PathBuf>,
    /// The client of the throughput row.
    pub(crate) generator: Generator,
    /// Length of a measured stretch.
    pub(crate) cell: Duration,
    /// What runs before each stretch.
    pub(crate) warm_up: Duration,
    /// Rounds of the rows that measure pauses, and of memory while a snapshot is taken or replicas do not read.
    pub(crate) rounds: usize,
    /// Connections of the idle row.
    pub(crate) idle_connections: usize,
}

/// Keys of a full run.
const KEYS: u64 = 1_000_000;
/// Pairs of a full run.
const PAIRS: usize = 5;
/// Keys have twelve digits, and some rows make four times as many.
const KEYS_MAX: u64 = 100_000_000;

impl Options {
    /// Reads the arguments behind `bench`; `None` when help is asked for.
    pub(crate) fn parse(arguments: &[String]) -> Result<Option<Options>> {
        let mut rows = Vec::new();
        let (mut pairs, mut keys, mut quick, mut update) = (None, None, false, false);
        let mut peers = Peer::ALL.to_vec();
        let mut server = None;
        let mut generator = Generator::Own;
        let mut rest = arguments.iter();
        while let Some(option) = rest.next() {
            let mut value = || rest.next().with_context(|| format!("{option} needs a value"));
            match option.as_str() {
                "--help" | "-h" => return Ok(None),
                "--quick" => quick = true,
                "--update" => update = true,
                "--row" => rows.push(Row::of_word(value()?)?),
                "--pairs" => pairs = Some(number(option, value()?, 1..=1000)? as usize),
                "--keys" => keys = Some(number(option, value()?, 1000..=KEYS_MAX)?),
                "--peers" => peers = peers_of(value()?)?,
                "--server" => server = Some(PathBuf::from(value()?)),
                "--generator" => generator = generator_of(value()?)?,
                _ => bail!("unknown option `{option}`\n{USAGE}"),
            }
        }
        if rows.is_empty() {
            rows = Row::ALL.to_vec();
        }
        let pairs = pairs.unwrap_or(if quick { 2 } else { PAIRS });
        let (cell_ms, warm_up_ms) = if quick { (500, 200) } else { (2000, 300) };
        let options = Options {
            rows,
            update,
            pairs,
            keys: keys.unwrap_or(if quick { KEYS / 10 } else { KEYS }),
            quick,
            peers,
            server,
            generator,
            cell: Duration::from_millis(cell_ms),
            warm_up: Duration::from_millis(warm_up_ms),
            rounds: if quick { 1 } else { pairs.min(3) },
            idle_connections: if quick { 1000 } else { 10_000 },
        };
        ensure!(
            !update || options.is_whole(),
            "--update needs every peer, {PAIRS} pairs or more, {KEYS} keys and the own client"
        );
        Ok(Some(options))
    }

    /// Whether this row is to be run.
    pub(crate) fn has(&self, row: Row) -> bool {
        self.rows.contains(&row)
    }

    /// Whether the outcome may stand in `docs/`: every row, every peer, nothing shortened.
    pub(crate) fn is_full(&self) -> bool {
        Row::ALL.iter().all(|row| self.has(*row)) && self.is_whole()
    }

    /// Whether nothing is shortened in the rows that are run.
    fn is_whole(&self) -> bool {
        Peer::ALL.iter().all(|peer| self.peers.contains(peer))
            && self.pairs >= PAIRS
            && self.keys == KEYS
            && !self.quick
            && self.generator == Generator::Own
    }
}

fn number(option: &str, text: &str, bounds: std::ops::RangeInclusive<u64>) -> Result<u64> {
    let number = text.parse::<u64>().with_context(|| format!("{option}: {text} is no number"))?;
    let (low, high) = (bounds.start(), bounds.end());
    ensure!(bounds.contains(&number), "{option}: {number} is not between {low} and {high}");
    Ok(number)
}

fn peers_of(list: &str) -> Result<Vec<Peer>> {
    let words: Vec<&str> = list.split(',').collect();
    for word in &words {
        let known = Peer::ALL.iter().any(|peer| peer.word() == *word);
        ensure!(known, "there is no peer `{word}`: redstart, valkey, redis or echo");
    }
    Ok(Peer::ALL.into_iter().filter(|peer| words.contains(&peer.word())).collect())
}

fn generator_of(word: &str) -> Result<Generator> {
    match word {
        "own" => Ok(Generator::Own),
        "redis-benchmark" => Ok(Generator::RedisBenchmark),
        _ => bail!("there is no generator `{word}`: own or redis-benchmark"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Options>> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::parse(&words)
    }

    #[test]
    fn only_a_whole_run_may_write_the_documentation() {
        let full = |line: &str| parse(line).expect("valid").expect("no help").is_full();
        assert!(full(""));
        assert!(full("--pairs 9"));
        for part in ["--quick", "--row memory", "--pairs 2", "--keys 5000", "--peers valkey,echo"] {
            assert!(!full(part), "{part}");
        }
        assert!(!full("--generator redis-benchmark"));
        assert!(parse("--update --row memory").is_ok());
        assert!(parse("--update --row memory --pairs 2").is_err());
    }

    #[test]
    fn mistakes_are_named() {
        for line in ["--row speed", "--pairs", "--pairs 0", "--keys x", "--peers keydb", "--fast"] {
            assert!(parse(line).is_err(), "{line}");
        }
        assert!(parse("--help").expect("valid").is_none());
    }
}
