//! SORT and SORT_RO: the elements of a list, set or sorted set in an order of their own, or in that of other keys.

use crate::generic::pattern::slot_of_pattern;
use crate::string::value::with_bytes;
use crate::{CommandError, Outcome};
use base::Slot;
use base::double::parse_double;
use base::number::parse_i64;
use engine::{Edit, EventClass, Expiry, KeyRecord, Kind, kind, value_of};
use resp::{Args, Reply};
use std::cmp::Ordering;
use std::ops::Range;
use values::{End, Hash, Item, List, Set, SortedSet};

/// What stands for an element itself in GET.
const ELEMENT: &[u8] = b"#";

/// What is asked for.
#[derive(Default)]
struct Request<'a> {
    /// `BY`, where the pattern has a place for the element.
    by: Option<&'a [u8]>,
    /// `BY` a pattern without one: the elements stay in their order.
    keeps_order: bool,
    /// `GET`.
    gets: Vec<&'a [u8]>,
    /// `LIMIT`: offset and count, all where negative.
    limit: Option<(i64, i64)>,
    is_descending: bool,
    /// `ALPHA`: by bytes, not by number.
    is_alpha: bool,
    /// `STORE`.
    store: Option<&'a [u8]>,
}

/// Whether an argument at this place begins an option that takes so many more.
fn option_is(args: Args<'_>, at: usize, word: &str, takes: usize) -> bool {
    args[at].eq_ignore_ascii_case(word.as_bytes()) && at + takes < args.len()
}

impl<'a> Request<'a> {
    /// Whether a pattern may name fields of hashes.
    fn reads_fields(&self) -> bool {
        let names_field = |pattern: &&[u8]| pattern.windows(2).any(|pair| pair == b"->");
        self.by.iter().chain(&self.gets).any(names_field)
    }

    /// Reads the options. In a cluster, the keys that patterns name have to be of the slot of the key that is sorted.
    fn parse(args: Args<'a>, in_cluster: bool, may_store: bool) -> Result<Self, CommandError> {
        let own_slot = in_cluster.then(|| Slot::of_key(&args[1]));
        let is_elsewhere = |pattern| own_slot.is_some() && slot_of_pattern(pattern) != own_slot;
        let mut request = Request::default();
        let mut at = 2;
        while at < args.len() {
            if option_is(args, at, "asc", 0) {
                request.is_descending = false;
            } else if option_is(args, at, "desc", 0) {
                request.is_descending = true;
            } else if option_is(args, at, "alpha", 0) {
                request.is_alpha = true;
            } else if option_is(args, at, "limit", 2) {
                let number = |at: usize| parse_i64(&args[at]).ok_or(CommandError::NotInteger);
                request.limit = Some((number(at + 1)?, number(at + 2)?));
                at += 2;
            } else if may_store && option_is(args, at, "store", 1) {
                request.store = args.get(at + 1);
                at += 1;
            } else if option_is(args, at, "by", 1) {
                let pattern = args.get(at + 1).unwrap_or_default();
                request.keeps_order = !pattern.contains(&b'*');
                request.by = (!request.keeps_order).then_some(pattern);
                if request.by.is_some_and(is_elsewhere) {
                    return Err(denied("BY"));
                }
                at += 1;
            } else if option_is(args, at, "get", 1) {
                let pattern = args.get(at + 1).unwrap_or_default();
                if pattern != ELEMENT && is_elsewhere(pattern) {
                    return Err(denied("GET"));
                }
                request.gets.push(pattern);
                at += 1;
            } else {
                return Err(CommandError::Syntax);
            }
            at += 1;
        }
        Ok(request)
    }

    /// The elements that are wanted of so many.
    fn range(&self, len: usize) -> Range<usize> {
        let (offset, count) = self.limit.unwrap_or((0, -1));
        let start = usize::try_from(offset).unwrap_or(0).min(len);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        start..start.saturating_add(count).min(len)
    }

    /// The order of two elements. Those of equal weight are in the order of their bytes, unless bytes are what is compared.
    fn order(&self, one: &Element, other: &Element) -> Ordering {
        let order = match (&one.weight, &other.weight) {
            (Weight::Number(a), Weight::Number(b)) => {
                a.total_cmp(b).then_with(|| one.text.cmp(&other.text))
            }
            (Weight::Own, _) | (_, Weight::Own) => one.text.cmp(&other.text),
            (Weight::Text(a), Weight::Text(b)) => a.cmp(b),
            (Weight::Number(_), Weight::Text(_)) => Ordering::Less,
            (Weight::Text(_), Weight::Number(_)) => Ordering::Greater,
        };
        if self.is_descending { order.reverse() } else { order }
    }
}

fn denied(option: &str) -> CommandError {
    CommandError::Owned(format!(
        "ERR {option} option of SORT denied in Cluster mode when keys formed by the pattern may be in different slots."
    ))
}

/// An element, and what it is compared by.
struct Element {
    text: Vec<u8>,
    weight: Weight,
}

enum Weight {
    /// Its own bytes.
    Own,
    /// A number; never the negative zero.
    Number(f64),
    /// The bytes of another key, where it is there; those without one come first.
    Text(Option<Vec<u8>>),
}

/// Whether the request reads keys that no argument names.
pub(super) fn reads_others(args: Args<'_>) -> bool {
    let is_pattern = |at: usize| option_is(args, at, "by", 1) || option_is(args, at, "get", 1);
    // Without a star, no pattern names a key.
    (2..args.len()).any(|at| is_pattern(at) && args[at + 1].contains(&b'*'))
}

/// Where the key of STORE stands: the last where there are several.
pub(super) fn destination(args: Args<'_>) -> Option<usize> {
    let (mut at, mut found) = (2, None);
    while at < args.len() {
        if option_is(args, at, "limit", 2) {
            at += 2;
        } else if option_is(args, at, "by", 1) || option_is(args, at, "get", 1) {
            at += 1;
        } else if option_is(args, at, "store", 1) {
            found = Some(at + 1);
            at += 1;
        }
        at += 1;
    }
    found
}

pub(super) fn sort(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    in_cluster: bool,
    reply: &mut Reply<'_>,
) -> Outcome {
    run(edit, &args[1], Request::parse(args, in_cluster, true)?, reply)
}

pub(super) fn sort_ro(
    edit: &mut Edit<'_, '_>,
    args: Args<'_>,
    in_cluster: bool,
    reply: &mut Reply<'_>,
) -> Outcome {
    run(edit, &args[1], Request::parse(args, in_cluster, false)?, reply)
}

fn run(
    edit: &mut Edit<'_, '_>,
    key: &[u8],
    mut request: Request<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let source = match edit.find_counted(key) {
        None => None,
        Some(record) => match kind(record) {
            kind @ (Kind::List | Kind::Set | Kind::SortedSet) => Some((kind, record)),
            Kind::String | Kind::Hash | Kind::Stream => return Err(CommandError::WrongType),
        },
    };
    // A set has no order that could be kept in a list.
    if request.keeps_order
        && request.store.is_some()
        && source.is_some_and(|(kind, _)| kind == Kind::Set)
    {
        (request.keeps_order, request.is_alpha) = (false, true);
    }
    let mut elements = source.map_or_else(Vec::new, |(kind, record)| texts(kind, record, &request));
    if !request.keeps_order {
        let mut weighed = Vec::with_capacity(elements.len());
        for text in elements {
            let weight = weigh(edit, &request, &text)?;
            weighed.push(Element { text, weight });
        }
        weighed.sort_by(|one, other| request.order(one, other));
        let wanted = request.range(weighed.len());
        elements = weighed.drain(wanted).map(|element| element.text).collect();
    }
    let Some(destination) = request.store else {
        reply.array(elements.len() * request.gets.len().max(1));
        for element in &elements {
            if request.gets.is_empty() {
                reply.bulk(element);
            }
            for pattern in &request.gets {
                reply.bulk_or_null(look_up(edit, pattern, element).as_deref());
            }
        }
        return Ok(());
    };
    let values: Vec<Vec<u8>> = if request.gets.is_empty() {
        elements
    } else {
        let pairs = elements.iter().flat_map(|one| request.gets.iter().map(move |get| (one, get)));
        pairs.map(|(one, get)| look_up(edit, get, one).unwrap_or_default()).collect()
    };
    let is_changed = store(edit, destination, &values);
    if is_changed && request.reads_fields() && edit.logs() {
        // Whoever runs it again may still have a field that has expired here.
        edit.log(&[b"DEL", destination]);
        if !values.is_empty() {
            let words = [&b"RPUSH"[..], destination].into_iter();
            edit.log_words(words.chain(values.iter().map(Vec::as_slice)));
        }
    }
    reply.count(values.len());
    Ok(())
}

/// The elements of a value: all where they are to be sorted, else those that are wanted, in their order or against it.
fn texts(kind: Kind, record: &KeyRecord, request: &Request<'_>) -> Vec<Vec<u8>> {
    const IS_OF_KIND: &str = "the record is of this kind";
    let mut texts = Vec::new();
    match kind {
        Kind::List => {
            let list = value_of::<List>(record).expect(IS_OF_KIND);
            let len = list.len();
            let wanted = if request.keeps_order { request.range(len) } else { 0..len };
            if request.keeps_order && request.is_descending {
                if let Some(last) = len.checked_sub(wanted.start + 1) {
                    let items = list.iter_back_from(last).take(wanted.len());
                    texts.extend(items.map(values::Element::to_vec));
                }
            } else {
                list.visit(wanted.start, wanted.len(), |item| texts.push(item.to_vec()));
            }
        }
        Kind::SortedSet => {
            let set = value_of::<SortedSet>(record).expect(IS_OF_KIND);
            let len = set.len();
            let wanted = if request.keeps_order { request.range(len) } else { 0..len };
            let is_backwards = request.keeps_order && request.is_descending;
            let ranks = if is_backwards { len - wanted.end..len - wanted.start } else { wanted };
            set.visit(ranks, is_backwards, |member, _| texts.push(member.to_vec()));
        }
        Kind::Set => {
            let set = value_of::<Set>(record).expect(IS_OF_KIND);
            let wanted = if request.keeps_order { request.range(set.len()) } else { 0..set.len() };
            texts.extend(set.iter().skip(wanted.start).take(wanted.len()).map(Item::to_vec));
        }
        Kind::String | Kind::Hash | Kind::Stream => {}
    }
    texts
}

fn weigh(
    edit: &mut Edit<'_, '_>,
    request: &Request<'_>,
    element: &[u8],
) -> Result<Weight, CommandError> {
    match (request.by, request.is_alpha) {
        (None, true) => Ok(Weight::Own),
        (None, false) => number(element).map(Weight::Number),
        (Some(pattern), true) => Ok(Weight::Text(look_up(edit, pattern, element))),
        (Some(pattern), false) => match look_up(edit, pattern, element) {
            Some(text) => number(&text).map(Weight::Number),
            None => Ok(Weight::Number(0.0)),
        },
    }
}

fn number(text: &[u8]) -> Result<f64, CommandError> {
    // Adding zero makes the negative one positive.
    parse_double(text)
        .map(|number| number + 0.0)
        .ok_or(CommandError::Text("ERR One or more scores can't be converted into double"))
}

/// What a pattern names for an element: the element itself, a string, or a field of a hash.
fn look_up(edit: &mut Edit<'_, '_>, pattern: &[u8], element: &[u8]) -> Option<Vec<u8>> {
    if pattern == ELEMENT {
        return Some(element.to_vec());
    }
    let place = pattern.iter().position(|&byte| byte == b'*')?;
    let (before, after) = (&pattern[..place], &pattern[place + 1..]);
    let arrow = after.windows(2).position(|pair| pair == b"->");
    // An arrow with nothing behind it is a part of the key.
    let arrow = arrow.filter(|at| at + 2 < after.len());
    let (after, field) = match arrow {
        Some(at) => (&after[..at], Some(&after[at + 2..])),
        None => (after, None),
    };
    let key = [before, element, after].concat();
    let now = edit.moment().now.0;
    let record = edit.find_counted(&key)?;
    match field {
        None => with_bytes(record, <[u8]>::to_vec).ok(),
        Some(field) => value_of::<Hash>(record).ok()?.get(field, now).map(Item::to_vec),
    }
}

/// Puts the result under a key as a list, or removes the key where nothing is left; whether that has changed anything.
fn store(edit: &mut Edit<'_, '_>, key: &[u8], values: &[Vec<u8>]) -> bool {
    if values.is_empty() {
        let is_removed = edit.remove(key);
        if is_removed {
            edit.notify(EventClass::Generic, "del", key);
            edit.changed(1);
        }
        return is_removed;
    }
    let rules = edit.rules();
    let mut list = List::new();
    list.push_all(End::Right, values.iter().map(Vec::as_slice), &rules);
    edit.put_value(key, list, Expiry::Clear);
    edit.notify(EventClass::List, "sortstore", key);
    edit.changed(values.len() as u64);
    true
}
