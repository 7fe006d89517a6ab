//! Virtual networks and their ports.

use crate::consts::NetworkUpdateFlags as Update;

pub(crate) mod types;

pub use types::*;

procedures! {
    /// Virtual networks and their ports.
    trait Network in remote;

    /// Names the inactive networks.
    36 connect_list_defined_networks(ConnectListDefinedNetworksArgs)
        -> ConnectListDefinedNetworksRet = "virConnectListDefinedNetworks":
        high, acl(connect: search_networks), filter(network: getattr);

    /// Names the active networks.
    38 connect_list_networks(ConnectListNetworksArgs)
        -> ConnectListNetworksRet = "virConnectListNetworks":
        high, acl(connect: search_networks), filter(network: getattr);

    /// Starts a defined network.
    39 network_create(NetworkCreateArgs) -> () = "virNetworkCreate": writes, acl(network: start);

    /// Starts a transient network from its document.
    40 network_create_xml(NetworkCreateXmlArgs) -> NetworkCreateXmlRet = "virNetworkCreateXML":
        writes, acl(network: write, network: start);

    /// Defines a network, or changes its definition.
    41 network_define_xml(NetworkDefineXmlArgs) -> NetworkDefineXmlRet = "virNetworkDefineXML":
        high, writes, acl(network: write, network: save);

    /// Stops a network.
    42 network_destroy(NetworkDestroyArgs) -> () = "virNetworkDestroy": high, writes, acl(network: stop);

    /// Returns the network's document.
    43 network_get_xml_desc(NetworkGetXmlDescArgs) -> NetworkGetXmlDescRet = "virNetworkGetXMLDesc":
        high, acl(network: read);

    /// Tells whether the network starts with the host.
    44 network_get_autostart(NetworkGetAutostartArgs)
        -> NetworkGetAutostartRet = "virNetworkGetAutostart":
        high, acl(network: read);

    /// Names the network's bridge.
    45 network_get_bridge_name(NetworkGetBridgeNameArgs)
        -> NetworkGetBridgeNameRet = "virNetworkGetBridgeName":
        high, acl(network: read);

    /// Finds a network by its name.
    46 network_lookup_by_name(NetworkLookupByNameArgs)
        -> NetworkLookupByNameRet = "virNetworkLookupByName":
        high, acl(network: getattr);

    /// Finds a network by its UUID.
    47 network_lookup_by_uuid(NetworkLookupByUuidArgs)
        -> NetworkLookupByUuidRet = "virNetworkLookupByUUID":
        high, acl(network: getattr);

    /// Sets whether the network starts with the host.
    48 network_set_autostart(NetworkSetAutostartArgs) -> () = "virNetworkSetAutostart":
        high, writes, acl(network: write);

    /// Removes the definition of a network.
    49 network_undefine(NetworkUndefineArgs) -> () = "virNetworkUndefine": high, writes, acl(network: delete);

    /// Counts the inactive networks.
    50 connect_num_of_defined_networks()
        -> ConnectNumOfDefinedNetworksRet = "virConnectNumOfDefinedNetworks":
        high, acl(connect: search_networks), filter(network: getattr);

    /// Counts the active networks.
    52 connect_num_of_networks() -> ConnectNumOfNetworksRet = "virConnectNumOfNetworks":
        high, acl(connect: search_networks), filter(network: getattr);

    /// Tells whether the network is active.
    152 network_is_active(NetworkIsActiveArgs) -> NetworkIsActiveRet = "virNetworkIsActive":
        high, acl(network: read);

    /// Tells whether the network is persistent.
    153 network_is_persistent(NetworkIsPersistentArgs)
        -> NetworkIsPersistentRet = "virNetworkIsPersistent":
        high, acl(network: read);

    /// Lists networks; the flags choose which.
    283 connect_list_all_networks(ConnectListAllNetworksArgs)
        -> ConnectListAllNetworksRet = "virConnectListAllNetworks":
        high, acl(connect: search_networks), filter(network: getattr);

    /// Changes one section of a network.
    291 network_update(NetworkUpdateArgs) -> () = "virNetworkUpdate":
        high, writes, decided_by(NetworkUpdateArgs.flags),
        acl(network: write, network: save none_of(Update::CONFIG.union(Update::LIVE)),
            network: save all_of(Update::CONFIG));

    /// Asks for events of one kind, of one network or of all.
    313 connect_network_event_register_any(ConnectNetworkEventRegisterAnyArgs)
        -> ConnectNetworkEventRegisterAnyRet = "virConnectNetworkEventRegisterAny":
        high, acl(connect: search_networks), filter(network: getattr);

    /// Stops the network events of a callback id.
    314 connect_network_event_deregister_any(ConnectNetworkEventDeregisterAnyArgs)
        -> () = "virConnectNetworkEventDeregisterAny":
        high, acl(connect: read);

    /// Lists the leases that the network's DHCP server gave.
    341 network_get_dhcp_leases(NetworkGetDhcpLeasesArgs)
        -> NetworkGetDhcpLeasesRet = "virNetworkGetDHCPLeases":
        acl(network: read);

    /// Lists the ports of a network.
    404 network_list_all_ports(NetworkListAllPortsArgs)
        -> NetworkListAllPortsRet = "virNetworkListAllPorts":
        high, acl(network: search_ports), filter(network_port: getattr);

    /// Finds a port of a network by its UUID.
    405 network_port_lookup_by_uuid(NetworkPortLookupByUuidArgs)
        -> NetworkPortLookupByUuidRet = "virNetworkPortLookupByUUID":
        high, acl(network_port: getattr);

    /// Creates a port of a network.
    406 network_port_create_xml(NetworkPortCreateXmlArgs)
        -> NetworkPortCreateXmlRet = "virNetworkPortCreateXML":
        writes, acl(network_port: create);

    /// Returns the bandwidth limits of a port.
    407 network_port_get_parameters(NetworkPortGetParametersArgs)
        -> NetworkPortGetParametersRet = "virNetworkPortGetParameters":
        acl(network_port: read);

    /// Sets bandwidth limits of a port.
    408 network_port_set_parameters(NetworkPortSetParametersArgs) -> () = "virNetworkPortSetParameters":
        writes, acl(network_port: write);

    /// Returns the port's document.
    409 network_port_get_xml_desc(NetworkPortGetXmlDescArgs)
        -> NetworkPortGetXmlDescRet = "virNetworkPortGetXMLDesc":
        acl(network_port: read);

    /// Deletes a port.
    410 network_port_delete(NetworkPortDeleteArgs) -> () = "virNetworkPortDelete":
        writes, acl(network_port: delete);

    /// Defines a network, or changes its definition, with flags.
    432 network_define_xml_flags(NetworkDefineXmlFlagsArgs)
        -> NetworkDefineXmlFlagsRet = "virNetworkDefineXMLFlags":
        high, writes, acl(network: write, network: save);

    /// Starts a transient network from its document, with flags.
    437 network_create_xml_flags(NetworkCreateXmlFlagsArgs)
        -> NetworkCreateXmlFlagsRet = "virNetworkCreateXMLFlags":
        high, writes, acl(network: write, network: start);

    /// Sets title, description, or an XML element of the network's metadata.
    444 network_set_metadata(NetworkSetMetadataArgs) -> () = "virNetworkSetMetadata":
        writes, decided_by(NetworkSetMetadataArgs.flags),
        acl(network: write, network: save none_of(Update::CONFIG.union(Update::LIVE)),
            network: save all_of(Update::CONFIG));

    /// Returns title, description, or an XML element of the network's metadata.
    445 network_get_metadata(NetworkGetMetadataArgs) -> NetworkGetMetadataRet = "virNetworkGetMetadata":
        acl(network: read);

    events {
        /// A network was defined, undefined, started or stopped.
        315 network_event_lifecycle(NetworkEventLifecycleMsg);

        /// The network's metadata changed.
        446 network_event_callback_metadata_change(NetworkEventCallbackMetadataChangeMsg);
    }
}
