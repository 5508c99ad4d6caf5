//! BITOP: strings combined bit by bit; a short one goes on with zeros.

use crate::string::value::with_bytes;
use crate::{CommandError, Outcome};
use engine::{Edit, EventClass, Expiry, NewValue, Object};
use resp::{Args, Reply};

/// How strings are combined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Operation {
    And,
    Or,
    Xor,
    Not,
    /// In the first, and in none of the others.
    Diff,
    /// In any of the others, and not in the first.
    Diff1,
    /// In the first, and in any of the others.
    AndOr,
    /// In exactly one.
    One,
}

impl Operation {
    const ALL: [(&'static str, Operation); 8] = [
        ("AND", Operation::And),
        ("OR", Operation::Or),
        ("XOR", Operation::Xor),
        ("NOT", Operation::Not),
        ("DIFF", Operation::Diff),
        ("DIFF1", Operation::Diff1),
        ("ANDOR", Operation::AndOr),
        ("ONE", Operation::One),
    ];

    /// The operation of that name, where it can be done with so many sources.
    fn parse(word: &[u8], sources: usize) -> Result<Operation, CommandError> {
        let named =
            Operation::ALL.iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()));
        let &(name, operation) = named.ok_or(CommandError::Syntax)?;
        match operation {
            Operation::Not if sources != 1 => {
                Err(CommandError::Text("ERR BITOP NOT must be called with a single source key."))
            }
            Operation::Diff | Operation::Diff1 | Operation::AndOr if sources < 2 => {
                let text =
                    format!("ERR BITOP {name} must be called with at least two source keys.");
                Err(CommandError::Owned(text))
            }
            Operation::And
            | Operation::Or
            | Operation::Xor
            | Operation::Not
            | Operation::Diff
            | Operation::Diff1
            | Operation::AndOr
            | Operation::One => Ok(operation),
        }
    }
}

pub(super) fn bitop(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let destination = &args[2];
    let operation = Operation::parse(&args[1], args.len() - 3)?;
    let mut combined = Combined::new(operation);
    for key in args.iter_from(3) {
        match edit.find_counted(key) {
            Some(record) => with_bytes(record, |bytes| combined.take(bytes))?,
            None => combined.take(b""),
        }
    }
    let result = combined.finish();
    reply.count(result.len());
    if !result.is_empty() {
        let value = NewValue::Object(Box::new(Object::String(result.into())));
        edit.put(destination, value, Expiry::Clear);
        edit.notify(EventClass::String, "set", destination);
        edit.changed(1);
    } else if edit.remove(destination) {
        edit.notify(EventClass::Generic, "del", destination);
        edit.changed(1);
    }
    Ok(())
}

/// What has been combined so far, one source after the other.
struct Combined {
    operation: Operation,
    /// As long as the longest source so far.
    result: Vec<u8>,
    /// The first source, where it plays a part of its own.
    first: Option<Vec<u8>>,
    /// `ONE`: the bits that came more than once.
    again: Vec<u8>,
}

impl Combined {
    fn new(operation: Operation) -> Combined {
        Combined { operation, result: Vec::new(), first: None, again: Vec::new() }
    }

    /// Takes the next source in.
    fn take(&mut self, source: &[u8]) {
        let is_first = self.first.is_none();
        if self.result.len() < source.len() {
            self.result.resize(source.len(), 0);
        }
        match self.operation {
            Operation::And if is_first => self.result.copy_from_slice(source),
            Operation::And => {
                let (both, alone) = self.result.split_at_mut(source.len());
                combine(both, source, |bits, other| bits & other);
                alone.fill(0);
            }
            Operation::Not => combine(&mut self.result, source, |_, other| !other),
            Operation::Xor => combine(&mut self.result, source, |bits, other| bits ^ other),
            Operation::Diff | Operation::Diff1 | Operation::AndOr if is_first => {
                self.first = Some(source.to_vec());
            }
            Operation::Or | Operation::Diff | Operation::Diff1 | Operation::AndOr => {
                combine(&mut self.result, source, |bits, other| bits | other);
            }
            Operation::One => {
                self.again.resize(self.result.len(), 0);
                for ((bits, again), other) in
                    self.result.iter_mut().zip(&mut self.again).zip(source)
                {
                    *again |= *bits & other;
                    *bits |= other;
                }
            }
        }
        self.first.get_or_insert_default();
    }

    /// All sources have been taken in.
    fn finish(self) -> Vec<u8> {
        let Combined { operation, mut result, first, again } = self;
        let first = first.unwrap_or_default();
        match operation {
            Operation::And | Operation::Or | Operation::Xor | Operation::Not => {}
            Operation::Diff => {
                combine(&mut result, &first, |others, first| first & !others);
                result[first.len()..].fill(0);
            }
            Operation::Diff1 => combine(&mut result, &first, |others, first| others & !first),
            Operation::AndOr => {
                combine(&mut result, &first, |others, first| first & others);
                result[first.len()..].fill(0);
            }
            Operation::One => combine(&mut result, &again, |bits, again| bits & !again),
        }
        result
    }
}

/// Byte by byte in the source, many at a time in the machine: the compiler makes vectors of it.
#[inline]
fn combine(bits: &mut [u8], others: &[u8], with: impl Fn(u8, u8) -> u8) {
    for (bits, other) in bits.iter_mut().zip(others) {
        *bits = with(*bits, *other);
    }
}
