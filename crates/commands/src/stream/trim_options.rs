//! The options of XADD and XTRIM that say what is to be removed.

use super::id::parse_id;
use crate::CommandError;
use base::number::parse_i64;
use engine::Moment;
use resp::Args;
use std::borrow::Cow;
use values::StreamRules;
use values::stream::{Log, References, StreamId, Threshold, Trim};

/// The most entries that an approximate trim removes where the client sets no limit: those of so many nodes.
const NODES_TRIMMED_MAX: u64 = 100;

/// The same where a node has no limit, and the most in any case.
const ENTRIES_TRIMMED: u64 = 10_000;
const ENTRIES_TRIMMED_MAX: u64 = 1_000_000;

/// What was said about trimming.
#[derive(Default)]
pub(super) struct TrimOptions {
    threshold: Option<Threshold>,
    is_approximate: bool,
    limit: Option<u64>,
    references: Option<References>,
    /// Where the operator of the threshold stands, and LIMIT.
    operator_at: usize,
    limit_at: Option<usize>,
}

impl TrimOptions {
    /// Takes the option at `index`: how many arguments it takes up; none where it is no such option.
    pub(super) fn take(
        &mut self,
        args: Args<'_>,
        index: usize,
    ) -> Result<Option<usize>, CommandError> {
        let word = &args[index];
        if let Some(references) = parse_references(word) {
            if self.references.replace(references).is_some() {
                return Err(CommandError::Syntax);
            }
            return Ok(Some(1));
        }
        if args.get(index + 1).is_none() {
            return Ok(None);
        }
        if word.eq_ignore_ascii_case(b"MAXLEN") {
            self.take_threshold(args, index, |text| {
                let length = parse_i64(text).ok_or(CommandError::NotInteger)?;
                let length = u64::try_from(length);
                length
                    .map(Threshold::Length)
                    .map_err(|_| CommandError::Text("ERR The MAXLEN argument must be >= 0."))
            })
        } else if word.eq_ignore_ascii_case(b"MINID") {
            self.take_threshold(args, index, |text| parse_id(text).map(Threshold::Id))
        } else if word.eq_ignore_ascii_case(b"LIMIT") {
            let limit = parse_i64(&args[index + 1]).ok_or(CommandError::NotInteger)?;
            let limit = u64::try_from(limit)
                .map_err(|_| CommandError::Text("ERR The LIMIT argument must be >= 0."))?;
            self.limit = Some(limit);
            self.limit_at = Some(index);
            Ok(Some(2))
        } else {
            Ok(None)
        }
    }

    fn take_threshold(
        &mut self,
        args: Args<'_>,
        index: usize,
        parse: impl FnOnce(&[u8]) -> Result<Threshold, CommandError>,
    ) -> Result<Option<usize>, CommandError> {
        if self.threshold.is_some() {
            return Err(CommandError::Text(
                "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
            ));
        }
        let operator = args.get(index + 2).map(|_| &args[index + 1]);
        self.is_approximate = operator == Some(b"~");
        self.operator_at = index + 1;
        let operators = usize::from(self.is_approximate || operator == Some(b"="));
        self.threshold = Some(parse(&args[index + 1 + operators])?);
        Ok(Some(2 + operators))
    }

    /// How to trim, if at all.
    pub(super) fn finish(
        &self,
        rules: StreamRules,
        moment: &Moment,
    ) -> Result<Option<Trim>, CommandError> {
        let Some(threshold) = self.threshold else {
            if self.limit.is_some_and(|limit| limit > 0) {
                return Err(CommandError::Text(
                    "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
                ));
            }
            return Ok(None);
        };
        // Valkey and Redis log what was trimmed about so much as trimmed exactly, and leave the limit where it is.
        let is_logged = self.limit.is_some() && !self.is_approximate && moment.is_repeated();
        if self.limit.is_some() && !self.is_approximate && !is_logged {
            return Err(CommandError::Text(
                "ERR syntax error, LIMIT cannot be used without the special ~ option",
            ));
        }
        let limit = match self.limit {
            Some(limit) if !is_logged => limit,
            None if self.is_approximate => default_limit(rules),
            Some(_) | None => 0,
        };
        Ok(Some(Trim { threshold, is_approximate: self.is_approximate, limit }))
    }

    /// The arguments for the log: an approximate trim, which has left a stream like this, is exact there. LIMIT is for approximate ones only.
    pub(super) fn logged<'a>(&self, args: Args<'a>, log: &Log) -> Vec<Cow<'a, [u8]>> {
        let words = args.iter_from(0).map(Cow::Borrowed);
        if !self.is_approximate {
            return words.collect();
        }
        let exact = match self.threshold {
            // Whatever comes after it went, too.
            Some(Threshold::Id(_)) if log.is_empty() => StreamId::MAX.to_string(),
            Some(Threshold::Id(_)) => log.first_id().to_string(),
            Some(Threshold::Length(_)) | None => log.len().to_string(),
        };
        let is_limit = |index: usize| self.limit_at.is_some_and(|at| (at..at + 2).contains(&index));
        let words = words.enumerate().filter(|(index, _)| !is_limit(*index));
        words
            .map(|(index, word)| match index.checked_sub(self.operator_at) {
                Some(0) => Cow::Borrowed(&b"="[..]),
                Some(1) => Cow::Owned(exact.clone().into_bytes()),
                Some(_) | None => word,
            })
            .collect()
    }

    /// What becomes of references to entries that are removed.
    pub(super) fn references(&self) -> References {
        self.references.unwrap_or_default()
    }
}

fn default_limit(rules: StreamRules) -> u64 {
    match (rules.node_entries as u64).saturating_mul(NODES_TRIMMED_MAX) {
        0 => ENTRIES_TRIMMED,
        limit => limit.min(ENTRIES_TRIMMED_MAX),
    }
}

/// KEEPREF, DELREF or ACKED.
pub(super) fn parse_references(word: &[u8]) -> Option<References> {
    if word.eq_ignore_ascii_case(b"KEEPREF") {
        Some(References::Keep)
    } else if word.eq_ignore_ascii_case(b"DELREF") {
        Some(References::Remove)
    } else if word.eq_ignore_ascii_case(b"ACKED") {
        Some(References::Respect)
    } else {
        None
    }
}
