//! The processor of a running guest: the live definition names every feature in which QEMU's differs from the
//! model, so that the guest can move to where it finds the same.

use model::cpu_map::{CpuData, CpuMap, Leaf};
use model::domain::cpu::{Cpu, CpuCheck, CpuFallback, CpuFeature, CpuMode, FeaturePolicy};
use protocol::{ErrorCode, ErrorDomain, Fault};

use crate::capabilities::Processor;
use crate::command;
use crate::monitor::{CpuWords, Monitor, MonitorError};

/// The feature that says that there are features in registers (IA32_ARCH_CAPABILITIES).
const REGISTERS: &str = "arch-capabilities";

/// Whether QEMU is asked about this processor: only a named model is told exactly.
pub(super) fn is_told(cpu: &Cpu) -> bool {
    cpu.mode == Some(CpuMode::Custom) && cpu.model.is_some()
}

/// Ask QEMU for the features of its first processor, which is at `path` of the object tree.
pub(super) async fn ask(
    monitor: &Monitor,
    processor: &Processor,
    path: &str,
) -> Result<CpuWords, MonitorError> {
    let mut words = monitor.cpu_words(path).await?;
    let map = &processor.map;
    if map.feature(REGISTERS).is_some_and(|feature| words.enabled.contains(&feature.data)) {
        let known: Vec<_> = map.features.iter().filter(|feature| in_register(&feature.data)).collect();
        let names: Vec<_> = known.iter().map(|feature| command::feature_name(&feature.name)).collect();
        let told = monitor.cpu_switches(path, &names).await;
        let on = known.iter().zip(told).filter(|(_, on)| *on);
        on.for_each(|(feature, _)| words.enabled.add(&feature.data));
    }
    Ok(words)
}

/// Puts what QEMU told into the guest's processor. A processor that had to be exactly as described
/// (`check='full'`) and is not is an error.
pub(super) fn adopt(cpu: &mut Cpu, map: &CpuMap, words: &CpuWords) -> Result<(), Fault> {
    let wanted = described(cpu, map);
    let exact = cpu.check == Some(CpuCheck::Full);
    let (mut extra, mut missing) = (Vec::new(), Vec::new());
    for feature in &map.features {
        let there = words.enabled.contains(&feature.data);
        let policy = match wanted.contains(&feature.data) {
            false if there => FeaturePolicy::Require,
            true if !there => FeaturePolicy::Disable,
            _ if words.refused.contains(&feature.data) => FeaturePolicy::Disable,
            _ => continue,
        };
        match (exact, policy) {
            (false, _) => update(cpu, &feature.name, policy),
            (true, FeaturePolicy::Require) => extra.push(feature.name.as_str()),
            (true, _) => missing.push(feature.name.as_str()),
        }
    }
    if exact && !(extra.is_empty() && missing.is_empty()) {
        return Err(mismatch(&extra, &missing));
    }
    cpu.check = Some(CpuCheck::Full);
    // From now on it is this model or none.
    cpu.fallback = CpuFallback::Forbid;
    Ok(())
}

/// The bits of the model with the document's changes.
fn described(cpu: &Cpu, map: &CpuMap) -> CpuData {
    let model = cpu.model.as_deref().and_then(|name| map.model(name));
    let mut data = model.map(|model| model.data.clone()).unwrap_or_default();
    for told in &cpu.features {
        let Some(feature) = map.feature(&told.name) else { continue };
        match told.policy {
            FeaturePolicy::Force | FeaturePolicy::Require => data.add(&feature.data),
            FeaturePolicy::Disable | FeaturePolicy::Forbid => data.subtract(&feature.data),
            FeaturePolicy::Optional => {}
        }
    }
    data
}

fn update(cpu: &mut Cpu, name: &str, policy: FeaturePolicy) {
    match cpu.features.iter_mut().find(|feature| feature.name == name) {
        Some(feature) => feature.policy = policy,
        None => cpu.features.push(CpuFeature { name: name.to_owned(), policy }),
    }
}

fn in_register(data: &CpuData) -> bool {
    data.leaves().any(|leaf| matches!(leaf, Leaf::Msr(_)))
}

fn mismatch(extra: &[&str], missing: &[&str]) -> Fault {
    let list =
        |what: &str, names: &[&str]| (!names.is_empty()).then(|| format!("{what}: {}", names.join(",")));
    let lists: Vec<_> =
        [list("extra features", extra), list("missing features", missing)].into_iter().flatten().collect();
    let detail = format!("guest CPU doesn't match specification: {}", lists.join(", "));
    Fault::new(ErrorDomain::CPU, ErrorCode::OPERATION_FAILED, detail)
}

#[cfg(test)]
mod tests {
    use model::cpu_map::Registers;

    use super::*;

    fn map() -> CpuMap {
        let feature = |name: &str, bit: u32| {
            format!("<feature name='{name}'><cpuid eax_in='7' ecx_in='0' ebx='{bit}'/></feature>")
        };
        let text = format!(
            "<cpus>{}{}{}<model name='m'><feature name='one'/><feature name='two'/></model></cpus>",
            feature("one", 1),
            feature("two", 2),
            feature("three", 4)
        );
        CpuMap::parse([text]).unwrap()
    }

    fn words(ebx: u32) -> CpuWords {
        let mut enabled = CpuData::default();
        enabled.set(Leaf::Cpuid { eax: 7, ecx: 0 }, Registers { ebx, ..Registers::default() });
        CpuWords { enabled, refused: CpuData::default() }
    }

    fn cpu() -> Cpu {
        Cpu { mode: Some(CpuMode::Custom), model: Some("m".to_owned()), ..Cpu::default() }
    }

    #[test]
    fn differences_are_named() {
        let mut guest = cpu();
        adopt(&mut guest, &map(), &words(2 | 4)).unwrap();
        let told: Vec<_> = guest.features.iter().map(|f| (f.name.as_str(), f.policy)).collect();
        assert_eq!(told, [("one", FeaturePolicy::Disable), ("three", FeaturePolicy::Require)]);
        assert_eq!((guest.check, guest.fallback), (Some(CpuCheck::Full), CpuFallback::Forbid));
    }

    #[test]
    fn an_exact_description_holds_or_fails() {
        let mut guest = Cpu { check: Some(CpuCheck::Full), ..cpu() };
        assert!(adopt(&mut guest, &map(), &words(3)).is_ok());
        let told = adopt(&mut guest, &map(), &words(2 | 4)).unwrap_err();
        assert_eq!(told.code, ErrorCode::OPERATION_FAILED);
        assert!(told.message.contains("extra features: three, missing features: one"), "{}", told.message);
        assert_eq!(guest.features, []);
    }
}
