//! Disks of a domain: their sizes, their errors, and how far they may fill.

use ::driver::room;
use protocol::consts::domain_disk_error_code as trouble;
use protocol::limits::DOMAIN_DISK_ERRORS_MAX;
use protocol::remote::*;
use protocol::{ErrorCode, ErrorDomain, Fault};
use rpc::Call;

use crate::diskinfo;
use crate::driver::no_flags;
use crate::guest::threshold;
use crate::parts;
use crate::service::Virtqemud;

impl DomainBlock<Call> for Virtqemud {
    async fn domain_set_block_threshold(
        &self,
        _call: &Call,
        args: DomainSetBlockThresholdArgs,
    ) -> Result<(), Fault> {
        threshold::set(&self.driver, args).await
    }

    async fn domain_get_block_info(
        &self,
        _call: &Call,
        args: DomainGetBlockInfoArgs,
    ) -> Result<DomainGetBlockInfoRet, Fault> {
        no_flags("virDomainGetBlockInfo", args.flags)?;
        let view = self.driver.view(&args.dom)?;
        let definition = view.definition()?;
        let disk = parts::disk_by(definition, &args.path).ok_or_else(|| {
            Fault::invalid_arg(
                ErrorDomain::QEMU,
                format!("invalid path {} not assigned to domain", args.path),
            )
        })?;
        if parts::is_empty(disk) {
            let detail = format!("disk '{}' does not currently have a source assigned", disk.target);
            return Err(Fault::invalid_arg(ErrorDomain::QEMU, detail));
        }
        let sizes = match &view.live {
            Some(live) => diskinfo::of_running(live, disk).await?,
            None => diskinfo::of_image(disk).await?,
        };
        let diskinfo::Sizes { capacity, allocation, physical } = sizes;
        Ok(DomainGetBlockInfoRet { capacity, allocation, physical })
    }

    async fn domain_get_disk_errors(
        &self,
        _call: &Call,
        args: DomainGetDiskErrorsArgs,
    ) -> Result<DomainGetDiskErrorsRet, Fault> {
        no_flags("virDomainGetDiskErrors", args.flags)?;
        let most = i32::try_from(args.maxerrors).unwrap_or(i32::MAX);
        let most = room::of_figures(most, DOMAIN_DISK_ERRORS_MAX, "maxerrors")?;
        let view = self.driver.view(&args.dom)?;
        let live = view.active()?;
        let disks: Vec<_> = parts::disks(&live.definition).collect();
        // Without room for one, the client asks how many there can be.
        if most == 0 {
            let nerrors = i32::try_from(disks.len()).unwrap_or(i32::MAX);
            return Ok(DomainGetDiskErrorsRet { errors: Vec::new().into(), nerrors });
        }
        let monitor = live.monitor.as_ref().ok_or_else(|| {
            Fault::new(ErrorDomain::QEMU, ErrorCode::OPERATION_INVALID, "the guest is still being started")
        })?;
        let drives = monitor.query_block().await.map_err(Fault::from)?;
        let found = disks.iter().filter_map(|disk| {
            let alias = disk.info.alias.as_deref()?;
            let drive = drives
                .iter()
                .find(|drive| diskinfo::is_device(drive.qdev.as_deref(), &drive.device, alias))?;
            let error = match drive.io_status.as_deref()? {
                "failed" => trouble::UNSPEC,
                "nospace" => trouble::NO_SPACE,
                _ => return None,
            };
            Some(DomainDiskError { disk: disk.target.clone(), error })
        });
        let errors: Vec<DomainDiskError> = found.take(most).collect();
        let nerrors = i32::try_from(errors.len()).unwrap_or(i32::MAX);
        Ok(DomainGetDiskErrorsRet { errors: errors.into(), nerrors })
    }
}
