//! The two documents that clients ask for.

use std::sync::Arc;

use model::Token;
use model::capabilities::Capabilities as Document;
use model::domain::VirtType;
use model::domain::os::Arch;

use super::binaries::is_native;
use super::domain::Subject;
use super::error::CapabilitiesError;
use super::firmware::Installed;
use super::guests::guest;
use super::host_cpu::Processor;
use super::host_facts::Facts;
use super::qemu::{Machine, QemuCaps};
use super::{Capabilities, blocking};

/// What a client asks domain capabilities of; whatever is not given is chosen.
#[derive(Clone, Copy, Debug, Default)]
struct Question<'a> {
    emulator: Option<&'a str>,
    arch: Option<&'a str>,
    machine: Option<&'a str>,
    virt_type: Option<&'a str>,
}

impl Capabilities {
    /// Names of the processor models known for an architecture; empty where models have no names, None for an
    /// architecture whose processors are not described at all.
    pub async fn cpu_models(&self, arch: Arch) -> Result<Option<Vec<String>>, String> {
        match arch {
            Arch::X86_64 | Arch::I686 | Arch::Ppc64 | Arch::Ppc64le => {
                let names = blocking(move || super::host_cpu::model_names(arch)).await;
                names.map_err(|error| error.to_string())?.map(Some)
            }
            Arch::Armv6l | Arch::Armv7l | Arch::Armv7b | Arch::Aarch64 | Arch::S390 | Arch::S390x => {
                Ok(Some(Vec::new()))
            }
            _ => Ok(None),
        }
    }

    /// The document of `virConnectGetCapabilities`: the host, and what its emulators can run. An emulator that
    /// cannot be probed is left out; the log says why.
    pub async fn host_xml(&self) -> Result<String, CapabilitiesError> {
        let emulators = self.emulators().await?;
        let probes = emulators.into_iter().map(|(arch, binary)| {
            let capabilities = self.clone();
            (arch, tokio::spawn(async move { capabilities.of(&binary).await }))
        });
        // All are started before the first is waited for.
        let probes: Vec<_> = probes.collect();
        let facts = self.facts().await?;
        let mut guests = Vec::new();
        for (arch, probe) in probes {
            if let Ok(Ok(caps)) = probe.await {
                guests.push(guest(arch, &caps));
            }
        }
        let settings = self.inner.settings.clone();
        let host = blocking(move || facts.host(&settings)).await?;
        Ok(Document { host, guests }.format())
    }

    /// The document of `virConnectGetDomainCapabilities`. Each argument may be left out; what stands for it then is
    /// the host's architecture, its default binary, KVM where that works, and the emulator's default machine.
    pub async fn domain_xml(
        &self,
        emulator: Option<&str>,
        arch: Option<&str>,
        machine: Option<&str>,
        virttype: Option<&str>,
    ) -> Result<String, CapabilitiesError> {
        let question = Question { emulator, arch, machine, virt_type: virttype };
        let virt_type = question.virt_type()?;
        let arch = match question.arch {
            Some(name) => {
                Arch::from_word(name).ok_or_else(|| CapabilitiesError::UnknownArch(name.to_owned()))?
            }
            None => Arch::from_word(self.inner.finder.host()).unwrap_or(Arch::X86_64),
        };
        let caps = match question.emulator {
            Some(binary) => self.of(binary).await?,
            None => {
                let none = || CapabilitiesError::NoEmulator { arch: arch.as_str().to_owned() };
                self.of(&self.emulator_of(arch.as_str()).await.ok_or_else(none)?).await?
            }
        };
        let facts = self.facts().await?;
        let (virt_type, machine) = question.resolve(&caps, arch, virt_type)?;
        let subject = Subject { caps: &caps, virt_type, machine, arch };
        let firmware = self.firmware().await?;
        Ok(subject.describe(&facts.around, &firmware).format())
    }

    /// The firmware that is installed now.
    pub(crate) async fn firmware(&self) -> Result<Arc<Installed>, CapabilitiesError> {
        let capabilities = self.clone();
        blocking(move || capabilities.inner.firmware.now()).await
    }

    /// The host's time stamp counter, where KVM tells it.
    pub async fn tsc(&self) -> Result<Option<host::cpu::Tsc>, CapabilitiesError> {
        Ok(self.facts().await?.tsc())
    }

    /// The host's processor, by which models and features are judged. None where nothing is known: another
    /// architecture, or no CPU map.
    pub async fn processor(&self) -> Result<Option<Arc<Processor>>, CapabilitiesError> {
        Ok(self.facts().await?.processor())
    }

    /// The host's facts, read once.
    async fn facts(&self) -> Result<Arc<Facts>, CapabilitiesError> {
        let host = self.inner.finder.host().to_owned();
        let read = || async { blocking(move || Arc::new(Facts::read(host))).await };
        self.inner.facts.get_or_try_init(read).await.cloned()
    }
}

impl<'a> Question<'a> {
    /// The type asked for; "none" is as good as nothing.
    fn virt_type(&self) -> Result<Option<VirtType>, CapabilitiesError> {
        match self.virt_type.filter(|name| *name != "none") {
            Some(name) => {
                let unknown = || CapabilitiesError::UnknownVirtType(name.to_owned());
                VirtType::from_word(name).map(Some).ok_or_else(unknown)
            }
            None => Ok(None),
        }
    }

    /// Type and machine, if this emulator has them. The order of the checks is the reference's.
    fn resolve<'b>(
        &self,
        caps: &'b QemuCaps,
        arch: Arch,
        virt_type: Option<VirtType>,
    ) -> Result<(VirtType, &'b Machine), CapabilitiesError> {
        let binary = || caps.binary.clone();
        if self.emulator.is_some() && !are_related(&caps.arch, arch.as_str()) {
            return Err(CapabilitiesError::ArchMismatch {
                emulated: caps.arch.clone(),
                given: arch.as_str().to_owned(),
            });
        }
        let kvm = caps.kvm.is_some();
        let found = virt_type.unwrap_or(if kvm { VirtType::Kvm } else { VirtType::Qemu });
        // A type that the emulator does not have is found out later; until then any machine of it is good.
        let known =
            if caps.is_virt_type_supported(found.as_str()) { found.as_str() } else { caps.best_virt_type() };
        let machine = match self.machine {
            Some(name) => caps
                .machine(known, name)
                .ok_or_else(|| CapabilitiesError::Machine { binary: binary(), machine: name.to_owned() })?,
            None => caps.default_machine(known).ok_or_else(|| CapabilitiesError::Machine {
                binary: binary(),
                machine: "default".to_owned(),
            })?,
        };
        if caps.arch != arch.as_str() && !is_native(&caps.arch, arch.as_str()) {
            return Err(CapabilitiesError::Arch { binary: binary(), arch: arch.as_str().to_owned() });
        }
        if !caps.is_virt_type_supported(found.as_str()) {
            return Err(CapabilitiesError::VirtType {
                binary: binary(),
                virt_type: found.as_str().to_owned(),
            });
        }
        Ok((found, machine))
    }
}

/// Whether an emulator of one architecture may be named for guests of another at all.
fn are_related(emulated: &str, given: &str) -> bool {
    is_native(emulated, given) || is_native(given, emulated)
}
