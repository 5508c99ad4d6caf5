//! Values by themselves, on their way to another key or another server: DUMP and RESTORE.

use crate::{CommandError, Outcome};
use base::number::{parse_i64, with_digits};
use engine::{Edit, EventClass, Moment, Removal, View};
use persist::rdb::{RestoreError, Usage, dump as payload_of, restore as value_of};
use resp::{Args, Reply};

pub(super) fn dump(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let payload = view.find(&args[1]).map(payload_of);
    reply.bulk_or_null(payload.as_deref());
    Ok(())
}

pub(super) fn restore(edit: &mut Edit<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let options = Options::parse(args)?;
    let key = &args[1];
    let exists = edit.find(key).is_some();
    if exists && !options.replace {
        return Err(CommandError::Text("BUSYKEY Target key name already exists."));
    }
    let expire_at = options.expire_at(&args[2], edit.moment())?;
    let mut text = Vec::new();
    let value =
        value_of(&args[3], !edit.skips_checksums(), &edit.rules(), &mut text).map_err(|error| {
            match error {
                RestoreError::Footer => {
                    CommandError::Text("ERR DUMP payload version or checksum are wrong")
                }
                RestoreError::Value(_) => CommandError::Text("ERR Bad data format"),
            }
        })?;
    if expire_at.is_some_and(|at| at <= edit.moment().now.0) {
        if exists {
            edit.remove(key);
            edit.notify(EventClass::Generic, "del", key);
            edit.changed(1);
            edit.log_removal(Removal::Emptied, key);
        }
    } else {
        let access = options.access(edit.moment());
        edit.restore(key, value, expire_at, access);
        edit.notify(EventClass::Generic, "restore", key);
        edit.changed(1);
        if let (Some(at), false, true) = (expire_at, options.absolute, edit.logs()) {
            with_digits(at, |at| {
                let words = [args.name(), key, at].into_iter().chain(args.iter_from(3));
                edit.log_words(words.chain([&b"ABSTTL"[..]]));
            });
        }
    }
    reply.ok();
    Ok(())
}

/// What may stand behind a payload.
#[derive(Default)]
struct Options {
    replace: bool,
    /// Whether the time to live is a moment.
    absolute: bool,
    usage: Option<Usage>,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Options, CommandError> {
        let mut options = Options::default();
        let mut words = args.iter_from(4);
        while let Some(word) = words.next() {
            // Only one of the two can be told.
            let (may_idle, may_count) = match options.usage {
                None => (true, true),
                Some(Usage::Idle(_)) => (true, false),
                Some(Usage::Frequency(_)) => (false, true),
            };
            if word.eq_ignore_ascii_case(b"replace") {
                options.replace = true;
            } else if word.eq_ignore_ascii_case(b"absttl") {
                options.absolute = true;
            } else if word.eq_ignore_ascii_case(b"idletime") && may_idle {
                let seconds = integer(words.next().ok_or(CommandError::Syntax)?)?;
                let seconds = u64::try_from(seconds);
                options.usage = Some(Usage::Idle(seconds.map_err(|_| {
                    CommandError::Text("ERR Invalid IDLETIME value, must be >= 0")
                })?));
            } else if word.eq_ignore_ascii_case(b"freq") && may_count {
                let counter = integer(words.next().ok_or(CommandError::Syntax)?)?;
                let counter = u8::try_from(counter);
                options.usage = Some(Usage::Frequency(counter.map_err(|_| {
                    CommandError::Text("ERR Invalid FREQ value, must be >= 0 and <= 255")
                })?));
            } else {
                return Err(CommandError::Syntax);
            }
        }
        Ok(options)
    }

    /// When the key expires: a time to live of zero is none.
    fn expire_at(&self, ttl: &[u8], moment: &Moment) -> Result<Option<i64>, CommandError> {
        match integer(ttl)? {
            ..0 => Err(CommandError::Text("ERR Invalid TTL value, must be >= 0")),
            0 => Ok(None),
            at if self.absolute => Ok(Some(at)),
            ttl => Ok(Some(moment.clock.0.saturating_add(ttl))),
        }
    }

    /// The access clock that the key gets, where the policy keeps what was told.
    fn access(&self, moment: &Moment) -> Option<u32> {
        match self.usage? {
            Usage::Idle(seconds) => moment.idle_access(seconds),
            Usage::Frequency(counter) => moment.counted_access(counter),
        }
    }
}

fn integer(text: &[u8]) -> Result<i64, CommandError> {
    parse_i64(text).ok_or(CommandError::NotInteger)
}
