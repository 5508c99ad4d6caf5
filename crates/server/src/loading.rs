//! Loading the data when the server starts.

mod ahead;

use crate::clock;
use ahead::Ahead;
use engine::{LoggedCommands, WorkerId};
use node::{Node, StreamPlace};
use persist::rdb::{Event, Key, LoadError, Reader, Usage};
use persist::storage::reason;
use replication::{OFFSET_MAX, ReplicationId};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often it is told how far loading has come, in keys.
const REPORTED_KEYS: u64 = 1024;

/// So many keys that hold nothing are told of by name: older servers have left them in files.
const EMPTY_KEYS_TOLD: u64 = 10;

/// How many bytes of the log the removal of a key takes beyond its words, about.
const REMOVAL_FRAMING_BYTES: usize = 22;

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

/// Loads the snapshot, where there is one; what it tells of itself. `goes_on` is asked now and then.
///
/// # Errors
///
/// Where the file cannot be loaded as a whole.
pub(crate) fn load_snapshot(
    node: &Node,
    path: &Path,
    duplicates: Duplicates,
    goes_on: &dyn Fn() -> bool,
) -> Result<Option<Loaded>, LoadingError> {
    let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
    let (bytes, file) = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(LoadingError::Open { path: path.to_owned(), error }),
        Ok(opened) => opened,
    };
    let begun = clock::monotonic();
    node.note_loading_begun(clock::now(), bytes);
    // Which keys go is the primary's to say.
    let keeps_expired = node.is_replica();
    let load = Load::new(node, duplicates, goes_on, keeps_expired);
    let loaded = load.run(file).map_err(|failure| failure.of_file(path))?;
    let took = clock::monotonic().since(begun).as_secs_f64();
    tracing::info!("DB loaded from disk: {took:.3} seconds");
    Ok(Some(loaded))
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
    let load = Load::new(node, Duplicates::Refuse, goes_on, true);
    Ok(load.run(input).map_err(|failure| failure.of_file(path))?.bytes)
}

/// Loads a snapshot that a primary has sent.
///
/// # Errors
///
/// Where it cannot be loaded as a whole.
pub(crate) fn load_sent(
    node: &Node,
    worker: WorkerId,
    input: impl io::Read,
    goes_on: &dyn Fn() -> bool,
) -> Result<Loaded, LoadFailure> {
    Load { worker, ..Load::new(node, Duplicates::Refuse, goes_on, true) }.run(input)
}

/// What a snapshot tells of itself.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// Where it ends, in bytes.
    pub(crate) bytes: u64,
    /// What is to be told behind its place in the history: the keys that were not loaded, for their time has come.
    pub(crate) removals: LoggedCommands,
    /// Where in which history its data are.
    pub(crate) place: Option<StreamPlace>,
}

/// Why a snapshot could not be loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadFailure {
    /// It is not as it has to be.
    #[error("{0}")]
    Malformed(LoadError),
    /// It has something that this server cannot keep.
    #[error("{0}")]
    Refused(String),
    /// It is not wanted any more.
    #[error("it is not wanted any more")]
    Stopped,
}

impl LoadFailure {
    fn of_file(self, path: &Path) -> LoadingError {
        let path = path.to_owned();
        match self {
            LoadFailure::Malformed(error) => LoadingError::Malformed { path, error },
            LoadFailure::Refused(what) => LoadingError::Refused { path, what },
            LoadFailure::Stopped => LoadingError::Stopped,
        }
    }
}

struct Load<'l> {
    node: &'l Node,
    worker: WorkerId,
    duplicates: Duplicates,
    goes_on: &'l dyn Fn() -> bool,
    /// Whether keys are loaded whose time has come.
    keeps_expired: bool,
    keys: u64,
    expired: u64,
    removals: LoggedCommands,
    /// What the file tells of its place in a history: the name, the offset, the database.
    place: (Option<ReplicationId>, Option<u64>, usize),
    ahead: Ahead,
}

impl<'l> Load<'l> {
    fn new(
        node: &'l Node,
        duplicates: Duplicates,
        goes_on: &'l dyn Fn() -> bool,
        keeps_expired: bool,
    ) -> Load<'l> {
        let (worker, place) = (node.replaying(), (None, None, 0));
        Load {
            node,
            worker,
            duplicates,
            goes_on,
            keeps_expired,
            keys: 0,
            expired: 0,
            removals: LoggedCommands::default(),
            place,
            ahead: Ahead::default(),
        }
    }

    /// Loads it all.
    fn run(mut self, file: impl io::Read) -> Result<Loaded, LoadFailure> {
        let node = self.node;
        let malformed = LoadFailure::Malformed;
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
            let Some(event) = reader.next().map_err(malformed)? else {
                self.put(database, &moment, offset)?;
                break;
            };
            match event {
                Event::Aux(name, value) => self.note_aux(name, value, now),
                Event::Select(number) => {
                    self.put(database, &moment, offset)?;
                    database = usize::try_from(number).unwrap_or(usize::MAX);
                    if database >= node.keyspace.databases() {
                        return Err(LoadFailure::Refused(format!(
                            "it has keys of database {number}, and this server is configured to have {} \
                             ('databases')",
                            node.keyspace.databases()
                        )));
                    }
                }
                Event::Function(_) => {
                    return Err(LoadFailure::Refused(
                        "it has a library of functions, which this server cannot keep yet"
                            .to_owned(),
                    ));
                }
                Event::Key(key) => {
                    self.add(key, database, &moment);
                    if self.ahead.is_full() {
                        self.put(database, &moment, offset)?;
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
                    return Err(LoadFailure::Stopped);
                }
            }
        }
        node.note_loading(reader.offset(), self.keys, self.expired);
        let (keys, expired) = (self.keys, self.expired);
        let skipped =
            if empty > 0 { format!(", empty keys skipped: {empty}") } else { String::new() };
        tracing::info!("Done loading RDB, keys loaded: {keys}, keys expired: {expired}{skipped}.");
        Ok(Loaded { bytes: reader.offset(), place: self.place(), removals: self.removals })
    }

    /// Where in which history the data are, where the file has told all of it.
    fn place(&self) -> Option<StreamPlace> {
        let (id, offset, database) = self.place;
        let place = StreamPlace { id: id?, offset: offset?, database };
        (database < self.node.keyspace.databases()).then_some(place)
    }

    fn note_aux(&mut self, name: &[u8], value: &[u8], now: node::Now) {
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
            b"repl-id" => self.place.0 = ReplicationId::parse(value),
            b"repl-offset" => {
                self.place.1 = text.parse().ok().filter(|&offset| offset <= OFFSET_MAX)
            }
            b"repl-stream-db" => self.place.2 = text.parse().unwrap_or(0),
            _ => {}
        }
    }

    /// Adds a key, unless its time has come.
    fn add(&mut self, key: Key<'_>, database: usize, moment: &engine::Moment) {
        if !self.keeps_expired && key.expire_at.is_some_and(|at| at < moment.now.0) {
            self.expired += 1;
            self.note_removal(database, key.name);
            return;
        }
        let access = match key.usage {
            Some(Usage::Idle(seconds)) => moment.idle_access(seconds),
            Some(Usage::Frequency(counter)) => moment.counted_access(counter),
            None => None,
        };
        self.ahead.push(&self.node.keyspace, key, access);
    }

    /// Replicas that go on from the place of the file still have this key. Where so many have gone that it would not be kept for them, none goes on.
    fn note_removal(&mut self, database: usize, name: &[u8]) {
        if self.place().is_none() {
            return;
        }
        self.removals.push(database, [b"DEL", name].into_iter());
        let most = self.node.settings.current().replication.repl_backlog_size;
        if (self.removals.bytes() + REMOVAL_FRAMING_BYTES * self.removals.len()) as u64 > most {
            self.removals = LoggedCommands::default();
            self.place.0 = None;
        }
    }

    /// Puts the keys into the keyspace that were held back, all before an offset of the file.
    fn put(
        &mut self,
        database: usize,
        moment: &engine::Moment,
        offset: u64,
    ) -> Result<(), LoadFailure> {
        let place = (database, self.worker, moment);
        let (keys, twice) = self.ahead.put(&self.node.keyspace, place);
        self.keys += keys;
        match twice {
            Some(name) if self.duplicates == Duplicates::Refuse => {
                let name = String::from_utf8_lossy(&name);
                Err(LoadFailure::Refused(format!(
                    "key '{name}' stands in it twice, the second time before byte {offset}"
                )))
            }
            Some(_) | None => Ok(()),
        }
    }
}
