//! A snapshot as it comes from a primary.

use super::link::Link;
use crate::clock;
use base::Monotonic;
use node::Node;
use replication::{MarkSearch, Payload};
use std::io::{self, Read};
use std::time::Duration;

/// How often it is told how much has come, and the primary that the node is alive.
const TOLD_INTERVAL: Duration = Duration::from_secs(1);

/// Reads a snapshot to its end, and nothing of what is behind it.
pub(super) struct PayloadReader<'l> {
    node: &'l Node,
    link: &'l mut Link,
    end: End,
    /// What has come and was not read.
    ready: Vec<u8>,
    taken: usize,
    read: u64,
    total: Option<u64>,
    told_at: Monotonic,
}

/// Where it ends.
enum End {
    /// Behind so many bytes.
    After(u64),
    /// At its mark.
    At(MarkSearch),
    /// It has ended.
    Passed,
}

impl<'l> PayloadReader<'l> {
    pub(super) fn new(node: &'l Node, link: &'l mut Link, payload: &Payload) -> PayloadReader<'l> {
        let (end, total) = match *payload {
            Payload::Sized(bytes) => (End::After(bytes), Some(bytes)),
            Payload::Marked(mark) => (End::At(MarkSearch::new(mark)), None),
        };
        let told_at = clock::monotonic();
        node.note_sync(0, total, told_at);
        PayloadReader { node, link, end, ready: Vec::new(), taken: 0, read: 0, total, told_at }
    }

    /// Reads what is left, which must be nothing but the end.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let mut rest = [0; 64];
        match self.read(&mut rest)? {
            0 => Ok(()),
            _ => Err(io::Error::other("something follows the end of the snapshot")),
        }
    }

    /// Takes in what comes next; false at the end.
    fn advance(&mut self) -> io::Result<bool> {
        self.ready.clear();
        self.taken = 0;
        while self.ready.is_empty() {
            if matches!(self.end, End::Passed | End::After(0)) {
                self.end = End::Passed;
                return Ok(false);
            }
            let chunk = self.link.fill()?;
            if chunk.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let length = chunk.len();
            let used = match &mut self.end {
                End::Passed => 0,
                End::After(left) => {
                    let used = length.min(usize::try_from(*left).unwrap_or(usize::MAX));
                    self.ready.extend_from_slice(&chunk[..used]);
                    *left -= used as u64;
                    used
                }
                End::At(search) => match search.take(chunk, &mut self.ready) {
                    None => length,
                    Some(behind) => {
                        self.end = End::Passed;
                        length - behind
                    }
                },
            };
            self.link.consume(used);
        }
        self.read += self.ready.len() as u64;
        let now = clock::monotonic();
        if now.since(self.told_at) >= TOLD_INTERVAL {
            self.told_at = now;
            self.node.note_sync(self.read, self.total, now);
            self.link.send_sign_of_life();
        }
        Ok(true)
    }
}

impl Read for PayloadReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.ready.len() && !self.advance()? {
            return Ok(0);
        }
        let bytes = into.len().min(self.ready.len() - self.taken);
        into[..bytes].copy_from_slice(&self.ready[self.taken..][..bytes]);
        self.taken += bytes;
        Ok(bytes)
    }
}
