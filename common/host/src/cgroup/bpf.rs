//! Which devices a group of version 2 may use: a program in the kernel's BPF that is asked at every opening
//! (`BPF_PROG_TYPE_CGROUP_DEVICE`; Documentation/bpf/standardization/instruction-set.rst of the kernel).
//!
//! The program belongs to the group: it goes on without us, also when the daemon is killed, and goes with the group.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

use super::DeviceRule;
use crate::{Error, Result};

/// Kinds of devices in the question's first word, and ways of access in its upper half (linux/bpf.h).
const BLOCK: i32 = 1;
const CHARACTER: i32 = 2;
const READ: i32 = 2;
const WRITE: i32 = 4;
const ALL: i32 = 7;

/// Commands, program type, attachment (linux/bpf.h).
const PROG_LOAD: libc::c_long = 5;
const PROG_ATTACH: libc::c_long = 8;
const CGROUP_DEVICE_PROGRAM: u32 = 15;
const CGROUP_DEVICE: u32 = 6;
/// Groups below may have programs too; all have to agree.
const ALLOW_MULTI: u32 = 2;

/// One instruction: operation, registers, offset, number.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Instruction {
    code: u8,
    /// Destination in the lower half, source in the upper.
    registers: u8,
    offset: i16,
    number: i32,
}

/// The kernel's `bpf_attr` for loading, up to the program's name.
#[repr(C)]
struct Load {
    kind: u32,
    count: u32,
    instructions: u64,
    licence: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel: u32,
    flags: u32,
    name: [u8; 16],
}

/// The kernel's `bpf_attr` for attaching.
#[repr(C)]
struct Attach {
    target: u32,
    program: u32,
    place: u32,
    flags: u32,
}

/// Whether this process may load such programs.
pub(super) fn is_available() -> bool {
    load(&program(&[])).is_ok()
}

/// Restricts a group to these devices. Once, while it is new: programs add up, and each can only forbid.
pub(super) fn restrict(group: &Path, rules: &[DeviceRule]) -> Result<()> {
    let dir = File::open(group).map_err(Error::file("open", group))?;
    let program = load(&program(rules)).map_err(Error::system("load the rules for devices"))?;
    let request = Attach {
        target: dir.as_raw_fd().cast_unsigned(),
        program: program.as_raw_fd().cast_unsigned(),
        place: CGROUP_DEVICE,
        flags: ALLOW_MULTI,
    };
    // SAFETY: the kernel reads the structure of the given size; both descriptors in it are open.
    unsafe { bpf(PROG_ATTACH, &request) }.map_err(Error::file("restrict the devices of", group))?;
    Ok(())
}

fn load(program: &[Instruction]) -> io::Result<OwnedFd> {
    let mut name = [0; 16];
    name[..7].copy_from_slice(b"devices");
    let request = Load {
        kind: CGROUP_DEVICE_PROGRAM,
        count: u32::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
        instructions: program.as_ptr() as u64,
        licence: c"none".as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log: 0,
        kernel: 0,
        flags: 0,
        name,
    };
    // SAFETY: the kernel reads the structure, as many instructions as it counts, and the licence up to its NUL; all
    // live until the call returns.
    let fd = unsafe { bpf(PROG_LOAD, &request)? };
    // SAFETY: a fresh descriptor, close-on-exec, that nobody else owns.
    #[expect(clippy::disallowed_methods, reason = "this crate is where raw descriptors become owned")]
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// # Safety
///
/// `request` is the structure of the command, and what it points to lives.
unsafe fn bpf<T>(command: libc::c_long, request: &T) -> io::Result<i32> {
    // SAFETY: the caller's promise; the kernel reads no more than the size.
    let done = unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(request), size_of::<T>()) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(done as i32) }
}

/// Answers 1 where a rule lets the question pass, else 0. The question is three words: access and kind, major, minor.
fn program(rules: &[DeviceRule]) -> Vec<Instruction> {
    let mut all = vec![
        op(0x61, 2, 1, 0),                              // r2 = access and kind
        op(0xbc, 3, 2, 0),                              // r3 = r2
        op(0x54, 2, 0, 0xffff),                         // r2 &= 0xffff: the kind
        op(0x74, 3, 0, 16),                             // r3 >>= 16: the access
        Instruction { offset: 4, ..op(0x61, 4, 1, 0) }, // r4 = major
        Instruction { offset: 8, ..op(0x61, 5, 1, 0) }, // r5 = minor
    ];
    for rule in rules {
        all.extend(steps(rule));
    }
    all.extend([op(0xb7, 0, 0, 0), op(0x95, 0, 0, 0)]); // r0 = 0, return
    all
}

/// One rule: if anything differs, on behind its end.
fn steps(rule: &DeviceRule) -> Vec<Instruction> {
    let allowed = if rule.write { READ | WRITE } else { READ };
    let unless = |register, number| op(0x55, register, 0, number);
    let mut steps =
        vec![unless(2, if rule.block { BLOCK } else { CHARACTER }), unless(4, rule.major.cast_signed())];
    steps.extend(rule.minor.map(|minor| unless(5, minor.cast_signed())));
    steps.extend([
        op(0xbc, 1, 3, 0),              // r1 = access
        op(0x54, 1, 0, ALL & !allowed), // r1 &= what is not allowed
        unless(1, 0),
        op(0xb7, 0, 0, 1), // r0 = 1
        op(0x95, 0, 0, 0), // return
    ]);
    let count = steps.len();
    for (at, step) in steps.iter_mut().enumerate().filter(|(_, step)| step.code == 0x55) {
        // Counted from the next instruction; a rule has eight at most.
        step.offset = (count - at - 1) as i16;
    }
    steps
}

fn op(code: u8, destination: u8, source: u8, number: i32) -> Instruction {
    Instruction { code, registers: source << 4 | destination, offset: 0, number }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel makes of a program, as far as it is of ours.
    fn run(program: &[Instruction], question: [u32; 3]) -> u64 {
        let mut registers = [0u64; 6];
        let mut at = 0usize;
        loop {
            let step = program[at];
            let (to, from) = (usize::from(step.registers & 15), usize::from(step.registers >> 4));
            at += 1;
            match step.code {
                0x61 => registers[to] = question[step.offset as usize / 4].into(),
                0xbc => registers[to] = registers[from],
                0x54 => registers[to] &= u64::from(step.number.cast_unsigned()),
                0x74 => registers[to] >>= step.number,
                0xb7 => registers[to] = step.number as u64,
                0x55 if registers[to] != step.number as u64 => at += step.offset as usize,
                0x55 => {}
                0x95 => return registers[0],
                other => panic!("{other:#x}"),
            }
        }
    }

    #[test]
    fn rules_let_pass_what_they_name() {
        let rule = |block, major, minor, write| DeviceRule { block, major, minor, write };
        let rules =
            [rule(false, 1, Some(3), true), rule(true, 8, Some(16), false), rule(false, 136, None, true)];
        let program = program(&rules);
        let ask = |access: i32, kind: i32, major, minor| {
            run(&program, [(access << 16 | kind).cast_unsigned(), major, minor]) == 1
        };
        assert!(ask(READ | WRITE, CHARACTER, 1, 3) && ask(WRITE, CHARACTER, 1, 3));
        assert!(!ask(READ, BLOCK, 1, 3) && !ask(READ, CHARACTER, 1, 5) && !ask(1, CHARACTER, 1, 3));
        assert!(ask(READ, BLOCK, 8, 16) && !ask(READ | WRITE, BLOCK, 8, 16) && !ask(READ, BLOCK, 8, 0));
        assert!(ask(READ | WRITE, CHARACTER, 136, 7) && !ask(READ, CHARACTER, 137, 7));
    }

    #[test]
    fn the_kernel_takes_the_program() {
        let rule = |major| DeviceRule { block: major % 2 == 0, major, minor: Some(major), write: true };
        let rules: Vec<_> = (0..400).map(rule).collect();
        match load(&program(&rules)) {
            Ok(_) => assert!(is_available()),
            Err(error) => {
                eprintln!("not run: the_kernel_takes_the_program: {error}");
                assert!(!is_available());
            }
        }
    }
}
