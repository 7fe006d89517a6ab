use super::*;
use crate::process::{Plan, spawn};
use std::fs;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(10);

/// Hierarchies in a directory: plain files play the kernel's.
fn fake(root: &Path, v1: &[(&str, &str)], v2: &str) -> Cgroups {
    let mut mounts = String::new();
    for (name, options) in v1 {
        let at = root.join(name);
        fs::create_dir_all(&at).unwrap();
        mounts.push_str(&format!("1 1 0:1 / {} rw - cgroup cgroup rw,{options}\n", at.display()));
    }
    if !v2.is_empty() {
        let at = root.join("unified");
        fs::create_dir_all(&at).unwrap();
        mounts.push_str(&format!("1 1 0:1 / {} rw - cgroup2 cgroup2 rw\n", at.display()));
    }
    Cgroups::of(Hierarchies::parse(&mounts, |_| v2.to_owned())).unwrap()
}

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn get(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn figures_of_version_1() {
    let dir = tempfile::tempdir().unwrap();
    let groups = fake(dir.path(), &[("cpu", "cpu,cpuacct"), ("memory", "memory"), ("blkio", "blkio")], "");
    let group = groups.machine("/machine", "qemu", "qemu-1-a").unwrap();
    let cpu = dir.path().join("cpu/machine/qemu-1-a.libvirt-qemu");
    put(&cpu.join("cpuacct.usage"), "123\n");
    put(&cpu.join("cpuacct.usage_percpu"), "100 23 \n");
    put(&cpu.join("cpuacct.stat"), "user 2\nsystem 3\n");
    put(&cpu.join("cpu.cfs_quota_us"), "-1\n");
    put(&cpu.join("cpu.shares"), "1024\n");
    assert_eq!(group.cpu_usage().unwrap(), 123);
    assert_eq!(group.per_cpu_usage().unwrap(), [100, 23]);
    assert_eq!(group.cpu_split().unwrap().system, crate::system::ticks_to_ns(3));
    assert_eq!(group.cpu_quota().unwrap(), None);
    group.set_cpu_quota(Some(5000)).unwrap();
    assert_eq!(get(&cpu.join("cpu.cfs_quota_us")).trim(), "5000");
    assert_eq!(group.cpu_shares().unwrap(), 1024);
    // A file that the kernel does not offer is never made.
    assert!(group.set_cpu_period(1000).unwrap_err().is_not_found());
    let memory = dir.path().join("memory/machine/qemu-1-a.libvirt-qemu");
    put(&memory.join("memory.limit_in_bytes"), "9223372036854771712\n");
    put(&memory.join("memory.usage_in_bytes"), "4096\n");
    assert_eq!(group.memory_hard_limit().unwrap(), None);
    assert_eq!(group.memory_usage().unwrap(), 4);
    let blkio = dir.path().join("blkio/machine/qemu-1-a.libvirt-qemu");
    put(&blkio.join("blkio.throttle.read_bps_device"), "8:0 1000\n8:16 2000\n");
    assert_eq!(group.io_limit(Throttle::ReadBytes, (8, 16)).unwrap(), 2000);
    assert_eq!(group.io_limit(Throttle::ReadBytes, (8, 1)).unwrap(), 0);
    assert!(matches!(group.io_weight(), Err(Error::Unavailable { .. })));
    assert!(matches!(group.restrict_devices(&[]), Err(Error::Unavailable { .. })));
}

#[test]
fn figures_of_version_2() {
    let dir = tempfile::tempdir().unwrap();
    let group = fake(dir.path(), &[], "cpu memory io").machine("/machine", "qemu", "qemu-1-a").unwrap();
    let at = dir.path().join("unified/machine/qemu-1-a.libvirt-qemu");
    put(&at.join("cpu.stat"), "usage_usec 7\nuser_usec 4\nsystem_usec 3\n");
    put(&at.join("cpu.max"), "max 100000\n");
    put(&at.join("memory.max"), "max\n");
    put(&at.join("io.weight"), "default 100\n8:0 50\n");
    put(&at.join("io.max"), "8:0 rbps=max wbps=77 riops=max wiops=max\n");
    put(&at.join("cgroup.freeze"), "0\n");
    assert_eq!(group.cpu_usage().unwrap(), 7000);
    assert_eq!(group.cpu_split().unwrap().user, 4000);
    assert!(matches!(group.per_cpu_usage(), Err(Error::Unavailable { .. })));
    assert_eq!((group.cpu_quota().unwrap(), group.cpu_period().unwrap()), (None, 100_000));
    // As long as the old text: a plain file keeps what is behind.
    group.set_cpu_period(200_000).unwrap();
    assert_eq!(group.cpu_period().unwrap(), 200_000);
    group.set_memory_hard_limit(Some(8)).unwrap();
    assert_eq!(group.memory_hard_limit().unwrap(), Some(8));
    assert_eq!(group.io_weight().unwrap(), 100);
    assert_eq!(group.io_limit(Throttle::WriteBytes, (8, 0)).unwrap(), 77);
    assert_eq!(group.io_limit(Throttle::ReadBytes, (8, 0)).unwrap(), 0);
    group.set_frozen(true).unwrap();
    assert!(get(&at.join("cgroup.freeze")).starts_with('1'));
}

#[test]
fn new_groups_of_version_1_inherit_their_cpus() {
    let dir = tempfile::tempdir().unwrap();
    let groups = fake(dir.path(), &[("cpuset", "cpuset")], "");
    let root = dir.path().join("cpuset");
    put(&root.join("cpuset.cpus"), "0-1\n");
    put(&root.join("cpuset.mems"), "0\n");
    // The directory is no kernel's: the files of the new one are not there to be written.
    let error = groups.machine("/machine", "qemu", "m").unwrap().create().unwrap_err();
    assert!(error.is_not_found() && error.to_string().contains("machine/cpuset.cpus"), "{error}");
}

#[test]
fn version_2_enables_controllers_from_the_top() {
    let dir = tempfile::tempdir().unwrap();
    let groups = fake(dir.path(), &[], "cpu memory pids");
    let root = dir.path().join("unified");
    for at in [root.clone(), root.join("machine")] {
        put(&at.join("cgroup.controllers"), "cpu memory pids\n");
        put(&at.join("cgroup.subtree_control"), "cpu ");
    }
    groups.machine("/machine", "qemu", "m").unwrap().create().unwrap();
    // cpu is on already, pids is not ours.
    assert!(get(&root.join("cgroup.subtree_control")).starts_with("+memory"));
    assert!(get(&root.join("machine/cgroup.subtree_control")).starts_with("+memory"));
    assert!(root.join("machine/m.libvirt-qemu").is_dir());
}

#[test]
fn only_the_default_partition_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let groups = fake(dir.path(), &[("cpu", "cpu")], "");
    assert!(groups.machine("/gold", "qemu", "m").unwrap_err().is_not_found());
    fs::create_dir(dir.path().join("cpu/gold.partition")).unwrap();
    groups.machine("/gold", "qemu", "m").unwrap().create().unwrap();
    assert!(groups.machine("/machine", "qemu", "a/b").is_err());
}

#[test]
fn entry_is_the_subgroup_where_there_is_one() {
    let dir = tempfile::tempdir().unwrap();
    let groups = fake(dir.path(), &[("cpu", "cpu"), ("memory", "memory")], "");
    let group = groups.machine("/machine", "qemu", "m").unwrap();
    let files = group.entry_files(&group.sub("emulator"));
    assert_eq!(
        files,
        [
            dir.path().join("cpu/machine/m.libvirt-qemu/emulator/tasks"),
            dir.path().join("memory/machine/m.libvirt-qemu/tasks")
        ]
    );
}

#[test]
fn no_hierarchy_is_unavailable() {
    assert!(matches!(Cgroups::of(Hierarchies::default()), Err(Error::Unavailable { .. })));
}

/// The kernel's own hierarchies, if we may use them. Says that `test` did not run if not.
fn real(test: &str) -> Option<Cgroups> {
    let tried = Cgroups::detect().and_then(|groups| {
        let probe = groups.machine("/machine", "test", &format!("probe-{}", std::process::id()))?;
        let made = probe.create();
        for place in &probe.places {
            fs::remove_dir(&place.dir).map_err(Error::file("remove", &place.dir))?;
        }
        made.map(|()| groups)
    });
    tried.inspect_err(|error| eprintln!("not run: {test}: {}", error.full_text())).ok()
}

#[tokio::test]
async fn a_real_process_lives_in_its_group() {
    let Some(groups) = real("a_real_process_lives_in_its_group") else { return };
    let machine = format!("test-{}-life", std::process::id());
    let group = groups.machine("/machine", "test", &machine).unwrap();
    let emulator = group.sub("emulator");
    group.create().unwrap();
    emulator.create().unwrap();
    group.sub("vcpu0").create().unwrap();
    assert!(group.exists() && emulator.exists());

    let mut plan = Plan::new("/bin/sleep");
    plan.args = vec!["1000".into()];
    plan.cgroups = group.entry_files(&emulator);
    let child = spawn(plan).unwrap();
    assert_eq!(group.processes().unwrap(), [child.pid]);
    let found = groups.of_process(child.pid, "test", &machine).unwrap().unwrap();
    assert_eq!(found.places.len(), group.places.len());
    assert!(groups.of_process(child.pid, "test", "other").unwrap().is_none());

    group.sub("vcpu0").add_thread(child.pid).unwrap();
    assert!(group.sub("vcpu0").cpu_usage().is_ok());
    group.set_cpu_shares(512).unwrap();
    assert_eq!(group.cpu_shares().unwrap(), 512);
    assert!(group.memory_usage().is_ok());
    group.set_memory_hard_limit(Some(1 << 20)).unwrap();
    assert_eq!(group.memory_hard_limit().unwrap(), Some(1 << 20));
    group.set_memory_hard_limit(None).unwrap();
    assert_eq!(group.memory_hard_limit().unwrap(), None);

    assert!(matches!(group.remove(Duration::from_millis(20)).await, Err(Error::Deadline { .. })));
    let (removed, ()) = tokio::join!(group.remove(LIMIT), async {
        assert_eq!(group.kill().unwrap(), 1);
        child.pidfd.wait().await.unwrap();
    });
    removed.unwrap();
    assert!(!group.exists());
    group.remove(LIMIT).await.unwrap();
}

#[tokio::test]
async fn groups_can_be_removed_as_soon_as_the_process_has_ended() {
    let Some(groups) = real("groups_can_be_removed_as_soon_as_the_process_has_ended") else { return };
    for round in 0..20 {
        let group =
            groups.machine("/machine", "test", &format!("test-{}-end{round}", std::process::id())).unwrap();
        group.create().unwrap();
        let mut plan = Plan::new("/bin/true");
        plan.cgroups = group.places.iter().map(|place| place.dir.join("cgroup.procs")).collect();
        spawn(plan).unwrap().pidfd.wait().await.unwrap();
        group.remove(LIMIT).await.unwrap();
    }
}

/// Version 2 without any controller can be tried wherever it is mounted.
#[tokio::test]
async fn threads_and_events_of_version_2() {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let mount = table.lines().find(|line| line.contains(" - cgroup2 "));
    let Some(mount) = mount.and_then(|line| line.split(' ').nth(4)) else {
        return eprintln!("not run: threads_and_events_of_version_2: version 2 is not mounted");
    };
    let hierarchies = Hierarchies::parse(&format!("1 1 0:1 / {mount} rw - cgroup2 c rw\n"), |_| "cpu".into());
    let groups = Cgroups::of(hierarchies).unwrap();
    let group = groups.machine("/machine", "test", &format!("test-{}-v2", std::process::id())).unwrap();
    let emulator = group.sub("emulator");
    if let Err(error) = group.create() {
        return eprintln!("not run: threads_and_events_of_version_2: {}", error.full_text());
    }
    emulator.create().unwrap();
    let mut plan = Plan::new("/bin/sleep");
    plan.args = vec!["1000".into()];
    plan.cgroups = group.entry_files(&emulator);
    let child = spawn(plan).unwrap();
    assert_eq!(group.processes().unwrap(), [child.pid]);
    let vcpu = group.sub("vcpu0");
    vcpu.create().unwrap();
    vcpu.add_thread(child.pid).unwrap();
    let text = fs::read_to_string(format!("/proc/{}/cgroup", child.pid)).unwrap();
    assert!(text.lines().any(|line| line.starts_with("0::") && line.ends_with("/vcpu0")), "{text}");
    let event = tokio::spawn({
        let dir = group.places[0].dir.clone();
        async move { remove::wait_for_event(&dir).await }
    });
    group.kill().unwrap();
    child.pidfd.wait().await.unwrap();
    tokio::time::timeout(LIMIT, event).await.unwrap().unwrap().unwrap();
    group.remove(LIMIT).await.unwrap();
}
