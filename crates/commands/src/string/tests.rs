//! Replies, encodings and counts of changes, as Valkey 9.1.2 gives them for the same requests.

use crate::testing::Fixture;
use resp::Protocol;

/// Runs requests one after the other and compares the replies; line ends are `|`.
fn check(requests: &[(&str, &str)]) -> Fixture {
    let mut fixture = Fixture::new();
    check_on(&mut fixture, requests);
    fixture
}

fn check_on(fixture: &mut Fixture, requests: &[(&str, &str)]) {
    for (request, reply) in requests {
        assert_eq!(fixture.run(request), *reply, "{request}");
    }
}

const SYNTAX: &str = "-ERR syntax error";
const NOT_INTEGER: &str = "-ERR value is not an integer or out of range";
const NOT_FLOAT: &str = "-ERR value is not a valid float";
const TOO_LONG: &str = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)";

#[test]
fn set_keeps_to_its_conditions() {
    let fixture = check(&[
        ("SET k v XX", "$-1"),
        ("SET k v NX", "+OK"),
        ("SET k w NX", "$-1"),
        ("SET k w NX GET", "$1|v"),
        ("SET k w IFEQ x", "$-1"),
        ("SET k w IFEQ x GET", "$1|v"),
        ("SET k w IFEQ v", "+OK"),
        ("SET k 7 XX GET", "$1|w"),
        ("SET k 8 IFEQ 7", "+OK"),
        ("SET absent w IFEQ v", "$-1"),
        ("SET absent w NX GET", "$-1"),
        ("GET absent", "$1|w"),
    ]);
    assert_eq!(fixture.changes(), 5);
}

#[test]
fn options_of_set_that_do_not_agree_are_a_syntax_error() {
    for options in [
        "NX XX",
        "IFEQ v NX",
        "XX IFEQ v",
        "IFEQ v IFEQ v",
        "IFEQ",
        "EX",
        "EX 10 PX 10",
        "EX 10 KEEPTTL",
        "KEEPTTL PXAT 10",
        "PERSIST",
        "FOO",
    ] {
        check(&[(&format!("SET k v {options}"), SYNTAX), ("GET k", "$-1")]);
    }
    check(&[("SET k v nx NX ex 10 EX 20", "+OK")]);
}

#[test]
fn an_expiry_is_set_kept_and_cleared() {
    let mut fixture = check(&[("SET k v EX 100", "+OK")]);
    let now = fixture.moment.now.0;
    assert_eq!(fixture.expire_at("k"), Some(now + 100_000));
    check_on(&mut fixture, &[("SET k w KEEPTTL", "+OK"), ("APPEND k x", ":2"), ("GET k", "$2|wx")]);
    check_on(
        &mut fixture,
        &[("SETRANGE k 0 1", ":2"), ("SETRANGE k 1 1", ":2"), ("INCR k", ":12")],
    );
    check_on(&mut fixture, &[("INCRBYFLOAT k 0.5", "$4|12.5")]);
    assert_eq!(fixture.expire_at("k"), Some(now + 100_000));
    check_on(&mut fixture, &[("GETEX k PERSIST", "$4|12.5")]);
    assert_eq!(fixture.expire_at("k"), None);
    check_on(&mut fixture, &[("GETEX k PXAT 1800000000000", "$4|12.5")]);
    assert_eq!(fixture.expire_at("k"), Some(1_800_000_000_000));
    check_on(&mut fixture, &[("GETEX k", "$4|12.5"), ("GETSET k v", "$4|12.5")]);
    assert_eq!(fixture.expire_at("k"), None);
    check_on(&mut fixture, &[("PSETEX k 5 v", "+OK")]);
    fixture.moment.now.0 += 6;
    check_on(&mut fixture, &[("SET k w KEEPTTL", "+OK")]);
    assert_eq!(fixture.expire_at("k"), None, "the old key had gone with its expiry");
}

#[test]
fn a_time_gone_by_removes_the_key() {
    let mut fixture = check(&[("SET k v EXAT 1", "+OK")]);
    assert_eq!(fixture.changes(), 0, "there was nothing to remove");
    check_on(&mut fixture, &[("SET k v", "+OK"), ("SET k w EXAT 1 GET", "$1|v"), ("GET k", "$-1")]);
    assert_eq!(fixture.changes(), 2);
    check_on(&mut fixture, &[("SET k v", "+OK"), ("GETEX k PXAT 1", "$1|v"), ("GET k", "$-1")]);
    assert_eq!(fixture.changes(), 4);
    check_on(&mut fixture, &[("MSETEX 2 k 1 k 2 EXAT 1", ":1"), ("GET k", "$-1")]);
    assert_eq!(fixture.changes(), 6);
}

#[test]
fn impossible_times_are_refused_in_the_name_of_the_command() {
    let invalid = |command: &str| format!("-ERR invalid expire time in '{command}' command");
    for time in ["0", "-1", "9223372036854775807", "9223372036854775"] {
        check(&[
            (&format!("SET k v EX {time}"), &invalid("set")),
            (&format!("SETEX k {time} v"), &invalid("setex")),
            (&format!("GETEX k EX {time}"), &invalid("getex")),
            (&format!("MSETEX 1 k v EX {time}"), &invalid("msetex")),
        ]);
    }
    check(&[("PSETEX k 0 v", &invalid("psetex")), ("SET k v PX abc", NOT_INTEGER)]);
    check(&[("SET k v EXAT 9223372036854776", &invalid("set")), ("GETEX k PX 1.5", NOT_INTEGER)]);
    check(&[("SET k v EXAT 9223372036854775", "+OK"), ("GETEX k KEEPTTL", SYNTAX)]);
}

#[test]
fn reading_commands_that_write_count_hits_and_misses() {
    let mut fixture = check(&[("SET k v", "+OK"), ("SETNX k w", ":0"), ("APPEND k x", ":2")]);
    assert_eq!(fixture.lookups(), (0, 0));
    check_on(
        &mut fixture,
        &[("GETSET k v", "$2|vx"), ("GETEX k", "$1|v"), ("SET k w GET", "$1|v")],
    );
    check_on(&mut fixture, &[("GETDEL k", "$1|w"), ("GETDEL k", "$-1"), ("GETEX k", "$-1")]);
    check_on(&mut fixture, &[("STRLEN k", ":0"), ("MGET k k", "*2|$-1|$-1")]);
    assert_eq!(fixture.lookups(), (4, 5));
    check_on(&mut fixture, &[("DELIFEQ k v", ":0"), ("SET k v", "+OK"), ("DELIFEQ k w", ":0")]);
    check_on(&mut fixture, &[("DELIFEQ k v", ":1"), ("GET k", "$-1")]);
}

#[test]
fn counters_stay_within_64_bits() {
    let fixture = check(&[
        ("INCR k", ":1"),
        ("DECRBY k 3", ":-2"),
        ("DECR k", ":-3"),
        ("INCRBY k 9223372036854775807", ":9223372036854775804"),
        ("INCRBY k 4", "-ERR increment or decrement would overflow"),
        ("DECRBY k -9223372036854775808", "-ERR decrement would overflow"),
        ("INCRBY k 1.5", NOT_INTEGER),
        ("SET k -9223372036854775808", "+OK"),
        ("DECR k", "-ERR increment or decrement would overflow"),
        ("SET k 01", "+OK"),
        ("INCR k", NOT_INTEGER),
        ("APPEND n 1", ":1"),
        ("APPEND n 2", ":2"),
        ("INCR n", ":13"),
    ]);
    assert_eq!((fixture.encoding("n"), fixture.changes()), (Some("int"), 9));
}

#[test]
fn floating_point_counters_have_long_double_results() {
    check(&[
        ("SET k 10.50", "+OK"),
        ("INCRBYFLOAT k 0.1", "$4|10.6"),
        ("INCRBYFLOAT k -5", "$3|5.6"),
        ("SET k 5.0e3", "+OK"),
        ("INCRBYFLOAT k 2.0e2", "$4|5200"),
        ("INCRBYFLOAT new 3", "$1|3"),
        ("INCRBYFLOAT k abc", NOT_FLOAT),
        ("INCRBYFLOAT k nan", NOT_FLOAT),
        ("INCRBYFLOAT k inf", "-ERR increment would produce NaN or Infinity"),
        ("SET k abc", "+OK"),
        ("INCRBYFLOAT k 1", NOT_FLOAT),
    ]);
}

#[test]
fn ranges_hold_at_the_extremes_of_integers() {
    let ends = [i64::MIN, -1 << 31, -6, -5, -2, -1, 0, 1, 4, 5, 1 << 31, 1 << 32, i64::MAX];
    let mut fixture = check(&[("SET k Hello", "+OK"), ("SET empty ", "+OK")]);
    for start in ends {
        for end in ends {
            let reply = fixture.run(&format!("GETRANGE k {start} {end}"));
            let text = reply.split_once('|').expect("a bulk string").1;
            // What the manual says, by going over every byte; both ends before the string, in the wrong order, give nothing.
            let place = |index: i64| if index < 0 { index.saturating_add(5) } else { index };
            let (first, last) = (place(start).max(0), place(end).max(0));
            let wrong = start < 0 && end < 0 && start > end;
            let expected: String = (0..)
                .zip("Hello".chars())
                .filter(|(at, _)| !wrong && first <= *at && *at <= last)
                .map(|(_, letter)| letter)
                .collect();
            assert_eq!(text, expected, "{start} {end}");
            assert_eq!(fixture.run(&format!("SUBSTR empty {start} {end}")), "$0|");
            assert_eq!(fixture.run(&format!("SUBSTR absent {start} {end}")), "$0|");
        }
    }
}

#[test]
fn setrange_fills_with_zeros_and_respects_the_longest_string() {
    let fixture = check(&[
        ("SETRANGE k 2 ab", ":4"),
        ("GET k", "$4|\0\0ab"),
        ("SETRANGE k 0 xyz", ":4"),
        ("GET k", "$4|xyzb"),
        ("SETRANGE k 536870911 xy", TOO_LONG),
        ("SETRANGE k 9223372036854775807 x", TOO_LONG),
        ("SETRANGE k -1 x", "-ERR offset is out of range"),
        ("SETRANGE k abc x", NOT_INTEGER),
        ("SETRANGE k 9223372036854775807 ", ":4"),
        ("SETRANGE absent 10 ", ":0"),
        ("STRLEN absent", ":0"),
        ("GET absent", "$-1"),
    ]);
    assert_eq!((fixture.changes(), fixture.encoding("k")), (2, Some("raw")));
}

#[test]
fn encodings_follow_what_was_done_last() {
    for (requests, encoding) in [
        (&["SET k 12"][..], "int"),
        (&["SET k 12", "APPEND k 3"], "raw"),
        (&["SET k abc", "APPEND k "], "raw"),
        (&["APPEND k 12"], "int"),
        (&["APPEND k abc"], "embstr"),
        (&["APPEND k "], "embstr"),
        (&["SET k 12", "SETRANGE k 0 3"], "raw"),
        (&["SET k abc", "SETRANGE k 0 "], "embstr"),
        (&["SETRANGE k 0 12"], "raw"),
        (&["SET k 3", "INCRBYFLOAT k 1"], "embstr"),
        (&["SETRANGE k 0 12", "INCR k"], "int"),
        (&["SETRANGE k 0 12", "GETSET k ab"], "embstr"),
        (&["MSET k 1 k 2"], "int"),
    ] {
        let mut fixture = Fixture::new();
        for request in requests {
            assert!(!fixture.run(request).starts_with('-'), "{request}");
        }
        assert_eq!(fixture.encoding("k"), Some(encoding), "{requests:?}");
    }
}

#[test]
fn several_keys_are_set_all_or_none() {
    let fixture = check(&[
        ("MSET {t}a 1 {t}b 2 {t}a 3", "+OK"),
        ("MGET {t}a {t}b {t}c", "*3|$1|3|$1|2|$-1"),
        ("MSETNX {t}c 1 {t}a 2", ":0"),
        ("MSETNX {t}c 1 {t}c 2", ":1"),
        ("MGET {t}c", "*1|$1|2"),
        ("MSET a", "-ERR wrong number of arguments for 'mset' command"),
        ("MSET a 1 b", "-ERR wrong number of arguments for 'mset' command"),
        ("MSETNX a 1 b", "-ERR wrong number of arguments for 'msetnx' command"),
        ("MSETEX 2 {t}a 4 {t}d 5 XX", ":0"),
        ("MSETEX 2 {t}a 4 {t}b 5 XX EX 10", ":1"),
        ("MSETEX 1 {t}a 4 NX", ":0"),
        ("MSETEX 1 {t}d 4 NX NX KEEPTTL", ":1"),
    ]);
    assert_eq!(fixture.expire_at("{t}b"), Some(fixture.moment.now.0 + 10_000));
    assert_eq!(fixture.changes(), 8);
}

#[test]
fn a_wrong_number_of_keys_is_refused() {
    const INVALID: &str = "-ERR invalid numkeys value or out of range";
    for number in ["0", "-1", "x", "01", "2147483648", "9223372036854775807"] {
        check(&[(&format!("MSETEX {number} a b"), INVALID)]);
    }
    for arguments in ["2 a b", "2147483647 a b", "1 a b c", "1 a b XX NX", "1 a b EX", "1 a b GET"]
    {
        check(&[(&format!("MSETEX {arguments}"), SYNTAX), ("GET a", "$-1")]);
    }
}

#[test]
fn lcs_gives_the_subsequence_its_length_or_its_places() {
    let both = "-ERR If you want both the length and indexes, please just use IDX.";
    let mut fixture = check(&[
        ("MSET {t}1 ohmytext {t}2 mynewtext", "+OK"),
        ("LCS {t}1 {t}2", "$6|mytext"),
        ("LCS {t}1 {t}2 LEN", ":6"),
        ("LCS {t}1 {t}2 LEN IDX", both),
        ("LCS {t}1 {t}2 MINMATCHLEN", SYNTAX),
        ("LCS {t}1 {t}2 MINMATCHLEN x", NOT_INTEGER),
        ("LCS {t}1 {t}2 FOO", SYNTAX),
        (
            "LCS {t}1 {t}2 IDX",
            "*4|$7|matches|*2|*2|*2|:4|:7|*2|:5|:8|*2|*2|:2|:3|*2|:0|:1|$3|len|:6",
        ),
        (
            "LCS {t}1 {t}2 IDX MINMATCHLEN 4 WITHMATCHLEN",
            "*4|$7|matches|*1|*3|*2|:4|:7|*2|:5|:8|:4|$3|len|:6",
        ),
        ("LCS {t}absent {t}2 IDX", "*4|$7|matches|*0|$3|len|:0"),
        ("LCS {t}absent {t}2", "$0|"),
    ]);
    fixture.protocol = Protocol::Resp3;
    let reply = "%2|$7|matches|*0|$3|len|:6";
    check_on(&mut fixture, &[("LCS {t}1 {t}2 IDX MINMATCHLEN 9223372036854775807", reply)]);
}

#[test]
fn lcs_takes_no_more_memory_than_a_string_may() {
    check(&[
        ("SETRANGE {t}1 20000 x", ":20001"),
        ("SETRANGE {t}2 20000 x", ":20001"),
        (
            "LCS {t}1 {t}2",
            "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        ),
        ("LCS {t}1 {t}3 LEN", ":0"),
    ]);
}

#[test]
fn values_of_any_bytes_and_lengths_come_back() {
    let mut fixture = Fixture::new();
    for length in [0usize, 1, 44, 1023, 1024, 1025, 70_000] {
        let value: Vec<u8> = (0..length).map(|index| (index * 7) as u8).collect();
        fixture.run_words(&[b"SET", b"k", &value]);
        let expected = [format!("${length}\r\n").as_bytes(), &value, b"\r\n"].concat();
        assert_eq!(fixture.reply_bytes(&[b"GET", b"k"]), expected);
        assert_eq!(fixture.run("STRLEN k"), format!(":{length}"));
    }
    fixture.protocol = Protocol::Resp3;
    assert_eq!(fixture.run("GET absent"), "_");
}

#[test]
fn a_long_string_grows_by_little_more_than_it_needs() {
    let mut fixture = check(&[("SETRANGE k 8388607 x", ":8388608")]);
    for length in 0..2000 {
        fixture.run_words(&[b"APPEND", b"k", &[b'x'; 1024]]);
        let needed = 8_388_608 + (length + 1) * 1024;
        assert!(fixture.keyspace.memory_bytes() < needed + (4 << 20));
    }
    assert_eq!(fixture.run("STRLEN k"), ":10436608");
}
