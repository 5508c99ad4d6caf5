//! Commands that may wait for a key: how long, and what they do when it is there.

use crate::CommandError;
use base::LongDouble;
use base::number::parse_i64;
use engine::{Edit, Kind};
use resp::{Args, Reply};

/// How long a command waits where there is nothing for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timeout {
    /// It does not wait (XREAD without BLOCK).
    None,
    /// Until there is something.
    Forever,
    /// So many milliseconds.
    Millis(u64),
}

/// What came of an attempt to serve a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attempt {
    /// The reply was written.
    Served,
    /// There is nothing for it, and nothing was written. Of the data nothing was changed; XREADGROUP may have added its consumer.
    Wait,
}

/// Serves a command from its keys, or only from the given one.
pub type AttemptRun =
    fn(&mut Edit<'_, '_>, Args<'_>, Option<&[u8]>, &mut Reply<'_>) -> Result<Attempt, CommandError>;

/// A command that may wait.
#[derive(Clone, Copy)]
pub struct Blocking {
    /// How long it waits; checks that argument and what Redis checks before it.
    pub timeout: fn(Args<'_>) -> Result<Timeout, CommandError>,
    /// Serves it from its keys in their order, or only from the given one, which has become ready.
    pub attempt: AttemptRun,
    /// The reply where there is nothing for it and it may not wait (MULTI). One that has waited in vain gets the null array.
    pub nothing: fn(&mut Reply<'_>),
    /// The type of values that it waits for; keys of other types do not serve it.
    pub kind: Kind,
    /// Which argument is a key that it writes what it takes to (BLMOVE).
    pub destination: Option<usize>,
    /// Whether it is also served, with an error, when its key goes or becomes another type (XREADGROUP).
    pub wakes_without_key: bool,
    /// The arguments to go on with where it begins to wait, if these are others: `$` of XREAD means what it meant when it came.
    pub rewrite: Option<Rewrite>,
}

/// Gives the arguments that a command goes on with.
pub type Rewrite = fn(&mut Edit<'_, '_>, Args<'_>) -> Vec<Vec<u8>>;

/// The longest timeout, in milliseconds: beyond it, adding the time of day could overflow.
const TIMEOUT_MILLIS_MAX: u64 = i64::MAX as u64 / 2;

/// A timeout in seconds, with fractions; 0 is forever.
///
/// # Errors
///
/// Where it is no number, negative, or too large.
pub fn parse_timeout(text: &[u8]) -> Result<Timeout, CommandError> {
    let seconds = LongDouble::parse(text)
        .ok_or(CommandError::Text("ERR timeout is not a float or out of range"))?;
    let millis = (seconds.to_f64() * 1000.0).ceil();
    if millis > TIMEOUT_MILLIS_MAX as f64 {
        return Err(CommandError::Text("ERR timeout is out of range"));
    }
    if millis < 0.0 {
        return Err(CommandError::Text("ERR timeout is negative"));
    }
    Ok(if millis == 0.0 { Timeout::Forever } else { Timeout::Millis(millis as u64) })
}

/// A timeout in milliseconds; 0 is forever.
///
/// # Errors
///
/// Where it is no number, negative, or too large.
pub fn parse_timeout_millis(text: &[u8]) -> Result<Timeout, CommandError> {
    let millis = parse_i64(text)
        .ok_or(CommandError::Text("ERR timeout is not an integer or out of range"))?;
    let millis =
        u64::try_from(millis).map_err(|_| CommandError::Text("ERR timeout is negative"))?;
    match millis {
        0 => Ok(Timeout::Forever),
        millis if millis > TIMEOUT_MILLIS_MAX => {
            Err(CommandError::Text("ERR timeout is out of range"))
        }
        millis => Ok(Timeout::Millis(millis)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_seconds_with_fractions() {
        assert_eq!(parse_timeout(b"0"), Ok(Timeout::Forever));
        assert_eq!(parse_timeout(b"0.0001"), Ok(Timeout::Millis(1)));
        assert_eq!(parse_timeout(b"1.5"), Ok(Timeout::Millis(1500)));
        assert_eq!(parse_timeout(b"1e-400"), Ok(Timeout::Millis(1)));
        for text in ["", "x", "nan", "1 ", "0x", "1e5000", "-1e5000", "1e-5000"] {
            let error = parse_timeout(text.as_bytes()).expect_err(text);
            assert_eq!(error.to_string(), "ERR timeout is not a float or out of range", "{text}");
        }
        for text in ["-1", "-inf", "-1e400"] {
            let error = parse_timeout(text.as_bytes()).expect_err("negative");
            assert_eq!(error.to_string(), "ERR timeout is negative", "{text}");
        }
        assert_eq!(parse_timeout(b"0x1F"), Ok(Timeout::Millis(31_000)));
        assert_eq!(parse_timeout(b"0x.8p-2"), Ok(Timeout::Millis(125)));
        for text in ["inf", "infinity", "1e300", "1e400", "0x7FFFFFFFFFFFFF"] {
            let error = parse_timeout(text.as_bytes()).expect_err("too large");
            assert_eq!(error.to_string(), "ERR timeout is out of range", "{text}");
        }
    }
}
