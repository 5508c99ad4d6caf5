//! Streams against a `BTreeMap` of entries, the layout of a node, and what groups know.

use super::{
    AppendError, Deletion, Entry, Group, Log, NewId, Pending, References, Stream, StreamId,
    Threshold, Trim, node,
};
use crate::StreamRules;
use proptest::prelude::*;
use std::collections::BTreeMap;

type Fields = Vec<(Vec<u8>, Vec<u8>)>;
type Model = BTreeMap<StreamId, Fields>;

const RULES: StreamRules = StreamRules { node_bytes: 4096, node_entries: 100 };

fn id(ms: u64, seq: u64) -> StreamId {
    StreamId::new(ms, seq)
}

fn append(stream: &mut Stream, at: StreamId, words: &[&str], rules: StreamRules) -> bool {
    let fields = words.chunks(2).map(|pair| (pair[0].as_bytes(), pair[1].as_bytes()));
    stream.log_mut().append(NewId::Exactly(at), fields, rules).is_ok()
}

fn entries<'a>(all: impl Iterator<Item = Entry<'a>>) -> Vec<(StreamId, Fields)> {
    let bytes = |item: crate::Item<'_>| item.with_bytes(<[u8]>::to_vec);
    let fields = |entry: &Entry<'_>| {
        entry.fields.clone().map(|(name, value)| (bytes(name), bytes(value))).collect()
    };
    all.map(|entry| (entry.id, fields(&entry))).collect()
}

/// The bytes are those that Valkey 9.1 dumps.
#[test]
fn a_node_is_laid_out_as_in_redis() {
    let mut stream = Stream::new();
    append(&mut stream, id(5, 1), &["f", "hello", "n", "300"], RULES);
    append(&mut stream, id(5, 2), &["f", "7", "n", "-5"], RULES);
    append(&mut stream, id(6, 0), &["other", "x"], RULES);
    append(&mut stream, id(4000, 1), &["f", "01", "n", "zz"], RULES);
    assert_eq!(stream.delete(id(5, 2), References::Keep), Deletion::Deleted);
    let expected = "5a0000001f00030101010201816602816e0200010201000100018568656c6c6f06c12c0205010301000101010701\
        dffb02050100010101dfff020101856f746865720681780206010201cf9b02000182303103827a7a030501ff";
    let nodes: Vec<_> = stream.log().node_listpacks().collect();
    let hex: String = nodes[0].1.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((nodes.len(), nodes[0].0, hex.as_str()), (1, id(5, 1), expected));
}

#[test]
fn ids_grow_and_end() {
    let mut log = Log::default();
    let mut add = |new_id| log.append(new_id, [(&b"f"[..], &b"v"[..])].into_iter(), RULES);
    assert_eq!(add(NewId::AutoSequence(0)), Ok(id(0, 1)));
    assert_eq!(add(NewId::Auto(5)), Ok(id(5, 0)));
    assert_eq!(add(NewId::Auto(4)), Ok(id(5, 1)), "the clock went back");
    assert_eq!(add(NewId::AutoSequence(5)), Ok(id(5, 2)));
    assert_eq!(add(NewId::Exactly(id(5, 2))), Err(AppendError::NotAbove));
    assert_eq!(add(NewId::AutoSequence(4)), Err(AppendError::NotAbove));
    assert_eq!(add(NewId::Exactly(id(7, u64::MAX))), Ok(id(7, u64::MAX)));
    assert_eq!(add(NewId::AutoSequence(7)), Err(AppendError::NotAbove));
    assert_eq!(add(NewId::Auto(7)), Ok(id(8, 0)));
    assert_eq!(add(NewId::Exactly(StreamId::MAX)), Ok(StreamId::MAX));
    assert_eq!(add(NewId::Auto(9)), Err(AppendError::Exhausted));
}

#[test]
fn an_approximate_trim_removes_whole_nodes_within_its_limit() {
    let rules = StreamRules { node_bytes: 0, node_entries: 10 };
    let mut stream = Stream::new();
    (1..=95).for_each(|ms| assert!(append(&mut stream, id(ms, 0), &["f", "v"], rules)));
    let mut trim = |threshold, limit| {
        stream.trim(&Trim { threshold, is_approximate: true, limit }, References::Keep)
    };
    assert_eq!(trim(Threshold::Length(86), 0), 0);
    assert_eq!(trim(Threshold::Length(85), 9), 0);
    assert_eq!(trim(Threshold::Length(10), 29), 20);
    assert_eq!(trim(Threshold::Id(id(45, 0)), 0), 20);
    assert_eq!(stream.log().first_id(), id(41, 0));
}

#[test]
fn references_are_kept_removed_or_respected() {
    let mut stream = Stream::new();
    (1..=6).for_each(|ms| assert!(append(&mut stream, id(ms, 0), &["f", "v"], RULES)));
    stream.add_group(b"g", Group::new(StreamId::MIN, None));
    stream.change_group(b"g", |log, group| {
        let (consumer, _) = group.ensure_consumer(b"c", 0);
        for ms in 1..=4 {
            group.read_up_to(log, id(ms, 0));
            group.set_pending(id(ms, 0), Pending { consumer, delivered_at: 0, deliveries: 1 });
        }
        group.forget(id(1, 0));
    });
    let pending = |stream: &Stream| stream.group(b"g").map(Group::pending_len);
    assert_eq!(stream.delete(id(2, 0), References::Respect), Deletion::Referenced);
    assert_eq!(stream.delete(id(5, 0), References::Respect), Deletion::Referenced, "not read yet");
    assert_eq!(stream.delete(id(9, 0), References::Respect), Deletion::Absent);
    assert_eq!(stream.delete(id(2, 0), References::Keep), Deletion::Deleted);
    assert_eq!(pending(&stream), Some(3));
    assert_eq!(stream.delete(id(3, 0), References::Remove), Deletion::Deleted);
    assert_eq!(pending(&stream), Some(2));
    let trim = Trim { threshold: Threshold::Length(0), is_approximate: false, limit: 0 };
    assert_eq!(stream.trim(&trim, References::Respect), 1, "only what all have acknowledged");
    assert_eq!(stream.trim(&trim, References::Remove), 3);
    assert_eq!(pending(&stream), Some(1), "that of the entry deleted with its reference kept");
}

#[test]
fn numbers_of_consumers_are_given_again() {
    let mut group = Group::new(StreamId::MIN, None);
    let (first, _) = group.ensure_consumer(b"a", 1);
    group.set_pending(id(1, 0), Pending { consumer: first, delivered_at: 0, deliveries: 1 });
    assert_eq!((group.remove_consumer(b"a"), group.pending_len()), (Some(1), 0));
    let (second, is_new) = group.ensure_consumer(b"b", 1);
    assert!(is_new && first == second && group.consumer(second).pending_len() == 0);
}

#[derive(Clone, Debug)]
enum Step {
    Append(u64, Vec<(u8, u8)>),
    Delete(prop::sample::Index),
    Trim(Threshold, bool, u64),
}

fn step() -> impl Strategy<Value = Step> {
    let threshold = prop_oneof![
        (0u64..40).prop_map(Threshold::Length),
        (0u64..200).prop_map(|ms| Threshold::Id(id(ms, 0))),
    ];
    prop_oneof![
        8 => (0u64..3, prop::collection::vec(any::<(u8, u8)>(), 1..4))
            .prop_map(|(gap, fields)| Step::Append(gap, fields)),
        3 => any::<prop::sample::Index>().prop_map(Step::Delete),
        1 => (threshold, any::<bool>(), 0u64..12).prop_map(|(threshold, whole, limit)| Step::Trim(threshold, whole, limit)),
    ]
}

proptest! {
    #[test]
    fn it_is_a_map_in_the_order_of_ids(
        rules in (0usize..300, 0usize..8),
        steps in prop::collection::vec(step(), 0..120),
        bounds in (0u64..200, 0u64..200),
        cloned_at in 0..120usize,
    ) {
        let rules = StreamRules { node_bytes: rules.0, node_entries: rules.1 };
        let (mut stream, mut model) = (Stream::new(), Model::new());
        let mut clone = None;
        for (number, step) in steps.into_iter().enumerate() {
            if number == cloned_at {
                clone = Some((stream.clone(), model.clone()));
            }
            match step {
                Step::Append(gap, fields) => {
                    let last = stream.log().last_id();
                    let at = if gap == 0 { last.next().unwrap() } else { id(last.ms + gap, 0) };
                    let fields: Fields = fields.iter()
                        .map(|(name, value)| (vec![b'a' + name % 2], vec![b'0' + value % 12; usize::from(value % 7)]))
                        .collect();
                    let words = fields.iter().map(|(name, value)| (name.as_slice(), value.as_slice()));
                    prop_assert!(stream.log_mut().append(NewId::Exactly(at), words, rules).is_ok());
                    model.insert(at, fields);
                }
                Step::Delete(index) => {
                    let Some(&at) = (!model.is_empty()).then(|| index.get(&model.keys().copied().collect::<Vec<_>>()).to_owned()).as_ref() else { continue };
                    prop_assert_eq!(stream.delete(at, References::Keep), Deletion::Deleted);
                    prop_assert_eq!(stream.delete(at, References::Keep), Deletion::Absent);
                    model.remove(&at);
                }
                Step::Trim(threshold, is_approximate, limit) => {
                    let limit = if is_approximate { limit } else { 0 };
                    let trimmed = stream.trim(&Trim { threshold, is_approximate, limit }, References::Keep);
                    if !is_approximate {
                        let stays = |model: &Model| match threshold {
                            Threshold::Length(max) => model.len() as u64 <= max,
                            Threshold::Id(min) => model.keys().next().is_none_or(|&first| first >= min),
                        };
                        let before = model.len();
                        while !stays(&model) { model.pop_first(); }
                        prop_assert_eq!(trimmed as usize, before - model.len());
                    } else {
                        (0..trimmed).for_each(|_| { model.pop_first(); });
                    }
                }
            }
            prop_assert_eq!(stream.len(), model.len());
            let first = model.keys().next().copied().unwrap_or_default();
            prop_assert_eq!(stream.log().first_id(), first);
        }
        if let Some((mut clone, model)) = clone {
            let expected: Vec<_> = model.into_iter().collect();
            let all = |clone: &Stream| entries(clone.log().range(StreamId::MIN, StreamId::MAX));
            prop_assert_eq!(&all(&clone), &expected);
            // Nor does the stream know what becomes of the clone.
            let trim = Trim { threshold: Threshold::Length(1), is_approximate: false, limit: 0 };
            clone.trim(&trim, References::Keep);
            let at = clone.log().last_id().next().unwrap();
            append(&mut clone, at, &["a", "b"], rules);
        }
        let nodes = stream.log().nodes().iter().map(|(_, node)| node);
        prop_assert!(stream.heap_bytes() >= nodes.clone().map(node::Node::heap_bytes).sum());
        for node in nodes {
            prop_assert_eq!(node.listpack_bytes(), node.listpack().bytes().len());
        }
        let (first, last) = (id(bounds.0, 0), id(bounds.1, 5));
        let expected: Vec<_> = model.iter()
            .filter(|&(&at, _)| first <= at && at <= last)
            .map(|(&at, fields)| (at, fields.clone()))
            .collect();
        prop_assert_eq!(entries(stream.log().range(first, last)), expected.clone());
        let mut reversed = entries(stream.log().range_reversed(first, last));
        reversed.reverse();
        prop_assert_eq!(reversed, expected);
        prop_assert_eq!(&stream, &stream.clone());
    }
}
