//! How often a guest's balloon driver reports its memory.

use ::driver::jobs::Job;
use model::domain::Domain as Definition;
use model::domain::device::Device;
use protocol::consts::DomainModificationImpact as Affect;
use protocol::remote::DomainSetMemoryStatsPeriodArgs;
use protocol::{ErrorDomain, Fault};

use crate::driver::{Driver, check_flags};
use crate::impact;
use crate::parts;
use crate::process::control::active_monitor;

/// Procedure 308; a period of 0 seconds ends the reports.
pub async fn set_period(driver: &Driver, args: &DomainSetMemoryStatsPeriodArgs) -> Result<(), Fault> {
    let flags = check_flags("virDomainSetMemoryStatsPeriod", args.flags, Affect::all())?;
    let seconds = u32::try_from(args.period).map_err(|_| {
        Fault::invalid_arg(ErrorDomain::DOMAIN, format!("period {} must be zero or greater", args.period))
    })?;
    let domain = driver.domain(&args.dom)?;
    let job = domain.begin(Job::Modify, "virDomainSetMemoryStatsPeriod").await?;
    let alias = {
        let state = domain.lock();
        let targets = impact::targets(&state, flags)?;
        let live = state.live.as_ref().filter(|_| targets.live);
        live.map(|live| {
            let balloon = parts::balloon(&live.definition).ok_or_else(no_balloon)?;
            Ok::<_, Fault>(balloon.info.alias.clone().unwrap_or_default())
        })
    };
    if let Some(alias) = alias.transpose()? {
        let path = format!("/machine/peripheral/{alias}");
        let set = active_monitor(&domain)?.set_balloon_period(&path, seconds).await;
        set.map_err(Fault::from)?;
    }
    impact::change(driver, &domain, &job, flags, |definition| put(definition, seconds), |_| {}).await
}

fn put(definition: &mut Definition, seconds: u32) -> Result<(), Fault> {
    parts::balloon(definition).ok_or_else(no_balloon)?;
    for device in &mut definition.devices {
        if let Device::Memballoon(balloon) = device {
            balloon.stats_period = Some(seconds).filter(|seconds| *seconds > 0);
        }
    }
    Ok(())
}

fn no_balloon() -> Fault {
    let detail = "No memory balloon device configured, can not set the collection period";
    Fault::internal(ErrorDomain::QEMU, detail)
}
