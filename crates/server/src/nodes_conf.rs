//! `nodes.conf` on disk: locked for the life of the process, replaced atomically.
//!
//! The lock is on the file itself (flock), as Redis takes it. A replacement is locked before it takes the old one's name, so
//! that at no time another process could take the name for its own.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Why the file of another node, or nobody's, cannot be ours.
#[derive(Debug, thiserror::Error)]
pub enum NodesConfError {
    /// Another process holds it.
    #[error(
        "Sorry, the cluster configuration file {} is already used by a different Redis Cluster node. \
         Please make sure that different nodes use different cluster configuration files.",
        .0.display()
    )]
    InUse(PathBuf),
    /// It cannot be opened or read.
    #[error("Can't open the cluster configuration file {}: {error}", path.display())]
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// The file of this node.
pub(crate) struct NodesConf {
    path: PathBuf,
    /// The file that has the name now; holds the lock.
    locked: File,
}

impl NodesConf {
    /// Opens and locks the file, which is made where there is none; gives its text.
    pub(crate) fn open(path: &Path) -> Result<(NodesConf, String), NodesConfError> {
        let unreadable = |error| NodesConfError::Unreadable { path: path.to_owned(), error };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(unreadable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(NodesConfError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(unreadable(error)),
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(unreadable)?;
        Ok((NodesConf { path: path.to_owned(), locked: file }, text))
    }

    /// Replaces the file. With `fsync` the new one, and its name, are on disk when this returns.
    pub(crate) fn replace(&mut self, text: &str, fsync: bool) -> io::Result<()> {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".tmp-{}", std::process::id()));
        let temporary = self.path.with_file_name(name);
        let replaced = self.write_and_rename(&temporary, text, fsync);
        if replaced.is_err() {
            // What went wrong is told already.
            let _ = std::fs::remove_file(&temporary);
        }
        replaced
    }

    fn write_and_rename(&mut self, temporary: &Path, text: &str, fsync: bool) -> io::Result<()> {
        let mut file = File::create(temporary)?;
        file.try_lock().map_err(io::Error::from)?;
        file.write_all(text.as_bytes())?;
        if fsync {
            file.sync_all()?;
        }
        std::fs::rename(temporary, &self.path)?;
        if fsync {
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        self.locked = file;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_process_is_refused_before_and_after_a_replacement() {
        let folder =
            std::env::temp_dir().join(format!("redstart-nodes-conf-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the temporary folder is writable");
        let path = folder.join("nodes.conf");
        let (mut ours, text) = NodesConf::open(&path).expect("nobody else has it");
        assert_eq!(text, "");
        assert!(matches!(NodesConf::open(&path), Err(NodesConfError::InUse(_))));
        ours.replace("vars currentEpoch 1 lastVoteEpoch 0\n", true)
            .expect("the folder is writable");
        assert!(matches!(NodesConf::open(&path), Err(NodesConfError::InUse(_))));
        drop(ours);
        let (_, text) = NodesConf::open(&path).expect("the first one is gone");
        assert_eq!(text, "vars currentEpoch 1 lastVoteEpoch 0\n");
        std::fs::remove_dir_all(&folder).expect("the folder is ours");
    }
}
