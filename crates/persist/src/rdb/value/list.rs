//! Lists.

use super::{Loaded, blob, packed, ziplist};
use crate::rdb::decode::Decoder;
use crate::rdb::error::LoadError;
use crate::rdb::format::{NODE_PACKED, NODE_PLAIN};
use collections::{Listpack, ListpackSlice};
use std::io::Read;
use values::{End, List, ListBuilder, Rules};

pub(super) fn elements<R: Read>(
    decoder: &mut Decoder<R>,
    text: &mut Vec<u8>,
    rules: &Rules,
) -> Result<Loaded, LoadError> {
    let mut list = List::new();
    for _ in 0..decoder.length()? {
        decoder.string_into(text)?;
        list.push_all(End::Right, std::iter::once(&text[..]), rules);
    }
    Ok(Loaded::of(list, text))
}

pub(super) fn ziplist<R: Read>(
    decoder: &mut Decoder<R>,
    text: &mut Vec<u8>,
    rules: &Rules,
) -> Result<Loaded, LoadError> {
    let mut list = ListBuilder::new();
    list.push(blob(decoder, text, ziplist::to_listpack)?);
    Ok(Loaded::of(list.finish(rules), text))
}

/// Nodes that are listpacks or elements, or that are all ziplists.
pub(super) fn nodes<R: Read>(
    decoder: &mut Decoder<R>,
    text: &mut Vec<u8>,
    (has_listpacks, rules): (bool, &Rules),
) -> Result<Loaded, LoadError> {
    let mut list = ListBuilder::new();
    for _ in 0..decoder.length()? {
        let container = if has_listpacks { decoder.length()? } else { NODE_PACKED };
        list.push(match container {
            NODE_PACKED => {
                packed(decoder, text, !has_listpacks)?;
                ListpackSlice::of(text).to_owned()
            }
            NODE_PLAIN => {
                decoder.string_into(text)?;
                if text.is_empty() {
                    // Short ones stand in a listpack: no server writes them so, and Valkey does not take them.
                    return Err(decoder.malformed("an element of some length"));
                }
                let mut pack = Listpack::with_capacity(
                    Listpack::EMPTY_BYTES + Listpack::string_bytes(text.len()),
                );
                pack.push_back(text);
                pack
            }
            _ => return Err(decoder.malformed("a node of a list of a known form")),
        });
    }
    Ok(Loaded::of(list.finish(rules), text))
}
