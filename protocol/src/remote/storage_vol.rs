//! Storage volumes.

use crate::consts::{StorageVolDownloadFlags as Download, StorageVolUploadFlags as Upload};

pub(crate) mod types;

pub use types::*;

procedures! {
    /// Storage volumes.
    trait StorageVol in remote;

    /// Creates a volume from its document.
    93 storage_vol_create_xml(StorageVolCreateXmlArgs)
        -> StorageVolCreateXmlRet = "virStorageVolCreateXML":
        writes, acl(storage_vol: create);

    /// Deletes a volume.
    94 storage_vol_delete(StorageVolDeleteArgs) -> () = "virStorageVolDelete":
        writes, acl(storage_vol: delete);

    /// Finds a volume of a pool by its name.
    95 storage_vol_lookup_by_name(StorageVolLookupByNameArgs)
        -> StorageVolLookupByNameRet = "virStorageVolLookupByName":
        high, acl(storage_vol: getattr);

    /// Finds a volume by its key.
    96 storage_vol_lookup_by_key(StorageVolLookupByKeyArgs)
        -> StorageVolLookupByKeyRet = "virStorageVolLookupByKey":
        high, acl(storage_vol: getattr);

    /// Finds a volume by its path.
    97 storage_vol_lookup_by_path(StorageVolLookupByPathArgs)
        -> StorageVolLookupByPathRet = "virStorageVolLookupByPath":
        high, acl(storage_vol: getattr);

    /// Tells type, capacity and allocation (in bytes).
    98 storage_vol_get_info(StorageVolGetInfoArgs) -> StorageVolGetInfoRet = "virStorageVolGetInfo":
        high, acl(storage_vol: read);

    /// Returns the volume's document.
    99 storage_vol_get_xml_desc(StorageVolGetXmlDescArgs)
        -> StorageVolGetXmlDescRet = "virStorageVolGetXMLDesc":
        high, acl(storage_vol: read);

    /// Tells the volume's path.
    100 storage_vol_get_path(StorageVolGetPathArgs) -> StorageVolGetPathRet = "virStorageVolGetPath":
        high, acl(storage_vol: read);

    /// Creates a volume with the content of another.
    125 storage_vol_create_xml_from(StorageVolCreateXmlFromArgs)
        -> StorageVolCreateXmlFromRet = "virStorageVolCreateXMLFrom":
        writes, acl(storage_vol: create);

    /// Overwrites a volume's content.
    165 storage_vol_wipe(StorageVolWipeArgs) -> () = "virStorageVolWipe": writes, acl(storage_vol: format);

    /// Writes a stream into a volume.
    208 storage_vol_upload(StorageVolUploadArgs) -> () = "virStorageVolUpload":
        writes, stream(Write), sparse(Upload::SPARSE_STREAM), acl(storage_vol: data_write);

    /// Reads a volume as a stream.
    209 storage_vol_download(StorageVolDownloadArgs) -> () = "virStorageVolDownload":
        writes, stream(Read), sparse(Download::SPARSE_STREAM), acl(storage_vol: data_read);

    /// Overwrites a volume's content by an algorithm.
    259 storage_vol_wipe_pattern(StorageVolWipePatternArgs) -> () = "virStorageVolWipePattern":
        writes, acl(storage_vol: format);

    /// Changes the capacity of a volume.
    260 storage_vol_resize(StorageVolResizeArgs) -> () = "virStorageVolResize":
        writes, acl(storage_vol: resize);

    /// Tells type, capacity and allocation, or the physical size (in bytes).
    378 storage_vol_get_info_flags(StorageVolGetInfoFlagsArgs)
        -> StorageVolGetInfoFlagsRet = "virStorageVolGetInfoFlags":
        high, acl(storage_vol: read);
}
