//! Finding the group that a command names.

use crate::CommandError;
use crate::error::echoed;
use engine::{Edit, View};
use values::Stream;
use values::stream::{Group, Log};

/// What a command says that finds no such key or group.
pub(super) fn no_group(key: &[u8], group: &[u8]) -> CommandError {
    let parts =
        [b"NOGROUP No such key '", echoed(key), b"' or consumer group '", echoed(group), b"'"];
    CommandError::Bytes(parts.concat())
}

/// Reads a group that has to be there.
pub(super) fn read_group<'v>(
    view: &'v mut View<'_, '_>,
    key: &[u8],
    group: &[u8],
) -> Result<&'v Group, CommandError> {
    let stream = view.typed::<Stream>(key)?;
    stream.and_then(|stream| stream.group(group)).ok_or_else(|| no_group(key, group))
}

/// Whether there is a stream with such a group. Counts as a look-up of the key.
pub(super) fn has_group(
    edit: &mut Edit<'_, '_>,
    key: &[u8],
    group: &[u8],
) -> Result<bool, CommandError> {
    let stream = edit.typed::<Stream>(key)?;
    let (is_there, has_group) =
        (stream.is_some(), stream.is_some_and(|stream| stream.group(group).is_some()));
    edit.count_lookup_of(key, is_there);
    Ok(has_group)
}

/// Changes a group; `None` where there is no such key or group. The key does not count as modified: as in Redis, WATCH looks at entries only.
pub(super) fn change_group<R>(
    edit: &mut Edit<'_, '_>,
    (key, group): (&[u8], &[u8]),
    change: impl FnOnce(&Log, &mut Group) -> R,
) -> Result<Option<R>, CommandError> {
    let result =
        edit.modify_if(key, |stream: &mut Stream| (false, stream.change_group(group, change)))?;
    Ok(result.flatten())
}
