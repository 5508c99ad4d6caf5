//! A line of CLIENT LIST: what is told of a client.

use super::names::told;
use crate::clients::{Client, flag};
use crate::session::Context;
use crate::worker::Now;
use resp::Args;
use std::fmt::Write as _;
use std::sync::atomic::Ordering::Relaxed;

/// What lines are made with.
pub(super) struct Line<'n> {
    /// The names in full of all commands, by their numbers.
    commands: Vec<&'n str>,
    /// The client that asks: it alone has arguments in memory.
    asking: u64,
    argument_bytes: usize,
    now: Now,
}

impl<'n> Line<'n> {
    pub(super) fn new(context: &Context<'n>, args: Args<'_>) -> Line<'n> {
        let commands = context.node.table.by_number();
        Line {
            commands: commands.iter().map(|entry| entry.full_name.as_str()).collect(),
            asking: context.state.client.id.0,
            argument_bytes: args.iter_from(0).map(<[u8]>::len).sum(),
            now: context.now,
        }
    }

    /// The line of a client, without its end.
    pub(super) fn of(&self, client: &Client) -> String {
        let is_asking = client.id.0 == self.asking;
        let argument_bytes = if is_asking { self.argument_bytes } else { 0 };
        let names = client.names.lock().clone();
        let command = match client.last_command.load(Relaxed) {
            0 => "NULL",
            number => self.commands.get(number - 1).copied().unwrap_or("NULL"),
        };
        let query = client.query_buffer_bytes.load(Relaxed);
        let output = client.unread_bytes();
        let [channels, patterns, shard_channels] = client.subscriptions.lock().counts();
        let transaction = client.transaction_bytes.load(Relaxed);
        let memory = client.memory_bytes() + argument_bytes;
        let mut line = String::with_capacity(400);
        // What has no meaning here is told as Redis tells it of a client without it.
        write!(
            line,
            "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} capa= db={} \
             sub={} psub={} ssub={} multi={} watch={} \
             qbuf={query} qbuf-free=0 argv-mem={argument_bytes} multi-mem={transaction} rbs=0 rbp=0 \
             obl={output} oll=0 omem={output} tot-mem={memory} events={} cmd={command} user=default redir={} \
             resp={} lib-name={} lib-ver={} tot-net-in={} tot-net-out={} tot-cmds={}",
            client.id.0,
            client.origin.address,
            client.origin.local_address,
            client.origin.descriptor,
            String::from_utf8_lossy(told(&names.name)),
            age_seconds(client, self.now),
            client.idle_seconds(self.now.monotonic),
            flags(client),
            client.database.load(Relaxed),
            channels,
            patterns,
            shard_channels,
            client.transaction_commands.load(Relaxed),
            client.watched_keys.load(Relaxed),
            if output > 0 { "rw" } else { "r" },
            client.told_redirect(),
            if client.is_resp3.load(Relaxed) { 3 } else { 2 },
            String::from_utf8_lossy(told(&names.library)),
            String::from_utf8_lossy(told(&names.library_version)),
            client.input_bytes.load(Relaxed),
            client.output_bytes.load(Relaxed),
            client.commands.load(Relaxed),
        )
        .expect("writing to memory does not fail");
        line
    }
}

/// Whole seconds since a client connected, by the wall clock as Redis counts it.
pub(super) fn age_seconds(client: &Client, now: Now) -> i64 {
    (now.wall.seconds() - client.connected_at.seconds()).max(0)
}

/// The letters that tell what a client is and does.
pub(super) fn flags(client: &Client) -> String {
    let mut letters = String::new();
    for (is_set, letter) in [
        (client.has_flag(flag::REPLICA), 'S'),
        (client.has_flag(flag::PRIMARY), 'M'),
        (client.has_flag(flag::MONITOR), 'O'),
        (client.has_flag(flag::SUBSCRIBED), 'P'),
        (client.has_flag(flag::TRACKING), 't'),
        (client.has_flag(flag::BROKEN_REDIRECT), 'R'),
        (client.has_flag(flag::BROADCAST), 'B'),
        (client.has_flag(flag::PAUSED) || client.has_flag(flag::BLOCKED), 'b'),
        (client.transaction_commands.load(Relaxed) >= 0, 'x'),
        (client.has_flag(flag::CLOSING), 'c'),
        (client.is_killed(), 'A'),
        (client.origin.is_unix, 'U'),
        (client.has_flag(flag::READONLY), 'r'),
        (client.has_flag(flag::NO_EVICT), 'e'),
        (client.has_flag(flag::NO_TOUCH), 'T'),
    ] {
        if is_set {
            letters.push(letter);
        }
    }
    if letters.is_empty() {
        letters.push('N');
    }
    letters
}
