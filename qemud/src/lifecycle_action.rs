//! What follows when a guest powers off, reboots or crashes, changed by a call.

use std::sync::Arc;

use ::driver::jobs::Job;
use model::Token;
use model::domain::lifecycle::{Lifecycle, LifecycleAction};
use protocol::consts::{DomainModificationImpact as Affect, domain_lifecycle as end};
use protocol::remote::DomainSetLifecycleActionArgs;
use protocol::{ErrorCode, ErrorDomain, Fault};
use serde_json::json;

use crate::defaults;
use crate::driver::{Driver, check_flags};
use crate::impact;
use crate::process::control::active_monitor;

/// By their numbers (`virDomainLifecycleAction`).
const ACTIONS: [LifecycleAction; 6] = [
    LifecycleAction::Destroy,
    LifecycleAction::Restart,
    LifecycleAction::RenameRestart,
    LifecycleAction::Preserve,
    LifecycleAction::CoredumpDestroy,
    LifecycleAction::CoredumpRestart,
];

/// Procedure 390.
pub async fn set(driver: &Driver, args: &DomainSetLifecycleActionArgs) -> Result<(), Fault> {
    let flags = check_flags("virDomainSetLifecycleAction", args.flags, Affect::all())?;
    let action = action(args.r#type, args.action)?;
    let domain = driver.domain(&args.dom)?;
    let job = domain.begin(Job::Modify, "virDomainSetLifecycleAction").await?;
    let live = {
        let state = domain.lock();
        let targets = impact::targets(&state, flags)?;
        state.live.as_ref().filter(|_| targets.live).map(|live| live.definition.lifecycle)
    };
    let put = |lifecycle: &mut Lifecycle| match args.r#type {
        end::POWEROFF => lifecycle.on_poweroff = action,
        end::REBOOT => lifecycle.on_reboot = action,
        _ => lifecycle.on_crash = action,
    };
    if let Some(mut wanted) = live {
        let before = wanted.on_reboot == LifecycleAction::Destroy;
        put(&mut wanted);
        defaults::check_lifecycle(&wanted).map_err(Fault::from)?;
        let after = wanted.on_reboot == LifecycleAction::Destroy;
        if before != after {
            // QEMU itself ends a guest whose reboots end it.
            let reboot = if after { "shutdown" } else { "reset" };
            let monitor = active_monitor(&domain)?;
            monitor.execute("set-action", json!({ "reboot": reboot })).await.map_err(Fault::from)?;
        }
    }
    let apply = |definition: &mut model::domain::Domain| {
        put(&mut definition.lifecycle);
        defaults::check_lifecycle(&definition.lifecycle).map_err(Fault::from)
    };
    impact::change(driver, &Arc::clone(&domain), &job, flags, apply, |_| {}).await
}

/// The action that the numbers mean, if such an end can have it.
fn action(kind: u32, action: u32) -> Result<LifecycleAction, Fault> {
    let name = match kind {
        end::POWEROFF => "poweroff",
        end::REBOOT => "reboot",
        end::CRASH => "crash",
        _ => {
            return Err(Fault::invalid_arg(ErrorDomain::DOMAIN, format!("invalid lifecycle type '{kind}'")));
        }
    };
    let known = usize::try_from(action).ok().and_then(|n| ACTIONS.get(n)).copied();
    let known = known.ok_or_else(|| {
        Fault::invalid_arg(ErrorDomain::DOMAIN, format!("invalid lifecycle action '{action}'"))
    })?;
    let dumps = matches!(known, LifecycleAction::CoredumpDestroy | LifecycleAction::CoredumpRestart);
    if dumps && kind != end::CRASH {
        let detail = format!("a guest's {name} cannot have the action '{}'", known.as_str());
        return Err(Fault::new(ErrorDomain::DOMAIN, ErrorCode::CONFIG_UNSUPPORTED, detail));
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_ends_and_actions() {
        assert_eq!(action(end::CRASH, 5).unwrap(), LifecycleAction::CoredumpRestart);
        assert_eq!(action(end::POWEROFF, 4).unwrap_err().code, ErrorCode::CONFIG_UNSUPPORTED);
        assert_eq!(action(3, 0).unwrap_err().code, ErrorCode::INVALID_ARG);
        assert_eq!(action(0, 6).unwrap_err().code, ErrorCode::INVALID_ARG);
    }
}
