//! A snapshot on its way to replicas: one writer, and replicas that read it, each at its own speed.
//!
//! What the writer has written and the slowest has not read is held; the writer waits while that is too much. A replica that goes is not waited for.

use crate::clients::Client;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;

/// How much is held for those that have not read it, in bytes, before the writer waits.
pub const TRANSFER_BYTES_MAX: usize = 1 << 20;

/// What ends a snapshot whose length nobody knows before: 40 bytes that are not in it.
pub type Mark = [u8; 40];

/// Nobody reads any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Abandoned;

/// The way of a snapshot from its writer to replicas.
pub struct Transfer {
    /// Whether it ends with a mark, for nobody knows how long it will be.
    mark: Option<Mark>,
    state: Mutex<State>,
    /// There is room, or nobody to wait for.
    changed: Condvar,
}

struct State {
    chunks: VecDeque<Arc<[u8]>>,
    /// The number of the first chunk.
    first: u64,
    bytes: usize,
    readers: Vec<Option<Reader>>,
    /// Whether it is complete, when nothing more comes.
    end: Option<bool>,
    /// It is given up: nothing more is to be written.
    is_given_up: bool,
}

struct Reader {
    client: Arc<Client>,
    /// The number of the chunk that it reads next.
    next: u64,
}

/// What comes next for one of those that read.
#[derive(Debug)]
pub(crate) enum Chunk {
    /// Bytes.
    Bytes(Arc<[u8]>),
    /// Nothing yet: its client is woken.
    NotYet,
    /// That was all.
    End,
    /// It will not be complete.
    Failed,
}

impl Transfer {
    /// One to these clients, who are numbered in this order; with a mark, where it is written straight to them.
    pub(crate) fn new(clients: impl Iterator<Item = Arc<Client>>, mark: Option<Mark>) -> Transfer {
        let readers = clients.map(|client| Some(Reader { client, next: 0 })).collect();
        let state = State {
            chunks: VecDeque::new(),
            first: 0,
            bytes: 0,
            readers,
            end: None,
            is_given_up: false,
        };
        Transfer { mark, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// What it ends with, where it is written straight to those that read it.
    #[must_use]
    pub const fn mark(&self) -> Option<&Mark> {
        self.mark.as_ref()
    }

    /// Hands bytes to all that read; waits while there is too much that was not read.
    ///
    /// # Errors
    ///
    /// Where nobody reads any more.
    pub fn write(&self, bytes: &[u8]) -> Result<(), Abandoned> {
        let mut state = self.state.lock();
        loop {
            if state.is_given_up || state.readers.iter().all(Option::is_none) {
                return Err(Abandoned);
            }
            if state.bytes == 0 || state.bytes + bytes.len() <= TRANSFER_BYTES_MAX {
                break;
            }
            self.changed.wait(&mut state);
        }
        let end = state.first + state.chunks.len() as u64;
        state.chunks.push_back(bytes.into());
        state.bytes += bytes.len();
        // Those that have more to read are awake.
        state
            .readers
            .iter()
            .flatten()
            .filter(|one| one.next == end)
            .for_each(|one| one.client.wake());
        Ok(())
    }

    /// Nothing more comes; whether it was complete.
    pub fn end(&self, is_complete: bool) {
        let mut state = self.state.lock();
        state.end = Some(is_complete);
        state.readers.iter().flatten().for_each(|one| one.client.wake());
    }

    /// Gives it up: whoever writes it does not wait for those that read, and they get no more.
    pub(crate) fn give_up(&self) {
        self.state.lock().is_given_up = true;
        self.changed.notify_all();
    }

    /// What comes next for the reader of this number.
    pub(crate) fn next(&self, number: usize) -> Chunk {
        let mut state = self.state.lock();
        let state = &mut *state;
        let Some(reader) = &mut state.readers[number] else { return Chunk::Failed };
        let Some(chunk) = state.chunks.get((reader.next - state.first) as usize) else {
            return match state.end {
                None => Chunk::NotYet,
                Some(true) => Chunk::End,
                Some(false) => Chunk::Failed,
            };
        };
        let chunk = Arc::clone(chunk);
        reader.next += 1;
        state.forget_read();
        self.changed.notify_all();
        Chunk::Bytes(chunk)
    }

    /// The client that has read least.
    pub(crate) fn slowest(&self) -> Option<Arc<Client>> {
        let state = self.state.lock();
        let slowest = state.readers.iter().flatten().min_by_key(|reader| reader.next);
        slowest.map(|reader| Arc::clone(&reader.client))
    }

    /// The reader of this number reads no more.
    pub(crate) fn leave(&self, number: usize) {
        let mut state = self.state.lock();
        state.readers[number] = None;
        state.forget_read();
        self.changed.notify_all();
    }
}

impl State {
    /// Forgets what all have read.
    fn forget_read(&mut self) {
        let next = self.readers.iter().flatten().map(|reader| reader.next).min();
        while next.is_none_or(|next| self.first < next) {
            let Some(chunk) = self.chunks.pop_front() else { return };
            self.first += 1;
            self.bytes -= chunk.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Fixture;

    fn read(transfer: &Transfer, number: usize) -> Option<usize> {
        match transfer.next(number) {
            Chunk::Bytes(bytes) => Some(bytes.len()),
            Chunk::NotYet | Chunk::End | Chunk::Failed => None,
        }
    }

    #[test]
    fn the_writer_waits_for_the_slowest_and_not_for_one_that_has_gone() {
        let fixture = Fixture::new();
        let clients: Vec<_> = (0..2).map(|_| fixture.client()).collect();
        let transfer = Transfer::new(clients.into_iter(), None);
        let chunk = vec![7; TRANSFER_BYTES_MAX / 4];
        std::thread::scope(|scope| {
            let writer =
                scope.spawn(|| (0..40).map(|_| transfer.write(&chunk)).collect::<Vec<_>>());
            let mut fast = 0;
            while fast < 4 {
                fast += usize::from(read(&transfer, 0).is_some());
            }
            assert_eq!(read(&transfer, 0), None, "the other one has read nothing");
            let mut slow = 0;
            while slow < 6 {
                slow += usize::from(read(&transfer, 1).is_some());
                while read(&transfer, 0).is_some() {}
            }
            transfer.leave(1);
            while !writer.is_finished() {
                read(&transfer, 0);
            }
            assert!(writer.join().is_ok_and(|results| results.iter().all(Result::is_ok)));
        });
        while read(&transfer, 0).is_some() {}
        transfer.end(true);
        assert!(matches!(transfer.next(0), Chunk::End));
        transfer.leave(0);
        assert_eq!(transfer.write(b"more"), Err(Abandoned));
    }
}
