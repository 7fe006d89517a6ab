//! Networks, host interfaces, network filters.

#![expect(missing_docs, reason = "names are libvirt's; its public documentation explains each")]

/// Flags of defining a host interface (`virInterfaceDefineFlags`).
pub mod interface_define_flags {
    pub const VALIDATE: u32 = 1;
}

/// What a host interface's document holds (`virInterfaceXMLFlags`).
pub mod interface_xml_flags {
    pub const INACTIVE: u32 = 1;
}

/// Address families (`virIPAddrType`).
pub mod ip_addr_type {
    pub const IPV4: i32 = 0;
    pub const IPV6: i32 = 1;
}

/// Flags of starting a network (`virNetworkCreateFlags`).
pub mod network_create_flags {
    pub const VALIDATE: u32 = 1;
}

/// Flags of defining a network (`virNetworkDefineFlags`).
pub mod network_define_flags {
    pub const VALIDATE: u32 = 1;
}

/// Kinds of network metadata (`virNetworkMetadataType`).
pub mod network_metadata_type {
    pub const DESCRIPTION: i32 = 0;
    pub const TITLE: i32 = 1;
    pub const ELEMENT: i32 = 2;
}

/// Flags of creating a port (`virNetworkPortCreateFlags`).
pub mod network_port_create_flags {
    pub const RECLAIM: u32 = 1;
    pub const VALIDATE: u32 = 2;
}

/// What to do with a section of a network (`virNetworkUpdateCommand`).
pub mod network_update_command {
    pub const NONE: u32 = 0;
    pub const MODIFY: u32 = 1;
    pub const DELETE: u32 = 2;
    pub const ADD_FIRST: u32 = 4;
}

/// Whether to change the active network, its definition, or both (`virNetworkUpdateFlags`).
pub mod network_update_flags {
    pub const CURRENT: u32 = 0;
    pub const LIVE: u32 = 1;
    pub const CONFIG: u32 = 2;
}

/// Sections of a network to change (`virNetworkUpdateSection`).
pub mod network_update_section {
    pub const NONE: u32 = 0;
    pub const BRIDGE: u32 = 1;
    pub const DOMAIN: u32 = 2;
    pub const IP: u32 = 3;
    pub const IP_DHCP_HOST: u32 = 4;
    pub const IP_DHCP_RANGE: u32 = 5;
    pub const FORWARD: u32 = 6;
    pub const FORWARD_INTERFACE: u32 = 7;
    pub const FORWARD_PF: u32 = 8;
    pub const PORTGROUP: u32 = 9;
    pub const DNS_HOST: u32 = 10;
    pub const DNS_TXT: u32 = 11;
    pub const DNS_SRV: u32 = 12;
}

/// What a network's document holds (`virNetworkXMLFlags`).
pub mod network_xml_flags {
    pub const INACTIVE: u32 = 1;
}

/// Flags of creating a filter binding (`virNWFilterBindingCreateFlags`).
pub mod nwfilter_binding_create_flags {
    pub const VALIDATE: u32 = 1;
}

/// Flags of defining a network filter (`virNWFilterDefineFlags`).
pub mod nwfilter_define_flags {
    pub const VALIDATE: u32 = 1;
}
