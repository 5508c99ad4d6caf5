//! See `testkit::fuzz::resp_decode`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| testkit::fuzz::resp_decode(bytes));
