//! A replica that is connected: what it has told of itself, and how far it is.

use super::transfer::{Chunk, Transfer};
use crate::clients::Client;
use crate::log::LogReader;
use crate::node::Node;
use base::Monotonic;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

/// What a replica tells of itself before it asks for the stream (REPLCONF).
#[derive(Clone, Default, Debug)]
pub(crate) struct Introduction {
    /// The port that clients find it at.
    pub(crate) port: u16,
    /// The address that clients find it at, where that is not the one it has come from.
    pub(crate) address: Option<String>,
    /// Whether it reads a snapshot whose length nobody knows before its end.
    pub(crate) reads_unsized: bool,
    /// Whether it takes another name of the history with CONTINUE.
    pub(crate) follows_renames: bool,
    /// Whether it wants a snapshot and no stream.
    pub(crate) wants_only_snapshot: bool,
    /// Whether it asked with SYNC: it is told no offset, and tells none.
    pub(crate) is_old: bool,
    /// Which version it is of: 0xMMmmpp.
    pub(crate) version: u32,
}

/// How far a replica is.
pub(crate) enum Stage {
    /// It waits for a snapshot to begin.
    Waiting { since: Monotonic },
    /// It gets a snapshot: as the reader of this number, after a greeting; then the stream.
    Receiving {
        transfer: Arc<Transfer>,
        number: usize,
        greeting: Vec<u8>,
        reader: Arc<LogReader>,
        begun: bool,
    },
    /// It has the snapshot, and has not told yet that it has loaded it.
    Loading { reader: Arc<LogReader> },
    /// It gets the stream.
    Online { reader: Arc<LogReader> },
}

impl Stage {
    /// As INFO tells it.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Stage::Waiting { .. } | Stage::Receiving { begun: false, .. } => "wait_bgsave",
            Stage::Receiving { .. } => "send_bulk",
            // Redis says so, too: it is what the replica makes of it that is not known.
            Stage::Loading { .. } | Stage::Online { .. } => "online",
        }
    }

    /// Where it is in the stream.
    pub(crate) fn reader(&self) -> Option<&Arc<LogReader>> {
        match self {
            Stage::Waiting { .. } => None,
            Stage::Receiving { reader, .. }
            | Stage::Loading { reader }
            | Stage::Online { reader } => Some(reader),
        }
    }
}

/// A replica that is connected, or a client that may become one.
pub struct Replica {
    pub(crate) client: Arc<Client>,
    pub(crate) introduction: Mutex<Introduction>,
    pub(crate) stage: Mutex<Stage>,
    /// Up to which offset of the stream it has said that it has come.
    pub(crate) acknowledged: AtomicU64,
    /// The same of what is on its disk.
    pub(crate) acknowledged_on_disk: AtomicU64,
    /// When it last said so, in milliseconds of monotonic time.
    pub(crate) acknowledged_at: AtomicU64,
    /// A sign of life is due: it waits for a snapshot.
    pub(crate) is_greeted: AtomicBool,
    /// Since when it has left more of the stream unread than it may for long.
    pub(crate) beyond_soft_limit: Mutex<Option<Monotonic>>,
}

/// How it goes on for a replica.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fed {
    /// There may be more.
    Some,
    /// Nothing for now: its client is woken.
    Nothing,
    /// It cannot go on, or has all that it wanted: the connection ends.
    End,
}

impl Replica {
    pub(crate) fn new(client: Arc<Client>, now: Monotonic) -> Replica {
        Replica {
            client,
            introduction: Mutex::default(),
            stage: Mutex::new(Stage::Waiting { since: now }),
            acknowledged: AtomicU64::new(0),
            acknowledged_on_disk: AtomicU64::new(0),
            acknowledged_at: AtomicU64::new(now.millis()),
            is_greeted: AtomicBool::new(false),
            beyond_soft_limit: Mutex::new(None),
        }
    }

    /// Whether it gets the stream.
    pub(crate) fn is_online(&self) -> bool {
        matches!(*self.stage.lock(), Stage::Online { .. })
    }

    /// Something has come from it, be it an empty line: it lives.
    pub fn note_sign_of_life(&self, now: Monotonic) {
        self.acknowledged_at.store(now.millis(), SeqCst);
    }

    /// How long it has said nothing, in seconds.
    pub(crate) fn lag_seconds(&self, now: Monotonic) -> u64 {
        now.millis().saturating_sub(self.acknowledged_at.load(SeqCst)) / 1000
    }

    /// How others find it, as INFO and ROLE tell it.
    pub(crate) fn address(&self) -> (String, u16) {
        let introduction = self.introduction.lock();
        let from = &self.client.origin.address;
        let host = from.rsplit_once(':').map_or(from.as_str(), |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        (introduction.address.clone().unwrap_or_else(|| host.to_owned()), introduction.port)
    }

    /// How the log names it.
    pub(crate) fn log_name(&self) -> String {
        let (host, port) = self.address();
        if port == 0 {
            format!("client id #{}", self.client.id.0)
        } else {
            format!("{host}:{port}")
        }
    }

    /// It reads no more.
    pub(crate) fn leave(&self) {
        if let Stage::Receiving { transfer, number, .. } = &*self.stage.lock() {
            transfer.leave(*number);
        }
    }
}

impl Node {
    /// Appends to `out` what comes next for a replica, about so many bytes.
    pub fn feed(&self, replica: &Replica, bytes_max: usize, out: &mut Vec<u8>) -> Fed {
        let mut stage = replica.stage.lock();
        match &mut *stage {
            Stage::Waiting { .. } => greet(replica, out),
            Stage::Receiving { greeting, .. } if !greeting.is_empty() => {
                out.append(greeting);
                Fed::Some
            }
            Stage::Receiving { transfer, number, reader, begun, .. } => {
                match transfer.next(*number) {
                    Chunk::Bytes(bytes) => {
                        *begun = true;
                        replica.acknowledged_at.store(self.host.monotonic_micros() / 1000, SeqCst);
                        out.extend_from_slice(&bytes);
                        Fed::Some
                    }
                    Chunk::NotYet if *begun => Fed::Nothing,
                    Chunk::NotYet => greet(replica, out),
                    Chunk::Failed => Fed::End,
                    Chunk::End if replica.introduction.lock().wants_only_snapshot => Fed::End,
                    Chunk::End => {
                        let (transfer, number, reader) =
                            (Arc::clone(transfer), *number, Arc::clone(reader));
                        transfer.leave(number);
                        // One that has read up to a mark says when it has loaded, and gets nothing before.
                        *stage = if transfer.mark().is_some() {
                            Stage::Loading { reader }
                        } else {
                            Stage::Online { reader }
                        };
                        drop(stage);
                        self.replication.renew_online();
                        Fed::Some
                    }
                }
            }
            Stage::Loading { .. } => Fed::Nothing,
            Stage::Online { reader } => {
                let before = out.len();
                if !self.read_log(reader, bytes_max, out) {
                    return Fed::End;
                }
                if out.len() == before { Fed::Nothing } else { Fed::Some }
            }
        }
    }
}

/// An empty line, where it is time for a sign of life.
fn greet(replica: &Replica, out: &mut Vec<u8>) -> Fed {
    if replica.is_greeted.swap(false, SeqCst) {
        out.push(b'\n');
        return Fed::Some;
    }
    Fed::Nothing
}
