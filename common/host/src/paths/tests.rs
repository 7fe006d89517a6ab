use super::*;
use std::os::unix::fs::MetadataExt;

fn session() -> Surroundings {
    Surroundings { uid: 1000, home: "/home/u".into(), ..Surroundings::default() }
}

#[test]
fn system_places_are_libvirts() {
    let p = Paths::new("qemu", &Surroundings::default());
    let text = |path: PathBuf| path.to_str().unwrap().to_owned();
    assert_eq!(text(p.socket()), "/run/libvirt/virtqemud-sock");
    assert_eq!(text(p.socket_ro().unwrap()), "/run/libvirt/virtqemud-sock-ro");
    assert_eq!(text(p.socket_admin()), "/run/libvirt/virtqemud-admin-sock");
    assert_eq!(text(p.pid_file()), "/run/virtqemud.pid");
    assert_eq!(text(p.daemon_config()), "/etc/libvirt/virtqemud.conf");
    assert_eq!(text(p.driver_config()), "/etc/libvirt/qemu.conf");
    assert_eq!(text(p.definition("a").unwrap()), "/etc/libvirt/qemu/a.xml");
    assert_eq!(text(p.autostart_link("a").unwrap()), "/etc/libvirt/qemu/autostart/a.xml");
    assert_eq!(text(p.status("a").unwrap()), "/run/libvirt/qemu/a.xml");
    assert_eq!(text(p.guest_log("a").unwrap()), "/var/log/libvirt/qemu/a.log");
    assert_eq!(text(p.guest_dir(1, "aa").unwrap()), "/var/lib/libvirt/qemu/domain-1-aa");
    assert_eq!(
        text(p.guest_channel_dir(1, "aa").unwrap()),
        "/var/lib/libvirt/qemu/channel/target/domain-1-aa"
    );
    assert_eq!(text(p.capabilities_dir()), "/var/cache/libvirt/qemu/capabilities");
    assert_eq!(text(p.managed_save("a").unwrap()), "/var/lib/libvirt/qemu/save/a.save");
}

#[test]
fn session_places_are_libvirts() {
    let around = Surroundings { xdg_runtime: Some("/run/user/1000".into()), ..session() };
    let p = Paths::new("qemu", &around);
    let text = |path: PathBuf| path.to_str().unwrap().to_owned();
    assert_eq!(text(p.socket()), "/run/user/1000/libvirt/virtqemud-sock");
    assert_eq!(p.socket_ro(), None);
    assert_eq!(text(p.pid_file()), "/run/user/1000/libvirt/virtqemud.pid");
    assert_eq!(text(p.definition("a").unwrap()), "/home/u/.config/libvirt/qemu/a.xml");
    assert_eq!(text(p.status("a").unwrap()), "/run/user/1000/libvirt/qemu/run/a.xml");
    assert_eq!(text(p.guest_dir(1, "aa").unwrap()), "/home/u/.config/libvirt/qemu/lib/domain-1-aa");
    assert_eq!(
        text(p.guest_channel_dir(1, "aa").unwrap()),
        "/home/u/.config/libvirt/qemu/channel/target/domain-1-aa"
    );
    assert_eq!(text(p.save_dir()), "/home/u/.config/libvirt/qemu/save");
    assert_eq!(text(p.capabilities_dir()), "/home/u/.cache/libvirt/qemu/cache/capabilities");
    assert_eq!(text(p.guest_log("a").unwrap()), "/home/u/.cache/libvirt/qemu/log/a.log");
}

#[test]
fn session_without_runtime_directory_uses_the_cache() {
    let p = Paths::new("qemu", &session());
    assert_eq!(p.run_dir, Path::new("/home/u/.cache/libvirt"));
}

#[test]
fn root_holds_everything_in_both_modes() {
    for uid in [0, 1000] {
        let p = Paths::new("qemu", &Surroundings { uid, root: Some("/r".into()), ..session() });
        let all = [
            &p.config_dir,
            &p.definition_dir,
            &p.autostart_dir,
            &p.run_dir,
            &p.state_dir,
            &p.lib_dir,
            &p.cache_dir,
            &p.daemon_log_dir,
            &p.log_dir,
            &p.data_dir,
            &p.pid_dir,
        ];
        for path in all {
            assert!(path.starts_with("/r"), "{}", path.display());
        }
        assert_eq!(p.socket(), Path::new("/r/run/libvirt/virtqemud-sock"));
    }
}

#[test]
fn other_drivers_have_their_own_names() {
    let p = Paths::new("network", &Surroundings::default());
    assert_eq!(p.daemon, "virtnetworkd");
    assert_eq!(p.autostart_dir, Path::new("/etc/libvirt/qemu/networks/autostart"));
    assert_eq!(Paths::new("secrets", &Surroundings::default()).daemon, "virtsecretd");
    assert_eq!(Paths::new("proxy", &Surroundings::default()).daemon, "virtproxyd");
}

#[test]
fn hostile_names_stay_inside() {
    let p = Paths::new("qemu", &Surroundings::default());
    assert!(matches!(p.definition("../../x"), Err(Error::Name { .. })));
    assert!(p.guest_dir(1, "a/b").is_err());
    assert_eq!(p.definition("..").unwrap(), Path::new("/etc/libvirt/qemu/...xml"));
}

#[test]
fn short_name_cuts_characters_not_bytes() {
    assert_eq!(short_name(7, &"ä".repeat(30)), format!("7-{}", "ä".repeat(20)));
}

#[test]
fn create_makes_libvirts_modes() {
    let dir = tempfile::tempdir().unwrap();
    for (uid, top, private) in [(0, 0o755, 0o750), (1000, 0o700, 0o755)] {
        let root = dir.path().join(uid.to_string());
        let p = Paths::new("qemu", &Surroundings { uid, root: Some(root), ..session() });
        p.create_for_guests(None).unwrap();
        p.create_for_guests(None).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&p.run_dir), top);
        assert_eq!(mode(&p.config_dir), top);
        assert_eq!(mode(&p.definition_dir), 0o755);
        assert_eq!(mode(&p.state_dir), 0o755);
        assert_eq!(mode(&p.lib_dir), private);
        assert_eq!(mode(&p.channel_dir()), private);
        assert_eq!(mode(&p.state_dir.join("dbus")), 0o770);
        assert_eq!(mode(&p.run_dir.join("common")), 0o700);
    }
}

#[test]
fn secrets_are_nobody_else_s() {
    let dir = tempfile::tempdir().unwrap();
    for uid in [0, 1000] {
        let root = dir.path().join(uid.to_string());
        let p = Paths::new("secrets", &Surroundings { uid, root: Some(root), ..session() });
        p.create().unwrap();
        for dir in [&p.definition_dir, &p.state_dir] {
            assert_eq!(std::fs::metadata(dir).unwrap().mode() & 0o777, 0o700, "{}", dir.display());
        }
        assert!(!p.autostart_dir.exists() && !p.cache_dir.exists() && !p.log_dir.exists());
        assert_eq!(p.secrets_key(), p.run_dir.join("secrets/encryption-key"));
    }
}

#[test]
fn names_that_lead_out_have_no_directory() {
    let paths = Paths::new("qemu", &Surroundings::default());
    assert!(paths.guest_snapshots("a").unwrap().ends_with("snapshot/a"));
    for bad in [".", "..", "", "a/b"] {
        assert_eq!((paths.guest_snapshots(bad), paths.guest_checkpoints(bad)), (None, None));
    }
}
