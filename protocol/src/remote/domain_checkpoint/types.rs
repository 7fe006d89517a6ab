//! Arguments, results and events of [`super::DomainCheckpoint`], in the order of their procedures.

use crate::limits::DOMAIN_CHECKPOINT_LIST_MAX;
use crate::remote::handles::NonnullDomainCheckpoint;
use crate::shared::NonnullDomain;
use crate::xdr::List;

wire! {
    /// Arguments of `virDomainCheckpointCreateXML` (411).
    struct DomainCheckpointCreateXmlArgs { dom: NonnullDomain, xml_desc: String, flags: u32 }

    /// Result of `virDomainCheckpointCreateXML` (411).
    struct DomainCheckpointCreateXmlRet { checkpoint: NonnullDomainCheckpoint }

    /// Arguments of `virDomainCheckpointGetXMLDesc` (412).
    struct DomainCheckpointGetXmlDescArgs { checkpoint: NonnullDomainCheckpoint, flags: u32 }

    /// Result of `virDomainCheckpointGetXMLDesc` (412).
    struct DomainCheckpointGetXmlDescRet { xml: String }

    /// Arguments of `virDomainListAllCheckpoints` (413).
    struct DomainListAllCheckpointsArgs { dom: NonnullDomain, need_results: i32, flags: u32 }

    /// Result of `virDomainListAllCheckpoints` (413).
    struct DomainListAllCheckpointsRet {
        checkpoints: List<NonnullDomainCheckpoint, DOMAIN_CHECKPOINT_LIST_MAX>,
        ret: i32,
    }

    /// Arguments of `virDomainCheckpointListAllChildren` (414).
    struct DomainCheckpointListAllChildrenArgs {
        checkpoint: NonnullDomainCheckpoint,
        need_results: i32,
        flags: u32,
    }

    /// Result of `virDomainCheckpointListAllChildren` (414).
    struct DomainCheckpointListAllChildrenRet {
        checkpoints: List<NonnullDomainCheckpoint, DOMAIN_CHECKPOINT_LIST_MAX>,
        ret: i32,
    }

    /// Arguments of `virDomainCheckpointLookupByName` (415).
    struct DomainCheckpointLookupByNameArgs { dom: NonnullDomain, name: String, flags: u32 }

    /// Result of `virDomainCheckpointLookupByName` (415).
    struct DomainCheckpointLookupByNameRet { checkpoint: NonnullDomainCheckpoint }

    /// Arguments of `virDomainCheckpointGetParent` (416).
    struct DomainCheckpointGetParentArgs { checkpoint: NonnullDomainCheckpoint, flags: u32 }

    /// Result of `virDomainCheckpointGetParent` (416).
    struct DomainCheckpointGetParentRet { parent: NonnullDomainCheckpoint }

    /// Arguments of `virDomainCheckpointDelete` (417).
    struct DomainCheckpointDeleteArgs { checkpoint: NonnullDomainCheckpoint, flags: u32 }
}
