//! Arguments, results and events of [`super::StorageVol`], in the order of their procedures.

use crate::remote::handles::{NonnullStoragePool, NonnullStorageVol};
use crate::xdr::Char;

wire! {
    /// Arguments of `virStorageVolCreateXML` (93).
    struct StorageVolCreateXmlArgs { pool: NonnullStoragePool, xml: String, flags: u32 }

    /// Result of `virStorageVolCreateXML` (93).
    struct StorageVolCreateXmlRet { vol: NonnullStorageVol }

    /// Arguments of `virStorageVolDelete` (94).
    struct StorageVolDeleteArgs { vol: NonnullStorageVol, flags: u32 }

    /// Arguments of `virStorageVolLookupByName` (95).
    struct StorageVolLookupByNameArgs { pool: NonnullStoragePool, name: String }

    /// Result of `virStorageVolLookupByName` (95).
    struct StorageVolLookupByNameRet { vol: NonnullStorageVol }

    /// Arguments of `virStorageVolLookupByKey` (96).
    struct StorageVolLookupByKeyArgs { key: String }

    /// Result of `virStorageVolLookupByKey` (96).
    struct StorageVolLookupByKeyRet { vol: NonnullStorageVol }

    /// Arguments of `virStorageVolLookupByPath` (97).
    struct StorageVolLookupByPathArgs { path: String }

    /// Result of `virStorageVolLookupByPath` (97).
    struct StorageVolLookupByPathRet { vol: NonnullStorageVol }

    /// Arguments of `virStorageVolGetInfo` (98).
    struct StorageVolGetInfoArgs { vol: NonnullStorageVol }

    /// Result of `virStorageVolGetInfo` (98).
    struct StorageVolGetInfoRet { r#type: Char, capacity: u64, allocation: u64 }

    /// Arguments of `virStorageVolGetXMLDesc` (99).
    struct StorageVolGetXmlDescArgs { vol: NonnullStorageVol, flags: u32 }

    /// Result of `virStorageVolGetXMLDesc` (99).
    struct StorageVolGetXmlDescRet { xml: String }

    /// Arguments of `virStorageVolGetPath` (100).
    struct StorageVolGetPathArgs { vol: NonnullStorageVol }

    /// Result of `virStorageVolGetPath` (100).
    struct StorageVolGetPathRet { name: String }

    /// Arguments of `virStorageVolCreateXMLFrom` (125).
    struct StorageVolCreateXmlFromArgs {
        pool: NonnullStoragePool,
        xml: String,
        clonevol: NonnullStorageVol,
        flags: u32,
    }

    /// Result of `virStorageVolCreateXMLFrom` (125).
    struct StorageVolCreateXmlFromRet { vol: NonnullStorageVol }

    /// Arguments of `virStorageVolWipe` (165).
    struct StorageVolWipeArgs { vol: NonnullStorageVol, flags: u32 }

    /// Arguments of `virStorageVolUpload` (208).
    struct StorageVolUploadArgs { vol: NonnullStorageVol, offset: u64, length: u64, flags: u32 }

    /// Arguments of `virStorageVolDownload` (209).
    struct StorageVolDownloadArgs { vol: NonnullStorageVol, offset: u64, length: u64, flags: u32 }

    /// Arguments of `virStorageVolWipePattern` (259).
    struct StorageVolWipePatternArgs { vol: NonnullStorageVol, algorithm: u32, flags: u32 }

    /// Arguments of `virStorageVolResize` (260).
    struct StorageVolResizeArgs { vol: NonnullStorageVol, capacity: u64, flags: u32 }

    /// Arguments of `virStorageVolGetInfoFlags` (378).
    struct StorageVolGetInfoFlagsArgs { vol: NonnullStorageVol, flags: u32 }

    /// Result of `virStorageVolGetInfoFlags` (378).
    struct StorageVolGetInfoFlagsRet { r#type: Char, capacity: u64, allocation: u64 }
}
