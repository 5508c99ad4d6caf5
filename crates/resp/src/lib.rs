//! The Redis wire protocol, RESP2 and RESP3, without I/O.
//!
//! ```text
//!   bytes read ──► Decoder ──► Requests (offsets into the buffer) ──► Args (borrowed slices)
//!   Reply (typed appends) ──► output buffer ──► bytes written
//! ```
//!
//! Requests are decoded in place: an argument is a range of the input buffer, and in the steady state nothing is
//! allocated per request. Every length that a client announces is bounded by [`Limits`] before it is believed,
//! and no memory is reserved for bytes that have not come.

mod args;
mod decoder;
mod replies;
mod reply;
mod request;
mod stored;

pub use args::{Args, Requests};
pub use decoder::{Decoder, Limits, ProtocolError};
pub use replies::replace_replies;
pub use reply::{Length, Protocol, Reply};
pub use request::push_request;
pub use stored::StoredRequests;
