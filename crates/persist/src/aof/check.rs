//! Checking files without loading them, and cutting off what is not whole: the work of `redis-check-aof`, in its words.
//!
//! Stricter than Valkey's tool where a server refuses what that tool lets pass: a command of no arguments, numbers in odd forms.

mod scan;

use super::reader::{MAGIC_BYTES, is_rdb};
use super::{LoadError as ManifestLoadError, Manifest};
use crate::rdb::{self, LoadError};
use crate::storage::{File, FromOffset, Storage, folder_of, reason};
use scan::{Scan, Scanned, Stopped};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use values::Rules;

/// What is to be done beside looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing.
    Check,
    /// The last file is cut off behind what is whole.
    Fix,
    /// The last file is cut off before the first time that is later than this one, in seconds since 1970.
    TruncateToTimestamp(i64),
}

/// Whom the check speaks with.
pub trait Operator {
    /// Reads this text, which ends where a line ends or with a question.
    fn tell(&mut self, text: &str);

    /// The first byte of the answer to what was told last.
    fn answer(&mut self) -> Option<u8>;

    /// Sees how far the check of a file is, in bytes.
    fn progress(&mut self, done: u64, total: u64);
}

/// The check ends here, and not well; why has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// Checks a manifest with the files that it lists, or a single file.
///
/// # Errors
/// [`Refused`]: the program ends with 1.
pub fn check(
    storage: &dyn Storage,
    operator: &mut dyn Operator,
    path: &Path,
    mode: Mode,
) -> Result<(), Refused> {
    let mut check = Check { storage, operator, mode };
    if check.is_manifest(path)? {
        return check.all(path);
    }
    let has_rdb = check.is_rdb(path)?;
    check.tell("Start checking Old-Style AOF\n");
    let name = path.display().to_string();
    let outcome = check.single(&name, path, true, has_rdb)?;
    check.conclude(outcome, "AOF", &name);
    Ok(())
}

/// What came of the check of a file.
enum Outcome {
    Valid,
    Empty,
    Truncated,
    TruncatedToTimestamp(i64),
}

/// A file that was gone over.
#[derive(Clone, Copy)]
struct Analyzed<'a> {
    name: &'a str,
    file: &'a dyn File,
    size: u64,
    is_last: bool,
}

struct Check<'a> {
    storage: &'a dyn Storage,
    operator: &'a mut dyn Operator,
    mode: Mode,
}

impl Check<'_> {
    fn tell(&mut self, text: &str) {
        self.operator.tell(text);
    }

    fn refuse<T>(&mut self, text: &str) -> Result<T, Refused> {
        self.tell(text);
        Err(Refused)
    }

    /// What a file begins with.
    fn beginning(&mut self, path: &Path, bytes: usize) -> Result<Vec<u8>, Refused> {
        let read = || {
            let file = self.storage.open(path)?;
            let mut beginning = vec![0; bytes];
            let count = file.read_at(0, &mut beginning)?;
            beginning.truncate(count);
            Ok(beginning)
        };
        read().or_else(|error: io::Error| {
            let why = reason(&error);
            self.refuse(&format!("Cannot open file {}: {why}\n", path.display()))
        })
    }

    /// Whether a file is a manifest: after remarks its first line begins with `file`.
    fn is_manifest(&mut self, path: &Path) -> Result<bool, Refused> {
        const BYTES: usize = 64 * 1024;
        let beginning = self.beginning(path, BYTES)?;
        let mut lines = beginning.split(|byte| *byte == b'\n');
        let first = lines.find(|line| !line.starts_with(b"#"));
        Ok(first.is_some_and(|line| line.starts_with(b"file")))
    }

    fn is_rdb(&mut self, path: &Path) -> Result<bool, Refused> {
        Ok(is_rdb(&self.beginning(path, MAGIC_BYTES)?))
    }

    fn all(&mut self, path: &Path) -> Result<(), Refused> {
        self.tell("Start checking Multi Part AOF\n");
        let folder = folder_of(path);
        let beside = |name: &[u8]| folder.join(OsStr::from_bytes(name));
        let manifest = match self.manifest(path) {
            Ok(manifest) => manifest,
            Err(ManifestLoadError::Refused(error)) => {
                let lines: String =
                    error.log_lines().iter().map(|line| format!("{line}\n")).collect();
                return self.refuse(&lines);
            }
            Err(error) => return self.refuse(&format!("{error}\n")),
        };
        let mut left = manifest.files().count();
        if let Some(base) = manifest.base() {
            left -= 1;
            let (path, name) = (beside(&base.name), text(&base.name));
            let has_rdb = self.is_rdb(&path)?;
            let form = if has_rdb { "RDB" } else { "RESP" };
            self.tell(&format!("Start to check BASE AOF ({form} format).\n"));
            let outcome = self.single(&name, &path, left == 0, has_rdb)?;
            self.conclude(outcome, "BASE AOF", &name);
        }
        if !manifest.increments().is_empty() {
            self.tell("Start to check INCR files.\n");
        }
        for increment in manifest.increments() {
            left -= 1;
            let (path, name) = (beside(&increment.name), text(&increment.name));
            let is_last = left == 0 || self.is_followed_by_nothing(&manifest, folder, left);
            let outcome = self.single(&name, &path, is_last, false)?;
            self.conclude(outcome, "INCR AOF", &name);
        }
        self.tell("All AOF files and manifest are valid\n");
        Ok(())
    }

    fn manifest(&self, path: &Path) -> Result<Manifest, ManifestLoadError> {
        Manifest::load_from(self.storage, path)?.ok_or_else(|| ManifestLoadError::Unreadable {
            name: path.display().to_string(),
            error: io::ErrorKind::NotFound.into(),
        })
    }

    /// Whether the last `count` increments are empty: what stands before them may be cut off then.
    fn is_followed_by_nothing(&self, manifest: &Manifest, folder: &Path, count: usize) -> bool {
        let mut later = manifest.increments().iter().rev().take(count);
        later.all(|entry| {
            let file = self.storage.open(&folder.join(OsStr::from_bytes(&entry.name)));
            file.and_then(|file| file.length()).is_ok_and(|length| length == 0)
        })
    }

    fn conclude(&mut self, outcome: Outcome, kind: &str, name: &str) {
        let text = match outcome {
            Outcome::Valid => format!("{kind} {name} is valid\n"),
            Outcome::Empty => format!("{kind} {name} is empty\n"),
            Outcome::Truncated => format!("Successfully truncated AOF {name}\n"),
            Outcome::TruncatedToTimestamp(seconds) => {
                format!("Successfully truncated AOF {name} to timestamp {seconds}\n")
            }
        };
        self.tell(&text);
    }

    fn single(
        &mut self,
        name: &str,
        path: &Path,
        is_last: bool,
        has_rdb: bool,
    ) -> Result<Outcome, Refused> {
        let opened = self.storage.append(path).and_then(|file| Ok((file.length()?, file)));
        let (size, file) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                let why = reason(&error);
                let text = format!("Cannot open file {}: {why}, aborting...\n", path.display());
                return self.refuse(&text);
            }
        };
        if size == 0 {
            return Ok(Outcome::Empty);
        }
        let mut begin = 0;
        if has_rdb {
            begin = match self.rdb(file.as_ref(), size) {
                Ok(end) => end,
                Err(error) => {
                    return self.refuse(&format!(
                        "RDB of {name}: {error}\nRDB preamble of AOF file is not sane, aborting.\n"
                    ));
                }
            };
            self.tell("RDB preamble is OK, proceeding with AOF tail...\n");
        }
        let until = match self.mode {
            Mode::TruncateToTimestamp(seconds) => Some(seconds),
            Mode::Check | Mode::Fix => None,
        };
        let mut scan = Scan::new(file.as_ref(), size, begin, path.display().to_string());
        let operator = &mut *self.operator;
        let scanned = scan.run(until, &mut |done| operator.progress(done, size));
        let stopped = match scanned {
            Err(error) => {
                let why = reason(&error);
                return self.refuse(&format!("Failed to read from AOF {name}, aborting: {why}\n"));
            }
            Ok(Scanned::Later(offset)) => {
                return self.truncate_to_timestamp(path, file.as_ref(), offset, is_last);
            }
            Ok(Scanned::OddTimestamp) => return self.refuse("Invalid timestamp annotation\n"),
            Ok(Scanned::Done(stopped)) => stopped,
        };
        let file = Analyzed { name, file: file.as_ref(), size, is_last };
        self.judge(&file, &stopped)
    }

    /// Says what a scan has found, and does what is to be done about it.
    fn judge(&mut self, analyzed: &Analyzed<'_>, stopped: &Stopped) -> Result<Outcome, Refused> {
        let Analyzed { name, file, size, is_last } = *analyzed;
        if stopped.is_other {
            self.tell(&format!("AOF {name} format error\n"));
        }
        if let Some(error) = &stopped.error {
            self.tell(&format!("{error}\n"));
        }
        let (whole, lines) = (stopped.whole, stopped.lines);
        let rest = size - whole;
        if let (0, Mode::TruncateToTimestamp(seconds)) = (rest, self.mode) {
            self.tell(&format!("Truncate nothing in AOF {name} to timestamp {seconds}\n"));
            return Ok(Outcome::Valid);
        }
        self.tell(&format!(
            "AOF analyzed: filename={name}, size={size}, ok_up_to={whole}, ok_up_to_line={lines}, diff={rest}\n"
        ));
        if rest == 0 {
            return Ok(Outcome::Valid);
        }
        if self.mode != Mode::Fix {
            let text = format!("AOF {name} is not valid. Use the --fix option to try fixing it.\n");
            return self.refuse(&text);
        }
        if !is_last {
            let text = format!("Failed to truncate AOF {name} because it is not the last file\n");
            return self.refuse(&text);
        }
        self.tell(&format!(
            "This will shrink the AOF {name} from {size} bytes, with {rest} bytes, to {whole} bytes\nContinue? [y/N]: "
        ));
        if !matches!(self.operator.answer(), Some(b'y' | b'Y')) {
            return self.refuse("Aborting...\n");
        }
        match cut(file, whole) {
            Ok(()) => Ok(Outcome::Truncated),
            Err(_) => self.refuse(&format!("Failed to truncate AOF {name}\n")),
        }
    }

    /// Reads the RDB at the start of a file; gives where it ends.
    fn rdb(&mut self, file: &dyn File, size: u64) -> Result<u64, LoadError> {
        let mut reader = rdb::Reader::new(FromOffset::new(file, 0), Rules::DEFAULT, true)?;
        let mut keys = 0u64;
        while reader.next()?.is_some() {
            keys += 1;
            if keys.is_multiple_of(1024) {
                self.operator.progress(reader.offset(), size);
            }
        }
        Ok(reader.offset())
    }

    fn truncate_to_timestamp(
        &mut self,
        path: &Path,
        file: &dyn File,
        offset: u64,
        is_last: bool,
    ) -> Result<Outcome, Refused> {
        let Mode::TruncateToTimestamp(seconds) = self.mode else { return Ok(Outcome::Valid) };
        let name = path.display();
        if offset == 0 {
            let text = format!("AOF {name} has nothing before timestamp {seconds}, aborting...\n");
            return self.refuse(&text);
        }
        if !is_last {
            return self.refuse(&format!(
                "Failed to truncate AOF {name} to timestamp {seconds} to offset {offset} because it is not the last file.\n\
                 If you insist, please delete all files after this file according to the manifest file and delete the \
                 corresponding records in manifest file manually. Then re-run redis-check-aof.\n"
            ));
        }
        match cut(file, offset) {
            Ok(()) => Ok(Outcome::TruncatedToTimestamp(seconds)),
            Err(_) => {
                self.refuse(&format!("Failed to truncate AOF {name} to timestamp {seconds}\n"))
            }
        }
    }
}

fn cut(file: &dyn File, length: u64) -> io::Result<()> {
    file.truncate(length)?;
    file.sync_data()
}

fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

#[cfg(test)]
mod tests;
