//! Whether the cluster works: a key in every slot is written and read where it belongs, and asked for where it
//! does not, which must lead to the right node.

use base::{SLOT_COUNT, Slot};

use super::Stop;
use super::cluster::unreachable_node;
use crate::client::{Address, Client, Reply};

/// One node as the user sees it.
#[derive(Debug)]
pub(super) struct NodeView {
    pub(super) port: u16,
    pub(super) id: String,
    /// The port of its primary, where it is a replica.
    pub(super) follows: Option<u16>,
    /// Ranges of slots, both ends inside.
    pub(super) slots: Vec<(usize, usize)>,
    pub(super) keys: i64,
}

/// Writes and reads a key in each slot, through every node.
pub(super) fn write_and_read(ports: &[u16]) -> Result<(), Stop> {
    let owners = owners(ports)?;
    let keys = one_key_for_each_slot();
    let values: Vec<String> = (0..SLOT_COUNT).map(|slot| format!("slot {slot}")).collect();
    for &port in ports {
        let slots = slots_of(&owners, &[port]);
        let write: Vec<_> =
            slots.iter().map(|&slot| vec!["SET", &keys[slot], &values[slot]]).collect();
        for (&slot, reply) in slots.iter().zip(ask(port, &write)?) {
            expect(port, "SET", &keys[slot], &reply, &Reply::Status("OK".to_owned()))?;
        }
    }
    for (index, &port) in ports.iter().enumerate() {
        // Each node is also asked for what the node after it has.
        let next = ports[(index + 1) % ports.len()];
        let slots = slots_of(&owners, &[port, next]);
        let read: Vec<_> = slots.iter().map(|&slot| vec!["GET", keys[slot].as_str()]).collect();
        for (&slot, reply) in slots.iter().zip(ask(port, &read)?) {
            let right = if owners[slot] == port {
                Reply::Bulk(values[slot].clone().into_bytes())
            } else {
                Reply::Error(format!("MOVED {slot} 127.0.0.1:{next}"))
            };
            expect(port, "GET", &keys[slot], &reply, &right)?;
        }
    }
    Ok(())
}

/// The slots that one of these nodes serves.
fn slots_of(owners: &[u16], ports: &[u16]) -> Vec<usize> {
    (0..SLOT_COUNT).filter(|&slot| ports.contains(&owners[slot])).collect()
}

/// What each node says of itself.
pub(super) fn views(ports: &[u16]) -> Result<Vec<NodeView>, Stop> {
    let ranges = slot_ranges(ports)?;
    let mut views = Vec::new();
    for &port in ports {
        let asked = [vec!["CLUSTER", "MYID"], vec!["DBSIZE"], vec!["ROLE"]];
        let replies = ask(port, &asked)?;
        let follows = replies.get(2).and_then(leader);
        let id = replies.first().and_then(Reply::text).unwrap_or_default();
        let keys = replies.get(1).and_then(Reply::integer).unwrap_or_default();
        let own = ranges.iter().filter(|range| range.2 == port);
        let slots = own.map(|&(first, last, _)| (first, last)).collect();
        views.push(NodeView { port, id, follows, slots, keys });
    }
    Ok(views)
}

/// The port of a replica's primary, from ROLE.
fn leader(role: &Reply) -> Option<u16> {
    let [name, _, port, ..] = role.elements()? else { return None };
    let is_replica = name.text().as_deref() == Some("slave");
    u16::try_from(port.integer()?).ok().filter(|_| is_replica)
}

/// The port of the node that serves each slot, as the first node says.
fn owners(ports: &[u16]) -> Result<Vec<u16>, Stop> {
    let mut owners = vec![0; SLOT_COUNT];
    for (first, last, port) in slot_ranges(ports)? {
        if let Some(slots) = owners.get_mut(first..=last) {
            slots.fill(port);
        }
    }
    match owners.iter().position(|port| !ports.contains(port)) {
        None => Ok(owners),
        Some(slot) => {
            Err(Stop::Failed(format!("CLUSTER SLOTS has no node of ours for slot {slot}")))
        }
    }
}

/// First slot, last slot and port, of each element of CLUSTER SLOTS.
fn slot_ranges(ports: &[u16]) -> Result<Vec<(usize, usize, u16)>, Stop> {
    let first = ports.first().copied().unwrap_or_default();
    let replies = ask(first, &[vec!["CLUSTER", "SLOTS"]])?;
    let reply = replies.first().unwrap_or(&Reply::Null);
    let mut ranges: Vec<_> = reply
        .elements()
        .and_then(|elements| elements.iter().map(slot_range).collect())
        .ok_or_else(|| Stop::Failed(format!("127.0.0.1:{first}: CLUSTER SLOTS: {reply}")))?;
    ranges.sort_unstable();
    Ok(ranges)
}

fn slot_range(element: &Reply) -> Option<(usize, usize, u16)> {
    let [first, last, primary, ..] = element.elements()? else { return None };
    let port = primary.elements()?.get(1)?.integer()?;
    let slot = |reply: &Reply| usize::try_from(reply.integer()?).ok();
    Some((slot(first)?, slot(last)?, u16::try_from(port).ok()?))
}

fn ask(port: u16, commands: &[Vec<&str>]) -> Result<Vec<Reply>, Stop> {
    Client::connect(&Address::local(port))
        .and_then(|mut client| client.pipeline(commands))
        .map_err(|error| unreachable_node(port, &error))
}

fn expect(port: u16, command: &str, key: &str, reply: &Reply, right: &Reply) -> Result<(), Stop> {
    if reply == right {
        return Ok(());
    }
    Err(Stop::Failed(format!("127.0.0.1:{port}: {command} {key}: got {reply}, expected {right}")))
}

/// A short key for each slot, by its number.
fn one_key_for_each_slot() -> Vec<String> {
    let mut keys = vec![String::new(); SLOT_COUNT];
    let mut missing = SLOT_COUNT;
    for number in 0_u32.. {
        if missing == 0 {
            break;
        }
        let key = format!("demo:{number}");
        let place = &mut keys[Slot::of_key(key.as_bytes()).index()];
        if place.is_empty() {
            *place = key;
            missing -= 1;
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_slot_has_a_key_that_hashes_to_it() {
        let keys = one_key_for_each_slot();
        assert_eq!(keys.len(), SLOT_COUNT);
        for (slot, key) in keys.iter().enumerate() {
            assert_eq!(Slot::of_key(key.as_bytes()).index(), slot, "{key}");
        }
    }

    #[test]
    fn a_range_of_slots_is_read_with_its_primary() {
        let node = Reply::Array(vec![Reply::Bulk(b"127.0.0.1".into()), Reply::Integer(7000)]);
        let element = Reply::Array(vec![Reply::Integer(0), Reply::Integer(9), node]);
        assert_eq!(slot_range(&element), Some((0, 9, 7000)));
        assert_eq!(slot_range(&Reply::Array(vec![Reply::Integer(0)])), None);
    }
}
