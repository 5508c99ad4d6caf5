//! XGROUP: groups and their consumers.

use super::super::id::{Missing, parse_bound, parse_id};
use super::named::change_group;
use crate::error::echoed;
use crate::help::{HelpEntry, reply_help};
use crate::{CommandError, Outcome, Whole};
use base::number::parse_i64;
use engine::{Edit, EventClass};
use resp::{Args, Reply};
use values::Stream;
use values::stream::{Group, StreamId};

const HELP: &[HelpEntry] = &[
    (
        "CREATE <key> <groupname> <id|$> [option]",
        &[
            "Adds a group that reads what comes after <id>, or from now on. Options are:",
            "* MKSTREAM",
            "  Makes an empty stream where the key is absent.",
            "* ENTRIESREAD entries_read",
            "  How many entries the group counts as read (for replication).",
        ],
    ),
    ("CREATECONSUMER <key> <groupname> <consumer>", &["Adds a consumer to a group."]),
    ("DELCONSUMER <key> <groupname> <consumer>", &["Removes a consumer with its pending entries."]),
    ("DESTROY <key> <groupname>", &["Removes a group."]),
    (
        "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
        &["Lets a group go on after another entry."],
    ),
];

const NO_KEY: CommandError = CommandError::Text(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use \
     the MKSTREAM option to create an empty stream automatically.",
);

pub(super) fn help(_: &mut Whole<'_, '_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply_help(reply, "XGROUP", HELP);
    Ok(())
}

/// The options of CREATE and SETID.
#[derive(Default)]
struct Options {
    makes_stream: bool,
    entries_read: Option<u64>,
}

impl Options {
    fn parse(args: Args<'_>, is_create: bool) -> Result<Options, CommandError> {
        let mut options = Options::default();
        let mut index = 5;
        while let Some(word) = args.get(index) {
            if is_create && word.eq_ignore_ascii_case(b"MKSTREAM") {
                options.makes_stream = true;
                index += 1;
            } else if word.eq_ignore_ascii_case(b"ENTRIESREAD") && index + 1 < args.len() {
                options.entries_read = parse_entries_read(&args[index + 1])?;
                index += 2;
            } else {
                return Err(wrong_arguments(args));
            }
        }
        Ok(options)
    }
}

/// How many entries a group has read; -1 where that is not known.
fn parse_entries_read(text: &[u8]) -> Result<Option<u64>, CommandError> {
    match parse_i64(text).ok_or(CommandError::NotInteger)? {
        -1 => Ok(None),
        read => u64::try_from(read)
            .map(Some)
            .map_err(|_| CommandError::Text("ERR value for ENTRIESREAD must be positive or -1")),
    }
}

fn wrong_arguments(args: Args<'_>) -> CommandError {
    CommandError::echo(
        "ERR unknown subcommand or wrong number of arguments for '",
        &args[1],
        "'. Try XGROUP HELP.",
    )
}

/// What XGROUP and XINFO say where the key has no such group.
pub(in crate::stream) fn no_group_of_key(args: Args<'_>) -> CommandError {
    let (key, group) = (echoed(&args[2]), echoed(&args[3]));
    let parts = [b"NOGROUP No such consumer group '", group, b"' for key name '", key, b"'"];
    CommandError::Bytes(parts.concat())
}

/// The stream, which has to be there.
fn stream<'e>(edit: &'e mut Edit<'_, '_>, args: Args<'_>) -> Result<&'e Stream, CommandError> {
    edit.typed::<Stream>(&args[2])?.ok_or(NO_KEY)
}

/// Changes a group that has to be there.
fn change<R>(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    change: impl FnOnce(&mut Group) -> R,
) -> Result<R, CommandError> {
    stream(edit, args)?;
    let result = change_group(edit, (&args[2], &args[3]), |_, group| change(group))?;
    result.ok_or_else(|| no_group_of_key(args))
}

/// The id that a group goes on from; `$` is the last one.
fn parse_position(
    text: &[u8],
    last_id: StreamId,
    parse: impl FnOnce(&[u8]) -> Result<StreamId, CommandError>,
) -> Result<StreamId, CommandError> {
    if text == b"$" { Ok(last_id) } else { parse(text) }
}

pub(super) fn create(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let options = Options::parse(args, true)?;
    let key = &args[2];
    let found = edit.typed::<Stream>(key)?;
    if found.is_none() && !options.makes_stream {
        return Err(NO_KEY);
    }
    let last_id = found.map_or(StreamId::MIN, |stream| stream.log().last_id());
    let position = parse_position(&args[4], last_id, parse_id)?;
    let group = Group::new(position, options.entries_read);
    let is_added = edit.modify_or_create_if(key, |stream: &mut Stream| {
        (false, stream.add_group(&args[3], group))
    })?;
    if !is_added {
        return Err(CommandError::Text("BUSYGROUP Consumer Group name already exists"));
    }
    edit.changed(1);
    edit.notify(EventClass::Stream, "xgroup-create", key);
    reply.ok();
    Ok(())
}

pub(super) fn set_id(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let options = Options::parse(args, false)?;
    let found = stream(edit, args)?;
    if found.group(&args[3]).is_none() {
        return Err(no_group_of_key(args));
    }
    if !matches!(args.len(), 5 | 7) {
        return Err(wrong_arguments(args));
    }
    let last_id = found.log().last_id();
    let position = parse_position(&args[4], last_id, |text| parse_bound(text, Missing::Lowest))?;
    change(edit, args, |group| group.set_position(position, options.entries_read))?;
    edit.changed(1);
    edit.notify(EventClass::Stream, "xgroup-setid", &args[2]);
    reply.ok();
    Ok(())
}

pub(super) fn destroy(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = &args[2];
    // Those who wait for the group have to be told.
    let removed = edit.modify_if(key, |stream: &mut Stream| {
        let is_removed = stream.remove_group(&args[3]);
        (is_removed, is_removed)
    })?;
    let is_removed = removed.ok_or(NO_KEY)?;
    if is_removed {
        edit.changed(1);
        edit.notify(EventClass::Stream, "xgroup-destroy", key);
    }
    reply.integer(i64::from(is_removed));
    Ok(())
}

pub(super) fn create_consumer(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let now = edit.moment().clock.0;
    let (_, is_new) = change(edit, args, |group| group.ensure_consumer(&args[4], now))?;
    if is_new {
        super::note_new_consumer(edit, &args[2]);
    }
    reply.integer(i64::from(is_new));
    Ok(())
}

pub(super) fn delete_consumer(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let pending = change(edit, args, |group| group.remove_consumer(&args[4]))?;
    if pending.is_some() {
        edit.changed(1);
        edit.notify(EventClass::Stream, "xgroup-delconsumer", &args[2]);
    }
    reply.count(pending.unwrap_or(0));
    Ok(())
}
