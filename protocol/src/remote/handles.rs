//! Handles of objects: how the two sides name them to each other.

use crate::shared::{NonnullDomain, NonnullNetwork};
use crate::xdr::Uuid;

wire! {
    /// Handle of a network filter.
    struct NonnullNwfilter { name: String, uuid: Uuid }

    /// Handle of a host interface.
    struct NonnullInterface { name: String, mac: String }

    /// Handle of a storage pool.
    struct NonnullStoragePool { name: String, uuid: Uuid }

    /// Handle of a storage volume.
    struct NonnullStorageVol { pool: String, name: String, key: String }

    /// Handle of a node device.
    struct NonnullNodeDevice { name: String }

    /// Handle of a secret.
    struct NonnullSecret names Secret { uuid: Uuid, usageType: i32, usageID: String }

    /// Handle of a snapshot.
    struct NonnullDomainSnapshot names InDomain { name: String, dom: NonnullDomain }

    /// Handle of a network's port.
    struct NonnullNetworkPort { net: NonnullNetwork, uuid: Uuid }

    /// Handle of a filter binding.
    struct NonnullNwfilterBinding { portdev: String, filtername: String }

    /// Handle of a checkpoint.
    struct NonnullDomainCheckpoint names InDomain { name: String, dom: NonnullDomain }
}
