//! Numbers of databases as arguments.

use crate::CommandError;
use base::number::parse_i64;

/// An integer of 32 bits, as the arguments that name a database are.
///
/// # Errors
///
/// Where it is no integer, or does not fit.
fn parse_i32(argument: &[u8]) -> Result<i32, CommandError> {
    let integer = parse_i64(argument).ok_or(CommandError::NotInteger)?;
    i32::try_from(integer).map_err(|_| CommandError::NotInteger32)
}

/// The database with this number.
///
/// # Errors
///
/// Where there is none.
fn existing(number: i32, databases: usize) -> Result<usize, CommandError> {
    usize::try_from(number)
        .ok()
        .filter(|&number| number < databases)
        .ok_or(CommandError::NoSuchDatabase)
}

/// The database that an argument names.
///
/// # Errors
///
/// Where it is no number, or not one of a database.
pub fn parse_database(argument: &[u8], databases: usize) -> Result<usize, CommandError> {
    existing(parse_i32(argument)?, databases)
}

/// The two databases that SWAPDB names; both have to be numbers before either has to be there.
///
/// # Errors
///
/// Where one is no number, or not one of a database.
pub(crate) fn parse_database_pair(
    first: &[u8],
    second: &[u8],
    databases: usize,
) -> Result<(usize, usize), CommandError> {
    let first = parse_i32(first).map_err(|_| CommandError::Text("ERR invalid first DB index"))?;
    let second =
        parse_i32(second).map_err(|_| CommandError::Text("ERR invalid second DB index"))?;
    Ok((existing(first, databases)?, existing(second, databases)?))
}
