//! Row `save`: how long SAVE takes, and how long the server that starts next takes to load the file, against Valkey.
//!
//! In each pair both programs are started afresh, one after the other, in an order that turns from pair to pair. Time is that of the client's
//! clock for SAVE, and what the server's log says of its loading.

use super::counted_loop;
use super::options::Options;
use super::peer::{Peer, Program, Server};
use super::readings::{Cores, cpu_ns};
use super::statistics::median;
use super::throughput::STEAL_PERCENT_MAX;
use super::wire::Keys;
use crate::tools;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::process::Command;
use std::time::Instant;

/// What is saved.
pub(crate) struct DataSet {
    /// Its name in the report.
    pub(crate) name: &'static str,
    /// The request that makes a key: the first number counts the keys, the others come by chance, so that there is little to compress.
    line: &'static str,
    /// How many there are in a full run.
    pub(crate) keys: usize,
}

/// The data sets.
pub(crate) const DATA_SETS: [DataSet; 2] = [
    DataSet { name: "2M keys of 16 + 32 bytes", line: "SET key:# abcdefgh##", keys: 2_000_000 },
    DataSet {
        name: "200k hashes of 10 fields",
        line: "HSET hash:# f1 v# f2 v# f3 v# f4 v# f5 v# f6 v# f7 v# f8 v# f9 v# f10 v#",
        keys: 200_000,
    },
];

/// By how much the data sets of a quick run are smaller.
pub(crate) const QUICK: usize = 20;
/// Numbers have twelve digits.
const NUMBERS: u64 = 1_000_000_000_000;

/// One SAVE and the loading of its file.
pub(crate) struct Sample {
    peer: Peer,
    /// The data set's place among all.
    data_set: usize,
    pair: usize,
    /// Seconds from the request to its reply.
    pub(crate) save_s: f64,
    /// Seconds of CPU, user and system, that the process has used meanwhile.
    pub(crate) save_cpu_s: f64,
    /// Seconds that the next start has spent on loading, by its own log.
    pub(crate) load_s: f64,
    /// Bytes of the file.
    pub(crate) file_bytes: f64,
}

/// What the row found.
#[derive(Default)]
pub(crate) struct Save {
    samples: Vec<Sample>,
    /// Samples during which more than a little of a core was stolen.
    pub(crate) stolen: usize,
}

/// Runs the row.
pub(crate) fn run(options: &Options, programs: &[Program]) -> Result<Save> {
    let mut chosen: Vec<&Program> = programs
        .iter()
        .filter(|program| matches!(program.peer, Peer::Redstart | Peer::Valkey))
        .collect();
    let mut outcome = Save::default();
    for pair in 0..options.pairs {
        println!("[save] pair {} of {}", pair + 1, options.pairs);
        for (data_set, saved) in DATA_SETS.iter().enumerate() {
            for program in &chosen {
                let (sample, steal_percent) = measure(options, program, (data_set, pair))
                    .with_context(|| program.peer.title().to_owned())?;
                outcome.stolen += usize::from(steal_percent > STEAL_PERCENT_MAX);
                println!(
                    "  {}, {}: saved in {:.2} s ({:.2} s of CPU), {:.1} MB, loaded in {:.2} s",
                    saved.name,
                    program.peer.title(),
                    sample.save_s,
                    sample.save_cpu_s,
                    sample.file_bytes / 1e6,
                    sample.load_s
                );
                outcome.samples.push(sample);
            }
        }
        if !chosen.is_empty() {
            chosen.rotate_left(1);
        }
    }
    Ok(outcome)
}

fn measure(
    options: &Options,
    program: &Program,
    (index, pair): (usize, usize),
) -> Result<(Sample, f64)> {
    let data_set = &DATA_SETS[index];
    let mut server = Server::start(program)?;
    load(&server, data_set, data_set.keys / if options.quick { QUICK } else { 1 })?;
    // What others have written before must not be waited for here.
    tools::run(&mut Command::new("sync"))?;
    let mut control = server.control()?;
    let keys = control.ask("DBSIZE")?;
    let cores_before = Cores::now()?;
    let (cpu_before, start) = (cpu_ns(server.pid())?, Instant::now());
    let reply = control.ask("SAVE")?;
    let (elapsed, cpu) = (start.elapsed(), cpu_ns(server.pid())? - cpu_before);
    ensure!(reply == "OK", "SAVE is answered with {reply:?}");
    let file = server.folder().join("dump.rdb");
    let file_bytes = fs::metadata(&file).with_context(|| file.display().to_string())?.len();
    server.restart(program)?;
    let cores = cores_before.until(&Cores::now()?);
    let loaded = server.control()?.ask("DBSIZE")?;
    ensure!(loaded == keys, "{keys} keys were saved, {loaded} loaded");
    let sample = Sample {
        peer: program.peer,
        data_set: index,
        pair,
        save_s: elapsed.as_secs_f64(),
        save_cpu_s: cpu as f64 / 1e9,
        load_s: loading_seconds(&server.log())?,
        file_bytes: file_bytes as f64,
    };
    Ok((sample, cores.steal_percent))
}

/// Gives a server so many keys of a data set.
pub(crate) fn load(server: &Server, data_set: &DataSet, keys: usize) -> Result<()> {
    let numbers_per_key = data_set.line.matches('#').count() as u64;
    let mut random = Keys::new(17, NUMBERS);
    let mut sent = 0;
    counted_loop::load_with(server, data_set.line, keys, || {
        sent += 1;
        if (sent - 1) % numbers_per_key == 0 { sent / numbers_per_key } else { random.next() }
    })
}

/// The number in a line such as `... DB loaded from disk: 1.234 seconds`.
fn loading_seconds(log: &str) -> Result<f64> {
    let rest = log.split_once("DB loaded from disk: ").map(|(_, rest)| rest);
    let number = rest.and_then(|rest| rest.split_ascii_whitespace().next());
    let number =
        number.with_context(|| format!("the log does not say how long it loaded:\n{log}"))?;
    number.parse().with_context(|| format!("{number:?} seconds"))
}

impl Save {
    fn of(&self, peer: Peer, data_set: usize) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(move |one| one.peer == peer && one.data_set == data_set)
    }

    /// A figure of a program for a data set: the median over the pairs.
    pub(crate) fn median(
        &self,
        peer: Peer,
        data_set: usize,
        figure: impl Fn(&Sample) -> f64,
    ) -> Option<f64> {
        median(&self.of(peer, data_set).map(figure).collect::<Vec<_>>())
    }

    /// How many times more of a figure Valkey needs, for each pair.
    pub(crate) fn ratios(&self, data_set: usize, figure: impl Fn(&Sample) -> f64) -> Vec<f64> {
        self.of(Peer::Redstart, data_set)
            .filter_map(|ours| {
                let theirs = self.of(Peer::Valkey, data_set).find(|one| one.pair == ours.pair)?;
                Some(figure(theirs) / figure(ours))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_tells_how_long_it_loaded() {
        let log = "1:M * Ready\n1:M * DB loaded from disk: 1.250 seconds\n1:M * Ready\n";
        assert_eq!(loading_seconds(log).expect("a line"), 1.25);
        assert!(loading_seconds("1:M * Ready\n").is_err());
    }

    #[test]
    fn ratios_are_of_the_same_pair() {
        let sample = |peer, pair, save_s| Sample {
            peer,
            data_set: 1,
            pair,
            save_s,
            save_cpu_s: 1.0,
            load_s: 1.0,
            file_bytes: 1.0,
        };
        let samples = vec![
            sample(Peer::Redstart, 0, 1.0),
            sample(Peer::Redstart, 1, 2.0),
            sample(Peer::Valkey, 1, 6.0),
            sample(Peer::Valkey, 0, 2.0),
        ];
        let row = Save { samples, stolen: 0 };
        assert_eq!(row.ratios(1, |sample| sample.save_s), [2.0, 3.0]);
        assert!(row.ratios(0, |sample| sample.save_s).is_empty());
        assert_eq!(row.median(Peer::Valkey, 1, |sample| sample.save_s), Some(4.0));
    }
}
