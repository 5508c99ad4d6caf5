//! Files that are read and written whole: those that make up the configuration.

use config::FileSource;
pub(crate) use persist::storage::reason;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// A path as the configuration gives it.
pub(crate) fn path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// The files of the configuration.
pub struct DiskFiles;

impl FileSource for DiskFiles {
    fn read(&mut self, path_bytes: &[u8]) -> Result<Vec<u8>, String> {
        fs::read(path(path_bytes)).map_err(|error| reason(&error))
    }

    fn names(&mut self, folder: &[u8]) -> Vec<Vec<u8>> {
        let Ok(entries) = fs::read_dir(path(folder)) else { return Vec::new() };
        entries.filter_map(|entry| Some(entry.ok()?.file_name().into_vec())).collect()
    }
}

/// Replaces a file as a whole: whoever reads it sees the old text or the new. On disk when this returns. The file's permissions stay.
pub(crate) fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".tmp-{}", std::process::id()));
    let temporary = path.with_file_name(name);
    let replaced = write_and_rename(path, &temporary, text);
    if replaced.is_err() {
        // What went wrong is told already.
        let _ = fs::remove_file(&temporary);
    }
    replaced
}

fn write_and_rename(path: &Path, temporary: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = File::create(temporary)?;
    if let Ok(old) = fs::metadata(path) {
        file.set_permissions(old.permissions())?;
    }
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(temporary, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_replaced_file_keeps_its_permissions_and_leaves_nothing_beside_it() {
        let folder = std::env::temp_dir().join(format!("redstart-files-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("the temporary folder is writable");
        let path = folder.join("redis.conf");
        fs::write(&path, "old").expect("the folder is ours");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("the file is ours");
        replace(&path, b"new").expect("the folder is ours");
        assert_eq!(fs::read(&path).expect("it is there"), b"new");
        let mode = fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(DiskFiles.names(folder.as_os_str().as_bytes()), [b"redis.conf".to_vec()]);
        assert!(replace(&folder.join("missing/redis.conf"), b"x").is_err());
        fs::remove_dir_all(&folder).expect("the folder is ours");
    }
}
