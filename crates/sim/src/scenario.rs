//! One run of one seed: a cluster is formed, disturbed for a while, left alone, and has to heal.

use crate::checker::Violation;
use crate::failover::{Run, SHARDS, choices};
use crate::mutation::{Mutation, Wrong};
use crate::network::Weather;
use crate::world::data::Found;
use crate::world::{PORT, World};
use base::{Rng, SLOT_COUNT, Slot, SlotRange};
use cluster::Machine;
use std::time::Duration;

/// What a run is made of.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many nodes.
    pub nodes: usize,
    /// `cluster-node-timeout` of all.
    pub node_timeout: Duration,
    /// The simulated time of the whole run.
    pub length: Duration,
    /// The bug to be found.
    pub mutation: Option<Mutation>,
    /// The disturbances that are left out, by their number, in runs with replicas.
    pub without: Vec<usize>,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            nodes: 6,
            node_timeout: Duration::from_secs(2),
            length: Duration::from_secs(60),
            mutation: None,
            without: Vec::new(),
        }
    }
}

/// How a run went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// The seed it came from.
    pub seed: u64,
    /// The hash over all that happened.
    pub trace: u64,
    /// How many votes were given to replicas.
    pub votes: usize,
    /// How many acknowledged writes were lost where they may be.
    pub lost: u64,
    /// How many were acknowledged.
    pub acknowledged: usize,
    /// What broke, if anything did.
    pub failure: Option<String>,
}

/// When the disturbances begin.
const FORMED: Duration = Duration::from_secs(8);

/// In how many node timeouts all views agree once nothing disturbs them any more.
const HEALING_TIMEOUTS: u32 = 3;

/// The same where a failed primary has replicas: it stays failed for two timeouts, for them to take over.
const HEALING_TIMEOUTS_WITH_REPLICAS: u32 = 5;

/// How many replicas ask for votes, in runs that have any.
const CANDIDATES: usize = 2;

/// How operators behave in a run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operators {
    /// One at a time, with a look at the greatest epoch first: they move slots.
    Careful,
    /// Whenever they like: epochs collide, so they move nothing.
    Careless,
}

/// Runs one seed.
#[must_use]
pub fn run(seed: u64, plan: &Plan) -> Outcome {
    run_in(&mut world(seed, plan), seed, plan)
}

/// Runs one seed and tells all that the nodes logged.
#[must_use]
pub fn run_with_log(seed: u64, plan: &Plan) -> (Outcome, Vec<String>) {
    let mut world = world(seed, plan);
    world.keep_log();
    (run_in(&mut world, seed, plan), world.chronicle())
}

/// What a run is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Primaries alone, with or without strangers who ask for votes.
    Bus { strangers: bool },
    /// Replicas and clients, in a storm.
    Storm,
    /// Replicas and clients, and one failure at a time.
    Failures,
}

impl Kind {
    fn of(seed: u64) -> Kind {
        match seed % 4 {
            0 => Kind::Bus { strangers: (seed / 4).is_multiple_of(3) },
            1 => Kind::Storm,
            _ => Kind::Failures,
        }
    }
}

fn world(seed: u64, plan: &Plan) -> World {
    let how = (true, Wrong(plan.mutation));
    match Kind::of(seed) {
        Kind::Bus { strangers } => {
            let candidates = if strangers { CANDIDATES } else { 0 };
            World::with_candidates(seed, plan.nodes, candidates, plan.node_timeout, how)
        }
        Kind::Storm | Kind::Failures => {
            // One replica for each primary, or two.
            let nodes = SHARDS * (2 + (seed / 4 % 2) as usize);
            World::with_candidates(seed, nodes, 0, plan.node_timeout, how)
        }
    }
}

fn run_in(world: &mut World, seed: u64, plan: &Plan) -> Outcome {
    let played = match Kind::of(seed) {
        Kind::Bus { .. } => play(world, plan),
        kind @ (Kind::Storm | Kind::Failures) => {
            let write_acks = (choices(seed, usize::MAX - 1).below(3) > 0).into();
            let mut run = Run { world, plan, seed, write_acks };
            match kind {
                Kind::Storm => run.storm(),
                Kind::Bus { .. } | Kind::Failures => run.one_at_a_time(),
            }
        }
    };
    let failure = played
        .err()
        .map(|violation| format!("at {:.3} s: {}", world.elapsed().as_secs_f64(), violation.0));
    Outcome {
        seed,
        trace: world.trace_hash(),
        votes: world.checker.votes(),
        lost: world.lost,
        acknowledged: world.checker.acknowledged_writes().len(),
        failure,
    }
}

fn play(world: &mut World, plan: &Plan) -> Result<(), Violation> {
    let operators = if world.rng.percent(50) { Operators::Careful } else { Operators::Careless };
    world.checker.check_claims(operators == Operators::Careful);
    form(world, plan.nodes, operators == Operators::Careful)?;
    world.run_until(FORMED)?;
    agreed(world, "formed")?;
    world.checker.check_claims(true);
    world.let_candidates_ask(true);
    world.weather = rough_weather(world);
    let with_replicas = world.nodes.len() > plan.nodes;
    let timeouts = if with_replicas { HEALING_TIMEOUTS_WITH_REPLICAS } else { HEALING_TIMEOUTS };
    let healing = plan.node_timeout * timeouts;
    let calm = plan.length - healing - plan.node_timeout;
    while world.elapsed() < calm {
        disturb(world, plan, operators, calm);
        let pause_ms = 200 + world.rng.below(3_000);
        world.run_until((world.elapsed() + Duration::from_millis(pause_ms)).min(calm))?;
    }
    world.log(0, "-- left alone from here");
    world.let_candidates_ask(false);
    world.reach.heal();
    world.weather = Weather::FAIR;
    for node in 0..plan.nodes {
        world.restart(node, Found::Kept);
    }
    world.run_until(calm + healing)?;
    agreed(world, "healed")?;
    // And it stays so.
    world.run_until(plan.length)?;
    agreed(world, "at the end")
}

pub(crate) fn agreed(world: &World, when: &str) -> Result<(), Violation> {
    match world.disagreement() {
        None => Ok(()),
        Some(why) => Err(Violation(format!("not {when}: {why}"))),
    }
}

/// Gives each node its share of the slots and has them meet, as `redis-cli --cluster create` does.
pub(crate) fn form(
    world: &mut World,
    count: usize,
    distinct_epochs: bool,
) -> Result<(), Violation> {
    for node in 0..count {
        let mut share = share(node, count);
        if !distinct_epochs && let Some(range) = share.first_mut() {
            // Two own the same slot, with the same epoch, before they have heard of each other.
            range.first =
                range.first.number().checked_sub(1).and_then(Slot::new).unwrap_or(Slot::FIRST);
        }
        let epoch = node as i64 + 1;
        let done = world.operate(node, |machine, now| {
            if distinct_epochs {
                machine.set_config_epoch(now, epoch)?;
            }
            machine.add_slots(now, &share)
        });
        if let Some(Err(error)) = done {
            return Err(Violation(format!("forming: {error}")));
        }
    }
    let first = World::ip(0).to_string();
    for node in 1..count {
        let met =
            world.operate(node, |machine, now| machine.meet(now, &first, i64::from(PORT), None));
        if let Some(Err(error)) = met {
            return Err(Violation(format!("meeting: {error}")));
        }
    }
    for candidate in count..world.nodes.len() {
        let ip = World::ip(candidate).to_string();
        let _ = world.operate(0, |machine, now| machine.meet(now, &ip, i64::from(PORT), None));
    }
    Ok(())
}

fn share(node: usize, count: usize) -> Vec<SlotRange> {
    let bound = |nth: usize| (nth * SLOT_COUNT / count) as u16;
    let last = bound(node + 1).checked_sub(1);
    let (first, last) = (Slot::new(bound(node)), last.and_then(Slot::new));
    first.zip(last).map(|(first, last)| SlotRange { first, last }).into_iter().collect()
}

pub(crate) fn rough_weather(world: &mut World) -> Weather {
    let rng = &mut world.rng;
    let sometimes = |rng: &mut Rng, most: u64| {
        if rng.percent(50) { 0 } else { rng.below(most) }
    };
    Weather {
        latency_min_us: 100 + rng.below(5_000),
        jitter_us: 1 + rng.below(100_000),
        drop_permille: sometimes(rng, 100),
        duplicate_permille: sometimes(rng, 100),
        reorder_permille: sometimes(rng, 100),
    }
}

/// One thing goes wrong, or is done by an operator.
fn disturb(world: &mut World, plan: &Plan, operators: Operators, calm: Duration) {
    let count = plan.nodes as u64;
    let node = world.rng.below(count) as usize;
    let other = world.rng.below(count) as usize;
    let what = world.rng.below(12);
    world.log(node, &format!("-- disturbance {what}, with node {other}"));
    match what {
        0 | 1 => world.crash(node),
        2 | 3 => world.restart(node, Found::Kept),
        4 => {
            let span_ms = world.rng.below(3 * plan.node_timeout.as_millis() as u64);
            let left = calm.saturating_sub(world.elapsed());
            world.pause(node, Duration::from_millis(span_ms).min(left));
        }
        5 if node != other => world.reach.cut(node, other),
        6 => {
            let mut rng = world.rng.fork();
            let all = world.nodes.len();
            split(world, all, &mut rng);
        }
        7 | 8 => world.reach.heal(),
        9 => world.break_link(node),
        10 => {
            let by_ms = world.rng.below(20_000) as i64 - 10_000;
            world.jump_clock(node, by_ms);
        }
        _ => operate(world, node, plan.nodes, operators),
    }
}

/// The network falls apart in two.
pub(crate) fn split(world: &mut World, count: usize, rng: &mut Rng) {
    let side: Vec<bool> = (0..count).map(|_| rng.percent(50)).collect();
    for from in 0..count {
        for to in (0..count).filter(|to| side[from] != side[*to]) {
            world.reach.cut(from, to);
        }
    }
}

fn operate(world: &mut World, node: usize, count: usize, operators: Operators) {
    if !world.is_up(node) {
        return;
    }
    if operators == Operators::Careless {
        let _ = world.operate(node, |machine, now| machine.bump_epoch(now));
        return;
    }
    // A move by hand is safe only where nobody else has taken an epoch that this node has not heard of.
    let greatest = world.greatest_epoch();
    let all_up = (0..count).all(|node| world.is_up(node));
    let slot = Slot::of_key(&world.rng.next_u64().to_le_bytes());
    let knows_all = |machine: &Machine| machine.current_epoch() == greatest;
    if !all_up || !world.nodes[node].machine.as_ref().is_some_and(knows_all) {
        return;
    }
    let _ = world.operate(node, |machine, now| {
        let range = [SlotRange { first: slot, last: slot }];
        let _ = machine.del_slots(now, &range);
        machine.add_slots(now, &range)?;
        machine.bump_epoch(now);
        Ok::<(), cluster::ClusterError>(())
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For each bug, a seed that finds it.
    const FOUND_WITH: [(Mutation, u64); 12] = [
        (Mutation::VarsUnsaved, 0),
        (Mutation::TornConfig, 1),
        (Mutation::WallClock, 100),
        (Mutation::EmptyPrimaryServes, 2),
        (Mutation::StaleElected, 70),
        (Mutation::OldPrimaryRetakes, 6),
        (Mutation::CollisionKept, 0),
        (Mutation::VotesKept, 15),
        (Mutation::ReportsExpire, 2),
        (Mutation::PauseLeaks, 6),
        (Mutation::PauseKept, 38),
        (Mutation::CandidateUntold, 7),
    ];

    #[test]
    fn the_same_seed_gives_the_same_trace() {
        let plan = Plan::default();
        for seed in [40, 41, 42] {
            assert_eq!(run(seed, &plan), run(seed, &plan));
        }
        assert_ne!(run(1, &plan).trace, run(2, &plan).trace);
    }

    #[test]
    fn replicas_of_others_get_votes() {
        assert!(run(0, &Plan::default()).votes > 10);
    }

    #[test]
    fn two_hundred_seeds_keep_every_invariant_and_heal() {
        let outcomes: Vec<Outcome> = (0..200).map(|seed| run(seed, &Plan::default())).collect();
        let failures: Vec<_> = outcomes.iter().filter(|one| one.failure.is_some()).collect();
        assert!(failures.is_empty(), "replay with --seed: {failures:#?}");
        let acknowledged: usize = outcomes.iter().map(|one| one.acknowledged).sum();
        assert!(acknowledged > 100_000, "clients wrote {acknowledged} times");
        assert!(outcomes.iter().any(|one| one.lost > 0), "no failure cost anything");
    }

    #[test]
    fn each_bug_is_found_with_its_seed() {
        for (mutation, seed) in FOUND_WITH {
            let plan = Plan { mutation: Some(mutation), ..Plan::default() };
            assert!(run(seed, &plan).failure.is_some(), "{mutation:?} with --seed {seed}");
        }
        assert!(Mutation::ALL.iter().all(|one| FOUND_WITH.iter().any(|(found, _)| found == one)));
    }

    #[test]
    fn a_failure_is_told_without_what_it_does_not_need() {
        let plan = Plan { mutation: Some(Mutation::StaleElected), ..Plan::default() };
        let minimal = crate::minimal(70, &plan, 20);
        assert!(minimal.without.len() > 5, "{minimal:#?}");
        let plan = Plan { without: minimal.without, ..plan };
        assert_eq!(run(70, &plan), minimal.outcome);
        assert!(minimal.outcome.failure.is_some_and(|why| why.contains("are lost")));
    }
}
