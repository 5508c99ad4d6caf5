//! The manifest: a line for each file, `file <name> seq <number> type <b|h|i>`. Base first, then history, then increments in order.
//!
//! Read as Valkey 9 reads it, with its refusals in its words; two more things are refused: a name that is empty, and a number that has none after it.

use super::Layout;
use crate::storage::{ReplaceError, Step, Storage, reason, replace};
use base::words;
use std::io;
use std::path::Path;

/// The longest line, its end included, in bytes.
const LINE_BYTES_MAX: usize = 1024;

/// The longest manifest that is read, in bytes: rewrites that fail by the thousand leave less.
const BYTES_MAX: u64 = 16 << 20;

/// A file that the manifest lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the folder.
    pub name: Vec<u8>,
    /// Its number among those of its kind.
    pub sequence: i64,
}

/// The form of a base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaseFormat {
    /// An RDB file.
    Rdb,
    /// Commands.
    Commands,
}

/// Which files make up the data. Changes are values: what is saved first holds, or does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    base: Option<Entry>,
    history: Vec<Entry>,
    increments: Vec<Entry>,
    /// The highest numbers that were given; no name is given twice, also where a save failed.
    base_sequence: i64,
    increment_sequence: i64,
    is_suspect: bool,
}

/// The line that makes a manifest suspect; a comment for others.
const SUSPECT: &[u8] = b"#SUSPECT a sync has failed: what is read back may not be on the disk\n";

/// The text is no manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .line.as_ref().map_or_else(
    || format!("the AOF manifest is refused: {what}"),
    |(number, text)| format!(
        "the AOF manifest is refused at line {number}, '{}': {what}",
        String::from_utf8_lossy(text),
    ),
))]
pub struct ManifestError {
    /// The line, from 1, where one is to blame, and its text without blanks at the ends.
    pub line: Option<(usize, Vec<u8>)>,
    /// What is wrong, in Valkey's words.
    pub what: &'static str,
}

const INVALID: &str = "Invalid AOF manifest file format";

impl ManifestError {
    /// What Valkey logs, a warning for each.
    #[must_use]
    pub fn log_lines(&self) -> Vec<String> {
        let mut lines = vec!["\n*** FATAL AOF MANIFEST FILE ERROR ***\n".to_owned()];
        if let Some((number, text)) = &self.line {
            lines.push(format!("Reading the manifest file, at line {number}\n"));
            lines.push(format!(">>> '{}'\n", String::from_utf8_lossy(text)));
        }
        lines.push(format!("{}\n", self.what));
        lines
    }
}

/// The manifest cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read.
    #[error("Fatal error: can't open the AOF manifest file {name} for reading: {}", reason(error))]
    Unreadable {
        /// Its path.
        name: String,
        /// Why.
        error: io::Error,
    },
    /// It is none.
    #[error(transparent)]
    Refused(#[from] ManifestError),
}

/// The manifest cannot be saved.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.text())]
pub struct SaveError {
    layout: Layout,
    /// What failed.
    pub cause: ReplaceError,
}

impl SaveError {
    /// Whether the new manifest may be what is found after a crash all the same.
    #[must_use]
    pub fn is_uncertain(&self) -> bool {
        matches!(self.cause.step, Step::Rename | Step::SyncFolder)
    }

    fn text(&self) -> String {
        let base_name =
            |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let temporary = base_name(&self.layout.temporary_manifest());
        let why = reason(&self.cause.error);
        match self.cause.step {
            Step::Create => format!("Can't open the AOF manifest file {temporary}: {why}"),
            Step::Write => {
                format!("Error trying to write the temporary AOF manifest file {temporary}: {why}")
            }
            Step::Sync => format!("Fail to fsync the temp AOF file {temporary}: {why}."),
            Step::Rename => format!(
                "Error trying to rename the temporary AOF manifest file {temporary} into {}: {why}",
                base_name(&self.layout.manifest())
            ),
            Step::SyncFolder => {
                format!("Fail to fsync AOF directory {}: {why}.", self.layout.manifest().display())
            }
        }
    }
}

/// What `type` says of a file.
enum Kind {
    Base,
    History,
    Increment,
}

impl Manifest {
    /// The manifest of this text.
    ///
    /// # Errors
    /// [`ManifestError`], as Valkey has them.
    pub fn parse(text: &[u8]) -> Result<Manifest, ManifestError> {
        let whole = |what| ManifestError { line: None, what };
        if text.is_empty() {
            return Err(whole("Found an empty AOF manifest"));
        }
        let mut manifest = Manifest::default();
        let mut rest = text;
        let mut number = 0;
        while !rest.is_empty() {
            let limit = rest.len().min(LINE_BYTES_MAX);
            let end = memchr::memchr(b'\n', &rest[..limit]).map_or(limit, |end| end + 1);
            let (line, after) = rest.split_at(end);
            (rest, number) = (after, number + 1);
            if line.starts_with(b"#") {
                manifest.is_suspect |= line == SUSPECT;
                continue;
            }
            // A zero byte ends the line for whoever keeps it as a text of C.
            if !line.ends_with(b"\n") || line.contains(&0) {
                return Err(whole("The AOF manifest file contains too long line"));
            }
            let line = words::trim(line);
            let at = |what| ManifestError { line: Some((number, line.to_vec())), what };
            let (kind, entry) = parse_line(line).map_err(at)?;
            manifest.add(kind, entry).map_err(at)?;
        }
        Ok(manifest)
    }

    fn add(&mut self, kind: Kind, entry: Entry) -> Result<(), &'static str> {
        match kind {
            Kind::Base if self.base.is_some() => Err("Found duplicate base file information"),
            Kind::Base => {
                self.base_sequence = self.base_sequence.max(entry.sequence);
                self.base = Some(entry);
                Ok(())
            }
            Kind::History => {
                // A number that is given again would make a file both history and data.
                let is_base = [".base.rdb", ".base.aof"]
                    .iter()
                    .any(|ending| entry.name.ends_with(ending.as_bytes()));
                let highest =
                    if is_base { &mut self.base_sequence } else { &mut self.increment_sequence };
                *highest = entry.sequence.max(*highest);
                self.history.push(entry);
                Ok(())
            }
            Kind::Increment
                if self.increments.last().is_some_and(|last| entry.sequence <= last.sequence) =>
            {
                Err("Found a non-monotonic sequence number")
            }
            Kind::Increment => {
                self.increment_sequence = self.increment_sequence.max(entry.sequence);
                self.increments.push(entry);
                Ok(())
            }
        }
    }

    /// The text, as it stands in the file.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        let mut out = if self.is_suspect { SUSPECT.to_vec() } else { Vec::new() };
        let kinds = [("b", self.base.as_slice()), ("h", &self.history), ("i", &self.increments)];
        for (kind, entries) in kinds {
            for entry in entries {
                out.extend(b"file ");
                if needs_quotes(&entry.name) {
                    words::push_quoted(&mut out, &entry.name);
                } else {
                    out.extend(&entry.name);
                }
                out.extend(format!(" seq {} type {kind}\n", entry.sequence).bytes());
            }
        }
        out
    }

    /// The manifest on disk; `None` where there is none.
    ///
    /// # Errors
    /// [`LoadError`]
    pub fn load(storage: &dyn Storage, layout: &Layout) -> Result<Option<Manifest>, LoadError> {
        Manifest::load_from(storage, &layout.manifest())
    }

    /// The manifest in a file; `None` where there is none.
    ///
    /// # Errors
    /// [`LoadError`]
    pub fn load_from(storage: &dyn Storage, path: &Path) -> Result<Option<Manifest>, LoadError> {
        let read = || {
            let file = storage.open(path)?;
            let length = file.length()?;
            if length > BYTES_MAX {
                return Err(io::Error::other(format!("{length} bytes are no manifest")));
            }
            let mut text = vec![0; length as usize];
            let read = file.read_at(0, &mut text)?;
            text.truncate(read);
            Ok(text)
        };
        match read() {
            Ok(text) => Ok(Some(Manifest::parse(&text)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(LoadError::Unreadable { name: path.display().to_string(), error }),
        }
    }

    /// Replaces the manifest on disk. When this returns, the names in the folder are on disk too.
    ///
    /// # Errors
    /// [`SaveError`]
    pub fn save(&self, storage: &dyn Storage, layout: &Layout) -> Result<(), SaveError> {
        replace(storage, &layout.temporary_manifest(), &layout.manifest(), &self.text())
            .map_err(|cause| SaveError { layout: layout.clone(), cause })
    }

    /// The base, where there is one.
    #[must_use]
    pub fn base(&self) -> Option<&Entry> {
        self.base.as_ref()
    }

    /// The increments, in order.
    #[must_use]
    pub fn increments(&self) -> &[Entry] {
        &self.increments
    }

    /// The files that are to be removed.
    #[must_use]
    pub fn history(&self) -> &[Entry] {
        &self.history
    }

    /// The files that make up the data, in order.
    pub fn files(&self) -> impl Iterator<Item = &Entry> {
        self.base.iter().chain(&self.increments)
    }

    /// Whether a sync of a file has failed, so that the disk may not hold what is read while the system still remembers it. No later sync tells, and
    /// neither does a restart of the process alone.
    #[must_use]
    pub const fn is_suspect(&self) -> bool {
        self.is_suspect
    }

    /// As after a failed sync.
    #[must_use]
    pub fn suspected(&self) -> Manifest {
        Manifest { is_suspect: true, ..self.clone() }
    }

    /// With one more increment, which is the last: a rewrite begins, or there was none.
    #[must_use]
    pub fn with_increment(&self, layout: &Layout) -> Manifest {
        let mut next = self.clone();
        next.increment_sequence += 1;
        let sequence = next.increment_sequence;
        let name = numbered(layout.prefix(), sequence, ".incr.aof");
        next.increments.push(Entry { name, sequence });
        next
    }

    /// With a new base: it, and the increments from number `kept` on, make up the data; what came before is history.
    #[must_use]
    pub fn with_base(&self, layout: &Layout, format: BaseFormat, kept: i64) -> Manifest {
        let mut next = self.clone();
        next.base_sequence += 1;
        next.is_suspect = false;
        let sequence = next.base_sequence;
        let ending = match format {
            BaseFormat::Rdb => ".base.rdb",
            BaseFormat::Commands => ".base.aof",
        };
        let name = numbered(layout.prefix(), sequence, ending);
        let before = next.base.replace(Entry { name, sequence });
        let (old, new) = next.increments.into_iter().partition(|entry| entry.sequence < kept);
        next.increments = new;
        // The order in which Valkey lists them.
        next.history = [old, before.into_iter().collect(), next.history].concat();
        next
    }

    /// With the old single file as its base, and nothing else.
    pub(super) fn of_old_file(layout: &Layout) -> Manifest {
        let base = Entry { name: layout.prefix().to_vec(), sequence: 1 };
        Manifest { base: Some(base), base_sequence: 1, ..Manifest::default() }
    }

    /// Without history.
    #[must_use]
    pub fn without_history(&self) -> Manifest {
        Manifest { history: Vec::new(), ..self.clone() }
    }

    /// This manifest after `other` could not be saved: what only that one lists will be removed with the next history, and its numbers are not given
    /// again, for it may be what a crash leaves.
    #[must_use]
    pub fn after_failed_save(&self, other: &Manifest) -> Manifest {
        let mut next = self.clone();
        next.base_sequence = next.base_sequence.max(other.base_sequence);
        next.increment_sequence = next.increment_sequence.max(other.increment_sequence);
        let known: Vec<&Entry> = self.files().chain(&self.history).collect();
        next.history.extend(other.files().filter(|entry| !known.contains(entry)).cloned());
        next
    }
}

fn numbered(prefix: &[u8], sequence: i64, ending: &str) -> Vec<u8> {
    let mut name = prefix.to_vec();
    name.extend(format!(".{sequence}{ending}").bytes());
    name
}

/// Whether a name must be quoted to come back as one word. Valkey writes a `'` bare, and then refuses its own file.
fn needs_quotes(name: &[u8]) -> bool {
    name.iter().any(|&byte| !byte.is_ascii_graphic() || matches!(byte, b'\\' | b'"' | b'\''))
}

fn parse_line(line: &[u8]) -> Result<(Kind, Entry), &'static str> {
    let fields = words::split(line).ok_or(INVALID)?;
    let (pairs, odd) = fields.as_chunks::<2>();
    // Three pairs are known; a newer server may write more.
    if pairs.len() < 3 || !odd.is_empty() {
        return Err(INVALID);
    }
    let (mut name, mut sequence, mut kind) = (None, 0, None);
    for [key, value] in pairs {
        if key.eq_ignore_ascii_case(b"file") {
            if value.contains(&b'/') || value.contains(&b'\\') {
                return Err("File can't be a path, just a filename");
            }
            name = Some(value);
        } else if key.eq_ignore_ascii_case(b"seq") {
            sequence = leading_number(value);
        } else if key.eq_ignore_ascii_case(b"type") {
            kind = value.first().copied();
        }
    }
    let (Some(name), Some(kind)) = (name, kind) else { return Err(INVALID) };
    if !(1..i64::MAX).contains(&sequence) {
        return Err(INVALID);
    }
    let kind = match kind {
        b'b' => Kind::Base,
        b'h' => Kind::History,
        b'i' => Kind::Increment,
        _ => return Err("Unknown AOF file type"),
    };
    if name.is_empty() {
        return Err(INVALID);
    }
    Ok((kind, Entry { name: name.clone(), sequence }))
}

/// The number that a text begins with, as C's `atoll` reads it; 0 where there is none.
fn leading_number(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let digits = text.strip_prefix(b"+").unwrap_or(text);
    if digits.starts_with(b"-") {
        return 0;
    }
    digits.iter().take_while(|byte| byte.is_ascii_digit()).fold(0i64, |number, digit| {
        number.saturating_mul(10).saturating_add(i64::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests;
