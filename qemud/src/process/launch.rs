//! Carrying out a plan: files and sockets are made, QEMU is started, its monitor is connected.
//!
//! The monitor's socket listens before QEMU runs and is handed to it, so that the connection stands at once
//! and nobody has to look again and again whether it is there yet.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::driver::documents::blocking;
use ::driver::fault;
use host::label::Owner;
use host::links::{self, Distrusted};
use host::process::{Gate, Ids, Limit, Plan as Spawn, Resource, Stdio};
use host::{fault as fault_point, process, store};
use model::domain::Domain as Definition;
use protocol::{ErrorCode, ErrorDomain, Fault};
use rustix::fs::FileType;

use super::log::{self, Logs, StartLog};
use super::{Process, leftovers};
use crate::command::{FdSource, PassedFd, Plan, PlannedFile};
use crate::confine::cgroup::Wanted;
use crate::confine::files::{self, GuestFile};
use crate::confine::{Identity, devices, limits, machine, seclabel};
use crate::driver::Driver;
use crate::network::Wires;

/// Bytes of the key that protects what is passed to QEMU in secret.
const MASTER_KEY: usize = 32;
/// File mode mask of QEMU: its group may use what it makes, as libvirt has it.
const UMASK: u32 = 0o002;

/// A QEMU process and the connection to its monitor, which it has not greeted on yet.
#[derive(Debug)]
pub struct Launched {
    /// The process.
    pub process: Arc<Process>,
    /// The monitor's connection.
    pub monitor: UnixStream,
    /// Where its output goes.
    pub log: StartLog,
    /// The control groups that it is in.
    pub groups: Option<Wanted>,
}

/// Whether everything that the guest uses is there: a missing image is told by its name instead of by QEMU.
pub async fn check_files(plan: &Plan, reset_nvram: bool) -> Result<(), Fault> {
    let stores = plan.files.iter().filter_map(|file| match file {
        PlannedFile::Nvram { path, template: None, loader } => Some((path.clone(), loader.clone())),
        _ => None,
    });
    let stores: Vec<_> = stores.collect();
    let needed = plan.labels.iter().filter(|label| !label.made);
    let paths: Vec<String> = needed.map(|label| label.path.clone()).collect();
    let checked = tokio::task::spawn_blocking(move || {
        stores.iter().try_for_each(|(path, loader)| check_store(path, loader, reset_nvram))?;
        paths.iter().try_for_each(|path| check_file(path))
    });
    checked.await.unwrap_or_else(|error| Err(Fault::internal(ErrorDomain::QEMU, error.to_string())))
}

/// Firmware variables that cannot be made must be there, and cannot be made anew.
fn check_store(path: &str, loader: &str, reset: bool) -> Result<(), Fault> {
    if !reset && Path::new(path).exists() {
        return Ok(());
    }
    let detail = format!("unable to find any master var store for loader: {loader}");
    Err(Fault::new(ErrorDomain::QEMU, ErrorCode::OPERATION_FAILED, detail))
}

fn check_file(path: &str) -> Result<(), Fault> {
    std::fs::metadata(path).map(|_| ()).map_err(|error| {
        let errno = error.raw_os_error().unwrap_or(0);
        Fault::system(ErrorDomain::STORAGE, errno, format!("Cannot access storage file '{path}'"))
    })
}

/// What the plan does not hold: descriptors that are open by now, and wishes of the caller.
#[derive(Debug)]
pub struct Inherited {
    /// Network and vsock devices.
    pub wires: Wires,
    /// Control groups to make and to enter.
    pub groups: Option<Wanted>,
    /// Devices of a `/dev` of its own, if it gets one.
    pub devices: Option<Vec<String>>,
    /// Make the firmware's variables anew.
    pub reset_nvram: bool,
    /// What the guest's log says of it.
    pub told: Told,
}

/// What the guest's log says of a start, besides its plan.
#[derive(Debug)]
pub struct Told {
    /// Whose log it is.
    pub owner: log::Owner,
    /// Versions of what runs together.
    pub versions: String,
    /// Notes: the taints.
    pub notes: Vec<String>,
}

/// Start QEMU by the plan: its files are made and given to it, its control groups wait for it.
pub async fn launch(
    driver: &Driver,
    definition: &Arc<Definition>,
    plan: &Plan,
    mut inherited: Inherited,
) -> Result<Launched, Fault> {
    let host_fault = fault::host(ErrorDomain::QEMU);
    let who = confined(driver, definition).await?;
    let identity = who.as_ref().map(|who| who.identity.clone());
    let wanted = inherited.groups.take();
    let registered = wanted.is_some() && driver.machined.is_there().await;
    let (gate, at_gate) = match registered {
        true => Gate::new().map(|(gate, at_gate)| (Some(gate), Some(at_gate))).map_err(&host_fault)?,
        false => (None, None),
    };
    let launch = Launch {
        plan: plan.clone(),
        logs: driver.logs.clone(),
        pid_file: driver.paths.guest_pid_file(&definition.name).map_err(&host_fault)?,
        monitor: PathBuf::from(&plan.monitor_path),
        limits: limits::of(definition, &driver.config.confinement),
        owner: identity.as_ref().map(|identity| identity.process),
        ids: who.as_ref().map(|who| who.ids.clone()),
        mounts: Vec::new(),
        gate: at_gate,
        inherited,
    };
    let made = wanted.clone().filter(|_| !registered);
    let groups = async {
        match made {
            Some(wanted) => blocking(move || wanted.make()).await,
            None => Ok(None),
        }
    };
    let files = async {
        let (launch, files) = blocking(move || {
            launch.make_files()?;
            launch.make_dev(who.map(|who| who.files).unwrap_or_default())
        })
        .await?;
        leftovers::labels(driver, &definition.name)?.give(files).await?;
        Ok(launch)
    };
    let (groups, launch) = tokio::join!(groups, files);
    let (groups, launch) = (groups.map_err(&host_fault)?, launch.map_err(&host_fault)?);
    let launched = tokio::task::spawn_blocking(move || launch.run(groups.unwrap_or_default()));
    let admitted = async {
        match (wanted, gate) {
            (Some(wanted), Some(gate)) => machine::admit(driver, definition, wanted, gate).await.map(Some),
            (wanted, _) => Ok(wanted),
        }
    };
    let (launched, admitted) = tokio::join!(launched, admitted);
    let launched =
        launched.unwrap_or_else(|error| Err(Fault::internal(ErrorDomain::QEMU, error.to_string())));
    // A process that is not let in ends for this reason, and that it ended is none.
    let groups = admitted?;
    launched.map(|launched| Launched { groups, ..launched })
}

/// Who a guest runs as, and what is given to it.
struct Confined {
    identity: Identity,
    ids: Ids,
    files: Vec<GuestFile>,
}

/// Off the runtime, since labels may hold names that the user database has to look up.
async fn confined(driver: &Driver, definition: &Arc<Definition>) -> Result<Option<Confined>, Fault> {
    let (definition, confinement) = (Arc::clone(definition), driver.config.confinement.clone());
    let found = tokio::task::spawn_blocking(move || {
        let Some(identity) = seclabel::identity(&definition, &confinement)? else { return Ok(None) };
        let ids = identity.ids().map_err(fault::host(ErrorDomain::SECURITY))?;
        let files = files::of(&definition, &identity)?;
        Ok(Some(Confined { identity, ids, files }))
    });
    found.await.unwrap_or_else(|error| Err(Fault::internal(ErrorDomain::QEMU, error.to_string())))
}

struct Launch {
    plan: Plan,
    logs: Logs,
    pid_file: PathBuf,
    monitor: PathBuf,
    limits: Vec<(Resource, Limit)>,
    /// The user that QEMU runs as, if not ours.
    owner: Option<Owner>,
    ids: Option<Ids>,
    /// What QEMU finds mounted where, for itself alone.
    mounts: Vec<(OwnedFd, PathBuf)>,
    /// Where QEMU waits to be let in.
    gate: Option<OwnedFd>,
    inherited: Inherited,
}

impl Launch {
    fn make_files(&self) -> host::Result<()> {
        self.plan.files.iter().try_for_each(|file| self.make(file))
    }

    /// Makes the guest's own `/dev`, if it gets one; answers the files that change hands outside of it.
    fn make_dev(mut self, files: Vec<GuestFile>) -> host::Result<(Self, Vec<GuestFile>)> {
        let Some(devices) = self.inherited.devices.take() else { return Ok((self, files)) };
        let own = devices::own_dev(&devices, files, self.owner)?;
        self.mounts = own.mounts;
        fault_point::at("start.devices");
        Ok((self, own.files))
    }

    /// `groups`: files by which QEMU enters its control groups.
    fn run(mut self, groups: Vec<PathBuf>) -> Result<Launched, Fault> {
        let Told { owner, versions, notes } = &self.inherited.told;
        let head = log::Head { plan: &self.plan, versions };
        let (mut log, output) = self.logs.begin(owner.clone(), &head, notes)?;
        let fds = self.open_all(&mut log);
        let spawned =
            fds.and_then(|fds| self.spawn(fds, output, groups).map_err(fault::host(ErrorDomain::QEMU)));
        match spawned {
            Ok((process, monitor)) => Ok(Launched { process, monitor, log, groups: None }),
            Err(error) => {
                log.abandon();
                Err(error)
            }
        }
    }

    /// What the child finds at its numbers.
    fn open_all(&mut self, log: &mut StartLog) -> Result<Vec<(OwnedFd, i32)>, Fault> {
        let fds = std::mem::take(&mut self.plan.fds);
        let distrusted = self.owner.map_or(Distrusted::NOBODY, |owner| Distrusted::guest(owner.uid));
        let open = |fd: PassedFd| {
            let opened = match &fd.source {
                FdSource::Output { path, append } => log.output(Path::new(path), *append, distrusted)?,
                other => self.open_for_child(other, fd.number).map_err(fault::host(ErrorDomain::QEMU))?,
            };
            Ok((opened, fd.number.cast_signed()))
        };
        fds.into_iter().map(open).collect()
    }

    fn spawn(
        &mut self,
        fds: Vec<(OwnedFd, i32)>,
        output: OwnedFd,
        groups: Vec<PathBuf>,
    ) -> host::Result<(Arc<Process>, UnixStream)> {
        let mut spawn = Spawn::new(&self.plan.argv[0]);
        spawn.args = self.plan.argv[1..].iter().map(Into::into).collect();
        spawn.env = self.plan.env.iter().map(|(name, value)| (name.into(), value.into())).collect();
        spawn.stdout = Stdio::Fd(duplicate(&output)?);
        spawn.stderr = Stdio::Fd(output);
        spawn.fds = fds;
        spawn.ids = self.ids.clone();
        spawn.umask = Some(UMASK);
        spawn.limits = self.limits.clone();
        spawn.cgroups = groups;
        spawn.mounts = std::mem::take(&mut self.mounts);
        spawn.gate = self.gate.take();
        fault_point::at("start.files");
        // Before QEMU runs: one that ends at once takes the socket with it, and its words would never be asked for.
        let path = Path::new(&self.plan.monitor_path);
        let monitor = UnixStream::connect(path).map_err(host::Error::file("connect to", path))?;
        let child = process::spawn(spawn)?;
        fault_point::at("start.spawned");
        let process = adopt(child)?;
        match self.record(&process) {
            Ok(()) => Ok((Arc::new(process), monitor)),
            Err(error) => {
                // Nobody else knows of it yet; that it has ended already is no error.
                let _ = process.handle.signal(super::stop::SIGKILL);
                Err(error)
            }
        }
    }

    fn record(&self, process: &Process) -> host::Result<()> {
        store::replace(&self.pid_file, format!("{}\n", process.pid).as_bytes(), 0o644)
    }

    fn make(&self, file: &PlannedFile) -> host::Result<()> {
        let owner = self.owner.map(|owner| (owner.uid, owner.gid));
        match file {
            PlannedFile::Dir { path, mode } => {
                let path = Path::new(path);
                store::create_dir(path, *mode)?;
                self.hand_over(path, FileType::Directory, *mode)
            }
            PlannedFile::MasterKey { path, key: Some(key) } => {
                store::replace_owned(Path::new(path), key.bytes(), 0o600, owner)
            }
            PlannedFile::MasterKey { path, key: None } => {
                let mut key = [0u8; MASTER_KEY];
                let source = Path::new("/dev/urandom");
                let read = File::open(source).and_then(|mut random| random.read_exact(&mut key));
                read.map_err(host::Error::file("read", source))?;
                let written = store::replace_owned(Path::new(path), &key, 0o600, owner);
                key.fill(0);
                std::hint::black_box(&key);
                written
            }
            // That it is there was checked.
            PlannedFile::Nvram { template: None, .. } => Ok(()),
            PlannedFile::Nvram { path, template: Some(template), .. } => {
                let path = Path::new(path);
                if !self.inherited.reset_nvram && path.exists() {
                    return Ok(());
                }
                let variables = store::read(Path::new(template), 64 << 20)?;
                store::replace_owned(path, &variables, 0o600, owner)
            }
        }
    }

    /// Give what was made to QEMU's user, with its mode. That user can write beside it: a link in its place is refused.
    fn hand_over(&self, path: &Path, kind: FileType, mode: u32) -> host::Result<()> {
        let owner = self.owner.map(|owner| (owner.uid, owner.gid));
        links::settle(path, kind, mode, owner).map_err(host::Error::file("set owner and mode of", path))
    }

    /// Open what the child is to find at a number.
    fn open_for_child(&mut self, source: &FdSource, number: u32) -> host::Result<OwnedFd> {
        match source {
            FdSource::ListenUnix { path } => self.listen(Path::new(path)).map(OwnedFd::from),
            FdSource::Output { .. }
            | FdSource::Tap { .. }
            | FdSource::VhostNet { .. }
            | FdSource::VhostVsock { .. } => {
                self.inherited.wires.take(source).ok_or_else(|| host::Error::Unavailable {
                    what: format!("descriptor {number}"),
                    reason: format!("nothing was opened for {source:?}"),
                })
            }
        }
    }

    /// The monitor's socket stays ours; others are the guest's, in a directory that is too.
    fn listen(&self, path: &Path) -> host::Result<UnixListener> {
        if let Some(dir) = path.parent()
            && store::create_dir(dir, 0o750)?
        {
            self.hand_over(dir, FileType::Directory, 0o750)?;
        }
        store::remove(path)?;
        let listener = UnixListener::bind(path).map_err(host::Error::file("listen on", path))?;
        let mode = 0o777 & !UMASK;
        if path == self.monitor {
            links::settle(path, FileType::Socket, mode, None)
                .map_err(host::Error::file("set the mode of", path))?;
        } else {
            self.hand_over(path, FileType::Socket, mode)?;
        }
        Ok(listener)
    }
}

fn duplicate(output: &OwnedFd) -> host::Result<OwnedFd> {
    output.try_clone().map_err(host::Error::file("duplicate", Path::new("the log's descriptor")))
}

fn adopt(child: process::Child) -> host::Result<Process> {
    let start_time = process::start_time(child.pid).unwrap_or(0);
    Ok(Process { pid: child.pid, start_time, handle: child.pidfd })
}

/// The error for a start that another wish overtook.
pub fn overtaken() -> Fault {
    Fault::new(ErrorDomain::QEMU, ErrorCode::OPERATION_FAILED, "domain was destroyed while it started")
}
