//! Network filters and their bindings.

pub(crate) mod types;

pub use types::*;

procedures! {
    /// Network filters and their bindings.
    trait Nwfilter in remote;

    /// Finds a network filter by its name.
    175 nwfilter_lookup_by_name(NwfilterLookupByNameArgs)
        -> NwfilterLookupByNameRet = "virNWFilterLookupByName":
        high, acl(nwfilter: getattr);

    /// Finds a network filter by its UUID.
    176 nwfilter_lookup_by_uuid(NwfilterLookupByUuidArgs)
        -> NwfilterLookupByUuidRet = "virNWFilterLookupByUUID":
        high, acl(nwfilter: getattr);

    /// Returns the filter's document.
    177 nwfilter_get_xml_desc(NwfilterGetXmlDescArgs) -> NwfilterGetXmlDescRet = "virNWFilterGetXMLDesc":
        high, acl(nwfilter: read);

    /// Counts the network filters.
    178 connect_num_of_nwfilters() -> ConnectNumOfNwfiltersRet = "virConnectNumOfNWFilters":
        high, acl(connect: search_nwfilters), filter(nwfilter: getattr);

    /// Names the network filters.
    179 connect_list_nwfilters(ConnectListNwfiltersArgs)
        -> ConnectListNwfiltersRet = "virConnectListNWFilters":
        high, acl(connect: search_nwfilters), filter(nwfilter: getattr);

    /// Defines a network filter, or changes it.
    180 nwfilter_define_xml(NwfilterDefineXmlArgs) -> NwfilterDefineXmlRet = "virNWFilterDefineXML":
        high, writes, acl(nwfilter: write, nwfilter: save);

    /// Removes a network filter.
    181 nwfilter_undefine(NwfilterUndefineArgs) -> () = "virNWFilterUndefine":
        high, writes, acl(nwfilter: delete);

    /// Lists the network filters.
    286 connect_list_all_nwfilters(ConnectListAllNwfiltersArgs)
        -> ConnectListAllNwfiltersRet = "virConnectListAllNWFilters":
        high, acl(connect: search_nwfilters), filter(nwfilter: getattr);

    /// Finds the filter binding of a port's device.
    397 nwfilter_binding_lookup_by_port_dev(NwfilterBindingLookupByPortDevArgs)
        -> NwfilterBindingLookupByPortDevRet = "virNWFilterBindingLookupByPortDev":
        high, acl(nwfilter_binding: getattr);

    /// Returns the binding's document.
    398 nwfilter_binding_get_xml_desc(NwfilterBindingGetXmlDescArgs)
        -> NwfilterBindingGetXmlDescRet = "virNWFilterBindingGetXMLDesc":
        high, acl(nwfilter_binding: read);

    /// Creates a filter binding.
    399 nwfilter_binding_create_xml(NwfilterBindingCreateXmlArgs)
        -> NwfilterBindingCreateXmlRet = "virNWFilterBindingCreateXML":
        high, writes, acl(nwfilter_binding: create);

    /// Removes a filter binding.
    400 nwfilter_binding_delete(NwfilterBindingDeleteArgs) -> () = "virNWFilterBindingDelete":
        high, writes, acl(nwfilter_binding: delete);

    /// Lists the filter bindings.
    401 connect_list_all_nwfilter_bindings(ConnectListAllNwfilterBindingsArgs)
        -> ConnectListAllNwfilterBindingsRet = "virConnectListAllNWFilterBindings":
        high, acl(connect: search_nwfilter_bindings), filter(nwfilter_binding: getattr);

    /// Defines a network filter, or changes it, with flags.
    431 nwfilter_define_xml_flags(NwfilterDefineXmlFlagsArgs)
        -> NwfilterDefineXmlFlagsRet = "virNWFilterDefineXMLFlags":
        high, writes, acl(nwfilter: write, nwfilter: save);
}
