//! Arguments, results and events of [`super::DomainAgent`], in the order of their procedures.

use crate::limits::{
    DOMAIN_AUTHORIZED_SSH_KEYS_MAX, DOMAIN_FSFREEZE_MOUNTPOINTS_MAX, DOMAIN_FSINFO_DISKS_MAX,
    DOMAIN_FSINFO_MAX, DOMAIN_GUEST_INFO_PARAMS_MAX, DOMAIN_GUEST_VCPU_PARAMS_MAX,
};
use crate::shared::{NonnullDomain, TypedParam};
use crate::xdr::List;

wire! {
    /// Arguments of `virDomainGetHostname` (277).
    struct DomainGetHostnameArgs { dom: NonnullDomain, flags: u32 }

    /// Result of `virDomainGetHostname` (277).
    struct DomainGetHostnameRet { hostname: String }

    /// Arguments of `virDomainFSTrim` (294).
    struct DomainFstrimArgs {
        dom: NonnullDomain,
        mountPoint: Option<String>,
        minimum: u64,
        flags: u32,
    }

    /// Arguments of `virDomainFSFreeze` (335).
    struct DomainFsfreezeArgs {
        dom: NonnullDomain,
        mountpoints: List<String, DOMAIN_FSFREEZE_MOUNTPOINTS_MAX>,
        flags: u32,
    }

    /// Result of `virDomainFSFreeze` (335).
    struct DomainFsfreezeRet { filesystems: i32 }

    /// Arguments of `virDomainFSThaw` (336).
    struct DomainFsthawArgs {
        dom: NonnullDomain,
        mountpoints: List<String, DOMAIN_FSFREEZE_MOUNTPOINTS_MAX>,
        flags: u32,
    }

    /// Result of `virDomainFSThaw` (336).
    struct DomainFsthawRet { filesystems: i32 }

    /// Arguments of `virDomainGetTime` (337).
    struct DomainGetTimeArgs { dom: NonnullDomain, flags: u32 }

    /// Result of `virDomainGetTime` (337).
    struct DomainGetTimeRet { seconds: i64, nseconds: u32 }

    /// Arguments of `virDomainSetTime` (338).
    struct DomainSetTimeArgs { dom: NonnullDomain, seconds: i64, nseconds: u32, flags: u32 }

    /// Arguments of `virDomainGetFSInfo` (349).
    struct DomainGetFsinfoArgs { dom: NonnullDomain, flags: u32 }

    /// Mounted file system of a guest.
    struct DomainFsinfo {
        mountpoint: String,
        name: String,
        fstype: String,
        dev_aliases: List<String, DOMAIN_FSINFO_DISKS_MAX>,
    }

    /// Result of `virDomainGetFSInfo` (349).
    struct DomainGetFsinfoRet { info: List<DomainFsinfo, DOMAIN_FSINFO_MAX>, ret: u32 }

    /// Arguments of `virDomainSetUserPassword` (357).
    struct DomainSetUserPasswordArgs {
        dom: NonnullDomain,
        user: Option<String>,
        password: Option<String>,
        flags: u32,
    }

    /// Arguments of `virDomainGetGuestVcpus` (371).
    struct DomainGetGuestVcpusArgs { dom: NonnullDomain, flags: u32 }

    /// Result of `virDomainGetGuestVcpus` (371).
    struct DomainGetGuestVcpusRet { params: List<TypedParam, DOMAIN_GUEST_VCPU_PARAMS_MAX> }

    /// Arguments of `virDomainSetGuestVcpus` (372).
    struct DomainSetGuestVcpusArgs { dom: NonnullDomain, cpumap: String, state: i32, flags: u32 }

    /// Arguments of `virDomainGetGuestInfo` (418).
    struct DomainGetGuestInfoArgs { dom: NonnullDomain, types: u32, flags: u32 }

    /// Result of `virDomainGetGuestInfo` (418).
    struct DomainGetGuestInfoRet { params: List<TypedParam, DOMAIN_GUEST_INFO_PARAMS_MAX> }

    /// Arguments of `virDomainAgentSetResponseTimeout` (420).
    struct DomainAgentSetResponseTimeoutArgs { dom: NonnullDomain, timeout: i32, flags: u32 }

    /// Result of `virDomainAgentSetResponseTimeout` (420).
    struct DomainAgentSetResponseTimeoutRet { result: i32 }

    /// Arguments of `virDomainAuthorizedSSHKeysGet` (424).
    struct DomainAuthorizedSshKeysGetArgs { dom: NonnullDomain, user: String, flags: u32 }

    /// Result of `virDomainAuthorizedSSHKeysGet` (424).
    struct DomainAuthorizedSshKeysGetRet { keys: List<String, DOMAIN_AUTHORIZED_SSH_KEYS_MAX> }

    /// Arguments of `virDomainAuthorizedSSHKeysSet` (425).
    struct DomainAuthorizedSshKeysSetArgs {
        dom: NonnullDomain,
        user: String,
        keys: List<String, DOMAIN_AUTHORIZED_SSH_KEYS_MAX>,
        flags: u32,
    }
}
