//! What DEBUG shows of the keyspace, and does to it, for tests: plain functions that a node's DEBUG command calls. Every one takes the
//! whole request: `DEBUG <word> ...`.

use crate::CommandError;
use resp::Args;

mod digest;
mod object;
mod populate;

pub use digest::{digest, digest_value};
pub use object::object;
pub use populate::populate;

/// Checks how many arguments a request has, for DEBUG is one command and has no subcommands of their own arity.
fn check_arguments(
    args: Args<'_>,
    allowed: std::ops::RangeInclusive<usize>,
) -> Result<(), CommandError> {
    if allowed.contains(&args.len()) {
        return Ok(());
    }
    Err(CommandError::echo(
        "ERR unknown subcommand or wrong number of arguments for '",
        args.get(1).unwrap_or_default(),
        "'. Try DEBUG HELP.",
    ))
}
