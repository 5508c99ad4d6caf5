//! How a large cluster comes together: how long until all agree, and what the bus costs then.

use crate::checker::Violation;
use crate::scenario::form;
use crate::world::World;
use std::time::Duration;

/// What the run of a large cluster showed.
#[derive(Clone, PartialEq, Debug)]
pub struct Growth {
    /// How many nodes.
    pub nodes: usize,
    /// From the first MEET until all nodes agreed on one healthy cluster.
    pub converged_after: Duration,
    /// What a node sent in a second while the cluster came together.
    pub forming_bytes_per_node_s: u64,
    /// What a node sends in a second once it has.
    pub steady_bytes_per_node_s: u64,
    /// The hash of the run.
    pub trace: u64,
}

/// How long the steady state is measured.
const MEASURED: Duration = Duration::from_secs(10);

/// Forms a cluster of `nodes` and watches it.
///
/// # Errors
/// [`Violation`] when it has not come together within `patience`.
pub fn grow(
    seed: u64,
    nodes: usize,
    node_timeout: Duration,
    patience: Duration,
) -> Result<Growth, Violation> {
    let mut world = World::new(seed, nodes, node_timeout, false);
    form(&mut world, nodes, true)?;
    let mut why = String::new();
    while world.elapsed() < patience {
        world.run_until(world.elapsed() + Duration::from_millis(500))?;
        match world.disagreement() {
            None => break,
            Some(disagreement) => why = disagreement,
        }
    }
    if world.disagreement().is_some() {
        return Err(Violation(format!("not converged after {patience:?}: {why}")));
    }
    let converged_after = world.elapsed();
    let sent = |world: &World| world.nodes.iter().map(|node| node.bytes_sent).sum::<u64>();
    let per_node_s =
        |bytes: u64, span: Duration| (bytes as f64 / nodes as f64 / span.as_secs_f64()) as u64;
    let before = sent(&world);
    world.run_until(converged_after + MEASURED)?;
    Ok(Growth {
        nodes,
        converged_after,
        forming_bytes_per_node_s: per_node_s(before, converged_after),
        steady_bytes_per_node_s: per_node_s(sent(&world) - before, MEASURED),
        trace: world.trace_hash(),
    })
}
