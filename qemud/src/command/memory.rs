//! `-m`, memory back ends, `-numa`.

use model::Token;
use model::bitmap::Bitmap;
use model::domain::device::memory::{Memory, MemoryAccess as DeviceAccess, MemoryModel};
use model::domain::memory::{MemoryAccess, MemoryAllocation, MemorySource};
use model::domain::numatune::NumaMode;

use super::PlanError;
use super::build::Build;
use super::plan::PlannedFile;
use super::props::Props;
use crate::defaults::facts::HugetlbMount;

/// Guest memory is a multiple of this, in KiB.
const MIB: u64 = 1024;

/// One region of guest memory.
#[derive(Clone, Debug, Default)]
pub struct Region<'a> {
    /// Id of its object.
    pub id: &'a str,
    /// Last part of its path, if it is a file below the driver's directory.
    pub file: &'a str,
    /// Size in KiB.
    pub kib: u64,
    /// Guest NUMA cell.
    pub cell: Option<u32>,
    /// A file of the user's.
    pub path: Option<&'a str>,
    /// Who sees writes.
    pub access: Option<MemoryAccess>,
    /// The content is dropped at the end.
    pub discard: Option<bool>,
    /// Page size in KiB that the document asks for.
    pub page_kib: Option<u64>,
    /// Host nodes that the document names.
    pub nodes: Option<&'a Bitmap>,
    /// The guest's main memory: it keeps the name of its RAM block.
    pub main: bool,
    /// Memory is taken only when it is used (virtio-mem).
    pub lazy: bool,
    /// Taken from the host at once, whatever the domain says.
    pub eager: bool,
    /// Alignment in KiB.
    pub align: Option<u64>,
    /// The file lies in persistent memory.
    pub pmem: bool,
    /// The guest can only read.
    pub readonly: bool,
}

impl<'a> Region<'a> {
    /// The region of a memory module.
    pub fn of_device(memory: &'a Memory, id: &'a str, alias: &'a str) -> Region<'a> {
        Region {
            id,
            file: alias,
            kib: round_up(memory.size, MODULE),
            cell: memory.node,
            path: memory.path.as_deref(),
            access: memory.access.map(|access| match access {
                DeviceAccess::Shared => MemoryAccess::Shared,
                DeviceAccess::Private => MemoryAccess::Private,
            }),
            discard: memory.discard,
            page_kib: memory.page_size,
            nodes: memory.source_nodes.as_ref(),
            main: false,
            lazy: memory.model == MemoryModel::VirtioMem,
            eager: memory.model == MemoryModel::Nvdimm,
            align: memory.align_size,
            pmem: memory.pmem,
            readonly: memory.readonly && memory.model == MemoryModel::Nvdimm,
        }
    }
}

/// KiB the guest has at start, without memory modules, as QEMU is told.
fn initial_kib(build: &Build<'_>) -> u64 {
    let cells = &build.domain.cpu.numa.cells;
    if !cells.is_empty() {
        return cells
            .iter()
            .map(|cell| round_up(cell.memory_kib, MIB))
            .fold(0, |sum: u64, kib| sum.saturating_add(kib));
    }
    let modules: u64 = build
        .domain
        .devices
        .iter()
        .map(|device| match device {
            model::domain::device::Device::Memory(memory) => memory.size,
            _ => 0,
        })
        .sum();
    round_up(build.domain.memory.total_kib.saturating_sub(modules), MIB)
}

/// The next multiple of a unit; what is too large for one stays so.
fn round_up(kib: u64, unit: u64) -> u64 {
    kib.checked_next_multiple_of(unit).unwrap_or(u64::MAX)
}

/// Bytes of KiB.
pub fn bytes(kib: u64) -> u64 {
    kib.saturating_mul(1024)
}

/// Id of the main memory's object, for machines that name it.
pub fn main_id(build: &Build<'_>) -> Option<String> {
    build.board.caps.machine(&build.board.virt, &build.board.machine)?.default_ram_id.clone()
}

/// `-m`, and the main memory of a guest without NUMA cells.
pub fn main(build: &mut Build<'_>) -> Result<(), PlanError> {
    let kib = initial_kib(build);
    let text = match build.domain.memory.max {
        Some(max) => format!("size={kib}k,slots={},maxmem={}k", max.slots, round_up(max.kib, MIB)),
        None => (kib / MIB).to_string(),
    };
    build.plan.option("-m", text);
    if build.domain.cpu.numa.cells.is_empty()
        && let Some(id) = main_id(build)
    {
        let region = Region { id: &id, file: &id, kib, main: true, ..Region::default() };
        let object = backend(&region, build)?;
        build.object(&object);
    }
    let lock = if build.domain.memory_backing.locked { "on" } else { "off" };
    build.plan.option("-overcommit", format!("mem-lock={lock}"));
    Ok(())
}

/// The object behind a region.
pub fn backend(region: &Region<'_>, build: &mut Build<'_>) -> Result<Props, PlanError> {
    let domain = build.domain;
    let backing = &domain.memory_backing;
    let cell = region.cell.and_then(|cell| domain.cpu.numa.cells.get(cell as usize));
    let access = region.access.or(cell.and_then(|cell| cell.access)).or(backing.access);
    let discard = region.discard.or(cell.and_then(|cell| cell.discard)).unwrap_or(backing.discard);
    let huge = huge_page(region, build)?;
    let prealloc = backing.allocation == Some(MemoryAllocation::Immediate) || region.eager || huge.is_some();
    let file = huge.is_some()
        || region.path.is_some()
        || access.is_some()
        || backing.source == Some(MemorySource::File);
    let (kind, named) = match backing.source {
        Some(MemorySource::Memfd) if region.path.is_none() => ("memory-backend-memfd", true),
        _ if file => ("memory-backend-file", true),
        _ => ("memory-backend-ram", false),
    };
    let mut props = Props::object(kind, region.id);
    if kind == "memory-backend-file" {
        props = props.str("mem-path", &path(region, huge.as_ref(), build));
        props = props.flag("discard-data", discard);
    } else if let Some(mount) = &huge {
        props = props.set("hugetlb", true).set("hugetlbsize", bytes(mount.kib));
    }
    props = props.opt("share", access.map(|access| access == MemoryAccess::Shared));
    if region.main && named {
        props = props.set("x-use-canonical-path-for-ramblock-id", false);
    }
    if prealloc && !region.lazy {
        props = props.set("prealloc", true);
        let threads = backing.allocation_threads;
        props = props.opt("prealloc-threads", (threads > 0).then_some(threads));
    }
    if region.lazy {
        props = props.set("reserve", false);
    }
    props = props
        .opt("align", region.align.map(bytes))
        .flag("pmem", region.pmem)
        .flag("readonly", region.readonly)
        .set("size", bytes(region.kib));
    Ok(policy(region, build, props))
}

fn path(region: &Region<'_>, huge: Option<&HugetlbMount>, build: &mut Build<'_>) -> String {
    if let Some(path) = region.path {
        build.plan.label(path, region.readonly, true);
        return path.to_owned();
    }
    let name = build.options.short_name(build.domain);
    let dir = match huge {
        Some(mount) => format!("{}/libvirt/qemu/{name}", mount.path),
        None => format!("{}/{name}", build.board.host.conf.memory_backing_dir),
    };
    let planned = PlannedFile::Dir { path: dir.clone(), mode: 0o700 };
    if !build.plan.files.contains(&planned) {
        build.plan.files.push(planned);
    }
    if huge.is_some() { dir } else { format!("{dir}/{}", region.file) }
}

/// The mount of the huge pages a region wants.
fn huge_page(region: &Region<'_>, build: &Build<'_>) -> Result<Option<HugetlbMount>, PlanError> {
    let pages = &build.domain.memory_backing.hugepages;
    let wanted = match region.page_kib {
        Some(kib) if kib == SYSTEM_PAGE => return Ok(None),
        Some(kib) => kib,
        None => {
            let cell = region.cell.unwrap_or(0);
            let own = pages.iter().find(|page| page.nodeset.as_ref().is_some_and(|set| set.contains(cell)));
            match own.or_else(|| pages.iter().find(|page| page.nodeset.is_none())) {
                Some(page) => page.size_kib,
                None => return Ok(None),
            }
        }
    };
    if wanted == SYSTEM_PAGE {
        return Ok(None);
    }
    let mounts = &build.board.host.hugepages;
    if mounts.is_empty() {
        return Err(PlanError::internal(
            "hugetlbfs filesystem is not mounted or disabled by administrator config",
        ));
    }
    let found = match wanted {
        0 => mounts.iter().find(|mount| mount.default).or(mounts.first()),
        kib => mounts.iter().find(|mount| mount.kib == kib),
    };
    match found {
        Some(mount) => Ok(Some(mount.clone())),
        None => {
            Err(PlanError::internal(format!("Unable to find any usable hugetlbfs mount for {wanted} KiB")))
        }
    }
}

/// Sizes of memory modules are multiples of the guest's huge pages, KiB.
const MODULE: u64 = 2048;

/// Ordinary pages of x86, KiB.
const SYSTEM_PAGE: u64 = 4;

/// Host nodes of a region.
fn policy(region: &Region<'_>, build: &Build<'_>, props: Props) -> Props {
    let tune = &build.domain.numatune;
    let node = region.cell.and_then(|cell| tune.nodes.iter().find(|node| node.cell == cell));
    let memory = tune.memory.as_ref();
    let mode = node.map(|node| node.mode).or(memory.map(|memory| memory.mode)).unwrap_or_default();
    let nodes =
        region.nodes.or(node.map(|node| &node.nodeset)).or(memory.and_then(|memory| memory.nodeset.as_ref()));
    let Some(nodes) = nodes else { return props };
    let word = match mode {
        NumaMode::Strict => "bind",
        NumaMode::Restrictive => return props,
        other => other.as_str(),
    };
    props.set("host-nodes", nodes.iter().collect::<Vec<u32>>()).str("policy", word)
}

/// NUMA cells with their memory.
pub fn numa(build: &mut Build<'_>) -> Result<(), PlanError> {
    let cells = &build.domain.cpu.numa.cells;
    let plain = plain_memory(build);
    for (number, cell) in cells.iter().enumerate() {
        let kib = round_up(cell.memory_kib, MIB);
        let cpus: String = cell.cpus.as_ref().map(ranges).unwrap_or_default();
        if plain {
            build.plan.option("-numa", format!("node,nodeid={number}{cpus},mem={}", kib / MIB));
            continue;
        }
        let id = format!("ram-node{number}");
        let region = Region { id: &id, file: &id, kib, cell: Some(number as u32), ..Region::default() };
        let object = backend(&region, build)?;
        build.object(&object);
        build.plan.option("-numa", format!("node,nodeid={number}{cpus},memdev={id}"));
    }
    for (from, cell) in cells.iter().enumerate() {
        for (to, distance) in cell.distances.iter().enumerate() {
            if *distance != 0 {
                build.plan.option("-numa", format!("dist,src={from},dst={to},val={distance}"));
            }
        }
    }
    Ok(())
}

/// `,cpus=0-3,cpus=8-11`
fn ranges(cpus: &Bitmap) -> String {
    cpus.to_string().split(',').map(|range| format!(",cpus={range}")).collect()
}

/// Old machines take memory of cells without objects, and then keep a form that older QEMU can migrate.
fn plain_memory(build: &Build<'_>) -> bool {
    let domain = build.domain;
    let numa_mem = build
        .board
        .caps
        .machine(&build.board.virt, &build.board.machine)
        .is_some_and(|machine| machine.numa_mem);
    let backing = &domain.memory_backing;
    let special = backing.source.is_some()
        || backing.access.is_some()
        || !backing.hugepages.is_empty()
        || domain.memory.max.is_some()
        || domain.numatune.memory.is_some()
        || !domain.numatune.nodes.is_empty()
        || domain.cpu.numa.cells.iter().any(|cell| cell.access.is_some() || cell.discard.is_some());
    numa_mem && !special
}
