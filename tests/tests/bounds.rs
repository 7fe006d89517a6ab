//! Counts that a client says it has room for, beyond what a reply may hold: refused before anything is looked for, with
//! libvirt's codes. libvirt's own library checks them too, so that they come from other clients only.

use protocol::remote::*;
use protocol::xdr::Uuid;
use protocol::{ErrorCode, ErrorDomain, Fault};
use tests::Instance;
use tests::wire::Wire;

fn open(instance: &Instance) -> Wire {
    let uri = if instance.is_system() { "qemu:///system" } else { "qemu:///session" };
    Wire::open(&instance.socket(), uri).unwrap()
}

fn code<R>(answer: Result<R, Fault>) -> (ErrorCode, ErrorDomain) {
    answer.err().map(|fault| (fault.code, fault.domain)).unwrap()
}

#[test]
fn room_beyond_a_reply_is_refused() {
    let instance = Instance::start();
    let mut client = open(&instance);
    let list = (ErrorCode::RPC, ErrorDomain::RPC);
    let figures = (ErrorCode::INTERNAL_ERROR, ErrorDomain::RPC);
    let dom = || NonnullDomain { name: "none".to_owned(), uuid: Uuid([1; 16]), id: -1 };
    for many in [-1, i32::MAX, 16_385] {
        let args = ConnectListDomainsArgs { maxids: many };
        assert_eq!(code(client.call::<ConnectListDomainsRet>(&rows::connect_list_domains, &args)), list);
        let args = ConnectListDefinedDomainsArgs { maxnames: many };
        let told = client.call::<ConnectListDefinedDomainsRet>(&rows::connect_list_defined_domains, &args);
        assert_eq!(code(told), list);
        let args = NodeGetCellsFreeMemoryArgs { startCell: 0, maxcells: many };
        let told = client.call::<NodeGetCellsFreeMemoryRet>(&rows::node_get_cells_free_memory, &args);
        assert_eq!(code(told), list);
        let args = NodeGetMemoryParametersArgs { nparams: many, flags: 0 };
        let told = client.call::<NodeGetMemoryParametersRet>(&rows::node_get_memory_parameters, &args);
        assert_eq!(code(told), figures);
        let args = NodeGetCpuStatsArgs { cpuNum: -1, nparams: many, flags: 0 };
        assert_eq!(code(client.call::<NodeGetCpuStatsRet>(&rows::node_get_cpu_stats, &args)), figures);
        let args = NodeGetMemoryStatsArgs { cellNum: -1, nparams: many, flags: 0 };
        assert_eq!(code(client.call::<NodeGetMemoryStatsRet>(&rows::node_get_memory_stats, &args)), figures);
        let args = DomainBlockStatsFlagsArgs { dom: dom(), path: "vda".to_owned(), nparams: many, flags: 0 };
        let told = client.call::<DomainBlockStatsFlagsRet>(&rows::domain_block_stats_flags, &args);
        assert_eq!(code(told), figures);
        let args = DomainMemoryStatsArgs { dom: dom(), maxStats: many.cast_unsigned(), flags: 0 };
        assert_eq!(code(client.call::<DomainMemoryStatsRet>(&rows::domain_memory_stats, &args)), figures);
        let args = DomainGetDiskErrorsArgs { dom: dom(), maxerrors: many.cast_unsigned(), flags: 0 };
        assert_eq!(
            code(client.call::<DomainGetDiskErrorsRet>(&rows::domain_get_disk_errors, &args)),
            figures
        );
    }
    // What fits is looked for.
    let args = DomainMemoryStatsArgs { dom: dom(), maxStats: 16, flags: 0 };
    let told = client.call::<DomainMemoryStatsRet>(&rows::domain_memory_stats, &args);
    assert_eq!(code(told), (ErrorCode::NO_DOMAIN, ErrorDomain::QEMU));
    let args = ConnectListDomainsArgs { maxids: 16 };
    let told: ConnectListDomainsRet = client.call(&rows::connect_list_domains, &args).unwrap();
    assert!(told.ids.is_empty());
}
