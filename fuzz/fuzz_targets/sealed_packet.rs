//! See `testkit::fuzz::sealed_packet`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| testkit::fuzz::sealed_packet(bytes));
