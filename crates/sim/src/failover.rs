//! Runs with replicas and clients: primaries fail, replicas take over, and what was acknowledged is looked for.
//!
//! *One at a time*: one node or link fails, the cluster is whole again, then the next. With `write-acks 1` nothing
//! that was acknowledged may be missing then; slots are served again within [`SERVED_TIMEOUTS`] although whoever
//! failed still does, and within [`WHOLE_TIMEOUTS`] of its return the cluster is as it was.
//!
//! *Storms*: anything, at any time, several at once. Writes may be lost; no other rule may break, and in the end
//! the cluster heals.

use crate::checker::Violation;
use crate::network::Weather;
use crate::scenario::{Plan, agreed, form, rough_weather, split};
use crate::world::data::Found;
use crate::world::{PORT, World};
use base::{Rng, Slot};
use cluster::{Machine, Takeover};
use std::time::Duration;

/// The shape of the cluster.
pub(crate) const SHARDS: usize = 3;

/// How long a cluster may take to form.
const FORMING: Duration = Duration::from_secs(20);

/// In how many node timeouts all slots are served again while one node fails.
const SERVED_TIMEOUTS: u32 = 4;

/// In how many node timeouts after its return, or after the end of a storm, the cluster is whole.
const WHOLE_TIMEOUTS: u32 = 8;

/// How often is looked whether something holds again.
const STEP: Duration = Duration::from_millis(100);

/// How a storm or a failure strikes: a failure's choices are its own, so that leaving another one out does not
/// change them.
pub(crate) fn choices(seed: u64, nth: usize) -> Rng {
    let mut rng = Rng::from_seed(seed ^ (nth as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    rng.fork()
}

/// One run.
pub(crate) struct Run<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) plan: &'a Plan,
    pub(crate) seed: u64,
    pub(crate) write_acks: usize,
}

impl Run<'_> {
    fn timeouts(&self, count: u32) -> Duration {
        self.plan.node_timeout * count
    }

    fn wait(&mut self, span: Duration) -> Result<(), Violation> {
        self.world.run_until(self.world.elapsed() + span)
    }

    /// Runs until there is no reason against it any more.
    fn until(
        &mut self,
        what: &str,
        patience: Duration,
        why_not: impl Fn(&World) -> Option<String>,
    ) -> Result<(), Violation> {
        let ends = self.world.elapsed() + patience;
        while let Some(why) = why_not(self.world) {
            if self.world.elapsed() >= ends {
                return Err(Violation(format!("not {what} within {patience:?}: {why}")));
            }
            self.wait(STEP)?;
        }
        Ok(())
    }

    /// The first nodes are primaries, the others their replicas in turn.
    fn form(&mut self) -> Result<(), Violation> {
        form(self.world, SHARDS, true)?;
        let nodes = self.world.nodes.len();
        for node in 0..nodes {
            let config = &mut self.world.nodes[node].config;
            config.leases = self.write_acks > 0;
            let config = config.clone();
            self.world.operate(node, |machine, now| machine.reconfigure(now, config));
        }
        for node in SHARDS..nodes {
            let ip = World::ip(node).to_string();
            let _ =
                self.world.operate(0, |machine, now| machine.meet(now, &ip, i64::from(PORT), None));
        }
        let knows_all = |world: &World| {
            let mut machines = world.nodes.iter().filter_map(|node| node.machine.as_ref());
            let met = machines.all(|one| one.known_nodes() == nodes) && world.survivors_agree();
            (!met).then(|| "not everybody knows everybody".to_owned())
        };
        self.until("met", FORMING, knows_all)?;
        for node in SHARDS..nodes {
            let primary = self.world.nodes[node % SHARDS].id;
            let joined =
                self.world.operate(node, |machine, now| machine.replicate(now, primary, false));
            if let Some(Err(error)) = joined {
                return Err(Violation(format!("replicating: {error}")));
            }
        }
        self.until("formed", FORMING, whole)?;
        self.world.checker.check_elections(SHARDS / 2 + 1);
        let slots =
            (0..SHARDS).filter_map(|nth| Slot::new((nth * base::SLOT_COUNT / SHARDS) as u16));
        self.world.let_clients_write(slots.collect(), self.write_acks);
        Ok(())
    }

    fn look_for_lost(&mut self, may_lose: bool) -> Result<(), Violation> {
        let lost = self.world.lost_writes();
        if !lost.is_empty() && (!may_lose || self.write_acks > 0) {
            let (count, first) = (lost.len(), lost[0]);
            let (id, slot) = (first.id, first.slot);
            return Err(Violation(format!(
                "{count} acknowledged writes are lost, the first of them {id} in slot {slot}"
            )));
        }
        self.world.lost += lost.len() as u64;
        self.world.checker.give_up(&lost);
        Ok(())
    }

    /// One failure after the other.
    pub(crate) fn one_at_a_time(&mut self) -> Result<(), Violation> {
        self.form()?;
        let mut rng = self.world.rng.fork();
        let jitter_us = [2_000, 20_000, 80_000][rng.below(3) as usize];
        self.world.weather = Weather { jitter_us, ..Weather::FAIR };
        for nth in 0.. {
            if self.world.elapsed() >= self.plan.length {
                break;
            }
            // Until then what was cut off for a moment may still be found failing.
            self.wait(self.plan.node_timeout)?;
            self.until("whole", self.timeouts(WHOLE_TIMEOUTS), whole)?;
            if self.plan.without.contains(&nth) {
                continue;
            }
            let mut rng = choices(self.seed, nth);
            let node = rng.below(self.world.nodes.len() as u64) as usize;
            // Primaries are the ones that matter.
            let shard = rng.below(SHARDS as u64) as usize;
            let primary = self.world.server_of(self.world.clients.slots[shard]);
            let node = primary.filter(|_| rng.percent(70)).unwrap_or(node);
            let may_lose = self.fail(nth, node, &mut rng)?;
            self.until("whole", self.timeouts(WHOLE_TIMEOUTS), whole)?;
            self.look_for_lost(may_lose)?;
        }
        Ok(())
    }

    /// Slots are served although `failing` fails.
    fn served_without(&mut self, failing: usize) -> Result<(), Violation> {
        self.until("served", self.timeouts(SERVED_TIMEOUTS), |world| {
            let slots = world.clients.slots.iter();
            let unserved =
                slots.filter(|slot| world.server_of(**slot).is_none_or(|server| server == failing));
            let slot = unserved.copied().next()?;
            Some(format!("slot {slot} is not served by anybody but node {failing}"))
        })
    }

    /// One thing fails, and is over when this returns. Tells whether `write-acks 0` may lose what was written.
    fn fail(&mut self, nth: usize, node: usize, rng: &mut Rng) -> Result<bool, Violation> {
        let nodes = self.world.nodes.len();
        let other = (node + 1 + rng.below(nodes as u64 - 1) as usize) % nodes;
        let timeout_ms = self.plan.node_timeout.as_millis() as u64;
        let what = rng.below(10);
        let long = rng.percent(60);
        let span_ms = if long { (4 + rng.below(2)) * timeout_ms } else { rng.below(timeout_ms) };
        let span = Duration::from_millis(span_ms);
        let name = [
            "dies",
            "dies",
            "dies, and has a new epoch that its replicas do not know",
            "stands still",
            "is cut off",
            "hears nothing",
            "is not heard",
            "loses a link",
            "has its clock set",
            "changes roles by hand",
        ][what as usize];
        self.world.mark(node, || format!("-- {nth}: node {node} {name}, for {span:?}"));
        if rng.percent(40) {
            // A clock that is set is no failure: it may come with one.
            self.world.jump_clock(other, rng.below(20_000) as i64 - 10_000);
        }
        let served = |run: &mut Self| if long { run.served_without(node) } else { Ok(()) };
        let begun = self.world.elapsed();
        match what {
            0..=2 => {
                let found = [Found::Kept, Found::Placeless, Found::Old, Found::Nothing];
                let found = found[rng.below(4) as usize];
                if what == 2 {
                    self.bump_unheard(node, rng)?;
                }
                self.world.crash(node);
                served(self)?;
                self.world.run_until(begun + span)?;
                self.world.mark(node, || format!("-- node {node} returns with its data {found:?}"));
                self.world.restart(node, found);
            }
            3 => {
                self.world.pause(node, span);
                served(self)?;
                self.world.run_until(begun + span)?;
            }
            4..=6 => {
                for peer in (0..nodes).filter(|peer| *peer != node) {
                    if what != 5 {
                        self.world.reach.cut(node, peer);
                    }
                    if what != 6 {
                        self.world.reach.cut(peer, node);
                    }
                }
                served(self)?;
                self.world.run_until(begun + span)?;
                self.world.mark(node, || format!("-- node {node} is reached again"));
                self.world.reach.heal();
            }
            7 => {
                self.world.reach.cut(node, other);
                if rng.percent(50) {
                    self.world.reach.cut(other, node);
                }
                self.world.run_until(begun + span)?;
                self.world.reach.heal();
                self.world.break_stream(node);
            }
            8 => {
                let by_ms = rng.below(20_000) as i64 - 10_000;
                self.world.jump_clock(node, by_ms);
                let before = self.world.greatest_epoch();
                self.world.run_until(begun + self.timeouts(2))?;
                if self.world.greatest_epoch() != before {
                    return Err(Violation("a clock was set, and roles changed".to_owned()));
                }
                return Ok(false);
            }
            _ => {
                let slot = self.world.clients.slots[rng.below(SHARDS as u64) as usize];
                self.by_hand(slot, rng)?;
                return Ok(false);
            }
        }
        Ok(what != 7)
    }

    /// A primary takes an epoch of which the others hear, but not its replicas.
    fn bump_unheard(&mut self, node: usize, rng: &mut Rng) -> Result<(), Violation> {
        for peer in 0..self.world.nodes.len() {
            let machine = self.world.nodes[peer].machine.as_ref();
            if machine.is_some_and(Machine::is_replica) {
                self.world.reach.cut(node, peer);
            }
        }
        self.world.operate(node, |machine, now| {
            if !machine.is_replica() {
                machine.bump_epoch(now);
            }
        });
        self.wait(Duration::from_millis(1_000 + rng.below(1_000)))?;
        self.world.reach.heal();
        Ok(())
    }

    /// An operator has a replica take over from a primary that runs.
    fn by_hand(&mut self, slot: Slot, rng: &mut Rng) -> Result<(), Violation> {
        let Some(primary) = self.world.server_of(slot) else { return Ok(()) };
        let led = |node: &usize| self.world.nodes[*node].data.leader == Some(primary);
        let replicas: Vec<usize> = (0..self.world.nodes.len()).filter(led).collect();
        let replica = replicas[rng.below(replicas.len() as u64) as usize];
        self.world.mark(replica, || format!("-- CLUSTER FAILOVER of node {replica}"));
        let done =
            self.world.operate(replica, |machine, now| machine.fail_over(now, Takeover::Agreed));
        if let Some(Err(error)) = done {
            return Err(Violation(format!("CLUSTER FAILOVER in a whole cluster: {error}")));
        }
        self.until("served by the replica that was chosen", self.timeouts(2), |world| {
            let server = world.server_of(slot);
            (server != Some(replica)).then(|| format!("slot {slot} is served by {server:?}"))
        })
    }

    /// Anything, at any time.
    pub(crate) fn storm(&mut self) -> Result<(), Violation> {
        self.form()?;
        self.world.weather = rough_weather(self.world);
        let healing = self.timeouts(WHOLE_TIMEOUTS);
        let calm = self.plan.length.saturating_sub(healing);
        for nth in 0.. {
            if self.world.elapsed() >= calm {
                break;
            }
            let mut rng = choices(self.seed, nth);
            if !self.plan.without.contains(&nth) {
                self.disturb(nth, &mut rng, calm);
            }
            let pause = Duration::from_millis(200 + rng.below(3_000));
            self.world.run_until((self.world.elapsed() + pause).min(calm))?;
        }
        self.world.mark(0, || "-- left alone from here".to_owned());
        self.world.reach.heal();
        self.world.weather = Weather::FAIR;
        for node in 0..self.world.nodes.len() {
            self.world.restart(node, Found::Kept);
        }
        self.until("healed", healing, whole)?;
        // What was cut off for a moment at the end may have been found failing since.
        self.wait(self.plan.node_timeout)?;
        self.until("healed", healing, whole)?;
        let lost = self.world.lost_writes();
        self.world.lost += lost.len() as u64;
        self.wait(self.plan.node_timeout)?;
        agreed(self.world, "at the end")
    }

    fn disturb(&mut self, nth: usize, rng: &mut Rng, calm: Duration) {
        let nodes = self.world.nodes.len();
        let node = rng.below(nodes as u64) as usize;
        let other = rng.below(nodes as u64) as usize;
        let what = rng.below(14);
        self.world
            .mark(node, || format!("-- {nth}: disturbance {what}, node {node}, node {other}"));
        match what {
            0 | 1 => self.world.crash(node),
            2..=4 => {
                let found = [Found::Kept, Found::Placeless, Found::Old, Found::Nothing];
                self.world.restart(node, found[rng.below(4) as usize]);
            }
            5 => {
                let span_ms = rng.below(3 * self.plan.node_timeout.as_millis() as u64);
                let left = calm.saturating_sub(self.world.elapsed());
                self.world.pause(node, Duration::from_millis(span_ms).min(left));
            }
            6 if node != other => self.world.reach.cut(node, other),
            7 => split(self.world, nodes, rng),
            8 | 9 => self.world.reach.heal(),
            10 => self.world.break_link(node),
            11 => self.world.break_stream(node),
            12 => self.world.jump_clock(node, rng.below(20_000) as i64 - 10_000),
            _ => {
                let how = if rng.percent(50) { Takeover::Agreed } else { Takeover::Forced };
                let _ = self.world.operate(node, |machine, now| machine.fail_over(now, how));
            }
        }
    }
}

/// Why a cluster is not as it is to be: all views agree, replicas are in step.
fn whole(world: &World) -> Option<String> {
    world.out_of_step().or_else(|| world.out_of_shard()).or_else(|| world.disagreement())
}
