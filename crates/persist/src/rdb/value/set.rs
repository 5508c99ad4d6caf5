//! Sets.

use super::distinct::are_distinct;
use super::{Loaded, of_listpack, packed};
use crate::rdb::decode::Decoder;
use crate::rdb::error::LoadError;
use collections::{IntsetSlice, Item, ListpackSlice};
use engine::COMPACT_BYTES_MAX;
use std::io::Read;
use values::{Compact, Rules, Set};

pub(super) fn members<R: Read>(
    decoder: &mut Decoder<R>,
    text: &mut Vec<u8>,
    rules: &Rules,
) -> Result<Loaded, LoadError> {
    let mut set = Set::new();
    let count = decoder.length()?;
    for index in 0..count {
        decoder.string_into(text)?;
        if index == 0 {
            set.expect(rules, text, usize::try_from(count).unwrap_or(usize::MAX));
        }
        if !set.add(rules, Item::Bytes(text)) {
            return Err(decoder.malformed("members of a set that differ"));
        }
    }
    Ok(Loaded::of(set, text))
}

pub(super) fn intset<R: Read>(
    decoder: &mut Decoder<R>,
    text: &mut Vec<u8>,
    rules: &Rules,
) -> Result<Loaded, LoadError> {
    decoder.string_into(text)?;
    let integers = IntsetSlice::from_bytes(text);
    let integers = integers.map_err(|_| decoder.malformed("an intset"))?;
    if integers.is_empty() {
        return Ok(Loaded::Empty);
    }
    if integers.len() <= rules.set.intset_entries && text.len() <= COMPACT_BYTES_MAX {
        return Ok(Loaded::Compact(Compact::Intset));
    }
    let mut set = Set::of_compact(Compact::Intset, text).expect("a set is made of an intset");
    set.outgrow(rules);
    Ok(Loaded::of(set, text))
}

pub(super) fn listpack<R: Read>(
    decoder: &mut Decoder<R>,
    text: &mut Vec<u8>,
    rules: &Rules,
) -> Result<Loaded, LoadError> {
    packed(decoder, text, false)?;
    let pack = ListpackSlice::of(text);
    if !are_distinct(pack.iter()) {
        return Err(decoder.malformed("members of a set that differ"));
    }
    let is_large = pack.len() > rules.set.listpack_entries;
    Ok(of_listpack(text, Compact::Set, is_large.then_some(|set: &mut Set| set.outgrow(rules))))
}
