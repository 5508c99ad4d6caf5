//! See `testkit::fuzz::config_parser`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| testkit::fuzz::config_parser(bytes));
