//! A value, read and checked: what it becomes of what stands in a file.

mod distinct;
mod hash;
mod list;
mod set;
mod sorted_set;
mod stream;
mod words;
mod ziplist;
mod zipmap;

use super::Version;
use super::decode::{Decoder, Text};
use super::error::{Cause, LoadError};
use super::format::kind;
use collections::{Listpack, ListpackSlice, NewValue};
use engine::{COMPACT_BYTES_MAX, EMBEDDED_BYTES_MAX, Object, ValueType, new_string};
use std::borrow::Cow;
use std::io::Read;
use std::mem::take;
use values::{Compact, Rules};

/// A value that has been read; bytes stand in the text that it was read with.
pub(super) enum Loaded {
    Integer(i64),
    Bytes,
    Compact(Compact),
    Object(Box<Object>),
    /// A collection without elements: no key has such a value.
    Empty,
}

impl Loaded {
    /// A value of this type, small or large.
    fn of<T: ValueType>(value: T, text: &mut Vec<u8>) -> Loaded {
        if !T::STAYS_EMPTY && value.is_empty() {
            return Loaded::Empty;
        }
        match value.compact().filter(|(_, bytes)| bytes.len() <= COMPACT_BYTES_MAX) {
            Some((compact, bytes)) => {
                text.clear();
                text.extend_from_slice(bytes);
                Loaded::Compact(compact)
            }
            None => Loaded::Object(Box::new(value.into_object())),
        }
    }

    /// The value as it is stored; none where it is empty.
    pub(super) fn into_new(self, text: &[u8]) -> Option<NewValue<'_, Object>> {
        Some(match self {
            Loaded::Integer(integer) => NewValue::Integer(integer),
            Loaded::Bytes => new_string(text),
            Loaded::Compact(compact) => NewValue::Compact(compact.tag(), text),
            Loaded::Object(object) => NewValue::Object(object),
            Loaded::Empty => return None,
        })
    }
}

/// Reads the value of one type of a version. `text` is overwritten.
pub(super) fn read<R: Read>(
    decoder: &mut Decoder<R>,
    (kind, version): (u8, Version),
    text: &mut Vec<u8>,
    rules: &Rules,
) -> Result<Loaded, LoadError> {
    text.clear();
    let is_redis = matches!(version, Version::Redis(_));
    match kind {
        kind::STRING => string(decoder, text),
        kind::LIST => list::elements(decoder, text, rules),
        kind::LIST_ZIPLIST => list::ziplist(decoder, text, rules),
        kind::LIST_QUICKLIST => list::nodes(decoder, text, (false, rules)),
        kind::LIST_NODES => list::nodes(decoder, text, (true, rules)),
        kind::SET => set::members(decoder, text, rules),
        kind::SET_INTSET => set::intset(decoder, text, rules),
        kind::SET_LISTPACK => set::listpack(decoder, text, rules),
        kind::SORTED_SET_TEXT => sorted_set::members(decoder, text, (true, rules)),
        kind::SORTED_SET => sorted_set::members(decoder, text, (false, rules)),
        kind::SORTED_SET_LISTPACK | kind::SORTED_SET_ZIPLIST => {
            packed(decoder, text, kind == kind::SORTED_SET_ZIPLIST)?;
            sorted_set::listpack(decoder, text, rules)
        }
        kind::HASH => hash::fields(decoder, text, rules),
        kind::HASH_ZIPMAP => {
            let pack = blob(decoder, text, zipmap::to_listpack)?;
            replace(text, pack.bytes());
            hash::listpack(decoder, text, (true, rules))
        }
        kind::HASH_LISTPACK | kind::HASH_ZIPLIST => {
            let is_ziplist = kind == kind::HASH_ZIPLIST;
            packed(decoder, text, is_ziplist)?;
            hash::listpack(decoder, text, (is_ziplist, rules))
        }
        // A release candidate of Redis 7.4 meant something else by it.
        kind::HASH_TIMES_VALKEY if !version.has(12) => {
            hash::fields_with_times(decoder, text, rules)
        }
        kind::HASH_TIMES if is_redis => hash::fields_with_distances(decoder, text, rules),
        kind::HASH_LISTPACK_TIMES if is_redis => hash::listpack_with_times(decoder, text, rules),
        kind::STREAM => stream::read(decoder, text, 1),
        kind::STREAM_2 => stream::read(decoder, text, 2),
        kind::STREAM_3 => stream::read(decoder, text, 3),
        kind::MODULE_PRE_GA | kind::MODULE => Err(decoder.fail(Cause::Module)),
        _ => Err(decoder.fail(Cause::Type(kind))),
    }
}

fn string<R: Read>(decoder: &mut Decoder<R>, text: &mut Vec<u8>) -> Result<Loaded, LoadError> {
    Ok(match decoder.text(text)? {
        Text::Integer(integer) => Loaded::Integer(integer),
        Text::Bytes if text.len() <= EMBEDDED_BYTES_MAX => Loaded::Bytes,
        Text::Bytes => {
            let mut bytes = take(text);
            bytes.shrink_to_fit();
            Loaded::Object(Box::new(Object::String(bytes.into())))
        }
    })
}

/// Reads a string and lets `parse` make a listpack of it.
fn blob<R: Read>(
    decoder: &mut Decoder<R>,
    text: &mut Vec<u8>,
    parse: impl FnOnce(&[u8]) -> Result<Listpack, &'static str>,
) -> Result<Listpack, LoadError> {
    decoder.string_into(text)?;
    parse(text).map_err(|expected| decoder.malformed(expected))
}

/// Reads the bytes of a listpack into `text`, or what a ziplist becomes as one.
fn packed<R: Read>(
    decoder: &mut Decoder<R>,
    text: &mut Vec<u8>,
    is_ziplist: bool,
) -> Result<(), LoadError> {
    if is_ziplist {
        let pack = blob(decoder, text, ziplist::to_listpack)?;
        replace(text, pack.bytes());
        return Ok(());
    }
    decoder.string_into(text)?;
    let ours = match Listpack::from_bytes(text) {
        Ok(Cow::Borrowed(_)) => None,
        Ok(Cow::Owned(pack)) => Some(pack),
        Err(_) => return Err(decoder.malformed("a listpack")),
    };
    if let Some(pack) = ours {
        replace(text, pack.bytes());
    }
    Ok(())
}

fn replace(text: &mut Vec<u8>, bytes: &[u8]) {
    text.clear();
    text.extend_from_slice(bytes);
}

/// What a checked listpack of this type becomes; `outgrow` has it take another layout where that is too large.
fn of_listpack<T: ValueType>(
    text: &mut Vec<u8>,
    compact: Compact,
    outgrow: Option<impl FnOnce(&mut T)>,
) -> Loaded {
    if ListpackSlice::of(text).is_empty() {
        return Loaded::Empty;
    }
    if outgrow.is_none() && text.len() <= COMPACT_BYTES_MAX {
        return Loaded::Compact(compact);
    }
    let mut value = T::copy_of_compact(compact, text).expect("the bytes are of this type");
    if let Some(outgrow) = outgrow {
        outgrow(&mut value);
    }
    Loaded::of(value, text)
}
