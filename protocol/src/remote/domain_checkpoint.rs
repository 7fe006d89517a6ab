//! Checkpoints of domains.

use crate::consts::{DomainCheckpointCreateFlags as Create, DomainCheckpointXmlFlags as CheckpointXml};

pub(crate) mod types;

pub use types::*;

procedures! {
    /// Checkpoints of domains.
    trait DomainCheckpoint in remote;

    /// Creates a checkpoint.
    411 domain_checkpoint_create_xml(DomainCheckpointCreateXmlArgs)
        -> DomainCheckpointCreateXmlRet = "virDomainCheckpointCreateXML":
        writes, decided_by(DomainCheckpointCreateXmlArgs.flags),
        acl(domain: checkpoint, domain: fs_freeze all_of(Create::QUIESCE));

    /// Returns the checkpoint's document.
    412 domain_checkpoint_get_xml_desc(DomainCheckpointGetXmlDescArgs)
        -> DomainCheckpointGetXmlDescRet = "virDomainCheckpointGetXMLDesc":
        decided_by(DomainCheckpointGetXmlDescArgs.flags), writes_when(all_of(CheckpointXml::SECURE)),
        acl(domain: read, domain: read_secure all_of(CheckpointXml::SECURE));

    /// Lists the checkpoints of a domain; the flags choose which.
    413 domain_list_all_checkpoints(DomainListAllCheckpointsArgs)
        -> DomainListAllCheckpointsRet = "virDomainListAllCheckpoints":
        high, acl(domain: read);

    /// Lists the children of a checkpoint; the flags choose which.
    414 domain_checkpoint_list_all_children(DomainCheckpointListAllChildrenArgs)
        -> DomainCheckpointListAllChildrenRet = "virDomainCheckpointListAllChildren":
        high, acl(domain: read);

    /// Finds a checkpoint by its name.
    415 domain_checkpoint_lookup_by_name(DomainCheckpointLookupByNameArgs)
        -> DomainCheckpointLookupByNameRet = "virDomainCheckpointLookupByName":
        high, acl(domain: read);

    /// Returns the parent of a checkpoint.
    416 domain_checkpoint_get_parent(DomainCheckpointGetParentArgs)
        -> DomainCheckpointGetParentRet = "virDomainCheckpointGetParent":
        high, acl(domain: read);

    /// Deletes a checkpoint.
    417 domain_checkpoint_delete(DomainCheckpointDeleteArgs) -> () = "virDomainCheckpointDelete":
        writes, acl(domain: checkpoint);
}
