//! The files that persistence asks for, on the disk of the system.
//!
//! Interrupted calls are repeated, and short writes gone on with, here and nowhere else. Every call blocks: no worker may make one.

use persist::storage::{File, ShortWrite, Storage};
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// The disk of the system.
#[derive(Clone, Copy, Debug, Default)]
pub struct DiskStorage;

/// The permissions of a new file: Redis's.
const MODE: u32 = 0o644;

struct DiskFile(fs::File);

fn opened(options: &OpenOptions, path: &Path) -> io::Result<Box<dyn File>> {
    Ok(Box::new(DiskFile(options.open(path)?)))
}

impl Storage for DiskStorage {
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>> {
        // Appending and truncating exclude each other in what std opens.
        let file = self.create_or_keep(path)?;
        file.truncate(0)?;
        Ok(file)
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn File>> {
        opened(OpenOptions::new().read(true).append(true), path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn File>> {
        opened(OpenOptions::new().read(true), path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        match fs::create_dir(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            made => made,
        }
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_all()
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(path)? {
            names.push(entry?.file_name());
        }
        names.sort();
        Ok(names)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        fs::exists(path)
    }
}

impl DiskStorage {
    fn create_or_keep(self, path: &Path) -> io::Result<Box<dyn File>> {
        opened(OpenOptions::new().read(true).append(true).create(true).mode(MODE), path)
    }
}

/// Calls again while a signal interrupts.
fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

impl File for DiskFile {
    fn write_all(&self, bytes: &[u8]) -> Result<(), ShortWrite> {
        let mut written = 0;
        while written < bytes.len() {
            match uninterrupted(|| (&self.0).write(&bytes[written..])) {
                Ok(0) => return Err(ShortWrite { written, error: ErrorKind::WriteZero.into() }),
                Ok(count) => written += count,
                Err(error) => return Err(ShortWrite { written, error }),
            }
        }
        Ok(())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut count = 0;
        while count < buffer.len() {
            let at = offset + count as u64;
            match uninterrupted(|| self.0.read_at(&mut buffer[count..], at))? {
                0 => break,
                more => count += more,
            }
        }
        Ok(count)
    }

    fn sync_data(&self) -> io::Result<()> {
        uninterrupted(|| self.0.sync_data())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        uninterrupted(|| self.0.set_len(length))
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use persist::storage::{MemoryStorage, replace};

    /// What the tests of persistence rely on holds for the disk too.
    fn behave(storage: &dyn Storage, folder: &Path) {
        storage.create_folder(folder).expect("the folder above is ours");
        storage.create_folder(folder).expect("it may be there already");
        let (a, b) = (folder.join("a"), folder.join("b"));
        assert_eq!(storage.open(&a).err().expect("no such file").kind(), ErrorKind::NotFound);
        assert_eq!(storage.append(&a).err().expect("no such file").kind(), ErrorKind::NotFound);
        assert_eq!(storage.remove(&a).expect_err("no such file").kind(), ErrorKind::NotFound);
        let file = storage.create(&a).expect("the folder is ours");
        file.write_all(b"one two").expect("there is room");
        file.truncate(4).expect("it is ours");
        file.write_all(b"three").expect("there is room");
        file.sync_data().expect("it is ours");
        assert_eq!(file.length().expect("it is there"), 9);
        storage.rename(&a, &b).expect("the folder is ours");
        storage.append(&b).expect("it is there").write_all(b"!").expect("there is room");
        let mut buffer = [0; 20];
        let count = file.read_at(4, &mut buffer).expect("it is ours");
        assert_eq!(&buffer[..count], b"three!", "an open file is the same under its new name");
        assert_eq!(storage.open(&b).expect("it is there").read_at(20, &mut buffer).unwrap(), 0);
        replace(storage, &a, &b, b"new").expect("the folder is ours");
        assert_eq!(storage.list(folder).expect("it is there"), ["b"]);
        assert_eq!(storage.create(&b).expect("it is ours").length().unwrap(), 0);
        assert!(storage.exists(&b).unwrap() && !storage.exists(&a).unwrap());
        assert!(storage.exists(folder).unwrap());
        storage.sync_folder(folder).expect("it is there");
        storage.remove(&b).expect("it is there");
        assert!(storage.create(&folder.join("none/a")).is_err(), "folders are not made by files");
    }

    #[test]
    fn a_call_that_a_signal_interrupts_is_made_again() {
        let mut calls = 0;
        let done = uninterrupted(|| {
            calls += 1;
            if calls < 4 { Err(ErrorKind::Interrupted.into()) } else { Ok(calls) }
        });
        assert_eq!(done.expect("only interruptions were met"), 4);
        let failed: io::Result<()> = uninterrupted(|| Err(io::Error::from_raw_os_error(5)));
        assert_eq!(failed.expect_err("other errors stay").raw_os_error(), Some(5));
    }

    #[test]
    fn the_disk_and_the_one_in_memory_behave_alike() {
        let folder = std::env::temp_dir().join(format!("redstart-storage-{}", std::process::id()));
        behave(&DiskStorage, &folder);
        fs::remove_dir_all(&folder).expect("the folder is ours");
        behave(&MemoryStorage::new(), Path::new("folder"));
    }
}
