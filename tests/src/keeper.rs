//! The test's side of the program `keeper`, the parent of daemons and guests.

use crate::{LIMIT, program};
use serde_json::Value;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

/// How a process has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Code(i32),
    Signal(i32),
}

/// A running keeper. Dropping it ends everything it keeps.
pub(crate) struct Keeper {
    process: Child,
    orders: Option<ChildStdin>,
    news: Receiver<Value>,
    ended: HashMap<u32, End>,
}

impl Keeper {
    /// Starts one, if asked for in network and mount namespaces of its own.
    pub(crate) fn start(private_net: bool) -> Self {
        let mut process = Command::new(program("keeper"))
            .args(private_net.then_some("--private-net"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start the keeper: {error}"));
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (sender, news) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if sender.send(serde_json::from_str(&line).unwrap()).is_err() {
                    return;
                }
            }
        });
        let orders = process.stdin.take();
        Self { process, orders, news, ended: HashMap::new() }
    }

    /// Starts a daemon and returns its process number.
    pub(crate) fn spawn(&mut self, order: &Value) -> u32 {
        let orders = self.orders.as_mut().unwrap();
        writeln!(orders, "{order}").unwrap();
        let pid = self.until(|keeper, value| {
            keeper.note(value);
            value["started"].as_u64()
        });
        u32::try_from(pid).unwrap()
    }

    /// Waits for the end of a process.
    pub(crate) fn wait(&mut self, pid: u32) -> End {
        if let Some(end) = self.ended.remove(&pid) {
            return end;
        }
        self.until(|keeper, value| {
            keeper.note(value);
            keeper.ended.remove(&pid)
        })
    }

    /// Has the process ended?
    pub(crate) fn has_ended(&mut self, pid: u32) -> bool {
        while let Ok(value) = self.news.try_recv() {
            self.note(&value);
        }
        self.ended.contains_key(&pid)
    }

    /// The process number of the keeper itself: parent of daemons and orphaned guests.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    fn note(&mut self, value: &Value) {
        let number = |key: &str| value[key].as_i64().and_then(|number| i32::try_from(number).ok());
        let Some(pid) = value["ended"].as_u64().and_then(|pid| u32::try_from(pid).ok()) else { return };
        let end = number("code").map_or_else(|| End::Signal(number("signal").unwrap_or_default()), End::Code);
        self.ended.insert(pid, end);
    }

    fn until<T>(&mut self, mut found: impl FnMut(&mut Self, &Value) -> Option<T>) -> T {
        let end = Instant::now() + LIMIT;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let value = self
                .news
                .recv_timeout(left)
                .unwrap_or_else(|error| panic!("waiting for the keeper: {error}"));
            if let Some(result) = found(self, &value) {
                return result;
            }
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.orders.take());
        // A keeper that does not end has lost its guests; the test's own failure matters more than that.
        let _ = self.process.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn order(script: &str, log: &std::path::Path) -> Value {
        json!({ "program": "/bin/sh", "args": ["-c", script], "env": {}, "stderr": log })
    }

    #[test]
    fn the_end_of_every_process_is_told() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let mut keeper = Keeper::start(false);
        let first = keeper.spawn(&order("exit 3", log.path()));
        assert_eq!(keeper.wait(first), End::Code(3));
        let second = keeper.spawn(&order("kill -9 $$", log.path()));
        assert_eq!(keeper.wait(second), End::Signal(9));
    }

    #[test]
    fn orphans_end_with_the_keeper() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = Keeper::start(false);
        let note = folder.path().join("orphan");
        let script = format!(
            "PATH=/usr/bin:/bin; setsid sh -c 'echo $$ > {0}.new; mv {0}.new {0}; exec sleep 1000' & \
                              while ! [ -e {0} ]; do :; done; exit 0",
            note.display()
        );
        let parent = keeper.spawn(&order(&script, &folder.path().join("log")));
        assert_eq!(keeper.wait(parent), End::Code(0));
        let orphan: i32 = std::fs::read_to_string(&note).unwrap().trim().parse().unwrap();
        let orphan = rustix::process::Pid::from_raw(orphan).unwrap();
        assert!(rustix::process::test_kill_process(orphan).is_ok());
        drop(keeper);
        assert!(rustix::process::test_kill_process(orphan).is_err());
    }
}
