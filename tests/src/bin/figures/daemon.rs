//! The measured daemon as a process: its start, its memory, its end.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};
use rustix::process::{Pid, Signal, kill_process};
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;
use tests::wire::Wire;

/// A running daemon.
pub(crate) struct Daemon {
    process: Child,
    program: Vec<String>,
    socket: PathBuf,
    uri: String,
    /// Time from its start to the answer to the first client, in milliseconds.
    pub(crate) start_ms: f64,
}

impl Daemon {
    /// Starts the program and waits until a client can open a connection.
    pub(crate) fn start(program: &[String], socket: &Path, uri: &str) -> Self {
        let (process, start_ms) = launch(program, socket, uri);
        Self { process, program: program.to_vec(), socket: socket.to_owned(), uri: uri.to_owned(), start_ms }
    }

    /// Ends the daemon and starts it again.
    pub(crate) fn restart(&mut self) {
        self.stop();
        (self.process, self.start_ms) = launch(&self.program, &self.socket, &self.uri);
    }

    /// Ends the daemon.
    pub(crate) fn stop(&mut self) {
        kill_process(Pid::from_child(&self.process), Signal::TERM).unwrap();
        self.process.wait().unwrap();
    }

    /// Resident memory, in MiB.
    pub(crate) fn memory_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib / 1024.0
    }
}

fn launch(program: &[String], socket: &Path, uri: &str) -> (Child, f64) {
    // The daemon may take its socket away on its own time; what is there must be the new one.
    let _ = std::fs::remove_file(socket);
    let folder = socket.parent().unwrap();
    std::fs::create_dir_all(folder).unwrap();
    let changes = init(CreateFlags::NONBLOCK).unwrap();
    add_watch(&changes, folder, WatchFlags::CREATE | WatchFlags::MOVED_TO).unwrap();
    let begin = Instant::now();
    let process = Command::new(&program[0]).args(&program[1..]).stdin(Stdio::null()).spawn().unwrap();
    let served = || socket.exists() && Wire::open(socket, uri).is_ok();
    let mut buffer = [MaybeUninit::uninit(); 4096];
    while !served() {
        // A socket that is bound but not listened on yet refuses: the next change, or another try, tells.
        let mut event = [PollFd::new(&changes, PollFlags::IN)];
        poll(&mut event, Some(&Timespec { tv_sec: 0, tv_nsec: 1_000_000 })).unwrap();
        let mut reader = Reader::new(&changes, &mut buffer);
        while reader.next().is_ok() {}
        assert!(begin.elapsed() < tests::LIMIT, "{program:?} does not serve");
    }
    (process, begin.elapsed().as_secs_f64() * 1000.0)
}
