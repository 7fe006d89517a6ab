//! Devices of domains: attaching and detaching, consoles, graphics, input, interfaces, labels.

use crate::consts::{DomainModificationImpact as Affect, domain_interface_addresses_source as addresses};

pub(crate) mod types;

pub use types::*;

procedures! {
    /// Devices of domains: attaching and detaching, consoles, graphics, input, interfaces, labels.
    trait DomainDevices in remote;

    /// Attaches a device to a running domain.
    8 domain_attach_device(DomainAttachDeviceArgs) -> () = "virDomainAttachDevice":
        writes, acl(domain: write);

    /// Detaches a device from a running domain.
    13 domain_detach_device(DomainDetachDeviceArgs) -> () = "virDomainDetachDevice":
        writes, acl(domain: write);

    /// Tells the security label of the domain's process.
    121 domain_get_security_label(DomainGetSecurityLabelArgs)
        -> DomainGetSecurityLabelRet = "virDomainGetSecurityLabel":
        high, acl(domain: read);

    /// Attaches a device to the running domain, its definition, or both.
    160 domain_attach_device_flags(DomainAttachDeviceFlagsArgs) -> () = "virDomainAttachDeviceFlags":
        writes, decided_by(DomainAttachDeviceFlagsArgs.flags),
        acl(domain: write, domain: save none_of(Affect::CONFIG.union(Affect::LIVE)),
            domain: save all_of(Affect::CONFIG));

    /// Detaches a device from the running domain, its definition, or both.
    161 domain_detach_device_flags(DomainDetachDeviceFlagsArgs) -> () = "virDomainDetachDeviceFlags":
        writes, decided_by(DomainDetachDeviceFlagsArgs.flags),
        acl(domain: write, domain: save none_of(Affect::CONFIG.union(Affect::LIVE)),
            domain: save all_of(Affect::CONFIG));

    /// Changes a device of the running domain, its definition, or both.
    174 domain_update_device_flags(DomainUpdateDeviceFlagsArgs) -> () = "virDomainUpdateDeviceFlags":
        writes, decided_by(DomainUpdateDeviceFlagsArgs.flags),
        acl(domain: write, domain: save none_of(Affect::CONFIG.union(Affect::LIVE)),
            domain: save all_of(Affect::CONFIG));

    /// Opens a console of the guest as a stream.
    201 domain_open_console(DomainOpenConsoleArgs) -> () = "virDomainOpenConsole":
        writes, stream(Both), acl(domain: open_device);

    /// Sends the guest a non-maskable interrupt.
    210 domain_inject_nmi(DomainInjectNmiArgs) -> () = "virDomainInjectNMI": writes, acl(domain: inject_nmi);

    /// Takes a picture of the guest's screen as a stream.
    211 domain_screenshot(DomainScreenshotArgs) -> DomainScreenshotRet = "virDomainScreenshot":
        writes, stream(Read), acl(domain: screenshot);

    /// Presses keys of the guest's keyboard.
    226 domain_send_key(DomainSendKeyArgs) -> () = "virDomainSendKey": writes, acl(domain: send_input);

    /// Connects a descriptor of the client to the guest's graphics.
    249 domain_open_graphics(DomainOpenGraphicsArgs) -> () = "virDomainOpenGraphics":
        writes, fds(In), acl(domain: open_graphics);

    /// Sets bandwidth limits of a network interface.
    256 domain_set_interface_parameters(DomainSetInterfaceParametersArgs)
        -> () = "virDomainSetInterfaceParameters":
        writes, decided_by(DomainSetInterfaceParametersArgs.flags),
        acl(domain: write, domain: save none_of(Affect::CONFIG.union(Affect::LIVE)),
            domain: save all_of(Affect::CONFIG));

    /// Returns the bandwidth limits of a network interface.
    257 domain_get_interface_parameters(DomainGetInterfaceParametersArgs)
        -> DomainGetInterfaceParametersRet = "virDomainGetInterfaceParameters":
        acl(domain: read);

    /// Tells the security labels of the domain's process, one per model.
    278 domain_get_security_label_list(DomainGetSecurityLabelListArgs)
        -> DomainGetSecurityLabelListRet = "virDomainGetSecurityLabelList":
        high, acl(domain: read);

    /// Sends a signal to a process of the guest.
    295 domain_send_process_signal(DomainSendProcessSignalArgs) -> () = "virDomainSendProcessSignal":
        writes, acl(domain: send_signal);

    /// Opens a channel of the guest as a stream.
    296 domain_open_channel(DomainOpenChannelArgs) -> () = "virDomainOpenChannel":
        writes, stream(Both), acl(domain: open_device);

    /// Returns a descriptor that is connected to the guest's graphics.
    343 domain_open_graphics_fd(DomainOpenGraphicsFdArgs) -> () = "virDomainOpenGraphicsFD":
        writes, fds(Out), acl(domain: open_graphics);

    /// Lists the guest's network interfaces with their addresses.
    353 domain_interface_addresses(DomainInterfaceAddressesArgs)
        -> DomainInterfaceAddressesRet = "virDomainInterfaceAddresses":
        decided_by(DomainInterfaceAddressesArgs.source), writes_when(equals(addresses::AGENT)),
        acl(domain: read, domain: write equals(addresses::AGENT));

    /// Detaches the device of an alias.
    392 domain_detach_device_alias(DomainDetachDeviceAliasArgs) -> () = "virDomainDetachDeviceAlias":
        writes, decided_by(DomainDetachDeviceAliasArgs.flags),
        acl(domain: write, domain: save none_of(Affect::CONFIG.union(Affect::LIVE)),
            domain: save all_of(Affect::CONFIG));

    /// Returns what the guest's launch measured.
    396 domain_get_launch_security_info(DomainGetLaunchSecurityInfoArgs)
        -> DomainGetLaunchSecurityInfoRet = "virDomainGetLaunchSecurityInfo":
        writes, acl(domain: read);

    /// Gives the guest its launch secret.
    439 domain_set_launch_security_state(DomainSetLaunchSecurityStateArgs)
        -> () = "virDomainSetLaunchSecurityState":
        writes, acl(domain: write);

    /// Reloads the TLS files of the guest's graphics.
    448 domain_graphics_reload(DomainGraphicsReloadArgs) -> () = "virDomainGraphicsReload":
        writes, acl(domain: write);

    /// Has the guest announce its network interfaces.
    456 domain_announce_interface(DomainAnnounceInterfaceArgs) -> () = "virDomainAnnounceInterface":
        writes, acl(domain: write);
}
