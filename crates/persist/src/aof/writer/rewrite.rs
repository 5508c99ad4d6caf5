//! Rewriting: a new increment begins, a base is written elsewhere, and both take the place of what was.
//!
//! While all is well the new increment is listed at once, behind the old ones: a crash before the end of the rewrite loads them all. After a failure the old
//! increment may hold anything behind its last sync, and nothing may be loaded behind that: the new increment keeps a temporary name and is listed together
//! with its base, or not at all.

use super::{State, Tail, Writer};
use crate::aof::{BaseFormat, SaveError};
use crate::storage::reason;
use base::Monotonic;
use std::io;
use std::path::{Path, PathBuf};

/// A rewrite that goes on.
pub(super) struct Rewrite {
    /// The number of the first increment that belongs to the new base.
    kept: i64,
    /// The increment that is not listed yet.
    pub(super) fresh: Option<Tail>,
    /// Whether the increment that belongs to the new base has failed since.
    pub(super) is_spoilt: bool,
}

impl Rewrite {
    /// The increment that is not listed yet.
    pub(super) fn fresh(&mut self) -> Option<&mut Tail> {
        self.fresh.as_mut()
    }
}

/// A rewrite did not begin, or did not come to its end. All is as before it.
#[derive(Debug, thiserror::Error)]
pub enum RewriteError {
    /// One goes on already.
    #[error("Background append only file rewriting already in progress")]
    GoesOn,
    /// None goes on.
    #[error("no rewrite goes on")]
    None,
    /// A sync runs; its result comes first.
    #[error("a sync of the AOF file runs")]
    SyncRuns,
    /// The old increment cannot be synced.
    #[error("{0}")]
    OldIncrement(String),
    /// The new increment has failed, and what follows the base is lost with it.
    #[error("the AOF file that belongs to the new base has failed: {0}")]
    Spoilt(String),
    /// A file cannot be made.
    #[error("Can't open the append-only file {name}: {}", reason(error))]
    Create {
        /// Its name.
        name: String,
        /// Why.
        error: io::Error,
    },
    /// The base cannot be synced.
    #[error("Fail to fsync the temp AOF file {name}: {}.", reason(error))]
    SyncBase {
        /// Its path.
        name: String,
        /// Why.
        error: io::Error,
    },
    /// A file cannot be renamed.
    #[error(
        "Error trying to rename the temporary AOF {kind} file {from} into {to}: {}",
        reason(error)
    )]
    Rename {
        /// `base` or `incr`.
        kind: &'static str,
        /// Its path.
        from: String,
        /// Its new name.
        to: String,
        /// Why.
        error: io::Error,
    },
    /// The manifest cannot be saved.
    #[error(transparent)]
    Manifest(#[from] SaveError),
}

fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

impl Writer {
    /// Begins a rewrite at an offset of the log: the base that will be handed to [`Writer::finish_rewrite`] holds everything up to `cut`, and what is appended
    /// from now on is behind it. While the state is good all up to `cut` has been appended; otherwise what has not been must not be any more.
    ///
    /// # Errors
    /// [`RewriteError`]; where it is [`RewriteError::OldIncrement`] the state is failed now.
    pub fn begin_rewrite(&mut self, cut: u64, now: Monotonic) -> Result<(), RewriteError> {
        if self.rewrite.is_some() {
            return Err(RewriteError::GoesOn);
        }
        if self.sync_runs {
            return Err(RewriteError::SyncRuns);
        }
        let rewrite = if self.state == State::Good {
            assert_eq!(
                cut,
                self.written(),
                "a rewrite begins between what was appended and what was not"
            );
            self.begin_listed(cut, now)?
        } else {
            if let State::Full(text) = &self.state {
                // What waits to be appended again is for the base now: the listed increment has a gap.
                self.state = State::Failed(text.clone());
            }
            let path = self.layout.temporary_increment();
            let fresh = Tail::begin(self.storage.as_ref(), &path, cut);
            let name = path.display().to_string();
            let fresh = fresh.map_err(|error| RewriteError::Create { name, error })?;
            Rewrite { kept: 0, fresh: Some(fresh), is_spoilt: false }
        };
        self.rewrite = Some(rewrite);
        self.timestamp = 0;
        Ok(())
    }

    /// Begins a rewrite of files that nothing is appended to: only the base will be listed.
    ///
    /// # Errors
    /// [`RewriteError::GoesOn`]
    pub fn begin_base_alone(&mut self) -> Result<(), RewriteError> {
        assert_eq!(self.state, State::Waiting, "what is appended to needs an increment");
        if self.rewrite.is_some() {
            return Err(RewriteError::GoesOn);
        }
        self.rewrite = Some(Rewrite { kept: i64::MAX, fresh: None, is_spoilt: false });
        Ok(())
    }

    fn begin_listed(&mut self, cut: u64, now: Monotonic) -> Result<Rewrite, RewriteError> {
        if let Some(job) = self.sync_job(now) {
            let result = job.run();
            self.finish_sync(job, result);
            if let State::Failed(text) = &self.state {
                return Err(RewriteError::OldIncrement(text.clone()));
            }
        }
        let next = self.manifest.with_increment(&self.layout);
        let (name, kept) = match next.increments().last() {
            Some(entry) => (entry.name.clone(), entry.sequence),
            None => return Err(RewriteError::None),
        };
        let tail = Tail::begin(self.storage.as_ref(), &self.layout.path(&name), cut);
        let tail = tail.map_err(|error| RewriteError::Create { name: text(&name), error })?;
        if let Err(error) = next.save(self.storage.as_ref(), &self.layout) {
            self.manifest = self.manifest.after_failed_save(&next);
            return Err(error.into());
        }
        self.manifest = next;
        self.tail = Some(tail);
        Ok(Rewrite { kept, fresh: None, is_spoilt: false })
    }

    /// Ends a rewrite: the file `base`, in the folder of the others and written to its end, takes the place of what was before the rewrite began.
    /// What is replaced is history.
    ///
    /// # Errors
    /// [`RewriteError`]; the rewrite is over then as well, and `base` may be removed.
    pub fn finish_rewrite(&mut self, base: &Path, format: BaseFormat) -> Result<(), RewriteError> {
        let Some(rewrite) = self.rewrite.take() else { return Err(RewriteError::None) };
        if rewrite.is_spoilt {
            self.give_up(rewrite);
            let text = match &self.state {
                State::Failed(text) | State::Full(text) => text.clone(),
                State::Good | State::Waiting => String::new(),
            };
            return Err(RewriteError::Spoilt(text));
        }
        let (mut next, mut kept) = (self.manifest.clone(), rewrite.kept);
        if rewrite.fresh.is_some() {
            next = next.with_increment(&self.layout);
            kept = next.increments().last().map_or(0, |entry| entry.sequence);
        }
        next = next.with_base(&self.layout, format, kept);
        let listed = self.list(&next, base, rewrite.fresh.is_some());
        if let Err(error) = listed {
            self.manifest = self.manifest.after_failed_save(&next);
            self.give_up(rewrite);
            return Err(error);
        }
        self.manifest = next;
        if rewrite.fresh.is_some() {
            self.tail = rewrite.fresh;
            self.state = State::Good;
        }
        Ok(())
    }

    /// Gives the files their names and lists them.
    fn list(
        &self,
        next: &crate::aof::Manifest,
        base: &Path,
        is_fresh: bool,
    ) -> Result<(), RewriteError> {
        let storage = self.storage.as_ref();
        let sync = storage.append(base).and_then(|file| file.sync_data());
        let name = base.display().to_string();
        sync.map_err(|error| RewriteError::SyncBase { name, error })?;
        let rename = |kind, from: PathBuf, to: &[u8]| {
            storage.rename(&from, &self.layout.path(to)).map_err(|error| RewriteError::Rename {
                kind,
                from: from.display().to_string(),
                to: text(to),
                error,
            })
        };
        if let Some(entry) = next.base() {
            rename("base", base.to_owned(), &entry.name)?;
        }
        if let (Some(entry), true) = (next.increments().last(), is_fresh) {
            rename("incr", self.layout.temporary_increment(), &entry.name)?;
        }
        Ok(next.save(storage, &self.layout)?)
    }

    /// Ends a rewrite without a base. Where increments were listed they all stay.
    pub fn abort_rewrite(&mut self) {
        if let Some(rewrite) = self.rewrite.take() {
            self.give_up(rewrite);
        }
    }

    fn give_up(&mut self, rewrite: Rewrite) {
        self.timestamp = 0;
        if rewrite.fresh.is_some() {
            // It is in nobody's way: the next one empties it.
            let _ = self.storage.remove(&self.layout.temporary_increment());
        }
    }

    /// Whether a rewrite goes on.
    #[must_use]
    pub const fn is_rewriting(&self) -> bool {
        self.rewrite.is_some()
    }

    /// The files that nothing rests on any more. To remove long ones takes time; [`Writer::forget_history`] when it is done.
    #[must_use]
    pub fn history(&self) -> Vec<PathBuf> {
        self.manifest.history().iter().map(|entry| self.layout.path(&entry.name)).collect()
    }

    /// Lists the files of history no more.
    ///
    /// # Errors
    /// [`SaveError`]; they stay listed.
    pub fn forget_history(&mut self) -> Result<(), SaveError> {
        let next = self.manifest.without_history();
        next.save(self.storage.as_ref(), &self.layout)?;
        self.manifest = next;
        Ok(())
    }
}
