//! What the agent inside the guest does: file systems, time, users, addresses.

pub(crate) mod types;

pub use types::*;

procedures! {
    /// What the agent inside the guest does: file systems, time, users, addresses.
    trait DomainAgent in remote;

    /// Tells the guest's host name.
    277 domain_get_hostname(DomainGetHostnameArgs) -> DomainGetHostnameRet = "virDomainGetHostname":
        writes, acl(domain: write);

    /// Has the guest tell its disks which blocks are unused.
    294 domain_fstrim(DomainFstrimArgs) -> () = "virDomainFSTrim": writes, acl(domain: fs_trim);

    /// Freezes file systems of the guest.
    335 domain_fsfreeze(DomainFsfreezeArgs) -> DomainFsfreezeRet = "virDomainFSFreeze":
        writes, acl(domain: fs_freeze);

    /// Thaws file systems of the guest.
    336 domain_fsthaw(DomainFsthawArgs) -> DomainFsthawRet = "virDomainFSThaw":
        writes, acl(domain: fs_freeze);

    /// Tells the guest's time.
    337 domain_get_time(DomainGetTimeArgs) -> DomainGetTimeRet = "virDomainGetTime":
        writes, acl(domain: write);

    /// Sets the guest's time.
    338 domain_set_time(DomainSetTimeArgs) -> () = "virDomainSetTime": writes, acl(domain: set_time);

    /// Lists the mounted file systems of the guest.
    349 domain_get_fsinfo(DomainGetFsinfoArgs) -> DomainGetFsinfoRet = "virDomainGetFSInfo":
        writes, acl(domain: fs_freeze);

    /// Sets the password of a user of the guest.
    357 domain_set_user_password(DomainSetUserPasswordArgs) -> () = "virDomainSetUserPassword":
        writes, acl(domain: set_password);

    /// Tells which virtual CPUs the guest uses.
    371 domain_get_guest_vcpus(DomainGetGuestVcpusArgs)
        -> DomainGetGuestVcpusRet = "virDomainGetGuestVcpus":
        writes, acl(domain: write);

    /// Has the guest use virtual CPUs, or stop using them.
    372 domain_set_guest_vcpus(DomainSetGuestVcpusArgs) -> () = "virDomainSetGuestVcpus":
        writes, acl(domain: write);

    /// Returns what the guest's agent tells about users, system, time zone, file systems and more.
    418 domain_get_guest_info(DomainGetGuestInfoArgs) -> DomainGetGuestInfoRet = "virDomainGetGuestInfo":
        writes, acl(domain: write);

    /// Sets how long the guest's agent has for an answer, in seconds.
    420 domain_agent_set_response_timeout(DomainAgentSetResponseTimeoutArgs)
        -> DomainAgentSetResponseTimeoutRet = "virDomainAgentSetResponseTimeout":
        writes, acl(domain: write);

    /// Returns the authorized SSH keys of a user of the guest.
    424 domain_authorized_ssh_keys_get(DomainAuthorizedSshKeysGetArgs)
        -> DomainAuthorizedSshKeysGetRet = "virDomainAuthorizedSSHKeysGet":
        writes, acl(domain: write);

    /// Sets the authorized SSH keys of a user of the guest.
    425 domain_authorized_ssh_keys_set(DomainAuthorizedSshKeysSetArgs)
        -> () = "virDomainAuthorizedSSHKeysSet":
        writes, acl(domain: write);
}
