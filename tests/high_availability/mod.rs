//! What stands around replication in the field: Sentinel, HAProxy and twemproxy with the files of
//! `examples/high-availability`, on hosts of their own, while servers die, stop, are cut off and return.

mod application;
mod deployment;
mod haproxy;
mod member;
mod network;
mod nutcracker;
mod partition;
mod rollover;
mod sentinel;
