use super::*;
use std::fs;

fn put(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn put_cpu(root: &Path, id: u32, (socket, die, core): (u32, u32, u32), siblings: &str) {
    let at = format!("sys/devices/system/cpu/cpu{id}/topology");
    put(root, &format!("{at}/physical_package_id"), &format!("{socket}\n"));
    put(root, &format!("{at}/die_id"), &format!("{die}\n"));
    put(root, &format!("{at}/core_id"), &format!("{core}\n"));
    put(root, &format!("{at}/thread_siblings_list"), &format!("{siblings}\n"));
}

fn put_sets(root: &Path, present: &str, online: &str) {
    put(root, "sys/devices/system/cpu/present", present);
    put(root, "sys/devices/system/cpu/online", online);
}

fn put_cell(root: &Path, id: u32, cpus: &str, distance: &str) {
    let at = format!("sys/devices/system/node/node{id}");
    put(root, &format!("{at}/cpulist"), cpus);
    put(root, &format!("{at}/distance"), distance);
    put(root, &format!("{at}/meminfo"), &format!("Node {id} MemTotal: 4096 kB\nNode {id} MemFree: 8 kB\n"));
}

/// Two cells of a socket each, two cores with two threads.
fn two_sockets(root: &Path) {
    put_sets(root, "0-7\n", "0-7\n");
    for id in 0..8 {
        let core = id % 4;
        put_cpu(root, id, (core / 2, 0, core % 2), &format!("{core},{}", core + 4));
    }
    put_cell(root, 0, "0-1,4-5\n", "10 21\n");
    put_cell(root, 1, "2-3,6-7\n", "21 10\n");
}

#[test]
fn even_layout() {
    let dir = tempfile::tempdir().unwrap();
    two_sockets(dir.path());
    let found = read_at(dir.path()).unwrap();
    assert_eq!(found.shape(), Shape { nodes: 2, sockets: 1, cores: 2, threads: 2 });
    assert_eq!(found.cpu(6).unwrap().place, Some(Place { socket: 1, die: 0, core: 0 }));
    assert_eq!(found.cpu(6).unwrap().siblings, [2, 6]);
    assert_eq!(found.cells[1].cpus, [2, 3, 6, 7]);
    assert_eq!(found.cells[1].distances, [(0, 21), (1, 10)]);
    assert_eq!(found.cells[0].memory_kib, Some(4096));
    assert_eq!(found.cpu(8), None);
}

#[test]
fn offline_cpus_have_no_place_and_make_the_layout_uneven() {
    let dir = tempfile::tempdir().unwrap();
    two_sockets(dir.path());
    put_sets(dir.path(), "0-7\n", "0-2,4-6\n");
    let found = read_at(dir.path()).unwrap();
    assert_eq!(found.online(), [0, 1, 2, 4, 5, 6]);
    assert_eq!(found.present().len(), 8);
    assert_eq!(found.cpu(3).unwrap(), &Cpu { id: 3, place: None, siblings: vec![] });
    // The widest socket is still whole.
    assert_eq!(found.shape(), Shape { nodes: 2, sockets: 1, cores: 2, threads: 2 });
    put_sets(dir.path(), "0-7\n", "0,2,4,6\n");
    assert_eq!(read_at(dir.path()).unwrap().shape(), Shape { nodes: 1, sockets: 1, cores: 8, threads: 1 });
}

#[test]
fn a_host_without_cells_has_one_with_everything() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    put_sets(root, "0-1\n", "0-1\n");
    put_cpu(root, 0, (0, 0, 0), "0");
    put_cpu(root, 1, (0, 0, 1), "1");
    put(root, "proc/meminfo", "MemTotal: 9000 kB\nMemFree: 8 kB\nBuffers: 0 kB\nCached: 0 kB\n");
    let found = read_at(root).unwrap();
    assert_eq!(found.cells.len(), 1);
    assert_eq!(found.cells[0].cpus, [0, 1]);
    assert_eq!(found.cells[0].memory_kib, Some(9000));
    assert_eq!(found.shape(), Shape { nodes: 1, sockets: 1, cores: 2, threads: 1 });
}

#[test]
fn cells_without_cpus_or_memory_are_cells_but_not_nodes_of_the_shape() {
    let dir = tempfile::tempdir().unwrap();
    two_sockets(dir.path());
    put(dir.path(), "sys/devices/system/node/node2/cpulist", "\n");
    let found = read_at(dir.path()).unwrap();
    assert_eq!(found.cells[2], Cell { id: 2, ..Cell::default() });
    assert_eq!(found.shape().nodes, 2);
}

#[test]
fn dies_with_equal_core_numbers_are_different_cores() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    put_sets(root, "0-3\n", "0-3\n");
    for id in 0..4 {
        put_cpu(root, id, (0, id / 2, id % 2), &id.to_string());
    }
    put_cell(root, 0, "0-3\n", "10\n");
    assert_eq!(read_at(root).unwrap().shape(), Shape { nodes: 1, sockets: 1, cores: 4, threads: 1 });
}

#[test]
fn unknown_levels_are_zero() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    put_sets(root, "0\n", "0\n");
    put(root, "sys/devices/system/cpu/cpu0/topology/physical_package_id", "-1\n");
    put_cell(root, 0, "0\n", "10\n");
    let found = read_at(root).unwrap();
    assert_eq!(found.cpus[0], Cpu { id: 0, place: Some(Place::default()), siblings: vec![0] });
}

#[test]
fn nonsense_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    put_sets(dir.path(), "0-99999999\n", "0\n");
    assert!(read_at(dir.path()).is_err());
    assert!(read_at(&dir.path().join("none")).unwrap_err().is_not_found());
}

#[test]
fn shared_caches_are_told_once() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    put_sets(root, "0-1\n", "0-1\n");
    for cpu in 0..2 {
        for (index, level, kind, size, shared) in
            [(0, 1, "Data", "32K", cpu.to_string()), (1, 3, "Unified", "16384K", "0-1".to_owned())]
        {
            let at = format!("sys/devices/system/cpu/cpu{cpu}/cache/index{index}");
            put(root, &format!("{at}/level"), &format!("{level}\n"));
            put(root, &format!("{at}/type"), &format!("{kind}\n"));
            put(root, &format!("{at}/size"), &format!("{size}\n"));
            put(root, &format!("{at}/id"), &format!("{}\n", if level == 1 { cpu } else { 0 }));
            put(root, &format!("{at}/shared_cpu_list"), &format!("{shared}\n"));
        }
    }
    let found = caches_at(root).unwrap();
    assert_eq!(found.len(), 3);
    let last = Cache { level: 3, id: 0, kind: "Unified".into(), size_kib: 16384, cpus: vec![0, 1] };
    assert_eq!(found[2], last);
}

#[test]
fn this_host_answers() {
    let found = read().unwrap();
    let shape = found.shape();
    assert_eq!(shape.nodes * shape.sockets * shape.cores * shape.threads, found.cpus.len() as u32);
    assert!(!found.online().is_empty());
    caches().unwrap();
}
