//! What a directive is: its name, the rule its values obey, and how the rest of this crate reaches
//! its field.
//!
//! A directive is declared in one place, a row of a file in `table/`. The row names the field of
//! [`Config`](crate::Config) that holds the value; reading, setting, showing and rewriting follow
//! from the field's type (see `setting`).

use crate::config::Config;
use crate::refusal::Refusal;
use crate::setting::{Choice, Input};

/// When a directive may be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutability {
    /// In the file, on the command line, and by CONFIG SET.
    Live,
    /// As `Live`, but CONFIG SET needs `enable-protected-configs`.
    Protected,
    /// Only in the file and on the command line.
    Immutable,
}

/// What a directive does in Redstart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It does what its summary says.
    InUse,
    /// It is checked, kept, shown and rewritten, for tools set it; nothing reads it yet, or ever
    /// will.
    None,
}

/// The rule that the values of a directive obey.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// `yes` or `no`.
    YesNo,
    /// A decimal integer between the two bounds.
    Integer(i64, i64),
    /// An octal number between the two bounds.
    Octal(i64, i64),
    /// A number of bytes between the two bounds, with or without a unit.
    Memory(u64, u64),
    /// As `Memory`, with a sign.
    SignedMemory(i64, i64),
    /// A number of bytes, or a percentage of `maxmemory`.
    MemoryOrPercent,
    /// One of these names.
    Choice(fn() -> Vec<&'static str>),
    /// Text that passes this check.
    Text(Check),
    /// Event classes of keyspace notifications.
    Events,
    /// Words with a grammar of their own, shown here as documentation shows it.
    Words(&'static str),
}

/// What a text must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Anything.
    Any,
    /// Not empty.
    NotEmpty,
    /// Not empty and without a slash.
    FileName,
    /// A host name of less than 256 characters.
    Hostname,
    /// What can stand as an address in CLUSTER NODES.
    Address,
    /// What can stand as a node's human name in CLUSTER NODES.
    NodeName,
    /// Empty or an IPv4 address.
    Ipv4,
    /// Empty or an IPv6 address.
    Ipv6,
    /// The template of the process title.
    Title,
    /// A locale: comparisons are by bytes, so only that of C is there.
    Locale,
    /// Three numbers with dots between.
    Version,
    /// RDMA is not there: only empty.
    NoRdma,
}

impl Rule {
    /// Whether a value is several words; then one quoted word is taken for all of them.
    pub(crate) const fn takes_words(self) -> bool {
        matches!(self, Rule::Words(_))
    }

    /// The values allowed, in a few words, for documentation.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Rule::YesNo => "yes or no".into(),
            Rule::Integer(min, max) if *max >= i64::from(i32::MAX) => match min {
                i64::MIN..=-2 => "an integer".into(),
                _ => format!("an integer from {min}"),
            },
            Rule::Integer(min, max) => format!("an integer from {min} to {max}"),
            Rule::Octal(min, max) => format!("an octal number from {min:o} to {max:o}"),
            Rule::Memory(0, _) | Rule::SignedMemory(..) => "bytes".into(),
            Rule::Memory(min, _) => format!("bytes, at least {min}"),
            Rule::MemoryOrPercent => "bytes, or a percentage".into(),
            Rule::Choice(names) => names().join(", "),
            Rule::Text(_) => "text".into(),
            Rule::Events => "event classes".into(),
            Rule::Words(grammar) => (*grammar).into(),
        }
    }
}

/// One line of the file that CONFIG REWRITE writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// What follows the name; `None` removes the line, for the value is that of a file without it.
    pub(crate) value: Option<Vec<u8>>,
    /// Whether it is added to a file that has no such line yet.
    pub(crate) changed: bool,
}

/// One directive of redis.conf.
pub struct Directive {
    /// The name, as CONFIG GET shows it.
    pub name: &'static str,
    /// An older or foreign name for the same.
    pub alias: Option<&'static str>,
    /// What its values must look like.
    pub rule: Rule,
    /// The value that holds when nobody sets one, as CONFIG GET shows it.
    pub default: &'static str,
    /// When it may be set.
    pub mutability: Mutability,
    /// Whether it does something.
    pub effect: Effect,
    /// Left out of CONFIG GET with a pattern, shown only by its exact name.
    pub hidden: bool,
    /// Its value is a secret, which logs must not show.
    pub sensitive: bool,
    /// The group it belongs to, which is the field of [`Config`](crate::Config) that holds it.
    pub section: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) set: fn(&mut Config, Input<'_>) -> Result<(), Refusal>,
    pub(crate) text: fn(&Config, &Rule, &mut Vec<u8>),
    pub(crate) lines: fn(&Config, &Config, &Rule) -> Vec<Line>,
    pub(crate) equal: fn(&Config, &Config) -> bool,
}

impl Directive {
    /// What it is for, in a sentence.
    #[must_use]
    pub fn summary(&self) -> &'static str {
        self.doc.trim_start()
    }

    /// Its name and its alias.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        std::iter::once(self.name).chain(self.alias)
    }

    /// The spelling among its names that these bytes are, in letters of any case.
    pub(crate) fn spelling(&self, name: &[u8]) -> Option<&'static str> {
        self.names().find(|known| known.as_bytes().eq_ignore_ascii_case(name))
    }

    const fn row(name: &'static str, rule: Rule, default: &'static str) -> Directive {
        Directive {
            name,
            alias: None,
            rule,
            default,
            mutability: Mutability::Live,
            effect: Effect::InUse,
            hidden: false,
            sensitive: false,
            section: "",
            doc: "",
            // The section macro fills in the four, for it knows the field.
            set: |_, _| Ok(()),
            text: |_, _, _| {},
            lines: |_, _, _| Vec::new(),
            equal: |_, _| true,
        }
    }

    pub(crate) const fn alias(mut self, alias: &'static str) -> Directive {
        self.alias = Some(alias);
        self
    }

    pub(crate) const fn immutable(mut self) -> Directive {
        self.mutability = Mutability::Immutable;
        self
    }

    pub(crate) const fn protected(mut self) -> Directive {
        self.mutability = Mutability::Protected;
        self
    }

    /// Marks it as accepted but not used (yet). Take the mark off where the first reader of the
    /// field is written.
    pub(crate) const fn unused(mut self) -> Directive {
        self.effect = Effect::None;
        self
    }

    pub(crate) const fn hidden(mut self) -> Directive {
        self.hidden = true;
        self
    }

    pub(crate) const fn secret(mut self) -> Directive {
        self.sensitive = true;
        self
    }
}

impl std::fmt::Debug for Directive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Directive({})", self.name)
    }
}

/// `yes` or `no`; the field is a `bool`.
pub(crate) const fn yes_no(name: &'static str, default: &'static str) -> Directive {
    Directive::row(name, Rule::YesNo, default)
}

/// An integer from `min` to `max`; the field is an integer type that holds both.
pub(crate) const fn integer(
    name: &'static str,
    min: i64,
    max: i64,
    default: &'static str,
) -> Directive {
    Directive::row(name, Rule::Integer(min, max), default)
}

/// A TCP port, 0 for none; the field is a `u16`.
pub(crate) const fn port(name: &'static str, default: &'static str) -> Directive {
    integer(name, 0, 65535, default)
}

/// A number of bytes from `min` to `max`; the field is a `u64`.
pub(crate) const fn bytes_within(
    name: &'static str,
    min: u64,
    max: u64,
    default: &'static str,
) -> Directive {
    Directive::row(name, Rule::Memory(min, max), default)
}

/// A number of bytes, 0 to 2^63-1; the field is a `u64`.
pub(crate) const fn bytes(name: &'static str, default: &'static str) -> Directive {
    bytes_within(name, 0, i64::MAX as u64, default)
}

/// One of the names of `T`; the field is a `T`.
pub(crate) const fn choice<T: Choice>(name: &'static str, default: &'static str) -> Directive {
    Directive::row(name, Rule::Choice(T::names), default)
}

/// Text of any bytes; the field is a `String` where it must be UTF-8, else a `Vec<u8>`.
pub(crate) const fn text(name: &'static str, default: &'static str) -> Directive {
    Directive::row(name, Rule::Text(Check::Any), default)
}

/// Text that must pass a check.
pub(crate) const fn checked(name: &'static str, check: Check, default: &'static str) -> Directive {
    Directive::row(name, Rule::Text(check), default)
}

/// A value with a type and a rule of its own.
pub(crate) const fn special(name: &'static str, rule: Rule, default: &'static str) -> Directive {
    Directive::row(name, rule, default)
}
