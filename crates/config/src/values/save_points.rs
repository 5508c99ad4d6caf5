//! `save`: after how many changes in how much time a snapshot is taken by itself.

use super::{is_nothing, lenient_integer, push_joined};
use crate::directive::{Line, Rule};
use crate::refusal::Refusal;
use crate::setting::{Input, Setting};

/// A snapshot is due `seconds` after the last one, when there were at least `changes` since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// The least age of the last snapshot, at least 1.
    pub seconds: u64,
    /// The least number of changes.
    pub changes: u32,
}

/// All save points; none means that no snapshot is taken by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SavePoints(pub Vec<SavePoint>);

impl Setting for SavePoints {
    /// The first `save` of a file replaces the default, later ones add to it; an empty one drops
    /// all so far.
    fn set(&mut self, input: Input<'_>) -> Result<(), Refusal> {
        let refused = Refusal::Special("Invalid save parameters");
        if is_nothing(input.words) {
            self.0.clear();
            return Ok(());
        }
        if !input.again {
            self.0.clear();
        }
        let (pairs, rest) = input.words.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(refused);
        }
        for [seconds, changes] in pairs {
            let seconds = lenient_integer(seconds).and_then(|value| u64::try_from(value).ok());
            let changes = lenient_integer(changes).and_then(|value| u32::try_from(value).ok());
            match (seconds, changes) {
                (Some(seconds @ 1..), Some(changes)) => self.0.push(SavePoint { seconds, changes }),
                _ => return Err(refused),
            }
        }
        Ok(())
    }

    fn text(&self, _: &Rule, out: &mut Vec<u8>) {
        push_joined(out, self.0.iter().map(|point| format!("{} {}", point.seconds, point.changes)));
    }

    /// None is written as `""`, for a file without `save` means the default.
    fn lines(&self, default: &Self, rule: &Rule) -> Vec<Line> {
        let mut value = Vec::new();
        self.text(rule, &mut value);
        if value.is_empty() {
            value.extend(b"\"\"");
        }
        vec![Line { value: Some(value), changed: self != default }]
    }
}
