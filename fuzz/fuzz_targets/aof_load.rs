//! See `testkit::fuzz::aof_load`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| testkit::fuzz::aof_load(bytes));
