//! EXEC: the commands of a transaction as one.

use super::Transaction;
use super::queue::discarded;
use crate::session::{After, Context, Routed, TRANSACTION_OUT_OF_MEMORY, TRY_AGAIN, presence};
use crate::table::{Action, Entry};
use base::Slot;
use cluster::{KeySlots, Presence};
use commands::spec::{Flag, Group};
use commands::{CommandError, Outcome, Run};
use resp::{Args, Reply};

/// One command of a transaction.
struct Step<'a> {
    entry: Option<&'a Entry>,
    args: Args<'a>,
}

/// What may run while slots are held.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// It touches the keys that it declares.
    Keys,
    /// It goes over all keys.
    All,
    /// It may ask for other locks: nothing may be held.
    Nothing,
}

pub(super) fn exec(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let Some(transaction) = context.state.take_transaction() else {
        return Err(CommandError::Text("ERR EXEC without MULTI"));
    };
    let own = context.state.last_command;
    context.state.is_in_exec = true;
    let outcome = run(context, &transaction, reply);
    context.state.is_in_exec = false;
    if context.state.after == After::Wait {
        // Nothing of it has run, and all of it will.
        context.state.transaction = Some(transaction);
        return outcome;
    }
    // CLIENT LIST shows what the client sent last, which is EXEC.
    context.state.last_command = own;
    // What it held has been released by now, whatever came of it.
    context.state.watching.end(&context.node.keyspace);
    outcome
}

fn run(context: &mut Context<'_>, transaction: &Transaction, reply: &mut Reply<'_>) -> Outcome {
    if transaction.is_aborted() {
        return Err(CommandError::Text(
            "EXECABORT Transaction discarded because of previous errors.",
        ));
    }
    let node = context.node;
    let requests = transaction.requests();
    let steps: Vec<Step<'_>> = (0..requests.len())
        .map(|index| {
            let args = requests.args(index);
            let entry = node.table.find(args.name());
            let subcommand = entry.zip(args.get(1)).and_then(|(entry, one)| entry.subcommand(one));
            Step { entry: subcommand.or(entry), args }
        })
        .collect();
    let (routed, slots, keys) = keys_of(context, &steps);
    context.route_unless_served(routed, slots, Presence::default)?;
    let mut entries = steps.iter().filter_map(|step| step.entry);
    if let Some(needy) = entries.find(|entry| entry.spec.has(Flag::DenyOom))
        && !context.has_memory_for(needy)
    {
        return Err(TRANSACTION_OUT_OF_MEMORY);
    }
    let mut sections =
        steps.chunk_by(|a, b| (hold(a) == Hold::Nothing) == (hold(b) == Hold::Nothing));
    // The watches are looked at under the locks of the first section.
    let first = sections.next().unwrap_or_default();
    hold_section(context, first, &keys);
    if context.node.leaving.any() && waits_for_leaving(context, &steps, &keys) {
        context.release();
        return Ok(());
    }
    // The slot may have gone before it was held, and the data may have become others'. From here on all of it runs.
    let there = || {
        let keys = keys.iter().copied();
        context.held.as_ref().map_or_else(Presence::default, |held| presence(held, keys))
    };
    let served = context.route_unless_served(routed, slots, there);
    if let Err(error) = served.and_then(|()| check_foreign(context, &steps)) {
        context.release();
        return Err(error);
    }
    let watching = &context.state.watching;
    if context.held.as_mut().is_some_and(|held| watching.is_broken(held)) {
        // That something was changed is shown.
        context.state.has_looked = true;
        context.release();
        reply.null_array();
        return Ok(());
    }
    reply.array(steps.len());
    run_section(context, first, reply.output());
    for section in sections {
        hold_section(context, section, &[]);
        run_section(context, section, reply.output());
    }
    Ok(())
}

/// Whether something that a transaction writes is on its way to another node.
fn waits_for_leaving(context: &mut Context<'_>, steps: &[Step<'_>], keys: &[&[u8]]) -> bool {
    let writes = |step: &&Step<'_>| step.entry.is_some_and(|entry| entry.spec.has(Flag::Write));
    let mut writing = steps.iter().filter(writes);
    if writing.clone().any(|step| hold(step) == Hold::All) {
        return context.waits_for_all_leaving();
    }
    let writes = writing.next().is_some();
    context.waits_for_leaving(writes, keys.iter().copied())
}

/// Refuses all where one would be refused under what is held.
fn check_foreign(context: &Context<'_>, steps: &[Step<'_>]) -> Outcome {
    let Some(held) = &context.held else { return Ok(()) };
    let mut entries = steps.iter().filter_map(|step| step.entry);
    entries.try_for_each(|entry| context.state.check_foreign(held, entry)).map_err(|error| {
        // It is to be sent again as a whole.
        if error == TRY_AGAIN { error } else { discarded(error) }
    })
}

/// Holds what the commands of a section touch, what is watched, and the slots of these keys.
fn hold_section(context: &mut Context<'_>, section: &[Step<'_>], more: &[&[u8]]) {
    let watched = context.state.watching.len() > 0;
    if section.iter().all(|step| hold(step) == Hold::Nothing) && !watched && more.is_empty() {
        return;
    }
    if section.iter().any(|step| hold(step) == Hold::All) {
        context.hold_everything();
        return;
    }
    let mut keys: Vec<&[u8]> = more.to_vec();
    let mut positions = Vec::new();
    for Step { entry, args } in section {
        let Some(entry) = entry else { continue };
        // Where some keys cannot be told, the command asks for none of those.
        let _ = entry.spec.key_positions(*args, &mut positions);
        keys.extend(positions.iter().filter_map(|&position| args.get(position)));
    }
    context.hold_for_transaction(&keys);
}

/// Runs the commands of a section under what is held, and releases it.
fn run_section(context: &mut Context<'_>, section: &[Step<'_>], out: &mut Vec<u8>) {
    if section.iter().all(|step| hold(step) == Hold::Nothing) {
        // It was held for the sake of the watches.
        context.release();
    }
    for step in section {
        let entry = context.node.table.find(step.args.name());
        context.run(entry, None, step.args, out);
    }
    context.release();
}

fn hold(step: &Step<'_>) -> Hold {
    let Some(entry) = step.entry else { return Hold::Keys };
    match &entry.action {
        Action::Keyspace(Run::Whole(_)) => Hold::All,
        Action::Keyspace(Run::Wide(wide)) if (wide.reads_others)(step.args) => Hold::All,
        Action::Keyspace(Run::Read(_) | Run::Write(_) | Run::Wide(_) | Run::Blocking(_)) => {
            Hold::Keys
        }
        Action::Session(_) | Action::Subcommands(_) => match entry.spec.group {
            Group::Connection | Group::Pubsub | Group::Transactions => Hold::Keys,
            Group::Generic
            | Group::String
            | Group::Bitmap
            | Group::Hyperloglog
            | Group::List
            | Group::Set
            | Group::SortedSet
            | Group::Hash
            | Group::Stream
            | Group::Geo
            | Group::Server
            | Group::Cluster => Hold::Nothing,
        },
    }
}

/// What a transaction is to routing, in a cluster the slots of its keys, which have to be one, and its keys, where they are asked about.
fn keys_of<'a>(context: &Context<'_>, steps: &[Step<'a>]) -> (Routed, KeySlots, Vec<&'a [u8]>) {
    let (mut routed, mut keys, mut positions) = (Routed::default(), Vec::new(), Vec::new());
    let in_cluster = context.node.cluster.is_some();
    if !in_cluster && !context.node.leaving.any() {
        return (routed, KeySlots::None, keys);
    }
    for Step { entry, args } in steps {
        let Some(entry) = entry else { continue };
        routed.writes |= entry.spec.has(Flag::Write);
        if entry.spec.key_positions(*args, &mut positions).is_ok() {
            keys.extend(positions.iter().filter_map(|&position| args.get(position)));
        }
    }
    let slots = || keys.iter().map(|key| Slot::of_key(key)).fold(KeySlots::None, KeySlots::and);
    let slots = if in_cluster { slots() } else { KeySlots::None };
    (routed, slots, keys)
}

impl Context<'_> {
    /// Holds the slots of these keys and of the watched ones, and what those need who wait for them.
    fn hold_for_transaction(&mut self, keys: &[&[u8]]) {
        let node = self.node;
        let all: Vec<&[u8]> = keys.iter().copied().chain(self.state.watching.keys()).collect();
        let all = all.iter().copied();
        let database = self.state.database;
        let access = node.keyspace.hold_keys(all.clone(), database, self.worker, self.moment);
        self.held = Some(node.hold_for_waiting(access, all, self.worker, self.moment));
    }

    /// Holds every slot.
    pub(crate) fn hold_everything(&mut self) {
        let keyspace = &self.node.keyspace;
        self.held = Some(keyspace.hold_all(self.state.database, self.worker, self.moment));
    }

    /// Refuses what is not served here; asked again at EXEC, for a slot may go away between.
    pub(super) fn route_unless_served(
        &self,
        routed: Routed,
        slots: KeySlots,
        presence: impl FnOnce() -> Presence,
    ) -> Outcome {
        match slots {
            KeySlots::None => Ok(()),
            KeySlots::One(slot) if self.node.keyspace.serves(slot) => Ok(()),
            KeySlots::One(_) | KeySlots::Several => self.route(routed, slots, presence),
        }
    }
}
