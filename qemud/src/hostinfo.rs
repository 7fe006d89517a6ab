//! Facts about the host for clients: `virNodeGetInfo` and its kin, from `host`'s readers.

use host::{cpu, memory, topology};
use protocol::{ErrorCode, ErrorDomain, Fault};

/// What `virNodeGetInfo` tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeInfo {
    /// Architecture, in libvirt's word.
    pub model: String,
    /// Memory in KiB.
    pub memory_kib: u64,
    /// Online logical CPUs.
    pub cpus: i32,
    /// Clock in MHz, 0 when the kernel does not tell.
    pub mhz: i32,
    /// NUMA nodes.
    pub nodes: i32,
    /// Sockets per node.
    pub sockets: i32,
    /// Cores per socket.
    pub cores: i32,
    /// Threads per core.
    pub threads: i32,
}

/// Which CPUs there are and which of them are online.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuMap {
    /// One bit per CPU, the first in the lowest bit of the first byte: set when online.
    pub bits: Vec<u8>,
    /// How many are online.
    pub online: u32,
    /// How many there are.
    pub present: i32,
}

/// Run a reader of the host's files on the blocking pool.
pub async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let done = tokio::task::spawn_blocking(read).await;
    done.unwrap_or_else(|error| Err(Fault::internal(ErrorDomain::QEMU, error.to_string())))
}

/// The most vcpus of a guest of this type (procedure 5), as the reference counts them without a machine.
pub fn max_vcpus(kind: Option<&str>) -> Result<i32, Fault> {
    match kind.map(str::to_ascii_lowercase).as_deref() {
        None | Some("qemu") => Ok(16),
        Some("kvm") => host::cpu::kvm_max_vcpus().map_err(fault),
        Some(other) => {
            Err(Fault::new(ErrorDomain::QEMU, ErrorCode::INVALID_ARG, format!("unknown type '{other}'")))
        }
    }
}

/// Size and shape of the host (procedure 6).
pub fn node_info() -> Result<NodeInfo, Fault> {
    let topology = topology::read().map_err(fault)?;
    let shape = topology.shape();
    Ok(NodeInfo {
        model: host::cpu::arch().to_owned(),
        memory_kib: memory::total_kib().map_err(fault)?,
        cpus: int(topology.online().len()),
        mhz: int(cpu::info().map_err(fault)?.mhz.unwrap_or(0)),
        nodes: int(shape.nodes),
        sockets: int(shape.sockets),
        cores: int(shape.cores),
        threads: int(shape.threads),
    })
}

/// Free memory in bytes (procedure 102).
pub fn free_memory() -> Result<u64, Fault> {
    memory::free_kib().map(|kib| kib * 1024).map_err(fault)
}

/// Free memory of NUMA cells, in bytes (procedure 101).
pub fn cells_free_memory(first: i32, most: i32) -> Result<Vec<u64>, Fault> {
    let cells = topology::read().map_err(fault)?.cells;
    let start = usize::try_from(first).ok().filter(|first| *first < cells.len());
    let start = start.ok_or_else(|| {
        let detail = format!("start cell {first} out of range (0-{})", cells.len().saturating_sub(1));
        Fault::new(ErrorDomain::NONE, ErrorCode::INTERNAL_ERROR, detail)
    })?;
    let most = usize::try_from(most).unwrap_or(0);
    let cells = cells.iter().skip(start).take(most);
    cells.map(|cell| memory::cell_free_kib(cell.id).map(|kib| kib * 1024).map_err(fault)).collect()
}

/// Numbers of the CPUs that are online, ascending.
pub fn online_cpus() -> Result<Vec<u32>, Fault> {
    topology::read().map(|topology| topology.online()).map_err(fault)
}

/// Which CPUs are online (procedure 293).
pub fn cpu_map() -> Result<CpuMap, Fault> {
    let topology = topology::read().map_err(fault)?;
    let present = topology.present();
    let count = present.iter().max().map_or(0, |last| *last as usize + 1);
    let mut bits = vec![0u8; count.div_ceil(8)];
    for cpu in topology.online() {
        bits[cpu as usize / 8] |= 1 << (cpu % 8);
    }
    Ok(CpuMap { bits, online: u32::try_from(topology.online().len()).unwrap_or(0), present: int(count) })
}

fn fault(error: host::Error) -> Fault {
    ::driver::fault::host(ErrorDomain::QEMU)(error)
}

fn int(n: impl TryInto<i32>) -> i32 {
    n.try_into().unwrap_or(i32::MAX)
}
