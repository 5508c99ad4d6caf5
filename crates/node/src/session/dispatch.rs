//! One request: the checks in their order, then the slots, then the command.

use super::prepare::Prepared;
use super::{After, Context, ReplyMode};
use crate::table::{Action, Entry};
use base::Slot;
use cluster::KeySlots;
use commands::spec::Flag;
use commands::{CommandError, Outcome, Run, Whole};
use engine::Access;
use resp::{Args, Reply};

/// How much of an unknown command's arguments its error repeats, in bytes.
const ECHOED_BYTES_MAX: usize = 128;

impl Context<'_> {
    /// Runs one request and appends its reply, or the error that it was refused with.
    pub(super) fn run(&mut self, prepared: &Prepared<'_>, args: Args<'_>, out: &mut Vec<u8>) {
        let start = out.len();
        let protocol = self.state.protocol;
        let outcome = match prepared.entry {
            None => Err(unknown_command(args)),
            Some(entry) => self.run_entry(entry, prepared, args, out),
        };
        if let Err(error) = outcome {
            out.truncate(start);
            self.node.stats(self.worker).errors.add(1);
            Reply::new(out, protocol).error(error);
        }
        match self.state.reply_mode {
            ReplyMode::On => {}
            ReplyMode::Off => out.truncate(start),
            ReplyMode::SkipNext => {
                out.truncate(start);
                self.state.reply_mode = ReplyMode::Skip;
            }
            ReplyMode::Skip => {
                out.truncate(start);
                self.state.reply_mode = ReplyMode::On;
            }
        }
    }

    fn run_entry(
        &mut self,
        entry: &Entry,
        prepared: &Prepared<'_>,
        args: Args<'_>,
        out: &mut Vec<u8>,
    ) -> Outcome {
        let entry = match &entry.action {
            Action::Subcommands(_) => find_subcommand(entry, args)?,
            Action::Keyspace(_) | Action::Session(_) => entry,
        };
        let stats = &self.node.stats(self.worker).by_command[entry.index];
        if let Err(error) = self.check(entry, args) {
            stats.rejected.add(1);
            return Err(error);
        }
        if self.state.after == After::Wait {
            return Ok(());
        }
        stats.calls.add(1);
        let mut reply = Reply::new(out, self.state.protocol);
        let outcome = match &entry.action {
            Action::Keyspace(run) => self.run_keyspace(*run, entry, prepared, args, &mut reply),
            Action::Session(run) => run(self, args, &mut reply),
            Action::Subcommands(_) => Err(CommandError::Syntax),
        };
        if outcome.is_err() {
            stats.failed.add(1);
        }
        outcome
    }

    /// What must hold before any command runs.
    #[inline]
    fn check(&mut self, entry: &Entry, args: Args<'_>) -> Outcome {
        if !entry.spec.arity.allows(args.len()) {
            return Err(CommandError::WrongArity(entry.full_name.clone()));
        }
        if !self.state.is_authenticated && !entry.spec.has(Flag::NoAuth) {
            return Err(CommandError::Text("NOAUTH Authentication required."));
        }
        Ok(())
    }

    #[inline]
    fn run_keyspace(
        &mut self,
        run: Run,
        entry: &Entry,
        prepared: &Prepared<'_>,
        args: Args<'_>,
        reply: &mut Reply<'_>,
    ) -> Outcome {
        match run {
            Run::Read(read) => {
                let mut access = self.hold(entry, prepared, args)?;
                read(&mut access.view(), args, reply)
            }
            Run::Write(write) => {
                let mut access = self.hold(entry, prepared, args)?;
                write(&mut access.edit(), args, reply)
            }
            Run::Whole(whole) => {
                let mut all = Whole {
                    keyspace: &self.node.keyspace,
                    database: self.state.database,
                    moment: self.moment,
                    worker: self.worker,
                    rng: self.rng,
                    changes: 0,
                    flushed: Vec::new(),
                };
                let outcome = whole(&mut all, args, reply);
                let Whole { changes, flushed, .. } = all;
                self.node.keyspace.tally(self.worker).count_changes(changes);
                if !flushed.is_empty() {
                    self.node.flushed.lock().extend(flushed);
                }
                outcome
            }
        }
    }

    /// Locks the slots of the request's keys, where they are served here.
    #[inline]
    fn hold(
        &self,
        entry: &Entry,
        prepared: &Prepared<'_>,
        args: Args<'_>,
    ) -> Result<Access<'_>, CommandError> {
        let keyspace = &self.node.keyspace;
        let database = self.state.database;
        if let (Some(keys), Some((slot, hash))) = (entry.keys, prepared.key)
            && keys.last == keys.first as i64
        {
            let access = keyspace.hold(slot, database, self.worker, self.moment);
            // Asked under the lock: whoever takes the slot away locks it to drop its keys.
            if !keyspace.serves(slot) {
                drop(access);
                self.route(entry, KeySlots::One(slot))?;
                return Ok(keyspace
                    .hold(slot, database, self.worker, self.moment)
                    .with_hash(&args[keys.first], hash));
            }
            return Ok(access.with_hash(&args[keys.first], hash));
        }
        let mut positions = Vec::new();
        entry
            .spec
            .key_positions(args, &mut positions)
            .map_err(|_| CommandError::Text("ERR Invalid arguments specified for command"))?;
        let keys = || positions.iter().map(|&position| &args[position]);
        if self.node.cluster.is_some() {
            let slots = keys().map(Slot::of_key).fold(KeySlots::None, KeySlots::and);
            self.route(entry, slots)?;
        }
        Ok(keyspace.hold_keys(keys(), database, self.worker, self.moment))
    }

    /// Decides whether this node serves a request of these slots.
    fn route(&self, entry: &Entry, slots: KeySlots) -> Outcome {
        let Some(cluster) = &self.node.cluster else { return Ok(()) };
        let access = if entry.spec.has(Flag::Write) {
            cluster::Access::Write
        } else {
            cluster::Access::Read
        };
        let view = cluster.view();
        view.route(slots, access, false).map_err(|refusal| CommandError::Owned(refusal.to_string()))
    }
}

fn find_subcommand<'e>(entry: &'e Entry, args: Args<'_>) -> Result<&'e Entry, CommandError> {
    let Some(name) = args.get(1) else {
        return Err(CommandError::WrongArity(entry.full_name.clone()));
    };
    entry.subcommand(name).ok_or_else(|| {
        CommandError::Owned(format!(
            "ERR unknown subcommand '{}'. Try {} HELP.",
            echoed(name),
            entry.spec.name.to_uppercase()
        ))
    })
}

fn unknown_command(args: Args<'_>) -> CommandError {
    let mut text =
        format!("ERR unknown command '{}', with args beginning with: ", echoed(args.name()));
    let start = text.len();
    for argument in args.iter_from(1) {
        let room = ECHOED_BYTES_MAX.saturating_sub(text.len() - start);
        if room == 0 {
            break;
        }
        let shown = String::from_utf8_lossy(&argument[..argument.len().min(room)]);
        text.push_str(&format!("'{shown}' "));
    }
    CommandError::Owned(text)
}

/// The beginning of a client's word, for an error.
fn echoed(word: &[u8]) -> String {
    String::from_utf8_lossy(&word[..word.len().min(ECHOED_BYTES_MAX)]).into_owned()
}
