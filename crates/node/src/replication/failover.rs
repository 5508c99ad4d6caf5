//! FAILOVER: the primary hands over to one of its replicas, and follows it.
//!
//! Writes wait until the replica has everything; then the node asks it to take over (PSYNC with FAILOVER), and writes that have waited are told that this is
//! a replica now. Whatever goes wrong before that ends with the primary as it was.

use super::Primary;
use super::replica::Replica;
use crate::event::Event;
use crate::node::Node;
use crate::pause::WaitReason;
use crate::session::Context;
use crate::worker::Now;
use base::{Monotonic, number};
use commands::{CommandError, Outcome};
use engine::WorkerId;
use resp::{Args, Reply};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

/// A failover that goes on.
#[derive(Clone, Debug)]
pub(super) struct Failover {
    /// To whom; to whoever is there first, where that was not said.
    target: Option<(String, u16)>,
    /// When it is given up, or forced.
    deadline: Option<Monotonic>,
    is_forced: bool,
    /// Whether the target has been asked to take over.
    is_in_progress: bool,
    /// It has been, and nothing was heard of that: it may have taken over.
    is_unanswered: bool,
}

/// What a primary replies that is asked to take over.
const IS_PRIMARY: &str = "PSYNC FAILOVER can't be sent to a master";

/// The target is nobody who follows.
const NO_REPLICA: CommandError =
    CommandError::Text("ERR FAILOVER target HOST and PORT is not a replica.");

/// `FAILOVER [TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]`.
pub(super) fn failover(
    context: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let node = context.node;
    if node.cluster.is_some() {
        return Err(CommandError::Text(
            "ERR FAILOVER not allowed in cluster mode. Use CLUSTER FAILOVER command instead.",
        ));
    }
    if args.len() == 2 && args[1].eq_ignore_ascii_case(b"abort") {
        if !node.abort_failover("Failover manually aborted", (context.worker, context.now)) {
            return Err(CommandError::Text("ERR No failover in progress."));
        }
        reply.ok();
        return Ok(());
    }
    let failover = parse(args, context.now.monotonic)?;
    node.begin_failover(failover, context.worker, context.now)?;
    context.events.append(&mut node.take_replication_events());
    reply.ok();
    Ok(())
}

fn parse(args: Args<'_>, now: Monotonic) -> Result<Failover, CommandError> {
    let mut failover = Failover {
        target: None,
        deadline: None,
        is_forced: false,
        is_in_progress: false,
        is_unanswered: false,
    };
    let mut index = 1;
    while index < args.len() {
        let left = args.len() - index - 1;
        let is = |name: &str| args[index].eq_ignore_ascii_case(name.as_bytes());
        if is("timeout") && left >= 1 && failover.deadline.is_none() {
            let millis = number::parse_i64(&args[index + 1]).ok_or(CommandError::NotInteger)?;
            let millis = u64::try_from(millis).ok().filter(|&millis| millis > 0);
            let millis =
                millis.ok_or(CommandError::Text("ERR FAILOVER timeout must be greater than 0"))?;
            failover.deadline = Some(now + Duration::from_millis(millis));
            index += 2;
        } else if is("to") && left >= 2 && failover.target.is_none() {
            let host = String::from_utf8_lossy(&args[index + 1]).into_owned();
            let port = number::parse_i64(&args[index + 2]).ok_or(CommandError::NotInteger)?;
            failover.target = Some((host, u16::try_from(port).map_err(|_| NO_REPLICA)?));
            index += 3;
        } else if is("force") && !failover.is_forced {
            failover.is_forced = true;
            index += 1;
        } else {
            return Err(CommandError::Syntax);
        }
    }
    Ok(failover)
}

impl Node {
    fn begin_failover(&self, failover: Failover, worker: WorkerId, now: Now) -> Outcome {
        let error = |text| Err(CommandError::Text(text));
        if self.replication.failover.lock().is_some() {
            return error("ERR FAILOVER already in progress.");
        }
        if self.replication.is_replica() {
            return error("ERR FAILOVER is not valid when server is a replica.");
        }
        let replicas = self.replication.state.lock().replicas.clone();
        if replicas.is_empty() {
            return error("ERR FAILOVER requires connected replicas.");
        }
        if failover.is_forced && (failover.deadline.is_none() || failover.target.is_none()) {
            return error(
                "ERR FAILOVER with force option requires both a timeout and target HOST and IP.",
            );
        }
        if let Some(target) = &failover.target {
            match replicas.iter().find(|one| one.address() == *target) {
                None => return Err(NO_REPLICA),
                Some(one) if !one.is_online() => {
                    return error("ERR FAILOVER target replica is not online.");
                }
                Some(_) => {}
            }
        }
        *self.replication.failover.lock() = Some(failover);
        self.replication.tell(Event::Replication { message: "FAILOVER requested.".to_owned() });
        self.pause.hold_writes(WaitReason::Failover, true);
        // Whoever writes at this moment has done so when this has held everything.
        drop(self.keyspace.hold_all(0, worker, engine::Moment::at(now.wall)));
        self.ask_for_acknowledgements(worker);
        self.advance_failover(worker, now);
        Ok(())
    }

    /// Hands over where the replica has everything, or gives up where it takes too long.
    pub(super) fn advance_failover(&self, worker: WorkerId, now: Now) {
        let Some(failover) = self.replication.failover.lock().clone() else { return };
        if failover.is_in_progress {
            return;
        }
        let end = self.replication_offset();
        let is_meant = |one: &&Arc<Replica>| {
            failover.target.as_ref().is_none_or(|target| one.address() == *target)
        };
        let has_all = |one: &&Arc<Replica>| one.is_online() && one.acknowledged.load(SeqCst) == end;
        let replicas = self.replication.state.lock().replicas.clone();
        let target = replicas.iter().filter(is_meant).find(has_all).map(|one| one.address());
        let is_late = failover.deadline.is_some_and(|deadline| deadline <= now.monotonic);
        let forced = failover.target.clone().filter(|_| is_late && failover.is_forced);
        if let (None, Some((host, port))) = (&target, &forced) {
            self.replication.tell(Event::Replication {
                message: format!("Failover to {host}:{port} time out exceeded, failing over."),
            });
        }
        let target = target.or(forced);
        let Some(target) = target else {
            if is_late {
                self.abort_failover("Replica never caught up before timeout", (worker, now));
            }
            return;
        };
        if let Some(one) = &mut *self.replication.failover.lock() {
            one.is_in_progress = true;
        }
        self.replication.tell(Event::Replication {
            message: format!(
                "Failover target is {}:{}: it is asked to take over.",
                target.0, target.1
            ),
        });
        if self.demote(target, worker).is_err() {
            self.abort_failover("Data are being loaded", (worker, now));
        }
    }

    /// Whether the primary that is followed is to be asked to take over.
    pub(super) fn hands_over(&self) -> bool {
        self.replication.failover.lock().as_ref().is_some_and(|one| one.is_in_progress)
    }

    /// Whether a failover goes on.
    pub(super) fn fails_over(&self) -> bool {
        self.replication.failover.lock().is_some()
    }

    /// The primary that is followed is now asked to take over, where it has to; whether it was before, and nothing was heard of that.
    pub fn note_takeover_asked(&self) -> bool {
        let mut failover = self.replication.failover.lock();
        let Some(one) = failover.as_mut().filter(|one| one.is_in_progress) else { return false };
        std::mem::replace(&mut one.is_unanswered, true)
    }

    /// It cannot tell now whether it takes over: it has not.
    pub fn note_takeover_put_off(&self) {
        if let Some(one) = &mut *self.replication.failover.lock() {
            one.is_unanswered = false;
        }
    }

    /// The primary that is followed sends its data or its stream: where it was asked to take over, it has.
    pub fn note_takeover(&self, primary: &Primary) {
        if self.follows(primary) && self.replication.failover.lock().take().is_some() {
            self.resume_writes();
        }
    }

    /// The target replies with an error. Where `may_have` it has taken over before, and says so, the node follows it; else the node is the primary that it was.
    pub fn note_refused_takeover(
        &self,
        primary: &Primary,
        may_have: bool,
        reply: &str,
        by: (WorkerId, Now),
    ) {
        if may_have && reply.contains(IS_PRIMARY) {
            self.note_takeover(primary);
        } else if self.hands_over() && self.follows(primary) {
            self.abort_failover("Failover target rejected psync request", by);
        }
    }

    /// Gives up a failover, and follows nobody; whether there was one.
    fn abort_failover(&self, reason: &str, by: (WorkerId, Now)) -> bool {
        let Some(failover) = self.replication.failover.lock().take() else { return false };
        if failover.is_in_progress && self.promote(by).is_err() {
            *self.replication.failover.lock() = Some(failover);
            return false;
        }
        self.replication
            .tell(Event::Replication { message: format!("Aborting failover: {reason}") });
        self.resume_writes();
        true
    }

    fn resume_writes(&self) {
        self.pause.hold_writes(WaitReason::Failover, false);
        self.wake_paused();
    }

    /// How far a failover is, as INFO tells it.
    pub(crate) fn failover_state(&self) -> &'static str {
        match &*self.replication.failover.lock() {
            None => "no-failover",
            Some(one) if one.is_in_progress => "failover-in-progress",
            Some(_) => "waiting-for-sync",
        }
    }
}
