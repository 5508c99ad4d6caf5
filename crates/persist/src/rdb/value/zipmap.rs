//! Zipmaps, which Redis 2.4 had for small hashes:
//!
//! ```text
//! fields u8 (254: not counted) | length | field | length | free u8 | value | free bytes | ... | 0xff
//!
//! length    one byte below 254, or 254 and a u32, little-endian
//! ```

use collections::Listpack;

const END: u8 = 0xff;
const LONG: u8 = 0xfe;

/// The fields and values of a zipmap, one behind the other.
///
/// # Errors
///
/// Where it is none: what was expected.
pub(super) fn to_listpack(bytes: &[u8]) -> Result<Listpack, &'static str> {
    parse(bytes).ok_or("a zipmap")
}

fn parse(bytes: &[u8]) -> Option<Listpack> {
    let (&told, mut rest) = bytes.split_first()?;
    let mut pack = Listpack::with_capacity(bytes.len());
    while *rest.first()? != END {
        let field;
        (field, rest) = text(rest, false)?;
        pack.push_back(field);
        let value;
        (value, rest) = text(rest, true)?;
        pack.push_back(value);
    }
    let is_counted = told >= LONG || usize::from(told) == pack.len() / 2;
    (rest.len() == 1 && is_counted).then_some(pack)
}

/// A text, and what follows it and the room that is kept behind a value.
fn text(bytes: &[u8], is_value: bool) -> Option<(&[u8], &[u8])> {
    let (&first, mut rest) = bytes.split_first()?;
    let mut length = usize::from(first);
    if first == LONG {
        let long;
        (long, rest) = rest.split_first_chunk()?;
        length = u32::from_le_bytes(*long) as usize;
    } else if first == END {
        return None;
    }
    let mut free = 0;
    if is_value {
        let (&room, behind) = rest.split_first()?;
        (free, rest) = (usize::from(room), behind);
    }
    let (text, rest) = rest.split_at_checked(length)?;
    Some((text, rest.get(free..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(pack: &Listpack) -> Vec<Vec<u8>> {
        pack.iter().map(|item| item.to_vec()).collect()
    }

    #[test]
    fn fields_and_values_are_read_and_free_room_is_passed_over() {
        let long = [b'v'; 300];
        let bytes = [
            &[2, 3][..],
            b"foo",
            &[3, 2],
            b"bar..",
            &[LONG, 0x2c, 1, 0, 0],
            &long,
            &[LONG, 0x2c, 1, 0, 0, 0],
            &long,
            &[END],
        ]
        .concat();
        let pack = parse(&bytes).expect("it is a zipmap");
        assert_eq!(texts(&pack), [b"foo".to_vec(), b"bar".to_vec(), long.to_vec(), long.to_vec()]);
        for cut in 0..bytes.len() {
            assert!(parse(&bytes[..cut]).is_none(), "cut at {cut}");
        }
        assert!(parse(&[0, END]).is_some_and(|pack| pack.is_empty()));
        assert!(parse(&[1, END]).is_none());
        assert!(parse(&[0, END, END]).is_none());
    }
}
