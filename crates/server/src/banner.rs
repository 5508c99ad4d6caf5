//! What a server says of itself when it starts.

use crate::launch::Launch;
use config::Config;
use std::io::{IsTerminal, Write};

/// The first lines of the log.
pub(crate) fn announce(launch: &Launch) {
    let pid = std::process::id();
    let (version, bits) = (env!("CARGO_PKG_VERSION"), usize::BITS);
    tracing::info!("oO0OoO0OoO0Oo Redstart is starting oO0OoO0OoO0Oo");
    tracing::info!("Redstart version={version}, bits={bits}, pid={pid}, just started");
    match &launch.config_file {
        Some(path) => tracing::info!("Configuration loaded from {}", path.display()),
        None => tracing::info!("Configuration loaded from the command line; there is no file"),
    }
    let unused = launch.without_effect();
    if !unused.is_empty() {
        tracing::info!("Accepted, but without effect in this version: {}", unused.join(", "));
    }
    show_mode(&launch.config);
}

/// The mode and the port; drawn large for people at a terminal, or who ask for it. Test suites look for the line with the process id.
fn show_mode(config: &Config) {
    let mode = if config.cluster.enabled { "cluster" } else { "standalone" };
    let port = config.network.port;
    let to_terminal = config.logging.logfile.is_empty() && std::io::stdout().is_terminal();
    if !(to_terminal || config.logging.always_show_logo) {
        tracing::info!("Running mode={mode}, port={port}.");
        return;
    }
    let art = format!(
        r"
      __
   .-'  '-.      Redstart {version} (speaks Redis {compat})
  /  o     \__
 |     ___.--'   Running in {mode} mode
  \   /  ||      Port: {port}
   '-'   ''      PID: {pid}
",
        version = env!("CARGO_PKG_VERSION"),
        compat = config.general.compat_version,
        pid = std::process::id(),
    );
    let path = &config.logging.logfile;
    // A banner that cannot be shown is no loss.
    let _ = match path.is_empty() {
        true => std::io::stdout().write_all(art.as_bytes()),
        false => std::fs::OpenOptions::new()
            .append(true)
            .open(crate::files::path(path))
            .and_then(|mut file| file.write_all(art.as_bytes())),
    };
}
