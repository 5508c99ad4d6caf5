//! Eviction: finding the keys that will be missed least where memory is short.
//!
//! # Design
//!
//! Keys are looked at in the order of their hashes, a few for each eviction, round and round. That order tells nothing of how a key is used, so
//! neighbours are as fair a sample as any; each key has its turn once a round, in a crowded slot as in any other; and as a rule one slot's lock
//! is enough. The best candidates of earlier samples are kept, as in Redis, and looked at once more before they go: one that was used meanwhile stays.
//!
//! Each thread goes a round of its own, from a place of its own, so that threads which evict at once seldom meet.

use crate::access::{Access, is_expired};
use crate::events::EventClass;
use crate::keyspace::{Keyspace, WorkerId};
use crate::logged::{Logging, Removal};
use crate::moment::Moment;
use crate::object::KeyRecord;
use base::{Rng, SLOT_COUNT, Slot};

/// What makes a key a better candidate than another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EvictionOrder {
    /// It was not used for longer.
    LeastRecent,
    /// It is used less often. Needs [`crate::AccessPolicy::Lfu`].
    LeastFrequent,
    /// It expires sooner.
    SoonestExpiry,
    /// Chance.
    Random,
}

/// Which keys are evicted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EvictionRule {
    /// Which go first.
    pub order: EvictionOrder,
    /// Whether only keys with an expiry are.
    pub volatile_only: bool,
    /// How many keys are looked at for each that is evicted.
    pub samples: usize,
    /// Whether keys go that are not this node's to change, as on a replica that bounds its own memory.
    pub foreign: bool,
}

impl EvictionRule {
    /// Whether no key may go. What is being loaded stays, whoever asks.
    const fn is_forbidden(self, logging: Logging) -> bool {
        logging.is_loading() || (logging.is_foreign() && !self.foreign)
    }
}

/// What one step of an eviction did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EvictStep {
    /// A key was evicted.
    Evicted,
    /// None was found yet.
    Searching,
    /// There is no key that may be evicted.
    Nothing,
}

/// How many candidates are kept from one eviction to the next.
const CANDIDATES_MAX: usize = 16;

/// How many slots one step may lock to find a sample.
const SLOTS_PER_STEP: usize = 32;

/// How many buckets are looked at under one hold of a slot's lock.
const BUCKETS_PER_HOLD: usize = 64;

/// How well a key that is past its time does as a candidate: better than any other.
const EXPIRED: u64 = u64::MAX;

/// A key that may be evicted.
struct Candidate {
    /// The higher, the better.
    score: u64,
    database: usize,
    slot: Slot,
    key: Box<[u8]>,
}

/// The state of one thread's evictions: where its round goes on, and the candidates that it keeps.
pub struct Eviction {
    rng: Rng,
    rule: Option<EvictionRule>,
    /// In ascending order of their scores.
    candidates: Vec<Candidate>,
    database: usize,
    slot: usize,
    within: u64,
    /// How many slots were passed since a key was last seen that may be evicted.
    barren: usize,
}

impl Eviction {
    /// One whose round begins at a slot by chance.
    #[must_use]
    pub fn new(mut rng: Rng) -> Eviction {
        let slot = rng.below(SLOT_COUNT as u64) as usize;
        Eviction {
            rng,
            rule: None,
            candidates: Vec::new(),
            database: 0,
            slot,
            within: 0,
            barren: 0,
        }
    }

    /// Forgets what was found by another rule.
    fn follow(&mut self, rule: EvictionRule) {
        if self.rule != Some(rule) {
            self.rule = Some(rule);
            self.candidates.clear();
            self.barren = 0;
        }
    }

    /// Goes on at the slot of this number, in the order of numbers.
    fn pass_to(&mut self, number: usize) {
        if number != self.slot {
            self.barren += number - self.slot;
            (self.slot, self.within) = (number, 0);
        }
    }

    /// Keeps a key as a candidate, where it is among the best.
    fn offer(&mut self, score: u64, (database, slot): (usize, Slot), key: &[u8]) {
        let is_full = self.candidates.len() == CANDIDATES_MAX;
        if is_full && self.candidates[0].score >= score {
            return;
        }
        // It comes by again in a keyspace of few keys.
        if let Some(place) = self
            .candidates
            .iter()
            .position(|one| one.slot == slot && one.database == database && *one.key == *key)
        {
            self.candidates.remove(place);
        } else if is_full {
            self.candidates.remove(0);
        }
        let place = self.candidates.partition_point(|one| one.score < score);
        self.candidates.insert(place, Candidate { score, database, slot, key: key.into() });
    }
}

/// How good a candidate a key is, the higher the better; `None` where it may not be evicted.
fn score(record: &KeyRecord, rule: EvictionRule, moment: &Moment, rng: &mut Rng) -> Option<u64> {
    let expire_at = record.expire_at();
    if rule.volatile_only && expire_at.is_none() {
        return None;
    }
    if is_expired(record, moment.now) {
        return Some(EXPIRED);
    }
    Some(match rule.order {
        EvictionOrder::LeastRecent => u64::from(moment.idle_seconds(record.access())),
        EvictionOrder::LeastFrequent => u64::from(u8::MAX - moment.lfu_counter(record.access())),
        EvictionOrder::SoonestExpiry => {
            let at = expire_at.unwrap_or(i64::MAX).max(0);
            EXPIRED - 1 - at as u64
        }
        EvictionOrder::Random => rng.next_u64() >> 1,
    })
}

impl Keyspace {
    /// Looks at a few keys and evicts the best candidate that is known; what was done to it is given to `conclude`.
    pub fn evict_step<'k>(
        &'k self,
        eviction: &mut Eviction,
        rule: EvictionRule,
        worker: WorkerId,
        moment: &Moment,
        conclude: &mut dyn FnMut(Access<'k>),
    ) -> EvictStep {
        if rule.is_forbidden(self.attention().logging()) || !self.may_evict(rule) {
            return EvictStep::Nothing;
        }
        eviction.follow(rule);
        self.sample(eviction, rule, moment);
        while let Some(candidate) = eviction.candidates.pop() {
            if self.evict(&candidate, (rule, &mut eviction.rng), worker, moment, conclude) {
                return EvictStep::Evicted;
            }
        }
        if eviction.barren < self.slots_of_all_databases() {
            return EvictStep::Searching;
        }
        eviction.barren = 0;
        EvictStep::Nothing
    }

    /// Whether there is a key that may be evicted, as the counters have it.
    fn may_evict(&self, rule: EvictionRule) -> bool {
        (0..self.databases())
            .map(|database| self.totals(database))
            .any(|totals| if rule.volatile_only { totals.volatile > 0 } else { totals.keys > 0 })
    }

    fn slots_of_all_databases(&self) -> usize {
        SLOT_COUNT * self.databases()
    }

    /// Looks at the next keys of the round. At most [`SLOTS_PER_STEP`] slots are locked, one after the other.
    fn sample(&self, eviction: &mut Eviction, rule: EvictionRule, moment: &Moment) {
        let round = self.slots_of_all_databases();
        let mut seen = 0;
        let mut slots = 0;
        while seen < rule.samples && slots < SLOTS_PER_STEP && eviction.barren < round {
            if eviction.database >= self.databases() {
                eviction.database = 0;
            }
            let Some(slot) = self.occupied.next(eviction.database, eviction.slot) else {
                eviction.pass_to(SLOT_COUNT);
                (eviction.database, eviction.slot) = (eviction.database + 1, 0);
                continue;
            };
            eviction.pass_to(slot.index());
            let found = self.sample_slot(slot, eviction, rule, rule.samples - seen, moment);
            if found > 0 {
                eviction.barren = 0;
            }
            seen += found;
            slots += 1;
            if eviction.within == 0 {
                eviction.pass_to(slot.index() + 1);
            }
        }
    }

    /// Looks at about `wanted` keys of a slot, from the cursor on; how many there were that may be evicted.
    fn sample_slot(
        &self,
        slot: Slot,
        eviction: &mut Eviction,
        rule: EvictionRule,
        wanted: usize,
        moment: &Moment,
    ) -> usize {
        let mut cursor = std::mem::take(&mut eviction.within);
        let mut found = 0;
        let place = (eviction.database, slot);
        let state = self.lock(slot);
        let Some(table) = state.table(eviction.database) else { return 0 };
        for _ in 0..BUCKETS_PER_HOLD {
            let mut visit = |record: &KeyRecord| {
                if let Some(score) = score(record, rule, moment, &mut eviction.rng) {
                    found += 1;
                    eviction.offer(score, place, record.key());
                }
            };
            cursor = if rule.volatile_only {
                table.scan_volatile(cursor, 1, &mut visit)
            } else {
                table.scan(cursor, &mut visit)
            };
            if cursor == 0 || found >= wanted {
                break;
            }
        }
        eviction.within = cursor;
        found
    }

    /// Evicts a candidate, where it is still as good as it was.
    fn evict<'k>(
        &'k self,
        candidate: &Candidate,
        (rule, rng): (EvictionRule, &mut Rng),
        worker: WorkerId,
        moment: &Moment,
        conclude: &mut dyn FnMut(Access<'k>),
    ) -> bool {
        let Candidate { database, slot, ref key, .. } = *candidate;
        let mut access = self.hold(slot, database, worker, *moment);
        // The keys may have become another's since the step began: this would be logged by nobody.
        if rule.is_forbidden(access.attention.logging()) {
            return false;
        }
        let hash = access.hash(key);
        let evicted = access.live_mut(hash, key).and_then(|occupied| {
            let score = score(occupied.record(), rule, moment, rng)?;
            let is_as_good = rule.order == EvictionOrder::Random || score >= candidate.score;
            is_as_good.then(|| occupied.remove())
        });
        let is_evicted = evicted.is_some();
        if let Some(record) = evicted {
            access.discard(record);
            access.note_modified(key);
            let moment = access.moment;
            if access.logs() {
                let removal = (access.attention.logging(), Removal::Evicted);
                access.effects.logged_mut().push_removal(removal, database, key);
            }
            access.effects.note_event(&moment, (EventClass::Evicted, "evicted"), database, key);
            access.tally.count_evicted(1);
        }
        conclude(access);
        is_evicted
    }
}
