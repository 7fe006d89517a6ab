use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use super::*;

/// Runs a shell text by a plan; what it wrote and how it ended.
async fn shell(text: &str, change: impl FnOnce(&mut Plan)) -> (String, Exit) {
    let (mut read, write) = io::pipe().unwrap();
    let mut plan = Plan::new("/bin/sh");
    plan.args = vec!["-c".into(), text.into()];
    plan.stdout = Stdio::Fd(write.into());
    change(&mut plan);
    let child = spawn(plan).unwrap();
    let text = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        read.read_to_string(&mut text).unwrap();
        text
    });
    (text.await.unwrap(), child.pidfd.wait().await.unwrap())
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[tokio::test]
async fn environment_directory_and_arguments_are_exact() {
    let (text, exit) = shell("/usr/bin/env; /bin/pwd; echo $0 $1; umask", |plan| {
        plan.args.extend(["zero".into(), "a b".into()]);
        plan.env = vec![("A".into(), "x=y".into())];
        plan.cwd = "/usr".into();
        plan.umask = Some(0o027);
    })
    .await;
    let lines: Vec<_> =
        text.lines().filter(|line| !line.starts_with("PWD=") && !line.starts_with("_=")).collect();
    assert_eq!(lines, ["A=x=y", "/usr", "zero a b", "0027"]);
    assert!(exit.success());
}

#[tokio::test]
async fn only_the_planned_descriptors_are_open() {
    // The sources are crosswise on the targets' numbers as often as not: eight of them force moves.
    let mut files = Vec::new();
    let mut expect = Vec::new();
    for at in 0..8 {
        let (read, write) = io::pipe().unwrap();
        let inode = rustix::fs::fstat(&read).unwrap().st_ino;
        files.push((OwnedFd::from(read), 12 - at));
        expect.push(format!("{} pipe:[{inode}]", 12 - at));
        drop(write);
    }
    // A program that is no shell: a shell has descriptors of its own.
    let (text, _) = shell("exec ls -l /proc/self/fd", |plan| plan.fds = files).await;
    let lines =
        text.lines().skip(1).map(|line| line.split_whitespace().skip(8).collect::<Vec<_>>().join(" "));
    let open: Vec<_> = lines.map(|line| line.replace(" -> ", " ")).collect();
    for line in &expect {
        assert!(open.contains(line), "{line} in {text}");
    }
    // Beside them only the three streams and the directory being listed.
    assert_eq!(open.len(), 8 + 3 + 1, "{text}");
    assert!(open.contains(&"0 /dev/null".to_owned()) && open.contains(&"2 /dev/null".to_owned()));
}

#[tokio::test]
async fn pass_gives_successive_numbers() {
    let file = || OwnedFd::from(File::open("/proc/self/status").unwrap());
    let mut plan = Plan::new("/bin/true");
    assert_eq!(plan.pass(file()), 3);
    plan.fds.push((file(), 9));
    assert_eq!(plan.pass(file()), 10);
    assert!(spawn(plan).unwrap().pidfd.wait().await.unwrap().success());
}

#[tokio::test]
async fn it_leads_its_own_session_with_default_signals() {
    let (text, _) = shell("exec cat /proc/self/stat /proc/self/status", |_| {}).await;
    let pid = text.split(' ').next().unwrap();
    let after: Vec<_> = text.split(") ").nth(1).unwrap().split(' ').collect();
    assert_eq!((after[2], after[3]), (pid, pid), "process group and session");
    // Rust ignores SIGPIPE in us; the child must not.
    for field in ["SigBlk:", "SigIgn:"] {
        let line = text.lines().find(|line| line.starts_with(field)).unwrap();
        assert!(line.ends_with("\t0000000000000000"), "{line}");
    }
}

#[tokio::test]
async fn limits_are_set() {
    let (text, _) = shell("ulimit -Sn; ulimit -Hn; ulimit -c", |plan| {
        plan.limits =
            vec![(Resource::OpenFiles, Limit { soft: 100, hard: 200 }), (Resource::Core, Limit::both(0))];
    })
    .await;
    assert_eq!(text, "100\n200\n0\n");
}

#[tokio::test]
async fn user_and_groups_change_for_the_child_alone() {
    if !is_root() {
        return eprintln!("not run: user_and_groups_change_for_the_child_alone: needs root");
    }
    let ids = Ids { uid: 65534, gid: 65533, groups: vec![65533, 7] };
    let (text, _) = shell("id -u; id -g; id -G; grep NoNewPrivs /proc/$$/status", |plan| {
        plan.ids = Some(ids);
        plan.env = vec![("PATH".into(), "/usr/bin:/bin".into())];
        plan.no_new_privs = true;
    })
    .await;
    assert_eq!(text, "65534\n65533\n65533 7\nNoNewPrivs:\t1\n");
    assert!(is_root());
    assert_eq!(std::fs::metadata("/proc/thread-self").unwrap().uid(), 0);
}

#[tokio::test]
async fn a_failed_step_is_named_with_its_errno() {
    let stage = |change: &dyn Fn(&mut Plan)| {
        let mut plan = Plan::new("/bin/true");
        change(&mut plan);
        match spawn(plan) {
            Err(Error::Spawn { stage, source, .. }) => (stage, source.raw_os_error().unwrap()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(stage(&|p| p.program = "/nonexistent".into()), (Stage::Exec, libc::ENOENT));
    assert_eq!(stage(&|p| p.program = "/etc/passwd".into()), (Stage::Exec, libc::EACCES));
    assert_eq!(stage(&|p| p.cwd = "/nonexistent".into()), (Stage::Directory, libc::ENOENT));
    let cgroups = || vec![PathBuf::from("/dev/null"), PathBuf::from("/nonexistent/cgroup.procs")];
    assert_eq!(stage(&|p| p.cgroups = cgroups()), (Stage::Cgroup(1), libc::ENOENT));
    let inverted = Limit { soft: 2, hard: 1 };
    assert_eq!(stage(&|p| p.limits = vec![(Resource::Core, inverted)]), (Stage::Limits, libc::EINVAL));
    assert_eq!(rustix::process::getpid().as_raw_nonzero().get(), std::process::id().cast_signed());
}

#[test]
fn contradictions_are_refused_before_anything_happens() {
    let file = || OwnedFd::from(File::open("/dev/null").unwrap());
    let refused = |change: &dyn Fn(&mut Plan)| {
        let mut plan = Plan::new("/bin/true");
        change(&mut plan);
        assert!(matches!(spawn(plan), Err(Error::Plan { .. })));
    };
    refused(&|p| p.program = "true".into());
    refused(&|p| p.fds = vec![(file(), 3), (file(), 3)]);
    refused(&|p| p.fds = vec![(file(), 2)]);
    refused(&|p| p.fds = vec![(file(), 1 << 20)]);
    refused(&|p| p.args = vec!["a\0b".into()]);
    refused(&|p| p.env = vec![("A=B".into(), "c".into())]);
}

#[tokio::test]
async fn cgroup_file_is_written_before_the_program_runs() {
    let dir = tempfile::tempdir().unwrap();
    let procs = dir.path().join("cgroup.procs");
    std::fs::write(&procs, "").unwrap();
    let (text, _) = shell("cat $0", |plan| {
        plan.args.push(procs.clone().into());
        plan.cgroups = vec![procs.clone()];
    })
    .await;
    assert_eq!(text, "0");
}

#[tokio::test]
async fn wait_tells_status_or_signal_to_every_waiter() {
    let mut plan = Plan::new("/bin/sh");
    plan.args = vec!["-c".into(), "exit 7".into()];
    let child = spawn(plan).unwrap();
    let (a, b) = tokio::join!(child.pidfd.wait(), child.pidfd.wait());
    assert_eq!((a.unwrap(), b.unwrap()), (Exit::Code(7), Exit::Code(7)));
    assert!(!child.pidfd.signal(libc::SIGTERM).unwrap());

    let child = spawn(sleeper()).unwrap();
    assert_eq!(child.pidfd.try_wait().unwrap(), None);
    assert!(child.pidfd.signal(libc::SIGKILL).unwrap());
    assert_eq!(child.pidfd.wait().await.unwrap(), Exit::Signal(libc::SIGKILL));
    assert!(child.pidfd.signal(-5).is_err());
}

#[tokio::test]
async fn a_process_opened_by_number_just_ends() {
    let child = spawn(sleeper()).unwrap();
    let start = start_time(child.pid).unwrap();
    let other = PidFd::open_same(child.pid, start).unwrap().unwrap();
    assert!(PidFd::open_same(child.pid, start + 1).unwrap().is_none());
    let early = tokio::time::timeout(Duration::from_millis(1), other.wait()).await;
    assert!(early.is_err());
    other.signal(libc::SIGKILL).unwrap();
    assert_eq!(other.wait().await.unwrap(), Exit::Unknown);
    // The zombie does not count as the process.
    assert!(!is_same(child.pid, start));
    assert_eq!(child.pidfd.wait().await.unwrap(), Exit::Signal(libc::SIGKILL));
    assert!(PidFd::open_same(child.pid, start).unwrap().is_none());
    assert!(PidFd::open(0).is_err());
}

#[tokio::test]
async fn a_dropped_child_runs_on_and_leaves_no_zombie() {
    let child = spawn(sleeper()).unwrap();
    let (pid, start) = (child.pid, start_time(child.pid).unwrap());
    let other = PidFd::open(pid).unwrap();
    drop(child);
    assert!(is_same(pid, start));
    other.signal(libc::SIGKILL).unwrap();
    other.wait().await.unwrap();
    // The reaping task is woken by the same end of the process.
    tokio::time::timeout(Duration::from_secs(10), async {
        while Path::new(&format!("/proc/{pid}")).exists() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}

#[test]
fn a_child_dropped_outside_a_runtime_is_reaped_by_a_later_drop() {
    let child = spawn(sleeper()).unwrap();
    let pid = child.pid;
    let (other, again) = (PidFd::open(pid).unwrap(), PidFd::open(pid).unwrap());
    drop(child);
    other.signal(libc::SIGKILL).unwrap();
    let mut set = [rustix::event::PollFd::from_borrowed_fd(other.as_fd(), rustix::event::PollFlags::IN)];
    rustix::event::poll(&mut set, None).unwrap();
    drop(again);
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn many_threads_spawn_at_once() {
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let child = spawn(Plan::new("/bin/true")).unwrap();
                    let mut set = [rustix::event::PollFd::from_borrowed_fd(
                        child.pidfd.as_fd(),
                        rustix::event::PollFlags::IN,
                    )];
                    rustix::event::poll(&mut set, None).unwrap();
                    assert_eq!(child.pidfd.try_wait().unwrap(), Some(Exit::Code(0)));
                }
            });
        }
    });
}

fn sleeper() -> Plan {
    let mut plan = Plan::new("/bin/sleep");
    plan.args = vec!["1000".into()];
    plan
}

#[tokio::test]
async fn a_private_dev_is_the_childs_alone() {
    if !crate::private_dev::is_available() {
        return eprintln!("not run: a_private_dev_is_the_childs_alone: no mounts can be made here");
    }
    let before = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let mut dev = crate::private_dev::PrivateDev::new().unwrap();
    for path in ["/dev/null", "/dev/ptmx"] {
        dev.add(Path::new(path), None).unwrap();
    }
    let (text, exit) = shell("ls /dev; echo x > /dev/null && ls /dev/pts/ptmx", |plan| {
        plan.env = vec![("PATH".into(), "/usr/bin:/bin".into())];
        plan.mounts = dev.into_mounts();
    })
    .await;
    assert!(exit.success(), "{text}");
    let names: Vec<_> = text.lines().collect();
    assert!(names.contains(&"null") && names.contains(&"pts") && !names.contains(&"zero"), "{text}");
    assert_eq!(std::fs::read_to_string("/proc/self/mountinfo").unwrap(), before);
    assert!(Path::new("/dev/zero").exists());
}

#[test]
fn a_mount_that_cannot_be_is_named() {
    let mut plan = Plan::new("/bin/true");
    plan.mounts = vec![(File::open("/proc/self/status").unwrap().into(), "/dev".into())];
    let Err(Error::Spawn { stage, .. }) = spawn(plan) else { panic!("it runs") };
    assert!(matches!(stage, Stage::Mount(0) | Stage::Namespace), "{stage}");
}

#[tokio::test]
async fn a_process_waits_at_its_gate_and_goes_on_when_it_is_let() {
    let (gate, theirs) = Gate::new().unwrap();
    let keeper = std::thread::spawn(move || {
        let pid = gate.arrival().unwrap();
        // It is there, and not yet its program.
        let waits =
            std::fs::read_link(format!("/proc/{pid}/exe")).unwrap() == std::env::current_exe().unwrap();
        gate.open().unwrap();
        (pid, waits)
    });
    let mut plan = Plan::new("/bin/sh");
    plan.args = vec!["-c".into(), "[ -e /proc/$$/fd/3 ] && exit 4; exit 5".into()];
    plan.gate = Some(theirs);
    let child = spawn(plan).unwrap();
    assert_eq!(keeper.join().unwrap(), (child.pid, true));
    assert_eq!(child.pidfd.wait().await.unwrap(), Exit::Code(5));
}

#[test]
fn a_process_that_is_not_let_through_its_gate_ends() {
    let (gate, theirs) = Gate::new().unwrap();
    let keeper = std::thread::spawn(move || gate.arrival().is_some());
    let plan = Plan { gate: Some(theirs), ..Plan::new("/bin/true") };
    let Err(Error::Spawn { stage, .. }) = spawn(plan) else { panic!("it was started") };
    assert_eq!(stage, Stage::Gate);
    assert!(keeper.join().unwrap());
    // One that fails before it comes there.
    let (gate, theirs) = Gate::new().unwrap();
    let plan = Plan { gate: Some(theirs), ids: None, program: "relative".into(), ..Plan::new("/bin/true") };
    assert!(spawn(plan).is_err());
    assert_eq!(gate.arrival(), None);
}
