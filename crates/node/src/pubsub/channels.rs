//! The registry of who listens to what, and the delivery of what is published.
//!
//! # Invariants
//!
//! 1. What stands in a client's [`Subscriptions`] comes into the registry right after and leaves it right after; only the client's own thread
//!    adds. A slot that is lost takes its shard channels from both.
//! 2. A lock of the registry is held while messages are put into mailboxes, never the other way round, and never while a slot
//!    is asked for.
//! 3. To publish where nobody listens costs two loads of lines that nobody writes.
//!
//! [`Subscriptions`]: super::subscriptions::Subscriptions

use super::message::Message;
use super::subscriptions::{Kind, Name};
use crate::clients::{Client, ClientId, flag};
use base::Slot;
use base::glob::{self, Case};
use config::Config;
use dashmap::DashMap;
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Who listens to one channel or pattern.
type Subscribers = BTreeMap<ClientId, Arc<Client>>;

/// Who listens to what.
#[derive(Default)]
pub struct Channels {
    channels: DashMap<Name, Subscribers>,
    channels_count: AtomicUsize,
    patterns: RwLock<BTreeMap<Name, Subscribers>>,
    patterns_count: AtomicUsize,
    /// By slot, for a slot that moves away takes all its channels along.
    shard_channels: DashMap<Slot, BTreeMap<Name, Subscribers>>,
    shard_channels_count: AtomicUsize,
    clients_count: AtomicUsize,
    unread_bytes_max: AtomicU64,
    /// On which channels keyspace events are published: see [`super::events`].
    pub(super) event_channels: AtomicU8,
}

/// How many there are (INFO).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ChannelCounts {
    /// Channels that somebody listens to.
    pub(crate) channels: usize,
    /// Patterns that somebody listens to.
    pub(crate) patterns: usize,
    /// Shard channels that somebody listens to.
    pub(crate) shard_channels: usize,
    /// Clients that listen to something.
    pub(crate) clients: usize,
}

impl Channels {
    /// Takes over what the settings say.
    pub(crate) fn configure(&self, config: &Config) {
        let limits = &config.network.client_output_buffer_limit;
        self.unread_bytes_max.store(limits.pubsub.hard_bytes, Relaxed);
        self.set_event_channels(config.general.notify_keyspace_events);
    }

    /// How many bytes a client may leave unread before it is disconnected for messages that come on top; 0 is without limit.
    pub(crate) fn unread_bytes_max(&self) -> u64 {
        self.unread_bytes_max.load(Relaxed)
    }

    /// Lets a client listen; returns the number that the client is told. Only the client's own thread may.
    pub(crate) fn subscribe(&self, client: &Arc<Client>, kind: Kind, name: &[u8]) -> usize {
        let name: Name = name.into();
        let mut subscriptions = client.subscriptions.lock();
        let was_empty = subscriptions.is_empty();
        let is_new = subscriptions.insert(kind, &name);
        let told = subscriptions.told(kind);
        if was_empty {
            client.set_flag(flag::SUBSCRIBED, true);
            self.clients_count.fetch_add(1, Relaxed);
        }
        drop(subscriptions);
        if is_new {
            self.enter(client, kind, name);
        }
        told
    }

    /// Ends a client's listening; whether it has listened, and the number that it is told.
    pub(crate) fn unsubscribe(&self, client: &Client, kind: Kind, name: &[u8]) -> (bool, usize) {
        let (was_there, told) = self.forget(client, kind, name);
        if was_there {
            self.leave(client, kind, name);
        }
        (was_there, told)
    }

    /// Ends all listening of a client, without telling it.
    pub(crate) fn unsubscribe_all(&self, client: &Client) {
        if !client.has_flag(flag::SUBSCRIBED) {
            return;
        }
        for kind in [Kind::Channel, Kind::Pattern, Kind::ShardChannel] {
            let names: Vec<Name> = client.subscriptions.lock().of(kind).iter().cloned().collect();
            for name in names {
                self.unsubscribe(client, kind, &name);
            }
        }
    }

    /// Takes a subscription from the client's own list; whether it was there, and the number that the client is told.
    fn forget(&self, client: &Client, kind: Kind, name: &[u8]) -> (bool, usize) {
        let mut subscriptions = client.subscriptions.lock();
        let was_there = subscriptions.remove(kind, name);
        if was_there && subscriptions.is_empty() {
            client.set_flag(flag::SUBSCRIBED, false);
            self.clients_count.fetch_sub(1, Relaxed);
        }
        (was_there, subscriptions.told(kind))
    }

    fn enter(&self, client: &Arc<Client>, kind: Kind, name: Name) {
        let client = Arc::clone(client);
        match kind {
            Kind::Channel => {
                let mut subscribers = self.channels.entry(name).or_default();
                count_new(&self.channels_count, &subscribers);
                subscribers.insert(client.id, client);
            }
            Kind::Pattern => {
                let mut patterns = self.patterns.write();
                let subscribers = patterns.entry(name).or_default();
                count_new(&self.patterns_count, subscribers);
                subscribers.insert(client.id, client);
            }
            Kind::ShardChannel => {
                let mut channels = self.shard_channels.entry(Slot::of_key(&name)).or_default();
                let subscribers = channels.entry(name).or_default();
                count_new(&self.shard_channels_count, subscribers);
                subscribers.insert(client.id, client);
            }
        }
    }

    fn leave(&self, client: &Client, kind: Kind, name: &[u8]) {
        match kind {
            Kind::Channel => {
                let is_gone = self.channels.remove_if_mut(name, |_, subscribers| {
                    subscribers.remove(&client.id);
                    subscribers.is_empty()
                });
                self.channels_count.fetch_sub(usize::from(is_gone.is_some()), Relaxed);
            }
            Kind::Pattern => {
                let is_gone = remove_subscriber(&mut self.patterns.write(), client.id, name);
                self.patterns_count.fetch_sub(usize::from(is_gone), Relaxed);
            }
            Kind::ShardChannel => {
                let mut is_gone = false;
                self.shard_channels.remove_if_mut(&Slot::of_key(name), |_, channels| {
                    is_gone = remove_subscriber(channels, client.id, name);
                    channels.is_empty()
                });
                self.shard_channels_count.fetch_sub(usize::from(is_gone), Relaxed);
            }
        }
    }

    /// Sends a message to all who listen to the channel, by its name or by a pattern; how many there were, one who listens twice
    /// counted twice.
    pub(crate) fn publish(&self, channel: &[u8], payload: &[u8]) -> usize {
        let unread_bytes_max = self.unread_bytes_max();
        let mut receivers = 0;
        if self.channels_count.load(Relaxed) != 0
            && let Some(subscribers) = self.channels.get(channel)
        {
            let parts: [&[u8]; 3] = [b"message", channel, payload];
            receivers += send_to_all(&subscribers, &parts, unread_bytes_max);
        }
        if self.patterns_count.load(Relaxed) != 0 {
            for (pattern, subscribers) in self.patterns.read().iter() {
                if glob::matches(pattern, channel, Case::Sensitive) {
                    let parts: [&[u8]; 4] = [b"pmessage", pattern, channel, payload];
                    receivers += send_to_all(subscribers, &parts, unread_bytes_max);
                }
            }
        }
        receivers
    }

    /// Sends a message to all who listen to the shard channel; how many there were.
    pub(crate) fn publish_to_shard(&self, channel: &[u8], payload: &[u8]) -> usize {
        if self.shard_channels_count.load(Relaxed) == 0 {
            return 0;
        }
        let Some(channels) = self.shard_channels.get(&Slot::of_key(channel)) else { return 0 };
        let Some(subscribers) = channels.get(channel) else { return 0 };
        let parts: [&[u8]; 3] = [b"smessage", channel, payload];
        send_to_all(subscribers, &parts, self.unread_bytes_max())
    }

    /// Ends all listening to shard channels of a slot that is served elsewhere, and tells those who listened.
    pub(crate) fn drop_slot(&self, slot: Slot) {
        if self.shard_channels_count.load(Relaxed) == 0 {
            return;
        }
        let Some((_, channels)) = self.shard_channels.remove(&slot) else { return };
        self.shard_channels_count.fetch_sub(channels.len(), Relaxed);
        for (name, subscribers) in &channels {
            for client in subscribers.values() {
                let (was_there, told) = self.forget(client, Kind::ShardChannel, name);
                if was_there {
                    client.post(ended(client, name, told), self.unread_bytes_max());
                }
            }
        }
    }

    /// How many there are.
    pub(crate) fn counts(&self) -> ChannelCounts {
        ChannelCounts {
            channels: self.channels_count.load(Relaxed),
            patterns: self.patterns_count.load(Relaxed),
            shard_channels: self.shard_channels_count.load(Relaxed),
            clients: self.clients_count.load(Relaxed),
        }
    }

    /// How many clients listen to a channel by its name.
    pub(crate) fn subscribers(&self, kind: Kind, name: &[u8]) -> usize {
        match kind {
            Kind::Channel => self.channels.get(name).map_or(0, |subscribers| subscribers.len()),
            Kind::Pattern => self.patterns.read().get(name).map_or(0, BTreeMap::len),
            Kind::ShardChannel => {
                let channels = self.shard_channels.get(&Slot::of_key(name));
                channels.and_then(|channels| channels.get(name).map(BTreeMap::len)).unwrap_or(0)
            }
        }
    }

    /// The names, in order, that somebody listens to and that match the pattern.
    pub(crate) fn names(&self, kind: Kind, pattern: Option<&[u8]>) -> Vec<Name> {
        let is_meant = |name: &Name| {
            pattern.is_none_or(|pattern| glob::matches(pattern, name, Case::Sensitive))
        };
        let mut names: Vec<Name> = match kind {
            Kind::Channel => self
                .channels
                .iter()
                .map(|entry| Name::clone(entry.key()))
                .filter(is_meant)
                .collect(),
            Kind::Pattern => self.patterns.read().keys().filter(|n| is_meant(n)).cloned().collect(),
            Kind::ShardChannel => {
                let mut names = Vec::new();
                for channels in &self.shard_channels {
                    names.extend(channels.keys().filter(|name| is_meant(name)).cloned());
                }
                names
            }
        };
        names.sort_unstable();
        names
    }
}

/// Counts a name that nobody has listened to until now.
fn count_new(count: &AtomicUsize, subscribers: &Subscribers) {
    if subscribers.is_empty() {
        count.fetch_add(1, Relaxed);
    }
}

/// Takes a client from those who listen to a name; whether it was the last.
fn remove_subscriber(names: &mut BTreeMap<Name, Subscribers>, id: ClientId, name: &[u8]) -> bool {
    let Some(subscribers) = names.get_mut(name) else { return false };
    subscribers.remove(&id);
    let is_last = subscribers.is_empty();
    if is_last {
        names.remove(name);
    }
    is_last
}

fn send_to_all(subscribers: &Subscribers, parts: &[&[u8]], unread_bytes_max: u64) -> usize {
    let mut message = Message::new(parts);
    for client in subscribers.values() {
        message.send(client, unread_bytes_max);
    }
    subscribers.len()
}

/// The end of listening to a shard channel that the client has not asked for.
fn ended(client: &Client, name: &[u8], told: usize) -> crate::mailbox::MessageBytes {
    let mut bytes = Vec::new();
    super::commands::tell(
        &mut resp::Reply::new(&mut bytes, client.protocol()),
        Kind::ShardChannel.ended(),
        Some(name),
        told,
    );
    bytes.into()
}
