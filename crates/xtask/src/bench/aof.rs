//! Row `aof`: what the append-only file costs, against Valkey.
//!
//! The stretches are those of row `throughput`, measured in the same way; the programs are started anew for each policy, and neither rewrites its files
//! while it is measured. With `appendfsync always` replies wait for the disk, so it is throughput that counts there.

use super::options::Options;
use super::peer::{Peer, Program, Server};
use super::throughput::{self, Sample, Stretch, Throughput};
use super::wire::Kind;
use anyhow::Result;

/// A setting of the append-only file, and the depth at which it is measured.
pub(crate) struct Policy {
    /// `appendfsync`
    pub(crate) name: &'static str,
    /// Requests in flight on each connection.
    pub(crate) depth: usize,
    settings: &'static [&'static str],
}

/// What is measured, each with SET.
pub(crate) const POLICIES: [Policy; 2] = [
    Policy {
        name: "always",
        depth: 1,
        settings: &[
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
            "--auto-aof-rewrite-percentage",
            "0",
        ],
    },
    Policy {
        name: "everysec",
        depth: 16,
        settings: &[
            "--appendonly",
            "yes",
            "--appendfsync",
            "everysec",
            "--auto-aof-rewrite-percentage",
            "0",
        ],
    },
];

/// What the row found: one for each of [`POLICIES`].
pub(crate) type Aof = Vec<Throughput>;

/// Runs the row.
pub(crate) fn run(options: &Options, programs: &[Program]) -> Result<Aof> {
    let chosen = |peer| matches!(peer, Peer::Redstart | Peer::Valkey);
    POLICIES
        .iter()
        .map(|policy| {
            let programs: Vec<Program> = programs
                .iter()
                .filter(|program| chosen(program.peer))
                .map(|program| program.with(policy.settings))
                .collect();
            let mut outcome = Throughput::default();
            for pair in 0..options.pairs {
                one_pair(options, &programs, (policy, pair), &mut outcome)?;
            }
            Ok(outcome)
        })
        .collect()
}

fn one_pair(
    options: &Options,
    programs: &[Program],
    (policy, pair): (&Policy, usize),
    outcome: &mut Throughput,
) -> Result<()> {
    let mut servers: Vec<Server> = programs
        .iter()
        .map(|program| throughput::loaded(options, program))
        .collect::<Result<_>>()?;
    if !servers.is_empty() {
        servers.rotate_left(pair % programs.len());
    }
    let stretch = Stretch { kind: Kind::Set, depth: policy.depth, pair };
    let mut line = format!("[aof] pair {}, {}:", pair + 1, policy.name);
    for server in &mut servers {
        line += &format!("  {} ", server.peer.title());
        match throughput::measure_unstolen(options, server, stretch, &mut outcome.dropped)? {
            Some(sample) => {
                let Sample { cpu_us, per_second, .. } = sample;
                line += &format!("{per_second:.0}/s, {cpu_us:.3} us");
                outcome.samples.push(sample);
            }
            None => line += "void (steal)",
        }
        server.check_alive()?;
    }
    println!("{line}");
    Ok(())
}
