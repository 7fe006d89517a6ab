//! Names of machines and paths of partitions, as libvirt makes them.

use std::path::PathBuf;

use super::unavailable;
use crate::Result;

/// The partition of machines that name none.
pub const DEFAULT_PARTITION: &str = "/machine";

/// Longest name of a machine (systemd-machined's limit).
const LONGEST: usize = 64;

/// "DRIVER-ID-NAME" made of the characters that a host's name may have: others are left out, runs of dots and
/// hyphens become their first, and none stands at the end.
pub fn machine_name(driver: &str, id: i32, name: &str) -> String {
    let mut machine = format!("{driver}-{id}-");
    for c in name.chars() {
        if machine.len() >= LONGEST {
            break;
        }
        let separator = matches!(c, '.' | '-');
        if c.is_ascii_alphanumeric() || (separator && !machine.ends_with(['.', '-'])) {
            machine.push(c);
        }
    }
    machine.truncate(machine.trim_end_matches(['.', '-']).len());
    machine
}

/// The scope that systemd-machined makes for a machine: "machine-qemu\x2d1\x2da.scope".
pub fn scope_name(machine: &str) -> String {
    let mut scope = String::from("machine-");
    for byte in machine.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b':' | b'_' | b'.' => scope.push(byte as char),
            _ => scope.push_str(&format!("\\x{byte:02x}")),
        }
    }
    scope + ".scope"
}

/// The slice that stands for a partition: "/machine/my-prod" is "machine-my\x2dprod.slice".
pub fn slice_name(partition: &str) -> String {
    let mut slice = String::new();
    for byte in partition.trim_start_matches('/').bytes() {
        match byte {
            b'/' => slice.push('-'),
            b'.' if slice.is_empty() => slice.push_str("\\x2e"),
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b':' | b'_' | b'.' => slice.push(byte as char),
            _ => slice.push_str(&format!("\\x{byte:02x}")),
        }
    }
    slice + ".slice"
}

/// Where a slice is below the root: in those that its name begins with (systemd.slice(5)).
pub(super) fn slice_path(slice: &str) -> PathBuf {
    let stem = slice.strip_suffix(".slice").unwrap_or(slice);
    let ends = stem.match_indices('-').map(|(at, _)| at).chain([stem.len()]);
    ends.filter_map(|end| stem.get(..end)).map(|part| format!("{part}.slice")).collect()
}

/// Where a partition is below the root of a hierarchy: "/a/b" is "a.partition/b.partition", the reserved first
/// names stay as they are, and so does a part that has a suffix.
pub(super) fn partition_path(partition: &str) -> Result<PathBuf> {
    let improper = |reason| unavailable(&format!("partition '{partition:.200}'"), reason);
    let below = partition.strip_prefix('/').ok_or_else(|| improper("it is not an absolute path"))?;
    let mut path = PathBuf::new();
    for (at, part) in below.split('/').enumerate() {
        if matches!(part, "" | "." | "..") {
            return Err(improper("it has an empty part or one of dots"));
        }
        let reserved = at == 0 && matches!(part, "machine" | "user" | "system");
        let part = if reserved || part.contains('.') { part.to_owned() } else { format!("{part}.partition") };
        path.push(escape(&part));
    }
    Ok(path)
}

/// A name that cannot be taken for one of the kernel's own files: those get a leading underscore.
pub(super) fn escape(name: &str) -> String {
    const KERNELS: [&str; 10] = [
        "cgroup",
        "cpu",
        "cpuacct",
        "cpuset",
        "memory",
        "devices",
        "freezer",
        "blkio",
        "net_cls",
        "perf_event",
    ];
    let of_kernel = name.split_once('.').is_some_and(|(prefix, _)| KERNELS.contains(&prefix));
    if name.starts_with(['_', '.']) || matches!(name, "tasks" | "notify_on_release") || of_kernel {
        format!("_{name}")
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_of_partitions() {
        assert_eq!(slice_name("/machine"), "machine.slice");
        assert_eq!(slice_name("/machine/my-prod"), "machine-my\\x2dprod.slice");
        assert_eq!(slice_name("/.a/b c"), "\\x2ea-b\\x20c.slice");
        let path = slice_path("machine-my\\x2dprod-x.slice");
        let parents = "machine.slice/machine-my\\x2dprod.slice/machine-my\\x2dprod-x.slice";
        assert_eq!(path, PathBuf::from(parents));
    }

    #[test]
    fn machine_names_are_those_of_the_reference() {
        // Each seen with the reference.
        for (id, name, expect) in [
            (1, "aa", "qemu-1-aa"),
            (1, "a b_ä.x-é", "qemu-1-ab.x"),
            (2, "..x", "qemu-2-x"),
            (3, "-z..--q", "qemu-3-z.q"),
        ] {
            assert_eq!(machine_name("qemu", id, name), expect);
        }
        assert_eq!(machine_name("qemu", 1, &"n".repeat(100)).len(), 64);
        assert_eq!(machine_name("qemu", 7, "ä"), "qemu-7");
    }

    #[test]
    fn scopes_are_escaped() {
        assert_eq!(scope_name("qemu-1-a.b"), "machine-qemu\\x2d1\\x2da.b.scope");
    }

    #[test]
    fn partitions_have_suffixes_and_stay_inside() {
        let path = |partition| partition_path(partition).map(|path| path.to_str().unwrap().to_owned());
        assert_eq!(path("/machine").unwrap(), "machine");
        assert_eq!(path("/machine/gold").unwrap(), "machine/gold.partition");
        assert_eq!(path("/gold/machine").unwrap(), "gold.partition/machine.partition");
        assert_eq!(path("/a.slice/b").unwrap(), "a.slice/b.partition");
        assert_eq!(path("/_x").unwrap(), "__x.partition");
        for bad in ["machine", "", "/", "/a//b", "/a/../b", "/a/."] {
            assert!(path(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_of_the_kernels_files_are_escaped() {
        assert_eq!(escape("cpu.shares"), "_cpu.shares");
        assert_eq!(escape("tasks"), "_tasks");
        assert_eq!(escape("cpux.shares"), "cpux.shares");
    }
}
