//! COMMAND GETKEYS and GETKEYSANDFLAGS: the keys in a command, and what it does with them.

use super::info::flags;
use crate::session::Context;
use crate::table::{Entry, Table};
use commands::spec::{Flag, KeyAccess, KeyEffect, KeySpec};
use commands::{CommandError, Outcome};
use resp::{Args, Reply};

pub(super) fn getkeys(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let args = args.slice(2..args.len());
    let keys = find(&context.node.table, args)?;
    reply.array(keys.len());
    keys.iter().for_each(|&(position, _)| reply.bulk(&args[position]));
    Ok(())
}

pub(super) fn getkeysandflags(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let args = args.slice(2..args.len());
    let keys = find(&context.node.table, args)?;
    reply.array(keys.len());
    for (position, keys) in keys {
        reply.array(2);
        reply.bulk(&args[position]);
        flags(&keys.flag_names(), reply);
    }
    Ok(())
}

/// The positions of the keys of a command, each with what is done with it.
fn find(table: &Table, args: Args<'_>) -> Result<Vec<(usize, KeySpec)>, CommandError> {
    let entry = lookup(table, args).ok_or(CommandError::Text("ERR Invalid command specified"))?;
    let spec = entry.spec;
    if spec.keys.iter().all(|keys| keys.not_key) {
        return Err(CommandError::Text("ERR The command has no key arguments"));
    }
    if !spec.arity.allows(args.len()) {
        return Err(CommandError::Text("ERR Invalid number of arguments specified for command"));
    }
    let mut found = Vec::new();
    let mut positions = Vec::new();
    for keys in spec.keys.iter().filter(|keys| !keys.not_key) {
        positions.clear();
        if keys.find_in(args, &mut positions).is_err() {
            found.clear();
            break;
        }
        let keys = settle(entry, keys, args);
        found.extend(positions.iter().map(|&position| (position, keys)));
    }
    if found.is_empty() && !spec.has(Flag::NoMandatoryKeys) {
        return Err(CommandError::Text("ERR Invalid arguments specified for command"));
    }
    Ok(found)
}

/// The command, or the subcommand, that would run.
fn lookup<'t>(table: &'t Table, args: Args<'_>) -> Option<&'t Entry> {
    let entry = table.find(args.name())?;
    match args.get(1) {
        Some(name) if !entry.subcommands().is_empty() => entry.subcommand(name),
        Some(_) | None => Some(entry),
    }
}

/// What is done with the keys, where that depends on the options.
fn settle(entry: &Entry, keys: &KeySpec, args: Args<'_>) -> KeySpec {
    if !keys.variable_flags || entry.spec.name != "set" {
        return *keys;
    }
    let is_read = args.iter_from(3).any(|option| option.eq_ignore_ascii_case(b"get"));
    let done = if is_read {
        keys.does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Update])
    } else {
        keys.does(KeyAccess::Overwrite, &[KeyEffect::Update])
    };
    KeySpec { variable_flags: false, ..done }
}
