//! Requests by chance, by the argument trees of their commands.

use super::keys;
use base::Rng;
use commands::spec::{Argument, ArgumentKind, Group};
use node::Entry;

/// How long a long argument is.
const LONG_BYTES: usize = 1 << 20;

/// How many of a thousand arguments are that long.
const LONG_PER_THOUSAND: u64 = 10;

/// Numbers on which arithmetic and parsers stumble. None makes a string of hundreds of megabytes, which SETBIT may.
const EDGES: [&str; 28] = [
    "0",
    "1",
    "-1",
    "2",
    "-2",
    "7",
    "100",
    "10000",
    "65536",
    "4294967296",
    "-4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e308",
    "-1e308",
    "1e-320",
    "inf",
    "-inf",
    "nan",
    "",
    " 1",
    "0x10",
    "+1",
    "1.5",
    "-0",
];

/// Names of groups and members, ids, indices.
const LIKELY: [&str; 4] = ["a", "m1", "1", "1-1"];

const STRINGS: [&str; 21] = [
    "", "a", "b", "m1", "m2", "f1", "e7", "*", "\0\r\n", "-", "+", "(1", "[a", "$", ">", "0", "1",
    "2", "1-1", "7-1", "default",
];

/// What long arguments are made of: what is short on the wire, or long to read as a number, a pattern, a member or a list.
const LONG: [&str; 9] = ["x", "*", "*a", "[", "\\", "9", "0", "e7 ", "\0"];

fn pick<'a>(rng: &mut Rng, from: &[&'a str]) -> &'a str {
    from[rng.below(from.len() as u64) as usize]
}

/// How the arguments of a request are chosen.
#[derive(Clone, Copy)]
struct Choice {
    /// The group of its command.
    group: Group,
    /// How many in a hundred of its optional arguments it has.
    optional: u64,
}

/// Appends what an argument may be.
fn push(rng: &mut Rng, choice: Choice, argument: &Argument, words: &mut Vec<Vec<u8>>) {
    if argument.is_optional && !rng.percent(choice.optional) {
        return;
    }
    let times = if argument.is_multiple { 1 + rng.below(3) } else { 1 };
    for time in 0..times {
        if let Some(token) = argument.token
            && (time == 0 || argument.repeats_token)
        {
            words.push(token.into());
        }
        let word = match argument.kind {
            ArgumentKind::PureToken => continue,
            ArgumentKind::OneOf => {
                let one = rng.below(argument.children.len() as u64) as usize;
                push(rng, choice, &argument.children[one], words);
                continue;
            }
            ArgumentKind::Block => {
                argument.children.iter().for_each(|child| push(rng, choice, child, words));
                continue;
            }
            ArgumentKind::Key => keys::any(rng, choice.group),
            ArgumentKind::Integer | ArgumentKind::Double | ArgumentKind::UnixTime => {
                if rng.percent(50) { pick(rng, &["0", "1", "2", "3"]) } else { pick(rng, &EDGES) }
            }
            ArgumentKind::String | ArgumentKind::Pattern if rng.percent(40) => pick(rng, &LIKELY),
            ArgumentKind::String | ArgumentKind::Pattern => pick(rng, &STRINGS),
        };
        if rng.below(1000) < LONG_PER_THOUSAND {
            let part = pick(rng, &LONG);
            words.push(part.repeat(LONG_BYTES / part.len()).into_bytes());
        } else {
            words.push(word.into());
        }
    }
}

/// A request of a command: its arguments by its tree, a third of them with something missing, too much, or out of place.
pub(super) fn request(rng: &mut Rng, entry: &Entry) -> Vec<Vec<u8>> {
    let mut words: Vec<Vec<u8>> = entry.full_name.split('|').map(Into::into).collect();
    let name = words.len();
    let optional = [5, 20, 60][rng.below(3) as usize];
    let choice = Choice { group: entry.spec.group, optional };
    entry.spec.arguments.iter().for_each(|argument| push(rng, choice, argument, &mut words));
    if rng.percent(33) && words.len() > name {
        let at = name + rng.below((words.len() - name) as u64) as usize;
        match rng.below(4) {
            0 => {
                words.remove(at);
            }
            1 => words.insert(at, pick(rng, &EDGES).into()),
            2 => words[at] = pick(rng, &EDGES).into(),
            _ => words.truncate(at),
        }
    }
    words
}
