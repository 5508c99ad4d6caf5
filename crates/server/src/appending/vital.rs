//! Threads without which the log is not what clients are told that it is.

use node::Node;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs what a thread of the log is there for. Where that panics the process ends: nobody would write or sync what is acknowledged from there on, and
/// whoever has asked the thread for something would wait for ever.
pub(super) fn run_vital(node: &Node, run: impl FnOnce()) {
    run_or_end(run, |reason| node.host.abandon(reason));
}

fn run_or_end(run: impl FnOnce(), end: impl FnOnce(&str)) {
    // What it has left half done nobody looks at any more.
    if catch_unwind(AssertUnwindSafe(run)).is_err() {
        end(
            "Fatal: a thread of the append-only file has died, so nothing that is written can be logged any more",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_cannot_log_ends() {
        let mut reasons = Vec::new();
        run_or_end(|| {}, |reason| reasons.push(reason.to_owned()));
        assert!(reasons.is_empty(), "it has come to its end");
        run_or_end(|| panic!("on purpose"), |reason| reasons.push(reason.to_owned()));
        assert!(matches!(&reasons[..], [one] if one.contains("append-only file has died")));
    }
}
