//! See `testkit::fuzz::resp_round_trip`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| testkit::fuzz::resp_round_trip(bytes));
