//! The process as a node sees it.

use node::Host;
use tokio::sync::watch;

/// The process around the node.
pub(crate) struct ProcessHost {
    pub(crate) stop: watch::Sender<bool>,
}

impl Host for ProcessHost {
    fn shutdown(&self) {
        self.stop.send_replace(true);
    }

    fn resident_bytes(&self) -> u64 {
        /// Pages as /proc counts them.
        const PAGE_BYTES: u64 = 4096;
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
        pages.unwrap_or(0) * PAGE_BYTES
    }
}
