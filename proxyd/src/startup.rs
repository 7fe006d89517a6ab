//! The daemon's start.

use std::sync::Arc;

use crate::presence::Presence;
use crate::service::{Proxy, Virtproxyd};

/// The file in which administrators say which URI clients get that name none.
const CLIENT_CONF: &str = "libvirt.conf";

/// Make the service.
pub async fn start(context: daemon::Context) -> Result<Virtproxyd, daemon::BoxError> {
    let reader = context.clone();
    let conf = tokio::task::spawn_blocking(move || reader.driver_conf(CLIENT_CONF)).await??;
    let named = std::env::var("LIBVIRT_DEFAULT_URI").ok().filter(|uri| !uri.is_empty());
    let uri_default = match named {
        Some(named) => Some(named),
        None => conf.text("uri_default")?.filter(|uri| !uri.is_empty()),
    };
    let paths = context.paths();
    let presence = Presence::new(paths);
    Ok(Virtproxyd {
        proxy: Arc::new(Proxy {
            presence,
            system: paths.is_system(),
            uri_default,
            token: context.system_token().clone(),
        }),
    })
}
