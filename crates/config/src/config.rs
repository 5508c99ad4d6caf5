//! All settings of a node, and CONFIG GET and CONFIG SET on them.
//!
//! A [`Config`] is a plain value. The node keeps the current one where its workers can see it;
//! CONFIG SET makes a changed copy, which the node first brings into effect (opening a port, say)
//! and only then puts in the place of the old one. So a CONFIG SET of many directives happens as a
//! whole or not at all.

use crate::directive::{Directive, Line, Mutability};
use crate::refusal::Refusal;
use crate::setting::Input;
use crate::table::{
    Cluster, Encoding, General, Logging, Memory, Network, Persistence, Replication, Security,
    Telemetry, Tls, directives, lookup,
};
use base::{glob, words};
use std::collections::BTreeMap;
use thiserror::Error;

/// All settings of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Listening, connections, and what a client may use up.
    pub network: Network,
    /// The process: threads, version, timers, scripts, signals.
    pub general: General,
    /// Who may do what.
    pub security: Security,
    /// Memory: its limit, what makes room, and when it is freed.
    pub memory: Memory,
    /// Snapshots and the append-only file.
    pub persistence: Persistence,
    /// Primaries and replicas.
    pub replication: Replication,
    /// The cluster: identity, addresses told to others, timing, coverage.
    pub cluster: Cluster,
    /// Up to what size collections are kept in their compact form.
    pub encoding: Encoding,
    /// The server's log.
    pub logging: Logging,
    /// What the server remembers of slow and large commands.
    pub telemetry: Telemetry,
    /// TLS.
    pub tls: Tls,
}

impl Default for Config {
    /// Every directive at its default.
    fn default() -> Config {
        let mut config = Config {
            network: Network::default(),
            general: General::default(),
            security: Security::default(),
            memory: Memory::default(),
            persistence: Persistence::default(),
            replication: Replication::default(),
            cluster: Cluster::default(),
            encoding: Encoding::default(),
            logging: Logging::default(),
            telemetry: Telemetry::default(),
            tls: Tls::default(),
        };
        for directive in directives() {
            // An empty default of several words is what the type's own default is.
            if directive.default.is_empty() && directive.rule.takes_words() {
                continue;
            }
            let words = words_of_value(directive, directive.default.as_bytes());
            let set = config.set(directive, &words, false);
            set.expect("a test sets each directive to its default");
        }
        config
    }
}

/// A changed copy of a [`Config`].
#[derive(Clone, Debug)]
pub struct Change {
    /// The settings after the change.
    pub config: Config,
    /// The directives that have another value than before, in the order in which they were given.
    pub changed: Vec<&'static Directive>,
}

impl Change {
    /// Whether the directive of this name (not alias) has another value than before.
    #[must_use]
    pub fn touches(&self, name: &str) -> bool {
        debug_assert!(lookup(name.as_bytes()).is_some_and(|(d, _)| d.name == name), "{name}");
        self.changed.iter().any(|directive| directive.name == name)
    }
}

/// Why CONFIG SET changed nothing. Shown, it is the reply to the client.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SetError {
    /// A name without a value.
    #[error("ERR syntax error")]
    Pairs,
    /// No directive of this name.
    #[error("ERR Unknown option or number of arguments for CONFIG SET - '{0}'")]
    Unknown(String),
    /// A directive that does not take the value, or cannot be set now.
    #[error("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}")]
    Failed {
        /// The directive.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl SetError {
    /// The node could not bring the new value of this directive into effect, for this reason.
    #[must_use]
    pub fn failed(name: &str, reason: impl std::fmt::Display) -> SetError {
        SetError::Failed { name: name.to_owned(), reason: reason.to_string() }
    }
}

impl Config {
    /// The copy that CONFIG SET makes: names and values alternate in `arguments`.
    /// `may_set_protected` is what [`enable_protected_configs`](Security::enable_protected_configs)
    /// allows the client.
    ///
    /// # Errors
    ///
    /// The reply for the first thing wrong, as Valkey finds it: first of all names, then of all
    /// values.
    pub fn with(&self, arguments: &[&[u8]], may_set_protected: bool) -> Result<Change, SetError> {
        let (pairs, rest) = arguments.as_chunks::<2>();
        if !rest.is_empty() || pairs.is_empty() {
            return Err(SetError::Pairs);
        }
        let mut chosen: Vec<(&Directive, &str)> = Vec::with_capacity(pairs.len());
        for [name, _] in pairs {
            let found = lookup(name).ok_or_else(|| SetError::Unknown(on_one_line(name)))?;
            refuse_fixed(found, may_set_protected)?;
            // As in Valkey, a name and its alias are no duplicates.
            if chosen.iter().any(|(_, spelling)| *spelling == found.1) {
                return Err(SetError::failed(&on_one_line(name), "duplicate parameter"));
            }
            chosen.push(found);
        }
        let mut config = self.clone();
        for ((directive, spelling), [_, value]) in chosen.iter().zip(pairs) {
            let words = words_of_value(directive, value);
            let set = config.set(directive, &words, false);
            set.map_err(|refusal| SetError::failed(spelling, refusal))?;
        }
        let mut changed: Vec<&Directive> = Vec::new();
        for (directive, _) in chosen {
            let seen = changed.iter().any(|seen| seen.name == directive.name);
            if !seen && !(directive.equal)(self, &config) {
                changed.push(directive);
            }
        }
        Ok(Change { config, changed })
    }

    /// What CONFIG GET shows for these patterns: names with values, sorted by name, each name once.
    /// An exact name is shown as it was asked for, a hidden directive only by its exact name.
    #[must_use]
    pub fn matching(&self, patterns: &[&[u8]]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut found: BTreeMap<Vec<u8>, (Vec<u8>, Vec<u8>)> = BTreeMap::new();
        for &pattern in patterns {
            if !pattern.iter().any(|byte| b"*?[".contains(byte)) {
                if let Some((directive, _)) = lookup(pattern) {
                    let entry = found.entry(pattern.to_ascii_lowercase());
                    entry.or_insert_with(|| (pattern.to_vec(), self.text(directive)));
                }
                continue;
            }
            for directive in directives().filter(|directive| !directive.hidden) {
                for name in directive.names() {
                    let name = name.as_bytes();
                    if glob::matches(pattern, name, glob::Case::Insensitive) {
                        let entry = found.entry(name.to_vec());
                        entry.or_insert_with(|| (name.to_vec(), self.text(directive)));
                    }
                }
            }
        }
        found.into_values().collect()
    }

    /// The value of a directive as CONFIG GET shows it.
    #[must_use]
    pub fn text(&self, directive: &Directive) -> Vec<u8> {
        let mut out = Vec::new();
        (directive.text)(self, &directive.rule, &mut out);
        out
    }

    /// The value of the directive of this name or alias as CONFIG GET shows it.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<Vec<u8>> {
        lookup(name.as_bytes()).map(|(directive, _)| self.text(directive))
    }

    /// The lines that say the value of a directive in a file.
    pub(crate) fn lines(&self, default: &Config, directive: &Directive) -> Vec<Line> {
        (directive.lines)(self, default, &directive.rule)
    }

    /// Gives a directive the value that these words mean. `again`: they add to what earlier lines
    /// said.
    pub(crate) fn set(
        &mut self,
        directive: &Directive,
        words: &[Vec<u8>],
        again: bool,
    ) -> Result<(), Refusal> {
        let Directive { name, rule, .. } = directive;
        (directive.set)(self, Input { name, rule, words, again })?;
        // Bounds that Redis keeps silently.
        self.general.hz = self.general.hz.clamp(HZ_MIN, HZ_MAX);
        Ok(())
    }
}

/// Rounds of background work in a second.
const HZ_MIN: u32 = 1;
const HZ_MAX: u32 = 500;

/// The words of a value that came as one: one word, unless the directive takes several. Two blanks
/// have an empty word between them, as in Redis.
fn words_of_value(directive: &Directive, value: &[u8]) -> Vec<Vec<u8>> {
    match (directive.rule.takes_words(), value) {
        (false, _) => vec![value.to_vec()],
        (true, b"") => Vec::new(),
        (true, _) => value.split(|byte| *byte == b' ').map(<[u8]>::to_vec).collect(),
    }
}

fn refuse_fixed(
    (directive, spelling): (&Directive, &str),
    may_set_protected: bool,
) -> Result<(), SetError> {
    match directive.mutability {
        Mutability::Immutable => Err(SetError::failed(spelling, "can't set immutable config")),
        Mutability::Protected if !may_set_protected => {
            Err(SetError::failed(spelling, "can't set protected config"))
        }
        Mutability::Live | Mutability::Protected => Ok(()),
    }
}

/// A client's name for something, fit for an error reply: no line breaks in it.
fn on_one_line(name: &[u8]) -> String {
    String::from_utf8_lossy(name).replace(['\r', '\n'], " ")
}

/// The words of a directive that stands in a file: one quoted word is cut into several where
/// several are taken.
pub(crate) fn words_of_line(directive: &Directive, words: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    match words {
        [word] if directive.rule.takes_words() && !word.is_empty() => words::split(word),
        words => Some(words.to_vec()),
    }
}

#[cfg(test)]
mod tests;
