//! The daemon's start: secret.conf, and the secrets on disk; both again when it is asked to reload.

use std::sync::Arc;

use driver::documents::blocking;
use uuid::Uuid;

use crate::config;
use crate::define;
use crate::driver::Driver;
use crate::service::Virtsecretd;
use crate::storage::{Found, Storage};

/// Make the service: read what is on disk.
///
/// # Errors
/// A directory that cannot be made or read, or a key for values that cannot be used.
pub async fn start(context: daemon::Context) -> Result<Virtsecretd, daemon::BoxError> {
    let paths = Arc::clone(context.paths());
    let document = context.driver_conf("secret.conf")?;
    let usual = paths.secrets_key();
    let key = tokio::task::spawn_blocking(move || config::key(&document, &usual)).await??;
    let storage = Storage::new(paths.definition_dir.clone(), key);
    let driver = Driver::new(context, storage);
    load(&driver).await?;
    let reloaded = Arc::clone(&driver);
    driver.context.on_reload(move |_| {
        let driver = Arc::clone(&reloaded);
        Box::pin(async move { load(&driver).await })
    });
    Ok(Virtsecretd { driver })
}

/// Take what is on disk for what counts. A secret that cannot be read is left where it is and named in the log.
async fn load(driver: &Driver) -> Result<(), daemon::BoxError> {
    let storage = Arc::clone(&driver.storage);
    for found in blocking(move || storage.load()).await? {
        let problem = match found {
            Ok(found) => register(driver, found).await.err().map(|fault| fault.message),
            Err(problem) => Some(problem),
        };
        if let Some(problem) = problem {
            tracing::error!(target: "secret", "a secret is left alone: {problem}");
        }
    }
    Ok(())
}

async fn register(driver: &Driver, found: Found) -> Result<(), protocol::Fault> {
    let Found { definition, value } = found;
    let uuid = definition.uuid.unwrap_or_else(Uuid::nil);
    let secret = driver.secrets.find_or_insert(uuid, &definition.usage)?;
    let _job = secret.begin("reload").await?;
    let old = secret.lock().definition.clone();
    if let Some(old) = old {
        driver.secrets.change_usage(uuid, &old.usage, &definition.usage);
    }
    let mut state = secret.lock();
    define::set_definition(driver, uuid, &mut state, definition);
    state.value = value.map(Arc::new);
    Ok(())
}
