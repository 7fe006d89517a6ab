//! What the host spends and has: time of its processors, memory, pages, merged pages.

use host::memory::Pages;
use host::{cpu, ksm, memory, topology};
use protocol::consts::{NodeAllocPagesFlags, params};
use protocol::remote::{NodeGetCpuStats, NodeGetMemoryStats, TypedParam, TypedParamValue};
use protocol::{ErrorCode, ErrorDomain, Fault};

/// Stands for all processors, and for all NUMA cells.
const ALL: i32 = -1;

/// Times of all processors or of one, in nanoseconds (procedure 227).
pub fn cpu_stats(number: i32) -> Result<Vec<NodeGetCpuStats>, Fault> {
    let stats = cpu::stats().map_err(fault)?;
    let one = u32::try_from(number).ok().and_then(|n| stats.each.iter().find(|(id, _)| *id == n));
    let times = match (number, one) {
        (ALL, _) => stats.total,
        (_, Some((_, times))) => *times,
        _ => return Err(Fault::invalid_arg(ErrorDomain::NONE, format!("the host has no CPU {number}"))),
    };
    let figures = [
        (params::NODE_CPU_STATS_KERNEL, times.kernel),
        (params::NODE_CPU_STATS_USER, times.user),
        (params::NODE_CPU_STATS_IDLE, times.idle),
        (params::NODE_CPU_STATS_IOWAIT, times.iowait),
    ];
    Ok(figures.map(|(field, value)| NodeGetCpuStats { field: field.to_owned(), value }).into())
}

/// Memory of the host or of a NUMA cell, in KiB (procedure 228).
pub fn memory_stats(cell: i32) -> Result<Vec<NodeGetMemoryStats>, Fault> {
    let figures = if cell == ALL {
        let all = memory::stats().map_err(fault)?;
        vec![
            (params::NODE_MEMORY_STATS_TOTAL, all.total),
            (params::NODE_MEMORY_STATS_FREE, all.free),
            (params::NODE_MEMORY_STATS_BUFFERS, all.buffers),
            (params::NODE_MEMORY_STATS_CACHED, all.cached),
        ]
    } else {
        let cells = topology::read().map_err(fault)?.cells;
        let known = u32::try_from(cell).ok().filter(|id| cells.iter().any(|known| known.id == *id));
        let id = known.ok_or_else(|| {
            let last = cells.last().map_or(0, |cell| cell.id);
            Fault::invalid_arg(ErrorDomain::NONE, format!("cell {cell} is not one of the host's 0 to {last}"))
        })?;
        let memory = memory::cell(id).map_err(fault)?;
        vec![(params::NODE_MEMORY_STATS_TOTAL, memory.total), (params::NODE_MEMORY_STATS_FREE, memory.free)]
    };
    let named = |(field, value): (&str, u64)| NodeGetMemoryStats { field: field.to_owned(), value };
    Ok(figures.into_iter().map(named).collect())
}

/// Free pages of the given sizes (KiB) in cells from `start` on; cell -1 is the whole host (procedure 340).
pub fn free_pages(sizes: &[u32], start: i32, count: u32) -> Result<Vec<u64>, Fault> {
    let mut free = Vec::new();
    for cell in chosen_cells(start, count)? {
        let pages = pages_of(cell)?;
        for size in sizes {
            free.push(of_size(&pages, *size, cell)?.free);
        }
    }
    Ok(free)
}

/// Set or raise the pools of huge pages (procedure 347); answers how many pools were set.
pub fn alloc_pages(
    wanted: &[(u32, u64)],
    start: i32,
    count: u32,
    flags: NodeAllocPagesFlags,
) -> Result<i32, Fault> {
    let mut set = 0;
    for cell in chosen_cells(start, count)? {
        for (size, pages) in wanted {
            set_pool(cell, *size, *pages, flags)?;
            set += 1;
        }
    }
    Ok(set)
}

fn set_pool(cell: Option<u32>, size: u32, count: u64, flags: NodeAllocPagesFlags) -> Result<(), Fault> {
    if u64::from(size) == memory::page_size() / 1024 {
        let detail = "the pool of the system's own pages cannot be changed";
        return Err(Fault::new(ErrorDomain::NONE, ErrorCode::OPERATION_UNSUPPORTED, detail));
    }
    let now = of_size(&pages_of(cell)?, size, cell)?.total;
    let wanted = if flags.contains(NodeAllocPagesFlags::SET) { count } else { now.saturating_add(count) };
    if wanted == now {
        return Ok(());
    }
    let got = memory::set_huge_pages(cell, size.into(), wanted).map_err(fault)?;
    if got == wanted {
        return Ok(());
    }
    let detail = format!("{wanted} pages of {size} KiB were asked for, the kernel keeps {got}");
    Err(Fault::new(ErrorDomain::NONE, ErrorCode::OPERATION_FAILED, detail))
}

/// The cells that a client means: at most `count` from `start` on; None is the host as a whole.
fn chosen_cells(start: i32, count: u32) -> Result<Vec<Option<u32>>, Fault> {
    if start == ALL {
        return Ok(vec![None]);
    }
    let ids: Vec<u32> = topology::read().map_err(fault)?.cells.iter().map(|cell| cell.id).collect();
    let last = ids.last().copied().unwrap_or(0);
    let first = u32::try_from(start).ok().filter(|first| *first <= last).ok_or_else(|| {
        Fault::internal(ErrorDomain::NONE, format!("start cell {start} out of range (0-{last})"))
    })?;
    let end = first.saturating_add(count);
    Ok(ids.into_iter().filter(|id| (first..end).contains(id)).map(Some).collect())
}

fn pages_of(cell: Option<u32>) -> Result<Vec<Pages>, Fault> {
    cell.map_or_else(memory::pages, memory::cell_pages).map_err(fault)
}

fn of_size(pages: &[Pages], size: u32, cell: Option<u32>) -> Result<Pages, Fault> {
    let found = pages.iter().find(|pages| pages.size_kib == u64::from(size)).copied();
    found.ok_or_else(|| {
        let place = cell.map_or_else(|| "the host".to_owned(), |id| format!("node {id}"));
        let detail = format!("page size {size} is not available on {place}");
        Fault::new(ErrorDomain::NONE, ErrorCode::OPERATION_FAILED, detail)
    })
}

/// A parameter of merging: its name, its file, whether it is a 32-bit number, whether clients may set it.
struct Merging {
    name: &'static str,
    file: &'static str,
    small: bool,
    settable: bool,
}

/// The parameters of procedures 288 and 289, in the reference's order.
const MERGING: [Merging; 8] = [
    merging(params::NODE_MEMORY_SHARED_PAGES_TO_SCAN, "pages_to_scan", true, true),
    merging(params::NODE_MEMORY_SHARED_SLEEP_MILLISECS, "sleep_millisecs", true, true),
    merging(params::NODE_MEMORY_SHARED_PAGES_SHARED, "pages_shared", false, false),
    merging(params::NODE_MEMORY_SHARED_PAGES_SHARING, "pages_sharing", false, false),
    merging(params::NODE_MEMORY_SHARED_PAGES_UNSHARED, "pages_unshared", false, false),
    merging(params::NODE_MEMORY_SHARED_PAGES_VOLATILE, "pages_volatile", false, false),
    merging(params::NODE_MEMORY_SHARED_FULL_SCANS, "full_scans", false, false),
    merging(params::NODE_MEMORY_SHARED_MERGE_ACROSS_NODES, "merge_across_nodes", true, true),
];

const fn merging(name: &'static str, file: &'static str, small: bool, settable: bool) -> Merging {
    Merging { name, file, small, settable }
}

/// How many parameters of merging there can be.
pub const MERGING_COUNT: i32 = MERGING.len() as i32;

/// The parameters of merging that this kernel has (procedure 289).
pub fn merging_parameters() -> Result<Vec<TypedParam>, Fault> {
    let mut found = Vec::new();
    for Merging { name, file, small, .. } in MERGING {
        let Some(value) = ksm::read(file).map_err(fault)? else { continue };
        let value = match small {
            true => TypedParamValue::Uint(u32::try_from(value).unwrap_or(u32::MAX)),
            false => TypedParamValue::Ullong(value),
        };
        found.push(TypedParam::new(name, value));
    }
    Ok(found)
}

/// Set parameters of merging (procedure 288): all are checked before the first is set.
pub fn set_merging_parameters(wanted: &[TypedParam]) -> Result<(), Fault> {
    let mut changes = Vec::new();
    for TypedParam { field, value } in wanted {
        let known = MERGING.iter().find(|known| known.settable && known.name == field);
        let known = known.ok_or_else(|| {
            let detail = format!("parameter '{field}' is not supported");
            Fault::new(ErrorDomain::NONE, ErrorCode::ARGUMENT_UNSUPPORTED, detail)
        })?;
        let TypedParamValue::Uint(value) = value else {
            let detail = format!("parameter '{field}' is an unsigned number of 32 bits");
            return Err(Fault::invalid_arg(ErrorDomain::NONE, detail));
        };
        if ksm::read(known.file).map_err(fault)?.is_none() {
            let detail = format!("the host's kernel has no parameter '{field}'");
            return Err(Fault::new(ErrorDomain::NONE, ErrorCode::OPERATION_UNSUPPORTED, detail));
        }
        changes.push((known.file, u64::from(*value)));
    }
    changes.into_iter().try_for_each(|(file, value)| ksm::write(file, value).map_err(fault))
}

fn fault(error: host::Error) -> Fault {
    ::driver::fault::host(ErrorDomain::NONE)(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_of_a_request() {
        assert_eq!(chosen_cells(-1, 0).unwrap(), [None]);
        assert_eq!(chosen_cells(0, 1).unwrap(), [Some(0)]);
        assert_eq!(chosen_cells(0, 0).unwrap(), []);
        assert_eq!(chosen_cells(-2, 1).unwrap_err().code, ErrorCode::INTERNAL_ERROR);
        assert!(chosen_cells(60_000, 1).unwrap_err().message.contains("start cell 60000"));
    }

    #[test]
    fn own_pages_and_unknown_sizes_are_no_pools() {
        let own = u32::try_from(memory::page_size() / 1024).unwrap();
        let refused = set_pool(None, own, 1, NodeAllocPagesFlags::SET).unwrap_err();
        assert_eq!(refused.code, ErrorCode::OPERATION_UNSUPPORTED);
        let refused = set_pool(None, 5, 1, NodeAllocPagesFlags::SET).unwrap_err();
        assert_eq!(refused.code, ErrorCode::OPERATION_FAILED);
    }

    #[test]
    fn only_settings_can_be_set() {
        let counter = TypedParam::new("shm_pages_shared", TypedParamValue::Ullong(1));
        assert_eq!(set_merging_parameters(&[counter]).unwrap_err().code, ErrorCode::ARGUMENT_UNSUPPORTED);
        let wrong = TypedParam::new("shm_pages_to_scan", TypedParamValue::Int(1));
        assert_eq!(set_merging_parameters(&[wrong]).unwrap_err().code, ErrorCode::INVALID_ARG);
    }
}
