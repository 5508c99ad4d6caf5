//! The single file of Redis 6 and older becomes the base.

use super::layout::FolderError;
use super::{Layout, Manifest, SaveError};
use crate::storage::{Storage, folder_of, reason};
use std::io;

/// The old file cannot be taken over. Nothing is lost: the next start tries again.
#[derive(Debug, thiserror::Error)]
pub enum UpgradeError {
    /// Whether there is something to take over cannot be found out.
    #[error("Can't look for the append-only file of an older version, {name}: {}", reason(error))]
    Look {
        /// The file's path.
        name: String,
        /// Why.
        error: io::Error,
    },
    /// There is no folder for it.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The manifest cannot be saved.
    #[error(transparent)]
    Manifest(#[from] SaveError),
    /// It cannot be moved.
    #[error("Error trying to move the old AOF file {name} into dir {folder}: {}", reason(error))]
    Move {
        /// The file's path.
        name: String,
        /// The folder's path.
        folder: String,
        /// Why.
        error: io::Error,
    },
}

/// Takes over the old file where there is one and nothing newer; gives the manifest that lists it.
///
/// The manifest is saved first and the file moved then, so that a crash between the two leaves a manifest with a base that is not there, by which the
/// next start knows that it has to go on.
///
/// # Errors
/// [`UpgradeError`]
pub fn upgrade(
    storage: &dyn Storage,
    layout: &Layout,
    manifest: Option<&Manifest>,
) -> Result<Option<Manifest>, UpgradeError> {
    let name = || layout.old().display().to_string();
    let folder = || layout.folder().display().to_string();
    if !is_due(storage, layout, manifest)
        .map_err(|error| UpgradeError::Look { name: name(), error })?
    {
        return Ok(None);
    }
    layout.create_folder(storage)?;
    let upgraded = Manifest::of_old_file(layout);
    upgraded.save(storage, layout)?;
    let moved = storage.rename(layout.old(), &layout.path(layout.prefix()));
    moved
        .and_then(|()| storage.sync_folder(layout.folder()))
        .and_then(|()| storage.sync_folder(folder_of(layout.old())))
        .map_err(|error| UpgradeError::Move { name: name(), folder: folder(), error })?;
    Ok(Some(upgraded))
}

fn is_due(storage: &dyn Storage, layout: &Layout, manifest: Option<&Manifest>) -> io::Result<bool> {
    if !storage.exists(layout.old())? {
        return Ok(false);
    }
    let Some(manifest) = manifest else { return Ok(true) };
    if !manifest.increments().is_empty() {
        return Ok(false);
    }
    let Some(base) = manifest.base() else { return Ok(true) };
    Ok(base.name == layout.prefix() && !storage.exists(&layout.path(layout.prefix()))?)
}
