//! What QEMU made of the guest's processor: the feature words that CPUID shows (QOM properties of a processor).

use futures_util::future;
use model::cpu_map::{CpuData, Leaf, Registers};
use serde::Deserialize;

use super::{Monitor, MonitorError};

/// Features of a running guest's processor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuWords {
    /// What the guest sees.
    pub enabled: CpuData,
    /// What was asked for and the accelerator cannot give.
    pub refused: CpuData,
}

/// One word of `feature-words` and `filtered-features` (QAPI: X86CPUFeatureWordInfo).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Word {
    cpuid_input_eax: u32,
    #[serde(default)]
    cpuid_input_ecx: u32,
    cpuid_register: String,
    features: u32,
}

impl Monitor {
    /// The feature words of the processor at `path` of the object tree.
    pub async fn cpu_words(&self, path: &str) -> Result<CpuWords, MonitorError> {
        let (enabled, refused) =
            future::try_join(self.words(path, "feature-words"), self.words(path, "filtered-features"))
                .await?;
        Ok(CpuWords { enabled, refused })
    }

    /// Which of these switches of the processor at `path` are on. Those that it does not have are off.
    pub async fn cpu_switches(&self, path: &str, names: &[String]) -> Vec<bool> {
        let asked = names.iter().map(|name| self.qom_get(path, name));
        let told = future::join_all(asked).await;
        told.into_iter().map(|answer| answer.is_ok_and(|value| value.as_bool() == Some(true))).collect()
    }

    async fn words(&self, path: &str, property: &str) -> Result<CpuData, MonitorError> {
        let value = self.qom_get(path, property).await?;
        let words: Vec<Word> = serde_json::from_value(value).map_err(|error| MonitorError::Reply {
            command: "qom-get".to_owned(),
            what: format!("'{property}' is no list of feature words: {error}"),
        })?;
        Ok(data(&words))
    }
}

fn data(words: &[Word]) -> CpuData {
    let mut data = CpuData::default();
    for word in words {
        let mut bits = Registers::default();
        match word.cpuid_register.as_str() {
            "EAX" => bits.eax = word.features,
            "EBX" => bits.ebx = word.features,
            "ECX" => bits.ecx = word.features,
            "EDX" => bits.edx = word.features,
            _ => continue,
        }
        data.set(Leaf::Cpuid { eax: word.cpuid_input_eax, ecx: word.cpuid_input_ecx }, bits);
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_registers() {
        let words: Vec<Word> = serde_json::from_value(serde_json::json!([
            {"cpuid-register": "EDX", "cpuid-input-eax": 1, "features": 5},
            {"cpuid-register": "ECX", "cpuid-input-eax": 1, "features": 6},
            {"cpuid-register": "EBX", "cpuid-input-eax": 7, "cpuid-input-ecx": 1, "features": 7},
            {"cpuid-register": "ESI", "cpuid-input-eax": 7, "features": 8}
        ]))
        .unwrap();
        let data = data(&words);
        let one = data.get(Leaf::Cpuid { eax: 1, ecx: 0 }).unwrap();
        assert_eq!((one.edx, one.ecx), (5, 6));
        assert_eq!(data.get(Leaf::Cpuid { eax: 7, ecx: 1 }).unwrap().ebx, 7);
        assert_eq!(data.get(Leaf::Cpuid { eax: 7, ecx: 0 }), None);
    }
}
