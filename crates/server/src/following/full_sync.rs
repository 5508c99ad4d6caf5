//! Getting everything from a primary: a snapshot, by way of a file or straight into the keyspace.
//!
//! What is there is never mixed with what comes. By way of a file, the old data serve until all of the new have come; then they go, clients are told to wait, and the file is
//! loaded. Straight from the socket the old data go first. Where something is wrong with the snapshot, what was loaded of it goes as well.

use super::link::Link;
use super::payload::PayloadReader;
use super::{Ended, FollowerThread};
use crate::appending::Wish;
use crate::clock;
use crate::files;
use crate::loading::{LoadFailure, Loaded, load_sent};
use crate::storage::DiskStorage;
use crate::synced_file::{Manner, write_synced};
use base::Monotonic;
use config::{Config, DisklessLoad};
use engine::Flushed;
use node::{LinkStage, Node, Primary, StreamPlace};
use persist::storage::{Storage, folder_of, reason};
use replication::{Payload, ReplicationId};
use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often the primary is told that this node is alive while nothing is read from it.
const SIGN_OF_LIFE_INTERVAL: Duration = Duration::from_secs(1);

/// So many flushed keys are freed at a time, where that is not left to others.
const FREED_KEYS: u64 = 5000;

/// How much is written to the file at once, in bytes.
const WRITTEN_BYTES: usize = 128 << 10;

/// Tells the primary that the node is alive, from time to time.
struct SignsOfLife<'l> {
    link: Option<&'l Link>,
    last: Cell<Monotonic>,
}

impl<'l> SignsOfLife<'l> {
    fn on(link: Option<&'l Link>) -> SignsOfLife<'l> {
        SignsOfLife { link, last: Cell::new(clock::monotonic()) }
    }

    fn send_when_due(&self) {
        let now = clock::monotonic();
        if let Some(link) = self.link
            && now.since(self.last.get()) >= SIGN_OF_LIFE_INTERVAL
        {
            self.last.set(now);
            link.send_sign_of_life();
        }
    }
}

impl FollowerThread {
    /// Gets all data of the primary, which are at this place of a history where it has told one; the database of the last command before.
    pub(super) fn get_everything(
        &mut self,
        link: &mut Link,
        primary: &Primary,
        told: Option<(ReplicationId, u64)>,
    ) -> Result<usize, Ended> {
        let node = std::sync::Arc::clone(&self.node);
        node.note_link(primary, LinkStage::Sync, clock::monotonic());
        let payload = self.await_payload(link)?;
        let config = node.settings.current();
        let loaded = if is_loaded_directly(&node, &config) {
            self.load_directly(link, primary, &payload)?
        } else {
            self.load_by_file(link, primary, &payload, &config)?
        };
        let database = loaded.place.map_or(0, |place| place.database);
        // Whoever is not told where he is asks for everything the next time, too.
        let (id, offset) = told.unwrap_or_else(|| (ReplicationId::random(&mut self.rng), 0));
        let place = StreamPlace { id, offset, database };
        let is_wanted = node.adopt(primary, place, node.following(), clock::now());
        node.end_loading(node.following(), clock::now());
        // It begins anew with what is there now.
        self.appender.wake();
        if !is_wanted {
            return Err(Ended::Unwanted);
        }
        tracing::info!("MASTER <-> REPLICA sync: Finished with success");
        Ok(database)
    }

    /// Waits for the line before the snapshot.
    fn await_payload(&self, link: &mut Link) -> Result<Payload, Ended> {
        loop {
            let line = link.line()?;
            self.node.note_heard(clock::monotonic());
            let payload =
                Payload::parse(&line).map_err(|error| Ended::Failed(error.to_string()))?;
            if let Some(payload) = payload {
                return Ok(payload);
            }
        }
    }

    fn load_by_file(
        &self,
        link: &mut Link,
        primary: &Primary,
        payload: &Payload,
        config: &Config,
    ) -> Result<Loaded, Ended> {
        match payload {
            Payload::Sized(bytes) => {
                tracing::info!(
                    "MASTER <-> REPLICA sync: receiving {bytes} bytes from master to disk"
                );
            }
            Payload::Marked(_) => tracing::info!(
                "MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF to disk"
            ),
        }
        let path = temporary();
        let received = receive(&self.node, link, payload, &path);
        let loaded = received.map_err(Ended::from).and_then(|bytes| {
            self.begin_anew(Some(link), primary, bytes)?;
            let signs = SignsOfLife::on(Some(link));
            let goes_on = || {
                signs.send_when_due();
                self.is_wanted(primary)
            };
            let loaded = File::open(&path)
                .map_err(|error| LoadFailure::Refused(reason(&error)))
                .and_then(|file| load_sent(&self.node, self.node.following(), file, &goes_on));
            self.end_loaded(primary, loaded)
        });
        // Whoever starts next has the primary's data, at the place where they are, or else asks for all of it again.
        let is_kept = loaded.is_ok() && keeps_files(config);
        let dump = PathBuf::from(files::path(&config.persistence.dbfilename));
        if !is_kept {
            remove(&path);
        } else if let Err(error) = put_in_place(&path, &dump) {
            tracing::warn!(
                "Can't rename {} to {}: {}",
                path.display(),
                dump.display(),
                reason(&error)
            );
            remove(&path);
        }
        loaded
    }

    fn load_directly(
        &self,
        link: &mut Link,
        primary: &Primary,
        payload: &Payload,
    ) -> Result<Loaded, Ended> {
        tracing::info!("MASTER <-> REPLICA sync: receiving streamed RDB from master to parser");
        let total = match payload {
            Payload::Sized(bytes) => *bytes,
            Payload::Marked(_) => 0,
        };
        self.begin_anew(Some(link), primary, total)?;
        let mut input = PayloadReader::new(&self.node, link, payload);
        let goes_on = || self.is_wanted(primary);
        let loaded = load_sent(&self.node, self.node.following(), &mut input, &goes_on);
        let loaded = loaded.and_then(|loaded| match input.finish() {
            Ok(()) => Ok(loaded),
            Err(error) => Err(LoadFailure::Refused(reason(&error))),
        });
        self.end_loaded(primary, loaded)
    }

    /// Tells clients to wait, and empties the keyspace.
    fn begin_anew(&self, link: Option<&Link>, primary: &Primary, bytes: u64) -> Result<(), Ended> {
        let node = &self.node;
        // First: nothing is cut any more from here on.
        if !node.begin_loading(node.following(), clock::now(), bytes) {
            return Err(Ended::Failed("data are being loaded from a file".to_owned()));
        }
        // It would go on with what the file does not have.
        self.appender.ask(Wish::Leave);
        tracing::info!("MASTER <-> REPLICA sync: Flushing old data");
        let Some(flushed) = node.give_up_data(primary, node.following()) else {
            node.end_loading(node.following(), clock::now());
            self.appender.wake();
            return Err(Ended::Unwanted);
        };
        self.free(flushed, &SignsOfLife::on(link));
        tracing::info!("MASTER <-> REPLICA sync: Loading DB in memory");
        Ok(())
    }

    /// Frees what was flushed, now or in the background (`replica-lazy-flush`).
    fn free(&self, mut flushed: Flushed, signs: &SignsOfLife<'_>) {
        if self.node.settings.current().replication.replica_lazy_flush {
            self.node.flushed.lock().push(flushed);
            return;
        }
        while !flushed.is_empty() {
            flushed.free(FREED_KEYS);
            signs.send_when_due();
        }
    }

    /// What was loaded stays if it is all that was to come, and goes otherwise.
    fn end_loaded(
        &self,
        primary: &Primary,
        loaded: Result<Loaded, LoadFailure>,
    ) -> Result<Loaded, Ended> {
        let failure = match loaded {
            Ok(loaded) => return Ok(loaded),
            Err(failure) => failure,
        };
        let node = &self.node;
        if let Some(flushed) = node.give_up_data(primary, node.following()) {
            self.free(flushed, &SignsOfLife::on(None));
        }
        node.end_loading(node.following(), clock::now());
        self.appender.wake();
        Err(match failure {
            LoadFailure::Stopped => Ended::Unwanted,
            LoadFailure::Malformed(_) | LoadFailure::Refused(_) => Ended::Failed(format!(
                "Failed trying to load the MASTER synchronization DB: {failure}. What was loaded of it was dropped"
            )),
        })
    }
}

/// Whether a snapshot is loaded as it comes.
fn is_loaded_directly(node: &Node, config: &Config) -> bool {
    let is_empty = || (0..node.keyspace.databases()).all(|one| node.keyspace.totals(one).keys <= 0);
    match config.replication.repl_diskless_load {
        DisklessLoad::Disabled => false,
        DisklessLoad::OnEmptyDb => is_empty(),
        DisklessLoad::Swapdb | DisklessLoad::FlushBeforeLoad => true,
    }
}

/// Whether files that a primary has sent stay, in the place of the snapshot (`rdb-del-sync-files`).
fn keeps_files(config: &Config) -> bool {
    let persistence = &config.persistence;
    let persists = persistence.appendonly || !persistence.save.0.is_empty();
    persists || !persistence.rdb_del_sync_files
}

/// Writes a snapshot to a file as it comes; its length, in bytes. It is on the disk when this returns.
fn receive(node: &Node, link: &mut Link, payload: &Payload, path: &Path) -> io::Result<u64> {
    let file = DiskStorage.create(path)?;
    let syncs = node.settings.current().persistence.rdb_save_incremental_fsync;
    let mut input = PayloadReader::new(node, link, payload);
    let mut bytes = 0;
    write_synced(&*file, Manner { syncs, gives_way: false }, |sink| {
        let mut buffered = BufWriter::with_capacity(WRITTEN_BYTES, sink);
        bytes = io::copy(&mut input, &mut buffered)?;
        input.finish()?;
        buffered.flush()
    })?;
    Ok(bytes)
}

/// Gives a snapshot that is on the disk the name under which it is loaded, on the disk as well.
fn put_in_place(received: &Path, dump: &Path) -> io::Result<()> {
    DiskStorage.rename(received, dump)?;
    DiskStorage.sync_folder(folder_of(dump))
}

/// The file while it comes.
fn temporary() -> PathBuf {
    PathBuf::from(format!("temp-sync-{}.rdb", std::process::id()))
}

/// Removes what has come of a snapshot, for nobody needs it.
pub(super) fn remove(path: &Path) {
    // There may be none.
    let _ = DiskStorage.remove(path);
}
