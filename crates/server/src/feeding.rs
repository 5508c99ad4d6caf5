//! A replica's connection: it is sent the stream as fast as its socket takes it, and read from all the while.

use crate::clock;
use crate::connection::Connection;
use crate::worker::Bench;
use node::Fed;
use std::task::{Context, Poll, ready};

/// How much is taken from the stream at once, in bytes.
const FED_BYTES: usize = 64 << 10;

/// How often a connection that has more to send and more to read goes on before others have their turn.
const ROUNDS_MAX: usize = 16;

impl Connection {
    /// Sends what there is to send and runs what has come, until neither goes on; ready when the connection ends.
    pub(crate) fn poll_replica(&mut self, cx: &mut Context<'_>, bench: &mut Bench) -> Poll<()> {
        for _ in 0..ROUNDS_MAX {
            let has_fed = match self.poll_feed(cx, bench) {
                Poll::Ready(Err(_) | Ok(Fed::End)) => return Poll::Ready(()),
                Poll::Ready(Ok(Fed::Some)) => true,
                Poll::Ready(Ok(Fed::Nothing)) | Poll::Pending => false,
            };
            match self.poll_read_and_execute(cx, bench) {
                Poll::Ready(Ok(true)) => {
                    if let Some(replica) = self.session.replica() {
                        replica.note_sign_of_life(clock::monotonic());
                    }
                }
                Poll::Ready(Ok(false) | Err(_)) => return Poll::Ready(()),
                Poll::Pending if has_fed => {}
                Poll::Pending => return Poll::Pending,
            }
            if !self.is_fed() {
                break;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes what waits, and then what comes next for the replica.
    fn poll_feed(&mut self, cx: &mut Context<'_>, bench: &mut Bench) -> Poll<std::io::Result<Fed>> {
        ready!(self.poll_flush_output(cx, &bench.worker.node))?;
        let Some(replica) = self.session.replica() else { return Poll::Ready(Ok(Fed::Nothing)) };
        debug_assert!(bench.output.is_empty());
        let fed = bench.worker.node.feed(replica, FED_BYTES, &mut bench.output);
        if bench.output.is_empty() {
            return Poll::Ready(Ok(fed));
        }
        let stats = bench.worker.stats();
        stats.writes.add(1);
        stats.output_bytes.add(bench.output.len() as u64);
        stats.replication_output_bytes.add(bench.output.len() as u64);
        // Errors show up again at the next read or write.
        let written = self.stream.try_write(&bench.output).unwrap_or(0);
        self.keep_output(&bench.output[written..]);
        bench.output.clear();
        Poll::Ready(Ok(fed))
    }
}
