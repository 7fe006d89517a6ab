//! Definitions: from a client's XML to memory and the disk, and away again.

use std::sync::Arc;

use driver::flags;
use model::secret::{Secret as Definition, Usage};
use protocol::consts::SecretDefineFlags;
use protocol::remote::NonnullSecret;
use protocol::{ErrorDomain, Fault};
use uuid::Uuid;

use crate::driver::Driver;
use crate::notify::{self, Lifecycle};
use crate::secret::{Secret, State, named};

/// Define a secret, or define it anew (procedure 142).
pub async fn define(driver: &Driver, text: &str, bits: u32) -> Result<NonnullSecret, Fault> {
    let known = SecretDefineFlags::all();
    let flags = flags::check(ErrorDomain::SECRET, "secretDefineXML", bits, known)?;
    let tree = Definition::tree(text).map_err(driver::fault::xml)?;
    let mut definition = Definition::read(&tree).map_err(driver::fault::xml)?;
    validate(driver, tree, flags.contains(SecretDefineFlags::VALIDATE)).await?;
    let uuid = *definition.uuid.get_or_insert_with(Uuid::new_v4);
    loop {
        let secret = driver.secrets.find_or_insert(uuid, &definition.usage)?;
        let job = secret.begin("virSecretDefineXML").await;
        // Whoever waited may find that the secret was removed meanwhile: then it is a new one.
        if job.is_ok() && !driver.secrets.holds(&secret) {
            continue;
        }
        let stored = match &job {
            Ok(_) => store(driver, &secret, &definition).await,
            Err(fault) => Err(fault.clone()),
        };
        if stored.is_err() {
            driver.secrets.forget_if_empty(&secret, &definition.usage);
        }
        return stored;
    }
}

/// Write the definition, and with it the value where that comes to the disk or leaves it; then publish it.
async fn store(
    driver: &Driver,
    secret: &Arc<Secret>,
    definition: &Definition,
) -> Result<NonnullSecret, Fault> {
    let (old, value) = {
        let state = secret.lock();
        (state.definition.clone(), state.value.clone())
    };
    if let Some(old) = &old {
        check_redefinition(secret.uuid, old, definition)?;
    }
    let was_ephemeral = old.as_ref().map(|old| old.ephemeral);
    let (uuid, stored) = (secret.uuid, definition.clone());
    driver
        .on_disk(move |storage| {
            if stored.ephemeral {
                return if was_ephemeral == Some(false) { storage.remove(uuid) } else { Ok(()) };
            }
            match value.filter(|_| was_ephemeral == Some(true)) {
                // The value first: one without a definition is swept, a definition without its value would have lost it.
                Some(value) => storage.save_value(uuid, &value)?,
                // What an older secret of this UUID may have left.
                None if was_ephemeral.is_none() => storage.remove_value(uuid)?,
                None => {}
            }
            storage.save(uuid, &stored)
        })
        .await?;
    publish(driver, secret, definition.clone(), old.as_deref().map(|old| &old.usage))
}

fn publish(
    driver: &Driver,
    secret: &Secret,
    definition: Definition,
    old_usage: Option<&Usage>,
) -> Result<NonnullSecret, Fault> {
    if let Some(old) = old_usage {
        driver.secrets.change_usage(secret.uuid, old, &definition.usage);
    }
    let named = named(secret.uuid, &definition);
    let mut state = secret.lock();
    set_definition(driver, secret.uuid, &mut state, definition);
    notify::lifecycle(driver, &named, Lifecycle::Defined);
    Ok(named)
}

/// Make `definition` the secret's, and hold off the daemon's idle exit if its end would lose the secret.
pub fn set_definition(driver: &Driver, uuid: Uuid, state: &mut State, definition: Definition) {
    if definition.ephemeral {
        state.inhibitor.get_or_insert_with(|| driver.context.inhibit(format!("ephemeral secret {uuid}")));
    } else {
        state.inhibitor = None;
    }
    state.definition = Some(Arc::new(definition));
}

/// A secret may get another description, and become private: what it is for stays, and what is private stays so.
fn check_redefinition(uuid: Uuid, old: &Definition, new: &Definition) -> Result<(), Fault> {
    let refused = |detail: String| Err(Fault::internal(ErrorDomain::SECRET, detail));
    if old.usage.id != new.usage.id {
        let what = if old.usage.id.is_empty() { "(null)" } else { &old.usage.id };
        return refused(format!("a secret with UUID {uuid} is already defined for use with {what}"));
    }
    if old.private && !new.private {
        return refused(format!("cannot change private flag on existing secret {uuid}"));
    }
    Ok(())
}

/// Remove a secret with its value (procedure 146).
pub async fn undefine(driver: &Driver, wanted: &NonnullSecret) -> Result<(), Fault> {
    let secret = driver.secret(wanted)?;
    let _job = secret.begin("virSecretUndefine").await?;
    let definition = secret.definition()?;
    if !definition.ephemeral {
        let uuid = secret.uuid;
        driver.on_disk(move |storage| storage.remove(uuid)).await?;
    }
    {
        let mut state = secret.lock();
        *state = State::default();
        notify::lifecycle(driver, &named(secret.uuid, &definition), Lifecycle::Undefined);
    }
    driver.secrets.forget_if_empty(&secret, &definition.usage);
    Ok(())
}

/// Hold a client's document against the installed schema, if it is `wanted`.
#[cfg(feature = "validate")]
async fn validate(driver: &Driver, tree: model::xml::Element, wanted: bool) -> Result<(), Fault> {
    if wanted { driver.schemas.check("secret.rng", tree).await } else { Ok(()) }
}

/// This build has no validator: say so instead of passing over the wish.
#[cfg(not(feature = "validate"))]
async fn validate(_driver: &Driver, _tree: model::xml::Element, wanted: bool) -> Result<(), Fault> {
    if wanted {
        let detail = "this build does not validate XML against its schema";
        return Err(Fault::new(ErrorDomain::SECRET, protocol::ErrorCode::CONFIG_UNSUPPORTED, detail));
    }
    Ok(())
}
