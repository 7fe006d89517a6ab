//! Starting processes that outlive the daemon, and watching processes by descriptor.
//!
//! A [`Plan`] is plain data made by safe code; [`spawn`] carries it out in one async-signal-safe function that
//! runs between clone and exec in the daemon's memory, as vfork does: the cost does not grow with the daemon,
//! and an error of any step comes back exactly. The child is in a session of its own; when the daemon ends, the
//! child becomes process 1's. While the daemon lives it is reaped through its [`PidFd`], also if nobody waits.

mod carry_out;
mod pidfd;
mod stat;

use std::ffi::{CString, OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

pub use pidfd::{Exit, PidFd};
pub use stat::{is_same, start_time};

use crate::{Error, Result, fault};
use carry_out::Prepared;

/// Where one of the three standard descriptors leads.
#[derive(Debug, Default)]
pub enum Stdio {
    /// `/dev/null`.
    #[default]
    Null,
    /// A descriptor of ours.
    Fd(OwnedFd),
}

/// A user to become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ids {
    /// Real, effective and saved user.
    pub uid: u32,
    /// Real, effective and saved group.
    pub gid: u32,
    /// Supplementary groups, complete ([`crate::users::groups_of`]).
    pub groups: Vec<u32>,
}

/// What can be limited (setrlimit).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Bytes of a core file.
    Core,
    /// Number of open files.
    OpenFiles,
    /// Number of processes of the user.
    Processes,
    /// Bytes of locked memory.
    LockedMemory,
    /// Bytes of address space.
    AddressSpace,
}

/// A soft and a hard limit; [`Limit::UNLIMITED`] for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The limit in force.
    pub soft: u64,
    /// What it can be raised to.
    pub hard: u64,
}

impl Limit {
    /// The number that stands for no limit.
    pub const UNLIMITED: u64 = u64::MAX;

    /// Soft and hard limit alike.
    pub fn both(value: u64) -> Limit {
        Limit { soft: value, hard: value }
    }
}

/// Everything that makes a process. Nothing is inherited but what stands here: no descriptor, no variable, no
/// signal setting.
#[derive(Debug)]
pub struct Plan {
    /// Absolute path of the program.
    pub program: PathBuf,
    /// Its arguments, without the name of the program, which comes first by itself.
    pub args: Vec<OsString>,
    /// The whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// Working directory.
    pub cwd: PathBuf,
    /// User and groups; None keeps ours.
    pub ids: Option<Ids>,
    /// File mode mask; None keeps ours.
    pub umask: Option<u32>,
    /// Limits to be set before the user changes.
    pub limits: Vec<(Resource, Limit)>,
    /// Further descriptors with the numbers they get (3 and above).
    pub fds: Vec<(OwnedFd, i32)>,
    /// Standard input.
    pub stdin: Stdio,
    /// Standard output.
    pub stdout: Stdio,
    /// Standard error.
    pub stderr: Stdio,
    /// `cgroup.procs` or `tasks` files that the process writes itself into before the program starts.
    pub cgroups: Vec<PathBuf>,
    /// Our side's other end of a gate: the process tells its number there and waits for a word before it joins its
    /// control groups and its program starts ([`Gate`]).
    pub gate: Option<OwnedFd>,
    /// Set no_new_privs: no set-user-id program below it gains anything.
    pub no_new_privs: bool,
    /// Detached mounts and the directories they are put on, in this order, in a mount namespace of the process's own,
    /// which sees what the host mounts later ([`crate::private_dev`]). Without any it stays in ours.
    pub mounts: Vec<(OwnedFd, PathBuf)>,
}

impl Plan {
    /// A plan for a program at an absolute path: no arguments, empty environment, `/`, all streams null.
    pub fn new(program: impl Into<PathBuf>) -> Plan {
        Plan {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            cwd: PathBuf::from("/"),
            ids: None,
            umask: None,
            limits: Vec::new(),
            fds: Vec::new(),
            stdin: Stdio::Null,
            stdout: Stdio::Null,
            stderr: Stdio::Null,
            cgroups: Vec::new(),
            gate: None,
            no_new_privs: false,
            mounts: Vec::new(),
        }
    }

    /// Passes a descriptor under the next free number from 3 and answers the number.
    pub fn pass(&mut self, fd: OwnedFd) -> i32 {
        let number = self.fds.iter().map(|(_, number)| number + 1).max().unwrap_or(3).max(3);
        self.fds.push((fd, number));
        number
    }
}

/// Where a new process waits before its program starts, so that others can be told of it meanwhile. While it waits,
/// [`spawn`] does not return. It gives up when this side is closed, also by the end of the daemon.
#[derive(Debug)]
pub struct Gate(UnixStream);

impl Gate {
    /// A gate, and the end of it for [`Plan::gate`].
    pub fn new() -> Result<(Gate, OwnedFd)> {
        let (ours, theirs) = UnixStream::pair().map_err(Error::system("make a pair of sockets"))?;
        Ok((Gate(ours), theirs.into()))
    }

    /// Waits until the process stands at the gate; its number. None if it never came there. Blocks.
    pub fn arrival(&self) -> Option<i32> {
        let mut number = [0; 4];
        (&self.0).read_exact(&mut number).ok().map(|()| i32::from_ne_bytes(number))
    }

    /// Lets the process go on.
    pub fn open(self) -> Result<()> {
        (&self.0).write_all(&[1]).map_err(Error::system("let a new process go on"))
    }
}

/// A process that [`spawn`] started.
#[derive(Debug)]
pub struct Child {
    /// Its number.
    pub pid: i32,
    /// To wait for it and to signal it.
    pub pidfd: PidFd,
}

/// The step of starting a process that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Making the process.
    Clone,
    /// Starting a session.
    Session,
    /// Making the mount namespace.
    Namespace,
    /// Putting the mount with this place in the plan on its directory.
    Mount(usize),
    /// Putting descriptors at their numbers.
    Descriptors,
    /// Setting a limit.
    Limits,
    /// Waiting at the gate.
    Gate,
    /// Joining the control group with this place in the plan.
    Cgroup(usize),
    /// Setting the groups.
    Groups,
    /// Becoming the user.
    User,
    /// Entering the working directory.
    Directory,
    /// Setting no_new_privs.
    NoNewPrivs,
    /// Running the program.
    Exec,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Clone => "making the process",
            Stage::Session => "starting a session",
            Stage::Namespace => "making the mount namespace",
            Stage::Mount(_) => "mounting in the namespace",
            Stage::Descriptors => "passing descriptors",
            Stage::Limits => "setting resource limits",
            Stage::Gate => "waiting to be let go",
            Stage::Cgroup(_) => "joining the control group",
            Stage::Groups => "setting the groups",
            Stage::User => "changing the user",
            Stage::Directory => "entering the working directory",
            Stage::NoNewPrivs => "giving up new privileges",
            Stage::Exec => "running the program",
        })
    }
}

/// Carries out a plan. Returns when the program runs or has failed to: a few hundred microseconds, more when
/// control groups are to be joined. The plan's descriptors are closed here in any case.
///
/// A change of user makes the daemon undumpable (the kernel marks the shared memory); that keeps the new user
/// from tracing the child in the moment before exec, and stays so.
pub fn spawn(plan: Plan) -> Result<Child> {
    let refused = |reason: &str| Error::Plan { program: plan.program.clone(), reason: reason.to_owned() };
    check(&plan).map_err(refused)?;
    let null = File::options()
        .read(true)
        .write(true)
        .open("/dev/null")
        .map_err(Error::file("open", Path::new("/dev/null")))?;
    let prepared = prepare(&plan, null.as_raw_fd()).map_err(|_| refused("a string contains a NUL byte"))?;
    fault::at("process.spawn");
    let started = carry_out::run(&prepared);
    fault::at("process.spawned");
    match started {
        Ok((pid, fd)) => Ok(Child { pid, pidfd: PidFd::of_child(fd, pid) }),
        Err((stage, errno)) => {
            let source = io::Error::from_raw_os_error(errno);
            Err(Error::Spawn { program: plan.program.clone(), stage, source })
        }
    }
}

/// Highest number a passed descriptor may get: the usual soft limit of open files.
const MAX_FD: i32 = 1023;

fn check(plan: &Plan) -> std::result::Result<(), &'static str> {
    if !plan.program.is_absolute() {
        return Err("the path of the program is not absolute");
    }
    let mut numbers: Vec<i32> = plan.fds.iter().map(|(_, number)| *number).collect();
    numbers.sort_unstable();
    if numbers.iter().any(|number| !(3..=MAX_FD).contains(number)) {
        return Err("a descriptor's number is not between 3 and 1023");
    }
    if numbers.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err("two descriptors have the same number");
    }
    if plan.env.iter().any(|(name, _)| name.is_empty() || name.as_bytes().contains(&b'=')) {
        return Err("an environment variable has no proper name");
    }
    Ok(())
}

/// Turns the plan into what the child needs, so that it allocates nothing.
fn prepare(plan: &Plan, null: i32) -> std::result::Result<Prepared, std::ffi::NulError> {
    let c = |text: &OsStr| CString::new(text.as_bytes());
    let mut argv = vec![c(plan.program.as_os_str())?];
    for arg in &plan.args {
        argv.push(c(arg)?);
    }
    let mut envp = Vec::new();
    for (name, value) in &plan.env {
        envp.push(CString::new([name.as_bytes(), b"=", value.as_bytes()].concat())?);
    }
    let cgroups: std::result::Result<Vec<_>, _> =
        plan.cgroups.iter().map(|path| c(path.as_os_str())).collect();
    let mounts: std::result::Result<Vec<_>, _> =
        plan.mounts.iter().map(|(fd, path)| Ok((fd.as_raw_fd(), c(path.as_os_str())?))).collect();
    let stream = |stdio: &Stdio| match stdio {
        Stdio::Null => null,
        Stdio::Fd(fd) => fd.as_raw_fd(),
    };
    let mut fds = vec![(stream(&plan.stdin), 0), (stream(&plan.stdout), 1), (stream(&plan.stderr), 2)];
    fds.extend(plan.fds.iter().map(|(fd, number)| (fd.as_raw_fd(), *number)));
    // Where no other descriptor goes; it is closed before the program starts.
    let beyond = fds.iter().map(|(_, number)| number + 1).max().unwrap_or(3);
    let gate = plan.gate.as_ref().map(|fd| (fd.as_raw_fd(), beyond));
    fds.extend(gate);
    fds.sort_unstable_by_key(|(_, number)| *number);
    Ok(Prepared {
        argv,
        envp,
        cwd: c(plan.cwd.as_os_str())?,
        ids: plan.ids.clone(),
        umask: plan.umask,
        limits: plan.limits.clone(),
        fds,
        cgroups: cgroups?,
        gate: gate.map(|(_, number)| number),
        no_new_privs: plan.no_new_privs,
        mounts: mounts?,
    })
}

#[cfg(test)]
mod tests;
