//! The command itself.

use super::{Departure, DepartureWait, push_restore};
use crate::clients::flag;
use crate::session::{After, Context, presence};
use crate::table::SessionCommand;
use base::Slot;
use base::number::parse_i64;
use cluster::{Access, KeySlots, Request};
use commands::spec::{
    Argument, Arity, Begin, Category, Find, Flag, Group, KeyAccess, KeyEffect, KeySpec,
};
use commands::{Body, Command, CommandError, Outcome, Spec};
use parking_lot::Mutex;
use resp::{Args, Reply};
use std::sync::Arc;
use std::time::Duration;

/// Where the time that is given is none.
const PATIENCE_MILLIS: i64 = 1000;

pub(crate) const COMMANDS: &[SessionCommand] = &[MIGRATE];

const MIGRATE: SessionCommand = Command {
    spec: Spec {
        name: "migrate",
        summary: "Moves keys to another server.",
        since: "2.6.0",
        complexity: "O(N) for values of N elements altogether, here and there.",
        group: Group::Generic,
        arity: Arity::AtLeast(6),
        flags: &[Flag::Write, Flag::MovableKeys, Flag::NoMulti],
        categories: &[Category::Dangerous],
        tips: &["nondeterministic_output"],
        keys: &[
            KeySpec {
                begin: Begin::Unknown(single_key),
                incomplete: true,
                ..KeySpec::at(3).does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Delete])
            },
            KeySpec {
                begin: Begin::Keyword { word: "KEYS", from: -2, read: Some(listed_keys) },
                find: Find::Range { last: -1, step: 1, limit: 0 },
                incomplete: true,
                ..KeySpec::at(3).does(KeyAccess::ReadWrite, &[KeyEffect::Access, KeyEffect::Delete])
            },
        ],
        arguments: &[
            Argument::string("host"),
            Argument::integer("port"),
            Argument::one_of(
                "key-selector",
                &[Argument::key("key", 0), Argument::word("empty-string", "")],
            ),
            Argument::integer("destination-db"),
            Argument::integer("timeout"),
            Argument::word("copy", "COPY").since("3.0.0").optional(),
            Argument::word("replace", "REPLACE").since("3.0.0").optional(),
            Argument::one_of(
                "authentication",
                &[
                    Argument::string("auth").token("AUTH").since("4.0.7"),
                    Argument::block(
                        "auth2",
                        &[Argument::string("username"), Argument::string("password")],
                    )
                    .token("AUTH2")
                    .since("6.0.0"),
                ],
            )
            .optional(),
            Argument::key("keys", 1).token("KEYS").since("3.0.6").optional().multiple(),
        ],
        history: &[
            ("3.0.0", "The options COPY and REPLACE."),
            ("3.0.6", "The option KEYS."),
            ("4.0.7", "The option AUTH."),
            ("6.0.0", "The option AUTH2."),
        ],
        ..Spec::DEFAULT
    },
    body: Body::Run(migrate),
};

/// The key that stands before the options; an empty one stands for those behind KEYS.
fn single_key(args: Args<'_>) -> Option<usize> {
    (!args.get(3)?.is_empty()).then_some(3)
}

/// Where the keys begin that stand behind KEYS. A password may be that word, too.
fn listed_keys(args: Args<'_>) -> Option<usize> {
    Options::parse(args).ok()?.keys
}

/// What may stand behind the time.
#[derive(Default)]
struct Options {
    copies: bool,
    replaces: bool,
    /// AUTH as a request.
    auth: Vec<u8>,
    /// Where the keys begin, where they stand behind KEYS.
    keys: Option<usize>,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Options, CommandError> {
        let mut options = Options::default();
        let mut at = 6;
        while let Some(word) = args.get(at) {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            let operand = |distance: usize| args.get(at + distance).ok_or(CommandError::Syntax);
            if is("copy") {
                options.copies = true;
            } else if is("replace") {
                options.replaces = true;
            } else if is("auth") {
                options.auth = auth(&[operand(1)?]);
                at += 1;
            } else if is("auth2") {
                options.auth = auth(&[operand(1)?, operand(2)?]);
                at += 2;
            } else if is("keys") {
                if !args[3].is_empty() {
                    return Err(CommandError::Text(
                        "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string",
                    ));
                }
                options.keys = Some(at + 1);
                break;
            } else {
                return Err(CommandError::Syntax);
            }
            at += 1;
        }
        Ok(options)
    }
}

fn auth(credentials: &[&[u8]]) -> Vec<u8> {
    let mut request = Vec::new();
    let words = [&[&b"AUTH"[..]], credentials].concat();
    resp::push_request(&mut request, words.into_iter());
    request
}

/// `MIGRATE host port key|"" destination-db timeout [COPY] [REPLACE] [AUTH password | AUTH2 user password] [KEYS key ...]`.
fn migrate(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let options = Options::parse(args)?;
    let millis = parse_i64(&args[5]).ok_or(CommandError::NotInteger)?;
    let database = parse_i64(&args[4]).ok_or(CommandError::NotInteger)?;
    let patience =
        u64::try_from(millis).ok().filter(|&millis| millis > 0).unwrap_or(PATIENCE_MILLIS as u64);
    let keys = || {
        let (first, count) = options.keys.map_or((3, 1), |first| (first, usize::MAX));
        args.iter_from(first).take(count)
    };
    let (node, source_database) = (context.node, context.state.database);
    let access = node.keyspace.hold_keys(keys(), source_database, context.worker, context.moment);
    if let Some(cluster) = &node.cluster {
        let slots = keys().map(Slot::of_key).fold(KeySlots::None, KeySlots::and);
        let request =
            Request { slots, access: Access::Write, asks: false, migrates: true, tls: false };
        let view = cluster.view();
        let served = view.route(request, || presence(&access, keys()));
        served.map_err(|refusal| CommandError::Owned(refusal.to_string()))?;
    }
    if access.is_foreign() {
        return Err(CommandError::Text("READONLY You can't write against a read only replica."));
    }
    if node.leaving.keeps_waiting(&context.state.client, source_database, keys()) {
        context.state.after = After::Wait;
        return Ok(());
    }
    let name: &[u8] = if node.cluster.is_some() { b"RESTORE-ASKING" } else { b"RESTORE" };
    let (now, mut requests, mut leaving) = (context.moment.now.0, Vec::new(), Vec::new());
    for key in keys() {
        let Some(record) = access.record(key) else { continue };
        let ttl = record.expire_at().map_or(0, |at| (at - now).max(1));
        let payload = persist::rdb::dump_for_all(record);
        push_restore(&mut requests, (name, key, &payload), ttl, options.replaces);
        leaving.push(Box::from(key));
    }
    if leaving.is_empty() {
        reply.simple("NOKEY");
        return Ok(());
    }
    if !options.copies {
        node.leaving.begin(source_database, &leaving);
        keys().for_each(|key| access.mark_served(Slot::of_key(key), false));
    }
    drop(access);
    let answer = Arc::new(Mutex::new(None));
    let client = Arc::clone(&context.state.client);
    client.set_flag(flag::BLOCKED, true);
    context.state.departing = Some(Box::new(Departure {
        host: String::from_utf8_lossy(&args[1]).into_owned(),
        // As atoi(3) has it: what is no number is nowhere.
        port: parse_i64(&args[2]).and_then(|port| u16::try_from(port).ok()).unwrap_or(0),
        patience: Duration::from_millis(patience),
        auth: options.auth,
        database,
        requests,
        keys: leaving,
        copies: options.copies,
        source_database,
        client,
        answer: Arc::clone(&answer),
    }));
    context.state.departure = Some(DepartureWait { answer });
    context.state.after = After::Block;
    Ok(())
}
