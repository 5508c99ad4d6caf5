//! Transactions: commands that are kept and run as one, and keys that are watched meanwhile.
//!
//! # Design
//!
//! EXEC holds the slots of all keys of its commands, and of all keys that were watched, from before it looks at the watches until its last command has
//! run: nobody sees a part of it. Where one of its commands goes over all keys, it holds every slot.
//!
//! A command of the node that may ask for other locks than a connection's (INFO, CONFIG, CLUSTER, DEBUG) must not run while slots are held. Such a
//! command divides its transaction: what stands before it is one section that nobody sees a part of, what stands behind it another.

mod exec;
mod queue;
mod watch;

pub(crate) use queue::Transaction;
pub(crate) use watch::Watching;

use crate::session::Context;
use crate::table::SessionCommand;
use commands::spec::{Argument, Arity, Flag, Group, KeySpec};
use commands::{Body, Command, CommandError, Outcome, Spec};
use resp::{Args, Reply};

/// The commands on transactions, by name.
pub(crate) const COMMANDS: &[SessionCommand] = &[DISCARD, EXEC, MULTI, UNWATCH, WATCH];

const DISCARD: SessionCommand = Command {
    spec: Spec {
        name: "discard",
        summary: "Forgets the commands of a transaction and the watched keys.",
        since: "2.0.0",
        complexity: "O(N) for N commands that were kept.",
        group: Group::Transactions,
        arity: Arity::Exactly(1),
        flags: &[Flag::Noscript, Flag::Loading, Flag::Stale, Flag::Fast, Flag::AllowBusy],
        ..Spec::DEFAULT
    },
    body: Body::Run(discard),
};

const EXEC: SessionCommand = Command {
    spec: Spec {
        name: "exec",
        summary: "Runs the commands of a transaction, unless a watched key has changed.",
        since: "1.2.0",
        complexity: "That of the commands.",
        group: Group::Transactions,
        arity: Arity::Exactly(1),
        flags: &[Flag::Noscript, Flag::Loading, Flag::Stale, Flag::SkipSlowlog],
        ..Spec::DEFAULT
    },
    body: Body::Run(exec::exec),
};

const MULTI: SessionCommand = Command {
    spec: Spec {
        name: "multi",
        summary: "Begins a transaction: commands are kept until EXEC.",
        since: "1.2.0",
        group: Group::Transactions,
        arity: Arity::Exactly(1),
        flags: &[
            Flag::Noscript,
            Flag::Loading,
            Flag::Stale,
            Flag::Fast,
            Flag::NoMulti,
            Flag::AllowBusy,
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(multi),
};

const UNWATCH: SessionCommand = Command {
    spec: Spec {
        name: "unwatch",
        summary: "Forgets all watched keys.",
        since: "2.2.0",
        group: Group::Transactions,
        arity: Arity::Exactly(1),
        flags: &[Flag::Noscript, Flag::Loading, Flag::Stale, Flag::Fast, Flag::AllowBusy],
        ..Spec::DEFAULT
    },
    body: Body::Run(unwatch),
};

const WATCH: SessionCommand = Command {
    spec: Spec {
        name: "watch",
        summary: "Lets the next transaction run only if none of these keys changes before it.",
        since: "2.2.0",
        complexity: "O(1) for each key.",
        group: Group::Transactions,
        arity: Arity::AtLeast(2),
        flags: &[
            Flag::Noscript,
            Flag::Loading,
            Flag::Stale,
            Flag::Fast,
            Flag::NoMulti,
            Flag::AllowBusy,
        ],
        keys: &[KeySpec::range(1, -1, 1)],
        arguments: &[Argument::key("key", 0).multiple()],
        ..Spec::DEFAULT
    },
    body: Body::Run(watch),
};

fn multi(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    context.state.begin_transaction();
    reply.ok();
    Ok(())
}

fn discard(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if context.state.take_transaction().is_none() {
        return Err(CommandError::Text("ERR DISCARD without MULTI"));
    }
    context.state.watching.end(&context.node.keyspace);
    reply.ok();
    Ok(())
}

fn watch(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    context.watch_keys(args)?;
    reply.ok();
    Ok(())
}

fn unwatch(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    // EXEC holds the slots of the watched keys, and ends the watches itself.
    if !context.state.is_in_exec {
        context.state.watching.end(&context.node.keyspace);
    }
    reply.ok();
    Ok(())
}
