//! DEBUG POPULATE: many keys at once, to test with.

use super::check_arguments;
use crate::{CommandError, Outcome, Whole};
use base::Slot;
use base::number::parse_i64;
use engine::Expiry;
use resp::{Args, Reply};

/// The longest value that may be asked for: that of any string by default.
const VALUE_BYTES_MAX: usize = 512 << 20;

/// `DEBUG POPULATE count [prefix [bytes]]`: adds the keys `prefix:0` to `prefix:<count - 1>` that are not there, `key:0` and so on without
/// a prefix. Their values are `value:0` and so on, cut or filled with zero bytes to the length that was asked for. Not counted as changes.
///
/// # Errors
///
/// Where a number is none or negative, or the number of arguments is wrong.
pub fn populate(whole: &mut Whole<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    check_arguments(args, 3..=5)?;
    let count = parse_size(&args[2])?;
    let prefix = args.get(3).unwrap_or(b"key");
    let bytes = args.get(4).map(parse_size).transpose()?.filter(|&bytes| bytes > 0);
    if bytes.is_some_and(|bytes| bytes > VALUE_BYTES_MAX) {
        return Err(CommandError::Text(
            "ERR string exceeds maximum allowed size (proto-max-bulk-len)",
        ));
    }
    let (mut key, mut value) = (Vec::new(), Vec::new());
    for number in 0..count {
        key.clear();
        key.extend_from_slice(prefix);
        key.extend_from_slice(format!(":{number}").as_bytes());
        value.clear();
        value.extend_from_slice(format!("value:{number}").as_bytes());
        if let Some(bytes) = bytes {
            value.resize(bytes, 0);
        }
        let slot = Slot::of_key(&key);
        whole.reach.edit(slot, (whole.database, whole.worker, whole.moment), |edit| {
            if edit.find(&key).is_none() {
                edit.put_string(&key, &value, Expiry::Clear);
            }
        });
    }
    reply.ok();
    Ok(())
}

fn parse_size(argument: &[u8]) -> Result<usize, CommandError> {
    parse_i64(argument)
        .and_then(|size| usize::try_from(size).ok())
        .ok_or(CommandError::MustBePositive)
}
