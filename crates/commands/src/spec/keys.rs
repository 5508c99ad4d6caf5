//! Where the keys of a request stand: key specifications, and finding the keys by them.

use super::Spec;
use base::number::parse_i64;
use resp::Args;

/// Where some of a command's keys stand and what is done with them.
#[derive(Clone, Copy, Debug)]
pub struct KeySpec {
    /// Where the search begins.
    pub begin: Begin,
    /// Which arguments from there on are keys.
    pub find: Find,
    /// What is done with the keys' values.
    pub access: KeyAccess,
    /// What that means for the data.
    pub effects: &'static [KeyEffect],
    /// Whether the arguments only look like keys (a channel's name).
    pub not_key: bool,
    /// Whether there may be keys that this does not find.
    pub incomplete: bool,
    /// Whether the flags depend on the options.
    pub variable_flags: bool,
    /// A remark for readers.
    pub notes: &'static str,
}

/// Where the search for keys begins.
#[derive(Clone, Copy, Debug)]
pub enum Begin {
    /// At this argument; the name is number 0.
    Index(usize),
    /// After this word, which is looked for from argument `from` on (from the end where negative).
    Keyword {
        /// The word, in upper case.
        word: &'static str,
        /// Where to look for it.
        from: i64,
        /// Where the command takes the key from, if the word may also be the value of an option, or stand there more than once: the keys
        /// that are held have to be those that the command will ask for.
        read: Option<fn(Args<'_>) -> Option<usize>>,
    },
    /// At a place that the request has to be read for; COMMAND INFO calls it unknown. `None` where there is no such key, or none that an argument
    /// names.
    Unknown(fn(Args<'_>) -> Option<usize>),
}

/// Which arguments are keys, counted from where the search began.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Find {
    /// Every `step`-th argument up to `last` (negative: counted from the end, -1 the last). A `limit` above 1 looks only at that
    /// fraction of the rest.
    Range {
        /// The last key.
        last: i64,
        /// How far apart keys stand.
        step: usize,
        /// 0 or 1 for all of the rest, 2 for half of it, and so on.
        limit: usize,
    },
    /// An argument tells how many keys there are.
    Number {
        /// Which argument tells.
        number: usize,
        /// Where the first key stands.
        first: usize,
        /// How far apart keys stand.
        step: usize,
    },
}

/// What is done with the value of a key; the names are those of COMMAND INFO.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyAccess {
    /// `RO`: read only.
    ReadOnly,
    /// `RW`: read and changed.
    ReadWrite,
    /// `OW`: overwritten.
    Overwrite,
    /// `RM`: removed.
    Remove,
}

/// What access to a key means for the data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyEffect {
    /// The value, or something made of it, is given to the client.
    Access,
    /// Data may be changed.
    Update,
    /// Data may be added, but not changed.
    Insert,
    /// Data may be removed.
    Delete,
}

/// Keys at equal distances, by far the most frequent kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SimpleKeys {
    /// The first key.
    pub first: usize,
    /// The last key; negative: counted from the end.
    pub last: i64,
    /// How far apart keys stand.
    pub step: usize,
}

impl KeySpec {
    /// One key at this argument, read only.
    #[must_use]
    pub const fn at(index: usize) -> KeySpec {
        KeySpec::range(index, 0, 1)
    }

    /// Keys from argument `first` on, to `last` as counted from there (or from the end), `step` apart.
    #[must_use]
    pub const fn range(first: usize, last: i64, step: usize) -> KeySpec {
        KeySpec {
            begin: Begin::Index(first),
            find: Find::Range { last, step, limit: 0 },
            access: KeyAccess::ReadOnly,
            effects: &[],
            not_key: false,
            incomplete: false,
            variable_flags: false,
            notes: "",
        }
    }

    /// As many keys as the argument at `number` says, right behind it, `step` apart.
    #[must_use]
    pub const fn numbered(number: usize, step: usize) -> KeySpec {
        KeySpec {
            begin: Begin::Index(number),
            find: Find::Number { number: 0, first: 1, step },
            ..KeySpec::at(number)
        }
    }

    /// With this access and these effects.
    #[must_use]
    pub const fn does(self, access: KeyAccess, effects: &'static [KeyEffect]) -> KeySpec {
        KeySpec { access, effects, ..self }
    }

    /// With a remark for readers.
    #[must_use]
    pub const fn notes(self, notes: &'static str) -> KeySpec {
        KeySpec { notes, ..self }
    }

    /// With flags that depend on the options, as the remark says.
    #[must_use]
    pub const fn variable(self, notes: &'static str) -> KeySpec {
        KeySpec { variable_flags: true, notes, ..self }
    }

    /// Adds the positions of the keys in a request.
    ///
    /// # Errors
    ///
    /// Where the request cannot have the keys that it announces.
    pub fn find_in(&self, args: Args<'_>, found: &mut Vec<usize>) -> Result<(), InvalidKeys> {
        let begin = match self.begin {
            Begin::Index(index) => index,
            Begin::Keyword { word, from, read: None } => match find_word(args, word, from) {
                Some(at) => at + 1,
                None => return Ok(()),
            },
            Begin::Keyword { read: Some(read), .. } | Begin::Unknown(read) => match read(args) {
                Some(at) => at,
                None => return Ok(()),
            },
        };
        match self.find {
            Find::Range { last, step, limit } => {
                let end = args.len() as i64;
                let last = if last >= 0 {
                    begin as i64 + last
                } else if limit > 1 {
                    begin as i64 + (end - begin as i64) / limit as i64 + last
                } else {
                    end + last
                };
                if last >= end {
                    return Err(InvalidKeys);
                }
                if let Ok(last) = usize::try_from(last) {
                    found.extend((begin..=last).step_by(step));
                }
            }
            Find::Number { number, first, step } => {
                let count = args.get(begin + number).and_then(parse_i64).ok_or(InvalidKeys)?;
                let first = begin + first;
                let room = args.len().saturating_sub(first).div_ceil(step);
                if count < 0 || count as usize > room {
                    return Err(InvalidKeys);
                }
                found.extend((0..count as usize).map(|index| first + index * step));
            }
        }
        Ok(())
    }
}

/// A request whose arguments cannot be the keys that its command declares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvalidKeys;

impl Spec {
    /// The positions of the keys of a request, in the order of the key specifications. Arguments that are not keys (channels)
    /// are left out.
    ///
    /// # Errors
    ///
    /// Where the request cannot have the keys that it announces; those that could be told have been found all the same, for a command may look at
    /// them before it comes upon what is wrong.
    pub fn key_positions(&self, args: Args<'_>, found: &mut Vec<usize>) -> Result<(), InvalidKeys> {
        found.clear();
        let mut result = Ok(());
        for keys in self.keys.iter().filter(|keys| !keys.not_key) {
            result = result.and(keys.find_in(args, found));
        }
        result
    }

    /// The keys where they stand at equal distances and nowhere else; what the routing of most commands uses.
    #[must_use]
    pub fn simple_keys(&self) -> Option<SimpleKeys> {
        match *self.keys {
            [
                KeySpec {
                    begin: Begin::Index(first),
                    find: Find::Range { last, step, limit: 0 | 1 },
                    not_key: false,
                    ..
                },
            ] => {
                let last = if last >= 0 { first as i64 + last } else { last };
                Some(SimpleKeys { first, last, step })
            }
            _ => None,
        }
    }
}

fn find_word(args: Args<'_>, word: &str, from: i64) -> Option<usize> {
    let is_word = |&index: &usize| {
        args.get(index).is_some_and(|argument| argument.eq_ignore_ascii_case(word.as_bytes()))
    };
    if from >= 0 {
        (from as usize..args.len()).find(is_word)
    } else {
        (1..=args.len().saturating_sub(from.unsigned_abs() as usize)).rev().find(is_word)
    }
}
