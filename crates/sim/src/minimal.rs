//! From a run that fails to one that fails with fewer disturbances.

use crate::scenario::{Outcome, Plan, run, run_with_log};

/// The lines of a log that say what was done, and who changed roles or epochs for it.
const TELLING: [&str; 14] = [
    "-- ",
    "quorum reached",
    "election",
    "auth granted",
    "auth denied",
    "new master",
    "configEpoch",
    "Reconfiguring",
    "Lost ",
    "state changed",
    "configuration loaded",
    "Manual failover",
    "failover requested",
    "has data up to",
];

/// How many lines of a trace are told at most.
const LINES_MAX: usize = 60;

/// A failing run with as few disturbances as it takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Minimal {
    /// How it ends.
    pub outcome: Outcome,
    /// The disturbances that it goes without.
    pub without: Vec<usize>,
    /// What happens in it, up to the end.
    pub trace: Vec<String>,
}

/// Leaves out, one by one, what the failure does not need.
#[must_use]
pub fn minimal(seed: u64, plan: &Plan, disturbances: usize) -> Minimal {
    let mut plan = plan.clone();
    for nth in (0..disturbances).rev() {
        plan.without.push(nth);
        if run(seed, &plan).failure.is_none() {
            plan.without.pop();
        }
    }
    let (outcome, lines) = run_with_log(seed, &plan);
    let is_telling = |line: &&String| TELLING.iter().any(|word| line.contains(word));
    let mut trace: Vec<String> = lines.iter().filter(is_telling).cloned().collect();
    trace.drain(..trace.len().saturating_sub(LINES_MAX));
    plan.without.sort_unstable();
    Minimal { outcome, without: plan.without, trace }
}
