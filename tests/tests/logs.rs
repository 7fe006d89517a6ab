//! Guests' logs: what is in them, who keeps them within bounds, taints, and why a guest did not start.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use std::io::Write;
use std::path::Path;
use tests::{Instance, LIMIT, guest, not_run, signal};

/// Where a definition may add arguments to QEMU's.
const NAMESPACE: &str = "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'";

fn nano(name: &str) -> String {
    guest::nano_xml(name, "qemu", &guest::files())
}

/// The nano guest with elements of QEMU's namespace.
fn with_qemu(name: &str, elements: &str) -> String {
    nano(name)
        .replace("<domain ", &format!("<domain {NAMESPACE} "))
        .replace("</domain>", &format!("{elements}</domain>"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Waits until a condition on files of a folder holds.
fn until(folder: &Path, holds: impl Fn() -> bool) {
    let changes = inotify::init(CreateFlags::NONBLOCK).unwrap();
    let all = WatchFlags::CREATE
        | WatchFlags::MODIFY
        | WatchFlags::MOVE
        | WatchFlags::DELETE
        | WatchFlags::CLOSE_WRITE;
    inotify::add_watch(&changes, folder, all).unwrap();
    let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
    while !holds() {
        let mut event = [PollFd::new(&changes, PollFlags::IN)];
        let count = poll(&mut event, Some(&Timespec::try_from(LIMIT).unwrap())).unwrap();
        assert!(count > 0, "waited in vain in {}", folder.display());
        let mut reader = inotify::Reader::new(&changes, &mut buffer);
        while reader.next().is_ok() {}
    }
}

fn append(path: &Path, bytes: usize) {
    let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(&vec![b'x'; bytes]).unwrap();
}

/// A log's lines that say how a guest ended.
fn endings(log: &str) -> Vec<&str> {
    let ends = log.lines().filter_map(|line| line.split_once("shutting down, reason="));
    ends.map(|(_, reason)| reason).collect()
}

#[test]
fn the_log_tells_a_guests_life() {
    for instance in [Instance::start(), Instance::builder().session().start()] {
        instance.define(&nano("a b")).ok();
        instance.virsh(&["start", "a b"]).ok();
        let log = instance.log_dir().join("a b.log");
        let text = read(&log);
        let (first, rest) = text.split_once('\n').unwrap();
        assert_eq!(&first[10..11], " ", "{first}");
        for part in [
            "+0000: starting up libvirt version: ",
            ", package: oxivirt ",
            ", qemu version: ",
            ", kernel: ",
            ", hostname: ",
        ] {
            assert!(first.contains(part), "{first}");
        }
        assert!(rest.starts_with("LC_ALL=C \\\n"), "{rest}");
        assert!(rest.contains("\n-name 'guest=a b,debug-threads=on' \\\n-S \\\n"), "{rest}");
        instance.virsh(&["destroy", "a b"]).ok();
        instance.virsh(&["start", "a b", "--paused"]).ok();
        signal(instance.guests()[0], "KILL");
        instance.wait_idle();
        assert_eq!(endings(&read(&log)), ["destroyed", "crashed"]);
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&log).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        instance.virsh(&["start", "a b"]).ok();
        instance.virsh(&["destroy", "a b", "--remove-logs"]).ok();
        assert!(!log.exists());
    }
}

#[test]
fn a_start_that_fails_says_why_in_qemus_words() {
    let instance = Instance::start();
    instance
        .define(&with_qemu("bad", "<qemu:commandline><qemu:arg value='-nonsense'/></qemu:commandline>"))
        .ok();
    let out = instance.python(
        "libvirt.registerErrorHandler(lambda *a: None, None)\n\
         d = libvirt.open(uri).lookupByName('bad')\n\
         try: d.create()\n\
         except libvirt.libvirtError as e: print(e.get_error_code(), e.get_error_domain(), e.get_error_message())\n\
         print(d.isActive(), d.state())\n",
    );
    let words = "qemu-system-x86_64: -nonsense: invalid option";
    let error =
        format!("1 10 internal error: process exited while connecting to monitor: {words}\n0 [5, 6]\n");
    assert_eq!(out.ok(), error);
    let log = read(&instance.log_dir().join("bad.log"));
    assert!(log.contains(words), "{log}");
    assert_eq!(endings(&log), ["failed"]);
    assert_eq!(instance.log().matches(words).count(), 1, "{}", instance.log());

    // A long complaint is cut to its end, which says most.
    let long = format!("{}TheEnd", "y".repeat(50_000));
    let element = format!("<qemu:commandline><qemu:arg value='-{long}'/></qemu:commandline>");
    instance.define(&with_qemu("long", &element)).ok();
    let error = instance.virsh(&["start", "long"]).fails();
    assert!(error.contains("TheEnd: invalid option"), "{error}");
    assert!(error.len() < 1300, "{}", error.len());

    // What is found out before there is a process is in the guest's log too.
    let gone = nano("gone").replace(
        "<devices>",
        "<devices><disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/nonexistent/x'/><target dev='vda'/></disk>",
    );
    instance.define(&gone).ok();
    instance.virsh(&["start", "gone"]).fails();
    assert_eq!(endings(&read(&instance.log_dir().join("gone.log"))), ["failed"]);
    instance.wait_idle();
}

#[test]
fn taints_are_told_once_and_found_again() {
    let mut instance = Instance::start();
    let elements = "<qemu:commandline><qemu:arg value='-name'/><qemu:arg value='x'/></qemu:commandline>\
        <qemu:capabilities><qemu:del capability='gluster.debug_level'/></qemu:capabilities>";
    let xml = with_qemu("t", elements).replace("arch='x86_64'", "arch='x86_64' machine='pc-i440fx-1.7'");
    // That machine's firmware does not take our kernel.
    let kernel = format!("<kernel>{}</kernel>", guest::files().nano.display());
    let xml = xml.replace(&kernel, "");
    instance.define(&xml).ok();
    instance.virsh(&["start", "t"]).ok();
    let query = ["qemu-monitor-command", "t", r#"{"execute":"query-status"}"#];
    instance.virsh(&query).ok();
    instance.restart();
    instance.virsh(&query).ok();
    let log = read(&instance.log_dir().join("t.log"));
    let found: Vec<_> = log
        .lines()
        .filter_map(|line| line.split_once("Domain id=1 is tainted: "))
        .map(|(_, what)| what)
        .collect();
    let mut wanted = vec![
        "custom-argv",
        "custom-hypervisor-feature",
        "deprecated-config (machine type 'pc-i440fx-1.7')",
        "custom-monitor",
    ];
    if instance.is_system() {
        wanted.insert(0, "high-privileges");
    }
    assert_eq!(found, wanted);
    let status = read(&instance.state_dir().join("t.xml"));
    let flags: Vec<_> = status.lines().filter_map(|line| line.trim().strip_prefix("<taint flag='")).collect();
    assert_eq!(flags.len(), wanted.len(), "{status}");
    assert_eq!(&flags[..2], ["custom-argv'/>", "custom-monitor'/>"]);
    assert!(status.contains("<deprecation>machine type"), "{status}");
    for what in wanted {
        assert_eq!(instance.log().matches(&format!("is tainted: {what}\n")).count(), 1, "{}", instance.log());
    }
    instance.virsh(&["destroy", "t"]).ok();
}

#[test]
fn the_daemon_bounds_logs_where_virtlogd_does_not_run() {
    let mut instance = Instance::builder().prepare();
    std::fs::write(instance.etc_dir().join("virtlogd.conf"), "max_size = 20000\nmax_backups = 2\n").unwrap();
    instance.start_again();
    let folder = instance.log_dir();
    let serial = instance.root().join("serial.out");
    let console = format!("<serial type='file'><source path='{}'/></serial>", serial.display());
    instance.define(&nano("g").replace("<serial type='pty'/>\n    <console type='pty'/>", &console)).ok();
    instance.virsh(&["start", "g"]).ok();
    until(instance.root(), || serial.exists() && read(&serial).contains("GUEST READY"));
    let log = folder.join("g.log");
    let older = |number: u32| folder.join(format!("g.log.{number}"));
    append(&log, 20_000);
    until(&folder, || older(0).exists() && std::fs::metadata(&log).unwrap().len() < 20_000);
    assert!(read(&older(0)).contains("starting up"), "the head is in the older file");
    // What the console is recorded in is bounded as well.
    append(&serial, 20_000);
    until(instance.root(), || instance.root().join("serial.out.0").exists());

    // Nobody looks while the daemon is away; it sees to it when it comes back.
    instance.kill();
    append(&log, 70_000);
    instance.start_again();
    until(&folder, || std::fs::metadata(&log).unwrap().len() < 20_000);
    assert_eq!([0, 1, 2].map(|number| older(number).exists()), [true, true, false]);
    assert!(std::fs::metadata(older(0)).unwrap().len() < 40_000);
    append(&log, 20_000);
    until(&folder, || std::fs::metadata(&log).unwrap().len() < 20_000);

    // QEMU goes on at the file's new beginning.
    instance.virsh(&["destroy", "g", "--remove-logs"]).ok();
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    assert!(!instance.log().contains("without bounds"), "{}", instance.log());
}

#[test]
fn virtlogd_keeps_logs_where_it_runs() {
    let mut instance = Instance::builder().prepare();
    std::fs::write(instance.etc_dir().join("virtlogd.conf"), "max_size = 20000\nmax_backups = 2\n").unwrap();
    if instance.start_virtlogd().is_none() {
        return not_run("virtlogd_keeps_logs_where_it_runs", "virtlogd is not installed");
    }
    instance.start_again();
    let serial = instance.root().join("serial.log");
    let console = format!("<serial type='pty'><log file='{}' append='on'/></serial>", serial.display());
    instance.define(&nano("g").replace("<serial type='pty'/>", &console)).ok();
    instance.virsh(&["start", "g"]).ok();
    until(instance.root(), || serial.exists() && read(&serial).contains("GUEST READY"));
    let pid = instance.guests()[0];
    let output = std::fs::read_link(format!("/proc/{pid}/fd/2")).unwrap();
    assert!(output.to_string_lossy().starts_with("pipe:"), "{}", output.display());
    let log = instance.log_dir().join("g.log");
    assert!(read(&log).contains("starting up libvirt version"), "{}", read(&log));
    assert!(!read(&instance.state_dir().join("g.xml")).contains("<logs>"));
    // What a client of the reference sees in the log: taints and the end go through virtlogd, also later.
    instance.virsh(&["qemu-monitor-command", "g", r#"{"execute":"query-status"}"#]).ok();
    instance.restart();
    instance.virsh(&["destroy", "g"]).ok();
    let text = read(&log);
    assert!(text.contains("is tainted: custom-monitor"), "{text}");
    assert!(text.contains("terminating on signal 15"), "{text}");
    assert_eq!(endings(&text), ["destroyed"]);

    // It rotates: starts leave their heads in older files.
    for _ in 0..14 {
        instance.virsh(&["start", "g", "--paused"]).ok();
        instance.virsh(&["destroy", "g"]).ok();
    }
    assert!(instance.log_dir().join("g.log.0").exists());
    assert!(std::fs::metadata(&log).unwrap().len() <= 20_000);

    instance
        .define(&with_qemu("bad", "<qemu:commandline><qemu:arg value='-nonsense'/></qemu:commandline>"))
        .ok();
    let error = instance.virsh(&["start", "bad"]).fails();
    assert!(
        error.contains("connecting to monitor: qemu-system-x86_64: -nonsense: invalid option"),
        "{error}"
    );
    assert_eq!(endings(&read(&instance.log_dir().join("bad.log"))), ["failed"]);

    // Without it, the daemon goes on by itself.
    let pid: u32 = read(&instance.run_dir().join("virtlogd.pid")).trim().parse().unwrap();
    signal(pid, "KILL");
    instance.virsh(&["start", "g"]).ok();
    assert!(read(&instance.state_dir().join("g.xml")).contains(&format!("<log path='{}'/>", log.display())));
    instance.virsh(&["destroy", "g"]).ok();
    assert_eq!(endings(&read(&log)).last(), Some(&"destroyed"));
}

#[test]
fn qemu_writes_by_itself_where_it_is_told_to() {
    let text = if rustix::process::geteuid().is_root() { "user = \"root\"\ngroup = \"root\"\n" } else { "" };
    let mut instance = Instance::builder().qemu_conf(&format!("{text}stdio_handler = \"file\"\n")).start();
    let serial = instance.root().join("serial.log");
    let console = format!("<serial type='file'><source path='{}' append='on'/></serial>", serial.display());
    instance.define(&nano("g").replace("<serial type='pty'/>\n    <console type='pty'/>", &console)).ok();
    instance.virsh(&["start", "g"]).ok();
    until(instance.root(), || serial.exists() && read(&serial).contains("GUEST READY"));
    let text = read(&instance.log_dir().join("g.log"));
    assert!(text.contains(&format!("file,id=charserial0,path={},append=on", serial.display())), "{text}");
    instance.virsh(&["destroy", "g"]).ok();
    instance.stop();

    let broken = Instance::builder().qemu_conf("stdio_handler = \"pipe\"\n").prepare();
    let mut broken = broken;
    broken.spawn();
    assert_ne!(broken.ended(), 0);
    assert!(broken.log().contains("stdio_handler"), "{}", broken.log());
}
