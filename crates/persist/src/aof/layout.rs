//! What the files are called, and where they are.

use crate::storage::{Storage, folder_of, reason};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The folder cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("Can't open or create append-only dir {name}: {}", reason(error))]
pub struct FolderError {
    /// Its path.
    pub name: String,
    /// Why.
    pub error: io::Error,
}

/// The names that the configuration gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    folder: PathBuf,
    prefix: Vec<u8>,
    old: PathBuf,
}

impl Layout {
    /// The layout below the working folder: the directives `dir`, `appenddirname`, `appendfilename`.
    #[must_use]
    pub fn new(dir: &Path, append_dir_name: &[u8], append_file_name: &[u8]) -> Layout {
        Layout {
            folder: dir.join(OsStr::from_bytes(append_dir_name)),
            prefix: append_file_name.to_vec(),
            old: dir.join(OsStr::from_bytes(append_file_name)),
        }
    }

    /// The folder that holds the files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes the folder where there is none.
    ///
    /// # Errors
    /// [`FolderError`]
    pub fn create_folder(&self, storage: &dyn Storage) -> Result<(), FolderError> {
        storage
            .create_folder(&self.folder)
            .and_then(|()| storage.sync_folder(folder_of(&self.folder)))
            .map_err(|error| FolderError { name: self.folder.display().to_string(), error })
    }

    /// What all names begin with: `appendfilename`.
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// A file in the folder.
    #[must_use]
    pub fn path(&self, name: &[u8]) -> PathBuf {
        self.folder.join(OsStr::from_bytes(name))
    }

    /// The file that lists the others.
    #[must_use]
    pub fn manifest(&self) -> PathBuf {
        self.named("", ".manifest")
    }

    /// The manifest while it is written.
    #[must_use]
    pub fn temporary_manifest(&self) -> PathBuf {
        self.named("temp-", ".manifest")
    }

    /// The increment that no manifest lists before the base that it belongs to is finished.
    #[must_use]
    pub fn temporary_increment(&self) -> PathBuf {
        self.named("temp-", ".incr")
    }

    /// The base while it is written. One that was left over is written over by the next.
    #[must_use]
    pub fn temporary_base(&self) -> PathBuf {
        self.named("temp-", ".base")
    }

    /// The one file of Redis 6 and older, beside the folder.
    #[must_use]
    pub fn old(&self) -> &Path {
        &self.old
    }

    fn named(&self, before: &str, after: &str) -> PathBuf {
        let mut name = OsString::from(before);
        name.push(OsStr::from_bytes(&self.prefix));
        name.push(after);
        self.folder.join(name)
    }
}
