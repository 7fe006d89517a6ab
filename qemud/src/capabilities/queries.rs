//! What a probe asks QEMU, and how the answers become [`QemuCaps`]. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::features::{features, libvirt_arch};
use super::qemu::{Accel, CpuModel, Gic, HostCpu, Machine, QemuCaps, Sev, Sgx, Version};
use super::schema::Schema;

/// Which process is asked: the first tells everything, the second only what differs without KVM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Round {
    /// With KVM where possible.
    Best,
    /// With TCG.
    Tcg,
}

/// All commands of a probe, as the bytes to write. QEMU ends when it has answered them: `quit` is the last.
pub(super) fn script(round: Round) -> Vec<u8> {
    let mut bytes = Vec::new();
    let model = if round == Round::Best { "host" } else { "max" };
    let mut say = |id: &str, command: &str, arguments: Value| {
        let line = match arguments.is_null() {
            true => json!({"execute": command, "id": id}),
            false => json!({"execute": command, "arguments": arguments, "id": id}),
        };
        bytes.extend_from_slice(line.to_string().as_bytes());
        bytes.push(b'\n');
    };
    say("qmp_capabilities", "qmp_capabilities", Value::Null);
    if round == Round::Best {
        for command in ONCE {
            say(command, command, Value::Null);
        }
        // What "host" is where KVM is not there after all.
        expand(&mut say, "max", "max");
        let hyperv = json!({"migratable": false, "hv-passthrough": true});
        say("hyperv", EXPANSION, json!({"type": "full", "model": {"name": "host", "props": hyperv}}));
    }
    say("query-machines", "query-machines", Value::Null);
    say("query-cpu-definitions", "query-cpu-definitions", Value::Null);
    expand(&mut say, model, model);
    say("quit", "quit", Value::Null);
    bytes
}

const EXPANSION: &str = "query-cpu-model-expansion";

/// Commands without arguments whose answers do not depend on the accelerator.
const ONCE: &[&str] = &[
    "query-version",
    "query-target",
    "query-kvm",
    "qom-list-types",
    "query-commands",
    "query-qmp-schema",
    "query-command-line-options",
    "query-migrate-capabilities",
    "query-tpm-models",
    "query-tpm-types",
    "query-gic-capabilities",
    "query-sev-capabilities",
    "query-sgx-capabilities",
];

fn expand(say: &mut impl FnMut(&str, &str, Value), model: &str, id: &str) {
    let static_of = |props: Value| json!({"type": "static", "model": {"name": model, "props": props}});
    say(id, EXPANSION, static_of(json!({})));
    say(&format!("{id}-all"), EXPANSION, static_of(json!({"migratable": false})));
}

/// The answers of one process, by the ids of the commands; refused commands are not in it.
#[derive(Debug, Default)]
pub(super) struct Answers(HashMap<String, Value>);

/// Why answers do not make capabilities.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    /// A line is not a message.
    #[error("its answers are not QMP: {0}")]
    Garbage(String),
    /// A command that every supported QEMU knows has no answer.
    #[error("it did not answer '{0}'")]
    Missing(String),
    /// An answer does not have its form.
    #[error("its answer to '{command}' is malformed: {what}")]
    Malformed {
        /// The command.
        command: String,
        /// What is wrong.
        what: String,
    },
    /// Older than this daemon supports.
    #[error("QEMU version >= {oldest} is required, but {version} found")]
    TooOld {
        /// What it is.
        version: Version,
        /// What it should be at least.
        oldest: Version,
    },
}

impl Answers {
    /// Read what a process wrote.
    pub(super) fn parse(output: &[u8]) -> Result<Self, Unusable> {
        let mut answers = HashMap::new();
        for line in
            output.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty())
        {
            let message: Value =
                serde_json::from_slice(line).map_err(|error| Unusable::Garbage(error.to_string()))?;
            let Value::Object(mut members) = message else {
                return Err(Unusable::Garbage("a message is not an object".to_owned()));
            };
            if let (Some(Value::String(id)), Some(answer)) = (members.remove("id"), members.remove("return"))
            {
                answers.insert(id, answer);
            }
        }
        Ok(Self(answers))
    }

    fn get<T: DeserializeOwned>(&self, id: &str) -> Result<Option<T>, Unusable> {
        let answer = self.0.get(id).map(T::deserialize).transpose();
        answer.map_err(|error| Unusable::Malformed { command: id.to_owned(), what: error.to_string() })
    }

    fn need<T: DeserializeOwned>(&self, id: &str) -> Result<T, Unusable> {
        self.get(id)?.ok_or_else(|| Unusable::Missing(id.to_owned()))
    }

    /// Names in a list of objects.
    fn names(&self, id: &str, key: &str) -> BTreeSet<String> {
        let items = self.0.get(id).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        items.iter().filter_map(|item| item.get(key)?.as_str().map(str::to_owned)).collect()
    }

    fn texts(&self, id: &str) -> Result<BTreeSet<String>, Unusable> {
        Ok(self.get(id)?.unwrap_or_default())
    }
}

/// Make sense of the answers of the first process and, where there was one, the second.
pub(super) fn digest(binary: &str, best: &Answers, tcg: Option<&Answers>) -> Result<QemuCaps, Unusable> {
    let version: VersionAnswer = best.need("query-version")?;
    let target: TargetAnswer = best.need("query-target")?;
    let kvm: KvmAnswer = best.get("query-kvm")?.unwrap_or_default();
    if version.qemu < super::qemu::OLDEST {
        return Err(Unusable::TooOld { version: version.qemu, oldest: super::qemu::OLDEST });
    }
    let mut caps = QemuCaps {
        binary: binary.to_owned(),
        version: version.qemu,
        package: version.package,
        arch: libvirt_arch(&target.arch).to_owned(),
        types: best.names("qom-list-types", "name"),
        commands: best.names("query-commands", "name"),
        options: options(best)?,
        migration: best.names("query-migrate-capabilities", "capability"),
        tpm_models: best.texts("query-tpm-models")?,
        tpm_types: best.texts("query-tpm-types")?,
        gic: best.get("query-gic-capabilities")?.unwrap_or_default(),
        sev: best.get::<SevAnswer>("query-sev-capabilities")?.map(Sev::from),
        sgx: best.get::<SgxAnswer>("query-sgx-capabilities")?.filter(|sgx| sgx.sgx).map(Sgx::from),
        ..QemuCaps::default()
    };
    if caps.types.is_empty() || caps.commands.is_empty() {
        return Err(Unusable::Missing("qom-list-types".to_owned()));
    }
    let schema: Value = best.get("query-qmp-schema")?.unwrap_or_default();
    caps.features = features(&caps, &Schema::new(&schema));
    if kvm.enabled {
        caps.kvm = Some(accel(best, "host")?);
        caps.hyperv = best.get("hyperv")?.map(|expansion: Expansion| hyperv(&expansion.model.props));
        caps.tcg = tcg.map(|tcg| accel(tcg, "max")).transpose()?;
    } else {
        caps.tcg = Some(accel(best, "max")?);
    }
    if !caps.has_feature("tcg") {
        caps.tcg = None;
    }
    Ok(caps)
}

fn accel(answers: &Answers, model: &str) -> Result<Accel, Unusable> {
    let machines: Vec<MachineAnswer> = answers.need("query-machines")?;
    let machines = machines.into_iter().filter(|machine| machine.name != "none").map(Machine::from).collect();
    let cpus: Vec<CpuAnswer> = answers.get("query-cpu-definitions")?.unwrap_or_default();
    let cpus = cpus.into_iter().map(CpuModel::from).collect();
    let reduced: Option<Expansion> = answers.get(model)?;
    let all: Option<Expansion> = answers.get(&format!("{model}-all"))?;
    Ok(Accel { machines, cpus, host_cpu: host_cpu(reduced, all) })
}

/// Two expansions of the same model: as migration needs it, and with everything.
fn host_cpu(reduced: Option<Expansion>, all: Option<Expansion>) -> Option<HostCpu> {
    let reduced = reduced?.model.props;
    let migratable = all.is_some();
    let all = all.map_or_else(|| reduced.clone(), |all| all.model.props);
    let on = |props: &BTreeMap<String, Value>, name: &str| props.get(name).is_some_and(|value| value == true);
    let features = all.keys().filter(|name| on(&all, name)).map(|name| (name.clone(), on(&reduced, name)));
    let number = |name: &str| all.get(name)?.as_u64()?.try_into().ok();
    Some(HostCpu {
        features: features.collect(),
        vendor: all.get("vendor").and_then(Value::as_str).map(str::to_owned),
        family: number("family"),
        model: number("model"),
        stepping: number("stepping"),
        migratable,
    })
}

/// Hyper-V enlightenments that are on when all that KVM has are asked for; two are always there for the taking.
fn hyperv(props: &BTreeMap<String, Value>) -> Vec<String> {
    const NAMES: &[(&str, &str)] = &[
        ("relaxed", "hv-relaxed"),
        ("vapic", "hv-vapic"),
        ("spinlocks", "hv-spinlocks"),
        ("vpindex", "hv-vpindex"),
        ("runtime", "hv-runtime"),
        ("synic", "hv-synic"),
        ("stimer", "hv-stimer"),
        ("reset", "hv-reset"),
        ("vendor_id", "hv-vendor-id"),
        ("frequencies", "hv-frequencies"),
        ("reenlightenment", "hv-reenlightenment"),
        ("tlbflush", "hv-tlbflush"),
        ("ipi", "hv-ipi"),
        ("evmcs", "hv-evmcs"),
        ("avic", "hv-avic"),
    ];
    let offered = |value: &Value| match value {
        Value::Bool(on) => *on,
        Value::Number(number) => number.as_u64() != Some(0),
        Value::String(_) => true,
        _ => false,
    };
    let found = NAMES.iter().filter(|(_, qemu)| props.get(*qemu).is_some_and(offered));
    found.map(|(name, _)| (*name).to_owned()).collect()
}

fn options(answers: &Answers) -> Result<BTreeMap<String, BTreeSet<String>>, Unusable> {
    let options: Vec<OptionAnswer> = answers.get("query-command-line-options")?.unwrap_or_default();
    let parameters =
        |option: OptionAnswer| option.parameters.into_iter().map(|parameter| parameter.name).collect();
    // QEMU lists one without a name.
    let named = options.into_iter().filter(|option| !option.option.is_empty());
    Ok(named.map(|option| (option.option.clone(), parameters(option))).collect())
}

#[derive(Deserialize)]
struct VersionAnswer {
    qemu: Version,
    #[serde(default)]
    package: String,
}

#[derive(Deserialize)]
struct TargetAnswer {
    arch: String,
}

#[derive(Default, Deserialize)]
struct KvmAnswer {
    enabled: bool,
}

#[derive(Deserialize)]
struct Expansion {
    model: ExpandedModel,
}

#[derive(Deserialize)]
struct ExpandedModel {
    #[serde(default)]
    props: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct OptionAnswer {
    option: String,
    #[serde(default)]
    parameters: Vec<ParameterAnswer>,
}

#[derive(Deserialize)]
struct ParameterAnswer {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct MachineAnswer {
    name: String,
    alias: Option<String>,
    cpu_max: u32,
    #[serde(default)]
    is_default: bool,
    #[serde(default)]
    deprecated: bool,
    #[serde(default)]
    hotpluggable_cpus: bool,
    #[serde(default)]
    numa_mem_supported: bool,
    default_cpu_type: Option<String>,
    default_ram_id: Option<String>,
    acpi: Option<bool>,
}

impl From<MachineAnswer> for Machine {
    fn from(answer: MachineAnswer) -> Self {
        Self {
            name: answer.name,
            alias: answer.alias,
            max_cpus: answer.cpu_max,
            default: answer.is_default,
            deprecated: answer.deprecated,
            hotpluggable_cpus: answer.hotpluggable_cpus,
            numa_mem: answer.numa_mem_supported,
            default_cpu: answer.default_cpu_type,
            default_ram_id: answer.default_ram_id,
            acpi: answer.acpi,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct CpuAnswer {
    name: String,
    #[serde(default)]
    typename: String,
    unavailable_features: Option<Vec<String>>,
    #[serde(default)]
    deprecated: bool,
}

impl From<CpuAnswer> for CpuModel {
    fn from(answer: CpuAnswer) -> Self {
        let usable = answer.unavailable_features.as_ref().map(Vec::is_empty);
        let blockers = answer.unavailable_features.unwrap_or_default();
        Self { name: answer.name, typename: answer.typename, usable, blockers, deprecated: answer.deprecated }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct SevAnswer {
    pdh: String,
    cert_chain: String,
    cpu0_id: Option<String>,
    cbitpos: u32,
    reduced_phys_bits: u32,
}

impl From<SevAnswer> for Sev {
    fn from(answer: SevAnswer) -> Self {
        let SevAnswer { pdh, cert_chain, cpu0_id, cbitpos, reduced_phys_bits } = answer;
        Self { pdh, cert_chain, cpu0_id, cbitpos, reduced_phys_bits }
    }
}

#[derive(Deserialize)]
struct SgxAnswer {
    sgx: bool,
    #[serde(default)]
    sgx1: bool,
    #[serde(default)]
    sgx2: bool,
    #[serde(default)]
    flc: bool,
    #[serde(default)]
    sections: Vec<SgxSection>,
}

#[derive(Deserialize)]
struct SgxSection {
    node: u32,
    size: u64,
}

impl From<SgxAnswer> for Sgx {
    fn from(answer: SgxAnswer) -> Self {
        let sections = answer.sections.into_iter().map(|section| (section.node, section.size)).collect();
        Self { flc: answer.flc, sgx1: answer.sgx1, sgx2: answer.sgx2, sections }
    }
}

impl Gic {
    /// Whether a guest of this type can have it.
    pub fn is_usable(&self, virt_type: &str) -> bool {
        if virt_type == "kvm" { self.kernel } else { self.emulated }
    }
}
