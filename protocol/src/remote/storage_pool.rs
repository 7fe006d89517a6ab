//! Storage pools.

pub(crate) mod types;

pub use types::*;

procedures! {
    /// Storage pools.
    trait StoragePool in remote;

    /// Counts the active storage pools.
    71 connect_num_of_storage_pools() -> ConnectNumOfStoragePoolsRet = "virConnectNumOfStoragePools":
        high, acl(connect: search_storage_pools), filter(storage_pool: getattr);

    /// Names the active storage pools.
    72 connect_list_storage_pools(ConnectListStoragePoolsArgs)
        -> ConnectListStoragePoolsRet = "virConnectListStoragePools":
        high, acl(connect: search_storage_pools), filter(storage_pool: getattr);

    /// Counts the inactive storage pools.
    73 connect_num_of_defined_storage_pools()
        -> ConnectNumOfDefinedStoragePoolsRet = "virConnectNumOfDefinedStoragePools":
        high, acl(connect: search_storage_pools), filter(storage_pool: getattr);

    /// Names the inactive storage pools.
    74 connect_list_defined_storage_pools(ConnectListDefinedStoragePoolsArgs)
        -> ConnectListDefinedStoragePoolsRet = "virConnectListDefinedStoragePools":
        high, acl(connect: search_storage_pools), filter(storage_pool: getattr);

    /// Looks for storage that could become pools of a type.
    75 connect_find_storage_pool_sources(ConnectFindStoragePoolSourcesArgs)
        -> ConnectFindStoragePoolSourcesRet = "virConnectFindStoragePoolSources":
        writes, acl(connect: detect_storage_pools);

    /// Starts a transient storage pool from its document.
    76 storage_pool_create_xml(StoragePoolCreateXmlArgs)
        -> StoragePoolCreateXmlRet = "virStoragePoolCreateXML":
        writes, acl(storage_pool: start, storage_pool: write);

    /// Defines a storage pool, or changes its definition.
    77 storage_pool_define_xml(StoragePoolDefineXmlArgs)
        -> StoragePoolDefineXmlRet = "virStoragePoolDefineXML":
        high, writes, acl(storage_pool: write, storage_pool: save);

    /// Starts a defined storage pool.
    78 storage_pool_create(StoragePoolCreateArgs) -> () = "virStoragePoolCreate":
        writes, acl(storage_pool: start);

    /// Makes the storage under a pool: directory, file system, partition table, volume group.
    79 storage_pool_build(StoragePoolBuildArgs) -> () = "virStoragePoolBuild":
        writes, acl(storage_pool: format);

    /// Stops a storage pool.
    80 storage_pool_destroy(StoragePoolDestroyArgs) -> () = "virStoragePoolDestroy":
        high, writes, acl(storage_pool: stop);

    /// Deletes the storage under a pool.
    81 storage_pool_delete(StoragePoolDeleteArgs) -> () = "virStoragePoolDelete":
        writes, acl(storage_pool: format);

    /// Removes the definition of a storage pool.
    82 storage_pool_undefine(StoragePoolUndefineArgs) -> () = "virStoragePoolUndefine":
        high, writes, acl(storage_pool: delete);

    /// Looks again which volumes a pool has.
    83 storage_pool_refresh(StoragePoolRefreshArgs) -> () = "virStoragePoolRefresh":
        writes, acl(storage_pool: refresh);

    /// Finds a storage pool by its name.
    84 storage_pool_lookup_by_name(StoragePoolLookupByNameArgs)
        -> StoragePoolLookupByNameRet = "virStoragePoolLookupByName":
        high, acl(storage_pool: getattr);

    /// Finds a storage pool by its UUID.
    85 storage_pool_lookup_by_uuid(StoragePoolLookupByUuidArgs)
        -> StoragePoolLookupByUuidRet = "virStoragePoolLookupByUUID":
        high, acl(storage_pool: getattr);

    /// Finds the storage pool that a volume is in.
    86 storage_pool_lookup_by_volume(StoragePoolLookupByVolumeArgs)
        -> StoragePoolLookupByVolumeRet = "virStoragePoolLookupByVolume":
        high, acl(storage_pool: getattr);

    /// Tells state, capacity, allocation and free space (in bytes).
    87 storage_pool_get_info(StoragePoolGetInfoArgs) -> StoragePoolGetInfoRet = "virStoragePoolGetInfo":
        high, acl(storage_pool: read);

    /// Returns the pool's document.
    88 storage_pool_get_xml_desc(StoragePoolGetXmlDescArgs)
        -> StoragePoolGetXmlDescRet = "virStoragePoolGetXMLDesc":
        high, acl(storage_pool: read);

    /// Tells whether the pool starts with the host.
    89 storage_pool_get_autostart(StoragePoolGetAutostartArgs)
        -> StoragePoolGetAutostartRet = "virStoragePoolGetAutostart":
        high, acl(storage_pool: read);

    /// Sets whether the pool starts with the host.
    90 storage_pool_set_autostart(StoragePoolSetAutostartArgs) -> () = "virStoragePoolSetAutostart":
        high, writes, acl(storage_pool: write);

    /// Counts the volumes of a pool.
    91 storage_pool_num_of_volumes(StoragePoolNumOfVolumesArgs)
        -> StoragePoolNumOfVolumesRet = "virStoragePoolNumOfVolumes":
        high, acl(storage_pool: search_storage_vols), filter(storage_vol: getattr);

    /// Names the volumes of a pool.
    92 storage_pool_list_volumes(StoragePoolListVolumesArgs)
        -> StoragePoolListVolumesRet = "virStoragePoolListVolumes":
        high, acl(storage_pool: search_storage_vols), filter(storage_vol: getattr);

    /// Tells whether the pool is active.
    154 storage_pool_is_active(StoragePoolIsActiveArgs)
        -> StoragePoolIsActiveRet = "virStoragePoolIsActive":
        high, acl(storage_pool: read);

    /// Tells whether the pool is persistent.
    155 storage_pool_is_persistent(StoragePoolIsPersistentArgs)
        -> StoragePoolIsPersistentRet = "virStoragePoolIsPersistent":
        high, acl(storage_pool: read);

    /// Lists storage pools; the flags choose which.
    281 connect_list_all_storage_pools(ConnectListAllStoragePoolsArgs)
        -> ConnectListAllStoragePoolsRet = "virConnectListAllStoragePools":
        high, acl(connect: search_storage_pools), filter(storage_pool: getattr);

    /// Lists the volumes of a pool.
    282 storage_pool_list_all_volumes(StoragePoolListAllVolumesArgs)
        -> StoragePoolListAllVolumesRet = "virStoragePoolListAllVolumes":
        high, acl(storage_pool: search_storage_vols), filter(storage_vol: getattr);

    /// Asks for events of one kind, of one storage pool or of all.
    368 connect_storage_pool_event_register_any(ConnectStoragePoolEventRegisterAnyArgs)
        -> ConnectStoragePoolEventRegisterAnyRet = "virConnectStoragePoolEventRegisterAny":
        high, acl(connect: search_storage_pools), filter(storage_pool: getattr);

    /// Stops the storage pool events of a callback id.
    369 connect_storage_pool_event_deregister_any(ConnectStoragePoolEventDeregisterAnyArgs)
        -> () = "virConnectStoragePoolEventDeregisterAny":
        high, acl(connect: read);

    /// Finds the storage pool that lies at a path.
    391 storage_pool_lookup_by_target_path(StoragePoolLookupByTargetPathArgs)
        -> StoragePoolLookupByTargetPathRet = "virStoragePoolLookupByTargetPath":
        high, acl(storage_pool: getattr);

    /// Returns the capabilities document of the storage driver.
    403 connect_get_storage_pool_capabilities(ConnectGetStoragePoolCapabilitiesArgs)
        -> ConnectGetStoragePoolCapabilitiesRet = "virConnectGetStoragePoolCapabilities":
        acl(connect: read);

    events {
        /// A storage pool was defined, undefined, started, stopped, created or deleted.
        370 storage_pool_event_lifecycle(StoragePoolEventLifecycleMsg);

        /// A storage pool was refreshed.
        373 storage_pool_event_refresh(StoragePoolEventRefreshMsg);
    }
}
