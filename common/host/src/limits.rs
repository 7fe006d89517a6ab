//! Limits and marks of this process itself.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{Error, Result};

/// Raises the number of files this process may open to `wanted`, or as far as it is allowed to; answers the
/// limit now in force. Never lowers it.
pub fn raise_open_files(wanted: u64) -> Result<u64> {
    let now = getrlimit(Resource::Nofile);
    // None stands for no limit.
    let (soft, hard) = (now.current.unwrap_or(u64::MAX), now.maximum.unwrap_or(u64::MAX));
    if soft >= wanted {
        return Ok(soft);
    }
    // Raising the hard limit needs a privilege; without it the hard limit is as far as it goes.
    let raised = Rlimit { current: Some(wanted), maximum: now.maximum.map(|hard| hard.max(wanted)) };
    if hard < wanted && setrlimit(Resource::Nofile, raised).is_ok() {
        return Ok(wanted);
    }
    let soft = hard.min(wanted);
    setrlimit(Resource::Nofile, Rlimit { current: Some(soft), maximum: now.maximum })
        .map_err(|error| Error::system("raise the limit of open files")(error.into()))?;
    Ok(soft)
}

/// Keeps the memory of this process, which may hold secrets, from core files and from other processes of its
/// user.
pub fn forbid_dumps() -> Result<()> {
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .map_err(|error| Error::system("forbid memory dumps")(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Both change the whole process, so that each runs in a process of its own.
    fn in_own_process(name: &str) {
        let own = std::env::current_exe().unwrap();
        let status = std::process::Command::new(own)
            .args(["--exact", &format!("limits::tests::{name}")])
            .env("LIMITS_TEST", "1")
            .stdout(std::process::Stdio::null())
            .status();
        assert!(status.unwrap().success());
    }

    fn is_own_process() -> bool {
        std::env::var_os("LIMITS_TEST").is_some()
    }

    #[test]
    fn open_files_are_raised_never_lowered() {
        if !is_own_process() {
            return in_own_process("open_files_are_raised_never_lowered");
        }
        let hard = getrlimit(Resource::Nofile).maximum;
        setrlimit(Resource::Nofile, Rlimit { current: Some(100), maximum: hard }).unwrap();
        assert_eq!(raise_open_files(200).unwrap(), 200);
        assert_eq!(raise_open_files(50).unwrap(), 200);
        assert_eq!(getrlimit(Resource::Nofile).current, Some(200));
        assert!(raise_open_files(u64::from(u32::MAX) * 4).is_ok());
    }

    #[test]
    fn dumps_are_forbidden() {
        if !is_own_process() {
            return in_own_process("dumps_are_forbidden");
        }
        forbid_dumps().unwrap();
        let now = rustix::process::dumpable_behavior().unwrap();
        assert_eq!(now, rustix::process::DumpableBehavior::NotDumpable);
    }
}
