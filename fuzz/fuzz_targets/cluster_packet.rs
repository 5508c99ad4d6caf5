//! See `testkit::fuzz::cluster_packet`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| testkit::fuzz::cluster_packet(bytes));
