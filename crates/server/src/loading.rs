//! Loading the data when the server starts.

use crate::clock;
use node::Node;
use persist::rdb::{Event, Key, LoadError, Reader, Usage};
use persist::storage::reason;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often it is told how far loading has come, in keys.
const REPORTED_KEYS: u64 = 1024;

/// So many keys that hold nothing are told of by name: older servers have left them in files.
const EMPTY_KEYS_TOLD: u64 = 10;

/// Why the data could not be loaded. The server does not start then: it must not overwrite what it could not read.
#[derive(Debug, thiserror::Error)]
pub enum LoadingError {
    /// The file cannot be opened.
    #[error("Fatal error loading the DB, check server logs. Can't open {}: {}. Exiting.", path.display(), reason(error))]
    Open {
        /// Its path.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file is not as it has to be.
    #[error(
        "Internal error in RDB reading {}: {error}. The file was not touched. Look at it with 'redstart check-rdb {}', or start \
         with another 'dir' or 'dbfilename' to begin without it. Exiting.",
        path.display(), path.display()
    )]
    Malformed {
        /// Its path.
        path: PathBuf,
        /// Where, and what was expected.
        error: LoadError,
    },
    /// The file has something that this server cannot keep.
    #[error("{}: {what}. The file was not touched. Exiting.", path.display())]
    Refused {
        /// Its path.
        path: PathBuf,
        /// What.
        what: String,
    },
    /// The append-only file cannot be loaded, or not be gone on with.
    #[error("{0}. Exiting.")]
    AppendOnly(String),
    /// The server was asked to stop meanwhile.
    #[error("Stopped while the data were being loaded.")]
    Stopped,
}

/// What becomes of keys that are there already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Duplicates {
    /// The file is refused.
    Refuse,
    /// They stay as they are.
    Keep,
}

/// Loads the snapshot, where there is one; false where there is none. `goes_on` is asked now and then.
///
/// # Errors
///
/// Where the file cannot be loaded as a whole.
pub(crate) fn load_snapshot(
    node: &Node,
    path: &Path,
    duplicates: Duplicates,
    goes_on: &dyn Fn() -> bool,
) -> Result<bool, LoadingError> {
    let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
    let (bytes, file) = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(LoadingError::Open { path: path.to_owned(), error }),
        Ok(opened) => opened,
    };
    let begun = clock::monotonic();
    node.begin_loading(clock::now(), bytes);
    let mut load =
        Load { node, path, duplicates, goes_on, keeps_expired: false, keys: 0, expired: 0 };
    let loaded = load.run(file);
    if loaded.is_ok() {
        let took = clock::monotonic().since(begun).as_secs_f64();
        tracing::info!("DB loaded from disk: {took:.3} seconds");
    }
    loaded.map(|_| true)
}

/// Loads the base of an append-only file, the increments of which decide what has expired; where in the file it ends.
///
/// # Errors
///
/// Where it cannot be loaded as a whole.
pub(crate) fn load_base(
    node: &Node,
    path: &Path,
    input: impl io::Read,
    goes_on: &dyn Fn() -> bool,
) -> Result<u64, LoadingError> {
    let duplicates = Duplicates::Refuse;
    Load { node, path, duplicates, goes_on, keeps_expired: true, keys: 0, expired: 0 }.run(input)
}

struct Load<'l> {
    node: &'l Node,
    path: &'l Path,
    duplicates: Duplicates,
    goes_on: &'l dyn Fn() -> bool,
    /// Whether keys are loaded whose time has come.
    keeps_expired: bool,
    keys: u64,
    expired: u64,
}

impl Load<'_> {
    /// Loads it all; where it ends.
    fn run(&mut self, file: impl io::Read) -> Result<u64, LoadingError> {
        let node = self.node;
        let malformed = |error| LoadingError::Malformed { path: self.path.to_owned(), error };
        let verifies = node.settings.current().persistence.rdbchecksum;
        let rules = node.keyspace.rules();
        let mut reader = Reader::new(file, rules, verifies).map_err(malformed)?;
        let now = clock::now();
        let moment = node.load_moment(now);
        let delay = u64::try_from(node.settings.current().general.key_load_delay).unwrap_or(0);
        let reported = if delay > 0 { 1 } else { REPORTED_KEYS };
        let (mut database, mut told, mut empty) = (0, 0, 0_u64);
        loop {
            let offset = reader.offset();
            let Some(event) = reader.next().map_err(malformed)? else { break };
            match event {
                Event::Aux(name, value) => self.note_aux(name, value, now),
                Event::Select(number) => {
                    database = usize::try_from(number).unwrap_or(usize::MAX);
                    if database >= node.keyspace.databases() {
                        return Err(self.refused(format!(
                            "it has keys of database {number}, and this server is configured to have {} \
                             ('databases')",
                            node.keyspace.databases()
                        )));
                    }
                }
                Event::Function(_) => {
                    return Err(self.refused(
                        "it has a library of functions, which this server cannot keep yet"
                            .to_owned(),
                    ));
                }
                Event::Key(key) => {
                    let name = key.name.to_vec();
                    if !self.add(database, key, &moment) {
                        return Err(self.refused(format!(
                            "key '{}' stands in it twice, the second time before byte {offset}",
                            String::from_utf8_lossy(&name)
                        )));
                    }
                }
                Event::EmptyKey(name) => {
                    if empty < EMPTY_KEYS_TOLD {
                        let name = String::from_utf8_lossy(name);
                        tracing::info!("rdbLoadObject skipping empty key: {name}");
                    }
                    empty += 1;
                }
                Event::Resize { .. } | Event::Slot { .. } => {}
            }
            if self.keys + self.expired >= told + reported {
                if delay > 0 {
                    std::thread::sleep(Duration::from_micros(delay));
                }
                told = self.keys + self.expired;
                node.note_loading(reader.offset(), self.keys, self.expired);
                if !(self.goes_on)() {
                    return Err(LoadingError::Stopped);
                }
            }
        }
        node.note_loading(reader.offset(), self.keys, self.expired);
        let (keys, expired) = (self.keys, self.expired);
        let skipped =
            if empty > 0 { format!(", empty keys skipped: {empty}") } else { String::new() };
        tracing::info!("Done loading RDB, keys loaded: {keys}, keys expired: {expired}{skipped}.");
        Ok(reader.offset())
    }

    fn refused(&self, what: String) -> LoadingError {
        LoadingError::Refused { path: self.path.to_owned(), what }
    }

    fn note_aux(&self, name: &[u8], value: &[u8], now: node::Now) {
        let text = String::from_utf8_lossy(value);
        match name {
            b"redis-ver" => tracing::info!("Loading RDB produced by version {text}"),
            b"valkey-ver" => tracing::info!("Loading RDB produced by Valkey version {text}"),
            b"ctime" => {
                let age = text.parse().map_or(0, |time: i64| (now.wall.seconds() - time).max(0));
                tracing::info!("RDB age {age} seconds");
            }
            b"used-mem" => {
                let bytes: u64 = text.parse().unwrap_or_default();
                let mib = bytes as f64 / f64::from(1 << 20);
                tracing::info!("RDB memory usage when created {mib:.2} Mb");
                self.node.note_loading_memory(bytes);
            }
            _ => {}
        }
    }

    /// Adds a key, unless its time has come; false where it is there already and must not be.
    fn add(&mut self, database: usize, key: Key<'_>, moment: &engine::Moment) -> bool {
        if !self.keeps_expired && key.expire_at.is_some_and(|at| at < moment.now.0) {
            self.expired += 1;
            return true;
        }
        let access = match key.usage {
            Some(Usage::Idle(seconds)) => moment.idle_access(seconds),
            Some(Usage::Frequency(counter)) => moment.counted_access(counter),
            None => None,
        };
        let slot = base::Slot::of_key(key.name);
        let worker = self.node.control();
        let mut access_to = self.node.keyspace.hold(slot, database, worker, *moment);
        let is_new = access_to.edit().load(key.name, key.value, key.expire_at, access);
        self.keys += u64::from(is_new);
        is_new || self.duplicates == Duplicates::Keep
    }
}
