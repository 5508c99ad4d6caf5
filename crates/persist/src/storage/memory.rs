//! A disk in memory that fails when it is told to, and whose power can be cut.
//!
//! It is as unkind as a real one may be:
//! - what was written since the last sync of a file survives a power cut up to some byte, or not at all;
//! - names that were made, changed or removed since the last sync of their folder survive up to some operation;
//! - bytes that a failed sync could not write are read as before, and are zeros after a power cut, also when later syncs succeed.

use super::{File, ShortWrite, Storage};
use base::Rng;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// EIO.
    Io,
    /// ENOSPC.
    NoSpace,
    /// EIO, where it is a write after this many bytes of it.
    Short(usize),
}

impl Fault {
    fn error(self) -> io::Error {
        const EIO: i32 = 5;
        match self {
            Fault::Io | Fault::Short(_) => io::Error::from_raw_os_error(EIO),
            Fault::NoSpace => no_space(),
        }
    }
}

fn no_space() -> io::Error {
    const ENOSPC: i32 = 28;
    io::Error::from_raw_os_error(ENOSPC)
}

fn not_found() -> io::Error {
    const ENOENT: i32 = 2;
    io::Error::from_raw_os_error(ENOENT)
}

/// The disk. Clones are the same disk.
#[derive(Clone, Default)]
pub struct MemoryStorage(Arc<Mutex<Disk>>);

#[derive(Default)]
struct Disk {
    files: Vec<Node>,
    names: BTreeMap<PathBuf, usize>,
    folders: BTreeSet<PathBuf>,
    /// The names that are on disk, and what has been done to names since, in order.
    synced_names: BTreeMap<PathBuf, usize>,
    changes: Vec<Change>,
    operations: u64,
    faults: BTreeMap<u64, Fault>,
    space: Option<u64>,
}

/// A file, whatever its name.
#[derive(Default)]
struct Node {
    bytes: Vec<u8>,
    synced: Vec<u8>,
    /// The bytes before this are the same in both.
    unchanged: usize,
    /// What failed syncs have dropped.
    dropped: Vec<Range<usize>>,
}

enum Change {
    Made(PathBuf, usize),
    Renamed(PathBuf, PathBuf),
    Removed(PathBuf),
}

impl Change {
    /// The folder that makes it lasting.
    fn folder(&self) -> Option<&Path> {
        match self {
            Change::Made(path, _) | Change::Renamed(_, path) | Change::Removed(path) => {
                path.parent()
            }
        }
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Change::Made(path, node) => {
                names.insert(path.clone(), *node);
            }
            Change::Renamed(from, to) => {
                if let Some(node) = names.remove(from) {
                    names.insert(to.clone(), node);
                }
            }
            Change::Removed(path) => {
                names.remove(path);
            }
        }
    }
}

impl Node {
    fn cut(&mut self, length: usize) {
        self.bytes.resize(length, 0);
        self.unchanged = self.unchanged.min(length);
        self.dropped.iter_mut().for_each(|range| range.end = range.end.min(length));
        self.dropped.retain(|range| range.start < range.end);
    }

    fn sync(&mut self) {
        self.synced.truncate(self.unchanged);
        self.synced.extend_from_slice(&self.bytes[self.synced.len()..]);
        self.unchanged = self.bytes.len();
        for range in &self.dropped {
            self.synced[range.clone()].fill(0);
        }
    }

    fn lose_power(&mut self, rng: &mut Rng) {
        let written = self.bytes.len().saturating_sub(self.unchanged);
        if written > 0 && rng.percent(50) {
            let kept = self.unchanged + rng.below(written as u64 + 1) as usize;
            self.cut(kept);
            self.sync();
        }
        *self = Node {
            bytes: self.synced.clone(),
            unchanged: self.synced.len(),
            synced: std::mem::take(&mut self.synced),
            dropped: Vec::new(),
        };
    }
}

impl Disk {
    /// Counts an operation, which may be one that fails.
    fn begin(&mut self) -> Option<Fault> {
        self.operations += 1;
        self.faults.remove(&self.operations)
    }

    fn begin_or_fail(&mut self) -> io::Result<()> {
        self.begin().map_or(Ok(()), |fault| Err(fault.error()))
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(not_found)
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.names);
        self.changes.push(change);
    }

    /// How many more bytes there is room for.
    fn room(&self) -> usize {
        let Some(space) = self.space else { return usize::MAX };
        let used: u64 = self.names.values().map(|&node| self.files[node].bytes.len() as u64).sum();
        space.saturating_sub(used) as usize
    }
}

impl MemoryStorage {
    /// An empty disk.
    #[must_use]
    pub fn new() -> MemoryStorage {
        MemoryStorage::default()
    }

    /// The `nth` operation from now on fails, 1 being the next.
    pub fn fail(&self, nth: u64, fault: Fault) {
        let mut disk = self.0.lock();
        let operation = disk.operations + nth;
        disk.faults.insert(operation, fault);
    }

    /// No operation fails that has not yet.
    pub fn forgive(&self) {
        self.0.lock().faults.clear();
    }

    /// The size of the disk in bytes; `None` is endless.
    pub fn set_space(&self, bytes: Option<u64>) {
        self.0.lock().space = bytes;
    }

    /// How many operations there were.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.0.lock().operations
    }

    /// What was not synced is gone, as far as the chance of `rng` has it. Open files must be dropped first.
    pub fn lose_power(&self, rng: &mut Rng) {
        let mut disk = self.0.lock();
        let changes = std::mem::take(&mut disk.changes);
        let kept = rng.below(changes.len() as u64 + 1) as usize;
        let mut names = std::mem::take(&mut disk.synced_names);
        changes.iter().take(kept).for_each(|change| change.apply(&mut names));
        disk.synced_names.clone_from(&names);
        disk.names = names;
        disk.files.iter_mut().for_each(|file| file.lose_power(rng));
        disk.faults.clear();
    }

    /// Puts a file there as if it had long been on disk.
    pub fn put(&self, path: impl AsRef<Path>, bytes: &[u8]) {
        let path = path.as_ref();
        let mut disk = self.0.lock();
        let node = disk.find(path).unwrap_or_else(|_| {
            disk.files.push(Node::default());
            disk.files.len() - 1
        });
        disk.files[node].cut(0);
        disk.files[node].bytes.extend_from_slice(bytes);
        disk.files[node].sync();
        disk.names.insert(path.to_owned(), node);
        disk.synced_names.insert(path.to_owned(), node);
        disk.folders.extend(path.parent().map(Path::to_owned));
    }

    /// The bytes of a file.
    #[must_use]
    pub fn get(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        let disk = self.0.lock();
        disk.find(path.as_ref()).ok().map(|node| disk.files[node].bytes.clone())
    }

    fn file(&self, node: usize) -> Box<dyn File> {
        Box::new(MemoryFile { disk: self.0.clone(), node })
    }
}

impl Storage for MemoryStorage {
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let mut disk = self.0.lock();
        disk.begin_or_fail()?;
        let folder = super::folder_of(path);
        if folder != Path::new(".") && !disk.folders.contains(folder) {
            return Err(not_found());
        }
        let node = match disk.find(path) {
            Ok(node) => {
                disk.files[node].cut(0);
                node
            }
            Err(_) => {
                disk.files.push(Node::default());
                let node = disk.files.len() - 1;
                disk.change(Change::Made(path.to_owned(), node));
                node
            }
        };
        Ok(self.file(node))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let mut disk = self.0.lock();
        disk.begin_or_fail()?;
        disk.find(path).map(|node| self.file(node))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn File>> {
        self.append(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.begin_or_fail()?;
        disk.find(from)?;
        disk.change(Change::Renamed(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.begin_or_fail()?;
        disk.find(path)?;
        disk.change(Change::Removed(path.to_owned()));
        Ok(())
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.begin_or_fail()?;
        disk.folders.insert(path.to_owned());
        Ok(())
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.begin_or_fail()?;
        let path = if path == Path::new(".") { Path::new("") } else { path };
        let changes = std::mem::take(&mut disk.changes);
        let (synced, kept): (Vec<_>, _) =
            changes.into_iter().partition(|change| change.folder() == Some(path));
        synced.iter().for_each(|change| change.apply(&mut disk.synced_names));
        disk.changes = kept;
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        let mut disk = self.0.lock();
        disk.begin_or_fail()?;
        let inside = disk.names.keys().filter(|name| super::folder_of(name) == path);
        Ok(inside.filter_map(|name| name.file_name().map(OsString::from)).collect())
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        let mut disk = self.0.lock();
        disk.begin_or_fail()?;
        Ok(disk.names.contains_key(path) || disk.folders.contains(path))
    }
}

struct MemoryFile {
    disk: Arc<Mutex<Disk>>,
    node: usize,
}

impl File for MemoryFile {
    fn write_all(&self, bytes: &[u8]) -> Result<(), ShortWrite> {
        let mut disk = self.disk.lock();
        let fault = disk.begin();
        let room = disk.room();
        let (written, error) = match fault {
            Some(Fault::Short(count)) => (count.min(bytes.len()), fault.map(Fault::error)),
            Some(fault) => (0, Some(fault.error())),
            None if room < bytes.len() => (room, Some(no_space())),
            None => (bytes.len(), None),
        };
        disk.files[self.node].bytes.extend_from_slice(&bytes[..written]);
        error.map_or(Ok(()), |error| Err(ShortWrite { written, error }))
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut disk = self.disk.lock();
        disk.begin_or_fail()?;
        let bytes = disk.files[self.node].bytes.get(offset as usize..).unwrap_or_default();
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut disk = self.disk.lock();
        let fault = disk.begin();
        let file = &mut disk.files[self.node];
        if let Some(fault) = fault {
            file.dropped.push(file.unchanged..file.bytes.len());
            return Err(fault.error());
        }
        file.sync();
        Ok(())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.begin_or_fail()?;
        disk.files[self.node].cut(length as usize);
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        let mut disk = self.disk.lock();
        disk.begin_or_fail()?;
        Ok(disk.files[self.node].bytes.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Step, replace};

    fn created(disk: &MemoryStorage, path: &str) -> Box<dyn File> {
        disk.create(Path::new(path)).expect("nothing fails yet")
    }

    #[test]
    fn what_was_synced_survives_and_nothing_else_is_certain() {
        let mut lengths = BTreeSet::new();
        for seed in 0..100 {
            let disk = MemoryStorage::new();
            let file = created(&disk, "a");
            file.write_all(b"synced").unwrap();
            file.sync_data().unwrap();
            disk.sync_folder(Path::new(".")).unwrap();
            file.write_all(b" not").unwrap();
            created(&disk, "b");
            disk.rename(Path::new("a"), Path::new("c")).unwrap();
            disk.lose_power(&mut Rng::from_seed(seed));
            let names = disk.list(Path::new(".")).unwrap();
            assert!(names == ["a"] || names == ["a", "b"] || names == ["b", "c"], "{names:?}");
            let bytes = disk.get("a").or(disk.get("c")).expect("it was synced");
            assert!(bytes.starts_with(b"synced") && b"synced not".starts_with(&bytes), "{bytes:?}");
            lengths.insert(bytes.len());
        }
        assert_eq!(lengths, (6..=10).collect());
    }

    #[test]
    fn a_failed_sync_drops_bytes_that_later_syncs_do_not_bring_back() {
        let disk = MemoryStorage::new();
        let file = created(&disk, "a");
        disk.sync_folder(Path::new(".")).unwrap();
        file.write_all(b"one").unwrap();
        disk.fail(1, Fault::Io);
        file.sync_data().unwrap_err();
        file.write_all(b"two").unwrap();
        file.sync_data().unwrap();
        assert_eq!(disk.get("a").unwrap(), b"onetwo", "until then it looks well");
        disk.lose_power(&mut Rng::from_seed(1));
        assert_eq!(disk.get("a").unwrap(), b"\0\0\0two");
    }

    #[test]
    fn writes_fail_short_and_when_the_disk_is_full() {
        let disk = MemoryStorage::new();
        let file = created(&disk, "a");
        disk.fail(2, Fault::Short(1));
        file.write_all(b"ab").unwrap();
        let short = file.write_all(b"cd").unwrap_err();
        assert_eq!((short.written, short.error.raw_os_error()), (1, Some(5)));
        disk.set_space(Some(4));
        let short = file.write_all(b"ef").unwrap_err();
        assert_eq!((short.written, short.error.kind()), (1, io::ErrorKind::StorageFull));
        file.truncate(2).unwrap();
        file.write_all(b"gh").unwrap();
        assert_eq!(disk.get("a").unwrap(), b"abgh");
    }

    #[test]
    fn a_replacement_is_the_old_file_or_the_new_wherever_it_fails_and_the_power_goes() {
        for nth in 1..=6 {
            for seed in 0..20 {
                let disk = MemoryStorage::new();
                disk.put("f", b"old");
                disk.fail(nth, Fault::Short(1));
                let replaced = replace(&disk, Path::new("t"), Path::new("f"), b"new");
                let steps = [Step::Create, Step::Write, Step::Sync, Step::Rename, Step::SyncFolder];
                let failed = replaced.as_ref().err().map(|error| error.step);
                assert_eq!(failed, steps.get(nth as usize - 1).copied());
                disk.lose_power(&mut Rng::from_seed(seed));
                let bytes = disk.get("f").expect("one of the two");
                assert!(bytes == b"new" || failed.is_some() && bytes == b"old", "{bytes:?}");
            }
        }
    }
}
