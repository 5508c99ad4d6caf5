//! Sealed links between whole machines: who gets in, what becomes of what was recorded, and how a cluster gets there.

use crate::net::Net;
use base::{Slot, SlotRange};
use cluster::seal::{
    BusAuth, BusAuthMode, GREETING_SIGNATURE, SEALED_SIGNATURE, Secret, packet_within,
};
use cluster::wire::{PacketType, decode, encode};
use cluster::{Config, Machine};
use proptest::prelude::*;

const SECRET: &[u8] = b"the secret of the cluster";

/// What node `nth` seals with.
fn auth(mode: BusAuthMode, nth: u8, secrets: &[&[u8]]) -> BusAuth {
    let secrets = secrets.iter().map(|text| Secret::new(text)).collect();
    BusAuth { mode, secrets, nonce_key: Secret::new(&[nth; 32]) }
}

fn sealing(mode: BusAuthMode, count: u8) -> Vec<BusAuth> {
    (0..count).map(|nth| auth(mode, nth, &[SECRET])).collect()
}

fn machine(net: &Net, node: usize) -> &Machine {
    net.machines[node].as_ref().expect("the node runs")
}

fn deal(net: &mut Net, node: usize, first: u16, last: u16) {
    let slot = |number| Slot::new(number).expect("a slot");
    let range = [SlotRange { first: slot(first), last: slot(last) }];
    net.order(node, |machine, now| machine.add_slots(now, &range)).expect("they are free");
}

/// Three nodes that have met and own all slots.
fn cluster(auths: &[BusAuth]) -> Net {
    let mut net = Net::sealed(auths, 2000);
    deal(&mut net, 0, 0, 5000);
    deal(&mut net, 1, 5001, 10_000);
    deal(&mut net, 2, 10_001, 16_383);
    net.meet(0, 1);
    net.meet(0, 2);
    net.run(6000);
    net
}

fn agree(net: &Net) -> bool {
    let first = machine(net, 0).agreement();
    (0..net.machines.len()).all(|node| {
        machine(net, node).agreement() == first
            && machine(net, node).known_nodes() == net.machines.len()
    })
}

fn info(net: &Net, node: usize, field: &str) -> String {
    let text = machine(net, node).info();
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("{field} is in:\n{text}")).to_owned()
}

fn set_mode(net: &mut Net, node: usize, auth: BusAuth) {
    net.order(node, |machine, now| {
        let config = Config { auth, ..machine.config().clone() };
        machine.reconfigure(now, config);
    });
}

#[test]
fn with_required_a_cluster_forms_and_nothing_on_the_wire_is_plain() {
    let net = cluster(&sealing(BusAuthMode::Required, 3));
    assert!(agree(&net));
    assert_eq!(info(&net, 0, "cluster_state"), "ok");
    // Two links to each of the others.
    assert_eq!(info(&net, 0, "cluster_bus_links_sealed"), "4");
    assert_eq!(info(&net, 0, "cluster_bus_packets_malformed"), "0");
    let ours = |frame: &[u8]| {
        frame.starts_with(&SEALED_SIGNATURE) || frame.starts_with(&GREETING_SIGNATURE)
    };
    assert!(net.frames.iter().all(|(.., frame)| ours(frame)));
}

#[test]
fn with_optional_links_are_sealed_once_both_ends_are_known_to_know_how() {
    let mut net = cluster(&sealing(BusAuthMode::Optional, 3));
    assert!(agree(&net));
    net.frames.clear();
    net.run(4000);
    assert!(net.frames.len() > 10);
    assert!(net.frames.iter().all(|(.., frame)| frame.starts_with(&SEALED_SIGNATURE)));
    for node in 0..3 {
        assert_eq!(info(&net, node, "cluster_bus_links_sealed"), "4");
        assert_eq!(info(&net, node, "cluster_bus_packets_malformed"), "0", "node {node}");
    }
}

#[test]
fn who_has_no_secret_or_another_gets_in_nowhere() {
    let others = [
        BusAuth::default(),
        auth(BusAuthMode::Required, 9, &[b"the secret of another cluster"]),
        auth(BusAuthMode::Optional, 9, &[b"the secret of another cluster"]),
    ];
    for other in others {
        let mut auths = sealing(BusAuthMode::Required, 3);
        auths.push(other.clone());
        let mut net = cluster(&auths);
        let before = machine(&net, 0).digest();
        deal(&mut net, 3, 0, 16_383);
        net.order(3, |machine, now| machine.bump_epoch(now));
        net.meet(3, 0);
        net.meet(0, 3);
        net.run(10_000);
        assert_eq!(machine(&net, 0).known_nodes(), 3, "{other:?}");
        assert_eq!(machine(&net, 3).known_nodes(), 1, "{other:?}");
        assert_eq!(machine(&net, 0).digest(), before, "{other:?}");
        assert_ne!(info(&net, 0, "cluster_bus_packets_malformed"), "0");
    }
}

/// Operators restart, or set, one node after another.
#[test]
fn a_cluster_gets_from_off_to_required_and_back_without_a_failing_node() {
    let mut net = cluster(&sealing(BusAuthMode::Off, 3));
    let ok = |net: &Net, what: &str| {
        for node in 0..3 {
            assert_eq!(info(net, node, "cluster_state"), "ok", "{what}");
            assert_eq!(info(net, node, "cluster_slots_pfail"), "0", "{what}");
        }
        assert!(agree(net), "{what}");
    };
    let back = [BusAuthMode::Optional, BusAuthMode::Off];
    for mode in [BusAuthMode::Optional, BusAuthMode::Required].into_iter().chain(back) {
        for node in 0..3 {
            let auth = match mode {
                BusAuthMode::Off => BusAuth::default(),
                BusAuthMode::Optional | BusAuthMode::Required => auth(mode, node as u8, &[SECRET]),
            };
            set_mode(&mut net, node, auth);
            for _ in 0..20 {
                net.run(200);
                ok(&net, &format!("{mode:?} at {node}"));
            }
        }
    }
    net.frames.clear();
    // After `off`, links that are opened anew are plain; nobody holds a node to what it could once.
    net.cut(0, 1);
    net.run(1000);
    net.heal();
    net.run(3000);
    ok(&net, "the end");
    assert!(net.frames.iter().any(|(.., frame)| frame.starts_with(b"RCmb")));
}

#[test]
fn the_secret_is_changed_one_node_after_another() {
    let (old, new): (&[u8], &[u8]) = (SECRET, b"the next secret of the cluster");
    let mut net = cluster(&sealing(BusAuthMode::Required, 3));
    for secrets in [&[old, new][..], &[new, old], &[new]] {
        for node in 0..3 {
            set_mode(&mut net, node, auth(BusAuthMode::Required, node as u8, secrets));
            for _ in 0..15 {
                net.run(200);
                assert!((0..3).all(|node| info(&net, node, "cluster_state") == "ok"));
                assert!(agree(&net));
            }
        }
    }
    // Somebody who still has the old one is out.
    set_mode(&mut net, 2, auth(BusAuthMode::Required, 2, &[old]));
    net.run(6000);
    assert_eq!(info(&net, 0, "cluster_nodes_fail"), "1");
}

#[test]
fn with_optional_a_node_that_has_shown_the_secret_is_not_heard_in_plain() {
    let mut net = cluster(&sealing(BusAuthMode::Optional, 3));
    let before = machine(&net, 0).digest();
    // What node 1 might say in plain: its own last heartbeat, out of its frame.
    let heartbeat = |net: &Net| {
        let mut frames = net.frames.iter().rev();
        let last = frames.find(|(from, to, ..)| (*from, *to) == (1, 0)).expect("it has spoken");
        packet_within(&last.3).expect("a packet").to_vec()
    };
    let mut forged = decode(&heartbeat(&net)).map(|packet| encode(&packet)).expect("a packet");
    // A later config epoch, and the type PING.
    forged[24..32].copy_from_slice(&99u64.to_be_bytes());
    forged[12..14].copy_from_slice(&(PacketType::Ping as u16).to_be_bytes());
    let link = net.inject(0, &forged).expect("there is room");
    assert_eq!(machine(&net, 0).digest(), before);
    assert_eq!(info(&net, 0, "cluster_bus_packets_plain_refused"), "1");
    net.inject_on(0, link, &forged);
    assert_eq!(machine(&net, 0).digest(), before, "its link is closed");
    // The canary: without seals the same packet would be believed.
    let mut open = cluster(&sealing(BusAuthMode::Off, 3));
    let mut believed = decode(&heartbeat(&open)).map(|packet| encode(&packet)).expect("a packet");
    believed[24..32].copy_from_slice(&99u64.to_be_bytes());
    let before = machine(&open, 0).digest();
    open.inject(0, &believed);
    assert_ne!(machine(&open, 0).digest(), before);
}

#[test]
fn messages_to_channels_go_sealed_and_with_light_headers() {
    let mut net = cluster(&sealing(BusAuthMode::Required, 3));
    net.trace.clear();
    net.order(0, |machine, now| machine.publish(now, false, b"c", b"hello"));
    assert_eq!(net.trace, ["n0 -> n1 light", "n0 -> n2 light"]);
    let came: Vec<usize> = net.delivered.iter().map(|(node, _)| *node).collect();
    assert_eq!(came, [1, 2]);
    assert_eq!(info(&net, 0, "cluster_stats_pubsub_bytes_sent"), "60");
    assert_eq!(info(&net, 1, "cluster_stats_pubsub_bytes_received"), "30");
}

#[test]
fn a_light_packet_of_somebody_unknown_closes_its_link() {
    let mut net = cluster(&sealing(BusAuthMode::Off, 3));
    let light = cluster::wire::encode_light_publish(false, b"c", b"m");
    let link = net.inject(0, &light).expect("there is room");
    net.inject_on(0, link, &light);
    assert!(net.delivered.is_empty());
    assert_eq!(info(&net, 0, "cluster_bus_packets_malformed"), "1");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// All that went over the wire, given to any node again, on any link that it has or on a new one, as it was or changed.
    #[test]
    fn nothing_recorded_changes_anything_when_it_comes_again(
        choices in proptest::collection::vec(
            (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0usize..3, any::<u8>(), any::<prop::sample::Index>()),
            1..40,
        ),
    ) {
        let mut net = cluster(&sealing(BusAuthMode::Required, 3));
        let frames = net.frames.clone();
        let before: Vec<u64> = (0..3).map(|node| machine(&net, node).digest()).collect();
        let messages = machine(&net, 0).counters().received_total();
        for (frame, link_of, node, change, place) in choices {
            let mut bytes = frame.get(&frames).3.clone();
            if change < 128 {
                *place.get_mut(&mut bytes) ^= 1 << (change & 7);
            }
            let own: Vec<_> = frames.iter().filter(|(_, to, ..)| *to == node).map(|(_, _, link, _)| *link).collect();
            if change & 8 == 0 {
                net.inject_on(node, *link_of.get(&own), &bytes);
            } else {
                net.inject(node, &bytes);
            }
        }
        for (node, before) in before.into_iter().enumerate() {
            prop_assert_eq!(machine(&net, node).digest(), before);
        }
        prop_assert_eq!(machine(&net, 0).counters().received_total(), messages);
        // And the cluster goes on, over new links where old ones were closed.
        net.run(4000);
        prop_assert!(agree(&net));
        prop_assert_eq!(info(&net, 0, "cluster_state"), "ok");
    }
}
