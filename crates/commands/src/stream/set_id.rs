//! XSETID: sets the counters of a stream.

use super::id::parse_id;
use crate::{CommandError, Outcome};
use base::number::parse_i64;
use engine::{Edit, EventClass};
use resp::{Args, Reply};
use values::Stream;
use values::stream::{Log, StreamId};

struct Options {
    last_id: StreamId,
    entries_added: Option<u64>,
    max_deleted_id: Option<StreamId>,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Options, CommandError> {
        let last_id = parse_id(&args[2])?;
        let mut options = Options { last_id, entries_added: None, max_deleted_id: None };
        let mut index = 3;
        while let Some(word) = args.get(index) {
            let value = args.get(index + 1).ok_or(CommandError::Syntax)?;
            if word.eq_ignore_ascii_case(b"ENTRIESADDED") {
                let added = parse_i64(value).ok_or(CommandError::NotInteger)?;
                let added = u64::try_from(added)
                    .map_err(|_| CommandError::Text("ERR entries_added must be positive"))?;
                options.entries_added = Some(added);
            } else if word.eq_ignore_ascii_case(b"MAXDELETEDID") {
                let id = parse_id(value)?;
                if last_id < id {
                    return Err(CommandError::Text(
                        "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
                    ));
                }
                options.max_deleted_id = Some(id).filter(|&id| id != StreamId::MIN);
            } else {
                return Err(CommandError::Syntax);
            }
            index += 2;
        }
        Ok(options)
    }

    fn check(&self, log: &Log) -> Outcome {
        if self.last_id < log.max_deleted_id() {
            return Err(CommandError::Text(
                "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id",
            ));
        }
        let Some(last) = log.last() else { return Ok(()) };
        if self.last_id < last.id {
            return Err(CommandError::Text(
                "ERR The ID specified in XSETID is smaller than the target stream top item",
            ));
        }
        if self.entries_added.is_some_and(|added| added < log.len()) {
            return Err(CommandError::Text(
                "ERR The entries_added specified in XSETID is smaller than the target stream length",
            ));
        }
        Ok(())
    }
}

pub(super) fn xsetid(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let options = Options::parse(args)?;
    let key = &args[1];
    let outcome = edit.modify_if(key, |stream: &mut Stream| {
        let outcome = options.check(stream.log());
        if outcome.is_ok() {
            let Options { last_id, entries_added, max_deleted_id } = options;
            stream.log_mut().set_counters(last_id, entries_added, max_deleted_id);
        }
        // As in Redis, WATCH looks at entries only.
        (false, outcome)
    })?;
    outcome.ok_or(CommandError::NoSuchKey)??;
    edit.changed(1);
    edit.notify(EventClass::Stream, "xsetid", key);
    reply.ok();
    Ok(())
}
