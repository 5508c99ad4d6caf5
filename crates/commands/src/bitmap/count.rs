//! Counting bits and finding the first one.

use super::range::BitRange;
use crate::string::value::with_bytes;
use crate::{CommandError, Outcome};
use base::number::parse_i64;
use engine::View;
use resp::{Args, Reply};
use std::ops::Range;

pub(super) fn bitcount(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let range = BitRange::parse(args, 2)?;
    let count = match view.find(&args[1]) {
        Some(record) => with_bytes(record, |bytes| {
            if range.is_reversed_from_end() { 0 } else { ones(bytes, range.bits(bytes.len())) }
        })?,
        None => 0,
    };
    reply.count(count);
    Ok(())
}

pub(super) fn bitpos(view: &mut View<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let bit = match parse_i64(&args[2]).ok_or(CommandError::NotInteger)? {
        0 => false,
        1 => true,
        _ => return Err(CommandError::Text("ERR The bit argument must be 1 or 0.")),
    };
    let range = BitRange::parse(args, 3)?;
    let position = match view.find(&args[1]) {
        Some(record) => with_bytes(record, |bytes| position(bytes, bit, range))?,
        None => (!bit).then_some(0),
    };
    reply.integer(position.map_or(-1, |position| position as i64));
    Ok(())
}

/// The first bit of that kind in a range. Where the range has no end, zeros follow the string.
fn position(bytes: &[u8], bit: bool, range: BitRange) -> Option<usize> {
    let bits = range.bits(bytes.len());
    if bits.is_empty() {
        return None;
    }
    let found = first(bytes, bit, bits.clone());
    if found.is_none() && !bit && range.end.is_none() { Some(bits.end) } else { found }
}

/// How many bits of a range are 1.
fn ones(bytes: &[u8], bits: Range<usize>) -> usize {
    if bits.is_empty() {
        return 0;
    }
    let covering = &bytes[bits.start >> 3..bits.end.div_ceil(8)];
    let (first, last) = (covering[0], covering[covering.len() - 1]);
    let before = first & !(0xff >> (bits.start & 7));
    let after = if bits.end & 7 == 0 { 0 } else { last & (0xff >> (bits.end & 7)) };
    all_ones(covering) - (before.count_ones() + after.count_ones()) as usize
}

/// Words that are added up side by side, so that the compiler makes vectors of them.
type Lanes = [u64; 4];

/// How many bits are 1. Eight lanes of words are added bit by bit (Harley and Seal): only what is carried to the eights is counted in each round.
fn all_ones(bytes: &[u8]) -> usize {
    let (blocks, rest) = bytes.as_chunks::<256>();
    let (mut ones, mut twos, mut fours) = (Lanes::default(), Lanes::default(), Lanes::default());
    let mut eights_counted = 0;
    for block in blocks {
        let lanes = |index: usize| -> Lanes {
            let (words, _) = block.as_chunks::<8>();
            std::array::from_fn(|lane| u64::from_ne_bytes(words[index * 4 + lane]))
        };
        let twos_a = add(&mut ones, lanes(0), lanes(1));
        let twos_b = add(&mut ones, lanes(2), lanes(3));
        let fours_a = add(&mut twos, twos_a, twos_b);
        let twos_a = add(&mut ones, lanes(4), lanes(5));
        let twos_b = add(&mut ones, lanes(6), lanes(7));
        let fours_b = add(&mut twos, twos_a, twos_b);
        eights_counted += count(add(&mut fours, fours_a, fours_b));
    }
    let rest: u32 = rest.iter().map(|byte| byte.count_ones()).sum();
    eights_counted * 8 + count(fours) * 4 + count(twos) * 2 + count(ones) + rest as usize
}

/// Adds two bits to each bit of a sum; what is carried.
#[inline]
fn add(sum: &mut Lanes, a: Lanes, b: Lanes) -> Lanes {
    std::array::from_fn(|lane| {
        let half = sum[lane] ^ a[lane];
        let carried = (sum[lane] & a[lane]) | (half & b[lane]);
        sum[lane] = half ^ b[lane];
        carried
    })
}

#[inline]
fn count(lanes: Lanes) -> usize {
    lanes.iter().map(|word| word.count_ones() as usize).sum()
}

/// The first bit of that kind in a range: whole words that have none are passed over.
fn first(bytes: &[u8], bit: bool, bits: Range<usize>) -> Option<usize> {
    let none = if bit { 0 } else { u8::MAX };
    let mut at = bits.start >> 3;
    let end = bits.end.div_ceil(8);
    let found = |at: usize, byte: u8| at * 8 + (byte ^ none).leading_zeros() as usize;
    // In the first byte only what is not before the range counts.
    let start = (bytes[at] ^ none) & (0xff >> (bits.start & 7));
    if start != 0 {
        return Some(found(at, start ^ none)).filter(|&position| position < bits.end);
    }
    at += 1;
    let (words, _) = bytes[at..end].as_chunks::<8>();
    let passed = words.iter().take_while(|word| **word == [none; 8]).count();
    at += passed * 8;
    let further = bytes[at..end].iter().position(|byte| *byte != none)?;
    Some(found(at + further, bytes[at + further])).filter(|&position| position < bits.end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bit(bytes: &[u8], position: usize) -> bool {
        bytes[position >> 3] & (0x80 >> (position & 7)) != 0
    }

    proptest! {
        #[test]
        fn bits_are_counted_and_found_as_if_one_by_one(
            parts in proptest::collection::vec((0..4u8, 0..300usize), 1..6),
            from: usize,
            to: usize,
        ) {
            let bytes: Vec<u8> = parts
                .iter()
                .flat_map(|(kind, count)| vec![[0, 0xff, 0x10, 0xef][*kind as usize]; *count])
                .collect();
            let total = bytes.len() * 8;
            let (from, to) = (from % (total + 1), to % (total + 1));
            let bits = from.min(to)..from.max(to);
            prop_assert_eq!(
                ones(&bytes, bits.clone()),
                bits.clone().filter(|&at| bit(&bytes, at)).count()
            );
            if !bits.is_empty() {
                for wanted in [false, true] {
                    prop_assert_eq!(
                        first(&bytes, wanted, bits.clone()),
                        bits.clone().find(|&at| bit(&bytes, at) == wanted)
                    );
                }
            }
        }
    }
}
