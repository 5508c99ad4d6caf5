//! What a data set is on disk and on its way to another node.
//!
//! - [`rdb`]: snapshots, in Redis's format.
//! - [`aof`]: what was written since, in files as Redis 7 has them.
//! - [`save`]: a snapshot, written while the keys go on changing.
//! - [`storage`]: the few operations on files that both are made of. It is a disk in `server` and a map in tests, where any operation can be made to fail and
//!   the power can be lost.

pub mod aof;
pub mod rdb;
pub mod save;
pub mod storage;
