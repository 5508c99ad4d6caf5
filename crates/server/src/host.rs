//! The process as a node sees it.

use crate::bus::LinkBuffers;
use crate::nodes_conf::NodesConf;
use cluster::LinkId;
use node::Host;
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use tokio::sync::{Notify, watch};

/// The process around the node.
pub(crate) struct ProcessHost {
    pub(crate) stop: watch::Sender<bool>,
    /// In cluster mode.
    pub(crate) nodes_conf: Option<Mutex<NodesConf>>,
    pub(crate) bus_wake: Arc<Notify>,
    pub(crate) link_buffers: Arc<LinkBuffers>,
}

impl Host for ProcessHost {
    fn shutdown(&self) {
        self.stop.send_replace(true);
    }

    fn save_nodes_conf(&self, text: &str, fsync: bool) -> io::Result<()> {
        match &self.nodes_conf {
            Some(file) => file.lock().replace(text, fsync),
            None => Ok(()),
        }
    }

    fn wake_bus(&self) {
        self.bus_wake.notify_one();
    }

    fn bus_link_buffer_bytes(&self, link: LinkId) -> usize {
        self.link_buffers.bytes(link)
    }

    fn resident_bytes(&self) -> u64 {
        /// Pages as /proc counts them.
        const PAGE_BYTES: u64 = 4096;
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
        pages.unwrap_or(0) * PAGE_BYTES
    }
}
