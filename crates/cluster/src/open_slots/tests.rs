use super::*;
use crate::config::Config;
use crate::node::{Address, Node};
use crate::wire::NodeFlags;
use crate::{Output, SlotBitmap};
use base::{Rng, SlotRange};

/// A node with the slots 0 to 99, epoch 1; `bbb` has the rest, epoch 2; `ccc` has none, and `ddd` is in the shard of `bbb`.
struct Three {
    machine: Machine,
    b: NodeIndex,
    c: NodeIndex,
    d: NodeIndex,
}

fn slot(number: u16) -> Slot {
    Slot::new(number).unwrap()
}

fn id(byte: u8) -> NodeId {
    NodeId::parse(&[byte; 40]).unwrap()
}

fn slots(numbers: std::ops::RangeInclusive<u16>) -> SlotBitmap {
    numbers.map(slot).collect()
}

impl Three {
    fn new() -> Three {
        let mut machine = Machine::new(Config::for_port(7000), Rng::from_seed(5), Now::default());
        let mut add = |byte: u8, shard: u8| {
            let flags = NodeFlags::PRIMARY;
            let mut node = Node::new(id(byte), flags, Address::default(), Now::default().monotonic);
            node.shard = id(shard);
            machine.nodes.add(node).unwrap()
        };
        let (b, c, d) = (add(b'b', b'1'), add(b'c', b'2'), add(b'd', b'1'));
        let range = SlotRange { first: slot(0), last: slot(99) };
        machine.add_slots(Now::default(), &[range]).unwrap();
        machine.nodes[MYSELF].config_epoch = Epoch(1);
        machine.current_epoch = Epoch(2);
        let mut three = Three { machine, b, c, d };
        three.claim(b, 2, slots(100..=16383));
        three
    }

    fn claim(&mut self, claimant: NodeIndex, epoch: u64, slots: SlotBitmap) {
        self.machine.nodes[claimant].config_epoch = Epoch(epoch);
        self.machine.begin(Now::default());
        self.machine.claim_slots(claimant, Epoch(epoch), slots.bits());
        self.machine.finish();
    }

    fn set(&mut self, number: u16, order: SetSlot<'_>, has_keys: bool) -> String {
        match self.machine.set_slot(Now::default(), slot(number), order, has_keys) {
            Ok(()) => "OK".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    /// The slots that stand on this node's own line.
    fn open(&self) -> String {
        let mut out = String::new();
        self.machine.write_open_slots(&mut out);
        out
    }
}

/// The texts are those that Valkey 9.1.2 gave to the same commands.
#[test]
fn setslot_is_refused_with_the_texts_of_valkey() {
    let mut three = Three::new();
    let (b, stranger, me) = ([b'b'; 40], [b'7'; 40], *three.machine.my_id().as_bytes());
    let not_mine = "ERR I'm not the owner of hash slot 500";
    assert_eq!(three.set(500, SetSlot::Migrating(&stranger), false), not_mine);
    assert_eq!(
        three.set(5, SetSlot::Importing(&stranger), false),
        "ERR I'm already the owner of hash slot 5"
    );
    let unknown = "ERR I don't know about node short";
    assert_eq!(three.set(5, SetSlot::Migrating(b"short"), false), unknown);
    assert_eq!(three.set(5, SetSlot::Migrating(&me), false), "ERR Target node is myself");
    assert_eq!(three.set(500, SetSlot::Importing(&me), false), "ERR Target node is myself");
    assert_eq!(three.set(5, SetSlot::Node(b"short"), false), "ERR Unknown node short");
    assert_eq!(
        three.set(5, SetSlot::Node(&b), true),
        "ERR Can't assign hashslot 5 to a different node while I still hold keys for this hash slot."
    );
    let c = three.c;
    three.machine.nodes[c].flags.clear(NodeFlags::PRIMARY);
    three.machine.nodes[c].flags |= NodeFlags::REPLICA;
    let no_primary = "ERR Target node is not a master";
    for order in [SetSlot::Migrating(&[b'c'; 40]), SetSlot::Node(&[b'c'; 40])] {
        assert_eq!(three.set(5, order, false), no_primary);
    }
    assert_eq!(three.open(), "", "a refused order changes nothing");
}

#[test]
fn open_slots_stand_on_the_own_line_and_are_read_back() {
    let mut three = Three::new();
    assert_eq!(three.set(7, SetSlot::Migrating(&[b'b'; 40]), true), "OK");
    assert_eq!(three.set(6000, SetSlot::Importing(&[b'b'; 40]), true), "OK");
    assert_eq!(three.set(5, SetSlot::Migrating(&[b'c'; 40]), true), "OK");
    let expected = format!(" [5->-{}] [7->-{}] [6000-<-{}]", id(b'c'), id(b'b'), id(b'b'));
    assert_eq!(three.open(), expected);
    let text = three.machine.nodes_conf();
    assert!(text.contains(&format!(" connected 0-99{expected}\n")), "{text}");
    assert!(three.machine.cluster_nodes().contains(&expected));
    let read =
        Machine::from_nodes_conf(Config::for_port(7000), Rng::from_seed(1), Now::default(), &text);
    assert_eq!(read.unwrap().unwrap().nodes_conf(), text);
    for damaged in ["[5->-x]", "[5-=-bbb]", "[99999->-", "[5"] {
        let text = text.replace(&expected, &format!(" {damaged}"));
        let (config, rng) = (Config::for_port(7000), Rng::from_seed(1));
        assert!(Machine::from_nodes_conf(config, rng, Now::default(), &text).is_err(), "{text}");
    }
}

#[test]
fn the_importer_that_is_given_the_slot_takes_the_greatest_epoch_and_the_source_does_not() {
    let mut three = Three::new();
    let me = *three.machine.my_id().as_bytes();
    three.set(6000, SetSlot::Importing(&[b'b'; 40]), false);
    assert_eq!(three.set(6000, SetSlot::Node(&me), true), "OK");
    assert_eq!(three.open(), "");
    assert!(three.machine.my_slots().contains(slot(6000)));
    assert_eq!(three.machine.config_epoch(), Epoch(3));
    three.set(5, SetSlot::Migrating(&[b'b'; 40]), false);
    assert_eq!(three.set(5, SetSlot::Node(&[b'b'; 40]), false), "OK");
    assert_eq!(three.open(), "");
    assert!(!three.machine.my_slots().contains(slot(5)));
    assert_eq!(three.machine.config_epoch(), Epoch(3));
    while let Some(output) = three.machine.poll_output() {
        assert!(!matches!(output, Output::DropKeysInSlot(_)), "there was no key to drop");
    }
}

#[test]
fn who_gives_its_last_slot_away_follows_the_new_owner() {
    let mut three = Three::new();
    for number in 0..=99 {
        assert!(!three.machine.is_replica());
        assert_eq!(three.set(number, SetSlot::Node(&[b'b'; 40]), false), "OK");
    }
    assert!(three.machine.is_replica());
    let refused = "ERR Please use SETSLOT only with masters.";
    assert_eq!(three.set(5, SetSlot::Migrating(&[b'c'; 40]), false), refused);
    assert_eq!(three.set(5, SetSlot::Stable, false), refused);
}

#[test]
fn a_slot_that_an_operator_gives_to_another_is_closed() {
    let mut three = Three::new();
    three.set(5, SetSlot::Migrating(&[b'b'; 40]), true);
    three.set(6000, SetSlot::Importing(&[b'b'; 40]), true);
    let mut claimed = slots(5..=5);
    claimed.insert(slot(6000));
    three.claim(three.c, 9, claimed);
    assert_eq!(three.open(), "");
    assert!(!three.machine.my_slots().contains(slot(5)));
}

#[test]
fn a_failover_at_the_other_end_is_followed() {
    let mut three = Three::new();
    three.set(5, SetSlot::Migrating(&[b'b'; 40]), true);
    three.set(6000, SetSlot::Importing(&[b'b'; 40]), true);
    three.claim(three.d, 9, slots(100..=16383));
    assert_eq!(three.open(), format!(" [5->-{0}] [6000-<-{0}]", id(b'd')));
}

#[test]
fn a_slot_that_its_source_has_closed_is_taken_by_the_importer() {
    let mut three = Three::new();
    three.set(6000, SetSlot::Importing(&[b'b'; 40]), true);
    let mut rest = slots(100..=16383);
    rest.remove(slot(6000));
    three.claim(three.b, 2, rest);
    assert_eq!(three.open(), "");
    assert!(three.machine.my_slots().contains(slot(6000)));
    assert_eq!(three.machine.config_epoch(), Epoch(3));
}

#[test]
fn a_node_that_is_forgotten_takes_its_open_slots_with_it() {
    let mut three = Three::new();
    three.set(5, SetSlot::Migrating(&[b'c'; 40]), true);
    three.machine.forget(Now::default(), id(b'c')).unwrap();
    assert_eq!(three.open(), "");
}
