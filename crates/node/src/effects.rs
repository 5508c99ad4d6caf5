//! What commands did to keys, told to those who want to know.

use crate::clients::ClientId;
use crate::configuration::Tuning;
use crate::log::Unit;
use crate::node::Node;
use crate::worker::Now;
use base::Slot;
use engine::{Effects, Moment, WorkerId};

impl Node {
    /// The moment of a batch of commands, or of what a timer does: with what has to be noted for [`Node::tell`].
    pub(crate) fn moment(&self, tuning: &Tuning, now: Now) -> Moment {
        Moment {
            policy: tuning.access_policy,
            events: tuning.events,
            // A key that goes would be a change: there is none during a pause, and it is the primary's to say on a replica.
            keeps_expired: self.pause_kind().is_some() || self.replication.is_replica(),
            ..Moment::at(now.wall)
        }
    }

    /// Tells what was done, by the client `by`. Called while the slots of the keys are held, so that what is told of a key comes in the order
    /// in which it happened.
    pub(crate) fn tell(&self, effects: &Effects, by: Option<ClientId>) {
        self.tell_at_once(effects, by);
        if !effects.modified().is_empty() {
            self.tracking.broadcast(effects.modified(), by);
        }
    }

    /// The same of what happened to several keys of a slot that have nothing to do with each other, and logs it.
    pub(crate) fn tell_each(&self, by: WorkerId, slot: Slot, effects: &Effects) {
        if effects.logged().is_some_and(|commands| !commands.is_empty()) {
            self.log(by, Unit::Each, std::iter::once(slot), effects.logged(), None);
        }
        self.tell(effects, None);
    }

    /// Tells what one command of a transaction did, but for what is told of all of them together: [`Node::tell`] tells the rest.
    pub(crate) fn tell_at_once(&self, effects: &Effects, by: Option<ClientId>) {
        for event in effects.events() {
            self.channels.announce(event);
        }
        let modified = effects.untold();
        if !modified.is_empty() {
            self.tracking.invalidate(modified, by);
        }
    }
}
