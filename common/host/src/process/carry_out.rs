//! The one place between clone and exec.
//!
//! [`child`] runs in the daemon's memory on a stack of its own while the calling thread stands still, other
//! threads go on. So it may only make system calls: no allocation, no lock, no library call that is not
//! async-signal-safe, and none of the C library's set*id functions, which would change the user of every thread
//! of the daemon. All signals are blocked until the handlers, which belong to the daemon, are reset.

use std::ffi::{CString, c_char, c_int, c_long, c_void};
use std::os::fd::{FromRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};

use super::{Ids, Limit, Resource, Stage};

/// A plan in the kernel's terms.
pub(super) struct Prepared {
    /// Program and arguments; never empty.
    pub(super) argv: Vec<CString>,
    pub(super) envp: Vec<CString>,
    pub(super) cwd: CString,
    pub(super) ids: Option<Ids>,
    pub(super) umask: Option<u32>,
    pub(super) limits: Vec<(Resource, Limit)>,
    /// Our number and the child's, sorted by the child's, which are distinct; 0, 1 and 2 are among them.
    pub(super) fds: Vec<(c_int, c_int)>,
    pub(super) cgroups: Vec<CString>,
    /// The child's number of the gate, the largest.
    pub(super) gate: Option<c_int>,
    pub(super) no_new_privs: bool,
    /// Descriptors of detached mounts and where they go.
    pub(super) mounts: Vec<(c_int, CString)>,
}

/// What the child sees: the plan, vectors for exec, room for descriptor numbers, and where it reports an error.
struct Job<'a> {
    plan: &'a Prepared,
    argv: Vec<*const c_char>,
    envp: Vec<*const c_char>,
    moved: Vec<AtomicI32>,
    stage: AtomicI32,
    errno: AtomicI32,
}

const STACK: usize = 128 * 1024;
const GUARD: usize = 64 * 1024;
const ALL_SIGNALS: u64 = u64::MAX;
/// Size of the kernel's signal set.
const SIGSET: usize = 8;

/// Starts the process. The number and descriptor of it, or the step that failed and its errno.
pub(super) fn run(plan: &Prepared) -> Result<(i32, OwnedFd), (Stage, i32)> {
    let pointers = |strings: &[CString]| -> Vec<*const c_char> {
        strings.iter().map(|s| s.as_ptr()).chain([ptr::null()]).collect()
    };
    let job = Job {
        plan,
        argv: pointers(&plan.argv),
        envp: pointers(&plan.envp),
        moved: plan.fds.iter().map(|_| AtomicI32::new(-1)).collect(),
        stage: AtomicI32::new(0),
        errno: AtomicI32::new(0),
    };
    let stack = Stack::new().map_err(|errno| (Stage::Clone, errno))?;
    let before = block_signals(ALL_SIGNALS);
    let cloned = clone_into(&stack, &job);
    block_signals(before);
    let (pid, pidfd) = cloned.map_err(|errno| (Stage::Clone, errno))?;
    match stage_of(job.stage.load(Ordering::Relaxed)) {
        None => Ok((pid, pidfd)),
        Some(stage) => {
            // It has exited; collect it so that no zombie stays.
            let which = rustix::process::WaitId::PidFd(std::os::fd::AsFd::as_fd(&pidfd));
            let _ = rustix::process::waitid(which, rustix::process::WaitIdOptions::EXITED);
            Err((stage, job.errno.load(Ordering::Relaxed)))
        }
    }
}

/// Makes the child; returns when it has executed its program or exited.
fn clone_into(stack: &Stack, job: &Job<'_>) -> Result<(i32, OwnedFd), i32> {
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    let mut pidfd: c_int = -1;
    // SAFETY: the stack is mapped, large enough for `child`, and used by nobody else. CLONE_VFORK keeps this
    // thread here until the child has left our memory, so `job` and `stack` outlive its use of them. `child`
    // keeps to system calls (see the head of this file) and all signals are blocked, so no code of ours runs in
    // it but `child`. Without CLONE_FILES and CLONE_FS its descriptors, umask and directory are its own. The
    // kernel writes one int to `pidfd`.
    let pid = unsafe {
        libc::clone(child, stack.top(), flags, ptr::from_ref(job).cast_mut().cast::<c_void>(), &raw mut pidfd)
    };
    if pid < 0 {
        return Err(errno());
    }
    // SAFETY: clone succeeded with CLONE_PIDFD, so this is a fresh descriptor that nobody else owns.
    #[expect(clippy::disallowed_methods, reason = "this crate is where raw descriptors become owned")]
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok((pid, pidfd))
}

/// First function of the child; ends in exec or exit.
extern "C" fn child(job: *mut c_void) -> c_int {
    // SAFETY: `clone_into` passes a `Job` that lives until this process has executed or exited; it is shared
    // only for reading, and its cells are atomic.
    let job = unsafe { &*job.cast::<Job<'_>>() };
    let Err(stage) = carry_out(job);
    job.errno.store(errno(), Ordering::Relaxed);
    job.stage.store(number_of(stage), Ordering::Relaxed);
    127
}

/// Never returns Ok: success is a running program.
fn carry_out(job: &Job<'_>) -> Result<std::convert::Infallible, Stage> {
    let plan = job.plan;
    reset_handlers();
    sys(libc::SYS_setsid, [0; 4]).ok_or(Stage::Session)?;
    enter_namespace(plan)?;
    place_descriptors(plan, &job.moved).ok_or(Stage::Descriptors)?;
    if let Some(umask) = plan.umask {
        sys(libc::SYS_umask, [umask as c_long, 0, 0, 0]);
    }
    for (resource, limit) in &plan.limits {
        set_limit(*resource, *limit).ok_or(Stage::Limits)?;
    }
    if let Some(gate) = plan.gate {
        wait_at(gate as c_long).ok_or(Stage::Gate)?;
    }
    for (at, path) in plan.cgroups.iter().enumerate() {
        join(path).ok_or(Stage::Cgroup(at))?;
    }
    if let Some(ids) = &plan.ids {
        let (uid, gid) = (ids.uid as c_long, ids.gid as c_long);
        let groups = ids.groups.as_ptr() as c_long;
        sys(libc::SYS_setgroups, [ids.groups.len() as c_long, groups, 0, 0]).ok_or(Stage::Groups)?;
        sys(libc::SYS_setresgid, [gid, gid, gid, 0]).ok_or(Stage::Groups)?;
        sys(libc::SYS_setresuid, [uid, uid, uid, 0]).ok_or(Stage::User)?;
    }
    sys(libc::SYS_chdir, [plan.cwd.as_ptr() as c_long, 0, 0, 0]).ok_or(Stage::Directory)?;
    if plan.no_new_privs {
        let set = libc::PR_SET_NO_NEW_PRIVS as c_long;
        sys(libc::SYS_prctl, [set, 1, 0, 0]).ok_or(Stage::NoNewPrivs)?;
    }
    block_signals(0);
    let program = job.argv.as_ptr();
    // SAFETY: argv has at least the program and a closing null pointer.
    let path = unsafe { *program } as c_long;
    sys(libc::SYS_execve, [path, program as c_long, job.envp.as_ptr() as c_long, 0]);
    Err(Stage::Exec)
}

/// Makes the mount namespace, if there is something to be mounted in it. Before descriptors move, since the mounts
/// are among them.
fn enter_namespace(plan: &Prepared) -> Result<(), Stage> {
    if plan.mounts.is_empty() {
        return Ok(());
    }
    sys(libc::SYS_unshare, [libc::CLONE_NEWNS as c_long, 0, 0, 0]).ok_or(Stage::Namespace)?;
    // First, so that nothing of ours shows on the host.
    follow_the_host().ok_or(Stage::Namespace)?;
    for (at, (fd, path)) in plan.mounts.iter().enumerate() {
        let (fd, from) = (*fd as c_long, c"".as_ptr() as c_long);
        let (cwd, to) = (libc::AT_FDCWD as c_long, path.as_ptr() as c_long);
        sys5(libc::SYS_move_mount, [fd, from, cwd, to, libc::MOVE_MOUNT_F_EMPTY_PATH as c_long])
            .ok_or(Stage::Mount(at))?;
    }
    // Copies of mounts of the host's are still tied to them both ways.
    follow_the_host().ok_or(Stage::Namespace)?;
    Ok(())
}

/// All mounts of the namespace take over what happens to those of the host, and not the other way.
fn follow_the_host() -> Option<c_long> {
    let (none, root) = (c"none".as_ptr() as c_long, c"/".as_ptr() as c_long);
    sys5(libc::SYS_mount, [none, root, 0, (libc::MS_SLAVE | libc::MS_REC) as c_long, 0])
}

/// Puts every descriptor at its number and closes all others.
fn place_descriptors(plan: &Prepared, moved: &[AtomicI32]) -> Option<c_long> {
    let last = plan.fds.last().map_or(-1, |(_, target)| *target) as c_long;
    // First out of the way of every target, since a target may be another's source.
    for ((source, _), cell) in plan.fds.iter().zip(moved) {
        let copy = sys(libc::SYS_fcntl, [*source as c_long, libc::F_DUPFD_CLOEXEC as c_long, last + 1, 0])?;
        cell.store(copy as i32, Ordering::Relaxed);
    }
    let mut next = 0;
    for ((_, target), cell) in plan.fds.iter().zip(moved) {
        let target = *target as c_long;
        close_between(next, target - 1)?;
        sys(libc::SYS_dup3, [cell.load(Ordering::Relaxed) as c_long, target, 0, 0])?;
        next = target + 1;
    }
    close_between(next, u32::MAX as c_long)
}

fn close_between(first: c_long, last: c_long) -> Option<c_long> {
    if first > last { Some(0) } else { sys(libc::SYS_close_range, [first, last, 0, 0]) }
}

fn set_limit(resource: Resource, limit: Limit) -> Option<c_long> {
    let resource = match resource {
        Resource::Core => libc::RLIMIT_CORE,
        Resource::OpenFiles => libc::RLIMIT_NOFILE,
        Resource::Processes => libc::RLIMIT_NPROC,
        Resource::LockedMemory => libc::RLIMIT_MEMLOCK,
        Resource::AddressSpace => libc::RLIMIT_AS,
    };
    // The kernel's own form of prlimit64, alike on all architectures.
    let pair = [limit.soft, limit.hard];
    sys(libc::SYS_prlimit64, [0, resource as c_long, pair.as_ptr() as c_long, 0])
}

/// Tells our number and waits for a byte; an end without one is a refusal.
fn wait_at(gate: c_long) -> Option<c_long> {
    let number = (sys(libc::SYS_getpid, [0; 4])? as i32).to_ne_bytes();
    sys(libc::SYS_write, [gate, number.as_ptr() as c_long, number.len() as c_long, 0])?;
    let mut word = 0u8;
    let read = sys(libc::SYS_read, [gate, (&raw mut word) as c_long, 1, 0])?;
    if read != 1 {
        set_errno(libc::ECANCELED);
        return None;
    }
    sys(libc::SYS_close, [gate, 0, 0, 0])
}

/// Writes "0", ourselves, to a cgroup.procs file.
fn join(path: &CString) -> Option<c_long> {
    let flags = (libc::O_WRONLY | libc::O_CLOEXEC) as c_long;
    let fd = sys(libc::SYS_openat, [libc::AT_FDCWD as c_long, path.as_ptr() as c_long, flags, 0])?;
    let written = sys(libc::SYS_write, [fd, c"0".as_ptr() as c_long, 1, 0]);
    let failure = errno();
    sys(libc::SYS_close, [fd, 0, 0, 0]);
    if written.is_none() {
        set_errno(failure);
    }
    written
}

/// Gives every signal its default action: handlers are the daemon's code, and ignored ones would stay ignored.
fn reset_handlers() {
    // All zero is "default action, no flags, empty mask" in the kernel's structure, which is smaller than this.
    let default = [0u64; 8];
    for signal in 1..=64 {
        // SIGKILL and SIGSTOP answer an error, rightly.
        sys(libc::SYS_rt_sigaction, [signal, default.as_ptr() as c_long, 0, SIGSET as c_long]);
    }
}

/// Sets the mask of blocked signals, the C library's own among them; answers the mask of before.
fn block_signals(mask: u64) -> u64 {
    let mut before = 0u64;
    let (new, old) = (ptr::from_ref(&mask) as c_long, (&raw mut before) as c_long);
    sys(libc::SYS_rt_sigprocmask, [libc::SIG_SETMASK as c_long, new, old, SIGSET as c_long]);
    before
}

/// One system call; None and errno on failure.
fn sys(number: c_long, [a, b, c, d]: [c_long; 4]) -> Option<c_long> {
    sys5(number, [a, b, c, d, 0])
}

/// As [`sys`], with five arguments.
fn sys5(number: c_long, a: [c_long; 5]) -> Option<c_long> {
    // SAFETY: every caller in this file passes numbers, or pointers to live values of the kernel's form for that
    // call; `syscall` touches nothing but errno.
    let result = unsafe { libc::syscall(number, a[0], a[1], a[2], a[3], a[4]) };
    if result < 0 { None } else { Some(result) }
}

fn errno() -> i32 {
    // SAFETY: the C library's errno of this thread; the child shares it with the thread that waits for it.
    unsafe { *libc::__errno_location() }
}

fn set_errno(value: i32) {
    // SAFETY: as in `errno`.
    unsafe { *libc::__errno_location() = value }
}

/// Memory for the child's stack with an inaccessible part below.
struct Stack(*mut c_void);

impl Stack {
    fn new() -> Result<Stack, i32> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK | libc::MAP_NORESERVE;
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choice concerns no other memory.
        let base = unsafe { libc::mmap(ptr::null_mut(), GUARD + STACK, libc::PROT_NONE, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(errno());
        }
        let stack = Stack(base);
        // SAFETY: the range is the upper part of the mapping just made, which only `stack` knows.
        let opened = unsafe { libc::mprotect(base.add(GUARD), STACK, libc::PROT_READ | libc::PROT_WRITE) };
        if opened == 0 { Ok(stack) } else { Err(errno()) }
    }

    fn top(&self) -> *mut c_void {
        // SAFETY: one past the end of the mapping, a multiple of 16.
        unsafe { self.0.add(GUARD + STACK) }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: our own mapping; the child has left it (CLONE_VFORK).
        unsafe { libc::munmap(self.0, GUARD + STACK) };
    }
}

/// Stages as positive numbers for the report; those with a number of their own start where the others end.
const STAGES: [Stage; 11] = [
    Stage::Clone,
    Stage::Session,
    Stage::Namespace,
    Stage::Descriptors,
    Stage::Limits,
    Stage::Gate,
    Stage::Groups,
    Stage::User,
    Stage::Directory,
    Stage::NoNewPrivs,
    Stage::Exec,
];

/// Number of the first control group; the kernel knows less hierarchies than are between this and the next.
const CGROUPS: i32 = 100;
/// Number of the first mount.
const MOUNTS: i32 = 10_000;

fn number_of(stage: Stage) -> i32 {
    match (stage, STAGES.iter().position(|s| *s == stage)) {
        (Stage::Cgroup(at), _) => CGROUPS.saturating_add(at as i32),
        (Stage::Mount(at), _) => MOUNTS.saturating_add(at as i32),
        (_, Some(at)) => at as i32 + 1,
        (_, None) => 1,
    }
}

fn stage_of(number: i32) -> Option<Stage> {
    match number {
        0 => None,
        MOUNTS.. => Some(Stage::Mount((number - MOUNTS) as usize)),
        CGROUPS.. => Some(Stage::Cgroup((number - CGROUPS) as usize)),
        _ => Some(STAGES.get(number as usize - 1).copied().unwrap_or(Stage::Clone)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_survive_the_report() {
        for stage in
            STAGES.into_iter().chain([Stage::Cgroup(0), Stage::Cgroup(9), Stage::Mount(0), Stage::Mount(9)])
        {
            assert_eq!(stage_of(number_of(stage)), Some(stage));
        }
        assert_eq!(stage_of(0), None);
    }
}
