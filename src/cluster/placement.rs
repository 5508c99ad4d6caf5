//! Which nodes of a new cluster are primaries, and which replicas of whom.
//!
//! A shard should live through the loss of a host, and of an availability zone. So what counts against a placement
//! is, in this order: two nodes of a shard on one host, two in one zone, many primaries on one host, many in one
//! zone. The search begins with the nodes dealt out zone by zone, and exchanges two nodes for as long as that helps:
//! it is deterministic, so that the same command makes the same plan again.

use std::collections::BTreeMap;

/// A node to be placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) host: String,
    /// Where that is known.
    pub(super) zone: Option<String>,
}

/// A primary and its replicas, as numbers of candidates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shard {
    pub(super) primary: usize,
    pub(super) replicas: Vec<usize>,
}

impl Shard {
    fn nodes(&self) -> impl Iterator<Item = usize> {
        std::iter::once(self.primary).chain(self.replicas.iter().copied())
    }
}

/// What counts against a placement, the worst first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cost {
    /// Pairs of nodes of a shard on one host.
    pub(super) host_pairs: usize,
    /// Pairs of nodes of a shard in one zone.
    pub(super) zone_pairs: usize,
    /// The sum of the squares of the numbers of primaries by host, and by zone.
    host_primaries: usize,
    zone_primaries: usize,
}

/// The fewest primaries that can agree that one of them has failed.
pub(super) const PRIMARIES_MIN: usize = 3;

/// How many primaries there are for so many nodes with so many replicas each, if enough.
pub(super) fn primary_count(nodes: usize, replicas: usize) -> Option<usize> {
    Some(nodes / (replicas + 1)).filter(|&count| count >= PRIMARIES_MIN)
}

/// Places the nodes in so many shards, each of which has the same number of replicas, or one more.
pub(super) fn place(candidates: &[Candidate], primaries: usize) -> Vec<Shard> {
    let order = dealt_by_zone(candidates);
    let mut seats: Vec<usize> = order;
    let size = |shard: usize| {
        let replicas = seats_of_replicas(candidates.len(), primaries, shard);
        1 + replicas
    };
    let begins: Vec<usize> = (0..=primaries)
        .scan(0, |begin, shard| {
            let here = *begin;
            *begin += if shard < primaries { size(shard) } else { 0 };
            Some(here)
        })
        .collect();
    // Primaries take the first of the dealt order, replicas the rest, so that both are spread.
    seats = first_seats(&seats, &begins, primaries);
    improve(candidates, &mut seats, &begins);
    shards(&seats, &begins)
}

fn seats_of_replicas(nodes: usize, primaries: usize, shard: usize) -> usize {
    let replicas = nodes.saturating_sub(primaries);
    replicas / primaries + usize::from(shard < replicas % primaries)
}

/// The candidates so that those next to each other are in different zones, and on different hosts, where that can be.
fn dealt_by_zone(candidates: &[Candidate]) -> Vec<usize> {
    let mut zones: BTreeMap<Option<&str>, BTreeMap<&str, Vec<usize>>> = BTreeMap::new();
    for (number, candidate) in candidates.iter().enumerate() {
        let hosts = zones.entry(candidate.zone.as_deref()).or_default();
        hosts.entry(&candidate.host).or_default().push(number);
    }
    let zones = zones.into_values().map(|hosts| in_turn(hosts.into_values().collect()));
    in_turn(zones.collect())
}

/// One of each list in turn, until all are empty.
fn in_turn(lists: Vec<Vec<usize>>) -> Vec<usize> {
    let longest = lists.iter().map(Vec::len).max().unwrap_or_default();
    (0..longest)
        .flat_map(|round| lists.iter().filter_map(move |list| list.get(round).copied()))
        .collect()
}

/// Seats in the order of shards, the first of each its primary's.
fn first_seats(order: &[usize], begins: &[usize], primaries: usize) -> Vec<usize> {
    let mut seats = vec![0; order.len()];
    let (first, rest) = order.split_at(primaries);
    let mut rest = rest.iter();
    for (shard, &primary) in first.iter().enumerate() {
        let (begin, end) = (begins[shard], begins[shard + 1]);
        seats[begin] = primary;
        for seat in &mut seats[begin + 1..end] {
            *seat = rest.next().copied().unwrap_or_default();
        }
    }
    seats
}

fn shards(seats: &[usize], begins: &[usize]) -> Vec<Shard> {
    let mut shards: Vec<Shard> = begins
        .windows(2)
        .map(|ends| {
            let mut replicas = seats[ends[0] + 1..ends[1]].to_vec();
            replicas.sort_unstable();
            Shard { primary: seats[ends[0]], replicas }
        })
        .collect();
    shards.sort_by_key(|shard| shard.primary);
    shards
}

/// Exchanges two nodes as long as that makes the placement better.
fn improve(candidates: &[Candidate], seats: &mut [usize], begins: &[usize]) {
    let mut best = cost_of(candidates, seats, begins);
    loop {
        let mut found = None;
        for one in 0..seats.len() {
            for other in one + 1..seats.len() {
                if candidates[seats[one]] == candidates[seats[other]] {
                    continue;
                }
                seats.swap(one, other);
                let cost = cost_of(candidates, seats, begins);
                if cost < best {
                    best = cost;
                    found = Some((one, other));
                }
                seats.swap(one, other);
            }
        }
        let Some((one, other)) = found else { return };
        seats.swap(one, other);
    }
}

fn cost_of(candidates: &[Candidate], seats: &[usize], begins: &[usize]) -> Cost {
    cost(candidates, &shards(seats, begins))
}

/// What counts against this placement.
pub(super) fn cost(candidates: &[Candidate], shards: &[Shard]) -> Cost {
    let mut cost = Cost::default();
    let mut by_host: BTreeMap<&str, usize> = BTreeMap::new();
    let mut by_zone: BTreeMap<&str, usize> = BTreeMap::new();
    for shard in shards {
        let nodes: Vec<&Candidate> = shard.nodes().map(|node| &candidates[node]).collect();
        for (index, one) in nodes.iter().enumerate() {
            for other in &nodes[index + 1..] {
                cost.host_pairs += usize::from(one.host == other.host);
                cost.zone_pairs += usize::from(one.zone.is_some() && one.zone == other.zone);
            }
        }
        let primary = &candidates[shard.primary];
        *by_host.entry(&primary.host).or_default() += 1;
        if let Some(zone) = primary.zone.as_deref() {
            *by_zone.entry(zone).or_default() += 1;
        }
    }
    cost.host_primaries = by_host.values().map(|count| count * count).sum();
    cost.zone_primaries = by_zone.values().map(|count| count * count).sum();
    cost
}

/// The share of a primary: its first slot and the one behind its last.
pub(super) fn share(index: usize, primaries: usize) -> (u16, u16) {
    let begin =
        |index: usize| u16::try_from((base::SLOT_COUNT * index + primaries / 2) / primaries);
    (begin(index).unwrap_or_default(), begin(index + 1).unwrap_or_default())
}

/// Which of the primaries a new replica is for: one with the fewest replicas, of these one that is elsewhere.
pub(super) fn primary_for(replica: &Candidate, primaries: &[(Candidate, usize)]) -> Option<usize> {
    (0..primaries.len()).min_by_key(|&number| {
        let (primary, replicas) = &primaries[number];
        let is_same_zone = replica.zone.is_some() && replica.zone == primary.zone;
        (*replicas, replica.host == primary.host, is_same_zone)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn node(host: &str, zone: &str) -> Candidate {
        let zone = (!zone.is_empty()).then(|| zone.to_owned());
        Candidate { host: host.to_owned(), zone }
    }

    #[test]
    fn three_hosts_with_two_nodes_each_cross_over() {
        let nodes: Vec<Candidate> =
            ["a", "a", "b", "b", "c", "c"].iter().map(|host| node(host, "")).collect();
        let shards = place(&nodes, 3);
        assert_eq!(cost(&nodes, &shards), Cost { host_primaries: 3, ..Cost::default() });
    }

    #[test]
    fn replicas_are_in_other_zones_where_there_are_three() {
        let nodes: Vec<Candidate> =
            (0..9).map(|n| node(&n.to_string(), &format!("z{}", n / 3))).collect();
        let shards = place(&nodes, 3);
        let cost = cost(&nodes, &shards);
        assert_eq!((cost.host_pairs, cost.zone_pairs, cost.zone_primaries), (0, 0, 3));
    }

    #[test]
    fn on_one_host_the_first_are_primaries_in_their_order() {
        let nodes = vec![node("127.0.0.1", ""); 6];
        let shards = place(&nodes, 3);
        let primaries: Vec<usize> = shards.iter().map(|shard| shard.primary).collect();
        assert_eq!(primaries, [0, 1, 2]);
        assert_eq!(cost(&nodes, &shards).host_pairs, 3);
    }

    #[test]
    fn a_majority_needs_three() {
        assert_eq!(primary_count(6, 1), Some(3));
        assert_eq!(primary_count(7, 1), Some(3));
        assert_eq!(primary_count(5, 1), None);
        assert_eq!(primary_count(3, 0), Some(3));
    }

    #[test]
    fn a_replica_goes_where_there_are_fewest_and_elsewhere() {
        let primaries = [(node("a", "x"), 1), (node("b", "x"), 0), (node("c", "y"), 0)];
        assert_eq!(primary_for(&node("b", "x"), &primaries), Some(2));
        assert_eq!(primary_for(&node("b", "y"), &primaries), Some(2));
        assert_eq!(primary_for(&node("d", "y"), &primaries), Some(1));
    }

    #[test]
    fn the_shares_cover_every_slot_once() {
        for primaries in 1..200 {
            let shares: Vec<_> = (0..primaries).map(|index| share(index, primaries)).collect();
            assert_eq!((shares[0].0, shares[primaries - 1].1), (0, 16_384));
            assert!(shares.windows(2).all(|pair| pair[0].1 == pair[1].0));
        }
        assert_eq!((share(0, 3), share(2, 3)), ((0, 5461), (10_923, 16_384)));
    }

    /// The least cost of all placements, by trying every one of six nodes.
    fn least(nodes: &[Candidate]) -> Cost {
        let mut best = None;
        let mut order: Vec<usize> = (0..nodes.len()).collect();
        permute(&mut order, 0, &mut |order| {
            let shards: Vec<Shard> =
                (0..3).map(|n| Shard { primary: order[n], replicas: vec![order[n + 3]] }).collect();
            let this = cost(nodes, &shards);
            best = Some(best.map_or(this, |best: Cost| best.min(this)));
        });
        best.unwrap()
    }

    fn permute(order: &mut Vec<usize>, from: usize, each: &mut impl FnMut(&[usize])) {
        if from == order.len() {
            return each(order);
        }
        for other in from..order.len() {
            order.swap(from, other);
            permute(order, from + 1, each);
            order.swap(from, other);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn six_nodes_are_placed_as_well_as_can_be(places in prop::collection::vec((0..4_u8, 0..3_u8), 6)) {
            // A host is in one zone.
            let nodes: Vec<Candidate> = places
                .iter()
                .map(|(host, zone)| node(&format!("{zone}{host}"), &format!("z{zone}")))
                .collect();
            prop_assert_eq!(cost(&nodes, &place(&nodes, 3)), least(&nodes));
        }

        #[test]
        fn every_node_has_one_place(
            places in prop::collection::vec((0..6_u8, 0..3_u8), 3..40),
            replicas in 0..4_usize,
        ) {
            let nodes: Vec<Candidate> = places
                .iter()
                .map(|(host, zone)| node(&host.to_string(), if *zone == 0 { "" } else { "z" }))
                .collect();
            let Some(primaries) = primary_count(nodes.len(), replicas) else { return Ok(()) };
            let shards = place(&nodes, primaries);
            prop_assert_eq!(shards.len(), primaries);
            let mut seen: Vec<usize> = shards.iter().flat_map(Shard::nodes).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..nodes.len()).collect::<Vec<_>>());
            prop_assert!(shards.iter().all(|shard| shard.replicas.len() >= replicas));
            let fewest = shards.iter().map(|shard| shard.replicas.len()).min();
            let most = shards.iter().map(|shard| shard.replicas.len()).max();
            prop_assert!(most <= fewest.map(|fewest| fewest + 1));
        }
    }
}
