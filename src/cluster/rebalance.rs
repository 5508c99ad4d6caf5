//! `redstart cluster rebalance`: each primary gets its share of the slots.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use base::NodeId;

use super::balance::{self, Holder, Move};
use super::session::{Session, Stop, failed};
use super::survey::{Survey, survey};
use super::{diagnosis, moving};
use crate::client::Address;

/// How long nodes may still disagree before that counts as wrong.
const AGREEMENT: Duration = Duration::from_secs(15);
const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// Gives each its share.
pub(super) fn run(
    session: &mut Session,
    entry: &Address,
    weights: &[String],
    uses_empty: bool,
) -> Result<(), Stop> {
    let survey = fit_survey(session, entry)?;
    let mut weights = parse_weights(&survey, weights)?;
    if !uses_empty {
        for node in survey.primaries().into_iter().filter(|node| node.member.slots.is_empty()) {
            weights.entry(node.id()).or_insert(0.0);
        }
    }
    let (begun, holders) = holders(&survey, &weights);
    if holders.iter().all(|holder| holder.weight <= 0.0) {
        return Err(failed("no primary is left to have slots", "Give one a weight above 0."));
    }
    let moves = all_moves(begun, balance::rebalance(&holders));
    if moves.is_empty() {
        session.line("Every primary has its share already: nothing to do.");
        return Ok(());
    }
    session.line("Plan:");
    for line in moving::text(&survey, &moves) {
        session.line(format!("    {line}"));
    }
    if !session.confirm()? {
        return Ok(());
    }
    moving::carry_out(session, &survey, &moves)?;
    moving::await_agreement(session, entry)
}

pub(super) fn all_moves(mut begun: Vec<Move>, moves: Vec<Move>) -> Vec<Move> {
    begun.extend(moves);
    begun
}

/// Asks all nodes, and again for a while where they do not agree: the bus takes its time to tell everybody what an
/// interrupted run has done.
pub(super) fn fit_survey(session: &mut Session, entry: &Address) -> Result<Survey, Stop> {
    let begin = Instant::now();
    loop {
        let survey = survey(session, entry)?;
        let fit = refuse_unfit(&survey, entry);
        if fit.is_ok() || diagnosis::agree(&survey) || begin.elapsed() >= AGREEMENT {
            return fit.map(|()| survey);
        }
        session.pause(LOOK_AGAIN)?;
    }
}

/// Slots move only in a cluster that is whole, but for slots that are half-way.
fn refuse_unfit(survey: &Survey, entry: &Address) -> Result<(), Stop> {
    let check = format!("See what is wrong: redstart cluster check {entry}");
    for node in survey.primaries() {
        if let Err(why) = &node.told {
            return Err(failed(format!("{} is not there: {why}", node.name()), check));
        }
    }
    if !diagnosis::uncovered(survey).is_empty() {
        return Err(failed("there are slots that nobody has", check));
    }
    if !diagnosis::agree(survey) {
        return Err(failed("the nodes do not agree about who has which slots", check));
    }
    Ok(())
}

fn parse_weights(survey: &Survey, texts: &[String]) -> Result<BTreeMap<NodeId, f64>, Stop> {
    let mut weights = BTreeMap::new();
    for text in texts {
        let (name, weight) = text.rsplit_once('=').ok_or_else(|| {
            failed(format!("--weight {text}: not NODE=W"), "Such as --weight 127.0.0.1:7000=2")
        })?;
        let weight = weight.parse::<f64>().ok().filter(|weight| (0.0..=1e6).contains(weight));
        let weight = weight.ok_or_else(|| {
            failed(format!("--weight {text}: the weight is not a number from 0 to 1000000"), "")
        })?;
        let node = survey.find(name)?;
        if !node.member.is_primary {
            return Err(failed(
                format!("{} is a replica, and has no slots of its own", node.name()),
                "Name its primary.",
            ));
        }
        weights.insert(node.id(), weight);
    }
    Ok(weights)
}

/// Moves that were begun and are to be completed first, and what the primaries have after these.
pub(super) fn holders(
    survey: &Survey,
    weights: &BTreeMap<NodeId, f64>,
) -> (Vec<Move>, Vec<Holder>) {
    let mut holders: Vec<Holder> = survey
        .primaries()
        .into_iter()
        .map(|node| Holder {
            id: node.id(),
            slots: node.member.slots.clone(),
            weight: weights.get(&node.id()).copied().unwrap_or(1.0),
        })
        .collect();
    let owners = survey.owners();
    let mut begun = Vec::new();
    for open in diagnosis::open_slots(survey) {
        let owner = owners.get(usize::from(open.slot)).copied().flatten();
        // The way is the source's, or else that of who imports it.
        let to = open.migrating.map(|(_, to)| to);
        let to = to.or_else(|| open.importing.first().map(|(to, _)| *to));
        let (Some(from), Some(to)) = (owner, to) else { continue };
        let is_primary = |id| holders.iter().any(|holder| holder.id == id);
        if from == to || !is_primary(from) || !is_primary(to) {
            continue;
        }
        for holder in &mut holders {
            if holder.id == from {
                holder.slots.retain(|&slot| slot != open.slot);
            } else if holder.id == to {
                let place = holder.slots.partition_point(|&slot| slot < open.slot);
                holder.slots.insert(place, open.slot);
            }
        }
        begun.push(Move { from, to, slots: vec![open.slot] });
    }
    (begun, holders)
}
