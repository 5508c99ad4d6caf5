//! The keys that commands come upon: all types in all their layouts, and one whose time comes.

use base::Rng;
use commands::spec::Group;

/// The name of a key that may go at any time.
pub(super) const EXPIRING: &str = "expiring";

const ABSENT: &str = "absent";

/// Keys by the group of commands that are for them.
const KEYS: &[(Group, &[&str])] = &[
    (Group::String, &["string", "number", "long"]),
    (Group::Bitmap, &["string", "long"]),
    (Group::Hyperloglog, &["sparse", "dense"]),
    (Group::List, &["list", "quicklist"]),
    (Group::Set, &["set", "integers", "large:set"]),
    (Group::Hash, &["hash", "large:hash", "timed:hash"]),
    (Group::SortedSet, &["sorted", "skiplist"]),
    (Group::Geo, &["places"]),
    (Group::Stream, &["stream", "large:stream"]),
];

/// A key: more often than not one that a command of this group is for.
pub(super) fn any(rng: &mut Rng, group: Group) -> &'static str {
    let of_group = KEYS.iter().find(|(one, _)| *one == group).map(|(_, keys)| *keys);
    let keys = match of_group {
        Some(keys) if rng.percent(60) => keys,
        _ => match rng.below(KEYS.len() as u64 + 2) as usize {
            0 => return EXPIRING,
            1 => return ABSENT,
            number => KEYS[number - 2].1,
        },
    };
    keys[rng.below(keys.len() as u64) as usize]
}

fn line(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// A command with so many elements behind it, `e0` the first; of each, `element` makes the words.
fn many(begin: &str, count: usize, element: impl Fn(usize) -> Vec<String>) -> Vec<String> {
    line(begin).into_iter().chain((0..count).flat_map(element)).collect()
}

/// Commands that fill the keys anew.
pub(super) fn fill() -> Vec<Vec<String>> {
    let one = |number: usize| vec![format!("e{number}")];
    let mut fill: Vec<Vec<String>> = [
        "FLUSHALL",
        "SET string abcdefgh",
        "SET number 12",
        "SETRANGE long 20000 x",
        "PFADD sparse a b c",
        "PFADD dense a b c",
        "PFDEBUG TODENSE dense",
        "RPUSH list a b c 1 2 3",
        "SADD set a b c m1 m2",
        "SADD integers 1 2 3",
        "HSET hash f1 a f2 b f3 3",
        "HSET timed:hash f1 a f2 b f3 3 a 1",
        "HPEXPIRE timed:hash 3 FIELDS 1 f2",
        "HEXPIRE timed:hash 100 FIELDS 1 f1",
        "ZADD sorted 1 a 2 b 3 c 3 m1",
        "GEOADD places 13.361389 38.115556 a 15.087269 37.502669 b 2.3 48.8 m1",
        "XADD stream 1-1 f1 a",
        "XADD stream 2-1 f1 b f2 c",
        "XGROUP CREATE stream a 0",
        "XGROUP CREATE stream b 0",
        "XREADGROUP GROUP a m1 COUNT 1 STREAMS stream >",
    ]
    .into_iter()
    .map(line)
    .collect();
    // More than what the compact layouts hold.
    fill.push(many("RPUSH quicklist", 2000, |number| vec![format!("e{number}-{number:030}")]));
    fill.push(many("SADD large:set", 700, one));
    fill.push(many("HSET large:hash", 700, |number| vec![format!("e{number}"), "1".into()]));
    fill.push(line("HPEXPIRE large:hash 5 FIELDS 3 e1 e2 e3"));
    fill.push(many("ZADD skiplist", 300, |number| vec![number.to_string(), format!("e{number}")]));
    fill.extend((1..250).map(|number| line(&format!("XADD large:stream {number}-1 f1 a f2 b"))));
    fill.push(line("XGROUP CREATE large:stream a 0"));
    fill.push(line("XREADGROUP GROUP a m1 COUNT 120 STREAMS large:stream >"));
    fill
}
