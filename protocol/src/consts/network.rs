//! Networks, host interfaces, network filters.

#![expect(missing_docs, reason = "names are libvirt's; its public documentation explains each")]

flags! {
    /// Flags of defining a host interface (`virInterfaceDefineFlags`).
    InterfaceDefineFlags, "VIR_INTERFACE_DEFINE_" {
        const VALIDATE = 1;
    }
}

flags! {
    /// What a host interface's document holds (`virInterfaceXMLFlags`).
    InterfaceXmlFlags, "VIR_INTERFACE_XML_" {
        const INACTIVE = 1;
    }
}

/// Address families (`virIPAddrType`).
pub mod ip_addr_type {
    pub const IPV4: i32 = 0;
    pub const IPV6: i32 = 1;
}

flags! {
    /// Flags of starting a network (`virNetworkCreateFlags`).
    NetworkCreateFlags, "VIR_NETWORK_CREATE_" {
        const VALIDATE = 1;
    }
}

flags! {
    /// Flags of defining a network (`virNetworkDefineFlags`).
    NetworkDefineFlags, "VIR_NETWORK_DEFINE_" {
        const VALIDATE = 1;
    }
}

/// Kinds of network metadata (`virNetworkMetadataType`).
pub mod network_metadata_type {
    pub const DESCRIPTION: i32 = 0;
    pub const TITLE: i32 = 1;
    pub const ELEMENT: i32 = 2;
}

flags! {
    /// Flags of creating a port (`virNetworkPortCreateFlags`).
    NetworkPortCreateFlags, "VIR_NETWORK_PORT_CREATE_" {
        const RECLAIM = 1;
        const VALIDATE = 2;
    }
}

/// What to do with a section of a network (`virNetworkUpdateCommand`).
pub mod network_update_command {
    pub const NONE: u32 = 0;
    pub const MODIFY: u32 = 1;
    pub const DELETE: u32 = 2;
    pub const ADD_FIRST: u32 = 4;
}

flags! {
    /// Whether to change the active network, its definition, or both (`virNetworkUpdateFlags`).
    NetworkUpdateFlags, "VIR_NETWORK_UPDATE_AFFECT_" {
        const CURRENT = 0;
        const LIVE = 1;
        const CONFIG = 2;
    }
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

flags! {
    /// What a network's document holds (`virNetworkXMLFlags`).
    NetworkXmlFlags, "VIR_NETWORK_XML_" {
        const INACTIVE = 1;
    }
}

flags! {
    /// Flags of creating a filter binding (`virNWFilterBindingCreateFlags`).
    NwfilterBindingCreateFlags, "VIR_NWFILTER_BINDING_CREATE_" {
        const VALIDATE = 1;
    }
}

flags! {
    /// Flags of defining a network filter (`virNWFilterDefineFlags`).
    NwfilterDefineFlags, "VIR_NWFILTER_DEFINE_" {
        const VALIDATE = 1;
    }
}
