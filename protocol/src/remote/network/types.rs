//! Arguments, results and events of [`super::Network`], in the order of their procedures.

use crate::limits::{
    NETWORK_DHCP_LEASES_MAX, NETWORK_LIST_MAX, NETWORK_PORT_LIST_MAX, NETWORK_PORT_PARAMETERS_MAX,
};
use crate::remote::handles::NonnullNetworkPort;
use crate::shared::{NonnullNetwork, TypedParam};
use crate::xdr::{List, Uuid};

wire! {
    /// Arguments of `virConnectListDefinedNetworks` (36).
    struct ConnectListDefinedNetworksArgs { maxnames: i32 }

    /// Result of `virConnectListDefinedNetworks` (36).
    struct ConnectListDefinedNetworksRet { names: List<String, NETWORK_LIST_MAX> }

    /// Arguments of `virConnectListNetworks` (38).
    struct ConnectListNetworksArgs { maxnames: i32 }

    /// Result of `virConnectListNetworks` (38).
    struct ConnectListNetworksRet { names: List<String, NETWORK_LIST_MAX> }

    /// Arguments of `virNetworkCreate` (39).
    struct NetworkCreateArgs { net: NonnullNetwork }

    /// Arguments of `virNetworkCreateXML` (40).
    struct NetworkCreateXmlArgs { xml: String }

    /// Result of `virNetworkCreateXML` (40).
    struct NetworkCreateXmlRet { net: NonnullNetwork }

    /// Arguments of `virNetworkDefineXML` (41).
    struct NetworkDefineXmlArgs { xml: String }

    /// Result of `virNetworkDefineXML` (41).
    struct NetworkDefineXmlRet { net: NonnullNetwork }

    /// Arguments of `virNetworkDestroy` (42).
    struct NetworkDestroyArgs { net: NonnullNetwork }

    /// Arguments of `virNetworkGetXMLDesc` (43).
    struct NetworkGetXmlDescArgs { net: NonnullNetwork, flags: u32 }

    /// Result of `virNetworkGetXMLDesc` (43).
    struct NetworkGetXmlDescRet { xml: String }

    /// Arguments of `virNetworkGetAutostart` (44).
    struct NetworkGetAutostartArgs { net: NonnullNetwork }

    /// Result of `virNetworkGetAutostart` (44).
    struct NetworkGetAutostartRet { autostart: i32 }

    /// Arguments of `virNetworkGetBridgeName` (45).
    struct NetworkGetBridgeNameArgs { net: NonnullNetwork }

    /// Result of `virNetworkGetBridgeName` (45).
    struct NetworkGetBridgeNameRet { name: String }

    /// Arguments of `virNetworkLookupByName` (46).
    struct NetworkLookupByNameArgs { name: String }

    /// Result of `virNetworkLookupByName` (46).
    struct NetworkLookupByNameRet { net: NonnullNetwork }

    /// Arguments of `virNetworkLookupByUUID` (47).
    struct NetworkLookupByUuidArgs { uuid: Uuid }

    /// Result of `virNetworkLookupByUUID` (47).
    struct NetworkLookupByUuidRet { net: NonnullNetwork }

    /// Arguments of `virNetworkSetAutostart` (48).
    struct NetworkSetAutostartArgs { net: NonnullNetwork, autostart: i32 }

    /// Arguments of `virNetworkUndefine` (49).
    struct NetworkUndefineArgs { net: NonnullNetwork }

    /// Result of `virConnectNumOfDefinedNetworks` (50).
    struct ConnectNumOfDefinedNetworksRet { num: i32 }

    /// Result of `virConnectNumOfNetworks` (52).
    struct ConnectNumOfNetworksRet { num: i32 }

    /// Arguments of `virNetworkIsActive` (152).
    struct NetworkIsActiveArgs { net: NonnullNetwork }

    /// Result of `virNetworkIsActive` (152).
    struct NetworkIsActiveRet { active: i32 }

    /// Arguments of `virNetworkIsPersistent` (153).
    struct NetworkIsPersistentArgs { net: NonnullNetwork }

    /// Result of `virNetworkIsPersistent` (153).
    struct NetworkIsPersistentRet { persistent: i32 }

    /// Arguments of `virConnectListAllNetworks` (283).
    struct ConnectListAllNetworksArgs { need_results: i32, flags: u32 }

    /// Result of `virConnectListAllNetworks` (283).
    struct ConnectListAllNetworksRet { nets: List<NonnullNetwork, NETWORK_LIST_MAX>, ret: u32 }

    /// Arguments of `virNetworkUpdate` (291).
    struct NetworkUpdateArgs {
        net: NonnullNetwork,
        command: u32,
        section: u32,
        parentIndex: i32,
        xml: String,
        flags: u32,
    }

    /// Arguments of `virConnectNetworkEventRegisterAny` (313).
    struct ConnectNetworkEventRegisterAnyArgs { eventID: i32, net: Option<NonnullNetwork> }

    /// Result of `virConnectNetworkEventRegisterAny` (313).
    struct ConnectNetworkEventRegisterAnyRet { callbackID: i32 }

    /// Arguments of `virConnectNetworkEventDeregisterAny` (314).
    struct ConnectNetworkEventDeregisterAnyArgs { callbackID: i32 }

    /// Event 315: a network was defined, undefined, started or stopped.
    struct NetworkEventLifecycleMsg {
        callbackID: i32,
        net: NonnullNetwork,
        event: i32,
        detail: i32,
    }

    /// Arguments of `virNetworkGetDHCPLeases` (341).
    struct NetworkGetDhcpLeasesArgs {
        net: NonnullNetwork,
        mac: Option<String>,
        need_results: i32,
        flags: u32,
    }

    /// Address that a network's DHCP server gave.
    struct NetworkDhcpLease {
        iface: String,
        expirytime: i64,
        r#type: i32,
        mac: Option<String>,
        iaid: Option<String>,
        ipaddr: String,
        prefix: u32,
        hostname: Option<String>,
        clientid: Option<String>,
    }

    /// Result of `virNetworkGetDHCPLeases` (341).
    struct NetworkGetDhcpLeasesRet {
        leases: List<NetworkDhcpLease, NETWORK_DHCP_LEASES_MAX>,
        ret: u32,
    }

    /// Arguments of `virNetworkListAllPorts` (404).
    struct NetworkListAllPortsArgs { network: NonnullNetwork, need_results: i32, flags: u32 }

    /// Result of `virNetworkListAllPorts` (404).
    struct NetworkListAllPortsRet {
        ports: List<NonnullNetworkPort, NETWORK_PORT_LIST_MAX>,
        ret: u32,
    }

    /// Arguments of `virNetworkPortLookupByUUID` (405).
    struct NetworkPortLookupByUuidArgs { network: NonnullNetwork, uuid: Uuid }

    /// Result of `virNetworkPortLookupByUUID` (405).
    struct NetworkPortLookupByUuidRet { port: NonnullNetworkPort }

    /// Arguments of `virNetworkPortCreateXML` (406).
    struct NetworkPortCreateXmlArgs { network: NonnullNetwork, xml: String, flags: u32 }

    /// Result of `virNetworkPortCreateXML` (406).
    struct NetworkPortCreateXmlRet { port: NonnullNetworkPort }

    /// Arguments of `virNetworkPortGetParameters` (407).
    struct NetworkPortGetParametersArgs { port: NonnullNetworkPort, nparams: i32, flags: u32 }

    /// Result of `virNetworkPortGetParameters` (407).
    struct NetworkPortGetParametersRet {
        params: List<TypedParam, NETWORK_PORT_PARAMETERS_MAX>,
        nparams: i32,
    }

    /// Arguments of `virNetworkPortSetParameters` (408).
    struct NetworkPortSetParametersArgs {
        port: NonnullNetworkPort,
        params: List<TypedParam, NETWORK_PORT_PARAMETERS_MAX>,
        flags: u32,
    }

    /// Arguments of `virNetworkPortGetXMLDesc` (409).
    struct NetworkPortGetXmlDescArgs { port: NonnullNetworkPort, flags: u32 }

    /// Result of `virNetworkPortGetXMLDesc` (409).
    struct NetworkPortGetXmlDescRet { xml: String }

    /// Arguments of `virNetworkPortDelete` (410).
    struct NetworkPortDeleteArgs { port: NonnullNetworkPort, flags: u32 }

    /// Arguments of `virNetworkDefineXMLFlags` (432).
    struct NetworkDefineXmlFlagsArgs { xml: String, flags: u32 }

    /// Result of `virNetworkDefineXMLFlags` (432).
    struct NetworkDefineXmlFlagsRet { net: NonnullNetwork }

    /// Arguments of `virNetworkCreateXMLFlags` (437).
    struct NetworkCreateXmlFlagsArgs { xml: String, flags: u32 }

    /// Result of `virNetworkCreateXMLFlags` (437).
    struct NetworkCreateXmlFlagsRet { net: NonnullNetwork }

    /// Arguments of `virNetworkSetMetadata` (444).
    struct NetworkSetMetadataArgs {
        network: NonnullNetwork,
        r#type: i32,
        metadata: Option<String>,
        key: Option<String>,
        uri: Option<String>,
        flags: u32,
    }

    /// Arguments of `virNetworkGetMetadata` (445).
    struct NetworkGetMetadataArgs {
        network: NonnullNetwork,
        r#type: i32,
        uri: Option<String>,
        flags: u32,
    }

    /// Result of `virNetworkGetMetadata` (445).
    struct NetworkGetMetadataRet { metadata: String }

    /// Event 446: the network's metadata changed.
    struct NetworkEventCallbackMetadataChangeMsg {
        callbackID: i32,
        net: NonnullNetwork,
        r#type: i32,
        nsuri: Option<String>,
    }
}
