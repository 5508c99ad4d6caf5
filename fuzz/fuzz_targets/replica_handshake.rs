//! See `testkit::fuzz::replica_handshake`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| testkit::fuzz::replica_handshake(bytes));
