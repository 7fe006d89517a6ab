//! Any bytes as a message: length, header, descriptor count, body.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| protocol::reflect::harness::frame(bytes));
