//! Firmware descriptors (QEMU's `docs/interop/firmware.json`) and the choice among them for `<os firmware=…>`.

use serde::Deserialize;

/// One descriptor file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Firmware {
    /// `uefi`, `bios`, …
    pub interface_types: Vec<String>,
    /// How it is given to QEMU.
    pub mapping: Mapping,
    /// Architectures and machines it is for.
    pub targets: Vec<Target>,
    /// Properties: `secure-boot`, `requires-smm`, …
    pub features: Vec<String>,
}

/// Files of a firmware.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "device", rename_all = "kebab-case")]
pub enum Mapping {
    /// Two flash chips: code and variables.
    #[serde(rename_all = "kebab-case")]
    Flash {
        /// `split`, `combined` or `stateless`; split when absent.
        #[serde(default)]
        mode: Option<String>,
        /// Code.
        executable: FlashFile,
        /// Template of the variable store.
        #[serde(default)]
        nvram_template: Option<FlashFile>,
    },
    /// One read-only image.
    Memory {
        /// Path.
        filename: String,
    },
    /// Given as the guest's kernel.
    Kernel {
        /// Path.
        filename: String,
    },
}

/// Path and format of a flash image.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct FlashFile {
    /// Path.
    pub filename: String,
    /// `raw` or `qcow2`.
    pub format: String,
}

/// What a firmware runs on.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Target {
    /// QEMU's architecture name.
    pub architecture: String,
    /// Glob patterns of canonical machine names.
    pub machines: Vec<String>,
}

/// What a domain asks of its firmware.
#[derive(Clone, Debug, Default)]
pub struct Wanted<'a> {
    /// `uefi` or `bios`.
    pub interface: &'a str,
    /// Architecture.
    pub arch: &'a str,
    /// Canonical machine name.
    pub machine: &'a str,
    /// Suspend to memory must be offered.
    pub acpi_s3: bool,
    /// Suspend to disk must be offered.
    pub acpi_s4: bool,
    /// `<feature name='secure-boot'>`.
    pub secure_boot: Option<bool>,
    /// `<feature name='enrolled-keys'>`.
    pub enrolled_keys: Option<bool>,
    /// `<loader secure='yes'>`.
    pub loader_secure: bool,
    /// Only firmware without a variable store.
    pub stateless: bool,
}

impl Firmware {
    /// Parses one descriptor file.
    pub fn parse(text: &str) -> Result<Firmware, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Whether the descriptor has a feature.
    pub fn has(&self, feature: &str) -> bool {
        self.features.iter().any(|f| f == feature)
    }

    /// Whether the firmware satisfies a domain.
    pub fn satisfies(&self, wanted: &Wanted<'_>) -> bool {
        let runs = self.targets.iter().any(|target| {
            target.architecture == wanted.arch && target.machines.iter().any(|m| glob(m, wanted.machine))
        });
        let secure_boot = self.has("secure-boot");
        let flash_ok = match &self.mapping {
            Mapping::Flash { mode, .. } => wanted.stateless == (mode.as_deref() == Some("stateless")),
            Mapping::Memory { .. } => true,
            Mapping::Kernel { .. } => false,
        };
        self.interface_types.iter().any(|i| i == wanted.interface)
            && runs
            && flash_ok
            && (!wanted.acpi_s3 || self.has("acpi-s3"))
            && (!wanted.acpi_s4 || self.has("acpi-s4"))
            && wanted.secure_boot.is_none_or(|on| on == secure_boot)
            && wanted.enrolled_keys.is_none_or(|on| on == self.has("enrolled-keys"))
            && (!wanted.loader_secure || (self.has("requires-smm") && secure_boot))
    }
}

/// The first descriptor (in order of file names) that satisfies the domain.
pub fn choose<'a>(all: &'a [Firmware], wanted: &Wanted<'_>) -> Option<&'a Firmware> {
    all.iter().find(|firmware| firmware.satisfies(wanted))
}

/// Shell pattern with `*` and `?` only, as machine patterns use them; linear in time with one backtrack point.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p + 1, t));
                p += 1;
            }
            Some(&c) if c == b'?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((after, from)) => {
                    star = Some((after, from + 1));
                    p = after;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECURE: &str = r#"{"interface-types":["uefi"],"mapping":{"device":"flash","executable":{"filename":"/c","format":"raw"},
        "nvram-template":{"filename":"/v","format":"raw"}},"targets":[{"architecture":"x86_64","machines":["pc-q35-*"]}],
        "features":["secure-boot","requires-smm"],"tags":[]}"#;

    #[test]
    fn chooses_by_machine_and_feature() {
        let all = [Firmware::parse(SECURE).unwrap()];
        let q35 = Wanted { interface: "uefi", arch: "x86_64", machine: "pc-q35-7.2", ..Wanted::default() };
        assert!(choose(&all, &q35).is_some());
        assert!(choose(&all, &Wanted { machine: "pc-i440fx-7.2", ..q35.clone() }).is_none());
        assert!(choose(&all, &Wanted { secure_boot: Some(false), ..q35.clone() }).is_none());
        assert!(choose(&all, &Wanted { interface: "bios", ..q35 }).is_none());
    }

    #[test]
    fn globs() {
        assert!(glob("pc-q35-*", "pc-q35-7.2"));
        assert!(glob("*a*b", "xxaxxb"));
        assert!(!glob("pc", "pc-q35"));
        assert!(glob("p?", "pc"));
    }
}
