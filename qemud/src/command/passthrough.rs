//! Elements of QEMU's own namespace: arguments and properties that the user adds.

use model::domain::Domain;
use model::domain::qemu_namespace::OverrideValue;

use super::PlanError;
use super::build::Build;
use super::props::Props;

/// What QEMU does with deprecated interfaces: development aid.
pub(super) fn deprecation(build: &mut Build<'_>) {
    let behavior = build.domain.qemu.as_ref().and_then(|qemu| qemu.deprecation.as_deref());
    let (output, input) = match behavior {
        Some("omit") => ("hide", None),
        Some("reject") => ("hide", Some("reject")),
        Some("crash") => ("hide", Some("crash")),
        _ => return,
    };
    let props = Props::new().str("deprecated-output", output).opt_str("deprecated-input", input);
    build.plan.option("-compat", props.to_json());
}

/// Arguments and environment of the user's.
pub(super) fn arguments(build: &mut Build<'_>) {
    let Some(qemu) = &build.domain.qemu else { return };
    for argument in &qemu.args {
        build.plan.flag(argument);
    }
    for (name, value) in &qemu.env {
        build.plan.env.push((name.clone(), value.clone().unwrap_or_default()));
    }
}

/// Applies the user's properties to those of a device.
pub(super) fn override_props(domain: &Domain, alias: &str, props: Props) -> Result<Props, PlanError> {
    let Some(qemu) = &domain.qemu else { return Ok(props) };
    let changes = qemu.overrides.iter().filter(|change| change.alias == alias);
    Ok(changes.flat_map(|change| &change.properties).fold(props, |mut props, (name, value)| match value {
        OverrideValue::String(text) => props.str(name, text),
        OverrideValue::Unsigned(number) => props.set(name, *number),
        OverrideValue::Signed(number) => props.set(name, *number),
        OverrideValue::Bool(on) => props.set(name, *on),
        OverrideValue::Remove => {
            props.remove(name);
            props
        }
    }))
}
