//! Arguments, results and events of [`super::Nwfilter`], in the order of their procedures.

use crate::limits::{NWFILTER_BINDING_LIST_MAX, NWFILTER_LIST_MAX};
use crate::remote::handles::{NonnullNwfilter, NonnullNwfilterBinding};
use crate::xdr::{List, Uuid};

wire! {
    /// Arguments of `virNWFilterLookupByName` (175).
    struct NwfilterLookupByNameArgs { name: String }

    /// Result of `virNWFilterLookupByName` (175).
    struct NwfilterLookupByNameRet { nwfilter: NonnullNwfilter }

    /// Arguments of `virNWFilterLookupByUUID` (176).
    struct NwfilterLookupByUuidArgs { uuid: Uuid }

    /// Result of `virNWFilterLookupByUUID` (176).
    struct NwfilterLookupByUuidRet { nwfilter: NonnullNwfilter }

    /// Arguments of `virNWFilterGetXMLDesc` (177).
    struct NwfilterGetXmlDescArgs { nwfilter: NonnullNwfilter, flags: u32 }

    /// Result of `virNWFilterGetXMLDesc` (177).
    struct NwfilterGetXmlDescRet { xml: String }

    /// Result of `virConnectNumOfNWFilters` (178).
    struct ConnectNumOfNwfiltersRet { num: i32 }

    /// Arguments of `virConnectListNWFilters` (179).
    struct ConnectListNwfiltersArgs { maxnames: i32 }

    /// Result of `virConnectListNWFilters` (179).
    struct ConnectListNwfiltersRet { names: List<String, NWFILTER_LIST_MAX> }

    /// Arguments of `virNWFilterDefineXML` (180).
    struct NwfilterDefineXmlArgs { xml: String }

    /// Result of `virNWFilterDefineXML` (180).
    struct NwfilterDefineXmlRet { nwfilter: NonnullNwfilter }

    /// Arguments of `virNWFilterUndefine` (181).
    struct NwfilterUndefineArgs { nwfilter: NonnullNwfilter }

    /// Arguments of `virConnectListAllNWFilters` (286).
    struct ConnectListAllNwfiltersArgs { need_results: i32, flags: u32 }

    /// Result of `virConnectListAllNWFilters` (286).
    struct ConnectListAllNwfiltersRet {
        filters: List<NonnullNwfilter, NWFILTER_LIST_MAX>,
        ret: u32,
    }

    /// Arguments of `virNWFilterBindingLookupByPortDev` (397).
    struct NwfilterBindingLookupByPortDevArgs { name: String }

    /// Result of `virNWFilterBindingLookupByPortDev` (397).
    struct NwfilterBindingLookupByPortDevRet { nwfilter: NonnullNwfilterBinding }

    /// Arguments of `virNWFilterBindingGetXMLDesc` (398).
    struct NwfilterBindingGetXmlDescArgs { nwfilter: NonnullNwfilterBinding, flags: u32 }

    /// Result of `virNWFilterBindingGetXMLDesc` (398).
    struct NwfilterBindingGetXmlDescRet { xml: String }

    /// Arguments of `virNWFilterBindingCreateXML` (399).
    struct NwfilterBindingCreateXmlArgs { xml: String, flags: u32 }

    /// Result of `virNWFilterBindingCreateXML` (399).
    struct NwfilterBindingCreateXmlRet { nwfilter: NonnullNwfilterBinding }

    /// Arguments of `virNWFilterBindingDelete` (400).
    struct NwfilterBindingDeleteArgs { nwfilter: NonnullNwfilterBinding }

    /// Arguments of `virConnectListAllNWFilterBindings` (401).
    struct ConnectListAllNwfilterBindingsArgs { need_results: i32, flags: u32 }

    /// Result of `virConnectListAllNWFilterBindings` (401).
    struct ConnectListAllNwfilterBindingsRet {
        bindings: List<NonnullNwfilterBinding, NWFILTER_BINDING_LIST_MAX>,
        ret: u32,
    }

    /// Arguments of `virNWFilterDefineXMLFlags` (431).
    struct NwfilterDefineXmlFlagsArgs { xml: String, flags: u32 }

    /// Result of `virNWFilterDefineXMLFlags` (431).
    struct NwfilterDefineXmlFlagsRet { nwfilter: NonnullNwfilter }
}
