//! `redstart cluster create`: blank nodes become a cluster.
//!
//! Each step looks at what is there already, and the plan comes from the arguments and from where the nodes are alone: so what was
//! interrupted is completed by the same command, and a cluster that is complete is left alone.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{NodeId, SLOT_COUNT};

use super::diagnosis;
use super::members::{Member, ranges_text};
use super::placement::{self, Candidate, PRIMARIES_MIN, Shard};
use super::session::{Link, Session, Stop, failed};
use super::survey::{self, Told};
use crate::client::Address;
use crate::screen::{Paint, plural, thousands};

/// How long the nodes may take to know and to follow one another.
const AGREEMENT: Duration = Duration::from_secs(60);

/// After how many looks a node that is not known is introduced once more.
const LOOKS_BETWEEN_MEETINGS: usize = 30;

/// A node of the cluster to be.
struct Seat {
    address: Address,
    link: Link,
    id: NodeId,
    told: Told,
}

/// What a node is to be.
struct Part {
    /// The primary's id, of a replica.
    follows: Option<NodeId>,
    /// The slots of a primary: the first, and the one behind the last.
    share: (u16, u16),
    epoch: usize,
}

/// Makes a cluster of these nodes.
pub(super) fn run(
    session: &mut Session,
    addresses: &[Address],
    replicas: usize,
) -> Result<(), Stop> {
    let mut seats = look(session, addresses)?;
    if is_whole(&seats) {
        session.line(format!(
            "These {} are a cluster already, and all slots are covered: nothing to do.",
            plural(seats.len(), "node")
        ));
        return Ok(());
    }
    let candidates: Vec<Candidate> = seats
        .iter()
        .map(|seat| Candidate { host: seat.address.host.clone(), zone: seat.told.zone.clone() })
        .collect();
    let primaries = placement::primary_count(seats.len(), replicas).ok_or_else(|| {
        let needed = PRIMARIES_MIN * (replicas + 1);
        failed(
            format!(
                "{} with {} each make fewer than {PRIMARIES_MIN} primaries, and no majority to replace one that fails",
                plural(seats.len(), "node"),
                plural(replicas, "replica")
            ),
            format!("Give {needed} nodes or more, or fewer --replicas."),
        )
    })?;
    let shards = placement::place(&candidates, primaries);
    let parts = parts(&seats, &shards);
    refuse_others(&seats, &parts)?;
    show(session, &seats, &candidates, &shards);
    if !session.confirm()? {
        return Ok(());
    }
    join(session, &mut seats, &parts)?;
    follow(session, &mut seats, &parts)?;
    session.line("");
    session.line(format!(
        "See it: redstart cluster status {}",
        seats.first().map_or_else(String::new, |seat| seat.address.to_string())
    ));
    Ok(())
}

fn look(session: &Session, addresses: &[Address]) -> Result<Vec<Seat>, Stop> {
    let mut seats: Vec<Seat> = Vec::new();
    for address in addresses {
        // MEET takes no names.
        let place = address.resolve().map_err(|error| {
            failed(format!("cannot find {address}: {error}"), "Is the name right, and known here?")
        })?;
        let address = Address { host: place.ip().to_string(), port: place.port() };
        let mut link = session.open(&address)?;
        let told = survey::ask(&mut link)?;
        let id = told.view.iter().find(|member| member.is_myself).map(|member| member.id);
        let id = id.ok_or_else(|| failed(format!("{address} does not say who it is"), ""))?;
        if let Some(twin) = seats.iter().find(|seat| seat.id == id) {
            let what = format!("{address} and {} are the same node", twin.address);
            return Err(failed(what, "Name each node once."));
        }
        seats.push(Seat { address, link, id, told });
    }
    Ok(seats)
}

impl Seat {
    fn own(&self) -> Option<&Member> {
        self.told.view.iter().find(|member| member.is_myself)
    }

    fn others(&self) -> impl Iterator<Item = &Member> {
        self.told.view.iter().filter(|member| !member.is_myself && !member.is_unreachable)
    }

    fn look_again(&mut self) -> Result<(), Stop> {
        self.told = survey::ask(&mut self.link)?;
        Ok(())
    }
}

/// Whether exactly these nodes are one cluster with all slots.
fn is_whole(seats: &[Seat]) -> bool {
    seats.iter().all(|seat| {
        let covered: usize = seat.told.view.iter().map(|member| member.slots.len()).sum();
        seat.told.is_ok
            && covered == SLOT_COUNT
            && seat.others().count() + 1 == seats.len()
            && seat.others().all(|other| seats.iter().any(|seat| seat.id == other.id))
    })
}

fn parts(seats: &[Seat], shards: &[Shard]) -> BTreeMap<NodeId, Part> {
    let mut parts = BTreeMap::new();
    for (number, shard) in shards.iter().enumerate() {
        let Some(primary) = seats.get(shard.primary) else { continue };
        let share = placement::share(number, shards.len());
        parts.insert(primary.id, Part { follows: None, share, epoch: number + 1 });
        for replica in shard.replicas.iter().filter_map(|&replica| seats.get(replica)) {
            let epoch = shards.len() + parts.len();
            parts.insert(replica.id, Part { follows: Some(primary.id), share: (0, 0), epoch });
        }
    }
    parts
}

/// Nodes must be blank, or what an interrupted run of this very plan has made of them.
fn refuse_others(seats: &[Seat], parts: &BTreeMap<NodeId, Part>) -> Result<(), Stop> {
    for seat in seats {
        let address = &seat.address;
        let reset = format!(
            "If what it has can go: redis-cli -h {h} -p {p} FLUSHALL, then redis-cli -h {h} -p {p} CLUSTER RESET",
            p = address.port,
            h = address.host
        );
        if let Some(foreign) = seat.others().find(|other| !parts.contains_key(&other.id)) {
            let what = format!("{address} is in a cluster already: it knows {}", foreign.address);
            return Err(failed(what, reset));
        }
        let (Some(own), Some(part)) = (seat.own(), parts.get(&seat.id)) else { continue };
        if seat.told.keys > 0 {
            let keys = thousands(i64::try_from(seat.told.keys).unwrap_or(i64::MAX));
            return Err(failed(format!("{address} is not empty: it has {keys} keys"), reset));
        }
        let (begin, end) = part.share;
        let strange: Vec<u16> =
            own.slots.iter().copied().filter(|slot| !(begin..end).contains(slot)).collect();
        if !strange.is_empty() {
            let what = format!(
                "{address} has slots that the plan gives to others: {}",
                ranges_text(&strange)
            );
            return Err(failed(what, reset));
        }
    }
    Ok(())
}

fn show(session: &mut Session, seats: &[Seat], candidates: &[Candidate], shards: &[Shard]) {
    let address =
        |number: usize| seats.get(number).map_or_else(String::new, |seat| seat.address.to_string());
    let place = |number: usize| match candidates.get(number).and_then(|node| node.zone.as_deref()) {
        Some(zone) => format!("{} [{zone}]", address(number)),
        None => address(number),
    };
    session.line(format!(
        "Plan: a cluster of {}, {} with slots of their own",
        plural(seats.len(), "node"),
        plural(shards.len(), "primary").replace("primarys", "primaries")
    ));
    session.line("");
    let width = (0..seats.len()).map(|number| place(number).len()).max().unwrap_or_default().max(7);
    let header = format!("    {:<width$}  {:<12}  replicas", "primary", "slots");
    let header = session.screen.paint(Paint::Dim, &header);
    session.line(header);
    let mut together = Vec::new();
    for (number, shard) in shards.iter().enumerate() {
        let (begin, end) = placement::share(number, shards.len());
        let replicas: Vec<String> = shard.replicas.iter().map(|&replica| place(replica)).collect();
        let slots = format!("{begin}-{}", end - 1);
        let replicas = if replicas.is_empty() { "-".to_owned() } else { replicas.join(", ") };
        session.line(format!("    {:<width$}  {slots:<12}  {replicas}", place(shard.primary)));
        for &replica in &shard.replicas {
            let (Some(one), Some(other)) = (candidates.get(shard.primary), candidates.get(replica))
            else {
                continue;
            };
            if one.host == other.host {
                together.push(format!(
                    "{} and {} on one host",
                    address(shard.primary),
                    address(replica)
                ));
            } else if one.zone.is_some() && one.zone == other.zone {
                let zone = one.zone.as_deref().unwrap_or_default();
                together.push(format!(
                    "{} and {} in {zone}",
                    address(shard.primary),
                    address(replica)
                ));
            }
        }
    }
    if let Some(text) = diagnosis::together_warning(&together) {
        session.line("");
        session.warn(&format!("{text}. These nodes allow no better placement."));
    }
}

/// Slots, epochs, and introductions to the first node.
fn join(
    session: &mut Session,
    seats: &mut [Seat],
    parts: &BTreeMap<NodeId, Part>,
) -> Result<(), Stop> {
    let count = seats.len();
    let first = seats.first().map(|seat| seat.address.clone());
    for seat in seats.iter_mut() {
        session.go_on()?;
        let Some(part) = parts.get(&seat.id) else { continue };
        take_share(seat, part)?;
        let own_epoch = seat.own().map_or(0, |own| own.epoch);
        if own_epoch == 0 && seat.told.view.len() == 1 {
            seat.link.order(&["CLUSTER", "SET-CONFIG-EPOCH", &part.epoch.to_string()])?;
        }
    }
    let ids: Vec<NodeId> = seats.iter().map(|seat| seat.id).collect();
    let mut looks = 0_usize;
    let mut failure = None;
    let took = session.await_all("nodes that know all others", count, AGREEMENT, |_| {
        let is_time = looks.is_multiple_of(LOOKS_BETWEEN_MEETINGS);
        looks += 1;
        let known = seats.iter_mut().map(|seat| meet_or_look(seat, first.as_ref(), &ids, is_time));
        known.collect::<Result<Vec<bool>, Stop>>().map_or_else(
            |stop| {
                failure = Some(stop);
                count
            },
            |known| known.into_iter().filter(|&known| known).count(),
        )
    })?;
    if let Some(stop) = failure {
        return Err(stop);
    }
    conclude(session, "joined: every node knows all others", took, seats)
}

fn take_share(seat: &mut Seat, part: &Part) -> Result<(), Stop> {
    let has = seat.own().map(|own| own.slots.clone()).unwrap_or_default();
    let (begin, end) = part.share;
    let missing: Vec<u16> = (begin..end).filter(|slot| has.binary_search(slot).is_err()).collect();
    let mut words = vec!["CLUSTER".to_owned(), "ADDSLOTSRANGE".to_owned()];
    for (begin, end) in super::members::ranges(&missing) {
        words.extend([begin.to_string(), end.to_string()]);
    }
    if missing.is_empty() { Ok(()) } else { seat.link.order(&words) }
}

/// Whether the node knows all others; where it does not, and it is time, it is introduced to the first.
fn meet_or_look(
    seat: &mut Seat,
    first: Option<&Address>,
    ids: &[NodeId],
    is_time: bool,
) -> Result<bool, Stop> {
    seat.look_again()?;
    let knows = |id: &NodeId| {
        seat.told.view.iter().any(|member| {
            member.id == *id && !member.is_unreachable && !member.is_failing && member.is_connected
        })
    };
    if ids.iter().all(knows) {
        return Ok(true);
    }
    if let Some(first) = first.filter(|first| is_time && **first != seat.address) {
        seat.link.order(&["CLUSTER", "MEET", &first.host, &first.port.to_string()])?;
    }
    Ok(false)
}

/// Replicas follow their primaries, and everybody says that all is well.
fn follow(
    session: &mut Session,
    seats: &mut [Seat],
    parts: &BTreeMap<NodeId, Part>,
) -> Result<(), Stop> {
    let count = seats.len();
    for seat in seats.iter_mut() {
        session.go_on()?;
        let Some(primary) = parts.get(&seat.id).and_then(|part| part.follows) else { continue };
        if seat.own().is_none_or(|own| own.primary != Some(primary)) {
            seat.link.order(&["CLUSTER", "REPLICATE", primary.as_str()])?;
        }
    }
    let mut failure = None;
    let took = session.await_all("nodes that say cluster_state:ok", count, AGREEMENT, |_| {
        let mut done = 0;
        for seat in seats.iter_mut() {
            match seat.look_again() {
                Ok(()) => done += usize::from(is_as_planned(&seat.told, parts)),
                Err(stop) => failure = Some(stop),
            }
        }
        if failure.is_some() { count } else { done }
    })?;
    if let Some(stop) = failure {
        return Err(stop);
    }
    conclude(
        session,
        "all slots covered, all replicas follow: cluster_state:ok on every node",
        took,
        seats,
    )
}

/// Whether this node sees every node in its part.
fn is_as_planned(told: &Told, parts: &BTreeMap<NodeId, Part>) -> bool {
    told.is_ok
        && told.is_following != Some(false)
        && told.view.iter().all(|member| {
            parts.get(&member.id).is_some_and(|part| {
                member.primary == part.follows
                    && (part.follows.is_some()
                        || member.slots.len() == usize::from(part.share.1 - part.share.0))
            })
        })
}

fn conclude(
    session: &mut Session,
    what: &str,
    took: Option<Duration>,
    seats: &[Seat],
) -> Result<(), Stop> {
    match took {
        Some(took) => {
            session.screen.done(what, took);
            Ok(())
        }
        None => Err(failed(
            format!("the nodes do not agree after {} s", AGREEMENT.as_secs()),
            format!(
                "Can they reach one another at the addresses given, on their bus ports, too ({} for {})?\n       \
                 Then run the same command again; it goes on from here.",
                seats.first().map_or(0, |seat| u32::from(seat.address.port) + 10_000),
                seats.first().map_or_else(String::new, |seat| seat.address.to_string())
            ),
        )),
    }
}
