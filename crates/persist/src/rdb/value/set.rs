//! Sets.

use super::distinct::are_distinct;
use super::words::Words;
use super::{Loaded, of_listpack, packed};
use crate::rdb::decode::Decoder;
use crate::rdb::error::LoadError;
use collections::{IntsetSlice, Item, ListpackSlice};
use engine::COMPACT_BYTES_MAX;
use std::io::Read;
use values::{Compact, Rules, Set};

const DISTINCT: &str = "members of a set that differ";

pub(super) fn members<R: Read>(
    decoder: &mut Decoder<R>,
    text: &mut Vec<u8>,
    rules: &Rules,
) -> Result<Loaded, LoadError> {
    let count = decoder.length()?;
    let mut words = Words::read(decoder, text, (count, 1))?;
    let most = rules.set.intset_entries.max(rules.set.listpack_entries);
    if words.len() as u64 == count && words.len() <= most {
        if !are_distinct(words.iter().map(Item::Bytes)) {
            return Err(decoder.malformed(DISTINCT));
        }
        return Ok(Loaded::of(Set::of_members(words.iter(), rules), text));
    }
    let mut set = Set::hashtable(rules);
    let mut left = count;
    loop {
        if !set.extend_new(words.len(), |index| words.at(index), rules) {
            return Err(decoder.malformed(DISTINCT));
        }
        left -= words.len() as u64;
        if left == 0 {
            return Ok(Loaded::of(set, text));
        }
        words = Words::read(decoder, text, (left, 1))?;
    }
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
        return Err(decoder.malformed(DISTINCT));
    }
    let is_large = pack.len() > rules.set.listpack_entries;
    Ok(of_listpack(text, Compact::Set, is_large.then_some(|set: &mut Set| set.outgrow(rules))))
}
