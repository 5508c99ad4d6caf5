//! The registry of connected clients: what others may know of a session, and how they may stop it.

use crate::mailbox::{Mailbox, MessageBytes};
use crate::pubsub::Subscriptions;
use crate::session::Session;
use base::{Monotonic, UnixMillis};
use config::{OutputLimit, OutputLimits};
use dashmap::DashMap;
use parking_lot::Mutex;
use resp::Protocol;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering::AcqRel, Ordering::Relaxed,
};
use std::task::Waker;

/// The number of a client, given in the order of connection and never given again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClientId(pub u64);

/// What a client tells of itself (`CLIENT SETNAME`, `CLIENT SETINFO`).
#[derive(Clone, Default, Debug)]
pub struct ClientNames {
    /// `CLIENT SETNAME`.
    pub name: Vec<u8>,
    /// `CLIENT SETINFO LIB-NAME`.
    pub library: Vec<u8>,
    /// `CLIENT SETINFO LIB-VER`.
    pub library_version: Vec<u8>,
}

/// Where a connection comes from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The client's address, as CLIENT LIST shows it (`ip:port`, or `path:0` of a Unix socket).
    pub address: String,
    /// The address that it connected to.
    pub local_address: String,
    /// Whether it came by a Unix socket.
    pub is_unix: bool,
    /// Whether it came from this machine.
    pub is_local: bool,
    /// The file descriptor of its socket.
    pub descriptor: i32,
    /// Which worker serves it.
    pub worker: usize,
}

/// What other threads may know of a session. Its own thread writes it, once a batch; any thread may set `kill` and wake it.
pub struct Client {
    /// Its number.
    pub id: ClientId,
    /// Where it comes from.
    pub origin: Origin,
    /// When it connected.
    pub connected_at: UnixMillis,
    /// What it tells of itself.
    pub names: Mutex<ClientNames>,
    /// The database that it has selected.
    pub database: AtomicUsize,
    /// Whether it speaks RESP3.
    pub is_resp3: AtomicBool,
    /// When it last sent something, or was told what it had waited for, in milliseconds of monotonic time.
    pub last_active_millis: AtomicU64,
    /// The index in the command table of its last command, plus one; 0 before the first.
    pub last_command: AtomicUsize,
    /// How many commands it has run.
    pub commands: AtomicU64,
    /// How many bytes it has sent.
    pub input_bytes: AtomicU64,
    /// How many bytes it was sent.
    pub output_bytes: AtomicU64,
    /// How many bytes of it are waiting to be decoded.
    pub query_buffer_bytes: AtomicUsize,
    /// How many bytes of replies, and of messages that were taken from its mailbox, are waiting to be sent to it.
    pub pending_output_bytes: AtomicUsize,
    /// What is counted of its memory among that of all clients.
    counted_bytes: AtomicUsize,
    /// How many commands wait for its EXEC; -1 outside a transaction.
    pub transaction_commands: AtomicI64,
    /// What these take, in bytes.
    pub transaction_bytes: AtomicUsize,
    /// How many keys it watches.
    pub watched_keys: AtomicUsize,
    /// What is kept for it beside: keys that it watches, prefixes that it tracks, the request that it waits with; in bytes.
    pub kept_bytes: AtomicUsize,
    /// What it is and does: bits of `flag`.
    pub flags: AtomicU32,
    /// What it listens to.
    pub(crate) subscriptions: Mutex<Subscriptions>,
    pub(crate) mailbox: Mailbox,
    kill: AtomicBool,
    /// Whether it is disconnected because it left too much unread.
    has_outgrown: AtomicBool,
    /// Whether it is disconnected because all clients together took too much.
    is_evicted: AtomicBool,
    /// Whether its connection has ended.
    has_left: AtomicBool,
    /// The number of the client that gets its notices (CLIENT TRACKING); 0 where it gets them itself.
    redirect: AtomicU64,
    waker: Mutex<Option<Waker>>,
}

/// Bits of [`Client::flags`].
pub mod flag {
    /// `CLIENT NO-EVICT ON`.
    pub const NO_EVICT: u32 = 1;
    /// `CLIENT NO-TOUCH ON`.
    pub const NO_TOUCH: u32 = 2;
    /// READONLY was sent.
    pub const READONLY: u32 = 4;
    /// Waits until CLIENT PAUSE ends.
    pub const PAUSED: u32 = 8;
    /// Will be closed when its output is written.
    pub const CLOSING: u32 = 16;
    /// Waits for a key.
    pub const BLOCKED: u32 = 32;
    /// Listens to channels.
    pub const SUBSCRIBED: u32 = 1 << 8;
    /// Is told when keys change (CLIENT TRACKING).
    pub const TRACKING: u32 = 1 << 9;
    /// Is told of all keys with a prefix (CLIENT TRACKING BCAST).
    pub const BROADCAST: u32 = 1 << 10;
    /// The client that was to be told instead has gone.
    pub const BROKEN_REDIRECT: u32 = 1 << 11;
    /// Is shown all commands (MONITOR).
    pub const MONITOR: u32 = 1 << 12;
    /// Is a replica: it is sent the stream.
    pub const REPLICA: u32 = 1 << 13;
    /// The command that follows, or runs, was sent here by an ASK redirection.
    pub const ASKING: u32 = 1 << 15;
    /// Is the primary: its stream is run.
    pub const PRIMARY: u32 = 1 << 14;
}

impl Client {
    /// One that nobody knows of yet.
    pub(crate) fn new(id: ClientId, origin: Origin, wall: UnixMillis, now: Monotonic) -> Client {
        Client {
            id,
            origin,
            connected_at: wall,
            names: Mutex::default(),
            database: AtomicUsize::new(0),
            is_resp3: AtomicBool::new(false),
            last_active_millis: AtomicU64::new(now.millis()),
            last_command: AtomicUsize::new(0),
            commands: AtomicU64::new(0),
            input_bytes: AtomicU64::new(0),
            output_bytes: AtomicU64::new(0),
            query_buffer_bytes: AtomicUsize::new(0),
            pending_output_bytes: AtomicUsize::new(0),
            counted_bytes: AtomicUsize::new(0),
            transaction_commands: AtomicI64::new(-1),
            transaction_bytes: AtomicUsize::new(0),
            watched_keys: AtomicUsize::new(0),
            kept_bytes: AtomicUsize::new(0),
            flags: AtomicU32::new(0),
            subscriptions: Mutex::default(),
            mailbox: Mailbox::default(),
            kill: AtomicBool::new(false),
            has_outgrown: AtomicBool::new(false),
            is_evicted: AtomicBool::new(false),
            has_left: AtomicBool::new(false),
            redirect: AtomicU64::new(0),
            waker: Mutex::new(None),
        }
    }

    /// Remembers how to wake the task that serves the client.
    pub fn set_waker(&self, waker: &Waker) {
        *self.waker.lock() = Some(waker.clone());
    }

    /// Asks for the client to be disconnected, and wakes its task.
    pub fn kill(&self) {
        self.kill.store(true, Relaxed);
        self.wake();
    }

    /// Has it disconnected because it has left too much unread.
    pub fn kill_for_unread(&self) {
        self.has_outgrown.store(true, Relaxed);
        self.kill();
    }

    /// Whether it is disconnected because it left too much unread.
    #[must_use]
    pub fn has_outgrown(&self) -> bool {
        self.has_outgrown.load(Relaxed)
    }

    /// Has it disconnected because all clients together take too much.
    pub(crate) fn evict(&self) {
        self.is_evicted.store(true, Relaxed);
        self.kill();
    }

    /// Whether it is disconnected because all clients together took too much.
    #[must_use]
    pub fn is_evicted(&self) -> bool {
        self.is_evicted.load(Relaxed)
    }

    /// Whether its connection has ended, or is about to.
    pub(crate) fn has_left(&self) -> bool {
        self.has_left.load(Relaxed) || self.is_killed()
    }

    /// Sets who gets its notices.
    pub(crate) fn set_redirect(&self, target: Option<ClientId>) {
        self.redirect.store(target.map_or(0, |id| id.0), Relaxed);
    }

    /// As CLIENT LIST tells who gets its notices: 0 where that is itself, -1 where there are none.
    pub(crate) fn told_redirect(&self) -> i64 {
        if self.has_flag(flag::TRACKING) { self.redirect.load(Relaxed) as i64 } else { -1 }
    }

    /// Puts a message in its mailbox and wakes its task. A client that leaves more than `unread_bytes_max` unread (0: no limit) is disconnected.
    pub(crate) fn post(&self, message: MessageBytes, unread_bytes_max: u64) {
        if self.is_killed() {
            return;
        }
        let is_first = self.mailbox.push(message);
        if unread_bytes_max != 0 && self.unread_bytes() as u64 > unread_bytes_max {
            self.kill_for_unread();
        } else if is_first {
            self.wake();
        }
    }

    /// Whether messages wait to be sent to it.
    #[inline]
    #[must_use]
    pub fn has_messages(&self) -> bool {
        self.mailbox.has_messages()
    }

    /// How many bytes of output it has not taken yet, messages included.
    #[must_use]
    pub fn unread_bytes(&self) -> usize {
        self.pending_output_bytes.load(Relaxed) + self.mailbox.bytes()
    }

    /// Which of the limits of unread output is its.
    #[must_use]
    pub fn output_limit<'l>(&self, limits: &'l OutputLimits) -> &'l OutputLimit {
        if self.has_flag(flag::REPLICA) {
            &limits.replica
        } else if self.has_flag(flag::SUBSCRIBED) {
            &limits.pubsub
        } else {
            &limits.normal
        }
    }

    /// Whether it is disconnected when it has sent nothing for too long (`timeout`): not while it listens, is shown commands, waits
    /// for an answer, or is a replica or the primary.
    #[must_use]
    pub fn may_idle_out(&self) -> bool {
        let others = flag::SUBSCRIBED | flag::MONITOR | flag::BLOCKED | flag::PAUSED;
        !self.has_flag(others | flag::REPLICA | flag::PRIMARY)
    }

    /// The protocol that it speaks.
    pub(crate) fn protocol(&self) -> Protocol {
        if self.is_resp3.load(Relaxed) { Protocol::Resp3 } else { Protocol::Resp2 }
    }

    /// Whether it is to be disconnected.
    #[inline]
    #[must_use]
    pub fn is_killed(&self) -> bool {
        self.kill.load(Relaxed)
    }

    /// Wakes the task that serves the client.
    pub fn wake(&self) {
        if let Some(waker) = &*self.waker.lock() {
            waker.wake_by_ref();
        }
    }

    /// Sets or clears a flag.
    pub fn set_flag(&self, bit: u32, on: bool) {
        if on {
            self.flags.fetch_or(bit, Relaxed);
        } else {
            self.flags.fetch_and(!bit, Relaxed);
        }
    }

    /// Sets or clears a flag, without a locked instruction where it is so already.
    pub fn set_flag_if_changed(&self, bit: u32, on: bool) {
        if self.has_flag(bit) != on {
            self.set_flag(bit, on);
        }
    }

    /// Whether a flag is set, or one of several.
    #[must_use]
    pub fn has_flag(&self, bit: u32) -> bool {
        self.flags.load(Relaxed) & bit != 0
    }

    /// Counts bytes that it has sent. Only its own thread may.
    pub(crate) fn add_input(&self, bytes: u64) {
        self.input_bytes.store(self.input_bytes.load(Relaxed) + bytes, Relaxed);
    }

    /// Counts bytes of replies to it. Only its own thread may.
    pub(crate) fn add_output(&self, bytes: u64) {
        self.output_bytes.store(self.output_bytes.load(Relaxed) + bytes, Relaxed);
    }

    /// The memory that it takes: what is known of it, its session, what is kept for it, and what waits to be decoded or sent.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let names = self.names.lock();
        size_of::<Client>()
            + size_of::<Session>()
            + self.origin.address.len()
            + self.origin.local_address.len()
            + names.name.len()
            + names.library.len()
            + names.library_version.len()
            + self.query_buffer_bytes.load(Relaxed)
            + self.unread_bytes()
            + self.transaction_bytes.load(Relaxed)
            + self.kept_bytes.load(Relaxed)
            + self.subscriptions.lock().memory_bytes()
    }

    /// RESET: forgets what it has set; what it has told of its library stays.
    pub(crate) fn reset(&self) {
        self.names.lock().name.clear();
        self.database.store(0, Relaxed);
        self.is_resp3.store(false, Relaxed);
        for bit in [flag::NO_EVICT, flag::NO_TOUCH, flag::READONLY, flag::ASKING] {
            self.set_flag(bit, false);
        }
    }

    /// Whole seconds since it last sent something.
    #[must_use]
    pub fn idle_seconds(&self, now: Monotonic) -> u64 {
        now.millis().saturating_sub(self.last_active_millis.load(Relaxed)) / 1000
    }
}

/// What clients take of memory.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct ClientsMemory {
    /// All that they take, in bytes.
    pub bytes: usize,
    /// The most that one of them has waiting to be decoded, in bytes.
    pub query_buffer_max: usize,
    /// The most that one of them has waiting to be sent, in bytes.
    pub output_max: usize,
}

/// All connected clients.
#[derive(Default)]
pub struct Clients {
    by_id: DashMap<ClientId, Arc<Client>>,
    connected: AtomicUsize,
    counted_bytes: AtomicI64,
    last_id: AtomicU64,
}

impl Clients {
    /// Registers a new connection, unless there are `clients_max` already.
    pub fn connect(
        &self,
        origin: Origin,
        clients_max: usize,
        wall: UnixMillis,
        now: Monotonic,
    ) -> Option<Arc<Client>> {
        let admitted = self.connected.fetch_update(Relaxed, Relaxed, |connected| {
            (connected < clients_max).then_some(connected + 1)
        });
        admitted.ok()?;
        let id = ClientId(self.last_id.fetch_add(1, Relaxed) + 1);
        let client = Arc::new(Client::new(id, origin, wall, now));
        self.by_id.insert(id, Arc::clone(&client));
        Some(client)
    }

    /// Forgets a connection that has ended, or was never served.
    pub fn disconnect(&self, id: ClientId) {
        if let Some((_, client)) = self.by_id.remove(&id) {
            client.has_left.store(true, Relaxed);
            self.connected.fetch_sub(1, Relaxed);
            self.count_bytes(&client, 0);
        }
    }

    /// What all clients take of memory, in bytes: as it was last counted, without those that have gone since.
    #[must_use]
    pub fn counted_bytes(&self) -> u64 {
        self.counted_bytes.load(Relaxed).max(0) as u64
    }

    /// Counts anew what a client takes, and gives it. One that is being disconnected gives its memory back.
    pub(crate) fn count(&self, client: &Client) -> usize {
        let bytes = if client.is_killed() { 0 } else { client.memory_bytes() };
        self.count_bytes(client, bytes);
        // It may have left meanwhile: then nobody else takes it out.
        if client.has_left.load(Relaxed) {
            self.count_bytes(client, 0);
        }
        bytes
    }

    fn count_bytes(&self, client: &Client, bytes: usize) {
        // In an order with that of others, and with whether it has left.
        let before = client.counted_bytes.swap(bytes, AcqRel);
        self.counted_bytes.fetch_add(bytes as i64 - before as i64, Relaxed);
    }

    /// How many clients are connected.
    #[must_use]
    pub fn connected(&self) -> usize {
        self.connected.load(Relaxed)
    }

    /// Counts anew what every client takes, and gives the sum. For the timer: whoever else looks at a client may find messages in its mailbox
    /// that are about to be sent, and if they are of keys that were evicted, more would be.
    pub(crate) fn count_all(&self) -> usize {
        // None of them can be forgotten while it is looked at.
        self.by_id.iter().map(|client| self.count(&client)).sum()
    }

    /// What all clients take of memory.
    #[must_use]
    pub fn memory(&self) -> ClientsMemory {
        let mut all = ClientsMemory::default();
        for client in &self.by_id {
            all.bytes += client.memory_bytes();
            let query_buffer = client.query_buffer_bytes.load(Relaxed);
            all.query_buffer_max = all.query_buffer_max.max(query_buffer);
            all.output_max = all.output_max.max(client.unread_bytes());
        }
        all
    }

    /// The client of this number.
    #[must_use]
    pub fn find(&self, id: ClientId) -> Option<Arc<Client>> {
        self.by_id.get(&id).map(|entry| Arc::clone(&entry))
    }

    /// Wakes all clients that bear a flag.
    pub fn wake_flagged(&self, bit: u32) {
        self.by_id.iter().filter(|client| client.has_flag(bit)).for_each(|client| client.wake());
    }

    /// All clients at this moment that are not being disconnected, in the order in which they connected.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Client>> {
        let mut all: Vec<_> = self
            .by_id
            .iter()
            .filter(|client| !client.is_killed())
            .map(|entry| Arc::clone(&entry))
            .collect();
        all.sort_unstable_by_key(|client| client.id);
        all
    }
}
