//! LZF, the compression of long strings: copies of what came before, up to 8 KiB back.
//!
//! ```text
//! 000nnnnn                       n + 1 bytes as they are
//! lllooooo oooooooo              copy l + 2 bytes from o + 1 bytes back; l from 1 to 6
//! 111ooooo llllllll oooooooo     copy l + 9 bytes
//! ```
//!
//! The format is that of Marc Lehmann's liblzf. Which copies are taken is for the writer to say: liblzf looks for three bytes at every position, we look for
//! them at every other one, and in short strings for four, for there a copy of three among literals saves nothing. That takes two thirds of the time, and what is
//! compressed is one or two percent longer.

use std::hint::select_unpredictable;
use std::ops::RangeInclusive;

/// The most bytes that stand as they are behind one control byte.
const LITERALS_MAX: usize = 32;
/// How far back a copy may begin.
const DISTANCE_MAX: usize = 1 << 13;
/// The longest copy: seven and the eight bits of a byte more, of two.
const COPY_MAX: usize = 7 + 255 + 2;
/// Three bytes make the longest copy: no input becomes more than this times as long.
const GROWTH_MAX: usize = COPY_MAX / 3;

/// A string is given a table of two to four times as many places as it has bytes, but of two to the power of so many: that of a short one stays in the cache.
const HASH_BITS: RangeInclusive<u32> = 6..=13;
/// After so many bytes (two to the power of this) without a copy one position more is passed over at each step: what cannot be compressed is soon done with.
const SKIP_SHIFT: u32 = 6;
/// So many positions at most: what can be compressed behind it is still found.
const SKIP_MAX: usize = 62;
/// So many bytes before the place where a copy was found are looked at, whether they belong to it: the copy goes beyond that place in any case.
const BACK_MAX: usize = COPY_MAX - 8;

/// Strings shorter than this (two to the power of it) are taken to be like those before them.
const SHORT_BITS: u32 = 10;
/// Where so many short ones of about one length, one after the other, were not worth it, only one of eight is tried until one is, by chance, so
/// that strings which come in a fixed order are all tried now and then.
const VAIN_MAX: u32 = 64;
const TRIED_BITS: u32 = 3;

/// Compresses one string after the other with the same table.
#[derive(Debug)]
pub(super) struct Compressor {
    /// Where bytes of this hash were seen last, counted over all strings: what is below `base` is of others.
    seen: Vec<u32>,
    base: u32,
    /// How many short strings there were since one was worth it, by the bits of their length.
    vain: [u32; SHORT_BITS as usize],
}

impl Compressor {
    pub(super) fn new() -> Compressor {
        Compressor { seen: Vec::new(), base: 1, vain: [0; SHORT_BITS as usize] }
    }

    /// Appends the compressed input, where it becomes `most` bytes or less; else leaves something behind that has to be taken off. Does not
    /// always try.
    #[must_use]
    pub(super) fn compress(&mut self, input: &[u8], out: &mut Vec<u8>, most: usize) -> bool {
        let Some(class) = input.len().checked_ilog2() else { return false };
        let vain = self.vain.get(class as usize).copied().unwrap_or_default();
        let is_tried =
            vain < VAIN_MAX || vain.wrapping_mul(0x9e37_79b1) >> (u32::BITS - TRIED_BITS) == 0;
        let sought = if class < SHORT_BITS { u32::MAX } else { 0xff_ffff };
        let is_worth_it = is_tried && self.compress_all((input, sought), out, most);
        if let Some(vain) = self.vain.get_mut(class as usize) {
            *vain = if is_worth_it { 0 } else { vain.wrapping_add(1) };
        }
        is_worth_it
    }

    /// The same; `sought` has the bits of the bytes that a copy is looked for by.
    fn compress_all(
        &mut self,
        (input, sought): (&[u8], u32),
        out: &mut Vec<u8>,
        most: usize,
    ) -> bool {
        let Some(base) = self.advance(input.len()) else { return false };
        let most = out.len() + most;
        let bits = (input.len().ilog2() + 2).clamp(*HASH_BITS.start(), *HASH_BITS.end());
        if self.seen.len() < 1 << bits {
            self.seen.resize(1 << bits, 0);
        }
        let seen = &mut self.seen[..1 << bits];
        let (mut at, mut literals) = (0, 0);
        while let Some(&eight) = input.get(at..).and_then(<[u8]>::first_chunk) {
            let eight = u64::from_le_bytes(eight);
            let (word, next) = (eight as u32 & sought, (eight >> 8) as u32 & sought);
            let here = base + at as u32;
            let last = std::mem::replace(&mut seen[place(word, bits)], here);
            seen[place(next, bits)] = here + 1;
            let from = last.wrapping_sub(base) as usize;
            // Nearly every place that was taken is of another string or of other bytes, by chance: one branch decides, and is foreseen.
            let is_within = (from < at) & (at.wrapping_sub(from) <= DISTANCE_MAX);
            let from = select_unpredictable(is_within, from, 0);
            if !is_within | (word_at(input, from).map(|word| word & sought) != Some(word)) {
                at += 2 + ((at - literals) >> SKIP_SHIFT).min(SKIP_MAX);
                continue;
            }
            let back = at - from;
            let back_to = literals.max(at.saturating_sub(BACK_MAX));
            let before = common_end(&input[back_to..at], &input[..from]);
            let begin = at - before;
            let longest = COPY_MAX.min(input.len() - begin);
            let length = common_start(&input[from - before..], &input[begin..begin + longest]);
            push_literals(out, &input[literals..begin]);
            push_copy(out, back - 1, length - 2);
            if out.len() > most {
                return false;
            }
            at = begin + length;
            literals = at;
        }
        let rest = &input[literals..];
        let fits = out.len() + rest.len() + rest.len().div_ceil(LITERALS_MAX) <= most;
        if fits {
            push_literals(out, rest);
        }
        fits
    }

    /// What the positions of the next string begin with; none for one that is too long to be told.
    fn advance(&mut self, length: usize) -> Option<u32> {
        let length = u32::try_from(length).ok().filter(|&length| length < u32::MAX / 2)?;
        if self.base.checked_add(length).is_none() {
            self.seen.fill(0);
            self.base = 1;
        }
        let base = self.base;
        self.base += length;
        Some(base)
    }
}

/// The place of some bytes in a table of two to the power of `bits`.
#[inline]
fn place(word: u32, bits: u32) -> usize {
    (word.wrapping_mul(0xc2b2_ae3d) >> (32 - bits)) as usize
}

#[inline]
fn word_at(input: &[u8], at: usize) -> Option<u32> {
    input.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

/// How many bytes are the same from the first on.
fn common_start(one: &[u8], other: &[u8]) -> usize {
    let mut length = 0;
    while let (Some(a), Some(b)) = (one[length..].first_chunk(), other[length..].first_chunk()) {
        let difference = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if difference != 0 {
            return length + difference.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    let rest = one[length..].iter().zip(&other[length..]);
    length + rest.take_while(|(one, other)| one == other).count()
}

/// How many bytes are the same from the last on.
fn common_end(one: &[u8], other: &[u8]) -> usize {
    let pairs = one.iter().rev().zip(other.iter().rev());
    pairs.take_while(|(one, other)| one == other).count()
}

fn push_literals(out: &mut Vec<u8>, literals: &[u8]) {
    for run in literals.chunks(LITERALS_MAX) {
        out.push(run.len() as u8 - 1);
        out.extend_from_slice(run);
    }
}

/// `back` is the distance less one, `length` that of the copy less two.
fn push_copy(out: &mut Vec<u8>, back: usize, length: usize) {
    let high = (back >> 8) as u8;
    if length < 7 {
        out.push((length as u8) << 5 | high);
    } else {
        out.extend_from_slice(&[7 << 5 | high, (length - 7) as u8]);
    }
    out.push(back as u8);
}

/// Appends what was compressed to `input`, which has to be `length` bytes. Takes memory for what comes alone.
///
/// # Errors
///
/// Where it is not.
pub(super) fn decompress(
    input: &[u8],
    length: usize,
    out: &mut Vec<u8>,
) -> Result<(), &'static str> {
    if length / GROWTH_MAX > input.len() {
        return Err("compressed data of the length that it tells");
    }
    let begin = out.len();
    out.reserve(length);
    let mut rest = input;
    while let Some((&control, behind)) = rest.split_first() {
        rest = behind;
        let left = length - (out.len() - begin);
        let mut copied = usize::from(control >> 5);
        if copied == 0 {
            let run = usize::from(control) + 1;
            let Some((literals, behind)) = rest.split_at_checked(run).filter(|_| run <= left)
            else {
                return Err("literals of compressed data");
            };
            out.extend_from_slice(literals);
            rest = behind;
            continue;
        }
        let mut next = || {
            let (&byte, behind) = rest.split_first().ok_or("a whole copy in compressed data")?;
            rest = behind;
            Ok::<_, &'static str>(usize::from(byte))
        };
        if copied == 7 {
            copied += next()?;
        }
        copied += 2;
        let back = (usize::from(control & 0x1f) << 8 | next()?) + 1;
        if copied > left || back > out.len() - begin {
            return Err("a copy from within compressed data");
        }
        push_again(out, back, copied);
    }
    if out.len() - begin == length {
        Ok(())
    } else {
        Err("compressed data of the length that it tells")
    }
}

/// Appends `count` of the bytes that begin `back` bytes before the end, over and over where these are fewer.
fn push_again(out: &mut Vec<u8>, back: usize, count: usize) {
    let from = out.len() - back;
    let end = out.len() + count;
    while out.len() < end {
        let run = (out.len() - from).min(end - out.len());
        out.extend_from_within(from..from + run);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn compressed(compressor: &mut Compressor, input: &[u8]) -> Option<Vec<u8>> {
        let mut out = b"before".to_vec();
        let fits = compressor.compress(input, &mut out, usize::MAX / 2);
        fits.then(|| out[6..].to_vec())
    }

    fn decompressed(input: &[u8], length: usize) -> Result<Vec<u8>, &'static str> {
        let mut out = b"before".to_vec();
        decompress(input, length, &mut out)?;
        Ok(out[6..].to_vec())
    }

    #[test]
    fn repetitions_become_copies() {
        let mut compressor = Compressor::new();
        let out = compressed(&mut compressor, &[b'a'; 30]);
        assert_eq!(out.as_deref(), Some(&[0, b'a', 0xe0, 20, 0][..]));
        assert_eq!(decompressed(&[0, b'a', 0xe0, 0x14, 0], 30), Ok(vec![b'a'; 30]));
        // The same string again finds nothing of the first.
        assert_eq!(compressed(&mut compressor, b"abcd").as_deref(), Some(&b"\x03abcd"[..]));
        assert_eq!(compressed(&mut compressor, b"abcd").as_deref(), Some(&b"\x03abcd"[..]));
        assert_eq!(compressed(&mut compressor, b""), None);
    }

    #[test]
    fn copies_are_found_wherever_they_begin() {
        let mut compressor = Compressor::new();
        let word = b"0123456789abcdef";
        for (before, between) in (0..20).flat_map(|before| (0..40).map(move |one| (before, one))) {
            let mut input: Vec<u8> = (0..before).map(|at| b'A' + at).collect();
            input.extend_from_slice(word);
            input.extend((0..between).map(|at| 0x80 + at));
            input.extend_from_slice(word);
            let out = compressed(&mut compressor, &input).expect("there is no limit");
            let literals = input.len() - word.len();
            let length = literals + literals.div_ceil(LITERALS_MAX) + 3;
            assert_eq!(out.len(), length, "{before} before, {between} between");
            assert_eq!(decompressed(&out, input.len()), Ok(input));
        }
    }

    #[test]
    fn what_does_not_become_shorter_is_left_alone() {
        let mut out = Vec::new();
        assert!(!Compressor::new().compress(b"abcdefghijklmnopqrstuvwxyz", &mut out, 22));
        let mut out = Vec::new();
        assert!(Compressor::new().compress(&[b'x'; 26], &mut out, 22));
    }

    #[test]
    fn where_nothing_is_worth_it_few_are_tried_until_one_is() {
        let mut compressor = Compressor::new();
        let mut becomes_shorter =
            |input: &[u8]| compressor.compress(input, &mut Vec::new(), input.len() - 4);
        let vain: Vec<u8> = (0..40).collect();
        for _ in 0..VAIN_MAX + 3 {
            assert!(!becomes_shorter(&vain));
        }
        assert!(becomes_shorter(&[0; 100]), "others of another length are not like these");
        assert!((0..100).any(|_| becomes_shorter(&[0; 40])), "one of eight is tried");
        (0..=VAIN_MAX).for_each(|_| assert!(!becomes_shorter(&vain)));
        let alternates = |_| becomes_shorter(&vain) || becomes_shorter(&[0; 40]);
        assert!((0..100).any(alternates), "whatever the order in which they come");
        assert!(becomes_shorter(&[0; 60]), "it was worth it, so all are tried again");
        for _ in 0..10 * VAIN_MAX {
            let long: Vec<u8> = (0..=255).cycle().take(256).collect();
            assert!(!becomes_shorter(&long));
        }
        let long = [[1; 1024], [2; 1024]].concat();
        assert!(becomes_shorter(&long), "long ones are always tried");
    }

    #[test]
    fn what_can_be_compressed_is_found_behind_what_cannot() {
        let mut state = 1u64;
        let mut noise = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        let mut input: Vec<u8> = (0..600 << 10).map(|_| noise()).collect();
        input.resize(input.len() + (1 << 20), b'x');
        let out = compressed(&mut Compressor::new(), &input).expect("there is no limit");
        assert!(out.len() < 700 << 10, "{} bytes", out.len());
        assert_eq!(decompressed(&out, input.len()), Ok(input));
    }

    #[test]
    fn lengths_that_cannot_be_are_refused_before_memory_is_taken() {
        assert!(decompressed(&[0xff; 4096], 1 << 40).is_err());
        assert!(decompressed(&[0, b'a', 0xe0, 0xff, 1], 265).is_err(), "before the beginning");
        assert!(decompressed(&[0, b'a', 0xe0, 0xff, 0], 264).is_err(), "too long");
        assert!(decompressed(&[0, b'a', 0xe0, 0xff, 0], 266).is_err(), "too short");
        assert!(decompressed(&[0, b'a', 0xe0, 0xff, 0], 265).is_ok());
        assert!(decompressed(&[0, b'a', 0xe0], 265).is_err(), "cut off");
    }

    #[test]
    fn positions_begin_again_before_they_overflow() {
        let mut compressor = Compressor::new();
        compressor.base = u32::MAX - 100;
        for round in 0..10u8 {
            let input: Vec<u8> = (0..60).map(|at| at % 7 + round).collect();
            let out = compressed(&mut compressor, &input).expect("it is compressed");
            assert_eq!(decompressed(&out, input.len()), Ok(input));
        }
        assert!(compressor.base < 1000);
    }

    proptest! {
        #[test]
        fn all_comes_back(
            inputs in prop::collection::vec(prop_oneof![
                prop::collection::vec(0..4u8, 1..3000),
                prop::collection::vec(any::<u8>(), 1..300),
                (prop::collection::vec(any::<u8>(), 1..50), 1..2000usize)
                    .prop_map(|(word, times)| word.repeat(times)),
            ], 1..4),
        ) {
            let mut compressor = Compressor::new();
            for input in inputs {
                let out = compressed(&mut compressor, &input).expect("there is no limit");
                prop_assert_eq!(decompressed(&out, input.len()), Ok(input));
            }
        }

        #[test]
        fn any_bytes_are_refused_or_of_the_length_told(
            input in prop::collection::vec(any::<u8>(), 0..100), length in 0..3000usize,
        ) {
            if let Ok(out) = decompressed(&input, length) {
                prop_assert_eq!(out.len(), length);
            }
        }
    }
}
