//! Against a table that Valkey 9.1.2 made on x86-64: `SET k a`, `INCRBYFLOAT k b`, the reply.

use super::*;
use proptest::prelude::*;

/// `a|b|reply`; `invalid` and `infinite` stand for the two errors, and of replies beyond 120 bytes there are the two ends and the length.
const CASES: &str = include_str!("cases.txt");

fn added(a: &str, b: &str) -> String {
    let parse = |text: &str| LongDouble::parse(text.as_bytes());
    let (Some(a), Some(b)) = (parse(a), parse(b)) else { return "invalid".to_owned() };
    a.checked_add(b).map_or_else(|| "infinite".to_owned(), |sum| shortened(&printed(sum)))
}

fn printed(value: LongDouble) -> String {
    let mut out = Vec::new();
    value.push_decimal(&mut out);
    String::from_utf8(out).expect("digits are text")
}

fn shortened(text: &str) -> String {
    match text.len() {
        0..=120 => text.to_owned(),
        length => format!("{}~{}~{length}", &text[..40], &text[length - 40..]),
    }
}

#[test]
fn sums_are_those_of_the_real_server() {
    let mut count = 0;
    for line in CASES.lines() {
        let [a, b, expected] = line.split('|').collect::<Vec<_>>()[..] else {
            panic!("three columns: {line}");
        };
        assert_eq!(added(a, b), expected, "{a} + {b}");
        count += 1;
    }
    assert!(count > 500);
}

#[test]
fn a_tenth_more_than_ten_and_a_half_is_printed_as_such() {
    assert_eq!(added("10.5", "0.1"), "10.6");
    assert_eq!(added("5.0e3", "200"), "5200");
    assert_eq!(added("1", "-1"), "0");
    assert_eq!(added("-0", "-0"), "0");
}

#[test]
fn text_is_bounded() {
    let long = format!("0.{}", "1".repeat(TEXT_BYTES_MAX - 2));
    assert!(LongDouble::parse(long.as_bytes()).is_some());
    assert!(LongDouble::parse(format!("{long}1").as_bytes()).is_none());
    assert!(LongDouble::parse(b"").is_none());
    assert!(LongDouble::parse(b"-").is_none());
}

proptest! {
    #[test]
    fn integers_go_through_unchanged(value: i64) {
        prop_assert_eq!(printed(LongDouble::from(value)), value.to_string());
        prop_assert_eq!(LongDouble::parse(value.to_string().as_bytes()), Some(LongDouble::from(value)));
    }

    #[test]
    fn any_text_is_parsed_without_panic(text in "[-+]?(0x)?[0-9a-f.]{0,40}([ep][-+]?[0-9]{0,6})?") {
        if let Some(value) = LongDouble::parse(text.as_bytes()) {
            let _ = printed(value);
        }
    }

    /// The quick way for few digits and the long way agree.
    #[test]
    fn both_ways_of_parsing_agree(value in 1u64..10_000_000_000_000_000_000, power in -27i32..=27) {
        let digits: Vec<u8> = value.to_string().bytes().map(|digit| digit - b'0').collect();
        let text = format!("{value}e{power}");
        let quick = LongDouble::parse(text.as_bytes()).expect("in range");
        prop_assert_eq!(quick.magnitude, exact(&digits, power));
    }

    /// The order of the operands is of no account, and adding zero changes nothing.
    #[test]
    fn addition_is_commutative(a in "[0-9]{1,12}[.][0-9]{1,20}", b in "-?[0-9]{1,25}([.][0-9]{1,9})?") {
        prop_assert_eq!(added(&a, &b), added(&b, &a));
        let alone = LongDouble::parse(a.as_bytes()).expect("a number");
        prop_assert_eq!(alone.checked_add(LongDouble::from(0)), Some(alone));
    }
}
