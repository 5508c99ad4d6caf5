//! Replication without I/O: which history a node's data have, what is kept of the stream that made them, and how a replica gets on such a stream.
//!
//! The protocol is Redis's (PSYNC2): a *history* is a stream of bytes with a name, and an offset in it tells what data are there. Who is promoted begins a
//! history of his own at the offset at which he was, and remembers the one before, so that others may go on with him.

mod backlog;
mod handshake;
mod history;
mod payload;

pub use backlog::{BLOCK_BYTES, Backlog};
pub use handshake::{
    Answer, Greeting, Handshake, LINE_BYTES_MAX, LineTooLong, OFFSET_MAX, Refusal, first_line,
};
pub use history::{History, ReplicationId};
pub use payload::{MARK_BYTES, MarkSearch, Payload, PayloadError};
