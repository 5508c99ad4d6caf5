//! The argument tree of a command, for COMMAND DOCS and for hints while typing.

/// One argument, or a group of them.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: ArgumentKind,
    /// What stands for it in a line of help, where that is not its name.
    pub display: Option<&'static str>,
    /// The word that announces it.
    pub token: Option<&'static str>,
    /// What it does, where its name does not tell.
    pub summary: Option<&'static str>,
    /// The version that brought it, where that is not the command's.
    pub since: Option<&'static str>,
    /// Since when it should no longer be used.
    pub deprecated: Option<&'static str>,
    /// Whether it may be left out.
    pub is_optional: bool,
    /// Whether it may be repeated.
    pub is_multiple: bool,
    /// Whether its token is repeated with it.
    pub repeats_token: bool,
    /// Which of the command's key specifications finds it.
    pub key_spec: Option<usize>,
    /// Whether it is a member of the key's value: of a set, of a sorted set, or a field of a hash.
    pub is_member: bool,
    /// What it holds, where it is a block or a choice.
    pub children: &'static [Argument],
}

/// What an argument is; the names are those of COMMAND DOCS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArgumentKind {
    /// Any string.
    String,
    /// An integer.
    Integer,
    /// A floating-point number.
    Double,
    /// A key.
    Key,
    /// A glob pattern.
    Pattern,
    /// A moment in Unix time.
    UnixTime,
    /// A word of its own.
    PureToken,
    /// One of its children.
    OneOf,
    /// All of its children.
    Block,
}

impl ArgumentKind {
    /// The word that COMMAND DOCS gives.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ArgumentKind::String => "string",
            ArgumentKind::Integer => "integer",
            ArgumentKind::Double => "double",
            ArgumentKind::Key => "key",
            ArgumentKind::Pattern => "pattern",
            ArgumentKind::UnixTime => "unix-time",
            ArgumentKind::PureToken => "pure-token",
            ArgumentKind::OneOf => "oneof",
            ArgumentKind::Block => "block",
        }
    }
}

impl Argument {
    const fn new(name: &'static str, kind: ArgumentKind) -> Argument {
        Argument {
            name,
            kind,
            display: None,
            token: None,
            summary: None,
            since: None,
            deprecated: None,
            is_optional: false,
            is_multiple: false,
            repeats_token: false,
            key_spec: None,
            is_member: false,
            children: &[],
        }
    }

    /// Any string.
    #[must_use]
    pub const fn string(name: &'static str) -> Argument {
        Argument::new(name, ArgumentKind::String)
    }

    /// A member of the key's value, a field of a hash for example; any string.
    #[must_use]
    pub const fn member(name: &'static str) -> Argument {
        Argument { is_member: true, ..Argument::string(name) }
    }

    /// An integer.
    #[must_use]
    pub const fn integer(name: &'static str) -> Argument {
        Argument::new(name, ArgumentKind::Integer)
    }

    /// A floating-point number.
    #[must_use]
    pub const fn double(name: &'static str) -> Argument {
        Argument::new(name, ArgumentKind::Double)
    }

    /// A key, found by the key specification of this index.
    #[must_use]
    pub const fn key(name: &'static str, key_spec: usize) -> Argument {
        Argument { key_spec: Some(key_spec), ..Argument::new(name, ArgumentKind::Key) }
    }

    /// A glob pattern.
    #[must_use]
    pub const fn pattern(name: &'static str) -> Argument {
        Argument::new(name, ArgumentKind::Pattern)
    }

    /// A moment in Unix time.
    #[must_use]
    pub const fn unix_time(name: &'static str) -> Argument {
        Argument::new(name, ArgumentKind::UnixTime)
    }

    /// A word of its own.
    #[must_use]
    pub const fn word(name: &'static str, token: &'static str) -> Argument {
        Argument { token: Some(token), ..Argument::new(name, ArgumentKind::PureToken) }
    }

    /// One of several.
    #[must_use]
    pub const fn one_of(name: &'static str, children: &'static [Argument]) -> Argument {
        Argument { children, ..Argument::new(name, ArgumentKind::OneOf) }
    }

    /// Several, one after the other.
    #[must_use]
    pub const fn block(name: &'static str, children: &'static [Argument]) -> Argument {
        Argument { children, ..Argument::new(name, ArgumentKind::Block) }
    }

    /// Of the keys that this key specification finds.
    #[must_use]
    pub const fn of_key(self, key_spec: usize) -> Argument {
        Argument { key_spec: Some(key_spec), ..self }
    }

    /// Announced by this word.
    #[must_use]
    pub const fn token(self, token: &'static str) -> Argument {
        Argument { token: Some(token), ..self }
    }

    /// With a sentence about what it does.
    #[must_use]
    pub const fn summary(self, summary: &'static str) -> Argument {
        Argument { summary: Some(summary), ..self }
    }

    /// Shown as this in a line of help.
    #[must_use]
    pub const fn shown(self, display: &'static str) -> Argument {
        Argument { display: Some(display), ..self }
    }

    /// Not to be used any more since this version.
    #[must_use]
    pub const fn deprecated(self, since: &'static str) -> Argument {
        Argument { deprecated: Some(since), ..self }
    }

    /// Brought by this version.
    #[must_use]
    pub const fn since(self, since: &'static str) -> Argument {
        Argument { since: Some(since), ..self }
    }

    /// May be left out.
    #[must_use]
    pub const fn optional(self) -> Argument {
        Argument { is_optional: true, ..self }
    }

    /// May be repeated.
    #[must_use]
    pub const fn multiple(self) -> Argument {
        Argument { is_multiple: true, ..self }
    }

    /// May be repeated, with its token.
    #[must_use]
    pub const fn multiple_with_token(self) -> Argument {
        Argument { is_multiple: true, repeats_token: true, ..self }
    }
}
