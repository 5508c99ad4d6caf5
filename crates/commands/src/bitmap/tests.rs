//! Encodings, counts of changes and operations that no transcript can compare with Valkey.

use crate::testing::Fixture;

#[test]
fn only_what_changes_bits_counts() {
    let mut fixture = Fixture::new();
    fixture.check(&[
        ("SETBIT k 7 0", ":0"),
        ("SETBIT k 7 0", ":0"),
        ("SETBIT k 7 1", ":0"),
        ("SETBIT k 7 1", ":1"),
        ("SETBIT k 8 0", ":0"),
        ("BITFIELD k SET u8 0 1", "*1|:1"),
        ("BITFIELD k SET u8 0 2 INCRBY u8 0 3", "*2|:1|:5"),
        ("BITFIELD k OVERFLOW FAIL INCRBY u8 0 255", "*1|$-1"),
        ("BITFIELD k GET u8 0", "*1|:5"),
        ("BITOP AND absent nothing none", ":0"),
        ("BITOP NOT n k", ":2"),
        ("BITOP OR n nothing", ":0"),
    ]);
    assert_eq!(fixture.changes(), 3 + 2 + 2);
}

#[test]
fn a_string_of_any_encoding_has_bits() {
    let mut fixture = Fixture::new();
    let long = "x".repeat(3000);
    fixture.check(&[
        ("SET int 12", "+OK"),
        ("SET short ab", "+OK"),
        (&format!("SET long {long}"), "+OK"),
        ("BITCOUNT int", ":6"),
        ("BITCOUNT short", ":6"),
        ("BITCOUNT long", ":12000"),
        ("GETBIT int 2", ":1"),
        ("SETBIT int 15 1", ":0"),
        ("GET int", "$2|13"),
        ("SETBIT short 7 0", ":1"),
        ("GET short", "$2|`b"),
        ("SETBIT long 0 1", ":0"),
        ("BITPOS long 1", ":0"),
    ]);
    assert_eq!(fixture.encoding("int"), Some("raw"));
}

#[test]
fn the_operations_of_redis_8() {
    let mut fixture = Fixture::new();
    for (key, bits) in [("x", "\x0f\x7f"), ("y", "\x05"), ("z", "\x0c\x01\x40")] {
        fixture.run_words(&[b"SET", key.as_bytes(), bits.as_bytes()]);
    }
    for (operation, expected) in [
        ("DIFF", "\x02\x7e\0"),
        ("DIFF1", "\0\0\x40"),
        ("ANDOR", "\x0d\x01\0"),
        ("ONE", "\x02\x7e\x40"),
    ] {
        assert_eq!(fixture.run(&format!("BITOP {operation} r x y z")), ":3", "{operation}");
        assert_eq!(fixture.run("GET r"), format!("$3|{expected}"), "{operation}");
    }
    assert_eq!(fixture.run("BITOP ONE r y"), ":1");
    assert_eq!(fixture.run("GET r"), "$1|\x05");
}
