//! Which slots go where, so that each primary has its share, and as few move as can be.

use base::NodeId;

/// A primary, what it has and how much it should have beside the others.
#[derive(Clone, Debug)]
pub(super) struct Holder {
    pub(super) id: NodeId,
    /// Ascending.
    pub(super) slots: Vec<u16>,
    /// Zero: it is to have none.
    pub(super) weight: f64,
}

/// Slots that go from one node to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Move {
    pub(super) from: NodeId,
    pub(super) to: NodeId,
    /// Ascending.
    pub(super) slots: Vec<u16>,
}

/// How many slots each should have: proportional to the weights, whole numbers, and where they do not divide, the
/// odd ones with those that would have to give them away.
fn targets(holders: &[Holder]) -> Vec<usize> {
    let total: usize = holders.iter().map(|holder| holder.slots.len()).sum();
    let weights: f64 = holders.iter().map(|holder| holder.weight).sum();
    let exact = |holder: &Holder| total as f64 * holder.weight / weights;
    let whole: Vec<usize> =
        holders.iter().map(|holder| (exact(holder) + 1e-9).floor() as usize).collect();
    let odd = total.saturating_sub(whole.iter().sum());
    // Of those whose share is not whole: first who has more already, then the largest remainders.
    let remainder = |n: usize| exact(&holders[n]) - whole[n] as f64;
    let has_more = |n: usize| holders[n].slots.len() > whole[n];
    let mut order: Vec<usize> = (0..holders.len()).filter(|&n| remainder(n) > 1e-9).collect();
    order.sort_by(|&one, &other| {
        let by_remainder = remainder(other).total_cmp(&remainder(one));
        has_more(other).cmp(&has_more(one)).then(by_remainder)
    });
    let mut targets = whole.clone();
    for &number in order.iter().take(odd) {
        targets[number] += 1;
    }
    targets
}

/// The moves after which every primary has its share. The weights are not negative, and one is above zero.
pub(super) fn rebalance(holders: &[Holder]) -> Vec<Move> {
    moves_to(holders, &targets(holders))
}

/// The moves that leave those of weight zero without slots, and give these to the others, to whoever has least by
/// its weight. Nothing else moves.
pub(super) fn drain(holders: &[Holder]) -> Vec<Move> {
    let mut targets: Vec<usize> = holders
        .iter()
        .map(|holder| if holder.weight > 0.0 { holder.slots.len() } else { 0 })
        .collect();
    let drained: usize =
        holders.iter().filter(|holder| holder.weight <= 0.0).map(|holder| holder.slots.len()).sum();
    for _ in 0..drained {
        let fullness = |n: usize| (targets[n] + 1) as f64 / holders[n].weight;
        let least = (0..holders.len())
            .filter(|&n| holders[n].weight > 0.0)
            .min_by(|&one, &other| fullness(one).total_cmp(&fullness(other)));
        let Some(least) = least else { return Vec::new() };
        targets[least] += 1;
    }
    moves_to(holders, &targets)
}

/// The slots above each target, to those below it. What is given are the last slots of a node, so that what stays is
/// in few ranges.
fn moves_to(holders: &[Holder], targets: &[usize]) -> Vec<Move> {
    let mut moves: Vec<Move> = Vec::new();
    let mut takers = holders
        .iter()
        .zip(targets)
        .map(|(holder, &target)| (holder.id, target.saturating_sub(holder.slots.len())));
    let mut taker = takers.next();
    for (giver, &target) in holders.iter().zip(targets) {
        let mut surplus = giver.slots.get(target..).unwrap_or_default();
        while !surplus.is_empty() {
            let Some((to, wanted)) = taker.as_mut() else { return moves };
            if *wanted == 0 {
                taker = takers.next();
                continue;
            }
            let (taken, rest) = surplus.split_at(surplus.len().min(*wanted));
            *wanted -= taken.len();
            moves.push(Move { from: giver.id, to: *to, slots: taken.to_vec() });
            surplus = rest;
        }
    }
    moves
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn id(number: usize) -> NodeId {
        NodeId::parse(format!("{number:040}").as_bytes()).unwrap()
    }

    fn holders(shares: &[(usize, f64)]) -> Vec<Holder> {
        let mut next = 0;
        let mut holder = |(number, &(count, weight)): (usize, &(usize, f64))| {
            let slots = (next..next + count as u16).collect();
            next += count as u16;
            Holder { id: id(number), slots, weight }
        };
        shares.iter().enumerate().map(&mut holder).collect()
    }

    fn after(holders: &[Holder], moves: &[Move]) -> Vec<usize> {
        let mut slots: BTreeMap<NodeId, Vec<u16>> =
            holders.iter().map(|holder| (holder.id, holder.slots.clone())).collect();
        for one in moves {
            for slot in &one.slots {
                let from = slots.get_mut(&one.from).unwrap();
                let place =
                    from.iter().position(|have| have == slot).expect("it has what it gives");
                from.remove(place);
                slots.get_mut(&one.to).unwrap().push(*slot);
            }
        }
        slots.values().map(Vec::len).collect()
    }

    #[test]
    fn a_fourth_node_gets_a_quarter_and_nothing_else_moves() {
        let holders = holders(&[(5461, 1.0), (5462, 1.0), (5461, 1.0), (0, 1.0)]);
        let moves = rebalance(&holders);
        assert_eq!(after(&holders, &moves), [4096; 4]);
        assert!(moves.iter().all(|one| one.to == id(3)));
        assert_eq!(moves[0].slots.first(), Some(&4096), "what is given is the end of the range");
    }

    #[test]
    fn what_is_level_stays() {
        assert_eq!(rebalance(&holders(&[(5461, 1.0), (5462, 1.0), (5461, 1.0)])), []);
        assert_eq!(rebalance(&holders(&[(5461, 1.0), (5461, 1.0), (5462, 1.0)])), []);
    }

    #[test]
    fn weights_are_shares() {
        let holders = holders(&[(16_384, 1.0), (0, 2.0), (0, 1.0), (0, 0.0)]);
        assert_eq!(after(&holders, &rebalance(&holders)), [4096, 8192, 4096, 0]);
    }

    #[test]
    fn what_is_drained_levels_the_others() {
        let holders = holders(&[(6000, 0.0), (4000, 1.0), (6384, 1.0)]);
        assert_eq!(after(&holders, &drain(&holders)), [0, 8192, 8192]);
        let holders = self::holders(&[(100, 0.0), (4000, 1.0), (12_284, 1.0)]);
        assert_eq!(after(&holders, &drain(&holders)), [0, 4100, 12_284]);
    }

    fn any_holders() -> impl Strategy<Value = Vec<Holder>> {
        let cuts = prop::collection::vec(0_u16..=16_384, 1..8);
        let weights = prop::collection::vec(0_u8..5, 9);
        (cuts, weights).prop_map(|(mut cuts, weights)| {
            cuts.sort_unstable();
            let begins = std::iter::once(0).chain(cuts.iter().copied());
            let ends = cuts.iter().copied().chain([16_384]);
            let mut holders: Vec<Holder> = begins
                .zip(ends)
                .zip(weights)
                .enumerate()
                .map(|(n, ((begin, end), weight))| Holder {
                    id: id(n),
                    slots: (begin..end).collect(),
                    weight: weight.into(),
                })
                .collect();
            holders[0].weight += 1.0;
            holders
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn each_gets_its_share_and_no_slot_moves_for_nothing(holders in any_holders()) {
            let moves = rebalance(&holders);
            let weights: f64 = holders.iter().map(|holder| holder.weight).sum();
            let after = after(&holders, &moves);
            for (holder, &has) in holders.iter().zip(&after) {
                let exact = 16_384.0 * holder.weight / weights;
                prop_assert!((has as f64 - exact).abs() < 1.0, "{has} of {exact}");
            }
            // Whoever gives takes nothing, and gives no more than it has above its share.
            let moved: usize = moves.iter().map(|one| one.slots.len()).sum();
            let surplus: usize =
                holders.iter().zip(&after).map(|(h, &has)| h.slots.len().saturating_sub(has)).sum();
            prop_assert_eq!(moved, surplus);
            // No other whole shares would have moved fewer.
            let above: f64 = holders
                .iter()
                .map(|h| (h.slots.len() as f64 - (16_384.0 * h.weight / weights - 1e-6).ceil()).max(0.0))
                .sum();
            prop_assert!(moved as f64 <= above + holders.len() as f64);
        }

        #[test]
        fn after_a_rebalance_there_is_nothing_to_do(holders in any_holders()) {
            let mut slots: BTreeMap<NodeId, Vec<u16>> =
                holders.iter().map(|h| (h.id, h.slots.clone())).collect();
            for one in rebalance(&holders) {
                slots.get_mut(&one.from).unwrap().retain(|slot| !one.slots.contains(slot));
                slots.get_mut(&one.to).unwrap().extend(&one.slots);
            }
            let levelled: Vec<Holder> = holders
                .iter()
                .map(|h| Holder { slots: slots[&h.id].clone(), ..h.clone() })
                .collect();
            prop_assert_eq!(rebalance(&levelled), []);
        }

        #[test]
        fn draining_moves_what_is_drained_and_nothing_else(holders in any_holders()) {
            let moves = drain(&holders);
            let drained: usize =
                holders.iter().filter(|h| h.weight <= 0.0).map(|h| h.slots.len()).sum();
            prop_assert_eq!(moves.iter().map(|one| one.slots.len()).sum::<usize>(), drained);
            let after = after(&holders, &moves);
            prop_assert!(holders.iter().zip(after).all(|(h, has)| h.weight > 0.0 || has == 0));
        }
    }
}
