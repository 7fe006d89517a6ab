//! Arguments, results and events of [`super::DomainLifecycle`], in the order of their procedures.

use crate::limits::{DOMAIN_LIST_MAX, DOMAIN_MESSAGES_MAX, DOMAIN_SAVE_PARAMS_MAX};
use crate::shared::{NonnullDomain, TypedParam};
use crate::xdr::{List, Packed, UChar, UShort, Uuid};

wire! {
    /// Arguments of `virDomainCreate` (9).
    struct DomainCreateArgs { dom: NonnullDomain }

    /// Arguments of `virDomainCreateXML` (10).
    struct DomainCreateXmlArgs { xml_desc: String, flags: u32 }

    /// Result of `virDomainCreateXML` (10).
    struct DomainCreateXmlRet { dom: NonnullDomain }

    /// Arguments of `virDomainDefineXML` (11).
    struct DomainDefineXmlArgs { xml: String }

    /// Result of `virDomainDefineXML` (11).
    struct DomainDefineXmlRet { dom: NonnullDomain }

    /// Arguments of `virDomainDestroy` (12).
    struct DomainDestroyArgs { dom: NonnullDomain }

    /// Arguments of `virDomainGetXMLDesc` (14).
    struct DomainGetXmlDescArgs { dom: NonnullDomain, flags: u32 }

    /// Result of `virDomainGetXMLDesc` (14).
    struct DomainGetXmlDescRet { xml: String }

    /// Arguments of `virDomainGetAutostart` (15).
    struct DomainGetAutostartArgs { dom: NonnullDomain }

    /// Result of `virDomainGetAutostart` (15).
    struct DomainGetAutostartRet { autostart: i32 }

    /// Arguments of `virDomainGetInfo` (16).
    struct DomainGetInfoArgs { dom: NonnullDomain }

    /// Result of `virDomainGetInfo` (16).
    struct DomainGetInfoRet {
        state: UChar,
        maxMem: u64,
        memory: u64,
        nrVirtCpu: UShort,
        cpuTime: u64,
    }

    /// Arguments of `virDomainGetOSType` (19).
    struct DomainGetOsTypeArgs { dom: NonnullDomain }

    /// Result of `virDomainGetOSType` (19).
    struct DomainGetOsTypeRet { r#type: String }

    /// Arguments of `virConnectListDefinedDomains` (21).
    struct ConnectListDefinedDomainsArgs { maxnames: i32 }

    /// Result of `virConnectListDefinedDomains` (21).
    struct ConnectListDefinedDomainsRet { names: List<String, DOMAIN_LIST_MAX> }

    /// Arguments of `virDomainLookupByID` (22).
    struct DomainLookupByIdArgs { id: i32 }

    /// Result of `virDomainLookupByID` (22).
    struct DomainLookupByIdRet { dom: NonnullDomain }

    /// Arguments of `virDomainLookupByName` (23).
    struct DomainLookupByNameArgs { name: String }

    /// Result of `virDomainLookupByName` (23).
    struct DomainLookupByNameRet { dom: NonnullDomain }

    /// Arguments of `virDomainLookupByUUID` (24).
    struct DomainLookupByUuidArgs { uuid: Uuid }

    /// Result of `virDomainLookupByUUID` (24).
    struct DomainLookupByUuidRet { dom: NonnullDomain }

    /// Result of `virConnectNumOfDefinedDomains` (25).
    struct ConnectNumOfDefinedDomainsRet { num: i32 }

    /// Arguments of `virDomainReboot` (27).
    struct DomainRebootArgs { dom: NonnullDomain, flags: u32 }

    /// Arguments of `virDomainResume` (28).
    struct DomainResumeArgs { dom: NonnullDomain }

    /// Arguments of `virDomainSetAutostart` (29).
    struct DomainSetAutostartArgs { dom: NonnullDomain, autostart: i32 }

    /// Arguments of `virDomainShutdown` (33).
    struct DomainShutdownArgs { dom: NonnullDomain }

    /// Arguments of `virDomainSuspend` (34).
    struct DomainSuspendArgs { dom: NonnullDomain }

    /// Arguments of `virDomainUndefine` (35).
    struct DomainUndefineArgs { dom: NonnullDomain }

    /// Arguments of `virConnectListDomains` (37).
    struct ConnectListDomainsArgs { maxids: i32 }

    /// Result of `virConnectListDomains` (37).
    struct ConnectListDomainsRet { ids: List<i32, DOMAIN_LIST_MAX> }

    /// Result of `virConnectNumOfDomains` (51).
    struct ConnectNumOfDomainsRet { num: i32 }

    /// Arguments of `virDomainCoreDump` (53).
    struct DomainCoreDumpArgs { dom: NonnullDomain, to: String, flags: u32 }

    /// Arguments of `virDomainRestore` (54).
    struct DomainRestoreArgs { from: String }

    /// Arguments of `virDomainSave` (55).
    struct DomainSaveArgs { dom: NonnullDomain, to: String }

    /// Arguments of `virDomainIsActive` (150).
    struct DomainIsActiveArgs { dom: NonnullDomain }

    /// Result of `virDomainIsActive` (150).
    struct DomainIsActiveRet { active: i32 }

    /// Arguments of `virDomainIsPersistent` (151).
    struct DomainIsPersistentArgs { dom: NonnullDomain }

    /// Result of `virDomainIsPersistent` (151).
    struct DomainIsPersistentRet { persistent: i32 }

    /// Arguments of `virDomainManagedSave` (182).
    struct DomainManagedSaveArgs { dom: NonnullDomain, flags: u32 }

    /// Arguments of `virDomainHasManagedSaveImage` (183).
    struct DomainHasManagedSaveImageArgs { dom: NonnullDomain, flags: u32 }

    /// Result of `virDomainHasManagedSaveImage` (183).
    struct DomainHasManagedSaveImageRet { result: i32 }

    /// Arguments of `virDomainManagedSaveRemove` (184).
    struct DomainManagedSaveRemoveArgs { dom: NonnullDomain, flags: u32 }

    /// Arguments of `virDomainCreateWithFlags` (196).
    struct DomainCreateWithFlagsArgs { dom: NonnullDomain, flags: u32 }

    /// Result of `virDomainCreateWithFlags` (196).
    struct DomainCreateWithFlagsRet { dom: NonnullDomain }

    /// Arguments of `virDomainIsUpdated` (202).
    struct DomainIsUpdatedArgs { dom: NonnullDomain }

    /// Result of `virDomainIsUpdated` (202).
    struct DomainIsUpdatedRet { updated: i32 }

    /// Arguments of `virDomainGetState` (212).
    struct DomainGetStateArgs { dom: NonnullDomain, flags: u32 }

    /// Result of `virDomainGetState` (212).
    struct DomainGetStateRet { state: i32, reason: i32 }

    /// Arguments of `virDomainGetControlInfo` (229).
    struct DomainGetControlInfoArgs { dom: NonnullDomain, flags: u32 }

    /// Result of `virDomainGetControlInfo` (229).
    struct DomainGetControlInfoRet { state: u32, details: u32, stateTime: u64 }

    /// Arguments of `virDomainUndefineFlags` (231).
    struct DomainUndefineFlagsArgs { dom: NonnullDomain, flags: u32 }

    /// Arguments of `virDomainSaveFlags` (232).
    struct DomainSaveFlagsArgs { dom: NonnullDomain, to: String, dxml: Option<String>, flags: u32 }

    /// Arguments of `virDomainRestoreFlags` (233).
    struct DomainRestoreFlagsArgs { from: String, dxml: Option<String>, flags: u32 }

    /// Arguments of `virDomainDestroyFlags` (234).
    struct DomainDestroyFlagsArgs { dom: NonnullDomain, flags: u32 }

    /// Arguments of `virDomainSaveImageGetXMLDesc` (235).
    struct DomainSaveImageGetXmlDescArgs { file: String, flags: u32 }

    /// Result of `virDomainSaveImageGetXMLDesc` (235).
    struct DomainSaveImageGetXmlDescRet { xml: String }

    /// Arguments of `virDomainSaveImageDefineXML` (236).
    struct DomainSaveImageDefineXmlArgs { file: String, dxml: String, flags: u32 }

    /// Arguments of `virDomainReset` (245).
    struct DomainResetArgs { dom: NonnullDomain, flags: u32 }

    /// Arguments of `virDomainShutdownFlags` (258).
    struct DomainShutdownFlagsArgs { dom: NonnullDomain, flags: u32 }

    /// Arguments of `virDomainPMSuspendForDuration` (261).
    struct DomainPmSuspendForDurationArgs {
        dom: NonnullDomain,
        target: u32,
        duration: u64,
        flags: u32,
    }

    /// Arguments of `virDomainSetMetadata` (264).
    struct DomainSetMetadataArgs {
        dom: NonnullDomain,
        r#type: i32,
        metadata: Option<String>,
        key: Option<String>,
        uri: Option<String>,
        flags: u32,
    }

    /// Arguments of `virDomainGetMetadata` (265).
    struct DomainGetMetadataArgs {
        dom: NonnullDomain,
        r#type: i32,
        uri: Option<String>,
        flags: u32,
    }

    /// Result of `virDomainGetMetadata` (265).
    struct DomainGetMetadataRet { metadata: String }

    /// Arguments of `virDomainPMWakeup` (267).
    struct DomainPmWakeupArgs { dom: NonnullDomain, flags: u32 }

    /// Arguments of `virConnectListAllDomains` (273).
    struct ConnectListAllDomainsArgs { need_results: i32, flags: u32 }

    /// Result of `virConnectListAllDomains` (273).
    struct ConnectListAllDomainsRet { domains: Packed<NonnullDomain, DOMAIN_LIST_MAX>, ret: u32 }

    /// Arguments of `virDomainCreateXMLWithFiles` (309).
    struct DomainCreateXmlWithFilesArgs { xml_desc: String, flags: u32 }

    /// Result of `virDomainCreateXMLWithFiles` (309).
    struct DomainCreateXmlWithFilesRet { dom: NonnullDomain }

    /// Arguments of `virDomainCreateWithFiles` (310).
    struct DomainCreateWithFilesArgs { dom: NonnullDomain, flags: u32 }

    /// Result of `virDomainCreateWithFiles` (310).
    struct DomainCreateWithFilesRet { dom: NonnullDomain }

    /// Arguments of `virDomainCoreDumpWithFormat` (334).
    struct DomainCoreDumpWithFormatArgs {
        dom: NonnullDomain,
        to: String,
        dumpformat: u32,
        flags: u32,
    }

    /// Arguments of `virDomainDefineXMLFlags` (350).
    struct DomainDefineXmlFlagsArgs { xml: String, flags: u32 }

    /// Result of `virDomainDefineXMLFlags` (350).
    struct DomainDefineXmlFlagsRet { dom: NonnullDomain }

    /// Arguments of `virDomainRename` (358).
    struct DomainRenameArgs { dom: NonnullDomain, new_name: Option<String>, flags: u32 }

    /// Result of `virDomainRename` (358).
    struct DomainRenameRet { retcode: i32 }

    /// Arguments of `virDomainManagedSaveGetXMLDesc` (388).
    struct DomainManagedSaveGetXmlDescArgs { dom: NonnullDomain, flags: u32 }

    /// Result of `virDomainManagedSaveGetXMLDesc` (388).
    struct DomainManagedSaveGetXmlDescRet { xml: String }

    /// Arguments of `virDomainManagedSaveDefineXML` (389).
    struct DomainManagedSaveDefineXmlArgs { dom: NonnullDomain, dxml: Option<String>, flags: u32 }

    /// Arguments of `virDomainSetLifecycleAction` (390).
    struct DomainSetLifecycleActionArgs { dom: NonnullDomain, r#type: u32, action: u32, flags: u32 }

    /// Arguments of `virDomainGetMessages` (426).
    struct DomainGetMessagesArgs { dom: NonnullDomain, flags: u32 }

    /// Result of `virDomainGetMessages` (426).
    struct DomainGetMessagesRet { msgs: List<String, DOMAIN_MESSAGES_MAX> }

    /// Arguments of `virDomainSaveParams` (440).
    struct DomainSaveParamsArgs {
        dom: NonnullDomain,
        params: List<TypedParam, DOMAIN_SAVE_PARAMS_MAX>,
        flags: u32,
    }

    /// Arguments of `virDomainRestoreParams` (441).
    struct DomainRestoreParamsArgs { params: List<TypedParam, DOMAIN_SAVE_PARAMS_MAX>, flags: u32 }

    /// Arguments of `virDomainGetAutostartOnce` (449).
    struct DomainGetAutostartOnceArgs { dom: NonnullDomain }

    /// Result of `virDomainGetAutostartOnce` (449).
    struct DomainGetAutostartOnceRet { autostart: i32 }

    /// Arguments of `virDomainSetAutostartOnce` (450).
    struct DomainSetAutostartOnceArgs { dom: NonnullDomain, autostart: i32 }
}
