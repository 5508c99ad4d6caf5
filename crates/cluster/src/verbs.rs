//! What an operator orders: the CLUSTER subcommands that change something.
//!
//! Redis does not sync after a change of slots. We do: a claim that others have heard of and that its maker
//! forgets in a crash would leave slots that nobody serves and that everybody believes served.
//!
//! REPLICATE is in `replicate`, FAILOVER in `manual`, SETSLOT in `open_slots`; MIGRATESLOTS comes with atomic slot migration.

use crate::config::Config;
use crate::epochs::Bump;
use crate::error::ClusterError;
use crate::handshake::FORGET_TTL;
use crate::machine::{LogLevel, Machine, Now};
use crate::node::Address;
use crate::nodes::{MYSELF, NodeIndex};
use crate::wire::NodeFlags;
use base::{Epoch, NodeId, Slot, SlotRange};
use core::net::IpAddr;

/// How far the bus port is from the client port unless told otherwise.
const BUS_PORT_OFFSET: i64 = 10_000;

/// How thorough CLUSTER RESET is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reset {
    /// Forgets nodes and slots; keeps the id and the epochs.
    Soft,
    /// A node as if it had never been in a cluster.
    Hard,
}

impl Machine {
    /// CLUSTER MEET: begins to get to know the node at an address. Without a bus port it is the client port
    /// and 10,000.
    ///
    /// # Errors
    /// [`ClusterError`] for an address or a port that is none.
    pub fn meet(
        &mut self,
        now: Now,
        ip: &str,
        port: i64,
        bus_port: Option<i64>,
    ) -> Result<(), ClusterError> {
        let address: IpAddr = match ip.parse() {
            Ok(address) => address,
            Err(_) => return Err(ClusterError::Address(ip.to_owned(), port)),
        };
        let as_port = |number: i64| u16::try_from(number).ok().filter(|&port| port != 0);
        let client = as_port(port).ok_or(ClusterError::PortRange)?;
        let bus = as_port(bus_port.unwrap_or(port + BUS_PORT_OFFSET))
            .ok_or(ClusterError::BusPortRange)?;
        self.begin(now);
        let address = Address { ip: Some(address), port: client, tls_port: 0, bus_port: bus };
        let begun = self.begin_handshake(address, NodeFlags::MEET);
        self.finish();
        begun
    }

    /// CLUSTER FORGET: removes a node and keeps it out for a minute.
    ///
    /// # Errors
    /// [`ClusterError`] for an unknown node and for this node.
    pub fn forget(&mut self, now: Now, id: NodeId) -> Result<(), ClusterError> {
        let index = self.nodes.find(&id).ok_or_else(|| ClusterError::unknown(id))?;
        if index == MYSELF {
            return Err(ClusterError::ForgetMyself);
        }
        if self.my_primary() == Some(index) {
            return Err(ClusterError::ForgetPrimary);
        }
        self.begin(now);
        self.log(LogLevel::Notice, || format!("Node {id} is forgotten on request"));
        self.remember_forgotten(id, FORGET_TTL);
        self.remove_node(index);
        self.finish();
        Ok(())
    }

    /// CLUSTER ADDSLOTS and ADDSLOTSRANGE: this node takes slots that nobody owns.
    ///
    /// # Errors
    /// [`ClusterError`] for the first slot that is owned or named twice; nothing has changed then.
    pub fn add_slots(&mut self, now: Now, ranges: &[SlotRange]) -> Result<(), ClusterError> {
        let slots = self.distinct_slots(ranges, |owner, slot| match owner {
            Some(_) => Err(ClusterError::SlotBusy(slot)),
            None => Ok(()),
        })?;
        self.begin(now);
        for slot in slots {
            self.bind_slot(slot, Some(MYSELF));
            self.slots.open.stop_importing(slot);
        }
        self.changed();
        self.save(true);
        self.finish();
        Ok(())
    }

    /// CLUSTER DELSLOTS and DELSLOTSRANGE: this node forgets who owns slots.
    ///
    /// # Errors
    /// [`ClusterError`] for the first slot that nobody owns or that is named twice; nothing has changed then.
    pub fn del_slots(&mut self, now: Now, ranges: &[SlotRange]) -> Result<(), ClusterError> {
        let slots = self.distinct_slots(ranges, |owner, slot| match owner {
            Some(_) => Ok(()),
            None => Err(ClusterError::SlotUnassigned(slot)),
        })?;
        self.begin(now);
        slots.into_iter().for_each(|slot| self.bind_slot(slot, None));
        self.changed();
        self.save(true);
        self.finish();
        Ok(())
    }

    /// CLUSTER FLUSHSLOTS: this node gives up its slots.
    ///
    /// # Errors
    /// [`ClusterError::FlushWithKeys`] when there are keys.
    pub fn flush_slots(&mut self, now: Now, has_keys: bool) -> Result<(), ClusterError> {
        if has_keys {
            return Err(ClusterError::FlushWithKeys);
        }
        self.begin(now);
        self.unbind_all(MYSELF);
        self.changed();
        self.save(true);
        self.finish();
        Ok(())
    }

    /// CLUSTER SET-CONFIG-EPOCH: the first epoch of a node that is still alone.
    ///
    /// # Errors
    /// [`ClusterError`] for a negative epoch, a node that is not alone or has an epoch already.
    pub fn set_config_epoch(&mut self, now: Now, epoch: i64) -> Result<(), ClusterError> {
        let Ok(number) = u64::try_from(epoch) else {
            return Err(ClusterError::NegativeEpoch(epoch));
        };
        if self.nodes.len() > 1 {
            return Err(ClusterError::EpochNotAlone);
        }
        if self.nodes[MYSELF].config_epoch != Epoch(0) {
            return Err(ClusterError::EpochAlreadySet);
        }
        self.begin(now);
        let epoch = Epoch(number);
        self.nodes[MYSELF].config_epoch = epoch;
        self.current_epoch = self.current_epoch.max(epoch);
        self.log(LogLevel::Notice, || {
            format!("configEpoch set to {epoch} via CLUSTER SET-CONFIG-EPOCH")
        });
        self.changed();
        self.save(true);
        self.finish();
        Ok(())
    }

    /// CLUSTER BUMPEPOCH: this node takes the greatest config epoch without asking.
    pub fn bump_epoch(&mut self, now: Now) -> Bump {
        self.begin(now);
        let bump = self.bump_unilaterally();
        if matches!(bump, Bump::Bumped(_)) {
            self.announce();
        }
        self.finish();
        bump
    }

    /// CLUSTER RESET: this node leaves the cluster. A replica has no keys afterwards.
    ///
    /// # Errors
    /// [`ClusterError::ResetWithKeys`] of a primary that has keys.
    pub fn reset(&mut self, now: Now, how: Reset, has_keys: bool) -> Result<(), ClusterError> {
        if has_keys && !self.is_replica() {
            return Err(ClusterError::ResetWithKeys);
        }
        self.begin(now);
        self.end_failovers();
        if self.is_replica() {
            self.leave_shard();
        }
        for index in 0..self.nodes.index_end() {
            let index = NodeIndex(index);
            if index != MYSELF && self.nodes.at(index).is_some() {
                self.remove_node(index);
            }
        }
        Slot::all().for_each(|slot| self.bind_slot(slot, None));
        self.slots.open.clear();
        self.forgotten.clear();
        if how == Reset::Hard {
            self.current_epoch = Epoch(0);
            self.last_vote_epoch = Epoch(0);
            let (id, shard) = (NodeId::random(&mut self.rng), NodeId::random(&mut self.rng));
            self.nodes.rename(MYSELF, id);
            let me = &mut self.nodes[MYSELF];
            me.config_epoch = Epoch(0);
            me.shard = shard;
            self.log(LogLevel::Notice, || format!("Node hard reset, now I'm {id}"));
        }
        self.changed();
        self.save(true);
        self.finish();
        Ok(())
    }

    /// CLUSTER SAVECONFIG: writes `nodes.conf` now.
    pub fn save_config(&mut self, now: Now) {
        self.begin(now);
        self.save(true);
        self.finish();
    }

    /// Takes a changed configuration (CONFIG SET).
    pub fn reconfigure(&mut self, now: Now, config: Config) {
        self.begin(now);
        self.config = config;
        self.adopt_config();
        self.close_what_is_not_admitted();
        self.changed();
        self.finish();
    }

    /// What other nodes of ours are told about this one's load.
    pub fn report_load(&mut self, load_permille: u16) {
        self.load_permille = load_permille;
    }

    /// The slots of the ranges, in their order, each tested and each named once.
    fn distinct_slots(
        &self,
        ranges: &[SlotRange],
        test: impl Fn(Option<NodeIndex>, Slot) -> Result<(), ClusterError>,
    ) -> Result<Vec<Slot>, ClusterError> {
        let reversed = ranges.iter().find(|range| range.first > range.last);
        if let Some(range) = reversed {
            return Err(ClusterError::RangeReversed(range.first, range.last));
        }
        let mut seen = crate::SlotBitmap::new();
        let mut slots = Vec::new();
        for number in ranges.iter().flat_map(|range| range.first.number()..=range.last.number()) {
            let slot = Slot::new(number).ok_or(ClusterError::SlotOutOfRange)?;
            test(self.slots.owner(slot), slot)?;
            if seen.bits().contains(slot) {
                return Err(ClusterError::SlotRepeated(slot));
            }
            seen.insert(slot);
            slots.push(slot);
        }
        Ok(slots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Rng;

    fn machine() -> Machine {
        Machine::new(Config::for_port(7000), Rng::from_seed(3), Now::default())
    }

    fn range(first: u16, last: u16) -> SlotRange {
        SlotRange { first: Slot::new(first).unwrap(), last: Slot::new(last).unwrap() }
    }

    fn text<T: std::fmt::Debug>(result: Result<T, ClusterError>) -> String {
        result.unwrap_err().to_string()
    }

    /// The texts are those that redis-server 7.0.15 and Valkey 9.1.2 gave to the same commands.
    #[test]
    fn slot_orders_are_refused_with_the_texts_of_redis() {
        let (mut machine, now) = (machine(), Now::default());
        machine.add_slots(now, &[range(0, 2)]).unwrap();
        let add =
            |machine: &mut Machine, ranges: &[SlotRange]| text(machine.add_slots(now, ranges));
        assert_eq!(add(&mut machine, &[range(1, 1)]), "ERR Slot 1 is already busy");
        assert_eq!(add(&mut machine, &[range(3, 3), range(1, 1)]), "ERR Slot 1 is already busy");
        assert_eq!(
            add(&mut machine, &[range(10, 20), range(15, 30)]),
            "ERR Slot 15 specified multiple times"
        );
        assert_eq!(
            add(&mut machine, &[range(10, 5)]),
            "ERR start slot number 10 is greater than end slot number 5"
        );
        assert_eq!(
            text(machine.del_slots(now, &[range(5, 5)])),
            "ERR Slot 5 is already unassigned"
        );
        assert_eq!(
            text(machine.del_slots(now, &[range(1, 1), range(1, 1)])),
            "ERR Slot 1 specified multiple times"
        );
        assert_eq!(machine.my_slots().count(), 3, "a refused order changes nothing");
        assert_eq!(
            text(machine.flush_slots(now, true)),
            "ERR DB must be empty to perform CLUSTER FLUSHSLOTS."
        );
        machine.flush_slots(now, false).unwrap();
        assert!(machine.my_slots().is_empty());
    }

    #[test]
    fn epoch_orders_are_refused_with_the_texts_of_redis() {
        let (mut machine, now) = (machine(), Now::default());
        machine.set_config_epoch(now, 0).unwrap();
        assert_eq!(
            text(machine.set_config_epoch(now, -1)),
            "ERR Invalid config epoch specified: -1"
        );
        machine.set_config_epoch(now, 5).unwrap();
        assert_eq!(
            text(machine.set_config_epoch(now, 6)),
            "ERR Node config epoch is already non-zero"
        );
        assert_eq!(machine.bump_epoch(now).to_string(), "STILL 5");
        machine.meet(now, "1.2.3.4", 60_000, Some(60_001)).unwrap();
        assert_eq!(
            text(machine.set_config_epoch(now, 6)),
            "ERR The user can assign a config epoch only when the node does not know any other node."
        );
    }

    #[test]
    fn meet_is_refused_with_the_texts_of_valkey() {
        let (mut machine, now) = (machine(), Now::default());
        let mut meet = |ip: &str, port, bus| text(machine.meet(now, ip, port, bus));
        assert_eq!(
            meet("localhost", 7000, None),
            "ERR Invalid node address specified: localhost:7000"
        );
        assert_eq!(meet("1.2.3.4", 0, None), "ERR Port number is out of range");
        assert_eq!(meet("1.2.3.4", 99_999, None), "ERR Port number is out of range");
        let bus_port = "ERR Cluster bus port number is out of range";
        assert_eq!(meet("1.2.3.4", 60_000, None), bus_port);
        assert_eq!(meet("1.2.3.4", 60_000, Some(99_999)), bus_port);
        assert_eq!(meet("1.2.3.4", 60_000, Some(0)), bus_port);
        assert_eq!(meet("1.2.3.4", i64::MAX, None), "ERR Port number is out of range");
    }

    #[test]
    fn meeting_the_same_address_twice_begins_one_handshake() {
        let (mut machine, now) = (machine(), Now::default());
        machine.meet(now, "1.2.3.4", 7001, None).unwrap();
        machine.meet(now, "1.2.3.4", 7001, None).unwrap();
        assert_eq!(machine.known_nodes(), 2);
        assert!(
            machine.cluster_nodes().contains(" 1.2.3.4:7001@17001 handshake - 0 0 0 disconnected")
        );
        assert!(!machine.nodes_conf().contains("handshake"));
    }

    #[test]
    fn reset_hard_makes_another_node_and_soft_the_same() {
        let (mut machine, now) = (machine(), Now::default());
        machine.add_slots(now, &[range(0, 9)]).unwrap();
        machine.set_config_epoch(now, 7).unwrap();
        let id = machine.my_id();
        assert_eq!(
            text(machine.reset(now, Reset::Soft, true)),
            "ERR CLUSTER RESET can't be called with master nodes containing keys"
        );
        machine.reset(now, Reset::Soft, false).unwrap();
        assert_eq!((machine.my_id(), machine.config_epoch()), (id, Epoch(7)));
        assert!(machine.my_slots().is_empty());
        machine.reset(now, Reset::Hard, false).unwrap();
        assert_ne!(machine.my_id(), id);
        assert_eq!((machine.config_epoch(), machine.current_epoch()), (Epoch(0), Epoch(0)));
    }

    #[test]
    fn forget_of_myself_or_a_stranger_is_refused() {
        let (mut machine, now) = (machine(), Now::default());
        let (me, stranger) = (machine.my_id(), NodeId::parse(&[b'7'; 40]).unwrap());
        assert_eq!(text(machine.forget(now, me)), "ERR I tried hard but I can't forget myself...");
        assert_eq!(text(machine.forget(now, stranger)), format!("ERR Unknown node {stranger}"));
        assert_eq!(
            text(machine.count_failure_reports(now, stranger)),
            format!("ERR Unknown node {stranger}")
        );
    }
}
