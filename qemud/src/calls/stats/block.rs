//! Figures of disks.

use model::domain::Domain as Definition;
use protocol::remote::DomainBlockStatsRet;
use protocol::{ErrorCode, ErrorDomain, Fault};

use super::Params;
use crate::domain::View;
use crate::figures::{self, BlockFigures};
use crate::parts;

/// The group of a record.
pub(super) async fn group(view: &View, definition: &Definition, params: &mut Params) {
    params.uint("block.count", parts::disks(definition).count());
    let table = match &view.live {
        Some(live) if parts::disks(definition).next().is_some() => Some(figures::block(live).await),
        _ => None,
    };
    for (n, disk) in parts::disks(definition).enumerate() {
        params.text(&format!("block.{n}.name"), &disk.target);
        if let Some(path) = parts::disk_path(disk) {
            params.text(&format!("block.{n}.path"), path);
        }
        let alias = disk.info.alias.as_deref().unwrap_or_default();
        if let Some(figures) = table.as_ref().and_then(|table| table.get(alias)) {
            one_disk(n, figures, params);
        }
    }
}

fn one_disk(n: usize, figures: &BlockFigures, params: &mut Params) {
    let mut add = |name: &str, value| params.ullong(&format!("block.{n}.{name}"), value);
    for (way, (requests, bytes, time)) in [("rd", figures.read), ("wr", figures.written)] {
        add(&format!("{way}.reqs"), requests);
        add(&format!("{way}.bytes"), bytes);
        add(&format!("{way}.times"), time);
    }
    add("fl.reqs", figures.flushed.0);
    add("fl.times", figures.flushed.1);
    if let Some(bytes) = figures.allocation {
        add("allocation", bytes);
    }
    if let Some(bytes) = figures.capacity {
        add("capacity", bytes);
    }
    if let Some(bytes) = figures.physical {
        add("physical", bytes);
    }
}

/// One disk of a running guest, by its target or source path (procedure 64).
pub(super) async fn one(view: &View, path: &str) -> Result<DomainBlockStatsRet, Fault> {
    let live = view.active()?;
    let disk = parts::disks(&live.definition)
        .find(|disk| disk.target == path || parts::disk_path(disk) == Some(path));
    let disk = disk.ok_or_else(|| {
        Fault::new(ErrorDomain::QEMU, ErrorCode::INVALID_ARG, format!("invalid path: {path}"))
    })?;
    let table = figures::block(live).await;
    let figures = disk.info.alias.as_deref().and_then(|alias| table.get(alias)).copied();
    let figures = figures.ok_or_else(|| {
        let detail = format!("QEMU does not tell figures of disk '{}' now", disk.target);
        Fault::new(ErrorDomain::QEMU, ErrorCode::OPERATION_FAILED, detail)
    })?;
    let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    Ok(DomainBlockStatsRet {
        rd_req: signed(figures.read.0),
        rd_bytes: signed(figures.read.1),
        wr_req: signed(figures.written.0),
        wr_bytes: signed(figures.written.1),
        errs: -1,
    })
}
