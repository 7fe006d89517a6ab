//! Devices of the host.

use crate::consts::NodeDeviceUpdateFlags as Update;

pub(crate) mod types;

pub use types::*;

procedures! {
    /// Devices of the host.
    trait NodeDevice in remote;

    /// Counts the node devices, of one capability if it is named.
    111 node_num_of_devices(NodeNumOfDevicesArgs) -> NodeNumOfDevicesRet = "virNodeNumOfDevices":
        high, acl(connect: search_node_devices), filter(node_device: getattr);

    /// Names the node devices, of one capability if it is named.
    112 node_list_devices(NodeListDevicesArgs) -> NodeListDevicesRet = "virNodeListDevices":
        high, acl(connect: search_node_devices), filter(node_device: getattr);

    /// Finds a node device by its name.
    113 node_device_lookup_by_name(NodeDeviceLookupByNameArgs)
        -> NodeDeviceLookupByNameRet = "virNodeDeviceLookupByName":
        high, acl(node_device: getattr);

    /// Returns the device's document.
    114 node_device_get_xml_desc(NodeDeviceGetXmlDescArgs)
        -> NodeDeviceGetXmlDescRet = "virNodeDeviceGetXMLDesc":
        acl(node_device: read);

    /// Names the device's parent.
    115 node_device_get_parent(NodeDeviceGetParentArgs)
        -> NodeDeviceGetParentRet = "virNodeDeviceGetParent":
        high, acl(node_device: read);

    /// Counts the capabilities of a device.
    116 node_device_num_of_caps(NodeDeviceNumOfCapsArgs)
        -> NodeDeviceNumOfCapsRet = "virNodeDeviceNumOfCaps":
        high, acl(node_device: read);

    /// Names the capabilities of a device.
    117 node_device_list_caps(NodeDeviceListCapsArgs) -> NodeDeviceListCapsRet = "virNodeDeviceListCaps":
        high, acl(node_device: read);

    /// Detaches a device from its host driver.
    118 node_device_dettach(NodeDeviceDettachArgs) -> () = "virNodeDeviceDettach":
        writes, acl(node_device: detach);

    /// Gives a device back to its host driver.
    119 node_device_re_attach(NodeDeviceReAttachArgs) -> () = "virNodeDeviceReAttach":
        writes, acl(node_device: detach);

    /// Resets a device.
    120 node_device_reset(NodeDeviceResetArgs) -> () = "virNodeDeviceReset": writes, acl(node_device: detach);

    /// Creates a transient node device from its document.
    123 node_device_create_xml(NodeDeviceCreateXmlArgs)
        -> NodeDeviceCreateXmlRet = "virNodeDeviceCreateXML":
        writes, acl(node_device: write, node_device: start);

    /// Destroys a virtual node device.
    124 node_device_destroy(NodeDeviceDestroyArgs) -> () = "virNodeDeviceDestroy":
        high, writes, acl(node_device: stop);

    /// Lists node devices; the flags choose which.
    285 connect_list_all_node_devices(ConnectListAllNodeDevicesArgs)
        -> ConnectListAllNodeDevicesRet = "virConnectListAllNodeDevices":
        high, acl(connect: search_node_devices), filter(node_device: getattr);

    /// Finds a SCSI host by its world wide names.
    297 node_device_lookup_scsi_host_by_wwn(NodeDeviceLookupScsiHostByWwnArgs)
        -> NodeDeviceLookupScsiHostByWwnRet = "virNodeDeviceLookupSCSIHostByWWN":
        high, acl(node_device: getattr);

    /// Detaches a device from its host driver in favour of the named one.
    301 node_device_detach_flags(NodeDeviceDetachFlagsArgs) -> () = "virNodeDeviceDetachFlags":
        writes, acl(node_device: detach);

    /// Asks for events of one kind, of one node device or of all.
    374 connect_node_device_event_register_any(ConnectNodeDeviceEventRegisterAnyArgs)
        -> ConnectNodeDeviceEventRegisterAnyRet = "virConnectNodeDeviceEventRegisterAny":
        high, acl(connect: search_node_devices), filter(node_device: getattr);

    /// Stops the node device events of a callback id.
    375 connect_node_device_event_deregister_any(ConnectNodeDeviceEventDeregisterAnyArgs)
        -> () = "virConnectNodeDeviceEventDeregisterAny":
        high, acl(connect: read);

    /// Defines a node device, or changes its definition.
    428 node_device_define_xml(NodeDeviceDefineXmlArgs)
        -> NodeDeviceDefineXmlRet = "virNodeDeviceDefineXML":
        writes, acl(node_device: write);

    /// Removes the definition of a node device.
    429 node_device_undefine(NodeDeviceUndefineArgs) -> () = "virNodeDeviceUndefine":
        high, writes, acl(node_device: delete);

    /// Creates a defined node device.
    430 node_device_create(NodeDeviceCreateArgs) -> () = "virNodeDeviceCreate":
        high, writes, acl(node_device: start);

    /// Tells whether the node device is created with the host.
    433 node_device_get_autostart(NodeDeviceGetAutostartArgs)
        -> NodeDeviceGetAutostartRet = "virNodeDeviceGetAutostart":
        high, writes, acl(node_device: read);

    /// Sets whether the node device is created with the host.
    434 node_device_set_autostart(NodeDeviceSetAutostartArgs) -> () = "virNodeDeviceSetAutostart":
        high, writes, acl(node_device: write);

    /// Tells whether the node device is persistent.
    435 node_device_is_persistent(NodeDeviceIsPersistentArgs)
        -> NodeDeviceIsPersistentRet = "virNodeDeviceIsPersistent":
        high, acl(node_device: read);

    /// Tells whether the node device is active.
    436 node_device_is_active(NodeDeviceIsActiveArgs) -> NodeDeviceIsActiveRet = "virNodeDeviceIsActive":
        high, acl(node_device: read);

    /// Changes a node device, its definition, or both.
    447 node_device_update(NodeDeviceUpdateArgs) -> () = "virNodeDeviceUpdate":
        high, writes, decided_by(NodeDeviceUpdateArgs.flags),
        acl(node_device: write, node_device: save none_of(Update::CONFIG.union(Update::LIVE)),
            node_device: save all_of(Update::CONFIG));

    events {
        /// A node device was created, deleted, defined or undefined.
        376 node_device_event_lifecycle(NodeDeviceEventLifecycleMsg);

        /// A node device changed.
        377 node_device_event_update(NodeDeviceEventUpdateMsg);
    }
}
