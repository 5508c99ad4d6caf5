//! Adding entries, and removing the oldest: XADD, XTRIM.

use super::id::{parse_new_id, reply_id};
use super::trim_options::TrimOptions;
use crate::{CommandError, Outcome};
use engine::{Edit, EventClass};
use resp::{Args, Reply};
use std::borrow::Cow;
use values::Stream;
use values::stream::{AppendError, NewId, StreamId, Trim};

/// The options of XADD.
struct Options {
    trim: TrimOptions,
    must_exist: bool,
    /// None for `*`.
    id: Option<(u64, Option<u64>)>,
    /// Where the fields begin.
    fields: usize,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Options, CommandError> {
        let mut trim = TrimOptions::default();
        let (mut must_exist, mut id) = (false, None);
        let mut index = 2;
        while let Some(word) = args.get(index) {
            if word == b"*" {
                break;
            }
            if let Some(taken) = trim.take(args, index)? {
                index += taken;
            } else if word.eq_ignore_ascii_case(b"NOMKSTREAM") {
                must_exist = true;
                index += 1;
            } else {
                id = Some(parse_new_id(word)?);
                break;
            }
        }
        Ok(Options { trim, must_exist, id, fields: index + 1 })
    }
}

pub(super) fn xadd(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let options = Options::parse(args)?;
    let rules = edit.rules().stream;
    let trim = options.trim.finish(rules, edit.moment())?;
    let values = args.len().saturating_sub(options.fields);
    if values == 0 || values % 2 == 1 {
        return Err(CommandError::WrongArity("xadd".to_owned()));
    }
    if options.id == Some((0, Some(0))) {
        return Err(CommandError::Text("ERR The ID specified in XADD must be greater than 0-0"));
    }
    let key = &args[1];
    if options.must_exist && edit.typed::<Stream>(key)?.is_none() {
        reply.null();
        return Ok(());
    }
    let new_id = match options.id {
        None => NewId::Auto(u64::try_from(edit.moment().clock.0).unwrap_or(0)),
        Some((ms, None)) => NewId::AutoSequence(ms),
        Some((ms, Some(seq))) => NewId::Exactly(StreamId::new(ms, seq)),
    };
    let fields = (0..values / 2).map(|pair| {
        let at = options.fields + 2 * pair;
        (&args[at], &args[at + 1])
    });
    let references = options.trim.references();
    let (id, trimmed) = edit.modify_or_create_if(key, |stream: &mut Stream| {
        let added = stream.log_mut().append(new_id, fields, rules).map(|id| {
            let trimmed = trim.map_or(0, |trim| stream.trim(&trim, references));
            (id, trimmed)
        });
        (added.is_ok(), added.map_err(append_error))
    })??;
    edit.changed(1);
    if edit.logs() {
        log_added(edit, args, &options, id)?;
    }
    edit.notify(EventClass::Stream, "xadd", key);
    if trimmed > 0 {
        edit.notify(EventClass::Stream, "xtrim", key);
    }
    reply_id(reply, id);
    Ok(())
}

/// Logs an XADD with the id that it has taken.
fn log_added(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    options: &Options,
    id: StreamId,
) -> Result<(), CommandError> {
    let Some(stream) = edit.typed::<Stream>(&args[1])? else { return Ok(()) };
    let mut words = options.trim.logged(args, stream.log());
    if !matches!(options.id, Some((_, Some(_)))) {
        // From the end, for what stands before it may have become less.
        let id_at = words.len() - (args.len() - options.fields) - 1;
        words[id_at] = Cow::Owned(id.to_string().into_bytes());
    }
    edit.log_words(words.iter().map(|word| &**word));
    Ok(())
}

fn append_error(error: AppendError) -> CommandError {
    CommandError::Text(match error {
        AppendError::Exhausted => {
            "ERR The stream has exhausted the last possible ID, unable to add more items"
        }
        AppendError::NotAbove => {
            "ERR The ID specified in XADD is equal or smaller than the target stream top item"
        }
        AppendError::TooLarge => "ERR Elements are too large to be stored",
    })
}

pub(super) fn xtrim(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut options = TrimOptions::default();
    let mut index = 2;
    while args.get(index).is_some() {
        index += options.take(args, index)?.ok_or(CommandError::Syntax)?;
    }
    let trim: Trim = options.finish(edit.rules().stream, edit.moment())?.ok_or(
        CommandError::Text("ERR syntax error, XTRIM must be called with a trimming strategy"),
    )?;
    let key = &args[1];
    let references = options.references();
    let trimmed = edit.modify_if(key, |stream: &mut Stream| {
        let trimmed = stream.trim(&trim, references);
        (trimmed > 0, trimmed)
    })?;
    let trimmed = trimmed.unwrap_or(0);
    if trimmed > 0 {
        edit.notify(EventClass::Stream, "xtrim", key);
        edit.changed(trimmed);
        if edit.logs()
            && let Some(stream) = edit.typed::<Stream>(key)?
        {
            let words = options.logged(args, stream.log());
            edit.log_words(words.iter().map(|word| &**word));
        }
    }
    reply.integer(trimmed as i64);
    Ok(())
}
