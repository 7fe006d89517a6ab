//! Fault points: places where a test lets the process die, as a power cut would.
//!
//! `OXIVIRT_FAULT=store.rename` kills the process with SIGKILL when it first reaches that point,
//! `OXIVIRT_FAULT=store.rename:3` when it reaches it the third time. Compiled always; a point that is not armed
//! costs one relaxed load.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// The points of this crate, in the order in which a call meets them. Other crates list theirs likewise.
pub const POINTS: &[&str] = &[
    "store.create",    // before the temporary file is made
    "store.write",     // temporary file exists, empty
    "store.sync",      // written, not synced
    "store.rename",    // synced, old file still in place
    "store.dirsync",   // new file in place, directory not synced
    "store.remove",    // before a file is removed
    "store.removed",   // removed, directory not synced
    "store.link",      // before a symbolic link is put in place
    "process.spawn",   // before the child is made
    "process.spawned", // child runs, nobody has noted its number
];

const UNKNOWN: u8 = 0;
const OFF: u8 = 1;
const ON: u8 = 2;

static STATE: AtomicU8 = AtomicU8::new(UNKNOWN);
static ARMED: OnceLock<Option<Armed>> = OnceLock::new();

/// Dies here if the environment armed this point.
#[inline]
pub fn at(point: &str) {
    if STATE.load(Ordering::Relaxed) != OFF {
        reached(point);
    }
}

#[derive(Debug)]
struct Armed {
    point: String,
    left: AtomicUsize,
}

impl Armed {
    /// `point` or `point:n`; n counts from 1. Anything else arms nothing.
    fn parse(text: &str) -> Option<Armed> {
        let (point, count) = text.split_once(':').unwrap_or((text, "1"));
        let count: usize = count.parse().ok().filter(|n| *n > 0)?;
        if point.is_empty() {
            return None;
        }
        Some(Armed { point: point.to_owned(), left: AtomicUsize::new(count) })
    }

    /// Whether this visit is the fatal one.
    fn hit(&self, point: &str) -> bool {
        self.point == point && self.left.fetch_sub(1, Ordering::Relaxed) == 1
    }
}

#[cold]
fn reached(point: &str) {
    let armed =
        ARMED.get_or_init(|| std::env::var("OXIVIRT_FAULT").ok().and_then(|text| Armed::parse(&text)));
    STATE.store(if armed.is_some() { ON } else { OFF }, Ordering::Relaxed);
    if armed.as_ref().is_some_and(|armed| armed.hit(point)) {
        die();
    }
}

/// SIGKILL to ourselves: no destructor, no handler, no flush.
fn die() -> ! {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    std::process::abort()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_visits_of_its_own_point_only() {
        let armed = Armed::parse("store.rename:2").unwrap();
        assert!(!armed.hit("store.rename"));
        assert!(!armed.hit("store.write"));
        assert!(armed.hit("store.rename"));
        assert!(!armed.hit("store.rename"));
    }

    #[test]
    fn nonsense_arms_nothing() {
        for text in ["", ":1", "a:0", "a:b", "a:1:2"] {
            assert!(Armed::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn every_point_used_here_is_listed() {
        let mut used = Vec::new();
        for source in [include_str!("store.rs"), include_str!("process/mod.rs")] {
            for rest in source.split("fault::at(\"").skip(1) {
                used.push(rest.split('"').next().unwrap());
            }
        }
        for point in &used {
            assert!(POINTS.contains(point), "{point}");
        }
        for point in POINTS {
            assert!(used.contains(point), "{point} is listed but not used");
        }
    }
}
