//! Reading strings.

use crate::{CommandError, Outcome};
use engine::{KeyRecord, Object, Value, View};
use resp::{Args, Reply};

pub(super) fn get(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    match view.find(&args[1]) {
        None => {
            reply.null();
            Ok(())
        }
        Some(record) => reply_string(record, reply),
    }
}

/// Appends a record's string.
fn reply_string(record: &KeyRecord, reply: &mut Reply<'_>) -> Outcome {
    match record.value() {
        Value::Bytes(bytes) => reply.bulk(bytes),
        Value::Integer(integer) => reply.bulk_integer(integer),
        Value::Object(Object::String(bytes)) => reply.bulk(bytes),
        #[allow(unreachable_patterns, reason = "other types of values come with their commands")]
        Value::Object(_) => return Err(CommandError::WrongType),
    }
    Ok(())
}
