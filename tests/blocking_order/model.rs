//! Who waits for what, and what each is given when something comes.

use std::collections::{BTreeMap, VecDeque};

use base::Rng;

pub(super) const SOURCES: [&str; 3] = ["source:0", "source:1", "source:2"];
/// Lists to which elements are moved. Only their first elements are taken and only last ones added: whether those who wait for them are served between
/// two moves or behind both is left to the server.
pub(super) const SINKS: [&str; 3] = ["sink:0", "sink:1", "sink:2"];
pub(super) const SORTED_SETS: [&str; 2] = ["sorted:0", "sorted:1"];
pub(super) const STREAMS: [&str; 2] = ["stream:0", "stream:1"];
pub(super) const GROUPS: [&str; 2] = ["a", "b"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    First,
    Last,
}

/// What somebody waits for.
#[derive(Debug, Clone)]
pub(super) enum Want {
    /// So many elements of an end of a list.
    Elements(End, usize),
    /// An element of a list, for a sink.
    Move(End, &'static str),
    /// So many members of an end of a sorted set.
    Members(End, usize),
    /// What comes to a stream.
    Entries,
    /// What a group has not read, or so many entries of it.
    Unread(&'static str, usize),
}

#[derive(Debug, Clone)]
pub(super) struct Wait {
    pub(super) command: String,
    keys: Vec<&'static str>,
    want: Want,
}

pub(super) fn pick(rng: &mut Rng, from: &[&'static str]) -> &'static str {
    from[rng.below(from.len() as u64) as usize]
}

/// Two different ones.
fn pick_two(rng: &mut Rng, from: &[&'static str]) -> Vec<&'static str> {
    let first = rng.below(from.len() as u64) as usize;
    let second = (first + 1 + rng.below(from.len() as u64 - 1) as usize) % from.len();
    vec![from[first], from[second]]
}

impl Wait {
    /// By chance, of all kinds; `millis` is how long it waits, 0 is for ever.
    pub(super) fn any(rng: &mut Rng, millis: u64) -> Wait {
        let time = millis as f64 / 1000.0;
        let (end, count) = ([End::First, End::Last][rng.below(2) as usize], 1 + rng.below(3));
        let (source, sink) = (pick(rng, &SOURCES), pick(rng, &SINKS));
        let (left, min) = match end {
            End::First => ("LEFT", "MIN"),
            End::Last => ("RIGHT", "MAX"),
        };
        let (command, keys, want) = match rng.below(12) {
            0 | 1 => {
                let keys = pick_two(rng, &SOURCES);
                let name = if end == End::First { "BLPOP" } else { "BRPOP" };
                let command = format!("{name} {} {time}", keys.join(" "));
                (command, keys, Want::Elements(end, 1))
            }
            2 | 3 => {
                let keys = pick_two(rng, &SOURCES);
                let command = format!("BLMPOP {time} 2 {} {left} COUNT {count}", keys.join(" "));
                (command, keys, Want::Elements(end, count as usize))
            }
            4 => {
                let command = format!("BLMOVE {source} {sink} {left} RIGHT {time}");
                (command, vec![source], Want::Move(end, sink))
            }
            5 | 6 => {
                let keys = pick_two(rng, &SINKS);
                (format!("BLPOP {} {time}", keys.join(" ")), keys, Want::Elements(End::First, 1))
            }
            7 => {
                let keys = pick_two(rng, &SORTED_SETS);
                let command = format!("BZPOP{min} {} {time}", keys.join(" "));
                (command, keys, Want::Members(end, 1))
            }
            8 => {
                let keys = pick_two(rng, &SORTED_SETS);
                let command = format!("BZMPOP {time} 2 {} {min} COUNT {count}", keys.join(" "));
                (command, keys, Want::Members(end, count as usize))
            }
            9 => {
                let keys = pick_two(rng, &STREAMS);
                let command = format!("XREAD BLOCK {millis} STREAMS {} $ $", keys.join(" "));
                (command, keys, Want::Entries)
            }
            10 => {
                let (key, group) = (pick(rng, &STREAMS), pick(rng, &GROUPS));
                let command = format!(
                    "XREADGROUP GROUP {group} c COUNT {count} BLOCK {millis} STREAMS {key} >"
                );
                (command, vec![key], Want::Unread(group, count as usize))
            }
            _ => {
                let (key, group) = (pick(rng, &STREAMS), pick(rng, &GROUPS));
                let command = format!("XREADGROUP GROUP {group} c BLOCK {millis} STREAMS {key} >");
                (command, vec![key], Want::Unread(group, usize::MAX))
            }
        };
        Wait { command, keys, want }
    }
}

/// Somebody who is served, by number, and the words of the reply.
pub(super) type Served = (usize, Vec<String>);

/// Elements with their scores in sorted sets, their ids in streams.
pub(super) type Value = VecDeque<(String, u64)>;

#[derive(Default)]
pub(super) struct Model {
    /// Lists and sorted sets by key; what is new in streams, and what groups have not read of them by `stream group`.
    pub(super) values: BTreeMap<String, Value>,
    /// Who waits, those first who came first.
    pub(super) waiting: Vec<(usize, Wait)>,
}

fn take(value: &mut Value, end: End, count: usize) -> Vec<(String, u64)> {
    let count = count.min(value.len());
    match end {
        End::First => value.drain(..count).collect(),
        End::Last => value.split_off(value.len() - count).into_iter().rev().collect(),
    }
}

fn entries(key: &str, entries: impl IntoIterator<Item = (String, u64)>) -> Vec<String> {
    let fields = entries
        .into_iter()
        .flat_map(|(element, id)| [format!("{id}-1"), "element".to_owned(), element]);
    [key.to_owned()].into_iter().chain(fields).collect()
}

impl Model {
    /// What somebody is given from a key; whether that is where others wait is told by the second.
    fn attempt(&mut self, want: &Want, key: &str) -> Option<(Vec<String>, Option<&'static str>)> {
        let name = match want {
            Want::Unread(group, _) => format!("{key} {group}"),
            Want::Elements(..) | Want::Move(..) | Want::Members(..) | Want::Entries => key.into(),
        };
        let value = self.values.entry(name).or_default();
        if value.is_empty() {
            return None;
        }
        let words = |taken: Vec<String>| [vec![key.to_owned()], taken].concat();
        Some(match want {
            Want::Elements(end, count) => {
                let taken = take(value, *end, *count).into_iter().map(|(element, _)| element);
                (words(taken.collect()), None)
            }
            Want::Members(end, count) => {
                let taken = take(value, *end, *count).into_iter();
                let taken = taken.flat_map(|(member, score)| [member, score.to_string()]);
                (words(taken.collect()), None)
            }
            Want::Move(end, sink) => {
                let moved = take(value, *end, 1);
                let reply = vec![moved[0].0.clone()];
                self.values.entry((*sink).into()).or_default().extend(moved);
                (reply, Some(*sink))
            }
            Want::Entries => (entries(key, value.iter().cloned()), None),
            Want::Unread(_, count) => (entries(key, take(value, End::First, *count)), None),
        })
    }

    /// Serves those that wait for a key, and for those to which elements are moved.
    fn serve(&mut self, key: &'static str) -> Vec<Served> {
        let (mut served, mut ready) = (Vec::new(), VecDeque::from([key]));
        while let Some(key) = ready.pop_front() {
            for (number, wait) in self.waiting.clone() {
                if wait.keys.contains(&key)
                    && let Some((reply, moved_to)) = self.attempt(&wait.want, key)
                {
                    served.push((number, reply));
                    ready.extend(moved_to);
                    self.waiting.retain(|(one, _)| *one != number);
                }
            }
        }
        served
    }

    /// Somebody comes: what he and others are given; nothing where he begins to wait.
    pub(super) fn begin(&mut self, number: usize, wait: &Wait) -> Vec<Served> {
        for key in &wait.keys {
            // What is in a stream already is not new.
            if !matches!(wait.want, Want::Entries)
                && let Some((reply, moved_to)) = self.attempt(&wait.want, key)
            {
                let others = moved_to.map(|sink| self.serve(sink)).unwrap_or_default();
                return [vec![(number, reply)], others].concat();
            }
        }
        self.waiting.push((number, wait.clone()));
        Vec::new()
    }

    pub(super) fn push(
        &mut self,
        key: &'static str,
        at: End,
        elements: &[(String, u64)],
    ) -> Vec<Served> {
        let is_stream = STREAMS.contains(&key);
        for element in elements {
            for group in GROUPS.iter().filter(|_| is_stream) {
                let unread = self.values.entry(format!("{key} {group}")).or_default();
                unread.push_back(element.clone());
            }
            let value = self.values.entry(key.into()).or_default();
            match at {
                End::First => value.push_front(element.clone()),
                End::Last => value.push_back(element.clone()),
            }
            if SORTED_SETS.contains(&key) {
                value.make_contiguous().sort_by_key(|(_, score)| *score);
            }
        }
        let served = self.serve(key);
        if is_stream {
            self.values.remove(key);
        }
        served
    }
}
