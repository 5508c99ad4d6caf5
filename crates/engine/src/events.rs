//! What happens to keys, as keyspace notifications tell it.

use crate::attention::Attention;
use crate::keyspace::Keyspace;
use crate::logged::{LoggedCommands, Removal};
use crate::moment::Moment;
use base::Slot;

/// A class of events, one bit each; the numbers are those of Redis.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum EventClass {
    /// `g`: commands that know no type.
    Generic = 1 << 2,
    /// `$`: commands on strings.
    String = 1 << 3,
    /// `l`: commands on lists.
    List = 1 << 4,
    /// `s`: commands on sets.
    Set = 1 << 5,
    /// `h`: commands on hashes.
    Hash = 1 << 6,
    /// `z`: commands on sorted sets.
    SortedSet = 1 << 7,
    /// `x`: a key expired.
    Expired = 1 << 8,
    /// `e`: a key was evicted.
    Evicted = 1 << 9,
    /// `t`: commands on streams.
    Stream = 1 << 10,
    /// `m`: a key was looked for and not there.
    Miss = 1 << 11,
    /// `n`: a key came into being.
    New = 1 << 14,
}

/// A set of classes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct EventClasses(u16);

impl EventClasses {
    /// No class.
    pub const NONE: EventClasses = EventClasses(0);

    /// These and `class`.
    #[must_use]
    pub const fn with(self, class: EventClass) -> EventClasses {
        EventClasses(self.0 | class as u16)
    }

    /// Whether `class` is one of them.
    #[inline]
    #[must_use]
    pub const fn contains(self, class: EventClass) -> bool {
        self.0 & class as u16 != 0
    }

    /// Whether there is none.
    #[inline]
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Something that happened to a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyEvent {
    /// Its class.
    pub class: EventClass,
    /// Its name: `set`, `expired`.
    pub name: &'static str,
    /// The database of the key.
    pub database: usize,
    /// The key.
    pub key: Box<[u8]>,
}

/// A key that a command has changed, created or removed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ModifiedKey {
    /// Its database.
    pub database: usize,
    /// The key.
    pub key: Box<[u8]>,
    /// Whether it was removed because its time had come, which is nobody's doing.
    pub is_expired: bool,
}

/// What a command did that others want to know of. Empty, and without an allocation, where nobody does.
#[derive(Default, Debug)]
pub struct Effects(
    // One word where there are none: every command begins and ends with it.
    Option<Box<Noted>>,
);

#[derive(Default, Debug)]
struct Noted {
    events: Vec<KeyEvent>,
    modified: Vec<ModifiedKey>,
    /// How many of the modified keys those that have read them were told of already.
    told: usize,
    logged: LoggedCommands,
}

impl Effects {
    /// Whether nobody has to be told of anything.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|noted| {
            noted.events.is_empty() && noted.modified.is_empty() && noted.logged.is_empty()
        })
    }

    /// What is to be logged, in order.
    #[must_use]
    pub fn logged(&self) -> Option<&LoggedCommands> {
        self.0.as_ref().map(|noted| &noted.logged)
    }

    pub(crate) fn logged_mut(&mut self) -> &mut LoggedCommands {
        &mut self.0.get_or_insert_default().logged
    }

    pub(crate) fn take_logged(&mut self) -> LoggedCommands {
        self.0.as_mut().map(|noted| std::mem::take(&mut noted.logged)).unwrap_or_default()
    }

    pub(crate) fn take_said(&mut self) -> bool {
        self.0.as_mut().is_some_and(|noted| noted.logged.take_said())
    }

    /// Events of the classes that are published.
    #[must_use]
    pub fn events(&self) -> &[KeyEvent] {
        self.0.as_ref().map_or(&[], |noted| &noted.events)
    }

    /// Keys that were modified, where somebody observes them; a key may stand here more than once.
    #[must_use]
    pub fn modified(&self) -> &[ModifiedKey] {
        self.0.as_ref().map_or(&[], |noted| &noted.modified)
    }

    /// The modified keys that those that have read them were not told of yet.
    #[must_use]
    pub fn untold(&self) -> &[ModifiedKey] {
        self.0.as_ref().map_or(&[], |noted| &noted.modified[noted.told..])
    }

    /// Those that want to know of every event and of every key at once were told. The modified keys are kept: clients may wait for them, and
    /// others are told of all of them together.
    pub fn set_told(&mut self) {
        if let Some(noted) = &mut self.0 {
            noted.events.clear();
            noted.told = noted.modified.len();
        }
    }

    /// A key, whose slot is held, was modified, created or removed.
    #[inline]
    pub(crate) fn note_modified(
        &mut self,
        keyspace: &Keyspace,
        attention: Attention,
        database: usize,
        key: &[u8],
    ) {
        if attention.is_observed() {
            self.push_modified(keyspace, (database, key), false);
        }
    }

    #[cold]
    fn push_modified(
        &mut self,
        keyspace: &Keyspace,
        (database, key): (usize, &[u8]),
        is_expired: bool,
    ) {
        let slot = Slot::of_key(key);
        if keyspace.is_observed(slot) {
            keyspace.observers.touch(slot, database, key, is_expired);
        }
        let modified = ModifiedKey { database, key: key.into(), is_expired };
        self.0.get_or_insert_default().modified.push(modified);
    }

    /// Something happened to a key.
    #[inline]
    pub(crate) fn note_event(
        &mut self,
        moment: &Moment,
        (class, name): (EventClass, &'static str),
        database: usize,
        key: &[u8],
    ) {
        if moment.events.contains(class) {
            self.push_event(KeyEvent { class, name, database, key: key.into() });
        }
    }

    #[cold]
    fn push_event(&mut self, event: KeyEvent) {
        self.0.get_or_insert_default().events.push(event);
    }

    /// The time of a key, whose slot is held, had come, and it was removed.
    #[cold]
    pub(crate) fn note_expired(
        &mut self,
        keyspace: &Keyspace,
        (moment, attention): (&Moment, Attention),
        database: usize,
        key: &[u8],
    ) {
        self.note_event(moment, (EventClass::Expired, "expired"), database, key);
        let logging = attention.logging();
        if logging.is_on() {
            self.logged_mut().push_removal((logging, Removal::Expired), database, key);
        }
        if attention.is_observed() {
            self.push_modified(keyspace, (database, key), true);
        }
    }
}
