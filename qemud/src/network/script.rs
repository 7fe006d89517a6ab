//! Programs that a definition names, run with the device's name: they set up what only the administrator knows.

use std::path::Path;
use std::time::Duration;

use ::driver::documents::blocking;
use host::process::{Exit, Plan, spawn};
use protocol::{ErrorDomain, Fault};

use super::machine;

/// How long a script may run.
const LIMIT: Duration = Duration::from_secs(60);
const SIGKILL: i32 = 9;

/// Runs a script; fails if it does.
pub(super) async fn run(path: &str, device: &str) -> Result<(), Fault> {
    let failed = |how: String| {
        Fault::internal(ErrorDomain::NONE, format!("network script '{path} {device}' failed: {how}"))
    };
    if !Path::new(path).is_absolute() {
        return Err(failed("its path is not absolute".to_owned()));
    }
    let mut plan = Plan::new(path);
    plan.args.push(device.into());
    let home = std::env::var_os("HOME").unwrap_or_else(|| "/".into());
    plan.env = vec![
        ("LC_ALL".into(), "C".into()),
        ("PATH".into(), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into()),
        ("HOME".into(), home),
    ];
    let child = blocking(move || spawn(plan)).await.map_err(|error| failed(error.full_text()))?;
    match tokio::time::timeout(LIMIT, child.pidfd.wait()).await {
        Ok(Ok(Exit::Code(0))) => Ok(()),
        Ok(Ok(exit)) => Err(failed(exit.to_string())),
        Ok(Err(error)) => Err(machine(error)),
        Err(_) => {
            child.pidfd.signal(SIGKILL).map_err(machine)?;
            Err(failed(format!("it did not end within {} seconds", LIMIT.as_secs())))
        }
    }
}
