//! The host's memory: whole, by NUMA cell, and its pages by size. All sizes in KiB.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::{Error, Result, kernel};

/// Memory of the host (`/proc/meminfo`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// What the kernel manages.
    pub total: u64,
    /// Used for nothing.
    pub free: u64,
    /// Metadata of disks.
    pub buffers: u64,
    /// Contents of files.
    pub cached: u64,
}

/// Memory of one NUMA cell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CellMemory {
    /// What the kernel manages.
    pub total: u64,
    /// Used for nothing.
    pub free: u64,
}

/// Pages of one size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pages {
    /// Size of a page.
    pub size_kib: u64,
    /// How many there are; of the base size, those not made into huge pages.
    pub total: u64,
    /// How many of them are free.
    pub free: u64,
}

/// Memory of the whole host.
pub fn stats() -> Result<Memory> {
    stats_at(Path::new("/"))
}

/// Memory as clients see it: the sum of the NUMA cells, on a host without them all memory. (A kernel may have
/// memory that belongs to no cell yet; the reference does not count it.)
pub fn total_kib() -> Result<u64> {
    Ok(sum_at(Path::new("/"))?.total)
}

/// Free memory, counted as [`total_kib`] is.
pub fn free_kib() -> Result<u64> {
    Ok(sum_at(Path::new("/"))?.free)
}

/// Memory of a NUMA cell; cell 0 of a host without them is the host.
pub fn cell(id: u32) -> Result<CellMemory> {
    cell_at(Path::new("/"), id)
}

/// Free memory of a NUMA cell.
pub fn cell_free_kib(id: u32) -> Result<u64> {
    Ok(cell(id)?.free)
}

/// Pages of a NUMA cell by size, ascending; the base size is the first.
pub fn cell_pages(id: u32) -> Result<Vec<Pages>> {
    cell_pages_at(Path::new("/"), id)
}

/// Pages of the whole host by size, ascending; the base size is the first.
pub fn pages() -> Result<Vec<Pages>> {
    let memory = stats()?;
    pages_in(Path::new("/sys/kernel/mm/hugepages"), memory.total, memory.free)
}

/// Set how many pages of a size a NUMA cell (None: the host) keeps; answers how many it has then.
pub fn set_huge_pages(cell: Option<u32>, size_kib: u64, count: u64) -> Result<u64> {
    let root = Path::new("/");
    let dir = match cell {
        Some(id) if has_cells(root) => cell_dir(root, id).join("hugepages"),
        _ => host_pages(root),
    };
    let path = dir.join(format!("hugepages-{size_kib}kB")).join("nr_hugepages");
    std::fs::write(&path, count.to_string()).map_err(Error::file("write", &path))?;
    kernel::number(&path)
}

/// Bytes of a base page.
pub fn page_size() -> u64 {
    static SIZE: OnceLock<u64> = OnceLock::new();
    *SIZE.get_or_init(|| {
        let size = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten();
        size.and_then(|size| u64::try_from(size).ok()).filter(|size| size.is_power_of_two()).unwrap_or(4096)
    })
}

/// As [`stats`], below another root.
pub fn stats_at(root: &Path) -> Result<Memory> {
    let path = root.join("proc/meminfo");
    let text = kernel::text(&path)?;
    let value = |name| kernel::kib(&text, name).ok_or_else(|| Error::malformed(&path, format!("no {name}")));
    Ok(Memory {
        total: value("MemTotal")?,
        free: value("MemFree")?,
        buffers: value("Buffers")?,
        cached: value("Cached")?,
    })
}

/// As [`cell`], below another root.
pub fn cell_at(root: &Path, id: u32) -> Result<CellMemory> {
    let path = cell_dir(root, id).join("meminfo");
    let Some(text) = kernel::text_if_any(&path)? else {
        if id == 0 && !has_cells(root) {
            return stats_at(root).map(|all| CellMemory { total: all.total, free: all.free });
        }
        return Err(Error::file("read", &path)(std::io::ErrorKind::NotFound.into()));
    };
    let value = |name| kernel::kib(&text, name).ok_or_else(|| Error::malformed(&path, format!("no {name}")));
    Ok(CellMemory { total: value("MemTotal")?, free: value("MemFree")? })
}

/// As [`cell_pages`], below another root.
pub fn cell_pages_at(root: &Path, id: u32) -> Result<Vec<Pages>> {
    let memory = cell_at(root, id)?;
    let dir = if has_cells(root) { cell_dir(root, id).join("hugepages") } else { host_pages(root) };
    pages_in(&dir, memory.total, memory.free)
}

pub(crate) fn nodes_dir(root: &Path) -> PathBuf {
    root.join("sys/devices/system/node")
}

fn sum_at(root: &Path) -> Result<CellMemory> {
    let cells = kernel::numbered(&nodes_dir(root), "node")?;
    if cells.is_empty() {
        return cell_at(root, 0);
    }
    let mut sum = CellMemory::default();
    for id in cells {
        let cell = cell_at(root, id)?;
        sum.total = sum.total.saturating_add(cell.total);
        sum.free = sum.free.saturating_add(cell.free);
    }
    Ok(sum)
}

fn has_cells(root: &Path) -> bool {
    cell_dir(root, 0).is_dir()
        || kernel::numbered(&nodes_dir(root), "node").is_ok_and(|cells| !cells.is_empty())
}

fn cell_dir(root: &Path, id: u32) -> PathBuf {
    nodes_dir(root).join(format!("node{id}"))
}

fn host_pages(root: &Path) -> PathBuf {
    root.join("sys/kernel/mm/hugepages")
}

/// Base pages of so much memory, and the huge pages that a directory "hugepages-2048kB", ... tells.
fn pages_in(dir: &Path, total_kib: u64, free_kib: u64) -> Result<Vec<Pages>> {
    let base = page_size() / 1024;
    let mut huge = huge_pages(dir)?;
    huge.sort_unstable_by_key(|pages| pages.size_kib);
    let taken =
        huge.iter().map(|pages| pages.size_kib.saturating_mul(pages.total)).fold(0, u64::saturating_add);
    let small = total_kib.saturating_sub(taken) / base;
    let mut all = vec![Pages { size_kib: base, total: small, free: free_kib / base }];
    all.append(&mut huge);
    Ok(all)
}

fn huge_pages(dir: &Path) -> Result<Vec<Pages>> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        // A kernel without huge pages.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::file("read directory", dir)(error)),
    };
    let mut all = Vec::new();
    for entry in entries {
        let path = entry.map_err(Error::file("read directory", dir))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let size = name.strip_prefix("hugepages-").and_then(|name| name.strip_suffix("kB"));
        let Some(size_kib) = size.and_then(|size| size.parse().ok()) else { continue };
        let total = kernel::number(&path.join("nr_hugepages"))?;
        all.push(Pages { size_kib, total, free: kernel::number(&path.join("free_hugepages"))? });
    }
    Ok(all)
}

/// Bounds how many separate heaps the C library's allocator keeps for threads (mallopt(3), `M_ARENA_MAX`). With
/// one per thread, what one thread frees no other uses again, and a daemon with a pool of threads keeps twice the
/// memory that it needs. To be called before the first thread is made. False: refused.
pub fn limit_heaps(most: i32) -> bool {
    // SAFETY: mallopt only sets a number inside the allocator, under the allocator's own lock.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, most) == 1 }
}

/// Gives the kernel back what the allocator keeps for later (malloc_trim(3)): worth its milliseconds behind work that
/// needed much memory for a moment. Blocks other threads' allocations meanwhile.
pub fn give_back() {
    // SAFETY: malloc_trim touches only memory that nobody has allocated, under the allocator's own locks.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Page size in KiB of the hugetlbfs that is mounted at a directory; none if something else is there. Blocks.
pub fn huge_page_mount(path: &Path) -> Result<Option<u64>> {
    let stat = rustix::fs::statfs(path).map_err(|error| Error::file("look at", path)(error.into()))?;
    let size = u64::try_from(stat.f_bsize).unwrap_or(0);
    // Both sides as the kernel writes them; the type's sign differs between architectures.
    Ok((stat.f_type as u32 == HUGETLBFS_MAGIC).then_some(size / 1024))
}

/// Type of hugetlbfs (statfs(2)).
const HUGETLBFS_MAGIC: u32 = 0x9584_58f6;

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_allocator_takes_a_bound() {
        assert!(limit_heaps(8));
    }

    #[test]
    fn freed_memory_goes_back() {
        let resident = || crate::proc::resident_kib(std::process::id().cast_signed()).unwrap();
        // Small pieces stay with the allocator while one behind them is in use.
        let mut pieces: Vec<Vec<u8>> = (0..40_000).map(|_| vec![1; 1024]).collect();
        let last = pieces.pop();
        drop(pieces);
        let before = resident();
        give_back();
        assert!(resident() + 20_000 < before, "{before} KiB, then {} KiB", resident());
        drop(last);
    }

    fn put(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn meminfo(root: &Path) {
        let text = "MemTotal: 9000 kB\nMemFree: 800 kB\nBuffers: 7 kB\nCached: 60 kB\nSwapCached: 1 kB\n";
        put(root, "proc/meminfo", text);
    }

    fn node(root: &Path, id: u32, total: u64, free: u64) {
        let text = format!("Node {id} MemTotal: {total} kB\nNode {id} MemFree: {free} kB\n");
        put(root, &format!("sys/devices/system/node/node{id}/meminfo"), &text);
    }

    #[test]
    fn host_with_cells_is_their_sum() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        meminfo(root);
        node(root, 0, 4000, 100);
        node(root, 3, 2000, 50);
        assert_eq!(sum_at(root).unwrap(), CellMemory { total: 6000, free: 150 });
        assert_eq!(cell_at(root, 3).unwrap(), CellMemory { total: 2000, free: 50 });
        assert!(cell_at(root, 1).unwrap_err().is_not_found());
        assert_eq!(stats_at(root).unwrap(), Memory { total: 9000, free: 800, buffers: 7, cached: 60 });
    }

    #[test]
    fn host_without_cells_is_cell_0() {
        let dir = tempfile::tempdir().unwrap();
        meminfo(dir.path());
        put(dir.path(), "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "2\n");
        put(dir.path(), "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "1\n");
        assert_eq!(sum_at(dir.path()).unwrap(), CellMemory { total: 9000, free: 800 });
        assert!(cell_at(dir.path(), 1).is_err());
        let pages = cell_pages_at(dir.path(), 0).unwrap();
        assert_eq!(pages[1], Pages { size_kib: 2048, total: 2, free: 1 });
        assert_eq!(pages[0].total, (9000 - 4096) / (page_size() / 1024));
    }

    #[test]
    fn pages_of_a_cell_are_sorted_by_size() {
        let dir = tempfile::tempdir().unwrap();
        node(dir.path(), 0, 4000, 100);
        for (size, total) in [("1048576kB", 0), ("2048kB", 1)] {
            let at = format!("sys/devices/system/node/node0/hugepages/hugepages-{size}");
            put(dir.path(), &format!("{at}/nr_hugepages"), &format!("{total}\n"));
            put(dir.path(), &format!("{at}/free_hugepages"), "0\n");
        }
        let sizes: Vec<_> =
            cell_pages_at(dir.path(), 0).unwrap().iter().map(|pages| pages.size_kib).collect();
        assert_eq!(sizes, [page_size() / 1024, 2048, 1_048_576]);
    }

    #[test]
    fn nonsense_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "proc/meminfo", "MemTotal: many kB\n");
        assert!(matches!(stats_at(dir.path()), Err(Error::Malformed { .. })));
    }

    #[test]
    fn this_host_answers() {
        assert!(total_kib().unwrap() > free_kib().unwrap());
        assert!(stats().unwrap().total >= total_kib().unwrap());
        assert_eq!(pages().unwrap()[0].size_kib * 1024, page_size());
        assert!(cell_pages(0).unwrap()[0].total > 0);
    }
}
