//! COMMAND and COMMAND INFO: commands described for programs.

use crate::session::Context;
use crate::table::{Action, Entry};
use commands::Outcome;
use commands::spec::{Begin, Find, KeySpec};
use resp::{Args, Reply};

pub(super) fn all(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let entries = context.node.table.entries();
    reply.array(entries.len());
    entries.iter().for_each(|entry| describe(entry, reply));
    Ok(())
}

pub(super) fn info(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if args.len() == 2 {
        return all(context, args, reply);
    }
    reply.array(args.len() - 2);
    for name in args.iter_from(2) {
        match context.node.table.find_full(name) {
            Some(entry) => describe(entry, reply),
            None => reply.null(),
        }
    }
    Ok(())
}

/// One command: its name, arity, flags, old key range, categories, tips, key specifications, subcommands.
fn describe(entry: &Entry, reply: &mut Reply<'_>) {
    let spec = entry.spec;
    reply.array(10);
    reply.bulk(entry.full_name.as_bytes());
    reply.integer(spec.arity.as_number());
    let flags: Vec<_> = spec.all_flags().map(commands::spec::Flag::name).collect();
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.simple(flag));
    let range = spec.key_range();
    for number in [range.first, range.last, range.step] {
        reply.integer(number);
    }
    let categories = spec.all_categories(matches!(entry.action, Action::Subcommands(_)));
    reply.set(categories.len());
    categories.iter().for_each(|category| reply.simple(&format!("@{}", category.name())));
    reply.set(spec.tips.len());
    spec.tips.iter().for_each(|tip| reply.bulk(tip.as_bytes()));
    reply.set(spec.keys.len());
    spec.keys.iter().for_each(|keys| describe_keys(keys, reply));
    reply.array(entry.subcommands().len());
    entry.subcommands().iter().for_each(|one| describe(one, reply));
}

/// One key specification, as a map.
fn describe_keys(keys: &KeySpec, reply: &mut Reply<'_>) {
    reply.map(if keys.notes.is_empty() { 3 } else { 4 });
    if !keys.notes.is_empty() {
        reply.bulk(b"notes");
        reply.bulk(keys.notes.as_bytes());
    }
    reply.bulk(b"flags");
    flags(&keys.flag_names(), reply);
    reply.bulk(b"begin_search");
    match keys.begin {
        Begin::Index(index) => {
            begin_map("index", 1, reply);
            number("index", index as i64, reply);
        }
        Begin::Keyword { word, from, .. } => {
            begin_map("keyword", 2, reply);
            reply.bulk(b"keyword");
            reply.bulk(word.as_bytes());
            number("startfrom", from, reply);
        }
        Begin::Unknown(_) => begin_map("unknown", 0, reply),
    }
    reply.bulk(b"find_keys");
    match keys.find {
        _ if matches!(keys.begin, Begin::Unknown(_)) => begin_map("unknown", 0, reply),
        Find::Range { last, step, limit } => {
            begin_map("range", 3, reply);
            number("lastkey", last, reply);
            number("keystep", step as i64, reply);
            number("limit", limit as i64, reply);
        }
        Find::Number { number: at, first, step } => {
            begin_map("keynum", 3, reply);
            number("keynumidx", at as i64, reply);
            number("firstkey", first as i64, reply);
            number("keystep", step as i64, reply);
        }
    }
}

/// A set of flags.
pub(super) fn flags(names: &[&str], reply: &mut Reply<'_>) {
    reply.set(names.len());
    names.iter().for_each(|name| reply.simple(name));
}

/// A map of a type and its details, which follow.
fn begin_map(kind: &str, details: usize, reply: &mut Reply<'_>) {
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(kind.as_bytes());
    reply.bulk(b"spec");
    reply.map(details);
}

fn number(name: &str, value: i64, reply: &mut Reply<'_>) {
    reply.bulk(name.as_bytes());
    reply.integer(value);
}
