//! The daemon as the RPC server sees it: whose a call is, and the few calls that are answered here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use host::token::SystemToken;
use protocol::consts::{ConnectFlags, drv_feature};
use protocol::procedure::Meta;
use protocol::remote::{
    ConnectIsSecureRet, ConnectOpenArgs, ConnectSupportsFeatureArgs, ConnectSupportsFeatureRet, rows,
};
use protocol::xdr::{self, Xdr};
use protocol::{ErrorDomain, Fault, lxc, qemu, remote};
use rpc::{Call, Service, Session, Transport, Unknown};

use crate::drivers::{self, Driver};
use crate::presence::Presence;
use crate::upstream::Upstream;

/// The programs that clients may call here.
const PROGRAMS: [(u32, u32); 3] =
    [(remote::PROGRAM, remote::VERSION), (qemu::PROGRAM, qemu::VERSION), (lxc::PROGRAM, lxc::VERSION)];

/// What all sessions share.
pub struct Proxy {
    /// The drivers' daemons.
    pub presence: Presence,
    /// Serves the host instead of one user.
    pub system: bool,
    /// What clients get that name no URI; without it the first driver that is there.
    pub uri_default: Option<String>,
    /// By which the daemons of this host know each other.
    pub token: SystemToken,
}

/// virtproxyd's service.
pub struct Virtproxyd {
    /// What all sessions share.
    pub proxy: Arc<Proxy>,
}

/// What a client has opened.
#[derive(Default)]
struct Client {
    opened: Mutex<Option<Arc<Opened>>>,
}

/// An open connection: to the driver of its URI, and to others that calls were for since.
struct Opened {
    primary: Arc<Upstream>,
    others: Mutex<Vec<Arc<Upstream>>>,
}

impl Service for Virtproxyd {
    fn meta(&self, program: u32, version: u32, procedure: i32) -> Result<&'static Meta, Unknown> {
        rpc::known(program, version, procedure, &PROGRAMS)
    }

    fn checks_access(&self) -> bool {
        // The drivers' daemons do, for the identity that goes along.
        true
    }

    async fn call(self: Arc<Self>, call: Arc<Call>, body: Bytes) -> Result<Bytes, Fault> {
        let meta = call.meta();
        if meta.program == remote::PROGRAM {
            if meta.number == rows::connect_open.number {
                return Box::pin(self.open(&call, &body)).await;
            }
            if meta.number == rows::connect_close.number {
                close(call.session());
                return Ok(Bytes::new());
            }
            if meta.number == rows::connect_set_identity.number {
                return Box::pin(self.set_identity(&call, &body)).await;
            }
            if meta.number == rows::connect_is_secure.number && call.session().transport() == Transport::Tcp {
                self.route(&call)?;
                return encode(&ConnectIsSecureRet { secure: 0 });
            }
            if meta.number == rows::connect_supports_feature.number
                && let Some(answer) = own_feature(&call, &body)
            {
                return answer;
            }
        }
        Box::pin(self.route(&call)?.pass_on(&call, body)).await
    }

    fn takes_worker(&self, _meta: &Meta) -> bool {
        // The driver's daemon counts its own; one that hangs must not hold up calls for the others.
        false
    }

    fn session_closed(&self, session: &Session) {
        close(session);
    }
}

impl Virtproxyd {
    /// CONNECT_OPEN: finds the driver by the URI, and opens a connection there.
    async fn open(&self, call: &Call, body: &[u8]) -> Result<Bytes, Fault> {
        let ConnectOpenArgs { name, flags } = decode(body)?;
        let session = call.session();
        let client = session.extension::<Client>();
        if lock(&client.opened).is_some() {
            return Err(Fault::internal(ErrorDomain::RPC, "the connection is open already"));
        }
        let uri = match name.filter(|name| !name.is_empty()) {
            Some(uri) => uri,
            None => self.default_uri()?,
        };
        let driver = drivers::of_uri(&uri)?;
        if ConnectFlags::from_bits_retain(flags).contains(ConnectFlags::RO) {
            session.set_readonly();
        }
        let primary = Upstream::new(Arc::clone(&self.proxy), driver, uri, session);
        primary.open().await?;
        let mut opened = lock(&client.opened);
        if opened.is_some() {
            primary.close();
            return Err(Fault::internal(ErrorDomain::RPC, "the connection is open already"));
        }
        *opened = Some(Arc::new(Opened { primary, others: Mutex::default() }));
        Ok(Bytes::new())
    }

    /// CONNECT_SET_IDENTITY: the drivers are told too, since they decide what the client may do.
    async fn set_identity(&self, call: &Call, body: &[u8]) -> Result<Bytes, Fault> {
        driver::identity::assume(call, &decode(body)?, &self.proxy.token)?;
        let opened = lock(&call.session().extension::<Client>().opened).clone();
        if let Some(opened) = opened {
            let others = lock(&opened.others).clone();
            for upstream in others.iter().chain([&opened.primary]) {
                upstream.tell_identity().await?;
            }
        }
        Ok(Bytes::new())
    }

    /// The URI of a client that names none.
    fn default_uri(&self) -> Result<String, Fault> {
        if let Some(uri) = &self.proxy.uri_default {
            return Ok(uri.clone());
        }
        let found = drivers::hypervisors().find(|driver| self.proxy.presence.is_ready(driver));
        found.map(|driver| self.uri(driver)).ok_or_else(|| drivers::none_for("<null>"))
    }

    fn uri(&self, driver: &Driver) -> String {
        format!("{}:///{}", driver.scheme, if self.proxy.system { "system" } else { "session" })
    }

    /// Whose the call is: that of its family, if the client has opened a driver of guests, which knows no networks.
    fn route(&self, call: &Call) -> Result<Arc<Upstream>, Fault> {
        let opened = lock(&call.session().extension::<Client>().opened).clone();
        let Some(opened) = opened else {
            return Err(Fault::internal(ErrorDomain::RPC, "the connection is not open"));
        };
        let wanted = drivers::of_family(call.meta().family).filter(|_| opened.primary.driver().hypervisor);
        let Some(driver) = wanted else { return Ok(Arc::clone(&opened.primary)) };
        let mut others = lock(&opened.others);
        if let Some(found) = others.iter().find(|other| other.driver() == driver) {
            return Ok(Arc::clone(found));
        }
        let fresh = Upstream::new(Arc::clone(&self.proxy), driver, self.uri(driver), call.session());
        others.push(Arc::clone(&fresh));
        Ok(fresh)
    }
}

/// Keepalive is between a client and this daemon, and descriptors only pass on unix sockets; all other features are the
/// driver's.
fn own_feature(call: &Call, body: &[u8]) -> Option<Result<Bytes, Fault>> {
    match decode::<ConnectSupportsFeatureArgs>(body) {
        Ok(args) if args.feature == drv_feature::PROGRAM_KEEPALIVE => {
            call.session().enable_keepalive();
            Some(encode(&ConnectSupportsFeatureRet { supported: 1 }))
        }
        Ok(args)
            if args.feature == drv_feature::FD_PASSING && call.session().transport() != Transport::Unix =>
        {
            Some(encode(&ConnectSupportsFeatureRet { supported: 0 }))
        }
        Ok(_) => None,
        Err(fault) => Some(Err(fault)),
    }
}

/// Ends what a client has opened.
fn close(session: &Session) {
    let opened = lock(&session.extension::<Client>().opened).take();
    if let Some(opened) = opened {
        opened.primary.close();
        for other in lock(&opened.others).drain(..) {
            other.close();
        }
    }
}

fn decode<T: Xdr>(body: &[u8]) -> Result<T, Fault> {
    xdr::from_slice(body).map_err(|error| Fault::rpc(format!("cannot decode the arguments: {error}")))
}

fn encode(value: &impl Xdr) -> Result<Bytes, Fault> {
    xdr::to_vec(value).map(Bytes::from).map_err(|_| Fault::unknown())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
