//! What a node says of the cluster: the lines of CLUSTER NODES, read.

use std::collections::BTreeMap;

use base::{NodeId, SLOT_COUNT};

use crate::client::Address;

/// One node, as one node describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) id: NodeId,
    pub(super) address: Address,
    pub(super) is_myself: bool,
    pub(super) is_primary: bool,
    /// Whom it follows.
    pub(super) primary: Option<NodeId>,
    pub(super) is_failing: bool,
    /// Not a part of the cluster yet, or without an address.
    pub(super) is_unreachable: bool,
    pub(super) is_connected: bool,
    pub(super) epoch: u64,
    /// Ascending.
    pub(super) slots: Vec<u16>,
    /// Slots on their way to another node, and from one: told by the node itself only.
    pub(super) migrating: BTreeMap<u16, NodeId>,
    pub(super) importing: BTreeMap<u16, NodeId>,
}

/// Reads the text of CLUSTER NODES. A node that does not know its own address gets the one it was asked at.
pub(super) fn parse(text: &str, asked: &Address) -> Result<Vec<Member>, String> {
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            parse_line(line, asked).ok_or_else(|| format!("not a line of CLUSTER NODES: {line}"))
        })
        .collect()
}

fn parse_line(line: &str, asked: &Address) -> Option<Member> {
    let mut words = line.split(' ');
    let id = NodeId::parse(words.next()?.as_bytes())?;
    let place = words.next()?.split(['@', ',']).next()?;
    let flags: Vec<&str> = words.next()?.split(',').collect();
    let has = |flag| flags.contains(&flag);
    let primary = NodeId::parse(words.next()?.as_bytes());
    let _pinged = words.next()?;
    let _ponged = words.next()?;
    let epoch = words.next()?.parse().ok()?;
    let is_myself = has("myself");
    let is_connected = words.next()? == "connected" || is_myself;
    let (host, port) = place.rsplit_once(':')?;
    let host = if host.is_empty() { asked.host.as_str() } else { host };
    let mut member = Member {
        id,
        address: Address { host: host.to_owned(), port: port.parse().ok()? },
        is_myself,
        is_primary: has("master"),
        primary,
        is_failing: has("fail") || has("fail?"),
        is_unreachable: has("handshake") || has("noaddr"),
        is_connected,
        epoch,
        slots: Vec::new(),
        migrating: BTreeMap::new(),
        importing: BTreeMap::new(),
    };
    for word in words.filter(|word| !word.is_empty()) {
        member.add_slots(word)?;
    }
    Some(member)
}

impl Member {
    fn add_slots(&mut self, word: &str) -> Option<()> {
        let slot =
            |text: &str| text.parse::<u16>().ok().filter(|&slot| usize::from(slot) < SLOT_COUNT);
        if let Some(open) = word.strip_prefix('[').and_then(|word| word.strip_suffix(']')) {
            if let Some((number, to)) = open.split_once("->-") {
                self.migrating.insert(slot(number)?, NodeId::parse(to.as_bytes())?);
            } else {
                let (number, from) = open.split_once("-<-")?;
                self.importing.insert(slot(number)?, NodeId::parse(from.as_bytes())?);
            }
            return Some(());
        }
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        self.slots.extend(slot(first)?..=slot(last)?);
        Some(())
    }
}

/// Slots as ranges, both ends inside. The slots ascend.
pub(super) fn ranges(slots: &[u16]) -> Vec<(u16, u16)> {
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    for &slot in slots {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == slot => *last = slot,
            Some(_) | None => ranges.push((slot, slot)),
        }
    }
    ranges
}

/// Slots as people write them: `0-5460 7000`.
pub(super) fn ranges_text(slots: &[u16]) -> String {
    let text = |(first, last): (u16, u16)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    ranges(slots).into_iter().map(text).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const A: &str = "ae84f8b139c730039b670b2fcdef9288a3ba3023";
    const B: &str = "be84f8b139c730039b670b2fcdef9288a3ba3023";

    fn asked() -> Address {
        Address { host: "10.0.0.9".to_owned(), port: 7000 }
    }

    #[test]
    fn every_part_of_a_line_is_read() {
        let text = format!(
            "{A} :7000@17000 myself,master - 0 0 3 connected 0-2 9 [9->-{B}] [11-<-{B}]\n\
             {B} 10.0.0.2:7001@17001,name,shard-id={A} slave,fail? {A} 5 6 3 disconnected\n"
        );
        let members = parse(&text, &asked()).unwrap();
        let [first, second] = members.as_slice() else { panic!("two nodes: {members:?}") };
        assert_eq!(first.address, asked());
        assert!(first.is_myself && first.is_primary && first.is_connected && !first.is_failing);
        assert_eq!((first.epoch, first.slots.as_slice()), (3, &[0, 1, 2, 9][..]));
        let b = NodeId::parse(B.as_bytes()).unwrap();
        assert_eq!(first.migrating, BTreeMap::from([(9, b)]));
        assert_eq!(first.importing, BTreeMap::from([(11, b)]));
        assert_eq!(second.address.to_string(), "10.0.0.2:7001");
        assert_eq!(second.primary, NodeId::parse(A.as_bytes()));
        assert!(second.is_failing && !second.is_connected && !second.is_primary);
    }

    #[test]
    fn what_is_no_line_is_an_error() {
        for text in [
            "x".to_owned(),
            format!("{A} :7000@17000 master - 0 0 x connected"),
            format!("{A} :7000@17000 master - 0 0 1 connected 16384"),
            format!("{A} :7000@17000 master - 0 0 1 connected [5->-x]"),
            format!("{A} nowhere master - 0 0 1 connected"),
        ] {
            assert!(parse(&text, &asked()).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn ranges_hold_the_slots_and_nothing_else(slots in prop::collection::btree_set(0_u16..16_384, 0..200)) {
            let slots: Vec<u16> = slots.into_iter().collect();
            let back: Vec<u16> = ranges(&slots).into_iter().flat_map(|(a, b)| a..=b).collect();
            prop_assert_eq!(&back, &slots);
            let line = format!("{A} :1@2 master - 0 0 1 connected {}", ranges_text(&slots));
            prop_assert_eq!(&parse(&line, &asked()).unwrap()[0].slots, &slots);
        }
    }
}
