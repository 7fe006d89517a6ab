//! Subscriptions to domain events, in the older forms without callback id and in the newer one.

use protocol::remote::*;
use protocol::{ErrorDomain, Fault};
use rpc::Call;
use uuid::Uuid;

use crate::notify::{check_event_id, topic};
use crate::service::Virtqemud;

/// The lifecycle event's id, the only one of the oldest form.
const LIFECYCLE: i32 = protocol::consts::domain_event_id::LIFECYCLE;

impl DomainEvents<Call> for Virtqemud {
    async fn connect_domain_event_register(
        &self,
        call: &Call,
    ) -> Result<ConnectDomainEventRegisterRet, Fault> {
        self.subscribe_plain(call, LIFECYCLE)?;
        Ok(ConnectDomainEventRegisterRet { cb_registered: 1 })
    }

    async fn connect_domain_event_deregister(
        &self,
        call: &Call,
    ) -> Result<ConnectDomainEventDeregisterRet, Fault> {
        self.unsubscribe_plain(call, LIFECYCLE)?;
        Ok(ConnectDomainEventDeregisterRet { cb_registered: 0 })
    }

    async fn connect_domain_event_register_any(
        &self,
        call: &Call,
        args: ConnectDomainEventRegisterAnyArgs,
    ) -> Result<(), Fault> {
        self.subscribe_plain(call, args.eventID)
    }

    async fn connect_domain_event_deregister_any(
        &self,
        call: &Call,
        args: ConnectDomainEventDeregisterAnyArgs,
    ) -> Result<(), Fault> {
        self.unsubscribe_plain(call, args.eventID)
    }

    async fn connect_domain_event_callback_register_any(
        &self,
        call: &Call,
        args: ConnectDomainEventCallbackRegisterAnyArgs,
    ) -> Result<ConnectDomainEventCallbackRegisterAnyRet, Fault> {
        check_event_id(args.eventID)?;
        // As in the reference the domain need not be there: its next namesake in UUID is meant as well.
        let object = args.dom.map(|named| Uuid::from_bytes(named.uuid.0));
        let id =
            self.driver.events.subscribe(&self.driver.access.listener(call), topic(args.eventID), object);
        let id = id.map_err(::driver::fault::event(ErrorDomain::RPC))?;
        Ok(ConnectDomainEventCallbackRegisterAnyRet { callbackID: id })
    }

    async fn connect_domain_event_callback_deregister_any(
        &self,
        call: &Call,
        args: ConnectDomainEventCallbackDeregisterAnyArgs,
    ) -> Result<(), Fault> {
        let ended = self.driver.events.unsubscribe(call.session().id(), "domain", args.callbackID);
        ended.map_err(::driver::fault::event(ErrorDomain::RPC))
    }
}

impl Virtqemud {
    fn subscribe_plain(&self, call: &Call, id: i32) -> Result<(), Fault> {
        check_event_id(id)?;
        let subscribed = self.driver.events.subscribe_plain(&self.driver.access.listener(call), topic(id));
        subscribed.map_err(::driver::fault::event(ErrorDomain::RPC))
    }

    fn unsubscribe_plain(&self, call: &Call, id: i32) -> Result<(), Fault> {
        check_event_id(id)?;
        let ended = self.driver.events.unsubscribe_plain(call.session().id(), topic(id));
        ended.map_err(::driver::fault::event(ErrorDomain::RPC))
    }
}
