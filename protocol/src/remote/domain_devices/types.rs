//! Arguments, results and events of [`super::DomainDevices`], in the order of their procedures.

use crate::limits::{
    DOMAIN_ANNOUNCE_INTERFACE_PARAMS_MAX, DOMAIN_INTERFACE_MAX, DOMAIN_INTERFACE_PARAMETERS_MAX,
    DOMAIN_IP_ADDR_MAX, DOMAIN_LAUNCH_SECURITY_INFO_PARAMS_MAX, DOMAIN_LAUNCH_SECURITY_STATE_PARAMS_MAX,
    DOMAIN_SEND_KEY_MAX, SECURITY_LABEL_LIST_MAX, SECURITY_LABEL_MAX,
};
use crate::shared::{NonnullDomain, TypedParam};
use crate::xdr::{Char, List};

wire! {
    /// Arguments of `virDomainAttachDevice` (8).
    struct DomainAttachDeviceArgs { dom: NonnullDomain, xml: String }

    /// Arguments of `virDomainDetachDevice` (13).
    struct DomainDetachDeviceArgs { dom: NonnullDomain, xml: String }

    /// Arguments of `virDomainGetSecurityLabel` (121).
    struct DomainGetSecurityLabelArgs { dom: NonnullDomain }

    /// Result of `virDomainGetSecurityLabel` (121).
    struct DomainGetSecurityLabelRet { label: List<Char, SECURITY_LABEL_MAX>, enforcing: i32 }

    /// Arguments of `virDomainAttachDeviceFlags` (160).
    struct DomainAttachDeviceFlagsArgs { dom: NonnullDomain, xml: String, flags: u32 }

    /// Arguments of `virDomainDetachDeviceFlags` (161).
    struct DomainDetachDeviceFlagsArgs { dom: NonnullDomain, xml: String, flags: u32 }

    /// Arguments of `virDomainUpdateDeviceFlags` (174).
    struct DomainUpdateDeviceFlagsArgs { dom: NonnullDomain, xml: String, flags: u32 }

    /// Arguments of `virDomainOpenConsole` (201).
    struct DomainOpenConsoleArgs { dom: NonnullDomain, dev_name: Option<String>, flags: u32 }

    /// Arguments of `virDomainInjectNMI` (210).
    struct DomainInjectNmiArgs { dom: NonnullDomain, flags: u32 }

    /// Arguments of `virDomainScreenshot` (211).
    struct DomainScreenshotArgs { dom: NonnullDomain, screen: u32, flags: u32 }

    /// Result of `virDomainScreenshot` (211).
    struct DomainScreenshotRet { mime: Option<String> }

    /// Arguments of `virDomainSendKey` (226).
    struct DomainSendKeyArgs {
        dom: NonnullDomain,
        codeset: u32,
        holdtime: u32,
        keycodes: List<u32, DOMAIN_SEND_KEY_MAX>,
        flags: u32,
    }

    /// Arguments of `virDomainOpenGraphics` (249).
    struct DomainOpenGraphicsArgs { dom: NonnullDomain, idx: u32, flags: u32 }

    /// Arguments of `virDomainSetInterfaceParameters` (256).
    struct DomainSetInterfaceParametersArgs {
        dom: NonnullDomain,
        device: String,
        params: List<TypedParam, DOMAIN_INTERFACE_PARAMETERS_MAX>,
        flags: u32,
    }

    /// Arguments of `virDomainGetInterfaceParameters` (257).
    struct DomainGetInterfaceParametersArgs {
        dom: NonnullDomain,
        device: String,
        nparams: i32,
        flags: u32,
    }

    /// Result of `virDomainGetInterfaceParameters` (257).
    struct DomainGetInterfaceParametersRet {
        params: List<TypedParam, DOMAIN_INTERFACE_PARAMETERS_MAX>,
        nparams: i32,
    }

    /// Arguments of `virDomainGetSecurityLabelList` (278).
    struct DomainGetSecurityLabelListArgs { dom: NonnullDomain }

    /// Result of `virDomainGetSecurityLabelList` (278).
    struct DomainGetSecurityLabelListRet {
        labels: List<DomainGetSecurityLabelRet, SECURITY_LABEL_LIST_MAX>,
        ret: i32,
    }

    /// Arguments of `virDomainSendProcessSignal` (295).
    struct DomainSendProcessSignalArgs {
        dom: NonnullDomain,
        pid_value: i64,
        signum: u32,
        flags: u32,
    }

    /// Arguments of `virDomainOpenChannel` (296).
    struct DomainOpenChannelArgs { dom: NonnullDomain, name: Option<String>, flags: u32 }

    /// Arguments of `virDomainOpenGraphicsFD` (343).
    struct DomainOpenGraphicsFdArgs { dom: NonnullDomain, idx: u32, flags: u32 }

    /// Arguments of `virDomainInterfaceAddresses` (353).
    struct DomainInterfaceAddressesArgs { dom: NonnullDomain, source: u32, flags: u32 }

    /// Address of a guest's interface.
    struct DomainIpAddr { r#type: i32, addr: String, prefix: u32 }

    /// Network interface of a guest with its addresses.
    struct DomainInterface {
        name: String,
        hwaddr: Option<String>,
        addrs: List<DomainIpAddr, DOMAIN_IP_ADDR_MAX>,
    }

    /// Result of `virDomainInterfaceAddresses` (353).
    struct DomainInterfaceAddressesRet { ifaces: List<DomainInterface, DOMAIN_INTERFACE_MAX> }

    /// Arguments of `virDomainDetachDeviceAlias` (392).
    struct DomainDetachDeviceAliasArgs { dom: NonnullDomain, alias: String, flags: u32 }

    /// Arguments of `virDomainGetLaunchSecurityInfo` (396).
    struct DomainGetLaunchSecurityInfoArgs { dom: NonnullDomain, flags: u32 }

    /// Result of `virDomainGetLaunchSecurityInfo` (396).
    struct DomainGetLaunchSecurityInfoRet {
        params: List<TypedParam, DOMAIN_LAUNCH_SECURITY_INFO_PARAMS_MAX>,
    }

    /// Arguments of `virDomainSetLaunchSecurityState` (439).
    struct DomainSetLaunchSecurityStateArgs {
        dom: NonnullDomain,
        params: List<TypedParam, DOMAIN_LAUNCH_SECURITY_STATE_PARAMS_MAX>,
        flags: u32,
    }

    /// Arguments of `virDomainGraphicsReload` (448).
    struct DomainGraphicsReloadArgs { dom: NonnullDomain, r#type: u32, flags: u32 }

    /// Arguments of `virDomainAnnounceInterface` (456).
    struct DomainAnnounceInterfaceArgs {
        dom: NonnullDomain,
        device: Option<String>,
        params: List<TypedParam, DOMAIN_ANNOUNCE_INTERFACE_PARAMS_MAX>,
        flags: u32,
    }
}
