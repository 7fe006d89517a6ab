//! Secrets: lists, look-ups, documents, values, subscriptions to events.

use driver::{flags, room};
use model::Token;
use model::secret::{Secret as Definition, Usage, UsageType};
use protocol::consts::ConnectListAllSecretsFlags as Want;
use protocol::limits::SECRET_LIST_MAX;
use protocol::remote::*;
use protocol::{ErrorCode, ErrorDomain, Fault};
use rpc::Call;
use uuid::Uuid;

use crate::notify::topic;
use crate::secret::named;
use crate::service::Virtsecretd;
use crate::{define, value};

impl Secret<Call> for Virtsecretd {
    async fn connect_num_of_secrets(&self, _call: &Call) -> Result<ConnectNumOfSecretsRet, Fault> {
        let count = self.driver.secrets.list(|_| true).len();
        Ok(ConnectNumOfSecretsRet { num: i32::try_from(count).unwrap_or(i32::MAX) })
    }

    async fn connect_list_secrets(
        &self,
        _call: &Call,
        args: ConnectListSecretsArgs,
    ) -> Result<ConnectListSecretsRet, Fault> {
        let room = room::of_list(args.maxuuids, SECRET_LIST_MAX, "maxuuids")?;
        let all = self.driver.secrets.list(|_| true);
        let uuids: Vec<String> = all.into_iter().take(room).map(|(uuid, _)| uuid.to_string()).collect();
        Ok(ConnectListSecretsRet { uuids: uuids.into() })
    }

    async fn connect_list_all_secrets(
        &self,
        _call: &Call,
        args: ConnectListAllSecretsArgs,
    ) -> Result<ConnectListAllSecretsRet, Fault> {
        let api = "secretConnectListAllSecrets";
        let flags = flags::check(ErrorDomain::SECRET, api, args.flags, Want::all())?;
        let found = self.driver.secrets.list(|definition| passes(definition, flags));
        if found.len() > SECRET_LIST_MAX {
            let detail = format!("{} secrets do not fit into a list of {SECRET_LIST_MAX}", found.len());
            return Err(Fault::new(ErrorDomain::RPC, ErrorCode::RPC, detail));
        }
        let ret = u32::try_from(found.len()).unwrap_or(u32::MAX);
        let wanted = found.iter().filter(|_| args.need_results != 0);
        let secrets: Vec<NonnullSecret> = wanted.map(|(uuid, definition)| named(*uuid, definition)).collect();
        Ok(ConnectListAllSecretsRet { secrets: secrets.into(), ret })
    }

    async fn secret_lookup_by_uuid(
        &self,
        _call: &Call,
        args: SecretLookupByUuidArgs,
    ) -> Result<SecretLookupByUuidRet, Fault> {
        let secret = self.driver.by_uuid(args.uuid)?;
        Ok(SecretLookupByUuidRet { secret: named(secret.uuid, &*secret.definition()?) })
    }

    async fn secret_lookup_by_usage(
        &self,
        _call: &Call,
        args: SecretLookupByUsageArgs,
    ) -> Result<SecretLookupByUsageRet, Fault> {
        let kind = UsageType::ALL.iter().copied().find(|kind| kind.number() == args.usageType);
        let usage = kind.map(|kind| Usage { kind, id: args.usageID.clone() });
        let found = usage.and_then(|usage| self.driver.secrets.by_usage(&usage));
        let (secret, definition) = found.ok_or_else(|| {
            let detail = format!("no secret with matching usage '{}'", args.usageID);
            Fault::new(ErrorDomain::SECRET, ErrorCode::NO_SECRET, detail)
        })?;
        Ok(SecretLookupByUsageRet { secret: named(secret.uuid, &definition) })
    }

    async fn secret_define_xml(
        &self,
        _call: &Call,
        args: SecretDefineXmlArgs,
    ) -> Result<SecretDefineXmlRet, Fault> {
        let secret = define::define(&self.driver, &args.xml, args.flags).await?;
        Ok(SecretDefineXmlRet { secret })
    }

    async fn secret_undefine(&self, _call: &Call, args: SecretUndefineArgs) -> Result<(), Fault> {
        define::undefine(&self.driver, &args.secret).await
    }

    async fn secret_get_xml_desc(
        &self,
        _call: &Call,
        args: SecretGetXmlDescArgs,
    ) -> Result<SecretGetXmlDescRet, Fault> {
        flags::none(ErrorDomain::SECRET, "secretGetXMLDesc", args.flags)?;
        let definition = self.driver.secret(&args.secret)?.definition()?;
        Ok(SecretGetXmlDescRet { xml: definition.format() })
    }

    async fn secret_set_value(&self, _call: &Call, args: SecretSetValueArgs) -> Result<(), Fault> {
        value::set(&self.driver, args).await
    }

    async fn secret_get_value(
        &self,
        call: &Call,
        args: SecretGetValueArgs,
    ) -> Result<SecretGetValueRet, Fault> {
        let value = value::get(&self.driver, &args, call.identity().is_elevated())?;
        Ok(SecretGetValueRet { value: value.bytes().to_vec().into() })
    }

    async fn connect_secret_event_register_any(
        &self,
        call: &Call,
        args: ConnectSecretEventRegisterAnyArgs,
    ) -> Result<ConnectSecretEventRegisterAnyRet, Fault> {
        let topic = topic(args.eventID).ok_or_else(|| {
            Fault::internal(ErrorDomain::RPC, format!("unsupported secret event ID {}", args.eventID))
        })?;
        // As in the reference the secret need not be there.
        let object = args.secret.map(|named| Uuid::from_bytes(named.uuid.0));
        let id = self.driver.events.subscribe(call.session(), topic, object);
        let id = id.map_err(driver::fault::event(ErrorDomain::RPC))?;
        Ok(ConnectSecretEventRegisterAnyRet { callbackID: id })
    }

    async fn connect_secret_event_deregister_any(
        &self,
        call: &Call,
        args: ConnectSecretEventDeregisterAnyArgs,
    ) -> Result<(), Fault> {
        let ended = self.driver.events.unsubscribe(call.session().id(), "secret", args.callbackID);
        ended.map_err(driver::fault::event(ErrorDomain::RPC))
    }
}

/// Whether a secret passes the filter: of every pair of flags of which one is set, it must hold.
fn passes(definition: &Definition, flags: Want) -> bool {
    let pairs = [
        (Want::EPHEMERAL, Want::NO_EPHEMERAL, definition.ephemeral),
        (Want::PRIVATE, Want::NO_PRIVATE, definition.private),
    ];
    pairs.into_iter().all(|(has, has_not, holds)| {
        !flags.intersects(has | has_not) || flags.contains(if holds { has } else { has_not })
    })
}
