//! `make install` as a packager runs it, and the units it installs.

use std::path::Path;
use std::process::Command;

/// The daemons that are installed.
const DAEMONS: [&str; 3] = ["virtqemud", "virtsecretd", "virtproxyd"];
/// Their units.
const UNITS: [&str; 14] = [
    "virtqemud.service",
    "virtqemud.socket",
    "virtqemud-ro.socket",
    "virtqemud-admin.socket",
    "virtsecretd.service",
    "virtsecretd.socket",
    "virtsecretd-ro.socket",
    "virtsecretd-admin.socket",
    "virtproxyd.service",
    "virtproxyd.socket",
    "virtproxyd-ro.socket",
    "virtproxyd-admin.socket",
    "virtproxyd-tcp.socket",
    "virtproxyd-tls.socket",
];
/// The exposure that `systemd-analyze security` may tell of each service, in tenths: what runs guests needs much of the
/// host, the others next to nothing.
const EXPOSURE: [(&str, u64); 3] = [("virtqemud", 91), ("virtsecretd", 25), ("virtproxyd", 27)];

/// Installs what this build made below `place`.
fn install(place: &Path) {
    let mut command = Command::new(tests::project().join("tests/scripts/install"));
    command.env("DESTDIR", place).env("PREFIX", "/usr").env("BIN", tests::programs());
    tests::run(&mut command, "", tests::LIMIT).ok();
}

#[test]
fn programs_units_and_configuration_arrive() {
    let place = tempfile::tempdir().unwrap();
    let at = |path: &str| place.path().join(path);
    install(place.path());
    for daemon in DAEMONS {
        let program = at("usr/sbin").join(daemon);
        let version = tests::run(Command::new(program).arg("--version"), "", tests::LIMIT).ok();
        assert!(version.starts_with(&format!("{daemon} (Oxivirt) ")), "{version}");
        assert!(at("etc/libvirt").join(format!("{daemon}.conf")).exists());
    }
    for file in UNITS {
        assert!(at("usr/lib/systemd/system").join(file).exists(), "{file}");
    }
    assert!(at("usr/lib/systemd/system/virt-guest-shutdown.target").exists());
    let unit = std::fs::read_to_string(at("usr/lib/systemd/system/virtqemud.service")).unwrap();
    assert!(unit.contains("ExecStart=/usr/sbin/virtqemud $VIRTQEMUD_ARGS"), "{unit}");
    for file in ["actions/org.libvirt.unix.policy", "rules.d/60-libvirt.rules"] {
        assert!(at("usr/share/polkit-1").join(file).exists(), "{file}");
    }
    assert!(at("usr/share/doc/oxivirt/LICENSE").exists());
}

#[test]
fn the_administrators_configuration_stays() {
    let place = tempfile::tempdir().unwrap();
    let conf = place.path().join("etc/libvirt/virtqemud.conf");
    install(place.path());
    let shipped = std::fs::read_to_string(&conf).unwrap();
    assert!(
        shipped.lines().all(|line| line.is_empty() || line.starts_with('#')),
        "only comments are shipped"
    );
    std::fs::write(&conf, "max_clients = 77\n").unwrap();
    install(place.path());
    assert_eq!(std::fs::read_to_string(&conf).unwrap(), "max_clients = 77\n");
}

#[test]
fn the_shipped_configuration_names_real_options() {
    // Every option that is shown commented out must be one that the daemon knows, with its default.
    let place = tempfile::tempdir().unwrap();
    install(place.path());
    let etc = place.path().join("etc/libvirt");
    let read = |file: &str| std::fs::read_to_string(etc.join(file)).unwrap();
    let shown = |line: &str| {
        line.strip_prefix('#').filter(|rest| rest.starts_with(char::is_alphabetic)).map(str::to_owned)
    };
    // Two defaults cannot stand as they are: no such group need exist, and a UUID of zeros is refused.
    let usable = |line: &String| {
        !line.starts_with("unix_sock_")
            && !line.starts_with("host_uuid =")
            && !line.starts_with("log_outputs")
    };
    for daemon in [tests::Daemon::Virtqemud, tests::Daemon::Virtsecretd] {
        let text = read(&format!("{}.conf", daemon.program()));
        let conf: Vec<String> = text.lines().filter_map(shown).filter(usable).collect();
        assert!(conf.len() > 10);
        let instance = tests::Instance::of(daemon).conf(&(conf.join("\n") + "\n")).start();
        assert!(!instance.log().contains("is not known"), "{}", instance.log());
    }
    let options: Vec<String> = read("secret.conf").lines().filter_map(shown).collect();
    assert_eq!(options.len(), 2);
    let conf = format!("{}\n", options[0]);
    let mut instance = tests::Instance::of(tests::Daemon::Virtsecretd).driver_conf(&conf).prepare();
    let key = instance.run_dir().join("secrets/encryption-key");
    std::fs::create_dir_all(key.parent().unwrap()).unwrap();
    std::fs::write(key, [1; 32]).unwrap();
    instance.start_again();
    assert!(!instance.log().contains("unknown option"), "{}", instance.log());
}

#[test]
fn systemd_accepts_the_units() {
    if !Path::new("/usr/bin/systemd-analyze").exists() {
        return tests::not_run("systemd_accepts_the_units", "systemd-analyze is not installed");
    }
    let place = tempfile::tempdir().unwrap();
    install(place.path());
    let units = place.path().join("usr/lib/systemd/system");
    // systemd looks for the programs where the units say they are.
    for daemon in DAEMONS {
        let service = units.join(format!("{daemon}.service"));
        let text = std::fs::read_to_string(&service).unwrap();
        let program = place.path().join("usr/sbin").join(daemon);
        let text = text.replace(&format!("/usr/sbin/{daemon}"), program.to_str().unwrap());
        std::fs::write(&service, text).unwrap();
    }
    let files = UNITS.map(|unit| units.join(unit));
    let mut command = Command::new("/usr/bin/systemd-analyze");
    command.args(["verify", "--man=no"]).args(&files);
    command.env("SYSTEMD_UNIT_PATH", format!("{}:", units.display()));
    let output = tests::run(&mut command, "", tests::LIMIT);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{}", output.stdout);
}

#[test]
fn services_are_as_confined_as_they_can_be() {
    if !Path::new("/usr/bin/systemd-analyze").exists() {
        return tests::not_run("services_are_as_confined_as_they_can_be", "systemd-analyze is not installed");
    }
    let place = tempfile::tempdir().unwrap();
    install(place.path());
    for (daemon, limit) in EXPOSURE {
        let unit = place.path().join("usr/lib/systemd/system").join(format!("{daemon}.service"));
        let mut command = Command::new("/usr/bin/systemd-analyze");
        command.args(["security", "--offline=true", "--no-pager", &format!("--threshold={limit}")]).arg(unit);
        let output = tests::run(&mut command, "", tests::LIMIT);
        let last = output.stdout.lines().rfind(|line| line.contains("Overall exposure")).unwrap_or_default();
        assert_eq!(output.code, 0, "{daemon}: {last} {}", output.stderr);
    }
}

#[test]
fn logs_of_the_daemons_are_rotated() {
    let place = tempfile::tempdir().unwrap();
    install(place.path());
    let file = place.path().join("etc/logrotate.d/oxivirt");
    let text = std::fs::read_to_string(&file).unwrap();
    for daemon in DAEMONS {
        assert!(text.contains(&format!("/var/log/libvirt/{daemon}.log\n")), "{daemon}");
    }
    if !Path::new("/usr/sbin/logrotate").exists() {
        return tests::not_run("logs_of_the_daemons_are_rotated", "logrotate is not installed");
    }
    // logrotate reads it and rotates a log of ours.
    let log = place.path().join("virtqemud.log");
    std::fs::write(&log, vec![b'x'; 200 * 1024]).unwrap();
    let here = text.replace("/var/log/libvirt", place.path().to_str().unwrap());
    std::fs::write(&file, here).unwrap();
    let mut command = Command::new("/usr/sbin/logrotate");
    command.arg("--force").arg("--state").arg(place.path().join("state")).arg(&file);
    tests::run(&mut command, "", tests::LIMIT).ok();
    assert_eq!(std::fs::metadata(&log).unwrap().len(), 0);
    assert_eq!(std::fs::metadata(place.path().join("virtqemud.log.1")).unwrap().len(), 200 * 1024);
}
