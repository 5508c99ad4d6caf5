//! Reading configuration: files, the standard input, options; includes; and errors that say where.
//!
//! What redis-server puts together into one text is read here piece by piece, so that an error can
//! name its file. Line numbers count as there: the standard input and the options go on where the
//! file ended.

use crate::command_line::Start;
use crate::config::{Config, words_of_line};
use crate::directive::Directive;
use crate::nearest::nearest;
use crate::refusal::Refusal;
use crate::table::{directives, lookup};
use base::{glob, words};
use std::collections::BTreeSet;
use std::fmt;

/// How deep files may include files.
pub const INCLUDE_DEPTH_MAX: usize = 16;

/// How many files one configuration may be made of.
pub const SOURCES_MAX: usize = 1000;

/// Directives that had a meaning once and are skipped, with one value, as in Valkey. Those that
/// Redis 7.0 still has are in the table.
const FORGOTTEN: [&str; 4] = [
    "list-max-ziplist-entries",
    "list-max-ziplist-value",
    "lua-replicate-commands",
    "events-per-io-thread",
];

/// Lines that are no directives of the table: they do something instead of setting a value.
pub(crate) const VERBS: [&str; 4] = ["include", "user", "rename-command", "loadmodule"];

/// Access to files, which the caller gives. Paths are those of the configuration, as bytes,
/// relative to the working folder of the process.
pub trait FileSource {
    /// The contents of a file.
    ///
    /// # Errors
    ///
    /// The reason in words, as the operating system gives it.
    fn read(&mut self, path: &[u8]) -> Result<Vec<u8>, String>;

    /// The names in a folder, for patterns in `include`; none when it cannot be read. Called with
    /// `.` for the working folder.
    fn names(&mut self, folder: &[u8]) -> Vec<Vec<u8>>;
}

/// Where a line of configuration came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file, as it was named.
    File(String),
    /// The standard input.
    Stdin,
    /// The command line.
    CommandLine,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File(path) => f.write_str(path),
            Origin::Stdin => f.write_str("the standard input"),
            Origin::CommandLine => f.write_str("the command line"),
        }
    }
}

/// A line of configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What it stands in.
    pub origin: Origin,
    /// Its number, from 1.
    pub line: usize,
    /// Its text.
    pub text: String,
}

/// A line that does something instead of setting a value. What it says is for the node to check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// The words after the first.
    pub words: Vec<Vec<u8>>,
    /// Where it stands, for errors: see [`LoadError::refused`].
    pub place: Place,
}

/// What a configuration says.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The values of all directives.
    pub config: Config,
    /// `user` lines.
    pub users: Vec<Declared>,
    /// `rename-command` lines: always two words, the second empty where the command is to vanish.
    pub renamed_commands: Vec<Declared>,
}

/// Why a configuration cannot be used. Shown, it is what goes to stderr.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// A file cannot be read.
    Unreadable {
        /// The file, as it was named.
        path: String,
        /// The operating system's reason.
        reason: String,
    },
    /// A line cannot be used.
    Line {
        /// The line.
        place: Place,
        /// What is wrong with it.
        reason: String,
        /// The directive most likely meant, when the name is not known.
        suggestion: Option<&'static str>,
    },
    /// Lines that can be used, but not together.
    Whole(&'static str),
}

impl LoadError {
    /// A line was refused by the node, for this reason.
    #[must_use]
    pub fn refused(place: &Place, reason: impl fmt::Display) -> LoadError {
        LoadError::Line { place: place.clone(), reason: reason.to_string(), suggestion: None }
    }
}

impl std::error::Error for LoadError {}

impl fmt::Display for LoadError {
    /// The first lines are Redis's, for tools look for them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const TITLE: &str =
            concat!("*** FATAL CONFIG FILE ERROR (Redstart ", env!("CARGO_PKG_VERSION"), ") ***");
        match self {
            LoadError::Unreadable { path, reason } => {
                write!(f, "Fatal error, can't open config file '{path}': {reason}")
            }
            LoadError::Whole(reason) => write!(f, "{TITLE}\n{reason}"),
            LoadError::Line { place: Place { origin, line, text }, reason, suggestion } => {
                writeln!(f, "{TITLE}")?;
                writeln!(f, "Reading the configuration file, at line {line}")?;
                writeln!(f, ">>> '{text}'")?;
                writeln!(f, "{reason}")?;
                match origin {
                    Origin::File(path) => write!(f, "(in {path}, line {line})")?,
                    Origin::Stdin | Origin::CommandLine => write!(f, "(on {origin})")?,
                }
                match suggestion {
                    Some(name) => write!(f, "\nDid you mean '{name}'?"),
                    None => Ok(()),
                }
            }
        }
    }
}

/// Reads all that a command line names. `stdin` is what the standard input held, when
/// [`Start::stdin`] asks for it.
///
/// # Errors
///
/// The first file that cannot be read, or line that cannot be used.
pub fn load(
    start: &Start,
    stdin: Option<&[u8]>,
    files: &mut dyn FileSource,
) -> Result<Loaded, LoadError> {
    let mut loader = Loader::new(files);
    let mut lines = 1;
    if let Some(path) = &start.file {
        lines = loader.file(path, 0)?;
    }
    if let Some(text) = stdin {
        lines = loader.text(&Origin::Stdin, text, lines, 0)?;
    }
    if !start.options.is_empty() {
        loader.text(&Origin::CommandLine, &start.options, lines + 1, 0)?;
    }
    let loaded = loader.loaded;
    if loaded.config.cluster.enabled && loaded.config.replication.replicaof.0.is_some() {
        return Err(LoadError::Whole("replicaof directive not allowed in cluster mode"));
    }
    Ok(loaded)
}

struct Loader<'a> {
    files: &'a mut dyn FileSource,
    loaded: Loaded,
    /// The directives seen so far.
    seen: BTreeSet<&'static str>,
    /// Whether an included file has ended in the text that is being read. From there on each
    /// `save` replaces all that was said before, rather than add to it. So it is in Redis, by
    /// accident, and files that include a common one and override it count on it.
    after_include: bool,
    sources: usize,
}

impl<'a> Loader<'a> {
    fn new(files: &'a mut dyn FileSource) -> Loader<'a> {
        Loader {
            files,
            loaded: Loaded::default(),
            seen: BTreeSet::new(),
            after_include: false,
            sources: 0,
        }
    }

    /// Reads a file, and returns the number of its last line.
    fn file(&mut self, path: &[u8], depth: usize) -> Result<usize, LoadError> {
        let shown = String::from_utf8_lossy(path).into_owned();
        let read = self.files.read(path);
        let text = read.map_err(|reason| LoadError::Unreadable { path: shown.clone(), reason })?;
        self.text(&Origin::File(shown), &text, 1, depth)
    }

    /// Reads lines of which the first has the number `first`, and returns the number of the last.
    fn text(
        &mut self,
        origin: &Origin,
        text: &[u8],
        first: usize,
        depth: usize,
    ) -> Result<usize, LoadError> {
        let mut number = first;
        for (at, raw) in text.split(|byte| *byte == b'\n').enumerate() {
            number = first + at;
            // Redis takes a zero byte for the end of a line.
            let line = raw.split(|byte| *byte == 0).next().unwrap_or_default();
            let line = words::trim(line);
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let text = String::from_utf8_lossy(line).into_owned();
            self.line(line, Place { origin: origin.clone(), line: number, text }, depth)?;
        }
        Ok(number)
    }

    fn line(&mut self, line: &[u8], place: Place, depth: usize) -> Result<(), LoadError> {
        const UNBALANCED: &str = "Unbalanced quotes in configuration line";
        let words = words::split(line).ok_or_else(|| LoadError::refused(&place, UNBALANCED))?;
        let Some((name, arguments)) = words.split_first() else { return Ok(()) };
        if let Some((directive, _)) = lookup(name) {
            let words = words_of_line(directive, arguments)
                .ok_or_else(|| LoadError::refused(&place, UNBALANCED))?;
            let set = self.set(directive, &words);
            return set.map_err(|refusal| LoadError::refused(&place, refusal));
        }
        let declared = |place| Declared { words: arguments.to_vec(), place };
        match (name.to_ascii_lowercase().as_slice(), arguments) {
            (b"include", [pattern]) => self.include(pattern, &place, depth),
            (b"user", [_, ..]) => {
                self.loaded.users.push(declared(place));
                Ok(())
            }
            (b"rename-command", [_, _]) => {
                self.loaded.renamed_commands.push(declared(place));
                Ok(())
            }
            (b"loadmodule", [_, ..]) => {
                Err(LoadError::refused(&place, "modules are not supported"))
            }
            (b"sentinel", _) => {
                Err(LoadError::refused(&place, "sentinel directive while not in sentinel mode"))
            }
            (forgotten, [_]) if FORGOTTEN.iter().any(|known| known.as_bytes() == forgotten) => {
                Ok(())
            }
            (name, _) => Err(unknown(name, place)),
        }
    }

    fn set(&mut self, directive: &'static Directive, words: &[Vec<u8>]) -> Result<(), Refusal> {
        let again = !self.seen.insert(directive.name) && !self.after_include;
        self.loaded.config.set(directive, words, again)
    }

    /// Reads each file that the pattern means. No match of a pattern is no error, a missing file is
    /// one.
    fn include(&mut self, pattern: &[u8], place: &Place, depth: usize) -> Result<(), LoadError> {
        if depth >= INCLUDE_DEPTH_MAX {
            let reason = format!("include goes deeper than {INCLUDE_DEPTH_MAX} files");
            return Err(LoadError::refused(place, reason));
        }
        for path in expand(pattern, self.files) {
            self.sources += 1;
            if self.sources > SOURCES_MAX {
                let reason = format!("more than {SOURCES_MAX} files are included");
                return Err(LoadError::refused(place, reason));
            }
            self.after_include = false;
            self.file(&path, depth + 1)?;
            self.after_include = true;
        }
        Ok(())
    }
}

fn unknown(name: &[u8], place: Place) -> LoadError {
    let names = directives().filter(|directive| !directive.hidden).flat_map(Directive::names);
    // Of a name that is right, the number of words is not.
    let known = VERBS.iter().chain(&FORGOTTEN).any(|known| known.as_bytes() == name);
    let suggestion = if known { None } else { nearest(name, names.chain(VERBS)) };
    let reason = "Bad directive or wrong number of arguments".to_owned();
    LoadError::Line { place, reason, suggestion }
}

/// The paths that a pattern means, sorted; a path without wildcards means itself. As in the shell,
/// a wildcard stays inside a folder, and does not match a leading dot.
fn expand(pattern: &[u8], files: &mut dyn FileSource) -> Vec<Vec<u8>> {
    if !is_pattern(pattern) {
        return vec![pattern.to_vec()];
    }
    let (start, relative) = match pattern.strip_prefix(b"/") {
        Some(relative) => (&b"/"[..], relative),
        None => (&b""[..], pattern),
    };
    let mut paths = vec![start.to_vec()];
    for part in relative.split(|byte| *byte == b'/').filter(|part| !part.is_empty()) {
        let mut longer = Vec::new();
        for path in paths {
            let children = if is_pattern(part) {
                matching_names(&path, part, files)
            } else {
                vec![part.to_vec()]
            };
            let child_of = |name: Vec<u8>| [path.as_slice(), &name].concat();
            longer.extend(children.into_iter().map(child_of));
            longer.truncate(SOURCES_MAX + 1);
        }
        for path in &mut longer {
            path.push(b'/');
        }
        paths = longer;
    }
    for path in &mut paths {
        path.pop();
    }
    paths.sort();
    paths
}

fn matching_names(folder: &[u8], pattern: &[u8], files: &mut dyn FileSource) -> Vec<Vec<u8>> {
    let mut names = files.names(if folder.is_empty() { b"." } else { folder });
    names.retain(|name| {
        (pattern.starts_with(b".") || !name.starts_with(b"."))
            && glob::matches(pattern, name, glob::Case::Sensitive)
    });
    names
}

fn is_pattern(path: &[u8]) -> bool {
    path.iter().any(|byte| b"*?[".contains(byte))
}

#[cfg(test)]
mod tests;
