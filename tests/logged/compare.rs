//! Two logs of the same commands, one of them the oracle's.

use std::fmt::Write as _;

use super::Command;

/// By how much times may differ, in milliseconds: one server ran after the other.
const TOLERANCE_MS: u64 = 60_000;

/// From when on a number of milliseconds is a time that was read from a clock: 2017.
const CLOCK_MS_MIN: u64 = 1_500_000_000_000;

/// How many commands before and behind a difference are told.
const TOLD: usize = 6;

/// A command and its database.
#[derive(Clone, Debug)]
struct Placed {
    database: Vec<u8>,
    command: Command,
}

/// The first difference. Keys and fields that go by themselves go when each server finds them, so the place of their removal does not count.
pub(super) fn difference(ours: &[Command], oracle: &[Command]) -> Option<String> {
    let (ours, oracle) = match (placed(ours), placed(oracle)) {
        (Ok(ours), Ok(oracle)) => (ours, oracle),
        (Err(reason), _) | (_, Err(reason)) => return Some(reason),
    };
    let (mut at, mut oracle_at) = (0, 0);
    // Removals that the other has not had yet.
    let (mut early, mut oracle_early) = (Vec::<&Placed>::new(), Vec::<&Placed>::new());
    while at < ours.len() || oracle_at < oracle.len() {
        let (one, other) = (ours.get(at), oracle.get(oracle_at));
        if one.zip(other).is_some_and(|(one, other)| same(one, other)) {
            (at, oracle_at) = (at + 1, oracle_at + 1);
        } else if let Some(list) = other.and_then(|other| list_of_fields(other)) {
            let Some(commands) = stores(&ours[at..], list, oracle.get(oracle_at + 1)) else {
                return Some(told(("ours", &ours, at), ("oracle", &oracle, oracle_at)));
            };
            (at, oracle_at) = (at + commands, oracle_at + 1);
        } else if let Some(one) = one.filter(|one| is_removal(one)) {
            note(one, &mut oracle_early, &mut early);
            at += 1;
        } else if let Some(other) = other.filter(|other| is_removal(other)) {
            note(other, &mut early, &mut oracle_early);
            oracle_at += 1;
        } else if one.is_some_and(makes_only_room) {
            at += 1;
        } else {
            return Some(told(("ours", &ours, at), ("oracle", &oracle, oracle_at)));
        }
    }
    let timed = |one: &&&Placed| !has_time(&ours, one) || !has_time(&oracle, one);
    let left: Vec<String> =
        early.iter().chain(&oracle_early).filter(timed).map(|one| line(&one.command)).collect();
    (!left.is_empty()).then(|| format!("  only one has {left:?}"))
}

/// Takes a removal out of those that the other had before, or adds it to those that it has to have yet.
fn note<'a>(removal: &'a Placed, of_other: &mut Vec<&'a Placed>, own: &mut Vec<&'a Placed>) {
    match of_other.iter().position(|one| same(one, removal)) {
        Some(place) => drop(of_other.remove(place)),
        None => own.push(removal),
    }
}

/// Whether it is what the log gets of a key or fields that go by themselves.
fn is_removal(placed: &Placed) -> bool {
    match &placed.command[..] {
        [name, _] => name == b"UNLINK" || name == b"DEL",
        [name, ..] => name == b"HDEL",
        [] => false,
    }
}

/// Where a SORT stores what it has read from fields of hashes: here, the log tells what that was.
fn list_of_fields(placed: &Placed) -> Option<(&[u8], &[u8])> {
    let [name, options @ ..] = &placed.command[..] else { return None };
    let reads_fields = options.iter().any(|word| word.windows(2).any(|pair| pair == b"->"));
    let store = options.iter().rposition(|word| is(word, "STORE"))?;
    let list = options.get(store + 1).filter(|_| is(name, "SORT") && reads_fields)?;
    Some((&placed.database, list))
}

/// How many commands at the front of a log make a list anew, by themselves or within a transaction; `None` where they do not. The oracle's `next` command tells a list
/// that is made from one that is emptied and then added to.
fn stores(
    log: &[Placed],
    (database, list): (&[u8], &[u8]),
    next: Option<&Placed>,
) -> Option<usize> {
    let is_it = |placed: &Placed, name: &str| {
        let [word, key, ..] = &placed.command[..] else { return false };
        is(word, name) && key == list && placed.database == database
    };
    if let [first, inner @ ..] = log
        && is(&first.command[0], "MULTI")
    {
        let commands = stores(inner, (database, list), None)?;
        let is_all = inner.get(commands).is_some_and(|one| is(&one.command[0], "EXEC"));
        return is_all.then_some(commands + 2);
    }
    let is_removed = log.first().is_some_and(|one| is_it(one, "DEL") && one.command.len() == 2);
    let is_filled = log.get(1).is_some_and(|one| is_it(one, "RPUSH") && one.command.len() > 2);
    let is_next =
        |place: usize| log.get(place).zip(next).is_some_and(|(one, next)| same(one, next));
    is_removed.then_some(1 + usize::from(is_filled && (!is_next(1) || is_next(2))))
}

/// Whether it may be a command that the oracle does not tell of though it makes a string, or makes one longer.
fn makes_only_room(placed: &Placed) -> bool {
    let fails =
        placed.command.windows(2).any(|pair| is(&pair[0], "OVERFLOW") && is(&pair[1], "FAIL"));
    placed.command[0] == b"BITFIELD" && fails
}

/// Whether the key of a removal was given a time: whether it has gone by the end of a log is chance then.
fn has_time(log: &[Placed], removal: &Placed) -> bool {
    log.iter().any(|one| {
        let gives = one.command[1..].contains(&removal.command[1]);
        gives && one.command.iter().any(|word| word == b"PXAT" || word.ends_with(b"PEXPIREAT"))
    })
}

/// The commands in one spelling, each with its database, without SELECT.
fn placed(commands: &[Command]) -> Result<Vec<Placed>, String> {
    let mut database = None;
    let mut placed = Vec::new();
    for command in commands {
        let command = normal(command);
        match (&command[0][..], &database) {
            (b"SELECT", Some(before)) if *before == command[1] => {
                return Err(format!("  a needless {}", line(&command)));
            }
            (b"SELECT", _) => database = Some(command[1].clone()),
            (b"MULTI" | b"EXEC", _) => placed.push(Placed { database: Vec::new(), command }),
            (_, Some(database)) => placed.push(Placed { database: database.clone(), command }),
            (_, None) => return Err(format!("  no SELECT before {}", line(&command))),
        }
    }
    Ok(placed)
}

fn told(ours: (&str, &[Placed], usize), oracle: (&str, &[Placed], usize)) -> String {
    let mut text = String::new();
    for (name, log, at) in [ours, oracle] {
        let _ = writeln!(text, "  {name}, of {}:", log.len());
        let first = at.saturating_sub(TOLD);
        for (index, one) in log.iter().enumerate().skip(first).take(2 * TOLD) {
            let sign = if index == at { ">>" } else { "  " };
            let _ = writeln!(text, "  {sign} {}", line(&one.command));
        }
    }
    text
}

/// A command as one types it, or its beginning.
pub(super) fn line(command: &Command) -> String {
    const CHARS_MAX: usize = 300;
    let words: Vec<String> = command.iter().map(|word| testkit::display_bytes(word)).collect();
    words.join(" ").chars().take(CHARS_MAX).collect()
}

/// A command in one spelling.
fn normal(command: &Command) -> Command {
    let mut command = command.clone();
    command[0].make_ascii_uppercase();
    let name = command[0].clone();
    match &name[..] {
        // The names of options: the oracle keeps some as they came.
        b"SET" => command.iter_mut().skip(3).for_each(|word| word.make_ascii_uppercase()),
        // Which field is due first where several are: as each finds them.
        b"HDEL" => command[2..].sort(),
        // What is exact has no use for a limit, and would be refused with it.
        b"XADD" | b"XTRIM" => {
            let limit = command.iter().position(|word| is(word, "LIMIT"));
            if let (true, Some(at)) = (command.iter().any(|word| word == b"="), limit) {
                command.drain(at..at + 2);
            }
        }
        // An id without its second part.
        b"XCLAIM" if !command[5].contains(&b'-') => command[5].extend_from_slice(b"-0"),
        // Of options that stand there more than once, the last counts; the oracle keeps them all.
        b"HSETEX" => {
            let fields = command.iter().position(|word| is(word, "FIELDS")).unwrap_or(2);
            let last = if is(&command[fields - 1], "KEEPTTL") { fields - 1 } else { fields - 2 };
            command.drain(2..last.max(2));
        }
        _ => {}
    }
    command
}

fn same(ours: &Placed, oracle: &Placed) -> bool {
    let (one, other) = (&ours.command, &oracle.command);
    if ours.database != oracle.database || one.len() != other.len() || one[0] != other[0] {
        return false;
    }
    // Which members are popped is chance.
    if one[0] == b"SREM" && one[1] == other[1] {
        return true;
    }
    // The oracle names the first entry of its node, also where that has been deleted.
    let minimum = one.windows(2).position(|pair| is(&pair[0], "MINID") && pair[1] == b"=");
    let is_minimum = |at: usize| minimum.is_some_and(|minimum| minimum + 2 == at);
    let words = one.iter().zip(other).enumerate();
    words
        .into_iter()
        .all(|(at, (ours, oracle))| ours == oracle || is_minimum(at) || same_time(ours, oracle))
}

fn is(word: &[u8], name: &str) -> bool {
    word.eq_ignore_ascii_case(name.as_bytes())
}

/// Two times of about the same moment, or two ids that streams have given at such.
fn same_time(ours: &[u8], oracle: &[u8]) -> bool {
    let time = |word: &[u8]| -> Option<u64> {
        let text = std::str::from_utf8(word).ok()?;
        let (millis, sequence) = text.split_once('-').unwrap_or((text, "0"));
        sequence.parse::<u64>().ok()?;
        millis.parse().ok().filter(|&millis| millis >= CLOCK_MS_MIN)
    };
    match (time(ours), time(oracle)) {
        (Some(ours), Some(oracle)) => ours.abs_diff(oracle) <= TOLERANCE_MS,
        _ => false,
    }
}
