//! A guest's control groups: made before its QEMU, which enters them itself, so that nothing it does goes uncounted;
//! its threads are sorted into subgroups once QEMU has told which is which.

use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::PathBuf;
use std::time::Duration;

use host::cgroup::{Cgroups, Controller, DEFAULT_PARTITION, DeviceRule, Group, Throttle, machine_name};
use model::bitmap::Bitmap;
use model::domain::Domain as Definition;
use model::domain::cputune::Bandwidth;
use model::domain::device::Device;
use model::domain::memory::UNLIMITED_KIB;
use model::domain::numatune::NumaMode;
use model::domain::tune::{BlkioTune, Resource};
use protocol::{ErrorCode, ErrorDomain, Fault};

use super::devices;
use crate::command::Labelled;
use crate::driver::Driver;

/// The subgroup of QEMU's threads that are no vCPU's.
const EMULATOR: &str = "emulator";
/// How long the kernel may take to let a group go whose processes have ended.
const REMOVAL_LIMIT: Duration = Duration::from_secs(5);
/// Major numbers of terminals of `/dev/pts` and of sound devices (Linux's devices.txt).
const PTS_MAJOR: u32 = 136;
const SOUND_MAJOR: u32 = 116;

/// The groups that a guest is to be in, with what they allow.
#[derive(Debug, Clone)]
pub struct Wanted {
    cgroups: Cgroups,
    partition: String,
    machine: String,
    /// The group in the scope that systemd has made for the guest, if it has.
    scope: Option<Group>,
    definition: Definition,
    /// Paths of devices, and whether they are written.
    devices: Vec<(String, bool)>,
}

/// Names the default partition in a live definition, where guests are put into groups.
pub fn assign(definition: &mut Definition, driver: &Driver) -> Result<(), Fault> {
    if driver.cgroups.is_none() {
        return Ok(());
    }
    let resource = definition.resource.get_or_insert_with(Resource::default);
    let partition = resource.partition.get_or_insert_with(|| DEFAULT_PARTITION.to_owned());
    if partition.starts_with('/') {
        return Ok(());
    }
    let detail = format!("Resource partition '{partition}' must start with '/'");
    Err(Fault::new(ErrorDomain::CGROUP, ErrorCode::CONFIG_UNSUPPORTED, detail))
}

/// What to make for a guest; none where there are no groups. `used`: the paths that its QEMU opens.
pub fn wanted(
    driver: &Driver,
    definition: &Definition,
    id: i32,
    used: &[Labelled],
) -> Result<Option<Wanted>, Fault> {
    if !driver.paths.is_system() {
        refuse_tuning(definition)?;
    }
    let Some(cgroups) = driver.cgroups.clone() else { return Ok(None) };
    check_controllers(&cgroups, definition)?;
    Ok(Some(Wanted {
        cgroups,
        partition: partition(definition).to_owned(),
        machine: machine(driver, definition, id),
        scope: None,
        definition: definition.clone(),
        devices: devices::of(&driver.config.confinement, definition, used),
    }))
}

/// Put the threads of a guest that has just told of them into their subgroups. Blocks.
pub fn sort_threads(wanted: &Wanted, vcpus: &[(u32, u32)], iothreads: &[(u32, u32)]) -> host::Result<()> {
    let Some(group) = wanted.group_if_made()? else { return Ok(()) };
    let tune = &wanted.definition.cputune;
    let any = wanted.definition.vcpus.cpuset.as_ref();
    for (vcpu, thread) in vcpus {
        let pin = tune.vcpu_pins.get(vcpu).or(any);
        wanted.sort(&group, &format!("vcpu{vcpu}"), *thread, tune.vcpu, pin)?;
    }
    for (iothread, thread) in iothreads {
        let pin = tune.iothread_pins.get(iothread).or(any);
        wanted.sort(&group, &format!("iothread{iothread}"), *thread, tune.iothread, pin)?;
    }
    Ok(())
}

/// The group of a guest, wherever it was put: for figures and changes. Blocks.
pub fn of_process(
    driver: &Driver,
    definition: &Definition,
    id: i32,
    pid: i32,
) -> host::Result<Option<Group>> {
    match &driver.cgroups {
        Some(cgroups) => cgroups.of_process(pid, "qemu", &machine(driver, definition, id)),
        None => Ok(None),
    }
}

/// Remove the groups of a guest that has ended.
pub async fn remove(driver: &Driver, definition: &Definition, id: i32) -> host::Result<()> {
    let Some(cgroups) = &driver.cgroups else { return Ok(()) };
    let (partition, machine) = (partition(definition), machine(driver, definition, id));
    cgroups.in_scope(partition, &machine).remove(REMOVAL_LIMIT).await?;
    match cgroups.machine(partition, "qemu", &machine) {
        Ok(group) => group.remove(REMOVAL_LIMIT).await,
        // Without its partition it has no group either.
        Err(_) => Ok(()),
    }
}

impl Wanted {
    /// Makes the groups and sets what they allow; answers the files by which QEMU enters them. None where the kernel
    /// does not let us: the guest then runs outside, as the reference has it. Blocks.
    pub fn make(&self) -> host::Result<Option<Vec<PathBuf>>> {
        let group = self.group()?;
        match self.prepare(&group)? {
            true => Ok(Some(group.entry_files(&group.sub(EMULATOR)))),
            false => Ok(None),
        }
    }

    /// Puts a process that waits before its program into the group, in the scope where systemd has put it; without
    /// such a scope, where it would be without systemd. Blocks.
    pub fn admit(mut self, pid: i32) -> host::Result<Wanted> {
        self.scope = self.cgroups.scope_of(pid)?;
        let group = self.group()?;
        group.take_from_scope(pid)?;
        if self.prepare(&group)? {
            group.admit(&group.sub(EMULATOR), pid)?;
        }
        Ok(self)
    }

    /// What systemd has to know of the guest's weights, by the names of its properties.
    pub fn weights(&self) -> Vec<(&'static str, u64)> {
        let unified = self.cgroups.is_unified();
        let (cpu, io) = if unified { ("CPUWeight", "IOWeight") } else { ("CPUShares", "BlockIOWeight") };
        let shares = self.definition.cputune.shares.map(|shares| (cpu, shares));
        let weight = self.definition.blkiotune.weight.filter(|weight| *weight != 0);
        shares.into_iter().chain(weight.map(|weight| (io, weight.into()))).collect()
    }

    /// The name under which the guest is registered, and its partition.
    pub fn names(&self) -> (&str, &str) {
        (&self.machine, &self.partition)
    }

    fn group(&self) -> host::Result<Group> {
        match &self.scope {
            Some(group) => Ok(group.clone()),
            None => self.cgroups.machine(&self.partition, "qemu", &self.machine),
        }
    }

    /// Makes the groups and sets what they allow; false where the kernel does not let us.
    fn prepare(&self, group: &Group) -> host::Result<bool> {
        let emulator = group.sub(EMULATOR);
        match group.create().and_then(|()| emulator.create()) {
            Ok(()) => {}
            Err(error) if is_forbidden(&error) => {
                let (machine, error) = (&self.machine, error.full_text());
                tracing::warn!(target: "qemu", "'{machine}' runs outside control groups: {error}");
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
        self.restrict_devices(group)?;
        self.tune_machine(group)?;
        let tune = &self.definition.cputune;
        let pin = tune.emulator_pin.as_ref().or(self.definition.vcpus.cpuset.as_ref());
        self.tune_threads(&emulator, tune.emulator, pin)?;
        Ok(true)
    }

    /// Moves QEMU's first thread to where it is: the kernel's grace period, which sorting threads has to wait for, then
    /// passes while others talk to QEMU. Blocks.
    pub fn wake(&self, pid: i32) -> host::Result<()> {
        match self.group_if_made()? {
            Some(group) => group.sub(EMULATOR).add_thread(pid),
            None => Ok(()),
        }
    }

    fn group_if_made(&self) -> host::Result<Option<Group>> {
        let group = self.group()?;
        Ok(group.exists().then_some(group))
    }

    fn restrict_devices(&self, group: &Group) -> host::Result<()> {
        if !self.cgroups.has(Controller::Devices) {
            return Ok(());
        }
        let sound = self.definition.devices.iter().any(|device| matches!(device, Device::Sound(_)));
        let all_of = |major| DeviceRule { block: false, major, minor: None, write: true };
        let majors = [PTS_MAJOR].into_iter().chain(sound.then_some(SOUND_MAJOR)).map(all_of);
        // What is no device, or not there, needs no rule.
        let own = self.devices.iter().filter_map(|(path, write)| device_rule(path, *write));
        let rules: Vec<_> = own.chain(majors).collect();
        group.restrict_devices(&rules)
    }

    fn tune_machine(&self, group: &Group) -> host::Result<()> {
        let definition = &self.definition;
        tune_blkio(group, &definition.blkiotune)?;
        let limit = |kib: Option<u64>| kib.filter(|kib| *kib < UNLIMITED_KIB);
        let memory = &definition.memtune;
        if let Some(kib) = limit(memory.hard_limit) {
            group.set_memory_hard_limit(Some(kib))?;
        }
        if let Some(kib) = limit(memory.soft_limit) {
            group.set_memory_soft_limit(Some(kib))?;
        }
        if let Some(kib) = limit(memory.swap_hard_limit) {
            group.set_swap_hard_limit(Some(kib))?;
        }
        if let Some(shares) = definition.cputune.shares {
            group.set_cpu_shares(shares)?;
        }
        bandwidth(group, definition.cputune.global)
    }

    /// Bandwidth, CPUs and NUMA nodes of a subgroup.
    fn tune_threads(&self, group: &Group, limit: Bandwidth, pin: Option<&Bitmap>) -> host::Result<()> {
        bandwidth(group, limit)?;
        if !self.cgroups.has(Controller::CpuSet) {
            return Ok(());
        }
        if let Some(cpus) = pin {
            group.set_cpuset_cpus(&cpus.to_string())?;
        }
        let nodes = self.definition.numatune.memory.as_ref();
        if let Some(memory) = nodes.filter(|m| matches!(m.mode, NumaMode::Strict | NumaMode::Restrictive))
            && let Some(nodes) = &memory.nodeset
        {
            group.set_cpuset_mems(&nodes.to_string())?;
        }
        Ok(())
    }

    fn sort(
        &self,
        machine: &Group,
        name: &str,
        thread: u32,
        limit: Bandwidth,
        pin: Option<&Bitmap>,
    ) -> host::Result<()> {
        let group = machine.sub(name);
        group.create()?;
        self.tune_threads(&group, limit, pin)?;
        group.add_thread(thread.cast_signed())
    }
}

/// Name of the guest's group, and as a machine; unique also beside the guests of other private daemons.
pub fn machine(driver: &Driver, definition: &Definition, id: i32) -> String {
    let prefix = match driver.paths.private_name() {
        Some(private) => format!("qemu-embed-{private}"),
        None => "qemu".to_owned(),
    };
    machine_name(&prefix, id, &definition.name)
}

fn partition(definition: &Definition) -> &str {
    let named = definition.resource.as_ref().and_then(|resource| resource.partition.as_deref());
    named.unwrap_or(DEFAULT_PARTITION)
}

/// What a definition asks of control groups, and what it is called.
fn asked_tuning(definition: &Definition) -> impl Iterator<Item = (Controller, &'static str)> {
    let tune = &definition.cputune;
    let bandwidths = [tune.vcpu, tune.global, tune.emulator, tune.iothread];
    let cpu = tune.shares.is_some() || bandwidths.iter().any(|limit| *limit != Bandwidth::default());
    let memory = &definition.memtune;
    let limits = [memory.hard_limit, memory.soft_limit, memory.swap_hard_limit];
    let memory = limits.iter().any(|limit| limit.is_some_and(|kib| kib < UNLIMITED_KIB));
    let blkio = *definition.blkiotune != BlkioTune::default();
    let all = [
        (memory, Controller::Memory, "Memory tuning"),
        (blkio, Controller::Blkio, "Block I/O tuning"),
        (cpu, Controller::Cpu, "CPU tuning"),
    ];
    all.into_iter().filter_map(|(asked, controller, what)| asked.then_some((controller, what)))
}

/// A user's guests are in no groups of ours.
fn refuse_tuning(definition: &Definition) -> Result<(), Fault> {
    match asked_tuning(definition).next() {
        Some((_, what)) => Err(unsupported(format!("{what} is not available in session mode"))),
        None => Ok(()),
    }
}

/// What is asked for must be there.
fn check_controllers(cgroups: &Cgroups, definition: &Definition) -> Result<(), Fault> {
    match asked_tuning(definition).find(|(controller, _)| !cgroups.has(*controller)) {
        Some((_, what)) => Err(unsupported(format!("{what} is not available on this host"))),
        None => Ok(()),
    }
}

fn unsupported(detail: String) -> Fault {
    Fault::new(ErrorDomain::QEMU, ErrorCode::CONFIG_UNSUPPORTED, detail)
}

fn device_rule(path: &str, write: bool) -> Option<DeviceRule> {
    let meta = std::fs::metadata(path).ok()?;
    let kind = meta.file_type();
    if !kind.is_block_device() && !kind.is_char_device() {
        return None;
    }
    let (major, minor) = (rustix::fs::major(meta.rdev()), rustix::fs::minor(meta.rdev()));
    Some(DeviceRule { block: kind.is_block_device(), major, minor: Some(minor), write })
}

fn bandwidth(group: &Group, limit: Bandwidth) -> host::Result<()> {
    if let Some(period) = limit.period.filter(|period| *period != 0) {
        group.set_cpu_period(period)?;
    }
    if let Some(quota) = limit.quota.filter(|quota| *quota != 0) {
        group.set_cpu_quota(u64::try_from(quota).ok())?;
    }
    Ok(())
}

fn tune_blkio(group: &Group, tune: &BlkioTune) -> host::Result<()> {
    if let Some(weight) = tune.weight.filter(|weight| *weight != 0) {
        match group.set_io_weight(weight.into()) {
            // A scheduler without weights treats all alike; the reference goes on as well.
            Err(host::Error::Unavailable { .. }) => {}
            other => other?,
        }
    }
    for device in &tune.devices {
        let meta = std::fs::metadata(&device.path);
        let rdev = meta.map_err(host::Error::file("look at", device.path.as_ref()))?.rdev();
        let number = (rustix::fs::major(rdev), rustix::fs::minor(rdev));
        let limits = [
            (Throttle::ReadBytes, device.read_bytes),
            (Throttle::WriteBytes, device.write_bytes),
            (Throttle::ReadOperations, device.read_iops.map(u64::from)),
            (Throttle::WriteOperations, device.write_iops.map(u64::from)),
        ];
        for (limit, value) in limits {
            if let Some(value) = value {
                group.set_io_limit(limit, number, value)?;
            }
        }
    }
    Ok(())
}

/// Errors by which a container tells that groups are not ours to make.
fn is_forbidden(error: &host::Error) -> bool {
    use nix::libc::{EACCES, ENXIO, EPERM, EROFS};
    matches!(error.errno(), Some(EACCES | ENXIO | EPERM | EROFS))
}
