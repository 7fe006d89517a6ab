//! Kernel samepage merging: its figures and settings in `/sys/kernel/mm/ksm` (the kernel's
//! `Documentation/admin-guide/mm/ksm.rst`).

use std::path::Path;

use crate::{Error, Result, kernel};

/// Where the kernel keeps them.
const DIR: &str = "/sys/kernel/mm/ksm";

/// The value of a file ("pages_to_scan"); None where the kernel has no such figure.
pub fn read(name: &str) -> Result<Option<u64>> {
    kernel::number_if_any(&Path::new(DIR).join(name))
}

/// Set the value of a file.
pub fn write(name: &str, value: u64) -> Result<()> {
    let path = Path::new(DIR).join(name);
    std::fs::write(&path, value.to_string()).map_err(Error::file("write", &path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_where_there_are_any() {
        assert_eq!(read("no_such_figure").unwrap(), None);
        let there = Path::new(DIR).join("pages_to_scan").exists();
        assert_eq!(read("pages_to_scan").unwrap().is_some(), there);
        assert!(write("no_such_figure", 1).is_err());
    }
}
