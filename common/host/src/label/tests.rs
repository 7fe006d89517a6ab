use super::*;
use rustix::fs::{XattrFlags, getxattr, setxattr};

const GUEST: Owner = Owner { uid: 64055, gid: 64056 };
const BEFORE: Owner = Owner { uid: 1234, gid: 1235 };

/// A file of [`BEFORE`]'s; none where the tests may not do what they need to.
fn file() -> Option<(tempfile::TempDir, PathBuf)> {
    let dir = tempfile::tempdir_in(std::env::current_dir().unwrap()).unwrap();
    let path = dir.path().join("image");
    std::fs::write(&path, b"x").unwrap();
    let possible = std::os::unix::fs::chown(&path, Some(BEFORE.uid), Some(BEFORE.gid)).is_ok()
        && setxattr(&path, "trusted.probe", b"1", XattrFlags::empty()).is_ok();
    if !possible {
        println!("not run: host::label: needs root and a file system with trusted attributes");
    }
    possible.then_some((dir, path))
}

fn owner(path: &Path) -> Owner {
    use std::os::unix::fs::MetadataExt;
    let meta = std::fs::metadata(path).unwrap();
    Owner { uid: meta.uid(), gid: meta.gid() }
}

fn attribute(path: &Path, name: &str) -> Option<String> {
    let mut buffer = [0u8; 64];
    let length = getxattr(path, format!("trusted.libvirt.security.{name}"), &mut buffer[..]).ok()?;
    Some(String::from_utf8(buffer[..length].to_vec()).unwrap())
}

#[test]
fn labels_are_read_as_they_are_written() {
    assert_eq!(GUEST.label(), "+64055:+64056");
    assert_eq!(Owner::parse("+64055:+64056"), Some(GUEST));
    for bad in ["", "+1", "+1:", ":", "+-1:+2", "a:b", "+99999999999:+1"] {
        assert_eq!(Owner::parse(bad), None, "{bad}");
    }
}

#[test]
fn the_owner_of_before_comes_back_with_the_last_user() {
    let Some((_dir, path)) = file() else { return };
    set(&path, GUEST, true).unwrap();
    set(&path, GUEST, true).unwrap();
    assert_eq!(owner(&path), GUEST);
    assert_eq!(attribute(&path, "dac").as_deref(), Some("+1234:+1235"));
    assert_eq!(attribute(&path, "ref_dac").as_deref(), Some("2"));
    assert_eq!(attribute(&path, "timestamp_dac"), Some(boot_time().to_string()));
    restore(&path, GUEST, true).unwrap();
    assert_eq!((owner(&path), attribute(&path, "ref_dac").as_deref()), (GUEST, Some("1")));
    restore(&path, GUEST, true).unwrap();
    assert_eq!(owner(&path), BEFORE);
    assert_eq!(
        [attribute(&path, "dac"), attribute(&path, "ref_dac"), attribute(&path, "timestamp_dac")],
        [None, None, None]
    );
    // Once more, as a daemon does that was killed on the way: nothing changes.
    restore(&path, GUEST, true).unwrap();
    assert_eq!(owner(&path), BEFORE);
}

#[test]
fn another_owner_while_it_is_used_is_refused() {
    let Some((_dir, path)) = file() else { return };
    set(&path, GUEST, true).unwrap();
    let refused = set(&path, Owner { uid: 7, gid: 7 }, true).unwrap_err();
    assert!(matches!(refused, Error::InUse { .. }), "{refused}");
    assert_eq!((owner(&path), attribute(&path, "ref_dac").as_deref()), (GUEST, Some("1")));
}

#[test]
fn what_an_earlier_boot_remembered_is_forgotten() {
    let Some((_dir, path)) = file() else { return };
    set(&path, GUEST, true).unwrap();
    setxattr(&path, "trusted.libvirt.security.timestamp_dac", b"1000", XattrFlags::empty()).unwrap();
    restore(&path, GUEST, true).unwrap();
    assert_eq!((owner(&path), attribute(&path, "ref_dac")), (Owner::ROOT, None));
    set(&path, GUEST, true).unwrap();
    assert_eq!(attribute(&path, "dac").as_deref(), Some("+0:+0"));
}

#[test]
fn without_memory_files_go_to_root_once() {
    let Some((_dir, path)) = file() else { return };
    restore(&path, GUEST, false).unwrap();
    assert_eq!(owner(&path), BEFORE, "it was never the guest's");
    set(&path, GUEST, false).unwrap();
    assert_eq!((owner(&path), attribute(&path, "ref_dac")), (GUEST, None));
    restore(&path, GUEST, false).unwrap();
    assert_eq!(owner(&path), Owner::ROOT);
}

#[test]
fn links_are_followed_and_those_of_proc_are_not() {
    let Some((dir, path)) = file() else { return };
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    set(&link, GUEST, true).unwrap();
    assert_eq!(owner(&path), GUEST);
    let trick = dir.path().join("trick");
    std::os::unix::fs::symlink("/proc/self/exe", &trick).unwrap();
    assert!(set(&trick, GUEST, true).is_err());
    assert!(set(&dir.path().join("none"), GUEST, true).unwrap_err().is_not_found());
    restore(&dir.path().join("none"), GUEST, true).unwrap();
}
