//! Clients that wait for a key to hold something.
//!
//! # Design
//!
//! A command that finds nothing registers with its keys while it still holds their slots, so that no change goes by unseen. Whoever changes a key that
//! somebody waits for serves those that wait, in the order in which they came, before he releases the slot: nobody else sees the
//! element. He runs the waiting command itself ([`commands::Blocking::attempt`]) with the key that became ready, keeps its reply with the waiting
//! client, and wakes its task. Where those that wait need another slot too (BLMOVE), a command holds that as well before it changes their key; what was changed
//! without it is served after that slot has been locked, too.
//!
//! ```text
//!   Waiting ──► Served (with the reply) ──► taken by the client's own task
//!      └──────► Ended (the client went away)
//! ```
//!
//! A waiting client leaves `Waiting` once, under its own lock: it is served by one change of one key, or by its timeout, or by CLIENT UNBLOCK.

mod begin;
mod serve;

pub(crate) use begin::Wait;

use crate::clients::{Client, flag};
use crate::node::Node;
use base::{Monotonic, Slot};
use commands::{Blocking, CommandError};
use dashmap::DashMap;
use engine::{Access, Keyspace, WaiterId, kind};
use parking_lot::Mutex;
use resp::{Protocol, Reply, StoredRequests};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// A client that waits, and the command that it waits with.
pub(crate) struct Blocked {
    id: WaiterId,
    client: Arc<Client>,
    request: StoredRequests,
    blocking: Blocking,
    protocol: Protocol,
    database: usize,
    keys: Vec<Box<[u8]>>,
    /// When it waits no longer.
    pub(crate) deadline: Option<Monotonic>,
    state: Mutex<State>,
}

enum State {
    Waiting,
    Served(Served),
    Ended,
}

/// What a client gets that has waited.
#[derive(Default)]
pub(crate) struct Served {
    pub(crate) reply: Vec<u8>,
    /// The offset of the log up to which it tells of what was done for the client; 0 where nothing was.
    pub(crate) log_offset: u64,
    /// The same of what the client is shown, where that is noted.
    pub(crate) shown_up_to: u64,
}

/// How a client is told that it waits no longer (CLIENT UNBLOCK).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unblock {
    /// As if its time were up.
    Timeout,
    /// With an error.
    Error,
    /// With the error that the node has become a replica; then it is disconnected, to find its way to the primary.
    RoleChange,
}

impl Blocked {
    /// Whether the client waits, and a key whose slot is held may have something for it.
    fn can_be_served(&self, access: &mut Access<'_>, key: &[u8]) -> bool {
        matches!(*self.state.lock(), State::Waiting) && self.is_served_from(access, key)
    }

    fn is_served_from(&self, access: &mut Access<'_>, key: &[u8]) -> bool {
        self.blocking.wakes_without_key
            || access.view().peek(key).map(kind) == Some(self.blocking.kind)
    }

    /// Serves the client from a key whose slot is held, with all else that its command needs, and logs what that did.
    fn serve(&self, node: &Node, access: &mut Access<'_>, key: &[u8]) {
        let mut state = self.state.lock();
        if !matches!(*state, State::Waiting) || !self.is_served_from(access, key) {
            return;
        }
        let mut out = Vec::new();
        let args = self.request.args(0);
        let mut reply = Reply::new(&mut out, self.protocol);
        match (self.blocking.attempt)(&mut access.edit(), args, Some(key), &mut reply) {
            Ok(commands::Attempt::Wait) => return,
            Ok(commands::Attempt::Served) => {}
            Err(error) => {
                out.clear();
                Reply::new(&mut out, self.protocol).error_bytes(&error.text());
            }
        }
        let log_offset = node.log_effects(node.control(), access).unwrap_or(0);
        let shown_up_to = node.last_changes().map_or(0, |changes| changes.of(access.slots()));
        *state = State::Served(Served { reply: out, log_offset, shown_up_to });
        drop(state);
        self.client.wake();
    }

    /// Serves the client with the reply of one that waits no longer; whether it waited.
    fn unblock(&self, how: Unblock) -> bool {
        let is_closing = how == Unblock::RoleChange;
        self.answer(is_closing, |reply| match how {
            // Whatever the command would answer where it may not wait.
            Unblock::Timeout => reply.null_array(),
            Unblock::Error => reply.error_bytes(&UNBLOCKED.text()),
            Unblock::RoleChange => reply.error_bytes(&ROLE_CHANGED.text()),
        })
    }

    /// The same with this reply; `is_closing` where the client is disconnected then.
    fn answer(&self, is_closing: bool, write: impl FnOnce(&mut Reply<'_>)) -> bool {
        let mut state = self.state.lock();
        if !matches!(*state, State::Waiting) {
            return false;
        }
        let mut out = Vec::new();
        write(&mut Reply::new(&mut out, self.protocol));
        *state = State::Served(Served { reply: out, ..Served::default() });
        drop(state);
        if is_closing {
            self.client.set_flag(flag::CLOSING, true);
        }
        self.client.wake();
        true
    }

    /// The argument that is another key that the command needs.
    fn destination(&self) -> Option<&[u8]> {
        self.blocking.destination.and_then(|index| self.request.args(0).get(index))
    }

    /// The memory that the request takes, in bytes.
    pub(crate) fn request_bytes(&self) -> usize {
        self.request.memory_bytes()
    }

    fn forget_keys(&self, keyspace: &Keyspace) {
        for key in &self.keys {
            keyspace.end_wait(self.database, key, self.id);
        }
    }
}

/// What a client is told that was unblocked with an error.
pub(crate) const UNBLOCKED: CommandError =
    CommandError::Text("UNBLOCKED client unblocked via CLIENT UNBLOCK");

/// What those are told who waited when the node became a replica.
pub(crate) const ROLE_CHANGED: CommandError = CommandError::Text(
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
);

/// All clients that wait.
#[derive(Default)]
pub(crate) struct BlockedClients(DashMap<WaiterId, Arc<Blocked>>);

impl BlockedClients {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// How many of them wait only for a time.
    pub(crate) fn with_deadline(&self) -> usize {
        self.0.iter().filter(|blocked| blocked.deadline.is_some()).count()
    }

    /// How many keys are waited for by clients that are also told when such a key goes.
    pub(crate) fn keys_that_may_go(&self) -> usize {
        let told = self.0.iter().filter(|blocked| blocked.blocking.wakes_without_key);
        let keys: BTreeSet<Box<[u8]>> = told.flat_map(|blocked| blocked.keys.clone()).collect();
        keys.len()
    }

    fn find(&self, id: WaiterId) -> Option<Arc<Blocked>> {
        self.0.get(&id).map(|blocked| Arc::clone(&blocked))
    }

    /// Lets a client wait no longer; whether it waited.
    pub(crate) fn unblock(&self, client: u64, how: Unblock) -> bool {
        self.find(WaiterId(client)).is_some_and(|blocked| blocked.unblock(how))
    }

    /// Lets nobody wait any longer.
    pub(crate) fn unblock_all(&self, how: Unblock) {
        let all: Vec<_> = self.0.iter().map(|blocked| Arc::clone(&blocked)).collect();
        all.iter().for_each(|blocked| {
            blocked.unblock(how);
        });
    }

    /// Sends those elsewhere whose slot `refusal` speaks of. In a cluster all keys of one are of one slot.
    pub(crate) fn redirect(&self, refusal: impl Fn(Slot) -> Option<String>) {
        let all: Vec<_> = self.0.iter().map(|blocked| Arc::clone(&blocked)).collect();
        for blocked in all {
            let slot = blocked.keys.first().map(|key| Slot::of_key(key));
            if let Some(text) = slot.and_then(&refusal) {
                blocked.answer(false, |reply| reply.error_bytes(text.as_bytes()));
            }
        }
    }

    /// What a client gets that has been served, or whose time is up; `None` while it waits. No slot may be held.
    pub(crate) fn take_reply(
        &self,
        blocked: &Blocked,
        now: Monotonic,
        keyspace: &Keyspace,
    ) -> Option<Served> {
        if blocked.deadline.is_some_and(|deadline| deadline <= now) {
            blocked.unblock(Unblock::Timeout);
        }
        let served = {
            let mut state = blocked.state.lock();
            match &mut *state {
                State::Waiting | State::Ended => return None,
                State::Served(served) => std::mem::take(served),
            }
        };
        // From here on its idle time counts again.
        blocked.client.last_active_millis.store(now.millis(), Relaxed);
        self.end(blocked, keyspace);
        Some(served)
    }

    /// Forgets a client that does not wait any more, or that goes away. No slot may be held.
    pub(crate) fn end(&self, blocked: &Blocked, keyspace: &Keyspace) {
        *blocked.state.lock() = State::Ended;
        self.0.remove(&blocked.id);
        blocked.forget_keys(keyspace);
        blocked.client.set_flag(flag::BLOCKED, false);
    }
}
