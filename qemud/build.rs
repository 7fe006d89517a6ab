//! How the program is linked.

fn main() {
    // Relative relocations take 20 KiB instead of 650, which every start would read and keep; glibc has known them since
    // 2.36. A linker that does not know the word warns and goes on.
    println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    println!("cargo::rerun-if-changed=build.rs");
}
