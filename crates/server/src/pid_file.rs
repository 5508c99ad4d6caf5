//! The file that holds the process id while the server runs.

use crate::files;
use config::Config;
use std::path::PathBuf;

/// Where a server in the background writes its process id when no file is named.
const DEFAULT: &str = "/var/run/redstart.pid";

/// The file; removed when dropped.
pub(crate) struct PidFile(PathBuf);

impl PidFile {
    /// Writes the file that the settings ask for. A file that cannot be written is told of, and no reason not to serve.
    pub(crate) fn write(config: &Config) -> Option<PidFile> {
        let named = &config.general.pidfile;
        let path = match (named.is_empty(), config.general.daemonize) {
            (false, _) => files::path(named).to_owned(),
            (true, true) => PathBuf::from(DEFAULT),
            (true, false) => return None,
        };
        match std::fs::write(&path, format!("{}\n", std::process::id())) {
            Ok(()) => Some(PidFile(path)),
            Err(error) => {
                let reason = files::reason(&error);
                tracing::warn!("Failed to write PID file {}: {reason}", path.display());
                None
            }
        }
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        tracing::info!("Removing the pid file.");
        // Nobody is left who could be told of an error.
        let _ = std::fs::remove_file(&self.0);
    }
}
