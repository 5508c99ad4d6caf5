//! The few operations on files that persistence is made of.
//!
//! Nothing is on disk before it is synced: the bytes of a file by [`File::sync_data`], its name (when it is made, renamed or removed) by
//! [`Storage::sync_folder`] of the folder that holds it.

mod memory;

pub use memory::{Fault, MemoryStorage};

use std::ffi::OsString;
use std::io;
use std::path::Path;

/// Folders and files by name. A path is taken from the working folder, as the system does.
pub trait Storage: Send + Sync {
    /// A new file to append to and to read; an old one of this name is emptied.
    ///
    /// # Errors
    /// The system's.
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>>;

    /// A file that is there already, to append to and to read.
    ///
    /// # Errors
    /// The system's; also where there is none.
    fn append(&self, path: &Path) -> io::Result<Box<dyn File>>;

    /// A file to read only.
    ///
    /// # Errors
    /// The system's; also where there is none.
    fn open(&self, path: &Path) -> io::Result<Box<dyn File>>;

    /// Gives a file another name; a file that has that name is gone. Whoever looks sees the old or the new.
    ///
    /// # Errors
    /// The system's.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// The system's; also where there is none.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes a folder where there is none.
    ///
    /// # Errors
    /// The system's; also where a file has the name.
    fn create_folder(&self, path: &Path) -> io::Result<()>;

    /// Brings the names in a folder to the disk.
    ///
    /// # Errors
    /// The system's.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;

    /// The names of the files in a folder, in order.
    ///
    /// # Errors
    /// The system's; also where there is no such folder.
    fn list(&self, path: &Path) -> io::Result<Vec<OsString>>;

    /// Whether there is a file or folder of this name.
    ///
    /// # Errors
    /// Where that cannot be found out.
    fn exists(&self, path: &Path) -> io::Result<bool>;
}

/// An open file. All writing is at its end.
pub trait File: Send + Sync {
    /// Appends the bytes.
    ///
    /// # Errors
    /// Where not all could be written; some may have been.
    fn write_all(&self, bytes: &[u8]) -> Result<(), ShortWrite>;

    /// Reads from an offset; fewer bytes than asked for only where the file ends.
    ///
    /// # Errors
    /// The system's.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Brings the bytes, and the length, to the disk. After an error nobody knows what of the bytes since the last success is on the disk,
    /// and a later success does not say so either: Linux drops what it could not write.
    ///
    /// # Errors
    /// The system's.
    fn sync_data(&self) -> io::Result<()>;

    /// Cuts the file off.
    ///
    /// # Errors
    /// The system's.
    fn truncate(&self, length: u64) -> io::Result<()>;

    /// The length in bytes.
    ///
    /// # Errors
    /// The system's.
    fn length(&self) -> io::Result<u64>;
}

/// Reads a file from an offset on, in order.
pub struct FromOffset<'a> {
    file: &'a dyn File,
    offset: u64,
}

impl<'a> FromOffset<'a> {
    /// Begins at `offset`.
    #[must_use]
    pub fn new(file: &'a dyn File, offset: u64) -> FromOffset<'a> {
        FromOffset { file, offset }
    }
}

impl io::Read for FromOffset<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(self.offset, buffer)?;
        self.offset += count as u64;
        Ok(count)
    }
}

/// Bytes could not all be written.
#[derive(Debug, thiserror::Error)]
#[error("{written} bytes were written, then: {error}")]
pub struct ShortWrite {
    /// How many were.
    pub written: usize,
    /// Why no more.
    pub error: io::Error,
}

/// Replaces a file as a whole through a temporary file in the same folder: whoever reads it sees the old bytes or the new. On disk when this returns.
///
/// # Errors
/// With the step that failed. After [`Step::SyncFolder`] the new bytes have the name, and nobody knows which the disk has.
pub fn replace(
    storage: &dyn Storage,
    temporary: &Path,
    path: &Path,
    bytes: &[u8],
) -> Result<(), ReplaceError> {
    let at = |step| move |error| ReplaceError { step, error };
    let file = storage.create(temporary).map_err(at(Step::Create))?;
    file.write_all(bytes).map_err(|short| at(Step::Write)(short.error))?;
    file.sync_data().map_err(at(Step::Sync))?;
    storage.rename(temporary, path).map_err(at(Step::Rename))?;
    storage.sync_folder(folder_of(path)).map_err(at(Step::SyncFolder))
}

/// The folder that holds a file.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A step of [`replace`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Making the temporary file.
    Create,
    /// Writing it.
    Write,
    /// Bringing it to the disk.
    Sync,
    /// Giving it the name.
    Rename,
    /// Bringing the name to the disk.
    SyncFolder,
}

/// A file could not be replaced.
#[derive(Debug, thiserror::Error)]
#[error("{step:?}: {error}")]
pub struct ReplaceError {
    /// What was being done.
    pub step: Step,
    /// Why it failed.
    pub error: io::Error,
}

/// Why something did not work, in the system's words alone, as Redis gives it.
#[must_use]
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_the_systems_words_alone() {
        let error = MemoryStorage::new().open(Path::new("none")).err().expect("it is not there");
        assert_eq!(reason(&error), "No such file or directory");
        assert_eq!(reason(&io::Error::other("odd")), "odd");
    }
}
