//! What a node keeps on disk, without touching one: everything here works over [`storage::Storage`], which is a disk in `server` and a
//! map in tests, where any operation can be made to fail and the power can be lost.

pub mod aof;
pub mod storage;
