//! Slots are moved: the steps that every server of the field knows, one slot after the other.
//!
//! ```text
//! target: SETSLOT s IMPORTING source ─► source: SETSLOT s MIGRATING target ─► keys: MIGRATE, batch by batch
//!   ─► target: SETSLOT s NODE target ─► source: the same ─► the other primaries: the same
//! ```
//!
//! # Invariants
//!
//! 1. Every step may be done twice. Whoever comes to a slot that is half-way goes through all of them again.
//! 2. At any moment each key is where clients find it: at the source, or, asked for by ASK, at the target.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use base::NodeId;

use super::balance::Move;
use super::diagnosis;
use super::handover::{self, Outcome};
use super::progress::Progress;
use super::session::{Link, Session, Stop, failed, refused};
use super::survey::{Survey, survey};
use crate::client::{Address, Reply};
use crate::screen::plural;

/// How long one MIGRATE may take, of large values over a slow link.
const MIGRATE_PATIENCE: Duration = Duration::from_secs(60);
/// A source serves nobody else while it hands over a batch: it gets smaller where that takes longer than this, and larger where it
/// takes less than a quarter.
const BATCH_TIME: Duration = Duration::from_millis(40);
const BATCH_KEYS_MAX: usize = 1000;
const BATCH_KEYS_FIRST: usize = 50;
/// How long replicas may be too slow.
const REPLICAS_PATIENCE: Duration = Duration::from_secs(20);
/// After so many slots the other primaries are told.
const TOLD_AT_ONCE: usize = 64;
/// How long the nodes may take to agree on what was done.
const AGREEMENT: Duration = Duration::from_secs(30);

/// The nodes between which slots move.
pub(super) struct Mover<'a> {
    survey: &'a Survey,
    links: BTreeMap<NodeId, Link>,
    batch: usize,
    /// The most databases of any node.
    databases: u32,
}

impl<'a> Mover<'a> {
    pub(super) fn new(survey: &'a Survey) -> Mover<'a> {
        let told = survey.nodes.iter().filter_map(|node| node.told.as_ref().ok());
        let databases = told.map(|told| told.databases).max().unwrap_or(1);
        Mover { survey, links: BTreeMap::new(), batch: BATCH_KEYS_FIRST, databases }
    }

    /// The connection to a node.
    pub(super) fn link(&mut self, session: &Session, id: NodeId) -> Result<&mut Link, Stop> {
        if !self.links.contains_key(&id) {
            let node = self.survey.node(id);
            let node =
                node.ok_or_else(|| failed(format!("no node of this cluster is {id}"), ""))?;
            let link = session.open(&node.reached_at)?;
            let patience = Some(MIGRATE_PATIENCE + Duration::from_secs(5));
            link.client.wait_at_most(patience).map_err(|error| failed(error.to_string(), ""))?;
            self.links.insert(id, link);
        }
        self.links.get_mut(&id).ok_or_else(|| failed("there is no connection", ""))
    }

    /// How many keys a node has in each of these slots.
    pub(super) fn count(
        &mut self,
        session: &Session,
        id: NodeId,
        slots: &[u16],
    ) -> Result<Vec<u64>, Stop> {
        let databases = self.databases;
        let link = self.link(session, id)?;
        let commands: Vec<Vec<String>> = slots
            .iter()
            .map(|slot| vec!["CLUSTER".to_owned(), "COUNTKEYSINSLOT".to_owned(), slot.to_string()])
            .collect();
        let mut counts = vec![0; slots.len()];
        for database in 0..databases {
            select(link, database, databases)?;
            for (count, reply) in counts.iter_mut().zip(link.ask_all(&commands)?) {
                *count +=
                    reply.integer().and_then(|count| u64::try_from(count).ok()).unwrap_or_default();
            }
        }
        Ok(counts)
    }

    /// Moves one slot, from wherever it stands on its way.
    fn slot(
        &mut self,
        session: &mut Session,
        progress: &mut Progress,
        way: (NodeId, NodeId),
        slot: u16,
    ) -> Result<(), Stop> {
        let (from, to) = way;
        let number = slot.to_string();
        let set = |word: &str, id: NodeId| {
            ["CLUSTER", "SETSLOT", number.as_str(), word, id.as_str()].map(str::to_owned)
        };
        if !self.set_slot(session, to, &set("IMPORTING", from))? {
            progress.advance(&mut session.screen, 1, 0);
            return Ok(());
        }
        self.set_slot(session, from, &set("MIGRATING", to))?;
        self.keys(session, progress, way, slot, Twins::Replace)?;
        self.set_slot(session, to, &set("NODE", to))?;
        self.set_slot(session, from, &set("NODE", to))?;
        progress.advance(&mut session.screen, 1, 0);
        Ok(())
    }

    /// One step. Valkey takes none until its replicas have it, and does nothing where they are too slow: then it is asked again. False where the node has
    /// the slot already: what an interrupted run has begun has come to its end.
    fn set_slot(
        &mut self,
        session: &Session,
        id: NodeId,
        words: &[String; 5],
    ) -> Result<bool, Stop> {
        let begin = Instant::now();
        loop {
            let link = self.link(session, id)?;
            let reply = link.ask(words)?;
            let Reply::Error(text) = &reply else { return Ok(true) };
            // The source may have become a replica of the target, with its last slot.
            if text.contains("SETSLOT only with") && words.contains(&"NODE".to_owned()) {
                return Ok(true);
            }
            if text.contains("already the owner") {
                return Ok(false);
            }
            if !text.starts_with("NOREPLICAS") || begin.elapsed() >= REPLICAS_PATIENCE {
                return Err(refused(&link.address, words, &reply));
            }
            session.go_on()?;
        }
    }

    /// Moves the keys of a slot, in batches.
    pub(super) fn keys(
        &mut self,
        session: &mut Session,
        progress: &mut Progress,
        (from, to): (NodeId, NodeId),
        slot: u16,
        twins: Twins,
    ) -> Result<(), Stop> {
        let target = self.survey.node(to).map(|node| node.address().clone());
        let target =
            target.ok_or_else(|| failed(format!("no node of this cluster is {to}"), ""))?;
        let auth = session.credentials.clone();
        for database in 0..self.databases {
            let databases = self.databases;
            select(self.link(session, from)?, database, databases)?;
            loop {
                let batch = self.batch;
                session.go_on().map_err(|_| half_way(self.survey, from, to, slot))?;
                let link = self.link(session, from)?;
                let keys = keys_in(link, slot, batch)?;
                if keys.is_empty() {
                    break;
                }
                let begin = Instant::now();
                let mut order =
                    Order { target: &target, database, auth: &auth, keys: &keys, replaces: false };
                let mut reply = link.ask(&order.words())?;
                if twins == Twins::Replace && is_busy(&reply) {
                    order.replaces = true;
                    reply = link.ask(&order.words())?;
                }
                let is_moved = reply.is_ok() || reply == Reply::Status("NOKEY".to_owned());
                if !is_moved {
                    let source = link.address.clone();
                    return Err(not_moved(self.survey, &source, (from, to), slot, &reply));
                }
                let took = begin.elapsed();
                self.batch = next_batch(batch, keys.len(), took);
                progress.advance(&mut session.screen, 0, keys.len() as u64);
            }
        }
        Ok(())
    }

    /// Whether both nodes offer to move slots as a whole, and none of these is half-way by the other means.
    fn hands_over(&self, one: &Move) -> bool {
        let is_fit = |id| {
            self.survey.node(id).is_some_and(|node| {
                let is_half_way = |slot: &u16| {
                    node.member.migrating.contains_key(slot)
                        || node.member.importing.contains_key(slot)
                };
                node.told.as_ref().is_ok_and(|told| told.hands_over)
                    && !one.slots.iter().any(is_half_way)
            })
        };
        is_fit(one.from) && is_fit(one.to)
    }

    /// Moves slots as a whole; how many have moved. Where that does not succeed, the others are as they were.
    fn hand_over(
        &mut self,
        session: &mut Session,
        progress: &mut Progress,
        one: &Move,
    ) -> Result<usize, Stop> {
        let mut moved = 0;
        for slots in one.slots.chunks(handover::SLOTS_AT_ONCE) {
            session.go_on()?;
            let keys = self.count(session, one.from, slots)?.iter().sum();
            let link = self.link(session, one.from)?;
            match handover::slots(session, link, one.to, slots)? {
                Outcome::Moved => {
                    moved += slots.len();
                    progress.advance(&mut session.screen, slots.len() as u64, keys);
                }
                Outcome::NotMoved(why) => {
                    session.warn(&format!(
                        "slots do not move as a whole ({}); their keys are moved one by one",
                        why.trim()
                    ));
                    break;
                }
            }
        }
        Ok(moved)
    }

    /// Tells the other primaries, so that none sends clients astray until the bus has told them.
    fn tell_others(&mut self, session: &Session, one: &Move, slots: &[u16]) {
        let others: Vec<NodeId> = self.survey.primaries().iter().map(|node| node.id()).collect();
        for id in others.into_iter().filter(|id| ![one.from, one.to].contains(id)) {
            let commands: Vec<[String; 5]> = slots
                .iter()
                .map(|slot| {
                    ["CLUSTER", "SETSLOT", &slot.to_string(), "NODE", one.to.as_str()]
                        .map(str::to_owned)
                })
                .collect();
            let commands: Vec<Vec<String>> = commands.into_iter().map(Vec::from).collect();
            // The bus tells whoever is not reached.
            let _ = self.link(session, id).and_then(|link| link.ask_all(&commands));
        }
    }
}

/// What to do with a key that the target has, too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Twins {
    /// The source is the owner: a key is at both only when the target has taken it and the source did not hear of
    /// that in time, and clients have found it at the source ever since. So the source's is the one that counts.
    Replace,
    /// Nobody knows which counts.
    Refuse,
}

struct Order<'a> {
    target: &'a Address,
    database: u32,
    auth: &'a crate::client::Credentials,
    keys: &'a [Vec<u8>],
    replaces: bool,
}

impl Order<'_> {
    fn words(&self) -> Vec<Vec<u8>> {
        let mut words: Vec<Vec<u8>> = vec![
            b"MIGRATE".to_vec(),
            self.target.host.clone().into_bytes(),
            self.target.port.to_string().into_bytes(),
            Vec::new(),
            self.database.to_string().into_bytes(),
            MIGRATE_PATIENCE.as_millis().to_string().into_bytes(),
        ];
        if self.replaces {
            words.push(b"REPLACE".to_vec());
        }
        match (self.auth.user.as_deref(), self.auth.password.as_deref()) {
            (Some(user), Some(password)) => {
                words.extend([b"AUTH2".to_vec(), user.into(), password.into()]);
            }
            (None, Some(password)) => words.extend([b"AUTH".to_vec(), password.into()]),
            (_, None) => {}
        }
        words.push(b"KEYS".to_vec());
        words.extend(self.keys.iter().cloned());
        words
    }
}

fn select(link: &mut Link, database: u32, databases: u32) -> Result<(), Stop> {
    if databases > 1 { link.order(&["SELECT", &database.to_string()]) } else { Ok(()) }
}

fn keys_in(link: &mut Link, slot: u16, most: usize) -> Result<Vec<Vec<u8>>, Stop> {
    let words = ["CLUSTER", "GETKEYSINSLOT", &slot.to_string(), &most.to_string()];
    let reply = link.ask(&words)?;
    let key = |reply: &Reply| match reply {
        Reply::Bulk(key) => Some(key.clone()),
        Reply::Status(_) | Reply::Error(_) | Reply::Integer(_) | Reply::Null | Reply::Array(_) => {
            None
        }
    };
    let keys = reply.elements().and_then(|keys| keys.iter().map(key).collect());
    keys.ok_or_else(|| refused(&link.address, &words, &reply))
}

fn is_busy(reply: &Reply) -> bool {
    matches!(reply, Reply::Error(text) if text.contains("BUSYKEY"))
}

/// As many keys as are handed over in the time that others may wait.
fn next_batch(batch: usize, moved: usize, took: Duration) -> usize {
    if took > BATCH_TIME {
        (moved / 2).max(1)
    } else if moved == batch && took < BATCH_TIME / 4 {
        (batch * 2).min(BATCH_KEYS_MAX)
    } else {
        batch
    }
}

fn half_way(survey: &Survey, from: NodeId, to: NodeId, slot: u16) -> Stop {
    let name = |id| survey.node(id).map_or_else(|| id.to_string(), super::survey::Node::name);
    let entry = survey.node(from).map_or_else(String::new, |node| node.reached_at.to_string());
    Stop::Interrupted(format!(
        "Interrupted: slot {slot} is half-way from {} to {}; clients find its keys all the same.\n\
         The same command goes on from here, or: redstart cluster check {entry} --fix",
        name(from),
        name(to)
    ))
}

fn not_moved(
    survey: &Survey,
    source: &Address,
    (from, to): (NodeId, NodeId),
    slot: u16,
    reply: &Reply,
) -> Stop {
    let name = |id| survey.node(id).map_or_else(|| id.to_string(), super::survey::Node::name);
    failed(
        format!("the keys of slot {slot} do not move from {} to {}: {reply}", name(from), name(to)),
        format!(
            "Nothing is lost, and clients find every key. When the cause is gone, the same command goes on from\n       \
             here, or: redstart cluster check {source} --fix"
        ),
    )
}

/// Moves slots, with a bar.
pub(super) fn carry_out(
    session: &mut Session,
    survey: &Survey,
    moves: &[Move],
) -> Result<(), Stop> {
    let slots: usize = moves.iter().map(|one| one.slots.len()).sum();
    if slots == 0 {
        return Ok(());
    }
    let mut mover = Mover::new(survey);
    let mut keys = 0;
    for one in moves {
        keys += mover.count(session, one.from, &one.slots)?.iter().sum::<u64>();
    }
    let mut progress = Progress::new(slots as u64, keys);
    for one in moves {
        let handed = match mover.hands_over(one) {
            true => mover.hand_over(session, &mut progress, one)?,
            false => 0,
        };
        for slots in one.slots[handed..].chunks(TOLD_AT_ONCE) {
            let mut moved = 0;
            let outcome = slots.iter().try_for_each(|&slot| {
                mover
                    .slot(session, &mut progress, (one.from, one.to), slot)
                    .inspect(|()| moved += 1)
            });
            mover.tell_others(session, one, &slots[..moved]);
            outcome?;
        }
    }
    progress.conclude(&mut session.screen);
    Ok(())
}

/// The lines that tell of moves.
pub(super) fn text(survey: &Survey, moves: &[Move]) -> Vec<String> {
    let name = |id| {
        survey.node(id).map_or_else(|| NodeId::to_string(&id), |node| node.address().to_string())
    };
    let mut ways: BTreeMap<(NodeId, NodeId), Vec<u16>> = BTreeMap::new();
    for one in moves {
        ways.entry((one.from, one.to)).or_default().extend(&one.slots);
    }
    ways.into_iter()
        .map(|((from, to), mut slots)| {
            slots.sort_unstable();
            let count = plural(slots.len(), "slot");
            let ranges = super::members::ranges_text(&slots);
            let ranges = if ranges.len() > 60 { String::new() } else { format!(" ({ranges})") };
            format!("{count} from {} to {}{ranges}", name(from), name(to))
        })
        .collect()
}

/// Waits until the nodes agree about who has what.
pub(super) fn await_agreement(session: &mut Session, entry: &Address) -> Result<(), Stop> {
    let took = session.await_all("nodes that agree", 1, AGREEMENT, |session| {
        survey(session, entry)
            .is_ok_and(|survey| {
                diagnosis::agree(&survey) && diagnosis::open_slots(&survey).is_empty()
            })
            .into()
    })?;
    match took {
        Some(took) => {
            session.screen.done("all nodes agree", took);
            Ok(())
        }
        None => Err(failed(
            format!("the nodes do not agree after {} s", AGREEMENT.as_secs()),
            format!("See where they differ: redstart cluster check {entry}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_follow_the_time_that_they_take() {
        let ms = Duration::from_millis;
        assert_eq!(next_batch(50, 50, ms(1)), 100);
        assert_eq!(next_batch(50, 20, ms(1)), 50, "a batch that was not full says nothing");
        assert_eq!(next_batch(50, 50, ms(20)), 50);
        assert_eq!(next_batch(50, 50, ms(100)), 25);
        assert_eq!(next_batch(1, 1, ms(10_000)), 1);
        assert_eq!(next_batch(1000, 1000, ms(1)), 1000);
    }

    #[test]
    fn migrate_is_said_with_the_password_of_the_target() {
        let target = Address { host: "10.0.0.1".into(), port: 7000 };
        let auth =
            crate::client::Credentials { user: Some("u".into()), password: Some("p".into()) };
        let keys = [b"a".to_vec(), b"\xff".to_vec()];
        let order =
            Order { target: &target, database: 2, auth: &auth, keys: &keys, replaces: true };
        let words: Vec<String> =
            order.words().iter().map(|word| word.escape_ascii().to_string()).collect();
        assert_eq!(
            words.join(" "),
            "MIGRATE 10.0.0.1 7000  2 60000 REPLACE AUTH2 u p KEYS a \\xff"
        );
    }
}
