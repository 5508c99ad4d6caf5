//! `client-output-buffer-limit`: how much a client may leave unread before it is disconnected.

use super::{lenient_integer, push_joined};
use crate::directive::{Line, Rule};
use crate::refusal::Refusal;
use crate::setting::{Input, Setting, memory, memory_for_file};

/// The limit of one class of clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// Disconnected at once beyond this many bytes; 0 is no limit.
    pub hard_bytes: u64,
    /// Disconnected after `soft_seconds` beyond this many bytes; 0 is no limit.
    pub soft_bytes: u64,
    /// How long the soft limit may be passed.
    pub soft_seconds: u64,
}

/// The limits of all classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimits {
    /// Clients that neither replicate nor listen.
    pub normal: OutputLimit,
    /// Replicas.
    pub replica: OutputLimit,
    /// Clients that listen to channels.
    pub pubsub: OutputLimit,
}

/// A class: its name in CONFIG GET, its name in the file, its limit.
type Class<'a> = (&'static str, &'static str, &'a OutputLimit);

impl OutputLimits {
    fn classes(&self) -> [Class<'_>; 3] {
        [
            ("normal", "normal", &self.normal),
            ("slave", "replica", &self.replica),
            ("pubsub", "pubsub", &self.pubsub),
        ]
    }

    fn class_mut(&mut self, name: &[u8]) -> Option<&mut OutputLimit> {
        match name.to_ascii_lowercase().as_slice() {
            b"normal" => Some(&mut self.normal),
            b"slave" | b"replica" => Some(&mut self.replica),
            b"pubsub" => Some(&mut self.pubsub),
            _ => None,
        }
    }
}

impl Setting for OutputLimits {
    /// Classes that are not named keep their limits.
    fn set(&mut self, input: Input<'_>) -> Result<(), Refusal> {
        const CLASS: &str = "Invalid client class specified in buffer limit configuration.";
        const VALUE: &str =
            "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
        let (limits, rest) = input.words.as_chunks::<4>();
        if !rest.is_empty() {
            let text = "Wrong number of arguments in buffer limit configuration.";
            return Err(Refusal::Special(text));
        }
        for [class, hard, soft, seconds] in limits {
            let place = self.class_mut(class).ok_or(Refusal::Special(CLASS))?;
            let seconds = lenient_integer(seconds).and_then(|value| u64::try_from(value).ok());
            match (memory(hard), memory(soft), seconds) {
                (Some(hard_bytes), Some(soft_bytes), Some(soft_seconds)) => {
                    *place = OutputLimit { hard_bytes, soft_bytes, soft_seconds };
                }
                _ => return Err(Refusal::Special(VALUE)),
            }
        }
        Ok(())
    }

    fn text(&self, _: &Rule, out: &mut Vec<u8>) {
        push_joined(
            out,
            self.classes().map(|(shown, _, limit)| {
                let OutputLimit { hard_bytes, soft_bytes, soft_seconds } = limit;
                format!("{shown} {hard_bytes} {soft_bytes} {soft_seconds}")
            }),
        );
    }

    /// A line for each class, for that is how Redis writes them and what people have in their
    /// files.
    fn lines(&self, default: &Self, _: &Rule) -> Vec<Line> {
        let classes = self.classes().into_iter().zip(default.classes());
        let line = |((_, name, limit), (_, _, default)): (Class<'_>, Class<'_>)| {
            let mut value = format!("{name} ").into_bytes();
            for bytes in [limit.hard_bytes, limit.soft_bytes] {
                value.extend(memory_for_file(bytes));
                value.push(b' ');
            }
            value.extend(limit.soft_seconds.to_string().bytes());
            Line { value: Some(value), changed: limit != default }
        };
        classes.map(line).collect()
    }
}
