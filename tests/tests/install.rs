//! `make install` as a packager runs it, and the units it installs.

use std::path::Path;
use std::process::Command;

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
    for daemon in ["virtqemud", "virtsecretd"] {
        let program = at("usr/sbin").join(daemon);
        let version = tests::run(Command::new(program).arg("--version"), "", tests::LIMIT).ok();
        assert!(version.starts_with(&format!("{daemon} (Oxivirt) ")), "{version}");
        assert!(at("etc/libvirt").join(format!("{daemon}.conf")).exists());
    }
    for file in ["virtqemud.service", "virtqemud.socket", "virtqemud-ro.socket", "virtqemud-admin.socket"] {
        assert!(at("usr/lib/systemd/system").join(file).exists(), "{file}");
    }
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
    let files = ["virtqemud.service", "virtqemud.socket", "virtqemud-ro.socket", "virtqemud-admin.socket"];
    let service = units.join(files[0]);
    // systemd looks for the program where the unit says it is.
    let text = std::fs::read_to_string(&service).unwrap();
    let program = place.path().join("usr/sbin/virtqemud");
    std::fs::write(&service, text.replace("/usr/sbin/virtqemud", program.to_str().unwrap())).unwrap();
    let mut command = Command::new("/usr/bin/systemd-analyze");
    command.args(["verify", "--man=no"]).args(files.map(|file| units.join(file)));
    command.env("SYSTEMD_UNIT_PATH", format!("{}:", units.display()));
    let output = tests::run(&mut command, "", tests::LIMIT);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{}", output.stdout);
}
