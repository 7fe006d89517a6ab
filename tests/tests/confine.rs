//! What keeps guests apart: their user, the owners of their files, control groups and limits, seen from outside in
//! `/proc`, on the file system and in `/sys/fs/cgroup`, also when the daemon is killed.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use tests::guest::{OTHER_USER as GUEST, other_user_conf as conf};
use tests::{Instance, guest};

/// Who images belong to before.
const BEFORE: (u32, u32) = (1234, 1235);

/// Is this root, who alone can give files away? Says that the test did not run if not.
fn is_root(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        tests::not_run(test, "needs root to run guests as another user");
    }
    root
}

/// A file of [`BEFORE`]'s in the instance's folder.
fn file(instance: &Instance, name: &str) -> PathBuf {
    let path = instance.root().join(name);
    std::fs::write(&path, vec![0; 1 << 20]).unwrap();
    chown(&path, Some(BEFORE.0), Some(BEFORE.1)).unwrap();
    path
}

/// The nano kernel in the instance's folder, which the guests' user can reach.
fn kernel(instance: &Instance) -> PathBuf {
    let path = instance.root().join("nano.elf");
    std::fs::copy(guest::files().nano, &path).unwrap();
    path
}

/// A guest with the given disks and more elements for domain and devices.
fn xml(name: &str, kernel: &Path, disks: &[(&Path, &str)], top: &str, devices: &str) -> String {
    let disk = |(at, (path, rest)): (usize, &(&Path, &str))| {
        let letter = char::from(b'a' + u8::try_from(at).unwrap());
        format!(
            "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{}'/>\
             <target dev='vd{letter}' bus='virtio'/>{rest}</disk>",
            path.display()
        )
    };
    let disks: String = disks.iter().enumerate().map(disk).collect();
    format!(
        "<domain type='qemu'><name>{name}</name><memory unit='MiB'>16</memory><vcpu>2</vcpu>{top}\
         <os><type arch='x86_64' machine='pc'>hvm</type><kernel>{}</kernel></os><features><acpi/></features>\
         <devices>{disks}{devices}<serial type='pty'/></devices></domain>",
        kernel.display()
    )
}

fn owner(path: &Path) -> (u32, u32) {
    let meta = std::fs::metadata(path).unwrap();
    (meta.uid(), meta.gid())
}

/// One of libvirt's attributes of a labelled file.
fn attribute(path: &Path, name: &str) -> Option<String> {
    let mut buffer = [0u8; 64];
    let length =
        rustix::fs::getxattr(path, format!("trusted.libvirt.security.{name}"), &mut buffer[..]).ok()?;
    Some(String::from_utf8(buffer[..length].to_vec()).unwrap())
}

/// Can owners of before be remembered here? tmpfs of older kernels has no trusted attributes.
fn remembers(folder: &Path) -> bool {
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(folder, "trusted.oxivirt-probe", b"1", flags).is_ok()
}

/// The lines of `/proc/PID/status`.
fn status(pid: u32) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let split =
        |line: &str| line.split_once(':').map(|(key, value)| (key.to_owned(), value.trim().to_owned()));
    text.lines().filter_map(split).collect()
}

fn define_and_start(instance: &Instance, name: &str, xml: &str) {
    instance.define(xml).ok();
    instance.virsh(&["start", name]).ok();
}

fn only_guest(instance: &Instance) -> u32 {
    let guests = instance.guests();
    assert_eq!(guests.len(), 1, "{guests:?}");
    guests[0]
}

#[test]
fn a_guest_runs_as_its_user_with_limits_and_its_files_change_hands() {
    if !is_root("a_guest_runs_as_its_user_with_limits_and_its_files_change_hands") {
        return;
    }
    let instance = Instance::builder()
        .qemu_conf(&conf("max_files = 3000\nmax_core = 4096\nstdio_handler = \"file\""))
        .start();
    let (kernel, own) = (kernel(&instance), file(&instance, "own.raw"));
    let (shared, fixed) = (file(&instance, "shared.raw"), file(&instance, "readonly.raw"));
    let out = instance.root().join("serial.out");
    let channel = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>";
    let devices = format!("<serial type='file'><source path='{}'/></serial>{channel}", out.display());
    let disks = [(&*own, ""), (&*shared, "<shareable/>"), (&*fixed, "<readonly/>")];
    define_and_start(&instance, "c1", &xml("c1", &kernel, &disks, "", &devices));

    let pid = only_guest(&instance);
    let status = status(pid);
    for (line, id) in [("Uid", GUEST.0), ("Gid", GUEST.1)] {
        assert_eq!(status[line], [id; 4].map(|id| id.to_string()).join("\t"), "{line}");
    }
    assert!(status["Groups"].split(' ').any(|group| group == GUEST.1.to_string()), "{}", status["Groups"]);
    assert_eq!(status["Seccomp"], "2");
    for set in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
        assert_eq!(u64::from_str_radix(&status[set], 16).unwrap(), 0, "{set}");
    }
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let limit = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(limit("Max open files"), ["3001", "3001"]);
    assert_eq!(limit("Max core file size"), ["4096", "4096"]);
    for path in [&own, &shared, &fixed, &kernel, &out] {
        assert_eq!(owner(path), GUEST, "{}", path.display());
    }
    if remembers(instance.root()) {
        assert_eq!(attribute(&own, "dac").as_deref(), Some("+1234:+1235"));
        assert_eq!(attribute(&own, "ref_dac").as_deref(), Some("1"));
        assert!(attribute(&own, "timestamp_dac").is_some_and(|stamp| stamp.parse::<u64>().unwrap() > 0));
        assert_eq!([attribute(&shared, "ref_dac"), attribute(&fixed, "ref_dac")], [None, None]);
    }
    let directory = instance.library_dir().join("domain-1-c1");
    assert_eq!((owner(&directory), owner(&directory.join("master-key.aes"))), (GUEST, GUEST));
    assert_eq!(owner(&directory.join("monitor.sock")), (0, 0));
    let agent = instance.library_dir().join("channel/target/domain-1-c1/org.qemu.guest_agent.0");
    assert_eq!(owner(&agent), GUEST);

    let live = instance.virsh(&["dumpxml", "c1"]).ok();
    let label = format!("+{}:+{}", GUEST.0, GUEST.1);
    assert!(
        live.contains(&format!(
            "  <seclabel type='dynamic' model='dac' relabel='yes'>\n    <label>{label}</label>\n    \
             <imagelabel>{label}</imagelabel>\n  </seclabel>\n"
        )),
        "{live}"
    );
    assert!(!instance.virsh(&["dumpxml", "--inactive", "c1"]).ok().contains("seclabel"));
    let told = instance.python(
        "c = libvirt.open(uri)\nd = c.lookupByName('c1')\n\
         print(c.getSecurityModel(), d.securityLabel(), d.securityLabelList())\n\
         d.destroy()\nprint(d.securityLabelList())\n",
    );
    let label = format!("['none', '0'] ['', False] [['', False], ['{label}', False]]\n[]\n");
    assert_eq!(told.ok(), label);
    instance.wait_idle();

    // What other guests may use at the same time is not given back.
    assert_eq!((owner(&shared), owner(&fixed)), (GUEST, GUEST));
    assert_eq!((owner(&kernel), owner(&out)), ((0, 0), (0, 0)));
    let expect = if remembers(instance.root()) { BEFORE } else { (0, 0) };
    assert_eq!((owner(&own), attribute(&own, "ref_dac")), (expect, None));
}

#[test]
fn a_file_of_two_guests_goes_back_with_the_last() {
    if !is_root("a_file_of_two_guests_goes_back_with_the_last") {
        return;
    }
    let mut instance = Instance::builder().qemu_conf(&conf("")).start();
    if !remembers(instance.root()) {
        return tests::not_run("a_file_of_two_guests_goes_back_with_the_last", "no trusted attributes");
    }
    let kernel = kernel(&instance);
    chown(&kernel, Some(BEFORE.0), Some(BEFORE.1)).unwrap();
    for name in ["t1", "t2"] {
        define_and_start(&instance, name, &xml(name, &kernel, &[], "", ""));
    }
    assert_eq!((owner(&kernel), attribute(&kernel, "ref_dac").as_deref()), (GUEST, Some("2")));
    let other = "<seclabel type='static' model='dac' relabel='yes'><label>+5:+5</label></seclabel>";
    instance.define(&xml("t3", &kernel, &[], other, "")).ok();
    let refused = instance.virsh(&["start", "t3"]);
    assert!(refused.code != 0 && refused.stderr.contains("in use"), "{}", refused.stderr);
    assert_eq!(attribute(&kernel, "ref_dac").as_deref(), Some("2"));

    // One ends while no daemon looks, the other after the restart.
    instance.kill();
    let first = instance.guests()[0];
    tests::signal(first, "KILL");
    instance.start_again();
    instance.python(
        "c = libvirt.open(uri)\n\
         while len(c.listDomainsID()) > 1: time.sleep(0.01)\n",
    );
    assert_eq!((owner(&kernel), attribute(&kernel, "ref_dac").as_deref()), (GUEST, Some("1")));
    let left = instance.virsh(&["list", "--name"]).ok();
    instance.virsh(&["destroy", left.trim()]).ok();
    instance.wait_idle();
    assert_eq!((owner(&kernel), attribute(&kernel, "ref_dac")), (BEFORE, None));
}

#[test]
fn a_guest_is_in_control_groups_until_it_ends() {
    if !is_root("a_guest_is_in_control_groups_until_it_ends") {
        return;
    }
    let mut instance = Instance::builder().qemu_conf(&conf("")).start();
    let kernel = kernel(&instance);
    let top = "<iothreads>1</iothreads><cputune><shares>2000</shares><period>100000</period><quota>50000</quota>\
               </cputune>";
    define_and_start(&instance, "g1", &xml("g1", &kernel, &[], top, ""));
    let groups = instance.control_groups();
    if groups.is_empty() {
        return tests::not_run("a_guest_is_in_control_groups_until_it_ends", "no control groups can be made");
    }
    let live = instance.virsh(&["dumpxml", "g1"]).ok();
    assert!(live.contains("<resource>\n    <partition>/machine</partition>\n  </resource>"), "{live}");
    let pid = only_guest(&instance);
    let name = groups[0].file_name().unwrap().to_str().unwrap().to_owned();
    assert!(name.ends_with("-1-g1.libvirt-qemu"), "{name}");
    let membership = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    assert!(membership.contains(&format!("/machine/{name}/emulator")), "{membership}");
    let cpu =
        groups.iter().find(|group| group.join("cpu.shares").exists() || group.join("cpu.weight").exists());
    let cpu = cpu.expect("no group has the cpu controller");
    let threads = |inner: &str| {
        let read = |file: &str| std::fs::read_to_string(cpu.join(inner).join(file));
        read("cgroup.threads").or_else(|_| read("tasks")).unwrap().lines().count()
    };
    assert_eq!(["vcpu0", "vcpu1", "iothread1"].map(threads), [1, 1, 1]);
    assert!(threads("emulator") > 0);
    if cpu.join("cpu.shares").exists() {
        let read = |file: &str| std::fs::read_to_string(cpu.join(file)).unwrap().trim().to_owned();
        assert_eq!(read("cpu.shares"), "2000");
        assert_eq!(read("vcpu0/cpu.cfs_quota_us"), "50000");
        assert_eq!(read("emulator/cpu.cfs_quota_us"), "-1");
    }
    if let Some(devices) = groups.iter().find(|group| group.join("devices.list").exists()) {
        let list = std::fs::read_to_string(devices.join("devices.list")).unwrap();
        assert!(list.contains("c 1:3 rw") && list.contains("c 136:* rw"), "{list}");
        assert!(!list.contains("a *:*"), "everything is allowed: {list}");
    }

    instance.kill();
    instance.start_again();
    assert_eq!(instance.control_groups().len(), groups.len());
    instance.virsh(&["destroy", "g1"]).ok();
    instance.wait_idle();
    assert_eq!(instance.control_groups(), Vec::<PathBuf>::new());

    // It ends while no daemon looks.
    instance.virsh(&["start", "g1"]).ok();
    instance.kill();
    tests::signal(only_guest(&instance), "KILL");
    instance.start_again();
    instance.wait_idle();
    assert_eq!(instance.control_groups(), Vec::<PathBuf>::new());
}

/// Where the daemon is killed on the way of a guest's life.
const FAULT_POINTS: [&str; 8] = [
    "label.noted",
    "label.counted",
    "label.given",
    "start.files",
    "start.spawned",
    "start.running",
    "label.restored",
    "label.taken",
];

#[test]
fn a_daemon_killed_while_files_change_hands_gives_them_back() {
    if !is_root("a_daemon_killed_while_files_change_hands_gives_them_back") {
        return;
    }
    let mut instance = Instance::builder().qemu_conf(&conf("")).start();
    let (kernel, disk) = (kernel(&instance), file(&instance, "own.raw"));
    if !remembers(instance.root()) {
        let reason = "no trusted attributes";
        return tests::not_run("a_daemon_killed_while_files_change_hands_gives_them_back", reason);
    }
    instance.define(&xml("k1", &kernel, &[(&disk, "")], "", "")).ok();
    let mut killed = 0;
    for point in FAULT_POINTS {
        for nth in 1..=2 {
            instance.set_env("OXIVIRT_FAULT", &format!("{point}:{nth}"));
            instance.restart();
            // Whoever waits for a daemon that is killed gets an error.
            let lived =
                instance.virsh(&["start", "k1"]).code == 0 && instance.virsh(&["destroy", "k1"]).code == 0;
            killed += u32::from(!lived);
            instance.clear_env("OXIVIRT_FAULT");
            instance.restart();
            if instance.virsh(&["list", "--name"]).ok().trim() == "k1" {
                instance.virsh(&["destroy", "k1"]);
            }
            instance.wait_idle();
            let at = format!("{point}:{nth}");
            assert!(instance.guests().is_empty(), "{at} left a process");
            assert_eq!(owner(&disk), BEFORE, "{at}");
            assert_eq!(owner(&kernel), (0, 0), "{at}");
            assert_eq!(attribute(&disk, "ref_dac"), None, "{at}");
            assert_eq!(instance.control_groups(), Vec::<PathBuf>::new(), "{at}");
        }
    }
    assert!(killed >= 12, "only {killed} of the fault points were reached");
}

#[test]
fn labels_of_the_definition_count() {
    if !is_root("labels_of_the_definition_count") {
        return;
    }
    let instance = Instance::builder().qemu_conf(&conf("")).start();
    let (kernel, disk) = (kernel(&instance), file(&instance, "own.raw"));
    let fails = |name: &str, top: &str, expect: &str| {
        instance.define(&xml(name, &kernel, &[(&disk, "")], top, "")).ok();
        let out = instance.virsh(&["start", name]);
        assert!(out.code != 0 && out.stderr.contains(expect), "{name}: {}", out.stderr);
    };
    fails("l1", "<seclabel type='dynamic' model='selinux'/>", "'selinux' is not available");
    let bad = "<seclabel type='static' model='dac'><label>no-such-user:x</label></seclabel>";
    fails("l2", bad, "no-such-user");
    // Without a label the files stay whose they are, and the guest cannot write them.
    fails("l3", "<seclabel type='none' model='dac'/>", "Permission denied");
    fails("l4", "<resource><partition>bad</partition></resource>", "must start with '/'");
    assert_eq!(owner(&disk), BEFORE);

    // Another user of its own reaches its folder through the driver's, which then has to let it.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o751);
    std::fs::set_permissions(instance.library_dir(), open).unwrap();
    let own = "<seclabel type='static' model='dac' relabel='yes'><label>+5001:+5002</label></seclabel>";
    define_and_start(&instance, "l5", &xml("l5", &kernel, &[(&disk, "")], own, ""));
    assert_eq!(owner(&disk), (5001, 5002));
    assert_eq!(status(only_guest(&instance))["Uid"], ["5001"; 4].join("\t"));
    let live = instance.virsh(&["dumpxml", "l5"]).ok();
    assert!(live.contains("<imagelabel>+5001:+5002</imagelabel>"), "{live}");
    instance.virsh(&["destroy", "l5"]).ok();
    instance.wait_idle();
}

#[test]
fn owners_stay_without_dynamic_ownership() {
    if !is_root("owners_stay_without_dynamic_ownership") {
        return;
    }
    let instance = Instance::builder().qemu_conf(&conf("dynamic_ownership = 0")).start();
    let (kernel, disk) = (kernel(&instance), file(&instance, "own.raw"));
    std::os::unix::fs::chown(&disk, Some(GUEST.0), None).unwrap();
    define_and_start(&instance, "d1", &xml("d1", &kernel, &[(&disk, "")], "", ""));
    assert_eq!((owner(&disk), owner(&kernel)), ((GUEST.0, BEFORE.1), (0, 0)));
    assert_eq!(attribute(&disk, "ref_dac"), None);
    instance.virsh(&["destroy", "d1"]).ok();
    instance.wait_idle();
    assert_eq!((owner(&disk), owner(&kernel)), ((GUEST.0, BEFORE.1), (0, 0)));
}

#[test]
fn a_user_that_is_not_there_is_named() {
    if !is_root("a_user_that_is_not_there_is_named") {
        return;
    }
    let mut instance = Instance::builder().qemu_conf("user = \"no-such-user\"\n").prepare();
    instance.spawn();
    assert_ne!(instance.ended(), 0);
    assert!(instance.log().contains("no-such-user"), "{}", instance.log());
}

#[test]
fn a_session_labels_nothing() {
    let instance = Instance::builder().session().start();
    let kernel = kernel(&instance);
    instance.define(&xml("s1", &kernel, &[], "", "")).ok();
    let before = owner(&kernel);
    instance.virsh(&["start", "s1"]).ok();
    let live = instance.virsh(&["dumpxml", "s1"]).ok();
    assert!(!live.contains("seclabel") && !live.contains("<resource>"), "{live}");
    let daemon = status(instance.pid());
    assert_eq!(status(only_guest(&instance))["Uid"], daemon["Uid"]);
    assert_eq!((owner(&kernel), attribute(&kernel, "ref_dac")), (before, None));
    let told = instance.python(
        "c = libvirt.open(uri)\nd = c.lookupByName('s1')\nprint(c.getSecurityModel(), d.securityLabelList())\n",
    );
    assert_eq!(told.ok(), "['none', '0'] [['', False]]\n");
    instance.virsh(&["destroy", "s1"]).ok();
    instance.wait_idle();

    let limited = "<cputune><shares>2000</shares></cputune>";
    instance.define(&xml("s2", &kernel, &[], limited, "")).ok();
    let out = instance.virsh(&["start", "s2"]);
    assert!(
        out.code != 0 && out.stderr.contains("CPU tuning is not available in session mode"),
        "{}",
        out.stderr
    );
    let pinned = "<cputune><vcpupin vcpu='1' cpuset='0'/></cputune>";
    define_and_start(&instance, "s3", &xml("s3", &kernel, &[], pinned, ""));
    let threads = std::fs::read_dir(format!("/proc/{}/task", only_guest(&instance))).unwrap();
    let allowed = |thread: std::fs::DirEntry| {
        let text = std::fs::read_to_string(thread.path().join("status")).unwrap();
        text.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:\t")).unwrap().to_owned()
    };
    assert!(threads.map(|thread| allowed(thread.unwrap())).any(|cpus| cpus == "0"), "no thread is pinned");
    instance.virsh(&["destroy", "s3"]).ok();
}

#[test]
fn memory_in_files_goes_with_its_guest() {
    if !is_root("memory_in_files_goes_with_its_guest") {
        return;
    }
    let instance = Instance::builder().qemu_conf(&conf("")).start();
    let kernel = kernel(&instance);
    let top = "<memoryBacking><source type='file'/></memoryBacking>";
    define_and_start(&instance, "m1", &xml("m1", &kernel, &[], top, ""));
    let folder = instance.library_dir().join("ram/1-m1");
    assert_eq!(owner(&folder), GUEST);
    instance.virsh(&["destroy", "m1"]).ok();
    instance.wait_idle();
    assert!(!folder.exists());
}

/// The label of a guest's process is told in the words of its definition, for each of the host's drivers.
#[test]
fn labels_are_told_as_they_were_defined() {
    if !is_root("labels_are_told_as_they_were_defined") {
        return;
    }
    let instance = Instance::builder().qemu_conf(&conf("")).start();
    let kernel = kernel(&instance);
    let plain = xml("l1", &kernel, &[], "", "");
    let with = |label: &str| plain.replace("</domain>", &format!("{label}</domain>"));
    let (none, fixed) = (
        with("<seclabel type='none' model='dac'/>"),
        with("<seclabel type='static' model='dac' relabel='yes'><label>root:0</label></seclabel>"),
    );
    let told = instance.python(&format!(
        "c = libvirt.open(uri)\nfor xml in ({plain:?}, {none:?}, {fixed:?}):\n\
         \x20   d = c.createXML(xml, 1); print(d.securityLabel(), d.securityLabelList()); d.destroy()\n"
    ));
    let (user, group) = GUEST;
    let line = |label: &str| format!("['', False] [['', False], ['{label}', False]]\n");
    assert_eq!(told.ok(), line(&format!("+{user}:+{group}")) + &line("") + &line("root:0"));
}

/// A link that the guests' user made does not get it a file of the host, nor has its output written into one.
#[test]
fn links_of_the_guests_user_are_not_followed() {
    if !is_root("links_of_the_guests_user_are_not_followed") {
        return;
    }
    let instance = Instance::builder().qemu_conf(&conf("")).start();
    let (kernel, victim) = (kernel(&instance), file(&instance, "victim"));
    let theirs = instance.library_dir().join("nvram");
    assert_eq!(owner(&theirs), GUEST);
    let link = theirs.join("link");
    std::os::unix::fs::symlink(&victim, &link).unwrap();
    let output = format!("<serial type='file'><source path='{}'/></serial>", link.display());
    let disk = xml("k1", &kernel, &[(&*link, "")], "", "");
    let starts = |xml: &str| {
        let before = std::fs::read(&victim).unwrap();
        let out = instance.python(&format!(
            "try: libvirt.open(uri).createXML({xml:?}, 1).destroy(); print('ok')\n\
             except libvirt.libvirtError as e: print(e.get_error_code(), e.get_error_message())\n"
        ));
        assert_eq!(std::fs::read(&victim).unwrap(), before);
        out.ok()
    };
    std::os::unix::fs::lchown(&link, Some(GUEST.0), Some(GUEST.1)).unwrap();
    for xml in [&disk, &xml("k2", &kernel, &[], "", &output)] {
        let told = starts(xml);
        assert!(told.starts_with("38 ") && told.contains(link.to_str().unwrap()), "{told}");
        assert_eq!((owner(&victim), instance.run_files()), (BEFORE, Vec::new()));
    }
    // An administrator's link is as good as the file.
    std::os::unix::fs::lchown(&link, Some(0), Some(0)).unwrap();
    assert_eq!(starts(&disk), "ok\n");
    assert_eq!(owner(&victim).0, if remembers(instance.root()) { BEFORE.0 } else { 0 });
}

#[test]
fn devices_are_restricted_where_version_2_is_alone() {
    let test = "devices_are_restricted_where_version_2_is_alone";
    if !tests::can_make_networks(test) {
        return;
    }
    // CAP_BPF (capabilities(7)), in a kernel that has it.
    let capabilities = u64::from_str_radix(&status(std::process::id())["CapEff"], 16).unwrap();
    if capabilities >> 39 & 1 == 0 || !Path::new("/sys/fs/bpf").exists() {
        return tests::not_run(test, "the kernel takes no programs for devices from us");
    }
    let mut instance = Instance::builder().private_net().qemu_conf(&conf("")).prepare();
    let alone = "umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup";
    let changed = instance.in_net(&["sh", "-c", alone]);
    if changed.code != 0 {
        return tests::not_run(test, changed.stderr.trim());
    }
    instance.start_again();
    let kernel = kernel(&instance);
    define_and_start(&instance, "v1", &xml("v1", &kernel, &[], "", ""));
    let pid = only_guest(&instance);
    let own = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let group = own.lines().find_map(|line| line.strip_prefix("0::")).unwrap();
    if !group.contains("-1-v1.libvirt-qemu") {
        return tests::not_run(test, &format!("guests are in no group of version 2: {}", instance.log()));
    }
    // Whoever is in the guest's group may use its devices, and no others.
    let machine = group.split_inclusive(".libvirt-qemu").next().unwrap();
    let in_group = |instance: &Instance, command: &str| {
        let enter = format!("echo $$ > /sys/fs/cgroup{machine}/cgroup.procs && {command}");
        instance.in_net(&["sh", "-c", &enter])
    };
    if in_group(&instance, "true").code != 0 {
        return tests::not_run(test, "the group is of threads alone");
    }
    let restricted = in_group(&instance, "head -c 1 /dev/kmsg");
    for allowed in ["/dev/zero", "/dev/urandom"] {
        in_group(&instance, &format!("head -c 1 {allowed}")).ok();
    }
    in_group(&instance, "echo x > /dev/null").ok();
    assert!(restricted.fails().contains("Operation not permitted"), "{}", restricted.stderr);
    assert!(instance.in_net(&["test", "-r", "/dev/kmsg"]).code == 0);

    // The rules stay when the daemon goes, and go with the guest.
    instance.kill();
    instance.start_again();
    assert_ne!(in_group(&instance, "head -c 1 /dev/kmsg").code, 0);
    assert_eq!(instance.virsh(&["domstate", "v1"]).ok().trim(), "running");
    instance.virsh(&["destroy", "v1"]).ok();
    instance.wait_idle();
    assert_ne!(instance.in_net(&["test", "-e", &format!("/sys/fs/cgroup{machine}")]).code, 0);
}
