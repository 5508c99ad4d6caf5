//! Forms of commands: a line that says what a command may look like, and random commands of that form.
//!
//! ```text
//! LPUSH|RPUSH list value...              words in small letters name a kind of value; others are as they are, or one of several
//! LPOP list [count]                      what is in brackets may be left out
//! HSET hash (field value)...             what is before dots stands once or more
//! ~SMEMBERS set                          the order of the reply is not told
//! ?SPOP set [count] ; DEL same           the reply is random, only its shape is told; then another command, on the last key again
//! ```

use base::Rng;

use super::words::Words;

/// How the replies of two servers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// They are equal.
    Equal,
    /// They are equal when the elements of all arrays, sets and maps are sorted.
    Unordered,
    /// They are of the same types and lengths.
    Shape,
}

/// A form of one command, or of several that stand together.
#[derive(Debug)]
pub(super) struct Form {
    /// As it was written.
    pub(super) text: &'static str,
    /// How its replies are compared.
    pub(super) rule: Rule,
    commands: Vec<Vec<Part>>,
}

#[derive(Debug)]
enum Part {
    /// One of some words.
    Literal(Vec<&'static str>),
    /// A value by the name of its kind.
    Named(&'static str),
    Optional(Vec<Part>),
    Repeated(Vec<Part>),
}

/// How often what may be left out is there.
const OPTIONAL_PERCENT: u64 = 40;

/// How often what may be repeated is.
const REPEATED_PERCENT: u64 = 60;

impl Form {
    /// Reads one.
    ///
    /// # Panics
    /// When it is not well written.
    pub(super) fn parse(text: &'static str) -> Form {
        let (rule, commands) = match text.split_at(1) {
            ("~", rest) => (Rule::Unordered, rest),
            ("?", rest) => (Rule::Shape, rest),
            _ => (Rule::Equal, text),
        };
        let parse = |command| {
            let (parts, rest) = parts(command);
            assert!(rest.is_empty(), "{text}: what is {rest:?}?");
            parts
        };
        Form { text, rule, commands: commands.split(" ; ").map(parse).collect() }
    }

    /// The names of its commands.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.commands
            .iter()
            .flat_map(|parts| match parts.first() {
                Some(Part::Literal(words)) => words.as_slice(),
                _ => panic!("{}: a command begins with its name", self.text),
            })
            .copied()
    }

    /// Commands of this form.
    pub(super) fn commands(&self, words: &mut Words) -> Vec<Vec<Vec<u8>>> {
        let command = |parts: &Vec<Part>| {
            let mut command = Vec::new();
            write(parts, words, &mut command);
            command
        };
        self.commands.iter().map(command).collect()
    }
}

/// The parts up to the end of the group that `text` is in, and what follows.
fn parts(text: &'static str) -> (Vec<Part>, &'static str) {
    let (mut parts_read, mut text) = (Vec::new(), text.trim_start());
    while !text.is_empty() && !text.starts_with([']', ')']) {
        let (mut part, mut rest) = if let Some(inner) = text.strip_prefix('[') {
            let (inner, rest) = parts(inner);
            (vec![Part::Optional(inner)], rest.strip_prefix(']').expect("a bracket is closed"))
        } else if let Some(inner) = text.strip_prefix('(') {
            let (inner, rest) = parts(inner);
            (inner, rest.strip_prefix(')').expect("a parenthesis is closed"))
        } else {
            let end = text.find([' ', ']', ')']).unwrap_or(text.len());
            let (word, rest) = text.split_at(end);
            match word.strip_suffix("...") {
                Some(word) => (vec![word_part(word)], text.split_at(word.len()).1),
                None => (vec![word_part(word)], rest),
            }
        };
        if let Some(after) = rest.strip_prefix("...") {
            (part, rest) = (vec![Part::Repeated(part)], after);
        }
        parts_read.append(&mut part);
        text = rest.trim_start();
    }
    (parts_read, text)
}

fn word_part(word: &'static str) -> Part {
    if word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        Part::Named(word)
    } else {
        Part::Literal(word.split('|').collect())
    }
}

fn write(parts: &[Part], words: &mut Words, command: &mut Vec<Vec<u8>>) {
    for part in parts {
        match part {
            Part::Literal(choices) => {
                let choice = words.rng.below(choices.len() as u64) as usize;
                command.push(choices[choice].as_bytes().to_vec());
            }
            Part::Named(name) => words.write(name, command),
            Part::Optional(inner) => {
                if words.rng.percent(OPTIONAL_PERCENT) {
                    write(inner, words, command);
                }
            }
            Part::Repeated(inner) => {
                write(inner, words, command);
                while words.rng.percent(REPEATED_PERCENT) {
                    write(inner, words, command);
                }
            }
        }
    }
}

/// One of `items`.
pub(super) fn pick<'a, T>(rng: &mut Rng, items: &'a [T]) -> &'a T {
    &items[rng.below(items.len() as u64) as usize]
}
