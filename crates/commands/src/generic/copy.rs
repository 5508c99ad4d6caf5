//! Keys to other places: COPY under another name or into another database, MOVE into another database.

use crate::database::parse_database;
use crate::{CommandError, Outcome};
use engine::{Edit, EventClass};
use resp::{Args, Reply};

pub(super) fn copy(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (from, to) = (&args[1], &args[2]);
    let (mut database, mut replace) = (edit.database(), false);
    let mut options = args.iter_from(3);
    while let Some(option) = options.next() {
        if option.eq_ignore_ascii_case(b"replace") {
            replace = true;
        } else if option.eq_ignore_ascii_case(b"db") {
            let number = options.next().ok_or(CommandError::Syntax)?;
            database = parse_database(number, edit.databases())?;
        } else {
            return Err(CommandError::Syntax);
        }
    }
    if from == to && database == edit.database() {
        return Err(CommandError::SameObject);
    }
    let copied = edit.find_counted(from).is_some()
        && (replace || !edit.exists_in(database, to))
        && edit.copy(from, database, to);
    if copied {
        edit.notify_in(database, EventClass::Generic, "copy_to", to);
        edit.changed(1);
    }
    reply.integer(i64::from(copied));
    Ok(())
}

pub(super) fn move_key(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = &args[1];
    let database = parse_database(&args[2], edit.databases())?;
    if database == edit.database() {
        return Err(CommandError::SameObject);
    }
    let moved =
        edit.find(key).is_some() && !edit.exists_in(database, key) && edit.move_to(key, database);
    if moved {
        edit.notify(EventClass::Generic, "move_from", key);
        edit.notify_in(database, EventClass::Generic, "move_to", key);
        edit.changed(1);
    }
    reply.integer(i64::from(moved));
    Ok(())
}
