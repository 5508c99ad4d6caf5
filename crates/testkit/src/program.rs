//! Which server a suite runs on, and where its binary is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::{env, fs};

/// The servers that tests know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Ours.
    Redstart,
    /// The first oracle: its replies decide.
    Valkey,
    /// The second oracle, redis-server 7.0 of Debian: its bus and tools decide.
    Redis,
}

/// A server binary.
#[derive(Debug, Clone)]
pub struct Program {
    /// Which server it is.
    pub kind: Kind,
    /// The binary.
    pub path: PathBuf,
}

impl Program {
    /// Our own binary; a test of the root package has its path in `CARGO_BIN_EXE_redstart`.
    pub fn redstart(path: impl Into<PathBuf>) -> Self {
        Self { kind: Kind::Redstart, path: path.into() }
    }

    /// The Valkey that `cargo xtask test` installs.
    ///
    /// # Panics
    /// When it is not installed.
    #[must_use]
    pub fn valkey() -> Self {
        static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
        let python = tools_directory().join("python");
        let path = FOUND
            .get_or_init(|| find_file(&python.join("lib"), "valkey-server", 8))
            .clone()
            .unwrap_or_else(|| missing("valkey-server", &python));
        Self { kind: Kind::Valkey, path }
    }

    /// Debian's redis-server.
    ///
    /// # Panics
    /// When it is not installed.
    #[must_use]
    pub fn redis() -> Self {
        Self { kind: Kind::Redis, path: on_path("redis-server") }
    }

    /// A tool of the system, such as `redis-cli`.
    ///
    /// # Panics
    /// When it is not installed.
    #[must_use]
    pub fn tool(name: &str) -> PathBuf {
        on_path(name)
    }

    /// The Python that has the pinned packages.
    ///
    /// # Panics
    /// When it is not installed.
    #[must_use]
    pub fn python() -> PathBuf {
        installed("python/bin/python3")
    }

    /// The folder whose `node_modules` has the pinned packages.
    ///
    /// # Panics
    /// When it is not installed.
    #[must_use]
    pub fn node_directory() -> PathBuf {
        let modules = installed("node/node_modules");
        modules.parent().expect("joined above").to_path_buf()
    }
}

fn installed(path: &str) -> PathBuf {
    let path = tools_directory().join(path);
    if path.exists() { path } else { missing(&path.display().to_string(), &tools_directory()) }
}

fn missing(what: &str, place: &Path) -> PathBuf {
    panic!("{what} is not in {}: run `cargo xtask test` first, it installs it", place.display());
}

fn on_path(name: &str) -> PathBuf {
    let paths = env::var_os("PATH").unwrap_or_default();
    // Where proxies and network tools are; who is not root may not have it on the path.
    let system = PathBuf::from("/usr/sbin");
    env::split_paths(&paths)
        .chain([system])
        .map(|directory| directory.join(name))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("{name} is not on PATH: run `cargo xtask test` first"))
}

fn find_file(directory: &Path, name: &str, depth: usize) -> Option<PathBuf> {
    let entries: Vec<PathBuf> =
        fs::read_dir(directory).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    let here = entries.iter().find(|path| path.is_file() && path.ends_with(name)).cloned();
    if here.is_some() || depth == 0 {
        return here;
    }
    entries.iter().filter(|path| path.is_dir()).find_map(|path| find_file(path, name, depth - 1))
}

/// Cargo's target folder, of this workspace.
#[must_use]
pub fn target_directory() -> PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND
        .get_or_init(|| match env::var_os("CARGO_TARGET_DIR") {
            Some(directory) => workspace_directory().join(directory),
            None => metadata_target().unwrap_or_else(|| workspace_directory().join("target")),
        })
        .clone()
}

/// Where `cargo xtask test` puts what the tests need.
#[must_use]
pub fn tools_directory() -> PathBuf {
    target_directory().join("tools")
}

/// The top of the repository.
pub(crate) fn workspace_directory() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().and_then(Path::parent).expect("testkit lies in crates/").to_path_buf()
}

fn metadata_target() -> Option<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(workspace_directory())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (_, rest) = text.split_once("\"target_directory\":\"")?;
    let (path, _) = rest.split_once('"')?;
    Some(PathBuf::from(path))
}
