//! A daemon without a driver: what the tests of the command line run.
//!
//! FAKE_START=fail makes the start fail; FAKE_BUSY=1 keeps the daemon busy, as a running guest would.

use bytes::Bytes;
use protocol::Fault;
use protocol::procedure::Meta;
use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;

struct Fake {
    _busy: Option<daemon::Inhibitor>,
}

impl rpc::Service for Fake {
    fn meta(&self, program: u32, version: u32, procedure: i32) -> Result<&'static Meta, rpc::Unknown> {
        rpc::known(program, version, procedure, &[])
    }

    fn call(
        self: Arc<Self>,
        call: Arc<rpc::Call>,
        _: Bytes,
    ) -> impl Future<Output = Result<Bytes, Fault>> + Send + 'static {
        std::future::ready(Err(Fault::rpc(format!("procedure {} is not for a fake", call.procedure()))))
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
    let spec =
        daemon::Spec { name: "virtfaked", driver: "fake", about: "A daemon for tests.", version: "0.0.1" };
    daemon::run(spec, start)
}
