//! What the cluster says about whom to follow, carried out.
//!
//! The machine orders it while its lock is held; a change of roles waits for the stretch of a stream that is being applied, which may ask the
//! machine something. So the order is kept, and whoever holds nothing carries it out: the last one, for the ones before are over then.

use super::ClusterNode;
use crate::node::Node;
use crate::worker::Now;
use base::NodeId;
use cluster::{Data, Leader};
use engine::{Moment, WorkerId};
use parking_lot::Mutex;

/// What the machine has ordered.
#[derive(Clone, Copy, Debug)]
pub(super) enum RoleOrder {
    /// Be a replica.
    Follow(Leader),
    /// Follow nobody, and keep the data.
    Promote,
    /// Follow nobody, and have no keys.
    StandAlone,
}

/// The order that was not carried out yet, and whom the node follows.
#[derive(Default)]
pub(super) struct Roles {
    order: Mutex<Option<RoleOrder>>,
    /// Held while one is carried out.
    carrying: Mutex<()>,
    leader: Mutex<Option<NodeId>>,
}

impl Roles {
    /// The node follows this primary from its start on.
    pub(super) fn starting_with(leader: Option<Leader>) -> Roles {
        Roles { leader: Mutex::new(leader.map(|leader| leader.id)), ..Roles::default() }
    }

    pub(super) fn order(&self, order: RoleOrder) {
        *self.order.lock() = Some(order);
    }

    /// What the machine has to know of the data.
    pub(super) fn data(&self, node: &Node) -> Data {
        let leader = *self.leader.lock();
        let (offset, heard) = node.stream_standing();
        let has_keys = offset == 0 && node.keyspace.totals(0).keys > 0;
        Data { offset, has_keys, fed_by: leader.filter(|_| node.was_link_up()), heard }
    }
}

impl ClusterNode {
    /// Whether the machine has ordered a role that the node does not have yet.
    #[must_use]
    pub fn awaits_role(&self) -> bool {
        self.roles.order.lock().is_some()
    }

    /// Has the node the role that the machine has ordered. To be called when nothing is held; where data are being loaded, and roles do not change, again later: false then.
    pub fn settle_role(&self, node: &Node, worker: WorkerId, now: Now) -> bool {
        let carrying = self.roles.carrying.lock();
        let Some(order) = self.roles.order.lock().take() else { return true };
        let done = match order {
            RoleOrder::Follow(leader) => {
                let place = (leader.ip.to_string(), leader.port);
                let follows = node.replication.following.follows(&place.0, place.1);
                *self.roles.leader.lock() = None;
                let done = if follows { Ok(()) } else { node.demote(place, worker) };
                if done.is_ok() {
                    *self.roles.leader.lock() = Some(leader.id);
                }
                done
            }
            RoleOrder::Promote | RoleOrder::StandAlone => {
                *self.roles.leader.lock() = None;
                node.promote((worker, now)).map(|_| ())
            }
        };
        if done.is_err() {
            // Unless there is a later one.
            self.roles.order.lock().get_or_insert(order);
            return false;
        }
        drop(carrying);
        match order {
            RoleOrder::Follow(_) => {}
            RoleOrder::Promote => {
                let now = cluster::Now { monotonic: now.monotonic, wall: now.wall };
                self.operate(node, worker, |machine| machine.promoted(now));
            }
            RoleOrder::StandAlone => node.drop_all_keys(worker, now),
        }
        true
    }
}

impl Node {
    /// Has no keys from here on, as after FLUSHALL.
    fn drop_all_keys(&self, worker: WorkerId, now: Now) {
        let moment = Moment::at(now.wall);
        let mut all = self.keyspace.hold_all(0, worker, moment);
        let flushed = all.reach().flush(None, worker);
        all.log([&b"FLUSHALL"[..]].into_iter());
        self.log_effects(worker, &mut all);
        self.conclude(all, worker, moment, None);
        self.keyspace.tally(worker).count_changes(flushed.keys());
        self.flushed.lock().push(flushed);
        self.tracking.invalidate_all();
        self.announce_log(worker);
    }
}
