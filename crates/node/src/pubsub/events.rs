//! Keyspace notifications: what happens to keys, published on channels named after the key and after the event.

use super::channels::Channels;
use base::number::push_i64;
use config::{EventClass as Setting, KeyspaceEvents};
use engine::{EventClass, EventClasses, KeyEvent};
use std::sync::atomic::Ordering::Relaxed;

/// Events are published on `__keyspace@<db>__:<key>`.
const KEYSPACE: u8 = 1;
/// Events are published on `__keyevent@<db>__:<event>`.
const KEYEVENT: u8 = 2;

/// The classes of events that the settings have published.
pub(crate) fn event_classes(settings: KeyspaceEvents) -> EventClasses {
    let classes = [
        (Setting::Generic, EventClass::Generic),
        (Setting::String, EventClass::String),
        (Setting::List, EventClass::List),
        (Setting::Set, EventClass::Set),
        (Setting::Hash, EventClass::Hash),
        (Setting::SortedSet, EventClass::SortedSet),
        (Setting::Expired, EventClass::Expired),
        (Setting::Evicted, EventClass::Evicted),
        (Setting::Stream, EventClass::Stream),
        (Setting::Miss, EventClass::Miss),
        (Setting::New, EventClass::New),
    ];
    let chosen = classes.into_iter().filter(|(setting, _)| settings.publishes(*setting));
    chosen.fold(EventClasses::NONE, |chosen, (_, class)| chosen.with(class))
}

impl Channels {
    /// Takes over on which channels events are published.
    pub(super) fn set_event_channels(&self, settings: KeyspaceEvents) {
        let keyspace = if settings.contains(Setting::Keyspace) { KEYSPACE } else { 0 };
        let keyevent = if settings.contains(Setting::Keyevent) { KEYEVENT } else { 0 };
        self.event_channels.store(keyspace | keyevent, Relaxed);
    }

    /// Publishes an event, on this node only.
    pub(crate) fn announce(&self, event: &KeyEvent) {
        let channels = self.event_channels.load(Relaxed);
        let name = event.name.as_bytes();
        if channels & KEYSPACE != 0 {
            self.publish(&channel(b"__keyspace@", event.database, &event.key), name);
        }
        if channels & KEYEVENT != 0 {
            self.publish(&channel(b"__keyevent@", event.database, name), &event.key);
        }
    }
}

fn channel(kind: &[u8], database: usize, name: &[u8]) -> Vec<u8> {
    let mut channel = kind.to_vec();
    push_i64(&mut channel, database as i64);
    channel.extend_from_slice(b"__:");
    channel.extend_from_slice(name);
    channel
}
