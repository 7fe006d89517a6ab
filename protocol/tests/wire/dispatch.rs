//! A family's trait, dispatch and client stub together: a client calls a driver over a transport that is a
//! function.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use protocol::remote::{self, domain_lifecycle, network};
use protocol::remote::{
    ConnectListAllDomainsArgs, DomainCreateArgs, DomainLifecycle, DomainLookupByNameArgs,
    DomainLookupByNameRet, NonnullDomain,
};
use protocol::{ClientError, ErrorCode, ErrorDomain, Fault, Meta, Transport, Uuid, xdr};

struct Domains;

/// Stands for the context of a call: who calls.
struct Caller(&'static str);

impl DomainLifecycle<Caller> for Domains {
    async fn domain_lookup_by_name(
        &self,
        call: &Caller,
        args: DomainLookupByNameArgs,
    ) -> Result<DomainLookupByNameRet, Fault> {
        if args.name != "vm" {
            let detail = format!("no domain with matching name '{}' for {}", args.name, call.0);
            return Err(Fault::new(ErrorDomain::QEMU, ErrorCode::NO_DOMAIN, detail));
        }
        Ok(DomainLookupByNameRet { dom: NonnullDomain { name: args.name, uuid: Uuid([7; 16]), id: 3 } })
    }
}

struct Direct(Domains);

impl Transport for Direct {
    async fn call(&self, meta: &'static Meta, body: Vec<u8>) -> Result<Bytes, ClientError> {
        let answer = domain_lifecycle::dispatch(&self.0, &Caller("me"), meta.number, &body).await;
        Ok(answer.ok_or_else(|| ClientError::Closed("no such procedure".to_owned()))??.into())
    }
}

/// None of the futures here ever waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("pending"),
    }
}

fn dispatch(number: i32, body: &[u8]) -> Option<Result<Vec<u8>, Fault>> {
    now(domain_lifecycle::dispatch(&Domains, &Caller("me"), number, body))
}

#[test]
fn client_and_driver_meet() {
    let client = remote::Client::over(Direct(Domains));
    let found = now(client.domain_lookup_by_name(&DomainLookupByNameArgs { name: "vm".to_owned() }));
    assert_eq!(found.map(|ret| ret.dom.id), Ok(3));
    let missing = now(client.domain_lookup_by_name(&DomainLookupByNameArgs { name: "x".to_owned() }));
    let Err(ClientError::Fault(fault)) = missing else { panic!("{missing:?}") };
    assert_eq!(fault.message, "Domain not found: no domain with matching name 'x' for me");
}

#[test]
fn what_a_driver_lacks_is_not_supported() {
    let dom = NonnullDomain { name: "vm".to_owned(), uuid: Uuid::default(), id: -1 };
    let body = xdr::to_vec(&DomainCreateArgs { dom }).expect("fits");
    let fault = dispatch(9, &body).expect("of this family").expect_err("no such method");
    assert_eq!(fault, Fault::unsupported(ErrorDomain::DOMAIN, "virDomainCreate"));
    assert_eq!(fault.message, "this function is not supported by the connection driver: virDomainCreate");
    // Without arguments, too.
    let fault = dispatch(51, &[]).expect("of this family").expect_err("no such method");
    assert_eq!(fault.code, ErrorCode::NO_SUPPORT);
}

#[test]
fn arguments_that_do_not_decode() {
    for body in [&[][..], &[0, 0, 0, 9], &[0xff; 20]] {
        let fault = dispatch(23, body).expect("of this family").expect_err("malformed");
        assert_eq!((fault.code, fault.domain), (ErrorCode::RPC, ErrorDomain::RPC), "{}", fault.message);
    }
    let name = xdr::to_vec(&"vm".to_owned()).expect("fits");
    assert!(
        dispatch(23, &[&name[..], &[1, 2, 3]].concat()).expect("of this family").is_ok(),
        "left-over bytes"
    );
}

#[test]
fn numbers_of_other_families_are_left_alone() {
    for number in [i32::MIN, -1, 0, 1, 40, 107, 457, i32::MAX] {
        assert_eq!(dispatch(number, &[]), None);
    }
    let ours: Vec<_> = domain_lifecycle::ROWS.iter().map(|meta| meta.number).collect();
    for number in 1..=456 {
        assert_eq!(dispatch(number, &[0; 64]).is_some(), ours.contains(&number), "{number}");
    }
    assert!(network::EVENTS.iter().all(|meta| meta.event));
}

#[test]
fn replies_over_a_limit_are_errors() {
    struct TooMany;
    impl DomainLifecycle<()> for TooMany {
        async fn connect_list_all_domains(
            &self,
            (): &(),
            _: ConnectListAllDomainsArgs,
        ) -> Result<remote::ConnectListAllDomainsRet, Fault> {
            let dom = NonnullDomain { name: String::new(), uuid: Uuid::default(), id: 1 };
            Ok(remote::ConnectListAllDomainsRet {
                domains: vec![dom; 16_385].into_iter().collect(),
                ret: 16_385,
            })
        }
    }
    let answer = now(domain_lifecycle::dispatch(&TooMany, &(), 273, &[0; 8])).expect("of this family");
    assert_eq!(answer.map_err(|fault| fault.code), Err(ErrorCode::RPC));
}

#[test]
fn futures_stay_small() {
    let size = size_of_val(&domain_lifecycle::dispatch(&Domains, &Caller("me"), 9, &[]));
    assert!(size <= 512, "{size} bytes");
}
