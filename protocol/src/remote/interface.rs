//! Network interfaces of the host.

pub(crate) mod types;

pub use types::*;

procedures! {
    /// Network interfaces of the host.
    trait Interface in remote;

    /// Counts the active host interfaces.
    126 connect_num_of_interfaces() -> ConnectNumOfInterfacesRet = "virConnectNumOfInterfaces":
        high, acl(connect: search_interfaces), filter(interface: getattr);

    /// Names the active host interfaces.
    127 connect_list_interfaces(ConnectListInterfacesArgs)
        -> ConnectListInterfacesRet = "virConnectListInterfaces":
        high, acl(connect: search_interfaces), filter(interface: getattr);

    /// Finds a host interface by its name.
    128 interface_lookup_by_name(InterfaceLookupByNameArgs)
        -> InterfaceLookupByNameRet = "virInterfaceLookupByName":
        high, acl(interface: getattr);

    /// Finds a host interface by its MAC address.
    129 interface_lookup_by_mac_string(InterfaceLookupByMacStringArgs)
        -> InterfaceLookupByMacStringRet = "virInterfaceLookupByMACString":
        high, acl(interface: getattr);

    /// Returns the interface's document.
    130 interface_get_xml_desc(InterfaceGetXmlDescArgs)
        -> InterfaceGetXmlDescRet = "virInterfaceGetXMLDesc":
        acl(interface: read);

    /// Defines a host interface, or changes its configuration.
    131 interface_define_xml(InterfaceDefineXmlArgs) -> InterfaceDefineXmlRet = "virInterfaceDefineXML":
        high, writes, acl(interface: write, interface: save);

    /// Removes the configuration of a host interface.
    132 interface_undefine(InterfaceUndefineArgs) -> () = "virInterfaceUndefine":
        high, writes, acl(interface: delete);

    /// Brings a host interface up.
    133 interface_create(InterfaceCreateArgs) -> () = "virInterfaceCreate": writes, acl(interface: start);

    /// Takes a host interface down.
    134 interface_destroy(InterfaceDestroyArgs) -> () = "virInterfaceDestroy":
        high, writes, acl(interface: stop);

    /// Counts the inactive host interfaces.
    137 connect_num_of_defined_interfaces()
        -> ConnectNumOfDefinedInterfacesRet = "virConnectNumOfDefinedInterfaces":
        high, acl(connect: search_interfaces), filter(interface: getattr);

    /// Names the inactive host interfaces.
    138 connect_list_defined_interfaces(ConnectListDefinedInterfacesArgs)
        -> ConnectListDefinedInterfacesRet = "virConnectListDefinedInterfaces":
        high, acl(connect: search_interfaces), filter(interface: getattr);

    /// Tells whether the interface is active.
    156 interface_is_active(InterfaceIsActiveArgs) -> InterfaceIsActiveRet = "virInterfaceIsActive":
        high, acl(interface: read);

    /// Begins a transaction on the configuration of host interfaces.
    220 interface_change_begin(InterfaceChangeBeginArgs) -> () = "virInterfaceChangeBegin":
        writes, acl(connect: interface_transaction);

    /// Keeps the changes of the transaction on host interfaces.
    221 interface_change_commit(InterfaceChangeCommitArgs) -> () = "virInterfaceChangeCommit":
        writes, acl(connect: interface_transaction);

    /// Undoes the changes of the transaction on host interfaces.
    222 interface_change_rollback(InterfaceChangeRollbackArgs) -> () = "virInterfaceChangeRollback":
        writes, acl(connect: interface_transaction);

    /// Lists host interfaces; the flags choose which.
    284 connect_list_all_interfaces(ConnectListAllInterfacesArgs)
        -> ConnectListAllInterfacesRet = "virConnectListAllInterfaces":
        high, acl(connect: search_interfaces), filter(interface: getattr);
}
