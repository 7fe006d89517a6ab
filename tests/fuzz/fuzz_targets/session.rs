//! Any bytes as what one client sends on its connection.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    rpc::fuzz::session(bytes);
});
