//! `redstart cluster add`: blank nodes come to a cluster, as primaries or as replicas.

use std::collections::BTreeMap;
use std::time::Duration;

use base::NodeId;

use super::balance::{self, Holder, Move};
use super::placement::{Candidate, primary_for};
use super::session::{Link, Session, Stop, failed};
use super::survey::{self, Node, Survey, Told};
use super::{moving, rebalance};
use crate::client::{Address, Reply};
use crate::screen::plural;

/// How long the nodes may take to know one another: beyond the minute in which a node that was removed is not let in again.
const JOINING: Duration = Duration::from_secs(90);
/// How long replicas may take to have everything before they are left alone with it.
const AGREEMENT: Duration = Duration::from_secs(60);

/// After how many looks a node that is not known is introduced once more.
const LOOKS_BETWEEN_MEETINGS: usize = 30;

/// What the new nodes are to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Primaries without slots.
    Primary,
    /// Replicas of whoever has fewest.
    Replica,
    /// Replicas of this node.
    ReplicaOf(String),
}

/// A node that comes.
struct Newcomer {
    address: Address,
    link: Link,
    id: NodeId,
    told: Told,
    follows: Option<NodeId>,
}

/// Adds the nodes at these addresses.
pub(super) fn run(
    session: &mut Session,
    entry: &Address,
    addresses: &[Address],
    role: &Role,
    is_rebalanced: bool,
) -> Result<(), Stop> {
    let survey = rebalance::fit_survey(session, entry)?;
    let mut newcomers = Vec::new();
    for address in addresses {
        newcomers.push(look(session, &survey, address)?);
    }
    assign(&survey, &mut newcomers, role)?;
    let moves = if is_rebalanced { moves(&survey, &newcomers) } else { Vec::new() };
    if newcomers.iter().all(|one| is_settled(&survey, one)) && moves.is_empty() {
        session.line("These nodes are there already, as they are to be: nothing to do.");
        return Ok(());
    }
    show(session, &survey, &newcomers, &moves);
    if !session.confirm()? {
        return Ok(());
    }
    join(session, &survey, entry, &mut newcomers)?;
    follow(session, &mut newcomers)?;
    if !is_rebalanced {
        return Ok(());
    }
    // With what the nodes say now; the moves are those of the plan, unless somebody has moved slots meanwhile.
    let survey = survey::survey(session, entry)?;
    let (begun, holders) = rebalance::holders(&survey, &BTreeMap::new());
    let moves = rebalance::all_moves(begun, balance::rebalance(&holders));
    moving::carry_out(session, &survey, &moves)?;
    moving::await_agreement(session, entry)
}

fn look(session: &Session, survey: &Survey, address: &Address) -> Result<Newcomer, Stop> {
    let place = address.resolve().map_err(|error| {
        failed(format!("cannot find {address}: {error}"), "Is the name right, and known here?")
    })?;
    let address = Address { host: place.ip().to_string(), port: place.port() };
    let mut link = session.open(&address)?;
    let told = survey::ask(&mut link)?;
    let own = told.view.iter().find(|member| member.is_myself);
    let own = own.ok_or_else(|| failed(format!("{address} does not say who it is"), ""))?;
    let (id, slots) = (own.id, own.slots.len());
    let reset = format!(
        "If what it has can go: redis-cli -h {h} -p {p} FLUSHALL, then redis-cli -h {h} -p {p} CLUSTER RESET",
        h = address.host,
        p = address.port
    );
    if survey.node(id).is_none() {
        let foreign = told.view.iter().find(|member| {
            !member.is_myself && !member.is_unreachable && survey.node(member.id).is_none()
        });
        if let Some(foreign) = foreign {
            let what = format!("{address} is in another cluster: it knows {}", foreign.address);
            return Err(failed(what, reset));
        }
        if slots > 0 || told.keys > 0 {
            let what = format!(
                "{address} is not blank: it has {} and {} keys",
                plural(slots, "slot"),
                told.keys
            );
            return Err(failed(what, reset));
        }
    }
    Ok(Newcomer { address, link, id, told, follows: None })
}

fn assign(survey: &Survey, newcomers: &mut [Newcomer], role: &Role) -> Result<(), Stop> {
    let ids: Vec<NodeId> = newcomers.iter().map(|one| one.id).collect();
    match role {
        Role::Primary => {}
        Role::ReplicaOf(name) => {
            let primary = survey.find(name)?;
            if !primary.member.is_primary {
                return Err(failed(
                    format!("{} is a replica itself", primary.name()),
                    "Name its primary.",
                ));
            }
            newcomers.iter_mut().for_each(|one| one.follows = Some(primary.id()));
        }
        Role::Replica => {
            let primaries: Vec<&Node> = survey
                .primaries()
                .into_iter()
                .filter(|node| !node.member.slots.is_empty() && !ids.contains(&node.id()))
                .collect();
            let mut places: Vec<(Candidate, usize)> = primaries
                .iter()
                .map(|node| {
                    let others = survey.replicas(node.id());
                    (node.candidate(), others.iter().filter(|one| !ids.contains(&one.id())).count())
                })
                .collect();
            for one in newcomers {
                let candidate =
                    Candidate { host: one.address.host.clone(), zone: one.told.zone.clone() };
                let number = primary_for(&candidate, &places);
                let number =
                    number.ok_or_else(|| failed("there is no primary with slots to follow", ""))?;
                if let Some(place) = places.get_mut(number) {
                    place.1 += 1;
                }
                one.follows = primaries.get(number).map(|node| node.id());
            }
        }
    }
    Ok(())
}

/// Whether an earlier run has done what there is to do.
fn is_settled(survey: &Survey, one: &Newcomer) -> bool {
    survey.node(one.id).is_some_and(|node| node.member.primary == one.follows)
}

/// What moves to primaries that come.
fn moves(survey: &Survey, newcomers: &[Newcomer]) -> Vec<Move> {
    let (begun, mut holders) = rebalance::holders(survey, &BTreeMap::new());
    for one in newcomers.iter().filter(|one| survey.node(one.id).is_none()) {
        holders.push(Holder { id: one.id, slots: Vec::new(), weight: 1.0 });
    }
    rebalance::all_moves(begun, balance::rebalance(&holders))
}

fn show(session: &mut Session, survey: &Survey, newcomers: &[Newcomer], moves: &[Move]) {
    session.line("Plan:");
    for one in newcomers {
        let zone = one.told.zone.as_deref().map(|zone| format!(" [{zone}]")).unwrap_or_default();
        let text = match one.follows.and_then(|id| survey.node(id)) {
            Some(primary) => format!("a replica of {}", primary.name()),
            None => "a primary".to_owned(),
        };
        session.line(format!("    {}{zone} joins as {text}", one.address));
        if let Some(primary) = one.follows.and_then(|id| survey.node(id)) {
            let place = primary.candidate();
            if place.host == one.address.host {
                session.warn(&format!("{} stands on the host of its primary", one.address));
            } else if place.zone.is_some() && place.zone == one.told.zone {
                session.warn(&format!("{} is in the zone of its primary", one.address));
            }
        }
    }
    for line in moving::text(survey, moves) {
        let named = newcomers
            .iter()
            .fold(line, |line, one| line.replace(one.id.as_str(), &one.address.to_string()));
        session.line(format!("    {named}"));
    }
}

fn join(
    session: &mut Session,
    survey: &Survey,
    entry: &Address,
    newcomers: &mut [Newcomer],
) -> Result<(), Stop> {
    copy_functions(session, entry, newcomers)?;
    // What the cluster calls its first node, for the newcomer has to find it there.
    let own = survey.nodes.iter().find(|node| node.reached_at == *entry);
    let own = own.map_or_else(|| entry.clone(), |node| node.address().clone());
    let total =
        survey.nodes.len() + newcomers.iter().filter(|one| survey.node(one.id).is_none()).count();
    let mut looks = 0_usize;
    let mut failure = None;
    let took = session.await_all("nodes that know all others", total, JOINING, |session| {
        if looks.is_multiple_of(LOOKS_BETWEEN_MEETINGS) {
            for one in newcomers.iter_mut().filter(|one| one.told.view.len() < total) {
                let meet = ["CLUSTER", "MEET", &own.host, &own.port.to_string()];
                failure = one.link.order(&meet).err();
            }
        }
        looks += 1;
        let Ok(now) = survey::survey(session, entry) else { return 0 };
        let knows = |node: &&Node| {
            let Ok(told) = &node.told else {
                // Who did not answer before either is not waited for.
                return survey.node(node.id()).is_some_and(|before| before.told.is_err());
            };
            let known =
                told.view.iter().filter(|member| !member.is_unreachable && !member.is_failing);
            // A node that has just come serves nobody at first, not even keys that are handed to it.
            told.is_ok && known.filter(|member| member.is_connected).count() >= total
        };
        let known = now.nodes.iter().filter(knows).count();
        if failure.is_some() { total } else { known }
    })?;
    if let Some(stop) = failure {
        return Err(stop);
    }
    match took {
        Some(took) => {
            session.screen.done("joined: every node knows all others", took);
            Ok(())
        }
        None => Err(failed(
            format!("not all nodes know one another after {} s", JOINING.as_secs()),
            "Can they reach one another, on their bus ports, too? Then run the same command again.",
        )),
    }
}

/// Functions are in no slot: a primary that comes without them would refuse what the others run.
fn copy_functions(
    session: &Session,
    entry: &Address,
    newcomers: &mut [Newcomer],
) -> Result<(), Stop> {
    let mut link = session.open(entry)?;
    // Where there are no functions at all, that is an error.
    let has_functions =
        link.ask(&["FUNCTION", "LIST"])?.elements().is_some_and(|libraries| !libraries.is_empty());
    if !has_functions {
        return Ok(());
    }
    let Reply::Bulk(dump) = link.ask(&["FUNCTION", "DUMP"])? else { return Ok(()) };
    for one in newcomers.iter_mut().filter(|one| one.follows.is_none()) {
        one.link.order(&[b"FUNCTION".as_slice(), b"RESTORE", &dump, b"REPLACE"])?;
    }
    Ok(())
}

fn follow(session: &mut Session, newcomers: &mut [Newcomer]) -> Result<(), Stop> {
    let mut replicas: Vec<&mut Newcomer> =
        newcomers.iter_mut().filter(|one| one.follows.is_some()).collect();
    if replicas.is_empty() {
        return Ok(());
    }
    for one in &mut replicas {
        session.go_on()?;
        let Some(primary) = one.follows else { continue };
        one.link.order(&["CLUSTER", "REPLICATE", primary.as_str()])?;
    }
    let total = replicas.len();
    let took = session.await_all("replicas that follow", total, AGREEMENT, |_| {
        let follows = |one: &mut &mut Newcomer| {
            survey::ask(&mut one.link).is_ok_and(|told| told.is_following == Some(true))
        };
        replicas.iter_mut().filter_map(|one| follows(one).then_some(())).count()
    })?;
    match took {
        Some(took) => {
            session.screen.done(&format!("{} follow", plural(total, "replica")), took);
            Ok(())
        }
        None => {
            session.warn(&format!(
                "the new replicas are still getting their data after {} s; redstart cluster status shows when they have it",
                AGREEMENT.as_secs()
            ));
            Ok(())
        }
    }
}
