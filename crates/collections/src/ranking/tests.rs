use super::{FrozenRanking, Ranking, member_hash};
use proptest::prelude::*;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Members in their order, with their scores.
type Ordered = Vec<(Vec<u8>, f64)>;

/// The same by simple means.
#[derive(Default)]
struct Model {
    scores: BTreeMap<Vec<u8>, f64>,
}

impl Model {
    fn ordered(&self) -> Ordered {
        let mut all: Vec<_> =
            self.scores.iter().map(|(member, &score)| (member.clone(), score)).collect();
        all.sort_by(|(a, x), (b, y)| x.partial_cmp(y).unwrap_or(Ordering::Equal).then(a.cmp(b)));
        all
    }
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u16, i8),
    /// Ascending, so that leaves are split at their end.
    Append(u16),
    Remove(u16),
    RemoveRange(u16, u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..3000u16, any::<i8>()).prop_map(|(member, score)| Step::Insert(member, score)),
        2 => (0..3000u16).prop_map(Step::Append),
        4 => (0..3000u16).prop_map(Step::Remove),
        1 => (any::<u16>(), any::<u8>()).prop_map(|(from, count)| Step::RemoveRange(from, count)),
    ];
    prop::collection::vec(step, 0..3000)
}

/// Some members are too long for a leaf.
fn member(number: u16) -> Vec<u8> {
    let mut member = format!("m{number}").into_bytes();
    if number.is_multiple_of(16) {
        member.resize(150, b'x');
    }
    member
}

fn compare(ranking: &Ranking, model: &Model) {
    assert_eq!(ranking.tree.check(), ranking.len() as u64);
    assert_eq!(ranking.len(), model.scores.len());
    let expected = model.ordered();
    let found: Vec<_> =
        ranking.range(0..ranking.len()).map(|(member, score)| (member.to_vec(), score)).collect();
    assert_eq!(found, expected);
    for (rank, (member, score)) in expected.iter().enumerate() {
        assert_eq!(ranking.rank(member), Some((rank, *score)));
    }
    let mut seen = BTreeSet::new();
    let mut cursor = 0;
    loop {
        cursor = ranking.scan(cursor, 10, |member, _| {
            assert!(seen.insert(member.to_vec()));
        });
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(seen.len(), expected.len());
    let heap_bytes = ranking.heap_bytes();
    let recounted = ranking.clone();
    assert!(*ranking == recounted && recounted.heap_bytes() <= heap_bytes);
    recounted.tree.check();
}

fn run(ranking: &mut Ranking, model: &mut Model, step: Step) {
    match step {
        Step::Insert(number, score) => {
            let (member, score) = (member(number), f64::from(score / 8));
            let before = ranking.insert(score, &member);
            assert_eq!(before, model.scores.insert(member, score));
        }
        Step::Append(number) => {
            let (member, score) = (member(number), 1000.0 + f64::from(number));
            let before = ranking.insert(score, &member);
            assert_eq!(before, model.scores.insert(member, score));
        }
        Step::Remove(number) => {
            let member = member(number);
            assert_eq!(ranking.remove(&member), model.scores.remove(&member));
        }
        Step::RemoveRange(from, count) => {
            let from = usize::from(from) % (ranking.len() + 1);
            let to = (from + usize::from(count)).min(ranking.len());
            for (member, _) in model.ordered().drain(from..to) {
                model.scores.remove(&member);
            }
            ranking.remove_range(from..to);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn it_does_what_a_sorted_list_does(steps in steps()) {
        let mut ranking = Ranking::new((1, 2));
        let mut model = Model::default();
        steps.into_iter().for_each(|step| run(&mut ranking, &mut model, step));
        compare(&ranking, &model);
    }

    /// What is frozen is what was there, whatever becomes of the ranking.
    #[test]
    fn what_is_frozen_stays(rounds in prop::collection::vec((steps(), any::<bool>()), 1..4)) {
        let mut ranking = Ranking::new((1, 2));
        let mut model = Model::default();
        let mut frozen: Vec<(FrozenRanking, Ordered)> = Vec::new();
        for (steps, drops) in rounds {
            steps.into_iter().for_each(|step| run(&mut ranking, &mut model, step));
            compare(&ranking, &model);
            if drops {
                frozen.pop();
            }
            frozen.push((ranking.freeze(), model.ordered()));
        }
        (0..3000).for_each(|number| run(&mut ranking, &mut model, Step::Remove(number)));
        compare(&ranking, &model);
        for (frozen, expected) in frozen {
            prop_assert_eq!(frozen.len(), expected.len());
            let mut found: Vec<_> =
                frozen.iter_back().map(|(member, score)| (member.to_vec(), score)).collect();
            found.reverse();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn ranks_are_counts(scores in prop::collection::vec(-20i8..20, 0..500), bound in -25i8..25) {
        let mut ranking = Ranking::new((3, 4));
        for (number, &score) in scores.iter().enumerate() {
            ranking.insert(f64::from(score), &number.to_be_bytes());
        }
        let less = scores.iter().filter(|&&score| score < bound).count();
        prop_assert_eq!(ranking.rank_by_score(|score| score < f64::from(bound)), less);
        let backwards: Vec<_> = ranking.range(less..scores.len()).rev().map(|(_, score)| score).collect();
        prop_assert!(backwards.is_sorted_by(|a, b| a >= b));
        prop_assert_eq!(backwards.len(), scores.len() - less);
    }
}

#[test]
fn it_grows_and_shrinks_through_all_levels() {
    let mut ranking = Ranking::new((5, 6));
    let mut model = Model::default();
    let number = |index: u64| index.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    for index in 0..60_000u64 {
        let member = number(index).to_be_bytes();
        ranking.insert((number(index) % 1000) as f64, &member);
        model.scores.insert(member.to_vec(), (number(index) % 1000) as f64);
    }
    compare(&ranking, &model);
    let full = ranking.heap_bytes();
    for index in 0..59_900u64 {
        let member = number(index).to_be_bytes();
        assert_eq!(ranking.remove(&member), model.scores.remove(&member[..]));
    }
    compare(&ranking, &model);
    assert!(ranking.heap_bytes() < full / 20, "{} of {full} bytes stay", ranking.heap_bytes());
    ranking.remove_range(0..ranking.len());
    assert!(ranking.is_empty() && ranking.scan(0, 10, |_, _| {}) == 0);
}

#[test]
fn members_of_one_score_are_in_the_order_of_their_bytes() {
    let mut ranking = Ranking::new((7, 8));
    for number in (0..5000u32).rev() {
        ranking.insert(0.0, format!("{number:04}").as_bytes());
    }
    assert_eq!(ranking.rank_by_member(|member| member < b"1234"), 1234);
    assert_eq!(ranking.rank_by_member(|member| member <= b"1234"), 1235);
    assert_eq!(ranking.range(1234..1235).next(), Some((&b"1234"[..], 0.0)));
}

/// The guarantee of SCAN: what is there from the first call to the last is visited, whatever else comes and goes.
#[test]
fn a_scan_meets_all_that_stay() {
    let mut ranking = Ranking::new((9, 10));
    for number in 0..2000u32 {
        ranking.insert(f64::from(number), &number.to_be_bytes());
    }
    let (mut seen, mut cursor, mut step) = (HashSet::new(), 0, 0u32);
    loop {
        cursor = ranking.scan(cursor, 10, |member, _| {
            seen.insert(member.to_vec());
        });
        if cursor == 0 {
            break;
        }
        for number in 0..300 {
            ranking.insert(f64::from(number), &(10_000 + step * 300 + number).to_be_bytes());
            ranking.remove(&(10_000 + step * 280 + number).to_be_bytes());
        }
        // Those that stay move to other places of the order.
        ranking.insert(f64::from(step) * 7.0, &(step * 13 % 2000).to_be_bytes());
        step += 1;
    }
    assert!((0..2000u32).all(|number| seen.contains(&number.to_be_bytes()[..])));
}

#[test]
fn what_is_prefetched_is_on_the_way_to_the_member() {
    let mut ranking = Ranking::new((9, 10));
    let steps = |ranking: &Ranking, member: &[u8]| {
        (0..).find(|&step| !ranking.prefetch(member_hash((9, 10), member), step))
    };
    assert_eq!(steps(&ranking, b"absent"), Some(2), "there is no leaf to go on to");
    (0..3000).for_each(|number| {
        ranking.insert(f64::from(number % 7), &member(number));
    });
    for number in 0..3000 {
        let steps = steps(&ranking, &member(number));
        assert_eq!(steps, Some(5), "run, entries, number, tags, score, bytes");
    }
}
