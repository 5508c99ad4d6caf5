//! The slots that one command holds, and what it does to the counters.

use crate::attention::Attention;
use crate::events::{Effects, EventClass};
use crate::keyspace::{Keyspace, SlotState, States};
use crate::logged::LoggedCommands;
use crate::moment::Moment;
use crate::object::{KeyRecord, Object};
use crate::tally::Tally;
use crate::{Edit, View};
use base::{Rng, SLOT_COUNT, Slot, UnixMillis};
use collections::{KeyHasher, Occupied, Table, Value};
use parking_lot::MutexGuard;

/// The slots of a command's keys, locked until this is dropped. Reads go through [`View`], writes through [`Edit`].
pub struct Access<'k> {
    pub(crate) keyspace: &'k Keyspace,
    pub(crate) tally: &'k Tally,
    pub(crate) held: Held<'k>,
    pub(crate) database: usize,
    pub(crate) moment: Moment,
    /// Taken when the slots were locked: who begins to want to know while they are held is told of later changes only.
    pub(crate) attention: Attention,
    /// The hash of one key that was computed before the lock was taken, and that key's address.
    known_hash: (usize, u64),
    /// By how much the memory of objects, which no table counts, has changed.
    pub(crate) object_bytes: i64,
    /// How many changes to the keyspace were made.
    pub(crate) changes: u64,
    /// Whether the tables may have changed since the counters were last settled.
    is_touched: bool,
    pub(crate) effects: Effects,
}

pub(crate) enum Held<'k> {
    One(HeldSlot<'k>),
    /// In ascending order.
    Many(Vec<HeldSlot<'k>>),
}

pub(crate) struct HeldSlot<'k> {
    slot: Slot,
    state: MutexGuard<'k, SlotState>,
    /// The table of the access's database as it was when the slot was locked.
    before: Extent,
}

/// What a table comes to.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Extent {
    keys: i64,
    volatile: i64,
    bytes: i64,
}

impl Extent {
    #[inline]
    fn of(table: Option<&Table<Object>>) -> Extent {
        table.map_or_else(Extent::default, |table| Extent {
            keys: table.len() as i64,
            volatile: table.volatile_len() as i64,
            bytes: table.memory_bytes() as i64,
        })
    }
}

impl<'k> Held<'k> {
    /// The state of a slot, which is held.
    pub(crate) fn of_slot(&mut self, slot: Slot) -> &mut SlotState {
        match self {
            Held::One(one) => {
                debug_assert_eq!(one.slot, slot, "a command stays in its slots");
                &mut one.state
            }
            Held::Many(many) => Held::of_several(many, slot),
        }
    }

    // Apart, so that the common case is small enough to be built into its callers.
    #[inline(never)]
    fn of_several<'h>(many: &'h mut [HeldSlot<'k>], slot: Slot) -> &'h mut SlotState {
        let index = many
            .binary_search_by_key(&slot, |held| held.slot)
            .expect("a command touches only the slots that it holds");
        &mut many[index].state
    }

    /// Whether a slot is one of these.
    pub(crate) fn holds(&self, slot: Slot) -> bool {
        match self {
            Held::One(one) => one.slot == slot,
            Held::Many(many) => many.binary_search_by_key(&slot, |held| held.slot).is_ok(),
        }
    }

    /// Whether somebody observes a key of these slots.
    #[inline]
    fn is_observed(&self, keyspace: &Keyspace) -> bool {
        match self {
            Held::One(one) => keyspace.is_observed(one.slot),
            Held::Many(many) => many.iter().any(|one| keyspace.is_observed(one.slot)),
        }
    }

    /// The state of the slot of a key, to be read.
    #[inline]
    fn peek(&self, key: &[u8]) -> &SlotState {
        match self {
            Held::One(one) => &one.state,
            Held::Many(many) => Held::peek_several(many, Slot::of_key(key)),
        }
    }

    // Apart for the same reason.
    #[inline(never)]
    fn peek_several<'h>(many: &'h [HeldSlot<'k>], slot: Slot) -> &'h SlotState {
        let index = many
            .binary_search_by_key(&slot, |held| held.slot)
            .expect("a command touches only the slots that it holds");
        &many[index].state
    }

    /// The states of all that is held, in ascending order.
    pub(crate) fn states(&self) -> impl Iterator<Item = &SlotState> + Clone {
        self.as_slice().iter().map(|slot| &*slot.state)
    }

    #[inline]
    fn as_slice(&self) -> &[HeldSlot<'k>] {
        match self {
            Held::One(one) => std::slice::from_ref(one),
            Held::Many(many) => many,
        }
    }

    fn slots(&mut self) -> &mut [HeldSlot<'k>] {
        match self {
            Held::One(one) => std::slice::from_mut(one),
            Held::Many(many) => many,
        }
    }

    /// The slot of a key, and its state.
    #[inline]
    pub(crate) fn place(&mut self, key: &[u8]) -> (Slot, &mut SlotState) {
        match self {
            Held::One(one) => {
                debug_assert_eq!(one.slot, Slot::of_key(key), "a command stays in its slots");
                (one.slot, &mut one.state)
            }
            Held::Many(many) => {
                let slot = Slot::of_key(key);
                (slot, Held::of_several(many, slot))
            }
        }
    }
}

impl States for Held<'_> {
    fn state(&mut self, slot: Slot) -> &mut SlotState {
        self.of_slot(slot)
    }
}

impl<'k> HeldSlot<'k> {
    #[inline]
    pub(crate) fn new(
        slot: Slot,
        state: MutexGuard<'k, SlotState>,
        database: usize,
    ) -> HeldSlot<'k> {
        let before = Extent::of(state.table(database));
        HeldSlot { slot, state, before }
    }

    /// Carries what has changed into the counters.
    #[inline]
    fn settle(&self, keyspace: &Keyspace, tally: &Tally, database: usize) {
        let table = self.state.table(database);
        let after = Extent::of(table);
        if after.keys != self.before.keys
            && let (0, Some(table)) = (database, table)
        {
            keyspace.note_buckets(self.slot, table.hint());
        }
        settle(keyspace, tally, (database, self.slot), self.before, after);
    }
}

impl<'k> Access<'k> {
    #[inline]
    pub(crate) fn new(
        keyspace: &'k Keyspace,
        tally: &'k Tally,
        held: Held<'k>,
        database: usize,
        moment: Moment,
    ) -> Access<'k> {
        let attention = keyspace.attention().observed_if(held.is_observed(keyspace));
        Access {
            keyspace,
            tally,
            held,
            database,
            moment,
            attention,
            known_hash: (0, 0),
            object_bytes: 0,
            changes: 0,
            is_touched: false,
            effects: Effects::default(),
        }
    }

    /// Asks again whether somebody wants to know what is done to these slots: for what runs under one hold while somebody begins to.
    pub fn renew_attention(&mut self) {
        let is_observed = self.held.is_observed(self.keyspace);
        self.attention = self.keyspace.attention().observed_if(is_observed);
    }

    /// Tells the hash of `key`, so that it need not be computed again for this very slice.
    #[inline]
    pub fn know_hash(&mut self, key: &[u8], hash: u64) {
        self.known_hash = (key.as_ptr() as usize, hash);
    }

    /// The access as a reading command has it.
    #[inline]
    pub fn view(&mut self) -> View<'_, 'k> {
        View::new(self)
    }

    /// The access as a writing command has it.
    #[inline]
    pub fn edit(&mut self) -> Edit<'_, 'k> {
        Edit::new(self)
    }

    /// Whether somebody may observe what is done under this access: it watches a key of these slots, waits for one, or is told of all.
    #[inline]
    #[must_use]
    pub fn is_observed(&self) -> bool {
        self.attention.is_observed()
    }

    /// How many changes to the keyspace were made under this access.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Whether every slot is held.
    #[must_use]
    pub fn holds_all(&self) -> bool {
        matches!(&self.held, Held::Many(many) if many.len() == SLOT_COUNT)
    }

    /// The record of a key whose slot is held, without a trace of having looked: one whose time has come is not shown, and stays.
    #[must_use]
    pub fn record(&self, key: &[u8]) -> Option<&KeyRecord> {
        self.found(key)
    }

    /// Sets whether commands for a slot that is held are served here, as [`Keyspace::set_serves`] does.
    pub fn mark_served(&self, slot: Slot, served: bool) {
        assert!(self.held.holds(slot), "a slot is marked while it is held");
        self.keyspace.mark_served(slot, served);
    }

    /// The slots that are held, in ascending order.
    pub fn slots(&self) -> impl Iterator<Item = Slot> {
        self.held.as_slice().iter().map(|one| one.slot)
    }

    /// Goes on in another database, as SELECT does in a transaction.
    pub fn select(&mut self, database: usize) {
        if database != self.database {
            self.settle();
            self.database = database;
            self.begin();
        }
    }

    /// Brings the counters up to date with what was done so far.
    pub(crate) fn settle(&mut self) {
        let Access { keyspace, tally, held, database, .. } = self;
        for slot in held.slots() {
            slot.settle(keyspace, tally, *database);
        }
        self.begin();
        self.tally.add_memory(std::mem::take(&mut self.object_bytes));
        self.tally.count_changes(std::mem::take(&mut self.changes));
    }

    /// Whether the tables are as the counters have them.
    fn is_settled(&mut self) -> bool {
        let database = self.database;
        let is_as_before = |one: &HeldSlot<'_>| Extent::of(one.state.table(database)) == one.before;
        self.held.slots().iter().all(is_as_before)
    }

    /// Takes the tables of the database as they are for what is counted from here on.
    fn begin(&mut self) {
        let database = self.database;
        for slot in self.held.slots() {
            slot.before = Extent::of(slot.state.table(database));
        }
    }

    /// Runs something that keeps the counters by itself.
    pub(crate) fn apart<T>(&mut self, run: impl FnOnce(&Keyspace, &mut Held<'k>) -> T) -> T {
        self.settle();
        let result = run(self.keyspace, &mut self.held);
        self.begin();
        result
    }

    /// The database that is selected.
    #[must_use]
    pub fn database(&self) -> usize {
        self.database
    }

    /// What others are to be told of, and what they were told of while the slots were held.
    pub fn effects_mut(&mut self) -> &mut Effects {
        &mut self.effects
    }

    /// Whether others are to be told of something, or something is to be logged.
    #[inline]
    #[must_use]
    pub fn has_effects(&self) -> bool {
        !self.effects.is_empty() || (self.changes != 0 && self.logs())
    }

    /// What others are to be told of, since this was last called.
    #[inline]
    pub fn take_effects(&mut self) -> Effects {
        std::mem::take(&mut self.effects)
    }

    /// Notes that a key was modified, created or removed.
    #[inline]
    pub(crate) fn note_modified(&mut self, key: &[u8]) {
        self.effects.note_modified(self.keyspace, self.attention, self.database, key);
    }

    /// Tells that a key which is asked for is not there, where such events are published.
    #[inline]
    pub(crate) fn note_miss(&mut self, key: &[u8]) {
        if self.moment.events.contains(EventClass::Miss) && self.live(key).is_none() {
            let class = (EventClass::Miss, "keymiss");
            self.effects.note_event(&self.moment, class, self.database, key);
        }
    }

    /// Randomness for one command.
    pub(crate) fn rng(&self) -> Rng {
        Rng::from_seed(self.tally.next_seed())
    }

    /// Lets go of a record that is not in its table any more. One that takes long to free is left to the thread that has time.
    pub(crate) fn discard(&mut self, record: KeyRecord) {
        self.object_bytes -= self.keyspace.discard(record) as i64;
    }

    /// The same for a value.
    pub(crate) fn discard_object(&mut self, object: Box<Object>) {
        self.object_bytes -= self.keyspace.discard_object(object) as i64;
    }

    #[inline]
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        if self.known_hash.0 == key.as_ptr() as usize {
            return self.known_hash.1;
        }
        self.keyspace.hasher.hash(key)
    }

    /// The table of this access's database that `key` belongs to.
    #[inline]
    pub(crate) fn table(&mut self, key: &[u8]) -> &mut Table<Object> {
        self.is_touched = true;
        let database = self.database;
        self.held.place(key).1.table_mut(database)
    }

    /// Runs `change` on the table of another database that `key` belongs to, and counts what it did.
    pub(crate) fn in_database<T>(
        &mut self,
        database: usize,
        key: &[u8],
        change: impl FnOnce(&mut Table<Object>) -> T,
    ) -> T {
        self.is_touched = true;
        let (keyspace, tally) = (self.keyspace, self.tally);
        let other = database != self.database;
        let (slot, state) = self.held.place(key);
        keyspace.save_before_change(state, (database, slot), || keyspace.hash(key));
        let table = state.table_mut(database);
        let before = Extent::of(Some(table));
        let result = change(table);
        if other {
            settle(keyspace, tally, (database, slot), before, Extent::of(Some(table)));
        }
        result
    }

    /// The record of `key` when it is there and its time has not come. One whose time has come is removed, unless those are kept now.
    #[inline]
    pub(crate) fn live(&mut self, key: &[u8]) -> Option<&KeyRecord> {
        let hash = self.hash(key);
        let table = self.held.peek(key).table(self.database)?;
        let location = table.locate(hash, key)?;
        if is_expired(table.at(location), self.moment.now) {
            self.remove_expired(hash, key);
            return None;
        }
        Some(self.held.peek(key).table(self.database)?.at(location))
    }

    /// Removes a record whose time has come, unless those are kept now.
    #[cold]
    fn remove_expired(&mut self, hash: u64, key: &[u8]) {
        if !self.moment.keeps_expired && !self.is_foreign() {
            let _ = self.live_mut(hash, key);
        }
    }

    /// The same, but one whose time has come stays where it is.
    pub(crate) fn found(&self, key: &[u8]) -> Option<&KeyRecord> {
        let table = self.held.peek(key).table(self.database)?;
        let record = table.find(self.hash(key), key)?;
        (!is_expired(record, self.moment.now)).then_some(record)
    }

    /// The same, to be changed; one look-up.
    #[inline]
    pub(crate) fn live_mut(&mut self, hash: u64, key: &[u8]) -> Option<Occupied<'_, Object>> {
        self.is_touched = true;
        let database = self.database;
        let now = self.moment.now;
        let (slot, state) = self.held.place(key);
        self.keyspace.save_before_change(state, (database, slot), || hash);
        let table = state.table_mut(database);
        let occupied = table.find_mut(hash, key)?;
        if is_expired(occupied.record(), now) {
            let Access { keyspace, tally, effects, moment, attention, object_bytes, .. } = self;
            let noted = (effects, &*moment, *attention, database);
            *object_bytes -= keyspace.expire(occupied, tally, noted) as i64;
            return None;
        }
        Some(occupied)
    }
}

/// Releases the slots and brings the counters up to date.
impl Drop for Access<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.is_touched && self.changes == 0 {
            debug_assert!(self.is_settled(), "whoever changes a table marks the access");
            return;
        }
        debug_assert!(
            self.effects.logged().is_none_or(LoggedCommands::is_empty),
            "whoever changes a key logs what was said of it"
        );
        let database = self.database;
        match &self.held {
            Held::One(one) => one.settle(self.keyspace, self.tally, database),
            Held::Many(many) => {
                many.iter().for_each(|one| one.settle(self.keyspace, self.tally, database));
            }
        }
        self.tally.add_memory(self.object_bytes);
        if self.changes != 0 {
            self.tally.count_changes(self.changes);
        }
    }
}

/// Brings the counters up to date with what was done to one table, whose slot is still locked.
#[inline]
fn settle(
    keyspace: &Keyspace,
    tally: &Tally,
    (database, slot): (usize, Slot),
    before: Extent,
    after: Extent,
) {
    if after.keys != before.keys || after.volatile != before.volatile {
        tally.add_keys(database, after.keys - before.keys, after.volatile - before.volatile);
        if (after.keys == 0) != (before.keys == 0) {
            keyspace.occupied.set(database, slot, after.keys != 0);
        }
    }
    tally.add_memory(after.bytes - before.bytes);
}

/// Whether the record's time has come: nobody sees it any more.
#[inline]
#[must_use]
pub fn is_expired(record: &KeyRecord, now: UnixMillis) -> bool {
    record.expire_at().is_some_and(|at| now.0 > at)
}

/// The memory of the record's object, where it has one.
pub(crate) fn object_bytes(record: &KeyRecord) -> usize {
    match record.value() {
        Value::Object(object) => object.memory_bytes(),
        Value::Integer(_) | Value::Bytes(_) | Value::Compact(..) => 0,
    }
}
