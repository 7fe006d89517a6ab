//! Values: set by clients, told to them unless they are private.

use std::sync::Arc;

use driver::flags;
use driver::secret::Value;
use protocol::remote::{SecretGetValueArgs, SecretSetValueArgs};
use protocol::{ErrorCode, ErrorDomain, Fault};

use crate::driver::Driver;
use crate::notify;
use crate::secret::named;

/// Set the value of a secret (procedure 144).
pub async fn set(driver: &Driver, args: SecretSetValueArgs) -> Result<(), Fault> {
    let value = Arc::new(Value::new(args.value.into_vec()));
    if value.bytes().is_empty() {
        return Err(Fault::invalid_arg(ErrorDomain::SECRET, "the value of a secret must not be empty"));
    }
    flags::none(ErrorDomain::SECRET, "secretSetValue", args.flags)?;
    let secret = driver.secret(&args.secret)?;
    let _job = secret.begin("virSecretSetValue").await?;
    let definition = secret.definition()?;
    if !definition.ephemeral {
        let (uuid, value) = (secret.uuid, Arc::clone(&value));
        driver.on_disk(move |storage| storage.save_value(uuid, &value)).await?;
    }
    let mut state = secret.lock();
    state.value = Some(value);
    notify::value_changed(driver, &named(secret.uuid, &definition));
    Ok(())
}

/// The value of a secret (procedure 145); that of a private one only if `is_daemon`: a daemon of this host asks for
/// purposes of its own, which it has shown by the system token.
pub fn get(driver: &Driver, args: &SecretGetValueArgs, is_daemon: bool) -> Result<Arc<Value>, Fault> {
    flags::none(ErrorDomain::SECRET, "secretGetValue", args.flags)?;
    let secret = driver.secret(&args.secret)?;
    let definition = secret.definition()?;
    if definition.private && !is_daemon {
        let detail = "secret is private";
        return Err(Fault::new(ErrorDomain::SECRET, ErrorCode::INVALID_SECRET, detail));
    }
    let value = secret.lock().value.clone();
    value.ok_or_else(|| {
        let detail = format!("secret '{}' does not have a value", secret.uuid);
        Fault::new(ErrorDomain::SECRET, ErrorCode::NO_SECRET, detail)
    })
}
