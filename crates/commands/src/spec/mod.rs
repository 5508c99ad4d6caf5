//! The declaration of a command, from which everything that is told about it is derived.

mod argument;
mod flags;
mod implied;
mod keys;
mod members;
#[cfg(test)]
mod tests;

pub use argument::{Argument, ArgumentKind};
pub use flags::{Category, Flag, Group};
pub use implied::KeyRange;
pub use keys::{Begin, Find, InvalidKeys, KeyAccess, KeyEffect, KeySpec, SimpleKeys};

/// A command's declaration and what it does.
pub struct Command<R: 'static> {
    /// The declaration.
    pub spec: Spec,
    /// What it does.
    pub body: Body<R>,
}

/// What a command does.
pub enum Body<R: 'static> {
    /// It runs.
    Run(R),
    /// Its second word says what runs.
    Subcommands(&'static [Command<R>]),
    /// Runs where it stands alone; where a second word follows, that says what runs (COMMAND).
    AloneOrSubcommands(R, &'static [Command<R>]),
}

/// A page of the manual. Field by field what COMMAND INFO and COMMAND DOCS tell.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// In lower case; a subcommand bears only its own word.
    pub name: &'static str,
    /// One sentence with its full stop.
    pub summary: &'static str,
    /// The version of Redis that brought it.
    pub since: &'static str,
    /// What it costs; empty where that is not told.
    pub complexity: &'static str,
    /// The chapter of the manual.
    pub group: Group,
    /// How many arguments it takes, its name (and subcommand) included.
    pub arity: Arity,
    /// What it may do and when it may run.
    pub flags: &'static [Flag],
    /// ACL categories beyond those that the flags and the group imply.
    pub categories: &'static [Category],
    /// Advice to clients and proxies, in the words of Redis (`nondeterministic_output`).
    pub tips: &'static [&'static str],
    /// Where its keys stand.
    pub keys: &'static [KeySpec],
    /// Its arguments, for documentation and hints.
    pub arguments: &'static [Argument],
    /// What changed since, as pairs of version and change.
    pub history: &'static [(&'static str, &'static str)],
    /// Since when it should no longer be used, and what to use instead.
    pub deprecated: Option<(&'static str, &'static str)>,
    /// Whether it is meant for tests of the server, not for users (`syscmd`).
    pub is_for_tests: bool,
}

impl Spec {
    /// What a declaration leaves out.
    pub const DEFAULT: Spec = Spec {
        name: "",
        summary: "",
        since: "1.0.0",
        complexity: "O(1)",
        group: Group::Generic,
        arity: Arity::Exactly(1),
        flags: &[],
        categories: &[],
        tips: &[],
        keys: &[],
        arguments: &[],
        history: &[],
        deprecated: None,
        is_for_tests: false,
    };

    /// Whether the command bears this flag.
    #[must_use]
    pub fn has(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }
}

/// How many arguments a command takes, its name included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arity {
    /// So many.
    Exactly(usize),
    /// So many or more.
    AtLeast(usize),
}

impl Arity {
    /// Whether a request of this many arguments may run.
    #[inline]
    #[must_use]
    pub const fn allows(self, arguments: usize) -> bool {
        match self {
            Arity::Exactly(exactly) => arguments == exactly,
            Arity::AtLeast(least) => arguments >= least,
        }
    }

    /// As COMMAND tells it: negative where more are allowed.
    #[must_use]
    pub const fn as_number(self) -> i64 {
        match self {
            Arity::Exactly(exactly) => exactly as i64,
            Arity::AtLeast(least) => -(least as i64),
        }
    }
}
