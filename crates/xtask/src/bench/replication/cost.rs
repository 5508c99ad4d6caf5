//! CPU per SET of a primary with one replica, measured as in row `throughput`.
//!
//! The replica shares the client's core.

use super::super::options::Options;
use super::super::peer::Program;
use super::super::throughput::{self, Sample, Stretch, Throughput};
use super::super::wire::Kind;
use super::{Pair, ROOMY, chosen};
use anyhow::{Context, Result};

/// Requests in flight on each connection.
pub(crate) const DEPTH: usize = 16;

/// Runs this part.
pub(crate) fn run(options: &Options, programs: &[Program]) -> Result<Throughput> {
    let programs = chosen(programs, &ROOMY);
    let mut outcome = Throughput::default();
    for number in 0..options.pairs {
        let mut pairs = programs
            .iter()
            .map(|program| Pair::join(program, throughput::loaded(options, program)?))
            .collect::<Result<Vec<Pair>>>()?;
        if !pairs.is_empty() {
            pairs.rotate_left(number % programs.len());
        }
        let stretch = Stretch { kind: Kind::Set, depth: DEPTH, pair: number };
        let mut line = format!("[replication] pair {}, SET with a replica:", number + 1);
        for Pair { primary, replica } in &mut pairs {
            line += &format!("  {} ", primary.peer.title());
            match throughput::measure_unstolen(options, primary, stretch, &mut outcome.dropped)? {
                Some(sample) => {
                    let Sample { cpu_us, per_second, .. } = sample;
                    line += &format!("{per_second:.0}/s, {cpu_us:.3} us");
                    outcome.samples.push(sample);
                }
                None => line += "void (steal)",
            }
            primary.check_alive()?;
            replica.check_alive()?;
        }
        println!("{line}");
        for pair in &pairs {
            pair.await_caught_up().with_context(|| pair.primary.peer.title().to_owned())?;
        }
    }
    Ok(outcome)
}
