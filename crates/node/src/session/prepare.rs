//! Looking ahead: what can be known of requests before they run, and bringing their memory in.
//!
//! A request on a key misses the cache again and again, and each miss waits for the one before: the slot, the bucket, the record, and then what a large value
//! has the member in that the request works on. So requests are decoded
//! and looked up some at a time, and their misses overlap: those of one connection's pipeline, and those of several connections that have sent one request each
//! ([`Session::look_ahead`]).

use super::{Session, WINDOW};
use crate::node::Node;
use crate::worker::Worker;
use base::Slot;
use engine::Keyspace;
use resp::{Args, Requests};
use std::ops::Range;

/// How many requests are decoded before the first of them runs, of all connections of a worker together. Their slots, buckets and records,
/// some five lines each, are 80 KiB: more than a first-level cache holds, and less than a second-level one.
const AHEAD_MAX: usize = 256;

/// So many windows pass without a look for members, where none of those that were looked at is in a large value: to look costs some hundredths of a
/// command on a small one.
const WINDOWS_WITHOUT_MEMBERS: u8 = 15;

/// The slot and the hash of a request's first key, where the keys stand in the simple way.
pub(crate) type KnownKey = Option<(Slot, u64)>;

/// A request whose command was looked up and whose first key was hashed.
#[derive(Clone, Copy)]
pub(super) struct Prepared {
    /// Where in the table its command stands, unless there is none of this name.
    pub(super) command: Option<u16>,
    pub(super) key: KnownKey,
}

impl Prepared {
    /// What `args` say, and where the member stands that the command works on, if it does. The command is looked for in the table unless it is the one
    /// before.
    #[inline]
    fn new<'a>(
        node: &Node,
        args: Args<'a>,
        before: &mut Option<(&'a [u8], u16)>,
    ) -> (Prepared, Option<i64>) {
        let name = args.name();
        let command = match *before {
            Some((same, command)) if same == name => Some(command),
            Some(_) | None => node.table.position(name),
        };
        *before = command.map(|command| (name, command));
        let entry = command.map(|command| node.table.at(command));
        let keys = entry.and_then(|entry| entry.keys);
        let key = keys.and_then(|keys| args.get(keys.first)).map(|key| {
            let slot = Slot::of_key(key);
            node.keyspace.prefetch_slot(slot);
            (slot, node.keyspace.hash(key))
        });
        (Prepared { command, key }, entry.and_then(|entry| entry.member))
    }
}

/// The member of its first key's value that a request works on.
struct Member {
    /// Which request of the window.
    request: usize,
    slot: Slot,
    /// The key's hash.
    key: u64,
    /// The member's own.
    hash: u64,
}

impl Member {
    /// The member that a request names at this place.
    // Apart, so that requests without one pay next to nothing for it.
    #[inline(never)]
    fn new(
        node: &Node,
        request: usize,
        key: KnownKey,
        (args, at): (Args<'_>, i64),
    ) -> Option<Member> {
        let (slot, key) = key?;
        let at = if at < 0 { args.len() as i64 + at } else { at };
        let member = args.get(usize::try_from(at).ok()?)?;
        Some(Member { request, slot, key, hash: node.keyspace.hash_member(member) })
    }

    fn is_of_same_key(&self, other: &Member) -> bool {
        (self.slot, self.key) == (other.slot, other.key)
    }
}

/// Requests that were decoded and looked up and have not run; kept for its memory.
#[derive(Default)]
pub(crate) struct Window {
    pub(super) requests: Requests,
    pub(super) prepared: Vec<Prepared>,
    /// The members that requests work on and that were not brought in.
    members: Vec<Member>,
    /// So many windows will pass before members are looked at again.
    without_members: u8,
    /// How many of them have had their memory brought in.
    brought_in: usize,
    /// How many sessions have looked ahead and not run yet.
    sessions: usize,
}

/// What a session has looked at and not run.
pub(super) struct Ahead {
    /// Which requests of the window.
    pub(super) requests: Range<usize>,
    /// Where in the input the first of them begins.
    pub(super) start: usize,
}

impl Window {
    /// How many sessions have looked ahead and not run yet.
    pub(crate) fn sessions(&self) -> usize {
        self.sessions
    }

    /// Whether members are looked at in the next window.
    #[cfg(test)]
    pub(super) fn looks_for_members(&self) -> bool {
        self.without_members == 0
    }

    /// Looks up what was decoded from `input` and was not looked up yet.
    #[inline]
    pub(super) fn prepare(&mut self, node: &Node, input: &[u8]) {
        let mut before = None;
        // What is alone has nothing to overlap with.
        let looks_for_members = self.without_members == 0 && self.requests.len() > 1;
        for index in self.prepared.len()..self.requests.len() {
            let args = self.requests.args(index, input);
            let (one, member) = Prepared::new(node, args, &mut before);
            self.prepared.push(one);
            if let Some(at) = member
                && looks_for_members
            {
                self.members.extend(Member::new(node, index, one.key, (args, at)));
            }
        }
    }

    /// Brings in the buckets, then the records, of all first keys, then what members are found by: each step's misses overlap instead of following each other.
    #[inline]
    pub(super) fn bring_in(&mut self, keyspace: &Keyspace) {
        let keys = self.prepared[self.brought_in..].iter().filter_map(|one| one.key);
        self.brought_in = self.prepared.len();
        for (slot, hash) in keys.clone() {
            keyspace.prefetch_bucket(slot, hash);
        }
        for (slot, hash) in keys {
            keyspace.prefetch_record(slot, hash);
        }
        if self.members.len() > 1 {
            self.bring_in_members(keyspace);
        } else {
            self.members.clear();
            self.without_members = self.without_members.saturating_sub(1);
        }
    }

    /// Brings in what the look-ups of members in large values read: one access to memory after the other, each for all members, so that their misses overlap.
    #[inline(never)]
    fn bring_in_members(&mut self, keyspace: &Keyspace) {
        let take = |step| {
            let mut goes_on = false;
            for members in self.members.chunk_by(Member::is_of_same_key) {
                let hashes = members.iter().map(|member| member.hash);
                let key = (members[0].slot, members[0].key);
                goes_on |= keyspace.prefetch_members(key, hashes, step);
            }
            goes_on
        };
        let mut step = 0;
        while take(step) {
            step += 1;
        }
        if step == 0 {
            self.without_members = WINDOWS_WITHOUT_MEMBERS;
        }
        self.members.clear();
    }

    /// Forgets the requests from `length` on.
    #[inline]
    pub(super) fn truncate(&mut self, length: usize) {
        self.requests.truncate(length);
        self.prepared.truncate(length);
        self.members.truncate(self.members.partition_point(|one| one.request < length));
        self.brought_in = self.brought_in.min(length);
    }

    /// A session that has looked ahead has run or is gone.
    pub(super) fn leave(&mut self) {
        self.sessions -= 1;
        if self.sessions == 0 {
            self.truncate(0);
        }
    }
}

impl Session {
    /// Decodes and looks up the first requests of `input`, so that their memory comes in together with that of other sessions' requests. False where that
    /// is of no use. [`Session::execute`] has to follow with the same input and worker, or [`Session::forget_ahead`].
    #[must_use]
    pub fn look_ahead(&mut self, worker: &mut Worker, input: &[u8]) -> bool {
        let Worker { node, window, tuning, .. } = worker;
        let first = window.requests.len();
        if self.state.database != 0 || !self.state.is_authenticated || first >= AHEAD_MAX {
            return false;
        }
        let start = self.decoder.consumed();
        let most = first + WINDOW;
        if self.decoder.decode(input, &tuning.limits, &mut window.requests, most).is_err() {
            // It shows again when the rest is decoded: from the beginning of the request, for half of it would be something else.
            self.decoder.rewind(self.decoder.consumed());
        }
        window.prepare(node, input);
        if window.prepared.len() == first {
            return false;
        }
        window.sessions += 1;
        self.ahead = Some(Ahead { requests: first..window.prepared.len(), start });
        window.prepared[first].key.is_some() && self.decoder.consumed() == input.len()
    }

    /// Forgets what the session has looked at and not run.
    pub fn forget_ahead(&mut self, worker: &mut Worker) {
        if self.ahead.take().is_some() {
            worker.window.leave();
        }
    }
}
