//! Whether the cluster is ok, as seen from here: are all slots served, and is this node on the majority's
//! side?
//!
//! A primary that has heard from less than a majority within the node timeout stops at once. That is earlier
//! than the failure detector, which waits for the answer to a ping, and earlier than the majority can elect
//! somebody else for its slots.

use crate::limits::TICK;
use crate::machine::{LogLevel, Machine, Output};
use crate::nodes::MYSELF;
use crate::wire::NodeFlags;
use base::Monotonic;
use std::fmt;
use std::time::Duration;

/// A primary stays down this long after its start, so that it hears of a failover it missed.
pub(crate) const START_DELAY: Duration = Duration::from_secs(2);

/// The bounds of the time that a primary stays down after it was in a minority.
const REJOIN_DELAY_MIN: Duration = Duration::from_millis(500);
const REJOIN_DELAY_MAX: Duration = Duration::from_secs(5);

/// The cluster as seen from one node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClusterState {
    /// Commands are served.
    Ok,
    /// They are refused.
    Fail,
}

impl fmt::Display for ClusterState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ClusterState::Ok => "ok",
            ClusterState::Fail => "fail",
        })
    }
}

/// What the delays before "ok" count from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StateClock {
    started: Monotonic,
    in_minority: Option<Monotonic>,
}

impl StateClock {
    pub(crate) fn new(started: Monotonic) -> StateClock {
        StateClock { started, in_minority: None }
    }

    pub(crate) fn started(&self) -> Monotonic {
        self.started
    }
}

impl Machine {
    /// Whether this node started too short a time ago to serve or vote.
    pub(crate) fn just_started(&self) -> bool {
        self.now.monotonic.since(self.state_clock.started) < START_DELAY
    }

    pub(crate) fn update_state(&mut self) {
        let is_primary = self.nodes[MYSELF].is_primary();
        let is_unsure = self.just_started() || self.is_asking();
        if self.state == ClusterState::Fail && is_primary && is_unsure {
            return;
        }
        let now = self.now.monotonic;
        let in_majority = self.in_majority();
        if !in_majority {
            self.state_clock.in_minority = Some(now);
        }
        let state =
            if in_majority && self.covered() { ClusterState::Ok } else { ClusterState::Fail };
        if state == self.state {
            return;
        }
        if state == ClusterState::Ok {
            let delay = self.node_timeout().clamp(REJOIN_DELAY_MIN, REJOIN_DELAY_MAX);
            let since = self.state_clock.in_minority.filter(|_| is_primary);
            if since.is_some_and(|since| now.since(since) < delay) {
                return;
            }
        }
        self.state = state;
        self.pending.view = true;
        self.log(LogLevel::Notice, || format!("Cluster state changed: {state}"));
        self.output(Output::StateChanged(state));
    }

    /// Whether every slot is served, where that is asked for. An owner that only we believe to fail counts
    /// as serving.
    fn covered(&self) -> bool {
        !self.config.require_full_coverage
            || self.slots.unowned() == 0
                && !self
                    .nodes
                    .iter()
                    .any(|(_, node)| node.is(NodeFlags::FAIL) && node.slot_count > 0)
    }

    /// Whether a majority of the voting primaries, this node among them, was heard of within the node
    /// timeout and is not believed to fail. The next look comes a tick later, so the tick counts already.
    fn in_majority(&self) -> bool {
        let patience = self.node_timeout().saturating_sub(TICK);
        let (mut voting, mut reachable) = (0usize, 0usize);
        for (index, node) in self.nodes.iter().filter(|(_, node)| node.votes()) {
            voting += 1;
            let heard = index == MYSELF
                || node.last_seen().is_some_and(|at| self.now.monotonic.since(at) <= patience);
            reachable += usize::from(heard && !node.is_unreachable());
        }
        reachable > voting / 2 || voting == 0
    }
}
