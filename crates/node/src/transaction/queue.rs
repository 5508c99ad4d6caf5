//! The commands of a transaction, kept until EXEC.

use crate::pause::waits_with_writes;
use crate::session::{After, Context, OUT_OF_MEMORY, Routed};
use crate::table::Entry;
use base::Slot;
use cluster::{KeySlots, Presence};
use commands::spec::Flag;
use commands::{CommandError, Outcome};
use resp::{Args, Reply, StoredRequests};

/// A transaction that has begun.
#[derive(Default)]
pub(crate) struct Transaction {
    requests: StoredRequests,
    /// A command was refused: EXEC will refuse all of them.
    is_aborted: bool,
    /// One of the commands writes.
    writes: bool,
    /// One of them has to wait when those that write do.
    waits: bool,
    /// One of them has to wait until data are loaded.
    needs_data: bool,
    /// One of them may be kept from data that are no longer the primary's.
    needs_link: bool,
}

impl Transaction {
    /// Keeps a command; false where all together would take more than `bytes_max`.
    pub(crate) fn push(&mut self, entry: &Entry, args: Args<'_>, bytes_max: usize) -> bool {
        self.writes |= entry.spec.has(Flag::Write);
        self.waits |= waits_with_writes(entry);
        self.needs_data |= !entry.spec.has(Flag::Loading);
        self.needs_link |= !entry.spec.has(Flag::Stale);
        // Of one that will not run, nothing needs to be kept.
        self.is_aborted || self.requests.push(args, bytes_max)
    }

    /// A command was refused.
    pub(crate) fn abort(&mut self) {
        *self = Transaction { is_aborted: true, ..Transaction::default() };
    }

    pub(crate) fn is_aborted(&self) -> bool {
        self.is_aborted
    }

    /// Whether one of its commands writes.
    pub(crate) fn writes(&self) -> bool {
        self.writes
    }

    /// Whether it cannot run while data are loaded.
    pub(crate) fn needs_data(&self) -> bool {
        self.needs_data
    }

    /// Whether it may not run where the link to the primary is down (`replica-serve-stale-data`).
    pub(crate) fn needs_link(&self) -> bool {
        self.needs_link
    }

    /// Whether it has to wait when commands that write do (CLIENT PAUSE WRITE).
    pub(crate) fn waits_with_writes(&self) -> bool {
        self.waits
    }

    /// The commands, in the order in which they came.
    pub(crate) fn requests(&self) -> &StoredRequests {
        &self.requests
    }
}

impl Context<'_> {
    /// Keeps a command for EXEC, unless it could not run then either.
    #[cold]
    pub(crate) fn queue(&mut self, entry: &Entry, args: Args<'_>, out: &mut Vec<u8>) -> Outcome {
        if entry.spec.has(Flag::NoMulti) {
            return Err(CommandError::Owned(format!(
                "ERR Command '{}' not allowed inside a transaction",
                entry.full_name
            )));
        }
        if self.node.cluster.is_some() {
            let mut positions = Vec::new();
            if entry.spec.key_positions(args, &mut positions).is_ok() {
                let keys = positions.iter().filter_map(|&position| args.get(position));
                let slots = keys.map(Slot::of_key).fold(KeySlots::None, KeySlots::and);
                // Which keys are there is asked at EXEC.
                self.route_unless_served(Routed::new(entry), slots, Presence::default)?;
            }
        }
        if !self.has_memory_for(entry) {
            return Err(OUT_OF_MEMORY);
        }
        let bytes_max = self.query_buffer_bytes_max;
        let transaction = self.state.transaction.as_mut();
        if !transaction.is_some_and(|one| one.push(entry, args, bytes_max)) {
            // As Redis does with a client whose transaction outgrows the query buffer.
            self.node.stats(self.worker).query_buffer_disconnections.add(1);
            self.state.after = After::Abort;
            return Ok(());
        }
        Reply::new(out, self.state.protocol).simple("QUEUED");
        Ok(())
    }

    /// The error of a request that was refused before it ran: of EXEC, it tells that the transaction is gone with it.
    pub(crate) fn refuse_exec(&mut self, entry: &Entry, error: CommandError) -> CommandError {
        if entry.spec.name != "exec" {
            return error;
        }
        self.state.transaction = None;
        self.state.watching.end(&self.node.keyspace);
        discarded(error)
    }
}

/// What EXEC is told of the error for which nothing of the transaction runs.
pub(super) fn discarded(error: CommandError) -> CommandError {
    let text = error.text();
    let text = text.strip_prefix(b"ERR ").unwrap_or(&text);
    let before = &b"EXECABORT Transaction discarded because of: "[..];
    CommandError::Bytes([before, text].concat())
}
