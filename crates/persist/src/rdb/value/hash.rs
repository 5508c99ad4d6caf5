//! Hashes.

use super::distinct::are_distinct;
use super::words::Words;
use super::{Loaded, of_listpack, packed};
use crate::rdb::decode::Decoder;
use crate::rdb::error::LoadError;
use collections::{Item, ListpackSlice};
use std::io::Read;
use values::{Compact, FieldExpiry, Hash, Rules};

/// A hash that is filled field by field.
struct Filling<'r> {
    hash: Hash,
    rules: &'r Rules,
}

impl<'r> Filling<'r> {
    fn new(count: u64, rules: &'r Rules) -> Filling<'r> {
        let mut hash = Hash::new();
        hash.outgrow(usize::try_from(count).unwrap_or(usize::MAX), rules);
        Filling { hash, rules }
    }

    /// Sets a field; false where it is there already.
    fn set(&mut self, field: &[u8], value: &[u8], expire_at: Option<i64>) -> bool {
        self.hash.prepare([field, value].into_iter(), self.rules);
        let expiry = expire_at.map_or(FieldExpiry::Clear, FieldExpiry::At);
        // At the beginning of time no field has expired, so none is taken for a new one.
        self.hash.set(field, value, (expiry, i64::MIN), self.rules)
    }
}

/// Reads a field and its value, one behind the other; where the field ends.
fn pair<R: Read>(decoder: &mut Decoder<R>, text: &mut Vec<u8>) -> Result<usize, LoadError> {
    decoder.string_into(text)?;
    let field_end = text.len();
    decoder.string(text)?;
    Ok(field_end)
}

const DISTINCT: &str = "fields of a hash that differ";

/// Reads so many fields: `time_before` and `time_behind` read when one expires, of which a layout has one or none.
fn filled<R: Read>(
    decoder: &mut Decoder<R>,
    text: &mut Vec<u8>,
    (count, rules): (u64, &Rules),
    mut time_before: impl FnMut(&mut Decoder<R>) -> Result<Option<i64>, LoadError>,
    mut time_behind: impl FnMut(&mut Decoder<R>) -> Result<Option<i64>, LoadError>,
) -> Result<Loaded, LoadError> {
    let mut filling = Filling::new(count, rules);
    for _ in 0..count {
        let before = time_before(decoder)?;
        let field_end = pair(decoder, text)?;
        let expire_at = time_behind(decoder)?.or(before);
        let (field, value) = text.split_at(field_end);
        if !filling.set(field, value, expire_at) {
            return Err(decoder.malformed(DISTINCT));
        }
    }
    Ok(Loaded::of(filling.hash, text))
}

pub(super) fn fields<R: Read>(
    decoder: &mut Decoder<R>,
    text: &mut Vec<u8>,
    rules: &Rules,
) -> Result<Loaded, LoadError> {
    let mut left = decoder.length()?;
    if left <= rules.hash.entries as u64 {
        return filled(decoder, text, (left, rules), |_| Ok(None), |_| Ok(None));
    }
    let mut hash = Hash::new();
    while left > 0 {
        let words = Words::read(decoder, text, (left, 2))?;
        let pairs = words.len() / 2;
        if !hash.extend_new(pairs, |pair| (words.at(2 * pair), words.at(2 * pair + 1)), rules) {
            return Err(decoder.malformed(DISTINCT));
        }
        left -= pairs as u64;
    }
    Ok(Loaded::of(hash, text))
}

/// As Valkey writes them: behind each value the time, or -1.
pub(super) fn fields_with_times<R: Read>(
    decoder: &mut Decoder<R>,
    text: &mut Vec<u8>,
    rules: &Rules,
) -> Result<Loaded, LoadError> {
    let time = |decoder: &mut Decoder<R>| match decoder.time()? {
        -1 => Ok(None),
        at @ 0.. => Ok(Some(at)),
        _ => Err(decoder.malformed("the time of a field, or -1")),
    };
    let count = decoder.length()?;
    filled(decoder, text, (count, rules), |_| Ok(None), time)
}

/// As Redis writes them: the first time, and before each field how far behind it its own is, plus one; zero where it has none.
pub(super) fn fields_with_distances<R: Read>(
    decoder: &mut Decoder<R>,
    text: &mut Vec<u8>,
    rules: &Rules,
) -> Result<Loaded, LoadError> {
    let first = decoder.time()?;
    let time = |decoder: &mut Decoder<R>| match decoder.length()? {
        0 => Ok(None),
        distance => {
            let at = first.checked_add_unsigned(distance - 1).filter(|&at| at >= 0);
            at.map(Some).ok_or_else(|| decoder.malformed("the time of a field"))
        }
    };
    let count = decoder.length()?;
    filled(decoder, text, (count, rules), time, |_| Ok(None))
}

/// As Redis writes small ones: the first time, and a listpack of field, value, time, which is zero where there is none.
pub(super) fn listpack_with_times<R: Read>(
    decoder: &mut Decoder<R>,
    text: &mut Vec<u8>,
    rules: &Rules,
) -> Result<Loaded, LoadError> {
    decoder.time()?;
    packed(decoder, text, false)?;
    let pack = ListpackSlice::of(text);
    let mut filling = Filling::new(pack.len() as u64 / 3, rules);
    let mut items = pack.iter();
    while let Some(field) = items.next() {
        let (Some(value), Some(Item::Integer(at @ 0..))) = (items.next(), items.next()) else {
            return Err(decoder.malformed("a value and a time behind each field of a hash"));
        };
        let expire_at = (at != 0).then_some(at);
        let is_new = field
            .with_bytes(|field| value.with_bytes(|value| filling.set(field, value, expire_at)));
        if !is_new {
            return Err(decoder.malformed(DISTINCT));
        }
    }
    Ok(Loaded::of(filling.hash, text))
}

/// Fields and values in a listpack. One that was none in the file is taken apart, too, where an item is longer than a listpack may have.
pub(super) fn listpack<R: Read>(
    decoder: &Decoder<R>,
    text: &mut Vec<u8>,
    (was_other, rules): (bool, &Rules),
) -> Result<Loaded, LoadError> {
    let pack = ListpackSlice::of(text);
    if !pack.len().is_multiple_of(2) {
        return Err(decoder.malformed("a value behind each field of a hash"));
    }
    if !are_distinct(pack.iter().step_by(2)) {
        return Err(decoder.malformed(DISTINCT));
    }
    let is_long = was_other && pack.iter().any(|item| item.len() > rules.hash.value_bytes);
    let is_large = is_long || pack.len() / 2 > rules.hash.entries;
    let outgrow = |hash: &mut Hash| hash.outgrow(if is_long { usize::MAX } else { 0 }, rules);
    Ok(of_listpack(text, Compact::Hash, is_large.then_some(outgrow)))
}
