//! One request: the checks in their order, then the slots, then the command.

use super::prepare::KnownKey;
use super::{After, Answered, Context, State};
use crate::blocking::Wait;
use crate::clients::flag;
use crate::pause::{PauseKind, waits_with_writes};
use crate::table::{Action, Container, Entry};
use crate::transaction::Transaction;
use commands::spec::Flag;
use commands::{Attempt, Blocking, CommandError, Outcome, Run, Timeout, Wide, echoed};
use config::WriteAcksPolicy;
use engine::Access;
use resp::{Args, Reply};
use std::sync::Arc;
use std::sync::atomic::{Ordering::SeqCst, fence};

/// How much of an unknown command's arguments its error repeats, in bytes.
const ECHOED_BYTES_MAX: usize = 128;

impl<'a> Context<'a> {
    /// Runs one request and appends its reply, or the error that it was refused with.
    /// `key` is the slot and the hash of its first key, where they are known.
    pub(crate) fn run(
        &mut self,
        entry: Option<&Entry>,
        key: KnownKey,
        args: Args<'_>,
        out: &mut Vec<u8>,
    ) {
        let start = out.len();
        let protocol = self.state.protocol;
        self.state.answered = Answered::Plain;
        let outcome = match entry {
            None => self.refuse_unknown(args),
            Some(entry) => self.run_entry(entry, key, args, out),
        };
        if let Err(error) = outcome {
            out.truncate(start);
            if let Some(transaction) = &mut self.state.transaction {
                transaction.abort();
            }
            let text = error.text();
            self.node.stats(self.worker).count_error(&text);
            if self.is_streamed() {
                self.note_failure(entry, &text);
            }
            Reply::new(out, protocol).error_bytes(&text);
        }
        if matches!(self.state.after, After::Wait | After::Block) {
            // It runs again or is answered later: what it skips or leaves out is decided then.
            return;
        }
        self.state.keep_reply(start, out);
    }

    fn run_entry(
        &mut self,
        entry: &Entry,
        key: KnownKey,
        args: Args<'_>,
        out: &mut Vec<u8>,
    ) -> Outcome {
        let entry = match &entry.action {
            Action::Subcommands(container) => self.choose(entry, container, args)?,
            Action::Keyspace(_) | Action::Session(_) => entry,
        };
        self.state.last_command = entry.index + 1;
        let stats = &self.node.stats(self.worker).by_command[entry.index];
        if let Err(error) = self.check(entry, args) {
            stats.rejected.add(1);
            self.forget_asking();
            return Err(self.refuse_exec(entry, error));
        }
        if self.state.after == After::Wait {
            return Ok(());
        }
        if self.state.transaction.is_some() && !runs_in_transaction(entry) {
            return self.queue(entry, args, out);
        }
        let mut reply = Reply::new(out, self.state.protocol);
        let outcome = self.act(&entry.action, entry, key, args, &mut reply);
        if self.state.after == After::Wait {
            // What it needs is on its way to another node.
            return outcome;
        }
        if let Err(error) = &outcome {
            if is_refusal(error) {
                stats.rejected.add(1);
                return outcome;
            }
            stats.failed.add(1);
        }
        if self.node.monitors.any() {
            self.show(entry, args);
        }
        self.batch.count(entry.index);
        if self.state.after == After::Block {
            // It counts when it has its reply.
            return outcome;
        }
        stats.calls.add(1);
        self.state.commands += 1;
        outcome
    }

    /// What must hold before any command runs.
    #[inline]
    fn check(&mut self, entry: &Entry, args: Args<'_>) -> Outcome {
        if !self.state.is_authenticated && !entry.spec.has(Flag::NoAuth) {
            self.admit()?;
        }
        if !entry.spec.arity.allows(args.len()) {
            return Err(CommandError::WrongArity(entry.full_name.clone()));
        }
        if self.state.client.has_flag(LISTENING | flag::ASKING) {
            self.check_listener(entry)?;
        }
        // Under what EXEC holds all of a transaction runs: all of it was asked about before.
        if self.node.is_hindered()
            && self.held.is_none()
            && let Err(error) = self.check_hindrances(entry)
        {
            // Whoever has the keys may be able to do it.
            self.redirect(entry, args)?;
            return Err(error);
        }
        if self.state.write_acks.is_some() && self.held.is_none() {
            self.check_acks(entry)?;
        }
        if self.node.pause_kind().is_some() && !self.state.is_in_exec && self.must_wait(entry) {
            self.state.after = After::Wait;
        }
        Ok(())
    }

    /// Refuses what would ask for data that are not there, or change data that cannot be saved, or that are the primary's; what cannot be saved
    /// refuses PING, too, so that whoever watches the server learns of it.
    #[cold]
    fn check_hindrances(&self, entry: &Entry) -> Outcome {
        if self.state.replays_at.is_some() {
            return self.check_streamed(entry);
        }
        let node = self.node;
        let (writes, executed) = (self.writes(entry), self.executed(entry));
        if writes || entry.spec.name == "ping" {
            if node.refuses_writes() {
                return Err(CommandError::Text(NOT_SAVED));
            }
            if let Some(reason) = node.log_failure() {
                return Err(CommandError::Owned(format!(
                    "MISCONF Errors writing to the AOF file: {reason}"
                )));
            }
        }
        if writes && node.has_too_few_replicas(self.state.write_acks) {
            return Err(TOO_FEW_REPLICAS);
        }
        if writes && node.refuses_own_writes() {
            return Err(READONLY);
        }
        let needs_link =
            !entry.spec.has(Flag::Stale) || executed.is_some_and(Transaction::needs_link);
        if needs_link && node.is_stale() {
            return Err(STALE);
        }
        let needs_data =
            !entry.spec.has(Flag::Loading) || executed.is_some_and(Transaction::needs_data);
        if needs_data && node.is_loading() {
            return Err(LOADING);
        }
        Ok(())
    }

    /// The transaction that a command runs, where it is EXEC.
    fn executed(&self, entry: &Entry) -> Option<&Transaction> {
        self.state.transaction.as_deref().filter(|_| entry.spec.name == "exec")
    }

    /// Whether a command writes, or one of those that it runs.
    fn writes(&self, entry: &Entry) -> bool {
        entry.spec.has(Flag::Write) || self.executed(entry).is_some_and(Transaction::writes)
    }

    /// Refuses what would be written for a client that wants more replicas to have it than there are.
    #[cold]
    fn check_acks(&self, entry: &Entry) -> Outcome {
        let wanted = self.state.write_acks.unwrap_or(0);
        let refuses = || {
            let policy = self.node.settings.current().replication.write_acks_policy;
            policy == WriteAcksPolicy::Refuse && self.state.replays_at.is_none()
        };
        if wanted > self.node.near_replicas(self.now.monotonic) && self.writes(entry) && refuses() {
            return Err(TOO_FEW_REPLICAS);
        }
        Ok(())
    }

    /// Lets a client in that has not authenticated, where it need not. A stranger is told nothing else, not even which
    /// commands there are.
    fn admit(&mut self) -> Outcome {
        if !self.state.is_authenticated && self.node.password.is_required() {
            return Err(CommandError::Text("NOAUTH Authentication required."));
        }
        // The password that it was to give may no longer be asked for.
        self.state.is_authenticated = true;
        Ok(())
    }

    /// Whether the command has to wait for the end of CLIENT PAUSE; the client is marked then, to be woken.
    #[cold]
    fn must_wait(&mut self, entry: &Entry) -> bool {
        // Replicas go on to be sent the stream, and to tell how far they are.
        if self.state.replays_at.is_some() || self.state.client.has_flag(flag::REPLICA) {
            return false;
        }
        self.node.end_pause_if_due(self.now.monotonic);
        let executed = self.executed(entry);
        let writes =
            waits_with_writes(entry) || executed.is_some_and(Transaction::waits_with_writes);
        let is_paused = || match self.node.pause_kind() {
            None => false,
            Some(PauseKind::Write) => writes,
            Some(PauseKind::All) => true,
        };
        if !is_paused() {
            return false;
        }
        // The pause may end between a look at it and the mark: so the mark first, then a second look.
        let client = &self.state.client;
        client.set_flag(flag::PAUSED, true);
        fence(SeqCst);
        let still = is_paused();
        client.set_flag_if_changed(flag::PAUSED, still);
        still
    }

    /// What runs of a command with subcommands.
    fn choose<'e>(
        &mut self,
        entry: &'e Entry,
        container: &Container,
        args: Args<'_>,
    ) -> Result<&'e Entry, CommandError> {
        match args.get(1) {
            None if container.alone.is_some() => Ok(entry),
            None => {
                self.state.last_command = entry.index + 1;
                self.node.stats(self.worker).by_command[entry.index].rejected.add(1);
                self.admit()?;
                Err(CommandError::WrongArity(entry.full_name.clone()))
            }
            Some(name) => match entry.subcommand(name) {
                Some(one) => Ok(one),
                None => {
                    self.state.last_command = 0;
                    self.admit()?;
                    let name = &name[..name.len().min(ECHOED_BYTES_MAX)];
                    let after = format!("'. Try {} HELP.", entry.spec.name.to_uppercase());
                    Err(CommandError::echo("ERR unknown subcommand '", name, &after))
                }
            },
        }
    }

    /// A command that is not there; HTTP ends the connection, for it may be a browser that was tricked into sending commands.
    #[cold]
    fn refuse_unknown(&mut self, args: Args<'_>) -> Outcome {
        self.state.last_command = 0;
        self.forget_asking();
        let name = args.name();
        if name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:") {
            let address = &self.state.client.origin.address;
            self.events.extend(self.node.cross_protocol_event(self.now.monotonic, address));
            self.state.after = After::Abort;
            return Ok(());
        }
        self.admit()?;
        Err(unknown_command(args))
    }

    #[inline]
    fn act(
        &mut self,
        action: &Action,
        entry: &Entry,
        key: KnownKey,
        args: Args<'_>,
        reply: &mut Reply<'_>,
    ) -> Outcome {
        match action {
            Action::Keyspace(run) => self.run_keyspace(*run, entry, key, args, reply),
            Action::Session(run) => run(self, args, reply),
            Action::Subcommands(container) => match container.alone.as_deref() {
                Some(Action::Session(run)) => run(self, args, reply),
                Some(Action::Keyspace(run)) => self.run_keyspace(*run, entry, key, args, reply),
                Some(Action::Subcommands(_)) | None => Err(CommandError::Syntax),
            },
        }
    }

    #[inline]
    fn run_keyspace(
        &mut self,
        run: Run,
        entry: &Entry,
        key: KnownKey,
        args: Args<'_>,
        reply: &mut Reply<'_>,
    ) -> Outcome {
        self.state.has_looked = true;
        match run {
            Run::Read(read) => {
                self.holding(entry, key, args, |access| read(&mut access.view(), args, reply))
            }
            Run::Write(write) => {
                let has_memory = self.has_memory_for(entry);
                self.holding(entry, key, args, |access| {
                    if !has_memory {
                        return Err(OUT_OF_MEMORY);
                    }
                    write(&mut access.edit(), args, reply)
                })
            }
            Run::Blocking(blocking) => self.run_blocking(blocking, entry, key, args, reply),
            Run::Wide(wide) => self.run_wide(wide, entry, key, args, reply),
            Run::Whole(whole) if entry.spec.has(Flag::Write) => {
                self.change_whole(whole, entry, args, reply)
            }
            Run::Whole(whole) => self.read_whole(whole, entry, args, reply),
        }
    }

    /// Runs a command that may read keys that no argument names.
    fn run_wide(
        &mut self,
        wide: Wide,
        entry: &Entry,
        key: KnownKey,
        args: Args<'_>,
        reply: &mut Reply<'_>,
    ) -> Outcome {
        let has_memory = self.has_memory_for(entry);
        let node = self.node;
        let in_cluster = node.cluster.is_some();
        let mut run = |access: &mut Access<'_>| {
            if !has_memory {
                return Err(OUT_OF_MEMORY);
            }
            (wide.run)(&mut access.edit(), args, in_cluster, reply)
        };
        if self.held.is_some() || in_cluster || !(wide.reads_others)(args) {
            return self.holding(entry, key, args, run);
        }
        let mut access = node.keyspace.hold_all(self.state.database, self.worker, self.moment);
        self.state.check_foreign(&access, entry)?;
        if node.leaving.any() && entry.spec.has(Flag::Write) && self.waits_for_all_leaving() {
            return Ok(());
        }
        let outcome = run(&mut access);
        self.note_shown(&access);
        self.remember_keys(entry, args);
        if access.has_effects() {
            self.conclude(access, args);
        }
        outcome
    }

    /// Runs a command that waits where there is nothing for it.
    fn run_blocking(
        &mut self,
        blocking: Blocking,
        entry: &Entry,
        key: KnownKey,
        args: Args<'_>,
        reply: &mut Reply<'_>,
    ) -> Outcome {
        let timeout = (blocking.timeout)(args)?;
        let has_memory = self.has_memory_for(entry);
        // Inside a transaction nobody waits, and in a primary's stream neither.
        let may_wait = self.held.is_none() && !self.is_streamed();
        let timeout = if may_wait { timeout } else { Timeout::None };
        let (node, client) = (self.node, Arc::clone(&self.state.client));
        let (database, protocol) = (self.state.database, self.state.protocol);
        let now = self.now.monotonic;
        let mut begun = None;
        let outcome = self.holding(entry, key, args, |access| {
            if !has_memory {
                return Err(OUT_OF_MEMORY);
            }
            if (blocking.attempt)(&mut access.edit(), args, None, reply)? == Attempt::Served {
                return Ok(());
            }
            let mut positions = Vec::new();
            // Where the keys could not be told, the attempt has said so.
            let _ = entry.spec.key_positions(args, &mut positions);
            let is_source = |index: &usize| Some(*index) != blocking.destination;
            let keys = positions.into_iter().filter(is_source).map(|index| args[index].into());
            let keys = keys.collect();
            let wait =
                Wait { client: &client, blocking, args, keys, protocol, database, timeout, now };
            begun = node.blocked.begin(access, wait);
            if begun.is_none() {
                (blocking.nothing)(reply);
            }
            Ok(())
        });
        if begun.is_some() {
            self.state.blocked = begun;
            self.state.after = After::Block;
        }
        outcome
    }
}

/// What a client is that gets messages.
const LISTENING: u32 = flag::SUBSCRIBED | flag::MONITOR | flag::REPLICA;

/// Whether a command runs at once between MULTI and EXEC.
fn runs_in_transaction(entry: &Entry) -> bool {
    // By the full name: CLUSTER RESET is another.
    matches!(entry.full_name.as_str(), "exec" | "discard" | "reset" | "quit")
}

/// What a command is told that would change data that cannot be saved.
const NOT_SAVED: &str = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. \
     Commands that may modify the data set are disabled, because this instance is configured to report errors during \
     writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details \
     about the RDB error.";

/// What a command is told that would write while too few replicas follow.
const TOO_FEW_REPLICAS: CommandError =
    CommandError::Text("NOREPLICAS Not enough good replicas to write.");

/// What a command is told that would change data that are the primary's.
const READONLY: CommandError =
    CommandError::Text("READONLY You can't write against a read only replica.");

impl State {
    /// Refuses a command that was let in before the node became a replica, or began to load data. Asked under the locks of what it touches.
    #[inline]
    pub(crate) fn check_foreign(&self, access: &Access<'_>, entry: &Entry) -> Outcome {
        if access.is_foreign() && self.replays_at.is_none() {
            return refuse_of_foreign(access, entry);
        }
        Ok(())
    }
}

#[cold]
fn refuse_of_foreign(access: &Access<'_>, entry: &Entry) -> Outcome {
    if access.is_loading() && !entry.spec.has(Flag::Loading) {
        return Err(LOADING);
    }
    if access.is_still() && entry.spec.has(Flag::Write) {
        return Err(TRY_AGAIN);
    }
    // PFCOUNT, which only reads, remembers its count.
    if entry.spec.has(Flag::Write) { Err(READONLY) } else { Ok(()) }
}

/// What a command is told while data are not what the primary has, and are not to be shown.
const STALE: CommandError = CommandError::Text(
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
);

/// What a command is told that was let in before writes had to wait, for another node is about to take over: clients of a cluster send it again.
pub(crate) const TRY_AGAIN: CommandError =
    CommandError::Text("TRYAGAIN Multiple keys request during rehashing of slot");

/// What a command is told while data are loaded.
pub(crate) const LOADING: CommandError =
    CommandError::Text("LOADING Redis is loading the dataset in memory");

/// What a command is told that needs memory while there is none.
pub(crate) const OUT_OF_MEMORY: CommandError =
    CommandError::Text("OOM command not allowed when used memory > 'maxmemory'.");

/// The same for a transaction.
pub(crate) const TRANSACTION_OUT_OF_MEMORY: CommandError = CommandError::Text(
    "EXECABORT Transaction discarded because of: OOM command not allowed when used memory > 'maxmemory'.",
);

/// Whether an error says that the keys are not to be had here, or that there is no memory: the command has not run.
#[cold]
fn is_refusal(error: &CommandError) -> bool {
    const CODES: [&str; 5] = ["MOVED ", "ASK ", "CROSSSLOT ", "CLUSTERDOWN ", "TRYAGAIN "];
    if [OUT_OF_MEMORY, TRANSACTION_OUT_OF_MEMORY, TRY_AGAIN].contains(error) {
        return true;
    }
    let CommandError::Owned(text) = error else { return false };
    CODES.iter().any(|code| text.starts_with(code))
}

fn unknown_command(args: Args<'_>) -> CommandError {
    let cut = |word: &[u8], room: usize| echoed(&word[..word.len().min(room)]).to_vec();
    let mut text = b"ERR unknown command '".to_vec();
    text.extend(cut(args.name(), ECHOED_BYTES_MAX));
    text.extend_from_slice(b"', with args beginning with: ");
    let start = text.len();
    for argument in args.iter_from(1) {
        let room = ECHOED_BYTES_MAX.saturating_sub(text.len() - start);
        if room == 0 {
            break;
        }
        text.push(b'\'');
        text.extend(cut(argument, room));
        text.extend_from_slice(b"' ");
    }
    CommandError::Bytes(text)
}
