//! The programs that people use on libvirt, unmodified and with their usual URIs: virt-install, virt-xml, virt-clone,
//! the Prometheus exporter, libvirt-dbus, and the calls that virt-manager and virt-viewer make.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tests::{Instance, LIMIT, Output, guest};

/// What every virt-install here says: an emulated guest of no known system, and no waiting for it.
const COMMON: [&str; 8] = [
    "--memory",
    "64",
    "--osinfo",
    "detect=on,require=off",
    "--noautoconsole",
    "--virt-type",
    "qemu",
    "--import",
];

/// Daemons for the host and for one user, as far as this user may start them.
fn instances() -> Vec<Instance> {
    let session = Instance::builder().session().start();
    let system = Instance::start();
    if system.is_system() { vec![system, session] } else { vec![session] }
}

/// A client that reaches the daemon under its usual URI; `None`, and a word to the reader, where it cannot be run.
fn client(instance: &Instance, test: &str, program: &str) -> Option<Command> {
    let there = ["/usr/bin", "/usr/sbin"]
        .iter()
        .map(|folder| Path::new(folder).join(program))
        .find(|path| path.exists());
    let Some(path) = there else {
        tests::not_run(test, &format!("{program} is not installed"));
        return None;
    };
    let command = instance.usual(path.to_str().unwrap());
    if command.is_none() {
        tests::not_run(test, "no mount namespace can be made");
    }
    command
}

fn run(mut command: Command, arguments: &[&str]) -> Output {
    tests::run(command.args(arguments), "", LIMIT)
}

/// Runs virt-install; `None` where it is not there.
fn virt_install(instance: &Instance, name: &str, more: &[&str]) -> Option<Output> {
    let mut command = client(instance, name, "virt-install")?;
    command.args(["--connect", instance.usual_uri(), "--name", name]).args(COMMON);
    Some(run(command, more))
}

fn virt_xml(instance: &Instance, arguments: &[&str]) -> Option<Output> {
    let mut command = client(instance, "virt-xml", "virt-xml")?;
    command.args(["--connect", instance.usual_uri()]);
    Some(run(command, arguments))
}

/// A folder in which guests of the instance may keep their images.
fn images(instance: &Instance) -> PathBuf {
    let folder = instance.root().join("images");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    folder
}

/// An empty image.
fn image(instance: &Instance, name: &str) -> String {
    let path = images(instance).join(name);
    let mut command = instance.client("qemu-img");
    run(
        {
            command.args(["create", "-q", "-f", "qcow2"]).arg(&path).arg("16M");
            command
        },
        &[],
    )
    .ok();
    path.to_str().unwrap().to_owned()
}

/// The kernel that the guests here boot, as an option of virt-install.
fn kernel() -> String {
    format!("kernel={}", guest::files().nano.display())
}

#[track_caller]
fn state(instance: &Instance, name: &str) -> String {
    instance.virsh(&["domstate", name]).ok().trim().to_owned()
}

#[test]
fn virt_install_imports_a_disk() {
    for instance in instances() {
        let disk = format!("source.file={},driver.type=qcow2,target.bus=virtio", image(&instance, "a.qcow2"));
        let more = ["--disk", &disk, "--network", "user", "--graphics", "none", "--boot", &kernel()];
        let Some(output) = virt_install(&instance, "imported", &more) else { return };
        assert!(output.ok().contains("Domain creation completed"), "{output:?}");
        assert_eq!(state(&instance, "imported"), "running");
        let xml = instance.virsh(&["dumpxml", "imported"]).ok();
        assert!(
            xml.contains("<target dev='vda' bus='virtio'/>") && xml.contains("<interface type='user'>"),
            "{xml}"
        );
    }
}

/// Disks by their paths, which virt-install makes and finds through the storage daemon beside, and a card on a bridge.
#[test]
fn virt_install_makes_disks_and_uses_a_bridge() {
    let test = "virt_install_makes_disks_and_uses_a_bridge";
    if !tests::can_make_networks(test) {
        return;
    }
    let mut instance = Instance::builder().private_net().start();
    if instance.start_libvirtd().is_none() {
        return tests::not_run(test, "libvirtd is not installed (Debian package libvirt-daemon)");
    }
    instance.in_net(&["ip", "link", "add", "br0", "type", "bridge"]).ok();
    let old = image(&instance, "old.qcow2");
    let new = images(&instance).join("new.qcow2");
    let (of_old, of_new) = (format!("path={old}"), format!("path={},size=0.01,bus=scsi", new.display()));
    let kernel = kernel();
    let more =
        ["--disk", &of_old, "--disk", &of_new, "--network", "bridge=br0,model=virtio", "--graphics", "vnc"];
    let Some(output) = virt_install(&instance, "full", &[&more[..], &["--boot", &kernel]].concat()) else {
        return;
    };
    assert!(output.ok().contains("Domain creation completed"), "{output:?}");
    assert_eq!(state(&instance, "full"), "running");
    let xml = instance.virsh(&["dumpxml", "full"]).ok();
    for wanted in [
        format!("<source file='{old}' index='2'/>"),
        format!("<source file='{}' index='1'/>", new.display()),
        "<driver name='qemu' type='qcow2' discard='unmap'/>".to_owned(),
        "<source bridge='br0'/>".to_owned(),
        "<target dev='vnet0'/>".to_owned(),
    ] {
        assert!(xml.contains(&wanted), "{wanted} is missing: {xml}");
    }
    assert!(std::fs::read(&new).unwrap().starts_with(b"QFI\xfb"), "virt-install's own images are qcow2");
    assert!(instance.in_net(&["ip", "link", "show", "master", "br0"]).ok().contains("vnet0"));
    // The pool that it defined on the way is the neighbour's.
    assert!(instance.virsh(&["pool-list", "--name"]).ok().contains("images"));
    // A second guest may not have a disk that the first one has, unless it insists.
    let more = ["--disk", &of_old, "--network", "none", "--graphics", "none", "--boot", &kernel];
    let refused = virt_install(&instance, "second", &more).unwrap().fails();
    assert!(refused.contains("already in use by other guests"), "{refused}");
}

#[test]
fn virt_install_boots_a_kernel_with_every_display_and_network() {
    for instance in instances() {
        let kernel = kernel();
        for (name, more) in [
            ("bare", vec!["--network", "none", "--graphics", "none"]),
            ("vnc", vec!["--network", "user", "--graphics", "vnc"]),
            ("spice", vec!["--network", "user,model=e1000", "--graphics", "spice"]),
            (
                "devices",
                vec![
                    "--network",
                    "user",
                    "--graphics",
                    "vnc",
                    "--video",
                    "virtio",
                    "--sound",
                    "ich6",
                    "--input",
                    "tablet",
                    "--rng",
                    "/dev/urandom",
                    "--watchdog",
                    "default",
                    "--panic",
                    "default",
                    "--memballoon",
                    "virtio",
                    "--channel",
                    "unix,target_type=virtio,name=org.x",
                    "--controller",
                    "type=scsi,model=virtio-scsi",
                ],
            ),
            (
                "settings",
                vec![
                    "--network",
                    "none",
                    "--graphics",
                    "none",
                    "--vcpus",
                    "2",
                    "--cpu",
                    "qemu64",
                    "--events",
                    "on_reboot=destroy",
                    "--iothreads",
                    "2",
                    "--clock",
                    "offset=utc",
                    "--pm",
                    "suspend_to_mem.enabled=off",
                    "--memorybacking",
                    "access.mode=shared,source.type=memfd",
                    "--machine",
                    "q35",
                ],
            ),
        ] {
            let more = [vec!["--disk", "none", "--boot", kernel.as_str()], more].concat();
            let Some(output) = virt_install(&instance, name, &more) else { return };
            assert!(output.ok().contains("Domain creation completed"), "{name}: {output:?}");
            assert_eq!(state(&instance, name), "running", "{name}");
            instance.virsh(&["destroy", name]).ok();
        }
    }
}

#[test]
fn virt_install_keeps_its_promises_about_the_domain() {
    for instance in instances() {
        let kernel = kernel();
        let install = |name, more: &[&str]| {
            let more = [
                &["--disk", "none", "--network", "none", "--graphics", "none", "--boot", kernel.as_str()],
                more,
            ];
            virt_install(&instance, name, &more.concat())
        };
        let Some(output) = install("passing", &["--transient"]) else { return };
        output.ok();
        assert!(instance.virsh(&["dominfo", "passing"]).ok().contains("Persistent:     no"));
        install("always", &["--autostart"]).unwrap().ok();
        assert!(instance.virsh(&["dominfo", "always"]).ok().contains("Autostart:      enable"));
        install("later", &["--noreboot"]).unwrap().ok();
        assert_eq!(state(&instance, "later"), "shut off");
        let shown = install("shown", &["--print-xml"]).unwrap().ok();
        assert!(shown.contains("<name>shown</name>"), "{shown}");
        assert!(instance.virsh(&["dominfo", "shown"]).fails().contains("shown"));
        let again = install("always", &[]).unwrap().fails();
        assert!(again.contains("Guest name 'always' is already in use"), "{again}");
    }
}

#[test]
fn virt_install_waits_for_the_end() {
    for instance in instances() {
        let Some(mut command) = client(&instance, "virt_install_waits_for_the_end", "virt-install") else {
            return;
        };
        command.args([
            "--connect",
            instance.usual_uri(),
            "--name",
            "waited",
            "--wait",
            "-1",
            "--disk",
            "none",
        ]);
        command.args(COMMON).args(["--network", "none", "--graphics", "none", "--boot", &kernel()]);
        let child = Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let out = instance.python(
            "import threading\n\
             libvirt.virEventRegisterDefaultImpl()\n\
             c = libvirt.open(uri)\n\
             started = threading.Event()\n\
             def told(c, d, event, detail, to):\n\
             \x20   if event == libvirt.VIR_DOMAIN_EVENT_STARTED: started.set()\n\
             c.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, told, None)\n\
             threading.Thread(target=lambda: [libvirt.virEventRunDefaultImpl() for _ in iter(int, 1)], daemon=True).start()\n\
             assert c.numOfDomains() or started.wait(40)\n\
             c.lookupByName('waited').destroy()\n",
        );
        out.ok();
        assert!(child.ends(), "virt-install has not noticed the end");
        assert_eq!(state(&instance, "waited"), "shut off");
    }
}

#[test]
fn virt_xml_edits_definitions() {
    for instance in instances() {
        let disk = format!("source.file={}", image(&instance, "d.qcow2"));
        let more =
            ["--disk", "none", "--network", "user", "--graphics", "vnc", "--noreboot", "--boot", &kernel()];
        let Some(output) = virt_install(&instance, "edited", &more) else { return };
        output.ok();
        let edit = |arguments: &[&str]| virt_xml(&instance, &[&["edited"], arguments].concat()).unwrap();
        let diff = edit(&["--edit", "--memory", "128", "--print-diff"]).ok();
        assert!(diff.contains("+  <memory unit=\"KiB\">131072</memory>"), "{diff}");
        let has = |text: &str| instance.virsh(&["dumpxml", "--inactive", "edited"]).ok().contains(text);
        assert!(has("<memory unit='KiB'>65536</memory>"), "--print-diff changes nothing");
        for (arguments, shows) in [
            (vec!["--edit", "--memory", "128", "--define"], "<memory unit='KiB'>131072</memory>"),
            (vec!["--edit", "--vcpus", "2,maxvcpus=4"], "<vcpu placement='static' current='2'>4</vcpu>"),
            (vec!["--edit", "--metadata", "title=hello,description=world"], "<title>hello</title>"),
            (vec!["--edit", "all", "--graphics", "listen=127.0.0.2"], "listen='127.0.0.2'"),
            (vec!["--add-device", "--rng", "/dev/urandom"], "<backend model='random'>/dev/urandom</backend>"),
            (vec!["--add-device", "--network", "user,model=rtl8139"], "<model type='rtl8139'/>"),
            (vec!["--add-device", "--disk", &disk], "<source file='"),
            (vec!["--edit", "target=hda", "--disk", "driver.cache=none"], "cache='none'"),
        ] {
            assert!(!has(shows), "{arguments:?}");
            assert!(edit(&arguments).ok().contains("defined successfully"), "{arguments:?}");
            assert!(has(shows), "{arguments:?}");
        }
        edit(&["--remove-device", "--disk", "target=hda"]).ok();
        edit(&["--remove-device", "--network", "2"]).ok();
        assert!(!has("<disk") && !has("rtl8139"));
        // A running guest keeps what it has; the next start has the new.
        instance.virsh(&["start", "edited"]).ok();
        edit(&["--edit", "--memory", "96", "--define"]).ok();
        assert!(has("<currentMemory unit='KiB'>98304</currentMemory>"));
        assert!(
            instance
                .virsh(&["dumpxml", "edited"])
                .ok()
                .contains("<currentMemory unit='KiB'>131072</currentMemory>")
        );
        instance.virsh(&["destroy", "edited"]).ok();
        edit(&["--edit", "--events", "on_crash=restart", "--start"]).ok();
        assert_eq!(state(&instance, "edited"), "running");
    }
}

#[test]
fn virt_clone_copies_a_definition() {
    for instance in instances() {
        let more =
            ["--disk", "none", "--network", "user", "--graphics", "none", "--noreboot", "--boot", &kernel()];
        let Some(output) = virt_install(&instance, "one", &more) else { return };
        output.ok();
        let Some(mut command) = client(&instance, "virt_clone_copies_a_definition", "virt-clone") else {
            return;
        };
        command.args(["--connect", instance.usual_uri()]);
        run(command, &["--original", "one", "--name", "two", "--auto-clone"]).ok();
        let identity = |name: &str| instance.virsh(&["domuuid", name]).ok();
        assert_ne!(identity("one"), identity("two"));
        instance.virsh(&["start", "two"]).ok();
    }
}

#[test]
fn the_exporter_gives_figures() {
    for instance in instances() {
        let Some(mut command) =
            client(&instance, "the_exporter_gives_figures", "prometheus-libvirt-exporter")
        else {
            return;
        };
        let disk = image(&instance, "e.qcow2");
        let xml = guest::nano_xml("watched", "qemu", &guest::files()).replace(
            "<devices>",
            &format!("<devices><disk type='file'><driver name='qemu' type='qcow2'/><source file='{disk}'/><target dev='vda' bus='virtio'/></disk>"),
        );
        instance.define(&xml).ok();
        instance.virsh(&["start", "watched"]).ok();
        // A port that is free now; the exporter ends if it is not any more.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        command
            .arg(format!("--libvirt.uri={}", instance.usual_uri()))
            .arg(format!("--web.listen-address={address}"));
        let exporter = Running(command.stderr(Stdio::null()).spawn().unwrap());
        let figures = scrape(&address, &exporter);
        assert!(figures.contains("libvirt_up 1"), "{figures}");
        for (name, value) in [
            ("libvirt_domain_info_maximum_memory_bytes", "1.6777216e+07"),
            ("libvirt_domain_info_virtual_cpus", "1"),
            ("libvirt_domain_state_code", "1"),
            ("libvirt_domain_block_stats_write_bytes_total", "0"),
        ] {
            let line =
                figures.lines().find(|line| line.starts_with(name) && line.contains("domain=\"watched\""));
            let line = line.unwrap_or_else(|| panic!("{name} is missing: {figures}"));
            assert_eq!(line.rsplit(' ').next(), Some(value), "{line}");
        }
        let spent = figures
            .lines()
            .find(|line| line.starts_with("libvirt_domain_info_cpu_time_seconds_total"))
            .unwrap();
        assert!(spent.rsplit(' ').next().unwrap().parse::<f64>().unwrap() > 0.0, "{spent}");
    }
}

#[test]
fn libvirt_dbus_lists_calls_and_tells() {
    for instance in instances() {
        let test = "libvirt_dbus_lists_calls_and_tells";
        if client(&instance, test, "libvirt-dbus").is_none()
            || client(&instance, test, "dbus-daemon").is_none()
        {
            return;
        }
        let bus = if instance.is_system() { "system" } else { "session" };
        assert!(script(&instance, "dbus.py", bus).unwrap().ok().contains("done"));
    }
}

#[test]
fn the_overview_of_virt_manager() {
    for instance in instances() {
        let Some(output) = script(&instance, "overview.py", instance.usual_uri()) else {
            return tests::not_run("the_overview_of_virt_manager", "no mount namespace can be made");
        };
        assert!(output.ok().contains("done"));
    }
}

/// Runs a script of `data/clients` with an argument and a file that defines a domain.
fn script(instance: &Instance, name: &str, argument: &str) -> Option<Output> {
    let folder = images(instance);
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/clients");
    std::fs::copy(data.join(name), folder.join(name)).unwrap();
    std::fs::write(folder.join("b1.xml"), guest::nano_xml("b1", "qemu", &guest::files())).unwrap();
    let mut command = instance.usual("/usr/bin/python3")?;
    command.arg(folder.join(name)).arg(argument).arg(folder.join("b1.xml"));
    Some(run(command, &[]))
}

/// Asks the exporter for its figures, as soon as it listens.
fn scrape(address: &str, exporter: &Running) -> String {
    let mut stream = loop {
        match TcpStream::connect(address) {
            Ok(stream) => break stream,
            // It says nowhere that it listens.
            Err(_) => assert!(!exporter.ends_within(Duration::from_millis(20)), "the exporter has ended"),
        }
    };
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    write!(stream, "GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A client in the background, ended with the test.
struct Running(Child);

impl Running {
    /// Whether it ends within this time.
    fn ends_within(&self, limit: Duration) -> bool {
        tests::ends_within(rustix::process::Pid::from_child(&self.0), limit)
    }

    /// Whether it ends by itself in time.
    fn ends(mut self) -> bool {
        let ended = self.ends_within(LIMIT);
        if ended {
            self.0.wait().unwrap();
        }
        ended
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
