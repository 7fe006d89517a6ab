//! The guest's processor on this host: what `host-model` stands for, and whether the host has what a model needs.

use model::cpu_map::{CpuData, CpuMap};
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
    if let Some(processor) = processor {
        known(&domain.cpu, processor)?;
        fits(domain, processor, caps)?;
    }
    if like_host {
        let model = processor.and_then(|processor| processor.host_model(caps, &virt)).ok_or_else(|| {
            PlanError::unsupported("CPU mode 'host-model' is not supported for this domain on this host")
        })?;
        if let Some(processor) = processor {
            refuse_forbidden(&domain.cpu, processor, &model)?;
        }
        let own = domain.cpu.vendor.take();
        let minimum = domain.cpu.mode == Some(CpuMode::Custom);
        imitate(&mut domain.cpu, model);
        if minimum {
            domain.cpu.vendor = own;
        }
    }
    if domain.cpu.mode == Some(CpuMode::Custom) {
        choose_optional(&mut domain.cpu, caps, &virt);
        leave_removed(&mut domain.cpu, processor);
    }
    Ok(())
}

/// Whether a processor that is checked (`check='partial'`) can be had: a named one on the host's, one like the host's
/// of what QEMU offers here.
fn fits(domain: &Domain, processor: &Processor, caps: &QemuCaps) -> Result<(), PlanError> {
    let (cpu, virt) = (&domain.cpu, domain.virt_type.to_string());
    match cpu.mode {
        _ if cpu.check != Some(CpuCheck::Partial) => Ok(()),
        Some(CpuMode::Custom) if virt == "kvm" => compare(cpu, processor, &processor.data),
        Some(CpuMode::HostModel) => match processor.host_model_data(caps, &virt) {
            Some(offered) => compare(cpu, processor, &offered),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// A host-like model must not have what the document forbids.
fn refuse_forbidden(cpu: &Cpu, processor: &Processor, host: &Cpu) -> Result<(), PlanError> {
    let mut data = CpuData::default();
    if let Some(model) = host.model.as_deref().and_then(|name| processor.map.model(name)) {
        data.add(&model.data);
    }
    for told in &host.features {
        let Some(feature) = processor.map.feature(&told.name) else { continue };
        match told.policy {
            FeaturePolicy::Disable | FeaturePolicy::Forbid => data.subtract(&feature.data),
            FeaturePolicy::Force | FeaturePolicy::Require | FeaturePolicy::Optional => {
                data.add(&feature.data)
            }
        }
    }
    let mut forbidden = cpu.features.iter().filter(|feature| feature.policy == FeaturePolicy::Forbid);
    let here = |name: &str| processor.map.feature(name).is_some_and(|known| data.contains(&known.data));
    match forbidden.find(|feature| here(&feature.name)) {
        Some(feature) => {
            let name = &feature.name;
            Err(PlanError::CpuIncompatible(format!("Host CPU provides forbidden feature '{name}'")))
        }
        None => Ok(()),
    }
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
    // QEMU's own versions and stand-ins are not for definitions.
    let named = matches!(cpu.mode, Some(CpuMode::Custom | CpuMode::HostModel));
    let model = cpu.model.as_deref().filter(|_| named);
    if let Some(name) = model.filter(|name| processor.map.model(name).is_none()) {
        return Err(PlanError::Internal { part: Part::Cpu, detail: format!("Unknown CPU model {name}") });
    }
    match cpu.features.iter().find(|feature| processor.map.feature(&feature.name).is_none()) {
        Some(feature) => {
            let name = &feature.name;
            Err(PlanError::unsupported(format!("unknown CPU feature: {name}")).by(Part::Cpu))
        }
        None => Ok(()),
    }
}

/// Whether a processor with what is `there` has everything that the guest's must have. A guest like its host need
/// not name a model.
fn compare(cpu: &Cpu, processor: &Processor, there: &CpuData) -> Result<(), PlanError> {
    vendor(cpu, processor)?;
    let needed = match &cpu.model {
        Some(name) => processor.map.model(name).map(|model| model.data.clone()),
        None => Some(CpuData::default()),
    };
    needed.map_or(Ok(()), |needed| compare_with(cpu, needed, &processor.map, there))
}

/// Whether `there` is all that a guest's processor must have: `needed` and what the document says of single features.
fn compare_with(cpu: &Cpu, mut needed: CpuData, map: &CpuMap, there: &CpuData) -> Result<(), PlanError> {
    let names = |wanted: &[FeaturePolicy]| {
        let mut data = CpuData::default();
        let listed = cpu.features.iter().filter(|feature| wanted.contains(&feature.policy));
        listed.filter_map(|feature| map.feature(&feature.name)).for_each(|known| data.add(&known.data));
        data
    };
    let forbidden = names(&[FeaturePolicy::Forbid]);
    let found = map.feature_names(&common(&forbidden, there));
    if !found.is_empty() {
        let list = found.join(", ");
        return Err(PlanError::CpuIncompatible(format!("Host CPU provides forbidden features: {list}")));
    }
    needed.subtract(&names(&[
        FeaturePolicy::Force,
        FeaturePolicy::Disable,
        FeaturePolicy::Optional,
        FeaturePolicy::Forbid,
    ]));
    needed.add(&names(&[FeaturePolicy::Require]));
    let mut missing = needed.clone();
    missing.subtract(there);
    let missing = map.feature_names(&missing);
    if !missing.is_empty() {
        let list = missing.join(", ");
        return Err(PlanError::CpuIncompatible(format!(
            "Host CPU does not provide required features: {list}"
        )));
    }
    if cpu.matching == Some(CpuMatch::Strict) {
        needed.add(&names(&[FeaturePolicy::Force, FeaturePolicy::Optional, FeaturePolicy::Disable]));
        let mut extra = there.clone();
        extra.subtract(&needed);
        let extra = map.feature_names(&extra);
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::cpu_map::{Leaf, Registers};
    use model::domain::cpu::CpuFeature;

    use super::*;

    /// A host by "Maker" that has `one` and `two` of three features.
    fn processor() -> Processor {
        let feature = |name: &str, bit: u32| {
            format!("<feature name='{name}'><cpuid eax_in='7' ecx_in='0' ebx='{bit}'/></feature>")
        };
        let map = format!(
            "<cpus><vendor name='Maker' string='MakerOfChips'/><vendor name='Other' string='OtherOfChips'/>{}{}{}\
             <model name='small'><feature name='one'/></model>\
             <model name='large'><feature name='one'/><feature name='three'/>\
             <feature name='two' removed='yes'/></model></cpus>",
            feature("one", 1),
            feature("two", 2),
            feature("three", 4)
        );
        let mut data = CpuData::default();
        data.set(Leaf::Cpuid { eax: 7, ecx: 0 }, Registers { ebx: 3, ..Registers::default() });
        data.set_vendor("MakerOfChips");
        Processor { map: Arc::new(CpuMap::parse([map]).unwrap()), data }
    }

    fn cpu(model: &str, features: &[(&str, FeaturePolicy)]) -> Cpu {
        let feature =
            |(name, policy): &(&str, FeaturePolicy)| CpuFeature { name: (*name).to_owned(), policy: *policy };
        Cpu {
            mode: Some(CpuMode::Custom),
            model: Some(model.to_owned()),
            features: features.iter().map(feature).collect(),
            ..Cpu::default()
        }
    }

    fn refusal(cpu: &Cpu) -> Option<String> {
        compare(cpu, &processor(), &processor().data).err().map(|error| error.to_string())
    }

    #[test]
    fn what_the_host_lacks_is_named() {
        assert_eq!(refusal(&cpu("small", &[])), None);
        let told = refusal(&cpu("large", &[]));
        assert_eq!(told.as_deref(), Some("Host CPU does not provide required features: three"));
        assert_eq!(refusal(&cpu("large", &[("three", FeaturePolicy::Disable)])), None);
        assert_eq!(refusal(&cpu("large", &[("three", FeaturePolicy::Force)])), None);
        assert!(refusal(&cpu("small", &[("three", FeaturePolicy::Require)])).is_some());
        assert!(
            refusal(&cpu("small", &[("two", FeaturePolicy::Forbid)])).is_some_and(|t| t.ends_with("two"))
        );
    }

    #[test]
    fn strict_means_nothing_more() {
        let strict = |features| Cpu { matching: Some(CpuMatch::Strict), ..cpu("small", features) };
        assert!(refusal(&strict(&[])).is_some_and(|told| told.ends_with("two")));
        assert_eq!(refusal(&strict(&[("two", FeaturePolicy::Disable)])), None);
    }

    #[test]
    fn a_guest_like_its_host_may_name_no_model() {
        let like_host = Cpu { mode: Some(CpuMode::HostModel), ..Cpu::default() };
        assert_eq!(refusal(&like_host), None);
        let strict = Cpu { matching: Some(CpuMatch::Strict), ..like_host.clone() };
        assert!(refusal(&strict).is_some_and(|told| told.ends_with("Extra features: one, two")));
        let named = Cpu { model: Some("large".to_owned()), ..like_host.clone() };
        assert!(refusal(&named).is_some_and(|told| told.ends_with("three")));
        let unknown = Cpu { model: Some("huge".to_owned()), ..like_host };
        assert_eq!(known(&unknown, &processor()).unwrap_err().to_string(), "Unknown CPU model huge");
    }

    #[test]
    fn vendor_and_unknown_features() {
        let by = |vendor: &str| Cpu { vendor: Some(vendor.to_owned()), ..cpu("small", &[]) };
        assert_eq!(refusal(&by("Maker")), None);
        assert!(refusal(&by("Other")).is_some());
        let strange = cpu("small", &[("four", FeaturePolicy::Optional)]);
        assert_eq!(known(&strange, &processor()).unwrap_err().to_string(), "unknown CPU feature: four");
    }

    #[test]
    fn features_taken_out_of_a_model_are_off() {
        let mut large = cpu("large", &[]);
        leave_removed(&mut large, Some(&processor()));
        assert_eq!(large.features[0].name, "two");
        assert_eq!(large.features[0].policy, FeaturePolicy::Disable);
        let mut wanted = cpu("large", &[("two", FeaturePolicy::Require)]);
        leave_removed(&mut wanted, Some(&processor()));
        assert_eq!(wanted.features.len(), 1);
    }

    #[test]
    fn the_documents_word_goes_before_the_hosts() {
        let mut guest = cpu("", &[("two", FeaturePolicy::Disable), ("three", FeaturePolicy::Require)]);
        imitate(
            &mut guest,
            cpu("small", &[("one", FeaturePolicy::Require), ("two", FeaturePolicy::Require)]),
        );
        let told: Vec<_> = guest.features.iter().map(|f| (f.name.as_str(), f.policy)).collect();
        let expected = [
            ("one", FeaturePolicy::Require),
            ("two", FeaturePolicy::Disable),
            ("three", FeaturePolicy::Require),
        ];
        assert_eq!(told, expected);
        assert_eq!(guest.model.as_deref(), Some("small"));
    }
}
