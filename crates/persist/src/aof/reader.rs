//! Everything that a manifest lists, in order: RDB files for the caller to read, and commands for it to run.
//!
//! A command is given when all of it is there, and where it stands in a batch, when the batch is as it was written. What stands between MULTI and EXEC is
//! given as it comes: the caller runs it at EXEC, so that a transaction whose EXEC is missing has not happened.

mod file;

pub(crate) use file::{FileReader, Next, Place, Stop};

use super::{Layout, Manifest};
use crate::storage::{File, Storage, reason};
use resp::Args;
use std::io;

/// What the tool is called that repairs files.
const REPAIR: &str = "redis-check-aof --fix <filename.manifest>";

/// Reads the files of a manifest.
pub struct Reader<'a> {
    storage: &'a dyn Storage,
    layout: &'a Layout,
    /// Whether the last file may end in the middle of a command (`aof-load-truncated`).
    load_truncated: bool,
    files: Vec<Listed>,
    next_file: usize,
    state: State,
    read_bytes: u64,
}

struct Listed {
    name: Vec<u8>,
    length: u64,
}

enum State {
    /// Between files.
    Between,
    /// The caller reads an RDB file.
    Rdb(Box<dyn File>),
    /// In commands; where the transaction begins that has no end yet.
    Commands { reader: Box<FileReader>, multi: Option<u64> },
}

/// What was read.
pub enum Step<'a> {
    /// A file begins with this RDB. Read it, and call [`Reader::resume`] with where it ends.
    Rdb {
        /// The file's name.
        name: &'a [u8],
        /// The file.
        file: &'a dyn File,
    },
    /// A command.
    Command {
        /// The file's name.
        name: &'a [u8],
        /// Where in the file it begins.
        offset: u64,
        /// The command.
        args: Args<'a>,
    },
    /// A file has ended.
    End {
        /// Its name.
        name: &'a [u8],
        /// What was cut off.
        truncated: Option<Truncation>,
    },
}

/// What was cut off a file that ended too early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truncation {
    name: String,
    /// Where the file ends now.
    pub offset: u64,
    /// How long it was.
    pub length: u64,
    /// Whether a transaction without its EXEC was cut off.
    pub is_transaction: bool,
}

impl Truncation {
    /// What Valkey logs, a warning for each.
    #[must_use]
    pub fn log_lines(&self) -> Vec<String> {
        let Truncation { name, offset, .. } = self;
        let revert = format!("Revert incomplete MULTI/EXEC transaction in AOF file {name}");
        let rest = [
            format!("!!! Warning: short read while loading the AOF file {name}!!!"),
            format!("!!! Truncating the AOF {name} at offset {offset} !!!"),
            format!("AOF {name} loaded anyway because aof-load-truncated is enabled"),
        ];
        self.is_transaction.then_some(revert).into_iter().chain(rest).collect()
    }
}

/// The files cannot be loaded. Begins with what Valkey logs.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file that the manifest lists is not there.
    #[error("The append log file {name} doesn't exist: {}", reason(error))]
    Missing {
        /// Its name.
        name: String,
        /// The system's error.
        error: io::Error,
    },
    /// A file cannot be opened.
    #[error("Fatal error: can't open the append log file {name} for reading: {}", reason(error))]
    Open {
        /// Its name.
        name: String,
        /// Why.
        error: io::Error,
    },
    /// A file cannot be read.
    #[error(
        "Unrecoverable error reading the append only file {name}: {} (at offset {offset})",
        reason(error)
    )]
    Io {
        /// Its name.
        name: String,
        /// Where.
        offset: u64,
        /// Why.
        error: io::Error,
    },
    /// The last file ends too early, and that is not allowed.
    #[error(
        "Unexpected end of file reading the append only file {name}. You can: \
         1) Make a backup of your AOF file, then use ./{REPAIR}. \
         2) Alternatively you can set the 'aof-load-truncated' configuration option to yes and restart the server. \
         (At offset {offset}: expected {expected}, found {found}.)"
    )]
    Truncated {
        /// Its name.
        name: String,
        /// Up to where it is whole.
        offset: u64,
        /// What should follow.
        expected: String,
        /// What does.
        found: String,
    },
    /// Another than the last file ends too early: what the later ones hold rests on what is missing.
    #[error(
        "Fatal error: the truncated file is not the last file: {name} \
         (at offset {offset}: expected {expected}, found {found}). \
         Restore it from a copy; or remove all files after it, and their lines from the manifest, then use ./{REPAIR}"
    )]
    TruncatedEarlier {
        /// Its name.
        name: String,
        /// Up to where it is whole.
        offset: u64,
        /// What should follow.
        expected: String,
        /// What does.
        found: String,
    },
    /// A file holds something else than commands.
    #[error(
        "Bad file format reading the append only file {name}: \
         make a backup of your AOF file, then use ./{REPAIR} \
         (At offset {offset}: expected {expected}, found {found}.)"
    )]
    Damaged {
        /// Its name.
        name: String,
        /// Where.
        offset: u64,
        /// What should be there.
        expected: String,
        /// What is.
        found: String,
    },
    /// What is to be cut off cannot be.
    #[error("Error truncating the AOF file {name}: {} (at offset {offset})", reason(error))]
    Truncate {
        /// Its name.
        name: String,
        /// Where it was to end.
        offset: u64,
        /// Why.
        error: io::Error,
    },
}

/// Whether a file that begins so is an RDB file. Redis looks for `REDIS`; Valkey 9 writes `VALKEY` where Redis could not read on.
#[must_use]
pub fn is_rdb(first: &[u8]) -> bool {
    first.starts_with(b"REDIS") || first.starts_with(b"VALKEY")
}

/// The length of the longer of the two.
pub(crate) const MAGIC_BYTES: usize = 6;

fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

impl<'a> Reader<'a> {
    /// A reader of all files that the manifest lists, which must all be there.
    ///
    /// # Errors
    /// [`ReadError::Missing`], [`ReadError::Open`]
    pub fn new(
        storage: &'a dyn Storage,
        layout: &'a Layout,
        manifest: &Manifest,
        load_truncated: bool,
    ) -> Result<Reader<'a>, ReadError> {
        let mut files = Vec::new();
        for entry in manifest.files() {
            let file = storage.open(&layout.path(&entry.name));
            let length = file.and_then(|file| file.length());
            let length = length.map_err(|error| open_error(&entry.name, error))?;
            files.push(Listed { name: entry.name.clone(), length });
        }
        let state = State::Between;
        Ok(Reader { storage, layout, load_truncated, files, next_file: 0, state, read_bytes: 0 })
    }

    /// The length of all files, in bytes.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.length).sum()
    }

    /// How much of them has been read; what the caller reads itself counts when it is done.
    #[must_use]
    pub fn read_bytes(&self) -> u64 {
        let now = match &self.state {
            State::Commands { reader, .. } => reader.offset(),
            State::Between | State::Rdb(_) => 0,
        };
        self.read_bytes + now
    }

    /// The next step; `None` when all is read.
    ///
    /// # Errors
    /// [`ReadError`]; there is nothing to read on then.
    pub fn next_step(&mut self) -> Result<Option<Step<'_>>, ReadError> {
        if matches!(self.state, State::Between) {
            if self.next_file == self.files.len() {
                return Ok(None);
            }
            self.begin_file()?;
        }
        let advanced = match &mut self.state {
            State::Commands { reader, multi } => advance(reader, multi),
            State::Rdb(_) | State::Between => Ok(Some(0)),
        };
        let truncated = match advanced {
            Ok(Some(offset)) => return Ok(self.current(offset)),
            Ok(None) => None,
            Err(stop) => Some(self.stopped(stop)?),
        };
        let file = &self.files[self.next_file - 1];
        self.read_bytes += file.length;
        self.state = State::Between;
        Ok(Some(Step::End { name: &file.name, truncated }))
    }

    /// What has been come to, at this offset.
    fn current(&self, offset: u64) -> Option<Step<'_>> {
        let name = &self.files[self.next_file - 1].name;
        match &self.state {
            State::Commands { reader, .. } => {
                Some(Step::Command { name, offset, args: reader.args() })
            }
            State::Rdb(file) => Some(Step::Rdb { name, file: file.as_ref() }),
            State::Between => None,
        }
    }

    /// Goes on behind the RDB that the caller has read.
    ///
    /// # Errors
    /// [`ReadError::Open`]
    pub fn resume(&mut self, offset: u64) -> Result<(), ReadError> {
        if let State::Rdb(file) = std::mem::replace(&mut self.state, State::Between) {
            self.state = self.commands(file, offset)?;
        }
        Ok(())
    }

    fn begin_file(&mut self) -> Result<(), ReadError> {
        let name = &self.files[self.next_file].name;
        self.next_file += 1;
        let file = self.storage.open(&self.layout.path(name));
        let file = file.map_err(|error| open_error(name, error))?;
        let mut magic = [0; MAGIC_BYTES];
        let read = file.read_at(0, &mut magic);
        let read = read.map_err(|error| ReadError::Io { name: text(name), offset: 0, error })?;
        self.state = if is_rdb(magic.get(..read).unwrap_or_default()) {
            State::Rdb(file)
        } else {
            self.commands(file, 0)?
        };
        Ok(())
    }

    fn commands(&self, file: Box<dyn File>, offset: u64) -> Result<State, ReadError> {
        let name = &self.files[self.next_file - 1].name;
        let reader = FileReader::new(file, offset);
        let reader = Box::new(reader.map_err(|error| open_error(name, error))?);
        Ok(State::Commands { reader, multi: None })
    }

    /// Cuts off a file that ends too early, where that is allowed.
    fn stopped(&self, stop: Stop) -> Result<Truncation, ReadError> {
        let file = &self.files[self.next_file - 1];
        let (length, name) = (file.length, text(&file.name));
        let multi = match self.state {
            State::Commands { multi, .. } => multi,
            State::Rdb(_) | State::Between => None,
        };
        let Place { offset, expected, found } = match stop {
            Stop::Io(offset, error) => return Err(ReadError::Io { name, offset, error }),
            Stop::Damaged(Place { offset, expected, found }) => {
                return Err(ReadError::Damaged { name, offset, expected, found });
            }
            Stop::Short(place) => place,
        };
        let offset = multi.unwrap_or(offset);
        // Nothing rests on what is missing where nothing follows: a crash may leave a new increment that was not begun yet.
        if self.files[self.next_file..].iter().any(|later| later.length > 0) {
            return Err(ReadError::TruncatedEarlier { name, offset, expected, found });
        }
        if !self.load_truncated {
            return Err(ReadError::Truncated { name, offset, expected, found });
        }
        let opened = self.storage.append(&self.layout.path(&file.name));
        let cut = opened.and_then(|opened| {
            opened.truncate(offset)?;
            opened.sync_data()
        });
        let is_transaction = multi.is_some();
        match cut {
            Ok(()) => Ok(Truncation { name, offset, length, is_transaction }),
            Err(error) => Err(ReadError::Truncate { name, offset, error }),
        }
    }
}

fn open_error(name: &[u8], error: io::Error) -> ReadError {
    let name = text(name);
    if error.kind() == io::ErrorKind::NotFound {
        ReadError::Missing { name, error }
    } else {
        ReadError::Open { name, error }
    }
}

/// Reads up to the next command, and gives where it begins; `None` at the end of the file.
fn advance(reader: &mut FileReader, multi: &mut Option<u64>) -> Result<Option<u64>, Stop> {
    loop {
        match reader.next()? {
            Next::Timestamp { .. } => {}
            Next::Command { offset } => {
                return follow(reader, multi, offset).map(|()| Some(offset));
            }
            Next::End => {
                let Some(offset) = *multi else { return Ok(None) };
                let found = format!("the end of the file, at {}", reader.length());
                return Err(Stop::Short(Place { offset, expected: EXEC.to_owned(), found }));
            }
        }
    }
}

const EXEC: &str = "EXEC after MULTI";

/// Notes where a transaction begins and that it ends. In a batch it must do both: else the file could not be cut off in front of it
/// without damaging the batch.
fn follow(reader: &FileReader, multi: &mut Option<u64>, offset: u64) -> Result<(), Stop> {
    let name = reader.args().name();
    if name.eq_ignore_ascii_case(b"MULTI") {
        multi.get_or_insert(offset);
    } else if name.eq_ignore_ascii_case(b"EXEC") {
        *multi = None;
    }
    let batch = reader.batch();
    match multi {
        Some(begin) if batch.contains(begin) && batch.end == reader.offset() => {
            let found = "the end of its batch".to_owned();
            Err(Stop::Damaged(Place { offset: *begin, expected: EXEC.to_owned(), found }))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
