//! Arguments, results and events of [`super::NodeDevice`], in the order of their procedures.

use crate::limits::{NODE_DEVICE_CAPS_LIST_MAX, NODE_DEVICE_LIST_MAX};
use crate::remote::handles::NonnullNodeDevice;
use crate::xdr::List;

wire! {
    /// Arguments of `virNodeNumOfDevices` (111).
    struct NodeNumOfDevicesArgs { cap: Option<String>, flags: u32 }

    /// Result of `virNodeNumOfDevices` (111).
    struct NodeNumOfDevicesRet { num: i32 }

    /// Arguments of `virNodeListDevices` (112).
    struct NodeListDevicesArgs { cap: Option<String>, maxnames: i32, flags: u32 }

    /// Result of `virNodeListDevices` (112).
    struct NodeListDevicesRet { names: List<String, NODE_DEVICE_LIST_MAX> }

    /// Arguments of `virNodeDeviceLookupByName` (113).
    struct NodeDeviceLookupByNameArgs { name: String }

    /// Result of `virNodeDeviceLookupByName` (113).
    struct NodeDeviceLookupByNameRet { dev: NonnullNodeDevice }

    /// Arguments of `virNodeDeviceGetXMLDesc` (114).
    struct NodeDeviceGetXmlDescArgs { name: String, flags: u32 }

    /// Result of `virNodeDeviceGetXMLDesc` (114).
    struct NodeDeviceGetXmlDescRet { xml: String }

    /// Arguments of `virNodeDeviceGetParent` (115).
    struct NodeDeviceGetParentArgs { name: String }

    /// Result of `virNodeDeviceGetParent` (115).
    struct NodeDeviceGetParentRet { parentName: Option<String> }

    /// Arguments of `virNodeDeviceNumOfCaps` (116).
    struct NodeDeviceNumOfCapsArgs { name: String }

    /// Result of `virNodeDeviceNumOfCaps` (116).
    struct NodeDeviceNumOfCapsRet { num: i32 }

    /// Arguments of `virNodeDeviceListCaps` (117).
    struct NodeDeviceListCapsArgs { name: String, maxnames: i32 }

    /// Result of `virNodeDeviceListCaps` (117).
    struct NodeDeviceListCapsRet { names: List<String, NODE_DEVICE_CAPS_LIST_MAX> }

    /// Arguments of `virNodeDeviceDettach` (118).
    struct NodeDeviceDettachArgs { name: String }

    /// Arguments of `virNodeDeviceReAttach` (119).
    struct NodeDeviceReAttachArgs { name: String }

    /// Arguments of `virNodeDeviceReset` (120).
    struct NodeDeviceResetArgs { name: String }

    /// Arguments of `virNodeDeviceCreateXML` (123).
    struct NodeDeviceCreateXmlArgs { xml_desc: String, flags: u32 }

    /// Result of `virNodeDeviceCreateXML` (123).
    struct NodeDeviceCreateXmlRet { dev: NonnullNodeDevice }

    /// Arguments of `virNodeDeviceDestroy` (124).
    struct NodeDeviceDestroyArgs { name: String }

    /// Arguments of `virConnectListAllNodeDevices` (285).
    struct ConnectListAllNodeDevicesArgs { need_results: i32, flags: u32 }

    /// Result of `virConnectListAllNodeDevices` (285).
    struct ConnectListAllNodeDevicesRet {
        devices: List<NonnullNodeDevice, NODE_DEVICE_LIST_MAX>,
        ret: u32,
    }

    /// Arguments of `virNodeDeviceLookupSCSIHostByWWN` (297).
    struct NodeDeviceLookupScsiHostByWwnArgs { wwnn: String, wwpn: String, flags: u32 }

    /// Result of `virNodeDeviceLookupSCSIHostByWWN` (297).
    struct NodeDeviceLookupScsiHostByWwnRet { dev: NonnullNodeDevice }

    /// Arguments of `virNodeDeviceDetachFlags` (301).
    struct NodeDeviceDetachFlagsArgs { name: String, driverName: Option<String>, flags: u32 }

    /// Arguments of `virConnectNodeDeviceEventRegisterAny` (374).
    struct ConnectNodeDeviceEventRegisterAnyArgs { eventID: i32, dev: Option<NonnullNodeDevice> }

    /// Result of `virConnectNodeDeviceEventRegisterAny` (374).
    struct ConnectNodeDeviceEventRegisterAnyRet { callbackID: i32 }

    /// Arguments of `virConnectNodeDeviceEventDeregisterAny` (375).
    struct ConnectNodeDeviceEventDeregisterAnyArgs { callbackID: i32 }

    /// Event 376: a node device was created, deleted, defined or undefined.
    struct NodeDeviceEventLifecycleMsg {
        callbackID: i32,
        dev: NonnullNodeDevice,
        event: i32,
        detail: i32,
    }

    /// Event 377: a node device changed.
    struct NodeDeviceEventUpdateMsg { callbackID: i32, dev: NonnullNodeDevice }

    /// Arguments of `virNodeDeviceDefineXML` (428).
    struct NodeDeviceDefineXmlArgs { xml_desc: String, flags: u32 }

    /// Result of `virNodeDeviceDefineXML` (428).
    struct NodeDeviceDefineXmlRet { dev: NonnullNodeDevice }

    /// Arguments of `virNodeDeviceUndefine` (429).
    struct NodeDeviceUndefineArgs { name: String, flags: u32 }

    /// Arguments of `virNodeDeviceCreate` (430).
    struct NodeDeviceCreateArgs { name: String, flags: u32 }

    /// Arguments of `virNodeDeviceGetAutostart` (433).
    struct NodeDeviceGetAutostartArgs { name: String }

    /// Result of `virNodeDeviceGetAutostart` (433).
    struct NodeDeviceGetAutostartRet { autostart: i32 }

    /// Arguments of `virNodeDeviceSetAutostart` (434).
    struct NodeDeviceSetAutostartArgs { name: String, autostart: i32 }

    /// Arguments of `virNodeDeviceIsPersistent` (435).
    struct NodeDeviceIsPersistentArgs { name: String }

    /// Result of `virNodeDeviceIsPersistent` (435).
    struct NodeDeviceIsPersistentRet { persistent: i32 }

    /// Arguments of `virNodeDeviceIsActive` (436).
    struct NodeDeviceIsActiveArgs { name: String }

    /// Result of `virNodeDeviceIsActive` (436).
    struct NodeDeviceIsActiveRet { active: i32 }

    /// Arguments of `virNodeDeviceUpdate` (447).
    struct NodeDeviceUpdateArgs { name: String, xml_desc: String, flags: u32 }
}
