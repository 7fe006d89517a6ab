//! Guests as machines of systemd-machined: a bus of the test's own, with a machined of the test's on it that tells every
//! call and makes scopes as systemd does. What is told is what libvirt 9.0 tells the same machined.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tests::script::CODE;
use tests::{Instance, guest};

const UUID: &str = "6f2b6c0e-0b4a-4a5e-9c55-0c8e0a1f2d3c";

/// A process of the test's that ends with it.
struct Helper(Child);

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a program in the instance's namespaces and waits for its first line.
fn helper(instance: &Instance, words: &[&str]) -> Helper {
    let mut command = Command::new("nsenter");
    command.args(["--net", "--mount", "--target", &instance.keeper_pid().to_string(), "--"]).args(words);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(!line.is_empty(), "{words:?} ended");
    Helper(child)
}

/// The bus of an instance.
fn bus(instance: &Instance) -> Helper {
    let conf = instance.root().join("bus.conf");
    let _ = std::fs::remove_file(instance.bus());
    let text = format!(
        "<busconfig><type>session</type><listen>unix:path={}</listen><policy context='default'>\
         <allow send_destination='*'/><allow receive_sender='*'/><allow own='*'/><allow user='*'/></policy></busconfig>",
        instance.bus().display()
    );
    std::fs::write(&conf, text).unwrap();
    let conf = format!("--config-file={}", conf.display());
    helper(instance, &["dbus-daemon", "--nofork", "--print-address", &conf])
}

fn log(instance: &Instance) -> PathBuf {
    instance.root().join("machined.log")
}

fn machined(instance: &Instance, behaviour: &str) -> Helper {
    let program = tests::project().join("tests/tests/data/machined/machined.py");
    let address = format!("unix:path={}", instance.bus().display());
    let (program, log) = (program.to_str().unwrap().to_owned(), log(instance));
    helper(instance, &["/usr/bin/python3", &program, &address, log.to_str().unwrap(), behaviour])
}

/// What machined was told since the last time.
fn told(instance: &Instance) -> Vec<Value> {
    let text = std::fs::read_to_string(log(instance)).unwrap_or_default();
    std::fs::write(log(instance), "").unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// An instance that has a bus, in namespaces of its own; `conf`: of qemu.conf. None where the test cannot be run.
fn instance(test: &str, conf: &str) -> Option<(Instance, Helper)> {
    if !tests::can_make_networks(test) {
        return None;
    }
    for program in ["/usr/bin/dbus-daemon", "/usr/lib/python3/dist-packages/gi"] {
        if !Path::new(program).exists() {
            tests::not_run(test, &format!("{program} is missing (Debian packages dbus-daemon, python3-gi)"));
            return None;
        }
    }
    let instance = Instance::builder().private_net().qemu_conf(conf).prepare();
    let bus = bus(&instance);
    Some((instance, bus))
}

/// A slice of this test's own, so that tests at once do not remove each other's.
fn partition() -> (String, String) {
    let own = format!("t{}", std::process::id());
    (format!("/machine/my-{own}"), format!("machine-my\\x2d{own}.slice"))
}

/// The slices that a test leaves, as systemd would.
struct Slices;

impl Drop for Slices {
    fn drop(&mut self) {
        let (_, slice) = partition();
        let mounts = std::fs::read_dir("/sys/fs/cgroup").into_iter().flatten().filter_map(Result::ok);
        for mount in mounts.map(|mount| mount.path()).chain([PathBuf::from("/sys/fs/cgroup")]) {
            let slice = mount.join("machine.slice").join(&slice);
            let scopes = std::fs::read_dir(&slice).into_iter().flatten().filter_map(Result::ok);
            scopes.for_each(|scope| drop(std::fs::remove_dir(scope.path())));
            let _ = std::fs::remove_dir(slice);
            let _ = std::fs::remove_dir(mount.join("machine.slice"));
        }
    }
}

fn xml(name: &str, more: &str, devices: &str) -> String {
    let (partition, _) = partition();
    guest::nano_xml(name, "qemu", &guest::files())
        .replace("<os>", &format!("<resource><partition>{partition}</partition></resource>{more}<os>"))
        .replace("</devices>", &format!("{devices}</devices>"))
}

/// The groups of the only guest, by controller.
fn groups(instance: &Instance) -> Vec<String> {
    let guests = instance.guests();
    assert_eq!(guests.len(), 1, "{guests:?}");
    let text = std::fs::read_to_string(format!("/proc/{}/cgroup", guests[0])).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Directories of scopes of this test, wherever they are.
fn scopes(instance: &Instance) -> Vec<String> {
    let (_, slice) = partition();
    let pattern = format!("*/{}/*.scope", slice.replace('\\', "\\\\"));
    let found = instance.in_net(&["find", "/sys/fs/cgroup", "-path", &pattern]).ok();
    found.lines().map(str::to_owned).collect()
}

const CONF: &str = "user = \"root\"\ngroup = \"root\"\n\
    cgroup_controllers = [\"cpu\", \"cpuset\", \"cpuacct\", \"memory\", \"devices\", \"freezer\", \"blkio\"]\n";

#[test]
fn a_guest_is_registered_and_found_again() {
    let test = "a_guest_is_registered_and_found_again";
    let Some((mut instance, _bus)) = instance(test, CONF) else { return };
    let _slices = Slices;
    let _machined = machined(&instance, "");
    instance.start_again();
    let (partition, slice) = partition();
    let tap = format!("mt{}", std::process::id());
    let text = xml(
        "a.b-é_c",
        "<cputune><shares>2048</shares></cputune>",
        &format!("<interface type='ethernet'><target dev='{tap}'/></interface>"),
    )
    .replace("</name>", &format!("</name><uuid>{UUID}</uuid>"));
    let out = instance.python(&format!(
        "c = libvirt.open(uri); d = c.createXML({text:?})\n\
         print({partition:?} in d.XMLDesc(), d.getCPUStats(True)[0]['cpu_time'] > 0)\n"
    ));
    assert_eq!(out.ok(), "True True\n");
    let shown = instance.in_net(&["ip", "-o", "link", "show", &tap]).ok();
    let index: i64 = shown.split(':').next().unwrap().parse().unwrap();
    let pid = instance.guests()[0];
    let calls = told(&instance);
    let name = calls[0][1].as_str().unwrap().to_owned();
    assert!(name.starts_with("qemu-embed-") && name.ends_with("-1-a.b-c"), "{name}");
    let uuid: Vec<u8> =
        (0..16).map(|n| u8::from_str_radix(&UUID.replace('-', "")[2 * n..2 * n + 2], 16).unwrap()).collect();
    let expected = json!([
        "CreateMachineWithNetwork",
        name,
        uuid,
        "libvirt-qemu",
        "vm",
        pid,
        "",
        [index],
        [
            ["Slice", slice],
            ["After", ["libvirtd.service", "virtqemud.service"]],
            ["Before", ["virt-guest-shutdown.target"]]
        ]
    ]);
    assert_eq!(calls[0], expected);
    let scope = format!("machine-{}.scope", name.replace('-', "\\x2d"));
    let unified = Path::new("/sys/fs/cgroup/cgroup.procs").exists();
    let shares = if unified { "CPUWeight" } else { "CPUShares" };
    assert_eq!(calls[1..], [json!(["SetUnitProperties", scope, true, [[shares, 2048]]])]);
    // All of it is in the scope, its threads in subgroups.
    let all = groups(&instance);
    let wanted: &[(&str, &str)] = if unified {
        &[(":", "/libvirt")]
    } else {
        &[
            ("memory", "/libvirt"),
            ("cpu", "/libvirt/emulator"),
            ("cpuset", "/libvirt/emulator"),
            ("devices", "/libvirt"),
        ]
    };
    for (controller, inner) in wanted {
        let end = format!(":{controller}:/machine.slice/{slice}/{scope}{inner}");
        assert!(all.iter().any(|line| line.ends_with(&end)), "{end}: {all:?}");
    }
    let weights: Vec<_> = scopes(&instance)
        .iter()
        .filter_map(|scope| {
            ["cpu.shares", "cpu.weight"]
                .iter()
                .find_map(|f| std::fs::read_to_string(format!("{scope}/{f}")).ok())
        })
        .collect();
    assert_eq!(weights, ["2048\n"]);
    assert!(instance.control_groups().is_empty(), "{:?}", instance.control_groups());
    instance.restart();
    let out = instance.python(
        "c = libvirt.open(uri); d = c.lookupByID(1)\n\
         print(d.getCPUStats(True)[0]['cpu_time'] > 0); d.destroy()\n",
    );
    assert_eq!(out.ok(), "True\n");
    assert_eq!(told(&instance), [json!(["TerminateMachine", name])]);
    assert_eq!(scopes(&instance), Vec::<String>::new());
    instance.wait_idle();
}

/// With nothing but version 2 at hand, systemd's scope is the guest's only group.
#[test]
fn a_scope_of_version_2_alone() {
    let test = "a_scope_of_version_2_alone";
    let Some((mut instance, _bus)) = instance(test, CONF) else { return };
    let _slices = Slices;
    let alone = "umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup";
    let changed = instance.in_net(&["sh", "-c", alone]);
    if changed.code != 0 {
        return tests::not_run(test, changed.stderr.trim());
    }
    let _machined = machined(&instance, "");
    instance.start_again();
    let text = xml("m2", "", "");
    instance.python(&format!("libvirt.open(uri).createXML({text:?})\n")).ok();
    let (_, slice) = partition();
    let calls = told(&instance);
    let scope = format!("machine-{}.scope", calls[0][1].as_str().unwrap().replace('-', "\\x2d"));
    let place = format!("0::/machine.slice/{slice}/{scope}/libvirt");
    assert!(groups(&instance).iter().any(|line| line.starts_with(&place)), "{:?}", groups(&instance));
    instance.virsh(&["destroy", "m2"]).ok();
    assert_eq!(told(&instance)[0][0], "TerminateMachine");
    assert_eq!(scopes(&instance), Vec::<String>::new());
}

#[test]
fn machined_that_is_old_that_refuses_and_that_goes() {
    let test = "machined_that_is_old_that_refuses_and_that_goes";
    let Some((mut instance, bus)) = instance(test, CONF) else { return };
    let _slices = Slices;
    instance.start_again();
    let text = guest::nano_xml("m3", "qemu", &guest::files());
    instance.define(&text).ok();
    let start = "d = libvirt.open(uri).lookupByName('m3')\n\
                 def why():\n\
                 \x20   try: d.create(); return 'done'\n\
                 \x20   except libvirt.libvirtError as e: return e.get_error_code(), e.get_error_domain(), e.get_error_message()\n\
                 print(why())\n";
    // Nobody on the bus: as without it.
    assert_eq!(instance.python(start).ok(), "done\n");
    assert!(groups(&instance).iter().any(|line| line.contains("/machine/qemu-embed-")));
    let old = machined(&instance, "old");
    // What was not registered is not known, and ends all the same.
    instance.virsh(&["destroy", "m3"]).ok();
    assert_eq!(told(&instance)[0][0], "TerminateMachine");
    assert_eq!(instance.python(start).ok(), "done\n");
    let calls = told(&instance);
    let methods: Vec<_> = calls.iter().map(|call| call[0].as_str().unwrap()).collect();
    assert_eq!(methods, ["CreateMachineWithNetwork", "CreateMachine"]);
    assert_eq!(calls[1].as_array().unwrap().len(), 8);
    assert!(groups(&instance).iter().any(|line| line.contains(".scope/libvirt")));
    instance.virsh(&["destroy", "m3"]).ok();
    drop(old);
    let refusing = machined(&instance, "refuse");
    let said = instance.python(start).ok();
    assert!(said.starts_with("(89, 47, ") && said.contains("there is one"), "{said}");
    assert!(instance.guests().is_empty());
    instance.wait_idle();
    drop(refusing);
    // The bus goes, and comes again.
    drop(bus);
    assert_eq!(instance.python(start).ok(), "done\n");
    instance.virsh(&["destroy", "m3"]).ok();
    let _bus = self::bus(&instance);
    let _machined = machined(&instance, "");
    told(&instance);
    assert_eq!(instance.python(start).ok(), "done\n");
    assert_eq!(told(&instance)[0][0], "CreateMachineWithNetwork");
    instance.virsh(&["destroy", "m3"]).ok();
}

/// Killed while the guest's process waits to be registered, and when it was: it never runs, and nothing stays.
#[test]
fn a_daemon_killed_while_it_registers() {
    let test = "a_daemon_killed_while_it_registers";
    let Some((mut instance, _bus)) = instance(test, CONF) else { return };
    let _slices = Slices;
    let _machined = machined(&instance, "");
    let text = xml("m4", "", "");
    for (point, calls) in [("start.arrived", 0), ("start.registered", 1)] {
        instance.set_env("OXIVIRT_FAULT", &format!("{point}:1"));
        instance.restart();
        let script = format!("{CODE}c = libvirt.open(uri); print(code(lambda: c.createXML({text:?})))\n");
        assert_ne!(instance.python(&script).ok(), "done\n", "{point}");
        assert_eq!(instance.ended(), -1, "{point}");
        instance.clear_env("OXIVIRT_FAULT");
        assert_eq!(told(&instance).len(), calls, "{point}");
        instance.start_again();
        instance.wait_idle();
        assert_eq!(instance.guests(), Vec::<u32>::new(), "{point}");
        assert_eq!(told(&instance)[0][0], "TerminateMachine", "{point}");
        assert_eq!(scopes(&instance), Vec::<String>::new(), "{point}");
    }
}
