//! Any bytes as a domain's XML: what is taken is stable when it is written and read again.
#![no_main]

#[path = "../../../common/model/tests/stable/mod.rs"]
mod stable;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| stable::definition(bytes));
