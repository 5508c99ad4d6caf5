//! MIGRATE: keys leave for another node.
//!
//! # Design
//!
//! A session dumps its keys under their slots' locks and hands what is to be sent to the shell, which carries it while other clients
//! go on. Until the other node has confirmed, the keys stand here and are read here, but not written: whoever wants to waits until
//! they have left or are free again ([`Leaving`]). So nothing that was acknowledged is lost, and nothing that has left comes back.
//!
//! ```text
//!   session: dump, mark ──► shell: send, read replies ──► finish: remove what was confirmed, unmark, reply
//! ```
//!
//! A slot with a marked key is not served whole, so that nobody pays for the marks who writes to other slots.

mod command;
mod leaving;

pub(crate) use command::COMMANDS;
pub(crate) use leaving::Leaving;

use crate::clients::Client;
use crate::clients::flag;
use crate::node::Node;
use crate::worker::{Now, Worker};
use base::{Slot, number};
use engine::EventClass;
use parking_lot::Mutex;
use resp::{Protocol, Reply};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Keys that leave: what the shell has to carry.
pub struct Departure {
    /// Where to.
    pub host: String,
    /// The client port there.
    pub port: u16,
    /// How long the other node may be silent.
    pub patience: Duration,
    /// AUTH, as a request; empty where there is none.
    pub auth: Vec<u8>,
    /// The database that the keys are for.
    pub database: i64,
    /// The requests that make the keys, one for each.
    pub requests: Vec<u8>,
    keys: Vec<Box<[u8]>>,
    /// Whether the keys stay here, too.
    copies: bool,
    source_database: usize,
    client: Arc<Client>,
    answer: Arc<Mutex<Option<Answer>>>,
}

impl Departure {
    /// How many replies the requests have.
    #[must_use]
    pub fn requests_count(&self) -> usize {
        self.keys.len()
    }
}

/// How far the shell has come with a departure.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Carried {
    /// What the other node has said of each key, as far as it has: nothing against it, or an error.
    pub replies: Vec<Result<(), Vec<u8>>>,
    /// What it has said against AUTH or SELECT: then nothing it said of keys counts.
    pub refusal: Option<Vec<u8>>,
    /// What broke the connection.
    pub failure: Option<Failure>,
}

/// What broke a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// It was not opened.
    Connect,
    /// Something could not be sent.
    Write,
    /// A reply did not come.
    Read,
}

impl Failure {
    const fn text(self) -> &'static str {
        match self {
            Failure::Connect => "IOERR error or timeout connecting to the client",
            Failure::Write => "IOERR error or timeout writing to target instance",
            Failure::Read => "IOERR error or timeout reading from target instance",
        }
    }
}

/// What a client waits for.
pub(crate) struct DepartureWait {
    answer: Arc<Mutex<Option<Answer>>>,
}

/// What a client is answered.
pub(crate) struct Answer {
    pub(crate) reply: Vec<u8>,
    pub(crate) log_offset: u64,
}

impl DepartureWait {
    pub(crate) fn take(&self) -> Option<Answer> {
        self.answer.lock().take()
    }
}

impl Worker {
    /// Removes the keys that the other node has, lets those be written that it has not, and answers the client.
    pub fn finish_departure(&mut self, departure: Departure, carried: &Carried, now: Now) {
        self.tuning.renew(&self.node.settings);
        let node = &*self.node;
        let moment = node.moment(&self.tuning, now);
        let Departure { keys, client, source_database, copies, .. } = &departure;
        let mut log_offset = 0;
        if !copies {
            let confirmed = carried.confirmed();
            let all = keys.iter().map(|key| &**key);
            let mut access = node.keyspace.hold_keys(all, *source_database, self.id, moment);
            let mut edit = access.edit();
            let left = keys.iter().zip(confirmed).filter(|(_, confirmed)| *confirmed);
            let left: Vec<&[u8]> =
                left.map(|(key, _)| &**key).filter(|key| edit.remove(key)).collect();
            for key in &left {
                edit.notify(EventClass::Generic, "del", key);
                edit.changed(1);
            }
            if !left.is_empty() && edit.logs() {
                edit.log_words(std::iter::once(&b"DEL"[..]).chain(left.iter().copied()));
            }
            let slots: BTreeSet<Slot> = keys.iter().map(|key| Slot::of_key(key)).collect();
            let waiting = node.leaving.end(*source_database, keys);
            for slot in slots {
                access.mark_served(slot, node.serves_whole(slot));
            }
            if let Some(offset) = node.log_effects(self.id, &mut access) {
                log_offset = offset;
            }
            node.conclude(access, self.id, moment, Some(client.id));
            node.announce_log(self.id);
            waiting.iter().for_each(|client| client.wake());
        }
        let mut reply = Vec::new();
        carried.answer(&mut Reply::new(&mut reply, Protocol::Resp2));
        *departure.answer.lock() = Some(Answer { reply, log_offset });
        client.set_flag(flag::BLOCKED, false);
        client.wake();
    }
}

impl Carried {
    /// Which of the keys the other node has, in their order; shorter than they are where it did not tell of all.
    fn confirmed(&self) -> impl Iterator<Item = bool> {
        let is_refused = self.refusal.is_some();
        self.replies.iter().map(move |reply| reply.is_ok() && !is_refused)
    }

    fn answer(&self, reply: &mut Reply<'_>) {
        let refused = || self.replies.iter().find_map(|reply| reply.as_ref().err());
        if let Some(error) = self.refusal.as_ref().or_else(refused) {
            let text = [&b"ERR Target instance replied with error: "[..], error].concat();
            reply.error_bytes(&text);
        } else if let Some(failure) = self.failure {
            reply.error_bytes(failure.text().as_bytes());
        } else {
            reply.ok();
        }
    }
}

impl Node {
    /// Whether commands for a slot need not ask anything about it. Asked while it is held, so that what is done with the answer is in
    /// order.
    pub(crate) fn serves_whole(&self, slot: Slot) -> bool {
        let is_open = self.cluster.as_ref().is_some_and(|one| !one.view().serves_whole(slot));
        !is_open && !self.leaving.any_of(slot)
    }
}

/// Appends the request that makes a key elsewhere.
fn push_restore(
    out: &mut Vec<u8>,
    (name, key, payload): (&[u8], &[u8], &[u8]),
    ttl: i64,
    replaces: bool,
) {
    number::with_digits(ttl, |ttl| {
        let words = [name, key, ttl, payload, b"REPLACE"];
        let count = words.len() - usize::from(!replaces);
        resp::push_request(out, words[..count].iter().copied());
    });
}
