//! From a processor's bits to the nearest model and what differs from it.

use super::{CpuData, CpuMap, Model};
use crate::domain::cpu::{Cpu, CpuFeature, CpuMode, FeaturePolicy};

/// Which models may describe a processor.
pub enum Candidates<'a> {
    /// A host: a model must have nothing that the host lacks.
    Host,
    /// A guest: what it lacks is disabled. Only models that `known` has; `preferred` is taken at once.
    Guest {
        /// What keeps the emulator from running a model (QMP `query-cpu-definitions`, `unavailable-features`, in
        /// the map's names); `None`: the emulator does not know the model.
        known: &'a dyn Fn(&str) -> Option<Vec<String>>,
        /// Model that the emulator names itself.
        preferred: Option<&'a str>,
    },
}

/// A model with what differs from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Name of the model.
    pub model: String,
    /// Vendor of the processor.
    pub vendor: Option<String>,
    /// What it has more (required) or lacks (disabled), in the map's order.
    pub features: Vec<CpuFeature>,
}

impl Decoded {
    /// How much speaks against this description: what its features cost, and how many it leaves out.
    pub fn cost(&self) -> (usize, usize) {
        cost(&self.features)
    }

    /// As the CPU of a guest that shall look like the host.
    pub fn into_host_model(self) -> Cpu {
        Cpu {
            mode: Some(CpuMode::Custom),
            model: Some(self.model),
            vendor: self.vendor,
            features: self.features,
            ..Cpu::default()
        }
    }
}

impl CpuMap {
    /// The model that describes `data` best: one of the processor's own family and model before others, then the
    /// one whose list of differences costs least. `None`: no model fits.
    pub fn decode(&self, data: &CpuData, candidates: &Candidates<'_>) -> Option<Decoded> {
        let string = data.vendor();
        let vendor = self.vendors.iter().find(|v| Some(&v.string) == string.as_ref()).map(|v| v.name.clone());
        let signature = data.signature();
        let bits = data.features_only();
        let mut best: Option<(&Model, Vec<CpuFeature>)> = None;
        // Later models of the map go first where the lists are equally long.
        for model in self.models.iter().rev() {
            let Some(blockers) = candidates.admit(model) else { continue };
            if model.vendor.is_some() && model.vendor != vendor {
                continue;
            }
            let features = self.differences(model, &bits, blockers);
            if matches!(candidates, Candidates::Host) && lacks_any(&features) {
                continue;
            }
            if candidates.prefer(model) {
                best = Some((model, features));
                break;
            }
            let fits = |m: &Model| signature.is_some_and(|s| m.signatures.iter().any(|own| own.matches(s)));
            let better = match &best {
                None => true,
                Some((current, _)) if fits(current) && !fits(model) => false,
                Some((current, old)) => cost(&features) < cost(old) || (fits(model) && !fits(current)),
            };
            if better {
                best = Some((model, features));
            }
        }
        best.map(|(model, features)| Decoded { model: model.name.clone(), vendor, features })
    }

    fn differences(&self, model: &Model, bits: &CpuData, blockers: Vec<String>) -> Vec<CpuFeature> {
        let mut more = bits.clone();
        more.subtract(&model.data);
        let mut less = model.data.clone();
        less.subtract(bits);
        let named = |data: &CpuData, policy| {
            let names = self.feature_names(data).into_iter();
            names.map(move |name| CpuFeature { name: name.to_owned(), policy }).collect::<Vec<_>>()
        };
        let mut features = named(&more, FeaturePolicy::Require);
        features.extend(named(&less, FeaturePolicy::Disable));
        for name in blockers.into_iter().chain(model.removed.iter().cloned()) {
            if !features.iter().any(|f| f.name == name) {
                features.push(CpuFeature { name, policy: FeaturePolicy::Disable });
            }
        }
        features
    }
}

impl Candidates<'_> {
    /// What blocks the model; `None`: it is no candidate.
    fn admit(&self, model: &Model) -> Option<Vec<String>> {
        match self {
            Self::Host => model.decode_host.then(Vec::new),
            Self::Guest { known, .. } => model.decode_guest.then(|| known(&model.name)).flatten(),
        }
    }

    fn prefer(&self, model: &Model) -> bool {
        matches!(self, Self::Guest { preferred: Some(name), .. } if *name == model.name)
    }
}

/// What a list of differences costs, and how many features it leaves out. Programs that know a model expect all of its
/// features, so that a model of which many are missing is worse than an older one to which more are added: beyond the
/// first two, a feature left out costs as much as three that are added. (The weights are those by which the choice
/// equals libvirt 9.0's for QEMU's emulated processors, of 64 and of 32 bits.)
fn cost(features: &[CpuFeature]) -> (usize, usize) {
    let left_out = features.iter().filter(|f| f.policy == FeaturePolicy::Disable).count();
    (features.len() - left_out + 3 * left_out.saturating_sub(2), left_out)
}

fn lacks_any(features: &[CpuFeature]) -> bool {
    features.iter().any(|f| f.policy == FeaturePolicy::Disable)
}
