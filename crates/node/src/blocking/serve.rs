//! Serving those that wait for a key that was changed.

use crate::node::Node;
use engine::{Access, Effects, Moment, WaiterId, WorkerId};
use std::collections::VecDeque;

/// A client that has to wait until the slot of another key can be held, too.
struct Deferred {
    database: usize,
    key: Box<[u8]>,
    destination: Box<[u8]>,
    waiter: WaiterId,
}

impl Node {
    /// Serves those that wait for what was changed under `access`, then releases it; what was done for them is part of the effects that
    /// come back.
    pub(crate) fn conclude(&self, access: Access<'_>, worker: WorkerId, moment: Moment) -> Effects {
        let mut access = access;
        let (mut effects, mut deferred) = (Effects::default(), VecDeque::new());
        self.serve_modified(&mut access, &mut effects, &mut deferred);
        drop(access);
        while let Some(Deferred { database, key, destination, waiter }) = deferred.pop_front() {
            let keys = [&*key, &*destination].into_iter();
            let mut access = self.keyspace.hold_keys(keys, database, worker, moment);
            self.serve_key(&mut access, (database, &key), Some(waiter), &mut deferred);
            self.serve_modified(&mut access, &mut effects, &mut deferred);
        }
        effects
    }

    /// Serves those that wait for keys of a database, which were exchanged or removed as a whole.
    pub(crate) fn serve_database(
        &self,
        database: usize,
        worker: WorkerId,
        moment: Moment,
    ) -> Effects {
        let mut effects = Effects::default();
        for key in self.keyspace.awaited_keys(database) {
            let keys = std::iter::once(&*key);
            let mut access = self.keyspace.hold_keys(keys, database, worker, moment);
            let mut deferred = VecDeque::new();
            self.serve_key(&mut access, (database, &key), None, &mut deferred);
            effects.append(access.take_effects());
            // What was taken from one list may have to go into another.
            effects.append(self.conclude(access, worker, moment));
            for Deferred { database, key, destination, waiter } in deferred {
                let keys = [&*key, &*destination].into_iter();
                let mut access = self.keyspace.hold_keys(keys, database, worker, moment);
                self.serve_key(&mut access, (database, &key), Some(waiter), &mut VecDeque::new());
                effects.append(self.conclude(access, worker, moment));
            }
        }
        effects
    }

    /// Serves until nothing that was changed has anybody waiting for it who could be served.
    fn serve_modified(
        &self,
        access: &mut Access<'_>,
        effects: &mut Effects,
        deferred: &mut VecDeque<Deferred>,
    ) {
        loop {
            let new = access.take_effects();
            if new.is_empty() {
                return;
            }
            if self.blocked.len() > 0 {
                for modified in &new.modified {
                    self.serve_key(access, (modified.database, &modified.key), None, deferred);
                }
            }
            effects.append(new);
        }
    }

    /// Serves those that wait for a key, from `from` on where that is given.
    fn serve_key(
        &self,
        access: &mut Access<'_>,
        (database, key): (usize, &[u8]),
        from: Option<WaiterId>,
        deferred: &mut VecDeque<Deferred>,
    ) {
        let selected = access.database();
        let waiters = access.waiters(database, key);
        let start = from.and_then(|from| waiters.iter().position(|&waiter| waiter == from));
        for &waiter in &waiters[start.unwrap_or(0)..] {
            let Some(blocked) = self.blocked.find(waiter) else { continue };
            if let Some(destination) = blocked.destination()
                && !access.holds(destination)
            {
                let (key, destination) = (key.into(), destination.into());
                deferred.push_back(Deferred { database, key, destination, waiter });
                break;
            }
            access.select(database);
            blocked.serve(access, key);
        }
        access.select(selected);
    }
}
