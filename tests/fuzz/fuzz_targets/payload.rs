//! Any bytes as arguments and result of a procedure: the first byte chooses the program, the next two the procedure.
#![no_main]

use protocol::reflect::{PROGRAMS, harness};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some((first, rest)) = bytes.split_first() {
        let (program, _) = PROGRAMS[usize::from(*first) % PROGRAMS.len()];
        harness::payload(program, rest);
    }
});
