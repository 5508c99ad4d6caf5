//! What transcripts do not show: how many changes are counted, and steps over large sets.

use crate::testing::Fixture;
use std::collections::BTreeSet;

/// The numbers are those by which Valkey's `rdb_changes_since_last_save` grows.
#[test]
fn changes_are_counted_as_valkey_counts_them() {
    let mut fixture = Fixture::new();
    for (line, changes) in [
        ("SADD s a b c", 3),
        ("SADD s a", 0),
        ("SADD i 1 2 3 4", 4),
        ("SREM s a x", 1),
        ("SREM s x", 0),
        ("SMOVE s t b", 2),
        ("SMOVE s t x", 0),
        ("SMOVE s s c", 0),
        ("SADD t c", 1),
        ("SMOVE s t c", 1),
        ("SPOP i", 1),
        ("SPOP i 2", 2),
        ("SPOP i 5", 1),
        ("SPOP i 5", 0),
        ("SINTERSTORE d t", 1),
        ("SINTERSTORE d missing", 1),
        ("SINTERSTORE d missing", 0),
        ("SUNIONSTORE d t", 1),
        ("SDIFFSTORE d t t", 1),
        ("SMEMBERS t", 0),
    ] {
        let before = fixture.changes();
        fixture.run(line);
        assert_eq!(fixture.changes() - before, changes, "{line}");
    }
}

fn members(fixture: &mut Fixture, count: usize) -> BTreeSet<String> {
    let members: BTreeSet<String> = (0..count).map(|number| format!("m{number}")).collect();
    for member in &members {
        fixture.run(&format!("SADD s {member}"));
    }
    members
}

/// The members in a reply, by how they begin.
fn named(reply: &str) -> impl Iterator<Item = String> + '_ {
    reply.split('|').filter(|part| part.starts_with('m')).map(str::to_owned)
}

#[test]
fn steps_over_a_large_set_find_what_stays_while_it_shrinks() {
    let mut fixture = Fixture::new();
    let all = members(&mut fixture, 2000);
    let (mut seen, mut cursor, mut steps) = (BTreeSet::new(), "0".to_owned(), 0);
    loop {
        let reply = fixture.run(&format!("SSCAN s {cursor} COUNT 50"));
        let found: Vec<String> = named(&reply).collect();
        assert!(found.len() < 200, "a step is small");
        seen.extend(found);
        cursor = reply.split('|').nth(2).expect("a cursor").to_owned();
        if cursor == "0" {
            break;
        }
        // Half of them go meanwhile.
        for number in (steps * 100..(steps + 1) * 100).filter(|number| number % 2 == 1) {
            fixture.run(&format!("SREM s m{number}"));
        }
        steps += 1;
    }
    assert!(steps > 10);
    let stayed =
        all.iter().filter(|member| member[1..].parse().is_ok_and(|n: usize| n.is_multiple_of(2)));
    assert!(stayed.into_iter().all(|member| seen.contains(member)));
}

#[test]
fn members_by_chance_are_different_and_of_the_set() {
    let mut fixture = Fixture::new();
    let all = members(&mut fixture, 1000);
    for count in [1, 10, 300, 500, 999, 1000, 5000] {
        let reply = fixture.run(&format!("SRANDMEMBER s {count}"));
        let drawn: Vec<String> = named(&reply).collect();
        let different: BTreeSet<String> = drawn.iter().cloned().collect();
        assert_eq!(drawn.len(), count.min(1000));
        assert_eq!(different.len(), drawn.len());
        assert!(different.is_subset(&all));
    }
    let mut left = all;
    for count in [3, 400, 580, 17] {
        let reply = fixture.run(&format!("SPOP s {count}"));
        let popped: BTreeSet<String> = named(&reply).collect();
        assert_eq!(popped.len(), count.min(left.len()));
        assert!(popped.is_subset(&left));
        left = &left - &popped;
        assert_eq!(fixture.run("SCARD s"), format!(":{}", left.len()));
    }
    assert_eq!(fixture.run("EXISTS s"), ":0");
}

#[test]
fn a_short_request_does_not_fill_the_memory() {
    let mut fixture = Fixture::new();
    fixture.run("SADD s a");
    let reply = fixture.run("SRANDMEMBER s -9223372036854775807");
    assert_eq!(reply, "-ERR value is out of range");
}
