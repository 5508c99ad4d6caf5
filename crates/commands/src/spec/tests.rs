//! The table tests itself: what no single declaration can promise.

use super::{
    Argument, ArgumentKind, Arity, Begin, Find, Flag, KeyAccess, KeyEffect, KeySpec, Spec,
};
use crate::{Body, FAMILIES, KeyspaceCommand, Run};
use std::collections::BTreeSet;

fn all() -> impl Iterator<Item = &'static KeyspaceCommand> {
    FAMILIES.iter().copied().flatten()
}

/// Commands and subcommands alike.
fn visit(commands: &'static [KeyspaceCommand], seen: &mut dyn FnMut(&'static Spec, Option<&Run>)) {
    for command in commands {
        match &command.body {
            Body::Run(run) => seen(&command.spec, Some(run)),
            Body::AloneOrSubcommands(run, commands) => {
                seen(&command.spec, Some(run));
                visit(commands, seen);
            }
            Body::Subcommands(commands) => {
                seen(&command.spec, None);
                visit(commands, seen);
            }
        }
    }
}

fn each(mut seen: impl FnMut(&'static Spec, Option<&Run>)) {
    FAMILIES.iter().for_each(|family| visit(family, &mut seen));
}

#[test]
fn names_are_unique_and_in_lower_case() {
    let mut names = BTreeSet::new();
    for command in all() {
        assert!(names.insert(command.spec.name), "{} twice", command.spec.name);
    }
    each(|spec, _| {
        let lower =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        assert!(!spec.name.is_empty() && spec.name.bytes().all(lower), "{}", spec.name);
    });
}

#[test]
fn every_family_stands_in_the_order_of_names() {
    for family in FAMILIES {
        assert!(family.is_sorted_by_key(|command| command.spec.name), "{}", family[0].spec.name);
    }
}

#[test]
fn summaries_are_sentences() {
    each(|spec, _| assert!(spec.summary.ends_with('.'), "{}", spec.name));
}

/// The command that reads, and remembers in the key what it has found.
const REMEMBERS: &str = "pfcount";

#[test]
fn the_flags_say_how_the_command_runs() {
    each(|spec, run| {
        let (reads, writes) = (spec.has(Flag::Readonly), spec.has(Flag::Write));
        if spec.name == REMEMBERS {
            assert!(reads && matches!(run, Some(Run::Write(_))));
            return;
        }
        match run {
            Some(Run::Read(_)) => assert!(reads && !writes, "{}", spec.name),
            Some(Run::Write(_)) => assert!(writes && !reads, "{}", spec.name),
            // XREAD waits and only reads.
            Some(Run::Blocking(_)) => {
                assert!(spec.has(Flag::Blocking) && reads != writes, "{}", spec.name);
            }
            // SORT stores, SORT_RO does not.
            Some(Run::Wide(_)) => assert!(reads != writes, "{}", spec.name),
            Some(Run::Whole(_)) | None => assert!(!(reads && writes), "{}", spec.name),
        }
    });
}

#[test]
fn keys_stand_inside_the_arity() {
    each(|spec, _| {
        let (Arity::Exactly(least) | Arity::AtLeast(least)) = spec.arity;
        for keys in spec.keys {
            let Begin::Index(begin) = keys.begin else { continue };
            let last = match keys.find {
                Find::Range { last, step, .. } => {
                    assert!(step > 0, "{}", spec.name);
                    begin + usize::try_from(last).unwrap_or(0)
                }
                Find::Number { number, step, .. } => {
                    assert!(step > 0, "{}", spec.name);
                    begin + number
                }
            };
            // Keys up to the end of the request may be none.
            let may_be_none = matches!(keys.find, Find::Range { last: ..0, .. });
            assert!(0 < begin && last < least + usize::from(may_be_none), "{}", spec.name);
        }
    });
}

#[test]
fn keys_that_a_number_announces_are_movable() {
    each(|spec, _| {
        let numbered = spec.keys.iter().any(|keys| {
            matches!(keys.find, Find::Number { .. })
                || matches!(keys.begin, Begin::Keyword { .. } | Begin::Unknown(_))
                || keys.incomplete
        });
        assert_eq!(spec.has(Flag::MovableKeys), numbered, "{}", spec.name);
    });
}

#[test]
fn what_is_done_to_keys_agrees_with_the_flags() {
    each(|spec, _| {
        for keys in spec.keys {
            let changes = keys.access != KeyAccess::ReadOnly
                || keys.effects.iter().any(|effect| *effect != KeyEffect::Access);
            let is_told_to_read = spec.has(Flag::Readonly) && spec.name != REMEMBERS;
            assert!(!(changes && is_told_to_read), "{}", spec.name);
        }
    });
}

#[test]
fn arguments_name_key_specifications_that_are_there() {
    fn check(spec: &Spec, arguments: &[Argument]) {
        for argument in arguments {
            let group = matches!(argument.kind, ArgumentKind::OneOf | ArgumentKind::Block);
            assert_eq!(group, !argument.children.is_empty(), "{} {}", spec.name, argument.name);
            assert!(argument.key_spec.is_none_or(|index| index < spec.keys.len()), "{}", spec.name);
            assert!(argument.kind != ArgumentKind::Key || argument.key_spec.is_some());
            check(spec, argument.children);
        }
    }
    each(|spec, _| check(spec, spec.arguments));
}

#[test]
fn a_range_that_ends_before_the_request_begins_has_no_keys() {
    let mut requests = resp::Requests::new();
    let input = b"*1\r\n$1\r\nx\r\n";
    resp::Decoder::new()
        .decode(input, &resp::Limits::DEFAULT, &mut requests, 1)
        .expect("the request is well-formed");
    for last in [-1, -2, -3] {
        let mut found = Vec::new();
        let outcome = KeySpec::range(1, last, 1).find_in(requests.args(0, input), &mut found);
        assert_eq!((outcome, found.len()), (Ok(()), 0), "{last}");
    }
}

#[test]
fn members_stand_where_the_arguments_say() {
    let mut found = Vec::new();
    each(|spec, _| found.extend(spec.member().map(|at| (spec.name, at))));
    found.sort_unstable();
    let expected = [
        ("geoadd", -1),
        ("geodist", 2),
        ("georadiusbymember_ro", 2),
        ("hdel", 2),
        ("hexists", 2),
        ("hexpire", -1),
        ("hexpireat", -1),
        ("hexpiretime", 4),
        ("hget", 2),
        ("hgetdel", 4),
        ("hgetex", -1),
        ("hincrby", 2),
        ("hincrbyfloat", 2),
        ("hmget", 2),
        ("hmset", 2),
        ("hpersist", 4),
        ("hpexpire", -1),
        ("hpexpireat", -1),
        ("hpexpiretime", 4),
        ("hpttl", 4),
        ("hset", 2),
        ("hsetex", -2),
        ("hsetnx", 2),
        ("hstrlen", 2),
        ("httl", 4),
        ("sadd", 2),
        ("sismember", 2),
        ("smismember", 2),
        ("srem", 2),
        ("zadd", -1),
        ("zincrby", 3),
        ("zmscore", 2),
        ("zrank", 2),
        ("zrem", 2),
        ("zrevrank", 2),
        ("zscore", 2),
    ];
    assert_eq!(found, expected);
}
