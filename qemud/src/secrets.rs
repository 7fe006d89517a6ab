//! Values of secrets for a guest, asked from virtsecretd when the guest starts. The daemon asks for itself, so that it is
//! told those of private secrets too; clients cannot ask that way.

use std::time::Duration;

use ::driver::secret::{IV_LEN, KEY_LEN, Key, Value};
use model::domain::Domain as Definition;
use model::domain::device::disk::source::SecretRef;
use protocol::consts::secret_usage_type;
use protocol::procedure::Family;
use protocol::remote::{
    SecretGetValueArgs, SecretGetValueRet, SecretLookupByUsageArgs, SecretLookupByUsageRet,
    SecretLookupByUuidArgs, SecretLookupByUuidRet, rows,
};
use protocol::{ErrorCode, ErrorDomain, Fault};
use rpc::client::Link;
use tokio::time::timeout;

use crate::command::secrets::{Secrets, wanted};
use crate::defaults::facts::QemuConf;
use crate::driver::{Driver, wire_uuid};
use crate::neighbour::{self, Neighbour};

/// Longest time that virtsecretd may take for all values of a guest.
const LIMIT: Duration = Duration::from_secs(30);

/// The secrets that a definition names, ready for QEMU.
///
/// # Errors
/// virtsecretd cannot be reached, or does not know a secret or its value.
pub async fn fetch(driver: &Driver, definition: &Definition, conf: &QemuConf) -> Result<Secrets, Fault> {
    let names = wanted(definition, conf);
    let Some(neighbour) = neighbour::of(Family::Secret).filter(|_| !names.is_empty()) else {
        return Ok(Secrets::default());
    };
    let host_fault = ::driver::fault::host(ErrorDomain::QEMU);
    let mut key = [0; KEY_LEN];
    host::system::random(&mut key).map_err(&host_fault)?;
    let sealed = Key::new(&key).map(Secrets::new);
    key.fill(0);
    let mut secrets = sealed.unwrap_or_default();
    let fetched = async {
        let link = neighbour.for_ourselves(&driver.context).await?;
        for name in names {
            let value = value(&neighbour, &link, &name).await?;
            let mut iv = [0; IV_LEN];
            host::system::random(&mut iv).map_err(&host_fault)?;
            secrets.seal(name, &iv, &value);
        }
        Ok::<(), Fault>(())
    };
    let late = |_| {
        let detail = format!("virtsecretd does not answer for {} seconds", LIMIT.as_secs());
        Fault::new(ErrorDomain::QEMU, ErrorCode::OPERATION_TIMEOUT, detail)
    };
    timeout(LIMIT, fetched).await.map_err(late)??;
    Ok(secrets)
}

async fn value(neighbour: &Neighbour, link: &Link, name: &SecretRef) -> Result<Value, Fault> {
    let found = match name {
        SecretRef::Uuid(uuid) => {
            let args = SecretLookupByUuidArgs { uuid: wire_uuid(*uuid) };
            let found = link.ask::<SecretLookupByUuidRet>(&rows::secret_lookup_by_uuid, &args).await;
            found.map(|found| found.secret)
        }
        SecretRef::Usage(usage) => {
            let args =
                SecretLookupByUsageArgs { usageType: secret_usage_type::VOLUME, usageID: usage.clone() };
            let found = link.ask::<SecretLookupByUsageRet>(&rows::secret_lookup_by_usage, &args).await;
            found.map(|found| found.secret)
        }
    };
    let secret = found.map_err(|error| neighbour.fault(error))?;
    let args = SecretGetValueArgs { secret, flags: 0 };
    let told = link.ask::<SecretGetValueRet>(&rows::secret_get_value, &args).await;
    told.map(|told| Value::new(told.value.into_vec())).map_err(|error| neighbour.fault(error))
}
