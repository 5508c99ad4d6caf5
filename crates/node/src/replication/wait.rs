//! WAIT and WAITAOF: a client waits until others have what it has written.

use crate::blocking::{ROLE_CHANGED, UNBLOCKED, Unblock};
use crate::clients::{Client, ClientId, flag};
use crate::node::Node;
use crate::pause::WaitReason;
use crate::session::{After, Context};
use base::{Monotonic, number};
use commands::{CommandError, Outcome, Timeout, parse_timeout_millis};
use engine::WorkerId;
use resp::{Args, Protocol, Reply};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

/// The request that has a replica say how far it is.
const QUESTION: &[&[u8]] = &[b"REPLCONF", b"GETACK", b"*"];

/// A client is to wait for a file that is not there.
const NO_FILE: CommandError = CommandError::Text(
    "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.",
);

/// What a client waits for.
pub(crate) struct ReplicaWait {
    /// The log up to here.
    offset: u64,
    /// So many replicas have it.
    replicas: usize,
    /// Whether it has to be on disks: here, and there.
    disks: Option<bool>,
    pub(crate) deadline: Option<Monotonic>,
    protocol: Protocol,
}

/// `WAIT numreplicas timeout`.
pub(super) fn wait(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if context.node.replication.is_replica() {
        return Err(CommandError::Text(
            "ERR WAIT cannot be used with replica instances. Please also note that if a replica is configured \
             to be writable (which is not the default) writes to replicas are just local and are not propagated.",
        ));
    }
    let replicas = number::parse_i64(&args[1]).ok_or(CommandError::NotInteger)?;
    // Of fewer than none there are always enough.
    let replicas = usize::try_from(replicas).unwrap_or(0);
    let deadline = parse_deadline(context, &args[2])?;
    wait_for(context, replicas, None, deadline, reply)
}

/// `WAITAOF numlocal numreplicas timeout`.
pub(super) fn wait_aof(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let here = match number::parse_i64(&args[1]) {
        None => return Err(CommandError::NotInteger),
        Some(0) => false,
        Some(1) => true,
        Some(_) => {
            return Err(CommandError::Text(
                "ERR value is out of range, value must between 0 and 1",
            ));
        }
    };
    let replicas = number::parse_i64(&args[2]).and_then(|count| usize::try_from(count).ok());
    let replicas =
        replicas.ok_or(CommandError::Text("ERR value is out of range, must be positive"))?;
    let deadline = parse_deadline(context, &args[3])?;
    if context.node.replication.is_replica() {
        return Err(CommandError::Text(
            "ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just local and \
             are not propagated.",
        ));
    }
    if here && !context.node.settings.current().persistence.appendonly {
        return Err(NO_FILE);
    }
    wait_for(context, replicas, Some(here), deadline, reply)
}

fn parse_deadline(context: &Context<'_>, text: &[u8]) -> Result<Option<Monotonic>, CommandError> {
    Ok(match parse_timeout_millis(text)? {
        Timeout::Millis(millis) => Some(context.now.monotonic + Duration::from_millis(millis)),
        Timeout::None | Timeout::Forever => None,
    })
}

fn wait_for(
    context: &mut Context<'_>,
    replicas: usize,
    disks: Option<bool>,
    deadline: Option<Monotonic>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let node = context.node;
    let wait = ReplicaWait {
        offset: context.state.log_offset,
        replicas,
        disks,
        deadline,
        protocol: reply.protocol(),
    };
    // Inside a transaction nobody waits.
    if node.is_waited_for(&wait) || context.held.is_some() || context.state.is_in_exec {
        node.push_waited(&wait, reply.output());
        return Ok(());
    }
    let client = &context.state.client;
    client.set_flag(flag::BLOCKED, true);
    node.replication.waiting.lock().push((Arc::clone(client), None));
    context.state.waiting = Some(wait);
    context.state.after = After::Block;
    if node.replication.is_replica() {
        // It has become one since the command was let in.
        node.unblock_replica_waits();
    }
    // They say by themselves how far they are only once a second.
    node.ask_for_acknowledgements(context.worker);
    Ok(())
}

impl Node {
    /// What a client has waited for, as it stands now.
    fn waited(&self, wait: &ReplicaWait) -> (bool, usize) {
        let state = self.replication.state.lock();
        let offset = wait.offset.wrapping_add_signed(state.shift);
        let has_it = |one: &&Arc<super::Replica>| {
            let acknowledged =
                if wait.disks.is_some() { &one.acknowledged_on_disk } else { &one.acknowledged };
            one.is_online() && acknowledged.load(SeqCst) >= offset
        };
        let replicas = state.replicas.iter().filter(has_it).count();
        drop(state);
        (self.is_synced(wait.offset), replicas)
    }

    /// Whether a client waits no longer.
    pub(crate) fn is_waited_for(&self, wait: &ReplicaWait) -> bool {
        let (here, replicas) = self.waited(wait);
        replicas >= wait.replicas && (here || wait.disks != Some(true))
    }

    /// Appends the reply to a client that has waited.
    pub(crate) fn push_waited(&self, wait: &ReplicaWait, out: &mut Vec<u8>) {
        let (here, replicas) = self.waited(wait);
        let mut reply = Reply::new(out, wait.protocol);
        if wait.disks.is_some() {
            // Without a file nothing is on the disk.
            let has_file = self.settings.current().persistence.appendonly;
            reply.array(2);
            reply.integer(i64::from(here && has_file));
        }
        reply.count(replicas);
    }

    /// How many clients wait for replicas.
    pub(crate) fn replica_waits(&self) -> usize {
        self.replication.waiting.lock().len()
    }

    /// Wakes the clients that wait for replicas, or for the append-only file to be synced, to look again.
    pub fn wake_waiting(&self) {
        self.replication.waiting.lock().iter().for_each(|(client, _)| client.wake());
    }

    /// The reply to a client that has waited for replicas, where they are there or its time is up.
    pub(crate) fn take_replica_wait(
        &self,
        wait: &ReplicaWait,
        client: &Client,
        now: Monotonic,
    ) -> Option<Vec<u8>> {
        let is_over = wait.deadline.is_some_and(|deadline| deadline <= now);
        let waiting = self.replication.waiting.lock();
        let unblocked =
            waiting.iter().find(|(one, _)| one.id == client.id).and_then(|(_, how)| *how);
        drop(waiting);
        // Nothing is synced any more: what has not been will not be.
        let has_ended = wait.disks == Some(true) && !self.settings.current().persistence.appendonly;
        if !is_over && unblocked.is_none() && !has_ended && !self.is_waited_for(wait) {
            return None;
        }
        self.end_replica_wait(client);
        let mut out = Vec::new();
        match unblocked {
            Some(Unblock::Error) => {
                Reply::new(&mut out, wait.protocol).error_bytes(&UNBLOCKED.text())
            }
            Some(Unblock::RoleChange) => {
                Reply::new(&mut out, wait.protocol).error_bytes(&ROLE_CHANGED.text());
            }
            None if has_ended => {
                Reply::new(&mut out, wait.protocol).error_bytes(&NO_FILE.text());
            }
            Some(Unblock::Timeout) | None => self.push_waited(wait, &mut out),
        }
        Some(out)
    }

    /// A client waits for replicas no longer.
    pub(crate) fn end_replica_wait(&self, client: &Client) {
        self.replication.waiting.lock().retain(|(one, _)| one.id != client.id);
        client.set_flag(flag::BLOCKED, false);
    }

    /// Lets a client wait for replicas no longer (CLIENT UNBLOCK); whether it did.
    pub(crate) fn unblock_replica_wait(&self, id: ClientId, how: Unblock) -> bool {
        let mut waiting = self.replication.waiting.lock();
        let Some((client, told)) = waiting.iter_mut().find(|(one, _)| one.id == id) else {
            return false;
        };
        *told = Some(how);
        client.wake();
        true
    }

    /// Lets nobody wait for replicas any longer: the node has become one.
    pub(super) fn unblock_replica_waits(&self) {
        for (client, told) in self.replication.waiting.lock().iter_mut() {
            *told = Some(Unblock::RoleChange);
            client.set_flag(flag::CLOSING, true);
            client.wake();
        }
    }

    /// Has replicas say how far they are.
    pub(super) fn ask_for_acknowledgements(&self, by: WorkerId) {
        // An offset that is waited for must not move on.
        let stands_still = self.pause.holds(WaitReason::Yielding);
        if !stands_still && !self.replication.state.lock().replicas.is_empty() {
            self.log_for_replicas(by, QUESTION);
            self.announce_log(by);
        }
    }

    /// Has replicas say how far they are where clients wait for that (`write-acks`), unless they were asked and have not answered: what is written meanwhile they are
    /// asked of together. For a worker whose turn ends, before it hands on what was logged.
    pub fn ask_for_acks(&self, by: WorkerId) {
        let asked = &self.replication.asked;
        if !self.pause.holds(WaitReason::Yielding) && self.takes_ack_question(asked.load(SeqCst)) {
            // The answer does not count the question.
            let end = self.log_end();
            self.log_for_replicas(by, QUESTION);
            asked.store(end, SeqCst);
        }
    }
}
