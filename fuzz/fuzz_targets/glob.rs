//! See `testkit::fuzz::glob`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| testkit::fuzz::glob(bytes));
