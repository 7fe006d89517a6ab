//! Questions about snapshots and checkpoints. Nothing in this daemon makes one yet; one that another daemon has
//! left on this host is not passed over, but refused.

use std::path::PathBuf;

use ::driver::documents::blocking;
use ::driver::room;
use protocol::consts::{DomainCheckpointListFlags, DomainSnapshotListFlags};
use protocol::limits::DOMAIN_SNAPSHOT_LIST_MAX;
use protocol::remote::*;
use protocol::{ErrorCode, ErrorDomain, Fault};
use rpc::Call;

use crate::driver::{check_flags, no_flags};
use crate::history;
use crate::service::Virtqemud;

impl DomainSnapshot<Call> for Virtqemud {
    async fn domain_snapshot_num(
        &self,
        _call: &Call,
        args: DomainSnapshotNumArgs,
    ) -> Result<DomainSnapshotNumRet, Fault> {
        self.no_snapshots("virDomainSnapshotNum", &args.dom, args.flags).await?;
        Ok(DomainSnapshotNumRet { num: 0 })
    }

    async fn domain_snapshot_list_names(
        &self,
        _call: &Call,
        args: DomainSnapshotListNamesArgs,
    ) -> Result<DomainSnapshotListNamesRet, Fault> {
        room::of_list(args.maxnames, DOMAIN_SNAPSHOT_LIST_MAX, "maxnames")?;
        self.no_snapshots("virDomainSnapshotListNames", &args.dom, args.flags).await?;
        Ok(DomainSnapshotListNamesRet { names: Vec::new().into() })
    }

    async fn domain_list_all_snapshots(
        &self,
        _call: &Call,
        args: DomainListAllSnapshotsArgs,
    ) -> Result<DomainListAllSnapshotsRet, Fault> {
        self.no_snapshots("virDomainListAllSnapshots", &args.dom, args.flags).await?;
        Ok(DomainListAllSnapshotsRet { snapshots: Vec::new().into(), ret: 0 })
    }

    async fn domain_has_current_snapshot(
        &self,
        _call: &Call,
        args: DomainHasCurrentSnapshotArgs,
    ) -> Result<DomainHasCurrentSnapshotRet, Fault> {
        no_flags("virDomainHasCurrentSnapshot", args.flags)?;
        self.no_snapshots("virDomainHasCurrentSnapshot", &args.dom, 0).await?;
        Ok(DomainHasCurrentSnapshotRet { result: 0 })
    }

    async fn domain_snapshot_current(
        &self,
        _call: &Call,
        args: DomainSnapshotCurrentArgs,
    ) -> Result<DomainSnapshotCurrentRet, Fault> {
        no_flags("virDomainSnapshotCurrent", args.flags)?;
        self.no_snapshots("virDomainSnapshotCurrent", &args.dom, 0).await?;
        let detail = "the domain does not have a current snapshot";
        Err(Fault::new(ErrorDomain::QEMU, ErrorCode::NO_DOMAIN_SNAPSHOT, detail))
    }

    async fn domain_snapshot_lookup_by_name(
        &self,
        _call: &Call,
        args: DomainSnapshotLookupByNameArgs,
    ) -> Result<DomainSnapshotLookupByNameRet, Fault> {
        no_flags("virDomainSnapshotLookupByName", args.flags)?;
        self.no_snapshots("virDomainSnapshotLookupByName", &args.dom, 0).await?;
        let detail = format!("no domain snapshot with matching name '{}'", args.name);
        Err(Fault::new(ErrorDomain::QEMU, ErrorCode::NO_DOMAIN_SNAPSHOT, detail))
    }
}

impl DomainCheckpoint<Call> for Virtqemud {
    async fn domain_list_all_checkpoints(
        &self,
        _call: &Call,
        args: DomainListAllCheckpointsArgs,
    ) -> Result<DomainListAllCheckpointsRet, Fault> {
        check_flags("virDomainListAllCheckpoints", args.flags, DomainCheckpointListFlags::all())?;
        self.no_checkpoints(&args.dom).await?;
        Ok(DomainListAllCheckpointsRet { checkpoints: Vec::new().into(), ret: 0 })
    }

    async fn domain_checkpoint_lookup_by_name(
        &self,
        _call: &Call,
        args: DomainCheckpointLookupByNameArgs,
    ) -> Result<DomainCheckpointLookupByNameRet, Fault> {
        no_flags("virDomainCheckpointLookupByName", args.flags)?;
        self.no_checkpoints(&args.dom).await?;
        let detail = format!("no domain checkpoint with matching name '{}'", args.name);
        Err(Fault::new(ErrorDomain::QEMU, ErrorCode::NO_DOMAIN_CHECKPOINT, detail))
    }
}

impl Virtqemud {
    async fn no_snapshots(&self, api: &str, named: &NonnullDomain, flags: u32) -> Result<(), Fault> {
        check_flags(api, flags, DomainSnapshotListFlags::all())?;
        let name = self.driver.domain(named)?.lock().name.clone();
        refuse_documents(self.driver.paths.guest_snapshots(&name), "snapshots").await
    }

    async fn no_checkpoints(&self, named: &NonnullDomain) -> Result<(), Fault> {
        let name = self.driver.domain(named)?.lock().name.clone();
        refuse_documents(self.driver.paths.guest_checkpoints(&name), "checkpoints").await
    }
}

/// Fails when another daemon's documents are there.
async fn refuse_documents(dir: Option<PathBuf>, what: &str) -> Result<(), Fault> {
    let Some(dir) = dir else { return Ok(()) };
    let shown = dir.display().to_string();
    let there = blocking(move || history::exists(Some(dir)));
    match there.await.map_err(::driver::fault::host(ErrorDomain::QEMU))? {
        false => Ok(()),
        true => {
            let detail = format!("the {what} in '{shown}' cannot be read by this daemon yet");
            Err(Fault::new(ErrorDomain::QEMU, ErrorCode::OPERATION_UNSUPPORTED, detail))
        }
    }
}
