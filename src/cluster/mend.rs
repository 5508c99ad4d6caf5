//! What `check --fix` does: slots that are half-way are completed or closed, slots of nobody get an owner.

use std::collections::BTreeMap;

use base::NodeId;

use super::balance::Move;
use super::diagnosis::{self, OpenSlot};
use super::members::ranges_text;
use super::moving::{self, Mover, Twins};
use super::progress::Progress;
use super::session::{Session, Stop, failed};
use super::survey::{Node, Survey};

/// One step of a repair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Repair {
    /// Slots go on to where they were going.
    Complete(Move),
    /// A node forgets that slots were on their way.
    Close { node: NodeId, slots: Vec<u16> },
    /// A node takes slots that nobody has.
    Cover { node: NodeId, slots: Vec<u16> },
    /// Keys that a node has in a slot of another's go there.
    BringHome { from: NodeId, to: NodeId, slot: u16 },
}

impl Repair {
    pub(super) fn text(&self, survey: &Survey) -> String {
        let name = |id| survey.node(id).map_or_else(|| NodeId::to_string(&id), Node::name);
        match self {
            Repair::Complete(one) => format!(
                "complete the way from {} to {} of slots {}",
                name(one.from),
                name(one.to),
                ranges_text(&one.slots)
            ),
            Repair::Close { node, slots } => {
                format!(
                    "close slots {} on {}: nothing of them has moved",
                    ranges_text(slots),
                    name(*node)
                )
            }
            Repair::Cover { node, slots } => {
                format!("give {} slots that nobody has: {}", name(*node), ranges_text(slots))
            }
            Repair::BringHome { from, to, slot } => {
                format!("bring the keys of slot {slot} on {} to {}", name(*from), name(*to))
            }
        }
    }
}

/// What would put things right.
pub(super) fn plan(session: &Session, survey: &Survey) -> Result<Vec<Repair>, Stop> {
    let mut mover = Mover::new(survey);
    let mut repairs = Vec::new();
    let owners = survey.owners();
    for open in diagnosis::open_slots(survey) {
        if let Some(owner) = owners.get(usize::from(open.slot)).copied().flatten() {
            let mut counts = BTreeMap::new();
            for (node, _) in &open.importing {
                counts.insert(*node, keys_of(&mut mover, session, *node, open.slot)?);
            }
            if let Some((_, to)) = open.migrating
                && survey.node(to).is_some_and(|node| node.told.is_ok())
            {
                counts.insert(to, keys_of(&mut mover, session, to, open.slot)?);
            }
            repairs.extend(decide(&open, owner, &counts));
        }
    }
    cover(session, survey, &mut mover, &mut repairs)?;
    Ok(joined(repairs))
}

fn keys_of(mover: &mut Mover<'_>, session: &Session, node: NodeId, slot: u16) -> Result<u64, Stop> {
    Ok(mover.count(session, node, &[slot])?.into_iter().sum())
}

/// What to do with an open slot that has an owner; `keys` are those of the nodes it may go to.
fn decide(open: &OpenSlot, owner: NodeId, keys: &BTreeMap<NodeId, u64>) -> Vec<Repair> {
    let has_keys = |node: NodeId| keys.get(&node).is_some_and(|&keys| keys > 0);
    let is_importing = |node: NodeId| open.importing.iter().any(|(id, _)| *id == node);
    let close = |node| Repair::Close { node, slots: vec![open.slot] };
    let mut repairs = Vec::new();
    // Where it was going: both ends say so, or keys have arrived there.
    let target = match open.migrating {
        Some((from, to)) if from == owner && (is_importing(to) || has_keys(to)) => Some(to),
        Some(_) | None => {
            open.importing.iter().map(|(id, _)| *id).find(|&id| id != owner && has_keys(id))
        }
    };
    if let Some(to) = target {
        repairs.push(Repair::Complete(Move { from: owner, to, slots: vec![open.slot] }));
    }
    if let Some((from, _)) = open.migrating
        && (target.is_none() || from != owner)
    {
        repairs.push(close(from));
    }
    for &(node, _) in &open.importing {
        if Some(node) == target {
            continue;
        }
        if node != owner && has_keys(node) {
            let to = target.unwrap_or(owner);
            repairs.push(Repair::BringHome { from: node, to, slot: open.slot });
        } else {
            repairs.push(close(node));
        }
    }
    repairs
}

/// Slots of nobody go to the node that has most keys of them, or else fewest slots.
fn cover(
    session: &Session,
    survey: &Survey,
    mover: &mut Mover<'_>,
    repairs: &mut Vec<Repair>,
) -> Result<(), Stop> {
    let missing = diagnosis::uncovered(survey);
    if missing.is_empty() {
        return Ok(());
    }
    let primaries: Vec<&Node> =
        survey.primaries().into_iter().filter(|node| node.told.is_ok()).collect();
    let mut counts = Vec::new();
    for node in &primaries {
        counts.push(mover.count(session, node.id(), &missing)?);
    }
    let mut sizes: Vec<usize> = primaries.iter().map(|node| node.member.slots.len()).collect();
    for (place, &slot) in missing.iter().enumerate() {
        let keys = |number: usize| {
            counts.get(number).and_then(|counts| counts.get(place)).copied().unwrap_or(0)
        };
        let best = (0..primaries.len())
            .max_by_key(|&number| (keys(number), std::cmp::Reverse(sizes.get(number).copied())));
        let Some(best) = best else { continue };
        let Some(owner) = primaries.get(best) else { continue };
        if let Some(size) = sizes.get_mut(best) {
            *size += 1;
        }
        repairs.push(Repair::Cover { node: owner.id(), slots: vec![slot] });
        for (number, node) in primaries.iter().enumerate() {
            if number != best && keys(number) > 0 {
                repairs.push(Repair::BringHome { from: node.id(), to: owner.id(), slot });
            }
        }
    }
    Ok(())
}

/// Repairs of one kind and node become one.
fn joined(repairs: Vec<Repair>) -> Vec<Repair> {
    let mut completed: BTreeMap<(NodeId, NodeId), Vec<u16>> = BTreeMap::new();
    let mut closed: BTreeMap<NodeId, Vec<u16>> = BTreeMap::new();
    let mut covered: BTreeMap<NodeId, Vec<u16>> = BTreeMap::new();
    let mut rest = Vec::new();
    for repair in repairs {
        match repair {
            Repair::Complete(one) => {
                completed.entry((one.from, one.to)).or_default().extend(one.slots)
            }
            Repair::Close { node, slots } => closed.entry(node).or_default().extend(slots),
            Repair::Cover { node, slots } => covered.entry(node).or_default().extend(slots),
            Repair::BringHome { .. } => rest.push(repair),
        }
    }
    let completed =
        completed.into_iter().map(|((from, to), slots)| Repair::Complete(Move { from, to, slots }));
    let closed = closed.into_iter().map(|(node, slots)| Repair::Close { node, slots });
    let covered = covered.into_iter().map(|(node, slots)| Repair::Cover { node, slots });
    covered.chain(closed).chain(completed).chain(rest).collect()
}

/// Does it.
pub(super) fn carry_out(
    session: &mut Session,
    survey: &Survey,
    repairs: &[Repair],
) -> Result<(), Stop> {
    let mut mover = Mover::new(survey);
    for repair in repairs {
        session.go_on()?;
        match repair {
            Repair::Complete(one) => moving::carry_out(session, survey, std::slice::from_ref(one))?,
            Repair::Close { node, slots } => {
                for slot in slots {
                    let link = mover.link(session, *node)?;
                    link.order(&["CLUSTER", "SETSLOT", &slot.to_string(), "STABLE"])?;
                }
            }
            Repair::Cover { node, slots } => take(session, &mut mover, *node, slots)?,
            Repair::BringHome { from, to, slot } => {
                bring_home(session, &mut mover, (*from, *to), *slot)?
            }
        }
    }
    Ok(())
}

/// The node takes the slots, in an epoch of its own, so that all others believe it.
fn take(session: &Session, mover: &mut Mover<'_>, node: NodeId, slots: &[u16]) -> Result<(), Stop> {
    let link = mover.link(session, node)?;
    for slot in slots {
        let slot = slot.to_string();
        link.order(&["CLUSTER", "SETSLOT", &slot, "STABLE"])?;
        // It may think that somebody has it who does not.
        link.ask(&["CLUSTER", "DELSLOTS", &slot])?;
        link.order(&["CLUSTER", "ADDSLOTS", &slot])?;
    }
    link.ask(&["CLUSTER", "BUMPEPOCH"])?;
    Ok(())
}

fn bring_home(
    session: &mut Session,
    mover: &mut Mover<'_>,
    (from, to): (NodeId, NodeId),
    slot: u16,
) -> Result<(), Stop> {
    let number = slot.to_string();
    // A node hands out keys of a slot that is not its own only while it is importing it.
    let importing = ["CLUSTER", "SETSLOT", &number, "IMPORTING", to.as_str()];
    mover.link(session, from)?.order(&importing)?;
    let mut progress = Progress::new(1, 0);
    mover.keys(session, &mut progress, (from, to), slot, Twins::Refuse).map_err(
        |stop| match stop {
            Stop::Failed(text) if text.contains("BUSYKEY") => failed(
                format!(
                    "both {from} and {to} have a key of slot {slot}, and nobody knows which counts"
                ),
                "Look at both, delete one, and run the same command again.",
            ),
            Stop::Failed(_) | Stop::NotConfirmed(_) | Stop::Interrupted(_) => stop,
        },
    )?;
    mover.link(session, from)?.order(&["CLUSTER", "SETSLOT", &number, "STABLE"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> NodeId {
        NodeId::parse(format!("{number:040}").as_bytes()).unwrap()
    }

    fn repairs(
        migrating: Option<(usize, usize)>,
        importing: &[(usize, usize)],
        owner: usize,
        keys: &[(usize, u64)],
    ) -> Vec<Repair> {
        let open = OpenSlot {
            slot: 7,
            migrating: migrating.map(|(from, to)| (id(from), id(to))),
            importing: importing.iter().map(|&(to, from)| (id(to), id(from))).collect(),
        };
        let keys = keys.iter().map(|&(node, keys)| (id(node), keys)).collect();
        decide(&open, id(owner), &keys)
    }

    fn complete(from: usize, to: usize) -> Repair {
        Repair::Complete(Move { from: id(from), to: id(to), slots: vec![7] })
    }

    fn close(node: usize) -> Repair {
        Repair::Close { node: id(node), slots: vec![7] }
    }

    #[test]
    fn what_is_half_way_goes_on_and_what_has_not_begun_is_closed() {
        // Both ends say so.
        assert_eq!(repairs(Some((1, 2)), &[(2, 1)], 1, &[]), [complete(1, 2)]);
        // The source alone: whether keys have arrived decides.
        assert_eq!(repairs(Some((1, 2)), &[], 1, &[(2, 3)]), [complete(1, 2)]);
        assert_eq!(repairs(Some((1, 2)), &[], 1, &[(2, 0)]), [close(1)]);
        // The target alone.
        assert_eq!(repairs(None, &[(2, 1)], 1, &[(2, 3)]), [complete(1, 2)]);
        assert_eq!(repairs(None, &[(2, 1)], 1, &[(2, 0)]), [close(2)]);
        // The target has it already.
        assert_eq!(repairs(None, &[(2, 1)], 2, &[(2, 3)]), [close(2)]);
        assert_eq!(repairs(Some((1, 2)), &[], 2, &[(2, 3)]), [close(1)]);
        // Two import it.
        let home = Repair::BringHome { from: id(3), to: id(2), slot: 7 };
        assert_eq!(repairs(Some((1, 2)), &[(2, 1), (3, 1)], 1, &[(3, 1)]), [complete(1, 2), home]);
        assert_eq!(repairs(Some((1, 2)), &[(2, 1), (3, 1)], 1, &[]), [complete(1, 2), close(3)]);
    }
}
