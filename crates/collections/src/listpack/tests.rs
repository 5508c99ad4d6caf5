use super::*;
use proptest::prelude::*;

fn items(listpack: &Listpack) -> Vec<Vec<u8>> {
    std::iter::successors(listpack.first(), |&at| listpack.next(at))
        .map(|at| listpack.item(at).with_bytes(<[u8]>::to_vec))
        .collect()
}

#[test]
fn the_layout_is_that_of_redis() {
    let mut listpack = Listpack::new();
    for text in ["a", "127", "128", "-1", "32768", "-9223372036854775808", "01"] {
        listpack.push_back(text.as_bytes());
    }
    let bytes = b"\x2c\0\0\0\x07\0\x81a\x02\x7f\x01\xc0\x80\x02\xdf\xff\x02\xf2\0\x80\0\x04\
        \xf4\0\0\0\0\0\0\0\x80\x09\x8201\x03\xff";
    let mut expected = bytes.to_vec();
    expected[0] = expected.len() as u8;
    assert_eq!(listpack.bytes(), expected);
}

proptest! {
    #[test]
    fn items_are_found_from_both_ends(
        texts in prop::collection::vec(prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            any::<i64>().prop_map(|value| value.to_string().into_bytes()),
            (0usize..3).prop_map(|size| vec![b'x'; [4095, 4096, 16_400][size]]),
        ], 0..20),
        replaced in any::<(prop::sample::Index, i64)>(),
    ) {
        let mut listpack = Listpack::new();
        let mut texts = texts;
        texts.iter().for_each(|text| listpack.push_back(text));
        prop_assert_eq!(items(&listpack), texts.clone());
        let mut reversed: Vec<_> = std::iter::successors(listpack.last(), |&at| listpack.previous(at))
            .map(|at| listpack.item(at).with_bytes(<[u8]>::to_vec))
            .collect();
        reversed.reverse();
        prop_assert_eq!(reversed, texts.clone());
        if !texts.is_empty() {
            let index = replaced.0.index(texts.len());
            let at = (0..index).fold(listpack.first().unwrap(), |at, _| listpack.next(at).unwrap());
            listpack.replace_integer(at, replaced.1);
            texts[index] = replaced.1.to_string().into_bytes();
            prop_assert_eq!(items(&listpack), texts.clone());
        }
        prop_assert_eq!(listpack.len(), texts.len());
        prop_assert_eq!(u32::from_le_bytes(listpack.bytes()[..4].try_into().unwrap()) as usize, listpack.bytes().len());
    }
}
