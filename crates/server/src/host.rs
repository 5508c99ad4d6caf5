//! The process as a node sees it.

use crate::appending::{AppenderLink, Wish};
use crate::bus::LinkBuffers;
use crate::bus_auth::bus_auth;
use crate::files;
use crate::following::FollowerLink;
use crate::loading::{Duplicates, load_snapshot};
use crate::nodes_conf::NodesConf;
use crate::open_files::{self, OpenFiles};
use crate::reception::Rebind;
use crate::saving::SaverOrder;
use crate::telemetry::Telemetry;
use crate::{clock, process};
use base::UnixMillis;
use cluster::LinkId;
use cluster::seal::BusAuth;
use config::{Change, Config, SetError};
use engine::WorkerId;
use node::{CpuTimes, Host, Node, Primary};
use parking_lot::Mutex;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;
use tokio::sync::{Notify, mpsc, watch};

/// How long a worker waits for the control thread to open other ports.
const REBIND_TIME_MAX: Duration = Duration::from_secs(5);

/// The process around the node.
pub(crate) struct ProcessHost {
    pub(crate) stop: watch::Sender<bool>,
    /// In cluster mode.
    pub(crate) nodes_conf: Option<Mutex<NodesConf>>,
    pub(crate) bus_wake: Arc<Notify>,
    /// By worker.
    pub(crate) worker_wakes: Vec<Arc<Notify>>,
    pub(crate) saver: std::sync::mpsc::Sender<SaverOrder>,
    pub(crate) appender: Arc<AppenderLink>,
    pub(crate) follower: Arc<FollowerLink>,
    pub(crate) link_buffers: Arc<LinkBuffers>,
    pub(crate) telemetry: Telemetry,
    pub(crate) config_file: Option<PathBuf>,
    pub(crate) rebind: mpsc::UnboundedSender<Rebind>,
}

impl ProcessHost {
    /// Has the control thread open the ports of a changed configuration. It waits for no worker, so that a worker may wait for it.
    fn rebind(&self, config: &Config) -> Result<(), ()> {
        let (answer, answered) = sync_channel(1);
        let order = Rebind { network: config.network.clone(), answer };
        self.rebind.send(order).map_err(|_| ())?;
        match answered.recv_timeout(REBIND_TIME_MAX) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(()),
        }
    }
}

impl Host for ProcessHost {
    fn monotonic_micros(&self) -> u64 {
        clock::monotonic().micros()
    }

    fn shutdown(&self) {
        self.stop.send_replace(true);
    }

    fn abandon(&self, reason: &str) {
        tracing::error!("{reason}");
        std::process::exit(1);
    }

    fn save_nodes_conf(&self, text: &str, fsync: bool) -> io::Result<()> {
        match &self.nodes_conf {
            Some(file) => file.lock().replace(text, fsync),
            None => Ok(()),
        }
    }

    fn reconfigure(&self, old: &Config, change: &mut Change) -> Result<(), SetError> {
        let config = &change.config;
        if config.network.maxclients > old.network.maxclients && change.touches("maxclients") {
            allow_clients(config.network.maxclients)?;
        }
        let old_folder = std::env::current_dir();
        if change.touches("dir") {
            enter(config).map_err(|error| SetError::failed("dir", files::reason(&error)))?;
        }
        let (port, bind) = (change.touches("port"), change.touches("bind"));
        if (port || bind) && self.rebind(config).is_err() {
            if change.touches("dir")
                && let Ok(folder) = old_folder
            {
                // It was there a moment ago.
                let _ = std::env::set_current_dir(folder);
            }
            return Err(if port {
                SetError::failed("port", "Unable to listen on this port. Check server logs.")
            } else {
                SetError::failed("bind", "Failed to bind to specified addresses.")
            });
        }
        if change.touches("dir")
            && let Ok(folder) = std::env::current_dir()
        {
            change.config.persistence.dir = folder.as_os_str().as_bytes().to_vec();
        }
        self.telemetry.reconfigure(&change.config);
        Ok(())
    }

    fn bus_auth(&self, config: &Config) -> Result<BusAuth, SetError> {
        bus_auth(config).map_err(|error| SetError::failed(error.directive(), error))
    }

    fn read_config_file(&self) -> Option<Result<Vec<u8>, String>> {
        self.config_file.as_ref().map(|path| match std::fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            read => read.map_err(|error| {
                tracing::warn!("Error reading {} for CONFIG REWRITE: {error}", path.display());
                files::reason(&error)
            }),
        })
    }

    fn replace_config_file(&self, text: &[u8]) -> Result<(), String> {
        let Some(path) = &self.config_file else { return Ok(()) };
        match files::replace(path, text) {
            Ok(()) => {
                tracing::info!("CONFIG REWRITE executed with success.");
                Ok(())
            }
            Err(error) => {
                tracing::warn!("CONFIG REWRITE failed on {}: {error}", path.display());
                Err(files::reason(&error))
            }
        }
    }

    fn wake_saver(&self, _: &Node) {
        // It is there until the process ends.
        let _ = self.saver.send(SaverOrder::Save);
    }

    fn load_snapshot(&self, node: &Node, merges: bool) -> bool {
        let path = files::path(&node.settings.current().persistence.dbfilename).to_owned();
        let duplicates = if merges { Duplicates::Keep } else { Duplicates::Refuse };
        match load_snapshot(node, &path, duplicates, &|| true) {
            Ok(loaded) => {
                if loaded.is_none() {
                    tracing::warn!("There is no file {} to load", path.display());
                }
                loaded.is_some()
            }
            Err(error) => {
                tracing::warn!("{error}");
                false
            }
        }
    }

    fn follow_log_settings(&self) -> bool {
        self.appender.ask(Wish::Follow)
    }

    fn load_log(&self, _: &Node) -> bool {
        self.appender.ask(Wish::Load)
    }

    fn wake_worker(&self, _: &Node, worker: usize) {
        self.worker_wakes[worker].notify_one();
    }

    fn wake_log_reader(&self) {
        self.appender.wake();
    }

    fn log_grew(&self, by: WorkerId) {
        match self.worker_wakes.get(by.0) {
            // It looks at the end of its turn.
            Some(wake) => wake.notify_one(),
            None => {
                self.appender.wake();
                // A worker hands on to replicas what others have logged.
                self.worker_wakes[0].notify_one();
            }
        }
    }

    fn follow(&self, primary: Option<&Primary>) {
        self.follower.interrupt(primary);
    }

    fn wake_bus(&self) {
        self.bus_wake.notify_one();
    }

    fn bus_link_buffer_bytes(&self, link: LinkId) -> usize {
        self.link_buffers.bytes(link)
    }

    fn resident_bytes(&self) -> u64 {
        process::resident_bytes()
    }

    fn cpu_times(&self) -> CpuTimes {
        process::cpu_times()
    }

    fn unix_micros(&self, _: UnixMillis) -> i64 {
        clock::wall_micros()
    }
}

/// Makes `dir` the working folder.
pub(crate) fn enter(config: &Config) -> io::Result<()> {
    std::env::set_current_dir(files::path(&config.persistence.dir))
}

fn allow_clients(clients: u32) -> Result<(), SetError> {
    match open_files::allow_clients(clients) {
        OpenFiles::Enough => Ok(()),
        OpenFiles::Raised(from, to) => {
            tracing::info!("Raised the limit of open files from {from} to {to}");
            Ok(())
        }
        OpenFiles::TooFew { clients, .. } => {
            let reason = format!(
                "The operating system is not able to handle the specified number of clients, try with {clients}"
            );
            Err(SetError::failed("maxclients", reason))
        }
    }
}
