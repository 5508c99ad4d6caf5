//! Ziplists, which Redis had before listpacks:
//!
//! ```text
//! bytes u32 | offset of the last entry u32 | entries u16 | entry | ... | 0xff          all little-endian
//!
//! entry     length of the entry before: one byte, or 0xfe and a u32
//!           00xxxxxx                      string of up to 63 bytes
//!           01xxxxxx yyyyyyyy             string of up to 16383 bytes
//!           10000000 and a u32            string; the only number that is big-endian
//!           1100 0000, 1101, 1110, 1111   integer of 16, 32, 64 or 24 bits
//!           11111110                      integer of 8 bits
//!           1111xxxx                      integer xxxx - 1, from 0 to 12
//! ```

use collections::Listpack;

const HEADER_BYTES: usize = 10;
const END: u8 = 0xff;
/// In the place of the length of the entry before: the length follows in four bytes.
const LONG: u8 = 0xfe;
/// The count that says that there are more entries than it can tell.
const UNCOUNTED: u16 = u16::MAX;

/// The items of a ziplist. Every entry is looked at, and whether it leads back to the one before.
///
/// # Errors
///
/// Where it is none: what was expected.
pub(super) fn to_listpack(bytes: &[u8]) -> Result<Listpack, &'static str> {
    const EXPECTED: &str = "a ziplist";
    let (header, mut rest) = bytes.split_first_chunk::<HEADER_BYTES>().ok_or(EXPECTED)?;
    let &[a, b, c, d, e, f, g, h, low, high] = header;
    let (total, last_at) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
    let told = u16::from_le_bytes([low, high]);
    let mut pack = Listpack::with_capacity(bytes.len());
    let (mut count, mut before, mut last) = (0usize, 0usize, HEADER_BYTES);
    while let Some(&first) = rest.first().filter(|&&first| first != END) {
        let entry = rest;
        let told_before;
        (told_before, rest) = if first == LONG {
            let (length, behind) = rest[1..].split_first_chunk().ok_or(EXPECTED)?;
            (u32::from_le_bytes(*length) as usize, behind)
        } else {
            (usize::from(first), &rest[1..])
        };
        rest = push_item(rest, &mut pack).ok_or(EXPECTED)?;
        if told_before != before {
            return Err(EXPECTED);
        }
        (before, last, count) = (entry.len() - rest.len(), bytes.len() - entry.len(), count + 1);
    }
    let is_whole = rest == [END]
        && total as usize == bytes.len()
        && last_at as usize == last
        && (told == UNCOUNTED || usize::from(told) == count);
    if is_whole { Ok(pack) } else { Err(EXPECTED) }
}

/// Appends the item that `bytes` begin with; what follows it.
fn push_item<'a>(bytes: &'a [u8], pack: &mut Listpack) -> Option<&'a [u8]> {
    let (&first, rest) = bytes.split_first()?;
    let string = |length: usize, rest: &'a [u8]| rest.split_at_checked(length);
    let (text, rest) = match first {
        0x00..=0x3f => string(first.into(), rest)?,
        0x40..=0x7f => {
            let (&low, rest) = rest.split_first()?;
            string(usize::from(first & 0x3f) << 8 | usize::from(low), rest)?
        }
        0x80 => {
            let (length, rest) = rest.split_first_chunk()?;
            string(u32::from_be_bytes(*length) as usize, rest)?
        }
        0xc0 => return push_integer(rest, 2, pack),
        0xd0 => return push_integer(rest, 4, pack),
        0xe0 => return push_integer(rest, 8, pack),
        0xf0 => return push_integer(rest, 3, pack),
        0xfe => return push_integer(rest, 1, pack),
        0xf1..=0xfd => {
            pack.push_back_integer(i64::from(first & 0xf) - 1);
            return Some(rest);
        }
        _ => return None,
    };
    pack.push_back(text);
    Some(rest)
}

fn push_integer<'a>(bytes: &'a [u8], size: usize, pack: &mut Listpack) -> Option<&'a [u8]> {
    let (integer, rest) = bytes.split_at_checked(size)?;
    let mut wide = [0; 8];
    wide[8 - size..].copy_from_slice(integer);
    // Shifted down again, so that the sign comes with it.
    pack.push_back_integer(i64::from_le_bytes(wide) >> (64 - 8 * size));
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use collections::Item;

    /// Every form of an entry, by hand.
    fn all_forms() -> Vec<u8> {
        let long = [b'l'; 300];
        let entries: [Vec<u8>; 12] = [
            [&[0, 2][..], b"ab"].concat(),
            [&[4, 0x41, 0x2c][..], &long].concat(),
            [&[LONG, 0x2f, 1, 0, 0, 0x80, 0, 0, 1, 0x2c][..], &long].concat(),
            [&[LONG, 0x36, 1, 0, 0, 0xf1][..]].concat(),
            vec![6, 0xfd],
            vec![2, 0xfe, 0x80],
            vec![3, 0xc0, 0xff, 0x7f],
            vec![4, 0xf0, 0, 0, 0x80],
            vec![5, 0xd0, 0xff, 0xff, 0xff, 0x7f],
            vec![6, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0x80],
            vec![10, 0xf2],
            vec![2, 0],
        ];
        let entries_bytes: usize = entries.iter().map(Vec::len).sum();
        let total = HEADER_BYTES + entries_bytes + 1;
        let mut bytes = (total as u32).to_le_bytes().to_vec();
        bytes.extend((total as u32 - 3).to_le_bytes());
        bytes.extend((entries.len() as u16).to_le_bytes());
        bytes.extend(entries.concat());
        bytes.push(END);
        bytes
    }

    #[test]
    fn every_form_of_an_entry_is_read() {
        let pack = to_listpack(&all_forms()).expect("it is a ziplist");
        let long = [b'l'; 300];
        let expected = [
            Item::Bytes(b"ab"),
            Item::Bytes(&long),
            Item::Bytes(&long),
            Item::Integer(0),
            Item::Integer(12),
            Item::Integer(-128),
            Item::Integer(32_767),
            Item::Integer(-8_388_608),
            Item::Integer(2_147_483_647),
            Item::Integer(i64::MIN),
            Item::Integer(1),
            Item::Bytes(b""),
        ];
        assert_eq!(pack.iter().collect::<Vec<_>>(), expected);
        let empty = [11, 0, 0, 0, 10, 0, 0, 0, 0, 0, END];
        assert!(to_listpack(&empty).is_ok_and(|pack| pack.is_empty()));
    }

    #[test]
    fn whatever_is_cut_off_or_does_not_fit_is_refused() {
        let good = all_forms();
        for cut in 0..good.len() {
            assert!(to_listpack(&good[..cut]).is_err(), "cut at {cut}");
        }
        for at in 0..HEADER_BYTES {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(to_listpack(&bad).is_err(), "byte {at}");
        }
        let more = [&good[..], b"x"].concat();
        assert!(to_listpack(&more).is_err());
    }
}
