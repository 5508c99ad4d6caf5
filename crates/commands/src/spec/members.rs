//! Where a request names a member of its key's value, told by the argument tree.

use super::{Argument, ArgumentKind, Spec};

impl Spec {
    /// Where the member stands that the command works on, counted from the name at 0, or from the end where negative, -1 the last. Of several members it is the
    /// first or the last. `None` where there is no member, or more than one key, or where options on both sides of it leave its place open.
    #[must_use]
    pub fn member(&self) -> Option<i64> {
        let keys = self.simple_keys()?;
        if keys.last != keys.first as i64 {
            return None;
        }
        let place = |passed: Passed| match passed {
            Passed::Member(before) => i64::try_from(before).ok(),
            Passed::Words(_) | Passed::Unknown => None,
        };
        let from_front = || place(pass(self.arguments.iter(), 1, false));
        let from_end = || place(pass(self.arguments.iter().rev(), 0, true)).map(|after| -1 - after);
        from_front().or_else(from_end)
    }
}

/// What was found where some arguments were passed.
enum Passed {
    /// A member, behind so many words.
    Member(usize),
    /// So many words in all, and no member.
    Words(usize),
    /// A number of words that a request may choose.
    Unknown,
}

/// Passes arguments in their order, or from the last on where `backwards`; `words` were passed before.
fn pass<'a>(
    arguments: impl Iterator<Item = &'a Argument>,
    mut words: usize,
    backwards: bool,
) -> Passed {
    for argument in arguments {
        if argument.is_optional {
            return Passed::Unknown;
        }
        let token = usize::from(argument.token.is_some());
        words += if backwards { 0 } else { token };
        if argument.is_member {
            return Passed::Member(words);
        }
        let passed = match argument.kind {
            ArgumentKind::OneOf => Passed::Unknown,
            ArgumentKind::Block if backwards => pass(argument.children.iter().rev(), words, true),
            ArgumentKind::Block => pass(argument.children.iter(), words, false),
            ArgumentKind::PureToken => Passed::Words(words),
            ArgumentKind::String
            | ArgumentKind::Integer
            | ArgumentKind::Double
            | ArgumentKind::Key
            | ArgumentKind::Pattern
            | ArgumentKind::UnixTime => Passed::Words(words + 1),
        };
        match passed {
            Passed::Words(count) if !argument.is_multiple => words = count,
            Passed::Words(_) => return Passed::Unknown,
            Passed::Member(_) | Passed::Unknown => return passed,
        }
        words += if backwards { token } else { 0 };
    }
    Passed::Words(words)
}
