//! Capabilities: what the reference tells, put into the structs and written again, byte for byte.

use std::fs;
use std::path::Path;

use model::Token;
use model::bitmap::Bitmap;
use model::capabilities::*;
use model::domain::VirtType;
use model::domain::cpu::{Cpu, CpuFallback, CpuFeature};
use model::domain::os::{Arch, OsType};
use model::xml::{Element, Limits, parse};

fn recorded(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/host").join(name);
    fs::read_to_string(path).expect("document")
}

fn word<T: Token>(text: &str) -> T {
    T::from_word(text).expect("known word")
}

/// Names of elements and lists live as long as the test.
fn name(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

fn values(e: &Element) -> Vec<String> {
    e.children_named("value").map(Element::text).collect()
}

fn lists(e: &Element) -> Vec<ValueList> {
    let list = |l: &Element| ValueList { name: name(l.attr("name").expect("name")), values: values(l) };
    e.children_named("enum").map(list).collect()
}

fn section(e: &Element) -> Section {
    Section { name: name(&e.name), supported: e.attr("supported") == Some("yes"), lists: lists(e) }
}

fn cpu_caps(e: &Element) -> CpuCaps {
    let mode = |name: &str| {
        let found = e.children_named("mode").find(|m| m.attr("name") == Some(name)).expect("mode");
        (found.attr("supported") == Some("yes")).then(|| found.clone())
    };
    let list = |name| mode(name).map(|m| lists(&m).remove(0));
    let host_model = mode("host-model").map(|m| Cpu {
        model: m.child_text("model"),
        fallback: m
            .child("model")
            .map_or(CpuFallback::Allow, |e| word(e.attr("fallback").expect("fallback"))),
        vendor: m.child_text("vendor"),
        features: m
            .children_named("feature")
            .map(|f| CpuFeature {
                name: f.attr_string("name").expect("name"),
                policy: word(f.attr("policy").expect("policy")),
            })
            .collect(),
        ..Cpu::default()
    });
    let custom = mode("custom").map(|m| {
        let model = |e: &Element| CpuModelCaps {
            name: e.text(),
            usable: e.attr("usable").filter(|u| *u != "unknown").map(|u| u == "yes"),
            deprecated: e.attr("deprecated") == Some("yes"),
            vendor: e.attr_string("vendor").filter(|v| v != "unknown"),
        };
        m.children_named("model").map(model).collect()
    });
    CpuCaps {
        host_passthrough: list("host-passthrough"),
        maximum: list("maximum"),
        host_model,
        custom: custom.unwrap_or_default(),
    }
}

fn domain_capabilities(root: &Element) -> DomainCapabilities {
    let loader = root.find("os/loader").expect("loader");
    let supported = |path: &str| root.find(path).and_then(|e| e.attr("supported")) == Some("yes");
    DomainCapabilities {
        path: root.child_text("path").expect("path"),
        virt_type: word(&root.child_text("domain").expect("domain")),
        machine: root.child_text("machine"),
        arch: word(&root.child_text("arch").expect("arch")),
        max_vcpus: root.child("vcpu").map(|v| v.require_num("max").expect("number")),
        iothreads: Some(supported("iothreads")),
        firmware: root.child("os").map(|os| lists(os).remove(0)),
        loader: Some((values(loader), section(loader))),
        cpu: cpu_caps(root.child("cpu").expect("cpu")),
        memory_backing: section(root.child("memoryBacking").expect("memoryBacking")),
        devices: root.child("devices").expect("devices").elements().map(section).collect(),
        features: FeatureCaps {
            vmcoreinfo: supported("features/vmcoreinfo"),
            genid: supported("features/genid"),
            backing_store_input: supported("features/backingStoreInput"),
            backup: supported("features/backup"),
            hyperv: root.find("features/hyperv").map(|h| lists(h).pop().map_or(Vec::new(), |l| l.values)),
            ..FeatureCaps::default()
        },
    }
}

#[test]
fn domain_capabilities_come_back() {
    for file in ["domcaps-kvm-q35.xml", "domcaps-qemu-microvm.xml", "domcaps-qemu-i686.xml"] {
        let text = recorded(file);
        let root = parse(&text, &Limits::document("test")).unwrap();
        assert_eq!(domain_capabilities(&root).format(), text, "{file}");
    }
}

#[test]
fn a_container_hosts_capabilities() {
    let page = |size_kib, count| PageCount { size_kib, count };
    let cpu = |id: u32| CellCpu { id, place: Some((0, 0, id)), siblings: Bitmap::from_iter([id]) };
    let guest = |arch, word_size| Guest {
        os_type: OsType::Exe,
        arch,
        word_size,
        emulator: Some("/usr/lib/libvirt/libvirt_lxc".to_owned()),
        loader: None,
        machines: Vec::new(),
        domains: vec![GuestVariant { virt_type: VirtType::Lxc, emulator: None, machines: Vec::new() }],
        features: Vec::new(),
    };
    let capabilities = Capabilities {
        host: CapsHost {
            uuid: uuid::Uuid::try_parse("11111111-2222-4333-8444-555555555555").ok(),
            cpu: Some(CapsCpu {
                arch: Arch::X86_64,
                model: None,
                vendor: None,
                microcode: None,
                signature: None,
                counter: None,
                topology: None,
                max_phys_addr: None,
                features: Vec::new(),
                page_sizes_kib: vec![4, 2048, 1_048_576],
            }),
            power_management: Some(PowerManagement::default()),
            iommu: Some(false),
            migration: None,
            cells: vec![Cell {
                id: 0,
                memory_kib: Some(17_918_164),
                pages: vec![page(4, 4_479_541), page(2048, 0), page(1_048_576, 0)],
                distances: vec![(0, 10)],
                cpus: vec![cpu(0), cpu(1)],
            }],
            caches: vec![CacheBank {
                id: 0,
                level: 3,
                kind: "both",
                size: 32 << 20,
                cpus: Bitmap::from_iter([0, 1]),
                controls: Vec::new(),
            }],
            secmodels: vec![SecModel {
                model: "none".to_owned(),
                doi: "0".to_owned(),
                base_labels: Vec::new(),
            }],
        },
        guests: vec![guest(Arch::X86_64, 64), guest(Arch::I686, 32)],
    };
    assert_eq!(capabilities.format(), recorded("lxc-capabilities.xml"));
}

#[test]
fn machines_and_features_of_a_guest() {
    let capabilities = Capabilities {
        host: CapsHost::default(),
        guests: vec![Guest {
            os_type: OsType::Hvm,
            arch: Arch::X86_64,
            word_size: 64,
            emulator: Some("/usr/bin/qemu-system-x86_64".to_owned()),
            loader: None,
            machines: vec![Machine {
                name: "q35".to_owned(),
                canonical: Some("pc-q35-7.2".to_owned()),
                max_cpus: Some(288),
                deprecated: false,
            }],
            domains: vec![GuestVariant { virt_type: VirtType::Kvm, emulator: None, machines: Vec::new() }],
            features: vec![
                GuestFeature { name: "acpi", toggle: Some((true, true)) },
                GuestFeature { name: "cpuselection", toggle: None },
            ],
        }],
    };
    let text = capabilities.format();
    assert!(text.contains("      <machine canonical='pc-q35-7.2' maxCpus='288'>q35</machine>\n"), "{text}");
    assert!(text.contains("      <acpi default='on' toggle='yes'/>\n      <cpuselection/>\n"), "{text}");
}
