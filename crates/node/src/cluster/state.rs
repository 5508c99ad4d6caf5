//! The bus's state machine as a node keeps it: behind a lock, with what it puts out carried as far as a node can.
//!
//! # Invariants
//!
//! 1. Outputs are carried out in their order: a packet is queued for sending only after the `nodes.conf` that it relies on is on disk.
//! 2. Whether a slot is served stands in the slot itself, and is brought up to date before the machine's lock is released.
//! 3. Keys of a slot that was lost are dropped when nothing serves the slot any more: a command that has found it served, in the
//!    slot or in the view, holds its lock until it is done.

use super::role::{RoleOrder, Roles};
use crate::node::Node;
use crate::pause::WaitReason;
use crate::pubsub::Channels;
use crate::tracking::Tracking;
use cluster::{KeySlots, Machine, Output, Presence, Request, View};
use engine::{Keyspace, WorkerId};
use parking_lot::{Mutex, RwLock};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// The most outputs that wait for the bus's sockets; beyond it packets are dropped, as a full link would drop them.
const QUEUE_MAX: usize = 4 * cluster::limits::OUTPUTS_MAX;

/// A node's side of the cluster.
pub struct ClusterNode {
    machine: Mutex<Machine>,
    view: RwLock<Arc<View>>,
    channels: Arc<Channels>,
    tracking: Arc<Tracking>,
    /// What the bus's sockets have to do.
    queue: Mutex<VecDeque<Output>>,
    pub(super) roles: Roles,
    /// The machine's [`Machine::is_asking`].
    is_asking: AtomicBool,
}

impl ClusterNode {
    /// The cluster side of a node. No slot is served until [`ClusterNode::operate`] has run once.
    #[must_use]
    pub fn new(
        machine: Machine,
        keyspace: &Keyspace,
        channels: Arc<Channels>,
        tracking: Arc<Tracking>,
    ) -> ClusterNode {
        let roles = Roles::starting_with(machine.leader());
        let is_asking = machine.is_asking();
        base::Slot::all().for_each(|slot| keyspace.set_serves(slot, false));
        ClusterNode {
            machine: Mutex::new(machine),
            view: RwLock::new(Arc::new(View::empty())),
            channels,
            tracking,
            queue: Mutex::default(),
            roles,
            is_asking: AtomicBool::new(is_asking),
        }
    }

    /// Runs `step` on the machine and carries out what it puts out.
    pub fn operate<T>(
        &self,
        node: &Node,
        worker: WorkerId,
        step: impl FnOnce(&mut Machine) -> T,
    ) -> T {
        let Node { keyspace, host, .. } = node;
        let data = self.roles.data(node);
        let mut machine = self.machine.lock();
        machine.report_data(data);
        let result = step(&mut machine);
        let (mut queued, mut lost_keys) = (false, false);
        while let Some(output) = machine.poll_output() {
            match output {
                Output::SaveConfig { fsync } => {
                    if let Err(error) = host.save_nodes_conf(&machine.nodes_conf(), fsync) {
                        host.abandon(&format!("Fatal: can't update cluster config file: {error}"));
                    }
                }
                Output::ViewChanged | Output::StateChanged(_) => {
                    self.adopt_view(machine.view(), node);
                }
                Output::Follow(leader) => {
                    self.roles.order(RoleOrder::Follow(leader));
                    queued = true;
                }
                Output::Promote => {
                    self.roles.order(RoleOrder::Promote);
                    queued = true;
                }
                Output::StandAlone => {
                    self.roles.order(RoleOrder::StandAlone);
                    queued = true;
                }
                Output::PauseWrites => {
                    node.pause.hold_writes(WaitReason::Yielding, true);
                    // What was let in before and has not written when this returns does not any more.
                    node.renew_logging(worker);
                    machine.report_data(self.roles.data(node));
                    let now = machine.now();
                    machine.writes_paused(now);
                }
                Output::ResumeWrites => {
                    node.pause.hold_writes(WaitReason::Yielding, false);
                    node.renew_logging(worker);
                    node.wake_paused();
                }
                Output::Leased(lease) => node.note_lease(lease, machine.now().monotonic),
                Output::DropKeysInSlot(slot) => {
                    self.adopt_view(machine.view(), node);
                    let mut tell = |effects: &_| node.tell_each(worker, slot, effects);
                    keyspace.flush_slot(slot, worker, &mut tell);
                    lost_keys = true;
                }
                Output::Deliver { sharded: false, channel, message } => {
                    self.channels.publish(&channel, &message);
                }
                Output::Deliver { sharded: true, channel, message } => {
                    self.channels.publish_to_shard(&channel, &message);
                }
                Output::Connect { .. }
                | Output::CloseLink { .. }
                | Output::Send { .. }
                | Output::Log(..) => {
                    self.enqueue(output);
                    queued = true;
                }
            }
        }
        self.is_asking.store(machine.is_asking(), SeqCst);
        if lost_keys {
            self.tracking.invalidate_all();
        }
        if queued {
            host.wake_bus();
        }
        result
    }

    /// Whether a replica may have more than is here: nobody may take it over from here before that is known.
    #[must_use]
    pub(crate) fn is_asking(&self) -> bool {
        self.is_asking.load(SeqCst)
    }

    /// Asks the machine without changing anything that has to be carried out.
    pub fn ask<T>(&self, question: impl FnOnce(&mut Machine) -> T) -> T {
        question(&mut self.machine.lock())
    }

    /// Who owns what at this moment.
    #[must_use]
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read())
    }

    /// The next thing for the bus's sockets to do.
    pub fn poll_bus(&self) -> Option<Output> {
        self.queue.lock().pop_front()
    }

    fn enqueue(&self, output: Output) {
        let mut queue = self.queue.lock();
        let may_be_lost = matches!(output, Output::Send { .. } | Output::Log(..));
        if queue.len() < QUEUE_MAX || !may_be_lost {
            queue.push_back(output);
        }
    }

    /// The view first: a command that finds its slot not served asks the view, and must not be told of an older one.
    fn adopt_view(&self, view: Arc<View>, node: &Node) {
        if Arc::ptr_eq(&view, &self.view.read()) {
            return;
        }
        let old = std::mem::replace(&mut *self.view.write(), Arc::clone(&view));
        for slot in base::Slot::all() {
            let is_whole = || view.serves_whole(slot) && !node.leaving.any_of(slot);
            node.keyspace.settle_served(slot, is_whole);
            if old.is_mine(slot) && !view.is_mine(slot) {
                self.channels.drop_slot(slot);
            }
        }
        if node.blocked.len() > 0 {
            // Who has begun to wait while the slot was served is among them.
            node.blocked.redirect(|slot| {
                let (access, slots) = (cluster::Access::Write, KeySlots::One(slot));
                let request = Request { slots, access, asks: false, migrates: false, tls: false };
                let is_lost = old.is_mine(slot) && !view.is_mine(slot);
                let refusal = view.route(request, Presence::default).err().filter(|_| is_lost)?;
                Some(refusal.to_string())
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{Rng, Slot};
    use engine::HashSeed;

    #[test]
    fn no_slot_is_served_before_the_machine_has_said_so() {
        let keyspace = Keyspace::new(1, 1, HashSeed(1, 2));
        let (config, now) = (cluster::Config::for_port(7000), cluster::Now::default());
        let cluster = ClusterNode::new(
            Machine::new(config, Rng::from_seed(1), now),
            &keyspace,
            Arc::default(),
            Arc::default(),
        );
        assert!(!Slot::all().any(|slot| keyspace.serves(slot) || cluster.view().is_mine(slot)));
    }
}
