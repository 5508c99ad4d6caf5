use crate::testing::Fixture;

#[test]
fn elements_are_sorted_by_number_by_bytes_and_by_other_keys() {
    let mut fixture = Fixture::new();
    fixture.check(&[
        ("RPUSH l 3 1 2", ":3"),
        ("SORT l", "*3|$1|1|$1|2|$1|3"),
        ("SORT l DESC LIMIT 1 5", "*2|$1|2|$1|1"),
        ("MSET w1 9 w2 8 w3 7", "+OK"),
        ("HSET h3 name three", ":1"),
        ("SORT l BY w* GET # GET h*->name", "*6|$1|3|$5|three|$1|2|$-1|$1|1|$-1"),
        ("SORT l BY w* GET h*->name STORE d", ":3"),
        ("LRANGE d 0 -1", "*3|$5|three|$0||$0|"),
        ("SORT_RO l STORE d", "-ERR syntax error"),
        ("SORT l LIMIT 5 1 STORE d", ":0"),
        ("EXISTS d", ":0"),
    ]);
}

#[test]
fn the_key_of_store_is_found_behind_options_that_look_like_it() {
    let mut fixture = Fixture::new();
    fixture.check(&[
        ("RPUSH l b a", ":2"),
        ("SORT l GET store ALPHA BY store STORE d", ":2"),
        ("SORT l STORE first ALPHA STORE second", ":2"),
        ("EXISTS d second first", ":2"),
        ("SORT l ALPHA STORE", "-ERR syntax error"),
    ]);
}
