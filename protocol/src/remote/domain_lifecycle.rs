//! Domains: finding, defining, starting, stopping, saving, restoring, metadata.

use crate::consts::{
    DomainModificationImpact as Affect, DomainRebootFlags as Reboot, DomainSaveImageXmlFlags as SaveImage,
    DomainShutdownFlags as Shutdown, DomainXmlFlags as Xml,
};

pub(crate) mod types;

pub use types::*;

procedures! {
    /// Domains: finding, defining, starting, stopping, saving, restoring, metadata.
    trait DomainLifecycle in remote;

    /// Starts a defined domain.
    9 domain_create(DomainCreateArgs) -> () = "virDomainCreate": writes, acl(domain: start);

    /// Starts a transient domain from its document.
    10 domain_create_xml(DomainCreateXmlArgs) -> DomainCreateXmlRet = "virDomainCreateXML":
        writes, acl(domain: write, domain: start);

    /// Defines a domain, or changes its definition.
    11 domain_define_xml(DomainDefineXmlArgs) -> DomainDefineXmlRet = "virDomainDefineXML":
        high, writes, acl(domain: write, domain: save);

    /// Stops a domain at once, as by pulling its power plug.
    12 domain_destroy(DomainDestroyArgs) -> () = "virDomainDestroy": high, writes, acl(domain: stop);

    /// Returns the domain's document.
    14 domain_get_xml_desc(DomainGetXmlDescArgs) -> DomainGetXmlDescRet = "virDomainGetXMLDesc":
        decided_by(DomainGetXmlDescArgs.flags), writes_when(all_of(Xml::SECURE), all_of(Xml::MIGRATABLE)),
        acl(domain: read, domain: read_secure all_of(Xml::SECURE),
            domain: read_secure all_of(Xml::MIGRATABLE));

    /// Tells whether the domain starts with the host.
    15 domain_get_autostart(DomainGetAutostartArgs) -> DomainGetAutostartRet = "virDomainGetAutostart":
        high, acl(domain: read);

    /// Tells state, memory (in KiB), virtual CPUs and CPU time (in ns).
    16 domain_get_info(DomainGetInfoArgs) -> DomainGetInfoRet = "virDomainGetInfo": acl(domain: read);

    /// Names the type of guest operating system ABI.
    19 domain_get_os_type(DomainGetOsTypeArgs) -> DomainGetOsTypeRet = "virDomainGetOSType":
        high, acl(domain: read);

    /// Names the inactive domains.
    21 connect_list_defined_domains(ConnectListDefinedDomainsArgs)
        -> ConnectListDefinedDomainsRet = "virConnectListDefinedDomains":
        high, acl(connect: search_domains), filter(domain: getattr);

    /// Finds an active domain by its id.
    22 domain_lookup_by_id(DomainLookupByIdArgs) -> DomainLookupByIdRet = "virDomainLookupByID":
        high, acl(domain: getattr);

    /// Finds a domain by its name.
    23 domain_lookup_by_name(DomainLookupByNameArgs) -> DomainLookupByNameRet = "virDomainLookupByName":
        high, acl(domain: getattr);

    /// Finds a domain by its UUID.
    24 domain_lookup_by_uuid(DomainLookupByUuidArgs) -> DomainLookupByUuidRet = "virDomainLookupByUUID":
        high, acl(domain: getattr);

    /// Counts the inactive domains.
    25 connect_num_of_defined_domains()
        -> ConnectNumOfDefinedDomainsRet = "virConnectNumOfDefinedDomains":
        high, acl(connect: search_domains), filter(domain: getattr);

    /// Asks the guest to reboot.
    27 domain_reboot(DomainRebootArgs) -> () = "virDomainReboot":
        writes, decided_by(DomainRebootArgs.flags),
        acl(domain: init_control, domain: write all_of(Reboot::GUEST_AGENT));

    /// Lets a suspended domain run again.
    28 domain_resume(DomainResumeArgs) -> () = "virDomainResume": writes, acl(domain: suspend);

    /// Sets whether the domain starts with the host.
    29 domain_set_autostart(DomainSetAutostartArgs) -> () = "virDomainSetAutostart":
        high, writes, acl(domain: write);

    /// Asks the guest to shut down.
    33 domain_shutdown(DomainShutdownArgs) -> () = "virDomainShutdown": writes, acl(domain: init_control);

    /// Suspends a running domain; its memory stays allocated.
    34 domain_suspend(DomainSuspendArgs) -> () = "virDomainSuspend": writes, acl(domain: suspend);

    /// Removes the definition of a domain.
    35 domain_undefine(DomainUndefineArgs) -> () = "virDomainUndefine": high, writes, acl(domain: delete);

    /// Lists the ids of the active domains.
    37 connect_list_domains(ConnectListDomainsArgs) -> ConnectListDomainsRet = "virConnectListDomains":
        high, acl(connect: search_domains), filter(domain: getattr);

    /// Counts the active domains.
    51 connect_num_of_domains() -> ConnectNumOfDomainsRet = "virConnectNumOfDomains":
        high, acl(connect: search_domains), filter(domain: getattr);

    /// Dumps the guest's memory into a file of the host.
    53 domain_core_dump(DomainCoreDumpArgs) -> () = "virDomainCoreDump": writes, acl(domain: core_dump);

    /// Restores a domain from the file it was saved to.
    54 domain_restore(DomainRestoreArgs) -> () = "virDomainRestore":
        writes, acl(domain: start, domain: write);

    /// Saves a running domain to a file of the host and stops it.
    55 domain_save(DomainSaveArgs) -> () = "virDomainSave": writes, acl(domain: hibernate);

    /// Tells whether the domain is active.
    150 domain_is_active(DomainIsActiveArgs) -> DomainIsActiveRet = "virDomainIsActive":
        high, acl(domain: read);

    /// Tells whether the domain is persistent.
    151 domain_is_persistent(DomainIsPersistentArgs) -> DomainIsPersistentRet = "virDomainIsPersistent":
        high, acl(domain: read);

    /// Saves a running domain to a file that the daemon keeps, and stops it.
    182 domain_managed_save(DomainManagedSaveArgs) -> () = "virDomainManagedSave":
        writes, acl(domain: hibernate);

    /// Tells whether the daemon keeps a saved image of the domain.
    183 domain_has_managed_save_image(DomainHasManagedSaveImageArgs)
        -> DomainHasManagedSaveImageRet = "virDomainHasManagedSaveImage":
        acl(domain: read);

    /// Removes the saved image that the daemon keeps.
    184 domain_managed_save_remove(DomainManagedSaveRemoveArgs) -> () = "virDomainManagedSaveRemove":
        writes, acl(domain: hibernate);

    /// Starts a defined domain, with flags.
    196 domain_create_with_flags(DomainCreateWithFlagsArgs)
        -> DomainCreateWithFlagsRet = "virDomainCreateWithFlags":
        writes, acl(domain: start);

    /// Tells whether the definition changed since the domain started.
    202 domain_is_updated(DomainIsUpdatedArgs) -> DomainIsUpdatedRet = "virDomainIsUpdated":
        high, acl(domain: read);

    /// Tells the domain's state and the reason for it.
    212 domain_get_state(DomainGetStateArgs) -> DomainGetStateRet = "virDomainGetState":
        high, acl(domain: read);

    /// Tells whether the driver's channel to the guest is in use or broken.
    229 domain_get_control_info(DomainGetControlInfoArgs)
        -> DomainGetControlInfoRet = "virDomainGetControlInfo":
        high, acl(domain: read);

    /// Removes the definition of a domain and what else the flags name.
    231 domain_undefine_flags(DomainUndefineFlagsArgs) -> () = "virDomainUndefineFlags":
        high, writes, acl(domain: delete);

    /// Saves a running domain to a file, with a changed document.
    232 domain_save_flags(DomainSaveFlagsArgs) -> () = "virDomainSaveFlags": writes, acl(domain: hibernate);

    /// Restores a domain from a file, with a changed document.
    233 domain_restore_flags(DomainRestoreFlagsArgs) -> () = "virDomainRestoreFlags":
        writes, acl(domain: start, domain: write);

    /// Stops a domain; the flags can ask for a gentle try first.
    234 domain_destroy_flags(DomainDestroyFlagsArgs) -> () = "virDomainDestroyFlags":
        high, writes, acl(domain: stop);

    /// Returns the domain document in a saved image.
    235 domain_save_image_get_xml_desc(DomainSaveImageGetXmlDescArgs)
        -> DomainSaveImageGetXmlDescRet = "virDomainSaveImageGetXMLDesc":
        high, writes, acl(domain: write);

    /// Replaces the domain document in a saved image.
    236 domain_save_image_define_xml(DomainSaveImageDefineXmlArgs) -> () = "virDomainSaveImageDefineXML":
        high, writes, acl(domain: write, domain: hibernate);

    /// Resets the guest, as by its reset button.
    245 domain_reset(DomainResetArgs) -> () = "virDomainReset": writes, acl(domain: reset);

    /// Asks the guest to shut down, in the ways the flags allow.
    258 domain_shutdown_flags(DomainShutdownFlagsArgs) -> () = "virDomainShutdownFlags":
        writes, decided_by(DomainShutdownFlagsArgs.flags),
        acl(domain: init_control, domain: write all_of(Shutdown::GUEST_AGENT));

    /// Puts the guest to sleep.
    261 domain_pm_suspend_for_duration(DomainPmSuspendForDurationArgs)
        -> () = "virDomainPMSuspendForDuration":
        writes, acl(domain: pm_control);

    /// Sets title, description, or an XML element of the domain's metadata.
    264 domain_set_metadata(DomainSetMetadataArgs) -> () = "virDomainSetMetadata":
        writes, decided_by(DomainSetMetadataArgs.flags),
        acl(domain: write, domain: save none_of(Affect::CONFIG.union(Affect::LIVE)),
            domain: save all_of(Affect::CONFIG));

    /// Returns title, description, or an XML element of the domain's metadata.
    265 domain_get_metadata(DomainGetMetadataArgs) -> DomainGetMetadataRet = "virDomainGetMetadata":
        acl(domain: read);

    /// Wakes a sleeping guest.
    267 domain_pm_wakeup(DomainPmWakeupArgs) -> () = "virDomainPMWakeup": writes, acl(domain: pm_control);

    /// Lists domains; the flags choose which.
    273 connect_list_all_domains(ConnectListAllDomainsArgs)
        -> ConnectListAllDomainsRet = "virConnectListAllDomains":
        high, acl(connect: search_domains), filter(domain: getattr);

    /// Starts a transient domain that gets descriptors of the client.
    309 domain_create_xml_with_files(DomainCreateXmlWithFilesArgs)
        -> DomainCreateXmlWithFilesRet = "virDomainCreateXMLWithFiles":
        writes, fds(In), acl(domain: write, domain: start);

    /// Starts a defined domain that gets descriptors of the client.
    310 domain_create_with_files(DomainCreateWithFilesArgs)
        -> DomainCreateWithFilesRet = "virDomainCreateWithFiles":
        writes, fds(In), acl(domain: start);

    /// Dumps the guest's memory into a file of the host, in a chosen format.
    334 domain_core_dump_with_format(DomainCoreDumpWithFormatArgs) -> () = "virDomainCoreDumpWithFormat":
        writes, acl(domain: core_dump);

    /// Defines a domain, or changes its definition, with flags.
    350 domain_define_xml_flags(DomainDefineXmlFlagsArgs)
        -> DomainDefineXmlFlagsRet = "virDomainDefineXMLFlags":
        high, writes, acl(domain: write, domain: save);

    /// Gives an inactive domain another name.
    358 domain_rename(DomainRenameArgs) -> DomainRenameRet = "virDomainRename":
        writes, acl(domain: write, domain: save);

    /// Returns the domain document in the saved image that the daemon keeps.
    388 domain_managed_save_get_xml_desc(DomainManagedSaveGetXmlDescArgs)
        -> DomainManagedSaveGetXmlDescRet = "virDomainManagedSaveGetXMLDesc":
        decided_by(DomainManagedSaveGetXmlDescArgs.flags), writes_when(all_of(SaveImage::SECURE)),
        acl(domain: read, domain: read_secure all_of(SaveImage::SECURE));

    /// Replaces the domain document in the saved image that the daemon keeps.
    389 domain_managed_save_define_xml(DomainManagedSaveDefineXmlArgs)
        -> () = "virDomainManagedSaveDefineXML":
        writes, acl(domain: write, domain: hibernate);

    /// Sets what happens when the guest powers off, reboots or crashes.
    390 domain_set_lifecycle_action(DomainSetLifecycleActionArgs) -> () = "virDomainSetLifecycleAction":
        writes, acl(domain: write);

    /// Lists what is tainted or deprecated about the domain.
    426 domain_get_messages(DomainGetMessagesArgs) -> DomainGetMessagesRet = "virDomainGetMessages":
        acl(domain: read);

    /// Saves a running domain as the parameters say.
    440 domain_save_params(DomainSaveParamsArgs) -> () = "virDomainSaveParams":
        writes, acl(domain: hibernate);

    /// Restores a domain as the parameters say.
    441 domain_restore_params(DomainRestoreParamsArgs) -> () = "virDomainRestoreParams":
        writes, acl(domain: start, domain: write);

    /// Tells whether the domain starts at the next start of the host.
    449 domain_get_autostart_once(DomainGetAutostartOnceArgs)
        -> DomainGetAutostartOnceRet = "virDomainGetAutostartOnce":
        high, acl(domain: read);

    /// Sets whether the domain starts at the next start of the host.
    450 domain_set_autostart_once(DomainSetAutostartOnceArgs) -> () = "virDomainSetAutostartOnce":
        high, writes, acl(domain: write);
}
