//! Snapshots of domains.

use crate::consts::{
    DomainSnapshotCreateFlags as Create, DomainSnapshotXmlFlags as SnapshotXml, DomainXmlFlags as Xml,
};

pub(crate) mod types;

pub use types::*;

procedures! {
    /// Snapshots of domains.
    trait DomainSnapshot in remote;

    /// Takes a snapshot.
    185 domain_snapshot_create_xml(DomainSnapshotCreateXmlArgs)
        -> DomainSnapshotCreateXmlRet = "virDomainSnapshotCreateXML":
        writes, decided_by(DomainSnapshotCreateXmlArgs.flags),
        acl(domain: snapshot, domain: fs_freeze all_of(Create::QUIESCE));

    /// Returns the snapshot's document.
    186 domain_snapshot_get_xml_desc(DomainSnapshotGetXmlDescArgs)
        -> DomainSnapshotGetXmlDescRet = "virDomainSnapshotGetXMLDesc":
        high, decided_by(DomainSnapshotGetXmlDescArgs.flags), writes_when(all_of(SnapshotXml::SECURE)),
        acl(domain: read, domain: read_secure all_of(Xml::SECURE));

    /// Counts the snapshots of a domain.
    187 domain_snapshot_num(DomainSnapshotNumArgs) -> DomainSnapshotNumRet = "virDomainSnapshotNum":
        high, acl(domain: read);

    /// Names the snapshots of a domain.
    188 domain_snapshot_list_names(DomainSnapshotListNamesArgs)
        -> DomainSnapshotListNamesRet = "virDomainSnapshotListNames":
        high, acl(domain: read);

    /// Finds a snapshot by its name.
    189 domain_snapshot_lookup_by_name(DomainSnapshotLookupByNameArgs)
        -> DomainSnapshotLookupByNameRet = "virDomainSnapshotLookupByName":
        high, acl(domain: read);

    /// Tells whether the domain has a current snapshot.
    190 domain_has_current_snapshot(DomainHasCurrentSnapshotArgs)
        -> DomainHasCurrentSnapshotRet = "virDomainHasCurrentSnapshot":
        acl(domain: read);

    /// Returns the current snapshot.
    191 domain_snapshot_current(DomainSnapshotCurrentArgs)
        -> DomainSnapshotCurrentRet = "virDomainSnapshotCurrent":
        acl(domain: read);

    /// Takes the domain back to a snapshot.
    192 domain_revert_to_snapshot(DomainRevertToSnapshotArgs) -> () = "virDomainRevertToSnapshot":
        writes, acl(domain: snapshot);

    /// Deletes a snapshot.
    193 domain_snapshot_delete(DomainSnapshotDeleteArgs) -> () = "virDomainSnapshotDelete":
        writes, acl(domain: snapshot);

    /// Returns the parent of a snapshot.
    244 domain_snapshot_get_parent(DomainSnapshotGetParentArgs)
        -> DomainSnapshotGetParentRet = "virDomainSnapshotGetParent":
        high, acl(domain: read);

    /// Counts the children of a snapshot.
    246 domain_snapshot_num_children(DomainSnapshotNumChildrenArgs)
        -> DomainSnapshotNumChildrenRet = "virDomainSnapshotNumChildren":
        high, acl(domain: read);

    /// Names the children of a snapshot.
    247 domain_snapshot_list_children_names(DomainSnapshotListChildrenNamesArgs)
        -> DomainSnapshotListChildrenNamesRet = "virDomainSnapshotListChildrenNames":
        high, acl(domain: read);

    /// Tells whether the snapshot is the current one.
    271 domain_snapshot_is_current(DomainSnapshotIsCurrentArgs)
        -> DomainSnapshotIsCurrentRet = "virDomainSnapshotIsCurrent":
        acl(domain: read);

    /// Tells whether the daemon keeps metadata of the snapshot.
    272 domain_snapshot_has_metadata(DomainSnapshotHasMetadataArgs)
        -> DomainSnapshotHasMetadataRet = "virDomainSnapshotHasMetadata":
        acl(domain: read);

    /// Lists the snapshots of a domain; the flags choose which.
    274 domain_list_all_snapshots(DomainListAllSnapshotsArgs)
        -> DomainListAllSnapshotsRet = "virDomainListAllSnapshots":
        high, acl(domain: read);

    /// Lists the children of a snapshot; the flags choose which.
    275 domain_snapshot_list_all_children(DomainSnapshotListAllChildrenArgs)
        -> DomainSnapshotListAllChildrenRet = "virDomainSnapshotListAllChildren":
        high, acl(domain: read);
}
