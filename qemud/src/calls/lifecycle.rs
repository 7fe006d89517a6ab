//! From definition to destruction, and the questions about a domain that need no guest.

use ::driver::room;
use protocol::consts::{ConnectListAllDomainsFlags, DomainCreateFlags as Start, DomainMessageType};
use protocol::limits::DOMAIN_LIST_MAX;
use protocol::remote::*;
use protocol::xdr::{UChar, UShort};
use protocol::{ErrorDomain, Fault};
use rpc::Call;
use uuid::Uuid;

use super::list;
use crate::driver::{check_flags, named, no_domain, no_flags};
use crate::process::{StartOptions, control, start, stop};
use crate::service::Virtqemud;
use crate::validate;
use crate::{define, lifecycle_action, metadata, rename};

/// `VIR_DOMAIN_START_*` that a start takes.
const START_FLAGS: Start = Start::START_PAUSED
    .union(Start::START_AUTODESTROY)
    .union(Start::START_BYPASS_CACHE)
    .union(Start::START_FORCE_BOOT)
    .union(Start::START_RESET_NVRAM);

impl DomainLifecycle<Call> for Virtqemud {
    async fn domain_define_xml(
        &self,
        _call: &Call,
        args: DomainDefineXmlArgs,
    ) -> Result<DomainDefineXmlRet, Fault> {
        let view = define::define(&self.driver, &args.xml, 0).await?;
        Ok(DomainDefineXmlRet { dom: named(&view)? })
    }

    async fn domain_define_xml_flags(
        &self,
        _call: &Call,
        args: DomainDefineXmlFlagsArgs,
    ) -> Result<DomainDefineXmlFlagsRet, Fault> {
        let view = define::define(&self.driver, &args.xml, args.flags).await?;
        Ok(DomainDefineXmlFlagsRet { dom: named(&view)? })
    }

    async fn domain_undefine(&self, _call: &Call, args: DomainUndefineArgs) -> Result<(), Fault> {
        define::undefine(&self.driver, &args.dom, 0).await
    }

    async fn domain_undefine_flags(&self, _call: &Call, args: DomainUndefineFlagsArgs) -> Result<(), Fault> {
        define::undefine(&self.driver, &args.dom, args.flags).await
    }

    async fn domain_create(&self, call: &Call, args: DomainCreateArgs) -> Result<(), Fault> {
        start::defined(&self.driver, &args.dom, options(call, Start::empty())).await.map(|_| ())
    }

    async fn domain_create_with_flags(
        &self,
        call: &Call,
        args: DomainCreateWithFlagsArgs,
    ) -> Result<DomainCreateWithFlagsRet, Fault> {
        let flags = check_flags("virDomainCreateWithFlags", args.flags, START_FLAGS)?;
        let view = start::defined(&self.driver, &args.dom, options(call, flags)).await?;
        Ok(DomainCreateWithFlagsRet { dom: named(&view)? })
    }

    async fn domain_create_xml(
        &self,
        call: &Call,
        args: DomainCreateXmlArgs,
    ) -> Result<DomainCreateXmlRet, Fault> {
        let flags = check_flags("virDomainCreateXML", args.flags, START_FLAGS | Start::START_VALIDATE)?;
        let wanted = flags.contains(Start::START_VALIDATE);
        validate::domain(&self.driver, &args.xml_desc, wanted).await?;
        let view = start::transient(&self.driver, &args.xml_desc, options(call, flags)).await?;
        Ok(DomainCreateXmlRet { dom: named(&view)? })
    }

    async fn domain_destroy(&self, _call: &Call, args: DomainDestroyArgs) -> Result<(), Fault> {
        stop::destroy(&self.driver, &args.dom, 0).await
    }

    async fn domain_destroy_flags(&self, _call: &Call, args: DomainDestroyFlagsArgs) -> Result<(), Fault> {
        stop::destroy(&self.driver, &args.dom, args.flags).await
    }

    async fn domain_shutdown(&self, _call: &Call, args: DomainShutdownArgs) -> Result<(), Fault> {
        control::shutdown(&self.driver, &args.dom, 0).await
    }

    async fn domain_shutdown_flags(&self, _call: &Call, args: DomainShutdownFlagsArgs) -> Result<(), Fault> {
        control::shutdown(&self.driver, &args.dom, args.flags).await
    }

    async fn domain_reboot(&self, _call: &Call, args: DomainRebootArgs) -> Result<(), Fault> {
        control::reboot(&self.driver, &args.dom, args.flags).await
    }

    async fn domain_reset(&self, _call: &Call, args: DomainResetArgs) -> Result<(), Fault> {
        control::reset(&self.driver, &args.dom, args.flags).await
    }

    async fn domain_suspend(&self, _call: &Call, args: DomainSuspendArgs) -> Result<(), Fault> {
        control::suspend(&self.driver, &args.dom).await
    }

    async fn domain_resume(&self, _call: &Call, args: DomainResumeArgs) -> Result<(), Fault> {
        control::resume(&self.driver, &args.dom).await
    }

    async fn domain_pm_suspend_for_duration(
        &self,
        _call: &Call,
        args: DomainPmSuspendForDurationArgs,
    ) -> Result<(), Fault> {
        control::sleep(&self.driver, &args).await
    }

    async fn domain_pm_wakeup(&self, _call: &Call, args: DomainPmWakeupArgs) -> Result<(), Fault> {
        control::wake(&self.driver, &args.dom, args.flags).await
    }

    async fn domain_get_autostart(
        &self,
        _call: &Call,
        args: DomainGetAutostartArgs,
    ) -> Result<DomainGetAutostartRet, Fault> {
        let autostart = self.driver.view(&args.dom)?.autostart.into();
        Ok(DomainGetAutostartRet { autostart })
    }

    async fn domain_set_autostart(&self, _call: &Call, args: DomainSetAutostartArgs) -> Result<(), Fault> {
        define::set_autostart(&self.driver, &args.dom, args.autostart != 0).await
    }

    async fn domain_get_autostart_once(
        &self,
        _call: &Call,
        args: DomainGetAutostartOnceArgs,
    ) -> Result<DomainGetAutostartOnceRet, Fault> {
        let autostart = self.driver.domain(&args.dom)?.lock().autostart_once.into();
        Ok(DomainGetAutostartOnceRet { autostart })
    }

    async fn domain_set_autostart_once(
        &self,
        _call: &Call,
        args: DomainSetAutostartOnceArgs,
    ) -> Result<(), Fault> {
        define::set_autostart_once(&self.driver, &args.dom, args.autostart != 0).await
    }

    async fn domain_lookup_by_id(
        &self,
        _call: &Call,
        args: DomainLookupByIdArgs,
    ) -> Result<DomainLookupByIdRet, Fault> {
        let id = args.id;
        let found = self.driver.domains.by_id(id);
        let found = found.ok_or_else(|| no_domain(format!("no domain with matching id {id}")))?;
        Ok(DomainLookupByIdRet { dom: named(&found.view())? })
    }

    async fn domain_lookup_by_name(
        &self,
        _call: &Call,
        args: DomainLookupByNameArgs,
    ) -> Result<DomainLookupByNameRet, Fault> {
        let found = self.driver.domains.by_name(&args.name);
        let found =
            found.ok_or_else(|| no_domain(format!("no domain with matching name '{}'", args.name)))?;
        Ok(DomainLookupByNameRet { dom: named(&found.view())? })
    }

    async fn domain_lookup_by_uuid(
        &self,
        _call: &Call,
        args: DomainLookupByUuidArgs,
    ) -> Result<DomainLookupByUuidRet, Fault> {
        let uuid = Uuid::from_bytes(args.uuid.0);
        let found = self.driver.domains.by_uuid(uuid);
        let found = found.ok_or_else(|| crate::domain::no_domain_uuid(uuid))?;
        Ok(DomainLookupByUuidRet { dom: named(&found.view())? })
    }

    async fn connect_list_all_domains(
        &self,
        call: &Call,
        args: ConnectListAllDomainsArgs,
    ) -> Result<ConnectListAllDomainsRet, Fault> {
        let known = ConnectListAllDomainsFlags::all();
        let flags = check_flags("virConnectListAllDomains", args.flags, known)?;
        let belongings = list::Belongings::find(&self.driver, flags).await?;
        let (domains, ret) =
            list::all(&self.driver, args.need_results != 0, flags, &belongings, &self.shown(call).await)?;
        Ok(ConnectListAllDomainsRet { domains, ret })
    }

    async fn connect_list_domains(
        &self,
        call: &Call,
        args: ConnectListDomainsArgs,
    ) -> Result<ConnectListDomainsRet, Fault> {
        let most = room::of_list(args.maxids, DOMAIN_LIST_MAX, "maxids")?;
        Ok(ConnectListDomainsRet { ids: list::ids(&self.driver, most, &self.shown(call).await).into() })
    }

    async fn connect_num_of_domains(&self, call: &Call) -> Result<ConnectNumOfDomainsRet, Fault> {
        let num = list::ids(&self.driver, usize::MAX, &self.shown(call).await).len();
        Ok(ConnectNumOfDomainsRet { num: i32::try_from(num).unwrap_or(i32::MAX) })
    }

    async fn connect_list_defined_domains(
        &self,
        call: &Call,
        args: ConnectListDefinedDomainsArgs,
    ) -> Result<ConnectListDefinedDomainsRet, Fault> {
        let most = room::of_list(args.maxnames, DOMAIN_LIST_MAX, "maxnames")?;
        Ok(ConnectListDefinedDomainsRet {
            names: list::inactive_names(&self.driver, most, &self.shown(call).await).into(),
        })
    }

    async fn connect_num_of_defined_domains(
        &self,
        call: &Call,
    ) -> Result<ConnectNumOfDefinedDomainsRet, Fault> {
        let num = list::inactive_names(&self.driver, usize::MAX, &self.shown(call).await).len();
        Ok(ConnectNumOfDefinedDomainsRet { num: i32::try_from(num).unwrap_or(i32::MAX) })
    }

    async fn domain_get_info(
        &self,
        _call: &Call,
        args: DomainGetInfoArgs,
    ) -> Result<DomainGetInfoRet, Fault> {
        let view = self.driver.view(&args.dom)?;
        let definition = view.definition()?;
        let memory = match &view.live {
            Some(live) => live.balloon_kib,
            None => definition.memory.current_kib,
        };
        Ok(DomainGetInfoRet {
            state: UChar(u8::try_from(view.status.number()).unwrap_or(0)),
            maxMem: definition.memory.total_kib,
            memory,
            nrVirtCpu: UShort(u16::try_from(definition.vcpus.current).unwrap_or(u16::MAX)),
            cpuTime: crate::figures::cpu_time_ns(&view),
        })
    }

    async fn domain_get_state(
        &self,
        _call: &Call,
        args: DomainGetStateArgs,
    ) -> Result<DomainGetStateRet, Fault> {
        no_flags("virDomainGetState", args.flags)?;
        let status = self.driver.view(&args.dom)?.status;
        Ok(DomainGetStateRet { state: status.number(), reason: status.reason })
    }

    async fn domain_get_control_info(
        &self,
        _call: &Call,
        args: DomainGetControlInfoArgs,
    ) -> Result<DomainGetControlInfoRet, Fault> {
        no_flags("virDomainGetControlInfo", args.flags)?;
        let domain = self.driver.domain(&args.dom)?;
        let view = domain.view();
        let live = view.active()?;
        let (state, since) = control::control_state(&domain, live);
        let time = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        Ok(DomainGetControlInfoRet { state, details: 0, stateTime: time })
    }

    async fn domain_get_xml_desc(
        &self,
        _call: &Call,
        args: DomainGetXmlDescArgs,
    ) -> Result<DomainGetXmlDescRet, Fault> {
        let xml = define::describe(&self.driver.view(&args.dom)?, args.flags)?;
        Ok(DomainGetXmlDescRet { xml })
    }

    async fn domain_get_os_type(
        &self,
        _call: &Call,
        args: DomainGetOsTypeArgs,
    ) -> Result<DomainGetOsTypeRet, Fault> {
        let view = self.driver.view(&args.dom)?;
        Ok(DomainGetOsTypeRet { r#type: view.definition()?.os.os_type.to_string() })
    }

    async fn domain_is_active(
        &self,
        _call: &Call,
        args: DomainIsActiveArgs,
    ) -> Result<DomainIsActiveRet, Fault> {
        let active = self.driver.view(&args.dom)?.is_active().into();
        Ok(DomainIsActiveRet { active })
    }

    async fn domain_is_persistent(
        &self,
        _call: &Call,
        args: DomainIsPersistentArgs,
    ) -> Result<DomainIsPersistentRet, Fault> {
        let persistent = self.driver.view(&args.dom)?.persistent.is_some().into();
        Ok(DomainIsPersistentRet { persistent })
    }

    async fn domain_is_updated(
        &self,
        _call: &Call,
        args: DomainIsUpdatedArgs,
    ) -> Result<DomainIsUpdatedRet, Fault> {
        // Other hypervisors change a definition behind libvirt's back. For QEMU only clients change it, by
        // calls that have events of their own, and even a redefinition under a running guest answers 0.
        self.driver.domain(&args.dom)?;
        Ok(DomainIsUpdatedRet { updated: 0 })
    }

    async fn domain_rename(&self, _call: &Call, args: DomainRenameArgs) -> Result<DomainRenameRet, Fault> {
        rename::rename(&self.driver, &args).await?;
        Ok(DomainRenameRet { retcode: 0 })
    }

    async fn domain_get_metadata(
        &self,
        _call: &Call,
        args: DomainGetMetadataArgs,
    ) -> Result<DomainGetMetadataRet, Fault> {
        metadata::read(&self.driver, &args).map(|metadata| DomainGetMetadataRet { metadata })
    }

    async fn domain_set_metadata(&self, _call: &Call, args: DomainSetMetadataArgs) -> Result<(), Fault> {
        metadata::write(&self.driver, args).await
    }

    async fn domain_set_lifecycle_action(
        &self,
        _call: &Call,
        args: DomainSetLifecycleActionArgs,
    ) -> Result<(), Fault> {
        lifecycle_action::set(&self.driver, &args).await
    }

    async fn domain_get_messages(
        &self,
        _call: &Call,
        args: DomainGetMessagesArgs,
    ) -> Result<DomainGetMessagesRet, Fault> {
        let known = DomainMessageType::DEPRECATION | DomainMessageType::TAINTING;
        let flags = check_flags("virDomainGetMessages", args.flags, known)?;
        let wanted = if flags.is_empty() { known } else { flags };
        let view = self.driver.view(&args.dom)?;
        let mut msgs = Vec::new();
        if let Some(live) = &view.live {
            if wanted.contains(DomainMessageType::TAINTING) {
                msgs.extend(live.taints.kinds().iter().map(|taint| format!("tainted: {}", taint.text())));
            }
            if wanted.contains(DomainMessageType::DEPRECATION) {
                let details = live.taints.deprecations().iter();
                msgs.extend(details.map(|detail| format!("deprecated configuration: {detail}")));
            }
        }
        Ok(DomainGetMessagesRet { msgs: msgs.into() })
    }

    async fn domain_managed_save_remove(
        &self,
        _call: &Call,
        args: DomainManagedSaveRemoveArgs,
    ) -> Result<(), Fault> {
        no_flags("virDomainManagedSaveRemove", args.flags)?;
        define::remove_managed_save(&self.driver, &args.dom).await
    }

    async fn domain_has_managed_save_image(
        &self,
        _call: &Call,
        args: DomainHasManagedSaveImageArgs,
    ) -> Result<DomainHasManagedSaveImageRet, Fault> {
        no_flags("virDomainHasManagedSaveImage", args.flags)?;
        let view = self.driver.view(&args.dom)?;
        let image = self.driver.paths.managed_save(&view.definition()?.name);
        let image = image.map_err(::driver::fault::host(ErrorDomain::QEMU))?;
        let there = ::driver::documents::blocking(move || Ok(image.exists())).await;
        let result = there.map_err(::driver::fault::host(ErrorDomain::QEMU))?.into();
        Ok(DomainHasManagedSaveImageRet { result })
    }
}

/// `BYPASS_CACHE` is about reading saved memory, which no start does here.
fn options(call: &Call, flags: Start) -> StartOptions {
    let autodestroy = flags.contains(Start::START_AUTODESTROY);
    StartOptions {
        paused: flags.contains(Start::START_PAUSED),
        force_boot: flags.contains(Start::START_FORCE_BOOT),
        reset_nvram: flags.contains(Start::START_RESET_NVRAM),
        autodestroy: autodestroy.then(|| call.session().id()),
    }
}
