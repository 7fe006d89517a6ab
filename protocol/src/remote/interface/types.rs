//! Arguments, results and events of [`super::Interface`], in the order of their procedures.

use crate::limits::INTERFACE_LIST_MAX;
use crate::remote::handles::NonnullInterface;
use crate::xdr::List;

wire! {
    /// Result of `virConnectNumOfInterfaces` (126).
    struct ConnectNumOfInterfacesRet { num: i32 }

    /// Arguments of `virConnectListInterfaces` (127).
    struct ConnectListInterfacesArgs { maxnames: i32 }

    /// Result of `virConnectListInterfaces` (127).
    struct ConnectListInterfacesRet { names: List<String, INTERFACE_LIST_MAX> }

    /// Arguments of `virInterfaceLookupByName` (128).
    struct InterfaceLookupByNameArgs { name: String }

    /// Result of `virInterfaceLookupByName` (128).
    struct InterfaceLookupByNameRet { iface: NonnullInterface }

    /// Arguments of `virInterfaceLookupByMACString` (129).
    struct InterfaceLookupByMacStringArgs { mac: String }

    /// Result of `virInterfaceLookupByMACString` (129).
    struct InterfaceLookupByMacStringRet { iface: NonnullInterface }

    /// Arguments of `virInterfaceGetXMLDesc` (130).
    struct InterfaceGetXmlDescArgs { iface: NonnullInterface, flags: u32 }

    /// Result of `virInterfaceGetXMLDesc` (130).
    struct InterfaceGetXmlDescRet { xml: String }

    /// Arguments of `virInterfaceDefineXML` (131).
    struct InterfaceDefineXmlArgs { xml: String, flags: u32 }

    /// Result of `virInterfaceDefineXML` (131).
    struct InterfaceDefineXmlRet { iface: NonnullInterface }

    /// Arguments of `virInterfaceUndefine` (132).
    struct InterfaceUndefineArgs { iface: NonnullInterface }

    /// Arguments of `virInterfaceCreate` (133).
    struct InterfaceCreateArgs { iface: NonnullInterface, flags: u32 }

    /// Arguments of `virInterfaceDestroy` (134).
    struct InterfaceDestroyArgs { iface: NonnullInterface, flags: u32 }

    /// Result of `virConnectNumOfDefinedInterfaces` (137).
    struct ConnectNumOfDefinedInterfacesRet { num: i32 }

    /// Arguments of `virConnectListDefinedInterfaces` (138).
    struct ConnectListDefinedInterfacesArgs { maxnames: i32 }

    /// Result of `virConnectListDefinedInterfaces` (138).
    struct ConnectListDefinedInterfacesRet { names: List<String, INTERFACE_LIST_MAX> }

    /// Arguments of `virInterfaceIsActive` (156).
    struct InterfaceIsActiveArgs { iface: NonnullInterface }

    /// Result of `virInterfaceIsActive` (156).
    struct InterfaceIsActiveRet { active: i32 }

    /// Arguments of `virInterfaceChangeBegin` (220).
    struct InterfaceChangeBeginArgs { flags: u32 }

    /// Arguments of `virInterfaceChangeCommit` (221).
    struct InterfaceChangeCommitArgs { flags: u32 }

    /// Arguments of `virInterfaceChangeRollback` (222).
    struct InterfaceChangeRollbackArgs { flags: u32 }

    /// Arguments of `virConnectListAllInterfaces` (284).
    struct ConnectListAllInterfacesArgs { need_results: i32, flags: u32 }

    /// Result of `virConnectListAllInterfaces` (284).
    struct ConnectListAllInterfacesRet {
        ifaces: List<NonnullInterface, INTERFACE_LIST_MAX>,
        ret: u32,
    }
}
