//! MONITOR: clients that are shown every command that runs.
//!
//! A command is shown when it has run, as in Redis. Those of different workers are shown in the order in which they come here.

use crate::clients::{Client, ClientId, flag};
use crate::mailbox::MessageBytes;
use crate::session::{After, Context};
use crate::table::Entry;
use base::words::push_quoted;
use commands::spec::Flag;
use commands::{CommandError, Outcome};
use parking_lot::RwLock;
use resp::{Args, Reply};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// All clients that are shown commands.
#[derive(Default)]
pub(crate) struct Monitors {
    clients: RwLock<BTreeMap<ClientId, Arc<Client>>>,
    /// How many there are, to be asked with every command.
    count: AtomicUsize,
}

impl Monitors {
    /// Whether there are any.
    #[inline]
    pub(crate) fn any(&self) -> bool {
        self.count.load(Relaxed) != 0
    }

    fn add(&self, client: &Arc<Client>) {
        let mut clients = self.clients.write();
        client.set_flag(flag::MONITOR, true);
        clients.insert(client.id, Arc::clone(client));
        self.count.store(clients.len(), Relaxed);
    }

    /// Shows a client nothing more.
    pub(crate) fn remove(&self, client: &Client) {
        if client.has_flag(flag::MONITOR) {
            let mut clients = self.clients.write();
            client.set_flag(flag::MONITOR, false);
            clients.remove(&client.id);
            self.count.store(clients.len(), Relaxed);
        }
    }
}

pub(crate) fn monitor(context: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if context.state.is_in_exec {
        return Err(CommandError::Text("ERR MONITOR isn't allowed for DENY BLOCKING client"));
    }
    let client = &context.state.client;
    // Said again, it has no answer: so in Redis.
    if !client.has_flag(flag::MONITOR) {
        context.node.monitors.add(client);
        reply.ok();
    }
    Ok(())
}

impl Context<'_> {
    /// Shows a command that has run to those who are shown commands.
    #[cold]
    pub(crate) fn show(&self, entry: &Entry, args: Args<'_>) {
        // What administrators do may hold secrets. A connection that ends at once has sent no command.
        if entry.spec.has(Flag::Admin)
            || entry.spec.has(Flag::SkipMonitor)
            || self.state.after == After::Abort
        {
            return;
        }
        let line: MessageBytes = self.line(entry, args).into();
        let unread_bytes_max = self.node.channels.unread_bytes_max();
        for client in self.node.monitors.clients.read().values() {
            client.post(MessageBytes::clone(&line), unread_bytes_max);
        }
    }

    /// `+<seconds>.<microseconds> [<database> <address>] "<command>" "<argument>" ...`
    fn line(&self, entry: &Entry, args: Args<'_>) -> Vec<u8> {
        let micros = self.node.host.unix_micros(self.now.wall);
        let origin = &self.state.client.origin;
        let (kind, address) = match origin.address.strip_suffix(":0") {
            Some(path) if origin.is_unix => ("unix:", path),
            Some(_) | None => ("", origin.address.as_str()),
        };
        let mut line = Vec::new();
        write!(
            line,
            "+{}.{:06} [{} {kind}{address}]",
            micros / 1_000_000,
            micros % 1_000_000,
            self.state.database
        )
        .expect("writing to memory does not fail");
        let secrets = secrets(entry, args);
        for (index, word) in args.iter_from(0).enumerate() {
            line.push(b' ');
            push_quoted(&mut line, if secrets.contains(&index) { b"(redacted)" } else { word });
        }
        line.extend_from_slice(b"\r\n");
        line
    }
}

/// Which arguments are not to be shown: names and passwords of users.
fn secrets(entry: &Entry, args: Args<'_>) -> std::ops::Range<usize> {
    match entry.spec.name {
        "auth" => 1..args.len(),
        "hello" => {
            let is_auth = |index: &usize| args[*index].eq_ignore_ascii_case(b"auth");
            let auth = (2..args.len()).find(is_auth);
            auth.map_or(0..0, |auth| auth + 1..(auth + 3).min(args.len()))
        }
        _ => 0..0,
    }
}
