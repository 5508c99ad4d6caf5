//! Serving those that wait for a key that was changed.

use crate::clients::ClientId;
use crate::node::Node;
use engine::{Access, Moment, WorkerId};
use std::collections::VecDeque;

/// A key whose first client needs the slot of another key, too.
struct Deferred {
    database: usize,
    key: Box<[u8]>,
    destination: Box<[u8]>,
}

impl Node {
    /// What is held before keys are changed, with the slots that those need who wait for them and for what they move there: nobody sees what comes to a
    /// key before them.
    pub(crate) fn hold_for_waiting<'k, 'a>(
        &'k self,
        access: Access<'k>,
        keys: impl Iterator<Item = &'a [u8]> + Clone,
        worker: WorkerId,
        moment: Moment,
    ) -> Access<'k> {
        let database = access.database();
        if !access.is_observed() || keys.clone().all(|key| access.waiters(database, key).is_empty())
        {
            return access;
        }
        let mut access = access;
        let mut keys: Vec<Box<[u8]>> = keys.map(Box::from).collect();
        loop {
            let waiters = keys.iter().flat_map(|key| access.waiters(database, key));
            let blocked: Vec<_> = waiters.filter_map(|waiter| self.blocked.find(waiter)).collect();
            let destinations = blocked.iter().filter_map(|blocked| blocked.destination());
            let known = keys.len();
            keys.extend(destinations.filter(|key| !access.holds(key)).map(Box::from));
            if keys.len() == known {
                return access;
            }
            // Slots are locked in their order, so what is held is let go. Others may come to wait meanwhile: they are looked at again.
            drop(access);
            let all = keys.iter().map(|key| &**key);
            access = self.keyspace.hold_keys(all, database, worker, moment);
        }
    }

    /// Logs what was said under `access`, tells others what was done, serves those that wait for what was changed, tells what was done for them, and
    /// releases it: what is told of a key is told in the order in which it happened.
    pub(crate) fn conclude(
        &self,
        access: Access<'_>,
        worker: WorkerId,
        moment: Moment,
        by: Option<ClientId>,
    ) {
        self.conclude_serving(access, VecDeque::new(), (worker, moment), by);
    }

    /// The same where some have been served already, of whom some are deferred.
    fn conclude_serving(
        &self,
        access: Access<'_>,
        deferred: VecDeque<Deferred>,
        (worker, moment): (WorkerId, Moment),
        by: Option<ClientId>,
    ) {
        let (mut access, mut deferred) = (access, deferred);
        self.log_effects(worker, &mut access);
        self.serve_modified(&mut access, &mut deferred, by);
        drop(access);
        while let Some(Deferred { database, key, destination }) = deferred.pop_front() {
            let keys = [&*key, &*destination].into_iter();
            let mut access = self.keyspace.hold_keys(keys, database, worker, moment);
            self.serve_key(&mut access, (database, &key), &mut deferred);
            self.serve_modified(&mut access, &mut deferred, by);
        }
    }

    /// Serves those that wait for keys of any database.
    pub(crate) fn serve_all(&self, worker: WorkerId, moment: Moment) {
        if self.blocked.len() == 0 {
            return;
        }
        for database in 0..self.keyspace.databases() {
            self.serve_database(database, worker, moment);
        }
    }

    /// Serves those that wait for keys of a database, which were exchanged or removed as a whole.
    fn serve_database(&self, database: usize, worker: WorkerId, moment: Moment) {
        for key in self.keyspace.awaited_keys(database) {
            self.serve_those_that_await((database, &key), worker, moment);
        }
    }

    /// Serves those that wait for a key that has changed, or gone, while its slot was held by somebody who could not serve them.
    pub(crate) fn serve_those_that_await(
        &self,
        (database, key): (usize, &[u8]),
        worker: WorkerId,
        moment: Moment,
    ) {
        let keys = std::iter::once(key);
        let mut access = self.keyspace.hold_keys(keys, database, worker, moment);
        let mut deferred = VecDeque::new();
        self.serve_key(&mut access, (database, key), &mut deferred);
        self.conclude_serving(access, deferred, (worker, moment), None);
    }

    /// Serves until nothing that was changed has anybody waiting for it who could be served.
    fn serve_modified(
        &self,
        access: &mut Access<'_>,
        deferred: &mut VecDeque<Deferred>,
        by: Option<ClientId>,
    ) {
        loop {
            let new = access.take_effects();
            if new.is_empty() {
                return;
            }
            self.tell(&new, by);
            if self.blocked.len() > 0 {
                for modified in new.modified() {
                    self.serve_key(access, (modified.database, &modified.key), deferred);
                }
            }
        }
    }

    /// Serves those that wait for a key, as far as the slots that are held allow: nobody is passed over for one who came later. While data are loaded nobody is
    /// served: what he got would be there again after the next start.
    fn serve_key(
        &self,
        access: &mut Access<'_>,
        (database, key): (usize, &[u8]),
        deferred: &mut VecDeque<Deferred>,
    ) {
        if access.is_loading() {
            return;
        }
        let selected = access.database();
        access.select(database);
        for waiter in access.waiters(database, key) {
            let Some(blocked) = self.blocked.find(waiter) else { continue };
            if let Some(destination) = blocked.destination()
                && !access.holds(destination)
            {
                // Where there is nothing for it by now, those behind it may be served.
                if !blocked.can_be_served(access, key) {
                    continue;
                }
                let (key, destination) = (key.into(), destination.into());
                deferred.push_back(Deferred { database, key, destination });
                break;
            }
            blocked.serve(self, access, key);
        }
        access.select(selected);
    }
}
