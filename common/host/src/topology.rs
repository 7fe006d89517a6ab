//! How the host's CPUs are laid out: sockets, dies, cores, threads, NUMA cells, caches (sysfs).
//!
//! Everything can be read below another root, so that recorded trees test it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::memory::{self, Pages};
use crate::{Result, kernel};

/// The layout at one moment: CPUs come and go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topology {
    /// All CPUs present, ascending.
    pub cpus: Vec<Cpu>,
    /// NUMA cells, ascending; one with everything where the kernel knows none.
    pub cells: Vec<Cell>,
}

/// A logical CPU.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cpu {
    /// The kernel's number.
    pub id: u32,
    /// Where it is; None: offline.
    pub place: Option<Place>,
    /// The CPUs of the same core, itself among them, ascending; none when offline.
    pub siblings: Vec<u32>,
}

/// Where a CPU is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Number of the socket.
    pub socket: u32,
    /// Number of the die in its socket; 0 where the kernel does not tell.
    pub die: u32,
    /// Number of the core in its socket.
    pub core: u32,
}

/// A NUMA cell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    /// The kernel's number.
    pub id: u32,
    /// KiB that the kernel manages; None for a cell that tells none.
    pub memory_kib: Option<u64>,
    /// Its CPUs, ascending.
    pub cpus: Vec<u32>,
    /// Distance to each cell, itself included: number and value (10 is itself). Empty where unknown.
    pub distances: Vec<(u32, u32)>,
    /// Its pages by size.
    pub pages: Vec<Pages>,
}

/// The figures of `virNodeGetInfo`; their product is the number of CPUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// NUMA cells.
    pub nodes: u32,
    /// Sockets of a cell.
    pub sockets: u32,
    /// Cores of a socket.
    pub cores: u32,
    /// Threads of a core.
    pub threads: u32,
}

/// A cache and who shares it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cache {
    /// 1 is nearest to the core.
    pub level: u32,
    /// Number among the caches of its level.
    pub id: u32,
    /// The kernel's word: "Data", "Instruction", "Unified".
    pub kind: String,
    /// KiB.
    pub size_kib: u64,
    /// CPUs that share it, ascending.
    pub cpus: Vec<u32>,
}

/// The host's layout now.
pub fn read() -> Result<Topology> {
    read_at(Path::new("/"))
}

/// The layout told by the sysfs (and `/proc/meminfo`) below `root`.
pub fn read_at(root: &Path) -> Result<Topology> {
    let dir = cpus_dir(root);
    let online: BTreeSet<u32> = online_at(root)?.into_iter().collect();
    let mut cpus = Vec::new();
    for id in kernel::list(&dir.join("present"))? {
        cpus.push(if online.contains(&id) { cpu(&dir, id)? } else { Cpu { id, ..Cpu::default() } });
    }
    let cells = cells(root, &cpus)?;
    Ok(Topology { cpus, cells })
}

/// The caches of the CPUs that are online, by level and number.
pub fn caches() -> Result<Vec<Cache>> {
    caches_at(Path::new("/"))
}

/// As [`caches`], below another root.
pub fn caches_at(root: &Path) -> Result<Vec<Cache>> {
    let mut found = BTreeSet::new();
    for id in online_at(root)? {
        let dir = cpus_dir(root).join(format!("cpu{id}/cache"));
        for index in kernel::numbered(&dir, "index")? {
            found.extend(cache(&dir.join(format!("index{index}")))?);
        }
    }
    Ok(found.into_iter().collect())
}

impl Topology {
    /// Numbers of the CPUs that are online, ascending.
    pub fn online(&self) -> Vec<u32> {
        self.cpus.iter().filter(|cpu| cpu.place.is_some()).map(|cpu| cpu.id).collect()
    }

    /// Numbers of all CPUs, ascending.
    pub fn present(&self) -> Vec<u32> {
        self.cpus.iter().map(|cpu| cpu.id).collect()
    }

    /// The CPU with this number.
    pub fn cpu(&self, id: u32) -> Option<&Cpu> {
        self.cpus.binary_search_by_key(&id, |cpu| cpu.id).ok().and_then(|at| self.cpus.get(at))
    }

    /// The layout as four numbers, which fits only even layouts: for any other, one cell with one socket that
    /// has all CPUs as cores, as the reference answers.
    pub fn shape(&self) -> Shape {
        let mut shape = Shape { nodes: 0, sockets: 0, cores: 0, threads: 0 };
        for cell in &self.cells {
            let places: Vec<_> = cell.cpus.iter().filter_map(|id| self.cpu(*id)?.place).collect();
            if !cell.cpus.is_empty() {
                shape.nodes += 1;
            }
            let mut sockets: BTreeMap<u32, BTreeMap<(u32, u32), u32>> = BTreeMap::new();
            for place in places {
                *sockets.entry(place.socket).or_default().entry((place.die, place.core)).or_default() += 1;
            }
            shape.sockets = shape.sockets.max(count(sockets.len()));
            for cores in sockets.values() {
                shape.cores = shape.cores.max(count(cores.len()));
                shape.threads = shape.threads.max(cores.values().copied().max().unwrap_or(0));
            }
        }
        let cpus = count(self.cpus.len());
        let product =
            [shape.sockets, shape.cores, shape.threads].into_iter().fold(shape.nodes, u32::saturating_mul);
        if product == cpus { shape } else { Shape { nodes: 1, sockets: 1, cores: cpus, threads: 1 } }
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn cpus_dir(root: &Path) -> PathBuf {
    root.join("sys/devices/system/cpu")
}

fn online_at(root: &Path) -> Result<Vec<u32>> {
    kernel::list(&cpus_dir(root).join("online"))
}

fn cpu(dir: &Path, id: u32) -> Result<Cpu> {
    let dir = dir.join(format!("cpu{id}/topology"));
    // An architecture may not know a level (s390 "-1"): then it is one.
    let number = |name: &str| -> Result<u32> {
        let value: Option<i64> = kernel::number_if_any(&dir.join(name))?;
        Ok(value.and_then(|value| u32::try_from(value).ok()).unwrap_or(0))
    };
    let siblings = match kernel::text_if_any(&dir.join("thread_siblings_list"))? {
        Some(text) => kernel::parse_list(&dir.join("thread_siblings_list"), &text)?,
        None => vec![id],
    };
    let place =
        Place { socket: number("physical_package_id")?, die: number("die_id")?, core: number("core_id")? };
    Ok(Cpu { id, place: Some(place), siblings })
}

fn cells(root: &Path, cpus: &[Cpu]) -> Result<Vec<Cell>> {
    let nodes = memory::nodes_dir(root);
    let ids = kernel::numbered(&nodes, "node")?;
    if ids.is_empty() {
        let memory = memory::cell_at(root, 0)?;
        return Ok(vec![Cell {
            id: 0,
            memory_kib: Some(memory.total),
            cpus: cpus.iter().map(|cpu| cpu.id).collect(),
            distances: Vec::new(),
            pages: memory::cell_pages_at(root, 0)?,
        }]);
    }
    ids.iter().map(|id| cell(root, &nodes.join(format!("node{id}")), *id, &ids)).collect()
}

fn cell(root: &Path, dir: &Path, id: u32, all: &[u32]) -> Result<Cell> {
    let (memory_kib, pages) = match memory::cell_at(root, id) {
        Ok(memory) => (Some(memory.total), memory::cell_pages_at(root, id)?),
        Err(error) if error.is_not_found() => (None, Vec::new()),
        Err(error) => return Err(error),
    };
    let path = dir.join("distance");
    let text = kernel::text_if_any(&path)?.unwrap_or_default();
    let values: Vec<u32> =
        text.split_ascii_whitespace().map(|word| kernel::parse(&path, word)).collect::<Result<_>>()?;
    Ok(Cell {
        id,
        memory_kib,
        cpus: kernel::list(&dir.join("cpulist"))?,
        // One value for each cell, in their order.
        distances: all.iter().copied().zip(values).collect(),
        pages,
    })
}

/// None for what is no cache of memory or tells too little.
fn cache(dir: &Path) -> Result<Option<Cache>> {
    let path = dir.join("size");
    let (Some(size), Some(kind)) = (kernel::text_if_any(&path)?, kernel::text_if_any(&dir.join("type"))?)
    else {
        return Ok(None);
    };
    let size_kib = match size.trim().strip_suffix('K') {
        Some(kib) => kernel::parse(&path, kib)?,
        None => kernel::parse::<u64>(&path, &size)? / 1024,
    };
    Ok(Some(Cache {
        level: kernel::number(&dir.join("level"))?,
        id: kernel::number_if_any(&dir.join("id"))?.unwrap_or(0),
        kind: kind.trim().to_owned(),
        size_kib,
        cpus: kernel::list(&dir.join("shared_cpu_list"))?,
    }))
}

#[cfg(test)]
mod tests;
