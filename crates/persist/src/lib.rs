//! What a data set is on disk and on its way to another node.
//!
//! - [`rdb`]: snapshots, in Redis's format.
//!
//! Nothing here opens a file: readers take [`std::io::Read`], writers [`std::io::Write`].

pub mod rdb;
