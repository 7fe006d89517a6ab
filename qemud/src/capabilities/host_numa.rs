//! The host's NUMA cells, caches and topology as capabilities list them.

use std::collections::BTreeSet;

use host::topology;
use model::bitmap::Bitmap;
use model::capabilities::{CacheBank, Cell, CellCpu, PageCount};
use model::domain::cpu::Topology;

/// The highest cache level that is a core's own business; only those above are listed.
const PRIVATE_CACHES: u32 = 2;

/// What sysfs tells of processors and memory.
#[derive(Debug, Default)]
pub(super) struct Numa {
    pub(super) cells: Vec<Cell>,
    pub(super) caches: Vec<CacheBank>,
    pub(super) topology: Option<Topology>,
    /// Sizes of pages that guests can have.
    pub(super) page_sizes_kib: Vec<u64>,
}

impl Numa {
    /// Read everything; what cannot be read is left out, and the log says why. Blocks.
    pub(super) fn read() -> Self {
        let logged =
            |error: host::Error| tracing::warn!("the host's layout is incomplete: {}", error.full_text());
        let read = topology::read().map_err(logged).unwrap_or_default();
        let caches = topology::caches().map_err(logged).unwrap_or_default();
        let pages = host::memory::pages().map_err(logged).unwrap_or_default();
        Self {
            cells: read.cells.iter().map(|own| cell(own, &read)).collect(),
            caches: caches
                .into_iter()
                .filter(|cache| cache.level > PRIVATE_CACHES)
                .filter_map(bank)
                .collect(),
            topology: (!read.cpus.is_empty()).then(|| shape(&read)),
            page_sizes_kib: pages.into_iter().map(|pages| pages.size_kib).collect(),
        }
    }
}

fn cell(own: &topology::Cell, all: &topology::Topology) -> Cell {
    let cpu = |id: &u32| {
        let cpu = all.cpu(*id);
        let place = cpu.and_then(|cpu| cpu.place).map(|place| (place.socket, place.die, place.core));
        let siblings = cpu.map(|cpu| cpu.siblings.iter().copied().collect()).unwrap_or_default();
        CellCpu { id: *id, place, siblings }
    };
    let pages = own.pages.iter().map(|pages| PageCount { size_kib: pages.size_kib, count: pages.total });
    Cell {
        id: own.id,
        memory_kib: own.memory_kib,
        pages: pages.collect(),
        distances: own.distances.clone(),
        cpus: own.cpus.iter().map(cpu).collect(),
    }
}

fn bank(cache: topology::Cache) -> Option<CacheBank> {
    let kind = match cache.kind.as_str() {
        "Unified" => "both",
        "Instruction" => "code",
        "Data" => "data",
        _ => return None,
    };
    let size = cache.size_kib.checked_mul(1024)?;
    let cpus: Bitmap = cache.cpus.into_iter().collect();
    Some(CacheBank { id: cache.id, level: cache.level, kind, size, cpus, controls: Vec::new() })
}

/// The layout as four numbers; dies are those of a socket.
fn shape(all: &topology::Topology) -> Topology {
    let shape = all.shape();
    let places = all.cpus.iter().filter_map(|cpu| cpu.place);
    let dies: BTreeSet<_> = places.clone().map(|place| (place.socket, place.die)).collect();
    let sockets: BTreeSet<_> = places.map(|place| place.socket).collect();
    let dies = u32::try_from(dies.len().checked_div(sockets.len()).unwrap_or(1)).unwrap_or(1).max(1);
    let even = shape.cores.is_multiple_of(dies);
    let (dies, cores) = if even { (dies, shape.cores / dies) } else { (1, shape.cores) };
    Topology { sockets: shape.sockets, dies, cores, threads: shape.threads }
}
