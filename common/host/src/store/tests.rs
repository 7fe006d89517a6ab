use std::os::unix::fs::MetadataExt;
use std::process::Command;

use super::*;

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn replace_sets_contents_and_exact_mode() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.xml");
    replace(&path, b"one", 0o600).unwrap();
    replace(&path, b"two", 0o666).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o666);
    assert_eq!(names(dir.path()), ["a.xml"]);
}

#[test]
fn longest_possible_name_can_be_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(format!("{}.xml", "n".repeat(251)));
    replace(&path, b"x", 0o600).unwrap();
    assert!(path.exists());
}

#[test]
fn failed_replace_leaves_nothing_and_names_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("taken");
    fs::create_dir(&path).unwrap();
    let error = replace(&path, b"x", 0o600).unwrap_err();
    assert!(error.to_string().contains("taken"), "{error}");
    assert_eq!(names(dir.path()), ["taken"]);
    assert!(replace(&dir.path().join("none/a.xml"), b"x", 0o600).unwrap_err().is_not_found());
}

#[test]
fn link_replaces_and_remove_answers_whether_there_was_one() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().join("a.xml");
    link(Path::new("/x/old"), &at).unwrap();
    link(Path::new("/x/new"), &at).unwrap();
    assert_eq!(fs::read_link(&at).unwrap(), Path::new("/x/new"));
    assert!(remove(&at).unwrap());
    assert!(!remove(&at).unwrap());
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn read_refuses_more_than_its_limit() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    fs::write(&path, b"12345").unwrap();
    assert_eq!(read(&path, 5).unwrap(), b"12345");
    assert!(matches!(read(&path, 4), Err(Error::TooLarge { limit: 4, .. })));
    assert!(read(Path::new("/dev/zero"), 1 << 10).is_err());
    let fifo = dir.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(read(&fifo, 4).unwrap(), b"");
}

#[test]
fn list_has_only_visible_files_of_the_suffix() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["b.xml", "a.xml", ".hidden.xml", "c.txt", ".xml"] {
        fs::write(dir.path().join(name), "").unwrap();
    }
    fs::create_dir(dir.path().join("d.xml")).unwrap();
    let found: Vec<_> = list(dir.path(), ".xml").unwrap().into_iter().map(|e| e.name).collect();
    assert_eq!(found, ["a", "b"]);
    assert_eq!(list(&dir.path().join("none"), ".xml").unwrap(), []);
}

#[test]
fn create_dir_has_the_mode_whatever_the_umask() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b");
    assert!(create_dir(&path, 0o770).unwrap());
    assert!(!create_dir(&path, 0o700).unwrap());
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o770);
    assert_eq!(fs::metadata(dir.path().join("a")).unwrap().mode() & 0o7777, 0o755);
    fs::write(dir.path().join("file"), "").unwrap();
    assert!(create_dir(&dir.path().join("file"), 0o700).is_err());
}

#[test]
fn sweep_removes_what_dead_processes_left() {
    let dir = tempfile::tempdir().unwrap();
    let own = Temporary::new(dir.path());
    fs::write(&own.path, "").unwrap();
    // Our number with another start time: a process of before.
    let reused = format!(".oxivirt-{}-1-7.new", std::process::id());
    for name in [reused.as_str(), ".oxivirt-2000000000-5-0.new", ".oxivirt-x-1-2.new", "a.xml"] {
        fs::write(dir.path().join(name), "").unwrap();
    }
    assert_eq!(sweep(dir.path()).unwrap(), 2);
    assert_eq!(names(dir.path()).len(), 3);
    drop(own);
    assert_eq!(names(dir.path()), [".oxivirt-x-1-2.new", "a.xml"]);
}

/// Runs this test binary's helper below with a fault point armed; answers the signal that ended it.
fn die_at(point: &str, path: &Path) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt;
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::tests::helper_changes_the_file"])
        .env("OXIVIRT_FAULT", point)
        .env("STORE_TEST_FILE", path)
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap()
        .signal()
}

/// Does nothing by itself; `die_at` runs it in a process of its own.
#[test]
fn helper_changes_the_file() {
    let Some(path) = std::env::var_os("STORE_TEST_FILE").map(PathBuf::from) else { return };
    replace(&path, b"new", 0o600).unwrap();
    link(&path, &path.with_extension("link")).unwrap();
    remove(&path).unwrap();
}

#[test]
fn death_at_any_point_leaves_old_or_new_and_is_swept() {
    let expect: [(&str, Option<&[u8]>); 8] = [
        ("store.create", Some(b"old")),
        ("store.write", Some(b"old")),
        ("store.sync", Some(b"old")),
        ("store.rename", Some(b"old")),
        ("store.dirsync", Some(b"new")),
        ("store.link", Some(b"new")),
        ("store.remove", Some(b"new")),
        ("store.removed", None),
    ];
    for (point, contents) in expect {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.xml");
        fs::write(&path, "old").unwrap();
        assert_eq!(die_at(point, &path), Some(9), "{point}");
        assert_eq!(fs::read(&path).ok().as_deref(), contents, "{point}");
        sweep(dir.path()).unwrap();
        assert!(names(dir.path()).iter().all(|name| name.starts_with("a.")), "{point}");
    }
}
