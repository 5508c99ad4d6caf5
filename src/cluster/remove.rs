//! `redstart cluster remove`: nodes give their slots away, and are forgotten.

use std::collections::BTreeMap;

use base::NodeId;

use super::placement::{Candidate, primary_for};
use super::session::{Session, Stop, failed, refused};
use super::survey::{Node, Survey};
use super::{balance, moving, rebalance};
use crate::client::{Address, Reply};

/// Removes the nodes of these names.
pub(super) fn run(
    session: &mut Session,
    entry: &Address,
    names: &[String],
    is_drained: bool,
) -> Result<(), Stop> {
    let survey = rebalance::fit_survey(session, entry)?;
    let mut gone: Vec<NodeId> = Vec::new();
    for name in names {
        let id = survey.find(name)?.id();
        if !gone.contains(&id) {
            gone.push(id);
        }
    }
    let full =
        gone.iter().filter_map(|id| survey.node(*id)).find(|node| !node.member.slots.is_empty());
    if let (Some(full), false) = (full, is_drained) {
        return Err(failed(
            format!("{} is not empty: it has slots", full.name()),
            format!(
                "To move them away and remove it: redstart cluster remove {entry} {}",
                full.address()
            ),
        ));
    }
    let staying: Vec<&Node> =
        survey.nodes.iter().filter(|node| !gone.contains(&node.id())).collect();
    if !staying.iter().any(|node| node.member.is_primary && node.told.is_ok()) {
        return Err(failed(
            "no primary would be left",
            "Name fewer nodes, or stop the cluster instead.",
        ));
    }
    let weights: BTreeMap<NodeId, f64> = gone.iter().map(|&id| (id, 0.0)).collect();
    let (begun, holders) = rebalance::holders(&survey, &weights);
    let moves = rebalance::all_moves(begun, balance::drain(&holders));
    let orphans = orphans(&survey, &gone);
    show(session, &survey, &gone, &moves, &orphans);
    if !session.confirm()? {
        return Ok(());
    }
    let next = staying.iter().find(|node| node.told.is_ok()).map(|node| node.reached_at.clone());
    let entry = if staying.iter().any(|node| node.reached_at == *entry) {
        entry.clone()
    } else {
        next.unwrap_or_else(|| entry.clone())
    };
    moving::carry_out(session, &survey, &moves)?;
    if !moves.is_empty() {
        moving::await_agreement(session, &entry)?;
    }
    for (orphan, primary) in &orphans {
        session.go_on()?;
        if let Some(node) = survey.node(*orphan) {
            session.open(&node.reached_at)?.order(&["CLUSTER", "REPLICATE", primary.as_str()])?;
        }
    }
    for id in &gone {
        session.go_on()?;
        forget(session, &staying, *id)?;
    }
    for node in gone.iter().filter_map(|id| survey.node(*id)) {
        reset(session, node)?;
    }
    moving::await_agreement(session, &entry)
}

/// Replicas whose primary goes, and whose they become.
fn orphans(survey: &Survey, gone: &[NodeId]) -> Vec<(NodeId, NodeId)> {
    let primaries: Vec<&Node> =
        survey.primaries().into_iter().filter(|node| !gone.contains(&node.id())).collect();
    let mut places: Vec<(Candidate, usize)> = primaries
        .iter()
        .map(|node| {
            let stays =
                survey.replicas(node.id()).iter().filter(|one| !gone.contains(&one.id())).count();
            (node.candidate(), stays)
        })
        .collect();
    let mut orphans = Vec::new();
    for node in survey.nodes.iter().filter(|node| !gone.contains(&node.id()) && node.told.is_ok()) {
        if node.member.primary.is_some_and(|primary| gone.contains(&primary))
            && let Some(number) = primary_for(&node.candidate(), &places)
            && let (Some(primary), Some(place)) = (primaries.get(number), places.get_mut(number))
        {
            place.1 += 1;
            orphans.push((node.id(), primary.id()));
        }
    }
    orphans
}

fn show(
    session: &mut Session,
    survey: &Survey,
    gone: &[NodeId],
    moves: &[balance::Move],
    orphans: &[(NodeId, NodeId)],
) {
    let name = |id: NodeId| survey.node(id).map_or_else(|| id.to_string(), Node::name);
    session.line("Plan:");
    for line in moving::text(survey, moves) {
        session.line(format!("    {line}"));
    }
    for (orphan, primary) in orphans {
        session.line(format!("    {} becomes a replica of {}", name(*orphan), name(*primary)));
    }
    for &id in gone {
        let end = match survey.node(id).map(|node| node.told.is_ok()) {
            Some(true) => "and blank again",
            Some(false) | None => "though it does not answer",
        };
        session.line(format!("    {} is removed, {end}", name(id)));
    }
    for primary in survey.primaries().into_iter().filter(|node| !gone.contains(&node.id())) {
        let replicas = survey.replicas(primary.id());
        let is_left = replicas.iter().any(|node| !gone.contains(&node.id()))
            || orphans.iter().any(|(_, id)| *id == primary.id());
        if !replicas.is_empty() && !is_left {
            session.warn(&format!("{} will have no replica", primary.name()));
        }
    }
}

/// All that stay forget the node.
fn forget(session: &Session, staying: &[&Node], id: NodeId) -> Result<(), Stop> {
    for node in staying.iter().filter(|node| node.told.is_ok()) {
        let words = ["CLUSTER", "FORGET", id.as_str()];
        let reply = session.open(&node.reached_at)?.ask(&words)?;
        // It may have been told by another already.
        let is_forgotten =
            reply.is_ok() || matches!(&reply, Reply::Error(text) if text.contains("Unknown node"));
        if !is_forgotten {
            return Err(refused(node.address(), &words, &reply));
        }
    }
    Ok(())
}

/// The node knows nobody any more, and can be given to another cluster.
fn reset(session: &mut Session, node: &Node) -> Result<(), Stop> {
    if node.told.is_ok() {
        session.open(&node.reached_at)?.order(&["CLUSTER", "RESET", "SOFT"])?;
    } else {
        session.warn(&format!(
            "{} does not answer: when it is started again, it still thinks that it is in this cluster. \
             Delete its nodes.conf first",
            node.name()
        ));
    }
    Ok(())
}
