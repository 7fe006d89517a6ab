//! What guests' memory is made of: pages, files, locks. What QEMU is told, the directories that are made for it and
//! whose they are, and that they go with the guest, also when the daemon is killed.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tests::{Instance, Output};

/// Guests' user and group.
const GUEST: (u32, u32) = (64055, 64056);

fn conf(more: &str) -> String {
    format!("user = \"+{}\"\ngroup = \"+{}\"\n{more}\n", GUEST.0, GUEST.1)
}

fn xml(name: &str, backing: &str, top: &str) -> String {
    format!(
        "<domain type='qemu'><name>{name}</name><memory unit='MiB'>16</memory>\
         <memoryBacking>{backing}</memoryBacking>{top}<os><type arch='x86_64' machine='pc'>hvm</type></os></domain>"
    )
}

/// The command line that a definition makes.
fn native(instance: &Instance, xml: &str) -> Output {
    instance.python(&format!(
        "libvirt.registerErrorHandler(lambda *a: None, None)\nc = libvirt.open(uri)\n\
         try: print(c.domainXMLToNative('qemu-argv', \"\"\"{xml}\"\"\"))\n\
         except libvirt.libvirtError as e: print(e.get_error_code(), e)"
    ))
}

fn owner(path: &Path) -> (u32, u32) {
    let meta = std::fs::metadata(path).unwrap();
    (meta.uid(), meta.gid())
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Mounts huge pages where only the instance sees them; none if the kernel has no pages of that size.
fn mount(instance: &Instance, name: &str, size: &str) -> Option<PathBuf> {
    let place = instance.root().join(name);
    std::fs::create_dir(&place).unwrap();
    let text = place.to_str().unwrap();
    let option = format!("pagesize={size}");
    let out = instance.in_net(&["mount", "-t", "hugetlbfs", "-o", &option, "none", text]);
    (out.code == 0).then_some(place)
}

/// A path as the instance sees it.
fn seen(instance: &Instance, path: &Path) -> PathBuf {
    let path = path.strip_prefix("/").unwrap();
    Path::new("/proc").join(instance.pid().to_string()).join("root").join(path)
}

#[test]
fn the_command_line_says_what_memory_is() {
    let instance = Instance::start();
    let ram = instance.library_dir().join("ram/-1-m0/pc.ram");
    let file =
        format!("\"qom-type\":\"memory-backend-file\",\"id\":\"pc.ram\",\"mem-path\":\"{}\"", ram.display());
    let memfd = "\"qom-type\":\"memory-backend-memfd\",\"id\":\"pc.ram\"";
    let plain = "\"x-use-canonical-path-for-ramblock-id\":false";
    let size = "\"size\":16777216}";
    let cases = [
        ("<source type='memfd'/>", format!("{{{memfd},{plain},{size}")),
        ("<source type='file'/>", format!("{{{file},{plain},{size}")),
        (
            "<source type='file'/><access mode='shared'/><discard/>",
            format!("{{{file},\"discard-data\":true,\"share\":true,{plain},{size}"),
        ),
        (
            "<source type='memfd'/><allocation mode='immediate' threads='2'/>",
            format!("{{{memfd},{plain},\"prealloc\":true,\"prealloc-threads\":2,{size}"),
        ),
        ("<source type='file'/><allocation mode='ondemand'/>", format!("{{{file},{plain},{size}")),
        (
            "<source type='anonymous'/><discard/>",
            format!("{{\"qom-type\":\"memory-backend-ram\",\"id\":\"pc.ram\",{size}"),
        ),
        ("<nosharepages/><locked/>", "mem-merge=off".to_owned()),
        ("<locked/>", "-overcommit mem-lock=on".to_owned()),
        ("<nosharepages/>", "-overcommit mem-lock=off".to_owned()),
    ];
    for (backing, expect) in cases {
        let line = native(&instance, &xml("m0", backing, "")).ok();
        assert!(line.contains(&expect), "{backing}: {expect} is not in {line}");
    }
}

#[test]
fn memory_in_files_lies_in_a_directory_of_the_guests() {
    for session in [false, true] {
        let test = "memory_in_files_lies_in_a_directory_of_the_guests";
        let builder = if session { Instance::builder().session() } else { Instance::builder() };
        let mut instance = builder.prepare();
        let dir = instance.root().join("backing");
        std::fs::create_dir(&dir).unwrap();
        std::fs::set_permissions(&dir, PermissionsExt::from_mode(0o777)).unwrap();
        let mut text = format!("memory_backing_dir = \"{}\"\n", dir.display());
        if instance.is_system() {
            text += &conf("");
        }
        std::fs::write(instance.etc_dir().join("qemu.conf"), text).unwrap();
        instance.start_again();
        let cell = "<cpu><numa><cell id='0' cpus='0' memory='16' unit='MiB'/></numa></cpu>";
        for (name, top, file) in [("m1", "", "pc.ram"), ("m2", cell, "ram-node0")] {
            instance.define(&xml(name, "<source type='file'/><access mode='shared'/>", top)).ok();
            instance.virsh(&["start", name, "--paused"]).ok();
            let id = instance.virsh(&["domid", name]).ok();
            let own = dir.join(format!("{}-{name}", id.trim()));
            assert_eq!(mode(&own), 0o700);
            assert_eq!(std::fs::metadata(own.join(file)).unwrap().len(), 16 << 20);
            if instance.is_system() {
                assert_eq!((owner(&own), owner(&own.join(file))), (GUEST, GUEST), "{test}");
            }
            // It ends while no daemon looks.
            instance.kill();
            tests::signal(instance.guests()[0], "KILL");
            instance.start_again();
            instance.wait_idle();
            assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0);
        }
        for point in ["start.files", "process.spawned", "start.spawned", "start.running", "stop.cleaned"] {
            instance.set_env("OXIVIRT_FAULT", point);
            instance.restart();
            let lived =
                instance.virsh(&["start", "m1"]).code == 0 && instance.virsh(&["destroy", "m1"]).code == 0;
            assert!(!lived, "{point} was not reached");
            instance.clear_env("OXIVIRT_FAULT");
            instance.restart();
            instance.virsh(&["destroy", "m1"]);
            instance.wait_idle();
            assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0, "{point}");
        }
        // The setting changes while the guest runs.
        instance.virsh(&["start", "m1", "--paused"]).ok();
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1);
        let text = if instance.is_system() { conf("") } else { String::new() };
        std::fs::write(instance.etc_dir().join("qemu.conf"), text).unwrap();
        instance.restart();
        instance.virsh(&["destroy", "m1"]).ok();
        instance.wait_idle();
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0);
    }
}

#[test]
fn huge_pages_are_taken_from_the_configured_mounts() {
    let test = "huge_pages_are_taken_from_the_configured_mounts";
    if !tests::can_make_networks(test) {
        return;
    }
    let mut instance = Instance::builder().private_net().prepare();
    let Some(small) = mount(&instance, "small", "2M") else {
        return tests::not_run(test, "no pages of 2 MiB");
    };
    let set = |instance: &Instance, text: &str| {
        std::fs::write(instance.etc_dir().join("qemu.conf"), conf(text)).unwrap();
    };
    set(&instance, &format!("hugetlbfs_mount = \"{}\"", small.display()));
    instance.start_again();
    let path = small.join("libvirt/qemu/-1-m3");
    let file = format!(
        "{{\"qom-type\":\"memory-backend-file\",\"id\":\"pc.ram\",\"mem-path\":\"{}\",\
         \"x-use-canonical-path-for-ramblock-id\":false,\"prealloc\":true,\"size\":16777216}}",
        path.display()
    );
    let memfd =
        "\"memory-backend-memfd\",\"id\":\"pc.ram\",\"hugetlb\":true,\"hugetlbsize\":2097152,\"share\":true";
    let sized = "<hugepages><page size='2' unit='M'/></hugepages>";
    let shared = "<hugepages/><source type='memfd'/><access mode='shared'/>";
    for (backing, expect) in [("<hugepages/>", &*file), (sized, &*file), (shared, memfd)] {
        let line = native(&instance, &xml("m3", backing, "")).ok();
        assert!(line.contains(expect), "{backing}: {expect} is not in {line}");
    }
    let other = native(&instance, &xml("m3", "<hugepages><page size='4' unit='M'/></hugepages>", "")).ok();
    assert_eq!(other, "1 internal error: Unable to find any usable hugetlbfs mount for 4096 KiB\n");

    // The directory is there before QEMU is, and belongs to its user; a daemon that is killed there removes it later.
    instance.define(&xml("m3", "<hugepages/>", "")).ok();
    instance.set_env("OXIVIRT_FAULT", "start.files");
    instance.restart();
    assert_ne!(instance.virsh(&["start", "m3"]).code, 0);
    instance.clear_env("OXIVIRT_FAULT");
    let inside = |instance: &Instance, words: &[&str]| instance.in_net(words);
    let folder = small.join("libvirt/qemu");
    let listed = inside(&instance, &["find", folder.to_str().unwrap(), "-printf", "%P %m %U %G\n"]).ok();
    let expect = format!(" 755 0 0\n1-m3 700 {} {}\n", GUEST.0, GUEST.1);
    assert_eq!(listed, expect);
    instance.restart();
    instance.wait_idle();
    assert_eq!(std::fs::read_dir(seen(&instance, &folder)).unwrap().count(), 0);

    // Pages may be there or not; either way nothing is left.
    let started = instance.virsh(&["start", "m3", "--paused"]);
    if started.code == 0 {
        let own = seen(&instance, &folder.join("2-m3"));
        assert_eq!(owner(&own), GUEST);
        instance.virsh(&["destroy", "m3"]).ok();
    } else {
        assert!(started.stderr.contains("Cannot allocate memory"), "{}", started.stderr);
        tests::not_run(
            &format!("{test}: a guest that runs on them"),
            "this machine has no huge pages to spare",
        );
    }
    instance.wait_idle();
    assert_eq!(std::fs::read_dir(seen(&instance, &folder)).unwrap().count(), 0);

    // Of two mounts the second has the pages of guests that name no size, as the reference has it.
    if let Some(large) = mount(&instance, "large", "1G") {
        set(&instance, &format!("hugetlbfs_mount = [ \"{}\", \"{}\" ]", small.display(), large.display()));
        instance.restart();
        for (backing, place) in [("<hugepages/>", &large), (sized, &small)] {
            let line = native(&instance, &xml("m3", backing, "")).ok();
            assert!(line.contains(&format!("{}/libvirt/qemu/-1-m3", place.display())), "{backing}: {line}");
        }
    }
    set(&instance, "hugetlbfs_mount = \"\"");
    instance.restart();
    let off = native(&instance, &xml("m3", "<hugepages/>", "")).ok();
    assert!(off.contains("hugetlbfs filesystem is not mounted or disabled by administrator config"), "{off}");
    set(&instance, "hugetlbfs_mount = \"/etc\"");
    instance.stop();
    instance.spawn();
    assert_ne!(instance.ended(), 0);
    assert!(instance.log().contains("'/etc' is not a hugetlbfs mount"), "{}", instance.log());
}

#[test]
fn locked_memory_is_within_its_limit() {
    let test = "locked_memory_is_within_its_limit";
    if !rustix::process::geteuid().is_root() {
        return tests::not_run(test, "needs root to raise limits");
    }
    let instance = Instance::builder().qemu_conf(&conf("")).start();
    let top = "<memtune><hard_limit unit='MiB'>512</hard_limit></memtune>";
    instance.define(&xml("m4", "<nosharepages/><locked/>", top)).ok();
    let started = instance.virsh(&["start", "m4", "--paused"]);
    if started.code != 0 && started.stderr.contains("setting resource limits failed: Operation not permitted")
    {
        return tests::not_run(test, "this machine does not let root raise the limit of locked memory");
    }
    started.ok();
    let pid = instance.guests()[0];
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max locked memory")).unwrap();
    assert_eq!(line.split_whitespace().skip(3).take(2).collect::<Vec<_>>(), ["536870912", "536870912"]);
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let locked = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
    let kib: u64 = locked.split_whitespace().next().unwrap().parse().unwrap();
    assert!(kib >= 16 << 10, "only {kib} KiB are locked");
    instance.virsh(&["destroy", "m4"]).ok();
}
