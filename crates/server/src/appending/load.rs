//! Loading the append-only file when the server starts, and going on with it.

use super::{OpenLog, options};
use crate::clock;
use crate::loading::{LoadingError, load_base};
use crate::saving::write_empty_base;
use crate::storage::DiskStorage;
use crate::synced_file::{Manner, write_synced};
use base::Rng;
use node::{LogUser, Node, Replay};
use persist::aof::{BaseFormat, Layout, Manifest, Reader, Step, Writer, upgrade};
use persist::save::KeyOptions;
use persist::storage::{File, FromOffset, Storage, reason};
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// How often it is told how far loading has come, in commands.
const REPORTED_COMMANDS: u64 = 1024;

/// Where the files are, as the settings say.
pub(super) fn layout(node: &Node) -> Layout {
    let config = node.settings.current();
    let persistence = &config.persistence;
    let folder = crate::files::path(&persistence.dir);
    Layout::new(folder, &persistence.appenddirname, &persistence.appendfilename)
}

/// Loads the append-only file, where there is one, and opens it to be gone on with. Clients are told to wait meanwhile.
///
/// # Errors
///
/// Where it cannot be loaded as a whole, or not be written.
pub(crate) fn load_log(
    node: &Arc<Node>,
    rng: Rng,
    goes_on: &dyn Fn() -> bool,
) -> Result<OpenLog, LoadingError> {
    let layout = layout(node);
    let listed = find(&layout)?;
    let begun = clock::monotonic();
    match &listed {
        Some(manifest) => {
            Load { node, layout: &layout, goes_on }.run(manifest, rng)?;
            let took = clock::monotonic().since(begun).as_secs_f64();
            tracing::info!("DB loaded from append only file: {took:.3} seconds");
        }
        None => warn_of_snapshot(node),
    }
    open(node, layout, listed.unwrap_or_default())
}

/// The manifest, where there is one; what an older version has written is taken over.
fn find(layout: &Layout) -> Result<Option<Manifest>, LoadingError> {
    let manifest = Manifest::load(&DiskStorage, layout).map_err(refusal)?;
    let upgraded = upgrade(&DiskStorage, layout, manifest.as_ref()).map_err(refusal)?;
    if upgraded.is_some() {
        tracing::info!(
            "Successfully migrated an old-style AOF configuration ({}) into the AOF directory ({}).",
            layout.old().display(),
            layout.folder().display()
        );
    }
    Ok(upgraded.or(manifest))
}

/// A snapshot is not looked at where there is to be an append-only file, as in Redis: it is better to know.
fn warn_of_snapshot(node: &Node) {
    let config = node.settings.current();
    let path = crate::files::path(&config.persistence.dbfilename);
    if DiskStorage.exists(path).unwrap_or(false) {
        tracing::warn!(
            "{} was not loaded, for appendonly is yes and there is no append-only file. To go on with it, start with appendonly no \
             and then CONFIG SET appendonly yes.",
            path.display()
        );
    }
}

fn refusal(error: impl std::fmt::Display) -> LoadingError {
    LoadingError::AppendOnly(error.to_string())
}

/// What loads the files that a manifest lists.
pub(super) struct Load<'l> {
    pub(super) node: &'l Arc<Node>,
    pub(super) layout: &'l Layout,
    pub(super) goes_on: &'l dyn Fn() -> bool,
}

impl Load<'_> {
    /// Loads them.
    pub(super) fn run(&self, manifest: &Manifest, rng: Rng) -> Result<(), LoadingError> {
        let node = self.node;
        let truncates = node.settings.current().persistence.aof_load_truncated;
        let mut reader =
            Reader::new(&DiskStorage, self.layout, manifest, truncates).map_err(refusal)?;
        let now = clock::now();
        node.note_loading_begun(now, reader.total_bytes());
        let mut replay = Replay::begin(node, now, rng);
        let delay = u64::try_from(node.settings.current().general.key_load_delay).unwrap_or(0);
        let reported = if delay > 0 { 1 } else { REPORTED_COMMANDS };
        let mut commands = 0_u64;
        loop {
            let resumed = match reader.next_step().map_err(refusal)? {
                None => break,
                Some(Step::Rdb { name, file }) => {
                    tracing::info!("Reading RDB base file on AOF loading...");
                    self.base(name, file)?
                }
                Some(Step::Command { name, offset, args }) => {
                    replay.run(args).map_err(|error| {
                        let name = String::from_utf8_lossy(name);
                        let what = if error.is_unknown() {
                            format!("Unknown command '{}' reading the append only file {name}", error.command)
                        } else {
                            format!("A command of the append only file {name} fails here, {error}")
                        };
                        refusal(format!(
                            "{what}, at offset {offset}. The file was not touched. Look at it with 'redstart check-aof'"
                        ))
                    })?;
                    commands += 1;
                    0
                }
                Some(Step::End { name, truncated }) => {
                    let lines = truncated.iter().flat_map(persist::aof::Truncation::log_lines);
                    lines.for_each(|line| tracing::warn!("{line}"));
                    if truncated.is_some_and(|one| one.is_transaction) {
                        // What was read of it has not happened.
                        replay.forget_transaction();
                    }
                    tracing::debug!("{} is read", String::from_utf8_lossy(name));
                    0
                }
            };
            if resumed > 0 {
                reader.resume(resumed).map_err(refusal)?;
            }
            if delay > 0 {
                thread::sleep(Duration::from_micros(delay));
            }
            if commands.is_multiple_of(reported) {
                node.note_loaded_bytes(reader.read_bytes());
                if !(self.goes_on)() {
                    return Err(LoadingError::Stopped);
                }
            }
        }
        replay.end();
        Ok(())
    }

    /// Loads a base; where it ends in its file.
    fn base(&self, name: &[u8], file: &dyn File) -> Result<u64, LoadingError> {
        let path = self.layout.path(name);
        load_base(self.node, &path, FromOffset::new(file, 0), self.goes_on)
    }
}

/// Begins to log, into the last of the files or into the first.
fn open(node: &Arc<Node>, layout: Layout, manifest: Manifest) -> Result<OpenLog, LoadingError> {
    let now = clock::now();
    let manifest = if manifest.files().next().is_none() {
        first_base(node, &layout, &manifest).map_err(|error| {
            refusal(format!(
                "Can't create the first AOF base file in {}: {}",
                layout.folder().display(),
                reason(&error)
            ))
        })?
    } else {
        manifest
    };
    let storage = Arc::new(DiskStorage);
    let others: u64 = manifest.files().map(|entry| length(&layout.path(&entry.name))).sum();
    let offset = node.begin_log(LogUser::File, node.appending(), now, |_, offset| offset);
    let options = options(&node.settings.current());
    let writer =
        Writer::open(storage, layout, manifest, options, offset, now.monotonic).map_err(refusal)?;
    Ok(OpenLog::begun(node, writer, offset, others))
}

/// Writes a base without keys, so that each set of files has one.
fn first_base(node: &Node, layout: &Layout, manifest: &Manifest) -> io::Result<Manifest> {
    DiskStorage.create_folder(layout.folder())?;
    let options = node.base_options(clock::now());
    let next = manifest.with_base(layout, base_format(&options), 0);
    let Some(entry) = next.base() else { return Ok(next) };
    let path = layout.path(&entry.name);
    tracing::info!(
        "Creating AOF base file {} on server start",
        String::from_utf8_lossy(&entry.name)
    );
    let file = DiskStorage.create(&path)?;
    write_synced(&*file, Manner::default(), |sink| write_empty_base(node, &options, sink))?;
    DiskStorage.sync_folder(layout.folder())?;
    Ok(next)
}

/// What the base is made of.
pub(super) fn base_format(options: &KeyOptions) -> BaseFormat {
    if options.as_commands { BaseFormat::Commands } else { BaseFormat::Rdb }
}

/// The length of a file, in bytes; of one that cannot be looked at, 0.
pub(super) fn length(path: &std::path::Path) -> u64 {
    DiskStorage.open(path).and_then(|file| file.length()).unwrap_or(0)
}
