//! Sorted sets.

use super::distinct::are_distinct;
use super::{Loaded, of_listpack};
use crate::rdb::decode::Decoder;
use crate::rdb::error::LoadError;
use base::double::parse_double;
use collections::{Item, ListpackSlice};
use std::cmp::Ordering;
use std::io::Read;
use std::ops::Range;
use values::{Compact, Rules, SortedSet};

/// A member that has been read: where its bytes stand, and its score.
struct Member {
    place: Range<usize>,
    score: f64,
}

/// Members in any order, each with its score as text or as eight bytes.
pub(super) fn members<R: Read>(
    decoder: &mut Decoder<R>,
    text: &mut Vec<u8>,
    (as_text, rules): (bool, &Rules),
) -> Result<Loaded, LoadError> {
    let mut members: Vec<Member> = Vec::new();
    let mut longest = 0;
    for _ in 0..decoder.length()? {
        let begin = text.len();
        decoder.string(text)?;
        let place = begin..text.len();
        longest = longest.max(place.len());
        let score =
            if as_text { text_score(decoder)? } else { Some(f64::from_le_bytes(decoder.array()?)) };
        let score = score.filter(|score| !score.is_nan());
        let score = score.ok_or_else(|| decoder.malformed("a score that is a number"))?;
        members.push(Member { place, score });
    }
    // In their order, so that each goes to the end.
    members.sort_unstable_by(|one, other| {
        let scores = one.score.partial_cmp(&other.score).unwrap_or(Ordering::Equal);
        scores.then_with(|| text[one.place.clone()].cmp(&text[other.place.clone()]))
    });
    let mut set = SortedSet::new();
    set.expect(members.len(), longest, rules);
    for member in members {
        if set.insert(&text[member.place], member.score, rules).is_some() {
            return Err(decoder.malformed("members of a sorted set that differ"));
        }
    }
    Ok(Loaded::of(set, text))
}

/// A score as text: a byte with its length, or one that is the score.
fn text_score<R: Read>(decoder: &mut Decoder<R>) -> Result<Option<f64>, LoadError> {
    const NAN: u8 = 253;
    const INFINITY: u8 = 254;
    const NEGATIVE_INFINITY: u8 = 255;
    Ok(match decoder.byte()? {
        NAN => None,
        INFINITY => Some(f64::INFINITY),
        NEGATIVE_INFINITY => Some(f64::NEG_INFINITY),
        length => {
            let mut digits = Vec::new();
            decoder.bytes(length.into(), &mut digits)?;
            parse_double(&digits)
        }
    })
}

/// Members, each with its score behind it, in their order.
pub(super) fn listpack<R: Read>(
    decoder: &Decoder<R>,
    text: &mut Vec<u8>,
    rules: &Rules,
) -> Result<Loaded, LoadError> {
    let pack = ListpackSlice::of(text);
    check(pack).map_err(|expected| decoder.malformed(expected))?;
    let is_large = pack.len() / 2 > rules.sorted_set.entries;
    let outgrow = is_large.then_some(|set: &mut SortedSet| set.outgrow(rules));
    Ok(of_listpack(text, Compact::SortedSet, outgrow))
}

fn check(pack: &ListpackSlice) -> Result<(), &'static str> {
    let mut items = pack.iter();
    let mut last: Option<(f64, Item<'_>)> = None;
    while let Some(member) = items.next() {
        let score = match items.next().ok_or("a score behind each member of a sorted set")? {
            Item::Integer(integer) => Some(integer as f64),
            Item::Bytes(bytes) => parse_double(bytes),
        };
        let score = score.ok_or("a score that is a number")?;
        if last.is_some_and(|last| !is_before(last, (score, member))) {
            return Err("members of a sorted set in their order");
        }
        last = Some((score, member));
    }
    if are_distinct(pack.iter().step_by(2)) {
        Ok(())
    } else {
        Err("members of a sorted set that differ")
    }
}

fn is_before(one: (f64, Item<'_>), other: (f64, Item<'_>)) -> bool {
    match one.0.partial_cmp(&other.0) {
        Some(Ordering::Less) => true,
        Some(Ordering::Equal) => one.1.with_bytes(|one| other.1.with_bytes(|other| one < other)),
        Some(Ordering::Greater) | None => false,
    }
}
