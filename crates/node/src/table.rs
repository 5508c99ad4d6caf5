//! All commands of the node: found by name, numbered, with what runs them.

use crate::session::Context;
use commands::spec::SimpleKeys;
use commands::{Body, Command, KeyspaceCommand, Outcome, Run, Spec};
use resp::{Args, Reply};

/// How a command of the node itself runs.
pub type SessionRun = fn(&mut Context<'_>, Args<'_>, &mut Reply<'_>) -> Outcome;

/// A declared command of the node itself.
pub type SessionCommand = Command<SessionRun>;

/// What runs a command.
#[derive(Clone)]
pub enum Action {
    /// A command of the keyspace.
    Keyspace(Run),
    /// A command of the node.
    Session(SessionRun),
    /// The second word decides.
    Subcommands(Container),
}

/// A command with subcommands.
#[derive(Clone)]
pub struct Container {
    /// What runs where there is no second word.
    pub alone: Option<Box<Action>>,
    /// The subcommands, in the order of their declaration.
    pub subcommands: Box<[Entry]>,
}

/// A command as it stands in the table.
#[derive(Clone)]
pub struct Entry {
    /// Its number, which statistics are kept by; subcommands have their own.
    pub index: usize,
    /// Its declaration.
    pub spec: &'static Spec,
    /// Its name in full: `get`, `client|list`.
    pub full_name: String,
    /// What runs it.
    pub action: Action,
    /// Where its keys stand, in the simple case.
    pub keys: Option<SimpleKeys>,
    /// Where the member stands that it works on: see [`Spec::member`].
    pub member: Option<i64>,
}

/// All commands.
pub struct Table {
    entries: Box<[Entry]>,
    /// Open addressing over the folded names.
    buckets: Box<[Bucket]>,
    /// How many numbers were given, those of subcommands included.
    numbered: usize,
}

/// Buckets of the index: several for each command, so that most are found at the first look.
const BUCKETS: usize = 2048;

impl Table {
    /// The table of these families.
    #[must_use]
    pub fn new(
        keyspace: &[&'static [KeyspaceCommand]],
        session: &[&'static [SessionCommand]],
    ) -> Table {
        let mut entries: Vec<Entry> = Vec::new();
        for &family in keyspace {
            entries.extend(family.iter().map(|one| Entry::new(one, None, Action::Keyspace)));
        }
        for &family in session {
            for command in family {
                let entry = Entry::new(command, None, Action::Session);
                match entries.iter_mut().find(|other| other.spec.name == entry.spec.name) {
                    // A container whose subcommands come from both.
                    Some(other) => other.join(entry),
                    None => entries.push(entry),
                }
            }
        }
        entries.sort_by(|a, b| a.spec.name.cmp(b.spec.name));
        let numbered = number(&mut entries, 0);
        let mut buckets = vec![EMPTY; BUCKETS].into_boxed_slice();
        for (index, entry) in entries.iter().enumerate() {
            let bucket = Bucket::new(entry.spec.name, index as u16);
            let mut at = bucket_of(bucket.folded, entry.spec.name.len());
            while buckets[at].length != 0 {
                at = (at + 1) % BUCKETS;
            }
            buckets[at] = bucket;
        }
        Table { entries: entries.into(), buckets, numbered }
    }

    /// The command of this name, in any case.
    #[inline]
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<&Entry> {
        self.position(name).map(|position| self.at(position))
    }

    /// The command at a position that [`Table::position`] has given.
    #[inline]
    #[must_use]
    pub(crate) fn at(&self, position: u16) -> &Entry {
        &self.entries[usize::from(position)]
    }

    /// Where in the table the command of this name stands, in any case.
    #[inline]
    #[must_use]
    pub(crate) fn position(&self, name: &[u8]) -> Option<u16> {
        if name.is_empty() {
            return None;
        }
        let folded = fold(name);
        let mut at = bucket_of(folded, name.len());
        loop {
            let bucket = &self.buckets[at];
            if bucket.length == 0 {
                return None;
            }
            if bucket.folded == folded && usize::from(bucket.length) == name.len() {
                let entry = self.at(bucket.entry);
                if bucket.is_decided || entry.spec.name.as_bytes().eq_ignore_ascii_case(name) {
                    return Some(bucket.entry);
                }
            }
            at = (at + 1) % BUCKETS;
        }
    }

    /// The command or subcommand of this name in full (`get`, `client|list`), in any case.
    #[must_use]
    pub fn find_full(&self, name: &[u8]) -> Option<&Entry> {
        let mut words = name.split(|&byte| byte == b'|');
        let entry = self.find(words.next().unwrap_or_default())?;
        match (words.next(), words.next()) {
            (None, _) => Some(entry),
            (Some(subcommand), None) => entry.subcommand(subcommand),
            (Some(_), Some(_)) => None,
        }
    }

    /// All commands by name.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// All commands and subcommands by the number that statistics are kept by.
    #[must_use]
    pub fn by_number(&self) -> Vec<&Entry> {
        let mut all: Vec<&Entry> = self
            .entries
            .iter()
            .flat_map(|entry| std::iter::once(entry).chain(entry.subcommands()))
            .collect();
        all.sort_unstable_by_key(|entry| entry.index);
        all
    }

    /// How many numbers were given to commands and subcommands.
    #[must_use]
    pub fn numbered(&self) -> usize {
        self.numbered
    }
}

impl Entry {
    /// An entry that has no number of its own yet.
    fn new<R: Copy>(
        command: &'static Command<R>,
        container: Option<&str>,
        action: fn(R) -> Action,
    ) -> Entry {
        let name = command.spec.name;
        let full_name =
            container.map_or_else(|| name.to_owned(), |outer| format!("{outer}|{name}"));
        let contain = |alone: Option<R>, all: &'static [Command<R>]| {
            Action::Subcommands(Container {
                alone: alone.map(|run| Box::new(action(run))),
                subcommands: all.iter().map(|one| Entry::new(one, Some(name), action)).collect(),
            })
        };
        let action = match &command.body {
            Body::Run(run) => action(*run),
            Body::Subcommands(all) => contain(None, all),
            Body::AloneOrSubcommands(run, all) => contain(Some(*run), all),
        };
        let (keys, member) = (command.spec.simple_keys(), command.spec.member());
        Entry { index: 0, spec: &command.spec, full_name, action, keys, member }
    }

    /// The subcommands; none where the command runs by itself.
    #[must_use]
    pub fn subcommands(&self) -> &[Entry] {
        match &self.action {
            Action::Subcommands(container) => &container.subcommands,
            Action::Keyspace(_) | Action::Session(_) => &[],
        }
    }

    /// The subcommand of this name, in any case.
    #[must_use]
    pub fn subcommand(&self, name: &[u8]) -> Option<&Entry> {
        self.subcommands().iter().find(|one| one.spec.name.as_bytes().eq_ignore_ascii_case(name))
    }

    fn join(&mut self, other: Entry) {
        let (Action::Subcommands(mine), Action::Subcommands(more)) =
            (&mut self.action, other.action)
        else {
            panic!("command {} is declared twice", self.spec.name);
        };
        let mut all = std::mem::take(&mut mine.subcommands).into_vec();
        all.extend(more.subcommands);
        all.sort_by_key(|entry| entry.spec.name);
        mine.subcommands = all.into();
        mine.alone = mine.alone.take().or(more.alone);
    }
}

/// Numbers commands and subcommands from `next` on, without a gap; returns the number after the last.
fn number(entries: &mut [Entry], mut next: usize) -> usize {
    for entry in entries {
        entry.index = next;
        next += 1;
        if let Action::Subcommands(container) = &mut entry.action {
            next = number(&mut container.subcommands, next);
        }
    }
    next
}

/// A name's place in the index, and what it is compared by first.
#[derive(Clone, Copy)]
struct Bucket {
    /// The name's folded prefix.
    folded: u64,
    /// The name's length; 0 where the bucket is empty.
    length: u8,
    /// Whether equal prefixes and lengths are equal names: letters only, and not more than the prefix holds.
    is_decided: bool,
    /// Which entry.
    entry: u16,
}

const EMPTY: Bucket = Bucket { folded: 0, length: 0, is_decided: false, entry: 0 };

impl Bucket {
    fn new(name: &str, entry: u16) -> Bucket {
        let is_decided = name.len() <= PREFIX_BYTES && name.bytes().all(|b| b.is_ascii_lowercase());
        Bucket { folded: fold(name.as_bytes()), length: name.len() as u8, is_decided, entry }
    }
}

/// How much of a name its folded prefix holds.
const PREFIX_BYTES: usize = 8;

/// The first eight bytes of a name, or all of it, in an order that depends on its length; letters are the same in both cases.
/// Not for an empty name.
#[inline]
fn fold(name: &[u8]) -> u64 {
    let word = if let Some(first) = name.first_chunk::<8>() {
        u64::from_le_bytes(*first)
    } else if let (Some(first), Some(last)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32
    } else {
        let middle = name[name.len() / 2];
        u64::from(name[0]) | u64::from(middle) << 8 | u64::from(name[name.len() - 1]) << 16
    };
    word | 0x2020_2020_2020_2020
}

/// Where to look first for a name of this folded prefix and length.
#[inline]
fn bucket_of(folded: u64, length: usize) -> usize {
    let mixed = (folded ^ length as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 53) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Fixture;
    use commands::spec::{Begin, Find, Flag};
    use std::collections::BTreeSet;

    #[test]
    fn every_command_is_found_by_its_names_in_any_case() {
        let node = Fixture::new().node;
        let mut names = BTreeSet::new();
        for entry in node.table.by_number() {
            assert!(names.insert(entry.full_name.clone()), "{} twice", entry.full_name);
            for name in [entry.full_name.clone(), entry.full_name.to_uppercase()] {
                let found = node.table.find_full(name.as_bytes()).expect("it is in the table");
                assert_eq!(found.index, entry.index);
            }
        }
        assert_eq!(names.len(), node.table.numbered());
        for name in ["nosuch", "", "get|x", "client|nosuch", "client|list|x", "client|"] {
            assert!(node.table.find_full(name.as_bytes()).is_none(), "{name}");
        }
    }

    #[test]
    fn arity_reaches_every_key_and_flags_do_not_contradict() {
        let node = Fixture::new().node;
        for entry in node.table.by_number() {
            let (spec, name) = (entry.spec, &entry.full_name);
            let least = spec.arity.as_number().unsigned_abs() as usize;
            for keys in spec.keys {
                // Channels may be left out.
                if keys.not_key {
                    continue;
                }
                let Begin::Index(first) = keys.begin else { continue };
                let first = match keys.find {
                    // A range to the end that begins behind the arguments that must be there may be empty (PFMERGE).
                    Find::Range { last, .. } if last < 0 && first == least => continue,
                    Find::Range { last, .. } => first + usize::try_from(last).unwrap_or(0),
                    Find::Number { number, .. } => first + number,
                };
                assert!(first < least, "{name} may lack its keys");
            }
            assert!(!(spec.has(Flag::Write) && spec.has(Flag::Readonly)), "{name}");
            assert!(spec.summary.ends_with('.'), "{name}: a summary is a sentence");
            // Of these, Redis does not tell what they cost.
            assert!(!spec.since.is_empty(), "{name}");
            let is_untold = ["lolwut", "xread"].contains(&name.as_str());
            assert_eq!(spec.complexity.is_empty(), is_untold, "{name}");
            if name.contains('|') {
                assert!(least >= 2, "{name}: its own name counts");
            }
        }
    }

    #[test]
    fn every_container_has_help_that_names_each_subcommand() {
        // CLUSTER tells nothing outside a cluster.
        let fixture = Fixture::with(|config| config.cluster.enabled = true);
        let node = fixture.node.clone();
        let mut peer = fixture.connect();
        for entry in node.table.entries() {
            let Action::Subcommands(container) = &entry.action else { continue };
            let name = entry.spec.name.to_uppercase();
            let reply = peer.send(&fixture, &format!("{name} HELP\r\n"));
            let lines: Vec<&str> = reply.split_terminator("\r\n").collect();
            assert_eq!(lines[0], format!("*{}", lines.len() - 1), "{name} HELP");
            assert!(lines[1..].iter().all(|line| line.starts_with('+')), "{name} HELP");
            let head = format!("+{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
            assert_eq!(lines[1], head);
            assert_eq!(lines[lines.len() - 2], "+HELP");
            for one in &container.subcommands {
                if one.full_name == "cluster|replicate" {
                    // It only says that it is not there yet.
                    continue;
                }
                let word = one.spec.name.to_uppercase();
                let names = |line: &&str| line[1..].split(' ').next() == Some(word.as_str());
                assert!(lines.iter().any(names), "{name} HELP does not name {word}");
            }
        }
    }
}
