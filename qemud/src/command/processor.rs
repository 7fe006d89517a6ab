//! The guest's processor on this host: what `host-model` stands for, and whether the host has what a model needs.

use model::cpu_map::CpuData;
use model::domain::Domain;
use model::domain::cpu::{Cpu, CpuCheck, CpuFallback, CpuFeature, CpuMatch, CpuMode, FeaturePolicy};

use super::PlanError;
use super::options::PlanOptions;
use crate::capabilities::{Processor, QemuCaps};
use crate::defaults::Part;

/// Replaces the processor of a live definition by what QEMU is told, and refuses what the host cannot do.
pub(super) fn resolve(domain: &mut Domain, caps: &QemuCaps, options: &PlanOptions) -> Result<(), PlanError> {
    let virt = domain.virt_type.to_string();
    let processor = options.processor.as_deref();
    let like_host = domain.cpu.mode == Some(CpuMode::HostModel)
        || (domain.cpu.mode == Some(CpuMode::Custom) && domain.cpu.matching == Some(CpuMatch::Minimum));
    if let (Some(processor), Some(CpuMode::Custom)) = (processor, domain.cpu.mode) {
        known(&domain.cpu, processor)?;
        if virt == "kvm" && domain.cpu.check == Some(CpuCheck::Partial) {
            compare(&domain.cpu, processor)?;
        }
    }
    if like_host {
        let model = processor.and_then(|processor| processor.host_model(caps, &virt)).ok_or_else(|| {
            PlanError::unsupported("CPU mode 'host-model' is not supported for this domain on this host")
        })?;
        imitate(&mut domain.cpu, model);
    }
    if domain.cpu.mode == Some(CpuMode::Custom) {
        choose_optional(&mut domain.cpu, caps, &virt);
        leave_removed(&mut domain.cpu, processor);
    }
    Ok(())
}

/// The host's model, with what the document says of single features.
fn imitate(cpu: &mut Cpu, host: Cpu) {
    let own = std::mem::replace(&mut cpu.features, host.features);
    for feature in own {
        match cpu.features.iter_mut().find(|known| known.name == feature.name) {
            Some(known) => known.policy = feature.policy,
            None => cpu.features.push(feature),
        }
    }
    cpu.mode = Some(CpuMode::Custom);
    cpu.matching = Some(CpuMatch::Exact);
    cpu.model = host.model;
    cpu.vendor = host.vendor;
    cpu.fallback = CpuFallback::Forbid;
}

fn known(cpu: &Cpu, processor: &Processor) -> Result<(), PlanError> {
    match cpu.features.iter().find(|feature| processor.map.feature(&feature.name).is_none()) {
        Some(feature) => {
            let name = &feature.name;
            Err(PlanError::unsupported(format!("unknown CPU feature: {name}")).by(Part::Cpu))
        }
        None => Ok(()),
    }
}

/// Whether the host's processor has everything that the guest's must have.
fn compare(cpu: &Cpu, processor: &Processor) -> Result<(), PlanError> {
    vendor(cpu, processor)?;
    let Some(model) = cpu.model.as_deref().and_then(|name| processor.map.model(name)) else { return Ok(()) };
    let names = |wanted: &[FeaturePolicy]| {
        let mut data = CpuData::default();
        let listed = cpu.features.iter().filter(|feature| wanted.contains(&feature.policy));
        listed
            .filter_map(|feature| processor.map.feature(&feature.name))
            .for_each(|known| data.add(&known.data));
        data
    };
    let forbidden = names(&[FeaturePolicy::Forbid]);
    let found = processor.map.feature_names(&common(&forbidden, &processor.data));
    if !found.is_empty() {
        let list = found.join(", ");
        return Err(PlanError::CpuIncompatible(format!("Host CPU provides forbidden features: {list}")));
    }
    let mut needed = model.data.clone();
    needed.subtract(&names(&[
        FeaturePolicy::Force,
        FeaturePolicy::Disable,
        FeaturePolicy::Optional,
        FeaturePolicy::Forbid,
    ]));
    needed.add(&names(&[FeaturePolicy::Require]));
    let mut missing = needed.clone();
    missing.subtract(&processor.data);
    let missing = processor.map.feature_names(&missing);
    if !missing.is_empty() {
        let list = missing.join(", ");
        return Err(PlanError::CpuIncompatible(format!(
            "Host CPU does not provide required features: {list}"
        )));
    }
    if cpu.matching == Some(CpuMatch::Strict) {
        needed.add(&names(&[FeaturePolicy::Force, FeaturePolicy::Optional, FeaturePolicy::Disable]));
        let mut extra = processor.data.clone();
        extra.subtract(&needed);
        let extra = processor.map.feature_names(&extra);
        if !extra.is_empty() {
            let list = extra.join(", ");
            return Err(PlanError::CpuIncompatible(format!(
                "Host CPU does not strictly match guest CPU: Extra features: {list}"
            )));
        }
    }
    Ok(())
}

/// Bits that are set in both.
fn common(one: &CpuData, other: &CpuData) -> CpuData {
    let mut only = one.clone();
    only.subtract(other);
    let mut both = one.clone();
    both.subtract(&only);
    both
}

fn vendor(cpu: &Cpu, processor: &Processor) -> Result<(), PlanError> {
    let Some(wanted) = &cpu.vendor else { return Ok(()) };
    let host = processor.data.vendor();
    let same = processor
        .map
        .vendors
        .iter()
        .any(|vendor| vendor.name == *wanted && Some(&vendor.string) == host.as_ref());
    if same {
        return Ok(());
    }
    Err(PlanError::CpuIncompatible(format!("host CPU vendor does not match required CPU vendor {wanted}")))
}

/// A feature that is optional is on if QEMU can offer it here.
fn choose_optional(cpu: &mut Cpu, caps: &QemuCaps, virt: &str) {
    let offered = caps.accel(virt).and_then(|accel| accel.host_cpu.as_ref());
    for feature in cpu.features.iter_mut().filter(|feature| feature.policy == FeaturePolicy::Optional) {
        let name = super::cpu::qemu_name(&feature.name);
        let here = offered.is_some_and(|host| host.features.contains_key(&name));
        feature.policy = if here { FeaturePolicy::Require } else { FeaturePolicy::Disable };
    }
}

/// QEMU's model may have features that the map took out of it: they are off unless the document wants them.
fn leave_removed(cpu: &mut Cpu, processor: Option<&Processor>) {
    let model = cpu.model.as_deref().zip(processor).and_then(|(name, processor)| processor.map.model(name));
    for name in model.iter().flat_map(|model| &model.removed) {
        if !cpu.features.iter().any(|feature| feature.name == *name) {
            cpu.features.push(CpuFeature { name: name.clone(), policy: FeaturePolicy::Disable });
        }
    }
}
