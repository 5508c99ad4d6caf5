//! What follows from a declaration without being written in it: categories, some flags, and the range of keys that COMMAND
//! has told since long before there were key specifications. The only place that says so.
//!
//! Everything here is for people and clients that ask; no request is routed or refused by it.

use super::{Begin, Category, Find, Flag, Group, KeyAccess, KeyEffect, KeySpec, Spec};

/// Flags in the order in which COMMAND INFO gives them.
const FLAGS: [Flag; 19] = [
    Flag::Write,
    Flag::Readonly,
    Flag::DenyOom,
    Flag::Admin,
    Flag::Pubsub,
    Flag::Noscript,
    Flag::Blocking,
    Flag::Loading,
    Flag::Stale,
    Flag::SkipMonitor,
    Flag::SkipSlowlog,
    Flag::Asking,
    Flag::Fast,
    Flag::NoAuth,
    Flag::NoMandatoryKeys,
    Flag::NoAsyncLoading,
    Flag::NoMulti,
    Flag::MovableKeys,
    Flag::AllowBusy,
];

/// The keys of a command as one range: what clients without key specifications go by.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct KeyRange {
    /// The first key; 0 where there is no such range.
    pub first: i64,
    /// The last key; negative: counted from the end.
    pub last: i64,
    /// How far apart keys stand.
    pub step: i64,
}

impl Spec {
    /// All categories of the command, in the order in which COMMAND INFO gives them. A container has only those that its
    /// flags imply: what it contains has the others.
    #[must_use]
    pub fn all_categories(&self, is_container: bool) -> Vec<Category> {
        let mut all = self.categories.to_vec();
        if !is_container && !self.categories.iter().any(|category| category.is_subject()) {
            all.extend(self.group.subject());
        }
        for (flag, implied) in [
            (Flag::Write, &[Category::Write][..]),
            (Flag::Admin, &[Category::Admin, Category::Dangerous]),
            (Flag::Pubsub, &[Category::Pubsub]),
            (Flag::Blocking, &[Category::Blocking]),
        ] {
            if self.has(flag) {
                all.extend(implied);
            }
        }
        // What scripts read is not known beforehand.
        if self.has(Flag::Readonly) && !all.contains(&Category::Scripting) {
            all.push(Category::Read);
        }
        all.push(if self.has(Flag::Fast) { Category::Fast } else { Category::Slow });
        all.sort_unstable();
        all.dedup();
        all
    }

    /// All flags of the command that COMMAND INFO tells, in its order.
    pub fn all_flags(&self) -> impl Iterator<Item = Flag> + '_ {
        let movable = self.has_movable_keys();
        FLAGS
            .into_iter()
            .filter(move |&flag| self.has(flag) || (flag == Flag::MovableKeys && movable))
    }

    /// The keys as one range, as far as they form one.
    #[must_use]
    pub fn key_range(&self) -> KeyRange {
        if let [KeySpec { begin: Begin::Index(first), find: Find::Range { last, step, .. }, .. }] =
            *self.keys
        {
            let last = if last >= 0 { first as i64 + last } else { last };
            return KeyRange { first: first as i64, last, step: step as i64 };
        }
        self.joined_ranges().0
    }

    /// Whether some keys lie outside [`Spec::key_range`].
    #[must_use]
    pub fn has_movable_keys(&self) -> bool {
        let is_single_range =
            matches!(self.keys, [KeySpec { begin: Begin::Index(_), find: Find::Range { .. }, .. }]);
        self.keys.iter().any(|keys| keys.incomplete) || (!is_single_range && self.joined_ranges().1)
    }

    /// Key specifications that follow each other without a gap, joined, and whether any was left out.
    fn joined_ranges(&self) -> (KeyRange, bool) {
        let mut range = KeyRange::default();
        let mut left_out = false;
        for keys in self.keys {
            let (Begin::Index(first), Find::Range { last, step: 1, .. }) = (keys.begin, keys.find)
            else {
                left_out = true;
                continue;
            };
            let first = first as i64;
            if range.step != 0 && range.last != first - 1 {
                left_out = true;
                continue;
            }
            if range.step == 0 {
                range.first = first;
            }
            range.last = if last >= 0 { first + last } else { last };
            range.step = 1;
        }
        (range, left_out)
    }
}

impl KeySpec {
    /// The words that COMMAND INFO gives for what is done with the keys, in its order.
    #[must_use]
    pub fn flag_names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = if self.not_key { Vec::new() } else { vec![self.access.name()] };
        let effects = [KeyEffect::Access, KeyEffect::Update, KeyEffect::Insert, KeyEffect::Delete];
        names.extend(effects.iter().filter(|one| self.effects.contains(one)).map(|one| one.name()));
        for (is_set, name) in [
            (self.not_key, "not_key"),
            (self.incomplete, "incomplete"),
            (self.variable_flags, "variable_flags"),
        ] {
            if is_set {
                names.push(name);
            }
        }
        names
    }
}

impl KeyAccess {
    /// The word that COMMAND INFO gives.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            KeyAccess::ReadOnly => "RO",
            KeyAccess::ReadWrite => "RW",
            KeyAccess::Overwrite => "OW",
            KeyAccess::Remove => "RM",
        }
    }
}

impl KeyEffect {
    /// The word that COMMAND INFO gives.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            KeyEffect::Access => "access",
            KeyEffect::Update => "update",
            KeyEffect::Insert => "insert",
            KeyEffect::Delete => "delete",
        }
    }
}

impl Group {
    /// The category that a command of this chapter is of, unless it names another subject.
    const fn subject(self) -> Option<Category> {
        match self {
            Group::Generic => Some(Category::Keyspace),
            Group::String => Some(Category::String),
            Group::Bitmap => Some(Category::Bitmap),
            Group::Hyperloglog => Some(Category::Hyperloglog),
            Group::List => Some(Category::List),
            Group::Set => Some(Category::Set),
            Group::SortedSet => Some(Category::SortedSet),
            Group::Hash => Some(Category::Hash),
            Group::Stream => Some(Category::Stream),
            Group::Geo => Some(Category::Geo),
            Group::Transactions => Some(Category::Transaction),
            Group::Connection => Some(Category::Connection),
            Group::Pubsub | Group::Server | Group::Cluster => None,
        }
    }
}

impl Category {
    /// Whether the category says what a command is about, rather than what it does.
    const fn is_subject(self) -> bool {
        match self {
            Category::Keyspace
            | Category::String
            | Category::Set
            | Category::SortedSet
            | Category::List
            | Category::Hash
            | Category::Bitmap
            | Category::Hyperloglog
            | Category::Geo
            | Category::Stream
            | Category::Connection
            | Category::Transaction
            | Category::Scripting => true,
            Category::Read
            | Category::Write
            | Category::Pubsub
            | Category::Admin
            | Category::Fast
            | Category::Slow
            | Category::Blocking
            | Category::Dangerous => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_implies_its_category_unless_another_subject_is_named() {
        let get =
            Spec { group: Group::String, flags: &[Flag::Fast, Flag::Readonly], ..Spec::DEFAULT };
        assert_eq!(get.all_categories(false), [Category::Read, Category::String, Category::Fast]);
        let wait = Spec { categories: &[Category::Connection], ..Spec::DEFAULT };
        assert_eq!(wait.all_categories(false), [Category::Slow, Category::Connection]);
        let keys = Spec { categories: &[Category::Dangerous], ..Spec::DEFAULT };
        assert_eq!(
            keys.all_categories(false),
            [Category::Keyspace, Category::Slow, Category::Dangerous]
        );
        let container = Spec { group: Group::Connection, ..Spec::DEFAULT };
        assert_eq!(container.all_categories(true), [Category::Slow]);
    }

    #[test]
    fn specifications_side_by_side_join_to_one_range() {
        const COPY: Spec = Spec { keys: &[KeySpec::at(1), KeySpec::at(2)], ..Spec::DEFAULT };
        assert_eq!(COPY.key_range(), KeyRange { first: 1, last: 2, step: 1 });
        assert!(!COPY.has_movable_keys());
        const APART: Spec = Spec { keys: &[KeySpec::at(1), KeySpec::at(3)], ..Spec::DEFAULT };
        assert_eq!(APART.key_range(), KeyRange { first: 1, last: 1, step: 1 });
        assert!(APART.has_movable_keys());
        const NUMBERED: Spec = Spec { keys: &[KeySpec::numbered(1, 2)], ..Spec::DEFAULT };
        assert_eq!(NUMBERED.key_range(), KeyRange::default());
        assert!(NUMBERED.has_movable_keys());
        const PAIRS: Spec = Spec { keys: &[KeySpec::range(1, -1, 2)], ..Spec::DEFAULT };
        assert_eq!(PAIRS.key_range(), KeyRange { first: 1, last: -1, step: 2 });
        assert!(!PAIRS.has_movable_keys());
    }
}
