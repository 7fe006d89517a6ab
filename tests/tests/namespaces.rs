//! A guest's own `/dev`: which devices it sees there, whose they are, and that the host's stay as they are, also when
//! the daemon is killed.

use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tests::guest::{OTHER_USER as GUEST, other_user_conf as conf};
use tests::{Instance, guest};

/// Can mounts be made here? Says that the test did not run if not.
fn can_mount(test: &str) -> bool {
    let can = rustix::process::geteuid().is_root() && run("unshare", &["--mount", "true"]).is_some();
    if !can {
        tests::not_run(test, "mount namespaces cannot be made");
    }
    can
}

/// What a program prints; None if it fails.
fn run(program: &str, args: &[&str]) -> Option<String> {
    // A shell, since the program may not be installed.
    let line = [program].iter().chain(args).map(|word| (*word).to_owned()).collect::<Vec<_>>().join(" ");
    let out = tests::run(Command::new("/bin/sh").args(["-c", &line]), "", tests::LIMIT);
    (out.code == 0).then_some(out.stdout)
}

/// A block device that is there for the test only, and a folder in `/dev` with a link to it and a line that says
/// nothing.
struct Disk {
    device: PathBuf,
    folder: PathBuf,
}

impl Disk {
    /// None if this machine has no loop devices to spare.
    fn new(instance: &Instance) -> Option<Disk> {
        let image = instance.root().join("disk.raw");
        std::fs::write(&image, vec![0; 1 << 20]).unwrap();
        let device = PathBuf::from(run("losetup", &["--find", "--show", image.to_str().unwrap()])?.trim());
        let folder = Path::new("/dev").join(instance.root().file_name().unwrap());
        std::fs::create_dir(&folder).unwrap();
        symlink(Path::new("..").join(device.file_name().unwrap()), folder.join("disk")).unwrap();
        run("mknod", &[folder.join("line").to_str().unwrap(), "c", "1", "3"])?;
        Some(Disk { device, folder })
    }

    fn link(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
        run("losetup", &["--detach", self.device.to_str().unwrap()]);
    }
}

fn kernel(instance: &Instance) -> PathBuf {
    let path = instance.root().join("nano.elf");
    std::fs::copy(guest::files().nano, &path).unwrap();
    path
}

fn xml(name: &str, kernel: &Path, disk: &Disk) -> String {
    format!(
        "<domain type='qemu'><name>{name}</name><memory unit='MiB'>16</memory><vcpu>1</vcpu>\
         <os><type arch='x86_64' machine='pc'>hvm</type><kernel>{}</kernel></os><features><acpi/></features>\
         <devices><disk type='block' device='disk'><driver name='qemu' type='raw'/><source dev='{}'/>\
         <target dev='vda' bus='virtio'/></disk>\
         <serial type='pty'/><serial type='dev'><source path='{}'/></serial>\
         <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>\
         <graphics type='vnc' autoport='yes'/><video><model type='vga'/></video></devices></domain>",
        kernel.display(),
        disk.link("disk").display(),
        disk.link("line").display()
    )
}

fn only_guest(instance: &Instance) -> u32 {
    let guests = instance.guests();
    assert_eq!(guests.len(), 1, "{guests:?}");
    guests[0]
}

fn mount_namespace(pid: u32) -> PathBuf {
    std::fs::read_link(format!("/proc/{pid}/ns/mnt")).unwrap()
}

fn owner(path: &Path) -> (u32, u32) {
    let meta = std::fs::symlink_metadata(path).unwrap();
    (meta.uid(), meta.gid())
}

/// What is mounted where the daemon is.
fn mounts(instance: &Instance) -> String {
    std::fs::read_to_string(format!("/proc/{}/mounts", instance.pid())).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_guest_sees_its_own_devices_only() {
    let test = "a_guest_sees_its_own_devices_only";
    if !can_mount(test) {
        return;
    }
    let mut instance = Instance::builder().qemu_conf(&conf("")).start();
    let Some(disk) = Disk::new(&instance) else { return tests::not_run(test, "no loop device") };
    let (kernel, before) = (kernel(&instance), mounts(&instance));
    let host = owner(&disk.device);
    instance.define(&xml("n1", &kernel, &disk)).ok();
    instance.virsh(&["start", "n1"]).ok();

    let pid = only_guest(&instance);
    assert_ne!(mount_namespace(pid), mount_namespace(instance.pid()));
    let dev = PathBuf::from(format!("/proc/{pid}/root/dev"));
    let (node, folder) = (disk.device.file_name().unwrap(), disk.folder.file_name().unwrap());
    let own = [node, folder].map(|name| name.to_str().unwrap());
    let table = std::fs::read_to_string("/proc/mounts").unwrap();
    let all = ["null", "full", "zero", "random", "urandom", "ptmx", "kvm", "userfaultfd"];
    let there = all.into_iter().filter(|name| Path::new("/dev").join(name).exists());
    let kept =
        table.lines().filter_map(|line| line.split(' ').nth(1)?.strip_prefix("/dev/")?.split('/').next());
    let mut expect: Vec<String> = there.chain(own).chain(kept).map(str::to_owned).collect();
    expect.sort();
    expect.dedup();
    assert_eq!(names(&dev), expect);

    // Nodes of its own belong to it, what all guests use keeps its owner and mode; the host's are as before.
    let inner = dev.join(node);
    assert!(std::fs::metadata(&inner).unwrap().file_type().is_block_device());
    assert_eq!((owner(&inner), owner(&dev.join(folder).join("line"))), (GUEST, GUEST));
    assert_eq!(std::fs::read_link(dev.join(folder).join("disk")).unwrap(), Path::new("..").join(node));
    for name in ["null", "urandom", "kvm"].iter().filter(|name| dev.join(name).exists()) {
        let (inside, outside) = (dev.join(name), Path::new("/dev").join(name));
        let of =
            |path: &Path| std::fs::metadata(path).map(|m| (m.mode(), m.rdev(), m.uid(), m.gid())).unwrap();
        assert_eq!(of(&inside), of(&outside), "{name}");
    }
    assert_eq!((owner(&disk.device), owner(&disk.link("line"))), (host, (0, 0)));
    assert_eq!(mounts(&instance), before);
    if let Some(group) = instance.control_groups().iter().find(|group| group.join("devices.list").exists()) {
        let rdev = std::fs::metadata(&disk.device).unwrap().rdev();
        let rule = format!("b {}:{} rw", rustix::fs::major(rdev), rustix::fs::minor(rdev));
        let list = std::fs::read_to_string(group.join("devices.list")).unwrap();
        assert!(list.contains(&rule), "{rule} is not in {list}");
    }

    // Terminals are the host's, and a daemon that comes back works with the guest as before.
    instance.kill();
    instance.start_again();
    let status = std::fs::read_to_string(instance.state_dir().join("n1.xml")).unwrap();
    assert!(status.contains("<namespaces>\n    <mount/>\n  </namespaces>"), "{status}");
    let terminal = instance.virsh(&["ttyconsole", "n1"]).ok();
    assert!(std::fs::metadata(terminal.trim()).unwrap().file_type().is_char_device(), "{terminal}");
    let picture = instance.root().join("picture");
    instance.virsh(&["screenshot", "n1", picture.to_str().unwrap()]).ok();
    assert!(std::fs::metadata(&picture).unwrap().len() > 0);
    instance.virsh(&["qemu-monitor-command", "n1", "--hmp", "info block"]).ok();
    instance.virsh(&["destroy", "n1"]).ok();
    instance.wait_idle();
    assert_eq!((owner(&disk.device), mounts(&instance)), (host, before));
}

#[test]
fn without_namespaces_devices_change_hands_on_the_host() {
    let test = "without_namespaces_devices_change_hands_on_the_host";
    if !can_mount(test) {
        return;
    }
    let instance = Instance::builder().qemu_conf(&conf("namespaces = []")).start();
    let Some(disk) = Disk::new(&instance) else { return tests::not_run(test, "no loop device") };
    let host = owner(&disk.device);
    let text = xml("n2", &kernel(&instance), &disk);
    instance.define(&text).ok();
    instance.virsh(&["start", "n2"]).ok();
    assert_eq!(mount_namespace(only_guest(&instance)), mount_namespace(instance.pid()));
    assert_eq!((owner(&disk.device), owner(&disk.link("line"))), (GUEST, GUEST));
    let status = std::fs::read_to_string(instance.state_dir().join("n2.xml")).unwrap();
    assert!(!status.contains("<namespaces>"), "{status}");
    instance.virsh(&["destroy", "n2"]).ok();
    instance.wait_idle();
    assert_eq!(owner(&disk.device), host);
}

#[test]
fn a_daemon_killed_on_the_way_leaves_no_mounts() {
    let test = "a_daemon_killed_on_the_way_leaves_no_mounts";
    if !can_mount(test) {
        return;
    }
    let mut instance = Instance::builder().qemu_conf(&conf("")).start();
    let Some(disk) = Disk::new(&instance) else { return tests::not_run(test, "no loop device") };
    let (host, before) = (owner(&disk.device), mounts(&instance));
    instance.define(&xml("n3", &kernel(&instance), &disk)).ok();
    let mut killed = 0;
    for point in ["start.devices", "label.given", "process.spawn", "process.spawned", "start.spawned"] {
        instance.set_env("OXIVIRT_FAULT", point);
        instance.restart();
        killed += u32::from(instance.virsh(&["start", "n3"]).code != 0);
        instance.clear_env("OXIVIRT_FAULT");
        instance.restart();
        if instance.virsh(&["list", "--name"]).ok().trim() == "n3" {
            instance.virsh(&["destroy", "n3"]).ok();
        }
        instance.wait_idle();
        assert!(instance.guests().is_empty(), "{point} left a process");
        assert_eq!((owner(&disk.device), mounts(&instance)), (host, before.clone()), "{point}");
        assert_eq!(instance.control_groups(), Vec::<PathBuf>::new(), "{point}");
    }
    assert_eq!(killed, 5, "not every fault point was reached");
    // And the next start works.
    instance.virsh(&["start", "n3"]).ok();
    instance.virsh(&["destroy", "n3"]).ok();
}

#[test]
fn other_namespaces_are_refused_and_sessions_have_none() {
    if rustix::process::geteuid().is_root() {
        let mut instance = Instance::builder().qemu_conf(&conf("namespaces = [ \"pid\" ]")).prepare();
        instance.spawn();
        assert_ne!(instance.ended(), 0);
        assert!(instance.log().contains("unknown namespace 'pid'"), "{}", instance.log());
    }
    let session = Instance::builder().session().qemu_conf("namespaces = [ \"mount\" ]\n").start();
    let text = "<domain type='qemu'><name>n4</name><memory unit='MiB'>16</memory>\
                <os><type arch='x86_64' machine='pc'>hvm</type></os></domain>";
    session.define(text).ok();
    session.virsh(&["start", "n4", "--paused"]).ok();
    assert_eq!(mount_namespace(only_guest(&session)), mount_namespace(session.pid()));
    session.virsh(&["destroy", "n4"]).ok();
}
