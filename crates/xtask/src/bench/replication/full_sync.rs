//! How long it takes from the beginning of a transfer until a replica, which was empty, has loaded all and follows.
//!
//! Primary and replica each have a core, and nobody else asks for anything.

use super::super::options::Options;
use super::super::peer::{Peer, Program, Server};
use super::super::readings::{CLIENT_CORE, Cores};
use super::super::save::{self, DATA_SETS, DataSet};
use super::super::statistics::median;
use super::super::throughput::STEAL_PERCENT_MAX;
use super::{ASK_EVERY, DEADLINE, SETTINGS, chosen, follow};
use anyhow::{Context, Result, ensure};
use std::time::Instant;

/// What is sent.
pub(crate) const DATA_SET: &DataSet = &DATA_SETS[0];

/// One synchronisation.
pub(crate) struct Sample {
    peer: Peer,
    pair: usize,
    seconds: f64,
}

/// What was found.
#[derive(Default)]
pub(crate) struct FullSync {
    samples: Vec<Sample>,
    /// Samples during which more than a little of a core was stolen.
    pub(crate) stolen: usize,
}

/// Runs this part.
pub(crate) fn run(options: &Options, programs: &[Program]) -> Result<FullSync> {
    let mut programs = chosen(programs, &SETTINGS);
    let mut outcome = FullSync::default();
    for pair in 0..options.pairs {
        let mut line = format!("[replication] pair {}, full synchronisation:", pair + 1);
        for program in &programs {
            let (seconds, steal_percent) =
                measure(options, program).with_context(|| program.peer.title().to_owned())?;
            outcome.stolen += usize::from(steal_percent > STEAL_PERCENT_MAX);
            line += &format!("  {} {seconds:.2} s", program.peer.title());
            outcome.samples.push(Sample { peer: program.peer, pair, seconds });
        }
        println!("{line}");
        if !programs.is_empty() {
            programs.rotate_left(1);
        }
    }
    Ok(outcome)
}

/// Seconds, and the steal in percent.
fn measure(options: &Options, program: &Program) -> Result<(f64, f64)> {
    let primary = Server::start(program)?;
    let keys = DATA_SET.keys / if options.quick { save::QUICK } else { 1 };
    save::load(&primary, DATA_SET, keys)?;
    let replica = Server::start_on(CLIENT_CORE, program)?;
    let cores = Cores::now()?;
    follow(&replica, primary.port)?;
    let seconds = seconds_of_transfer(&replica)?;
    let steal_percent = cores.until(&Cores::now()?).steal_percent;
    let (sent, there) = (primary.control()?.ask("DBSIZE")?, replica.control()?.ask("DBSIZE")?);
    ensure!(sent == there, "{sent} keys were sent, {there} are there");
    Ok((seconds, steal_percent))
}

/// Seconds from the moment in which a replica tells that it is sent all there is until its link is up.
fn seconds_of_transfer(replica: &Server) -> Result<f64> {
    let mut control = replica.control()?;
    let mut start = Instant::now();
    let mut has_begun = false;
    loop {
        let text = control.ask("INFO replication")?;
        if text.contains("master_link_status:up") {
            return Ok(start.elapsed().as_secs_f64());
        }
        has_begun |= text.contains("master_sync_in_progress:1");
        if !has_begun {
            start = Instant::now();
        }
        ensure!(start.elapsed() < DEADLINE, "the link is not up:\n{}", replica.log());
        std::thread::sleep(ASK_EVERY);
    }
}

impl FullSync {
    /// Seconds of all samples of a program.
    pub(crate) fn seconds(&self, peer: Peer) -> Vec<f64> {
        self.samples.iter().filter(|one| one.peer == peer).map(|one| one.seconds).collect()
    }

    /// How many times longer Valkey takes, for each pair.
    pub(crate) fn ratios(&self) -> Vec<f64> {
        let of = |peer| self.samples.iter().filter(move |one: &&Sample| one.peer == peer);
        of(Peer::Redstart)
            .filter_map(|ours| {
                let theirs = of(Peer::Valkey).find(|one| one.pair == ours.pair)?;
                Some(theirs.seconds / ours.seconds)
            })
            .collect()
    }

    /// The median of these.
    pub(crate) fn ratio(&self) -> Option<f64> {
        median(&self.ratios())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_of_the_same_pair() {
        let sample = |peer, pair, seconds| Sample { peer, pair, seconds };
        let samples = vec![
            sample(Peer::Redstart, 0, 1.0),
            sample(Peer::Redstart, 1, 2.0),
            sample(Peer::Valkey, 1, 3.0),
            sample(Peer::Valkey, 0, 4.0),
            sample(Peer::Redstart, 2, 2.0),
        ];
        let row = FullSync { samples, stolen: 0 };
        assert_eq!(row.ratios(), [4.0, 1.5]);
        assert_eq!(row.ratio(), Some(2.75));
    }
}
