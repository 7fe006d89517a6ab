//! Arguments, results and events of [`super::DomainSnapshot`], in the order of their procedures.

use crate::limits::DOMAIN_SNAPSHOT_LIST_MAX;
use crate::remote::handles::NonnullDomainSnapshot;
use crate::shared::NonnullDomain;
use crate::xdr::List;

wire! {
    /// Arguments of `virDomainSnapshotCreateXML` (185).
    struct DomainSnapshotCreateXmlArgs { dom: NonnullDomain, xml_desc: String, flags: u32 }

    /// Result of `virDomainSnapshotCreateXML` (185).
    struct DomainSnapshotCreateXmlRet { snap: NonnullDomainSnapshot }

    /// Arguments of `virDomainSnapshotGetXMLDesc` (186).
    struct DomainSnapshotGetXmlDescArgs { snap: NonnullDomainSnapshot, flags: u32 }

    /// Result of `virDomainSnapshotGetXMLDesc` (186).
    struct DomainSnapshotGetXmlDescRet { xml: String }

    /// Arguments of `virDomainSnapshotNum` (187).
    struct DomainSnapshotNumArgs { dom: NonnullDomain, flags: u32 }

    /// Result of `virDomainSnapshotNum` (187).
    struct DomainSnapshotNumRet { num: i32 }

    /// Arguments of `virDomainSnapshotListNames` (188).
    struct DomainSnapshotListNamesArgs { dom: NonnullDomain, maxnames: i32, flags: u32 }

    /// Result of `virDomainSnapshotListNames` (188).
    struct DomainSnapshotListNamesRet { names: List<String, DOMAIN_SNAPSHOT_LIST_MAX> }

    /// Arguments of `virDomainSnapshotLookupByName` (189).
    struct DomainSnapshotLookupByNameArgs { dom: NonnullDomain, name: String, flags: u32 }

    /// Result of `virDomainSnapshotLookupByName` (189).
    struct DomainSnapshotLookupByNameRet { snap: NonnullDomainSnapshot }

    /// Arguments of `virDomainHasCurrentSnapshot` (190).
    struct DomainHasCurrentSnapshotArgs { dom: NonnullDomain, flags: u32 }

    /// Result of `virDomainHasCurrentSnapshot` (190).
    struct DomainHasCurrentSnapshotRet { result: i32 }

    /// Arguments of `virDomainSnapshotCurrent` (191).
    struct DomainSnapshotCurrentArgs { dom: NonnullDomain, flags: u32 }

    /// Result of `virDomainSnapshotCurrent` (191).
    struct DomainSnapshotCurrentRet { snap: NonnullDomainSnapshot }

    /// Arguments of `virDomainRevertToSnapshot` (192).
    struct DomainRevertToSnapshotArgs { snap: NonnullDomainSnapshot, flags: u32 }

    /// Arguments of `virDomainSnapshotDelete` (193).
    struct DomainSnapshotDeleteArgs { snap: NonnullDomainSnapshot, flags: u32 }

    /// Arguments of `virDomainSnapshotGetParent` (244).
    struct DomainSnapshotGetParentArgs { snap: NonnullDomainSnapshot, flags: u32 }

    /// Result of `virDomainSnapshotGetParent` (244).
    struct DomainSnapshotGetParentRet { snap: NonnullDomainSnapshot }

    /// Arguments of `virDomainSnapshotNumChildren` (246).
    struct DomainSnapshotNumChildrenArgs { snap: NonnullDomainSnapshot, flags: u32 }

    /// Result of `virDomainSnapshotNumChildren` (246).
    struct DomainSnapshotNumChildrenRet { num: i32 }

    /// Arguments of `virDomainSnapshotListChildrenNames` (247).
    struct DomainSnapshotListChildrenNamesArgs {
        snap: NonnullDomainSnapshot,
        maxnames: i32,
        flags: u32,
    }

    /// Result of `virDomainSnapshotListChildrenNames` (247).
    struct DomainSnapshotListChildrenNamesRet { names: List<String, DOMAIN_SNAPSHOT_LIST_MAX> }

    /// Arguments of `virDomainSnapshotIsCurrent` (271).
    struct DomainSnapshotIsCurrentArgs { snap: NonnullDomainSnapshot, flags: u32 }

    /// Result of `virDomainSnapshotIsCurrent` (271).
    struct DomainSnapshotIsCurrentRet { current: i32 }

    /// Arguments of `virDomainSnapshotHasMetadata` (272).
    struct DomainSnapshotHasMetadataArgs { snap: NonnullDomainSnapshot, flags: u32 }

    /// Result of `virDomainSnapshotHasMetadata` (272).
    struct DomainSnapshotHasMetadataRet { metadata: i32 }

    /// Arguments of `virDomainListAllSnapshots` (274).
    struct DomainListAllSnapshotsArgs { dom: NonnullDomain, need_results: i32, flags: u32 }

    /// Result of `virDomainListAllSnapshots` (274).
    struct DomainListAllSnapshotsRet {
        snapshots: List<NonnullDomainSnapshot, DOMAIN_SNAPSHOT_LIST_MAX>,
        ret: i32,
    }

    /// Arguments of `virDomainSnapshotListAllChildren` (275).
    struct DomainSnapshotListAllChildrenArgs {
        snapshot: NonnullDomainSnapshot,
        need_results: i32,
        flags: u32,
    }

    /// Result of `virDomainSnapshotListAllChildren` (275).
    struct DomainSnapshotListAllChildrenRet {
        snapshots: List<NonnullDomainSnapshot, DOMAIN_SNAPSHOT_LIST_MAX>,
        ret: i32,
    }
}
