//! When a key shall expire: times as all commands are told them, and the options of SET, GETEX and MSETEX.
//!
//! Times come in seconds or milliseconds, from now or since 1970-01-01 UTC. What comes out is always milliseconds since then, or
//! the error that Redis gives.

use crate::CommandError;
use base::UnixMillis;
use base::number::parse_i64;
use engine::{Expiry, Moment};
use resp::Args;

/// The unit of a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Millis,
}

/// How a time is meant: which of EX, PX, EXAT and PXAT announces it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TimeKind {
    /// The unit.
    pub(crate) unit: Unit,
    /// Whether it counts from 1970 on, not from now.
    pub(crate) absolute: bool,
}

impl TimeKind {
    /// `EX`
    pub(crate) const EX: TimeKind = TimeKind { unit: Unit::Seconds, absolute: false };
    /// `PX`
    pub(crate) const PX: TimeKind = TimeKind { unit: Unit::Millis, absolute: false };
    /// `EXAT`
    pub(crate) const EXAT: TimeKind = TimeKind { unit: Unit::Seconds, absolute: true };
    /// `PXAT`
    pub(crate) const PXAT: TimeKind = TimeKind { unit: Unit::Millis, absolute: true };

    /// The kind that a word announces.
    pub(crate) fn of_word(word: &[u8]) -> Option<TimeKind> {
        const WORDS: [(&[u8], TimeKind); 4] = [
            (b"EX", TimeKind::EX),
            (b"PX", TimeKind::PX),
            (b"EXAT", TimeKind::EXAT),
            (b"PXAT", TimeKind::PXAT),
        ];
        WORDS.iter().find(|(known, _)| word.eq_ignore_ascii_case(known)).map(|&(_, kind)| kind)
    }

    /// The moment that a text means, for commands that take only times to come (`SET`, `GETEX`); `command` is named by
    /// the error.
    ///
    /// # Errors
    ///
    /// Where the text is no integer, not positive, or too far away.
    pub(crate) fn moment(
        self,
        text: &[u8],
        moment: &Moment,
        command: &'static str,
    ) -> Result<i64, CommandError> {
        let time = parse_i64(text).ok_or(CommandError::NotInteger)?;
        let at = if time > 0 { self.millis(time, moment.clock) } else { None };
        at.filter(|&at| at > 0).ok_or(CommandError::InvalidExpireTime(command))
    }

    /// The same for commands that also take times gone by (`EXPIRE` and its kin).
    ///
    /// # Errors
    ///
    /// Where the text is no integer, or too far away.
    pub(crate) fn any_moment(
        self,
        text: &[u8],
        moment: &Moment,
        command: &'static str,
    ) -> Result<i64, CommandError> {
        let time = parse_i64(text).ok_or(CommandError::NotInteger)?;
        self.millis(time, moment.clock).ok_or(CommandError::InvalidExpireTime(command))
    }

    fn millis(self, time: i64, now: UnixMillis) -> Option<i64> {
        let millis = match self.unit {
            Unit::Seconds => time.checked_mul(1000)?,
            Unit::Millis => time,
        };
        if self.absolute { Some(millis) } else { millis.checked_add(now.0) }
    }
}

/// What the options of a command say about the expiry. Several may not be mixed; the last of one kind counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum ExpiryOption<'a> {
    /// Nothing.
    #[default]
    None,
    /// `KEEPTTL`: it stays.
    Keep,
    /// `PERSIST`: it goes.
    Persist,
    /// A time, still to be read.
    Time(TimeKind, &'a [u8]),
}

/// A resolved [`ExpiryOption`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NewExpiry {
    /// What becomes of the expiry when the value is set.
    pub(crate) expiry: Expiry,
    /// Whether the time has come already, so that the key is removed instead of set.
    pub(crate) elapsed: bool,
}

impl<'a> ExpiryOption<'a> {
    /// Takes the option at `index`, if it is one of `KEEPTTL`, `EX`, `PX`, `EXAT` and `PXAT`: how many arguments it takes up.
    /// `None` where it is something else, or may not stand beside what was taken before.
    pub(crate) fn take(&mut self, args: Args<'a>, index: usize) -> Option<usize> {
        let word = args.get(index)?;
        if word.eq_ignore_ascii_case(b"KEEPTTL") {
            return self.set(ExpiryOption::Keep).then_some(1);
        }
        let kind = TimeKind::of_word(word)?;
        self.set(ExpiryOption::Time(kind, args.get(index + 1)?)).then_some(2)
    }

    /// The same with `PERSIST` in the place of `KEEPTTL`.
    pub(crate) fn take_or_persist(&mut self, args: Args<'a>, index: usize) -> Option<usize> {
        let word = args.get(index)?;
        if word.eq_ignore_ascii_case(b"PERSIST") {
            return self.set(ExpiryOption::Persist).then_some(1);
        }
        let kind = TimeKind::of_word(word)?;
        self.set(ExpiryOption::Time(kind, args.get(index + 1)?)).then_some(2)
    }

    /// False where another kind was taken before.
    fn set(&mut self, option: ExpiryOption<'a>) -> bool {
        let agrees = match (*self, option) {
            (ExpiryOption::None, _)
            | (ExpiryOption::Keep, ExpiryOption::Keep)
            | (ExpiryOption::Persist, ExpiryOption::Persist) => true,
            (ExpiryOption::Time(old, _), ExpiryOption::Time(new, _)) => old == new,
            (ExpiryOption::Keep | ExpiryOption::Persist | ExpiryOption::Time(..), _) => false,
        };
        *self = option;
        agrees
    }

    /// What setting a value with these options does to the expiry.
    ///
    /// # Errors
    ///
    /// Where the time is none or out of range.
    pub(crate) fn resolve(
        self,
        moment: &Moment,
        command: &'static str,
    ) -> Result<NewExpiry, CommandError> {
        Ok(match self {
            ExpiryOption::None | ExpiryOption::Persist => NewExpiry::CLEAR,
            ExpiryOption::Keep => NewExpiry { expiry: Expiry::Keep, elapsed: false },
            ExpiryOption::Time(kind, text) => {
                let at = kind.moment(text, moment, command)?;
                NewExpiry { expiry: Expiry::At(at), elapsed: at <= moment.now.0 }
            }
        })
    }
}

impl ExpiryOption<'_> {
    /// The same for commands that also take the time 0, which has come already (HGETEX, HSETEX).
    ///
    /// # Errors
    ///
    /// Where the time is none, negative, or too far away.
    pub(crate) fn resolve_from_zero(
        self,
        moment: &Moment,
        command: &'static str,
    ) -> Result<NewExpiry, CommandError> {
        match self {
            ExpiryOption::Time(_, text) if parse_i64(text) == Some(0) => {
                Ok(NewExpiry { expiry: Expiry::At(moment.now.0), elapsed: true })
            }
            ExpiryOption::None
            | ExpiryOption::Keep
            | ExpiryOption::Persist
            | ExpiryOption::Time(..) => self.resolve(moment, command),
        }
    }
}

impl NewExpiry {
    /// None.
    pub(crate) const CLEAR: NewExpiry = NewExpiry { expiry: Expiry::Clear, elapsed: false };
}

/// Under which conditions the expiry is set; several may be given.
#[derive(Default)]
pub(crate) struct Conditions {
    /// Only where there is none.
    nx: bool,
    /// Only where there is one.
    xx: bool,
    /// Only where the new one is later. No expiry is later than any.
    gt: bool,
    /// Only where the new one is earlier.
    lt: bool,
}

impl Conditions {
    /// Reads them from words.
    ///
    /// # Errors
    ///
    /// Where a word is none of them, or contradicts another.
    pub(crate) fn parse<'a>(
        words: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Conditions, CommandError> {
        let mut conditions = Conditions::default();
        for option in words {
            let lower = option.to_ascii_lowercase();
            *match &lower[..] {
                b"nx" => &mut conditions.nx,
                b"xx" => &mut conditions.xx,
                b"gt" => &mut conditions.gt,
                b"lt" => &mut conditions.lt,
                _ => {
                    return Err(CommandError::echo("ERR Unsupported option ", option, ""));
                }
            } = true;
        }
        let Conditions { nx, xx, gt, lt } = conditions;
        if nx && (xx || gt || lt) {
            return Err(CommandError::Text(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if gt && lt {
            return Err(CommandError::Text(
                "ERR GT and LT options at the same time are not compatible",
            ));
        }
        Ok(conditions)
    }

    /// Whether an expiry that is `current` may become `new`.
    pub(crate) fn allow(&self, current: Option<i64>, new: i64) -> bool {
        match current {
            None => !self.xx && !self.gt,
            Some(current) => !self.nx && (!self.gt || new > current) && (!self.lt || new < current),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

    #[test]
    fn times_to_come_are_positive_and_within_64_bits_of_milliseconds() {
        let moment =
            |kind: TimeKind, text: &str| kind.moment(text.as_bytes(), &Moment::at(NOW), "set");
        assert_eq!(moment(TimeKind::EX, "10"), Ok(NOW.0 + 10_000));
        assert_eq!(moment(TimeKind::PX, "10"), Ok(NOW.0 + 10));
        assert_eq!(moment(TimeKind::EXAT, "10"), Ok(10_000));
        assert_eq!(moment(TimeKind::PXAT, "9223372036854775807"), Ok(i64::MAX));
        assert_eq!(moment(TimeKind::EX, "x"), Err(CommandError::NotInteger));
        let invalid = Err(CommandError::InvalidExpireTime("set"));
        for (kind, text) in [
            (TimeKind::EX, "0"),
            (TimeKind::PX, "-1"),
            (TimeKind::EX, "-9223372036854775808"),
            (TimeKind::EX, "9223372036854775"),
            (TimeKind::PX, "9223372036854775807"),
            (TimeKind::EXAT, "9223372036854776"),
        ] {
            assert_eq!(moment(kind, text), invalid, "{text}");
        }
    }
}
