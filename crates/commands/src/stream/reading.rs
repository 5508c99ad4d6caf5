//! What XREAD and XREADGROUP are asked for.

use super::id::parse_id;
use crate::{CommandError, Timeout, parse_timeout_millis};
use base::number::parse_i64;
use resp::Args;
use values::stream::{Log, StreamId};

/// The arguments of XREAD and XREADGROUP.
pub(super) struct Reading<'a> {
    args: Args<'a>,
    /// Group and consumer.
    pub(super) group: Option<(&'a [u8], &'a [u8])>,
    /// The most entries of each stream.
    pub(super) count: Option<u64>,
    pub(super) timeout: Timeout,
    pub(super) no_ack: bool,
    /// Where the keys begin, and how many there are; so many ids follow.
    first_key: usize,
    pub(super) streams: usize,
}

/// Where the keys begin: a group or a consumer may be called STREAMS, too.
pub(super) fn first_key(args: Args<'_>) -> Option<usize> {
    let mut index = 1;
    loop {
        let word = args.get(index)?;
        let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
        index += match word {
            _ if is(b"STREAMS") => return Some(index + 1),
            _ if is(b"GROUP") => 3,
            _ if is(b"BLOCK") || is(b"COUNT") => 2,
            _ => 1,
        };
    }
}

impl<'a> Reading<'a> {
    pub(super) fn parse(args: Args<'a>) -> Result<Reading<'a>, CommandError> {
        let is_grouped = args.name().eq_ignore_ascii_case(b"XREADGROUP");
        let mut reading = Reading {
            args,
            group: None,
            count: None,
            timeout: Timeout::None,
            no_ack: false,
            first_key: 0,
            streams: 0,
        };
        let mut index = 1;
        while reading.first_key == 0 {
            index += reading.take(index, is_grouped)?;
        }
        if is_grouped && reading.group.is_none() {
            return Err(CommandError::Text("ERR Missing GROUP option for XREADGROUP"));
        }
        Ok(reading)
    }

    /// Takes the option at `index`: how many arguments it takes up.
    fn take(&mut self, index: usize, is_grouped: bool) -> Result<usize, CommandError> {
        let args = self.args;
        let word = args.get(index).ok_or(CommandError::Syntax)?;
        let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
        let value = args.get(index + 1);
        if let Some(value) = value.filter(|_| is(b"BLOCK")) {
            self.timeout = parse_timeout_millis(value)?;
            Ok(2)
        } else if let Some(value) = value.filter(|_| is(b"COUNT")) {
            let count = parse_i64(value).ok_or(CommandError::NotInteger)?;
            self.count = u64::try_from(count).ok().filter(|&count| count > 0);
            Ok(2)
        } else if value.is_some() && is(b"STREAMS") {
            self.set_streams(index + 1, is_grouped)?;
            Ok(0)
        } else if is(b"GROUP") && index + 2 < args.len() {
            if !is_grouped {
                return Err(CommandError::Text(
                    "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.",
                ));
            }
            self.group = args.get(index + 1).zip(args.get(index + 2));
            Ok(3)
        } else if is(b"NOACK") {
            if !is_grouped {
                return Err(CommandError::Text(
                    "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.",
                ));
            }
            self.no_ack = true;
            Ok(1)
        } else {
            Err(CommandError::Syntax)
        }
    }

    fn set_streams(&mut self, first_key: usize, is_grouped: bool) -> Result<(), CommandError> {
        let words = self.args.len() - first_key;
        if words % 2 == 1 {
            return Err(CommandError::Text(if is_grouped {
                "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified."
            } else {
                "ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified."
            }));
        }
        (self.first_key, self.streams) = (first_key, words / 2);
        Ok(())
    }

    /// A key.
    pub(super) fn key(&self, stream: usize) -> &'a [u8] {
        self.args.get(self.first_key + stream).unwrap_or_default()
    }

    /// The text of the id that belongs to it.
    pub(super) fn id_text(&self, stream: usize) -> &'a [u8] {
        self.args.get(self.first_key + self.streams + stream).unwrap_or_default()
    }

    /// The argument that this id stands in.
    pub(super) fn id_index(&self, stream: usize) -> usize {
        self.first_key + self.streams + stream
    }
}

/// After which entry XREAD reads.
pub(super) fn parse_read_position(
    text: &[u8],
    log: Option<&Log>,
) -> Result<StreamId, CommandError> {
    match text {
        b"$" => Ok(log.map_or(StreamId::MIN, Log::last_id)),
        b"+" => Ok(log.map_or(StreamId::MIN, |log| log.last_id().previous().unwrap_or_default())),
        b">" => Err(CommandError::Text(
            "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
        )),
        _ => parse_id(text),
    }
}

/// After which entry of its own XREADGROUP reads again; `None` where it reads new ones.
pub(super) fn parse_group_position(text: &[u8]) -> Result<Option<StreamId>, CommandError> {
    match text {
        b"$" => Err(CommandError::Text(
            "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this \
             consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would \
             just return an empty result set.",
        )),
        b"+" => Err(CommandError::Text(
            "ERR The + ID is meaningless in the context of XREADGROUP: you want to read the history of this \
             consumer by specifying a proper ID, or use the > ID to get new messages. The + ID would \
             just return an empty result set.",
        )),
        b">" => Ok(None),
        _ => parse_id(text).map(Some),
    }
}
