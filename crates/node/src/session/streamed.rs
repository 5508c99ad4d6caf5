//! Sessions that run what was done elsewhere: a primary's stream. What they note of it, and what they may run.

use super::{After, Context, ReplyMode, Session, State};
use crate::clients::Client;
use crate::table::{Action, Entry};
use base::UnixMillis;
use commands::{CommandError, Outcome};
use std::ops::Range;
use std::sync::Arc;

/// What a primary sends beside commands on keys.
const STREAMED: [&str; 8] =
    ["discard", "exec", "multi", "ping", "publish", "replconf", "select", "spublish"];

/// What stands in the stream for replicas alone: it is passed on, and no file has it.
const FOR_REPLICAS: [&str; 4] = ["ping", "publish", "replconf", "spublish"];

/// What is noted of a stretch of a primary's stream while it is run. Places are those in the input.
#[derive(Default)]
pub(crate) struct Streamed {
    /// Where the last whole unit ends.
    pub(crate) whole: usize,
    /// The database that is selected there.
    pub(crate) database: usize,
    /// What is for replicas alone, be it in a transaction that is not complete.
    pub(crate) for_replicas: Vec<Range<usize>>,
    /// How many commands have failed.
    pub(crate) failures: u64,
    /// The first of them that was not told yet, and what it has replied.
    pub(crate) failure: Option<(String, String)>,
}

impl State {
    /// A request was run, which stands there in the input.
    #[inline]
    pub(super) fn note_streamed(&mut self, entry: Option<&Entry>, place: Range<usize>) {
        let Some(streamed) = &mut self.streamed else { return };
        if self.transaction.is_none() {
            streamed.whole = place.end;
            streamed.database = self.database;
        }
        if entry.is_some_and(|entry| FOR_REPLICAS.contains(&entry.spec.name)) {
            streamed.for_replicas.push(place);
        }
    }
}

impl Session {
    /// The session that runs a primary's stream, which is in this database.
    pub(crate) fn streaming(client: Arc<Client>, database: usize, at: UnixMillis) -> Session {
        let mut session = Session::replaying(client, at);
        session.state.database = database;
        session.state.reply_mode = ReplyMode::Off;
        session.state.streamed = Some(Box::new(Streamed { database, ..Streamed::default() }));
        session
    }

    /// Begins to note anew; it is this time.
    pub(crate) fn begin_streamed(&mut self, at: UnixMillis) {
        self.state.replays_at = Some(at);
        if let Some(streamed) = &mut self.state.streamed {
            streamed.whole = 0;
        }
    }

    /// What was noted since.
    pub(crate) fn streamed(&mut self) -> Option<&mut Streamed> {
        self.state.streamed.as_deref_mut()
    }
}

impl Context<'_> {
    /// Whether what runs comes from a primary's stream.
    #[inline]
    pub(crate) fn is_streamed(&self) -> bool {
        self.state.streamed.is_some()
    }

    /// A command of a stream has failed.
    #[cold]
    pub(super) fn note_failure(&mut self, entry: Option<&Entry>, text: &[u8]) {
        let Some(streamed) = &mut self.state.streamed else { return };
        streamed.failures += 1;
        streamed.failure.get_or_insert_with(|| {
            let command = entry.map_or("unknown", |entry| &entry.full_name);
            (command.to_owned(), String::from_utf8_lossy(text).into_owned())
        });
        if entry.is_some_and(|entry| entry.spec.name == "select") {
            // All that follows is meant for another database.
            self.state.after = After::Abort;
        }
    }

    /// Refuses what has no place in a stream: what asks for other locks than a connection's might wait for one that waits for the stream.
    pub(super) fn check_streamed(&self, entry: &Entry) -> Outcome {
        let is_on_keys = matches!(entry.action, Action::Keyspace(_));
        if !self.is_streamed() || is_on_keys || STREAMED.contains(&entry.full_name.as_str()) {
            return Ok(());
        }
        Err(CommandError::Owned(format!(
            "ERR '{}' is no command of a replication stream",
            entry.full_name
        )))
    }
}
