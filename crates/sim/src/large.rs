//! Large clusters: how long until all know that a primary has failed, until its replica serves and all agree, and
//! what the bus costs meanwhile.
//!
//! They do not form: every node begins with a `nodes.conf` that names all, as after a restart of everything.

use crate::checker::Violation;
use crate::world::data::Found;
use crate::world::{Setting, World};
use base::{Epoch, NodeId, SLOT_COUNT};
use cluster::{ClusterState, Machine};
use std::fmt::Write;
use std::time::Duration;

/// What a run has shown.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Figures {
    /// How many nodes; half of them are primaries.
    pub nodes: usize,
    /// `cluster-node-timeout`.
    pub node_timeout: Duration,
    /// From the failure until the first node has heard of a majority that agrees.
    pub detected: Duration,
    /// Until all have.
    pub known: Duration,
    /// Until the replica has taken over.
    pub taken_over: Duration,
    /// Until all agree again on who has what.
    pub converged: Duration,
    /// What a node sends in a second while nothing happens.
    pub steady_bytes_s: u64,
    /// The same from the failure until all agree.
    pub failing_bytes_s: u64,
}

/// How long the steady state is measured.
const MEASURED: Duration = Duration::from_secs(10);

/// How closely is looked.
const STEP: Duration = Duration::from_millis(50);

/// How long all may take to agree again.
const PATIENCE_TIMEOUTS: u32 = 6;

/// Which node fails: the first, a primary.
const FAILING: usize = 0;

/// Lets a primary fail in a cluster of `nodes`.
///
/// # Errors
/// [`Violation`] when the cluster has not come up, or does not agree again in time.
pub fn large(seed: u64, nodes: usize, node_timeout: Duration) -> Result<Figures, Violation> {
    let mut world = World::new(
        seed,
        nodes,
        Setting { candidates: 0, node_timeout, checked: false, mutation: None },
    );
    begin(&mut world);
    world.run_until(node_timeout + Duration::from_secs(5))?;
    let failing = |world: &World| states(world).any(|state| state != ClusterState::Ok);
    if failing(&world) {
        return Err(Violation("the cluster has not come up".to_owned()));
    }
    let steady = sent(&world);
    world.run_until(world.elapsed() + MEASURED)?;
    let before = sent(&world);
    let failed = world.elapsed();
    world.crash(FAILING);
    let (mut know, mut detected, mut known, mut taken_over) =
        (vec![false; nodes], None, None, None);
    let replica = FAILING + nodes / 2;
    loop {
        world.run_until(world.elapsed() + STEP)?;
        let since = world.elapsed() - failed;
        if since > node_timeout * PATIENCE_TIMEOUTS {
            return Err(Violation(format!("no agreement after {since:?}")));
        }
        for (knows, node) in know.iter_mut().zip(&world.nodes) {
            *knows |= node.machine.as_ref().is_none_or(|one| one.state() == ClusterState::Fail);
        }
        if know.iter().filter(|knows| **knows).count() > 1 {
            detected.get_or_insert(since);
        }
        if know.iter().all(|knows| *knows) {
            known.get_or_insert(since);
        }
        let is_primary = |one: &Machine| !one.is_replica();
        if world.nodes[replica].machine.as_ref().is_some_and(is_primary) {
            taken_over.get_or_insert(since);
        }
        if let (Some(detected), Some(known), Some(taken_over)) = (detected, known, taken_over)
            && !failing(&world)
            && world.survivors_agree()
        {
            let rate = |bytes: u64, span: Duration| {
                (bytes as f64 / nodes as f64 / span.as_secs_f64()) as u64
            };
            return Ok(Figures {
                nodes,
                node_timeout,
                detected,
                known,
                taken_over,
                converged: since,
                steady_bytes_s: rate(before - steady, MEASURED),
                failing_bytes_s: rate(sent(&world) - before, since),
            });
        }
    }
}

fn states(world: &World) -> impl Iterator<Item = ClusterState> {
    world.nodes.iter().filter_map(|node| node.machine.as_ref()).map(Machine::state)
}

fn sent(world: &World) -> u64 {
    world.nodes.iter().map(|node| node.bytes_sent).sum()
}

/// All nodes know each other, and where the slots are; the second half are replicas of the first.
fn begin(world: &mut World) {
    let nodes = world.nodes.len();
    let primaries = nodes / 2;
    let id = |world: &World, node: usize| world.nodes[node].id;
    let lines: Vec<(String, String)> = (0..nodes)
        .map(|node| {
            let (ip, shard): (_, NodeId) = (World::ip(node), id(world, node % primaries));
            let head = format!("{} {ip}:7000@17000,,tls-port=0,shard-id={shard} ", id(world, node));
            let bound = |nth: usize| nth * SLOT_COUNT / primaries;
            let tail = if node < primaries {
                let (first, last) = (bound(node), bound(node + 1) - 1);
                format!("master - 0 0 {} connected {first}-{last}\n", node + 1)
            } else {
                format!("slave {shard} 0 0 0 connected\n")
            };
            (head, tail)
        })
        .collect();
    for node in 0..nodes {
        let mut text = String::new();
        for (nth, (head, tail)) in lines.iter().enumerate() {
            let myself = if nth == node { "myself," } else { "" };
            let _ = write!(text, "{head}{myself}{tail}");
        }
        let _ = writeln!(text, "vars currentEpoch {} lastVoteEpoch 0", Epoch(primaries as u64));
        world.crash(node);
        world.place_config(node, text);
        world.restart(node, Found::Kept);
    }
}
