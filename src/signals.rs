//! Whether somebody asked for the end: Ctrl-C, `kill`, or the terminal that was closed.

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

/// Signals that came since the start. While this lives they no longer end the process by themselves.
pub(crate) struct Signals {
    arrived: Receiver<()>,
}

impl Signals {
    /// Listens from now on.
    pub(crate) fn listen() -> io::Result<Signals> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (mut interrupt, mut terminate, mut hangup) = {
            let _inside = runtime.enter();
            (
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
                signal(SignalKind::hangup())?,
            )
        };
        let (sender, arrived) = mpsc::channel();
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            runtime.block_on(async {
                loop {
                    tokio::select! {
                        _ = interrupt.recv() => {}
                        _ = terminate.recv() => {}
                        _ = hangup.recv() => {}
                    }
                    if sender.send(()).is_err() {
                        return;
                    }
                }
            });
        })?;
        Ok(Signals { arrived })
    }

    /// Waits for so long, unless the end is asked for.
    pub(crate) fn pause(&self, limit: Duration) -> Result<(), EndAsked> {
        match self.arrived.recv_timeout(limit) {
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Ok(()) | Err(RecvTimeoutError::Disconnected) => Err(EndAsked),
        }
    }
}

/// Somebody wants the program to end.
#[derive(Debug)]
pub(crate) struct EndAsked;
