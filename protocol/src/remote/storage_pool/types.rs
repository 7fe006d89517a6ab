//! Arguments, results and events of [`super::StoragePool`], in the order of their procedures.

use crate::limits::{STORAGE_POOL_LIST_MAX, STORAGE_VOL_LIST_MAX};
use crate::remote::handles::{NonnullStoragePool, NonnullStorageVol};
use crate::xdr::{List, UChar, Uuid};

wire! {
    /// Result of `virConnectNumOfStoragePools` (71).
    struct ConnectNumOfStoragePoolsRet { num: i32 }

    /// Arguments of `virConnectListStoragePools` (72).
    struct ConnectListStoragePoolsArgs { maxnames: i32 }

    /// Result of `virConnectListStoragePools` (72).
    struct ConnectListStoragePoolsRet { names: List<String, STORAGE_POOL_LIST_MAX> }

    /// Result of `virConnectNumOfDefinedStoragePools` (73).
    struct ConnectNumOfDefinedStoragePoolsRet { num: i32 }

    /// Arguments of `virConnectListDefinedStoragePools` (74).
    struct ConnectListDefinedStoragePoolsArgs { maxnames: i32 }

    /// Result of `virConnectListDefinedStoragePools` (74).
    struct ConnectListDefinedStoragePoolsRet { names: List<String, STORAGE_POOL_LIST_MAX> }

    /// Arguments of `virConnectFindStoragePoolSources` (75).
    struct ConnectFindStoragePoolSourcesArgs { r#type: String, srcSpec: Option<String>, flags: u32 }

    /// Result of `virConnectFindStoragePoolSources` (75).
    struct ConnectFindStoragePoolSourcesRet { xml: String }

    /// Arguments of `virStoragePoolCreateXML` (76).
    struct StoragePoolCreateXmlArgs { xml: String, flags: u32 }

    /// Result of `virStoragePoolCreateXML` (76).
    struct StoragePoolCreateXmlRet { pool: NonnullStoragePool }

    /// Arguments of `virStoragePoolDefineXML` (77).
    struct StoragePoolDefineXmlArgs { xml: String, flags: u32 }

    /// Result of `virStoragePoolDefineXML` (77).
    struct StoragePoolDefineXmlRet { pool: NonnullStoragePool }

    /// Arguments of `virStoragePoolCreate` (78).
    struct StoragePoolCreateArgs { pool: NonnullStoragePool, flags: u32 }

    /// Arguments of `virStoragePoolBuild` (79).
    struct StoragePoolBuildArgs { pool: NonnullStoragePool, flags: u32 }

    /// Arguments of `virStoragePoolDestroy` (80).
    struct StoragePoolDestroyArgs { pool: NonnullStoragePool }

    /// Arguments of `virStoragePoolDelete` (81).
    struct StoragePoolDeleteArgs { pool: NonnullStoragePool, flags: u32 }

    /// Arguments of `virStoragePoolUndefine` (82).
    struct StoragePoolUndefineArgs { pool: NonnullStoragePool }

    /// Arguments of `virStoragePoolRefresh` (83).
    struct StoragePoolRefreshArgs { pool: NonnullStoragePool, flags: u32 }

    /// Arguments of `virStoragePoolLookupByName` (84).
    struct StoragePoolLookupByNameArgs { name: String }

    /// Result of `virStoragePoolLookupByName` (84).
    struct StoragePoolLookupByNameRet { pool: NonnullStoragePool }

    /// Arguments of `virStoragePoolLookupByUUID` (85).
    struct StoragePoolLookupByUuidArgs { uuid: Uuid }

    /// Result of `virStoragePoolLookupByUUID` (85).
    struct StoragePoolLookupByUuidRet { pool: NonnullStoragePool }

    /// Arguments of `virStoragePoolLookupByVolume` (86).
    struct StoragePoolLookupByVolumeArgs { vol: NonnullStorageVol }

    /// Result of `virStoragePoolLookupByVolume` (86).
    struct StoragePoolLookupByVolumeRet { pool: NonnullStoragePool }

    /// Arguments of `virStoragePoolGetInfo` (87).
    struct StoragePoolGetInfoArgs { pool: NonnullStoragePool }

    /// Result of `virStoragePoolGetInfo` (87).
    struct StoragePoolGetInfoRet { state: UChar, capacity: u64, allocation: u64, available: u64 }

    /// Arguments of `virStoragePoolGetXMLDesc` (88).
    struct StoragePoolGetXmlDescArgs { pool: NonnullStoragePool, flags: u32 }

    /// Result of `virStoragePoolGetXMLDesc` (88).
    struct StoragePoolGetXmlDescRet { xml: String }

    /// Arguments of `virStoragePoolGetAutostart` (89).
    struct StoragePoolGetAutostartArgs { pool: NonnullStoragePool }

    /// Result of `virStoragePoolGetAutostart` (89).
    struct StoragePoolGetAutostartRet { autostart: i32 }

    /// Arguments of `virStoragePoolSetAutostart` (90).
    struct StoragePoolSetAutostartArgs { pool: NonnullStoragePool, autostart: i32 }

    /// Arguments of `virStoragePoolNumOfVolumes` (91).
    struct StoragePoolNumOfVolumesArgs { pool: NonnullStoragePool }

    /// Result of `virStoragePoolNumOfVolumes` (91).
    struct StoragePoolNumOfVolumesRet { num: i32 }

    /// Arguments of `virStoragePoolListVolumes` (92).
    struct StoragePoolListVolumesArgs { pool: NonnullStoragePool, maxnames: i32 }

    /// Result of `virStoragePoolListVolumes` (92).
    struct StoragePoolListVolumesRet { names: List<String, STORAGE_VOL_LIST_MAX> }

    /// Arguments of `virStoragePoolIsActive` (154).
    struct StoragePoolIsActiveArgs { pool: NonnullStoragePool }

    /// Result of `virStoragePoolIsActive` (154).
    struct StoragePoolIsActiveRet { active: i32 }

    /// Arguments of `virStoragePoolIsPersistent` (155).
    struct StoragePoolIsPersistentArgs { pool: NonnullStoragePool }

    /// Result of `virStoragePoolIsPersistent` (155).
    struct StoragePoolIsPersistentRet { persistent: i32 }

    /// Arguments of `virConnectListAllStoragePools` (281).
    struct ConnectListAllStoragePoolsArgs { need_results: i32, flags: u32 }

    /// Result of `virConnectListAllStoragePools` (281).
    struct ConnectListAllStoragePoolsRet {
        pools: List<NonnullStoragePool, STORAGE_POOL_LIST_MAX>,
        ret: u32,
    }

    /// Arguments of `virStoragePoolListAllVolumes` (282).
    struct StoragePoolListAllVolumesArgs { pool: NonnullStoragePool, need_results: i32, flags: u32 }

    /// Result of `virStoragePoolListAllVolumes` (282).
    struct StoragePoolListAllVolumesRet {
        vols: List<NonnullStorageVol, STORAGE_VOL_LIST_MAX>,
        ret: u32,
    }

    /// Arguments of `virConnectStoragePoolEventRegisterAny` (368).
    struct ConnectStoragePoolEventRegisterAnyArgs { eventID: i32, pool: Option<NonnullStoragePool> }

    /// Result of `virConnectStoragePoolEventRegisterAny` (368).
    struct ConnectStoragePoolEventRegisterAnyRet { callbackID: i32 }

    /// Arguments of `virConnectStoragePoolEventDeregisterAny` (369).
    struct ConnectStoragePoolEventDeregisterAnyArgs { callbackID: i32 }

    /// Event 370: a storage pool was defined, undefined, started, stopped, created or deleted.
    struct StoragePoolEventLifecycleMsg {
        callbackID: i32,
        pool: NonnullStoragePool,
        event: i32,
        detail: i32,
    }

    /// Event 373: a storage pool was refreshed.
    struct StoragePoolEventRefreshMsg { callbackID: i32, pool: NonnullStoragePool }

    /// Arguments of `virStoragePoolLookupByTargetPath` (391).
    struct StoragePoolLookupByTargetPathArgs { path: String }

    /// Result of `virStoragePoolLookupByTargetPath` (391).
    struct StoragePoolLookupByTargetPathRet { pool: NonnullStoragePool }

    /// Arguments of `virConnectGetStoragePoolCapabilities` (403).
    struct ConnectGetStoragePoolCapabilitiesArgs { flags: u32 }

    /// Result of `virConnectGetStoragePoolCapabilities` (403).
    struct ConnectGetStoragePoolCapabilitiesRet { capabilities: String }
}
