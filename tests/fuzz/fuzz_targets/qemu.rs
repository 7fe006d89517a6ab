//! Any bytes as arguments and result of a procedure of the program `qemu`: the first two choose the procedure.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| protocol::reflect::harness::payload(
    protocol::qemu::PROGRAM,
    bytes
));
