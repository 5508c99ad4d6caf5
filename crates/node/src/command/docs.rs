//! COMMAND DOCS: commands described for people.

use super::info::flags;
use crate::session::Context;
use crate::table::Entry;
use commands::Outcome;
use commands::spec::{Argument, ArgumentKind};
use resp::{Args, Reply};

pub(super) fn docs(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let table = &context.node.table;
    let asked: Vec<&Entry> = if args.len() == 2 {
        table.entries().iter().collect()
    } else {
        args.iter_from(2).filter_map(|name| table.find_full(name)).collect()
    };
    reply.map(asked.len());
    for entry in asked {
        reply.bulk(entry.full_name.as_bytes());
        describe(entry, reply);
    }
    Ok(())
}

fn describe(entry: &Entry, reply: &mut Reply<'_>) {
    let spec = entry.spec;
    let subcommands = entry.subcommands();
    let fields = 3
        + usize::from(!spec.complexity.is_empty())
        + usize::from(spec.is_for_tests)
        + if spec.deprecated.is_some() { 3 } else { 0 }
        + usize::from(!spec.history.is_empty())
        + usize::from(!spec.arguments.is_empty())
        + usize::from(!subcommands.is_empty());
    reply.map(fields);
    text("summary", spec.summary, reply);
    text("since", spec.since, reply);
    text("group", spec.group.name(), reply);
    if !spec.complexity.is_empty() {
        text("complexity", spec.complexity, reply);
    }
    if spec.is_for_tests {
        reply.bulk(b"doc_flags");
        flags(&["syscmd"], reply);
    }
    if let Some((since, instead)) = spec.deprecated {
        reply.bulk(b"doc_flags");
        flags(&["deprecated"], reply);
        text("deprecated_since", since, reply);
        text("replaced_by", instead, reply);
    }
    if !spec.history.is_empty() {
        reply.bulk(b"history");
        reply.set(spec.history.len());
        for (version, change) in spec.history {
            reply.array(2);
            reply.bulk(version.as_bytes());
            reply.bulk(change.as_bytes());
        }
    }
    if !spec.arguments.is_empty() {
        reply.bulk(b"arguments");
        describe_arguments(spec.arguments, reply);
    }
    if !subcommands.is_empty() {
        reply.bulk(b"subcommands");
        reply.map(subcommands.len());
        for one in subcommands {
            reply.bulk(one.full_name.as_bytes());
            describe(one, reply);
        }
    }
}

fn describe_arguments(arguments: &[Argument], reply: &mut Reply<'_>) {
    reply.array(arguments.len());
    for argument in arguments {
        describe_argument(argument, reply);
    }
}

fn describe_argument(argument: &Argument, reply: &mut Reply<'_>) {
    let has_children = matches!(argument.kind, ArgumentKind::OneOf | ArgumentKind::Block);
    let optional = [
        (argument.is_optional, "optional"),
        (argument.is_multiple, "multiple"),
        (argument.repeats_token, "multiple_token"),
    ];
    let names: Vec<&str> =
        optional.iter().filter(|(is_set, _)| *is_set).map(|&(_, name)| name).collect();
    let fields = 3
        + usize::from(argument.key_spec.is_some())
        + usize::from(argument.token.is_some())
        + usize::from(argument.summary.is_some())
        + usize::from(argument.since.is_some())
        + usize::from(argument.deprecated.is_some())
        + usize::from(!names.is_empty());
    reply.map(fields);
    text("name", argument.name, reply);
    text("type", argument.kind.name(), reply);
    if !has_children {
        text("display_text", argument.display.unwrap_or(argument.name), reply);
    }
    if let Some(index) = argument.key_spec {
        reply.bulk(b"key_spec_index");
        reply.count(index);
    }
    for (field, value) in [
        ("token", argument.token),
        ("summary", argument.summary),
        ("since", argument.since),
        ("deprecated_since", argument.deprecated),
    ] {
        if let Some(value) = value {
            text(field, value, reply);
        }
    }
    if !names.is_empty() {
        reply.bulk(b"flags");
        flags(&names, reply);
    }
    if has_children {
        reply.bulk(b"arguments");
        describe_arguments(argument.children, reply);
    }
}

fn text(field: &str, value: &str, reply: &mut Reply<'_>) {
    reply.bulk(field.as_bytes());
    reply.bulk(value.as_bytes());
}
