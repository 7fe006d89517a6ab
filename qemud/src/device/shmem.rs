//! Memory shared between guests.

use model::Token;
use model::domain::device::shmem::{Shmem, ShmemModel, ShmemRole};

use super::{Check, QemuDevice};
use crate::command::PlanError;
use crate::command::build::Build;
use crate::command::props::Props;
use crate::command::quote::commas;
use crate::defaults::DefaultsError;
use crate::defaults::board::Board;
use crate::defaults::pci::bus::Connect;

/// Bytes of a region without a size.
const DEFAULT_SIZE: u64 = 4 << 20;

impl QemuDevice for Shmem {
    fn complete(&mut self, _board: &Board<'_>) -> Result<(), DefaultsError> {
        if self.model == Some(ShmemModel::IvshmemPlain) {
            self.size.get_or_insert(DEFAULT_SIZE);
        }
        if self.model == Some(ShmemModel::IvshmemDoorbell) {
            self.msi.get_or_insert_default().ioeventfd.get_or_insert(true);
        }
        Ok(())
    }

    fn validate(&self, _check: &Check<'_>) -> Result<(), DefaultsError> {
        match self.model {
            Some(ShmemModel::Ivshmem) | None => {
                Err(DefaultsError::unsupported("ivshmem device is not supported with this QEMU binary"))
            }
            Some(ShmemModel::IvshmemPlain) if self.server.is_some() => Err(DefaultsError::unsupported(
                "shmem model 'ivshmem-plain' is supported without server only",
            )),
            Some(ShmemModel::IvshmemDoorbell) if self.server.is_none() => Err(DefaultsError::unsupported(
                "shmem model 'ivshmem-doorbell' is supported only with server",
            )),
            _ => Ok(()),
        }
    }

    fn plug(&self, board: &Board<'_>) -> Option<Connect> {
        Some(board.pci())
    }

    fn args(&self, build: &mut Build<'_>) -> Result<(), PlanError> {
        let alias = build.alias(&self.info)?;
        let doorbell = self.model == Some(ShmemModel::IvshmemDoorbell);
        let props = if doorbell { doorbell_device(self, &alias) } else { plain(self, &alias, build) };
        // A doorbell's server decides who keeps the memory.
        let role =
            self.role.filter(|_| !doorbell).map(|role| if role == ShmemRole::Master { "on" } else { "off" });
        let props = build.place(props.opt_str("master", role), &self.info)?;
        build.device(props)?;
        if doorbell {
            server(self, &alias, build);
        }
        Ok(())
    }
}

fn plain(shmem: &Shmem, alias: &str, build: &mut Build<'_>) -> Props {
    let memdev = format!("shmmem-{alias}");
    let object = Props::object("memory-backend-file", &memdev)
        .str("mem-path", &format!("/dev/shm/{}", shmem.name))
        .set("size", shmem.size.unwrap_or(DEFAULT_SIZE))
        .set("share", true);
    build.object(&object);
    Props::device("ivshmem-plain").str("id", alias).str("memdev", &memdev)
}

fn doorbell_device(shmem: &Shmem, alias: &str) -> Props {
    let msi = shmem.msi.unwrap_or_default();
    Props::device(ShmemModel::IvshmemDoorbell.as_str())
        .str("id", alias)
        .str("chardev", &format!("char{alias}"))
        .opt("vectors", msi.vectors)
        .opt("ioeventfd", msi.ioeventfd)
}

/// The socket of the server that hands out the memory and the doorbells.
fn server(shmem: &Shmem, alias: &str, build: &mut Build<'_>) {
    let given = shmem.server.as_ref().and_then(|server| server.path.clone());
    let path = given.unwrap_or_else(|| format!("/var/lib/libvirt/shmem-{}-sock", shmem.name));
    build.plan.option("-chardev", format!("socket,id=char{alias},path={}", commas(&path)));
}
