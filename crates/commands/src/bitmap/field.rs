//! BITFIELD and BITFIELD_RO: integers of any width in a string.

use super::bit::{change_bits, checked_offset};
use super::integer::{Encoding, Field, Overflow};
use crate::string::value::with_bytes;
use crate::{CommandError, Outcome};
use base::number::parse_i64;
use engine::{Edit, KeyRecord, View};
use resp::{Args, Reply};

/// What is done with an integer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Action {
    Get,
    Set(i64),
    Increment(i64),
}

/// One operation on one integer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Operation {
    action: Action,
    field: Field,
    overflow: Overflow,
}

pub(super) fn bitfield(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let operations = parse(args)?;
    let writes = operations.iter().filter(|operation| operation.action != Action::Get);
    let Some(least) = writes.map(|operation| operation.field.end_bytes()).max() else {
        return reply_fields(edit.find_counted(&args[1]), &operations, reply);
    };
    let is_grown = change_bits(edit, &args[1], least, |bytes, grown| {
        reply.array(operations.len());
        let count = |operation: &Operation| u64::from(operation.run(bytes, grown, reply));
        (operations.iter().map(count).sum(), grown)
    })?;
    if is_grown && edit.logs() {
        // Also where the change has failed, which counts as none.
        edit.log_words(args.iter_from(0));
    }
    Ok(())
}

pub(super) fn bitfield_ro(
    view: &mut View<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let operations = parse(args)?;
    if operations.iter().any(|operation| operation.action != Action::Get) {
        return Err(CommandError::Text("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    reply_fields(view.find(&args[1]), &operations, reply)
}

fn reply_fields(
    record: Option<&KeyRecord>,
    operations: &[Operation],
    reply: &mut Reply<'_>,
) -> Outcome {
    let mut read = |bytes: &[u8]| {
        reply.array(operations.len());
        for operation in operations {
            reply.integer(operation.field.read(bytes));
        }
    };
    match record {
        Some(record) => with_bytes(record, read),
        None => {
            read(b"");
            Ok(())
        }
    }
}

fn parse(args: Args<'_>) -> Result<Vec<Operation>, CommandError> {
    let mut operations = Vec::new();
    let mut overflow = Overflow::default();
    let mut index = 2;
    while let Some(word) = args.get(index) {
        let follow = args.len() - index - 1;
        let is =
            |name: &[u8], operands: usize| word.eq_ignore_ascii_case(name) && follow >= operands;
        if is(b"OVERFLOW", 1) {
            overflow = Overflow::parse(&args[index + 1])?;
            index += 2;
            continue;
        }
        let action: fn(i64) -> Action = if is(b"GET", 2) {
            |_| Action::Get
        } else if is(b"SET", 3) {
            Action::Set
        } else if is(b"INCRBY", 3) {
            Action::Increment
        } else {
            return Err(CommandError::Syntax);
        };
        let encoding = Encoding::parse(&args[index + 1])?;
        let offset = parse_offset(&args[index + 2], encoding)?;
        let field = Field { encoding, offset };
        let has_operand = action(0) != Action::Get;
        let operand = match has_operand {
            true => parse_i64(&args[index + 3]).ok_or(CommandError::NotInteger)?,
            false => 0,
        };
        operations.push(Operation { action: action(operand), field, overflow });
        index += if has_operand { 4 } else { 3 };
    }
    Ok(operations)
}

/// The number of a bit, or behind a `#` of an integer where all have that width.
fn parse_offset(argument: &[u8], encoding: Encoding) -> Result<usize, CommandError> {
    checked_offset(match argument {
        [b'#', number @ ..] => {
            parse_i64(number).and_then(|number| number.checked_mul(encoding.bits() as i64))
        }
        number => parse_i64(number),
    })
}

impl Operation {
    /// Does it in a string that holds the integer, which may have `grown` for it; whether that counts as a change.
    fn run(&self, bytes: &mut [u8], grown: bool, reply: &mut Reply<'_>) -> bool {
        let Operation { action, field, overflow } = *self;
        let old = field.read(bytes);
        let new = match action {
            Action::Get => {
                reply.integer(old);
                return false;
            }
            Action::Set(value) => field.encoding.fit(field.encoding.operand(value), overflow),
            Action::Increment(by) => field.encoding.fit(i128::from(old) + i128::from(by), overflow),
        };
        let Some(new) = new else {
            reply.null();
            return false;
        };
        field.write(bytes, new);
        reply.integer(if matches!(action, Action::Set(_)) { old } else { new });
        grown || old != new
    }
}
