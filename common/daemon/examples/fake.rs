//! A daemon without a driver: what the tests of the command line run.
//!
//! It lets clients open a connection, and tells them by CONNECT_GET_HOSTNAME who they are.
//! FAKE_START=fail makes the start fail; FAKE_BUSY=1 keeps the daemon busy, as a running guest would.

use bytes::Bytes;
use protocol::Fault;
use protocol::procedure::Meta;
use protocol::{remote, xdr};
use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;

struct Fake {
    _busy: Option<daemon::Inhibitor>,
}

impl rpc::Service for Fake {
    fn meta(&self, program: u32, version: u32, procedure: i32) -> Result<&'static Meta, rpc::Unknown> {
        rpc::known(program, version, procedure, &[(remote::PROGRAM, 1)])
    }

    fn call(
        self: Arc<Self>,
        call: Arc<rpc::Call>,
        _: Bytes,
    ) -> impl Future<Output = Result<Bytes, Fault>> + Send + 'static {
        let reply = match call.procedure() {
            1 | 2 => Ok(Vec::new()),
            // The reply is a number: no feature is there.
            60 => Ok(vec![0; 4]),
            59 => {
                let identity = call.identity();
                let dname = identity.x509_dname().unwrap_or("no certificate");
                let user = identity.sasl_user().unwrap_or("no name");
                let text = format!("{:?}; {dname}; {user}", call.session().transport());
                xdr::to_vec(&text).map_err(|_| Fault::unknown())
            }
            other => Err(Fault::rpc(format!("procedure {other} is not for a fake"))),
        };
        std::future::ready(reply.map(Bytes::from))
    }
}

async fn start(context: daemon::Context) -> Result<Fake, daemon::BoxError> {
    if std::env::var_os("FAKE_START").is_some_and(|value| value == "fail") {
        return Err("asked to fail".into());
    }
    context.driver_conf("fake.conf")?;
    context.on_reload(|config| {
        Box::pin(async move {
            tracing::info!("reloaded with {} clients", config.main.max_clients);
            Ok(())
        })
    });
    context.on_stop(|| Box::pin(async { tracing::info!("the fake is gone") }));
    let busy = std::env::var_os("FAKE_BUSY").map(|_| context.inhibit("the environment"));
    Ok(Fake { _busy: busy })
}

fn main() -> ExitCode {
    let spec = daemon::Spec {
        name: "virtfaked",
        driver: "fake",
        about: "A daemon for tests.",
        version: "0.0.1",
        remote: true,
    };
    daemon::run(spec, start)
}
