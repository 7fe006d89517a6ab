//! Listening on the network: TLS, and what its clients have to prove.

use std::net::TcpListener;
use std::sync::Arc;

use rpc::{Endpoint, EndpointKind, Listener, TlsAcceptor};

use crate::chain;
use crate::config::Auth;
use crate::context::Context;
use crate::tls::{self, TlsError};

/// Accepts clients of these sockets; `true`: they begin with TLS.
///
/// # Errors
/// Certificates cannot be used.
pub(crate) fn listen<S: rpc::Service>(
    context: &Context,
    server: &rpc::Server<S>,
    sockets: &[(TcpListener, bool)],
) -> Result<(), ListenError> {
    let config = context.config();
    let Some(remote) = &config.remote else { return Ok(()) };
    let acceptor = if sockets.iter().any(|(_, tls)| *tls) {
        let acceptor = Arc::new(TlsAcceptor::new(tls::load(&remote.tls, context.paths())?));
        reload_with(context, server, &acceptor);
        Some(acceptor)
    } else {
        None
    };
    for (listener, tls) in sockets {
        let (key, auth) = if *tls { ("auth_tls", remote.auth_tls) } else { ("auth_tcp", remote.auth_tcp) };
        if auth != Auth::None {
            return Err(ListenError::Sasl(key));
        }
        let listener = listener.try_clone()?;
        let listener = match &acceptor {
            Some(acceptor) if *tls => Listener::Tls(listener, Arc::clone(acceptor)),
            _ => Listener::Tcp(listener),
        };
        server.listen(Endpoint::new(EndpointKind::Main, listener, Arc::new(rpc::NoAuth)))?;
    }
    Ok(())
}

/// Why there is nobody at the sockets.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenError {
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("{0}: SASL is not supported by this daemon")]
    Sasl(&'static str),
    #[error("cannot serve")]
    Serve(#[from] std::io::Error),
}

/// Has new sessions use what the files hold then, by the configuration of then.
fn reload_with<S: rpc::Service>(context: &Context, server: &rpc::Server<S>, acceptor: &Arc<TlsAcceptor>) {
    let (context, acceptor) = (context.clone(), Arc::clone(acceptor));
    server.on_update_tls(move || {
        let (context, acceptor) = (context.clone(), Arc::clone(&acceptor));
        Box::pin(async move {
            let read = tokio::task::spawn_blocking(move || {
                let config = context.config();
                let options = config.remote.as_ref().map(|remote| &remote.tls);
                options.map(|options| tls::load(options, context.paths())).transpose()
            });
            match read.await {
                Ok(Ok(Some(settings))) => {
                    acceptor.replace(settings);
                    tracing::info!("certificates are read again");
                    Ok(())
                }
                Ok(Ok(None)) => Ok(()),
                Ok(Err(error)) => Err(chain(&error)),
                Err(error) => Err(error.to_string()),
            }
        })
    });
}
