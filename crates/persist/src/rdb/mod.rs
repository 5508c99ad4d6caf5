//! RDB: all keys at one moment, in the format that Redis and Valkey read and write.
//!
//! ```text
//! REDIS0011 | AUX .. | functions | SELECTDB n | RESIZEDB | key .. | SELECTDB .. | EOF | CRC64
//!
//! key       [expiry] [idle time or frequency] type | name | value
//! name      length, bytes;  or a number in one, two or four bytes;  or compressed bytes (`lzf`)
//! ```
//!
//! - [`Writer`] writes the lowest version that can carry the data, so that as many as possible can read it; [`Encoder`] writes the parts of values, for
//!   those that write one in pieces.
//! - [`Reader`] gives what stands in a file one thing at a time. It reads versions 1 to 12 of Redis and 80 of Valkey.
//! - [`dump`] and [`restore`] are the values of DUMP and RESTORE, [`check`] goes over a file.
//!
//! Whatever is read is checked: no input makes a value that breaks the promises of its type, panics, or takes memory out of proportion to its
//! length.
//!
//! The format is described by its implementations alone: `rdb.h`, `rdb.c`, `listpack.c`, `ziplist.c`, `zipmap.c`, `intset.c`, `t_stream.c` of Redis
//! and Valkey, read and compared with what they write.

mod check;
mod checksum;
mod decode;
mod dump;
mod encode;
mod error;
mod form;
mod format;
mod lzf;
mod reader;
mod value;
mod writer;

pub use check::{Biggest, Failure, OfKind, Summary, check};
pub use checksum::Checksum;
pub use dump::{RestoreError, dump, dump_for_all, restore};
pub use encode::Encoder;
pub use error::{Cause, LoadError};
pub use format::{Usage, Version};
pub use reader::{Doing, Event, Key, Reader};
pub use writer::{Options, PartWriter, Writer};

pub(crate) use form::FieldTimes;
pub(crate) use writer::Pieces;
