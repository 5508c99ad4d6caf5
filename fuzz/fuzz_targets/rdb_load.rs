//! See `testkit::fuzz::rdb_load`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| testkit::fuzz::rdb_load(bytes));
