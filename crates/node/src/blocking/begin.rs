//! A command that found nothing begins to wait.

use super::{Blocked, BlockedClients, State};
use crate::clients::{Client, flag};
use base::Monotonic;
use commands::{Blocking, Timeout};
use engine::{Access, WaiterId};
use parking_lot::Mutex;
use resp::{Args, Protocol, StoredRequests};
use std::sync::Arc;
use std::time::Duration;

/// What a command waits with.
pub(crate) struct Wait<'a> {
    pub(crate) client: &'a Arc<Client>,
    pub(crate) blocking: Blocking,
    pub(crate) args: Args<'a>,
    pub(crate) keys: Vec<Box<[u8]>>,
    pub(crate) protocol: Protocol,
    pub(crate) database: usize,
    pub(crate) timeout: Timeout,
    pub(crate) now: Monotonic,
}

impl BlockedClients {
    /// Registers a client with the keys of its command, whose slots are held. `None` where it does not wait, or where its request is too
    /// long to be kept.
    pub(crate) fn begin(&self, access: &mut Access<'_>, wait: Wait<'_>) -> Option<Arc<Blocked>> {
        let deadline = match wait.timeout {
            Timeout::None => return None,
            Timeout::Forever => None,
            Timeout::Millis(millis) => Some(wait.now + Duration::from_millis(millis)),
        };
        let mut request = StoredRequests::new();
        let is_kept = match wait.blocking.rewrite {
            None => request.push(wait.args, usize::MAX),
            Some(rewrite) => {
                let words = rewrite(&mut access.edit(), wait.args);
                request.push_words(words.iter().map(Vec::as_slice), usize::MAX)
            }
        };
        if !is_kept {
            return None;
        }
        let id = WaiterId(wait.client.id.0);
        for key in &wait.keys {
            access.wait(wait.database, key, id);
        }
        let blocked = Arc::new(Blocked {
            id,
            client: Arc::clone(wait.client),
            request,
            blocking: wait.blocking,
            protocol: wait.protocol,
            database: wait.database,
            keys: wait.keys,
            deadline,
            state: Mutex::new(State::Waiting),
        });
        self.0.insert(id, Arc::clone(&blocked));
        wait.client.set_flag(flag::BLOCKED, true);
        Some(blocked)
    }
}
